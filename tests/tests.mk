# Unit tests are tests/unit/test_*.c (cmocka), each linked with the archive. Fuzz targets are tests/fuzz/fuzz_*.c: in
# `make test` they replay tests/fuzz/corpus/<name>/ under the sanitizers, `make fuzz T=<name>` runs libFuzzer.

unit_tests = $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
fuzz_tests = $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(archive)
	$(CC) $(SANITIZE) -o $@ $^ -lcmocka $(LDLIBS)
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(archive)
	$(CC) $(SANITIZE) -o $@ $^ $(LDLIBS)

## make unit       build and run the unit tests of one profile (PROFILE=plain|san)
unit: $(unit_tests)
	@for test in $(unit_tests); do $$test || exit 1; done

.PHONY: unit
