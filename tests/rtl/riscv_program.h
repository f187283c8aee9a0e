/* riscv_program: machine code for tests of a RISC-V processor: an assembler of single words, random
 * programs, and one program that takes every instruction to its edges.
 *
 * A program lies at PROGRAM_BASE, traps into a handler of its own that returns, loads each word of
 * its window of data at its end, so that who compares registers has compared memory, and stores
 * PROGRAM_DONE at PROGRAM_FINISHER (QEMU's `virt` ends then). The timer's interrupt is expected to
 * be pending all the time, the external one never. */
#ifndef TESTS_RTL_RISCV_PROGRAM_H
#define TESTS_RTL_RISCV_PROGRAM_H

#include <stdint.h>

#define PROGRAM_BASE     0x80000000u
#define PROGRAM_FINISHER 0x00100000u
#define PROGRAM_DONE     0x5555u

enum {
    PROGRAM_WORDS = 16384,     /* all there is: code, then data */
    PROGRAM_WINDOW = 0xf000,   /* bytes from the base to the middle of the window */
    PROGRAM_WINDOW_HALF = 256, /* bytes on either side of it */
};

struct riscv_program {
    uint32_t words[PROGRAM_WORDS];
    unsigned count; /* words of code */
};

enum riscv_opcode {
    OP_LOAD = 0x03,
    OP_FENCE = 0x0f,
    OP_IMM = 0x13,
    OP_AUIPC = 0x17,
    OP_STORE = 0x23,
    OP_REG = 0x33,
    OP_LUI = 0x37,
    OP_BRANCH = 0x63,
    OP_JALR = 0x67,
    OP_JAL = 0x6f,
    OP_SYSTEM = 0x73,
};

enum riscv_csr {
    CSR_MSTATUS = 0x300,
    CSR_MISA = 0x301,
    CSR_MIE = 0x304,
    CSR_MTVEC = 0x305,
    CSR_MSCRATCH = 0x340,
    CSR_MEPC = 0x341,
    CSR_MCAUSE = 0x342,
    CSR_MTVAL = 0x343,
    CSR_MIP = 0x344,
    CSR_MCYCLE = 0xb00,
    CSR_MINSTRET = 0xb02,
    CSR_MCYCLEH = 0xb80,
    CSR_MINSTRETH = 0xb82,
    CSR_MVENDORID = 0xf11,
    CSR_MHARTID = 0xf14,
};

enum riscv_csr_kind { CSR_RW = 1, CSR_RS, CSR_RC, CSR_RWI = 5, CSR_RSI, CSR_RCI };

enum {
    INSN_ECALL = 0x00000073,
    INSN_EBREAK = 0x00100073,
    INSN_WFI = 0x10500073,
    INSN_MRET = 0x30200073
};

/* One instruction each. An immediate is in bytes, or what the register is to get for LUI and AUIPC.
 */
uint32_t riscv_reg(unsigned funct7, unsigned funct3, unsigned rd, unsigned rs1, unsigned rs2);
uint32_t riscv_imm(enum riscv_opcode opcode, unsigned funct3, unsigned rd, unsigned rs1,
                   int32_t imm);
uint32_t riscv_store(unsigned funct3, unsigned rs2, unsigned rs1, int32_t imm);
uint32_t riscv_branch(unsigned funct3, unsigned rs1, unsigned rs2, int32_t offset);
uint32_t riscv_upper(enum riscv_opcode opcode, unsigned rd, uint32_t value);
uint32_t riscv_jal(unsigned rd, int32_t offset);
uint32_t riscv_csr(enum riscv_csr_kind kind, unsigned rd, unsigned csr, unsigned rs1);

/* riscv_put appends one instruction; riscv_put_constant two, for any value. */
void riscv_put(struct riscv_program *program, uint32_t insn);
void riscv_put_constant(struct riscv_program *program, unsigned rd, uint32_t value);

/* riscv_program_random fills program, the same for the same seed. */
void riscv_program_random(struct riscv_program *program, uint64_t seed);

/* riscv_program_edges fills program with every instruction at 0, 1, -1, the least and the largest
   value, the ends of each immediate, shifts by 0 and 31, to and from x0, and onto its own operands.
 */
void riscv_program_edges(struct riscv_program *program);

#endif /* TESTS_RTL_RISCV_PROGRAM_H */
