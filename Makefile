# The interface of engineers: `make` lists the targets. CI calls these and nothing else.

STUDY   ?= kkh
INPUTS  ?=
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/ready
TEST    := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not real"
BUILT   := data/$(STUDY)/inputs/built
GIVEN   := $(if $(INPUTS),--inputs $(INPUTS),)
BUILDER := $(wildcard data/$(STUDY)/build.py)
NEEDS   := $(READY) $(if $(INPUTS),,$(if $(BUILDER),$(BUILT)))

.DEFAULT_GOAL := help
.PHONY: help maps submerged costs alternatives pictures data test coverage check audit bench clean

help: ## list the targets
	@echo "make TARGET [STUDY=kkh] [INPUTS=folder of other inputs]"
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

maps: $(NEEDS) ## run the study and write maps/STUDY: map, report, costs, layers
	$(BIN)/realign run data/$(STUDY)/study.toml $(GIVEN)

submerged: $(NEEDS) ## flag the sections of the existing highway that the water takes
	$(BIN)/realign submerged data/$(STUDY)/study.toml $(GIVEN)

costs: $(NEEDS) ## print the phase costs of every option
	$(BIN)/realign costs data/$(STUDY)/study.toml $(GIVEN)

data: $(NEEDS) ## make the inputs of the study from its small tables
	@test -n "$(INPUTS)$(BUILDER)" || echo "data/$(STUDY) has no build.py: its inputs are those in data/$(STUDY)/inputs"

test: $(READY) ## run all tests
	$(TEST)
	$(BIN)/pytest -m real

coverage: $(READY) ## run all tests and say which lines none runs; takes half as long again
	$(TEST) --cov=realign --cov-report=
	$(BIN)/pytest -m real --cov=realign --cov-append --cov-report=term:skip-covered

check: $(READY) ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

audit: $(READY) ## hold the locked versions against known flaws, before a release; needs the network
	$(BIN)/pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip

bench: $(NEEDS) ## measure time, peak memory and the answer, beside rivals; some 35 minutes
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/python -m benchmarks.analytic benchmarks/problems/analytic.json
	$(BIN)/python -m benchmarks.raster
	$(BIN)/python -m benchmarks.corridor data/$(STUDY)/study.toml $(GIVEN) --curve docs/corridor_time.svg
	$(BIN)/python -m benchmarks.usual data/$(STUDY)/study.toml $(GIVEN)
	$(BIN)/python -m benchmarks.alternatives data/$(STUDY)/study.toml $(GIVEN)
	$(BIN)/python -m benchmarks.profile data/$(STUDY)/study.toml $(GIVEN)
	$(BIN)/python -m benchmarks.calibrated data/$(STUDY)/study.toml $(GIVEN)
	$(BIN)/python -m benchmarks.stages data/$(STUDY)/study.toml $(GIVEN)
	$(BIN)/python -m benchmarks.figures docs/state_space.svg

alternatives: $(NEEDS) ## rate a hundred roads across the longest gap, shortlist those that differ
	$(BIN)/realign alternatives data/$(STUDY)/study.toml $(GIVEN)

pictures: $(NEEDS) ## take the pictures of the README and docs/gallery.md from maps/STUDY
	@test -f maps/$(STUDY)/map.html || $(MAKE) maps
	$(BIN)/python docs/pictures.py maps/$(STUDY)

clean: ## remove the environment, the built inputs and the results
	rm -rf $(VENV) data/*/inputs maps/*/ .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage *.egg-info

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "realign needs Python 3.11 or later; say make PYTHON=python3.12, for example")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

$(BUILT): $(READY) $(filter-out %/SOURCES.md,$(wildcard data/$(STUDY)/*.csv data/$(STUDY)/*.py))
	$(BIN)/python data/$(STUDY)/build.py
	touch $(BUILT)
