#include "host/gateway/config.h"
#include "driver/abi/abi.h"
#include "driver/pci.h"
#include "host/base/err.h"
#include "host/bpf/steer.h"
#include <arpa/inet.h>
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- What the file says, as libcyaml hands it over ---- */

struct raw_neighbour {
    char *address, *mac;
};

/* NULL for what is not said. */
struct raw_limits {
    uint32_t *source_packets, *source_burst, *source_syns, *all_syns;
};

struct raw_nic {
    char *interface, *netmask, *router, *mac, *eal;
    enum dpdk_port port;
    struct raw_neighbour *neighbours;
    char **allow;
    struct raw_limits *limits;
    unsigned neighbours_count, allow_count;
};

struct raw_gateway {
    char *listen, *journal, *card_socket, *card_address, *control, *firmware_key;
    uint16_t port;
    int durability;
    enum config_card card;
    int card_no_iommu;
    uint32_t soft_orders;
    uint64_t journal_file;
    enum config_transport transport;
    struct raw_nic *nic;
};

struct raw_symbol {
    char *name, *base, *tick, *reference;
    uint32_t lot, collar;
    int state;
};

struct raw_firm {
    char *name, *ouch_firm;
};

struct raw_exception {
    char *symbol;
    uint64_t long_max, short_max, locate;
};

struct raw_account {
    char *name, *ouch_firm, *firm, *currency, *order_notional, *buying_power;
    char *open_notional, *daily_notional; /* NULL for what is not said, as is open_orders */
    uint32_t order_quantity, *open_orders;
    uint32_t rate_interval_ns, rate_burst_ns, duplicate_ns;
    int self_trade;
    uint64_t long_max, short_max, locate;
    struct raw_exception *exceptions;
    unsigned exceptions_count;
};

struct raw_session {
    char *username, *password, *firm, *account;
    bool cancel_on_disconnect;
};

struct raw {
    struct raw_gateway gateway;
    struct raw_symbol *symbols;
    struct raw_firm *firms;
    struct raw_account *accounts;
    struct raw_session *sessions;
    unsigned symbols_count, firms_count, accounts_count, sessions_count;
};

// clang-format off
/* A string that is not empty, an integer, one of some words, a list. */
#define TEXT(type, key, longest)          CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER, struct type, key, 1, longest)
#define TEXT_OPTIONAL(type, key, longest) CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct type, key, 1, longest)
#define NUMBER(type, key, field)          CYAML_FIELD_UINT(key, CYAML_FLAG_DEFAULT, struct type, field)
#define NUMBER_OPTIONAL(type, key)        CYAML_FIELD_UINT_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct type, key)
#define NUMBER_OR_ZERO(type, key)         CYAML_FIELD_UINT(#key, CYAML_FLAG_OPTIONAL, struct type, key)
#define CHOICE(type, key, strings)        CYAML_FIELD_ENUM(#key, CYAML_FLAG_STRICT, struct type, key, strings, CYAML_ARRAY_LEN(strings))
#define LIST(record, label, field, least, schema) \
    { .key = label, .value = { .type = CYAML_SEQUENCE, .flags = CYAML_FLAG_POINTER | ((least) ? 0 : CYAML_FLAG_OPTIONAL), \
      .data_size = sizeof *((struct record *)0)->field, .sequence = { .entry = &(schema), .min = (least), .max = CONFIG_ROWS_MAX } }, \
      .data_offset = offsetof(struct record, field), .count_size = sizeof ((struct record *)0)->field##_count, \
      .count_offset = offsetof(struct record, field##_count) }

enum { DECIMAL_BYTES = 24 };

static const cyaml_strval_t durability_names[] = { { "sync", 0 }, { "async", 1 } };
static const cyaml_strval_t card_names[]       = { { "sim", CONFIG_CARD_SIM }, { "soft", CONFIG_CARD_SOFT }, { "bus", CONFIG_CARD_BUS },
                                                   { "vfio", CONFIG_CARD_VFIO } };
static const cyaml_strval_t iommu_names[]      = { { "on", 0 }, { "off", 1 } };
static const cyaml_strval_t state_names[]      = { { "closed", SYMBOL_STATE_CLOSED }, { "auction", SYMBOL_STATE_AUCTION },
                                                   { "open", SYMBOL_STATE_OPEN }, { "halted", SYMBOL_STATE_HALTED } };
static const cyaml_strval_t self_trade_names[] = { { "none", SELF_TRADE_NONE }, { "newest", SELF_TRADE_NEWEST }, { "oldest", SELF_TRADE_OLDEST },
                                                   { "both", SELF_TRADE_BOTH }, { "decrement", SELF_TRADE_DECREMENT } };

static const cyaml_strval_t transport_names[]  = { { "kernel", CONFIG_TRANSPORT_KERNEL }, { "lwip", CONFIG_TRANSPORT_LWIP } };
static const cyaml_strval_t port_names[]       = { { "auto", DPDK_AUTO }, { "af_xdp", DPDK_AF_XDP }, { "af_packet", DPDK_AF_PACKET },
                                                   { "tap", DPDK_TAP }, { "eal", DPDK_EAL } };

static const cyaml_schema_field_t neighbour_fields[] = {
    TEXT(raw_neighbour, address, CONFIG_NAME_BYTES),
    TEXT(raw_neighbour, mac, CONFIG_NAME_BYTES),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t neighbour_value = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_neighbour, neighbour_fields) };

static const cyaml_schema_field_t limits_fields[] = {
    NUMBER_OPTIONAL(raw_limits, source_packets),
    NUMBER_OPTIONAL(raw_limits, source_burst),
    NUMBER_OPTIONAL(raw_limits, source_syns),
    NUMBER_OPTIONAL(raw_limits, all_syns),
    CYAML_FIELD_END
};

/* A list that is there has an entry: an empty one would let everybody in who reads it as nobody. */
static const cyaml_schema_value_t allow_value = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CONFIG_NAME_BYTES) };

