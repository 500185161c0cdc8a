# Two commands for a newcomer: `make demo` and `make test`. Wants make and Python 3.11 or newer, nothing else.
PYTHON ?= python3
VENV := .venv
JOBS ?= 2
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

.PHONY: demo test lint live shots bench dictionary words faults month leaks lock clean help
.DELETE_ON_ERROR:

demo: $(READY) ## The portal over a sandbox of three back offices, on an embedded Redis and SQLite
	@exec $(BIN)/hallway demo

test: lint ## Everything, in two processes (JOBS=1: in one); says at the end what this machine could not test
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

lint: $(READY) ## Style, types, directions of imports, the Dockerfile, house rules
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/python -m pytest --quiet tests/test_house.py

live: $(READY) ## Only the tests against real back offices, a real sign-in provider and a browser
	@$(BIN)/python -m pytest -m live

shots: $(READY) ## Pictures of every page into .shots/
	@$(BIN)/python tests/shots.py

bench: $(READY) ## Pages against the bare server; ONLY=B3 picks one, QUICK=1 takes a first look
	@$(BIN)/python tests/bench.py

dictionary: $(READY) ## After a change of the fixtures: what snapshots are compressed with
	@$(BIN)/python tests/train_dictionary.py

words: $(READY) ## After a change of what customers read: its sentences into the catalogues; ADD=es begins a language
	@$(BIN)/python tests/gather_words.py

faults: $(READY) ## What goes wrong around the portal, beside what was promised; SHORT=1, SEED=1, ONLY=redis
	@$(BIN)/python tests/faults.py

month: $(READY) ## A month of changes for a thousand customers: each message exactly once; MONTH=100 plays fewer
	@MONTH=$(or $(MONTH),1000) $(BIN)/python -m pytest -q -n0 -s -k sqlite $(if $(wildcard /dev/shm/.),--basetemp=/dev/shm/hallway-month) tests/test_mail_month.py

leaks: $(READY) ## A hundred thousand requests in search of one customer's words in another's answers
	@$(BIN)/python tests/leak_crawl.py

lock: $(READY) ## After a change of the dependencies in pyproject.toml
	@$(COMPILE) --output-file requirements.lock
	@$(COMPILE) --extra demo --group dev --output-file requirements-dev.lock

clean: ## Leaves .venv and .data
	@rm -rf dist .shots .bench .faults .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

$(READY): requirements-dev.lock pyproject.toml web/package-lock.json web/assets.py
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Hallway wants Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	@echo "Setting up $(VENV): about a minute the first time ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-build-isolation --no-deps -e .
	@touch $@
