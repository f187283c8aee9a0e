/* lwipopts: how lwIP is built here: TCP over IPv4 for one thread, with all memory taken at start.
 *
 * Every pool covers the worst that OPTIONS_CONNECTIONS connections can do to it at once, so that
 * nobody who does not read, or sends with holes, takes memory from somebody else. */
#ifndef HOST_GATEWAY_LWIP_LWIPOPTS_H
#define HOST_GATEWAY_LWIP_LWIPOPTS_H

#define OPTIONS_CONNECTIONS 320 /* clients, waiting ones and closing ones */
#define OPTIONS_QUEUE       128 /* buffers a connection may have unacknowledged */
#define OPTIONS_LARGE       50  /* of them, those that are not small */
#define OPTIONS_HOLES       32  /* frames kept of a connection that came too early */
#define OPTIONS_SMALL_COUNT (OPTIONS_CONNECTIONS * OPTIONS_QUEUE + 1024)
#define OPTIONS_LARGE_COUNT (OPTIONS_CONNECTIONS * OPTIONS_LARGE + 256)

/* ---- one thread, no operating system, timers called by the loop ---- */
#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN         0
#define LWIP_SOCKET          0
#define LWIP_TIMERS          0
#define LWIP_HOOK_FILENAME   "host/gateway/lwip/hooks.h"

/* ---- memory ---- */
#define MEM_ALIGNMENT                 16
#define MEM_LIBC_MALLOC               0
#define MEMP_MEM_MALLOC               0
#define MEM_USE_POOLS                 1
#define MEM_USE_POOLS_TRY_BIGGER_POOL 1
#define MEMP_USE_CUSTOM_POOLS         1
#define MEMP_NUM_TCP_PCB              1024 /* half-open and closed ones too */
#define MEMP_NUM_TCP_PCB_LISTEN       2
#define MEMP_NUM_TCP_SEG              (OPTIONS_CONNECTIONS * (OPTIONS_QUEUE + OPTIONS_HOLES) + 1024)
#define MEMP_NUM_PBUF                 64
#define PBUF_POOL_SIZE                (OPTIONS_CONNECTIONS * OPTIONS_HOLES + 512)
#define PBUF_POOL_BUFSIZE             1600

/* ---- protocols ---- */
#define LWIP_IPV4                     1
#define LWIP_IPV6                     0
#define LWIP_ARP                      1
#define ARP_TABLE_SIZE                127
#define ARP_QUEUEING                  0
#define ETHARP_SUPPORT_STATIC_ENTRIES 1
#define IP_FORWARD                    0
#define IP_REASSEMBLY                 0
#define IP_FRAG                       0
#define IP_OPTIONS_ALLOWED            0
#define LWIP_ICMP                     1
#define LWIP_BROADCAST_PING           0
#define LWIP_RAW                      0
#define LWIP_UDP                      0
#define LWIP_TCP                      1

/* ---- TCP ----
 * A slow tick is the unit of retransmission, whose shortest time is three of them: 30 ms, above the
 * holes that scheduling makes on a shared machine. lwIP's own 500 ms stalls for seconds on a loss.
 */
#define TCP_TMR_INTERVAL           1
#define TCP_FAST_INTERVAL          1
#define TCP_SLOW_INTERVAL          10
#define TCP_MSS                    1460
#define LWIP_WND_SCALE             0
#define TCP_WND                    65535
#define TCP_SND_BUF                65535
#define TCP_SND_QUEUELEN           OPTIONS_QUEUE
#define TCP_OVERSIZE               0
#define TCP_QUEUE_OOSEQ            1
#define TCP_OOSEQ_MAX_BYTES        TCP_WND
#define TCP_OOSEQ_MAX_PBUFS        OPTIONS_HOLES
#define LWIP_TCP_SACK_OUT          1
#define LWIP_TCP_MAX_SACK_NUM      4
#define LWIP_TCP_TIMESTAMPS        0
#define TCP_LISTEN_BACKLOG         1
#define TCP_DEFAULT_LISTEN_BACKLOG 255
#define TCP_MAXRTX                 12
#define TCP_SYNMAXRTX              6
#define TCP_MSL                    1000UL
#define LWIP_TCP_KEEPALIVE         1
#define SO_REUSE                   0

/* ---- the ports compute no checksums ---- */
#define CHECKSUM_GEN_IP     1
#define CHECKSUM_GEN_TCP    1
#define CHECKSUM_GEN_ICMP   1
#define CHECKSUM_CHECK_IP   1
#define CHECKSUM_CHECK_TCP  1
#define CHECKSUM_CHECK_ICMP 1

#define LWIP_STATS         1
#define LWIP_STATS_LARGE   1
#define LWIP_STATS_DISPLAY 0
#define MIB2_STATS         1

#endif /* HOST_GATEWAY_LWIP_LWIPOPTS_H */
