"""The model registry: register, judge, promote, roll back.

What a version carries is in `model_artifact`; all that is known of it is in its tags, and every
decision in the registered model's `history`. The alias `champion` names the version that serves,
`previous` the one before it, `challenger` the latest one that the gate refused.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from pipelines import gate
from pipelines.candidate import ShadowResult
from pipelines.errors import RegistryError, TrackingUnavailable, WrongUse
from pipelines.gate import Decision, Policy, Reason
from pipelines.home import sha256
from pipelines.locks import exclusive_lock
from pipelines.registry import history, model_card
from pipelines.registry.artifact_reader import ARCHIVES, HASHED, ArtifactReader
from pipelines.registry.data_sets import DataSets
from pipelines.registry.history import Event
from pipelines.registry.reader import CHALLENGER, CHAMPION, MODEL_NAMES, PREVIOUS, RegistryReader
from pipelines.registry.versions import Version
from pipelines.tracking import tags
from pipelines.tracking.provenance import user

if TYPE_CHECKING:
    from pipelines.registry.model_artifact import ModelArtifact

LOCK = "registry.lock"
MOVED_ELSEWHERE = "the alias was set without a record, in MLflow's UI or by a client; noticed now"
ATTEMPTS = 3  # to judge against a champion that stays the champion meanwhile


class Registry(RegistryReader):
    """The registry behind a tracking URI.

    Every decision is made under a lock in the state folder, so that of two promotions on one
    machine the second is judged against the first's champion. Between machines that share a server
    the champion is read again just before it is replaced; if it is another one by then, the
    challenger is judged against that.

    A champion is replaced by two writes, `previous` first: killed between them, the old champion
    still serves and the same call finishes the move. The history is written last: what it lacks,
    because of a kill or because the alias was moved elsewhere, the next decision appends.

    Attributes:
        artifacts: reads what versions carry.
        data_sets: the entries of image data sets of one's own.
    """

    def __init__(self, uri: str, home: Path) -> None:
        """Connect to the registry at an MLflow tracking URI; `home` is the state folder."""
        super().__init__(uri)
        self.home = home
        self.client = MlflowClient(uri, uri)
        self.artifacts = ArtifactReader(self.client, uri)
        self.data_sets = DataSets(self.client)

    # --- versions ---------------------------------------------------------------------------------

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
            run.info.experiment_id,
            variant.replace(".", "_"),  # which MLflow refuses
            run_id,
            {tags.VERSION_DATA_SOURCE: source},
            run.data.params,
        )
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary, "model")
            model_artifact.write(folder, artifact, logged)
            files = {tag: folder / path for tag, path in (HASHED | ARCHIVES).items()}
            hashes = {tag: sha256(path) for tag, path in files.items() if path.exists()}
            self.client.log_model_artifacts(logged.model_id, str(folder))
        self.client.finalize_logged_model(logged.model_id, "READY")
        self.client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        about = hashes | {
            tags.VARIANT: variant,
            tags.SEED: str(seed),
            tags.GIT_COMMIT: git_commit,
            tags.VERSION_DATA_SOURCE: source,
            tags.DATA_DIGEST: artifact.data_digest,
            tags.VALIDATION_DIGEST: candidate.validation_digest,
            tags.ONNX_MS: str(candidate.onnx_ms),
            tags.ONNX_DIFFERENCE: str(candidate.onnx_difference),
            tags.WEIGHTS_FINITE: str(candidate.weights_finite),
            tags.TEMPERATURE: f"{artifact.temperature:.6g}",
            tags.ROBUSTNESS_BY_CORRUPTION: json.dumps(candidate.robustness),
        }
        if candidate.people:
            about[tags.PEOPLE_DIGEST] = candidate.people.digest
        return self.add(logged, run_id, about)

    def add(self, logged: LoggedModel, run_id: str, about: Mapping[str, str]) -> Version:
        """Make a logged model, whose files are stored, a new version that is not judged yet.

        Args:
            logged: MLflow's entry of the model.
            run_id: the run that trained it.
            about: the version's tags; its data source chooses the registered model.
        """
        name = self.make(about[tags.VERSION_DATA_SOURCE])
        # Not "models:/<id>": MLflow resolves that against its global tracking URI.
        created = self.client.create_model_version(
            name,
            logged.artifact_location,
            run_id,
            dict(about),
            await_creation_for=0,
            model_id=logged.model_id,
        )
        number = str(created.version)
        link = json.dumps([{"name": name, "version": number}])
        self.client.set_logged_model_tags(logged.model_id, {MLFLOW_MODEL_VERSIONS: link})
        version = Version(name, number, run_id, (), about)
        if tags.IMPORTED_VERSION in about:
            origin = f"{about[tags.IMPORTED_VERSION]} of another store"
            self._record(version, history.IMPORTED, history.HAND, origin)
        self._describe(version)
        return version

    def record(self, version: Version, action: str, reason: str) -> None:
        """Append to the history what a run found or made: RETRAINED or DRIFTED."""
        self._record(version, action, history.RUN, reason)

    def tag(self, version: Version, about: Mapping[str, str]) -> None:
        """Set tags of a version."""
        for key, value in about.items():
            self.client.set_model_version_tag(version.name, version.number, key, value)

    # --- decisions --------------------------------------------------------------------------------

    def judge(
        self, version: Version, policy: Policy | None = None, shadow: ShadowResult | None = None
    ) -> Decision:
        """Let the gate decide on a version, store its reasons and carry the decision out.

        Judging the champion again changes nothing.

        Args:
            version: the challenger.
            policy: the gate's thresholds.
            shadow: how it did on recent requests, if shadow mode is on.

        Raises:
            RegistryError: other machines replaced the champion again and again, or the
                champion's files are missing.
        """
        with exclusive_lock(self.home / LOCK):
            self._record_move(version.name)
            before = self._aliases(version.name)
            for _ in range(ATTEMPTS):
                if decision := self._judge_once(version, policy, shadow):
                    if before.get(CHAMPION) != version.number:
                        self._describe_moved(version, before)
                    return decision
        raise RegistryError(
            f"{version.name} got another champion each of the {ATTEMPTS} times that version "
            f"{version.number} was judged; judge it again."
        )

    def _judge_once(
        self, version: Version, policy: Policy | None, shadow: ShadowResult | None
    ) -> Decision | None:
        """Judge against the champion of this moment; None if it was replaced meanwhile."""
        holder = self._aliases(version.name).get(CHAMPION)
        champion = self._find(version.name, holder)
        if champion and champion.number == version.number:
            return Decision(tuple(Reason(True, reason) for reason in champion.reasons))
        self._set_alias(version.name, CHALLENGER, version.number)
        decision = gate.decide(
            replace(self.artifacts.candidate(version), shadow=shadow),
            self.artifacts.candidate(champion) if champion else None,
            policy,
        )
        if self._aliases(version.name).get(CHAMPION) != holder:
            return None
        numbers = {name: str(number) for name, number in decision.numbers.items()}
        reasons = "\n".join(reason.message for reason in decision.reasons)
        action = history.PROMOTED if decision.promote else history.REFUSED
        self.tag(version, numbers | {tags.REASONS: reasons, tags.DECISION: action})
        if decision.promote:
            self._make_champion(version)
        self._record(version, action, history.GATE, decision.summary, champion)
        return decision

    def promote(self, version: Version, reason: str) -> None:
        """Make a version champion by hand, whatever the gate decided.

        Raises:
            WrongUse: no reason is given.
            RegistryError: its files are missing or altered, so that the digit service refuses it.
        """
        given, reason = reason, reason.strip()
        if not reason:
            raise WrongUse(
                f"promoting {version} without the gate needs a reason, which is stored; "
                f"{given!r} is none."
            )
        self.artifacts.verify(version)
        with exclusive_lock(self.home / LOCK):
            self._record_move(version.name)
            self.tag(version, {tags.FORCED_REASON: reason, tags.DECISION: "forced"})
            before = self._aliases(version.name)
            champion = self._find(version.name, before.get(CHAMPION))
            self._make_champion(version)
            self._record(version, history.PROMOTED, history.HAND, reason, champion)
            self._describe_moved(version, before)

    def rollback(self, name: str) -> Version:
        """Make the previous champion champion again; the replaced one becomes `previous`.

        Here `champion` is written first: killed between the two writes, the restored one serves
        and the replaced one has no alias left. A champion that was deleted leaves no `previous`.
        Files in an artifact store that does not answer now are not waited for.

        Returns:
            The restored champion.

        Raises:
            RegistryError: there is no previous champion, it was deleted, or its files are missing
                or altered.
        """
        with exclusive_lock(self.home / LOCK):
            self._record_move(name)
            aliases = self._aliases(name)
            number, champion = aliases.get(PREVIOUS), self._find(name, aliases.get(CHAMPION))
            previous = self._find(name, number)
            if previous is None or (champion and champion.number == previous.number):
                deleted = ", which was deleted" if number and previous is None else ""
                raise RegistryError(
                    f"{name} has no previous champion to return to (champion: version "
                    f"{aliases.get(CHAMPION)}, previous: version {number}{deleted}); see the "
                    "versions with `ann models`, and promote one by hand."
                )
            with suppress(TrackingUnavailable):  # services may have it; they verify it, too
                self.artifacts.verify(previous)
            replaced = str(champion) if champion else "a deleted version"
            self._set_alias(name, CHAMPION, previous.number)
            if champion:
                self._set_alias(name, PREVIOUS, champion.number)
                now = datetime.now(UTC).isoformat(timespec="seconds")
                self.tag(champion, {tags.ROLLED_BACK: f"{now} to version {previous.number}"})
            else:
                self.client.delete_registered_model_alias(name, PREVIOUS)
            self._record(
                previous, history.ROLLED_BACK, history.HAND, f"in place of {replaced}", champion
            )
            self._describe_moved(previous, aliases)
            return self.version(name, previous.number)

    def record_move(self, name: str) -> None:
        """Append to the history that the champion is another than the one on record, if it is.

        MLflow's UI and client move an alias alone; `previous` gets the version that served before.
        """
        with exclusive_lock(self.home / LOCK):
            self._record_move(name)

    # --- steps ------------------------------------------------------------------------------------

    def _record_move(self, name: str) -> None:
        move = self.unrecorded_move(name)
        if move is None:
            return
        (before, now), aliases = move, self._aliases(name)
        if before:
            self._set_alias(name, PREVIOUS, before.number)
        about, action = (now, history.MOVED) if now else (before, history.REMOVED)
        assert about
        self._record(about, action, history.ELSEWHERE, MOVED_ELSEWHERE, before)
        self._describe_moved(about, aliases)

    def _make_champion(self, version: Version) -> None:
        aliases = self._aliases(version.name)
        champion = self._find(version.name, aliases.get(CHAMPION))
        if champion and champion.number != version.number:
            self._set_alias(version.name, PREVIOUS, champion.number)
        self._set_alias(version.name, CHAMPION, version.number)
        if aliases.get(CHALLENGER) == version.number:
            self.client.delete_registered_model_alias(version.name, CHALLENGER)

    def _set_alias(self, name: str, alias: str, number: str) -> None:
        """Set an alias; repeated once where another machine creates it at the same moment.

        MLflow looks whether there is one and then inserts it, so that the slower of two fails.
        """
        try:
            self.client.set_registered_model_alias(name, alias, number)
        except MlflowException as error:
            if error.error_code != "BAD_REQUEST":
                raise
            self.client.set_registered_model_alias(name, alias, number)

    def _record(
        self, version: Version, action: str, by: str, reason: str, champion: Version | None = None
    ) -> None:
        """Append an event to the history."""
        before = champion.number if champion else ""
        time = history.now(self.history(version.name))
        event = Event(time, version.number, action, by, user(), reason, before)
        self.client.set_registered_model_tag(version.name, *history.as_tag(event))

    def _describe_moved(self, version: Version, before: Mapping[str, str]) -> None:
        """Describe a version again, and whichever gained or lost an alias since `before`."""
        moved = {number for _, number in before.items() ^ self._aliases(version.name).items()}
        for number in moved - {version.number}:
            if found := self._find(version.name, number):
                self._describe(found)
        self._describe(version)

    def _describe(self, version: Version) -> None:
        """Write the version's model card: as its description, and among its files."""
        events = [e for e in self.history(version.name) if e.version == version.number]
        now = self.version(version.name, version.number)
        card = model_card.card(now, events, self._metrics(version.run_id))
        self.client.update_model_version(
            version.name, version.number, card[: model_card.DESCRIPTION_CHARACTERS]
        )
        if tags.ONNX_SHA256 not in now.tags:
            return  # another tool's files are left alone
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, model_card.FILE)
            path.write_text(card, encoding="utf-8")
            try:
                source = self.client.get_model_version(version.name, version.number).source
                get_artifact_repository(str(source), self.uri).log_artifact(str(path))
            except (MlflowException, OSError):
                pass  # the decision is made, and the description says the same

    def _metrics(self, run_id: str) -> dict[str, float]:
        """Of the run that trained a version; none if another tool registered it without one."""
        if not run_id:
            return {}
        try:
            return dict(self.client.get_run(run_id).data.metrics)
        except MlflowException as error:
            if not _is_missing(error):
                raise
            return {}

    def make(self, source: str) -> str:
        """Make the registered model of a data source, unless there is one; its name."""
        name = MODEL_NAMES.get(source, source)  # an image data set has the name of its model
        kind = "Digit classifiers" if source in MODEL_NAMES else "Classifiers"
        try:
            self.client.create_registered_model(
                name, description=f"{kind} trained on {source}; `champion` serves."
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        return name


def _is_missing(error: MlflowException) -> bool:
    return error.error_code == "RESOURCE_DOES_NOT_EXIST"
