/* config: the gateway's configuration, read from one YAML file: symbols, firms, accounts, sessions
 * and the gateway's own settings. host/package/wirepit.yaml shows every key.
 *
 * Reading is strict: an unknown key, a missing one, a value out of its range or a name that nothing
 * declares is an error that names the file, the place and the cause. Prices and money are decimal
 * text and become integers of 1/10000 exactly. */
#ifndef HOST_GATEWAY_CONFIG_H
#define HOST_GATEWAY_CONFIG_H

#include "host/bpf/steer_limits.h"
#include "host/gateway/lwip/dpdk.h"
#include "host/gateway/lwip/lwip.h"

enum {
    CONFIG_SYMBOL_BYTES = 8,   /* OUCH: Symbol */
    CONFIG_FIRM_BYTES = 4,     /* OUCH: Firm */
    CONFIG_USERNAME_BYTES = 6, /* SoupBinTCP */
    CONFIG_PASSWORD_BYTES = 10,
    CONFIG_NAME_BYTES = 32,
    CONFIG_PATH_BYTES = 256,
    CONFIG_INTERFACE_BYTES = 15, /* of the kernel's names */
    CONFIG_ROWS_MAX = 4096,      /* of any list */
};
#define CONFIG_JOURNAL_FILE_MIN (INT64_C(1) << 20)
#define CONFIG_JOURNAL_FILE_MAX (INT64_C(1) << 40)

enum config_card { CONFIG_CARD_SIM, CONFIG_CARD_SOFT, CONFIG_CARD_BUS, CONFIG_CARD_VFIO };

/* Where wirepit-card listens, unless the file says otherwise. */
#define CONFIG_CARD_SOCKET "build/run/card.socket"

enum config_transport { CONFIG_TRANSPORT_KERNEL, CONFIG_TRANSPORT_LWIP };

struct steer_prefix; /* host/bpf/steer.h */

/* The port under lwIP. */
struct config_nic {
    enum dpdk_port port;
    char interface[CONFIG_INTERFACE_BYTES + 1]; /* "" with DPDK_EAL */
    char eal[CONFIG_PATH_BYTES];
    uint32_t netmask, router; /* network byte order; router 0 for none */
    uint8_t mac[NIC_MAC_BYTES];
    bool mac_given; /* else the port's own */
    struct lwip_neighbour *neighbours;
    uint32_t neighbour_count;
    /* What the XDP program of DPDK_AF_XDP lets through. Nobody named is everybody. */
    struct steer_prefix *allowed;
    uint32_t allowed_count;
    struct steer_limits limits;
};

struct config_symbol {
    char name[CONFIG_SYMBOL_BYTES + 1];
    uint32_t base_e4, tick_e4, lot;
    int32_t reference; /* level above the base, -1 for none */
    uint32_t collar;   /* levels */
    uint8_t state;     /* SYMBOL_STATE_ */
};

struct config_firm {
    char name[CONFIG_NAME_BYTES + 1];
    char ouch_firm[CONFIG_FIRM_BYTES + 1];
};

/* Limits of an account in one symbol, in shares. */
struct config_position {
    int64_t long_max, short_max, locate;
};

/* A position that differs from the account's default. */
struct config_exception {
    uint16_t symbol;
    struct config_position position;
};

struct config_account {
    char name[CONFIG_NAME_BYTES + 1];
    char
        ouch_firm[CONFIG_FIRM_BYTES + 1]; /* an order's Firm tag that chooses it; "" if none does */
    uint16_t firm;                        /* index into firms */
    uint16_t currency;                    /* ISO 4217, numeric */
    uint32_t order_quantity, open_orders;
    int64_t order_notional_e4, buying_power_e4, open_notional_e4, daily_notional_e4;
    uint32_t rate_interval_ns, rate_burst_ns, duplicate_ns;
    uint8_t self_trade; /* SELF_TRADE_ mode of its orders */
    struct config_position position;
    struct config_exception *exceptions;
    uint32_t exception_count;
};

struct config_session {
    char username[CONFIG_USERNAME_BYTES + 1];
    char password[CONFIG_PASSWORD_BYTES + 1];
    uint16_t firm, account; /* indices */
    bool cancel_on_disconnect;
};

struct config {
    char listen[CONFIG_PATH_BYTES]; /* IPv4 address */
    uint16_t port;                  /* 0 picks one */
    enum config_transport transport;
    struct config_nic nic; /* with CONFIG_TRANSPORT_LWIP */
    bool asynchronous;     /* durability: replies wait for the write, not for the flush */
    char journal[CONFIG_PATH_BYTES];
    char control[CONFIG_PATH_BYTES]; /* of the command port's socket; "" is beside the journal */
    char firmware_key[CONFIG_PATH_BYTES]; /* PEM file of who may sign firmware; "" takes none */
    enum config_card card;
    char card_socket[CONFIG_PATH_BYTES];  /* of wirepit-card, for CONFIG_CARD_BUS */
    char card_address[CONFIG_NAME_BYTES]; /* PCI, for CONFIG_CARD_VFIO; "" is not said */
    bool card_no_iommu;                   /* likewise: drive it also without an IOMMU */
    uint32_t soft_orders;  /* order slots of the soft card; 0 is the default card's */
    uint64_t journal_file; /* bytes of a file of the journal; 0 is the journal's default */
    struct config_symbol *symbols;
    struct config_firm *firms;
    struct config_account *accounts;
    struct config_session *sessions;
    uint32_t symbol_count, firm_count, account_count, session_count;
};

/* What the command line may change of the network. */
enum config_setting {
    CONFIG_SET_LISTEN,
    CONFIG_SET_TRANSPORT,
    CONFIG_SET_NIC,
    CONFIG_SET_INTERFACE,
    CONFIG_SET_NETMASK,
    CONFIG_SET_ROUTER,
    CONFIG_SET_MAC,
    CONFIG_SET_EAL,
    CONFIG_SETTINGS
};

/* config_load reads the file at path; config_parse reads bytes, and calls them name in messages.
   Return 0 and fill config, which config_free gives back; or leave it empty and return -EINVAL for
   what the text says wrong, or what open(2) and read(2) give; err_text() says file, place, cause.
 */
int config_load(const char *path, struct config *config);
int config_parse(const char *name, const uint8_t *text, size_t bytes, struct config *config);
void config_free(struct config *config);

/* config_digest hashes what a journal depends on: the order and values of symbols, firms, accounts
   and the names of sessions. Passwords, addresses and policies may change between starts. */
uint64_t config_digest(const struct config *config);

/* config_set gives a setting the value that a text says, as an option of the command line does, and
   config_check_network says whether they go together. Return 0, or -EINVAL and say what it may be.
 */
int config_set(struct config *config, enum config_setting setting, const char *text);
int config_check_network(const struct config *config);

/* config_decimal reads a decimal number with at most four decimals, such as "585.33", as integer
   of 1/10000 from 0 to max. Returns 0, or -EINVAL and says why. */
int config_decimal(const char *text, int64_t max, int64_t *value_e4);

#endif /* HOST_GATEWAY_CONFIG_H */
