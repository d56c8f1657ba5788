# `make` alone prints what there is to make. Every target that needs Python makes .venv first, from the hashed lock;
# after that nothing here needs a network (except `make lock`).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
# A run starts some hundred processes of Python: without byte code each compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
WHEELS := $(VENV)/wheels
# Every worker imports all tests of its group once, so not more than there are cores.
JOBS ?= 2
# Tests of the live service wait for more than half of their time.
LIVE_JOBS ?= 4
FUZZ_EXAMPLES ?= 20000
DEMO := build/demo
# make quality QUALITY='--agents 300 --days 14 --quiet-days 7 --seeds 2' is done in minutes.
QUALITY ?= --training 2
# pip brings wheels, because it goes where its user says (an index, a mirror); uv installs what was brought, on all
# processors, in a quarter of the time. What it unpacks is linked into place, so it stands beside it, and then goes.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
download = $(PIP) download --require-hashes --no-deps --only-binary :all: --requirement $(1) --dest $(2)
install = $(UV) install --link-mode hardlink --cache-dir $(3)/.unpacked --python $(3)/bin/python --require-hashes --no-deps \
	--find-links $(2) --requirement $(1) && rm -rf $(3)/.unpacked
UV := $(BIN)/uv --no-config --offline --quiet pip

# The oldest supported interpreter that really runs (a version manager's shim may exist and refuse).
find_python = for p in python3.11 python3.12 python3.13; do \
	if $$p -c 'import venv, ensurepip' 2>/dev/null; then echo $$p; exit; fi; done; \
	echo "No Python 3.11, 3.12 or 3.13 found: install one, or say make PYTHON=/path/to/python." >&2; exit 1

