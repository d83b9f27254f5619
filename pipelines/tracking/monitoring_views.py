"""The saved views of the drift watch, of retraining and of evaluations on own pictures."""

from __future__ import annotations

from pipelines.tracking.saved_views import Section, View, bar, link, tags, timeline

FINISHED = "attributes.status = 'FINISHED'"
MEASURES = ("ink", "confidence", "classes", "embedding")  # of ann_models.drift

_DRIFT = View(
    "drift",
    "Does recent traffic look like the known digits?",
    (
        "tags.verdict",
        "tags.drifted",
        "tags.version",
        "metrics.images",
        *(f"metrics.{measure}_change" for measure in MEASURES),
    ),
    (
        Section(
            "Measures that drifted, and the images compared",
            (timeline("drifted_measures"), timeline("images")),
        ),
        Section(
            "How far each measure is from the known digits",
            tuple(timeline(f"{measure}_change") for measure in MEASURES),
        ),
    ),
    FINISHED,
)
_RETRAINING = View(
    "retraining",
    "What was learned from corrections?",
    (
        "tags.verdict",
        "tags.decision",
        "tags.shadow",
        "metrics.corrections_accepted",
        "metrics.corrections_refused",
        "metrics.val_accuracy",
        "metrics.held_out_accuracy",
        "metrics.champion_held_out_accuracy",
    ),
    (
        Section(
            "Corrections: accepted, refused, trained on",
            (
                timeline("corrections_accepted", "corrections_refused"),
                timeline("corrections_used"),
            ),
        ),
        Section(
            "Challengers: validation digits, held-out corrections",
            (
                timeline("val_accuracy"),
                bar("held_out_accuracy", "champion_held_out_accuracy"),
                timeline("test_accuracy"),
                timeline("shadow_agreement"),
            ),
        ),
    ),
    FINISHED,
)

_OWN_PICTURES = View(
    "own_pictures",
    "Which version reads these pictures best?",
    (
        "tags.pictures",
        "tags.version",
        "tags.variant",
        "metrics.accuracy",
        "metrics.wrong_unmarked",
        "metrics.marked",
        "metrics.non_digits_marked",
        "metrics.digits",
    ),
    (
        Section(
            "Digits: read correctly, wrong and not marked, marked",
            (timeline("accuracy"), timeline("wrong_unmarked", "marked")),
        ),
        Section("Pictures of no digit", (timeline("non_digits_marked"),)),
        Section("By digit", tuple(bar(f"accuracy/{digit}") for digit in range(10))),
    ),
    FINISHED,
)

# By the experiment's title.
VIEWS: dict[str, tuple[View, ...]] = {
    "Drift watch": (_DRIFT,),
    "Retraining": (_RETRAINING,),
    "Own pictures": (_OWN_PICTURES,),
}


def views_for(title: str) -> dict[str, str]:
    """The tags to set on an experiment of VIEWS; none for another title."""
    return tags(VIEWS.get(title, ()))


def note(title: str, text: str, experiment_id: str) -> str:
    """The experiment's note, with a link to each of its views."""
    links = (f"[{v.name}]({link('', experiment_id, v.id)})" for v in VIEWS.get(title, ()))
    return " · ".join([text, *links])
