# Python >= 3.11 with venv and headers, make, git and a C++20 compiler are needed; everything else is installed into .venv.
PYTHON ?= python3
NUMPY ?= numpy
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SOURCES := $(shell find cpp python CMakeLists.txt pyproject.toml -type f -not -name '*.pyc' -not -name '*.so')

.PHONY: demo test bench lint format sanitize docs wheel clean

# Each file in .venv says that something is installed there.
.venv/.build-tools: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install -q "scikit-build-core>=0.10" "pybind11>=3.0,<4" cmake ninja "$(NUMPY)"
	touch $@

# The wheel that `pip wheel .` makes, checked and installed.
.venv/.installed: .venv/.build-tools $(SOURCES)
	rm -rf dist
	$(PIP) wheel -q --no-build-isolation --no-deps -w dist .
	$(PIP) install -q --no-deps --force-reinstall dist/densekit-*.whl
	$(BIN)/python tools/check_wheel.py dist/densekit-*.whl
	touch $@

# Names of extras of pyproject.toml: .venv/.extra-test and so on.
.venv/.extra-%: .venv/.build-tools
	$(BIN)/python tools/extras.py $* | xargs -d '\n' $(PIP) install -q "$(NUMPY)"
	touch $@

demo: .venv/.installed .venv/.extra-plot
	$(BIN)/python -m densekit demo

test: .venv/.installed .venv/.extra-test .venv/.extra-peers
	$(BIN)/python -m pytest -q -n auto tests

bench: .venv/.installed
	$(MAKE) -C . build/bench/.built
	bench/run $(BIN)/python

lint: .venv/.installed .venv/.extra-dev .venv/.extra-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files '*.h' '*.cpp')
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest densekit._core

format: .venv/.extra-dev
	$(BIN)/ruff check --fix -q .
	$(BIN)/ruff format -q .
	$(BIN)/clang-format -i $$(git ls-files '*.h' '*.cpp')

docs: .venv/.installed
	$(BIN)/python tools/make_operations_table.py > docs/operations.md

wheel: .venv/.installed

clean:
	rm -rf build dist wheelhouse .venv
