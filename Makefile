# `make demo` and `make test` set up everything they need in .venv; nothing else is touched.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV ?= .uv/bin/uv
export UV_LINK_MODE ?= copy
# The tests and benchmarks import the runtime themselves: it would report to its maker.
export ORT_DISABLE_TELEMETRY := 1

SOURCES := pyproject.toml uv.lock hatch_build.py src/tidegate/native/build.py $(wildcard src/tidegate/native/*.[ch])

# What the benchmarks measure, one file each.
TOPICS := hashing index video trimmed video_index confinement detectors guard policy service console

.PHONY: demo console test fuzz chaos lint setup bench bench-quick bench-report robustness clean

demo: .venv/.demo
	.venv/bin/python -m demo.run

# The service with items that wait for a reviewer, until Ctrl-C.
console: .venv/.demo
	.venv/bin/python -m demo.console

test: lint
	OPENBLAS_NUM_THREADS=1 .venv/bin/python -m pytest -n auto --dist loadscope

# Mutated files for every decoder; what is worth a look is kept in build/fuzz.
fuzz: .venv/.dev
	OPENBLAS_NUM_THREADS=1 .venv/bin/python -m tests.fuzz --count 10000 --seed 1 --jobs 2 --keep build/fuzz

# kill -9 of server and workers under load; what was promised is held against the database.
KILLS ?= 200
chaos: .venv/.dev
	for database in sqlite postgres; do OPENBLAS_NUM_THREADS=1 .venv/bin/python -m tests.chaos --kills $(KILLS) --database $$database || exit 1; done

lint: .venv/.dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

setup: .venv/.dev

bench: .venv/.peers
	for topic in $(TOPICS); do .venv/bin/python -m benchmarks.$$topic || exit 1; done
	.venv/bin/python -m benchmarks.report

bench-quick: .venv/.peers
	for topic in $(TOPICS); do .venv/bin/python -m benchmarks.$$topic --quick || exit 1; done

bench-report: .venv/.peers
	.venv/bin/python -m benchmarks.report

# Fetches two public sets of photographs with Git into build/.
robustness: .venv/.demo
	.venv/bin/python -m benchmarks.robustness

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tidegate needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Installing the package builds it too, unless uv remembers having done so.
NATIVE := test -e src/tidegate/native/libtidegate.so || $(PYTHON) src/tidegate/native/build.py || echo "NumPy does the work"

.venv/.demo: $(SOURCES) | $(UV)
	$(UV) sync --frozen --quiet --inexact --compile-bytecode --python $(PYTHON) --group media
	@$(NATIVE)
	@touch $@

# The reference implementation of PDQ is compiled, so it is an oracle only where a compiler is.
.venv/.dev: $(SOURCES) | $(UV)
	$(UV) sync --frozen --quiet --inexact --compile-bytecode --python $(PYTHON) --group dev
	if command -v c++ >/dev/null; then $(UV) sync --frozen --quiet --inexact --compile-bytecode --python $(PYTHON) --group oracle \
		|| echo "the PDQ oracle could not be built: its tests are skipped"; fi
	@$(NATIVE)
	@touch $@

# Meta's tools are compiled: benchmarks/README.md says what that needs.
.venv/.peers: $(SOURCES) | $(UV)
	$(UV) sync --frozen --quiet --inexact --compile-bytecode --python $(PYTHON) --group peers
	@$(NATIVE)
	@touch $@

clean:
	rm -rf .venv .uv demo-out build dist
