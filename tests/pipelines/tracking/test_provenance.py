"""Where a run comes from, in MLflow's own tags."""

import subprocess
import sys

import pytest

from pipelines.tracking import provenance, tags


@pytest.fixture(autouse=True)
def nothing_cached():
    provenance.user.cache_clear()
    provenance.git_commit.cache_clear()
    yield
    provenance.user.cache_clear()
    provenance.git_commit.cache_clear()


def test_user_command_and_commit_are_where_mlflows_ui_shows_them(monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.setattr(sys, "argv", ["/usr/bin/ann", "run", "xor_mlp"])
    monkeypatch.setattr(provenance, "git_commit", lambda: "c0ffee")
    assert provenance.of_this_process() == {
        tags.USER: "ada",
        tags.SOURCE_NAME: "ann run xor_mlp",
        tags.SOURCE_TYPE: "LOCAL",
        tags.SOURCE_COMMIT: "c0ffee",
        tags.GIT_COMMIT: "c0ffee",
    }


def test_a_long_command_is_cut_so_that_the_tag_stays_readable(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ann", "x" * 1000])
    assert provenance.command() == "ann " + "x" * 496


@pytest.mark.parametrize("error", [OSError("no such user"), KeyError("uid not found: 12345")])
def test_a_user_without_a_name_is_unknown(monkeypatch, error):
    def nameless() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", nameless)
    assert provenance.user() == "unknown"


def test_the_commit_is_what_git_prints(monkeypatch, tmp_path):
    (tmp_path / "git").write_text("#!/bin/sh\necho c0ffee\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_commit() == "c0ffee"


def test_the_commit_is_that_of_the_code_not_of_the_working_directory(monkeypatch, tmp_path):
    asked = []

    def git(arguments, **options):
        asked.append(arguments)
        assert options["check"]
        return subprocess.CompletedProcess(arguments, 0, "c0ffee\n", "")

    monkeypatch.setattr(subprocess, "run", git)
    monkeypatch.chdir(tmp_path)
    assert provenance.git_commit() == "c0ffee"
    assert asked[0][2] == provenance.__file__.rpartition("/")[0]


@pytest.mark.parametrize(
    "error", [FileNotFoundError("git"), subprocess.CalledProcessError(128, "git")]
)
def test_without_git_or_a_checkout_it_is_the_installed_version(monkeypatch, error):
    def no_git(*_, **__):
        raise error

    monkeypatch.setattr(subprocess, "run", no_git)
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"{name} 1.2")
    assert provenance.git_commit() == "ann-pipelines 1.2"
