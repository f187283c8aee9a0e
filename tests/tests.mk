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
card_tests   = $(addprefix $(B)/tests/rtl/test_,$(patsubst tests/rtl/test_%.c,%,$(wildcard $(addprefix tests/rtl/,test_scenarios.c test_random.c))))
$(B)/golden $(B)/lockstep: $(B)/%: $(B)/tests/rtl/%_main.o $(card_drivers) $(archive) $(sim_libs)
	$(CXX) $(SANITIZE) -o $@ $(B)/tests/rtl/$*_main.o $(card_drivers) $(sim_libs) $(archive) $(sim_ldlibs) $(LDLIBS)
$(card_tests): %: %.o $(card_drivers) $(archive) $(sim_libs)
	$(CXX) $(SANITIZE) -o $@ $@.o $(card_drivers) $(sim_libs) $(archive) -lcmocka $(sim_ldlibs) $(LDLIBS)

# Order flow to test with, where there is any beside the checkout.
DATA     ?= ../shared/data
## make golden     the trades that independent engines agree on, from the engine and from the RTL (DATA=directory)
golden: deps-build $(B)/golden
	$(B)/golden --data $(DATA) --json build/golden.json
## make lockstep   random commands through the RTL and the engine side by side (N=, SEED=; FLOW=file|stream|day instead)
lockstep: deps-build $(B)/lockstep
	$(B)/lockstep --commands $(N) --seed $(SEED) --flow "$(FLOW)" --json build/lockstep.json

## make unit       build and run the unit tests of one profile (PROFILE=plain|san)
unit: $(unit_tests)
	@for test in $(unit_tests); do $$test || exit 1; done

.PHONY: golden lockstep unit