static const cyaml_schema_field_t nic_fields[] = {
    CHOICE(raw_nic, port, port_names),
    TEXT_OPTIONAL(raw_nic, interface, CONFIG_INTERFACE_BYTES),
    TEXT_OPTIONAL(raw_nic, netmask, CONFIG_NAME_BYTES),
    TEXT_OPTIONAL(raw_nic, router, CONFIG_NAME_BYTES),
    TEXT_OPTIONAL(raw_nic, mac, CONFIG_NAME_BYTES),
    TEXT_OPTIONAL(raw_nic, eal, CONFIG_PATH_BYTES - 1),
    LIST(raw_nic, "neighbours", neighbours, 0, neighbour_value),
    CYAML_FIELD_SEQUENCE("allow", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw_nic, allow, &allow_value, 1, CONFIG_ROWS_MAX),
    CYAML_FIELD_MAPPING_PTR("limits", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw_nic, limits, limits_fields),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t gateway_fields[] = {
    TEXT(raw_gateway, listen, CONFIG_PATH_BYTES - 1),
    NUMBER(raw_gateway, "port", port),
    CHOICE(raw_gateway, durability, durability_names),
    TEXT(raw_gateway, journal, CONFIG_PATH_BYTES - 1),
    CHOICE(raw_gateway, card, card_names),
    TEXT_OPTIONAL(raw_gateway, card_socket, CONFIG_PATH_BYTES - 1),
    TEXT_OPTIONAL(raw_gateway, card_address, CONFIG_NAME_BYTES - 1),
    CYAML_FIELD_ENUM("card_iommu", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct raw_gateway, card_no_iommu, iommu_names, CYAML_ARRAY_LEN(iommu_names)),
    TEXT_OPTIONAL(raw_gateway, control, CONFIG_PATH_BYTES - 1),
    TEXT_OPTIONAL(raw_gateway, firmware_key, CONFIG_PATH_BYTES - 1),
    CYAML_FIELD_ENUM("transport", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct raw_gateway, transport, transport_names, CYAML_ARRAY_LEN(transport_names)),
    CYAML_FIELD_MAPPING_PTR("nic", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw_gateway, nic, nic_fields),
    NUMBER_OR_ZERO(raw_gateway, soft_orders),
    NUMBER_OR_ZERO(raw_gateway, journal_file),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t symbol_fields[] = {
    TEXT(raw_symbol, name, CONFIG_SYMBOL_BYTES),
    TEXT(raw_symbol, base, DECIMAL_BYTES),
    TEXT(raw_symbol, tick, DECIMAL_BYTES),
    NUMBER(raw_symbol, "lot", lot),
    TEXT_OPTIONAL(raw_symbol, reference, DECIMAL_BYTES),
    NUMBER(raw_symbol, "collar", collar),
    CHOICE(raw_symbol, state, state_names),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t symbol_value = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_symbol, symbol_fields) };

static const cyaml_schema_field_t firm_fields[] = {
    TEXT(raw_firm, name, CONFIG_NAME_BYTES),
    TEXT(raw_firm, ouch_firm, CONFIG_FIRM_BYTES),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t firm_value = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_firm, firm_fields) };

static const cyaml_schema_field_t exception_fields[] = {
    TEXT(raw_exception, symbol, CONFIG_SYMBOL_BYTES),
    NUMBER(raw_exception, "long", long_max),
    NUMBER(raw_exception, "short", short_max),
    NUMBER(raw_exception, "locate", locate),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t exception_value = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_exception, exception_fields) };

static const cyaml_schema_field_t account_fields[] = {
    TEXT(raw_account, name, CONFIG_NAME_BYTES),
    TEXT_OPTIONAL(raw_account, ouch_firm, CONFIG_FIRM_BYTES),
    TEXT(raw_account, firm, CONFIG_NAME_BYTES),
    TEXT(raw_account, currency, 3),
    NUMBER(raw_account, "order_quantity", order_quantity),
    TEXT(raw_account, order_notional, DECIMAL_BYTES),
    TEXT(raw_account, buying_power, DECIMAL_BYTES),
    NUMBER(raw_account, "long", long_max),
    NUMBER(raw_account, "short", short_max),
    NUMBER(raw_account, "locate", locate),
    NUMBER_OPTIONAL(raw_account, open_orders),
    TEXT_OPTIONAL(raw_account, open_notional, DECIMAL_BYTES),
    TEXT_OPTIONAL(raw_account, daily_notional, DECIMAL_BYTES),
    NUMBER_OR_ZERO(raw_account, rate_interval_ns),
    NUMBER_OR_ZERO(raw_account, rate_burst_ns),
    NUMBER_OR_ZERO(raw_account, duplicate_ns),
    CYAML_FIELD_ENUM("self_trade", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct raw_account, self_trade, self_trade_names, CYAML_ARRAY_LEN(self_trade_names)),
    LIST(raw_account, "positions", exceptions, 0, exception_value),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t account_value = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_account, account_fields) };

