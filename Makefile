# make demo and make test need Python >= 3.11 with venv and headers, make and a C++20 compiler; all else they install.
PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check
SOURCES := $(shell find cpp python CMakeLists.txt pyproject.toml -type f -not -name '*.pyc')

.PHONY: demo test lint clean

.venv/.tools: pyproject.toml
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	$(PIP) install -q "scikit-build-core>=0.10" "pybind11>=3.0,<4" cmake ninja numpy
	touch $@

.venv/.installed: .venv/.tools $(SOURCES)
	$(PIP) install -q --no-build-isolation --no-deps --force-reinstall .
	touch $@

.venv/.test-tools: .venv/.tools
	$(PIP) install -q "pytest>=8" pytest-xdist "hypothesis>=6.100" "scipy>=1.11" "mpmath>=1.3"
	touch $@

test: .venv/.installed .venv/.test-tools
	.venv/bin/python -m pytest -q -n auto tests

clean:
	rm -rf build dist .venv
