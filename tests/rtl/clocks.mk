# The core alone, Verilated once at the default size for all profiles, and what measures it. Its assertions are left out:
# lock-step has them, and here only clocks are counted.
core_verilog = $(wildcard rtl/core/*.v)
core_bench   = $(V)/core_bench.o $(V)/core/Vcore__ALL.a
meter_parts  = $(patsubst %,$(B)/tests/rtl/%.o,measure tape meter)
clock_tests  = $(B)/tests/rtl/test_clocks

$(V)/core/verilated: $(core_verilog) rtl/core/rows.vh rtl/check.vh build/abi.vh
	@mkdir -p $(@D)
	verilator --cc --x-assign fast --x-initial unique -Wall -O3 -Ibuild -Irtl -Irtl/core --Mdir $(@D) --prefix Vcore --top-module core $(core_verilog)
	@touch $@
$(V)/core/Vcore__ALL.a: $(V)/core/verilated
	$(MAKE) --no-print-directory -s -C $(@D) -f Vcore.mk Vcore__ALL.a OPT_FAST=-O3 OPT_SLOW=-O1 CFG_CXXFLAGS_NO_UNUSED=-w
	@touch $@
$(V)/core_bench.o: tests/rtl/bench.cpp tests/rtl/bench.h tests/rtl/core.def $(V)/core/verilated
	$(CXX) $(verilated_cxxflags) -Wall -Wextra -Werror -I. -isystem $(V)/core -DBENCH_PORTS='"tests/rtl/core.def"' \
	    -DBENCH_HEADER='"Vcore.h"' -DBENCH_MODEL=Vcore -c -o $@ $<

$(B)/clocks: $(B)/tests/rtl/clocks_main.o $(meter_parts) $(card_drivers) $(core_bench) $(archive) $(sim_libs)
	$(CXX) $(SANITIZE) -o $@ $< $(meter_parts) $(card_drivers) $(core_bench) $(sim_libs) $(archive) $(sim_ldlibs) $(LDLIBS)
# -u: Verilator's runtime wants the function that model.o has for a failed assertion.
$(B)/tests/rtl/test_clocks: $(B)/tests/rtl/test_clocks.o $(meter_parts) $(card_drivers) $(core_bench) $(archive) $(sim_libs)
	$(CXX) $(SANITIZE) -Wl,-u,model_new -o $@ $< $(meter_parts) $(card_drivers) $(core_bench) $(sim_libs) $(archive) -lcmocka $(sim_ldlibs) $(LDLIBS)

## make clocks     what commands cost the core in clocks, and its latency against offered load (DATA=directory)
clocks: deps-build $(B)/clocks
	$(B)/clocks $(if $(filter file,$(origin DATA)),$(if $(wildcard $(DATA)),--data $(DATA)),--data $(DATA)) --json build/clocks.json

.PHONY: clocks
