/* start.S: from reset to main, and what traps do.
 *
 * Interrupts are let through in device_interrupt_comes only; everywhere else they just end a wfi. So
 * no code is interrupted that does not know it, and a trap saves nothing. */

#define REGION(name, address, bytes, meaning) .equ REGION_##name, address; .equ REGION_##name##_BYTES, bytes
#define DEVICE(name, offset, access, meaning) .equ DEVICE_##name, offset
#define PAGE(name, offset, unit, meaning)
#define IMAGE(name, offset, meaning)
#define CODE(group, name, number, meaning)    .equ group##_##name, number
#include "driver/abi/mgmt.def"

.equ MSTATUS_MIE, 1 << 3
.equ MIE_TIMER, 1 << 7
.equ MIE_EXTERNAL, 1 << 11

.section .text.start, "ax"
.globl start
start:
    la t0, trap_again
    csrw mtvec, t0
    csrw mie, zero

    /* March over the data memory, before anything is kept there: up w0; up r0 w1; down r1 w0; up r0.
       Finds bits that stay, cells that answer to two addresses, and a neighbour that follows a
       neighbour. 36,864 instructions. What was read wrong gathers in a1. */
    li s0, REGION_DATA
    li s1, REGION_DATA + REGION_DATA_BYTES
    li t1, -1
    li a1, 0
    mv t0, s0
1:  sw zero, 0(t0)
    addi t0, t0, 4
    bne t0, s1, 1b
    mv t0, s0
2:  lw t2, 0(t0)
    or a1, a1, t2
    sw t1, 0(t0)
    addi t0, t0, 4
    bne t0, s1, 2b
3:  addi t0, t0, -4
    lw t2, 0(t0)
    xor t2, t2, t1
    or a1, a1, t2
    sw zero, 0(t0)
    bne t0, s0, 3b
4:  lw t2, 0(t0)
    or a1, a1, t2
    addi t0, t0, 4
    bne t0, s1, 4b

    /* The march leaves zeros, so .bss is clear; there is no .data (link.ld). */
    la sp, stack_end
    la t0, trap
    csrw mtvec, t0
    li t0, MIE_TIMER | MIE_EXTERNAL
    csrw mie, t0
    snez a0, a1
    .if SELFTEST_DATA - 1
    .error "main wants SELFTEST_DATA, snez gives 1"
    .endif
    call main
    j hold

/* device_interrupt_comes: firmware/device.h. While interrupts pass, t0 is the trap's. */
.section .text.device_interrupt_comes, "ax"
.globl device_interrupt_comes
device_interrupt_comes:
    li a1, REGION_DEVICES
    lw a2, DEVICE_CLOCKS(a1)
    add a3, a2, a0
    sw a3, DEVICE_COMPARE(a1)
    slli a3, a0, 1
    slli a4, a0, 3
    add a4, a4, a3                  /* ten times as long */
    li a5, MIE_TIMER
    csrw mie, a5
    li a0, 1
    csrsi mstatus, MSTATUS_MIE
1:  csrr a3, mie                    /* the trap clears it */
    beqz a3, 2f
    lw a3, DEVICE_CLOCKS(a1)
    sub a3, a3, a2
    bltu a3, a4, 1b
    li a0, 0
2:  csrci mstatus, MSTATUS_MIE
    li a5, MIE_TIMER | MIE_EXTERNAL
    csrw mie, a5
    ret

.section .text.trap, "ax"
.balign 4
trap:
    csrr t0, mcause
    bgez t0, 1f
    csrw mie, zero
    mret
    /* The stack pointer may be what is wrong: begin with a new one. A trap from here on must not
       come back here. */
1:  la t0, trap_again
    csrw mtvec, t0
    la sp, stack_end
    csrr a0, mcause
    csrr a1, mepc
    csrr a2, mtval
    call core_trap
hold:
    j hold

/* A trap before there is a stack, or within core_trap: no words, only begin anew; image B, if it
   runs, has failed. */
.balign 4
trap_again:
    li t1, REGION_DEVICES
    lw t2, DEVICE_SLOT(t1)
    andi t2, t2, 1
    li t0, BOOT_TO_SAME
    sub t0, t0, t2
    .if BOOT_TO_SAME - BOOT_TO_A - 1
    .error "BOOT_TO_SAME less the slot's bit is BOOT_TO_A"
    .endif
    sw t0, DEVICE_BOOT(t1)
    j hold
