/* test_rv32i: rtl/mgmt/rv32i.v against QEMU, register by register after every instruction, with a
 * memory that answers at once or late; and by hand what QEMU does otherwise or not at all:
 * misaligned accesses, mtval of jumps, access faults, interrupts at a given clock, counters,
 * clocks.
 *
 * PROGRAMS of the environment says how many random programs; SEED, the first one's seed. */
#define BENCH_PORTS "tests/rtl/rv32i.def"
#include "host/base/random.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/riscv_program.h"
#include "tests/rtl/riscv_reference.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PROGRAMS = 200, INSTRUCTIONS_MAX = 100000, CLOCKS_MAX = 1000, WRONG_CORES = 20 };

/* What ended with a clock. */
struct retired {
    bool any, trap, write;
    uint32_t pc, insn, value;
    unsigned reg;
};

struct machine {
    struct bench *bench;
    struct ports ports;
    struct random random;
    unsigned waits_max; /* an answer takes 0 to this many clocks */
    unsigned waits;     /* left for the request that stands */
    bool standing;      /* a request stands since a clock before */
    struct ports request;
    uint32_t fault_from, fault_to; /* accesses here are answered with an error */
    uint64_t clocks;
    bool done; /* the program says so */
    uint32_t x[32];
    struct riscv_program program; /* memory */
    unsigned
        wrong_after; /* 0, or: after this many register writes one is seen with a bit altered */
    uint32_t wrong_bit;
};

/* QEMU begins at the base, this core at 0. */
static uint32_t boot_code(uint32_t address) {
    return address == 0 ? riscv_upper(OP_LUI, 5, PROGRAM_BASE) : riscv_imm(OP_JALR, 0, 0, 5, 0);
}

/* memory_answer carries out the request that stands. */
static void memory_answer(struct machine *machine) {
    struct ports *ports = &machine->ports;
    uint32_t address = ports->mem_addr_o, word = (address - PROGRAM_BASE) / 4;
    ports->mem_ready_i = 1;
    ports->mem_error_i = address >= machine->fault_from && address < machine->fault_to;
    if (ports->mem_error_i) return;
    if (address < 8) {
        ports->mem_data_i = boot_code(address);
    } else if (address == PROGRAM_FINISHER && ports->mem_strobe_o) {
        machine->done = ports->mem_data_o == PROGRAM_DONE;
    } else if (word < PROGRAM_WORDS) {
        uint32_t *at = &machine->program.words[word];
        ports->mem_data_i = ports->mem_strobe_o ? (uint32_t)random_next(&machine->random) : *at;
        for (unsigned lane = 0; lane < 4; lane++)
            if (ports->mem_strobe_o >> lane & 1)
                *at = (*at & ~(0xffu << 8 * lane)) | (ports->mem_data_o & 0xffu << 8 * lane);
    } else {
        ports->mem_error_i = 1;
    }
}

/* machine_clock gives one clock: the memory answers or lets wait, and what the inputs say when it
 * does not answer is noise. */
static struct retired machine_clock(struct machine *machine) {
    struct ports *ports = &machine->ports;
    ports->mem_ready_i = 0;
    ports->mem_error_i = random_below(&machine->random, 2) != 0;
    ports->mem_data_i = (uint32_t)random_next(&machine->random);
    bench_settle(machine->bench, ports);
    if (machine->standing) {
        assert_true(ports->mem_valid_o);
        assert_int_equal(ports->mem_fetch_o, machine->request.mem_fetch_o);
        assert_int_equal(ports->mem_addr_o, machine->request.mem_addr_o);
        assert_int_equal(ports->mem_strobe_o, machine->request.mem_strobe_o);
        if (ports->mem_strobe_o) assert_int_equal(ports->mem_data_o, machine->request.mem_data_o);
    }
    if (ports->mem_valid_o) {
        assert_int_equal(ports->mem_addr_o & 3, 0);
        if (ports->mem_fetch_o) assert_int_equal(ports->mem_strobe_o, 0);
        if (!machine->standing)
            machine->waits = (unsigned)random_below(&machine->random, machine->waits_max + 1);
        machine->request = *ports;
        machine->standing = machine->waits > 0;
        if (machine->waits-- == 0) memory_answer(machine);
        bench_settle(machine->bench, ports);
    }
    struct retired retired = {
        .any = ports->retire_o,
        .trap = ports->retire_trap_o,
        .write = ports->retire_o && ports->retire_write_o,
        .pc = ports->retire_pc_o,
        .insn = ports->retire_insn_o,
        .value = ports->retire_value_o,
        .reg = ports->retire_reg_o,
    };
    bench_clock(machine->bench, ports);
    machine->clocks++;
    if (retired.write) {
        if (machine->wrong_after > 0 && --machine->wrong_after == 0)
            retired.value ^= machine->wrong_bit;
        assert_int_not_equal(retired.reg, 0);
        machine->x[retired.reg] = retired.value;
    }
    return retired;
}