static const cyaml_schema_field_t session_fields[] = {
    TEXT(raw_session, username, CONFIG_USERNAME_BYTES),
    TEXT(raw_session, password, CONFIG_PASSWORD_BYTES),
    TEXT(raw_session, firm, CONFIG_NAME_BYTES),
    TEXT(raw_session, account, CONFIG_NAME_BYTES),
    CYAML_FIELD_BOOL("cancel_on_disconnect", CYAML_FLAG_DEFAULT, struct raw_session, cancel_on_disconnect),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t session_value = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_session, session_fields) };

static const cyaml_schema_field_t raw_fields[] = {
    CYAML_FIELD_MAPPING("gateway", CYAML_FLAG_DEFAULT, struct raw, gateway, gateway_fields),
    LIST(raw, "symbols", symbols, 1, symbol_value),
    LIST(raw, "firms", firms, 1, firm_value),
    LIST(raw, "accounts", accounts, 1, account_value),
    LIST(raw, "sessions", sessions, 1, session_value),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t raw_value = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, raw_fields) };
// clang-format on

/* ---- libcyaml's log, of which the first lines become the message ---- */

struct complaint {
    char text[400];
    size_t bytes;
};

static void complaint_add(cyaml_log_t level, void *context, const char *format, va_list arguments) {
    static const char task[] = "Load: ", places[] = "Backtrace:";
    struct complaint *complaint = context;
    char line[200];
    if (level < CYAML_LOG_ERROR || vsnprintf(line, sizeof line, format, arguments) < 0) return;
    const char *from = line;
    if (strncmp(from, task, sizeof task - 1) == 0) from += sizeof task - 1;
    if (strncmp(from, places, sizeof places - 1) == 0) return;
    /* One line: what is wrong, then where, innermost first. */
    from += strspn(from, " ");
    size_t room = sizeof complaint->text - complaint->bytes;
    int bytes = snprintf(complaint->text + complaint->bytes, room, "%s%.*s",
                         complaint->bytes == 0 ? "" : ", ", (int)strcspn(from, "\n"), from);
    if (bytes > 0) complaint->bytes += (size_t)bytes < room ? (size_t)bytes : room - 1;
}

static const cyaml_config_t *yaml_config(cyaml_config_t *config, struct complaint *complaint) {
    *config = (cyaml_config_t){ .log_fn = complaint_add,
                                .log_ctx = complaint,
                                .mem_fn = cyaml_mem,
                                .log_level = CYAML_LOG_ERROR,
                                .flags = CYAML_CFG_NO_ALIAS };
    return config;
}

/* ---- Values ---- */

int config_decimal(const char *text, int64_t max, int64_t *value_e4) {
    int64_t value = 0;
    int decimals = -1; /* -1 before the point */
    const char *at = text;
    for (; *at != 0; at++) {
        if (*at == '.' && decimals < 0 && at != text) {
            decimals = 0;
            continue;
        }
        if (*at < '0' || *at > '9')
            return err_set(-EINVAL, "\"%s\" is no decimal number such as 585.33", text);
        if (decimals >= 0 && ++decimals > 4)
            return err_set(-EINVAL, "\"%s\" has more than four decimals", text);
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value))
            return err_set(-EINVAL, "\"%s\" is too large", text);
    }
    if (at == text || decimals == 0)
        return err_set(-EINVAL, "\"%s\" is no decimal number such as 585.33", text);
    for (int i = decimals < 0 ? 0 : decimals; i < 4; i++)
        if (__builtin_mul_overflow(value, 10, &value))
            return err_set(-EINVAL, "\"%s\" is too large", text);
    if (value > max)
        return err_set(-EINVAL, "\"%s\" is above the largest, %lld.%04lld", text,
                       (long long)(max / 10000), (long long)(max % 10000));
    *value_e4 = value;
    return 0;
}

static int number_in(uint64_t value, uint64_t least, uint64_t most) {
    if (value >= least && value <= most) return 0;
    return err_set(-EINVAL, "%llu is not between %llu and %llu", (unsigned long long)value,
                   (unsigned long long)least, (unsigned long long)most);
}

/* A name is printable ASCII without blanks, quotes or signs that a log line or a frame pads with.
 */
static int name_copy(char *to, const char *from) {
    for (const char *at = from; *at != 0; at++)
        if (*at <= ' ' || *at > '~')
            return err_set(-EINVAL, "\"%s\" has a character that is not printable ASCII", from);
    memcpy(to, from, strlen(from) + 1); /* the schema bounds its length */
    return 0;
}

static int currency_number(const char *name, uint16_t *number) {
    static const struct {
        char name[4];
        uint16_t number;
    } currencies[] = { { "USD", 840 }, { "EUR", 978 }, { "GBP", 826 }, { "CHF", 756 },
                       { "JPY", 392 }, { "CNY", 156 }, { "CAD", 124 }, { "SEK", 752 } };
    for (size_t i = 0; i < sizeof currencies / sizeof *currencies; i++)
        if (strcmp(name, currencies[i].name) == 0) {
            *number = currencies[i].number;
            return 0;
        }
    return err_set(-EINVAL, "\"%s\" is none of USD EUR GBP CHF JPY CNY CAD SEK", name);
}

/* Puts "<list> <index>, <key>: " before the message that is kept. */
static int at_key(int code, const char *list, unsigned index, const char *key) {
    return err_wrap(code, "%s, entry %u, %s: ", list, index + 1, key);
}

