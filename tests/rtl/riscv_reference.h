/* riscv_reference: a program on QEMU's RV32I, instruction by instruction. */
#ifndef TESTS_RTL_RISCV_REFERENCE_H
#define TESTS_RTL_RISCV_REFERENCE_H

#include "tests/rtl/riscv_program.h"
#include <stdbool.h>

struct riscv_reference;

/* What the processor holds before the instruction at pc. */
struct riscv_state {
    uint32_t pc, x[32];
};

/* riscv_reference_start runs program. riscv_reference_end stops it, wherever it
   is, and frees it. Nothing is written to disk: a program that does not end makes gigabytes of
   trace. */
struct riscv_reference *riscv_reference_start(const struct riscv_program *program);
void riscv_reference_end(struct riscv_reference *reference);

/* riscv_reference_next gives the state before the next instruction of the program; false at its
 * end. */
bool riscv_reference_next(struct riscv_reference *reference, struct riscv_state *state);

#endif /* TESTS_RTL_RISCV_REFERENCE_H */
