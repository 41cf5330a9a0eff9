# The one door: people, hooks and continuous integration call these targets. `make help` lists them.
# Written for GNU make 3.81, which macOS still ships. What needs more than a line lives in scripts/.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up dev cluster cluster-down seed-mock-data test test-rust test-python check fmt bench prove fuzz instructions client lock wheel clean

# Tools of this folder first: nothing that `make` installs lands outside .tools/, .venv/ and target/.
export PATH := $(CURDIR)/.tools/rust/bin:$(CURDIR)/.tools/bin:$(CURDIR)/.tools/node/bin:$(HOME)/.cargo/bin:$(PATH)
# Certificates that the machine trusts, as pip, cargo and npm do: a company may have an authority of its own.
export UV_SYSTEM_CERTS := 1
export VIRTUAL_ENV := $(CURDIR)/.venv

PYTHON_IN_VENV := .venv/bin/python
PYTEST := $(PYTHON_IN_VENV) -m pytest
# Each of these files says that its step was done for what it depends on; it lies in the folder that the step made.
TOOLS := .tools/.ready
RUST := .tools/.rust-ready
PACKAGES := .venv/.runtime-ready
DEV_PACKAGES := .venv/.dev-ready
NODE := tests/e2e/node/node_modules/.ready
ENGINE := .venv/.engine-release
DEV_ENGINE := .venv/.engine-dev
ENGINE_SOURCES := Cargo.toml Cargo.lock pyproject.toml engine/Cargo.toml mock-provider/Cargo.toml \
	$(shell find engine/src mock-provider/src)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Using it ---

up: $(ENGINE) ## install what is missing, build, and start everything (ARGS="--port 9000")
	@exec .venv/bin/headworks up $(ARGS)

dev: $(DEV_ENGINE) $(DEV_PACKAGES) ## as up, from a quick debug build, with its data in .dev/
	@HEADWORKS_HOME=$${HEADWORKS_HOME:-$(CURDIR)/.dev} exec .venv/bin/headworks up $(ARGS)

cluster: $(ENGINE) $(DEV_PACKAGES) ## many processes on this machine, for a look: PostgreSQL, RabbitMQ, Redis, two gateways, nginx
	@scripts/servers.sh
	@$(PYTHON_IN_VENV) scripts/cluster.py up

cluster-down: ## end it
	@$(PYTHON_IN_VENV) scripts/cluster.py down

seed-mock-data: $(ENGINE) ## fill the running server with samples of everything; safe to repeat
	@$(PYTHON_IN_VENV) -m headworks.entrypoints.samples $(ARGS)

# --- Proving it ---

test: test-rust test-python ## every test: Rust, Python, and end to end over real sockets

test-rust: $(RUST)
	@if cargo nextest --version >/dev/null 2>&1; \
		then cargo nextest run --workspace --locked; \
		else cargo test --workspace --locked --quiet; fi

test-python: $(ENGINE) $(DEV_PACKAGES) $(NODE)
	@scripts/servers.sh
	@$(PYTEST) $(or $(ARGS),-n 2 --dist loadfile tests)

check: $(ENGINE) $(DEV_PACKAGES) ## what a change must pass before it is shown to anybody (ARGS="--tested" leaves the unit tests out)
	@scripts/check.sh $(ARGS)

bench: $(ENGINE) $(DEV_PACKAGES) ## measure, beside HAProxy and nginx (ARGS="--quick")
	@$(PYTHON_IN_VENV) benchmarks/run.py $(ARGS)

prove: $(ENGINE) $(DEV_PACKAGES) ## the long proofs in full: kills, soak, revocation, fuzzing
	@scripts/prove.sh

fuzz: $(RUST) ## fuzz every parser of the engine (ARGS="SECONDS [TARGET...]")
	@scripts/fuzz.sh $(ARGS)

instructions: $(PACKAGES) $(RUST) ## count the instructions of the hot steps under valgrind, beside the committed counts
	@$(PYTHON_IN_VENV) scripts/instructions.py $(ARGS)

# --- Keeping it ---

fmt: $(DEV_PACKAGES) $(RUST) ## format Python and Rust
	@.venv/bin/ruff check --quiet --fix-only . && .venv/bin/ruff format --quiet . && cargo fmt --all

client: $(DEV_PACKAGES) ## write the typed client anew from the description of the API
	@$(PYTHON_IN_VENV) -m headworks.bootstrap.openapi && $(PYTHON_IN_VENV) scripts/api_client.py

lock: $(DEV_PACKAGES) $(RUST) $(NODE) ## resolve every dependency anew and write the lock files
	@scripts/lock.sh

wheel: $(TOOLS) $(RUST) ## build the wheel of this platform in dist/, and try it
	@scripts/wheel.sh

clean: ## remove everything that was built or installed here; never your data
	@rm -rf .tools .venv target dist engine/fuzz/target tests/e2e/node/node_modules src/headworks/_engine*.so

# --- What they stand on ---

$(TOOLS): requirements/tools.txt scripts/python.sh
	@python=$$(scripts/python.sh) && "$$python" -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt
	@mkdir -p $(@D) && touch $@

$(PACKAGES): requirements/runtime.txt $(TOOLS)
	@[ -x $(PYTHON_IN_VENV) ] || .tools/bin/uv venv --quiet --python .tools/bin/python .venv
	@.tools/bin/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/runtime.txt
	@touch $@

$(DEV_PACKAGES): requirements/dev.txt $(PACKAGES)
	@.tools/bin/uv pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

$(RUST): Cargo.toml scripts/rust.sh
	@scripts/rust.sh
	@mkdir -p $(@D) && touch $@

$(NODE): tests/e2e/node/package-lock.json requirements/node.txt scripts/node.sh $(TOOLS)
	@scripts/node.sh
	@touch $@

# Either build lands in the same place, so the newer one takes the other's stamp away.
$(ENGINE): $(ENGINE_SOURCES) $(PACKAGES) $(RUST)
	@scripts/engine.sh --release
	@rm -f $(DEV_ENGINE) && touch $@

$(DEV_ENGINE): $(ENGINE_SOURCES) $(PACKAGES) $(RUST)
	@scripts/engine.sh
	@rm -f $(ENGINE) && touch $@
