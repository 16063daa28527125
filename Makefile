# Orderflow. `make help` says what there is.

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif

# SANITIZE=address,undefined or SANITIZE=thread builds into a folder of its own.
SANITIZE ?=
empty :=
space := $(empty) $(empty)
comma := ,
# FAILPOINTS=1 too: programs that can be made to die anywhere (shared/base/failpoint.h).
FAILPOINTS ?=
BUILD := build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))$(if $(FAILPOINTS),/failpoints)

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wmissing-prototypes \
            -Wstrict-prototypes -Wvla -Wformat=2
HARDEN_C := -fstack-protector-strong -fstack-clash-protection -fPIE
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifeq ($(SANITIZE),)
OPTIMIZE := -O2 -g -D_FORTIFY_SOURCE=3
else
OPTIMIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
HARDEN_LD += -fsanitize=$(SANITIZE)
endif
CFLAGS ?=
ALL_CFLAGS := -std=c17 -D_GNU_SOURCE $(WARNINGS) $(OPTIMIZE) $(HARDEN_C) -pthread \
              -Ishared -Iservices -Itests -MMD -MP $(if $(FAILPOINTS),-DFAILPOINTS) $(CFLAGS)
ALL_LDFLAGS := $(HARDEN_LD) -pthread -Wl,--as-needed $(LDFLAGS)

# A line a file; V=1 shows the commands.
V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-5s %s\n' $(1) $(patsubst $(BUILD)/%,%,$(2));
else
Q :=
say =
endif

# --- the shared library: one archive a layer -----------------------------------------------------

