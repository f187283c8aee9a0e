# Proofs: prove.sh runs one line of tests/formal/proofs each. A proof's properties are in tests/formal/<module>_proof.vh,
# which the module includes when it is read by the prover.

## make prove      prove the bus side, occupancy, checks, the verdict's clocks, the book's tables and the management processor, and that injected bugs are caught (seven minutes; DEEP=1: more fills, ten more)
prove: build/abi.vh
	DEEP=$(DEEP) tests/formal/prove.sh build/prove.json

## make synth      what each module takes on UltraScale+ by yosys: LUTs, memory, longest path (five minutes)
synth: deps-prove build/abi.vh
	tests/formal/synth.sh build/synth.json tests/formal/synth_budget

## make place      modules placed and routed for an iCE40 HX8K, three seeds: the clock each reaches (five minutes; MODULE= is one)
place: deps-prove build/abi.vh
	@tests/deps.sh nextpnr-ice40
	tests/formal/place.sh build/place.json rtl/board/ice40_hx8k "$(MODULE)"

.PHONY: prove synth place
