# argoexec: every task of a contributor, and of CI. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Set in some images; it would make the editable checkout recompile itself at every start.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= $(or $(shell command -v python3.11),$(shell command -v python3))
VENV := .venv
BIN := $(VENV)/bin
PROTO_VENV := .venv-proto
ANSIBLE_LINT_VENV := .venv-ansible-lint
LOCK := .requirements/dev.txt
# Two at a time even on two cores: tests of engines mostly wait.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
PYTEST_ARGS ?=
# Real engines on a busy machine: up to three failures are looked at twice, and both looks are shown.
RERUNS := --reruns 1 --max-suite-reruns 3 --rerun-show-tracebacks
# What the suite's engines are made of; installed by `make engines` where missing.
ENGINE_PACKAGES := docker.io busybox-static docker-registry iptables iproute2 containerd containernetworking-plugins crun debootstrap systemd-container slirp4netns openssh-client openssh-server
GATES := check-fmt lint types imports check-proto check-ansible

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(VENV)/.installed ## Make .venv from the pinned lock; does nothing when it is current
	@$(BIN)/python -m compileall -q argoexec_cli

# In place, never from scratch: somebody may be running from it.
$(VENV)/.locked: $(LOCK)
	@echo "venv: filling $(VENV) from $(LOCK), with $(PYTHON)"
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || tests/engines/install.sh python3-venv
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(LOCK)
# Python 3.11 brings it along; nothing here uses it, and its hook takes part in every start.
	@$(BIN)/python -m pip uninstall --quiet --yes --disable-pip-version-check setuptools
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip --disable-pip-version-check check
	@touch $@

.PHONY: lock
lock: ## Pin the dependencies anew (needs uv); commit the result
	@uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --upgrade \
	  --custom-compile-command 'make lock' --extra dev --no-emit-package argoexec pyproject.toml -o $(LOCK)
	@uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --upgrade \
	  --custom-compile-command 'make lock' .requirements/proto.in -o .requirements/proto.txt
	@uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --upgrade \
	  --custom-compile-command 'make lock' .requirements/ansible-lint.in -o .requirements/ansible-lint.txt

.PHONY: engines
engines: ## Install the Debian packages that the tests' engines need, where missing (root)
	@tests/engines/install.sh $(ENGINE_PACKAGES)

.PHONY: fmt
fmt: venv ## Format the code and fix what ruff can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: check-fmt
check-fmt: venv ## Fail where `make fmt` would change the layout
	@$(BIN)/ruff format --check .

.PHONY: lint
lint: venv ## Run ruff's rules
	@$(BIN)/ruff check .

.PHONY: types
types: venv ## Run mypy, strict, over the program and its tests
	@$(BIN)/mypy argoexec_cli tests

.PHONY: imports
imports: venv ## Check who imports whom
	@$(BIN)/lint-imports --no-cache

.PHONY: proto
proto: $(PROTO_VENV)/.made ## Generate argoexec_cli/rpc/gen from proto/
	@.ci/generate-proto $(PROTO_VENV)/bin/python .

.PHONY: check-proto
check-proto: $(PROTO_VENV)/.made ## Fail when argoexec_cli/rpc/gen is not what proto/ generates
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	mkdir -p "$$fresh/argoexec_cli/rpc/gen"; \
	.ci/generate-proto $(PROTO_VENV)/bin/python "$$fresh"; \
	mkdir -p argoexec_cli/rpc/gen; \
	diff -r --exclude=__pycache__ "$$fresh/argoexec_cli/rpc/gen" argoexec_cli/rpc/gen \
	  || { echo "check-proto: the generated code is not current; run: make proto" >&2; exit 1; }

$(PROTO_VENV)/.made: .requirements/proto.txt
	@echo "proto: making $(PROTO_VENV) with $(PYTHON)"
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || tests/engines/install.sh python3-venv
	@$(PYTHON) -m venv --clear $(PROTO_VENV)
	@$(PROTO_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

.PHONY: check-ansible
check-ansible: $(ANSIBLE_LINT_VENV)/.made ## Lint the playbooks and roles, offline
	@cd ansible && PATH="$(CURDIR)/$(ANSIBLE_LINT_VENV)/bin:$$PATH" ansible-lint --offline -q .

$(ANSIBLE_LINT_VENV)/.made: .requirements/ansible-lint.txt
	@echo "check-ansible: making $(ANSIBLE_LINT_VENV) with $(PYTHON)"
	@$(PYTHON) -m venv --clear $(ANSIBLE_LINT_VENV)
	@$(ANSIBLE_LINT_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

.PHONY: unit
unit: venv ## Run the fast tests, which need no engine
	@$(PYTEST) -m 'not docker and not containerd and not e2e and not slow' $(PYTEST_ARGS)

.PHONY: conformance
conformance: venv engines ## Run the conformance suites on every engine
	@$(PYTEST) -m conformance $(PYTEST_ARGS)

.PHONY: e2e
e2e: venv engines ## Run the tests that drive the program from outside
	@$(PYTEST) -m e2e $(PYTEST_ARGS)

.PHONY: test
test: venv engines ## Run every gate and every test, as CI does
	@failed=''; \
	for gate in $(GATES); do \
	  echo "== $$gate"; $(MAKE) $$gate || failed="$$failed $$gate"; \
	done; \
	echo '== pytest'; \
	[ -z "$$failed" ] || echo "failed before the tests:$$failed"; \
	$(PYTEST) $(RERUNS) $(PYTEST_ARGS) && [ -z "$$failed" ]

# One machine after the other: their processors are translated, which is slow.
.PHONY: test-vm
test-vm: venv engines ## Run the chain on virtual machines: cgroup v2, AppArmor, IMDSv2, reboots
	@tests/engines/install.sh qemu-system-x86
	@$(BIN)/python -m pytest --require-engines -v $(PYTEST_ARGS) tests/vm/hosts.py

.PHONY: test-image
test-image: venv engines ## Build the image for clusters on a stand-in base, and run it as the manifests do
	@$(BIN)/python -m pytest --require-engines -v $(PYTEST_ARGS) tests/argo/packaging/image.py

.PHONY: bench
bench: venv engines ## Measure the program beside the engine's own tools; writes JSON
	@$(BIN)/python -m tests.bench

.PHONY: soak
soak: venv engines ## Kill the daemon at random under load and check that nothing is lost
	@$(BIN)/python -m tests.soak

.PHONY: crowd
crowd: venv engines ## End 500 containers at once on both engines and check each
	@$(BIN)/python -m tests.crowd

.PHONY: demo
demo: venv ## From nothing to a workflow's task on this machine, and clean again
	@$(BIN)/argoexec demo

.PHONY: clean
clean: ## Remove what the targets above have made
	@rm -rf $(VENV) $(PROTO_VENV) $(ANSIBLE_LINT_VENV) build dist .coverage htmlcov .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
