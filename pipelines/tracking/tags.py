"""Every tag key that this project writes to MLflow, each once.

The strings are stored in people's databases and read by the service and by saved filters: they do
not change, even where the constant has a better name.
"""

from __future__ import annotations

from collections.abc import Mapping

# --- of MLflow itself -----------------------------------------------------------------------------

NOTE = "mlflow.note.content"  # description of an experiment or run, in Markdown
RUN_COLOR = "mlflow.runColor"  # "#RRGGBB" of a run in the UI's charts
PARENT_RUN = "mlflow.parentRunId"  # the run to which a trial of a search belongs
USER = "mlflow.user"  # who started a run
SOURCE_NAME = "mlflow.source.name"  # the command that started a run
SOURCE_TYPE = "mlflow.source.type"  # LOCAL, JOB, …
SOURCE_COMMIT = "mlflow.source.git.commit"  # the code's commit, where the UI shows it
DATA_CONTEXT = "mlflow.data.context"  # of a run's input: what the data set was used for

# --- of experiments -------------------------------------------------------------------------------

QUESTION = "question"  # the lecture's question, or the experiment's title: marks ours

# --- of runs --------------------------------------------------------------------------------------

PROCESS = "process"  # identity of the process that writes the run, to find orphaned runs
PIPELINE_RUN_ID = "pipeline_run_id"  # the Prefect flow run
ROW = "row"  # of the lecture's table
DATA_SOURCE = "data_source"  # of the data: mnist, offline-digits, generated, own, a set's name
DATA_SHA256 = "data_sha256"  # of the whole data set
WEIGHTS_SHA256 = "weights_sha256"  # of all seeds' trained weights, which depend on …
TENSORFLOW_VERSION = "tensorflow_version"  # … these four, too
KERAS_VERSION = "keras_version"
PROCESSOR = "processor"  # its model
THREADS = "threads"  # of one TensorFlow operation
SEEDS = "seeds"  # how many initialisations were trained
QUICK = "quick"  # "true": shortened, its numbers are not results
LATEST = "latest"  # "true": the variant's newest finished run of its experiment
DERIVED_FROM = "derived_from"  # the entry of which the run's is a changed copy
CHANGE = "set."  # prefix: the setting that differs, with its value
SWEEP = "sweep"  # the search to which a run and its trials belong
TRIAL_STATE = "trial_state"  # of a search: complete, pruned, diverged or refused
OVERVIEW = "overview"  # the question that this run's figures compare
ERROR = "error"  # why the run did not finish
MODEL = "model"  # the registered model that a drift or corrections run is about
VERSION = "version"  # the number of its version
PICTURES = "pictures"  # the file or folder on which a version was evaluated
TRAINING_RUN = "training_run"  # of the version that was evaluated
VERDICT = "verdict"  # of a drift or corrections run
DRIFTED = "drifted"  # the measures that drifted, comma-separated
REFUSALS = "refusals"  # why days of corrections were refused, one a line
CORRECTIONS_SHA256 = "corrections_sha256"  # of all corrections that a run judged
ACCEPTED_SHA256 = "accepted_sha256"  # of those that it accepted
RETRAINED = "answered"  # "true": a corrections run whose retraining has ended well

# --- of runs and versions -------------------------------------------------------------------------

VARIANT = "variant"  # the entry's name
GIT_COMMIT = "git_commit"  # the code's commit, or the installed version
CORRECTIONS_USED = "corrections_used"  # corrections among the training digits
CORRECTIONS_REFUSED = "corrections_refused"  # corrections that were not trained on
CORRECTIONS_ACCEPTED_SHA256 = "corrections_accepted_sha256"  # of the accepted corrections
CORRECTIONS_RUN = "corrections_run"  # the run that judged them
IMPORTED_RUN_ID = "imported_run_id"  # the run's id in the store that it was exported from
IMPORTED_SHA256 = "imported_sha256"  # of the file that it was imported from

SHADOW = "shadow"  # the shadow mode's verdict on a version, and on what it rests

# --- of registered versions (and `data` of logged models) -----------------------------------------

