"""Mutation testing: how many small mutations of a module do its tests notice?

    python -m benchmarks.mutations pipelines/gate.py pipelines/locks.py --sample 10

Cosmic Ray makes the mutations (one changed operator, number, comparison, branch, … each) in a copy
of the checkout. The module's namesake tests run against each, those that execute the changed
statement, in a process forked from one that has imported the heavy packages. A mutation that no
test notices "survives": it is printed as a diff, for a test to be written. A mutant that kills,
deletes or hangs reaches neither the checkout nor, where Linux allows a process namespace of its
own, another process.
"""

from __future__ import annotations

import ast
import difflib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.warm_pytest import Answer, Request

if TYPE_CHECKING:
    from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).parents[1]
NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
FIRST_RUN_SECONDS = 600.0  # of the tests without a mutation
LEAST_SECONDS = 60.0  # of the tests against a mutation …
SLOWER = 4  # … or so many times the first run; an endless loop counts as noticed
UNSEEN = (  # of lines whose mutations no test can notice without a clock, a profiler or an editor
    "SECONDS =",
    "timeout=",
    "seconds: float =",
    "TYPE_CHECKING",
    "frozen=True",
    "kw_only=True",
    "slots=True",
    "strict=True",
    "verbose=0",
    r"lru_cache\(",
    "max_results=1",  # where one is enough, two are as well
    r"(hex|sha256|digest(\(\))?)\[:\d+\]",  # how many digits of a digest are shown
    r"height=\d|# pixels",  # of a card
    r"^[A-Z_]+ = [\d_* ]*\d{3}",  # a limit of a hundred or more: one more is as good
)
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

    def __str__(self) -> str:
        """One row of the table."""
        killed = self.mutations - len(self.survivors)
        return f"{self.module:50} {killed:3} of {self.mutations:3} killed ({self.killed:4.0%})"


def namesake_tests(module: Path) -> tuple[Path, ...]:
    """The test files that mirror a module: of `a/b.py` tests/a/test_b.py and tests/a/test_b_*.py.

    The latter unless they mirror a module of that name.
    """
    folder = Path("tests", *module.parts[:-1])
    topics = (
        path
        for path in sorted(folder.glob(f"test_{module.stem}_*.py"))
        if not module.with_name(path.name.removeprefix("test_")).exists()
    )
    return folder / f"test_{module.name}", *topics


class WarmPytest:
    """A process that runs tests in the working directory; `benchmarks/warm_pytest.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Use a started process."""
        self._process = process

    def run(self, request: Request) -> Answer:
        """Run tests in a process of their own."""
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None and answers is not None
        requests.write(f"{json.dumps(asdict(request))}\n")
        requests.flush()
        return Answer(**json.loads(answers.readline()))


