# Kernel bypass: lwIP from Debian's source package with our options, and DPDK's ports, as $(bypass_libs). What uses the
# transport links $(bypass_libs) before $(archive), and $(bypass_ldlibs). See host/gateway/lwip/.

lwip_src     = build/lwip/src
lwip_names   = core/init core/def core/inet_chksum core/ip core/mem core/memp core/netif core/pbuf core/stats core/sys \
               core/tcp core/tcp_in core/tcp_out core/timeouts core/ipv4/etharp core/ipv4/icmp core/ipv4/ip4 core/ipv4/ip4_addr \
               netif/ethernet
lwip_objects = $(lwip_names:%=$(B)/lwip/%.o)
lwip_headers = $(wildcard host/gateway/lwip/*.h host/gateway/lwip/arch/*.h)
lwip_include = -Ihost/gateway/lwip -isystem $(lwip_src)/include
bypass_objects = $(patsubst %.c,$(B)/%.o,$(wildcard host/gateway/lwip/*.c))
bypass_libs    = $(B)/libbypass.a
bypass_ldlibs  = -lrte_ethdev -lrte_mbuf -lrte_mempool -lrte_eal -lrte_kvargs

# Asked once, and only when something that includes DPDK is compiled: `make deps` runs before there is a DPDK.
dpdk_cflags = $(eval dpdk_cflags := $(subst -I,-isystem ,$(shell pkg-config --cflags libdpdk)))$(dpdk_cflags)

build/lwip/fetched: host/gateway/lwip/fetch.sh
	host/gateway/lwip/fetch.sh build/lwip
	@touch $@

# lwIP's sums and pointer casts are not ours to change: its files are built without our warnings.
$(B)/lwip/%.o: build/lwip/fetched host/gateway/lwip.mk $(lwip_headers)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -w -I. $(lwip_include) $(SANITIZE) -fno-sanitize=alignment -c -o $@ $(lwip_src)/$*.c
$(B)/host/gateway/lwip/%.o: host/gateway/lwip/%.c build/lwip/fetched $(headers) $(lwip_headers)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(lwip_include) $(SANITIZE) -fno-sanitize=alignment -c -o $@ $<
$(B)/host/gateway/lwip/dpdk.o: host/gateway/lwip/dpdk.c $(headers) $(lwip_headers)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(dpdk_cflags) $(SANITIZE) -c -o $@ $<
$(bypass_libs): $(lwip_objects) $(bypass_objects)
	@rm -f $@
	ar rcs $@ $^

# Needs no port of DPDK: its wire is memory.
$(B)/tests/unit/test_lwip: $(B)/tests/unit/test_lwip.o $(bypass_libs) $(archive)
	$(CC) $(SANITIZE) -o $@ $^ -lcmocka $(LDLIBS)
