# Python >= 3.11 with venv and headers, make, git and a C++20 compiler are needed; everything else is installed into .venv.
PYTHON ?= python3
NUMPY ?= numpy
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SANITIZED ?= tests/test_bad_input.py tests/test_ops.py tests/test_special_values.py tests/test_gemm.py tests/test_written_inputs.py
# Of all fuzzers together.
FUZZ_SECONDS ?= 600
SOURCES := $(shell find cpp python CMakeLists.txt pyproject.toml -type f -not -name '*.pyc' -not -name '*.so')

.PHONY: demo test thorough reliability fuzz bench lint format sanitize platforms docs wheel clean

# Each file in .venv says that something is installed there.
.venv/.build-tools: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install -q "scikit-build-core>=0.10" "pybind11>=3.0,<4" cmake ninja "$(NUMPY)"
	touch $@

# The wheel that `pip wheel .` makes, checked and installed.
.venv/.installed: .venv/.build-tools $(SOURCES)
	rm -rf dist
	$(PIP) wheel -q --no-build-isolation --no-deps -Ccmake.define.DENSEKIT_NATIVE_TESTS=ON -w dist .
	$(PIP) install -q --no-deps --force-reinstall dist/densekit-*.whl
	$(BIN)/python tools/check_wheel.py dist/densekit-*.whl
	touch $@

# Names of extras of pyproject.toml: .venv/.extra-test and so on.
.venv/.extra-%: .venv/.build-tools
	$(BIN)/python tools/extras.py $* | xargs -d '\n' $(PIP) install -q "$(NUMPY)"
	touch $@

# PyTorch only from a file on this machine (PIP_FIND_LINKS): the index has gigabytes of it. Without it, its tests skip.
.venv/.torch: .venv/.extra-test
	if $(PIP) install -q --no-index --no-deps torch==2.13.0 2>/dev/null; \
	then $(PIP) install -q filelock typing-extensions sympy networkx jinja2 fsspec 'setuptools>=77.0.3'; \
	else echo "PyTorch 2.13.0 is not on this machine: the tests that need it will skip"; fi
	touch $@

demo: .venv/.installed .venv/.extra-plot
	$(BIN)/python -m densekit demo

test: .venv/.installed .venv/.extra-test .venv/.extra-peers .venv/.extra-plot .venv/.torch
	tree=$$(ls -td build/cp*/ | head -1) && $(BIN)/cmake --build $$tree --target native_tests && \
	  $(BIN)/ctest --test-dir $$tree --output-on-failure
	$(BIN)/python -m pytest -q -n auto --junitxml=build/tests.xml tests
	$(BIN)/python tools/make_concepts.py build/tests.xml > build/concepts.md && cp build/concepts.md docs/concepts.md

# What `make test` runs a fixed part of, all of it: golden trainings on every instruction set of this machine.
thorough: .venv/.installed .venv/.extra-test .venv/.extra-peers .venv/.extra-plot .venv/.torch
	tree=$$(ls -td build/cp*/ | head -1) && $(BIN)/cmake --build $$tree --target golden_hashes && \
	  $$tree/tests/native/golden_hashes tests/golden/operations.txt tests/golden/trainings.txt tests/golden/hashes.txt
	DENSEKIT_THOROUGH=1 $(BIN)/python -m pytest -q -n auto tests

# The goals of docs/reliability.md that take long, each with its figure. make reliability GOALS="3 12"
reliability: .venv/.installed .venv/.extra-test .venv/.extra-peers
	$(BIN)/python tools/reliability.py $(GOALS)

# Clang's libFuzzer under AddressSanitizer and UBSan: specs, model files, calls of a network. What it finds stays in build/fuzz.
fuzz: .venv/.build-tools
	$(BIN)/cmake --preset fuzz -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja >/dev/null
	$(BIN)/cmake --build --preset fuzz
	for target in spec file network; do mkdir -p build/fuzz/corpus/$$target && \
	  ASAN_OPTIONS=allocator_may_return_null=1 build/fuzz/tests/fuzz/fuzz_$$target build/fuzz/corpus/$$target tests/fuzz/corpus/$$target \
	  -max_total_time=$$(($(FUZZ_SECONDS) / 3)) -max_len=6000 -timeout=10 -rss_limit_mb=3000 -print_final_stats=1 \
	  -artifact_prefix=build/fuzz/found_$${target}_ || exit 1; done

