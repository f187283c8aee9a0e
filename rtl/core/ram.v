// ram: one write port, one read port, one clock; the shape that every tool infers as block or ultra RAM. A row carries a
// parity bit.
//
//   latency     1 clock from address to data; data stays while enable_i is low
//   throughput  one read and one write a clock
//   collision   a read of the row that is written in the same clock gives the old row
//   reset       of no row; whoever needs a row to start as something writes it
//   invariant   fault_o is low unless what is at read_data_o is not what was written; a row that was never written may say
//               anything, so who reads one does not ask

`default_nettype none

module ram #(
    parameter ROWS   = 64,
    parameter ROW_W  = 64,
    parameter ADDR_W = $clog2(ROWS)     // derived
) (
    input  wire              clk,
    input  wire              rst,

    input  wire              write_i,
    input  wire [ADDR_W-1:0] write_addr_i,
    input  wire [ROW_W-1:0]  write_data_i,
    input  wire              flip_i,            // the row that is written gets a bit wrong: for tests of what follows

    input  wire              enable_i,
    input  wire [ADDR_W-1:0] read_addr_i,
    output wire [ROW_W-1:0]  read_data_o,
    output wire              fault_o
`ifdef PROVE_OCCUPANCY
    // Proofs speak of all rows.
    , output wire [ROWS*ROW_W-1:0] rows_o
`endif
);
    reg [ROW_W:0] rows [0:ROWS-1];
    reg [ROW_W:0] row_q;
    reg           read_q = 1'b0;        // what is there was read since reset

    assign read_data_o = row_q[ROW_W-1:0];
    assign fault_o     = read_q && ^row_q;

    always @(posedge clk) begin
        if (write_i) rows[write_addr_i] <= {^write_data_i, write_data_i[ROW_W-1:1], write_data_i[0] ^ flip_i};
        if (enable_i) row_q <= rows[read_addr_i];
        read_q <= !rst && (read_q || enable_i);
    end

`ifdef PROVE_OCCUPANCY
    genvar n;
    generate
        for (n = 0; n < ROWS; n = n + 1) begin : all
            assign rows_o[n*ROW_W +: ROW_W] = rows[n][ROW_W-1:0];
        end
    endgenerate
`endif
`ifdef PROVE_TABLES
    (* keep *) wire [ROWS*ROW_W-1:0] all_rows;      // the proof looks here
    genvar n;
    generate
        for (n = 0; n < ROWS; n = n + 1) begin : all
            assign all_rows[n*ROW_W +: ROW_W] = rows[n][ROW_W-1:0];
        end
    endgenerate
`endif
endmodule

`default_nettype wire