/* FIND(list, count, field, text) is the index of the entry whose field is text, -1 without one. */
#define FIND(list, count, field, text)                  \
    find((const char *)(list), sizeof *(list), (count), \
         (size_t)((const char *)(list)->field - (const char *)(list)), (text))

static int find(const char *list, size_t size, uint32_t count, size_t field, const char *text) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(list + i * size + field, text) == 0) return (int)i;
    return -1;
}

static int already(const char *text) { return err_set(-EINVAL, "\"%s\" is there already", text); }

static int unknown(const char *text, const char *list) {
    return err_set(-EINVAL, "\"%s\" is none of the %s", text, list);
}

/* ---- From what the file says to what it means ---- */

#define TRY(call, list, index, key)                             \
    do {                                                        \
        int tried = (call);                                     \
        if (tried != 0) return at_key(tried, list, index, key); \
    } while (0)

static int address_read(const char *text, uint32_t *address) {
    struct in_addr parsed;
    if (inet_pton(AF_INET, text, &parsed) != 1)
        return err_set(-EINVAL, "\"%s\" is no IPv4 address", text);
    *address = parsed.s_addr;
    return 0;
}

/* A host's own address: not of a group, not zero. */
static int mac_read(const char *text, uint8_t mac[NIC_MAC_BYTES]) {
    unsigned part[NIC_MAC_BYTES], all = 0;
    int end = 0;
    int parts = sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &part[0], &part[1], &part[2], &part[3],
                       &part[4], &part[5], &end);
    if (parts != NIC_MAC_BYTES || end != 17 || text[end] != 0 ||
        strspn(text, "0123456789abcdefABCDEF:") != 17)
        return err_set(-EINVAL, "\"%s\" is no MAC address such as 02:00:00:00:00:01", text);
    for (int i = 0; i < NIC_MAC_BYTES; i++) {
        mac[i] = (uint8_t)part[i];
        all |= part[i];
    }
    if (all == 0 || (mac[0] & 1) != 0)
        return err_set(-EINVAL, "\"%s\" is not the MAC address of one host", text);
    return 0;
}

static int text_copy(char *to, size_t room, const char *from) {
    if (strlen(from) >= room)
        return err_set(-EINVAL, "\"%s\" is longer than %zu bytes", from, room - 1);
    memcpy(to, from, strlen(from) + 1);
    return 0;
}

static int choice_read(const cyaml_strval_t *names, size_t count, const char *text, int *value) {
    char list[128] = "";
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i].str, text) == 0) {
            *value = (int)names[i].val;
            return 0;
        }
        size_t at = strlen(list);
        (void)snprintf(list + at, sizeof list - at, "%s%s", i == 0 ? "" : ", ", names[i].str);
    }
    return err_set(-EINVAL, "\"%s\" is none of %s", text, list);
}

int config_set(struct config *config, enum config_setting setting, const char *text) {
    struct config_nic *nic = &config->nic;
    uint32_t address;
    int code, value = 0;
    switch (setting) {
    case CONFIG_SET_LISTEN:
        code = address_read(text, &address);
        return code != 0 ? code : text_copy(config->listen, sizeof config->listen, text);
    case CONFIG_SET_TRANSPORT:
        code = choice_read(transport_names, CYAML_ARRAY_LEN(transport_names), text, &value);
        if (code == 0) config->transport = (enum config_transport)value;
        return code;
    case CONFIG_SET_NIC:
        code = choice_read(port_names, CYAML_ARRAY_LEN(port_names), text, &value);
        if (code == 0) nic->port = (enum dpdk_port)value;
        return code;
    case CONFIG_SET_INTERFACE:
        return text_copy(nic->interface, sizeof nic->interface, text);
    case CONFIG_SET_NETMASK:
        return address_read(text, &nic->netmask);
    case CONFIG_SET_ROUTER:
        return address_read(text, &nic->router);
    case CONFIG_SET_MAC:
        code = mac_read(text, nic->mac);
        nic->mac_given = code == 0;
        return code;
    case CONFIG_SET_EAL:
        return text_copy(nic->eal, sizeof nic->eal, text);
    case CONFIG_SETTINGS:
        break;
    }
    return -EINVAL;
}

/* A list of who may send that nobody keeps to would be worse than none. */
static int check_allowed(const struct config *config) {
    bool steered = config->transport == CONFIG_TRANSPORT_LWIP &&
                   (config->nic.port == DPDK_AUTO || config->nic.port == DPDK_AF_XDP);
    if (config->nic.allowed_count == 0 || steered) return 0;
    return err_set(-EINVAL,
                   "gateway, nic, allow: only transport lwip on port af_xdp keeps others off; "
                   "use that, or take the list out and set up a firewall");
}

int config_check_network(const struct config *config) {
    int code = check_allowed(config);
    if (code != 0 || config->transport == CONFIG_TRANSPORT_KERNEL) return code;
    if (config->nic.port != DPDK_EAL && config->nic.interface[0] == 0)
        return err_set(-EINVAL, "transport lwip needs an interface for its port: "
                                "gateway, nic, interface, or --interface");
    if (config->nic.port == DPDK_EAL && config->nic.eal[0] == 0)
        return err_set(-EINVAL, "port eal needs EAL arguments that name the NIC: gateway, nic, "
                                "eal, or --eal \"-a 0000:03:00.0\"");
    return 0;
}

