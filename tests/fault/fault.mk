# The fault campaign: tests/fault/campaign_main.c kills gateways and checks what is left. tests/fault/test_*.c are tests
# (cmocka) of its checker and of broken disks. What both use, and tests/bench too, is in $(fault_objects).

fault_objects = $(patsubst %,$(B)/tests/fault/%.o,venue tape ledger trader audit)
fault_tests   = $(patsubst tests/fault/%.c,$(B)/tests/fault/%,$(wildcard tests/fault/test_*.c))
fault_card    = $(if $(filter file,$(origin CARD)),soft,$(CARD))
fault_rounds  = $(if $(filter file,$(origin N)),50,$(N))

$(B)/fault-campaign: $(B)/tests/fault/campaign_main.o $(fault_objects) $(archive) | $(B)/wirepit-gateway $(B)/wirepit-card
	$(CC) $(SANITIZE) -o $@ $^ $(LDLIBS)
$(fault_tests): %: %.o $(fault_objects) $(archive) | $(B)/wirepit-gateway
	$(CC) $(SANITIZE) -o $@ $^ -lcmocka $(LDLIBS)

## make fault      kill the gateway under load at random and check what is left (N=50 rounds, SEED=1, CARD=soft|sim|bus)
fault: deps-build
	@$(MAKE) --no-print-directory -s -j2 $(B)/fault-campaign $(B)/wirepit-gateway $(B)/wirepit-card
	@$(B)/fault-campaign --rounds $(fault_rounds) --seed $(SEED) --card $(fault_card) --json build/fault.json

.PHONY: fault
