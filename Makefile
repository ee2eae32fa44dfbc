# Everything here sets itself up: a virtual environment in .venv, the project and its tools in it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
NODE   := tests/node
READY  := $(VENV)/ready

export CAP_NODE      := $(CURDIR)/$(NODE)
export CAP_INSPECTOR := $(CURDIR)/$(NODE)

.PHONY: help demo test lint types docs package bench budget clean fuzz node

help: ## Show the targets.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml $(wildcard capabilities/*/pyproject.toml)
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON): install Python 3.11 or newer, or say make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -e . $(patsubst %/pyproject.toml,-e %,$(wildcard capabilities/*/pyproject.toml)) --group dev
	@touch $@

node: $(NODE)/node_modules/.package-lock.json

# The tools in Node that some tests run against; without npm those tests skip and say so.
$(NODE)/node_modules/.package-lock.json: $(NODE)/package.json $(NODE)/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix $(NODE) --no-audit --no-fund --loglevel=error; \
	else echo "no npm: the tests against the MCP Inspector, Prism and a vendor's gateway are skipped"; fi

demo: $(READY) ## Serve the installed capabilities without key or network, and walk through them.
	$(BIN)/python capabilities/demo.py

test: $(READY) node ## Run all tests, on every core.
	$(BIN)/python -m pytest -n auto --dist worksteal

fuzz: $(READY) ## Generate many more requests from the OpenAPI documents than the tests do (some minutes).
	CAP_FUZZ_EXAMPLES=200 $(BIN)/python -m pytest -n auto tests/expose/rest/test_openapi_fuzz.py

lint: $(READY) ## Check style.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY) ## Check types.
	$(BIN)/mypy -p cap_core -p cap_plugins
	$(BIN)/mypy -p cap_portkey -p cap_aimlapi

docs: $(READY) ## Write the tables of the documentation anew, from the code.
	PYTHONPATH=tests:tests/repository $(BIN)/python tests/repository/test_docs.py

package: $(READY) ## Build the wheels, install them in a fresh environment, and serve one request from there.
	PATH="$(CURDIR)/$(BIN):$$PATH" sh tests/package.sh

bench: $(READY) ## Measure against nginx and a bare ASGI shell (needs nginx and wrk).
	$(BIN)/python -m benchmarks.ratio

budget: $(READY) ## Make what requests execute now the budget that the tests hold them to.
	$(BIN)/python -m benchmarks.budget --write

clean: ## Remove what the other targets made.
	rm -rf $(VENV) dist $(NODE)/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
