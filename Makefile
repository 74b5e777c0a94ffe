# The two commands for a fresh machine with a Rust toolchain are `make run` and `make test`; each sees to all it needs.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

ADDRESS ?= 127.0.0.1:8080

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

.PHONY: setup
setup: ## Install ffmpeg and a C compiler, if they are missing
	@scripts/setup ffmpeg cc

.PHONY: run
run: setup ## Build, start the server, transcode a clip with live progress, leave the server up
	@ADDRESS=$(ADDRESS) scripts/demo

.PHONY: test
test: ## Run all tests, the browser's too
	@scripts/setup ffmpeg cc browser nextest
	cargo nextest run --all-targets
	cargo test --quiet --doc

.PHONY: check
check: ## Check form, lints, documentation and that openapi.yaml is current
	cargo fmt --all --check
	cargo clippy --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --no-deps --document-private-items

.PHONY: openapi
openapi: ## Write openapi.yaml anew from the code
	UPDATE=1 cargo test --quiet --test it openapi

.PHONY: bench
bench: ## Measure against bare ffmpeg and SQLite; writes docs/BENCHMARKS.md (about ten minutes)
	@scripts/setup ffmpeg cc
	cargo bench --bench against_bare_ffmpeg

.PHONY: image
image: ## Build the container image
	$(if $(shell command -v podman),podman build --network host,docker build) -t transcoded .

.PHONY: image-test
image-test: image ## Try the image: submit, watch, cancel, stop in the middle of a job, start again
	@scripts/image-test