/* machine_step runs to the end of the next instruction. */
static struct retired machine_step(struct machine *machine) {
    for (int clock = 0; clock < CLOCKS_MAX; clock++) {
        struct retired retired = machine_clock(machine);
        if (retired.any) return retired;
    }
    fail_msg("no instruction ends in %d clocks", CLOCKS_MAX);
    return (struct retired){ 0 };
}

static void machine_reset(struct machine *machine) {
    machine->ports.rst = 1;
    bench_clock(machine->bench, &machine->ports);
    machine->ports.rst = 0;
    machine->standing = false;
    machine->done = false;
}

static struct machine *machine_new(uint64_t seed) {
    static struct machine machine;
    machine = (struct machine){ .bench = bench_new(seed), .random = random_seeded(seed) };
    machine_reset(&machine);
    return &machine;
}

static void machine_delete(struct machine *machine) { bench_delete(machine->bench); }

/* ---- against QEMU
 * ----------------------------------------------------------------------------------- */

/* compare runs the machine's program on it and on QEMU. Returns how many instructions were alike;
   -1 when one was not, and says which if asked. */
static int compare(struct machine *machine, bool tell) {
    struct riscv_reference *reference = riscv_reference_start(&machine->program);
    struct riscv_state state = { 0 };
    int alike = -2; /* what brings this core to the program is not QEMU's */
    machine->ports.irq_timer_i = 1;
    for (; alike < INSTRUCTIONS_MAX && !machine->done; alike++) {
        if (alike >= 0 && !riscv_reference_next(reference, &state)) break;
        if (alike == 0) memcpy(machine->x, state.x, sizeof state.x);
        uint32_t before[32];
        memcpy(before, machine->x, sizeof before);
        struct retired retired = machine_step(machine);
        if (alike < 0 || (retired.pc == state.pc && memcmp(before, state.x, sizeof before) == 0))
            continue;
        if (tell) {
            print_error("instruction %d: pc %08x, QEMU %08x, instruction %08x\n", alike, retired.pc,
                        state.pc, retired.insn);
            for (int i = 0; i < 32; i++)
                if (before[i] != state.x[i])
                    print_error("  before it x%d is %08x, in QEMU %08x\n", i, before[i],
                                state.x[i]);
        }
        alike = -1;
        break;
    }
    if (!machine->done && alike >= 0) {
        if (tell) print_error("the program does not end: %d instructions\n", alike);
        alike = -1;
    }
    riscv_reference_end(reference);
    return alike;
}

static unsigned programs(void) {
    const char *text = getenv("PROGRAMS");
    if (text == NULL) return PROGRAMS;
    char *end;
    unsigned long count = strtoul(text, &end, 0);
    if (*end != 0 || count == 0 || count > UINT_MAX)
        fail_msg("PROGRAMS (N= of make riscv) is \"%s\"; it is a number from 1", text);
    return (unsigned)count;
}

static void every_instruction_at_its_edges_is_as_in_qemu(void **state) {
    (void)state;
    for (unsigned waits_max = 0; waits_max < 3; waits_max += 2) {
        struct machine *machine = machine_new(bench_seed());
        machine->waits_max = waits_max;
        riscv_program_edges(&machine->program);
        int alike = compare(machine, true);
        assert_true(alike > 5000);
        print_message("%d instructions, %llu clocks\n", alike, (unsigned long long)machine->clocks);
        machine_delete(machine);
    }
}