static int build_allowed(const struct raw_nic *raw, struct config_nic *nic) {
    if (raw->allow_count == 0) return 0;
    if (raw->allow_count > STEER_PREFIXES_MAX)
        return err_set(-EINVAL, "gateway, nic, allow: more than %d prefixes", STEER_PREFIXES_MAX);
    nic->allowed = calloc(raw->allow_count, sizeof *nic->allowed);
    if (nic->allowed == NULL) return err_set(-ENOMEM, "no memory for prefixes");
    nic->allowed_count = raw->allow_count;
    for (unsigned i = 0; i < raw->allow_count; i++) {
        int code = steer_prefix_parse(raw->allow[i], &nic->allowed[i]);
        if (code != 0) return err_wrap(code, "gateway, nic, allow, entry %u: ", i + 1);
    }
    return 0;
}

static int build_limits(const struct raw_limits *raw, struct steer_limits *limits) {
    const struct {
        const char *key;
        const uint32_t *given;
        uint32_t *limit, least, most;
    } row[] = {
        { "source_packets", raw->source_packets, &limits->source_packets.per_second, 0,
          STEER_RATE_MAX },
        { "source_burst", raw->source_burst, &limits->source_packets.burst, 1, STEER_BURST_MAX },
        { "source_syns", raw->source_syns, &limits->source_syns.per_second, 0, STEER_RATE_MAX },
        { "all_syns", raw->all_syns, &limits->all_syns.per_second, 0, STEER_RATE_MAX },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (row[i].given == NULL) continue;
        int code = number_in(*row[i].given, row[i].least, row[i].most);
        if (code != 0) return err_wrap(code, "gateway, nic, limits, %s: ", row[i].key);
        *row[i].limit = *row[i].given;
    }
    return 0;
}

static int build_nic(const struct raw_nic *raw, struct config *config) {
    const struct {
        const char *key, *text;
        enum config_setting setting;
    } given[] = { { "interface", raw->interface, CONFIG_SET_INTERFACE },
                  { "netmask", raw->netmask, CONFIG_SET_NETMASK },
                  { "router", raw->router, CONFIG_SET_ROUTER },
                  { "mac", raw->mac, CONFIG_SET_MAC },
                  { "eal", raw->eal, CONFIG_SET_EAL } };
    struct config_nic *nic = &config->nic;
    nic->port = raw->port;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        int code = given[i].text == NULL ? 0 : config_set(config, given[i].setting, given[i].text);
        if (code != 0) return err_wrap(code, "gateway, nic, %s: ", given[i].key);
    }
    int built = build_allowed(raw, nic);
    if (built == 0 && raw->limits != NULL) built = build_limits(raw->limits, &nic->limits);
    if (built != 0) return built;
    if (raw->neighbours_count > LWIP_NEIGHBOURS_MAX)
        return err_set(-EINVAL, "gateway, nic, neighbours: more than %d", LWIP_NEIGHBOURS_MAX);
    if (raw->neighbours_count == 0) return 0;
    nic->neighbours = calloc(raw->neighbours_count, sizeof *nic->neighbours);
    if (nic->neighbours == NULL) return err_set(-ENOMEM, "no memory for neighbours");
    nic->neighbour_count = raw->neighbours_count;
    for (unsigned i = 0; i < raw->neighbours_count; i++) {
        struct lwip_neighbour *neighbour = &nic->neighbours[i];
        TRY(address_read(raw->neighbours[i].address, &neighbour->address), "neighbours", i,
            "address");
        TRY(mac_read(raw->neighbours[i].mac, neighbour->mac), "neighbours", i, "mac");
    }
    return 0;
}

static int build_gateway(const struct raw_gateway *raw, struct config *config) {
    struct in_addr address;
    if (inet_pton(AF_INET, raw->listen, &address) != 1)
        return err_set(-EINVAL, "gateway, listen: \"%s\" is no IPv4 address", raw->listen);
    if (raw->soft_orders != 0 &&
        (raw->soft_orders < 2 || raw->soft_orders > 1u << LIMIT_SLOT_BITS ||
         (raw->soft_orders & (raw->soft_orders - 1)) != 0))
        return err_set(-EINVAL, "gateway, soft_orders: %u is no power of two from 2 to %u",
                       raw->soft_orders, 1u << LIMIT_SLOT_BITS);
    if (raw->journal_file != 0 && (raw->journal_file < CONFIG_JOURNAL_FILE_MIN ||
                                   raw->journal_file > CONFIG_JOURNAL_FILE_MAX))
        return err_set(-EINVAL, "gateway, journal_file: %llu is not between %lld and %lld bytes",
                       (unsigned long long)raw->journal_file, (long long)CONFIG_JOURNAL_FILE_MIN,
                       (long long)CONFIG_JOURNAL_FILE_MAX);
    (void)snprintf(config->listen, sizeof config->listen, "%s", raw->listen);
    (void)snprintf(config->journal, sizeof config->journal, "%s", raw->journal);
    config->port = raw->port;
    config->asynchronous = raw->durability == 1;
    if (raw->card_address != NULL && !pci_address_valid(raw->card_address))
        return err_set(-EINVAL,
                       "gateway, card_address: \"%s\": a PCI address reads 0000:03:00.0; lspci -D "
                       "lists them",
                       raw->card_address);
    config->card = raw->card;
    (void)snprintf(config->card_address, sizeof config->card_address, "%s",
                   raw->card_address != NULL ? raw->card_address : "");
    config->card_no_iommu = raw->card_no_iommu != 0;
    (void)snprintf(config->card_socket, sizeof config->card_socket, "%s",
                   raw->card_socket != NULL ? raw->card_socket : CONFIG_CARD_SOCKET);
    (void)snprintf(config->control, sizeof config->control, "%s",
                   raw->control != NULL ? raw->control : "");
    (void)snprintf(config->firmware_key, sizeof config->firmware_key, "%s",
                   raw->firmware_key != NULL ? raw->firmware_key : "");
    config->soft_orders = raw->soft_orders;
    config->journal_file = raw->journal_file;
    config->transport = raw->transport;
    config->nic.netmask = htonl(0xffffff00);
    config->nic.limits = STEER_LIMITS_DEFAULT;
    return raw->nic != NULL ? build_nic(raw->nic, config) : 0;
}

