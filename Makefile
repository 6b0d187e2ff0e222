.DEFAULT_GOAL := help
.PHONY: help install run test compile bench lock clean

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check
RECENT := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON = $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c '$(RECENT)' >/dev/null 2>&1 && { echo $$p; break; }; done)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

install: $(INSTALLED) ## make .venv with the pinned requirements and this project

run: $(INSTALLED) ## simulate the main job, Llama 3 405B on 16,384 H100s; print its waterfall and bill, write results/
	$(BIN)/trainwright run llama3-405b

test: $(INSTALLED) ## check style and types, then run every test that is not marked slow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict sim topologies
	$(BIN)/python -m pytest -n auto --maxprocesses 8 -m "not slow"

compile: $(INSTALLED) ## compile the engine of plain runs to C (needs a C compiler)
	@mkdir -p build
	@$(BIN)/python -c 'from sim.compiled import compile_all; print(*compile_all(), sep="\n")' >build/compile.log 2>&1 \
		&& tail -n 1 build/compile.log || { cat build/compile.log >&2; exit 1; }

bench: $(INSTALLED) ## measure speed and memory against the budgets
	$(BIN)/python -m tests.benchmarks

lock: $(INSTALLED) ## renew requirements.lock from pyproject.toml
	$(PIP) install --quiet uv
	head -n 1 requirements.lock > requirements.new
	printf 'setuptools>=77\n' | $(BIN)/uv pip compile pyproject.toml - --extra dev --universal --python-version 3.11 \
		--fork-strategy fewest --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
		--no-annotate --quiet >> requirements.new
	mv requirements.new requirements.lock

clean: ## remove .venv and what tools left behind; results/ stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find sim topologies experiments tests \( -name __pycache__ -o -name _compiled \) -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "make: Trainwright needs Python 3.11 or newer, got" \
		"$$(python3 --version 2>/dev/null || echo none); install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c '$(RECENT)' 2>/dev/null || { echo "make: $(PYTHON) is not Python 3.11 or newer" >&2; exit 1; }
	@echo "Installing into $(VENV) with $(PYTHON): about a minute the first time"
	@$(BIN)/python -c '$(RECENT)' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV) || { echo \
		"make: $(PYTHON) cannot make a virtual environment (on Debian: apt install python3-venv)" >&2; exit 1; }
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
