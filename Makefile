# Every step of the house, one line each. `make run` and `make test` need Python 3.11+ and nothing else prepared.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Older ones do not tell modules from scripts.
NODE   := $(shell node -p 'Number(process.versions.node.split(".")[0]) >= 20' 2>/dev/null)
DATA   ?= data
PORT   ?= 8800

.PHONY: run setup setup-test test check bench lock clean

## run: serve the whole product with the demo bot on loopback, and print where to click
run: setup
	$(BIN)/frontdesk serve --demo --data $(DATA) --port $(PORT)

## setup: make the environment in .venv from the hash-locked requirements
setup: $(VENV)/.run
$(VENV)/.run: config/requirements/run.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r config/requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup-test: $(VENV)/.test
$(VENV)/.test: config/requirements/test.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r config/requirements/test.txt
	@touch $@

## test: everything, in real browsers and against real servers where the machine has them; says what it skipped and why
test: setup-test
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)
	@if [ "$(NODE)" = true ]; then node --test tests/js; else echo "skipped: tests/js needs node 20 or newer"; fi

## check: style, types, floors, scripts
check: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if [ "$(NODE)" = true ]; then \
	  git ls-files '*.js' '*.mjs' | xargs -n 1 node --check && echo "node --check: all scripts parse"; \
	else echo "skipped: node --check needs node 20 or newer"; fi

## bench: the figures of docs/performance.md
bench: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r config/requirements/bench.txt
	$(BIN)/python benchmarks/turns.py

## lock: resolve the requirements anew (needs uv)
lock:
	config/requirements/lock

clean:
	rm -rf $(VENV) build *.egg-info
