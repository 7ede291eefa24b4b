# Every target does its own set-up. `make try` and `make test` are the two that matter.
# `make try` and `make test-models` fetch the laptop model, MODEL; `MODEL=embedded make try` does not.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUN := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
MODELS := $(VENV)/.installed-models
TORCH := torch>=2.11,<2.14
# Processes that `make test` uses: one a core, four at most, each with one thread of torch's (about 1 GB).
# They take the files in order: xdist would start those with few tests last, and some of these take minutes.
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
LAPTOP := qwen2.5-coder-0.5b-instruct
MODEL ?= $(LAPTOP)

.PHONY: try test check test-models test-editors pictures test-vllm bench wheel reproducible \
  vsix sbom docs clean

try: $(RUN)  ## Fetch the laptop model, fill gaps in a bundled example, show how.
	@model="$(MODEL)"; \
	[ "$$model" = embedded ] || $(BIN)/dgls model get "$$model" || { \
	  status=$$?; [ $$status -lt 128 ] || exit $$status; \
	  echo "$$model could not be fetched; using the embedded model, which knows only Python."; \
	  model=embedded; }; \
	places="fixtures/try/shop.py:19 fixtures/try/shop.py:25 fixtures/try/shop.py:30:22"; \
	[ "$$model" != embedded ] || places=fixtures/example.py:20; \
	for place in $$places; do \
	  printf '\n== dgls fill --watch %s\n\n' "$$place"; \
	  DGLS_MODEL_NAME="$$model" $(BIN)/dgls fill --watch "$$place" || exit $$?; \
	done; \
	printf '\nNext, to use it in an editor: %s/dgls editor neovim --write\n' "$(BIN)"; \
	echo "(or vscode, helix, emacs, zed, kate, sublime; README.md says how to install dgls permanently)"

test: check  ## Check format and types, and run every test that needs no model, editor or server.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not model and not editor and not vllm"

test-models: $(MODELS)  ## Fetch the laptop model and run the tests that need it.
	$(BIN)/dgls model get $(LAPTOP)
	$(BIN)/python -m pytest -rs -m "model and not editor"

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test-editors: $(DEV)  ## Install real editors and run the tests that drive them.
	bash tests/editors/install.sh neovim helix emacs tmux
	bash tests/editors/install_vscode.sh
	$(MAKE) vsix
	$(BIN)/python -m pytest -rs -m editor

pictures: $(DEV)  ## Draw the pictures of the documentation again, in real editors with the laptop model.
	bash tests/editors/install.sh neovim helix emacs tmux
	bash tests/editors/install_vscode.sh
	$(MAKE) vsix
	$(BIN)/dgls model get $(LAPTOP)
	DGLS_TESTS_REQUIRED=model,editor DGLS_PICTURES=1 $(BIN)/python -m pytest -rs -m "model and editor"

test-vllm: $(DEV)  ## The tests that drive a real vLLM server, on the CPU.
	$(BIN)/python -m tests.vllm.install
	$(BIN)/python -m pytest -rs tests/vllm

bench: $(DEV)  ## Latency of everything between a keystroke and a suggestion.
	$(BIN)/dgls bench latency

wheel: $(DEV)  ## The wheel, with the embedded model inside.
	rm -f dist/*.whl
	$(PIP) wheel --quiet --no-deps --wheel-dir dist .

reproducible: $(DEV)  ## Check that two wheels of the same sources have the same bytes.
	rm -rf .cache/wheels
	for build in a b; do \
	  $(PIP) wheel --quiet --no-deps --no-cache-dir --wheel-dir .cache/wheels/$$build . || exit; \
	done
	cd .cache/wheels && cmp a/*.whl b/*.whl && sha256sum a/*.whl

sbom: wheel  ## What the wheel and the VS Code extension bundle and need, with licences, as CycloneDX. Needs npm.
	$(BIN)/python .ci/sbom.py dist/dgls-*.whl > dist/dgls.whl.cdx.json
	cd $(VSCODE) && npm sbom --package-lock-only --omit=dev --sbom-format=cyclonedx > ../../dist/dgls.vsix.cdx.json

docs: $(DEV)  ## Build the documentation's site in .cache/site and check its links.
	$(PIP) install --quiet --constraint constraints.txt --editable ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

vsix: dist/dgls.vsix  ## The VS Code extension. Needs npm and Node 20 or newer.

clean:
	rm -rf $(VENV) .cache dist editors/vscode/node_modules editors/vscode/dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "dgls needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
	  echo "Nothing was made. Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
# An environment that was begun and has no pip must not be taken for a whole one the next time.
	$(PYTHON) -m venv $(VENV) || { rm -f $(VENV)/bin/python*; exit 1; }

# If pip would install torch for CUDA and there is no GPU, uv installs the CPU build: it knows PyTorch's index.
$(RUN): pyproject.toml constraints.txt | $(VENV)/bin/python
	@if $(PIP) install --dry-run --quiet --no-deps --report - "$(TORCH)" 2>/dev/null \
	  | grep -q '"nvidia-'; then \
	  if command -v nvidia-smi >/dev/null; then \
	    echo "Found a GPU: fetching torch for CUDA (about 3 GB)."; \
	  else \
	    echo "Found no GPU: fetching the CPU build of torch from PyTorch's own index (0.2 GB)."; \
	    $(PIP) install --quiet uv && VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install \
	      --torch-backend cpu --constraint constraints.txt "$(TORCH)" \
	      || echo "That failed; fetching torch for CUDA (about 3 GB)."; \
	  fi; \
	fi
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

$(DEV): $(RUN)
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

$(MODELS): $(DEV)
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev,model-tests]"
	touch $@

VSCODE := editors/vscode
VSIX_PARTS := package.json package-lock.json tsconfig.json esbuild.mjs README.md CHANGELOG.md
VSIX_PARTS := $(addprefix $(VSCODE)/,$(VSIX_PARTS)) \
  $(wildcard $(VSCODE)/src/* $(VSCODE)/test/* $(VSCODE)/images/* $(VSCODE)/walkthrough/*)

dist/dgls.vsix: $(VSIX_PARTS)
	mkdir -p dist
	cd $(VSCODE) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	cd $(VSCODE) && SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-1735689600} npm run --silent package -- --out ../../dist/dgls.vsix
