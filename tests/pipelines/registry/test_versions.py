"""A version is what MLflow stores of it, with names for what is read most."""

import pytest

from mlflow_reader.entities import ModelVersion
from pipelines.errors import RegistryError
from pipelines.registry.versions import Version


def version(**tags: str) -> Version:
    return Version("mnist-digits", "3", "a run", (), tags)


def test_it_is_named_by_model_and_number():
    assert str(version()) == "mnist-digits version 3"


def test_its_tags_have_names():
    found = version(data="mnist", variant="mnist_cnn", decision="refused", reasons="worse\nslower")
    assert (found.data_source, found.variant) == ("mnist", "mnist_cnn")
    assert (found.decision, found.reasons) == ("refused", ["worse", "slower"])


def test_what_another_tool_registered_is_of_no_variant_and_undecided():
    assert (version().variant, version().decision, version().reasons) == ("", "undecided", [])
    assert version().metrics == {}


def test_the_gates_numbers_are_found_under_their_former_name_too():
    found = version(val_accuracy="0.98", val_mistakes="7", seed="4")
    assert found.metrics == {"val_accuracy": 0.98, "val_errors": 7.0}


def test_a_number_that_another_tool_wrote_as_text_is_left_out():
    found = version(val_accuracy="98.1 %", onnx_ms="0.25", p_value="")
    assert found.metrics == {"onnx_ms": 0.25}


def test_its_accuracy_under_each_corruption_is_a_number():
    found = version(robustness_by_corruption='{"noise": 0.91, "shifted": "0.5"}')
    assert found.robustness == {"noise": 0.91, "shifted": 0.5}


@pytest.mark.parametrize("text", ["91 %", '{"noise": "91 %"}', '{"noise": null}', "[0.91]"])
def test_of_accuracies_that_another_tool_wrote_in_its_own_way_none_is_known(text):
    assert version(robustness_by_corruption=text).robustness == {}
    assert version().robustness == {}


def test_a_version_that_does_not_say_on_what_it_was_trained_is_named_with_what_to_do():
    with pytest.raises(RegistryError, match=r"mnist-digits version 3 has no tag data.*`ann models"):
        _ = version().data_source


def test_an_entry_of_the_registry_gets_the_aliases_that_name_its_number():
    entry = ModelVersion("mnist-digits", "3", "", {}, 0)
    aliases = {"previous": "3", "champion": "4", "challenger": "3"}
    found = Version.of(entry, aliases)
    assert (found.number, found.run_id) == ("3", "")
    assert found.aliases == ("challenger", "previous")
