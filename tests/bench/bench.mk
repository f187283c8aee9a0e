# The benchmark: tests/bench/bench_main.c runs the gateway as the fault campaign does (tests/fault/venue.h). Never a part of
# `make test`.

bench_objects = $(patsubst %,$(B)/tests/bench/%.o,bench_main load echo) $(B)/tests/fault/venue.o $(B)/tests/e2e/net.o

$(B)/bench: $(bench_objects) $(bypass_libs) $(archive) | $(B)/wirepit-gateway
	$(CC) $(SANITIZE) -o $@ $^ $(bypass_ldlibs) $(LDLIBS)

$(B)/bench-ledger: $(B)/tests/bench/bench_ledger.o $(archive)
	$(CC) $(SANITIZE) -o $@ $^ $(LDLIBS)

## make bench      round trips and orders a second, the books from the journal, each beside what it stands on (about two minutes)
bench: deps-build
	@$(MAKE) --no-print-directory -s -j2 $(B)/bench $(B)/bench-ledger $(B)/wirepit-gateway
	@$(B)/bench --gateway $(B)/wirepit-gateway --json build/bench.json --commit "$$(git rev-parse --short HEAD 2>/dev/null)"
	@$(B)/bench-ledger --json build/bench_ledger.json --commit "$$(git rev-parse --short HEAD 2>/dev/null)"

.PHONY: bench
