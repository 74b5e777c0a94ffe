# The two commands for a fresh machine with a Rust toolchain are `make run` and `make test`; each sees to all it needs.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Where `make run` listens and keeps its data.
ADDRESS ?= 127.0.0.1:8080
DATA_DIR ?= data
# The image's name, what builds and runs it, and further flags for the build.
IMAGE ?= transcoded
ENGINE ?= $(shell command -v podman >/dev/null && echo podman || echo docker)
IMAGE_FLAGS ?=
export ADDRESS DATA_DIR IMAGE ENGINE

.PHONY: help
help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install ffmpeg and a C compiler, if they are missing
	@scripts/setup cargo ffmpeg cc

.PHONY: run
run: setup ## Build, start the server, transcode a clip with live progress, leave the server up
	@scripts/demo

.PHONY: test
test: ## Run all tests, the browser's too
	@scripts/setup cargo ffmpeg cc browser node
	@if cargo nextest --version >/dev/null 2>&1; then \
	  cargo nextest run --locked && cargo test --locked --quiet --doc; \
	else \
	  cargo test --locked; \
	fi

.PHONY: test-long
test-long: ## Run the tests that take long: 10,000 random interleavings, a million jobs, 1,000 kills, every input by every preset (more than an hour)
	TRANSCODED_TEST_LONG=1 cargo test --locked --test it -- --nocapture store::model store::scale store::faults torture faults::database sources::

.PHONY: check
check: ## Check form, lints and documentation
	cargo fmt --all --check
	cargo clippy --locked --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --no-deps --document-private-items

.PHONY: openapi
openapi: ## Write openapi.yaml anew from the code
	UPDATE=1 cargo test --quiet --test it openapi

.PHONY: bench
bench: ## Measure against bare ffmpeg and SQLite; writes docs/BENCHMARKS.md (about twenty minutes)
	@scripts/setup cargo ffmpeg cc
	cargo bench --bench against_bare_ffmpeg

# podman's own format can't hold a health check. Crates and packages come over the host's network: the one there always is.
.PHONY: image
image: ## Build the container image with podman or docker
	$(ENGINE) build $(if $(filter podman,$(notdir $(ENGINE))),--format docker) --network host $(IMAGE_FLAGS) -t $(IMAGE) .

.PHONY: image-test
image-test: image ## Try the image: submit, watch, cancel, stop in the middle of a job, start again
	@scripts/setup ffmpeg curl jq
	@scripts/image-test
