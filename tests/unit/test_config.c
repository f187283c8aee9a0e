/* test_config: what the configuration takes, what it refuses, and how it says so. */
#include "host/base/err.h"
#include "host/bpf/steer.h"
#include "tests/unit/market.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int parse(const char *text, struct config *config) {
    return config_parse("test.yaml", (const uint8_t *)text, strlen(text), config);
}

static void every_key_arrives(void **state) {
    (void)state;
    struct config config;
    assert_int_equal(parse(market_yaml, &config), 0);
    assert_string_equal(config.listen, "127.0.0.1");
    assert_string_equal(config.journal, "j");
    assert_int_equal(config.card, CONFIG_CARD_SOFT);
    assert_false(config.asynchronous);
    assert_int_equal(config.symbol_count, 4);
    assert_int_equal(config.symbols[1].base_e4, 50000);
    assert_int_equal(config.symbols[1].tick_e4, 500);
    assert_int_equal(config.symbols[1].lot, 100);
    assert_int_equal(config.symbols[0].reference, 32);
    assert_int_equal(config.symbols[3].state, SYMBOL_STATE_HALTED);
    assert_string_equal(config.firms[1].ouch_firm, "F2");
    assert_int_equal(config.accounts[1].firm, 1);
    assert_int_equal(config.accounts[1].currency, 840);
    assert_int_equal(config.accounts[1].order_notional_e4, INT64_C(1000000000));
    assert_int_equal(config.accounts[1].exception_count, 1);
    assert_int_equal(config.accounts[1].exceptions[0].symbol, 0);
    assert_int_equal(config.accounts[1].exceptions[0].position.locate, 3000);
    assert_string_equal(config.sessions[1].password, "pb");
    assert_int_equal(config.sessions[2].account, 0);
    assert_true(config.sessions[1].cancel_on_disconnect);
    config_free(&config);
}