static int build_symbol(const struct raw_symbol *raw, unsigned i, struct config *config) {
    static const char list[] = "symbols";
    struct config_symbol *symbol = &config->symbols[i];
    int64_t base = 0, tick = 0, reference = 0;
    TRY(name_copy(symbol->name, raw->name), list, i, "name");
    if (FIND(config->symbols, i, name, raw->name) >= 0)
        return at_key(already(raw->name), list, i, "name");
    TRY(config_decimal(raw->base, LIMIT_PRICE_E4_MAX, &base), list, i, "base");
    TRY(config_decimal(raw->tick, LIMIT_TICK_E4_MAX, &tick), list, i, "tick");
    TRY(number_in((uint64_t)tick, 1, LIMIT_TICK_E4_MAX), list, i, "tick");
    TRY(number_in(raw->lot, 1, LIMIT_LOT_MAX), list, i, "lot");
    TRY(number_in(raw->collar, 0, (uint64_t)abi_row(TABLE_SYMBOL, ROW_SYMBOL_COLLAR)->max), list, i,
        "collar");
    symbol->reference = -1;
    if (raw->reference != NULL) {
        TRY(config_decimal(raw->reference, LIMIT_PRICE_E4_MAX, &reference), list, i, "reference");
        int64_t level = (reference - base) / tick;
        if (reference < base || (reference - base) % tick != 0 ||
            level > abi_row(TABLE_SYMBOL, ROW_SYMBOL_REFERENCE)->max)
            return at_key(err_set(-EINVAL,
                                  "%s is not a whole number of ticks, 0 to %lld, above the base",
                                  raw->reference,
                                  (long long)abi_row(TABLE_SYMBOL, ROW_SYMBOL_REFERENCE)->max),
                          list, i, "reference");
        symbol->reference = (int32_t)level;
    }
    symbol->base_e4 = (uint32_t)base;
    symbol->tick_e4 = (uint32_t)tick;
    symbol->lot = raw->lot;
    symbol->collar = raw->collar;
    symbol->state = (uint8_t)raw->state;
    return 0;
}

static int build_firm(const struct raw_firm *raw, unsigned i, struct config *config) {
    static const char list[] = "firms";
    struct config_firm *firm = &config->firms[i];
    TRY(name_copy(firm->name, raw->name), list, i, "name");
    TRY(name_copy(firm->ouch_firm, raw->ouch_firm), list, i, "ouch_firm");
    if (FIND(config->firms, i, name, raw->name) >= 0)
        return at_key(already(raw->name), list, i, "name");
    if (FIND(config->firms, i, ouch_firm, raw->ouch_firm) >= 0)
        return at_key(already(raw->ouch_firm), list, i, "ouch_firm");
    return 0;
}

static int build_position(uint64_t long_max, uint64_t short_max, uint64_t locate, const char *list,
                          unsigned i, struct config_position *position) {
    uint64_t most = (uint64_t)abi_row(TABLE_POSITION, ROW_POSITION_LONG_MAX)->max;
    TRY(number_in(long_max, 0, most), list, i, "long");
    TRY(number_in(short_max, 0, most), list, i, "short");
    TRY(number_in(locate, 0, most), list, i, "locate");
    *position = (struct config_position){ .long_max = (int64_t)long_max,
                                          .short_max = (int64_t)short_max,
                                          .locate = (int64_t)locate };
    return 0;
}

static int build_exceptions(const struct raw_account *raw, struct config *config,
                            struct config_account *account) {
    static const char list[] = "positions";
    if (raw->exceptions_count == 0) return 0;
    account->exceptions = calloc(raw->exceptions_count, sizeof *account->exceptions);
    if (account->exceptions == NULL) return err_set(-ENOMEM, "no memory for positions");
    account->exception_count = raw->exceptions_count;
    for (unsigned i = 0; i < raw->exceptions_count; i++) {
        const struct raw_exception *from = &raw->exceptions[i];
        struct config_exception *to = &account->exceptions[i];
        int symbol = FIND(config->symbols, config->symbol_count, name, from->symbol);
        if (symbol < 0) return at_key(unknown(from->symbol, "symbols"), list, i, "symbol");
        to->symbol = (uint16_t)symbol;
        for (unsigned j = 0; j < i; j++)
            if (account->exceptions[j].symbol == to->symbol)
                return at_key(already(from->symbol), list, i, "symbol");
        int built =
            build_position(from->long_max, from->short_max, from->locate, list, i, &to->position);
        if (built != 0) return built;
    }
    return 0;
}

