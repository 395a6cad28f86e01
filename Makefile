# The front door. `make help` says what there is.
PRESET ?= dev
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)

.PHONY: all help deps test test-clients test-break-in test-tour up down bench check fuzz sanitize format clean release

all: $(BUILD)/build.ninja ## build the binary (PRESET=dev|release|asan|tsan)
	@ninja -C $(BUILD) -j$(JOBS) sampan

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BUILD)/build.ninja: CMakeLists.txt CMakePresets.json
	@cmake --preset $(PRESET)

deps: ## install what the build needs (Debian packages; safe to repeat)
	@tools/deps

test: $(BUILD)/build.ninja ## build and run all tests
	@ninja -C $(BUILD) -j$(JOBS) sampan all_tests
	@ctest --test-dir $(BUILD) --output-on-failure -j$(JOBS)

test-clients: ## run the tests with real clients (Go, Python, kubectl, Helm)
	@test/clients/run $(BUILD)/src/cmd/sampan
	@test/components $(BUILD)/src/cmd/sampan
	@test/webhooks $(BUILD)/src/cmd/sampan
	@test/policies $(BUILD)/src/cmd/sampan

test-break-in: ## try to break into the API server (KUBE_APISERVER=... ETCD=... compares with the real one)
	@test/break-in $(BUILD)/src/cmd/sampan

test-tour: ## run the tests with real containers (as root)
	@test/tour $(BUILD)/src/cmd/sampan
	@test/mistakes $(BUILD)/src/cmd/sampan
	@ROUNDS=$(or $(ROUNDS),3) test/resilience $(BUILD)/src/cmd/sampan
	@test/nodes $(BUILD)/src/cmd/sampan

release: ## the one file that is shipped: build/release/src/cmd/sampan
	@cmake --preset release >/dev/null && ninja -C build/release -j$(JOBS) sampan
	@ls -l build/release/src/cmd/sampan

up: ## build, and start a cluster on this machine
	@tools/up

down: ## take away what `make up` started, its data too
	@tools/down

bench: ## measure against real Kubernetes: the API server, its chain, the scheduler, a whole cluster (as root)
	@bench/run
	@bench/chain
	@bench/scheduler
	@bench/cluster

check: $(BUILD)/build.ninja ## layering, sizes, banned calls, format
	@tools/tidy

fuzz: ## every fuzzer for two minutes (SECONDS_EACH=120)
	@tools/fuzz

sanitize: ## all tests under sanitizers, some hours (PRESET=asan|tsan for one, STEPS="unit break-in" for some; as root)
ifeq ($(origin PRESET),file)
	@code=0; for preset in asan tsan; do tools/sanitize $$preset $(STEPS) || code=1; done; exit $$code
else
	@tools/sanitize $(PRESET) $(STEPS)
endif

clean: ## remove what was built
	@rm -rf build
