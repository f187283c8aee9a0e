/* riscv_program: see riscv_program.h. */
#include "tests/rtl/riscv_program.h"
#include "host/base/random.h"
#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Registers that random instructions read but never write. */
enum {
    REG_TURNS = 24,   /* of a loop */
    REG_WINDOW = 25,  /* the middle of the data */
    REG_HANDLER = 28, /* mtvec */
    REG_SOURCES = 30, /* mie: timer and external */
    REG_MODE = 31,    /* mstatus.MPP: machine */
    REG_CAUSE = 26,   /* these two belong to the handler, but may be written */
    REG_RETURN = 27,
};

enum { FREE_REGISTERS = 24 }; /* x0 to x23 */

enum { ITEMS_MAX = 600, TARGETS_AHEAD = 8 };

static const uint32_t edges[] = { 0,           1,           0xffffffffu, 0x80000000u, 0x7fffffffu,
                                  31,          32,          0xfffffffeu, 0x80000001u, 0x55555555u,
                                  0xaaaaaaaau, 0x0000ffffu, 0x00008000u, 0x00000080u, 0xffff7fffu };
static const int32_t edge_immediates[] = { 0, 1, -1, 2047, -2048, 31, 32, -32, 1365 };
enum {
    EDGES = sizeof edges / sizeof *edges,
    EDGE_IMMEDIATES = sizeof edge_immediates / sizeof *edge_immediates
};

static uint32_t bits(uint32_t value, unsigned low, unsigned count) {
    return (value >> low) & ((1u << count) - 1);
}

uint32_t riscv_reg(unsigned funct7, unsigned funct3, unsigned rd, unsigned rs1, unsigned rs2) {
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | OP_REG;
}

uint32_t riscv_imm(enum riscv_opcode opcode, unsigned funct3, unsigned rd, unsigned rs1,
                   int32_t imm) {
    assert(imm >= -2048 && imm <= 2047);
    return bits((uint32_t)imm, 0, 12) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}

uint32_t riscv_store(unsigned funct3, unsigned rs2, unsigned rs1, int32_t imm) {
    assert(imm >= -2048 && imm <= 2047);
    uint32_t value = (uint32_t)imm;
    return bits(value, 5, 7) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | bits(value, 0, 5) << 7 |
           OP_STORE;
}

uint32_t riscv_branch(unsigned funct3, unsigned rs1, unsigned rs2, int32_t offset) {
    assert(offset >= -4096 && offset <= 4094);
    uint32_t value = (uint32_t)offset;
    return bits(value, 12, 1) << 31 | bits(value, 5, 6) << 25 | rs2 << 20 | rs1 << 15 |
           funct3 << 12 | bits(value, 1, 4) << 8 | bits(value, 11, 1) << 7 | OP_BRANCH;
}

uint32_t riscv_upper(enum riscv_opcode opcode, unsigned rd, uint32_t value) {
    return (value & 0xfffff000u) | rd << 7 | opcode;
}

uint32_t riscv_jal(unsigned rd, int32_t offset) {
    uint32_t value = (uint32_t)offset;
    return bits(value, 20, 1) << 31 | bits(value, 1, 10) << 21 | bits(value, 11, 1) << 20 |
           bits(value, 12, 8) << 12 | rd << 7 | OP_JAL;
}

uint32_t riscv_csr(enum riscv_csr_kind kind, unsigned rd, unsigned csr, unsigned rs1) {
    return csr << 20 | rs1 << 15 | (unsigned)kind << 12 | rd << 7 | OP_SYSTEM;
}

void riscv_put(struct riscv_program *program, uint32_t insn) {
    assert(program->count < (PROGRAM_WINDOW - PROGRAM_WINDOW_HALF) / 4);
    program->words[program->count++] = insn;
}

void riscv_put_constant(struct riscv_program *program, unsigned rd, uint32_t value) {
    int32_t low = (int32_t)bits(value, 0, 12) - (bits(value, 11, 1) ? 4096 : 0);
    riscv_put(program, riscv_upper(OP_LUI, rd, value - (uint32_t)low));
    riscv_put(program, riscv_imm(OP_IMM, 0, rd, rd, low));
}

/* ---- what every program begins and ends with
 * -------------------------------------------------------- */

/* An exception goes on behind its instruction. An interrupt shuts off what it came from, which does
   not go away, and goes on with its instruction. */
