# The small card with 200 faults in it, one of which MUTANT of the environment switches on: yosys lists and wires them
# (mutate), Verilator compiles the netlist once. build/mutate has all of it, a directory for each seed. Occupancy is left out, whose 64 levels are one word
# in this card: its bugs are those of tests/formal/bugs. So are the tables' parity bits, which test_memory is about.
MUTANTS        ?= 200
M               = build/mutate/$(MUTANTS)_$(SEED)
mutate_flags    = $(verilated_cxxflags) -I.
mutate_card     = $M/model.o $M/mutant.o $M/small/Vcard_small__ALL.a $(filter-out %/Vcard_small__ALL.a,$(sim_libs))

$M/card.v: $(rtl_sources) build/abi.vh sim/sizes.def tests/rtl/mutate.mk
	@mkdir -p $M
	yosys -q -p "read_verilog -DSYNTHESIS -Ibuild $(rtl_include) $(filter %.v,$(rtl_sources)); \
	    hierarchy -top wirepit_card -chparam SYMBOLS $(call sim_number,small,1) -chparam ACCOUNTS $(call sim_number,small,2) \
	        -chparam ORDERS $(call sim_number,small,3) -chparam LEVELS $(call sim_number,small,4); \
	    proc; flatten; opt -full; wreduce; opt -full; mutate -list $(MUTANTS) -seed $(SEED) -ctrl mutant_q 8 1 -o $M/list.txt c:*core.* c:*occupancy_map* %d c:*_ram.* %d; \
	    script $M/list.txt; opt_clean; write_verilog -noattr $M/netlist.v" >$M/yosys.log 2>&1 || { tail $M/yosys.log; exit 1; }
	sed -e 's/, mutant_q)/)/' -e 's/^  input \[7:0\] mutant_q;/  import "DPI-C" function int mutant();\n  reg [7:0] mutant_q;\n  initial mutant_q = mutant();/' \
	    -e '/^  wire \[7:0\] mutant_q;/d' $M/netlist.v >$@
$M/small/verilated: $M/card.v
	@mkdir -p $(@D) $M/include
	verilator $(filter-out -Wall --assert,$(verilator_options)) -Wno-fatal -Wno-lint --Mdir $(@D) --prefix Vcard_small --top-module wirepit_card $M/card.v
	@touch $@
$M/small/Vcard_small__ALL.a: $M/small/verilated
	$(MAKE) --no-print-directory -s -C $(@D) -f Vcard_small.mk Vcard_small__ALL.a OPT_FAST=-O2 OPT_SLOW=-O0 CFG_CXXFLAGS_NO_UNUSED=-w
	@touch $@
$M/model.o: sim/model.cpp $M/small/verilated $(V)/default/verilated $(headers)
	$(CXX) $(mutate_flags) -isystem $M/small -isystem $(V)/default -c -o $@ $<
$M/mutant.o: tests/rtl/mutant.cpp
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 -Wall -Wextra -Werror -O1 -c -o $@ $<
$M/lockstep: $(B)/tests/rtl/lockstep_main.o $(card_drivers) $(archive) $(mutate_card)
	$(CXX) -o $@ $< $(card_drivers) $(mutate_card) $(archive) $(sim_ldlibs) $(LDLIBS)

## make mutate     200 faults in the core, one at a time: does lock-step see them? (MUTANTS=, SEED=; a few minutes)
mutate: deps-build deps-prove
	@$(MAKE) --no-print-directory -s -j2 $M/lockstep >/dev/null
	tests/rtl/mutate.sh build/mutate.json $M $(MUTANTS)

.PHONY: mutate
