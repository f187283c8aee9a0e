# The core of the small card with 200 faults in it, one of which MUTANT of the environment switches on: yosys lists and
# wires them (mutate), Verilator compiles the netlist once in place of rtl/core. build/mutate has all of it, a directory for
# each seed. No fault is drawn in occupancy, whose 64 levels are one word in this card (its bugs are those of
# tests/formal/bugs), nor in the tables' own rows and parity, which test_memory is about.
MUTANTS        ?= 200
M               = build/mutate/$(MUTANTS)_$(SEED)
mutate_flags    = $(verilated_cxxflags) -I.
mutate_card     = $M/model.o $M/mutant.o $M/small/Vcard_small__ALL.a $(filter-out %/Vcard_small__ALL.a,$(sim_libs))
mutate_programs = $M/lockstep $M/test_scenarios $M/test_memory $M/pair.blif
mutate_core     = $(wildcard rtl/core/*.v)
mutate_rest     = $(filter-out rtl/core/%,$(filter %.v,$(rtl_sources)))

$M/core.il: $(mutate_core) rtl/check.vh build/abi.vh sim/sizes.def tests/rtl/mutate.mk
	@mkdir -p $M
	yosys -q -p "read_verilog -DSYNTHESIS -Ibuild $(rtl_include) $(mutate_core); \
	    hierarchy -top core -chparam SYMBOLS $(call sim_number,small,1) -chparam ACCOUNTS $(call sim_number,small,2) \
	        -chparam ORDERS $(call sim_number,small,3) -chparam LEVELS $(call sim_number,small,4); \
	    proc -norom; flatten; opt -full; wreduce; opt -full; \
	    mutate -list $(MUTANTS) -seed $(SEED) -ctrl mutant_q 12 1 -o $M/list.txt c:* a:src=*/occupancy.v:* %d a:src=*/first_set.v:* %d a:src=*/ram.v:* %d; \
	    script $M/list.txt; opt_clean; write_rtlil $@; write_verilog -noattr $M/netlist.v" >$M/yosys.log 2>&1 || { tail $M/yosys.log; exit 1; }
$M/core.v: $M/core.il
	sed -e 's/^module core(/module core #(parameter SYMBOLS = 0, parameter ACCOUNTS = 0, parameter ORDERS = 0, parameter LEVELS = 0) (/' \
	    -e 's/, mutant_q)/)/' -e 's/^  input \[11:0\] mutant_q;/  import "DPI-C" function int mutant();\n  reg [11:0] mutant_q;\n  initial mutant_q = mutant();/' \
	    -e '/^  wire \[11:0\] mutant_q;/d' $M/netlist.v >$@
# For proofs: see mutate_any.v. Registers that nothing gives a value to begin with 0 there.
$M/pair.blif: $M/core.il tests/rtl/mutate_any.v tests/rtl/mutate_ports.awk
	yosys -q -p "read_rtlil $M/core.il; memory_dff; memory_collect; techmap -autoproc -map tests/rtl/mutate_any.v t:\$$mem_v2 t:\$$mul; \
	    opt_clean; dffunmap; simplemap; techmap; opt_clean; dfflegalize -cell \$$_DFF_P_ 01; opt_clean; write_blif $M/core.blif" >$M/pair.log 2>&1 || { tail $M/pair.log; exit 1; }
	awk -f tests/rtl/mutate_ports.awk $M/core.blif $M/core.blif >$@
$M/small/verilated: $M/core.v $(mutate_rest)
	@mkdir -p $(@D)
	verilator $(filter-out -Wall,$(verilator_options)) -Wno-fatal -Wno-lint -Wno-UNOPTFLAT $(rtl_include) --Mdir $(@D) --prefix Vcard_small --top-module wirepit_card \
	    -GSYMBOLS=$(call sim_number,small,1) -GACCOUNTS=$(call sim_number,small,2) \
	    -GORDERS=$(call sim_number,small,3) -GLEVELS=$(call sim_number,small,4) $(mutate_rest) $M/core.v >$M/verilator.log 2>&1 || { tail $M/verilator.log; exit 1; }
	@touch $@
$M/small/Vcard_small__ALL.a: $M/small/verilated
	$(MAKE) --no-print-directory -s -C $(@D) -f Vcard_small.mk Vcard_small__ALL.a OPT_FAST=-O2 OPT_SLOW=-O0 CFG_CXXFLAGS_NO_UNUSED=-w
	@touch $@
$M/model.o: sim/model.cpp $M/small/verilated $(V)/default/verilated $(headers)
	$(CXX) $(mutate_flags) -isystem $M/small -isystem $(V)/default -c -o $@ $<
$M/mutant.o: tests/rtl/mutant.cpp
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 -Wall -Wextra -Werror -O1 -c -o $@ $<
$M/lockstep: $M/%: $(B)/tests/rtl/lockstep_main.o $(card_drivers) $(archive) $(mutate_card)
	$(CXX) -o $@ $< $(card_drivers) $(mutate_card) $(archive) $(sim_ldlibs) $(LDLIBS)
$M/test_scenarios $M/test_memory: $M/%: $(B)/tests/rtl/%.o $(card_drivers) $(archive) $(mutate_card)
	$(CXX) -o $@ $< $(card_drivers) $(mutate_card) $(archive) -lcmocka $(sim_ldlibs) $(LDLIBS)

## make mutate     200 faults in the core, one at a time: do the RTL's tests see them? (MUTANTS=, SEED=; 15 minutes)
mutate: deps-build deps-prove
	@$(MAKE) --no-print-directory -s -j2 $(mutate_programs) >/dev/null
	tests/rtl/mutate.sh build/mutate.json $M $(MUTANTS)

.PHONY: mutate