static void put_handler(struct riscv_program *program) {
    riscv_put(program, riscv_csr(CSR_RS, REG_CAUSE, CSR_MCAUSE, 0));
    riscv_put(program, riscv_branch(4, REG_CAUSE, 0, 24));
    riscv_put(program, riscv_csr(CSR_RS, REG_RETURN, CSR_MTVAL, 0));
    riscv_put(program, riscv_csr(CSR_RS, REG_RETURN, CSR_MEPC, 0));
    riscv_put(program, riscv_imm(OP_IMM, 0, REG_RETURN, REG_RETURN, 4));
    riscv_put(program, riscv_csr(CSR_RW, 0, CSR_MEPC, REG_RETURN));
    riscv_put(program, INSN_MRET);
    riscv_put(program, riscv_csr(CSR_RS, REG_RETURN, CSR_MTVAL, 0));
    riscv_put(program, riscv_csr(CSR_RS, REG_RETURN, CSR_MEPC, 0));
    riscv_put(program, riscv_csr(CSR_RW, REG_CAUSE, CSR_MIE, 0));
    riscv_put(program, INSN_MRET);
}

static void put_start(struct riscv_program *program) {
    memset(program, 0, sizeof *program);
    riscv_put(program, riscv_jal(0, 4 * 12));
    unsigned handler = program->count;
    put_handler(program);
    assert(program->count == 12);
    riscv_put_constant(program, REG_HANDLER, PROGRAM_BASE + 4 * handler);
    riscv_put_constant(program, REG_WINDOW, PROGRAM_BASE + PROGRAM_WINDOW);
    riscv_put_constant(program, REG_SOURCES, 0x880);
    riscv_put_constant(program, REG_MODE, 0x1800);
    riscv_put_constant(program, 29, 0xdeadbeef);
    riscv_put(program, riscv_csr(CSR_RW, 0, CSR_MTVEC, REG_HANDLER));
    riscv_put(program, riscv_csr(CSR_RW, 0, CSR_MSTATUS, REG_MODE));
    riscv_put(program, riscv_csr(CSR_RW, 0, CSR_MIE, 0));
    static const unsigned kept[] = { CSR_MSCRATCH, CSR_MEPC, CSR_MCAUSE, CSR_MTVAL };
    for (unsigned i = 0; i < 4; i++) riscv_put(program, riscv_csr(CSR_RW, 0, kept[i], 0));
    riscv_put(program, riscv_imm(OP_IMM, 0, REG_TURNS, 0, 0));
    riscv_put(program, riscv_imm(OP_IMM, 0, REG_CAUSE, 0, 0));
    riscv_put(program, riscv_imm(OP_IMM, 0, REG_RETURN, 0, 0));
}

static void put_end(struct riscv_program *program) {
    for (int offset = -PROGRAM_WINDOW_HALF; offset < PROGRAM_WINDOW_HALF; offset += 4)
        riscv_put(program, riscv_imm(OP_LOAD, 2, 1, REG_WINDOW, offset));
    riscv_put_constant(program, 1, PROGRAM_FINISHER);
    riscv_put_constant(program, 2, PROGRAM_DONE);
    riscv_put(program, riscv_store(2, 2, 1, 0));
    riscv_put(program, riscv_jal(0, 0));
}

/* ---- random programs
 * -------------------------------------------------------------------------------- */

struct draw {
    struct riscv_program *program;
    struct random random;
    unsigned starts[ITEMS_MAX + 1];
    /* Jumps wait for the layout: at which word, of which kind, to which item. */
    struct {
        unsigned word, item;
        enum riscv_opcode opcode;
    } jumps[ITEMS_MAX];
    unsigned jump_count, item;
};

static unsigned below(struct draw *draw, unsigned bound) {
    return (unsigned)random_below(&draw->random, bound);
}
static unsigned any_register(struct draw *draw) {
    return below(draw, 8) ? below(draw, FREE_REGISTERS) : below(draw, 32);
}
static unsigned target_register(struct draw *draw) { return below(draw, FREE_REGISTERS); }
static uint32_t any_value(struct draw *draw) {
    return below(draw, 3) ? edges[below(draw, EDGES)] : (uint32_t)random_next(&draw->random);
}
static int32_t any_immediate(struct draw *draw) {
    return below(draw, 2) ? edge_immediates[below(draw, EDGE_IMMEDIATES)]
                          : (int32_t)below(draw, 4096) - 2048;
}

