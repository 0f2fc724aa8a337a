# SPDX-License-Identifier: MIT
# The door: `make help`. Meson does the building; this file only knows what to call in which order.

PYTHON ?= python3
PYTEST_ARGS ?=

BUILD_ENV := .venv-build
TEST_ENV := .venv-test
MESON := $(BUILD_ENV)/bin/meson
# Meson looks for ninja on PATH; ours is beside it.
export PATH := $(CURDIR)/$(BUILD_ENV)/bin:$(PATH)

.DEFAULT_GOAL := build
# One step after the other: two apt-get at once would wait for each other.
.NOTPARALLEL:
.PHONY: help run build test torture bench asan tsan fuzz lint format wheel docs clean distclean \
	packages-build packages-test packages-lint packages-fuzz packages-bench pythons

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: build/build.ninja ## build/ulma, which runs in place
	@$(MESON) compile -C build
	@test -x build/ulma && echo "built: build/ulma (try: build/ulma run yours.py)"

run: build ## profile a well-known Python program live, then show its report
	@tools/demo

test: packages-test build $(TEST_ENV)/ready pythons ## run every test (under 20 minutes on two cores)
	@tools/test $(PYTEST_ARGS)

torture: packages-test build $(TEST_ENV)/ready pythons ## the long repetitions, before a claim is made
	@ULMA_TORTURE=1 tools/test $(PYTEST_ARGS)

bench: packages-bench build pythons ## tables of ratios: ulma, cProfile, yappi, viztracer
	@bench/run

asan: packages-test $(MESON) ## unit tests under AddressSanitizer and UBSan
	@tools/sanitized address,undefined

tsan: packages-test $(MESON) ## unit tests under ThreadSanitizer
	@tools/sanitized thread

fuzz: packages-fuzz $(MESON) ## feed hostile sessions to the reader for five minutes
	@tools/fuzz

lint: packages-lint packages-test $(MESON) $(TEST_ENV)/ready ## formats, warnings, clang-tidy, cppcheck, ruff, mypy, layers
	@tools/lint

format: packages-lint $(TEST_ENV)/ready ## put every file into its format
	@tools/lint --fix

wheel: $(MESON) ## dist/ulma-*-py3-none-*.whl
	@$(BUILD_ENV)/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls -l dist

docs: build ## man pages in build/docs, from the same tables as --help
	@ls build/docs/*.1

clean: ## remove what was built
	rm -rf build build-* dist

distclean: clean ## remove what was fetched, too
	rm -rf .venv-build .venv-test .demo .bench .pythons

packages-build packages-test packages-lint packages-fuzz packages-bench:
	@tools/packages $(@:packages-%=%)

pythons:
	@tools/pythons || true

build/build.ninja: packages-build $(MESON)
	@test -f $@ || $(MESON) setup build

$(MESON): tools/requirements/build.txt | packages-build
	@echo "ulma: installing meson and ninja from PyPI into $(BUILD_ENV)/"
	@$(PYTHON) -m venv $(BUILD_ENV)
	@$(BUILD_ENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(TEST_ENV)/ready: tools/requirements/test.txt | packages-build
	@echo "ulma: installing pytest, ruff and mypy from PyPI into $(TEST_ENV)/"
	@$(PYTHON) -m venv $(TEST_ENV)
	@$(TEST_ENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
