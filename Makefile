# Targets set up what they need: `make demo` and `make test` each work on a fresh clone.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