static void put_arithmetic(struct draw *draw) {
    unsigned funct3 = below(draw, 8), rd = target_register(draw), rs1 = any_register(draw);
    bool shift = funct3 == 1 || funct3 == 5;
    if (below(draw, 2)) {
        unsigned alternative = (funct3 == 0 || funct3 == 5) && below(draw, 2) ? 0x20 : 0;
        riscv_put(draw->program, riscv_reg(alternative, funct3, rd, rs1, any_register(draw)));
    } else if (shift) {
        int32_t amount = below(draw, 2) ? (int32_t)below(draw, 32) : below(draw, 2) ? 31 : 0;
        riscv_put(draw->program, riscv_imm(OP_IMM, funct3, rd, rs1,
                                           amount + (funct3 == 5 && below(draw, 2) ? 0x400 : 0)));
    } else {
        riscv_put(draw->program, riscv_imm(OP_IMM, funct3, rd, rs1, any_immediate(draw)));
    }
}

/* Aligned: QEMU carries out what is not. */
static void put_access(struct draw *draw) {
    static const unsigned loads[] = { 0, 1, 2, 4, 5 };
    bool is_store = below(draw, 2);
    unsigned funct3 = is_store ? below(draw, 3) : loads[below(draw, 5)], bytes = 1u << (funct3 & 3);
    int32_t offset =
        (int32_t)(below(draw, 2 * PROGRAM_WINDOW_HALF) & ~(bytes - 1)) - PROGRAM_WINDOW_HALF;
    if (is_store)
        riscv_put(draw->program, riscv_store(funct3, any_register(draw), REG_WINDOW, offset));
    else
        riscv_put(draw->program,
                  riscv_imm(OP_LOAD, funct3, target_register(draw), REG_WINDOW, offset));
}

static void put_jump(struct draw *draw) {
    static const unsigned branches[] = { 0, 1, 4, 5, 6, 7 };
    static const enum riscv_opcode opcodes[] = { OP_BRANCH, OP_BRANCH, OP_BRANCH, OP_JAL, OP_JALR };
    enum riscv_opcode opcode = opcodes[below(draw, 5)];
    uint32_t insn = riscv_jal(target_register(draw), 0);
    if (opcode == OP_BRANCH) {
        unsigned rs1 = any_register(draw);
        insn = riscv_branch(branches[below(draw, 6)], rs1,
                            below(draw, 4) ? any_register(draw) : rs1, 0);
    } else if (opcode == OP_JALR) {
        unsigned through = 1 + below(draw, FREE_REGISTERS - 1);
        riscv_put(draw->program, riscv_upper(OP_AUIPC, through, 0));
        insn = riscv_imm(OP_JALR, 0, target_register(draw), through, 0);
    }
    unsigned ahead = draw->item + 1 + below(draw, TARGETS_AHEAD);
    draw->jumps[draw->jump_count].word = draw->program->count;
    draw->jumps[draw->jump_count].item = ahead;
    draw->jumps[draw->jump_count++].opcode = opcode;
    riscv_put(draw->program, insn);
}

/* The jump itself traps, and its register is not written. */
static void put_misaligned_jump(struct draw *draw) {
    unsigned through = 1 + below(draw, FREE_REGISTERS - 1);
    riscv_put(draw->program, riscv_upper(OP_AUIPC, through, 0));
    riscv_put(draw->program,
              riscv_imm(OP_JALR, 0, target_register(draw), through, 10 + (int32_t)below(draw, 2)));
}

static void put_trap(struct draw *draw) {
    static const uint32_t illegal[] = {
        0,           0xffffffffu, 0x00000001u, 0x0000006bu,              /* no such opcode */
        0x02208033u, 0x40007033u, 0x40001033u, 0x40209013u, 0x02209013u, /* MUL, no such funct7 */
        0x00003003u, 0x00006003u, 0x00007003u, 0x00003023u, 0x00004023u, /* no such width */
        0x00002063u, 0x00003063u, 0x00001067u, 0x00002067u, /* no such branch, no such JALR */
        0x00004073u, 0x30500073u, 0x0000200fu,              /* no such SYSTEM, no such FENCE */
        0xf1401073u, 0xf110e073u, 0x5c001073u, /* written though constant; no such CSR */
        0x30200173u, 0x00008073u,              /* MRET and ECALL with registers */
    };
    unsigned kind = below(draw, 4);
    uint32_t insn = kind == 0   ? INSN_ECALL
                    : kind == 1 ? INSN_EBREAK
                                : illegal[below(draw, sizeof illegal / sizeof *illegal)];
    riscv_put(draw->program, insn);
}

