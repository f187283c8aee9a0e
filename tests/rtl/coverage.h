/* coverage.h: a Verilated model that leaves what it has covered behind when it ends, in a file of
 * its own in the directory COVERAGE of the environment. C++, for coverage.mk alone: model.cpp and
 * bench.cpp find it in place of the model.
 *
 * It begins with zeros where others draw: a bit that begins as noise would count as turned over. */
#ifndef TESTS_RTL_COVERAGE_H
#define TESTS_RTL_COVERAGE_H

#include <cstdlib>
#include <string>
#include <unistd.h>
#include <verilated_cov.h>

template <class Model> struct covered : Model {
    static VerilatedContext *without_noise(VerilatedContext *context) {
        context->randReset(0);
        return context;
    }

    explicit covered(VerilatedContext *context) : Model(without_noise(context)) {}

    void final() {
        static unsigned count;
        Model::final();
        const char *directory = std::getenv("COVERAGE");
        if (directory == nullptr) return;
        const std::string path = std::string(directory) + "/" + std::to_string(getpid()) + "_" +
                                 std::to_string(count++) + ".dat";
        this->contextp()->coveragep()->write(path.c_str());
    }
};

#ifdef COVERAGE_STOPS
/* A bench's failed assertion ends the test; Verilator has printed its name. model.cpp has its own.
 */
void vl_stop(const char *, int, const char *) { std::abort(); }
#endif

#endif /* TESTS_RTL_COVERAGE_H */
