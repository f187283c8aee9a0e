/* test_vfio: what of the vfio transport needs no device: stores of 64 bytes, layouts, addresses,
 * what is said when there is no card, and the port over memory that stands for a card's BARs. */
#include "driver/vfio.h"
#include "driver/vfio_inner.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- Stores ---- */

static void every_store_gives_the_same_bytes(void **state) {
    (void)state;
    enum { LINES = 4, BYTES = 64 };
    _Alignas(64) unsigned char to[LINES * BYTES];
    unsigned char from[BYTES + 8];
    for (int kind = 0; kind < STORE64_KINDS; kind++) {
        store64_way *store = store64_get((enum store64_kind)kind);
        if (store == NULL) {
            print_message("no %s on this processor\n", store64_name((enum store64_kind)kind));
            continue;
        }
        for (size_t odd = 0; odd < 8; odd++) {
            for (size_t i = 0; i < sizeof from; i++) from[i] = (unsigned char)(i * 7 + odd);
            memset(to, 0xa5, sizeof to);
            store(to + BYTES, from + odd);
            assert_memory_equal(to + BYTES, from + odd, BYTES);
            for (size_t i = 0; i < sizeof to; i++)
                if (i < BYTES || i >= (size_t)2 * BYTES) assert_int_equal(to[i], 0xa5);
        }
    }
    assert_non_null(store64_get(STORE64_WORDS));
    assert_non_null(store64_get(store64_best()));
    assert_null(store64_get(STORE64_KINDS));
}

/* ---- Boards and addresses ---- */

static void a_layout_is_chosen_by_the_device(void **state) {
    (void)state;
    static const struct {
        uint16_t vendor, device;
        const char *name;
        unsigned registers_bar, window_bar;
    } row[] = {
        { 0x1af4, 0x1110, "ivshmem", 2, 2 },
        { 0x1af4, 0x1111, "card", 0, 2 },
        { 0x10ee, 0x903f, "card", 0, 2 },
        { 0, 0, "card", 0, 2 },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const struct vfio_layout *layout = vfio_layout_of(row[i].vendor, row[i].device);
        assert_string_equal(layout->name, row[i].name);
        assert_int_equal(layout->registers.bar, row[i].registers_bar);
        assert_int_equal(layout->window.bar, row[i].window_bar);
        assert_true(layout->window.bytes >= (uint64_t)LIMIT_WINDOW_SLOTS * PORT_SLOT_BYTES);
    }
    assert_false(vfio_layout_of(0, 0)->physical);
    assert_ptr_equal(vfio_layout_of(0, 0)->access, &vfio_direct);
}

static void an_address_is_read_strictly(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } row[] = {
        { "0000:03:00.0", true },  { "10af:ff:1f.7", true },   { "03:00.0", false },
        { "0000:03:00.8", false }, { "0000:03:00.", false },   { "0000:03:00.00", false },
        { "0000-03:00.0", false }, { "0000:0g:00.0", false },  { "", false },
        { "../../etc/pw", false }, { "0000:03:00.0 ", false },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (pci_address_valid(row[i].text) != row[i].valid) fail_msg("\"%s\"", row[i].text);
}

