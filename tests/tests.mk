# Unit tests are tests/unit/test_*.c (cmocka), each linked with the archive. Fuzz targets are tests/fuzz/fuzz_*.c: in
# `make test` they replay tests/fuzz/corpus/<name>/ under the sanitizers, `make fuzz T=<name>` runs libFuzzer.

unit_tests = $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
fuzz_tests = $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(archive)
	$(CC) $(SANITIZE) -o $@ $^ -lcmocka $(LDLIBS)
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(archive)
	$(CC) $(SANITIZE) -o $@ $^ $(LDLIBS)

# What drives a whole card: command by command (drive), by flow (desk) or at random (stimulus).
card_drivers = $(patsubst %,$(B)/tests/rtl/%.o,drive desk stimulus scenario)
card_tests   = $(addprefix $(B)/tests/rtl/test_,$(patsubst tests/rtl/test_%.c,%,$(wildcard $(addprefix tests/rtl/,test_scenarios.c test_random.c test_memory.c test_failures.c test_exhaustive.c))))
$(B)/golden $(B)/lockstep: $(B)/%: $(B)/tests/rtl/%_main.o $(card_drivers) $(archive) $(sim_libs)
	$(CXX) $(SANITIZE) -o $@ $(B)/tests/rtl/$*_main.o $(card_drivers) $(sim_libs) $(archive) $(sim_ldlibs) $(LDLIBS)
$(card_tests): %: %.o $(card_drivers) $(archive) $(sim_libs)
	$(CXX) $(SANITIZE) -o $@ $@.o $(card_drivers) $(sim_libs) $(archive) -lcmocka $(sim_ldlibs) $(LDLIBS)

$(B)/tests/rtl/test_failures: $(firmware_names:%=build/firmware/%.bin)

include tests/rtl/clocks.mk
include tests/rtl/coverage.mk
include tests/rtl/mutate.mk

# Order flow to test with, where there is any beside the checkout.
DATA     ?= ../shared/data
## make golden     the trades that independent engines agree on, from the engine and from the RTL (DATA=directory)
golden: deps-build $(B)/golden
	$(B)/golden $(if $(filter file,$(origin DATA)),$(if $(wildcard $(DATA)),--data $(DATA)),--data $(DATA)) --json build/golden.json
## make lockstep   random commands through the RTL and the engine side by side (N=, SEED=; FLOW=file|stream|day instead)
lockstep: deps-build $(B)/lockstep
	$(B)/lockstep --commands $(N) --seed $(SEED) --flow "$(FLOW)" --json build/lockstep.json

# A test run is plain and under the sanitizers; what takes long or builds its own model is run once.
test_san   = $(patsubst $(B)/%,build/san/%,$(unit_tests) $(card_tests) $(clock_tests))
test_fuzz  = $(patsubst $(B)/tests/fuzz/fuzz_%,build/san/tests/fuzz/fuzz_%,$(fuzz_tests))
test_plain = $(unit_tests) $(rtl_tests) $(sim_tests) $(card_tests) $(clock_tests) $(e2e_tests) $(fault_tests)
test_programs = $(test_plain) $(qemu_tests) $(programs) $(B)/golden $(B)/lockstep $(B)/fault-campaign

## make test       every test, in both profiles; SEED=n draws other random cases. Ends with "N passed, N failed"
test: deps-build deps-test deps-prove
	@$(MAKE) --no-print-directory -s -j2 $(test_programs)
	@$(MAKE) --no-print-directory -s -j2 PROFILE=san test-san
	@{ printf '%s\n' $(test_plain) $(test_san) $(foreach target,$(test_fuzz),"$(target) tests/fuzz/corpus/$(target:build/san/tests/fuzz/fuzz_%=%)"); \
	   printf '%s\n' $(foreach port,$(e2e_ports),"WIREPIT_PORT=$(port) $(B)/tests/e2e/test_gateway"); \
	   echo "$(B)/fault-campaign --card soft --rounds 8 --seed $(SEED) --json build/fault_soft.json"; \
	   echo "$(B)/fault-campaign --card bus --rounds 5 --seed $(SEED) --json build/fault_bus.json"; \
	   echo "tests/qemu/run.sh $(B) short 6000 build/test-qemu-short.json"; \
	   echo "$(MAKE) --no-print-directory -s golden"; \
	   echo "$(MAKE) --no-print-directory -s lockstep N=2000000 FLOW="; \
	   echo "$(MAKE) --no-print-directory -s lockstep N=20000 FLOW=day"; \
	   echo "$(MAKE) --no-print-directory -s mutate MUTANTS=20"; \
	   echo "$(MAKE) --no-print-directory -s prove"; } | SEED=$(SEED) tests/run.sh build/test
test-san: $(unit_tests) $(fuzz_tests) $(card_tests) $(clock_tests)

## make unit       build and run the unit tests of one profile (PROFILE=plain|san)
unit: $(unit_tests)
	@for test in $(unit_tests); do $$test || exit 1; done

# libFuzzer, from clang; the findings go to the corpus of the target.
## make fuzz       fuzz one parser with libFuzzer: T=soup|ouch|journal|config|entry|flow|inputs|port, SECONDS=60
SECONDS  ?= 60
fuzz: $(sources) $(bpf_skeletons)
	@tests/deps.sh clang libclang-rt-14-dev
	@mkdir -p build/fuzz/$(T)
	clang -std=gnu11 -g -O1 -I. -fsanitize=fuzzer,address,undefined -o build/fuzz/fuzz_$(T) tests/fuzz/fuzz_$(T).c $(sources) $(LDLIBS)
	build/fuzz/fuzz_$(T) -max_total_time=$(SECONDS) build/fuzz/$(T) tests/fuzz/corpus/$(T)

## make screenshot pictures of the last run's report in headless Chromium, wide and narrow (apt-get install chromium)
screenshot:
	tests/e2e/screenshot.sh build/run/report.html

.PHONY: screenshot

# ---- lint ----------------------------------------------------------------------------------------------------------
lint_c   = $(wildcard firmware/*.[ch] firmware/target/*.c host/gateway/lwip/*.[ch] host/gateway/lwip/arch/*.h driver/*.[ch] driver/abi/*.[ch] host/*/*.[ch] sim/*.[ch] sim/*.cpp tests/*/*.[ch] tests/*/*.cpp)
## make lint       format, warnings in Verilog (Verilator, Icarus), forbidden words, rooms that use what they may not
lint: deps-build deps-lint build/abi.vh
	clang-format --dry-run -Werror $(lint_c)
	verilator --lint-only -Wall -Ibuild $(rtl_include) --top-module wirepit_card $(filter %.v,$(rtl_sources))
	iverilog -g2005 -Wall -DSYNTHESIS -Ibuild $(rtl_include) -t null -s wirepit_card $(filter %.v,$(rtl_sources))
	for board in $(dir $(wildcard rtl/board/*/top.v)); do \
	    verilator --lint-only -Wall -Ibuild $(rtl_include) --top-module top $$board*.v $(filter %.v,$(rtl_sources)) && \
	    iverilog -g2005 -Wall -DSYNTHESIS -Ibuild $(rtl_include) -t null -s top $$board*.v $(filter %.v,$(rtl_sources)) || exit 1; \
	done
	tests/lint.sh

.PHONY: golden lockstep unit test test-san fuzz lint
