"""Mutation testing: how many small mutations of a module do its tests notice?

    python -m benchmarks.mutations pipelines/gate.py --sample 40

Cosmic Ray makes the mutations (one changed operator, number, comparison, branch, … each) in a copy
of the checkout; the module's namesake test runs against each. A mutation that no test notices
"survives": it is printed as a diff, for a test to be written.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).parents[1]
COPIED = ("ann_models", "benchmarks", "pipelines", "serving", "tests", "pyproject.toml", "deploy")
TIMEOUT_SECONDS = 300.0  # of the tests against one mutation; an endless loop counts as noticed
OPERATORS = (  # Cosmic Ray's, without those that hardly ever change behaviour (== to `is`, …)
    "AddNot",
    "ExceptionReplacer",
    "NumberReplacer",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceComparisonOperator_Lt_GtE",
    "ReplaceComparisonOperator_Gt_LtE",
    "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_Div",
    "ReplaceBinaryOperator_Div_Mul",
    "ReplaceBinaryOperator_Pow_Mul",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_USub",
    "ZeroIterationForLoop",
)


@dataclass(frozen=True)
class Survivor:
    """A mutation that no test noticed.

    Attributes:
        operator: what kind of change, as Cosmic Ray names it.
        diff: the change.
    """

    operator: str
    diff: str


@dataclass(frozen=True)
class Score:
    """What the tests of one module noticed.

    Attributes:
        module: path of the mutated file.
        mutations: how many were tried.
        survivors: those that no test noticed.
    """

    module: str
    mutations: int
    survivors: tuple[Survivor, ...]

    @property
    def killed(self) -> float:
        """Share of the mutations that a test noticed."""
        return 1 - len(self.survivors) / self.mutations if self.mutations else 1.0


def namesake_test(module: Path) -> Path:
    """The test file that mirrors a module: `pipelines/a/b.py` → `tests/pipelines/a/test_b.py`."""
    return Path("tests", *module.parts[:-1], f"test_{module.name}")


def measure(
    module: Path, tests: Sequence[Path] = (), sample: int | None = None, seed: int = 0
) -> Score:
    """Run a module's tests against mutations of it.

    Args:
        module: path of the file, relative to the checkout.
        tests: the tests that are run; none: the namesake test.
        sample: how many mutations, drawn at random; None: all.
        seed: of the draw.

    Raises:
        click.UsageError: there is no such module or test, or the tests fail without a mutation.
    """
    tests = tests or (namesake_test(module),)
    for path in (module, *tests):
        if not (ROOT / path).exists():
            raise click.UsageError(f"there is no file {path} in {ROOT}.")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        _copy_checkout(Path(folder))
        return _measured(module, tests, sample, seed)


def _measured(module: Path, tests: Sequence[Path], sample: int | None, seed: int) -> Score:
    """In the copy, which is the working directory."""
    from cosmic_ray.mutating import mutate_and_test
    from cosmic_ray.testing import run_tests
    from cosmic_ray.work_item import TestOutcome

    options = f"-x -q -p no:cacheprovider {' '.join(map(str, tests))}"
    command = f"env PYTHONPATH={Path.cwd()} {sys.executable} -m pytest {options}"
    outcome, output = run_tests(command, TIMEOUT_SECONDS)
    if outcome is not TestOutcome.SURVIVED:
        raise click.UsageError(f"the tests fail without a mutation:\n{output[-2000:]}")
    found = _mutations(module)
    drawn = random.Random(seed).sample(found, min(sample or len(found), len(found)))
    survivors = []
    for mutation in drawn:
        result = mutate_and_test([mutation], command, TIMEOUT_SECONDS)
        if result.test_outcome is TestOutcome.SURVIVED:
            survivors.append(Survivor(mutation.operator_name, str(result.diff)))
    return Score(str(module), len(drawn), tuple(survivors))


def _mutations(module: Path) -> list[MutationSpec]:
    from cosmic_ray.commands import init
    from cosmic_ray.work_db import WorkDB, use_db

    with use_db("mutations.sqlite", WorkDB.Mode.create) as database:
        init([module], database, {})
        every = [item.mutations[0] for item in database.work_items]
    chosen = {f"core/{operator}" for operator in OPERATORS}
    return sorted(
        (mutation for mutation in every if mutation.operator_name in chosen),
        key=lambda mutation: (mutation.start_pos, mutation.operator_name, mutation.occurrence),
    )


def _copy_checkout(folder: Path) -> None:
    ignore = shutil.ignore_patterns("__pycache__", ".venv")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder / name)


@click.command()
@click.argument("modules", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--tests", multiple=True, type=click.Path(path_type=Path), help="Tests to run.")
@click.option("--sample", type=click.IntRange(1), help="Mutations of each module; none: all.")
def main(modules: tuple[Path, ...], tests: tuple[Path, ...], sample: int | None) -> None:
    """Count the mutations of each module that its tests notice, and print those that survive.

    Example: python -m benchmarks.mutations pipelines/gate.py --sample 40
    """
    for module in modules:
        score = measure(module, tests, sample)
        for survivor in score.survivors:
            click.echo(f"survived ({survivor.operator}):\n{survivor.diff}\n")
        noticed = score.mutations - len(score.survivors)
        click.echo(f"{module}: {noticed} of {score.mutations} noticed ({score.killed:.0%})")


if __name__ == "__main__":
    main()