static void an_address_for_the_ring_is_found_where_the_iommu_has_room(void **state) {
    (void)state;
    const uint64_t mb = 1 << 20, four_gb = UINT64_C(1) << 32;
    const struct {
        struct vfio_range ranges[2];
        unsigned count;
        uint64_t bytes, align;
        int code;
        uint64_t iova;
        const char *why;
    } row[] = {
        { { { 0, UINT64_MAX } }, 1, 2 * mb, 2 * mb, 0, four_gb, "bits above 31 in use" },
        { { { 0, four_gb + mb - 1 } }, 1, mb, mb, 0, four_gb, "the range's last byte" },
        { { { 0, four_gb + mb - 2 } }, 1, mb, mb, 0, mb, "one byte short, and not at 0" },
        { { { 0, mb - 1 }, { 3 * mb, 8 * mb - 1 } }, 2, 2 * mb, 2 * mb, 0, 4 * mb, "aligned" },
        { { { 3 * mb, 5 * mb - 1 } },
          1,
          2 * mb,
          2 * mb,
          -ENOSPC,
          0,
          "only aligned it has no room" },
        { { { 0, mb - 1 } }, 1, 2 * mb, 2 * mb, -ENOSPC, 0, "too small" },
        { { { 0, 0 } }, 0, mb, mb, -ENOSPC, 0, "no range" },
        { { { UINT64_MAX - mb + 2, UINT64_MAX } }, 1, mb, mb, -ENOSPC, 0, "no wrap at the top" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint64_t iova = 0;
        int code = vfio_iova(row[i].ranges, row[i].count, row[i].bytes, row[i].align, &iova);
        if (code != row[i].code || iova != row[i].iova)
            fail_msg("%s: %d, %llx", row[i].why, code, (unsigned long long)iova);
    }
}

/* ---- Memory ---- */

static void memory_for_a_card_is_whole_and_zero(void **state) {
    (void)state;
    struct dma dma = { 0 };
    uint64_t address = 0;
    assert_int_equal(dma_take(1, true, &dma), 0);
    assert_false(dma.huge);
    assert_int_equal(dma.bytes, DMA_PAGE_BYTES);
    assert_int_equal((uintptr_t)dma.memory % DMA_PAGE_BYTES, 0);
    for (size_t i = 0; i < dma.bytes; i++) assert_int_equal(((const char *)dma.memory)[i], 0);
    int code = dma_physical(&dma, &address);
    if (code == 0)
        assert_int_equal(address % DMA_PAGE_BYTES, 0);
    else
        assert_non_null(strstr(err_text(), "run as root"));
    dma_give_back(&dma);
    dma_give_back(&dma);

    assert_int_equal(dma_take((size_t)64 << 20, true, &dma), 0);
    code = dma_physical(&dma, &address); /* 16,384 pages are never in one piece */
    if (code != -EPERM) assert_int_equal(code, -EXDEV);
    dma_give_back(&dma);

    assert_int_equal(dma_take(3 * DMA_PAGE_BYTES, false, &dma), 0); /* of whatever there is */
    assert_int_equal(dma.bytes, dma.huge ? (int)DMA_HUGE_BYTES : 3 * DMA_PAGE_BYTES);
    dma_give_back(&dma);
}

/* ---- What there is not ---- */

static char root[100], sysfs[120], dev[120];

static void make(const char *format, const char *name) {
    char path[300];
    (void)snprintf(path, sizeof path, format, root, name);
    for (char *slash = path; (slash = strchr(slash + 1, '/')) != NULL;) {
        *slash = 0;
        (void)mkdir(path, 0777);
        *slash = '/';
    }
    (void)mkdir(path, 0777);
}

static void lead(const char *format, const char *name, const char *to) {
    char path[300];
    (void)snprintf(path, sizeof path, format, root, name);
    (void)unlink(path);
    assert_int_equal(symlink(to, path), 0);
}

static void write_text(const char *format, const char *name, const char *text) {
    char path[300];
    (void)snprintf(path, sizeof path, format, root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

#define DEVICE "%s/sys/bus/pci/devices/%s"

static int set_up(void **state) {
    (void)state;
    (void)snprintf(root, sizeof root, "build/test_vfio.%ld", (long)getpid());
    (void)snprintf(sysfs, sizeof sysfs, "%s/sys", root);
    (void)snprintf(dev, sizeof dev, "%s/dev", root);
    make("%s/dev%s", "");
    for (char number = '1'; number <= '6'; number++) {
        char address[] = "0000:03:00.x";
        address[sizeof address - 2] = number;
        make(DEVICE, address);
        write_text(DEVICE "/vendor", address, "0x10ee\n");
        write_text(DEVICE "/device", address, "0x903f\n");
        if (number > '2') lead(DEVICE "/driver", address, "../../../bus/pci/drivers/vfio-pci");
        if (number > '3') lead(DEVICE "/iommu_group", address, "../../../kernel/iommu_groups/7");
    }
    lead(DEVICE "/driver", "0000:03:00.2", "../../../bus/pci/drivers/xdma");
    lead(DEVICE "/iommu_group", "0000:03:00.5", "../../../kernel/iommu_groups/8");
    lead(DEVICE "/iommu_group", "0000:03:00.6", "../../../kernel/iommu_groups/9");
    write_text("%s/dev/%s", "noiommu-8", "");
    write_text("%s/dev/%s", "9", "");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[200];
    (void)snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static void what_stands_in_the_way_is_said_with_the_next_step(void **state) {
    (void)state;
    const struct {
        const char *address;
        int code;
        const char *says[3];
    } row[] = {
        { "3:0.0", -EINVAL, { "3:0.0", "reads 0000:03:00.0", "lspci -D" } },
        { "0000:04:00.0", -ENODEV, { "0000:04:00.0", "no such PCI device", "rescan" } },
        { "0000:03:00.1",
          -ENXIO,
          { "no driver", "echo vfio-pci > /sys/bus/pci/devices/0000:03:00.1/driver_override",
            "echo 0000:03:00.1 > /sys/bus/pci/drivers_probe" } },
        { "0000:03:00.2",
          -ENXIO,
          { "bound to xdma, not to vfio-pci", "modprobe vfio-pci",
            "echo 0000:03:00.2 > /sys/bus/pci/drivers/xdma/unbind" } },
        { "0000:03:00.3", -ENOTSUP, { "no IOMMU group", "intel_iommu=on", "card_iommu: off" } },
        { "0000:03:00.4", -ENODEV, { "dev/vfio", "modprobe vfio-pci", "" } },
        { "0000:03:00.5", -EPERM, { "no IOMMU", "intel_iommu=on", "card_iommu: off" } },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const struct vfio_options options = { .address = row[i].address,
                                              .sysfs = sysfs,
                                              .dev = dev };
        struct card *card = NULL;
        int code = vfio_open(&options, &card);
        if (code != row[i].code) fail_msg("%s: %d, %s", row[i].address, code, err_text());
        for (int j = 0; j < 3; j++)
            if (strstr(err_text(), row[i].says[j]) == NULL)
                fail_msg("%s: no \"%s\" in: %s", row[i].address, row[i].says[j], err_text());
        assert_null(card);
    }
}

/* Files that are there, but are not VFIO's. */
static void what_is_no_vfio_is_refused(void **state) {
    (void)state;
    struct card *card = NULL;
    write_text("%s/dev/%s", "vfio", "");
    const struct vfio_options options = { .address = "0000:03:00.6", .sysfs = sysfs, .dev = dev };
    assert_int_equal(vfio_open(&options, &card), -EPROTO);
    assert_non_null(strstr(err_text(), "is no VFIO"));
    struct vfio_options unsafe = options;
    unsafe.address = "0000:03:00.5";
    unsafe.no_iommu = true; /* asked for: it comes as far as the next one */
    assert_int_equal(vfio_open(&unsafe, &card), -EPROTO);
    struct vfio_options ring = options;
    for (ring.ring_log2 = 3; ring.ring_log2 <= 25; ring.ring_log2 += 22) {
        assert_int_equal(vfio_open(&ring, &card), -EINVAL);
        assert_non_null(strstr(err_text(), "must be 2^4 to 2^24"));
    }
    assert_null(card);
}

/* A user without the right to the group's file. Root has it by a capability that a child drops. */
static void a_file_of_somebody_else_is_said_to_be(void **state) {
    (void)state;
    char path[300];
    (void)snprintf(path, sizeof path, "%s/vfio", dev);
    write_text("%s/dev/%s", "vfio", "");
    assert_int_equal(chmod(path, 0), 0);
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct card *card = NULL;
        const struct vfio_options options = { .address = "0000:03:00.6",
                                              .sysfs = sysfs,
                                              .dev = dev };
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
        if (syscall(SYS_capset, &header, none) != 0) _exit(2);
        if (vfio_open(&options, &card) != -EACCES) _exit(3);
        _exit(strstr(err_text(), "permission denied; as root: chown") != NULL ? 0 : 4);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(unlink(path), 0);
}

static void strangers_of_a_group_are_named(void **state) {
    (void)state;
    struct pci_device device;
    char text[100];
    assert_int_equal(pci_find(sysfs, dev, "0000:03:00.6", &device), 0);
    assert_int_equal(device.vendor, 0x10ee);
    assert_int_equal(device.device, 0x903f);
    assert_string_equal(device.group, "9");
    assert_false(device.no_iommu);
    pci_strangers(sysfs, &device, text, sizeof text);
    assert_string_equal(text, "");
    /* The group's directory, with everything of the bus in it. */
    make("%s/kernel/iommu_groups/9%s", "");
    lead(DEVICE "/iommu_group", "0000:03:00.6", "group");
    make(DEVICE "/group", "0000:03:00.6");
    lead(DEVICE "/group/devices", "0000:03:00.6", "../..");
    pci_strangers(sysfs, &device, text, sizeof text);
    assert_string_equal(text, "0000:03:00.2 (xdma)");
}

/* ---- A card of memory ---- */

enum { REGISTERS = 0x1000, RING_LOG2 = 4 };

static _Alignas(64) uint32_t registers[REGISTERS / 4];
static _Alignas(64) struct command window[LIMIT_WINDOW_SLOTS];
static _Alignas(64) struct event ring[(1 << RING_LOG2) + 1];

static struct vfio bars_good(void) {
    memset(registers, 0, sizeof registers);
    memset(window, 0, sizeof window);
    memset(ring, 0xff, sizeof ring);
    registers[REG_DIGEST / 4] = abi_digest();
    registers[REG_VERSION / 4] = LIMIT_ABI_MAJOR << 16;
    registers[REG_SYMBOLS / 4] = 4;
    registers[REG_ACCOUNTS / 4] = 8;
    registers[REG_ORDERS / 4] = 64;
    registers[REG_LEVELS / 4] = 64;
    registers[REG_STATUS / 4] = STATUS_INIT_DONE;
    return (struct vfio){
        .device = { .address = "0000:03:00.0" },
        .layout = vfio_layout_of(0, 0),
        .container = -1,
        .group = -1,
        .fd = -1,
        .event = -1,
        .registers = { .at = (char *)registers },
        .window = { .at = (char *)window },
        .store = store64_get(store64_best()),
        .spin_ns = UINT32_MAX,
        .port = { .operations = &vfio_operations,
                  .ring = ring,
                  .ring_address = UINT64_C(0x123456780),
                  .ring_log2 = RING_LOG2,
                  .init_tries_max = 10 },
    };
}

static void registers_and_window_are_where_the_layout_says(void **state) {
    (void)state;
    struct vfio vfio = bars_good();
    struct card *card = &vfio.port.card;
    struct event event;
    assert_int_equal(port_open(&vfio.port, "vfio"), 0);
    assert_int_equal(card->size.orders, 64);
    assert_int_equal(registers[REG_CONTROL / 4], CONTROL_RESET);
    assert_int_equal(registers[REG_RING_LOW / 4], 0x23456780);
    assert_int_equal(registers[REG_RING_HIGH / 4], 1);
    assert_int_equal(registers[REG_RING_LOG2 / 4], RING_LOG2);
    card_heartbeat(card);
    assert_int_equal(registers[REG_HEARTBEAT / 4], 1);
    for (uint32_t i = 0; i < LIMIT_WINDOW_SLOTS; i++) {
        const struct command command = { .opcode = OPCODE_NOP, .value = i + 1, .stamp_ns = ~i };
        assert_int_equal(card_push(card, &command), 0);
        assert_memory_equal(&window[i], &command, sizeof command);
    }
    assert_int_equal(card_push(card, &(struct command){ 0 }), -EAGAIN);
    assert_int_equal(card_poll(card, &event, 1), 0);
    ring[0] =
        (struct event){ .number = 1, .command = 1, .flags = EVENT_END, .credits = 1, .phase = 1 };
    assert_int_equal(card_poll(card, &event, 1), 1);
    assert_int_equal(card_push(card, &(struct command){ .value = 77 }), 0);
    assert_int_equal(window[0].value, 77);
}

static void another_card_is_refused(void **state) {
    (void)state;
    struct vfio vfio = bars_good();
    registers[REG_DIGEST / 4] ^= 1;
    assert_int_equal(port_open(&vfio.port, "vfio"), -EPROTO);
    assert_non_null(strstr(err_text(), "rebuild"));
    assert_int_equal(registers[REG_CONTROL / 4], 0); /* nothing was written to what it may be */
    vfio = bars_good();
    registers[REG_STATUS / 4] = 0;
    assert_int_equal(port_open(&vfio.port, "vfio"), -EIO);
    assert_non_null(strstr(err_text(), "load its image again"));
}

static void all_ones_are_a_card_that_is_gone(void **state) {
    (void)state;
    struct vfio vfio = bars_good();
    struct card *card = &vfio.port.card;
    struct event event;
    assert_int_equal(port_open(&vfio.port, "vfio"), 0);

    registers[REG_TIME_LOW / 4] = UINT32_MAX; /* a register may hold them */
    assert_int_equal(card_read(card, REG_TIME_LOW), UINT32_MAX);
    vfio.looked_ns = 0;
    assert_int_equal(card_poll(card, &event, 1), 0);
    assert_false(vfio.broken);

    /* An idle host sees it when it looks, without a read of its own. */
    memset(registers, 0xff, sizeof registers);
    vfio.looked_ns = clock_monotonic_ns();
    const uint64_t from_ns = clock_monotonic_ns();
    int count;
    while ((count = card_poll(card, &event, 1)) == 0)
        assert_true(clock_monotonic_ns() - from_ns < UINT64_C(5000000000));
    assert_int_equal(count, -EIO);
    assert_non_null(strstr(err_text(), "0000:03:00.0"));
    assert_non_null(strstr(err_text(), "all ones"));
    assert_non_null(strstr(err_text(), "reset and replay"));
    assert_true(clock_monotonic_ns() - from_ns >= VFIO_LOOK_NS);

    /* From then on it is neither read nor written, whatever comes back. */
    registers[REG_DIGEST / 4] = abi_digest();
    assert_int_equal(card_read(card, REG_DIGEST), UINT32_MAX);
    card_heartbeat(card);
    assert_int_equal(registers[REG_HEARTBEAT / 4], UINT32_MAX);
    assert_int_equal(card_push(card, &(struct command){ 0 }), -EIO);

    /* A read sees it at once, and the next poll says so. */
    vfio = bars_good();
    assert_int_equal(port_open(&vfio.port, "vfio"), 0);
    memset(registers, 0xff, sizeof registers);
    assert_int_equal(card_read(card, REG_STATUS), UINT32_MAX);
    assert_int_equal(card_poll(card, &event, 1), -EIO);
}

static void silence_is_counted_while_a_command_is_owed(void **state) {
    (void)state;
    struct vfio vfio = bars_good();
    struct card *card = &vfio.port.card;
    struct event event;
    assert_int_equal(port_open(&vfio.port, "vfio"), 0);
    vfio.dry_ns = VFIO_SILENCE_NS;
    assert_int_equal(card_poll(card, &event, 1), 0); /* nothing is owed */
    assert_int_equal(card_push(card, &(struct command){ 0 }), 0);
    assert_int_equal(card_poll(card, &event, 1), 0);
    /* A process that was held up for an hour has not waited for an hour. */
    vfio.seen_ns -= UINT64_C(3600000000000);
    assert_int_equal(card_poll(card, &event, 1), 0);
    assert_true(vfio.dry_ns < VFIO_SILENCE_NS);
    vfio.dry_ns = VFIO_SILENCE_NS;
    assert_int_equal(card_poll(card, &event, 1), -EIO);
    assert_non_null(strstr(err_text(), "hangs; reset and replay"));
}

static void a_host_that_waits_sleeps(void **state) {
    (void)state;
    struct vfio vfio = bars_good();
    struct card *card = &vfio.port.card;
    struct event event;
    vfio.spin_ns = VFIO_SPIN_NS;
    assert_int_equal(port_open(&vfio.port, "vfio"), 0);
    for (int i = 0; i < 100; i++) assert_int_equal(card_poll(card, &event, 1), 0);
    assert_int_equal(vfio_facts(card).naps, 0); /* an idle one sleeps where it likes */
    assert_int_equal(card_push(card, &(struct command){ 0 }), 0);
    const uint64_t from_ns = clock_monotonic_ns();
    while (vfio_facts(card).naps == 0) {
        assert_int_equal(card_poll(card, &event, 1), 0);
        assert_true(clock_monotonic_ns() - from_ns < UINT64_C(5000000000));
    }
    assert_true(clock_monotonic_ns() - from_ns >= VFIO_SPIN_NS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_store_gives_the_same_bytes),
        cmocka_unit_test(a_layout_is_chosen_by_the_device),
        cmocka_unit_test(an_address_is_read_strictly),
        cmocka_unit_test(an_address_for_the_ring_is_found_where_the_iommu_has_room),
        cmocka_unit_test(memory_for_a_card_is_whole_and_zero),
        cmocka_unit_test_setup_teardown(what_stands_in_the_way_is_said_with_the_next_step, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_vfio_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_somebody_else_is_said_to_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strangers_of_a_group_are_named, set_up, tear_down),
        cmocka_unit_test(registers_and_window_are_where_the_layout_says),
        cmocka_unit_test(another_card_is_refused),
        cmocka_unit_test(all_ones_are_a_card_that_is_gone),
        cmocka_unit_test(silence_is_counted_while_a_command_is_owed),
        cmocka_unit_test(a_host_that_waits_sleeps),
    };
    return cmocka_run_group_tests_name("vfio", tests, NULL, NULL);
}
