# The front door. `make` alone lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PREFIX ?= /usr/local
DEMO_ARGS ?=
BENCH_ARGS ?=
STRESS_ARGS ?=
SWIFT_SOURCES := Package.swift Sources Tests StressTests

# The static standard library halves the start time of the command and leaves out libdispatch.
RELEASE := swift build -c release --static-swift-stdlib
BINARIES := .build/release
STATIC := swift build -c release --scratch-path .build-static -Xswiftc -static-executable

demo_options := $(if $(SEED),--seed $(SEED)) $(if $(PROCESSES),--processes $(PROCESSES)) \
  $(if $(CONTAINERS),--containers $(CONTAINERS)) $(if $(RUNTIME),--runtime $(RUNTIME)) $(DEMO_ARGS)

stress_options := $(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS)) \
  $(if $(PROCESSES),--processes $(PROCESSES)) $(if $(STORAGE),--storage $(STORAGE)) \
  $(if $(RUNTIME),--runtime $(RUNTIME)) $(STRESS_ARGS)

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22
	@echo
	@echo "  Variables: SEED PROCESSES CONTAINERS RUNTIME DEMO_ARGS for demo; SECONDS SEED PROCESSES STORAGE RUNTIME"
	@echo "  STRESS_ARGS for stress; ROUNDS SEED for power-loss; NAMES for mutations; BENCH_ARGS for bench;"
	@echo "  PREFIX DESTDIR for install; CSTATE_TEST_SCALE for tests (how many times their normal length)."

.PHONY: toolchain
toolchain:
	@scripts/check-toolchain

.PHONY: build
build: toolchain ## The command cstate, release mode, in .build/release
	@scripts/install-dependencies libsqlite3-dev
	$(RELEASE) --product cstate
	@scripts/check-linkage $(BINARIES)/cstate foundation dispatch
	@scripts/check-failpoints $(BINARIES)/cstate

.PHONY: static
static: toolchain ## cstate as one static executable, in .build-static/release
	@scripts/install-dependencies libsqlite3-dev
	$(STATIC) --product cstate

.PHONY: test
test: toolchain ## Install what is missing and run all tests
	@scripts/install-dependencies libsqlite3-dev runc busybox-static sqlite3 strace e2fsprogs
	swift test

.PHONY: demo
demo: build ## The main job: 8 processes, 200 real containers, random SIGKILLs
	@scripts/install-dependencies runc busybox-static
	$(RELEASE) --product cstate-demo
	$(BINARIES)/cstate-demo $(demo_options)

.PHONY: stress
stress: toolchain ## Forked workers, killed and stopped, and a verdict on what each of them saw
	@scripts/install-dependencies libsqlite3-dev sqlite3 $(if $(findstring xfs,$(stress_options)),xfsprogs) \
	  $(if $(findstring runtime,$(stress_options)),runc busybox-static)
	$(RELEASE) --traits Failpoints --scratch-path .build-stress --product cstate-stress
	.build-stress/release/cstate-stress $(stress_options)

.PHONY: power-loss
power-loss: toolchain ## Lose the power of ext4 and xfs under a load, ROUNDS times each (root)
	@scripts/install-dependencies libsqlite3-dev e2fsprogs xfsprogs
	$(RELEASE) --traits Failpoints --scratch-path .build-stress --product cstate-power-loss
	.build-stress/release/cstate-power-loss --rounds $(or $(ROUNDS),100) $(if $(SEED),--seed $(SEED))

.PHONY: mutations
mutations: toolchain ## Plant bugs one at a time and see each one found by its check (NAMES)
	@scripts/install-dependencies libsqlite3-dev runc busybox-static sqlite3
	@scripts/mutations $(NAMES)

.PHONY: bench
bench: build ## The store against plain C: ratios, thresholds, plots (BENCH_ARGS=--quick: under a minute)
	$(RELEASE) --product cstate-bench
	$(RELEASE) --product cstate-bench-start
	$(if $(findstring --quick,$(BENCH_ARGS)),,$(STATIC) --product cstate && $(STATIC) --product cstate-bench-start)
	$(BINARIES)/cstate-bench $(BENCH_ARGS)

.PHONY: instructions
instructions: toolchain ## Instructions of single operations, against those recorded (valgrind)
	@scripts/install-dependencies libsqlite3-dev valgrind binutils
	$(RELEASE) --product cstate-bench
	@scripts/instructions $(if $(RECORD),--record)

.PHONY: format
format: toolchain ## Format all Swift sources in place
	swift format --in-place --parallel --recursive $(SWIFT_SOURCES)

.PHONY: lint
lint: toolchain ## Style rules; fails on any finding
	swift format lint --strict --parallel --recursive $(SWIFT_SOURCES)

.PHONY: format-diff
format-diff: toolchain
	@scripts/format-diff $(SWIFT_SOURCES)

.PHONY: thread-sanitizer
thread-sanitizer: toolchain
	@scripts/thread-sanitizer-tests

.PHONY: check
check: toolchain ## Everything a change must pass (.ci/run calls this)
	@scripts/check

.PHONY: check-full
check-full: ## The same with every repeated test 20 times as long
	@CSTATE_TEST_SCALE=20 scripts/check

.PHONY: install
install: build ## Install cstate, its manual page and completions below PREFIX
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 0755 $(BINARIES)/cstate "$(DESTDIR)$(PREFIX)/bin/cstate"
	install -d "$(DESTDIR)$(PREFIX)/share/man/man1" \
	  "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" \
	  "$(DESTDIR)$(PREFIX)/share/zsh/site-functions" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"
	$(BINARIES)/cstate manual >"$(DESTDIR)$(PREFIX)/share/man/man1/cstate.1"
	$(BINARIES)/cstate completion bash >"$(DESTDIR)$(PREFIX)/share/bash-completion/completions/cstate"
	$(BINARIES)/cstate completion zsh >"$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_cstate"
	$(BINARIES)/cstate completion fish >"$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/cstate.fish"

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf .build .build-*
