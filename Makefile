# make install | demo | check | test | bench | bench-full | clean
# Needs git, make and Python 3.11-3.13 with pip and venv; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
# For the benchmarks, what data.source takes: the hub's name, or a folder of the same shape.
IMDB ?= stanfordnlp/imdb
SOURCES := sentiment tests benchmarks models

.PHONY: install demo check test bench bench-full clean

install: .venv/.base

.venv/.base: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "error: Python %d.%d came; expected 3.11 to 3.13; run: make install PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/.dev: .venv/.base
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/.base
	rm -rf runs/demo
	$(BIN)/sentiment train --output runs/demo
	$(BIN)/sentiment eval runs/demo
	$(BIN)/sentiment report runs/demo
	$(BIN)/sentiment predict --model runs/demo --quiet \
	  "I was sure I'd hate camping. I've booked three more trips." \
	  "They fixed the bug and broke everything else."
	@echo
	@echo "model   runs/demo (start with its MODEL_CARD.md)"
	@echo "report  runs/demo/eval/test/report.html"
	@echo "next    $(BIN)/sentiment predict --model runs/demo 'a text of yours'"

check: .venv/.dev
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

test: .venv/.dev
	$(BIN)/pytest --cov --cov-report=term:skip-covered

# The peers have packages of their own: nothing of theirs gets into .venv.
.venv-bench/.peers: pyproject.toml constraints.txt benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --constraint constraints.txt --editable .
	.venv-bench/bin/python -m pip install --quiet --constraint constraints.txt \
	  --requirement benchmarks/requirements.txt
	touch $@

bench: .venv-bench/.peers
	.venv-bench/bin/python benchmarks/run.py --imdb $(IMDB)

bench-full: .venv-bench/.peers
	.venv-bench/bin/python benchmarks/parity.py
	.venv-bench/bin/python benchmarks/kill_and_resume.py
	.venv-bench/bin/python benchmarks/run.py --full --imdb $(IMDB)

clean:
	rm -rf .venv .venv-bench build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
