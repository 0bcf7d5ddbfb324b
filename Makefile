SHELL := /bin/bash
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
BINDIR = $(DESTDIR)$(PREFIX)/bin

export DENO_DIR := $(CURDIR)/.tools/deno-dir
DENO := $(CURDIR)/.tools/bin/deno
TASK := $(DENO) task --quiet

SHIM := containerd-shim-deno-v1
REPO := localhost/denowasi
DEMO := build/modules/wasi-demo-app.wasm

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z%\/-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: ## Install what building and testing need (Debian packages need root)
	@scripts/setup.sh

.PHONY: build
build: setup ## Build dist/containerd-shim-<engine>-v1 for every engine
	@$(TASK) build

build-%: setup ## Build dist/containerd-shim-<engine>-v1 for one engine: build-deno
	@$(TASK) build --engine $*

.PHONY: demo
demo: build ## Run the demo image on a private containerd (root)
	@$(TASK) demo

.PHONY: test
test: build ## Run every test (root)
	@$(TASK) test unit root e2e

.PHONY: unit-test
unit-test: setup ## Run the tests that need nothing
	@$(TASK) test unit

.PHONY: root-test
root-test: build ## Run the tests of the native parts (root)
	@$(TASK) test root

.PHONY: integration
integration: build ## Run the tests on real containerds, 1.6, 1.7 and 2.1 (root)
	@$(TASK) test e2e

.PHONY: check
check: setup ## Check format, lint, types, generated code and import rules
	@$(TASK) check

.PHONY: fix
fix: setup ## Format, and mend what lint can mend
	@$(DENO) lint --fix --quiet
	@$(TASK) fmt

.PHONY: proto
proto: setup ## Generate src/proto from proto
	@$(TASK) proto

.PHONY: install
install: build ## Install the shim into PREFIX/bin (/usr/local); DESTDIR for packagers
	@install -d $(BINDIR)
	@install -m 755 dist/$(SHIM) $(BINDIR)/$(SHIM)
	@for file in dist/containerd-shim-*-v1; do \
	  name=$${file#dist/}; \
	  [ $$name = $(SHIM) ] || ln -sfn $(SHIM) $(BINDIR)/$$name; \
	  echo "$(BINDIR)/$$name"; \
	done

.PHONY: uninstall
uninstall: ## Remove what install has installed
	@for file in $(BINDIR)/containerd-shim-*-v1; do \
	  if [ -L $$file ] && [ "$$(readlink $$file)" = $(SHIM) ]; then rm $$file; fi; \
	done
	@rm -f $(BINDIR)/$(SHIM)

.PHONY: test-image
test-image: setup ## Build dist/img/wasi-demo-app.tar, the demo image, for `ctr image import`
	@$(DENO) run -A scripts/modules.ts
	@$(DENO) run -A scripts/image.ts $(DEMO) dist/img/wasi-demo-app.tar $(REPO)/wasi-demo-app:latest

.PHONY: test-image/oci
test-image/oci: setup ## Build dist/img/wasi-demo-oci.tar, the demo as an OCI image of a WebAssembly layer
	@$(DENO) run -A scripts/modules.ts
	@$(TASK) oci-tar-builder --repo $(REPO) --name wasi-demo-oci --module $(DEMO) --out-path dist/img/

.PHONY: test-image/artifact
test-image/artifact: setup ## Build dist/img/wasi-demo-artifact.tar, the demo as a CNCF Wasm artifact
	@$(DENO) run -A scripts/modules.ts
	@$(TASK) oci-tar-builder --repo $(REPO) --name wasi-demo-artifact --as-artifact --module $(DEMO) --out-path dist/img/

.PHONY: bench
bench: build ## Measure against runc (root)
	@$(TASK) bench

.PHONY: clean
clean: ## Remove what was built (not .tools)
	@rm -rf build dist
