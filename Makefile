# Everything is set up in .venv; stamp files in it keep repeated runs quick.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)

.PHONY: help demo test check docs base-model clean

help:
	@echo "make demo    inspect sample parts with the shipped model; the report goes to demo-report/"
	@echo "make test    run the tests (installs PyTorch: several gigabytes, once)"
	@echo "make check   lint, formatting, types and the floors of the architecture"
	@echo "make docs    build the documentation into site/, broken links being errors"
	@echo "make base-model   train the model that ships anew (FLAWSCOPE_DATA; two hours on two cores)"
	@echo "make clean   remove .venv and everything built"

demo: $(VENV)/base
	$(BIN)/flawscope demo --out demo-report

# One thread a worker: two workers that each start a thread per core only wait for one another.
test: $(VENV)/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto $(ARGS)

check: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/dev
	$(BIN)/zensical build --strict

base-model: $(VENV)/dev
	$(BIN)/python benchmarks/experiments.py base

clean:
	rm -rf $(VENV) build dist site demo-report

$(VENV)/made:
	@test -n "$(PYTHON)" || { \
		echo "flawscope needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3" >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/base: $(VENV)/made pyproject.toml
	@echo "Installing flawscope (once; about a minute)"
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/dev: $(VENV)/made pyproject.toml
	@echo "Installing flawscope with PyTorch and the tools (once; a few minutes)"
	$(BIN)/python -m pip install --quiet --editable ".[train,dev]"
	@touch $@ $(VENV)/base
