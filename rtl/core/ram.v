// ram: one write port, one read port, one clock; the shape that every tool infers as block or ultra RAM.
//
//   latency     1 clock from address to data; data stays while enable_i is low
//   throughput  one read and one write a clock
//   collision   a read of the row that is written in the same clock gives the old row
//   reset       none; whoever needs a row to start as something writes it

`default_nettype none

module ram #(
    parameter ROWS   = 64,
    parameter ROW_W  = 64,
    parameter ADDR_W = $clog2(ROWS)     // derived
) (
    input  wire              clk,

    input  wire              write_i,
    input  wire [ADDR_W-1:0] write_addr_i,
    input  wire [ROW_W-1:0]  write_data_i,

    input  wire              enable_i,
    input  wire [ADDR_W-1:0] read_addr_i,
    output reg  [ROW_W-1:0]  read_data_o
`ifdef FORMAL
    // Proofs speak of all rows.
    , output wire [ROWS*ROW_W-1:0] rows_o
`endif
);
    reg [ROW_W-1:0] rows [0:ROWS-1];

    always @(posedge clk) begin
        if (write_i) rows[write_addr_i] <= write_data_i;
        if (enable_i) read_data_o <= rows[read_addr_i];
    end

`ifdef FORMAL
    genvar n;
    generate
        for (n = 0; n < ROWS; n = n + 1) begin : all
            assign rows_o[n*ROW_W +: ROW_W] = rows[n];
        end
    endgenerate
`endif
endmodule

`default_nettype wire