static void random_programs_are_as_in_qemu(void **state) {
    (void)state;
    uint64_t seed = bench_seed(), instructions = 0;
    for (unsigned i = 0; i < programs(); i++) {
        struct machine *machine = machine_new(seed + i);
        machine->waits_max = i % 4;
        riscv_program_random(&machine->program, seed + i);
        int alike = compare(machine, true);
        if (alike < 0) fail_msg("SEED=%llu PROGRAMS=1 shows it", (unsigned long long)(seed + i));
        instructions += (uint64_t)alike;
        machine_delete(machine);
    }
    print_message("%u programs, %llu instructions\n", programs(), (unsigned long long)instructions);
    assert_true(instructions > 400 * (uint64_t)programs());
}

static void one_wrong_bit_is_seen(void **state) {
    (void)state;
    struct random random = random_seeded(bench_seed());
    for (unsigned i = 0; i < WRONG_CORES; i++) {
        struct machine *machine = machine_new(i);
        riscv_program_random(&machine->program, i);
        machine->wrong_after = 3 + (unsigned)random_below(&random, 300);
        machine->wrong_bit = 1u << random_below(&random, 32);
        assert_int_equal(compare(machine, false), -1);
        machine_delete(machine);
    }
}

/* ---- by hand
 * ---------------------------------------------------------------------------------------- */

enum { HANDLER_WORD = 512, CODE_WORD = 0, ELSEWHERE = 0x40000000 };
#define HANDLER (PROGRAM_BASE + 4 * HANDLER_WORD)
#define WINDOW  (PROGRAM_BASE + PROGRAM_WINDOW)

/* machine_at begins a program with mtvec at the handler, x25 in the window and x26 elsewhere, where
   nothing is. The code that is put then begins at the address that is returned. */
static uint32_t machine_at(struct machine *machine) {
    struct riscv_program *program = &machine->program;
    riscv_put_constant(program, 1, HANDLER);
    riscv_put(program, riscv_csr(CSR_RW, 0, CSR_MTVEC, 1));
    riscv_put_constant(program, 25, WINDOW);
    riscv_put_constant(program, 26, ELSEWHERE);
    riscv_put_constant(program, 27, 0);
    for (int i = 0; i < 8; i++)
        program->words[HANDLER_WORD + i] =
            riscv_csr(CSR_RS, 2 + (unsigned)i,
                      (unsigned[]){ CSR_MCAUSE, CSR_MTVAL, CSR_MEPC, CSR_MSTATUS, CSR_MIE, CSR_MIP,
                                    CSR_MINSTRET, CSR_MISA }[i],
                      0);
    return PROGRAM_BASE + 4 * program->count;
}

/* to_code runs all that machine_at put, the way there included. */
static void to_code(struct machine *machine, uint32_t code) {
    for (uint32_t i = 0; i < 2 + (code - PROGRAM_BASE) / 4; i++) {
        struct retired retired = machine_step(machine);
        assert_false(retired.trap);
    }
}

/* What the handler reads, in order: mcause, mtval, mepc, mstatus. */
static void expect_trap(struct machine *machine, uint32_t cause, uint32_t value, uint32_t pc) {
    const uint32_t expected[] = { cause, value, pc };
    for (unsigned i = 0; i < 3; i++) {
        struct retired retired = machine_step(machine);
        assert_int_equal(retired.pc, HANDLER + 4 * i);
        assert_int_equal(retired.value, expected[i]);
    }
}