static void put_csr(struct draw *draw) {
    static const enum riscv_csr_kind kinds[] = {
        CSR_RW, CSR_RS, CSR_RC, CSR_RWI, CSR_RSI, CSR_RCI
    };
    struct riscv_program *program = draw->program;
    enum riscv_csr_kind kind = kinds[below(draw, 6)];
    unsigned rd = target_register(draw), rs1 = any_register(draw);
    bool immediate = kind >= CSR_RWI;
    switch (below(draw, 9)) {
    case 0:
    case 1:
        riscv_put(program, riscv_csr(kind, rd, CSR_MSCRATCH, rs1));
        break;
    case 2:
        riscv_put(program, riscv_csr(kind, rd, CSR_MTVAL, rs1));
        break;
    case 3: /* its low bits are bits in QEMU */
        if (!immediate) riscv_put(program, riscv_imm(OP_IMM, 7, 1, rs1, -4));
        riscv_put(program, riscv_csr(kind, rd, CSR_MEPC, immediate ? rs1 & ~3u : 1));
        break;
    case 4: /* causes that there are */
        riscv_put(program, riscv_csr(kind | 4, rd, CSR_MCAUSE, rs1 & 15));
        break;
    case 5: { /* QEMU leaves MPP as any mode after MRET */
        riscv_put(program, riscv_csr(CSR_RS, 0, CSR_MSTATUS, REG_MODE));
        riscv_put(program, riscv_csr(immediate && kind != CSR_RWI ? kind : CSR_RS, rd, CSR_MSTATUS,
                                     immediate && kind != CSR_RWI ? 8 : 0));
        break;
    }
    case 6: /* an interrupt, if both bits are set then */
        riscv_put(program, riscv_csr(immediate ? CSR_RS : kind, rd, CSR_MIE, REG_SOURCES));
        break;
    case 7:
        riscv_put(program, riscv_csr(CSR_RW, rd, CSR_MTVEC, REG_HANDLER));
        break;
    default: {
        static const unsigned readable[] = { CSR_MISA,  CSR_MIP,       CSR_MHARTID,
                                             CSR_MTVEC, CSR_MVENDORID, CSR_MCAUSE };
        riscv_put(program,
                  riscv_csr(below(draw, 2) ? CSR_RS : CSR_RCI, rd, readable[below(draw, 6)], 0));
        break;
    }
    }
}

/* MIE is off, so that what wakes it does not trap, and is not gone when it sleeps. */
static void put_sleep(struct draw *draw) {
    riscv_put(draw->program, riscv_csr(CSR_RCI, 0, CSR_MSTATUS, 8));
    riscv_put(draw->program, riscv_csr(CSR_RS, 0, CSR_MIE, REG_SOURCES));
    riscv_put(draw->program, INSN_WFI);
    riscv_put(draw->program, riscv_csr(CSR_RC, 0, CSR_MIE, REG_SOURCES));
}

/* MRET to what is behind it, with MPIE as it happens to be: interrupts may come then. */
static void put_return(struct draw *draw) {
    struct riscv_program *program = draw->program;
    riscv_put(program, riscv_csr(CSR_RCI, 0, CSR_MSTATUS, 8));
    riscv_put(program, riscv_csr(CSR_RS, 0, CSR_MSTATUS, REG_MODE));
    riscv_put(program, riscv_upper(OP_AUIPC, 1, 0));
    riscv_put(program, riscv_imm(OP_IMM, 0, 1, 1, 16));
    riscv_put(program, riscv_csr(CSR_RW, 0, CSR_MEPC, 1));
    riscv_put(program, INSN_MRET);
}

