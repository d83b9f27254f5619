"""A run out of a file that `exporting` wrote, into this store.

MLflow gives what is imported new ids and numbers; tags say what it was where it comes from:
`imported_run_id` and `imported_sha256` (of the file) on run and versions, `imported_version` on
versions. What the gate decided there is kept as `origin_decision`, `origin_reasons`, …: the gate
here has not decided yet, and no alias moves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModel,
    LoggedModelOutput,
    Metric,
    Param,
)
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from ann_models import datasets
from ann_models.entry import Question
from ann_models.errors import AnnError, UnknownName
from ann_models.questions import QUESTIONS
from pipelines.candidate import DIGITS
from pipelines.errors import WrongUse, format_error
from pipelines.home import sha256
from pipelines.registry.artifact_reader import (
    ARCHIVES,
    HASHED,
    PROBE_TOLERANCE,
    probe_difference,
    read_archive,
)
from pipelines.registry.client import MODEL_NAMES, Registry
from pipelines.registry.versions import Version
from pipelines.tracking import tags
from pipelines.tracking.client import QUICK_LOOK, Tracking
from pipelines.transfer import bundle

LINKS = re.compile(r"( (· )?\[[^]]*\]\(#[^)]*\))+$")  # to views, which an experiment's note ends in
FACTS = {tags.ONNX_MS, tags.ONNX_DIFFERENCE}  # among the gate's numbers: known before it was asked
OPINIONS = {
    *(tags.DECISION, tags.REASONS, tags.FORCED_REASON, tags.ROLLED_BACK),
    *tags.GATE_NUMBERS,
    *tags.FORMER_NAMES,
} - FACTS
FLAVOURS = {"python_function", "keras", "onnx"}
LOADERS = {"mlflow.keras", "mlflow.onnx", "pipelines.registry.pyfunc"}
VALIDATION = {  # digits in validation.npz, by data source
    "mnist": datasets.MNIST_VALIDATION,
    "offline-digits": datasets.OFFLINE_VALIDATION,
}


@dataclass(frozen=True)
class Imported:
    """What a file became: a run, and versions that nobody here has judged.

    Attributes:
        run_id: the new run's, or that of an earlier import of the same file.
        new: whether it was imported now.
        versions: its registered versions.
    """

    run_id: str
    new: bool
    versions: list[Version]


def import_file(tracking: Tracking, reg: Registry, unpacked: bundle.Unpacked) -> Imported:
    """Make a run of a file, and versions of its registered models; the same file only once.

    Raises:
        WrongUse: the file holds what no run of this project has.
    """
    manifest, folder = unpacked.manifest, unpacked.folder
    origin = {tags.IMPORTED_RUN_ID: manifest.run.id, tags.IMPORTED_SHA256: unpacked.sha256}
    try:
        _check(manifest, folder)
    except (WrongUse, AnnError, MlflowException, ValueError) as error:
        raise WrongUse(f"{unpacked.file} cannot be imported: {format_error(error)}") from error
    experiment = _experiment(tracking, manifest)  # one that was deleted returns, with its runs
    if earlier := _earlier(tracking, reg, unpacked.sha256):
        return earlier
    return _import(tracking, reg, experiment, manifest, folder, origin)


def _import(
    tracking: Tracking,
    reg: Registry,
    experiment: str,
    manifest: bundle.Manifest,
    folder: Path,
    origin: dict[str, str],
) -> Imported:
    source, client = manifest.run, tracking.client
    versions = []
    with tracking.run(experiment, source.name, {}, source.start) as run_id:
        params = [Param(name, value) for name, value in source.params.items()]
        client.log_batch(run_id, params=params)
        client.log_batch(run_id, metrics=[Metric(*metric) for metric in source.metrics])
        client.log_inputs(run_id, [_dataset_input(data) for data in source.inputs])
        client.log_artifacts(run_id, str(folder / "run"))
        logged = []
        for i, model in enumerate(manifest.models):
            entry = client.create_logged_model(
                experiment, model.name, run_id, model.tags, model.params
            )
            files = folder / "models" / str(i)
            _rename(files / "MLmodel", entry)
            client.log_model_artifacts(entry.model_id, str(files))
            client.finalize_logged_model(entry.model_id, "READY")
            logged.append(entry)
        outputs = [LoggedModelOutput(entry.model_id, step=0) for entry in logged]
        client.log_outputs(run_id, outputs)
        for version in manifest.versions:
            there = {tags.IMPORTED_VERSION: f"{version.name}/{version.number}"}
            about = {
                tags.ORIGIN + name if name in OPINIONS else name: value
                for name, value in version.tags.items()
            }
            versions.append(reg.add(logged[version.model], run_id, about | origin | there))
        # The run's pictures are named by its id.
        about = {name: v.replace(source.id, run_id) for name, v in source.tags.items()} | origin
        for name, value in about.items():
            client.set_tag(run_id, name, value)
    client.set_terminated(run_id, source.status, source.end)
    if _trains_a_variant(manifest):
        _stand_for_variant(tracking, run_id, experiment, source)
    return Imported(run_id, True, versions)


def _trains_a_variant(manifest: bundle.Manifest) -> bool:
    """Whether the run is of a kind that can be compared: no overview, trial or challenger."""
    own = manifest.question in QUESTIONS or _is_of_ones_own(manifest)
    return own and {tags.VARIANT, tags.SEEDS} <= manifest.run.tags.keys()


def _is_of_ones_own(manifest: bundle.Manifest) -> bool:
    """Whether its question is none of the lecture's; other experiments have their title as one."""
    return manifest.question not in ("", manifest.experiment, *QUESTIONS)


