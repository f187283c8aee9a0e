/* regs_access: reads and writes of BAR0 through the s_axil ports of a bench. Include after bench.h.
 */
#ifndef TESTS_RTL_REGS_ACCESS_H
#define TESTS_RTL_REGS_ACCESS_H

#include "tests/rtl/bench.h"

/* A test's clock: bench_clock, or one that looks after other ports as well. */
typedef void regs_clock(void *context);

enum { REGS_OKAY = 0, REGS_SLVERR = 2, REGS_DEAD = -1 };

/* regs_write writes and returns the answer, REGS_DEAD when there is none in 1,000 clocks. */
static inline int regs_write(struct bench *bench, struct ports *ports, uint32_t reg, uint32_t value,
                             uint8_t strobe, regs_clock *clock, void *context) {
    ports->s_axil_awvalid = ports->s_axil_wvalid = 1;
    ports->s_axil_awaddr = (uint16_t)reg;
    ports->s_axil_wdata = value;
    ports->s_axil_wstrb = strobe;
    ports->s_axil_bready = 1;
    for (int wait = 0; wait < 1000; wait++) {
        bench_settle(bench, ports);
        bool address = ports->s_axil_awready, data = ports->s_axil_wready;
        clock(context);
        if (address) ports->s_axil_awvalid = 0;
        if (!data) continue;
        ports->s_axil_wvalid = 0;
        return ports->s_axil_bvalid ? ports->s_axil_bresp : REGS_DEAD;
    }
    return REGS_DEAD;
}

/* regs_read returns the value, all ones when there is none in 1,000 clocks. */
static inline uint32_t regs_read(struct bench *bench, struct ports *ports, uint32_t reg,
                                 regs_clock *clock, void *context) {
    ports->s_axil_arvalid = 1;
    ports->s_axil_araddr = (uint16_t)reg;
    ports->s_axil_rready = 1;
    for (int wait = 0; wait < 1000; wait++) {
        bench_settle(bench, ports);
        bool address = ports->s_axil_arready;
        clock(context);
        if (address) ports->s_axil_arvalid = 0;
        if (ports->s_axil_rvalid && !ports->s_axil_arvalid) return ports->s_axil_rdata;
    }
    return UINT32_MAX;
}

#endif /* TESTS_RTL_REGS_ACCESS_H */