/* A field of an account that the file may leave out: then it is the row's largest value. */
static int account_money(const char *text, uint8_t field, int64_t *value_e4) {
    *value_e4 = abi_row(TABLE_ACCOUNT, field)->max;
    return text == NULL ? 0 : config_decimal(text, *value_e4, value_e4);
}

/* Limits on everything that an account has open or does, and how its own orders meet. */
static int build_account_limits(const struct raw_account *raw, unsigned i,
                                struct config_account *account) {
    static const char list[] = "accounts";
    uint32_t open_max = (uint32_t)abi_row(TABLE_ACCOUNT, ROW_ACCOUNT_OPEN_MAX)->max;
    account->open_orders = raw->open_orders != NULL ? *raw->open_orders : open_max;
    TRY(number_in(account->open_orders, 0, open_max), list, i, "open_orders");
    TRY(account_money(raw->open_notional, ROW_ACCOUNT_GROSS_MAX_E4, &account->open_notional_e4),
        list, i, "open_notional");
    TRY(account_money(raw->daily_notional, ROW_ACCOUNT_DAILY_MAX_E4, &account->daily_notional_e4),
        list, i, "daily_notional");
    account->rate_interval_ns = raw->rate_interval_ns;
    account->rate_burst_ns = raw->rate_burst_ns;
    account->duplicate_ns = raw->duplicate_ns;
    account->self_trade = (uint8_t)raw->self_trade;
    return 0;
}

static int build_account(const struct raw_account *raw, unsigned i, struct config *config) {
    static const char list[] = "accounts";
    struct config_account *account = &config->accounts[i];
    TRY(name_copy(account->name, raw->name), list, i, "name");
    if (FIND(config->accounts, i, name, raw->name) >= 0)
        return at_key(already(raw->name), list, i, "name");
    if (raw->ouch_firm != NULL) {
        TRY(name_copy(account->ouch_firm, raw->ouch_firm), list, i, "ouch_firm");
        if (FIND(config->accounts, i, ouch_firm, raw->ouch_firm) >= 0)
            return at_key(already(raw->ouch_firm), list, i, "ouch_firm");
    }
    int firm = FIND(config->firms, config->firm_count, name, raw->firm);
    if (firm < 0) return at_key(unknown(raw->firm, "firms"), list, i, "firm");
    account->firm = (uint16_t)firm;
    TRY(currency_number(raw->currency, &account->currency), list, i, "currency");
    TRY(number_in(raw->order_quantity, 0, LIMIT_QUANTITY_MAX), list, i, "order_quantity");
    account->order_quantity = raw->order_quantity;
    TRY(config_decimal(raw->order_notional,
                       abi_row(TABLE_ACCOUNT, ROW_ACCOUNT_NOTIONAL_MAX_E4)->max,
                       &account->order_notional_e4),
        list, i, "order_notional");
    TRY(config_decimal(raw->buying_power, abi_row(TABLE_ACCOUNT, ROW_ACCOUNT_BUYING_POWER_E4)->max,
                       &account->buying_power_e4),
        list, i, "buying_power");
    int built = build_account_limits(raw, i, account);
    if (built != 0) return built;
    built = build_position(raw->long_max, raw->short_max, raw->locate, list, i, &account->position);
    if (built != 0) return built;
    built = build_exceptions(raw, config, account);
    if (built != 0) return err_wrap(built, "%s, entry %u, ", list, i + 1);
    return 0;
}

static int build_session(const struct raw_session *raw, unsigned i, struct config *config) {
    static const char list[] = "sessions";
    struct config_session *session = &config->sessions[i];
    TRY(name_copy(session->username, raw->username), list, i, "username");
    TRY(name_copy(session->password, raw->password), list, i, "password");
    if (FIND(config->sessions, i, username, raw->username) >= 0)
        return at_key(already(raw->username), list, i, "username");
    int firm = FIND(config->firms, config->firm_count, name, raw->firm);
    if (firm < 0) return at_key(unknown(raw->firm, "firms"), list, i, "firm");
    int account = FIND(config->accounts, config->account_count, name, raw->account);
    if (account < 0) return at_key(unknown(raw->account, "accounts"), list, i, "account");
    if (config->accounts[account].firm != firm)
        return at_key(err_set(-EINVAL, "account \"%s\" belongs to another firm than \"%s\"",
                              raw->account, raw->firm),
                      list, i, "account");
    session->firm = (uint16_t)firm;
    session->account = (uint16_t)account;
    session->cancel_on_disconnect = raw->cancel_on_disconnect;
    return 0;
}

static int build(const struct raw *raw, struct config *config) {
    config->symbols = calloc(raw->symbols_count, sizeof *config->symbols);
    config->firms = calloc(raw->firms_count, sizeof *config->firms);
    config->accounts = calloc(raw->accounts_count, sizeof *config->accounts);
    config->sessions = calloc(raw->sessions_count, sizeof *config->sessions);
    if (config->symbols == NULL || config->firms == NULL || config->accounts == NULL ||
        config->sessions == NULL)
        return err_set(-ENOMEM, "no memory for it");
    config->symbol_count = raw->symbols_count;
    config->firm_count = raw->firms_count;
    config->account_count = raw->accounts_count;
    config->session_count = raw->sessions_count;

    int code = build_gateway(&raw->gateway, config);
    for (unsigned i = 0; code == 0 && i < raw->symbols_count; i++)
        code = build_symbol(&raw->symbols[i], i, config);
    for (unsigned i = 0; code == 0 && i < raw->firms_count; i++)
        code = build_firm(&raw->firms[i], i, config);
    for (unsigned i = 0; code == 0 && i < raw->accounts_count; i++)
        code = build_account(&raw->accounts[i], i, config);
    for (unsigned i = 0; code == 0 && i < raw->sessions_count; i++)
        code = build_session(&raw->sessions[i], i, config);
    return code;
}

