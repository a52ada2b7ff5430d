# Askfirst: two commands matter, `make run` and `make test`.

PYTHON ?= python3
WORKERS ?= auto
BIN := .venv/bin
NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
SYNC := $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode

.DEFAULT_GOAL := help
.PHONY: help run test check bench pictures setup browser lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.run ## set up what is missing and start the desk on http://127.0.0.1:8080
	@exec $(BIN)/python -m bot serve

setup: .venv/.dev ## make .venv with everything that running, testing and checking need

test: .venv/.dev browser ## set up what is missing and run every test (ARGS=…: some); intake/ and storage/ must be covered whole
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n $(WORKERS) $(if $(ARGS),,--cov --cov-report=) $(ARGS)
	$(if $(ARGS),,$(BIN)/coverage report --include='intake/*,storage/*' --fail-under=100)

check: .venv/.dev .venv/.tsc ## lint, formatting, types, and which room may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(NODE) .venv/node_modules/.bin/tsc -p .

bench: .venv/.dev browser ## measure turns a second, latency, sealing, look-ups, and what the widget costs a page
	$(BIN)/python -m tests.bench

pictures: .venv/.dev browser ## make docs/pictures/: every state of the widget, both themes, both languages; look at them
	$(BIN)/python -m tests.pictures

browser: # Chromium for the browser tests: the system's; as root it is installed, else Playwright fetches its own
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Chromium for the browser tests …"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; \
	else $(BIN)/playwright install chromium; fi \
	|| echo "NO BROWSER: Chromium cannot be installed here, the browser tests will be skipped (under CI they fail)."

lock: .venv/.dev ## resolve the versions anew after pyproject.toml has changed (UPGRADE=1: take newer ones)
	$(BIN)/uv pip compile --quiet $(if $(UPGRADE),--upgrade) pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --quiet $(if $(UPGRADE),--upgrade) pyproject.toml --group test --group check \
	    -c requirements/run.txt -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet $(if $(UPGRADE),--upgrade) --group installer -o requirements/uv.txt
	$(NODE) npm $(if $(UPGRADE),update,install) --package-lock-only --omit-lockfile-registry-resolved --prefix requirements --silent

clean: ## remove what the other targets made; var/ (the desk's own data) stays
	rm -rf .venv .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find bot intake storage config tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps below make a second call cost nothing. pip fetches one package, uv, by its hash; uv fetches the rest by theirs.

.venv/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Askfirst needs Python 3.11 or newer: make PYTHON=python3.12 …" or 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@printf '#!/bin/sh\nPYTHONPATH="%s$${PYTHONPATH:+:$$PYTHONPATH}" exec "%s/python" -m bot "$$@"\n' \
	    "$(CURDIR)" "$(CURDIR)/$(BIN)" > $(BIN)/askfirst
	@chmod +x $(BIN)/askfirst
	@touch $@

.venv/.run: .venv/.uv requirements/run.txt
	$(SYNC) requirements/run.txt
	@$(BIN)/python -m compileall -q bot intake storage config
	@rm -f .venv/.dev
	@touch $@

.venv/.dev: .venv/.uv requirements/dev.txt
	$(SYNC) requirements/dev.txt
	@touch .venv/.run $@

.venv/.tsc: .venv/.dev requirements/package-lock.json
	@cp requirements/package.json requirements/package-lock.json .venv/
	@$(NODE) npm ci --prefix .venv --ignore-scripts --no-audit --no-fund --silent
	@touch $@