static void put_loop(struct draw *draw) {
    riscv_put(draw->program, riscv_imm(OP_IMM, 0, REG_TURNS, 0, 1 + (int32_t)below(draw, 4)));
    unsigned start = draw->program->count;
    for (unsigned i = below(draw, 3); i <= 2; i++) put_arithmetic(draw);
    put_access(draw);
    riscv_put(draw->program, riscv_imm(OP_IMM, 0, REG_TURNS, REG_TURNS, -1));
    riscv_put(draw->program,
              riscv_branch(1, REG_TURNS, 0, 4 * ((int32_t)start - (int32_t)draw->program->count)));
}

static void put_item(struct draw *draw) {
    unsigned kind = below(draw, 100);
    if (kind < 40)
        put_arithmetic(draw);
    else if (kind < 52)
        riscv_put_constant(draw->program, target_register(draw), any_value(draw));
    else if (kind < 56)
        riscv_put(draw->program, riscv_upper(below(draw, 2) ? OP_LUI : OP_AUIPC,
                                             target_register(draw), any_value(draw)));
    else if (kind < 72)
        put_access(draw);
    else if (kind < 84)
        put_jump(draw);
    else if (kind < 91)
        put_csr(draw);
    else if (kind < 94)
        put_trap(draw);
    else if (kind < 95)
        put_misaligned_jump(draw);
    else if (kind < 97)
        put_loop(draw);
    else if (kind < 98)
        put_sleep(draw);
    else if (kind < 99)
        put_return(draw);
    else
        riscv_put(draw->program, below(draw, 2) ? 0x0ff0000fu : 0x0000100fu); /* FENCE, FENCE.I */
}

void riscv_program_random(struct riscv_program *program, uint64_t seed) {
    struct draw draw = { .program = program, .random = random_seeded(seed) };
    put_start(program);
    for (unsigned i = 1; i < FREE_REGISTERS; i++) riscv_put_constant(program, i, any_value(&draw));
    for (draw.item = 0; draw.item < ITEMS_MAX; draw.item++) {
        draw.starts[draw.item] = program->count;
        put_item(&draw);
    }
    draw.starts[ITEMS_MAX] = program->count;
    put_end(program);
    for (unsigned i = PROGRAM_WINDOW / 4 - PROGRAM_WINDOW_HALF / 4;
         i < PROGRAM_WINDOW / 4 + PROGRAM_WINDOW_HALF / 4; i++)
        program->words[i] = any_value(&draw);

    for (unsigned i = 0; i < draw.jump_count; i++) {
        unsigned item = draw.jumps[i].item < ITEMS_MAX ? draw.jumps[i].item : ITEMS_MAX,
                 word = draw.jumps[i].word;
        int32_t offset = 4 * ((int32_t)draw.starts[item] - (int32_t)word);
        uint32_t *insn = &program->words[word];
        switch (draw.jumps[i].opcode) {
        case OP_BRANCH:
            *insn |= riscv_branch(0, 0, 0, offset);
            break;
        case OP_JAL:
            *insn |= riscv_jal(0, offset);
            break;
        default: /* from the AUIPC in front of it; bit 0 is dropped */
            *insn |= riscv_imm(OP_JALR, 0, 0, 0, offset + 4 + (int32_t)below(&draw, 2));
            break;
        }
    }
}

/* ---- every instruction at its edges
 * ----------------------------------------------------------------- */