@contextmanager
def copied_checkout() -> Iterator[WarmPytest]:
    """A copy of the checkout as the working directory, and a process that runs its tests."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "checkout")
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, copy / name)
        prefix = NAMESPACE if _has_namespaces() else ()
        command = [*prefix, sys.executable, "benchmarks/warm_pytest.py"]
        settings = {"PYTHONPATH": str(copy), "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        with (
            chdir(copy),
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | settings,
                text=True,
            ) as process,
        ):
            try:
                yield WarmPytest(process)
            finally:
                process.kill()


def _has_namespaces() -> bool:
    if shutil.which(NAMESPACE[0]) is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0


def measure(
    pytest: WarmPytest,
    module: Path,
    tests: Sequence[Path] = (),
    sample: int | None = None,
    seed: int = 0,
) -> Score:
    """Run a module's tests against mutations of it, in the copy of the checkout.

    Args:
        pytest: runs the tests.
        module: path of the file, relative to the checkout.
        tests: the tests that are run; none: the namesake tests.
        sample: how many mutations, drawn at random; None: all.
        seed: of the draw.

    Raises:
        click.UsageError: there is no such module or test, or the tests fail without a mutation.
    """
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    tests = tests or namesake_tests(module)
    for path in (module, *tests):
        if not path.exists():
            raise click.UsageError(f"there is no file {path} in {ROOT}.")
    files = [str(test) for test in tests]
    began = time.monotonic()
    first = pytest.run(Request(files, FIRST_RUN_SECONDS, trace=str(module.absolute())))
    if not first.passed:
        raise click.UsageError(f"{module}: tests fail without a mutation:\n{first.output[-2000:]}")
    seconds = max(LEAST_SECONDS, SLOWER * (time.monotonic() - began))
    original = module.read_text(encoding="utf-8")
    mutations = _mutations(module)
    drawn = random.Random(seed).sample(mutations, min(sample or len(mutations), len(mutations)))
    survivors = []
    for mutation in drawn:
        operator = get_operator(mutation.operator_name)()
        mutated = mutate_code(original, operator, mutation.occurrence)
        try:
            module.write_text(mutated, encoding="utf-8")
            only = executing(original, mutation.start_pos[0], first.lines)
            if pytest.run(Request(files, seconds, only)).passed:
                diff = _diff(module, original, mutated)
                survivors.append(Survivor(mutation.operator_name, diff))
        finally:
            module.write_text(original, encoding="utf-8")
    return Score(str(module), len(drawn), tuple(survivors))


def executing(source: str, line: int, executed: Mapping[str, Sequence[str]]) -> list[str]:
    """Ids of the tests that execute the statement at a line; none: all tests could.

    Args:
        source: of the module.
        line: counted from 1.
        executed: the tests of each line, as `warm_pytest` traced them.
    """
    around = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    if not around:
        return []
    statement = max(around, key=lambda node: node.lineno)
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno or line
    lines = range(statement.lineno, max(last, statement.lineno) + 1)
    found = {test for number in lines for test in executed.get(str(number), ())}
    return [] if "" in found else sorted(found)


def _diff(module: Path, original: str, mutated: str) -> str:
    lines = (original.splitlines(), mutated.splitlines())
    return "\n".join(difflib.unified_diff(*lines, f"a/{module}", f"b/{module}", n=2, lineterm=""))


def _mutations(module: Path) -> list[MutationSpec]:
    """In the order of the file; the same for the same file."""
    from cosmic_ray.commands import init
    from cosmic_ray.work_db import WorkDB, use_db

    with (
        tempfile.TemporaryDirectory() as folder,
        use_db(Path(folder, "mutations.sqlite"), WorkDB.Mode.create) as database,
    ):
        init([module], database, {})
        every = [item.mutations[0] for item in database.work_items]
    lines = module.read_text(encoding="utf-8").splitlines()
    chosen = {f"core/{operator}" for operator in OPERATORS}
    unseen = "|".join(UNSEEN)
    return sorted(
        (
            mutation
            for mutation in every
            if mutation.operator_name in chosen
            and not re.search(unseen, lines[mutation.start_pos[0] - 1])
            and not _is_dotted_exception(mutation, lines)
        ),
        key=lambda mutation: (mutation.start_pos, mutation.operator_name, mutation.occurrence),
    )


def _is_dotted_exception(mutation: MutationSpec, lines: Sequence[str]) -> bool:
    """Whether it replaces `module.Error`, at which Cosmic Ray fails."""
    (first, begin), (last, end) = mutation.start_pos, mutation.end_pos
    replaced = lines[first - 1][begin : end if first == last else None]
    return mutation.operator_name.endswith("ExceptionReplacer") and "." in replaced


@click.command()
@click.argument("modules", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--tests", multiple=True, type=click.Path(path_type=Path), help="Tests to run.")
@click.option("--sample", type=click.IntRange(1), help="Mutations of each module; none: all.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sample.")
def main(modules: tuple[Path, ...], tests: tuple[Path, ...], sample: int | None, seed: int) -> None:
    """Count the mutations of each module that its tests notice, and print those that survive.

    Example: python -m benchmarks.mutations pipelines/gate.py pipelines/locks.py --sample 10
    """
    scores = []
    failed = False
    with copied_checkout() as pytest:
        for module in modules:
            try:
                score = measure(pytest, module, tests, sample, seed)
            except click.UsageError as error:
                failed = True
                click.echo(f"{error.format_message()}\n", err=True)
                continue
            scores.append(score)
            for survivor in score.survivors:
                click.echo(f"survived ({survivor.operator}):\n{survivor.diff}\n")
            click.echo(f"{score}\n")
    click.echo("\n".join(map(str, scores)))
    if failed:
        raise SystemExit(2)


if __name__ == "__main__":
    main()
