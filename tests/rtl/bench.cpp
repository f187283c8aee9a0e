/* bench: the C++ behind bench.h. The build gives BENCH_PORTS, BENCH_HEADER and BENCH_MODEL, the
 * Verilated module's. */
#include BENCH_HEADER
#include "tests/rtl/bench.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>

struct bench {
    VerilatedContext context;
    BENCH_MODEL *model = nullptr;
};

bench *bench_new(uint64_t seed) {
    bench *made = new bench;
    made->context.randReset(2); /* the model draws as it is made */
    made->context.randSeed(int(seed % 0x7fffffff) + 1);
    made->model = new BENCH_MODEL(&made->context);
    return made;
}

void bench_delete(bench *bench) {
    bench->model->final();
    delete bench->model;
    delete bench;
}

// clang-format off
static void put(bench *bench, const ports *ports) {
#define IN(type, name)        bench->model->name = ports->name;
#define IN_WIDE(words, name)  memcpy(&bench->model->name[0], ports->name, sizeof ports->name);
#define OUT(type, name)
#define OUT_WIDE(words, name)
#include BENCH_PORTS
#undef IN
#undef OUT
#undef IN_WIDE
#undef OUT_WIDE
}

static void get(bench *bench, ports *ports) {
#define IN(type, name)
#define IN_WIDE(words, name)
#define OUT(type, name)       ports->name = bench->model->name;
#define OUT_WIDE(words, name) memcpy(ports->name, &bench->model->name[0], sizeof ports->name);
#include BENCH_PORTS
#undef IN
#undef OUT
#undef IN_WIDE
#undef OUT_WIDE
}
// clang-format on

void bench_settle(bench *bench, ports *ports) {
    put(bench, ports);
    bench->model->clk = 0;
    bench->model->eval();
    get(bench, ports);
}

void bench_clock(bench *bench, ports *ports) {
    bench_settle(bench, ports);
    bench->model->clk = 1;
    bench->model->eval();
    bench->context.timeInc(1);
    bench_settle(bench, ports);
}

uint64_t bench_seed(void) {
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, nullptr, 0) : 1;
    printf("seed %llu\n", (unsigned long long)seed);
    return seed;
}