static void traps_say_what_and_where(void **state) {
    (void)state;
    const uint32_t noise = riscv_imm(OP_IMM, 0, 0, 0, 0);
    const struct {
        uint32_t insn, cause, value, back; /* back: mepc from the instruction's address */
        const char *why;
    } row[] = {
        { riscv_imm(OP_LOAD, 1, 3, 25, 1), 4, WINDOW + 1, 0, "LH at an odd byte" },
        { riscv_imm(OP_LOAD, 1, 3, 25, 3), 4, WINDOW + 3, 0, "LH over a word's end" },
        { riscv_imm(OP_LOAD, 5, 3, 25, -1), 4, WINDOW - 1, 0, "LHU" },
        { riscv_imm(OP_LOAD, 2, 3, 25, 1), 4, WINDOW + 1, 0, "LW at byte 1" },
        { riscv_imm(OP_LOAD, 2, 3, 25, 2), 4, WINDOW + 2, 0, "LW at byte 2" },
        { riscv_imm(OP_LOAD, 2, 3, 25, 3), 4, WINDOW + 3, 0, "LW at byte 3" },
        { riscv_imm(OP_LOAD, 2, 0, 25, 3), 4, WINDOW + 3, 0, "LW to x0 traps as any" },
        { riscv_store(1, 1, 25, 1), 6, WINDOW + 1, 0, "SH at an odd byte" },
        { riscv_store(2, 1, 25, 1), 6, WINDOW + 1, 0, "SW at byte 1" },
        { riscv_store(2, 1, 25, 2), 6, WINDOW + 2, 0, "SW at byte 2" },
        { riscv_imm(OP_LOAD, 2, 3, 26, 4), 5, ELSEWHERE + 4, 0, "LW where nothing is" },
        { riscv_imm(OP_LOAD, 4, 3, 26, 7), 5, ELSEWHERE + 7, 0, "LBU: the byte's own address" },
        { riscv_imm(OP_LOAD, 2, 0, 26, 4), 5, ELSEWHERE + 4, 0, "a fault to x0" },
        { riscv_imm(OP_LOAD, 2, 3, 26, 1), 4, ELSEWHERE + 1, 0, "misaligned comes first" },
        { riscv_store(0, 1, 26, 3), 7, ELSEWHERE + 3, 0, "SB where nothing is" },
        { riscv_store(2, 1, 26, 8), 7, ELSEWHERE + 8, 0, "SW where nothing is" },
        { riscv_imm(OP_JALR, 0, 3, 25, 2), 0, WINDOW + 2, 0, "JALR, misaligned" },
        { riscv_imm(OP_JALR, 0, 3, 25, 3), 0, WINDOW + 2, 0, "JALR drops bit 0" },
        { riscv_jal(3, 6), 0, 6, 0, "JAL, misaligned" },
        { riscv_jal(3, -1048574), 0, 0u - 1048574, 0, "JAL, far back" },
        { riscv_branch(0, 0, 0, 10), 0, 10, 0, "BEQ that is taken" },
        { riscv_branch(5, 25, 25, -4094), 0, 0u - 4094, 0, "BGE that is taken" },
        { INSN_ECALL, 11, 0, 0, "ECALL" },
        { INSN_EBREAK, 3, 0, 0, "EBREAK" },
        { 0, 2, 0, 0, "all zeros" },
        { 0xffffffffu, 2, 0xffffffffu, 0, "all ones" },
        { riscv_csr(CSR_RW, 3, 0xc00, 0), 2, riscv_csr(CSR_RW, 3, 0xc00, 0), 0,
          "no user counters" },
        { riscv_csr(CSR_RS, 3, CSR_MHARTID, 1), 2, riscv_csr(CSR_RS, 3, CSR_MHARTID, 1), 0,
          "a constant is not written" },
        { riscv_csr(CSR_RC, 3, CSR_MHARTID, 27), 2, riscv_csr(CSR_RC, 3, CSR_MHARTID, 27), 0,
          "not even by 0" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct machine *machine = machine_new(i);
        machine->waits_max = i % 2;
        uint32_t code = machine_at(machine);
        riscv_put(&machine->program, row[i].insn);
        riscv_put(&machine->program, noise);
        to_code(machine, code);
        uint32_t before[32], window[128], *place = &machine->program.words[PROGRAM_WINDOW / 4 - 64];
        memcpy(before, machine->x, sizeof before);
        memcpy(window, place, sizeof window);
        struct retired retired = machine_step(machine);
        if (!retired.any || !retired.trap) fail_msg("no trap: %s", row[i].why);
        assert_int_equal(retired.pc, code);
        assert_false(retired.write);
        assert_memory_equal(before, machine->x, sizeof before);
        assert_memory_equal(window, place, sizeof window);
        bool relative = row[i].cause == 0 && (row[i].insn & 0x7f) != OP_JALR;
        expect_trap(machine, row[i].cause, row[i].value + (relative ? code : 0), code);
        machine_delete(machine);
    }
}

static void no_trap_where_none_is_due(void **state) {
    (void)state;
    const uint32_t row[] = {
        riscv_branch(1, 0, 0, 10), /* misaligned, but not taken */
        riscv_imm(OP_LOAD, 0, 3, 25, 3),
        riscv_imm(OP_LOAD, 1, 3, 25, 2),
        riscv_store(0, 1, 25, 1),
        riscv_csr(CSR_RS, 3, CSR_MHARTID, 0),
        riscv_csr(CSR_RCI, 3, CSR_MVENDORID, 0),
        riscv_csr(CSR_RW, 3, CSR_MIP, 1),
        0x8330000fu, /* FENCE.TSO */
    };
    struct machine *machine = machine_new(1);
    uint32_t code = machine_at(machine);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) riscv_put(&machine->program, row[i]);
    to_code(machine, code);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct retired retired = machine_step(machine);
        assert_false(retired.trap);
        assert_int_equal(retired.pc, code + 4 * i);
    }
    machine_delete(machine);
}

