# `make demo` and `make test` work on a fresh machine: both set up the environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Of pyproject.toml; ci brings what the tests of Ray, S3 and HEIC need, too.
EXTRA ?= dev
TEST_OPTIONS ?=
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: setup demo app test test-lowest lint clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip uninstall -qq --yes inpaint opencv-python  # of before: they share files
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRA)]'
	touch $@

demo: setup
	$(BIN)/inpaint fill examples --mask examples/masks --output out --overwrite
	@find out -type f ! -name '*.jsonl' | sort

app: setup
	$(BIN)/inpaint app --open

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A file of tests stays in one process: those of the page share a server and a browser, and come
# first, as they take longest. What fails beside others, as a page that is too slow on a busy
# machine, must pass alone. Each run ends with what was skipped and why.
# TEST_OPTIONS="--skips-allowed REGEX": skips for other reasons fail, and nothing is run again (6).
test: setup
	$(BIN)/python -m pytest $(PARALLEL) $(TEST_OPTIONS) || \
		{ code=$$?; test $$code -ne 6 || exit $$code; \
		$(BIN)/python -m pytest --last-failed --last-failed-no-failures none; }

# On the lowest versions of the ranges in pyproject.toml, in an environment of their own (8 GB). The
# extra `export` is left out, as it needs a newer torch than the rest.
LOWEST := .venv-lowest
test-lowest: $(LOWEST)/.ready
	$(LOWEST)/bin/python -m pytest $(PARALLEL) $(TEST_OPTIONS)

$(LOWEST)/.ready: pyproject.toml
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet uv
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python \
		--resolution lowest-direct \
		--editable '.[app,serve,train,padding,evaluate,onnx,tools]'
	touch $@

clean:
	rm -rf out build *.egg-info .pytest_cache .mypy_cache .ruff_cache
