# The course from the command line. `make help` explains.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export OMP_WAIT_POLICY ?= PASSIVE
export TOKENIZERS_PARALLELISM ?= false

.PHONY: help setup report test test-browser bench notebooks lab lab-reset

help:  ## explain the commands
	@echo "Commands (first call: downloads about 0.55 GB where pip finds the CPU build of torch,"
	@echo "several GB where it takes the CUDA build; 2.5 GB of disk for the CPU build; 4 GB of memory):"
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1	\2/' | expand -t 22
	@echo "Settings: PYTHON=python3.11  COURSE_PROFILE=smoke|cpu|gpu  COURSE_RUNS_DIR=folder"

setup: $(STAMP)  ## prepare .venv with pinned versions (again only when a pin changes)

$(STAMP): pyproject.toml constraints.txt
	@begin=$$(date +%s); \
	command -v $(PYTHON) >/dev/null || { echo "expected $(PYTHON), found none. Install Python 3.11 or call: make PYTHON=/path/to/python3.11"; exit 2; }; \
	rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) && \
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]" && \
	touch $(STAMP) && echo "set-up: $$(( $$(date +%s) - begin )) s"

report: setup  ## execute the notebooks and collect reports/latest/index.html
	@HF_HUB_OFFLINE=1 $(BIN)/python -m course_lib.report

test: setup  ## run every test: package, data, notebooks
	@$(BIN)/python tests/run.py

test-browser: setup  ## move the explorers of the notebooks in a real browser (installs Chromium where it may)
	@$(BIN)/python tests/browser/chromium.py && $(BIN)/python -m pytest tests/browser --confcutdir=tests/browser

bench: setup  ## measure speed and memory beside other training loops (most of an hour; BENCH="--help")
	@$(BIN)/python -m benchmarks $(BENCH)

notebooks: setup  ## execute the notebooks with default parameters and refresh their committed outputs
	@HF_HUB_OFFLINE=1 $(BIN)/python -m course_lib.publish

lab: setup  ## open JupyterLab on copies of the notebooks in work/
	@mkdir -p work && cp -rn notebooks/*.ipynb notebooks/solutions notebooks/GLOSSARY.md work/ 2>/dev/null || true
	@$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=work

lab-reset:  ## put your copies aside (work-old-...) so that make lab starts over
	@if [ -d work ]; then old=work-old-$$(date +%Y%m%d-%H%M%S); mv work $$old && echo "your copies are kept in $$old"; \
	if [ -f $$old/progress.json ]; then mkdir work && cp -p $$old/progress.json work/; fi; else echo "nothing to reset"; fi
