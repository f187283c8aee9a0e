/* abi_print: print the contract as the Verilog header that rtl/ includes (abi_print verilog), as
 * the header of the firmware (abi_print c), or as the reference page for people (abi_print
 * markdown). Runs in every build, so nothing printed is checked in. */
#include "driver/abi/abi.h"
#include <inttypes.h>
#include <stdio.h>

/* print_row_cases prints two lists of case items over {table, field}: the range of every field that
   may be set, and the last built field of every table, where a query ends. */
static void print_row_cases(void) {
    printf("`define ROW_RANGES");
    for (unsigned table = 0; table <= TABLE_SESSION; table++)
        for (unsigned field = 1; abi_row(table, field); field++) {
            const struct abi_row *row = abi_row(table, field);
            if (row->access == ABI_SET)
                printf(" \\\n    16'h%02x%02x: begin row_settable = 1'b1; row_min = 64'h%016" PRIx64
                       "; row_max = 64'h%016" PRIx64 "; end",
                       table, field, (uint64_t)row->min, (uint64_t)row->max);
        }
    printf("\n`define ROW_LASTS");
    for (unsigned table = 0; table <= TABLE_SESSION; table++) {
        unsigned last = 0;
        for (unsigned field = 1; abi_row(table, field); field++)
            if (abi_row(table, field)->access != ABI_LATER) last = field;
        printf(" \\\n    16'h%02x%02x: row_last = 1'b1;", table, last);
    }
    printf("\n");
}

