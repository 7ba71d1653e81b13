# The one door. Each target makes its own .venv when there is none.
PYTHON ?= python3
BIN := .venv/bin
export UV_PROJECT_ENVIRONMENT := .venv
export UV_COMPILE_BYTECODE := 1
export UV_SYSTEM_CERTS ?= true

.PHONY: demo test check check-rest lint types imports reproducible docs bench fixtures independent fuzz clean

$(BIN)/trustkit: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "trustkit needs Python 3.11 to 3.13; this is " + sys.version.split()[0] + " (make PYTHON=python3.12 ...)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@$(BIN)/uv sync --quiet --frozen --inexact --all-extras --no-extra invisible-watermark --no-extra train --python $(BIN)/python
	@touch $@

demo: $(BIN)/trustkit
	$(BIN)/trustkit demo

test: $(BIN)/trustkit
	$(BIN)/python -m pytest -n 2

check: test check-rest

check-rest: lint types imports reproducible docs

lint: $(BIN)/trustkit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(BIN)/trustkit
	$(BIN)/mypy
	MYPYPATH=keys $(BIN)/mypy keys
	MYPYPATH=fixtures $(BIN)/mypy fixtures

imports: $(BIN)/trustkit
	$(BIN)/lint-imports

# The test media and the test keys are what their scripts make.
reproducible: $(BIN)/trustkit
	$(BIN)/python keys/make.py --check
	$(BIN)/python fixtures/make.py --check

docs: $(BIN)/trustkit
	$(BIN)/sphinx-build -q -W -n docs docs/_build

bench: $(BIN)/trustkit
	$(BIN)/uv sync --quiet --frozen --inexact --all-extras --no-extra invisible-watermark --no-extra train --group bench --python $(BIN)/python
	$(BIN)/python -m bench.run

fixtures: $(BIN)/trustkit
	$(BIN)/python keys/make.py
	$(BIN)/python fixtures/make.py

independent: $(BIN)/trustkit
	$(BIN)/python -m pytest -m independent -rs -s

fuzz: $(BIN)/trustkit
	TRUSTKIT_FUZZ=2000 $(BIN)/python -m pytest -n 2 -m fuzz

clean:
	rm -rf .venv docs/_build
