# `make run` and `make test` set up what they need; `make help` names the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# An absolute path serves in a container, too. `abspath` takes what has a space for two paths.
space := $() $()
ifneq ($(ANN_MNIST_PATH),)
export ANN_MNIST_PATH := $(subst :space:,$(space),$(abspath $(subst $(space),:space:,$(ANN_MNIST_PATH))))
endif
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

.PHONY: help run test test-slow check format lock setup bench guard mutations soak ui stack pin stack-down backup restore clean .env

help:  ## name every target
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: setup  ## the main job: every row of the lecture, tracked, gated, with a table at the end
	@$(BIN)/ann run

test: setup  ## the tests
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: setup  ## the slow tests: browser, killed processes, unavailable servers
	@$(BIN)/pytest -m slow --hypothesis-profile=random -n 3 --dist loadfile --no-loadscope-reorder

check: setup  ## what CI checks: format, lint, types, import layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup  ## format, and fix what can be fixed automatically
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup  ## the training benchmark: about 13 minutes
	@$(BIN)/ann benchmark training

guard: setup  ## recorded ratios of two trainings and of the store: none may have dropped by a third
	@$(BIN)/ann benchmark training relu_regression_1 overfit_dropout --json | $(BIN)/ann benchmark guard -
	@$(BIN)/ann benchmark store --json | $(BIN)/ann benchmark guard -

mutations: setup  ## MODULE="pipelines/gate.py …" SAMPLE=10: how many small mutations of it the tests notice
	@$(BIN)/python -m benchmarks.mutations $(MODULE) $(if $(SAMPLE),--sample $(SAMPLE))

soak: setup  ## MINUTES=20: `ann up` under load while champions change and parts are killed
	@$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),20)

ui: setup  ## MLflow's pages on the embedded store
	@$(BIN)/ann ui

setup: $(VENV)/.installed  ## the virtual environment with pinned, hash-checked packages

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) check_python.py
	@echo "Setting up $(VENV): about 2.9 GB of packages, once"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

stack: .env  ## the container stack: build, start, have its champion read a digit; TRAIN=1 trains again
	@COMPOSE="$(COMPOSE)" TRAIN="$(TRAIN)" deploy/stack.sh

pin: .env  ## write the digests of the stack's base images into .env
	@deploy/pin_images.sh

stack-down:  ## stop the stack; its data stays in its volumes
	@$(COMPOSE) down

backup:  ## the running stack's data, into a new folder below backups/
	@COMPOSE="$(COMPOSE)" deploy/backup.sh

restore: .env  ## FROM=backups/…: read a backup into a stack that holds nothing, and start it
	@COMPOSE="$(COMPOSE)" deploy/restore.sh "$$FROM"

.env:
	@umask 077 && deploy/new_env.sh $(wildcard .env) >$@.unfinished && mv $@.unfinished $@

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" --quiet

lock:  ## resolve the pins again (needs uv); the images' are those of requirements.lock
	@$(LOCK) pyproject.toml --extra train --extra dev --output-file requirements.lock
	@$(LOCK) pyproject.toml --extra postgres -c requirements.lock -o requirements-serving.lock
	@$(LOCK) deploy/backend.in -c requirements.lock -o requirements-backend.lock
	@$(LOCK) pyproject.toml --extra train --extra postgres -c requirements.lock -o requirements-worker.lock

clean:  ## remove the environment and all local state
	@rm -rf $(VENV) .ann
