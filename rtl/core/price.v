// price: where a price lies in its symbol's band, and whether price and quantity are whole ticks and lots; three stages.
//
//   latency     three loads: quotients, their products, results
//   throughput  one a clock; a stage keeps what it has until its load
//   method      a division is a multiplication with the divisor's reciprocal, and back: see reciprocal.v

`default_nettype none

module price #(
    parameter LEVELS = 4096
) (
    input  wire        clk,

    input  wire        load_1_i,
    input  wire        below_base_i,
    input  wire [30:0] distance_e4_i,       // of the price from the base, either way
    input  wire [19:0] tick_e4_i,
    input  wire [32:0] tick_reciprocal_i,
    input  wire [19:0] quantity_i,
    input  wire [15:0] lot_i,
    input  wire [32:0] lot_reciprocal_i,

    input  wire        load_2_i,
    input  wire        load_3_i,
    output reg         below_base_o,
    output reg  [31:0] ticks_o,             // whole ticks from the base, either way
    output reg         on_tick_o,
    output reg         in_lots_o,
    output reg         in_band_o
);
    reg        below_1_q, below_2_q;
    reg [30:0] distance_1_q, distance_2_q;
    reg [19:0] tick_q;
    reg [19:0] quantity_1_q, quantity_2_q;
    reg [15:0] lot_q;
    reg [31:0] ticks_1_q, ticks_2_q;
    reg [20:0] lots_q;
    reg [51:0] ticks_back_q;
    reg [36:0] lots_back_q;

    wire [63:0] ticks_product = {33'd0, distance_e4_i} * {31'd0, tick_reciprocal_i};
    wire [52:0] lots_product  = {33'd0, quantity_i} * {20'd0, lot_reciprocal_i};
    wire        unused = &{1'b0, ticks_product[31:0], lots_product[31:0]};      // fractions of a tick or lot

    always @(posedge clk) begin
        if (load_1_i) begin
            below_1_q    <= below_base_i;
            distance_1_q <= distance_e4_i;
            tick_q       <= tick_e4_i;
            quantity_1_q <= quantity_i;
            lot_q        <= lot_i;
            ticks_1_q    <= ticks_product[63:32];
            lots_q       <= lots_product[52:32];
        end
        if (load_2_i) begin
            below_2_q    <= below_1_q;
            distance_2_q <= distance_1_q;
            quantity_2_q <= quantity_1_q;
            ticks_2_q    <= ticks_1_q;
            ticks_back_q <= {20'd0, ticks_1_q} * {32'd0, tick_q};
            lots_back_q  <= {16'd0, lots_q} * {21'd0, lot_q};
        end
        if (load_3_i) begin
            below_base_o <= below_2_q;
            ticks_o      <= ticks_2_q;
            on_tick_o    <= ticks_back_q == {21'd0, distance_2_q};
            in_lots_o    <= lots_back_q == {17'd0, quantity_2_q};
            in_band_o    <= !below_2_q && ticks_2_q < LEVELS;
        end
    end
endmodule

`default_nettype wire
