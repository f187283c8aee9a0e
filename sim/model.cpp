// model: the Verilated card behind model.h. All that knows Verilator is here.

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>

#include <verilated.h>
#include <verilated_fst_c.h>

#include "Vcard_default.h"
#include "Vcard_small.h"

extern "C" {
#include "host/base/err.h"
#include "host/base/random.h"
#include "sim/model.h"
}

namespace {

constexpr unsigned window_bytes = 64;
constexpr unsigned reset_clocks = 8;
constexpr uint64_t answer_clocks_max = 10000; // of a register access
constexpr unsigned writes_max = 8;            // addresses, or data, that wait for their other half

// One posted write: of a register, or of some bytes of a window slot.
struct posted {
    bool window;
    uint32_t address;
    uint32_t value;
    uint64_t strobes;
    uint8_t bytes[window_bytes];
};

// How far the posted write at the head of the queue has come. On each channel valid, once raised,
// stays until ready.
struct progress {
    bool address_on, data_on, address_done, data_done;
};

// The half of an event write that has arrived first waits here for the other.
struct write_data {
    uint8_t bytes[window_bytes];
    uint64_t strobes;
};

} // namespace

struct model {
    model_options options;
    struct random random;
    uint64_t clocks = 0;
    unsigned reset_left = 0;
    bool wrote = false; // to memory in the last clock
    uint64_t digest = 0;
    std::string fault;

    posted queue[MODEL_POSTED_MAX];
    unsigned queue_first = 0, queue_count = 0;
    progress head = {};
    uint64_t head_since = 0; // clock in which the head came to the front

    uint64_t write_addresses[writes_max];
    write_data write_datas[writes_max];
    unsigned address_count = 0, data_count = 0, answers_due = 0;
    bool answered = false; // in the last clock

    model_surroundings surroundings = { 4500, 850, 1800, 16 << 8 | 3 << 4 | 1 };
    uint64_t drop_from = 0, drop_until = 0;
    bool unplugged = false;
    uint64_t interrupts = 0;

    bool reading = false, read_taken = false, read_done = false;
    uint32_t read_reg = 0, read_value = 0;

    virtual ~model() = default;
    virtual void clock() = 0;
    virtual bool trace_start(const char *path) = 0;
    virtual void trace_stop() = 0;

    bool odds(uint32_t out_of_256) {
        return out_of_256 != 0 && random_below(&random, MODEL_ODDS) < out_of_256;
    }

    __attribute__((format(printf, 2, 3))) void fail(const char *format, ...) {
        if (!fault.empty()) return;
        char text[512];
        va_list args;
        va_start(args, format);
        std::vsnprintf(text, sizeof text, format, args);
        va_end(args);
        fault = text;
    }

    posted *post() {
        while (queue_count == MODEL_POSTED_MAX && fault.empty()) clock();
        if (queue_count == MODEL_POSTED_MAX) return nullptr; // nothing moves any more
        if (queue_count == 0) head_since = clocks;
        return &queue[(queue_first + queue_count++) % MODEL_POSTED_MAX];
    }

    void posted_done() {
        queue_first = (queue_first + 1) % MODEL_POSTED_MAX;
        queue_count--;
        head = {};
        head_since = clocks;
    }

    // An address and the data that belongs to it have arrived: they go to memory.
    void memory_write(uint64_t address, const write_data &data) {
        const uint64_t offset = address - options.memory_address;
        if (address % window_bytes != 0 || offset > options.memory_bytes - window_bytes) {
            fail("the card wrote to %#llx, outside the %zu bytes it was given at %#llx",
                 (unsigned long long)address, options.memory_bytes,
                 (unsigned long long)options.memory_address);
            return;
        }
        if (offset >= drop_from && offset < drop_until) {
            drop_until = 0;
            return;
        }
        if (unplugged) return;
        uint8_t *at = static_cast<uint8_t *>(options.memory) + offset;
        if (~data.strobes == 0)
            std::memcpy(at, data.bytes, window_bytes);
        else
            for (unsigned i = 0; i < window_bytes; i++)
                if (data.strobes >> i & 1) at[i] = data.bytes[i];
        wrote = true;
        digest_add(clocks);
        digest_add(address);
        uint64_t words[window_bytes / 8];
        std::memcpy(words, data.bytes, sizeof words);
        for (const uint64_t word : words) digest_add(word);
    }

