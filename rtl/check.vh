// check: `CHECK(name, condition) asserts in simulation (Verilator --assert) and is an obligation to the prover;
// synthesis sees nothing of it. Icarus 11 does not parse labelled assertions: lint with -DSYNTHESIS.
`ifndef CHECK
`ifdef SYNTHESIS
 `define CHECK(name, condition)
`else
 `define CHECK(name, condition) always @(posedge clk) if (!rst) name: assert (condition);
`endif
`endif
