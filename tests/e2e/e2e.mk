# End-to-end tests are tests/e2e/test_*.c: each starts the gateway as a user would, on loopback and a free port, with its
# data below build/e2e/, and ends only what it started.

e2e_tests = $(patsubst tests/e2e/%.c,$(B)/tests/e2e/%,$(wildcard tests/e2e/test_*.c))

# Bad weather is a tc-BPF program, built as those of host/bpf are.
build/bpf/%.bpf.o: tests/e2e/%.bpf.c
	@mkdir -p $(@D)
	clang $(BPF_CFLAGS) -c -o $@ $<
$(B)/tests/e2e/weather.o: build/bpf/weather.skel.h
$(B)/tests/e2e/test_weather: $(B)/tests/e2e/weather.o

$(B)/tests/e2e/%: $(B)/tests/e2e/%.o $(B)/tests/e2e/net.o $(archive) | $(B)/wirepit-gateway $(B)/wirepit-card $(B)/wirepit-replay $(B)/wirepit $(B)/wirepit-office build/firmware/wirepit-firmware.bin build/firmware/trap.bin build/firmware/hang.bin
	$(CC) $(SANITIZE) -o $@ $^ -lcmocka $(LDLIBS)

# The ports past the kernel that the gateway's test is run over as well, each where the machine allows it.
e2e_ports = af_xdp af_packet tap

## make e2e        run the programs of one profile as their users do
e2e: $(e2e_tests)
	@for test in $(e2e_tests); do WIREPIT_GATEWAY=$(B)/wirepit-gateway $$test || exit 1; done
	@for port in $(e2e_ports); do WIREPIT_PORT=$$port WIREPIT_GATEWAY=$(B)/wirepit-gateway $(B)/tests/e2e/test_gateway || exit 1; done

.PHONY: e2e