def _stand_for_variant(
    tracking: Tracking, run_id: str, experiment: str, source: bundle.Run
) -> None:
    """Let the run be compared with others, unless this store has one of its variant."""
    variant = source.tags[tags.VARIANT]
    known = f"tags.{tags.VARIANT} = '{variant}' AND tags.{tags.LATEST} = 'true'"
    if source.status == "FINISHED" and not tracking.client.search_runs([experiment], known):
        tracking.make_newest(run_id, variant, experiment)


def _earlier(tracking: Tracking, reg: Registry, digest: str) -> Imported | None:
    """What an earlier import of the same file made, if it came to its end."""
    for run in tracking.runs(f"tags.{tags.IMPORTED_SHA256} = '{digest}'"):
        run_id = run.info.run_id
        found = tracking.client.search_model_versions(f"run_id = '{run_id}'")
        return Imported(run_id, False, [reg.version(v.name, str(v.version)) for v in found])
    return None


def _experiment(tracking: Tracking, manifest: bundle.Manifest) -> str:
    """The experiment of the run's question; one that this store has keeps its tags."""
    title = manifest.experiment.removesuffix(QUICK_LOOK)
    quick = title != manifest.experiment
    if manifest.question in QUESTIONS or _is_of_ones_own(manifest):
        try:
            return tracking.experiment(manifest.question, quick)
        except UnknownName:
            pass  # a question of one's own that is new here
    found = tracking.find_experiment(manifest.experiment)
    if found and found.tags.get(tags.QUESTION):
        return str(found.experiment_id)
    look_at = LINKS.sub("", manifest.note)
    if _is_of_ones_own(manifest):
        return tracking.add_question(Question(manifest.question, title, look_at), quick)
    return tracking.monitoring_experiment(manifest.experiment, look_at)


def _dataset_input(data: bundle.DataInput) -> DatasetInput:
    entity = Dataset(data.name, data.digest, data.source_type, data.source, profile=data.profile)
    return DatasetInput(entity, [InputTag(tags.DATA_CONTEXT, data.context)])


def _rename(path: Path, entry: LoggedModel) -> None:
    """Write the model's new ids into MLflow's description of it."""
    card = Model.load(str(path))
    card.model_id = card.model_uuid = entry.model_id
    card.run_id, card.artifact_path = entry.source_run_id, entry.artifact_location
    card.save(str(path))


# --- what is checked ------------------------------------------------------------------------------


