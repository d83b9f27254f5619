"""The model card of a version (Mitchell et al., "Model cards for model reporting", 2019).

Markdown, for MLflow's description of the version and as its artifact `model_card.md`. Its first
line is the verdict; hashes are in the version's tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipelines.registry import history
from pipelines.registry.history import Event
from pipelines.registry.versions import Version
from pipelines.tracking import tags

FILE = "model_card.md"
DESCRIPTION_CHARACTERS = 5000  # MLflow's limit
WEAK = 0.9  # accuracy under a corruption below which it is listed as a limit
NOT_ITS_CLASSES = (
    "- Anything but a picture of one of its classes: it names one of them all the same."
)
NOT_A_DIGIT = (
    "- Anything but one digit, 0 to 9: letters, several digits, drawings. It answers with a digit "
    "all the same; the service marks answers that it is not sure of."
)
READS = "reads one handwritten digit"
DATA = {
    "mnist": "MNIST, 50,000 of its training digits; 10,000 others validate",
    "offline-digits": "scikit-learn's 1,797 scanned digits (not MNIST), brought to MNIST's form",
}


def card(version: Version, events: Sequence[Event], metrics: Mapping[str, float]) -> str:
    """The card.

    Args:
        version: with its tags and aliases.
        events: of its history, the newest first.
        metrics: of the run that trained it.
    """
    sections = [
        ("", [verdict(version, events)]),
        ("What it is", _origin(version)),
        ("How good it is", _quality(version, metrics)),
        ("What it cannot read", _limits(version)),
        ("History", [f"- {_sentence(event)}" for event in events]),
        ("The gate's latest reasons", [f"- {reason}" for reason in version.reasons]),
    ]
    return "\n\n".join(
        "\n".join([f"### {title}", *lines] if title else lines)
        for title, lines in sections
        if lines
    )


def verdict(version: Version, events: Sequence[Event]) -> str:
    """One line: what it is used for, and the latest decision on it."""
    decisions = (history.REFUSED, *history.MOVES)
    decided = [event for event in events if event.action in decisions]
    role = f"**{version.aliases[0].capitalize()}**" if version.aliases else "**Not in use**"
    if decided:
        return f"{role}: {_sentence(decided[0])}"
    if version.decision != "undecided":  # by an earlier version of this project
        return f"{role}: {version.decision}. {''.join(version.reasons[-1:])}".rstrip()
    return f"{role}: not judged yet."


def _sentence(event: Event) -> str:
    return f"{event.action}{event.whose} on {event.time[:10]} ({event.reason.rstrip('.')})."


def _origin(version: Version) -> list[str]:
    found = version.tags
    source = found.get(tags.VERSION_DATA_SOURCE, "")
    data = DATA.get(source, f"the image data set {source}" if source else "unknown digits")
    what = READS if version.examples == "digits" else f"names the class of a picture of {source}"
    lines = [
        f"- `{version.variant}`, seed {found.get(tags.SEED, '?')}: {what}.",
        f"- Trained on {data}.",
    ]
    if used := found.get(tags.CORRECTIONS_USED):
        lines.append(f"- Also trained on {used} corrections by users of the digit service.")
    if origin := found.get(tags.IMPORTED_VERSION):
        lines.append(f"- Imported: {origin} of another store.")
    return lines


def _quality(version: Version, metrics: Mapping[str, float]) -> list[str]:
    known, pictures = dict(metrics) | version.metrics, version.examples
    rows = (
        (tags.VAL_ACCURACY, f"- {{:.2%}} of the validation {pictures} correct; these decide."),
        ("test_accuracy", f"- {{:.2%}} of the test {pictures} correct; these only report."),
        (
            tags.CALIBRATION_ERROR,
            f"- Expected calibration error {{:.2%}} on the validation {pictures}.",
        ),
        (tags.ROBUSTNESS, f"- Mean accuracy on corrupted {pictures} {{:.1%}}."),
        (tags.ONNX_MS, "- {:.3f} ms an image in ONNX Runtime on one thread."),
    )
    lines = [form.format(known[name]) for name, form in rows if name in known]
    if tags.P_VALUE in known:
        lines.append(
            f"- Compared with the champion: {known[tags.ONLY_CHALLENGER_CORRECT]:.0f} {pictures} "
            f"only this one classifies correctly, {known[tags.ONLY_CHAMPION_CORRECT]:.0f} only the "
            f"champion (p = {known[tags.P_VALUE]:.2g})."
        )
    return lines


def _limits(version: Version) -> list[str]:
    lines = [NOT_A_DIGIT if version.examples == "digits" else NOT_ITS_CLASSES]
    found = version.robustness
    weak = sorted((accuracy, name) for name, accuracy in found.items() if accuracy < WEAK)
    if weak:
        listed = ", ".join(f"{name} {accuracy:.0%}" for accuracy, name in weak)
        what = version.examples.capitalize()
        lines.append(f"- {what} under these corruptions, with its accuracy: {listed}.")
    return lines
