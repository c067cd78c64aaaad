# One environment (.venv), one stamp: every target starts at once when nothing changed.
# The libraries that `bench-peers` compares with have their own (.venv-peers), and so has TensorFlow
# Federated (.venv-tff), where it can be: fedlab/tff_environment.py looks after it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
PEERS := .venv-peers
PEERS_READY := $(PEERS)/.ready

# `test` runs every lesson and compares what it prints with what is stored; `browser` is all that is
# seen in Chromium: every lesson in JupyterLab, demos, slides, site.
.PHONY: lab lessons tff test browser notebooks student slides site bench bench-peers bench-learning clean

lab: $(READY)
	@$(BIN)/fedlab lab

lessons: $(READY)
	@$(BIN)/fedlab lessons

tff: $(READY)
	@$(BIN)/python -m fedlab.tff_environment

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tests/tff/run.py
	$(BIN)/pytest -q -rs -n auto --dist loadfile --no-loadscope-reorder lessons tests fedlab --ignore=tests/browser

browser: $(READY)
	$(BIN)/pytest -q -rs -n auto --dist loadfile --no-loadscope-reorder tests/browser

notebooks: $(READY)
	@$(BIN)/python tests/notebooks/execute.py

student: $(READY)
	@$(BIN)/python student/build.py

slides: $(READY)
	@$(BIN)/python -m fedlab.slides

site: $(READY)
	@$(BIN)/python site/build.py

bench: $(READY)
	@$(BIN)/python benchmarks/engines.py
	@$(BIN)/python benchmarks/aggregation.py
	@$(BIN)/python benchmarks/codecs.py
	@$(BIN)/python benchmarks/proxy.py
	@$(BIN)/python benchmarks/demos.py
	@$(BIN)/python benchmarks/first_paint.py

bench-peers: $(READY) $(PEERS_READY)
	@$(BIN)/python benchmarks/codecs.py
	@$(BIN)/python benchmarks/proxy.py

bench-learning: $(READY)
	@$(BIN)/python benchmarks/learning.py
	@$(BIN)/python benchmarks/capstone.py

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once; a few minutes, most of it the download of torch)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fedlab needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --progress-bar on "$$(grep '^torch==' constraints.txt)"
	@$(BIN)/python -m pip install --progress-bar on -e '.[dev]' -c constraints.txt
	@$(BIN)/python data/fetch.py
	@touch $(READY)

$(PEERS_READY): benchmarks/peers.txt
	@echo "Setting up $(PEERS) (once; a minute or two, 1.4 GB)"
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --progress-bar on "$$(grep '^torch==' benchmarks/peers.txt)"
	@$(PEERS)/bin/python -m pip install --progress-bar on --no-deps -r benchmarks/peers.txt
	@touch $(PEERS_READY)

clean:
	rm -rf $(VENV) $(PEERS) .venv-tff build dist *.egg-info