LAYERS := base event store bus http runtime
layer_sources = $(wildcard shared/$(1)/*.c)
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
archive = $(BUILD)/lib/lib$(1).a
ARCHIVES := $(foreach l,$(LAYERS),$(call archive,$(l)))

# In the order in which the linker needs them: each layer before those below it.
ALL_LIBS := $(foreach l,runtime http bus store event base,$(call archive,$(l)))
EXTERNAL_LIBS := -lrdkafka -lmicrohttpd -lcjson -lsqlite3

# --- programs ----------------------------------------------------------------------------------

SERVICES := order inventory notification logging
PROGRAMS := $(foreach s,$(SERVICES),$(BUILD)/bin/$(s)-service) $(BUILD)/bin/dev-broker \
            $(if $(wildcard services/orderctl/*.c),$(BUILD)/bin/orderctl)
service_sources = $(wildcard services/$(1)/*.c services/$(1)/*/*.c)
DOMAIN_SOURCES := $(foreach s,$(SERVICES),$(wildcard services/$(s)/domain/*.c))

.PHONY: build
build: $(PROGRAMS) ## build all programs into build/bin (the default)
	@:

define program_rule
$(BUILD)/bin/$(1): $(call objects,$(call service_sources,$(2))) $(ALL_LIBS)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(EXTERNAL_LIBS) $(3)
endef
$(foreach s,$(SERVICES),$(eval $(call program_rule,$(s)-service,$(s))))
$(eval $(call program_rule,dev-broker,dev-broker))
$(eval $(call program_rule,orderctl,orderctl,-lcurl))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# What the assembler reads is not among what the compiler says it has read.
$(BUILD)/obj/shared/runtime/openapi.o: schemas/openapi.json
$(BUILD)/obj/services/orderctl/adapters/audit_laws.o: services/orderctl/adapters/audit_laws.sql

define archive_rule
$(call archive,$(1)): $(call objects,$(call layer_sources,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call archive_rule,$(l))))

# --- tests: each test_*.c is a program of its own -------------------------------------------------
# What a test links proves what its subject needs: the domain stands on event
# and base alone, without any of the libraries.

DOMAIN_LIB := $(BUILD)/lib/libdomain.a
SUPPORT_LIB := $(BUILD)/lib/libsupport.a
FUZZ_LIB := $(BUILD)/lib/libfuzz.a
ORDERCTL_LIB := $(BUILD)/lib/liborderctl.a
INVENTORY_LIB := $(BUILD)/lib/libinventory.a
ORDER_LIB := $(BUILD)/lib/liborder.a
CRASH_LIB := $(BUILD)/lib/libcrash.a
$(DOMAIN_LIB): $(call objects,$(DOMAIN_SOURCES))
$(SUPPORT_LIB): $(call objects,$(wildcard tests/support/*.c))
$(FUZZ_LIB): $(call objects,$(filter-out %/libfuzzer.c %/test_regressions.c,$(wildcard tests/fuzz/*.c)) \
             $(filter-out %/main.c $(DOMAIN_SOURCES),$(call service_sources,order)))
$(ORDERCTL_LIB): $(call objects,$(filter-out %/main.c,$(call service_sources,orderctl)))
$(INVENTORY_LIB): $(call objects,$(filter-out %/main.c,$(call service_sources,inventory)))
$(ORDER_LIB): $(call objects,$(filter-out %/main.c,$(call service_sources,order)))
$(CRASH_LIB): $(call objects,$(filter-out tests/crash/test_%,$(wildcard tests/crash/*.c)))
$(DOMAIN_LIB) $(SUPPORT_LIB) $(FUZZ_LIB) $(ORDERCTL_LIB) $(INVENTORY_LIB) $(ORDER_LIB) $(CRASH_LIB):
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

libs = $(foreach l,$(1),$(call archive,$(l)))
LINK_base := $(call libs,base)
LINK_event := $(call libs,event base) -lcjson
LINK_domain := $(DOMAIN_LIB) $(call libs,event base)
LINK_store := $(call libs,store event base) -lcjson -lsqlite3
LINK_http := $(call libs,http event base) -lcjson -lmicrohttpd
LINK_bus := $(call libs,bus event base) -lcjson -lrdkafka
LINK_runtime := $(ALL_LIBS) $(EXTERNAL_LIBS)
LINK_contract := $(SUPPORT_LIB) $(call libs,event base) -lcjson
LINK_inventory := $(INVENTORY_LIB) $(call libs,store event base) -lcjson -lsqlite3
LINK_order := $(ORDER_LIB) $(call libs,store event base) -lcjson -lsqlite3
LINK_orderctl := $(ORDERCTL_LIB) $(ALL_LIBS) $(EXTERNAL_LIBS) -lcurl
LINK_fuzz := $(FUZZ_LIB) $(DOMAIN_LIB) $(call libs,runtime http store event base) -lcjson \
             -lmicrohttpd -lsqlite3
LINK_integration := $(SUPPORT_LIB) $(ALL_LIBS) $(EXTERNAL_LIBS) -lcurl
LINK_cluster := $(LINK_integration)
LINK_crash := $(CRASH_LIB) $(LINK_integration)

# Those that wait the longest first, so that the others run beside them.
TEST_SOURCES := $(wildcard tests/crash/test_*.c tests/unit/runtime/test_*.c tests/unit/bus/test_*.c \
                tests/integration/test_*.c tests/unit/http/test_*.c tests/unit/store/test_*.c \
                tests/unit/domain/test_*.c tests/unit/event/test_*.c tests/unit/base/test_*.c \
                tests/unit/orderctl/test_*.c tests/unit/inventory/test_*.c tests/unit/order/test_*.c \
                tests/contract/test_*.c tests/fuzz/test_*.c)
TESTS := $(patsubst %.c,$(BUILD)/%,$(TEST_SOURCES))

define test_rule
$(patsubst %.c,$(BUILD)/%,$(1)): $(call objects,$(1)) $(filter %.a,$(LINK_$(2)))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$< $(LINK_$(2)) -lcmocka
endef
$(foreach t,$(TEST_SOURCES),$(eval $(call test_rule,$(t),$(lastword $(subst /, ,$(dir $(t)))))))

# Loaded into unmodified programs by the tests of a failing disk.
FAULTY_DISK := $(BUILD)/lib/faulty_disk.so
$(FAULTY_DISK): tests/faults/faulty_disk.c tests/faults/faulty_disk.h
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARNINGS) -O2 -g -Itests \
		$(CFLAGS) -fPIC -shared -o $@ $<

# Those that need three brokers; make test-cluster runs them.
CLUSTER_SOURCES := $(wildcard tests/cluster/test_*.c)
CLUSTER_TESTS := $(patsubst %.c,$(BUILD)/%,$(CLUSTER_SOURCES))
$(foreach t,$(CLUSTER_SOURCES),$(eval $(call test_rule,$(t),cluster)))

.PHONY: tests
tests: $(PROGRAMS) $(TESTS) $(CLUSTER_TESTS) $(FAULTY_DISK)
	@:

# What mutants go through; tests/crash/mutants/run.sh runs it.
SCENARIO := $(BUILD)/tests/crash/mutants/scenario
$(eval $(call test_rule,tests/crash/mutants/scenario.c,integration))

# --- fuzzing: what searches for inputs; those that are kept run with the tests --------------------

FUZZ_SANITIZE := fuzzer,address,undefined
FUZZ_TARGETS := order inventory_empty logging_action json envelope outbox http checkout product server
FUZZ_PROGRAMS := $(foreach t,$(FUZZ_TARGETS),$(BUILD)/bin/fuzz_$(t))

$(BUILD)/bin/fuzz_%: tests/fuzz/libfuzzer.c $(filter %.a,$(LINK_fuzz))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -DFUZZ_TARGET=fuzz_$* $(ALL_LDFLAGS) -o $@ $< \
		$(LINK_fuzz)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)
	@:

# --- measuring: the programs of `make bench` ------------------------------------------------------

BENCH_SOURCES := $(filter-out %/sample_order.c,$(wildcard tests/bench/*.c))
BENCH_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/%,$(BENCH_SOURCES))
BENCH_LIB := $(BUILD)/lib/libbench.a
$(BENCH_LIB): $(call objects,tests/bench/sample_order.c services/inventory/event_handlers.c \
              $(foreach s,$(SERVICES),$(wildcard services/$(s)/adapters/*.c)))
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BENCH_PROGRAMS): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BENCH_LIB) $(DOMAIN_LIB) $(ALL_LIBS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(EXTERNAL_LIBS)

.PHONY: bench-programs
bench-programs: $(PROGRAMS) $(BENCH_PROGRAMS)
	@:

# --- what people run ------------------------------------------------------------------------------

.PHONY: help run up down test test-kafka test-cluster test-faults test-compose schema-check documents fuzz crash \
        mutants labs labs-page bench bench-settings bench-publish bench-guard bench-instructions check clean failpoint-programs \
        setup-run setup-test setup-documents setup-mutants setup-labs setup-bench setup-fuzz setup-check

CORES ?= $(shell nproc)
# Test programs at once; most of their time they wait.
JOBS ?= 6

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

PURPOSES_run := run
PURPOSES_test := run test
PURPOSES_documents := documents
PURPOSES_mutants := run test patch:patch
PURPOSES_labs := run labs
PURPOSES_bench := run bench
PURPOSES_fuzz := run fuzz
PURPOSES_check := run test check
setup-run setup-test setup-documents setup-mutants setup-labs setup-bench setup-fuzz setup-check: setup-%:
	@scripts/setup.sh $(PURPOSES_$*)

run: setup-run ## install what is missing, build, start the shop, order, show the actions until Ctrl-C
	@$(MAKE) -j$(CORES) build
	@scripts/stack.sh run

up: setup-run ## the same in the background, without the order
	@$(MAKE) -j$(CORES) build
	@scripts/stack.sh up

down: ## stop what `make up` started
	@scripts/stack.sh down

INTEGRATION_TESTS := $(filter $(BUILD)/tests/integration/%,$(TESTS))

# What integration tests say over HTTP is noted, and held against schemas/openapi.json.
HTTP_EXCHANGES := $(BUILD)/http-exchanges
RUN_TESTS := BIN_DIR=$(BUILD)/bin JOBS=$(JOBS) HTTP_EXCHANGES=$(HTTP_EXCHANGES)
JUDGE_HTTP := --then tests/contract/http_exchanges.py $(HTTP_EXCHANGES)

# What the tests in tests/crash/ let die, beside the programs as they are.
failpoint-programs:
	@$(MAKE) FAILPOINTS=1 BUILD=$(BUILD)/failpoints build

test: setup-test ## all tests that need neither Docker nor a JVM
	@$(MAKE) -j$(CORES) tests failpoint-programs
	@$(RUN_TESTS) tests/run.sh $(TESTS) tests/bench/test_figures.py \
		$(if $(filter $(BUILD)/tests/integration/%,$(TESTS)),$(JUDGE_HTTP))

test-kafka: setup-test ## the integration tests on real Apache Kafka (from Maven's jars)
	@$(MAKE) -j$(CORES) tests
	@$(RUN_TESTS) tests/kafka.sh $(INTEGRATION_TESTS) $(JUDGE_HTTP)

test-faults: setup-test ## a Kafka that is away for a minute, slow, flapping, fails requests, loses its disk
	@$(MAKE) -j$(CORES) tests
	@BIN_DIR=$(BUILD)/bin FAULT_SECONDS=60 TEST_TIMEOUT_S=600 \
		tests/run.sh $(filter %/test_broker_faults %/test_republish,$(INTEGRATION_TESTS))

test-cluster: setup-test ## kill, stop and restart the brokers of a cluster of three under load (Maven's jars)
	@$(MAKE) -j$(CORES) tests
	@BIN_DIR=$(BUILD)/bin TEST_BROKERS=3 JOBS=1 tests/kafka.sh $(CLUSTER_TESTS)

test-compose: ## docker-compose.yml and its cluster, unmodified; starts an engine where none runs
	@tests/compose/run.sh

schema-check: setup-test ## each schema is compatible with its last released version, in both directions
	@scripts/schema-check

documents: setup-documents ## the AsyncAPI and OpenAPI documents are valid, say their own tools (Node.js)
	@tests/documents/run.sh

CRASH_REPEAT ?= 25
CRASH_KILLS ?= 1000

crash: setup-test ## kill every service everywhere, then audit: CRASH_REPEAT times at each failpoint, CRASH_KILLS at random
	@$(MAKE) -j$(CORES) tests failpoint-programs
	@BIN_DIR=$(BUILD)/bin CRASH_REPEAT=$(CRASH_REPEAT) CRASH_KILLS=$(CRASH_KILLS) \
		$(BUILD)/tests/crash/test_crash

fuzz: setup-fuzz ## search for inputs that break a codec or a parser; FUZZ_SECONDS for each target
	@$(MAKE) -j$(CORES) CC=clang SANITIZE=$(FUZZ_SANITIZE) fuzz-programs
	@tests/fuzz/run.sh $(FUZZ_TARGETS:%=build/$(subst $(comma),-,$(FUZZ_SANITIZE))/bin/fuzz_%)

mutants: setup-mutants ## plant bugs in the services, one at a time: the audit must object to each, and only to them
	@$(MAKE) -j$(CORES) build $(SCENARIO)
	@tests/crash/mutants/run.sh

labs: setup-labs ## what Kafka does, shown and checked on the shop's own events; make lab-01 runs one
	@$(MAKE) -j$(CORES) build
	@scripts/labs/all.sh

lab-%: setup-labs
	@$(MAKE) -j$(CORES) build
	@scripts/labs/$*-*.sh

labs-page: setup-labs ## put what the labs print into their page
	@$(MAKE) -j$(CORES) build
	@scripts/labs/all.sh --write

BENCH ?= normal
RESUME ?=
COMPARE ?=

bench: setup-bench ## measure the shop against what this machine can do; BENCH=short or full, RESUME=1, COMPARE=FILE
	@$(MAKE) -j$(CORES) bench-programs
	@BIN_DIR=$(BUILD)/bin tests/bench/bench.py --form $(BENCH) $(if $(RESUME),--resume) $(if $(COMPARE),--compare $(COMPARE))

bench-settings: setup-bench ## measure what settings do to the shop's speed; 6 minutes
	@$(MAKE) -j$(CORES) bench-programs
	@BIN_DIR=$(BUILD)/bin tests/bench/settings.py

bench-publish: ## write the tables and the plot of the last bench and bench-settings into the README
	@BIN_DIR=$(BUILD)/bin tests/bench/bench.py --publish

bench-guard: setup-bench ## accepts, chain and instruction counts are not far worse than they were
	@$(MAKE) -j$(CORES) bench-programs
	@BIN_DIR=$(BUILD)/bin tests/bench/guard.py

bench-instructions: setup-bench ## take the instruction counts of now for the recorded ones
	@$(MAKE) -j$(CORES) bench-programs
	@BIN_DIR=$(BUILD)/bin tests/bench/instructions.py --record

check: setup-check ## the code's form: layers, headers, format, warnings, lint
	@scripts/check.sh

clean: ## delete everything that was built
	rm -rf build

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