/* The text with one piece of it exchanged. */
static char *exchanged(const char *from, const char *to) {
    const char *at = strstr(market_yaml, from);
    assert_non_null(at);
    char *text = calloc(1, sizeof market_yaml + strlen(to));
    assert_non_null(text);
    memcpy(text, market_yaml, (size_t)(at - market_yaml));
    strcat(text, to);
    strcat(text, at + strlen(from));
    return text;
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *said;
    } row[] = {
        { "port: 0", "port: 65536", "port" },
        { "port: 0", "port: zero", "port" },
        { "port: 0", "port: 0, prot: 1", "prot" },
        { "port: 0, ", "", "port" },
        { "durability: sync", "durability: maybe", "durability" },
        { "listen: 127.0.0.1", "listen: localhost", "gateway, listen: \"localhost\"" },
        { "card: soft", "card: soft, transport: pigeon", "transport" },
        { "card: soft", "card: soft, nic: {port: af_xpd}", "port" },
        { "card: soft", "card: soft, nic: {interface: eth0}", "port" },
        { "card: soft", "card: soft, nic: {port: tap, interface: wirepit012345678}", "interface" },
        { "card: soft", "card: soft, nic: {port: tap, netmask: 24}",
          "gateway, nic, netmask: \"24\"" },
        { "card: soft", "card: soft, nic: {port: tap, router: x}", "gateway, nic, router: \"x\"" },
        { "card: soft", "card: soft, nic: {port: tap, mac: '02:00:00:00:00'}",
          "gateway, nic, mac" },
        { "card: soft", "card: soft, nic: {port: tap, mac: '02:00:00:00:00:1'}", "nic, mac" },
        { "card: soft", "card: soft, nic: {port: tap, mac: '02:00:00:00:00:01 '}", "nic, mac" },
        { "card: soft", "card: soft, nic: {port: tap, mac: '01:00:00:00:00:01'}", "of one host" },
        { "card: soft", "card: soft, nic: {port: tap, mac: '00:00:00:00:00:00'}", "of one host" },
        { "card: soft",
          "card: soft, nic: {port: tap, neighbours: [{address: 1, mac: '02:00:00:00:00:01'}]}",
          "neighbours, entry 1, address" },
        { "card: soft", "card: soft, nic: {port: tap, neighbours: [{address: 1.2.3.4, mac: a}]}",
          "neighbours, entry 1, mac" },
        { "card: soft", "card: soft, nic: {port: af_xdp, allow: []}", "allow" },
        { "card: soft", "card: soft, nic: {port: af_xdp, allow: 10.77.0.0/24}", "allow" },
        { "card: soft", "card: soft, nic: {port: af_xdp, allow: [10.77.0.0/24, 10.77.0.1/24]}",
          "gateway, nic, allow, entry 2: " },
        { "card: soft", "card: soft, nic: {port: af_xdp, allow: [10.77.0.0/33]}",
          "gateway, nic, allow, entry 1: " },
        { "card: soft", "card: soft, nic: {port: af_xdp, allow: [here]}",
          "gateway, nic, allow, entry 1: " },
        { "card: soft", "card: soft, nic: {port: af_xdp, limits: {syns: 1}}", "syns" },
        { "card: soft", "card: soft, nic: {port: af_xdp, limits: {source_packets: -1}}",
          "source_packets" },
        { "card: soft", "card: soft, nic: {port: af_xdp, limits: {source_packets: 10000001}}",
          "gateway, nic, limits, source_packets: 10000001 is not between 0 and 10000000" },
        { "card: soft", "card: soft, nic: {port: af_xdp, limits: {source_burst: 0}}",
          "limits, source_burst: 0" },
        { "card: soft", "card: soft, nic: {port: af_xdp, limits: {source_burst: 1000001}}",
          "limits, source_burst: 1000001" },
        { "card: soft", "card: soft, nic: {port: af_xdp, limits: {source_syns: 10000001}}",
          "limits, source_syns" },
        { "card: soft", "card: soft, nic: {port: af_xdp, limits: {all_syns: 10000001}}",
          "limits, all_syns" },
        { "card: soft", "card: tram", "tram" },
        { "card: soft", "card: bus, card_socket: ''", "card_socket" },
        { "card: soft", "card: vfio, card_address: '03:00.0'", "lspci -D" },
        { "card: soft", "card: vfio, card_iommu: maybe", "card_iommu" },
        { "card: soft", "card: soft, soft_orders: 3", "gateway, soft_orders: 3" },
        { "card: soft", "card: soft, soft_orders: 1", "soft_orders: 1" },
        { "card: soft", "card: soft, soft_orders: 2097152", "soft_orders: 2097152" },
        { "card: soft", "card: soft, journal_file: 1048575", "gateway, journal_file: 1048575" },
        { "card: soft", "card: soft, journal_file: 1099511627777", "journal_file: 1099511627777" },
        { "name: ABC", "name: ABCDEFGHI", "name" },
        { "name: ABC", "name: ''", "name" },
        { "name: ABC", "name: 'A C'", "symbols, entry 1, name" },
        { "name: LOTS", "name: ABC", "symbols, entry 2, name: \"ABC\" is there already" },
        { "base: '90.00'", "base: '90.00001'", "symbols, entry 1, base: \"90.00001\" has more" },
        { "base: '90.00'", "base: '-1'", "symbols, entry 1, base" },
        { "base: '90.00'", "base: '214748.3648'", "symbols, entry 1, base" },
        { "tick: '0.01'", "tick: '0'", "symbols, entry 1, tick" },
        { "tick: '0.05'", "tick: '104.8576'", "symbols, entry 2, tick" },
        { "reference: '90.32'", "reference: '90.325'", "symbols, entry 1, reference" },
        { "reference: '90.32'", "reference: '89.99'", "symbols, entry 1, reference" },
        { "reference: '90.32'", "reference: '130.96'", "symbols, entry 1, reference" },
        { "lot: 100", "lot: 0", "symbols, entry 2, lot" },
        { "lot: 100", "lot: 65536", "symbols, entry 2, lot" },
        { "collar: 63", "collar: 4096", "symbols, entry 1, collar" },
        { "state: closed", "state: ajar", "state" },
        { "ouch_firm: F2", "ouch_firm: F1", "firms, entry 2, ouch_firm" },
        { "ouch_firm: F2", "ouch_firm: TOOLONG", "ouch_firm" },
        { "firm: f2, currency: USD", "firm: f3, currency: USD", "accounts, entry 2, firm: \"f3\"" },
        { "currency: USD", "currency: XXX", "accounts, entry 1, currency" },
        { "order_quantity: 5,", "order_quantity: 1000000,", "accounts, entry 3, order_quantity" },
        { "order_notional: '100000'", "order_notional: 'much'",
          "accounts, entry 1, order_notional" },
        { "buying_power: '1000000'", "buying_power: '922337203685477.5808'", "buying_power" },
        { "{symbol: ABC, long", "{symbol: XYZ, long",
          "accounts, entry 2, positions, entry 1, symbol" },
        { "long: 5000", "long: 70368744177665", "accounts, entry 1, long" },
        { "username: bob", "username: alice", "sessions, entry 2, username" },
        { "username: bob", "username: bobbobb", "username" },
        { "firm: f2, account: a2", "firm: f2, account: a1", "belongs to another firm" },
        { "firm: f2, account: a2", "firm: f2, account: a9", "sessions, entry 2, account: \"a9\"" },
        { "order_quantity: 5,", "order_quantity: 5, open_orders: 1048576,",
          "accounts, entry 3, open_orders: 1048576 is not between 0 and 1048575" },
        { "order_quantity: 5,", "order_quantity: 5, open_notional: '230584300921369.3952',",
          "accounts, entry 3, open_notional" },
        { "order_quantity: 5,", "order_quantity: 5, daily_notional: '230584300921369.3952',",
          "accounts, entry 3, daily_notional" },
        { "order_quantity: 5,", "order_quantity: 5, daily_notional: '-1',", "daily_notional" },
        { "order_quantity: 5,", "order_quantity: 5, rate_interval_ns: 4294967296,",
          "rate_interval_ns" },
        { "order_quantity: 5,", "order_quantity: 5, rate_burst_ns: 4294967296,", "rate_burst_ns" },
        { "order_quantity: 5,", "order_quantity: 5, duplicate_ns: 4294967296,", "duplicate_ns" },
        { "order_quantity: 5,", "order_quantity: 5, duplicate_ns: -1,", "duplicate_ns" },
        { "order_quantity: 5,", "order_quantity: 5, self_trade: smallest,", "self_trade" },
        { "sessions:", "sessions: []\nothers:", "sessions" },
        { "firms:", "firms: [", "firms" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct config config;
        char *text = exchanged(row[i].from, row[i].to);
        print_message("%s\n", row[i].to);
        assert_int_equal(parse(text, &config), -EINVAL);
        print_message("    %s\n", err_text());
        assert_memory_equal(err_text(), "test.yaml: ", 11);
        if (i + 1 < sizeof row / sizeof *row) assert_non_null(strstr(err_text(), row[i].said));
        assert_null(config.symbols);
        free(text);
    }
}