def _check(manifest: bundle.Manifest, folder: Path) -> None:
    """Refuse what no run of this project has.

    Raises:
        WrongUse, InvalidData, MlflowException: what is wrong.
    """
    (folder / "run").mkdir(exist_ok=True)
    if manifest.run.status not in ("FINISHED", "FAILED", "KILLED"):
        raise WrongUse(f"its run is {manifest.run.status!r}, not ended")
    _check_names(manifest)
    for i in range(len(manifest.models)):
        _check_model(folder / "models" / str(i))
    for version in manifest.versions:
        if not 0 <= version.model < len(manifest.models):
            raise WrongUse(f"{version.name}/{version.number} has no model")
        _check_source(version, manifest.run)
        _check_forms(version, folder / "models" / str(version.model))


def _check_names(manifest: bundle.Manifest) -> None:
    """MLflow's filters, with which runs are found by these names, know no quotation mark in one."""
    question = manifest.question if _is_of_ones_own(manifest) else ""
    for name in (question, manifest.run.tags.get(tags.VARIANT, "")):
        if "'" in name:
            raise WrongUse(f"its question or entry is {name!r}; no name has a quotation mark")


def _check_model(folder: Path) -> None:
    """No code is named that loading the model would run."""
    module = folder / "data" / "keras_module.txt"
    try:
        card = Model.load(str(folder / "MLmodel"))
        python = card.flavors.get("python_function", {})
        known = (
            set(card.flavors) <= FLAVOURS
            and python.get("loader_module") in LOADERS
            and not any(flavour.get("code") for flavour in card.flavors.values())
            and (not module.exists() or module.read_text() == "keras")
        )
    except Exception as error:  # MLflow checks nothing of what it reads
        raise WrongUse(f"its MLmodel cannot be read ({format_error(error)})") from error
    if not known:
        raise WrongUse("its MLmodel names code other than Keras's and ONNX Runtime's loaders")


def _check_source(version: bundle.Version, run: bundle.Run) -> None:
    """Every tag, parameter and input that names the source of its digits names the same one."""
    sources = {version.tags.get(tags.VERSION_DATA_SOURCE)}
    sources |= {found.get(tags.DATA_SOURCE) for found in (run.tags, run.params)}
    sources |= {data.source_type for data in run.inputs if data.context == "training"}
    expected = next((s for s, name in MODEL_NAMES.items() if name == version.name), None)
    if expected is None or sources != {expected}:
        found = ", ".join(sorted(str(source) for source in sources))
        raise WrongUse(f"it is to be a version of {version.name}, and was trained on: {found}")


def _check_forms(version: bundle.Version, folder: Path) -> None:
    """Both forms are those that were registered, and ONNX Runtime answers as it did then."""
    found = {}
    for tag, path in (HASHED | ARCHIVES).items():
        name = f"{path} of {version.name}/{version.number}"
        if not (folder / path).is_file():
            if tag == tags.PEOPLE_SHA256 and not {tag, tags.PEOPLE_DIGEST} & version.tags.keys():
                continue  # registered before that was measured
            raise WrongUse(f"{name} is missing")
        if tag in {*HASHED, *version.tags} and sha256(folder / path) != version.tags.get(tag):
            raise WrongUse(f"{name} is not what its tag names")
        if tag in ARCHIVES:
            try:
                found[tag] = read_archive(folder / path, tag)
            except ValueError as error:
                raise WrongUse(f"{name} {error}") from error
    expected = VALIDATION[version.tags[tags.VERSION_DATA_SOURCE]], DIGITS
    if found[tags.VALIDATION_SHA256]["probabilities"].shape != expected:
        raise WrongUse(f"its validation.npz has not the shape {expected}")
    try:
        onnx_bytes = (folder / "model.onnx").read_bytes()
        difference = probe_difference(onnx_bytes, found[tags.PROBE_SHA256])
    except ValueError as error:
        raise WrongUse(f"its model.onnx does not answer: {error}") from error
    if not difference <= PROBE_TOLERANCE:  # so that NaN fails too
        raise WrongUse(f"its model.onnx answers the probe digit otherwise, by {difference:.2g}")