int config_parse(const char *name, const uint8_t *text, size_t bytes, struct config *config) {
    struct complaint complaint = { .bytes = 0 };
    cyaml_config_t yaml;
    struct raw *raw = NULL;
    *config = (struct config){ .port = 0 };
    cyaml_err_t error = cyaml_load_data(text, bytes, yaml_config(&yaml, &complaint), &raw_value,
                                        (cyaml_data_t **)&raw, NULL);
    if (error != CYAML_OK)
        return err_set(-EINVAL, "%s: %s", name,
                       complaint.bytes > 0 ? complaint.text : cyaml_strerror(error));
    if (raw == NULL) return err_set(-EINVAL, "%s: the file is empty", name);

    int code = build(raw, config);
    (void)cyaml_free(&yaml, &raw_value, raw, 0);
    if (code == 0) return 0;
    config_free(config);
    return err_wrap(code, "%s: ", name);
}

int config_load(const char *path, struct config *config) {
    enum { FILE_BYTES_MAX = 16 << 20 };
    *config = (struct config){ .port = 0 };
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return err_set(-errno, "%s: %s; name the configuration with --config", path,
                       strerror(errno));
    uint8_t *text = malloc(FILE_BYTES_MAX);
    if (text == NULL) {
        (void)fclose(file);
        return err_set(-ENOMEM, "%s: no memory to read it", path);
    }
    size_t bytes = fread(text, 1, FILE_BYTES_MAX, file);
    int code = ferror(file) != 0 ? err_set(-EIO, "%s: %s", path, strerror(errno)) : 0;
    if (code == 0 && bytes == FILE_BYTES_MAX)
        code = err_set(-EINVAL, "%s: longer than %d bytes", path, FILE_BYTES_MAX);
    (void)fclose(file);
    if (code == 0) code = config_parse(path, text, bytes, config);
    free(text);
    return code;
}

void config_free(struct config *config) {
    for (uint32_t i = 0; config->accounts != NULL && i < config->account_count; i++)
        free(config->accounts[i].exceptions);
    free(config->nic.neighbours);
    free(config->nic.allowed);
    free(config->symbols);
    free(config->firms);
    free(config->accounts);
    free(config->sessions);
    *config = (struct config){ .port = 0 };
}

/* FNV-1a, 64 bits, over values written out one by one: padding never enters. */
static uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) digest = (digest ^ at[i]) * 0x100000001b3u;
    return digest;
}

static uint64_t digest_number(uint64_t digest, int64_t value) {
    return digest_bytes(digest, &value, sizeof value);
}

static uint64_t digest_text(uint64_t digest, const char *text) {
    return digest_bytes(digest, text, strlen(text) + 1);
}

static uint64_t digest_position(uint64_t digest, const struct config_position *position) {
    digest = digest_number(digest, position->long_max);
    digest = digest_number(digest, position->short_max);
    return digest_number(digest, position->locate);
}

uint64_t config_digest(const struct config *config) {
    uint64_t digest = 0xcbf29ce484222325u;
    digest = digest_number(digest, config->symbol_count);
    for (uint32_t i = 0; i < config->symbol_count; i++) {
        const struct config_symbol *symbol = &config->symbols[i];
        digest = digest_text(digest, symbol->name);
        const int64_t values[] = { symbol->base_e4,   symbol->tick_e4, symbol->lot,
                                   symbol->reference, symbol->collar,  symbol->state };
        for (size_t j = 0; j < sizeof values / sizeof *values; j++)
            digest = digest_number(digest, values[j]);
    }
    digest = digest_number(digest, config->firm_count);
    for (uint32_t i = 0; i < config->firm_count; i++) {
        digest = digest_text(digest, config->firms[i].name);
        digest = digest_text(digest, config->firms[i].ouch_firm);
    }
    digest = digest_number(digest, config->account_count);
    for (uint32_t i = 0; i < config->account_count; i++) {
        const struct config_account *account = &config->accounts[i];
        digest = digest_text(digest, account->name);
        digest = digest_text(digest, account->ouch_firm);
        const int64_t values[] = { account->firm,
                                   account->currency,
                                   account->order_quantity,
                                   account->order_notional_e4,
                                   account->buying_power_e4,
                                   account->open_orders,
                                   account->open_notional_e4,
                                   account->daily_notional_e4,
                                   account->rate_interval_ns,
                                   account->rate_burst_ns,
                                   account->duplicate_ns,
                                   account->self_trade };
        for (size_t j = 0; j < sizeof values / sizeof *values; j++)
            digest = digest_number(digest, values[j]);
        digest = digest_position(digest, &account->position);
        digest = digest_number(digest, account->exception_count);
        for (uint32_t j = 0; j < account->exception_count; j++) {
            digest = digest_number(digest, account->exceptions[j].symbol);
            digest = digest_position(digest, &account->exceptions[j].position);
        }
    }
    digest = digest_number(digest, config->session_count);
    for (uint32_t i = 0; i < config->session_count; i++) {
        digest = digest_text(digest, config->sessions[i].username);
        digest = digest_number(digest, config->sessions[i].firm);
        digest = digest_number(digest, config->sessions[i].account);
    }
    return digest;
}