# JAX and Keras are a few hundred megabytes; without them their rows are left out.
.venv/.bench-peers: .venv/.build-tools
	$(BIN)/python tools/extras.py bench | xargs -d '\n' $(PIP) install -q "$(NUMPY)" || echo "JAX and Keras are left out"
	touch $@

bench: .venv/.installed .venv/.extra-plot .venv/.extra-peers .venv/.torch .venv/.bench-peers
	bench/run $(BIN)/python

# Native tests under the sanitizers, then the extension of the asan preset beside a copy of the package. The libraries are
# loaded first because Python itself is not built with them; leaks are not asked about because Python leaves many on purpose.
sanitize: .venv/.build-tools .venv/.extra-test
	for preset in asan tsan; do \
	  $(BIN)/cmake --preset $$preset -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python \
	    -Dpybind11_DIR=$$($(BIN)/python -m pybind11 --cmakedir) && \
	  $(BIN)/cmake --build --preset $$preset && $(BIN)/ctest --preset $$preset || exit 1; done
	rm -rf build/asan/package && mkdir -p build/asan/package && cp -r python/densekit build/asan/package/
	rm -f build/asan/package/densekit/*.so && cp build/asan/*.so build/asan/package/densekit/
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
	  PYTHONMALLOC=malloc PYTHONPATH=build/asan/package $(BIN)/python -m pytest -q -n 2 $(SANITIZED)

# Native tests for other compilers, systems and processors, as far as they are installed. make platforms PLATFORMS="libcxx s390x"
platforms: .venv/.build-tools
	$(BIN)/python tools/platforms.py $(PLATFORMS)

lint: .venv/.installed .venv/.extra-dev .venv/.extra-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files '*.h' '*.cpp')
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest --allowlist tools/stubtest_allowlist.txt densekit._core
	$(MAKE) -s build/generated
	for file in $(GENERATED); do diff -u $$file build/generated/$$file \
	  || { echo "make lint: $$file is out of date; run make docs" >&2; exit 1; }; done

format: .venv/.extra-dev
	$(BIN)/ruff check --fix -q .
	$(BIN)/ruff format -q .
	$(BIN)/clang-format -i $$(git ls-files '*.h' '*.cpp')

# What is generated: the tables of operations and of kinds, and the stubs of what type checkers cannot read.
MADE := activations losses
GENERATED := docs/operations.md docs/kinds.md python/densekit/_core.pyi $(MADE:%=python/densekit/functional/_made_%.pyi)
.PHONY: build/generated
build/generated: .venv/.installed .venv/.extra-dev
	rm -rf $@ && mkdir -p $@/docs $@/python/densekit/functional
	$(BIN)/python tools/make_operations_table.py > $@/docs/operations.md
	$(BIN)/python tools/make_kinds_table.py > $@/docs/kinds.md
	for name in $(MADE); do $(BIN)/python tools/make_stubs.py $$name > $@/python/densekit/functional/_made_$$name.pyi; done
	$(BIN)/pybind11-stubgen densekit._core -o $@
	sed -E 's/^(\w+: str) = .*/\1/; s/^(\w+: list) = .*/\1[str]/' $@/densekit/_core.pyi > $@/python/densekit/_core.pyi
	$(BIN)/ruff check -q --select I --fix $@/python && $(BIN)/ruff format -q $@/python

# Warnings are errors, and each page of the gallery is run. docs/concepts.md is of the last `make test`.
docs: build/generated .venv/.extra-docs .venv/.extra-peers
	for file in $(GENERATED); do cp $</$$file $$file; done
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

wheel: .venv/.installed

clean:
	rm -rf build dist wheelhouse .venv