ONNX_SHA256 = "onnx_sha256"  # of model.onnx
KERAS_SHA256 = "keras_sha256"  # of data/model.keras
VALIDATION_SHA256 = "validation_sha256"  # of validation.npz …
PROBE_SHA256 = "probe_sha256"  # … probe.npz …
PEOPLE_SHA256 = "people_sha256"  # … and people.npz; older versions have none of the three
VERSION_DATA_SOURCE = "data"  # as DATA_SOURCE of runs; the service reads this key
DATA_DIGEST = "data_digest"  # as DATA_SHA256 of runs
VALIDATION_DIGEST = "validation_digest"  # SHA-256 of the validation digits
SEED = "seed"  # of the training that was registered
TEMPERATURE = "temperature"  # by which the logits are divided
WEIGHTS_FINITE = "weights_finite"  # "True" if every weight is a finite number
ROBUSTNESS_BY_CORRUPTION = "robustness_by_corruption"  # accuracies by name, as JSON
IMPORTED_VERSION = "imported_version"  # NAME/NUMBER in the store that it was exported from
DECISION = "decision"  # the latest: promoted, refused or forced; on a run: as one message
REASONS = "reasons"  # the gate's reasons, one a line
FORCED_REASON = "forced_reason"  # why a person promoted it
ROLLED_BACK = "rolled_back"  # when, and to which version
ORIGIN = "origin_"  # prefix: what DECISION, REASONS, … were where a version was imported from

# --- of registered models -------------------------------------------------------------------------

DATA_SET = "data_set"  # entry of an image data set of one's own, see `registry.data_sets`
HISTORY = "history."  # prefix: one event a tag, see `registry.history`

# --- numbers of the gate, each a tag of the version -----------------------------------------------

VAL_ACCURACY = "val_accuracy"
VAL_ERRORS = "val_errors"
CALIBRATION_ERROR = "calibration_error"
ROBUSTNESS = "robustness"
SHADOW_AGREEMENT = "shadow_agreement"
ONLY_CHALLENGER_CORRECT = "only_challenger_right"
ONLY_CHAMPION_CORRECT = "only_champion_right"
P_VALUE = "p_value"
ONNX_MS = "onnx_ms"  # milliseconds an image; known when it is registered
CHAMPION_ONNX_MS = "champion_onnx_ms"
ONNX_DIFFERENCE = "onnx_difference"  # from Keras; known when it is registered
HANDS_ACCURACY = "hands_accuracy"  # on generated handwriting of held-out writers
NON_DIGITS_MARKED = "non_digits_marked"
PEOPLE_DIGEST = "people_digest"  # SHA-256 of both; known when it is registered
GATE_NUMBERS = (
    VAL_ACCURACY,
    VAL_ERRORS,
    CALIBRATION_ERROR,
    ROBUSTNESS,
    HANDS_ACCURACY,
    NON_DIGITS_MARKED,
    SHADOW_AGREEMENT,
    ONLY_CHALLENGER_CORRECT,
    ONLY_CHAMPION_CORRECT,
    P_VALUE,
    ONNX_MS,
    CHAMPION_ONNX_MS,
    ONNX_DIFFERENCE,
)
FORMER_NAMES = {"val_mistakes": VAL_ERRORS}  # keys of earlier versions of this project


_PLUS = ".plus"  # no setting of a layer is called so


def name_of_setting(key: str) -> str:
    """A setting's key in the name of a tag, parameter or metric: MLflow takes no plus sign."""
    return f"{key.removesuffix('+')}{_PLUS}" if key.endswith("+") else key


def of_changes(changes: Mapping[str, str]) -> dict[str, str]:
    """The tags that `changes_of` reads."""
    return {f"{CHANGE}{name_of_setting(key)}": value for key, value in changes.items()}


def changes_of(found: Mapping[str, str]) -> dict[str, str]:
    """What differs from the entry of which a run's is a changed copy, from the run's tags."""
    changes = {k.removeprefix(CHANGE): v for k, v in found.items() if k.startswith(CHANGE)}
    return {
        f"{key.removesuffix(_PLUS)}+" if key.endswith(_PLUS) else key: value
        for key, value in changes.items()
    }
