"""Code, messages and documents use the field's terms: none of the earlier private terms returns.

Only terms that are unambiguous are listed, each with what is written in its place.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (
    *("ann_models", "benchmarks", "deploy", "digit_images", "docs", "mlflow_reader", "pipelines"),
    *("serving", "tests"),
)
FILES = ("README.md", "Makefile", "Dockerfile", "docker-compose.yml", "pyproject.toml")
SUFFIXES = {".py", ".md", ".js", ".html", ".css", ".yml", ".yaml", ".sh", ".toml"}

TERMS = {
    r"standings?": "status, serving state",
    r"predecessors?": "upstream",
    r"builds[_ ]on": "depends_on, depends on",
    r"forerunners?": "previous worker",
    r"ledger": "version history",
    r"lifelines?": "parent-death pipe",
    r"guardians?": "watchdog",
    r"keepers?": "restart loop",
    r"(?:mends?|mended|mending)": "repair, fix",
    r"anew": "again",
    r"for ever": "indefinitely",
    r"foresaw|unforeseen": "unexpected error",
    r"rightly": "correctly",
    r"_?in_words|in_a_sentence": "format_error, message",
    r"whoever": "a plain noun: the caller, the client, the process",
    r"abandoned": "orphaned",
    r"mark_good": "last known good",
    r"take_on": "rebind",
    r"fills_up": "pad_last_batch",
    r"slopes": "gradients",
    r"surroundings": "WorkerEnvironment",
    r"lessons?": "distillation set, training corrections",
    r"deeds?": "apply, action",
    r"housekeeping": "retention, maintenance",
    r"packaging(?!\.)": "model artifact",
    r"\.at_once\(|in_turn": "inline, batched, sequential",
    r"runs_side_by_side": "vectorised over seeds",
    r"at hand": "available",
    r"lest|hence|thereof": "plain words",
}


def documents() -> list[Path]:
    """Every text file of the project that people read."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    found += [ROOT / name for name in FILES]
    return [p for p in found if p.is_file() and p != Path(__file__) and _is_text(p)]


def _is_text(path: Path) -> bool:
    return path.suffix in SUFFIXES or path.name in FILES


@pytest.mark.parametrize("term", TERMS)
def test_the_fields_term_is_used(term):
    pattern = re.compile(rf"(?<![a-zA-Z])(?:{term})(?![a-zA-Z])", re.IGNORECASE)
    uses = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in documents()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert not uses, f"write {TERMS[term]!r} instead:\n" + "\n".join(uses)
