# make help lists the targets. CI runs these targets and nothing else.
#
# Every room's *.c goes into one archive per build profile, but for *_main.c (a program each, named at `programs`).
# A profile has its own build directory: build/plain, build/san (address and undefined-behaviour sanitizers).

CC       ?= cc
CXX      ?= c++
PROFILE  ?= plain
SEED     ?= 1
N        ?= 1000000
FLOW     ?=
CARD     ?= sim
CLIENTS  ?= 4
ROWS     ?=
PACE     ?=
TRANSPORT ?=
PORT     ?=

B         = build/$(PROFILE)
WARN      = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
CFLAGS    = -std=gnu11 -Wstrict-prototypes $(WARN) -O2 -g -I.
CXXFLAGS  = -std=gnu++17 -O2 -g -I.
LDLIBS    = -luring -lb2 -lz -lcyaml -lyaml -ljansson -lbpf -lelf -lcurl -lsqlite3 -lmicrohttpd -lcrypto -lm
ifeq ($(PROFILE),san)
SANITIZE  = -fsanitize=address,undefined -fno-sanitize-recover=all
endif

rooms     = driver driver/abi host/base host/engine host/softcard host/wire host/journal host/book host/ledger host/store host/office host/control host/gateway host/client host/cli host/bpf
sources   = $(filter-out %_main.c %_print.c %.bpf.c,$(wildcard $(addsuffix /*.c,$(rooms))))
archive   = $(B)/libwirepit.a
headers   = $(wildcard host/gateway/lwip/*.h driver/*.h driver/abi/*.h driver/abi/*.def host/*/*.h sim/*.h tests/*/*.h tests/*/*.def host/*/*.def)

include host/bpf/bpf.mk
include sim/sim.mk
include host/gateway/lwip.mk
include firmware/firmware.mk
include tests/rtl/rtl.mk
include tests/formal/formal.mk
include tests/e2e/e2e.mk
include tests/fault/fault.mk
include tests/qemu/qemu.mk
include tests/bench/bench.mk
include tests/tests.mk

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

programs  = $(B)/wirepit-gateway $(B)/wirepit-replay $(B)/wirepit-card $(B)/wirepit $(B)/wirepit-office

## make            build every program
all: $(programs)

## make run        trade an order flow through AF_XDP, DPDK, lwIP and the Verilated card and print the summary
##                 FLOW=day|stream|<LOBSTER or CSV file>  CARD=sim|bus|soft|vfio:<PCI address>  CLIENTS=1..16  ROWS=n
##                 PACE=real|flat|strict  TRACE=file
##                 TRANSPORT=lwip|kernel  PORT=af_xdp|af_packet|tap|none
run: deps-build
	@$(MAKE) --no-print-directory -s -j2 all
	@FLOW="$(FLOW)" CARD="$(CARD)" CLIENTS="$(CLIENTS)" ROWS="$(ROWS)" PACE="$(PACE)" TRACE="$(TRACE)" TRANSPORT="$(TRANSPORT)" PORT="$(PORT)" host/package/run.sh

## make up         start gateway and office in the background, state in build/up (CARD=sim|soft, TRANSPORT=kernel|lwip, TCP_PORT=)
## make down       end exactly these
up: deps-build
	@$(MAKE) --no-print-directory -s -j2 all
	@CARD="$(CARD)" TRANSPORT="$(TRANSPORT)" TCP_PORT="$(TCP_PORT)" PROGRAMS="$(B)" host/package/up.sh start
down:
	@PROGRAMS="$(B)" host/package/up.sh stop

## make help       this list
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make clean      remove everything that was built
clean:
	rm -rf build

# ---- packages ----------------------------------------------------------------------------------------------------
deps_build = gcc g++ make git verilator zlib1g-dev liburing-dev libb2-dev libcyaml-dev libyaml-dev libjansson-dev clang bpftool libbpf-dev libelf-dev libcurl4-openssl-dev libsqlite3-dev libmicrohttpd-dev \
             libdpdk-dev pkg-config iproute2 ethtool xz-utils libssl-dev gcc-riscv64-unknown-elf binutils-riscv64-unknown-elf
deps_test  = libcmocka-dev iputils-ping qemu-system-misc qemu-system-x86 busybox-static
deps_lint  = clang-format iverilog
deps_prove = yosys z3
## make deps       install with apt what is missing (deps-build, deps-test, deps-lint, deps-prove are its parts)
deps: deps-build deps-test deps-lint deps-prove
deps-build deps-test deps-lint deps-prove: deps-%:
	@tests/deps.sh $(deps_$*)

# ---- C -----------------------------------------------------------------------------------------------------------
$(B)/%.o: %.c $(headers)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANITIZE) -c -o $@ $<
$(archive): $(sources:%.c=$(B)/%.o)
	@rm -f $@
	ar rcs $@ $^

build/abi_print: driver/abi/abi_print.c driver/abi/abi.c $(wildcard driver/abi/*.def driver/abi/*.h)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ driver/abi/abi_print.c driver/abi/abi.c
# abi.vh changes only when it says something else, so that the RTL is not Verilated again for nothing.
build/abi.printed: build/abi_print
	build/abi_print verilog >$@
	cmp -s $@ build/abi.vh || cp $@ build/abi.vh
build/abi.vh: build/abi.printed ;
build/abi_digest.h: build/abi_print
	build/abi_print c >$@
build/abi.md: build/abi_print
	build/abi_print markdown >$@

$(B)/wirepit-gateway: $(B)/host/gateway/gateway_main.o $(archive) $(bypass_libs) $(sim_libs)
	$(CXX) $(SANITIZE) -o $@ $< $(sim_libs) $(bypass_libs) $(archive) $(sim_ldlibs) $(bypass_ldlibs) $(LDLIBS)
$(B)/wirepit-replay: $(B)/host/client/replay_main.o $(archive)
	$(CC) $(SANITIZE) -o $@ $^ $(LDLIBS)
$(B)/wirepit-office: $(B)/host/office/office_main.o $(archive)
	$(CC) $(SANITIZE) -o $@ $^ $(LDLIBS)
$(B)/wirepit: $(B)/host/cli/cli_main.o $(archive)
	$(CC) $(SANITIZE) -o $@ $^ $(LDLIBS)

.PHONY: all run up down help clean deps deps-build deps-test deps-lint deps-prove
