# Every target works as the first command in a fresh clone: scripts/setup makes what is missing, and is
# a matter of milliseconds where nothing is.

.DEFAULT_GOAL := help
.PHONY: help demo test golden docs audit serve lint types fmt bench sim proto lock clean
PY := .venv/bin/python
export NO_MKDOCS_2_WARNING := 1

help:           ## what there is to make
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 16

demo:           ## trace one put through three members, in this terminal
	@scripts/setup run
	@.venv/bin/tracer put foo bar

test:           ## everything that is tested, beside the real etcd where it can be had
	@scripts/setup dev graphviz chromium etcd web zensical
	@$(PY) -m pytest $(ARGS)

golden:         ## accept how the scenarios go now; look at the difference
	@scripts/setup dev
	@$(PY) -m pytest -q tests/tracer/test_scenarios.py --rewrite
	@git --no-pager diff --stat tests/testdata/traces

docs:           ## build the site into site/
	@scripts/setup dev graphviz
	@$(PY) -m tracer.site
	@.venv/bin/mkdocs build --strict --quiet

audit:          ## what Lighthouse says of the built site
	@$(MAKE) --no-print-directory docs
	@scripts/setup chromium web
	@$(PY) -m tests.web.audit

serve:          ## show the site, with what the code does now
	@scripts/setup dev graphviz
	@$(PY) -m tracer.site
	@.venv/bin/mkdocs serve --strict --dev-addr 127.0.0.1:$${PORT:-8000}

lint:           ## style and layers
	@scripts/setup dev
	@.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/lint-imports

types:          ## mypy --strict
	@scripts/setup dev
	@.venv/bin/mypy

fmt:            ## format the code
	@scripts/setup dev
	@.venv/bin/ruff check --fix && .venv/bin/ruff format

bench:          ## speed, as ratios measured side by side
	@scripts/setup dev etcd h2load
	@$(PY) -m tests.bench $(ARGS)

sim:            ## break the real server in SEEDS simulated worlds
	@scripts/setup dev
	@$(PY) -m tests.sim --seeds $(or $(SEEDS),200) $(ARGS)

proto:          ## regenerate the message classes from minietcd/proto
	@scripts/setup dev
	@scripts/proto

lock:           ## pin the newest versions that pyproject.toml allows
	@scripts/lock

clean:          ## remove what these targets made
	rm -rf .venv .cache site docs/_generated .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
