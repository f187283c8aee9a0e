# The RTL with counters in it: the small card and each bench's module, and the programs of `make test` that drive them, linked
# with these instead. build/coverage has all of it.
C                = build/coverage
coverage_options = --coverage-line --coverage-toggle
coverage_flags   = $(filter-out -DVM_COVERAGE=0,$(verilated_cxxflags)) -DVM_COVERAGE=1 -O1 -I.
coverage_runtime = $(patsubst %,$C/%.o,verilated verilated_fst_c verilated_threads verilated_cov)
coverage_card    = $C/model.o $C/small/Vcard_small__ALL.a $(coverage_runtime) $(filter-out %/Vcard_small__ALL.a %/libruntime.a,$(sim_libs))
coverage_cards   = $(addprefix $C/,lockstep test_scenarios test_random)
coverage_benches = $(addprefix $C/test_,$(rtl_benches))

$C/small/verilated: $(rtl_sources) build/abi.vh build/firmware.vh sim/sizes.def
	@mkdir -p $(@D) $C/include
	verilator $(verilator_options) $(coverage_options) --Mdir $(@D) --prefix Vcard_small --top-module wirepit_card $(rtl_include) \
	    -GSYMBOLS=$(call sim_number,small,1) -GACCOUNTS=$(call sim_number,small,2) \
	    -GORDERS=$(call sim_number,small,3) -GLEVELS=$(call sim_number,small,4) rtl/wirepit_card.v
	printf '#include "%s/Vcard_small.h"\n#include "tests/rtl/coverage.h"\n#define Vcard_small covered<Vcard_small>\n' $(abspath $(@D)) >$C/include/Vcard_small.h
	@touch $@
$C/small/Vcard_small__ALL.a: $C/small/verilated
	$(MAKE) --no-print-directory -s -C $(@D) -f Vcard_small.mk Vcard_small__ALL.a OPT_FAST=-O1 OPT_SLOW=-O0 CFG_CXXFLAGS_NO_UNUSED=-w
	@touch $@
$(coverage_runtime): $C/%.o: sim/sim.mk
	@mkdir -p $(@D)
	$(CXX) $(coverage_flags) -w -c -o $@ $(verilator_root)/include/$*.cpp
$C/model.o: sim/model.cpp tests/rtl/coverage.h $C/small/verilated $(V)/default/verilated $(headers)
	$(CXX) $(coverage_flags) -I$C/include -isystem $C/small -isystem $(V)/default -c -o $@ $<

$C/lockstep: $(B)/tests/rtl/lockstep_main.o $(card_drivers) $(archive) $(coverage_card)
	$(CXX) -o $@ $< $(card_drivers) $(coverage_card) $(archive) -lcmocka $(sim_ldlibs) $(LDLIBS)
$(filter-out $C/lockstep,$(coverage_cards)): $C/%: $(B)/tests/rtl/%.o $(card_drivers) $(archive) $(coverage_card)
	$(CXX) -o $@ $< $(card_drivers) $(coverage_card) $(archive) -lcmocka $(sim_ldlibs) $(LDLIBS)

define coverage_bench
$C/test_$1: $(B)/tests/rtl/test_$1.o $(rtl_verilog_$1) rtl/check.vh build/abi.vh $(addprefix tests/rtl/,$1.def bench.cpp bench.h coverage.h) $(rtl_objects) $(rtl_parts_$1) $(coverage_runtime)
	@mkdir -p $C/$1
	verilator --cc --assert --x-assign unique --x-initial unique -Wall -O3 -Ibuild -Irtl $(coverage_options) \
	    --Mdir $C/$1 --top-module $(rtl_top_$1) --prefix V$1 $(rtl_verilog_$1)
	$$(MAKE) --no-print-directory -s -C $C/$1 -f V$1.mk V$1__ALL.a OPT_FAST=-O1 OPT_SLOW=-O0 CFG_CXXFLAGS_NO_UNUSED=-w
	printf '#include "%s/V$1.h"\n#include "tests/rtl/coverage.h"\n' $(abspath $C/$1) >$C/$1/counted.h
	$(CXX) $$(coverage_flags) -isystem $C/$1 -DCOVERAGE_STOPS -DBENCH_PORTS='"tests/rtl/$1.def"' -DBENCH_HEADER='"$C/$1/counted.h"' \
	    -DBENCH_MODEL='covered<V$1>' -c -o $C/$1/bench.o tests/rtl/bench.cpp
	$(CXX) -o $$@ $$< $C/$1/bench.o $C/$1/V$1__ALL.a $(rtl_objects) $(rtl_parts_$1) $(coverage_runtime) -lcmocka -lz -lpthread -latomic
endef
$(foreach bench,$(rtl_benches),$(eval $(call coverage_bench,$(bench))))

## make coverage   which lines of the RTL the tests run, and which bits they turn over
coverage: deps-build deps-test
	@$(MAKE) --no-print-directory -s -j2 $(coverage_cards) $(coverage_benches) >/dev/null
	tests/rtl/coverage.sh build/coverage.json $C $(SEED) $(coverage_cards) $(coverage_benches)

.PHONY: coverage
