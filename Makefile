# `make run` and `make test` set up what they need; `make help` names the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help run test test-slow check format lock setup bench ui clean

help:  ## name every target
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: setup  ## the main job: every row of the lecture, tracked, gated, with a table at the end
	@$(BIN)/ann run

test: setup  ## the tests
	@$(BIN)/pytest

test-slow: setup  ## the slow tests: browser, killed processes, servers that go away
	@$(BIN)/pytest -m slow

check: setup  ## what CI checks: format, lint, types, import walls
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup  ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup  ## the training benchmark: about 13 minutes
	@$(BIN)/ann benchmark training

ui: setup  ## MLflow's pages on the embedded store
	@$(BIN)/ann ui

setup: $(VENV)/.installed  ## the virtual environment with pinned, hash-checked packages

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	@echo "Setting up $(VENV): about 2.3 GB of packages, once"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock:  ## resolve the pins anew (needs uv)
	@uv pip compile pyproject.toml --extra train --extra dev --universal --python-version 3.11 \
		--generate-hashes --custom-compile-command "make lock" \
		--quiet --output-file requirements.lock

clean:  ## remove the environment and all local state
	@rm -rf $(VENV) .ann
