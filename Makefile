PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
BENCH_STAMP := .venv-bench/.installed

# Every daemon and verb that a test starts would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo run test chaos check ruff lint-imports mypy pyright fix docs bench lock clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Cloudwarden needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Installing the locked dependencies into .venv ..."
	@$(PYTHON) -c 'import ensurepip, venv' || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)  ## the daemon on a simulated estate, until Ctrl-C; ONCE=1 sweeps, prints and ends
	@$(BIN)/cloudwarden demo $(if $(ONCE),--once)

run: $(STAMP)  ## the daemon, with ./cloudwarden.toml
	@$(BIN)/cloudwarden run

test: $(STAMP)  ## every test
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

chaos: $(STAMP)  ## the daemon killed and lied to, HOURS=1 long, from SEED=; the first broken promise ends it
	PYTHONPATH=tests $(BIN)/python -m chaos.run --hours $(or $(HOURS),1) \
		$(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS)) $(if $(ONLY),--only $(ONLY))

check: $(STAMP)  ## ruff, mypy, pyright, import-linter
	@$(MAKE) --no-print-directory --jobs=2 ruff lint-imports mypy pyright

ruff: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-imports mypy pyright: $(STAMP)
	$(BIN)/$@

fix: $(STAMP)  ## what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)  ## the pages that repeat what the code says
	$(BIN)/python docs/generate.py

$(BENCH_STAMP): requirements-bench.lock
	@echo "Installing Cloud Custodian into .venv-bench ..."
	@[ -x .venv-bench/bin/python ] || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $(BENCH_STAMP)

bench: $(STAMP) $(BENCH_STAMP)  ## the measures, side by side with plain boto3 and Cloud Custodian; an hour
	$(BIN)/python tests/bench/run.py
	$(BIN)/python tests/bench/parsing.py
	$(BIN)/python tests/bench/throttle.py
	$(BIN)/python tests/bench/leases.py 200
	$(BIN)/python tests/bench/custodian.py
	$(BIN)/python tests/bench/estate.py --accounts 10 100 1000
	$(BIN)/python tests/bench/endurance.py

lock: $(STAMP)  ## resolve the dependencies anew
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra demo --extra dev pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		-c requirements-dev.lock pyproject.toml -o requirements.lock
	echo hatchling | $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		-c requirements-dev.lock - -o requirements-build.lock
	echo c7n==0.9.53 | $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		- -o requirements-bench.lock

clean:  ## remove what was installed and built
	rm -rf .venv .venv-bench build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
