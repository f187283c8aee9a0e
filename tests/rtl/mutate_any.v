// mutate_any: what stands for tables and products while a fault is proved to change nothing (mutate.sh), for techmap.
//
// Both copies of the core, with the fault and without, read the same rows and products as long as they ask and write the
// same, which is an output of each copy then. A row may hold anything but a bit that no row was ever given.

(* techmap_celltype = "$mem_v2" *)
module table_any (RD_CLK, RD_EN, RD_ARST, RD_SRST, RD_ADDR, RD_DATA, WR_CLK, WR_EN, WR_ADDR, WR_DATA);
    parameter MEMID = 0, SIZE = 4, OFFSET = 0, ABITS = 2, WIDTH = 8, INIT = 0;
    parameter RD_PORTS = 1, RD_CLK_ENABLE = 0, RD_CLK_POLARITY = 0, RD_TRANSPARENCY_MASK = 0, RD_COLLISION_X_MASK = 0;
    parameter RD_WIDE_CONTINUATION = 0, RD_CE_OVER_SRST = 0, RD_ARST_VALUE = 0, RD_SRST_VALUE = 0, RD_INIT_VALUE = 0;
    parameter WR_PORTS = 1, WR_CLK_ENABLE = 0, WR_CLK_POLARITY = 0, WR_PRIORITY_MASK = 0, WR_WIDE_CONTINUATION = 0;
    input  RD_CLK, RD_EN, RD_ARST, RD_SRST, WR_CLK;
    input  [ABITS-1:0] RD_ADDR, WR_ADDR;
    input  [WIDTH-1:0] WR_EN, WR_DATA;
    output [WIDTH-1:0] RD_DATA;

    wire reads = !RD_CLK_ENABLE || RD_EN;
    (* keep *) wire [WIDTH-1:0] oracle_any;
    (* keep *) wire [WIDTH-1:0] oracle_see_data  = WR_EN & WR_DATA;
    (* keep *) wire [WIDTH-1:0] oracle_see_write = WR_EN;
    (* keep *) wire [ABITS-1:0] oracle_see_to    = |WR_EN ? WR_ADDR : {ABITS{1'b0}};
    (* keep *) wire [ABITS-1:0] oracle_see_from  = reads ? RD_ADDR : {ABITS{1'b0}};
    (* keep *) wire             oracle_see_read  = reads;
    reg  [WIDTH-1:0] given_q = 0;
    reg  [WIDTH-1:0] row_q;
    wire [WIDTH-1:0] row = oracle_any & given_q;
    always @(posedge WR_CLK) given_q <= given_q | oracle_see_data;
    always @(posedge RD_CLK) if (RD_EN) row_q <= row;
    assign RD_DATA = RD_CLK_ENABLE ? row_q : row;
    generate
        if (WR_PORTS != 1 || RD_PORTS != 1) no_table_has_more_ports fail ();
    endgenerate
endmodule

(* techmap_celltype = "$mul" *)
module product_any (A, B, Y);
    parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
    input  [A_WIDTH-1:0] A;
    input  [B_WIDTH-1:0] B;
    output [Y_WIDTH-1:0] Y;

    (* keep *) wire [Y_WIDTH-1:0] oracle_any;
    (* keep *) wire [A_WIDTH-1:0] oracle_see_a = A;
    (* keep *) wire [B_WIDTH-1:0] oracle_see_b = B;
    assign Y = |A && |B ? oracle_any : {Y_WIDTH{1'b0}};
endmodule
