# make demo    install into .venv and analyze a capture that real nodes made
# make test    install what tests need (Debian packages too, as root), check, run the tests
# make test-fast  the tests that need neither root nor long; make test-long: what takes longest
# make check   format, lint, types
# make help    the rest

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO   := captures/ucarp-different-addresses
SUBJECTS ?=
export PYTHONDONTWRITEBYTECODE =
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: pictures bench-packages long-packages soak help demo test test-fast test-long check format packages captures bench bless docs clean fuzz pin sbom audit licenses wheel deb sim conform score score-swarm score-places

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo 'make captures   record captures/ again with real ucarp and keepalived (root)'
	@echo 'make bench      measure against a C program, tcpdump and tshark; SUBJECTS="dense mixed" JSON=FILE'
	@echo 'make sim SEED=1 swarm of made worlds: what must not happen, and what does not settle'
	@echo 'make conform TRACES=FOLDER   hold the simulator against reference traces (tests/data)'
	@echo 'make soak MINUTES=10   real nodes, faults at random, live: every finding held to them (root)'
	@echo 'make bless      rewrite what tests expect on the screen; commit only what you can explain'
	@echo 'make docs       write the generated pages of docs/'
	@echo 'make pictures   draw the pictures of a report in docs/pictures (Chromium)'
	@echo 'make wheel      build both wheels twice and compare; make sbom, make licenses: what is in it'
	@echo 'make deb        build the Debian package (on Debian 13) and have lintian look at it'
	@echo 'make audit      known vulnerabilities of what is pinned; make pin: pin anew'
	@echo 'make fuzz SECONDS=600   put every parser to what nobody meant, led by coverage (atheris)'
	@echo 'make score LABELLED=FOLDER   hold the analysis against labelled captures (captures, tests/data)'
	@echo 'make score-swarm SEEDS=1000   and against simulated ones whose truth is known'
	@echo 'make score-places SEEDS=300   and captures at several places of them'
	@echo 'make format     put every file into the house format'
	@echo 'make clean      remove what make made'

# A run-time environment and one with the tools: a stranger's demo waits for the small one only.
$(VENV)/.installed: pyproject.toml
	@.ci/packages python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'carpscope needs Python 3.11 or later: make demo PYTHON=python3.12' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --editable '.[all]'
	@touch $@