static void a_fetch_that_fails_traps_with_its_address(void **state) {
    (void)state;
    struct machine *machine = machine_new(1);
    uint32_t code = machine_at(machine);
    riscv_put(&machine->program, riscv_imm(OP_JALR, 0, 1, 26, 16));
    to_code(machine, code);
    struct retired retired = machine_step(machine);
    assert_false(retired.trap);
    assert_int_equal(machine->x[1], code + 4);
    retired = machine_step(machine);
    assert_true(retired.trap);
    assert_int_equal(retired.pc, ELSEWHERE + 16);
    expect_trap(machine, 1, ELSEWHERE + 16, ELSEWHERE + 16);
    machine_delete(machine);
}

/* Interrupts: mstatus.MIE and mie's bits against the lines, for every combination. */
static void interrupts_need_line_and_both_enables(void **state) {
    (void)state;
    for (unsigned bits = 0; bits < 32; bits++) {
        bool mie = bits & 1, timer_on = bits & 2, external_on = bits & 4, timer = bits & 8,
             external = bits & 16;
        struct machine *machine = machine_new(bits);
        machine->waits_max = 2;
        uint32_t code = machine_at(machine);
        riscv_put_constant(&machine->program, 1,
                           (timer_on ? 0x80u : 0) | (external_on ? 0x800u : 0));
        riscv_put(&machine->program, riscv_csr(CSR_RW, 0, CSR_MIE, 1));
        riscv_put(&machine->program, riscv_csr(mie ? CSR_RSI : CSR_RCI, 0, CSR_MSTATUS, 8));
        for (int i = 0; i < 4; i++) riscv_put(&machine->program, riscv_csr(CSR_RS, 10, CSR_MIP, 0));
        machine->ports.irq_timer_i = timer;
        machine->ports.irq_external_i = external;
        to_code(machine, code + 16);
        struct retired retired = machine_step(machine);
        assert_false(retired.trap);
        if (mie && ((timer && timer_on) || (external && external_on))) {
            bool first = external && external_on;
            const uint32_t expected[] = { first ? 0x8000000bu : 0x80000007u,
                                          0,
                                          code + 16,
                                          0x1880,
                                          machine->x[1],
                                          (timer ? 0x80u : 0) | (external ? 0x800u : 0) };
            for (unsigned i = 0; i < 6; i++, retired = machine_step(machine)) {
                assert_int_equal(retired.pc, HANDLER + 4 * i);
                assert_int_equal(retired.value, expected[i]);
            }
        } else {
            assert_int_equal(retired.pc, code + 16);
            assert_int_equal(retired.value, (timer ? 0x80u : 0) | (external ? 0x800u : 0));
        }
        machine_delete(machine);
    }
}

