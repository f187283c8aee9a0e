/* riscv_reference: see riscv_reference.h. QEMU's log comes through a pipe, and the program goes in
 * through a file without name. */
#define _GNU_SOURCE
#include "tests/rtl/riscv_reference.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct riscv_reference {
    pid_t child;
    FILE *log;
    char *line;
    size_t line_bytes;
};

static const char cpu[] = "rv32,m=false,a=false,f=false,d=false,c=false,s=false,u=false,h=false,"
                          "zba=false,zbb=false,zbc=false,zbs=false";

static void become_qemu(int program, int log) {
    char loader[96];
    (void)snprintf(loader, sizeof loader, "loader,file=/proc/self/fd/%d,addr=0x%x,force-raw=on",
                   program, PROGRAM_BASE);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
    if (dup2(log, STDERR_FILENO) < 0) _exit(127);
    execlp("qemu-system-riscv32", "qemu-system-riscv32", "-M", "virt", "-bios", "none", "-device",
           loader, "-cpu", cpu, "-display", "none", "-monitor", "none", "-serial", "none",
           "-no-reboot", "-singlestep", "-d", "cpu,nochain", (char *)NULL);
    (void)dprintf(STDERR_FILENO, "qemu-system-riscv32: %s; apt-get install qemu-system-misc\n",
                  strerror(errno));
    _exit(127);
}

struct riscv_reference *riscv_reference_start(const struct riscv_program *program) {
    struct riscv_reference *reference = calloc(1, sizeof *reference);
    assert(reference != NULL);
    int log[2], image = memfd_create("program", 0);
    if (image < 0 || write(image, program->words, sizeof program->words) != sizeof program->words ||
        pipe2(log, O_CLOEXEC) != 0) {
        perror("riscv_reference");
        abort();
    }
    reference->child = fork();
    assert(reference->child >= 0);
    if (reference->child == 0) become_qemu(image, log[1]);
    (void)close(image);
    (void)close(log[1]);
    reference->log = fdopen(log[0], "r");
    assert(reference->log != NULL);
    return reference;
}

void riscv_reference_end(struct riscv_reference *reference) {
    (void)kill(reference->child, SIGKILL);
    (void)waitpid(reference->child, NULL, 0);
    (void)fclose(reference->log);
    free(reference->line);
    free(reference);
}

/* A line names up to four registers: " x4/tp    00000000 x5/t0    00000000 ...". */
static unsigned read_registers(const char *line, uint32_t *x) {
    unsigned last = 0;
    for (const char *at = strstr(line, " x"); at != NULL; at = strstr(at, " x")) {
        char *end;
        last = (unsigned)strtoul(at + 2, &end, 10);
        end += strcspn(end, " ");
        assert(last < 32);
        x[last] = (uint32_t)strtoul(end, &end, 16);
        at = end;
    }
    return last;
}

bool riscv_reference_next(struct riscv_reference *reference, struct riscv_state *state) {
    bool shown = false;
    while (getline(&reference->line, &reference->line_bytes, reference->log) > 0) {
        const char *line = reference->line;
        if (strncmp(line, " pc ", 4) == 0) {
            state->pc = (uint32_t)strtoul(line + 4, NULL, 16);
            shown = state->pc >= PROGRAM_BASE; /* before is QEMU's own reset code */
        } else if (strncmp(line, " x", 2) == 0) {
            if (read_registers(line, state->x) == 31 && shown) return true;
        } else if (line[0] != ' ') {
            (void)fprintf(stderr, "%s", line);
        }
    }
    return false;
}
