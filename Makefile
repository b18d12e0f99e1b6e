# "make" alone says what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.1.4

# What the tests start: real servers, clients and validators, and a C compiler
# for the race detector.
PACKAGES := bind9 bind9-dnsutils bind9-utils chromium curl dnsperf gcc iproute2 knot \
	knot-dnssecutils knot-dnsutils ldnsutils libc6-dev nsd openssl procps unbound

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## serve the example zones on port 5300 of this machine
	go run ./cmd/yushan lab

build: ## the static binaries ./yushan and ./yushan-bench
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o . ./cmd/yushan ./cmd/yushan-bench

test: packages lint ## everything that must pass: this is what CI runs
	go test -race -timeout 30m $$(go list ./... | grep -v '/cmd/yushan-bench$$')
	go test -race -timeout 30m ./cmd/yushan-bench # by itself: it keeps all processors busy

packages: ## what the tests need; installs it if you are root on Debian
	@bash internal/packages.sh $(PACKAGES)

lint: ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

vuln: ## known vulnerabilities of what we depend on; needs its database
	go run $(GOVULNCHECK) ./...

fuzz: ## each fuzz target for a while: make fuzz FUZZTIME=1m
	@bash internal/fuzz.sh $(or $(FUZZTIME),20s)

rfc: ## every section of an RFC that the code cites, and where
	@bash internal/rfc.sh

bench: ## the benchmarks beside the code: make bench BENCHTIME=5s
	go test -run '^$$' -bench . -benchtime $(or $(BENCHTIME),1s) ./...

compare: ## this server beside NSD, Knot, BIND, CoreDNS: a report; make compare OPTIONS=--quick
	bench/compare $(OPTIONS)

.PHONY: help run build test packages lint vuln fuzz rfc bench compare
