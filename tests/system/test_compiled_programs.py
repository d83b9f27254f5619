"""A second run of a variant: XLA's compiled program is read from the state folder."""

import sqlite3
from contextlib import closing

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_second_run_uses_the_compiled_program_prints_no_message_and_gives_the_same_weights(ann):
    first, second = (ann("run", "relu_regression_2", "--seeds", "2", "--json") for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert len(list(ann.home.glob("compiled/*/*.pb"))) == 1
    lines = [line for line in second.stderr.splitlines() if line.strip()]
    assert [line.split()[0] for line in lines] == ["▸", "1/1"], second.stderr
    with closing(sqlite3.connect(f"file:{ann.home}/mlflow.db?mode=ro", uri=True)) as store:
        query = "SELECT DISTINCT value FROM tags WHERE key = 'weights_sha256'"
        assert len(list(store.execute(query))) == 1