static void the_largest_values_pass(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
    } row[] = {
        { "port: 0", "port: 65535" },
        { "base: '90.00', tick: '0.01', lot: 1, reference: '90.32'",
          "base: '214748.3647', tick: '104.8575', lot: 65535" },
        { "reference: '90.32'", "reference: '130.95'" },
        { "collar: 63", "collar: 4095" },
        { "order_quantity: 5,", "order_quantity: 999999," },
        { "buying_power: '1000000'", "buying_power: '922337203685477.5807'" },
        { "order_notional: '100000'", "order_notional: '225179981368.5247'" },
        { "long: 5000", "long: 70368744177664" },
        { "order_quantity: 5,", "order_quantity: 5, open_orders: 1048575," },
        { "order_quantity: 5,",
          "order_quantity: 5, open_notional: '230584300921369.3951', daily_notional: "
          "'230584300921369.3951'," },
        { "order_quantity: 5,", "order_quantity: 5, rate_interval_ns: 4294967295, rate_burst_ns: "
                                "4294967295, duplicate_ns: 4294967295," },
        { "card: soft", "card: sim, soft_orders: 1048576" },
        { "card: soft", "card: bus" },
        { "card: soft", "card: soft, nic: {port: af_xdp, limits: {source_packets: 10000000, "
                        "source_burst: 1000000}}" },
        { "card: soft",
          "card: soft, nic: {port: af_xdp, limits: {source_packets: 0, source_burst: 1}}" },
        { "card: soft",
          "card: soft, nic: {port: af_xdp, limits: {source_syns: 10000000, all_syns: 10000000}}" },
        { "card: soft", "card: soft, nic: {port: af_xdp, allow: [0.0.0.0/0, 10.77.0.1/32]}" },
        { "card: soft", "card: bus, card_socket: /run/wirepit/card.socket" },
        { "card: soft", "card: vfio" }, /* the address may come on the command line */
        { "card: soft", "card: vfio, card_address: '0000:03:00.0', card_iommu: 'off'" },
        { "card: soft", "card: soft, journal_file: 1048576" },
        { "card: soft", "card: soft, journal_file: 1099511627776" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct config config;
        char *text = exchanged(row[i].from, row[i].to);
        if (parse(text, &config) != 0) fail_msg("%s", err_text());
        config_free(&config);
        free(text);
    }
}

