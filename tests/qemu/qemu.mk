# The vfio driver in a guest of QEMU's, on the Verilated card as a PCI device. The guest's program is linked statically:
# its root is an initramfs with busybox in it.

qemu_tests   = $(addprefix $(B)/tests/qemu/,guest test-qemu)
qemu_guest_o = $(addprefix $(B)/,tests/qemu/guest_main.o tests/rtl/stimulus.o)

$(B)/tests/qemu/guest: $(qemu_guest_o) $(archive)
	$(CC) -static -o $@ $^
$(B)/tests/qemu/test-qemu: $(B)/tests/qemu/qemu_main.o $(sim_libs) $(archive)
	$(CXX) $(SANITIZE) -o $@ $^ $(sim_ldlibs)

## make test-qemu  the vfio driver in a guest of QEMU's, on the Verilated card as a PCI device; build/test-qemu.json
test-qemu: deps-build deps-test
	@$(MAKE) --no-print-directory -s -j2 $(qemu_tests) $(B)/wirepit-card
	@SEED=$(SEED) tests/qemu/run.sh $(B) whole 6000 build/test-qemu.json

.PHONY: test-qemu
