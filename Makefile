# Everything that is done with a checkout. `make` alone lists the targets.
# Needs Python 3.11 or newer with venv, and make; writes nothing outside the checkout.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# Name another interpreter with `make setup PYTHON=/path/to/python3.12`.
PYTHON ?=
# More words for the program behind a target: `make test ARGS="tests/unit -k grammar"`.
ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_CACHE_DIR := 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev adapters run test test-long coverage check format bench soak lock clean

help: ## this list
	@echo "make TARGET, one of:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.ready-run ## the virtual environment with all that `make run` needs

setup-dev: $(VENV)/.ready-dev ## the same, and what tests and checks need

adapters: $(VENV)/.ready-adapters ## the libraries of every adapter, beside what `make run` needs

run: setup ## the bot; without Slack tokens the demo, which prints one URL
	@exec $(BIN)/python -m bot run $(ARGS)

# Many tests wait for a server or a clock: more workers than cores, the long files first.
test: setup-dev ## every test but the long ones
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder \
		$(if $(ARGS),$(ARGS),$(LONG:%=--ignore=%))

test-long: setup-dev ## kills at every point that has a name, and several processes at once
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(LONG) $(ARGS)

# Longer than `make test`, and in one process: what is being counted runs slower.
coverage: setup-dev ## every test, and which lines and branches none of them runs
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest --timeout 600 $(ARGS)
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report --fail-under 90
	@$(BIN)/coverage report --fail-under 100 --include 'bot/domain/*'

check: setup-dev ## linters, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/codespell

format: setup-dev ## mends what a program can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.ready-bench ## measures, and prints tables: make bench ARGS="--quick --only burst" (--markdown to paste)
	@$(BIN)/python -m bench $(ARGS)

soak: setup-dev ## kills and faults until the time is up: make soak ARGS="--minutes 30 --on sqlite"
	@$(BIN)/python -m bench soak $(ARGS)

LONG := tests/crash tests/replicas

ADAPTERS := --extra aws --extra ldap --extra mysql

lock: setup-dev ## makes requirements/*.txt anew from pyproject.toml
	@set -e; $(BIN)/python -m pip install -q uv; \
	for set in "run" "demo --extra demo" "adapters --extra demo $(ADAPTERS)" \
		"dev --extra demo $(ADAPTERS) --group dev" \
		"bench --extra demo $(ADAPTERS) --group dev --group bench"; do \
		name=$${set%% *}; options=$${set#$$name}; \
		$(BIN)/uv pip compile -q pyproject.toml requirements/build.in $$options \
			--python-version 3.11 --universal --generate-hashes --no-strip-extras --no-emit-index-url \
			--no-header -o requirements/$$name.txt; \
	done

clean: ## removes the virtual environment, caches and the demo's data
	@rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# What is installed is pinned by hash; the checkout itself is linked in, with nothing fetched.
$(VENV)/.ready-run: $(VENV)/.made requirements/demo.txt pyproject.toml
	@echo "Installing what Curfew needs into $(VENV) (once) ..."
	@$(BIN)/python -m pip install -q --require-hashes -r requirements/demo.txt
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-adapters: $(VENV)/.ready-run requirements/adapters.txt
	@echo "Installing the libraries of every adapter into $(VENV) (once) ..."
	@$(BIN)/python -m pip install -q --require-hashes -r requirements/adapters.txt
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready-run requirements/dev.txt
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(BIN)/python -m pip install -q --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.ready-bench: $(VENV)/.ready-dev requirements/bench.txt
	@echo "Installing what the benchmarks compare with into $(VENV) (once) ..."
	@$(BIN)/python -m pip install -q --require-hashes -r requirements/bench.txt
	@touch $@

$(VENV)/.made:
	@PYTHON="$(PYTHON)" sh requirements/make-venv.sh $(VENV)
	@touch $@