static void decimals_become_integers_exactly(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t max, value; /* -1: refused */
    } row[] = {
        { "585.33", INT64_MAX, 5853300 },
        { "0", 0, 0 },
        { "0.0001", 1, 1 },
        { "0.0001", 0, -1 },
        { "1", 10000, 10000 },
        { "1", 9999, -1 },
        { "1.2345", 99999, 12345 },
        { "1.23456", 99999, -1 },
        { "", 1, -1 },
        { ".", 1, -1 },
        { ".5", 10000, -1 },
        { "5.", 100000, -1 },
        { "1.2.3", 100000, -1 },
        { "+1", 100000, -1 },
        { " 1", 100000, -1 },
        { "1e3", INT64_MAX, -1 },
        { "922337203685477.5807", INT64_MAX, INT64_MAX },
        { "922337203685477.5808", INT64_MAX, -1 },
        { "99999999999999999999", INT64_MAX, -1 },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int64_t value = -1;
        int code = config_decimal(row[i].text, row[i].max, &value);
        assert_int_equal(code, row[i].value < 0 ? -EINVAL : 0);
        assert_int_equal(value, row[i].value);
    }
}

static void the_digest_tells_what_a_journal_depends_on(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        bool same;
    } row[] = {
        { "port: 0", "port: 1", true },
        { "password: pb", "password: other", true },
        { "card: soft",
          "card: soft, nic: {port: af_xdp, allow: [10.77.0.2], limits: {all_syns: 1}}", true },
        { "cancel_on_disconnect: true", "cancel_on_disconnect: false", true },
        { "tick: '0.01'", "tick: '0.02'", false },
        { "name: SHUT", "name: SHUX", false },
        { "locate: 3000", "locate: 3001", false },
        { "username: bob", "username: rob", false },
        { "buying_power: '1000000'", "buying_power: '1000001'", false },
        { "state: closed", "state: auction", false },
        { "order_quantity: 5,", "order_quantity: 5, open_orders: 1048575,",
          true }, /* the default */
        { "order_quantity: 5,", "order_quantity: 5, open_orders: 1048574,", false },
        { "order_quantity: 5,", "order_quantity: 5, open_notional: '1',", false },
        { "order_quantity: 5,", "order_quantity: 5, daily_notional: '1',", false },
        { "order_quantity: 5,", "order_quantity: 5, rate_interval_ns: 1,", false },
        { "order_quantity: 5,", "order_quantity: 5, rate_burst_ns: 1,", false },
        { "order_quantity: 5,", "order_quantity: 5, duplicate_ns: 1,", false },
        { "order_quantity: 5,", "order_quantity: 5, self_trade: none,", true },
        { "order_quantity: 5,", "order_quantity: 5, self_trade: newest,", false },
    };
    struct config config;
    assert_int_equal(parse(market_yaml, &config), 0);
    uint64_t digest = config_digest(&config);
    config_free(&config);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char *text = exchanged(row[i].from, row[i].to);
        assert_int_equal(parse(text, &config), 0);
        assert_int_equal(config_digest(&config) == digest, row[i].same);
        config_free(&config);
        free(text);
    }
}

