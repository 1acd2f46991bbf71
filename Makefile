# `make help` lists the verbs. A machine with git, make and Python 3.11 or newer is enough.
#
#   PYTHON=python3.12   the interpreter that a new environment is made with
#   VENV=path           an environment of your own, used as it is: what it holds already (your build of
#                       torch, say) stays if it satisfies pyproject.toml. To build on the torch of the system:
#                         python3 -m venv --system-site-packages mine && make test VENV=mine
#   ARGS='-k alpha'     more arguments for pytest, for the demo, for fuzzing or for the benchmarks

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz check check-lowest bench docs clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.installed-demo ## install what is needed, then show aikit at work
	$(BIN)/aikit demo $(ARGS)

test: $(VENV)/.installed-dev ## run the tests
	$(BIN)/python -m pytest -n auto $(ARGS)

fuzz: $(VENV)/.installed-dev ## read mutated files until ARGS='--seconds 3600 --seed 7' are over
	PYTHONPATH=tests $(BIN)/python -m fuzz $(ARGS)

test-slow: $(VENV)/.installed-slow ## run the tests that take long: a quarter of an hour
	$(BIN)/python -m pytest -m slow $(ARGS)

check: $(VENV)/.installed-dev ## lint, formatting and types: what CI and pre-commit run
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check-lowest: .venv-lowest/.installed ## run the tests with the oldest packages pyproject.toml allows
	.venv-lowest/bin/python -m pytest $(ARGS)

bench: $(VENV)/.installed-bench ## time aikit beside its peers and a plain copy, a quarter of an hour
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/.installed-dev ## draw the pictures of the pages and build the site into site/
	$(BIN)/python docs/draw.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "Open site/index.html; its search needs a server: $(BIN)/python -m http.server --directory site"

clean: ## remove environments, caches and whatever else was made here
	rm -rf .venv .venv-lowest build dist site htmlcov demo-output fuzz-findings .coverage .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks examples -name __pycache__ -type d -exec rm -rf {} + 2>/dev/null || true

# The stamps make the second run free: they are renewed only when pyproject.toml is newer. The
# development install holds all that the demo needs, so it sets both.
$(VENV)/.installed-demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e ".[demo]"
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e ".[dev]"
	@touch $@ $(VENV)/.installed-demo

$(VENV)/.installed-slow: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e ".[dev,slow]"
	@touch $@ $(VENV)/.installed-dev $(VENV)/.installed-demo

$(VENV)/.installed-bench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e ".[dev,bench]"
	@touch $@ $(VENV)/.installed-dev $(VENV)/.installed-demo

$(BIN)/python:
	@$(call require-python)
	@echo "Creating $(VENV). The first installation downloads PyTorch: several minutes and about 5 GB."
	@$(PYTHON) -m venv $(VENV)

# uv resolves downwards, which pip cannot; the tools of the tests come afterwards and leave the bounds alone.
.venv-lowest/.installed: pyproject.toml
	@$(call require-python)
	$(PYTHON) -m venv --clear .venv-lowest
	.venv-lowest/bin/python -m pip install --disable-pip-version-check --quiet uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python --resolution lowest-direct -e .
	.venv-lowest/bin/python -m pip install --disable-pip-version-check --quiet -e ".[dev]"
	@touch $@

define require-python
command -v $(PYTHON) >/dev/null || { \
  echo "aikit needs Python 3.11 or newer, and there is no $(PYTHON); name yours: make PYTHON=/path/to/python3"; exit 1; }; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "aikit needs Python 3.11 or newer, and this is $$($(PYTHON) -V); name another: make PYTHON=python3.12"; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
  echo "$(PYTHON) cannot make environments; on Debian and Ubuntu run: apt install python3-venv"; exit 1; }
endef
