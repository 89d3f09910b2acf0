# A thin face over the `causal` command; `make` alone lists what can be done.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JOBS   ?= 2
SPECS  := $(wildcard analyses/*.yaml)
NAMES  := $(patsubst analyses/%.yaml,%,$(SPECS))

.DEFAULT_GOAL := help
.PHONY: help install reports render verify test simulations benchmark lint types schema clean

help:  ## list what can be done
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(STAMP)  ## build .venv from the pinned, hashed constraints (idempotent)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed; found " + sys.version.split()[0] + ". Say: make PYTHON=python3.12 ...")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python has no venv module. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

reports: install  ## run every analysis and write its report
	$(BIN)/causal run $(SPECS) --jobs $(JOBS)

render: install  ## write every report again from its results.json (needs no data)
	$(BIN)/causal render $(addprefix reports/,$(NAMES))

verify: install  ## re-run every analysis and compare it with the committed result
	$(BIN)/causal verify $(addprefix reports/,$(NAMES)) --jobs $(JOBS)

test: install  ## run the tests (under 10 minutes; simulations apart)
	$(BIN)/python -m pytest -n 2 -m "not simulation"

simulations: install  ## the full simulation studies; writes docs/simulations/*.md
	$(BIN)/python -m benchmarks.simulations --jobs $(JOBS)

benchmark: install  ## time the ladder, refuters and instruments against peers in the same run
	$(BIN)/python -m benchmarks.ladder
	$(BIN)/python -m benchmarks.doubly_robust
	$(BIN)/python -m benchmarks.refuters
	$(BIN)/python -m benchmarks.instrument_speed

lint: install  ## ruff, codespell
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/codespell

types: install  ## mypy --strict
	$(BIN)/mypy

schema: install  ## write the JSON Schemas of specification and result
	$(BIN)/python -m causal.schema docs/schema

clean:  ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