# Without a compiler there is no such file, and the reader is the one in Python.
NATIVE := carpscope/_native.abi3.so
$(NATIVE): $(wildcard carpscope/native/*) .ci/hatch_build.py | $(VENV)/.tools
	@CFLAGS='-Wall -Wextra -Werror' $(BIN)/python -m pip install --quiet --no-deps \
	  $(if $(filter no,$(PINNED)),,--no-build-isolation) --editable .
	@$(BIN)/carpscope --version

# The tools and all they need are pinned by their digests (make pin); PINNED=no takes the ranges.
$(VENV)/.tools: $(VENV)/.installed pyproject.toml requirements/dev.txt
	@if [ "$(PINNED)" = no ]; then \
	  $(BIN)/python -m pip install --quiet --editable '.[dev,dask]'; \
	else \
	  $(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt && \
	  $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .; \
	fi
	@touch $@

demo: $(VENV)/.installed
	@echo '$$ carpscope analyze $(DEMO)/capture.pcap -p quiet-harbour-17 -a 192.0.2.10'
	@echo
	@$(BIN)/carpscope analyze $(DEMO)/capture.pcap -p quiet-harbour-17 -a 192.0.2.10; \
	  status=$$?; test $$status -le 1 || exit $$status
	@echo
	@echo 'Your own: $(BIN)/carpscope analyze FILE.pcap   (exit status 1 says: something is wrong)'

packages:
	@.ci/packages tests

long-packages:
	@.ci/packages long

check: $(VENV)/.tools
	@$(BIN)/ruff format --check --quiet . || { echo 'not in format: make format' >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

# Two workers; what makes network namespaces runs in real time, on one of them.
PYTEST := $(BIN)/python -m pytest -n $(or $(WORKERS),2) --dist loadgroup

test: packages $(NATIVE) check
	@$(PYTEST)

test-fast: $(VENV)/.tools $(NATIVE)
	@$(PYTEST) -m 'not long and not slow and not namespaces'

test-long: packages long-packages $(VENV)/.tools $(NATIVE)
	@$(PYTEST) -m long

format: $(VENV)/.tools
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

captures: packages $(VENV)/.tools
	@$(BIN)/python -m captures.record

bench-packages:
	@.ci/packages bench

# Makes 2.7 GB of captures in build/bench the first time; `make clean` removes them.
bench: bench-packages $(NATIVE)
	@$(BIN)/python -m tests.bench $(if $(JSON),--json $(JSON)) $(if $(DOC),--doc $(DOC)) $(SUBJECTS)

sim: $(VENV)/.tools
	@$(BIN)/python -m tests.sim.swarm $(or $(SEED),1) $(COUNT)

conform: $(VENV)/.tools
	@$(BIN)/python -m tests.sim.conform $(TRACES)

MINUTES ?= 10
soak: packages $(VENV)/.tools
	@$(BIN)/python -m tests.live.soak $(MINUTES) $(SEED)

bless: $(VENV)/.tools
	@$(BIN)/python -m pytest -p no:cacheprovider --bless tests/report tests/test_docs.py tests/detect/test_told.py

docs: $(VENV)/.tools
	@$(BIN)/python -m tests.generate_docs
	@$(BIN)/python -m tests.generate_implementations
	@$(BIN)/python -m tests.generate_metrics
	@$(BIN)/python -m tests.generate_configuration
	@$(BIN)/python -m tests.generate_share
	@$(BIN)/python -m tests.generate_pictures

pictures: packages $(VENV)/.tools
	@$(BIN)/python -m tests.report_forensic.pictures

$(VENV)/.fuzz: $(VENV)/.tools
	@$(BIN)/python -m pip install --quiet --editable '.[fuzz]'
	@touch $@

# What looks at dependencies has its own: it must not change what it looks at.
SUPPLY := .venv-supply
$(SUPPLY)/.installed: requirements/audit.txt
	@test -x $(SUPPLY)/bin/python || $(PYTHON) -m venv $(SUPPLY)
	@$(SUPPLY)/bin/python -m pip install --quiet --require-hashes --requirement requirements/audit.txt
	@touch $@

UV := UV_CUSTOM_COMPILE_COMMAND='make pin' $(SUPPLY)/bin/uv pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes --upgrade
EXTRAS := --extra dev --extra dask
pin: $(SUPPLY)/.installed
	@$(UV) pyproject.toml --extra all --output-file requirements/run.txt
	@$(UV) pyproject.toml requirements/build.in $(EXTRAS) --output-file requirements/dev.txt
	@$(UV) requirements/audit.in --output-file requirements/audit.txt

sbom: $(SUPPLY)/.installed
	@mkdir -p build
	@$(SUPPLY)/bin/cyclonedx-py requirements requirements/run.txt --pyproject pyproject.toml \
	  --output-reproducible --of JSON --output-file build/carpscope.cdx.json 2>/dev/null
	@echo build/carpscope.cdx.json

audit: $(SUPPLY)/.installed $(VENV)/.tools
	@$(BIN)/python -m tests.supply.audit $(SUPPLY)/bin/pip-audit requirements/run.txt requirements/dev.txt

licenses: $(VENV)/.tools
	@$(BIN)/python -m tests.supply.licenses

wheel: $(VENV)/.tools
	@$(BIN)/python -m tests.supply.wheel dist

deb:
	@$(PYTHON) -m tests.supply.debian build/deb

SECONDS ?= 600
fuzz: $(VENV)/.fuzz
	@$(BIN)/python -m tests.fuzz $(SECONDS) $(TARGETS)

SEEDS ?= 1000
score: $(VENV)/.tools
	@$(BIN)/python -m tests.score captures tests/data/traces tests/data/traces/exact \
	  tests/data/traces/exact2 $(LABELLED)

score-swarm: $(VENV)/.tools
	@$(BIN)/python -m tests.score.swarm $(SEEDS)

score-places: $(VENV)/.tools
	@$(BIN)/python -m tests.score.places $(SEEDS)

clean:
	@rm -rf $(VENV) $(SUPPLY) $(NATIVE) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
