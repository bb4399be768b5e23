# Everything a developer or CI runs. Needs Python 3.11 or newer (with venv), make, and node with npm for
# `make types` and `make web`. The tests that need a browser are left out where there is no Chromium.

# The newest Python that really starts and can build a virtual environment: a version manager's shim may exist and fail.
PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,\
	$(shell $(p) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
TORCH ?= torch==2.13.0

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
DEMO := .venv/demo.stamp
DEV := .venv/dev.stamp
NODE := web/node_modules/.package-lock.json

.PHONY: help demo web test exhaustive check format format-check lint types layers docs clean FORCE
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  %-14s %s\n' "$$name" "$$text"; done

demo: $(DEMO) ## Diagnose a small training script that has a fault
	$(BIN)/osler run examples/digits/train.py
	@$(BIN)/osler report --format html --output osler-report.html
	@echo 'The report with pictures: open $(CURDIR)/osler-report.html'

web: $(NODE) ## Build the page of the HTML report from web/
	cd web && npm run --silent check-sources && npm run --silent build

check: format-check lint types layers docs test ## Everything CI runs

test: $(DEV) $(NODE) ## Run the tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal -m 'not exhaustive'

exhaustive: $(DEV) $(NODE) ## Run all tests, those included that take an hour
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal -m 'slow or not slow'

format: $(DEV) ## Format the code and apply safe fixes
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

format-check: $(DEV) ## Is the code formatted?
	$(BIN)/ruff format --check

lint: $(DEV) ## Look for mistakes and bad style
	$(BIN)/ruff check

types: $(DEV) ## Check the types
	$(BIN)/pyright

layers: $(DEV) ## Check who imports whom
	$(BIN)/lint-imports --no-logo

docs: $(DEV) ## Write the pages of the checks and look for dead links
	$(BIN)/python tools/write_pages.py

clean: ## Remove everything that make made
	rm -rf web/node_modules osler-report.html .venv build dist docs/checks .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find src tests tools -name __pycache__ -prune -exec rm -rf {} +

$(DEMO): pyproject.toml .venv/constraints.txt
	@echo 'Installing osler and $(TORCH) into .venv: once, a few minutes'
	$(PIP) install -c .venv/constraints.txt -e '.[torch]' scikit-learn
	@touch $@

$(DEV): pyproject.toml .venv/constraints.txt
	@echo 'Installing osler, $(TORCH) and the tools into .venv: once, a few minutes'
	$(PIP) install -c .venv/constraints.txt -e '.[torch,dev]'
	@touch $@ $(DEMO)

$(NODE): web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Rewritten only when the pin changes, so that another TORCH installs it and the same one does nothing.
.venv/constraints.txt: .venv/pyvenv.cfg FORCE
	@echo '$(TORCH)' | cmp -s - $@ || echo '$(TORCH)' > $@

.venv/pyvenv.cfg:
	$(if $(PYTHON),,$(error no Python 3.11 or newer with venv was found: install one or name it, make PYTHON=/path/to/python3))
	$(PYTHON) -m venv .venv