# What hatch_build.py compiles.
COMPILED := $(wildcard detector/*/*.pyx detector/*/*.pxi)
# Rooms whose every branch is tested (docs/architecture.md).
CORE := detector/errors.py detector/domain/* detector/decode/* detector/features/* detector/detectors/* \
	detector/engine/* detector/config/*
comma := ,
space := $(subst ,, )
CORE_INCLUDE := $(subst $(space),$(comma),$(strip $(foreach room,$(CORE),$(room))))
# The tests that show it. Only these are traced for coverage, which makes a test two to six times slower; planted bugs
# go where the laws that they break have been, and so do laws and histories that are long and reach nothing else.
UNTRACED := $(patsubst %,tests/laws/test_%.py,\
		mutants bounds both_ways judging loading hours machines batches determinism caches arrival_order) \
	$(patsubst %,tests/stores/test_%.py,damage model crash_points inflight outbox) tests/sinks/test_relay.py
CORE_TESTS := tests/test_errors.py \
	$(filter-out $(UNTRACED),$(wildcard $(patsubst %,tests/%/test_*.py,\
		decode features detectors engine config laws stores sinks))) \
	tests/inventory/test_settings.py tests/inventory/test_records.py tests/sources/event_hubs/test_connection.py

# Tests with limits of time. They mostly wait; those that compute, and yield to them, fill the gaps.
LIVE_TESTS := tests/live tests/monitoring tests/sources/event_hubs tests/hub_tests tests/runtime/doctor \
	tests/cli/test_doctor.py tests/cli/test_canary.py

##@ See it
.PHONY: help
help:  ## List these targets
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: $(VENV)/.ready  ## Simulate nine days of a tenant with attacks in them, let the live service read them as they are written
	@rm -rf $(DEMO) && mkdir -p $(DEMO)/logs
	$(BIN)/agent-detector simulate --seed 7 --days 9 --agents 60 --out $(DEMO)
	@$(BIN)/python -m bench.demo $(DEMO)

##@ Prove it
.PHONY: test
test:  ## Everything that CI demands: lint, types, arrows, all tests, coverage of the core
	@$(MAKE) -j 4 --output-sync=target peers venv lint  # each by itself leaves a processor idle
	@$(MAKE) -j 2 --output-sync=target collect types  # as long as each other
	@$(MAKE) -j 2 --output-sync=line waiting computing

.PHONY: waiting
waiting: $(VENV)/.ready  ## Tests of what runs live, with limits of time
	@echo "Tests with limits of time:"
	@$(BIN)/python -m pytest -n $(LIVE_JOBS) --dist worksteal $(LIVE_TESTS) $(addprefix --ignore=,$(CORE_TESTS))

.PHONY: computing
computing: $(VENV)/.ready  ## All other tests, and the coverage of the core
	@echo "Tests of the core, traced:"
	@nice -n 5 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --cov --cov-report= $(CORE_TESTS)
	$(BIN)/python -m coverage report --include='$(CORE_INCLUDE)' --fail-under=100
	@echo "All other tests:"
	@nice -n 5 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(addprefix --ignore=,$(CORE_TESTS) $(LIVE_TESTS))

# What chance does, many more times than there is time for in CI.
.PHONY: nightly
nightly: peers  ## The faults that come at random, in large numbers (about an hour)
	KILLS=200 DISCONNECTS=100 INTERLEAVINGS=34 ZOMBIES=20 STOPS=20 FULL_DISKS=20 STORE_DAMAGE=1 \
		$(BIN)/python -m pytest -n 2 --dist worksteal -s tests/live tests/stores tests/sources/event_hubs
	FUZZ_EXAMPLES=1000 $(BIN)/python -m pytest -n 2 --hypothesis-profile=fuzz \
		tests/laws/test_arrival_order.py tests/laws/test_hours.py

.PHONY: lint
lint: $(VENV)/.locked  ## Ruff (rules and format) and the one-way arrows between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

.PHONY: types
types: $(VENV)/.locked  ## mypy, strict
	$(BIN)/mypy --strict detector

# Else every worker of `make test` would rewrite the assertions of all tests for itself, as it imports them.
.PHONY: collect
collect: $(VENV)/.ready  ## Find all tests, and keep the byte code of everything that they import
	@$(BIN)/python -m pytest --collect-only -qq | { grep -v '^tests/.*: [0-9]*$$' || true; }

# The real parts that tests talk to. Where they cannot be had, tests say so; with CI=true they fail.
.PHONY: peers
peers: build/azurite/.ready build/checkov/.ready  ## Prometheus, Alertmanager, Chromium (Debian), Azurite (npm), checkov for the tests
	@command -v chromium >/dev/null || { echo "Installing chromium."; $(call debian,chromium); } || \
		test "$${CI:-}" != true
	@command -v prometheus promtool prometheus-alertmanager amtool >/dev/null || { \
		echo "Installing prometheus and prometheus-alertmanager."; $(call debian,prometheus prometheus-alertmanager); } || \
		test "$${CI:-}" != true

build/azurite/.ready:
	@mkdir -p build/azurite
	@npm install --silent --no-audit --no-fund --prefix build/azurite azurite@3.35.0 && touch $@ || test "$${CI:-}" != true

# An environment of its own: it wants older versions of what the tests use.
build/checkov/.ready: requirements-checkov.lock $(VENV)/.tools
	@rm -rf build/checkov && $(BIN)/python -m venv --without-pip build/checkov && \
		$(call download,$<,build/checkov/wheels) && $(call install,$<,build/checkov/wheels,build/checkov) && \
		rm -r build/checkov/wheels && touch $@ || test "$${CI:-}" != true

.PHONY: image-check
image-check:  ## Really build the Dockerfile with buildah on a Debian 13 made by debootstrap, and run the image (minutes, as root)
	tests/packaging/image-check

.PHONY: bench
bench: $(VENV)/.ready  ## Measure speed against the yardstick (bench/)
	@test -d bench || { echo "There is no bench/ yet, so there is nothing to measure." >&2; exit 1; }
	$(BIN)/python -m bench

.PHONY: quality
quality: $(VENV)/.ready  ## Measure detection on simulated tenants: tables, build/quality/quality.json and plots (bench/quality/)
	$(BIN)/python -m bench.quality $(QUALITY)

.PHONY: fuzz
fuzz: $(VENV)/.ready  ## Property tests with many more examples: make fuzz FUZZ_EXAMPLES=200000
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -n $(JOBS) --hypothesis-profile=fuzz \
		$$(grep -rl --include='test_*.py' 'from hypothesis' tests)

##@ Work on it
.PHONY: venv
venv: $(VENV)/.ready  ## Make .venv from requirements-dev.lock, with this checkout installed in it

.PHONY: format
format: $(VENV)/.ready  ## Let ruff format and fix what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: chart
chart: $(VENV)/.ready  ## Write what follows from other files in helm/: copies of rules and dashboards, schema, README
	$(BIN)/python helm/prepare.py

.PHONY: sbom
sbom: $(VENV)/.ready  ## Write build/sbom.cdx.json: what the image is made of (CycloneDX, from the lock)
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --of JSON --output-file build/sbom.cdx.json

.PHONY: lock
lock: build/lock/bin/uv  ## Resolve the newest dependencies into the hashed locks
	rm -f requirements.lock requirements-dev.lock requirements-build.lock requirements-checkov.lock
	$(call resolve,pyproject.toml,requirements.lock)
	$(call resolve,--group dev --extra parquet pyproject.toml,requirements-dev.lock)
	$(call resolve,--group build,requirements-build.lock)
	@mkdir -p build/lock && echo 'checkov>=3.2.500' >build/lock/checkov.in
	$(call resolve,build/lock/checkov.in,requirements-checkov.lock)

.PHONY: clean
clean:  ## Remove everything that was made, .venv too
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Several targets may want packages at once; apt-get refuses to wait.
debian = mkdir -p build && flock build/.apt sh -c 'apt-get update -qq && apt-get install -qq -y --no-install-recommends $(1) >/dev/null'

resolve = build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --no-emit-index-url --no-emit-find-links --no-annotate \
	--custom-compile-command 'make lock' $(1) --output-file $(2)

build/lock/bin/uv:
	rm -rf build/lock
	@python=$${PYTHON:-$$($(find_python))}; $$python -m venv build/lock
	build/lock/bin/python -m pip --disable-pip-version-check --quiet install uv

# The pip that comes with an interpreter may be years old, and takes three times as long to find a hundred packages. It
# is a wheel, and is run out of it: to install it would take longer than all that it is asked for.
bundled = import ensurepip, glob, sysconfig; \
	folders = ensurepip.__path__[0] + "/_bundled", sysconfig.get_config_var("WHEEL_PKG_DIR") or ""; \
	print(*[wheel for folder in folders for wheel in glob.glob(folder + "/pip-*.whl")][:1])
$(VENV)/.tools: requirements-dev.lock
	rm -rf $(VENV)
	@python=$${PYTHON:-$$($(find_python))}; echo "Making $(VENV) with $$($$python --version), once."; \
		$$python -m venv --without-pip $(VENV)
	sed -En '/^(pip|uv)==/,/[^\\]$$/p' $< >$@.lock
	wheel=$$($(BIN)/python -c '$(bundled)'); test -n "$$wheel" || $(BIN)/python -m ensurepip >/dev/null; \
		PYTHONPATH=$$wheel $(call download,$@.lock,$(WHEELS))
	rm -rf $(VENV)/lib/python3.*/site-packages/*
	$(BIN)/python -m zipfile -e $(WHEELS)/pip-*.whl $(VENV)/lib/python3.*/site-packages
	$(PIP) install --require-hashes --no-deps --no-compile --no-index --find-links $(WHEELS) --requirement $@.lock
	touch $@

# The wheels are kept beside the environment, so that tests/packaging can fill a clean one without a network.
$(VENV)/.locked: $(VENV)/.tools requirements-dev.lock
	$(call download,requirements-dev.lock,$(WHEELS))
	$(call install,requirements-dev.lock,$(WHEELS),$(VENV))
	$(UV) check --python $(BIN)/python
	touch $@

# A C compiler and Python.h make it twice as fast (hatch_build.py); without them there is only a warning.
$(VENV)/.ready: $(VENV)/.locked pyproject.toml hatch_build.py detector/__init__.py $(COMPILED)
	@{ command -v cc && test -e "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h"; } >/dev/null || { \
		echo "Installing gcc and the headers of Python."; \
		$(call debian,gcc libc6-dev python3-dev); } || \
		test "$${CI:-}" != true
	$(UV) install --python $(BIN)/python --no-deps --no-build-isolation --no-cache --editable .
	touch $@