static void a_card_that_is_too_small_is_refused(void **state) {
    (void)state;
    static const struct card_size fits = {
        .symbols = 4, .accounts = 4, .orders = 64, .levels = 64
    };
    struct card_size size = fits;
    struct config config;
    struct setup setup;
    assert_int_equal(parse(market_yaml, &config), 0);
    assert_int_equal(setup_make(&config, &size, &setup), 0);
    setup_free(&setup);
    size.symbols = 2;
    assert_int_equal(setup_make(&config, &size, &setup), -EINVAL);
    assert_non_null(strstr(err_text(), "4 symbols"));
    size = fits;
    size.accounts = 2;
    assert_int_equal(setup_make(&config, &size, &setup), -EINVAL);
    assert_non_null(strstr(err_text(), "3 accounts"));
    size = fits;
    config.symbols[0].collar = 64;
    assert_int_equal(setup_make(&config, &size, &setup), -EINVAL);
    config.symbols[0].collar = 63;
    config.symbols[0].reference = 64;
    assert_int_equal(setup_make(&config, &size, &setup), -EINVAL);
    config.symbols[0].reference = 63;
    assert_int_equal(setup_make(&config, &size, &setup), 0);
    setup_free(&setup);
    config_free(&config);
}

/* The value that setup gives a field of the third account. */
static int64_t set_to(const struct setup *setup, uint8_t field) {
    int64_t value = -1;
    for (uint32_t i = 0; i < setup->count; i++)
        if (setup->commands[i].opcode == OPCODE_ACCOUNT && setup->commands[i].account == 2 &&
            setup->commands[i].field == field)
            value = setup->commands[i].value;
    return value;
}

/* What an account may leave out: nothing is limited then. */
static void what_an_account_leaves_out_limits_nothing(void **state) {
    (void)state;
    static const struct {
        uint8_t field;
        int64_t without, with;
    } row[] = {
        { ROW_ACCOUNT_OPEN_MAX, 0xfffff, 7 },
        { ROW_ACCOUNT_GROSS_MAX_E4, 0x1fffffffffffffff, 80001 },
        { ROW_ACCOUNT_DAILY_MAX_E4, 0x1fffffffffffffff, 90000 },
        { ROW_ACCOUNT_RATE_INTERVAL_NS, 0, 10 },
        { ROW_ACCOUNT_RATE_BURST_NS, 0, 11 },
        { ROW_ACCOUNT_DUPLICATE_NS, 0, 12 },
        { ROW_ACCOUNT_SELF_TRADE, SELF_TRADE_NONE, SELF_TRADE_DECREMENT },
    };
    static const struct {
        const char *name;
        uint8_t mode;
    } modes[] = { { "none", SELF_TRADE_NONE },
                  { "newest", SELF_TRADE_NEWEST },
                  { "oldest", SELF_TRADE_OLDEST },
                  { "both", SELF_TRADE_BOTH } };
    struct config config;
    struct setup setup;
    assert_int_equal(parse(market_yaml, &config), 0);
    assert_int_equal(setup_make(&config, &market_size, &setup), 0);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(set_to(&setup, row[i].field), row[i].without);
    setup_free(&setup);
    config_free(&config);

    char *text =
        exchanged("order_quantity: 5,", "order_quantity: 5, open_orders: 7, open_notional: "
                                        "'8.0001', daily_notional: '9', rate_interval_ns: 10, "
                                        "rate_burst_ns: 11, duplicate_ns: 12, self_trade: "
                                        "decrement,");
    assert_int_equal(parse(text, &config), 0);
    assert_int_equal(setup_make(&config, &market_size, &setup), 0);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(set_to(&setup, row[i].field), row[i].with);
    setup_free(&setup);
    config_free(&config);
    free(text);

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        char with[64];
        (void)snprintf(with, sizeof with, "order_quantity: 5, self_trade: %s,", modes[i].name);
        text = exchanged("order_quantity: 5,", with);
        assert_int_equal(parse(text, &config), 0);
        assert_int_equal(config.accounts[2].self_trade, modes[i].mode);
        config_free(&config);
        free(text);
    }
}