static void put_edges_of_arithmetic(struct riscv_program *program) {
    static const struct {
        unsigned funct7, funct3;
    } ops[] = { { 0, 0 }, { 0x20, 0 }, { 0, 1 },    { 0, 2 }, { 0, 3 },
                { 0, 4 }, { 0, 5 },    { 0x20, 5 }, { 0, 6 }, { 0, 7 } };
    static const uint32_t values[] = { 0, 1, 0xffffffffu, 0x80000000u, 0x7fffffffu, 31, 32 };
    static const int32_t immediates[] = { 0, 1, -1, 2047, -2048 };
    static const int32_t amounts[] = { 0, 1, 15, 30, 31 };
    for (unsigned a = 0; a < 7; a++) {
        riscv_put_constant(program, 1, values[a]);
        for (unsigned op = 0; op < 10; op++) {
            unsigned funct3 = ops[op].funct3, funct7 = ops[op].funct7;
            bool shift = funct3 == 1 || funct3 == 5;
            riscv_put(program, riscv_reg(funct7, funct3, 3, 1, 1));
            riscv_put(program, riscv_reg(funct7, funct3, 3, 1, 0));
            riscv_put(program, riscv_reg(funct7, funct3, 3, 0, 1));
            riscv_put(program, riscv_reg(funct7, funct3, 0, 1, 1));
            riscv_put(program, riscv_reg(0, 0, 3, 0, 0)); /* x0 is 0 still */
            if (funct7 && !shift) continue;
            for (unsigned i = 0; i < 5; i++) {
                int32_t imm = shift ? amounts[i] + (funct7 ? 0x400 : 0) : immediates[i];
                riscv_put(program, riscv_imm(OP_IMM, funct3, 3, 1, imm));
                riscv_put(program, riscv_imm(OP_IMM, funct3, 4, 0, imm));
                riscv_put(program, riscv_imm(OP_IMM, funct3, 0, 1, imm));
                riscv_put(program, riscv_imm(OP_IMM, 0, 5, 1, 0));
                riscv_put(program, riscv_imm(OP_IMM, funct3, 5, 5, imm));
            }
        }
        for (unsigned b = 0; b < 7; b++) {
            riscv_put_constant(program, 2, values[b]);
            for (unsigned op = 0; op < 10; op++) {
                riscv_put(program, riscv_reg(ops[op].funct7, ops[op].funct3, 3, 1, 2));
                riscv_put(program, riscv_reg(0, 0, 4, 1, 0));
                riscv_put(program, riscv_reg(ops[op].funct7, ops[op].funct3, 4, 4, 2));
                riscv_put(program, riscv_reg(0, 0, 5, 2, 0));
                riscv_put(program, riscv_reg(ops[op].funct7, ops[op].funct3, 5, 1, 5));
            }
            static const unsigned branches[] = { 0, 1, 4, 5, 6, 7 };
            for (unsigned i = 0; i < 6; i++) {
                riscv_put(program, riscv_branch(branches[i], 1, 2, 8));
                riscv_put(program, riscv_imm(OP_IMM, 0, 6, 6, 1));
                riscv_put(program, riscv_branch(branches[i], 1, 0, 8));
                riscv_put(program, riscv_imm(OP_IMM, 0, 6, 6, 2));
            }
        }
    }
}

static void put_edges_of_access(struct riscv_program *program) {
    static const uint32_t values[] = { 0x80ff7f01u, 0x7f0180ffu, 0, 0xffffffffu };
    static const unsigned loads[] = { 0, 1, 2, 4, 5 };
    for (unsigned v = 0; v < 4; v++) {
        riscv_put_constant(program, 1, values[v]);
        riscv_put_constant(program, 2, ~values[v]);
        for (unsigned width = 0; width < 3; width++)
            for (int32_t at = 0; at < 4; at += 1 << width) {
                riscv_put(program, riscv_store(2, 1, REG_WINDOW, 0));
                riscv_put(program, riscv_store(width, 2, REG_WINDOW, at));
                riscv_put(program, riscv_store(width, 0, REG_WINDOW, at - 4));
                for (unsigned i = 0; i < 5; i++)
                    for (int32_t from = -4; from < 4; from += 1 << (loads[i] & 3)) {
                        riscv_put(program, riscv_imm(OP_LOAD, loads[i], 3, REG_WINDOW, from));
                        riscv_put(program, riscv_imm(OP_LOAD, loads[i], 0, REG_WINDOW, from));
                    }
            }
    }
    /* The ends of the offset, and onto the address itself. */
    riscv_put_constant(program, 4, PROGRAM_BASE + PROGRAM_WINDOW + 2048);
    riscv_put(program, riscv_store(2, 1, 4, -2048));
    riscv_put(program, riscv_imm(OP_LOAD, 2, 4, 4, -2048));
    riscv_put_constant(program, 4, PROGRAM_BASE + PROGRAM_WINDOW - 2047);
    riscv_put(program, riscv_store(0, 2, 4, 2047));
    riscv_put(program, riscv_imm(OP_LOAD, 4, 4, 4, 2047));
}

