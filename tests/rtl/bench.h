/* bench: a C test's hold on one Verilated module.
 *
 * A test defines BENCH_PORTS, the file that lists the module's ports, before it includes this:
 *   IN(type, name)   IN_WIDE(words, name)   OUT(type, name)   OUT_WIDE(words, name)
 * all but clk. struct ports has a member for each; the test sets the inputs and reads the outputs.
 * Behind it is bench.cpp, compiled once for each module. */
#ifndef TESTS_RTL_BENCH_H
#define TESTS_RTL_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench;

// clang-format off
struct ports {
#define IN(type, name)        type name;
#define OUT(type, name)       type name;
#define IN_WIDE(words, name)  uint32_t name[words];
#define OUT_WIDE(words, name) uint32_t name[words];
#include BENCH_PORTS
#undef IN
#undef OUT
#undef IN_WIDE
#undef OUT_WIDE
};
// clang-format on

/* bench_new makes the module as power-up leaves it, with what has no initial value drawn at random
   from seed; bench_delete gives it back. */
struct bench *bench_new(uint64_t seed);
void bench_delete(struct bench *bench);

/* bench_settle shows the outputs that follow the inputs within the clock. */
void bench_settle(struct bench *bench, struct ports *ports);

/* bench_clock gives one rising edge with these inputs and shows the outputs after it. */
void bench_clock(struct bench *bench, struct ports *ports);

/* bench_seed reads SEED of the environment, 1 without it, and prints it. */
uint64_t bench_seed(void);

#ifdef __cplusplus
}
#endif
#endif /* TESTS_RTL_BENCH_H */