static void a_symbol_may_begin_in_its_auction(void **state) {
    (void)state;
    struct config config;
    char *text = exchanged("state: closed", "state: auction");
    assert_int_equal(parse(text, &config), 0);
    assert_int_equal(config.symbols[2].state, SYMBOL_STATE_AUCTION);
    config_free(&config);
    free(text);
}

static void the_example_is_right(void **state) {
    (void)state;
    static const struct card_size size = {
        .symbols = 64, .accounts = 256, .orders = 65536, .levels = 4096
    };
    struct config config;
    struct setup setup;
    if (config_load("host/package/wirepit.yaml", &config) != 0) fail_msg("%s", err_text());
    assert_int_equal(config.symbol_count, 19);
    assert_int_equal(config.session_count, 16);
    assert_int_equal(setup_make(&config, &size, &setup), 0);
    setup_free(&setup);
    config_free(&config);
    assert_int_equal(config_load("host/package/none.yaml", &config), -ENOENT);
    assert_non_null(strstr(err_text(), "--config"));
}

static void the_network_is_as_the_file_says_and_options_win(void **state) {
    (void)state;
    static const uint8_t mac[] = { 2, 0, 0, 0, 0, 0x1f };
    struct config config;
    char *text =
        exchanged("card: soft", "card: soft, transport: lwip, nic: {port: af_packet, interface: "
                                "wirepit01234567, netmask: 255.255.0.0, router: 10.77.0.254, mac: "
                                "'02:00:00:00:00:1f', eal: '--log-level=debug', neighbours: "
                                "[{address: 10.77.0.2, mac: '02:00:00:00:00:1F'}]}");
    assert_int_equal(parse(text, &config), 0);
    assert_int_equal(config.transport, CONFIG_TRANSPORT_LWIP);
    assert_int_equal(config.nic.port, DPDK_AF_PACKET);
    assert_string_equal(config.nic.interface, "wirepit01234567");
    assert_int_equal(ntohl(config.nic.netmask), 0xffff0000);
    assert_int_equal(ntohl(config.nic.router), 0x0a4d00fe);
    assert_true(config.nic.mac_given);
    assert_memory_equal(config.nic.mac, mac, sizeof mac);
    assert_string_equal(config.nic.eal, "--log-level=debug");
    assert_int_equal(config.nic.neighbour_count, 1);
    assert_int_equal(ntohl(config.nic.neighbours[0].address), 0x0a4d0002);
    assert_memory_equal(config.nic.neighbours[0].mac, mac, sizeof mac);
    assert_int_equal(config_check_network(&config), 0);

    assert_int_equal(config_set(&config, CONFIG_SET_LISTEN, "10.77.0.1"), 0);
    assert_string_equal(config.listen, "10.77.0.1");
    assert_int_equal(config_set(&config, CONFIG_SET_LISTEN, "here"), -EINVAL);
    assert_string_equal(config.listen, "10.77.0.1");
    assert_int_equal(config_set(&config, CONFIG_SET_NIC, "eal"), 0);
    assert_int_equal(config_set(&config, CONFIG_SET_NIC, "ether"), -EINVAL);
    assert_non_null(strstr(err_text(), "\"ether\" is none of auto, af_xdp, af_packet, tap, eal"));
    assert_int_equal(config_set(&config, CONFIG_SET_EAL, ""), 0);
    assert_int_equal(config_check_network(&config), -EINVAL); /* which NIC? */
    assert_int_equal(config_set(&config, CONFIG_SET_NIC, "af_xdp"), 0);
    assert_int_equal(config_set(&config, CONFIG_SET_INTERFACE, "wirepit012345678"), -EINVAL);
    assert_int_equal(config_set(&config, CONFIG_SET_INTERFACE, ""), 0);
    assert_int_equal(config_check_network(&config), -EINVAL);
    assert_non_null(strstr(err_text(), "--interface"));
    assert_int_equal(config_set(&config, CONFIG_SET_TRANSPORT, "kernel"), 0);
    assert_int_equal(config_check_network(&config), 0);
    config_free(&config);
    free(text);

    assert_int_equal(parse(market_yaml, &config), 0); /* without a word of it */
    assert_int_equal(config.transport, CONFIG_TRANSPORT_KERNEL);
    assert_int_equal(ntohl(config.nic.netmask), 0xffffff00);
    config_free(&config);
}

