"""Each test compiles its own programs, on either backend."""

from __future__ import annotations

import pytest

from ann_models.training import backends, trainer


@pytest.fixture(autouse=True)
def no_program_is_shared(monkeypatch):
    monkeypatch.setattr(trainer, "_shared", {})


@pytest.fixture(params=[0, 10**9], ids=["xla", "graph"])
def backend(request, monkeypatch):
    """Each backend, whatever the rule would choose."""
    monkeypatch.setattr(backends, "WORTH_COMPILING", request.param)
    return request.param
