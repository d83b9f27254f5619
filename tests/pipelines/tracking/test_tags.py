"""Tag keys are stored in people's databases: each is written once and does not change."""

from pipelines.tracking import tags

KEYS = {name: value for name, value in vars(tags).items() if name.isupper()}


def test_no_two_keys_of_one_kind_are_the_same():
    texts = [value for value in KEYS.values() if isinstance(value, str)]
    assert len(texts) == len(set(texts))


def test_the_changes_of_a_copied_entry_are_read_from_its_prefix():
    found = {"set.epochs": "5", "set.seeds": "2", "variant": "mnist_ann", "subset.x": "1"}
    assert tags.changes_of(found) == {"epochs": "5", "seeds": "2"}


def test_a_setting_is_kept_under_a_name_that_mlflow_takes_and_read_back(store):
    changes = {"layers.0+": "dense 8 tanh", "layers.0": "none", "layers.0.units": "3"}
    with store.run(store.experiment("neurons"), "a", tags.of_changes(changes)) as run_id:
        for key in changes:
            store.client.log_param(run_id, tags.name_of_setting(key), "1")
    assert tags.changes_of(store.client.get_run(run_id).data.tags) == changes


def test_former_names_lead_to_todays_numbers():
    assert set(tags.FORMER_NAMES.values()) <= set(tags.GATE_NUMBERS)
    assert not tags.FORMER_NAMES.keys() & set(tags.GATE_NUMBERS)