    void digest_add(uint64_t word) {
        digest = (digest ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        digest ^= digest >> 32;
    }

    void memory_pair() {
        while (address_count != 0 && data_count != 0) {
            memory_write(write_addresses[0], write_datas[0]);
            std::memmove(&write_addresses[0], &write_addresses[1],
                         --address_count * sizeof write_addresses[0]);
            std::memmove(&write_datas[0], &write_datas[1], --data_count * sizeof write_datas[0]);
            answers_due++;
        }
    }
};

namespace {

// Verilator's hook for a failed assertion has no argument that says which model it is of.
thread_local model *clocked;

template <class Top> struct model_of final : model {
    VerilatedContext context;
    Top *top = nullptr;
    VerilatedFstC *trace = nullptr;

    explicit model_of(const model_options &given) {
        options = given;
        random = random_seeded(given.seed);
        // What the RTL leaves without an initial value holds noise, as a card's does.
        context.randReset(2);
        context.randSeed(static_cast<int>(1 + given.seed % 0x7ffffffe));
        context.traceEverOn(true);
        top = new Top(&context);
    }

    // Verilator finds the context of some calls through the thread: with several models alive it
    // must be told which is meant.
    ~model_of() override {
        Verilated::threadContextp(&context);
        trace_stop();
        top->final();
        delete top;
    }

    bool trace_start(const char *path) override {
        trace_stop();
        Verilated::threadContextp(&context);
        trace = new VerilatedFstC;
        top->trace(trace, 99);
        trace->open(path);
        if (trace->isOpen()) return true;
        trace_stop();
        return false;
    }

    void trace_stop() override {
        if (trace == nullptr) return;
        trace->close();
        delete trace;
        trace = nullptr;
    }

    void drive_posted() {
        const bool window = queue_count != 0 && queue[queue_first].window;
        const bool reg = queue_count != 0 && !window;
        if (queue_count != 0 && !head.address_on) head.address_on = !odds(options.window_gap_odds);
        if (queue_count != 0 && !head.data_on) head.data_on = !odds(options.window_gap_odds);
        const posted &post = queue[queue_first];
        top->s_axi_awvalid = window && head.address_on && !head.address_done;
        top->s_axi_wvalid = window && head.data_on && !head.data_done;
        top->s_axil_awvalid = reg && head.address_on && !head.address_done;
        top->s_axil_wvalid = reg && head.data_on && !head.data_done;
        if (window) {
            top->s_axi_awaddr = static_cast<uint16_t>(post.address);
            std::memcpy(&top->s_axi_wdata[0], post.bytes, sizeof post.bytes);
            top->s_axi_wstrb = post.strobes;
        } else if (reg) {
            top->s_axil_awaddr = static_cast<uint16_t>(post.address);
            top->s_axil_wdata = post.value;
        }
        top->s_axil_arvalid = reading && !read_taken;
        top->s_axil_araddr = static_cast<uint16_t>(read_reg);
    }

    void drive_memory() {
        const bool held = odds(options.event_stall_odds),
                   data_held = odds(options.event_stall_odds);
        top->m_axi_awready = !held && address_count < writes_max;
        top->m_axi_wready = !data_held && data_count < writes_max;
        // An answer that is offered stays offered.
        if (!top->m_axi_bvalid)
            top->m_axi_bvalid = answers_due != 0 && !odds(options.event_stall_odds);
    }

    // What was handed over in this clock, as seen just before its rising edge.
    struct handed {
        bool window_address, window_data, window_answer, reg_address, reg_data, reg_answer;
        bool read_address, read_answer, memory_address, memory_data, memory_answer;
    };

    handed sample() const {
        return {
            bool(top->s_axi_awvalid && top->s_axi_awready),
            bool(top->s_axi_wvalid && top->s_axi_wready),
            bool(top->s_axi_bvalid && top->s_axi_bready),
            bool(top->s_axil_awvalid && top->s_axil_awready),
            bool(top->s_axil_wvalid && top->s_axil_wready),
            bool(top->s_axil_bvalid && top->s_axil_bready),
            bool(top->s_axil_arvalid && top->s_axil_arready),
            bool(top->s_axil_rvalid && top->s_axil_rready),
            bool(top->m_axi_awvalid && top->m_axi_awready),
            bool(top->m_axi_wvalid && top->m_axi_wready),
            bool(top->m_axi_bvalid && top->m_axi_bready),
        };
    }

    void take_memory(const handed &now) {
        if (now.memory_address) {
            if (top->m_axi_awlen != 0 || top->m_axi_awsize != 6)
                fail("the card began a burst of %u beats of 2^%u bytes; it writes 64 bytes at once",
                     top->m_axi_awlen + 1u, unsigned(top->m_axi_awsize));
            write_addresses[address_count++] = top->m_axi_awaddr;
        }
        if (now.memory_data) {
            if (!top->m_axi_wlast) fail("the card wrote a beat that is not the last of its burst");
            write_data &data = write_datas[data_count++];
            std::memcpy(data.bytes, &top->m_axi_wdata[0], sizeof data.bytes);
            data.strobes = top->m_axi_wstrb;
        }
        if (now.memory_answer) {
            answers_due--;
            answered = true;
        }
        if (now.memory_address || now.memory_data) memory_pair();
    }

    void take_posted(const handed &now) {
        if (queue_count != 0) {
            const bool window = queue[queue_first].window;
            head.address_done |= window ? now.window_address : now.reg_address;
            head.data_done |= window ? now.window_data : now.reg_data;
            // A register write is through when it is answered, so that what is posted behind it
            // meets its effect; window writes follow one another at once.
            const bool through = window ? head.address_done && head.data_done : now.reg_answer;
            if (through)
                posted_done();
            else if (clocks - head_since > answer_clocks_max &&
                     options.window_gap_odds < MODEL_ODDS)
                fail("the card does not take a write to %s %#x",
                     window ? "the window at" : "register", queue[queue_first].address);
        }
        if (now.window_answer && top->s_axi_bresp != 0)
            fail("the card answered a window write with error %u", unsigned(top->s_axi_bresp));
        if (now.read_address) read_taken = true;
        if (now.read_answer) {
            read_value = top->s_axil_rdata;
            read_done = true;
        }
    }

    void clock() override {
        clocked = this;
        Verilated::threadContextp(&context);
        wrote = false;
        top->rst = reset_left != 0;
        if (reset_left != 0) {
            reset_left--;
            top->s_axi_awvalid = top->s_axi_wvalid = 0;
            top->s_axil_awvalid = top->s_axil_wvalid = top->s_axil_arvalid = 0;
            top->m_axi_awready = top->m_axi_wready = top->m_axi_bvalid = 0;
        } else {
            if (answered) {
                top->m_axi_bvalid = 0;
                answered = false;
            }
            drive_posted();
            drive_memory();
        }
        top->s_axi_awlen = 0;
        top->s_axi_wlast = 1;
        top->s_axi_bready = 1;
        top->s_axil_wstrb = 0xf;
        top->s_axil_bready = 1;
        top->s_axil_rready = 1;
        top->m_axi_bresp = 0;
        top->temperature_i = static_cast<uint16_t>(surroundings.temperature);
        top->vccint_i = surroundings.vccint;
        top->vccaux_i = surroundings.vccaux;
        top->link_i = surroundings.link & 0x3fff;

        top->clk = 0;
        top->eval();
        if (trace != nullptr) trace->dump(static_cast<uint64_t>(clocks * 2));
        const handed now = sample();
        if (!top->rst) take_memory(now);
        top->clk = 1;
        // The data of a read is taken before the edge that lets the card drop it.
        if (!top->rst) take_posted(now);
        top->eval();
        if (trace != nullptr) trace->dump(static_cast<uint64_t>(clocks * 2 + 1));
        interrupts += top->interrupt_o;
        clocks++;
    }
};

template <class Top> model *model_make(const model_options &options) {
    return new (std::nothrow) model_of<Top>(options);
}

const struct {
    card_size size;
    model *(*make)(const model_options &options);
} builds[] = {
#define SIZE(name, symbols, accounts, orders, levels) \
    { { symbols, accounts, orders, levels }, model_make<Vcard_##name> },
#include "sim/sizes.def"
#undef SIZE
};

} // namespace

// vl_stop is what a failed assertion calls; Verilator has printed its name.
void vl_stop(const char *filename, int line, const char *) {
    if (clocked != nullptr)
        clocked->fail("an assertion of the RTL failed at %s:%d in clock %llu", filename, line,
                      (unsigned long long)clocked->clocks);
}

double sc_time_stamp() { return 0; }

const struct card_size *model_sizes(size_t *count) {
    static const struct card_size sizes[] = {
#define SIZE(name, symbols, accounts, orders, levels) { symbols, accounts, orders, levels },
#include "sim/sizes.def"
#undef SIZE
    };
    *count = sizeof sizes / sizeof *sizes;
    return sizes;
}

struct model *model_new(const struct model_options *options) {
    const card_size &size = options->size;
    for (const auto &build : builds) {
        if (std::memcmp(&build.size, &size, sizeof size) != 0) continue;
        model *made = build.make(*options);
        if (made == nullptr)
            err_set(-1, "card sim: no memory for the model");
        else
            model_reset(made);
        return made;
    }
    err_set(-1,
            "card sim: no model is built for %u symbols, %u accounts, %u orders, %u levels; add a "
            "line to sim/sizes.def",
            size.symbols, size.accounts, size.orders, size.levels);
    return nullptr;
}

void model_delete(struct model *model) { delete model; }

void model_reset(struct model *model) {
    model->queue_count = 0;
    model->head = {};
    model->address_count = model->data_count = model->answers_due = 0;
    model->reset_left = reset_clocks;
    for (unsigned i = 0; i < reset_clocks; i++) model->clock();
}

void model_memory_move(struct model *model, uint64_t address, size_t bytes) {
    model->options.memory_address = address;
    model->options.memory_bytes = bytes;
}

void model_clock(struct model *model) { model->clock(); }

uint64_t model_run(struct model *model, uint64_t clocks_max) {
    uint64_t given = 0;
    while (given < clocks_max && model->fault.empty()) {
        model->clock();
        given++;
        if (model->wrote) break;
    }
    return given;
}

uint64_t model_digest(const struct model *model) { return model->digest; }

uint64_t model_interrupts(const struct model *model) { return model->interrupts; }

uint64_t model_clocks(const struct model *model) { return model->clocks; }

void model_surround(struct model *model, const struct model_surroundings *surroundings) {
    model->surroundings = *surroundings;
}

void model_drop(struct model *model, uint64_t from, uint64_t until) {
    model->drop_from = from;
    model->drop_until = until;
}

void model_unplug(struct model *model) { model->unplugged = true; }
void model_plug(struct model *model) { model->unplugged = false; }

uint32_t model_read(struct model *model, uint32_t reg) {
    if (model->unplugged) return UINT32_MAX;
    while (model->queue_count != 0 && model->fault.empty()) model->clock();
    model->reading = true;
    model->read_taken = model->read_done = false;
    model->read_reg = reg;
    const uint64_t since = model->clocks;
    while (!model->read_done && model->fault.empty()) {
        model->clock();
        if (model->clocks - since > answer_clocks_max)
            model->fail("the card does not answer a read of register %#x", reg);
    }
    model->reading = false;
    return model->read_done ? model->read_value : UINT32_MAX;
}

void model_write(struct model *model, uint32_t reg, uint32_t value) {
    if (model->unplugged) return;
    posted *post = model->post();
    if (post == nullptr) return;
    post->window = false;
    post->address = reg;
    post->value = value;
}

void model_window_write(struct model *model, uint32_t address, const void *bytes,
                        uint64_t strobes) {
    if (model->unplugged) return;
    const bool split = model->odds(model->options.window_split_odds);
    const uint64_t first = split ? random_next(&model->random) : ~UINT64_C(0);
    for (const uint64_t part : { strobes & first, strobes & ~first }) {
        if (part == 0) continue;
        posted *post = model->post();
        if (post == nullptr) return;
        post->window = true;
        post->address = address;
        post->strobes = part;
        std::memcpy(post->bytes, bytes, window_bytes);
    }
}

unsigned model_posted(const struct model *model) { return model->queue_count; }

const char *model_fault(const struct model *model) {
    return model->fault.empty() ? nullptr : model->fault.c_str();
}

int model_trace_start(struct model *model, const char *path) {
    // Verilator says nothing of why it could not open a file; open it ourselves first.
    std::FILE *file = std::fopen(path, "w");
    if (file == nullptr) return err_set(-errno, "%s: %s", path, std::strerror(errno));
    std::fclose(file);
    if (!model->trace_start(path)) return err_set(-EIO, "%s: the waveform cannot be begun", path);
    return 0;
}

void model_trace_stop(struct model *model) { model->trace_stop(); }