static void who_is_let_in_and_how_often_is_as_the_file_says(void **state) {
    (void)state;
    const struct steer_limits usual = STEER_LIMITS_DEFAULT;
    struct config config;
    assert_int_equal(parse(market_yaml, &config), 0); /* without a word of it */
    assert_int_equal(config.nic.allowed_count, 0);
    assert_memory_equal(&config.nic.limits, &usual, sizeof usual);
    config_free(&config);

    char *text = exchanged("card: soft",
                           "card: soft, transport: lwip, nic: {port: af_xdp, interface: wirepit0, "
                           "allow: [10.77.0.0/24, 10.78.0.9], limits: {source_packets: 5000, "
                           "source_burst: 6000, source_syns: 7, all_syns: 0}}");
    assert_int_equal(parse(text, &config), 0);
    free(text);
    assert_int_equal(config.nic.allowed_count, 2);
    assert_int_equal(ntohl(config.nic.allowed[0].address.s_addr), 0x0a4d0000);
    assert_int_equal(config.nic.allowed[0].bits, 24);
    assert_int_equal(ntohl(config.nic.allowed[1].address.s_addr), 0x0a4e0009);
    assert_int_equal(config.nic.allowed[1].bits, 32);
    assert_int_equal(config.nic.limits.source_packets.per_second, 5000);
    assert_int_equal(config.nic.limits.source_packets.burst, 6000);
    assert_int_equal(config.nic.limits.source_syns.per_second, 7);
    assert_int_equal(config.nic.limits.source_syns.burst, usual.source_syns.burst);
    assert_int_equal(config.nic.limits.all_syns.per_second, 0);
    assert_int_equal(config.nic.limits.all_arps.per_second, usual.all_arps.per_second);

    /* A list that nobody would keep to is refused. */
    static const char *const ports[] = { "auto", "af_xdp", "af_packet", "tap", "eal" };
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        assert_int_equal(config_set(&config, CONFIG_SET_NIC, ports[i]), 0);
        assert_int_equal(config_check_network(&config), i < 2 ? 0 : -EINVAL);
        if (i >= 2) assert_non_null(strstr(err_text(), "gateway, nic, allow: "));
    }
    assert_int_equal(config_set(&config, CONFIG_SET_NIC, "af_xdp"), 0);
    assert_int_equal(config_set(&config, CONFIG_SET_TRANSPORT, "kernel"), 0);
    assert_int_equal(config_check_network(&config), -EINVAL);
    config_free(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_arrives),
        cmocka_unit_test(the_network_is_as_the_file_says_and_options_win),
        cmocka_unit_test(who_is_let_in_and_how_often_is_as_the_file_says),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(the_largest_values_pass),
        cmocka_unit_test(decimals_become_integers_exactly),
        cmocka_unit_test(the_digest_tells_what_a_journal_depends_on),
        cmocka_unit_test(a_card_that_is_too_small_is_refused),
        cmocka_unit_test(what_an_account_leaves_out_limits_nothing),
        cmocka_unit_test(a_symbol_may_begin_in_its_auction),
        cmocka_unit_test(the_example_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
