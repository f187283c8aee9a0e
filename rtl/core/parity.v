// parity: a row that is not what was written stops the core. For tests, it has the next row of a table written wrong.
//
//   latency     stopped_o goes up a clock behind the fault: the clock in which an event made from the row would leave
//   reset       the core goes on
//   invariant   what has stopped stays so until reset, and names the table that was wrong: of several at once the one with the
//               highest number

`include "abi.vh"
`include "rows.vh"
`default_nettype none

module parity (
    input  wire                    clk,
    input  wire                    rst,
    input  wire                    sweeping_i,      // tables are being cleared: nothing counts
    input  wire [`memory_bits-1:0] fault_i,         // by MEMORY_ number: the row that is looked at is wrong
    output reg  [4:0]              stopped_o = 5'd0,

    input  wire [4:0]              inject_i,        // MEMORY_ number of the table whose next row is written wrong; 0 is none
    input  wire [`memory_bits-1:0] write_i,         // by MEMORY_ number: a row is written
    output wire [`memory_bits-1:0] flip_o           // write it wrong
);
    integer n;
    always @(posedge clk) begin
        if (stopped_o == 5'd0 && !sweeping_i)
            for (n = 0; n < `memory_bits; n = n + 1) if (fault_i[n]) stopped_o <= n[4:0];
        if (rst) stopped_o <= 5'd0;
    end

    localparam [`memory_bits-1:0] ONE = 1;
    reg injected_q;                                 // once is enough
    assign flip_o = sweeping_i || injected_q ? {`memory_bits{1'b0}} : ONE << inject_i;
    always @(posedge clk) injected_q <= !rst && inject_i != 5'd0 && (injected_q || |(flip_o & write_i));
endmodule

`default_nettype wire
