#include "sim/ivshmem.h"
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum { VERSION = 0, SERVER = 0, GUEST = 1, MEMORY = -1, NO_FD = -1 };

size_t ivshmem_bytes(size_t bytes) {
    size_t power = 4096;
    while (power < bytes) power *= 2;
    return power;
}

/* Every message is eight bytes, little-endian, perhaps with a descriptor. */
static bool say(int socket, int64_t number, int fd) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = { .bytes = { 0 } };
    struct iovec body = { .iov_base = &number, .iov_len = sizeof number };
    struct msghdr message = { .msg_iov = &body, .msg_iovlen = 1 };
    if (fd != NO_FD) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
        passed->cmsg_level = SOL_SOCKET;
        passed->cmsg_type = SCM_RIGHTS;
        passed->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(passed), &fd, sizeof fd);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)sizeof number;
}

bool ivshmem_hello(int socket, const struct ivshmem *ivshmem) {
    return say(socket, VERSION, NO_FD) && say(socket, GUEST, NO_FD) &&
           say(socket, MEMORY, ivshmem->memory) && say(socket, SERVER, ivshmem->our_bell) &&
           say(socket, GUEST, ivshmem->guest_bell);
}