/* An interrupt that rises in any clock of a loop: nothing is lost or done twice. */
static void an_interrupt_in_any_clock_loses_nothing(void **state) {
    (void)state;
    for (unsigned rise = 0; rise < 120; rise++) {
        struct machine *machine = machine_new(rise);
        machine->waits_max = rise % 3;
        uint32_t code = machine_at(machine);
        struct riscv_program *program = &machine->program;
        /* x10 counts; x11 counts through memory. */
        riscv_put_constant(program, 1, 0x880);
        riscv_put(program, riscv_csr(CSR_RW, 0, CSR_MIE, 1));
        riscv_put_constant(program, 10, 0);
        riscv_put(program, riscv_store(2, 0, 25, 0));
        riscv_put(program, riscv_csr(CSR_RSI, 0, CSR_MSTATUS, 8));
        riscv_put(program, riscv_imm(OP_IMM, 0, 10, 10, 1));
        riscv_put(program, riscv_imm(OP_LOAD, 2, 11, 25, 0));
        riscv_put(program, riscv_imm(OP_IMM, 0, 11, 11, 1));
        riscv_put(program, riscv_store(2, 11, 25, 0));
        riscv_put(program, riscv_branch(0, 10, 11, -16));
        riscv_put(program, riscv_imm(OP_IMM, 0, 12, 0, 1)); /* not alike */
        program->words[HANDLER_WORD] = riscv_imm(OP_IMM, 0, 13, 13, 1);
        program->words[HANDLER_WORD + 1] = INSN_MRET;
        to_code(machine, code + 28);
        for (unsigned clock = 0; clock < rise; clock++) (void)machine_clock(machine);
        machine->ports.irq_external_i = 1;
        bool handled = false;
        for (int i = 0; i < 60; i++) {
            struct retired retired = machine_step(machine);
            assert_false(retired.trap);
            if (retired.pc == HANDLER) {
                assert_false(handled);
                handled = true;
                machine->ports.irq_external_i = 0;
            }
            assert_int_not_equal(retired.pc, code + 52);
        }
        assert_true(handled);
        machine_delete(machine);
    }
}

static void mret_brings_back_what_was(void **state) {
    (void)state;
    for (unsigned mie = 0; mie < 2; mie++) {
        struct machine *machine = machine_new(mie);
        uint32_t code = machine_at(machine);
        riscv_put(&machine->program, riscv_csr(mie ? CSR_RSI : CSR_RCI, 0, CSR_MSTATUS, 8));
        riscv_put(&machine->program, INSN_ECALL);
        riscv_put(&machine->program, riscv_csr(CSR_RS, 10, CSR_MSTATUS, 0));
        machine->program.words[HANDLER_WORD] = riscv_csr(CSR_RS, 11, CSR_MSTATUS, 0);
        machine->program.words[HANDLER_WORD + 1] = riscv_imm(OP_IMM, 0, 1, 1, 0);
        machine->program.words[HANDLER_WORD + 2] = riscv_csr(CSR_RW, 0, CSR_MEPC, 12);
        machine->program.words[HANDLER_WORD + 3] = INSN_MRET;
        riscv_put(&machine->program, INSN_ECALL);
        to_code(machine, code);
        (void)machine_step(machine);
        assert_true(machine_step(machine).trap);
        assert_int_equal(machine_step(machine).value, mie ? 0x1880 : 0x1800);
        (void)machine_step(machine);
        machine->program.words[HANDLER_WORD + 2] =
            riscv_csr(CSR_RWI, 0, CSR_MEPC, 3); /* low bits are dropped */
        (void)machine_step(machine);
        (void)machine_step(machine);
        assert_int_equal(machine_step(machine).pc, 0);
        machine_delete(machine);
    }
}

static void wfi_sleeps_until_an_enabled_interrupt_is_pending(void **state) {
    (void)state;
    for (unsigned mie = 0; mie < 2; mie++) {
        struct machine *machine = machine_new(mie);
        uint32_t code = machine_at(machine);
        riscv_put_constant(&machine->program, 1, 0x80);
        riscv_put(&machine->program, riscv_csr(CSR_RW, 0, CSR_MIE, 1));
        riscv_put(&machine->program, riscv_csr(mie ? CSR_RSI : CSR_RCI, 0, CSR_MSTATUS, 8));
        riscv_put(&machine->program, INSN_WFI);
        riscv_put(&machine->program, riscv_imm(OP_IMM, 0, 10, 0, 1));
        machine->ports.irq_external_i = 1; /* pending, but not enabled */
        to_code(machine, code + 16);
        for (int clock = 0; clock < 3; clock++) assert_false(machine_clock(machine).any);
        for (int clock = 0; clock < 100; clock++) {
            assert_true(machine->ports.asleep_o);
            assert_false(machine->ports.mem_valid_o);
            assert_false(machine_clock(machine).any);
        }
        machine->ports.irq_timer_i = 1;
        struct retired retired = machine_clock(machine);
        assert_true(retired.any);
        assert_int_equal(retired.pc, code + 16);
        assert_false(machine->ports.asleep_o);
        if (mie) {
            expect_trap(machine, 0x80000007u, 0, code + 20);
        } else {
            assert_int_equal(machine_step(machine).pc, code + 20);
        }
        machine_delete(machine);
    }
}

