# make run    set everything up (once) and open the app on the current directory
# make test   set everything up (once) and run every check and test
# make bench  measure speed against peers; see benchmarks/
.DEFAULT_GOAL := help
WORKSPACE ?= $(CURDIR)
BIN := .venv/bin

.PHONY: help setup run test check bench clean

help:
	@sed -n 's/^# make/make/p' Makefile

setup:
	@scripts/setup
	@scripts/engine
	@scripts/images claude-code shell

run: setup
	@$(BIN)/ironcurtain-tui run --workspace "$(WORKSPACE)" $(ARGS)
	@command -v ironcurtain-tui >/dev/null || \
	  printf '%s\n' 'The command lies in .venv/bin. To have it everywhere: pipx install .  or' \
	    '  export PATH="$(CURDIR)/$(BIN):$$PATH"'

check:
	@scripts/setup dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	@scripts/packages tmux=tmux git=git socat=socat
	@scripts/engine
	scripts/images
	@scripts/test

bench:
	@scripts/setup dev
	@scripts/packages tmux=tmux haproxy=haproxy
	@scripts/engine
	@scripts/images
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
