# make up                              the whole system, with a live table; Ctrl-C ends it
# make up ARGS="--duration 5"          arguments of `hiso up` (hiso up --help)
# make test                            the tests; they need PyTorch
# make test TEST_ARGS="-k csi"         some of them, by arguments of pytest
# make test TORCH_ARGS="--index-url https://download.pytorch.org/whl/cpu"
#                                      with PyTorch's CPU build (0.2 GB) instead of the default one (CUDA, 3 GB)
# make clean                           removes what make has made

PYTHON ?= python3
ARGS ?=
TEST_ARGS ?=
TORCH ?= torch==2.13.0
TORCH_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
KERNEL_SOURCES := ran_emulator/state.py ran_emulator/scenario.py ran_emulator/e2/slot_wire/layout.py $(wildcard ran_emulator/phy/*.py) $(shell grep -rlE --include='*.py' '^@(state_|inline_)?kernel' ran_emulator xapps hiso)

.PHONY: up test clean
.DELETE_ON_ERROR:

up: $(VENV)/.kernels
	@$(BIN)/hiso up $(ARGS)

# Three processes share what bears company and often waits, a file at a time in the order of the folders; the rest has
# the machine alone.
test: $(VENV)/.test
ifeq ($(strip $(TEST_ARGS)),)
	@$(BIN)/python -m pytest -m "not alone and not matrix" --numprocesses 3 --dist loadfile --no-loadscope-reorder
	@$(BIN)/python -m pytest -m "alone and not matrix"
else
	@$(BIN)/python -m pytest $(TEST_ARGS)
endif

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing (once; half a minute)"
	@$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.kernels: $(VENV)/.installed $(KERNEL_SOURCES)
	@echo "Compiling the kernels (once; about a minute)"
	@$(BIN)/python -m hiso.warm_up
	@touch $@

$(VENV)/.test: $(VENV)/.kernels
	@echo "Installing what the tests need"
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[test]'
	@$(PIP) install $(TORCH) --quiet $(if $(TORCH_ARGS),$(TORCH_ARGS),--constraint constraints.txt)
	@touch $@

clean:
	@rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .grimp_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
