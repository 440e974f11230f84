# Two commands do everything on a fresh machine: `make app` and `make test`.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-from-lock
UV := $(BIN)/uv

.PHONY: app test check rubrics model lock clean
.DEFAULT_GOAL := app

app: $(STAMP)  ## open the app on http://127.0.0.1:8501
	$(BIN)/python -m streamlit run app.py

test: $(STAMP)  ## run every test
	$(BIN)/python -m pytest

check: $(STAMP)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

rubrics: $(STAMP)  ## look for flaws in all rubrics and grade all their exemplars with the embedded grader
	$(BIN)/evaluator rubrics check
	$(BIN)/evaluator rubrics test --summary --least 0.86

TRAINING := .venv-training
READER := $(TRAINING)/reader

model: $(STAMP)  ## train the embedded grader's reading model anew: about an hour on two cores; the data sets are in EVALUATOR_DATA
	$(PYTHON) -m venv $(TRAINING)
	$(TRAINING)/bin/pip install --quiet --upgrade 'pip>=25.1'
	$(TRAINING)/bin/pip install --quiet --group training
	cd $(TRAINING) && ls -d ../$(VENV)/lib/python*/site-packages | xargs realpath > $$(echo lib/python*/site-packages)/beside.pth
	$(TRAINING)/bin/python -m training.train $(READER)-general.pt --stage general --epochs 1.5
	$(TRAINING)/bin/python -m training.train $(READER).pt --stage bank --start $(READER)-general.pt --epochs 1.25 --replay 0.15
	$(TRAINING)/bin/python -m training.export $(READER).pt
	$(BIN)/python -m training.fit_head
	$(BIN)/python -m benchmarks.probes --card

lock: $(UV)  ## resolve the dependencies anew and write requirements.lock
	$(UV) --system-certs pip compile pyproject.toml --group dev --universal --generate-hashes \
		--no-emit-index-url --no-header --upgrade --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV)

$(UV):
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("error: Python 3.11, 3.12 or 3.13 is needed, this is %d.%d. Name another with: make PYTHON=python3.12 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# UV follows the virtual environment named here, whatever is active in the calling shell.
$(STAMP): requirements.lock pyproject.toml | $(UV)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) --system-certs pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) --system-certs pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(STAMP)
