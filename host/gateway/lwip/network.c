#include "host/gateway/lwip/network.h"
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/gateway/lwip/dpdk.h"
#include "host/gateway/tcp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* What a crashed predecessor left would keep the port from opening. Only an owner that lives is a
   reason to stop: opening would take its program away. */
static int sweep(const struct config_nic *nic) {
    int swept = steer_sweep(nic->interface);
    if (swept == -EBUSY) return err_wrap(swept, "port af_xdp on %s: ", nic->interface);
    if (swept > 0)
        log_line("interface %s: an XDP program without owner is removed", nic->interface);
    return 0;
}

/* Orders to the port, everything else to the kernel. Without it the port takes all frames. */
static int steer_port(const struct config *config, struct in_addr address,
                      struct network *network) {
    static const struct steer_prefix everybody = { .bits = 0 };
    const struct steer_endpoint endpoint = { .address = address, .port = network->transport->port };
    const struct steer_options options = {
        .interface = config->nic.interface,
        .endpoints = &endpoint,
        .endpoint_count = 1,
        .allowed = config->nic.allowed_count > 0 ? config->nic.allowed : &everybody,
        .allowed_count = config->nic.allowed_count > 0 ? config->nic.allowed_count : 1,
        .limits = config->nic.limits,
        .arp = true,
        .icmp = true,
    };
    int code = steer_attach(&options, &network->steer);
    if (code == -EINVAL) return code;
    if (code != 0) log_line("interface %s is not steered: %s", config->nic.interface, err_text());
    return 0;
}

static int open_lwip(const struct config *config, uint32_t connections_max,
                     struct network *network) {
    const struct config_nic *nic = &config->nic;
    const struct dpdk_options port = { .port = nic->port,
                                       .interface = nic->interface,
                                       .eal = nic->eal,
                                       .address = inet_addr(config->listen) };
    struct lwip_options options = { .address = port.address,
                                    .netmask = nic->netmask,
                                    .router = nic->router,
                                    .port = config->port,
                                    .connections_max = connections_max,
                                    .neighbours = nic->neighbours,
                                    .neighbour_count = nic->neighbour_count,
                                    .clock_ns = clock_monotonic_ns };
    CHECK(getrandom(options.key, sizeof options.key, 0) == sizeof options.key);
    int code = nic->port == DPDK_AUTO || nic->port == DPDK_AF_XDP ? sweep(nic) : 0;
    if (code == 0) code = dpdk_open(&port, &options.nic);
    if (code != 0) return code;
    if (nic->mac_given) memcpy(options.nic->mac, nic->mac, NIC_MAC_BYTES);
    network->port = options.nic->name;
    code = lwip_open(&options, &network->transport);
    if (code != 0) {
        nic_close(options.nic);
        return code;
    }
    if (strcmp(network->port, dpdk_port_name(DPDK_AF_XDP)) == 0)
        code = steer_port(config, (struct in_addr){ .s_addr = port.address }, network);
    if (code == 0 && network->steer == NULL && nic->allowed_count > 0)
        code = err_set(-ENOTSUP,
                       "port %s is not steered, so that gateway, nic, allow would keep nobody out; "
                       "take it out, or run port af_xdp as root",
                       network->port);
    return code;
}

int network_open(const struct config *config, uint32_t connections_max, struct network *network) {
    *network = (struct network){ .port = "none" };
    if (config->transport == CONFIG_TRANSPORT_KERNEL)
        return tcp_open(config->listen, config->port, connections_max, &network->transport);
    int code = open_lwip(config, connections_max, network);
    if (code != 0) network_close(network);
    return code;
}

void network_close(struct network *network) {
    if (network->steer != NULL && steer_detach(network->steer) != 0)
        log_line("the XDP program may still be there: %s", err_text());
    if (network->transport != NULL) transport_close(network->transport);
    *network = (struct network){ .port = "none" };
}