static void counters_count_clocks_and_instructions(void **state) {
    (void)state;
    struct machine *machine = machine_new(1);
    uint32_t code = machine_at(machine);
    struct riscv_program *program = &machine->program;
    riscv_put(program, riscv_csr(CSR_RS, 10, CSR_MCYCLE, 0));
    riscv_put(program, riscv_csr(CSR_RS, 11, CSR_MCYCLE, 0));
    riscv_put(program, riscv_csr(CSR_RS, 12, CSR_MINSTRET, 0));
    riscv_put(program, riscv_csr(CSR_RS, 13, CSR_MINSTRET, 0));
    riscv_put(program, riscv_imm(OP_IMM, 0, 1, 0, -1));
    riscv_put(program, riscv_csr(CSR_RW, 0, CSR_MINSTRETH, 0));
    riscv_put(program, riscv_csr(CSR_RW, 0, CSR_MINSTRET, 1));
    riscv_put(program, riscv_csr(CSR_RS, 14, CSR_MINSTRET, 0));  /* what was written */
    riscv_put(program, riscv_csr(CSR_RS, 15, CSR_MINSTRETH, 0)); /* it has carried */
    riscv_put(program, riscv_csr(CSR_RW, 0, CSR_MCYCLE, 1));
    riscv_put(program, riscv_csr(CSR_RS, 16, CSR_MCYCLE, 0)); /* a clock later it has wrapped */
    riscv_put(program, riscv_csr(CSR_RWI, 0, CSR_MCYCLEH, 7));
    riscv_put(program, riscv_csr(CSR_RS, 17, CSR_MCYCLEH, 0));
    riscv_put(program, INSN_ECALL);
    to_code(machine, code);
    for (int i = 0; i < 13; i++) assert_false(machine_step(machine).trap);
    assert_int_equal(machine->x[11] - machine->x[10], 3);
    assert_int_equal(machine->x[12], 2 + (code - PROGRAM_BASE) / 4 + 2);
    assert_int_equal(machine->x[13] - machine->x[12], 1);
    assert_int_equal(machine->x[14], 0xffffffffu);
    assert_int_equal(machine->x[15], 1);
    assert_int_equal(machine->x[16], 0);
    assert_int_equal(machine->x[17], 7);
    /* An instruction that traps does not count: 3 there, and 6 more in the handler. */
    assert_true(machine_step(machine).trap);
    for (int i = 0; i < 7; i++) (void)machine_step(machine);
    assert_int_equal(machine->x[8], 11);
    machine_delete(machine);
}

