"""The conditions under which the hash of a run's weights holds."""

import importlib.metadata
import os
import sys

import pytest

from pipelines.flows import reproducibility


def test_threads_are_those_that_were_set_or_one_a_core(monkeypatch):
    for name in reproducibility.THREADS:
        monkeypatch.delenv(name, raising=False)
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    assert set(reproducibility.threads().values()) == {str(cores)}
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    assert reproducibility.threads()["TF_NUM_INTRAOP_THREADS"] == "3"
    assert reproducibility.conditions()["threads"] == "3"


@pytest.mark.parametrize(("counted", "cores"), [(4, "4"), (None, "1")])
def test_where_no_process_has_cores_of_its_own_those_of_the_machine_count(
    monkeypatch, counted, cores
):
    monkeypatch.setattr(reproducibility.sys, "platform", "darwin")
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    for name in reproducibility.THREADS:
        monkeypatch.delenv(name, raising=False)
    assert set(reproducibility.threads().values()) == {cores}


def test_versions_name_what_must_be_the_same_on_every_worker():
    for package in ("ann-pipelines", "keras", "numpy"):
        assert f"{package} {importlib.metadata.version(package)}" in reproducibility.versions()
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}, "
    assert reproducibility.versions().startswith(python)


@pytest.mark.parametrize(
    ("cpuinfo", "processor"),
    [
        (
            "processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nmodel name\t: other\n",
            "Fast CPU @ 3 GHz",
        ),
        ("processor\t: 0\n", "a machine"),
        (None, "a machine"),
    ],
)
def test_the_processor_is_named_by_its_model_or_else_by_its_machine(
    tmp_path, monkeypatch, cpuinfo, processor
):
    path = tmp_path / "cpuinfo"
    if cpuinfo:
        path.write_text(cpuinfo)
    monkeypatch.setattr(reproducibility, "_CPUINFO", path)
    monkeypatch.setattr(reproducibility.platform, "processor", lambda: "")
    monkeypatch.setattr(reproducibility.platform, "machine", lambda: "a machine")
    assert reproducibility.conditions()["processor"] == processor
