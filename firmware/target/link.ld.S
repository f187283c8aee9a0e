/* link.ld.S: where the parts of the image go; through the preprocessor, so that addresses and sizes
 * stand in mgmt.def only. */
#define REGION(name, address, bytes, meaning) REGION_##name = address; REGION_##name##_BYTES = bytes;
#define DEVICE(name, offset, access, meaning)
#define PAGE(name, offset, unit, meaning)
#define IMAGE(name, offset, meaning)
#define CODE(group, name, number, meaning)
#include "driver/abi/mgmt.def"

OUTPUT_ARCH(riscv)
ENTRY(start)
SECTIONS
{
    . = REGION_IMAGE;
    .text : { KEEP(*(.header)) *(.text.start) *(.text .text.*) }
    .rodata : { *(.rodata .rodata.* .srodata .srodata.*) . = ALIGN(4); }
    image_end = .;
    .data : { *(.data .data.* .sdata .sdata.*) }
    . = REGION_DATA;
    .bss (NOLOAD) : { *(.bss .bss.* .sbss .sbss.* COMMON) . = ALIGN(16); stack_begin = .; }
    stack_end = REGION_DATA + REGION_DATA_BYTES;
    /DISCARD/ : { *(.comment .note.* .eh_frame .riscv.attributes) }
}
ASSERT(SIZEOF(.data) == 0, "firmware: initialised data is not copied from the image: make it const or set it at run time")
ASSERT(image_end <= REGION_IMAGE + REGION_IMAGE_BYTES, "firmware: the image is larger than REGION_IMAGE_BYTES of driver/abi/mgmt.def")
ASSERT(stack_end - stack_begin >= 4096, "firmware: less than 4,096 bytes are left for the stack")