static void instructions_take_their_clocks(void **state) {
    (void)state;
    const struct {
        uint32_t insn;
        unsigned clocks; /* with a memory that answers at once */
        unsigned requests;
        const char *why;
    } row[] = {
        { riscv_reg(0, 0, 3, 1, 2), 3, 1, "ADD" },
        { riscv_reg(0x20, 5, 3, 1, 25), 3, 1, "SRA by any amount" },
        { riscv_upper(OP_LUI, 3, 0x1000), 3, 1, "LUI" },
        { riscv_branch(1, 0, 0, 8), 3, 1, "branch, not taken" },
        { riscv_branch(0, 0, 0, 8), 3, 1, "branch, taken" },
        { riscv_jal(1, 8), 3, 1, "JAL" },
        { riscv_csr(CSR_RW, 3, CSR_MSCRATCH, 1), 3, 1, "CSR" },
        { 0x0ff0000fu, 3, 1, "FENCE" },
        { riscv_store(2, 1, 25, 0), 4, 2, "store" },
        { riscv_imm(OP_LOAD, 2, 3, 25, 0), 5, 2, "load" },
        { INSN_WFI, 4, 1, "WFI with an interrupt pending" },
        { INSN_MRET, 3, 1, "MRET" },
        { INSN_ECALL, 4, 1, "ECALL, into the handler" },
        { 0, 4, 1, "illegal" },
        { riscv_imm(OP_LOAD, 2, 3, 25, 1), 4, 1, "misaligned" },
        { riscv_imm(OP_LOAD, 2, 3, 26, 0), 5, 2, "access fault" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        for (unsigned waits = 0; waits < 3; waits++) {
            struct machine *machine = machine_new(i);
            uint32_t code = machine_at(machine);
            riscv_put_constant(&machine->program, 1, 0x80);
            riscv_put(&machine->program, riscv_csr(CSR_RW, 0, CSR_MIE, 1));
            riscv_put(&machine->program, row[i].insn);
            machine->ports.irq_timer_i = 1;
            to_code(machine, code + 12);
            uint64_t before = machine->clocks;
            struct retired retired = { 0 };
            while (!retired.any) {
                /* Exactly so many waits for each request. */
                machine->waits_max = 0;
                if (machine->ports.mem_valid_o && !machine->standing) {
                    machine->standing = true;
                    machine->waits = waits;
                    machine->request = machine->ports;
                }
                retired = machine_clock(machine);
            }
            if (machine->clocks - before != row[i].clocks + row[i].requests * waits)
                fail_msg("%s with %u waits takes %u clocks", row[i].why, waits,
                         (unsigned)(machine->clocks - before));
            machine_delete(machine);
        }
}

static void a_reset_withdraws_all_and_begins_anew(void **state) {
    (void)state;
    for (unsigned at = 0; at < 30; at++) {
        struct machine *machine = machine_new(at);
        machine->waits_max = 3;
        uint32_t code = machine_at(machine);
        riscv_put(&machine->program, riscv_csr(CSR_RSI, 0, CSR_MSTATUS, 8));
        riscv_put(&machine->program, riscv_csr(CSR_RW, 0, CSR_MIE, 25));
        riscv_put(&machine->program, riscv_store(2, 1, 25, 0));
        riscv_put(&machine->program, INSN_WFI);
        to_code(machine, code);
        for (unsigned clock = 0; clock < at; clock++) (void)machine_clock(machine);
        machine_reset(machine);
        assert_false(machine->ports.mem_valid_o);
        assert_false(machine->ports.asleep_o);
        assert_false(machine_clock(machine).any);
        assert_true(machine->ports.mem_valid_o);
        assert_true(machine->ports.mem_fetch_o);
        assert_int_equal(machine->ports.mem_addr_o, 0);
        assert_int_equal(machine->ports.mem_strobe_o, 0);
        machine->program.count = 0;
        riscv_put(&machine->program, riscv_csr(CSR_RS, 10, CSR_MSTATUS, 0));
        riscv_put(&machine->program, riscv_csr(CSR_RS, 11, CSR_MIE, 0));
        riscv_put(&machine->program, riscv_csr(CSR_RS, 12, CSR_MTVEC, 0));
        riscv_put(&machine->program, riscv_csr(CSR_RS, 13, CSR_MCAUSE, 0));
        riscv_put(&machine->program, riscv_csr(CSR_RS, 14, CSR_MINSTRET, 0));
        for (int i = 0; i < 7; i++) (void)machine_step(machine);
        assert_int_equal(machine->x[10], 0x1800);
        assert_int_equal(machine->x[11], 0);
        assert_int_equal(machine->x[12], 0);
        assert_int_equal(machine->x[13], 0);
        assert_int_equal(machine->x[14], 6);
        machine_delete(machine);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traps_say_what_and_where),
        cmocka_unit_test(no_trap_where_none_is_due),
        cmocka_unit_test(a_fetch_that_fails_traps_with_its_address),
        cmocka_unit_test(interrupts_need_line_and_both_enables),
        cmocka_unit_test(an_interrupt_in_any_clock_loses_nothing),
        cmocka_unit_test(mret_brings_back_what_was),
        cmocka_unit_test(wfi_sleeps_until_an_enabled_interrupt_is_pending),
        cmocka_unit_test(counters_count_clocks_and_instructions),
        cmocka_unit_test(instructions_take_their_clocks),
        cmocka_unit_test(a_reset_withdraws_all_and_begins_anew),
        cmocka_unit_test(every_instruction_at_its_edges_is_as_in_qemu),
        cmocka_unit_test(one_wrong_bit_is_seen),
        cmocka_unit_test(random_programs_are_as_in_qemu),
    };
    return cmocka_run_group_tests_name("rtl rv32i", tests, NULL, NULL);
}
