# The Verilated card. build/verilated/<size>/Vcard_<size>__ALL.a is made once for every line of sim/sizes.def and serves
# all profiles, as does model.o: only C is built with sanitizers. What uses the card links $(sim_libs) with $(CXX),
# before $(archive), and $(sim_ldlibs). $(sim_tests) are the tests of sim/.

verilator_options = --cc --trace-fst --trace-max-width 512 --assert --x-assign fast --x-initial unique -Wall -O3 -Ibuild -DFIRMWARE_IMAGE
sim_sizes   := $(shell sed -n 's/^SIZE.\([a-z]*\),.*/\1/p' sim/sizes.def)
sim_number   = $(shell sed -n 's/^SIZE.$1, \([0-9]*\), \([0-9]*\), \([0-9]*\), \([0-9]*\).*/\$2/p' sim/sizes.def)
rtl_rooms    = rtl rtl/core rtl/bus rtl/mgmt
rtl_sources  = $(wildcard $(rtl_rooms:%=%/*.v) $(rtl_rooms:%=%/*.vh))
rtl_include  = $(rtl_rooms:%=-I%)
V            = build/verilated
verilated    = $(foreach size,$(sim_sizes),$(V)/$(size)/Vcard_$(size)__ALL.a)
runtime      = $(patsubst %,$(V)/%.o,verilated verilated_fst_c verilated_threads)
sim_libs     = $(B)/sim/libsim.a $(verilated) $(V)/libruntime.a
sim_ldlibs   = -lz -lpthread -latomic

# Asked once, and only when something is Verilated: `make deps` runs before there is a Verilator.
verilator_root     = $(eval verilator_root := $(shell verilator --getenv VERILATOR_ROOT))$(verilator_root)
verilated_cxxflags = -std=gnu++17 -O3 -DVL_USER_STOP -DVM_COVERAGE=0 -DVM_SC=0 -DVM_TRACE=1 -DVM_TRACE_FST=1 \
                     -isystem $(verilator_root)/include -isystem $(verilator_root)/include/vltstd

$(V)/%/verilated: $(rtl_sources) build/abi.vh build/firmware.vh sim/sizes.def sim/sim.mk
	@mkdir -p $(@D)
	verilator $(verilator_options) --Mdir $(@D) --prefix Vcard_$* --top-module wirepit_card $(rtl_include) \
	    -GSYMBOLS=$(call sim_number,$*,1) -GACCOUNTS=$(call sim_number,$*,2) \
	    -GORDERS=$(call sim_number,$*,3) -GLEVELS=$(call sim_number,$*,4) rtl/wirepit_card.v
	@touch $@

# Verilator names its C++ files itself, so the makefile it writes beside them builds them.
define verilated_rule
$(V)/$1/Vcard_$1__ALL.a: $(V)/$1/verilated
	$$(MAKE) --no-print-directory -s -C $$(@D) -f Vcard_$1.mk Vcard_$1__ALL.a OPT_FAST=-O3 OPT_SLOW=-O1 CFG_CXXFLAGS_NO_UNUSED=-w
	@touch $$@
endef
$(foreach size,$(sim_sizes),$(eval $(call verilated_rule,$(size))))

$(runtime): $(V)/%.o: sim/sim.mk
	@mkdir -p $(@D)
	$(CXX) $(verilated_cxxflags) -w -c -o $@ $(verilator_root)/include/$*.cpp
$(V)/libruntime.a: $(runtime)
	@rm -f $@
	ar rcs $@ $^

$(V)/model.o: sim/model.cpp $(foreach size,$(sim_sizes),$(V)/$(size)/verilated) $(headers) sim/sizes.def
	$(CXX) $(verilated_cxxflags) -Wall -Wextra -Werror -g -I. $(foreach size,$(sim_sizes),-isystem $(V)/$(size)) -c -o $@ $<

$(B)/sim/libsim.a: $(patsubst %.c,$(B)/%.o,$(filter-out %_main.c,$(wildcard sim/*.c))) $(V)/model.o
	@rm -f $@
	ar rcs $@ $^

$(B)/wirepit-card: $(B)/sim/wirepit_card_main.o $(sim_libs) $(archive)
	$(CXX) $(SANITIZE) -o $@ $^ $(sim_ldlibs)

sim_tests = $(patsubst %,$(B)/tests/rtl/test_%,simlib difference bus ivshmem)
$(sim_tests): $(B)/tests/rtl/%: $(B)/tests/rtl/%.o $(B)/tests/rtl/stimulus.o $(sim_libs) $(archive)
	$(CXX) $(SANITIZE) -o $@ $^ -lcmocka $(sim_ldlibs)
