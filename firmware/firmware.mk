# The firmware of the management core. build/firmware/<name>.bin is an image with its signature behind it; build/firmware.vh
# holds image A for rtl/mgmt/mgmt.v. The parts that do not touch hardware are also a library of the host, for unit tests.

firmware_c      = $(wildcard firmware/*.c)
firmware_parts  = $(filter-out %_main.c,$(firmware_c))
firmware_target = $(wildcard firmware/target/*.c) firmware/target/start.S
firmware_deps   = $(wildcard firmware/*.h) $(wildcard driver/abi/*.def) driver/abi/mgmt.h build/firmware/digest.h firmware/firmware.mk
F               = build/firmware

# Compiled with the name of the ISA that has CSRs, linked with that of the multilib: any _zicsr there selects the libraries of rv64.
RISCV_CC     = riscv64-unknown-elf-gcc
RISCV_CFLAGS = -march=rv32i_zicsr -mabi=ilp32 -std=gnu11 -Os -ffreestanding -ffunction-sections -fdata-sections -fno-tree-loop-distribute-patterns \
               -Wstrict-prototypes $(WARN) -I.
RISCV_LINK   = -march=rv32i -mabi=ilp32 -nostdlib -Wl,--gc-sections,--fatal-warnings,--no-warn-rwx-segments

# Changes only when the digest does, so that the firmware is not built again for nothing.
$(F)/digest.h: build/abi_digest.h
	@mkdir -p $(@D)
	cmp -s $< $@ || cp $< $@

$(F)/link.ld: firmware/target/link.ld.S $(wildcard driver/abi/mgmt.def)
	@mkdir -p $(@D)
	$(RISCV_CC) -E -P -I. -x c -o $@ $<

# An object directory for each variant; all but the first fail when they begin, to try what the card does then.
firmware_names         = wirepit-firmware trap hang babble
firmware_flags_trap    = -DBROKEN=TRAP
firmware_flags_hang    = -DBROKEN=HANG
firmware_flags_babble  = -DBROKEN=BABBLE
define firmware_rule
$(F)/$1/%.o: %.c $(firmware_deps)
	@mkdir -p $$(@D)
	$(RISCV_CC) $(RISCV_CFLAGS) $(firmware_flags_$1) -c -o $$@ $$<
$(F)/$1/%.o: %.S $(firmware_deps)
	@mkdir -p $$(@D)
	$(RISCV_CC) $(RISCV_CFLAGS) -c -o $$@ $$<
$(F)/$1.elf: $(patsubst %,$(F)/$1/%.o,$(basename $(firmware_parts) $(firmware_target))) $(F)/link.ld
	$(RISCV_CC) $(RISCV_LINK) -T $(F)/link.ld -o $$@ $$(filter %.o,$$^) -lgcc
$(F)/$1.raw: $(F)/$1.elf
	riscv64-unknown-elf-objcopy -O binary $$< $$@
$(F)/$1.image: $(F)/$1.raw $(image_tool)
	$(image_tool) pack $$< $$@
$(F)/$1.bin: $(F)/$1.image $(F)/key.pem
	$(image_tool) sign $(F)/key.pem $$< $$@
	$(image_tool) verify $(F)/key_public.pem $$@
endef
# One tool serves every profile: what it makes does not depend on how it was compiled.
image_tool = build/plain/wirepit-image
$(foreach name,$(firmware_names),$(eval $(call firmware_rule,$(name))))

$(image_tool): firmware/image_main.c driver/firmware.c driver/firmware.h driver/card.c driver/card.h driver/abi/abi.c host/base/err.c $(wildcard driver/abi/*.h driver/abi/*.def)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $(filter %.c,$^) -lcrypto -lz

# A key for development, different in every build directory and never checked in; firmware/README.md says how a release is signed.
$(F)/key.pem: | $(image_tool)
	@mkdir -p $(@D)
	@rm -f $(F)/key_public.pem
	$(image_tool) keygen $@ $(F)/key_public.pem

# firmware.vh changes only when it says something else, so that the RTL is not Verilated again for nothing.
$(F)/firmware.printed: $(F)/wirepit-firmware.image $(image_tool)
	$(image_tool) verilog $< $@
	cmp -s $@ build/firmware.vh || cp $@ build/firmware.vh
build/firmware.vh: $(F)/firmware.printed ;

all: $(image_tool) $(F)/wirepit-firmware.bin

## make firmware   build and sign the management core's firmware, build/firmware/wirepit-firmware.bin, and print its size
firmware: deps-build
	@$(MAKE) --no-print-directory -s -j2 build/firmware.vh $(addprefix $(F)/,$(addsuffix .bin,$(firmware_names)))
	@riscv64-unknown-elf-size $(F)/wirepit-firmware.elf
	@echo "image $$(wc -c <$(F)/wirepit-firmware.image) of 16384 bytes; signed: $(F)/wirepit-firmware.bin"

$(B)/libfirmware.a: $(firmware_parts:%.c=$(B)/%.o)
	@rm -f $@
	ar rcs $@ $^
$(patsubst %.c,$(B)/%.o,$(firmware_parts) $(wildcard tests/unit/test_firmware_*.c)): $(firmware_deps)
$(B)/tests/unit/test_firmware_%: $(B)/tests/unit/test_firmware_%.o $(B)/libfirmware.a $(archive)
	$(CC) $(SANITIZE) -o $@ $^ -lcmocka $(LDLIBS)

.PHONY: firmware
