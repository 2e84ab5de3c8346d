# `make` shows what there is. `make check` before a commit, `bash .ci/run` for
# everything that has to pass.

GOLANGCI_VERSION := v2.15.0
GOLANGCI         := bin/golangci-lint-$(GOLANGCI_VERSION)
FUZZTIME         ?= 200000x
VERSION          ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT           ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)

# This module and those of the clients, each with all of its packages. Those of go.work.
MODULES   = $(shell go list -m -f '{{.Dir}}')
PACKAGES  = $(addsuffix /...,$(MODULES))

.DEFAULT_GOAL := help
.PHONY: help run test modules check race sdks screenshots sim fmt vet lint fuzz bench golden build tidy outdated clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## start everything in one process, without any setting
	go run ./cmd/tracklayer serve

test: ## run the tests
	go test $(PACKAGES)

modules: ## run the tests of each client's module by itself, with the oldest vendor's SDK that it works with, and build a user of each
	@set -e; for folder in $(filter-out $(CURDIR),$(MODULES)); do \
		echo "cd $$folder && GOWORK=off go test ./..."; \
		(cd $$folder && GOWORK=off go test ./...); \
	done
	go test -tags consumers -run TestWhatAClientCosts ./docs/house

check: fmt vet lint test tidy ## format, then all that is quick: vet, lint, test, tidy

race: ## run the tests in random order with the race detector; e2e/hostile has nothing to race, it drives the built program
	go test -race -shuffle=on -timeout 30m $$(go list $(PACKAGES) | grep -v /e2e/hostile)

sdks: e2e/npm/node_modules ## run the vendors' real npm SDKs, and the pages in Chromium, against the built program
	go test -tags sdks -timeout 40m -run 'NPM|Browser' ./e2e

screenshots: e2e/npm/node_modules ## make the pictures of every page in docs/screenshots; look at them
	mkdir -p docs/screenshots
	SCREENSHOTS=$(CURDIR)/docs/screenshots go test -tags sdks -count 1 -run TestScreenshotsOfTheBrowser ./e2e

e2e/npm/node_modules: e2e/npm/package-lock.json
	cd e2e/npm && npm ci --no-audit --no-fund
	touch $@

sim: ## simulate thousands of experiments and compare with docs/simulation.md; takes a quarter of an hour
	go test ./sim -tags sim -run TestSimulation -v -timeout 60m

fmt: $(GOLANGCI) ## format the code
	$(GOLANGCI) fmt $(PACKAGES)

vet: ## run go vet
	go vet $(PACKAGES)

lint: $(GOLANGCI) ## run the linters of .golangci.yml, formatting included
	$(GOLANGCI) run $(PACKAGES)

$(GOLANGCI):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

# Inputs are counted, not seconds: a fuzzer that its time runs out on may fail with "context deadline exceeded".
fuzz: ## run every fuzz target on FUZZTIME (200000x: so many) inputs each
	@set -e; \
	for file in $$(grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . | sort); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
			echo "go test $$(dirname $$file) -fuzz ^$$name\$$ -fuzztime $(FUZZTIME)"; \
			go test $$(dirname $$file) -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1000x; \
		done; \
	done

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem $(PACKAGES)

golden: ## rewrite the golden files and the reference pages; read the diff
	@set -e; \
	for folder in $$(grep -rlE --include='*_test.go' --exclude-dir=node_modules --exclude-dir=sim 'flag\.Bool(Var)?\(.*"update"|tracklayer/adapters/adaptertest"' . | xargs -n 1 dirname | sort -u); do \
		echo "go test -tags consumers $$folder -update"; \
		go test -tags consumers $$folder -update; \
	done

build: ## build bin/tracklayer, static and reproducible
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)" -o bin/tracklayer ./cmd/tracklayer

tidy: ## fail if a go.mod or go.sum is not what go mod tidy makes
	@set -e; for folder in $(MODULES); do \
		echo "cd $$folder && go mod tidy -diff"; \
		(cd $$folder && GOWORK=off go mod tidy -diff); \
	done

outdated: ## list modules of go.mod that have a newer patch release, and fail if there are any
	@go list -m -f '{{if not (or .Indirect .Main)}}{{.Path}}{{end}}' all | xargs go list -m -u -e -f '{{with .Update}}{{$$.Path}} {{$$.Version}} {{.Version}}{{end}}' | awk ' \
		{ split($$2, now, "."); split($$3, new, ".") } \
		NF == 3 && now[1] == new[1] && (now[2] == new[2] || now[1] == "v0") { print; found = 1 } \
		END { exit found }'

clean: ## remove what the targets made
	rm -rf bin coverage.out