static void put_edges_of_jumps(struct riscv_program *program) {
    static const uint32_t uppers[] = { 0, 0x1000, 0xfffff000u, 0x80000000u, 0x7ffff000u };
    for (unsigned i = 0; i < 5; i++)
        for (unsigned rd = 0; rd < 2; rd++) {
            riscv_put(program, riscv_upper(OP_LUI, rd, uppers[i]));
            riscv_put(program, riscv_upper(OP_AUIPC, rd, uppers[i]));
        }
    /* Backwards: over the body, to it, out of it. */
    riscv_put(program, riscv_jal(1, 12));
    riscv_put(program, riscv_imm(OP_IMM, 0, 6, 6, 1));
    riscv_put(program, riscv_jal(0, 8));
    riscv_put(program, riscv_jal(2, -8));
    for (unsigned rd = 0; rd < 3; rd++)
        for (int32_t odd = 0; odd < 4; odd++) { /* 2 and 3 trap */
            riscv_put(program, riscv_upper(OP_AUIPC, 1, 0));
            riscv_put(program, riscv_imm(OP_JALR, 0, rd, 1, 12 + odd));
            riscv_put(program, riscv_imm(OP_IMM, 0, 6, 6, 1));
        }
}

/* The longest branches, there and back; what lies between is not run. */
static void put_far_branches(struct riscv_program *program) {
    const int32_t words = 1023;
    riscv_put(program, riscv_imm(OP_IMM, 0, 7, 0, 0));
    riscv_put(program, riscv_branch(0, 0, 0, 4 * words));
    unsigned start = program->count;
    riscv_put(program, riscv_imm(OP_IMM, 0, 7, 7, 1));
    riscv_put(program, riscv_branch(1, 7, 0, 4 * (words - 1)));
    while (program->count < start + (unsigned)words - 1) riscv_put(program, INSN_EBREAK);
    riscv_put(program, riscv_branch(0, 7, 0, 4 * (1 - words)));
    riscv_put(program, riscv_imm(OP_IMM, 0, 7, 7, 2));
}

static void put_edges_of_csrs(struct riscv_program *program) {
    static const enum riscv_csr_kind kinds[] = {
        CSR_RW, CSR_RS, CSR_RC, CSR_RWI, CSR_RSI, CSR_RCI
    };
    riscv_put_constant(program, 1, 0xaaaaaaaau);
    riscv_put_constant(program, 2, 0x0000ffffu);
    for (unsigned i = 0; i < 6; i++)
        for (unsigned rd = 0; rd < 3; rd++)
            for (unsigned rs1 = 0; rs1 < 32; rs1 += rs1 < 2 ? 1 : 29) { /* x0, x1, x2, x31 */
                riscv_put(program, riscv_csr(CSR_RW, 3, CSR_MSCRATCH, 1));
                riscv_put(program, riscv_csr(kinds[i], rd, CSR_MSCRATCH, rs1));
                riscv_put(program, riscv_csr(CSR_RS, 3, CSR_MSCRATCH, 0));
                riscv_put(program,
                          riscv_csr(kinds[i], rd, CSR_MHARTID, rs1)); /* illegal if it writes */
                riscv_put_constant(program, 1, 0xaaaaaaaau);
            }
    static const uint32_t traps[] = { INSN_ECALL, INSN_EBREAK, 0, 0xffffffffu };
    for (unsigned i = 0; i < 4; i++) riscv_put(program, traps[i]);
    /* The timer's interrupt, whichever bit comes last. */
    riscv_put(program, riscv_csr(CSR_RS, 3, CSR_MIP, 0));
    riscv_put(program, riscv_csr(CSR_RS, 0, CSR_MIE, REG_SOURCES));
    riscv_put(program, riscv_csr(CSR_RSI, 0, CSR_MSTATUS, 8));
    riscv_put(program, riscv_csr(CSR_RS, 0, CSR_MIE, REG_SOURCES));
    riscv_put(program, riscv_csr(CSR_RCI, 0, CSR_MSTATUS, 8));
}

void riscv_program_edges(struct riscv_program *program) {
    put_start(program);
    /* Across all of the program and back. */
    unsigned far = program->count;
    riscv_put(program, 0);
    for (unsigned i = 1; i < FREE_REGISTERS; i++) riscv_put_constant(program, i, edges[i % EDGES]);
    put_edges_of_arithmetic(program);
    put_edges_of_access(program);
    put_edges_of_jumps(program);
    put_far_branches(program);
    put_edges_of_csrs(program);
    riscv_put(program, riscv_jal(0, 8));
    int32_t across = 4 * (int32_t)(program->count - far);
    riscv_put(program, riscv_jal(2, 4 - across));
    program->words[far] = riscv_jal(1, across);
    put_end(program);
}
