# RTL benches: tests/rtl/test_<name>.c drives one Verilated module through tests/rtl/bench.h. Its ports are listed in
# tests/rtl/<name>.def; rtl_top_<name> and rtl_verilog_<name> say which module that is and where it lies.

rtl_benches = fifo window regs event_dma card_bus mgmt rv32i monitor split link board_card
rtl_tests   = $(addprefix $(B)/tests/rtl/test_,$(rtl_benches))

rtl_top_fifo          = fifo
rtl_top_window        = window
rtl_top_regs          = regs
rtl_top_event_dma     = event_dma
rtl_top_card_bus      = wirepit_card
rtl_top_mgmt          = mgmt
rtl_top_rv32i         = rv32i
rtl_top_monitor       = monitor
rtl_top_board_card    = board_card
rtl_top_link          = link
rtl_top_split         = split
rtl_verilog_fifo      = rtl/bus/fifo.v
rtl_verilog_window    = rtl/bus/window.v
rtl_verilog_regs      = rtl/bus/regs.v
rtl_verilog_event_dma = rtl/bus/event_dma.v
rtl_verilog_card_bus  = rtl/wirepit_card.v tests/rtl/card_bus_core.v $(wildcard rtl/bus/*.v rtl/mgmt/*.v)
rtl_verilog_rv32i     = rtl/mgmt/rv32i.v
rtl_verilog_monitor   = rtl/board/alveo_u50/monitor.v
rtl_verilog_board_card = tests/rtl/board_card.v rtl/board/alveo_u50/split.v $(rtl_verilog_card_bus)
rtl_verilog_link      = rtl/board/alveo_u50/link.v
rtl_verilog_split     = rtl/board/alveo_u50/split.v
rtl_verilog_mgmt      = $(wildcard rtl/mgmt/*.v)
# With its firmware, and a watchdog that a test can wait for.
rtl_options_mgmt      = -DFIRMWARE_IMAGE -GWATCHDOG_LOG2=23
rtl_needs_mgmt        = build/firmware.vh $(firmware_names:%=build/firmware/%.image)

rtl_objects = $(B)/driver/abi/abi.o
# What a bench is linked with besides.
rtl_parts_rv32i       = $(patsubst %,$(B)/tests/rtl/riscv_%.o,program reference)
rtl_options = --cc --exe --build --assert --x-assign unique --x-initial unique -Wall -O3 -Ibuild -Irtl -Irtl/mgmt

define rtl_bench
$(B)/tests/rtl/test_$1: $(B)/tests/rtl/test_$1.o $(rtl_verilog_$1) rtl/check.vh rtl/mgmt/ecc.vh build/abi.vh \
    $(addprefix tests/rtl/,$1.def bench.cpp bench.h) $(rtl_objects) $(rtl_needs_$1) $(rtl_parts_$1)
	@mkdir -p $(B)/verilated/test_$1
	@rm -f $$@
	verilator $(rtl_options) $(rtl_options_$1) --Mdir $(B)/verilated/test_$1 --top-module $(rtl_top_$1) --prefix V$1 \
	    -CFLAGS "-std=gnu++17 -O1 -I$(CURDIR) -DBENCH_PORTS='\"tests/rtl/$1.def\"' -DBENCH_HEADER='\"V$1.h\"' \
	    -DBENCH_MODEL=V$1 $(SANITIZE)" -LDFLAGS "$(SANITIZE) -Wl,--no-as-needed -lcmocka" \
	    $(rtl_verilog_$1) $(abspath tests/rtl/bench.cpp $(B)/tests/rtl/test_$1.o $(rtl_objects) $(rtl_parts_$1)) -o $(abspath $(B)/tests/rtl/test_$1) \
	    >$(B)/verilated/test_$1.log || { cat $(B)/verilated/test_$1.log; exit 1; }
endef
$(foreach bench,$(rtl_benches),$(eval $(call rtl_bench,$(bench))))
$(rtl_benches:%=$(B)/tests/rtl/test_%.o): $(wildcard tests/rtl/*.h tests/rtl/*.def)

## make riscv      random programs on the management core's processor and on QEMU, register by register (N=1000 programs, SEED=)
riscv: deps-build deps-test $(B)/tests/rtl/test_rv32i
	PROGRAMS=$(if $(filter file,$(origin N)),1000,$(N)) SEED=$(SEED) $(B)/tests/rtl/test_rv32i

.PHONY: riscv
