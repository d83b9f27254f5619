"""The model registry: register, judge, promote, roll back.

What a version carries is in `packaging`; all that is said of it is in its tags. The alias
`champion` names the version that serves, `previous` the one before it, `challenger` the latest one
that was judged and refused.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModel, LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from ann_models import archives
from pipelines import gate
from pipelines.errors import RegistryError
from pipelines.gate import Candidate, Decision, Policy, Reason, Traffic
from pipelines.home import sha256
from pipelines.locks import exclusive_lock
from pipelines.registry.versions import Version

if TYPE_CHECKING:
    import keras

    from pipelines.registry.model_artifact import ModelArtifact

MODEL_NAMES = {"mnist": "mnist-digits", "offline-digits": "offline-digits"}  # by data source
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
HASHED = {"onnx_sha256": "model.onnx", "keras_sha256": "data/model.keras"}  # tag: file
LOCK = "registry.lock"
ATTEMPTS = 3  # to judge against a champion that stays the champion meanwhile


class Registry:
    """The registry behind a tracking URI.

    Whatever decides something runs under a lock in the state folder, so that of two promotions on
    one machine the second is judged against the first's champion. Between machines that share a
    server the champion is read again just before it is replaced; if it is another one by then, the
    challenger is judged against that.

    A champion is replaced by two writes, `previous` first: killed between them, the old champion
    still serves and the same call finishes the move.
    """

    def __init__(self, uri: str, home: Path) -> None:
        """Connect to the registry at an MLflow tracking URI; `home` is the state folder."""
        self.uri = uri
        self.home = home
        self.client = MlflowClient(uri, uri)

    def register(
        self, artifact: ModelArtifact, *, run_id: str, variant: str, seed: int, git_commit: str
    ) -> Version:
        """Store a model as a new version of its data source's registered model.

        Args:
            artifact: the calibrated model with its ONNX form and what the gate needs.
            run_id: the run that trained it.
            variant: the entry's name.
            seed: the training's seed.
            git_commit: the code's version.
        """
        from pipelines.registry import model_artifact

        candidate, source = artifact.candidate, artifact.candidate.data_source
        run = self.client.get_run(run_id)
        logged = self.client.create_logged_model(
            run.info.experiment_id, variant, run_id, {"data": source}, run.data.params
        )
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary, "model")
            model_artifact.write(folder, artifact, logged)
            hashes = {tag: sha256(folder / path) for tag, path in HASHED.items()}
            self.client.log_model_artifacts(logged.model_id, str(folder))
        self.client.finalize_logged_model(logged.model_id, "READY")
        self.client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        tags = hashes | {
            "variant": variant,
            "seed": str(seed),
            "git_commit": git_commit,
            "data": source,
            "data_digest": artifact.data_digest,
            "validation_digest": candidate.validation_digest,
            "onnx_ms": str(candidate.onnx_ms),
            "onnx_difference": str(candidate.onnx_difference),
            "weights_finite": str(candidate.weights_finite),
            "temperature": f"{artifact.temperature:.6g}",
            "robustness_by_corruption": json.dumps(candidate.robustness),
        }
        return self.add(logged, run_id, tags)

    def add(self, logged: LoggedModel, run_id: str, tags: Mapping[str, str]) -> Version:
        """Make a logged model, whose files are there, a new version; nobody has judged it yet.

        Args:
            logged: MLflow's entry of the model.
            run_id: the run that trained it.
            tags: what is known of it; `data`, the source of its digits, chooses the registered
                model.
        """
        name = self._registered_model(tags["data"])
        # Not "models:/<id>": MLflow resolves that against its global tracking URI.
        created = self.client.create_model_version(
            name,
            logged.artifact_location,
            run_id,
            dict(tags),
            await_creation_for=0,
            model_id=logged.model_id,
        )
        number = str(created.version)
        link = json.dumps([{"name": name, "version": number}])
        self.client.set_logged_model_tags(logged.model_id, {MLFLOW_MODEL_VERSIONS: link})
        return Version(name, number, run_id, (), tags)

    def candidate(self, version: Version) -> Candidate:
        """What the gate needs to know of a version.

        The time is taken anew: a stored one may be from another machine.

        Raises:
            RegistryError: the version was not registered here, or its files are gone or altered.
        """
        from ann_models.onnx.inference import milliseconds_per_image

        if "validation_digest" not in version.tags:
            raise RegistryError(
                f"{version.name} version {version.number} has no tag validation_digest: it was not "
                "registered by this pipeline, so that the gate cannot judge it; promote another "
                "version by hand, with a reason."
            )
        with tempfile.TemporaryDirectory() as folder:
            validation = archives.read(self._file(version, "validation.npz", folder))
            probe = archives.read(self._file(version, "probe.npz", folder))
        return Candidate(
            probabilities=validation["probabilities"],
            labels=validation["labels"],
            data_source=version.tags["data"],
            validation_digest=version.tags["validation_digest"],
            onnx_ms=milliseconds_per_image(self.onnx_bytes(version), probe["image"]),
            onnx_difference=float(version.tags["onnx_difference"]),
            weights_finite=version.tags["weights_finite"] == "True",
            robustness=json.loads(version.tags.get("robustness_by_corruption", "{}")),
        )

    def onnx_bytes(self, version: Version) -> bytes:
        """The version's ONNX form, verified.

        Raises:
            RegistryError: the file is gone, or is not the one that was registered.
        """
        with tempfile.TemporaryDirectory() as folder:
            return self._verified_file(version, "onnx_sha256", folder).read_bytes()

    def keras_model(self, version: Version) -> keras.Model:
        """The version's Keras model, verified and read in safe mode.

        Raises:
            RegistryError: the file is not the one that was registered.
        """
        import keras

        import ann_models.layers  # noqa: F401  # or Keras would not know them

        with tempfile.TemporaryDirectory() as folder:
            path = self._verified_file(version, "keras_sha256", folder)
            return keras.models.load_model(path, compile=False, safe_mode=True)

    def judge(
        self, version: Version, policy: Policy | None = None, traffic: Traffic | None = None
    ) -> Decision:
        """Let the gate decide on a version, put its reasons on record and obey.

        Judging the champion again changes nothing.

        Args:
            version: the challenger.
            policy: the gate's thresholds.
            traffic: how it did beside the champion on what people sent, if that was tried.

        Raises:
            RegistryError: other machines replaced the champion again and again, or the
                champion's files are gone.
        """
        with exclusive_lock(self.home / LOCK):
            for _ in range(ATTEMPTS):
                if decision := self._judge_once(version, policy, traffic):
                    return decision
        raise RegistryError(
            f"{version.name} got another champion each of the {ATTEMPTS} times that version "
            f"{version.number} was judged; judge it again."
        )

    def _judge_once(
        self, version: Version, policy: Policy | None, traffic: Traffic | None
    ) -> Decision | None:
        """Judge against the champion of this moment; None if it was replaced meanwhile."""
        champion = self.champion(version.name)
        holder = champion.number if champion else None
        if champion and holder == version.number:
            return Decision(tuple(Reason(True, sentence) for sentence in champion.reasons))
        self._point(version.name, CHALLENGER, version.number)
        decision = gate.decide(
            replace(self.candidate(version), traffic=traffic),
            self.candidate(champion) if champion else None,
            policy,
        )
        if self._aliases(version.name).get(CHAMPION) != holder:
            return None
        self._record(version, decision)
        if decision.promote:
            self._make_champion(version)
        return decision

    def promote(self, version: Version, reason: str) -> None:
        """Make a version champion by hand, against or without the gate's word.

        Raises:
            RegistryError: no reason is given.
        """
        if not reason.strip():
            raise RegistryError(
                f"promoting {version.name} version {version.number} past the gate needs a reason, "
                "which is put on record; none was given."
            )
        with exclusive_lock(self.home / LOCK):
            self.tag(version, {"forced_reason": reason.strip(), "decision": "forced"})
            self._make_champion(version)

    def rollback(self, name: str) -> Version:
        """Make the previous champion champion again; the deposed one becomes `previous`.

        Here `champion` is written first: killed between the two writes, the restored one serves
        and the deposed one has no alias left.

        Returns:
            The restored champion.

        Raises:
            RegistryError: there is no previous champion.
        """
        with exclusive_lock(self.home / LOCK):
            aliases = self._aliases(name)
            champion, previous = aliases.get(CHAMPION), aliases.get(PREVIOUS)
            if champion is None or previous in (None, champion):
                raise RegistryError(
                    f"{name} has no previous champion to return to (champion: version {champion}, "
                    f"previous: version {previous}); see the versions with `ann models`, and "
                    "promote one by hand."
                )
            self._point(name, CHAMPION, previous)
            self._point(name, PREVIOUS, champion)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            deposed = f"{now} to version {previous}"
            self.client.set_model_version_tag(name, champion, "rolled_back", deposed)
            return self.version(name, previous)

    def versions(self, name: str) -> list[Version]:
        """The ledger: every version, newest first, with its decision and reasons."""
        aliases = self._aliases(name)
        found = self.client.search_model_versions(f"name='{name}'")
        versions = [Version.of(entry, aliases) for entry in found]
        return sorted(versions, key=lambda version: -int(version.number))

    def version(self, name: str, number: str) -> Version:
        """One version.

        Raises:
            RegistryError: there is no such version.
        """
        try:
            return Version.of(self.client.get_model_version(name, number), self._aliases(name))
        except MlflowException as error:
            if not _is_missing(error):
                raise
            known = ", ".join(version.number for version in self.versions(name)) or "none"
            raise RegistryError(
                f"{name} has no version {number!r}; its versions: {known}."
            ) from error

    def champion(self, name: str) -> Version | None:
        """The version that serves, if any model of that name was ever promoted."""
        number = self._aliases(name).get(CHAMPION)
        return self.version(name, number) if number else None

    def _make_champion(self, version: Version) -> None:
        aliases = self._aliases(version.name)
        champion = aliases.get(CHAMPION)
        if champion and champion != version.number:
            self._point(version.name, PREVIOUS, champion)
        self._point(version.name, CHAMPION, version.number)
        if aliases.get(CHALLENGER) == version.number:
            self.client.delete_registered_model_alias(version.name, CHALLENGER)

    def _point(self, name: str, alias: str, number: str) -> None:
        """Set an alias; where another machine makes the same one at that moment, once more.

        MLflow looks whether there is one and then inserts it, so that the slower of two fails.
        """
        try:
            self.client.set_registered_model_alias(name, alias, number)
        except MlflowException as error:
            if error.error_code != "BAD_REQUEST":
                raise
            self.client.set_registered_model_alias(name, alias, number)

    def _record(self, version: Version, decision: Decision) -> None:
        sentences = [reason.sentence for reason in decision.reasons]
        self.client.update_model_version(
            version.name, version.number, "\n".join(f"- {sentence}" for sentence in sentences)
        )
        numbers = {name: str(number) for name, number in decision.numbers.items()}
        verdict = "promoted" if decision.promote else "refused"
        self.tag(version, numbers | {"reasons": "\n".join(sentences), "decision": verdict})

    def tag(self, version: Version, tags: Mapping[str, str]) -> None:
        """Put something more about a version on record."""
        for key, value in tags.items():
            self.client.set_model_version_tag(version.name, version.number, key, value)

    def _registered_model(self, source: str) -> str:
        name = MODEL_NAMES[source]
        try:
            self.client.create_registered_model(
                name, description=f"Digit classifiers trained on {source}; `champion` serves."
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        return name

    def _aliases(self, name: str) -> dict[str, str]:
        try:
            aliases = self.client.get_registered_model(name).aliases
        except MlflowException as error:
            if not _is_missing(error):
                raise
            return {}
        return {alias: str(number) for alias, number in aliases.items()}

    def _file(self, version: Version, path: str, folder: str) -> Path:
        root = self.client.get_model_version_download_uri(version.name, version.number)
        try:
            uri = f"{root}/{path}"
            return Path(download_artifacts(uri, dst_path=folder, tracking_uri=self.uri))
        except (MlflowException, OSError) as error:
            raise RegistryError(
                f"{path} of {version.name} version {version.number} cannot be read from {root}: "
                f"{error}. If the state folder was moved, `ann doctor` mends it; otherwise restore "
                "the file, or promote another version by hand, with a reason."
            ) from error

    def _verified_file(self, version: Version, tag: str, folder: str) -> Path:
        path = self._file(version, HASHED[tag], folder)
        if sha256(path) != version.tags[tag]:
            raise RegistryError(
                f"{HASHED[tag]} of {version.name} version {version.number} has SHA-256 "
                f"{sha256(path)}, but was registered with {version.tags[tag]}: the artifact "
                "store was altered or damaged. Restore it, or promote another version by hand, "
                "with a reason."
            )
        return path


def _is_missing(error: MlflowException) -> bool:
    return error.error_code == "RESOURCE_DOES_NOT_EXIST"