// clang-format off
static void print_verilog(void) {
    printf("// From driver/abi/*.def by driver/abi/abi_print.c; change those.\n");
    printf("`define ABI_DIGEST 32'h%08x\n", abi_digest());
#define MSG(name, meaning)
#define PART(name, part, type, offset, meaning) \
    printf("`define %s_%s %u +: %u\n`define %s_%s_low %u\n", #name, #part, 8u * (offset), (unsigned)(8u * sizeof(type)), \
           #name, #part, 8u * (offset));
#define ALIAS(name, alias, type, offset, meaning) PART(name, alias, type, offset, meaning)
#define END(name, size) printf("`define %s_bits %u\n", #name, 8u * (size));
#include "driver/abi/wire.def"
#undef MSG
#undef PART
#undef ALIAS
#undef END
    /* A table's number is an index into 32 bits. */
#define CODE(group, name, number, meaning) \
    printf("`define " #group "_" #name " %u'd%u\n", strcmp(#group, "MEMORY") == 0 ? 5 : 8, (unsigned)(number));
#define LIMIT(name, number, meaning)       printf("`define LIMIT_" #name " %u\n", (unsigned)(number));
#define USE(opcode, part)
    /* `define EVENT_END 208: the bit's place in the whole record. */
#define FLAG(group, name, bit, built, meaning) \
    printf("`define " #group "_" #name " %u\n", (unsigned)(bit) + 8u * (strcmp(#group, "EVENT") == 0 \
        ? (unsigned)offsetof(struct event, flags) : (unsigned)offsetof(struct command, flags)));
#include "driver/abi/codes.def"
#include "driver/abi/version.def"
#undef CODE
#undef LIMIT
#undef USE
#undef FLAG
    printf("`define ORDER_FLAGS_BUILT 16'h%04x\n", abi_order_flags_built());
    /* `define USED_NEW 512'h...: a 1 for every bit of a command that the opcode reads. */
    for (unsigned opcode = 0; opcode < 16; opcode++) {
        const uint8_t *used = abi_used(opcode);
        if (!used) continue;
        printf("`define USED_%s 512'h", abi_opcode_name(opcode));
        for (size_t i = sizeof(struct command); i > 0; i--) printf("%02x", used[i - 1]);
        printf("\n");
    }
#define ROW(table, name, number, access, min, max, meaning) printf("`define ROW_" #table "_" #name " 8'd%u\n", (unsigned)(number));
#include "driver/abi/rows.def"
#undef ROW
    print_row_cases();
#define REG(name, offset, access, reset, meaning) \
    printf("`define REG_%s 15'h%04x\n`define RESET_%s 32'h%08x\n", #name, (unsigned)(offset), #name, (unsigned)(reset));
#define FIELD(name, field, lsb, width, meaning) \
    printf("`define %s_%s %u +: %u\n", #name, #field, (unsigned)(lsb), (unsigned)(width));
#include "driver/abi/regs.def"
#undef REG
#undef FIELD
#define REGION(name, address, bytes, meaning) \
    printf("`define REGION_%s 32'h%08x\n`define REGION_%s_BYTES %u\n", #name, (unsigned)(address), #name, (unsigned)(bytes));
#define DEVICE(name, offset, access, meaning) printf("`define DEVICE_%s 8'h%02x\n", #name, (unsigned)(offset));
#define PAGE(name, offset, unit, meaning)
#define IMAGE(name, offset, meaning)
#define CODE(group, name, number, meaning)    printf("`define " #group "_" #name " 32'd%u\n", (unsigned)(number));
#include "driver/abi/mgmt.def"
#undef REGION
#undef DEVICE
#undef PAGE
#undef IMAGE
#undef CODE
}

static void print_c(void) {
    printf("// From driver/abi/*.def by driver/abi/abi_print.c.\n#define ABI_DIGEST 0x%08xu\n", abi_digest());
}

static void print_markdown(void) {
    printf("# The contract between card and host\n\nPrinted from `driver/abi/*.def`. Digest `%08x`, version %u.%u.\n", abi_digest(),
           LIMIT_ABI_MAJOR, LIMIT_ABI_MINOR);
    printf("\n## Records\n");
#define MSG(name, meaning) printf("\n### %s\n\n%s\n\n| byte | part | type | meaning |\n| --- | --- | --- | --- |\n", #name, meaning);
#define PART(name, part, type, offset, meaning)  printf("| %u | %s | %s | %s |\n", (unsigned)(offset), #part, #type, meaning);
#define ALIAS(name, part, type, offset, meaning) printf("| %u | (%s) | %s | %s |\n", (unsigned)(offset), #part, #type, meaning);
#define END(name, size)
#include "driver/abi/wire.def"
#undef MSG
#undef PART
#undef ALIAS
#undef END
    printf("\n## Codes\n\n| name | number | meaning |\n| --- | --- | --- |\n");
#define CODE(group, name, number, meaning) printf("| " #group "_" #name " | %u | %s |\n", (unsigned)(number), meaning);
#define LIMIT(name, number, meaning)       printf("| LIMIT_" #name " | %u | %s |\n", (unsigned)(number), meaning);
#define USE(opcode, part)
#define FLAG(group, name, bit, built, meaning) \
    printf("| " #group "_" #name " | bit %u | %s%s |\n", (unsigned)(bit), meaning, (built) ? "" : " (to be built)");
#include "driver/abi/codes.def"
#include "driver/abi/version.def"
#undef CODE
#undef LIMIT
#undef USE
#undef FLAG
    printf("\n## Rows\n\n| field | number | access | min | max | meaning |\n| --- | --- | --- | --- | --- | --- |\n");
#define ROW(table, name, number, access, min, max, meaning) \
    printf("| " #table "." #name " | %u | " #access " | %" PRId64 " | %" PRId64 " | %s |\n", (unsigned)(number), (int64_t)(min), (int64_t)(max), meaning);
#include "driver/abi/rows.def"
#undef ROW
    printf("\n## Registers of BAR0\n\n| offset | name | access | reset | meaning |\n| --- | --- | --- | --- | --- |\n");
#define REG(name, offset, access, reset, meaning) \
    printf("| 0x%03x | " #name " | " #access " | %u | %s |\n", (unsigned)(offset), (unsigned)(reset), meaning);
#define FIELD(name, field, lsb, width, meaning) \
    printf("| | " #name "." #field " | bits %u +: %u | | %s |\n", (unsigned)(lsb), (unsigned)(width), meaning);
#include "driver/abi/regs.def"
#undef REG
#undef FIELD
    printf("\n## The management core\n\nWhat it sees:\n\n| address | bytes | region | meaning |\n| --- | --- | --- | --- |\n");
#define REGION(name, address, bytes, meaning) printf("| 0x%08x | %u | " #name " | %s |\n", (unsigned)(address), (unsigned)(bytes), meaning);
#define DEVICE(name, offset, access, meaning)
#define PAGE(name, offset, unit, meaning)
#define IMAGE(name, offset, meaning)
#define CODE(group, name, number, meaning)
#include "driver/abi/mgmt.def"
#undef REGION
#undef DEVICE
    printf("\n| offset | device | access | meaning |\n| --- | --- | --- | --- |\n");
#define REGION(name, address, bytes, meaning)
#define DEVICE(name, offset, access, meaning) printf("| 0x%02x | " #name " | " #access " | %s |\n", (unsigned)(offset), meaning);
#include "driver/abi/mgmt.def"
#undef DEVICE
#undef PAGE
    printf("\nThe page it shows the host:\n\n| offset | word | unit | meaning |\n| --- | --- | --- | --- |\n");
#define DEVICE(name, offset, access, meaning)
#define PAGE(name, offset, unit, meaning) printf("| 0x%03x | " #name " | %s | %s |\n", (unsigned)(offset), unit, meaning);
#include "driver/abi/mgmt.def"
#undef PAGE
#undef IMAGE
    printf("\nThe head of a firmware image:\n\n| offset | word | meaning |\n| --- | --- | --- |\n");
#define PAGE(name, offset, unit, meaning)
#define IMAGE(name, offset, meaning) printf("| 0x%02x | " #name " | %s |\n", (unsigned)(offset), meaning);
#include "driver/abi/mgmt.def"
#undef IMAGE
#undef CODE
    printf("\n| name | number | meaning |\n| --- | --- | --- |\n");
#define IMAGE(name, offset, meaning)
#define CODE(group, name, number, meaning) printf("| " #group "_" #name " | %u | %s |\n", (unsigned)(number), meaning);
#include "driver/abi/mgmt.def"
#undef REGION
#undef DEVICE
#undef PAGE
#undef IMAGE
#undef CODE
}
// clang-format on

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "verilog") == 0) {
        print_verilog();
    } else if (argc == 2 && strcmp(argv[1], "markdown") == 0) {
        print_markdown();
    } else if (argc == 2 && strcmp(argv[1], "c") == 0) {
        print_c();
    } else {
        fprintf(stderr, "usage: abi_print verilog|markdown|c\n");
        return 2;
    }
    return 0;
}
