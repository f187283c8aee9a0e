// sums: what orders do to the sums of their accounts (money, position) and to the count of their firms' open orders: what a
// new, reduced or cancelled order reserves and returns, what each fill moves for the resting order, and what all of
// them have moved for the incoming one.
//
//   latency     direct_i: written in the clock in which it is said. A fill: in the next maker_i or close_i, when its maker's rows,
//               which maker_i addresses, are long here. settle_i: in that clock, on top of what the rows then hold
//   throughput  a fill every two clocks
//   reset       none: what is here is of one order
//   invariant   two fills of one account or firm in a row: the second takes over what the first writes

`include "abi.vh"
`include "rows.vh"
`default_nettype none

module sums #(
    parameter ACCOUNT_W = 8,
    parameter SLOT_W    = 16
) (
    input  wire                      clk,

    // The order, whose rows are here with load_i
    input  wire                      load_i,
    input  wire                      sells_i,
    input  wire                      new_i,
    input  wire                      cancels_i,
    input  wire                      uncross_i,             // a bid of an UNCROSS
    input  wire [ACCOUNT_W-1:0]      account_i,
    input  wire [ACCOUNT_W-1:0]      firm_i,
    input  wire [30:0]               price_e4_i,
    input  wire [19:0]               open_i,                // what will be open of it
    input  wire [19:0]               off_i,                 // what goes of the old one
    input  wire [50:0]               notional_e4_i,
    input  wire [50:0]               old_notional_e4_i,
    input  wire                      removes_i,             // it leaves its level
    input  wire [19:0]               leaves_i,

    // What happens to it
    input  wire                      verdict_i,
    input  wire                      direct_i,              // it rests or goes as it is, without a fill
    input  wire                      begins_i,              // a bid begins to be filled
    input  wire                      maker_i,               // the resting order's row is here
    input  wire                      fill_i,                // it is filled or cancelled
    input  wire                      close_i,
    input  wire                      rest_i,
    input  wire                      settle_i,
    input  wire                      joins_i,               // the firm has one more open order,
    input  wire                      unlinks_i,             // or one less

    // The resting order
    input  wire [ACCOUNT_W-1:0]      maker_account_i,
    input  wire [ACCOUNT_W-1:0]      maker_firm_i,
    input  wire [30:0]               maker_price_e4_i,
    input  wire [30:0]               trade_price_e4_i,
    input  wire [19:0]               fill_quantity_i,
    input  wire                      fill_cancels_i,        // it does not trade: self-trade prevention
    input  wire                      fill_ends_i,           // nothing of it is left

    // Rows
    input  wire [`money_bits-1:0]    money_row_i,
    input  wire [`position_bits-1:0] position_row_i,
    input  wire [SLOT_W:0]           firm_row_i,
    output wire                      write_o,
    output wire [ACCOUNT_W-1:0]      write_account_o,
    output reg  [`money_bits-1:0]    money_row_o,
    output reg  [`position_bits-1:0] position_row_o,
    output wire                      firm_write_o,
    output wire [ACCOUNT_W-1:0]      firm_write_firm_o,
    output wire                      firm_write_side_o,
    output wire [SLOT_W:0]           firm_row_o
);
    // ---- an order that meets nobody -----------------------------------------------------------------------------------
    reg  [`money_bits-1:0]    money_q, direct_money_q;
    reg  [`position_bits-1:0] position_q, direct_position_q;
    wire [63:0] gross_give = {13'd0, old_notional_e4_i};
    wire [63:0] gross_keep = {13'd0, cancels_i ? 51'd0 : notional_e4_i};
    wire [63:0] give       = sells_i ? 64'd0 : gross_give;          // only who buys reserves
    wire [63:0] keep       = sells_i ? 64'd0 : gross_keep;
    wire [19:0] count_more = new_i ? 20'd1 : cancels_i && open_i == 20'd0 ? -20'd1 : 20'd0;
    wire [47:0] more       = {28'd0, cancels_i ? 20'd0 : open_i} - {28'd0, off_i};
    always @(posedge clk) begin
        if (load_i) begin
            money_q    <= money_row_i;
            position_q <= position_row_i;
        end
        if (verdict_i) begin
            direct_money_q    <= {money_q[`money_open_count] + count_more, money_q[`money_traded],
                                  money_q[`money_gross] - gross_give + gross_keep,
                                  money_q[`money_reserved] - give + keep, money_q[`money_buying_power] + give - keep};
            direct_position_q <= {sells_i ? position_q[`position_open_sell] + more : position_q[`position_open_sell],
                                  sells_i ? position_q[`position_open_buy] : position_q[`position_open_buy] + more,
                                  position_q[`position_net]};
        end
    end

    // ---- the last fill, until it is written ------------------------------------------------------------------------------
    reg                 pending_q;
    reg [ACCOUNT_W-1:0] pending_account_q, pending_firm_q;
    reg                 pending_cancels_q, pending_ends_q;
    reg [19:0]          pending_fill_q;
    reg [50:0]          pending_value_q, pending_traded_q;
    reg [19:0]          filled_q;               // of the incoming order
    reg [63:0]          paid_q;
    reg [50:0]          rest_notional_q;
    wire writes_maker = pending_q && (maker_i || close_i);
    always @(posedge clk) begin
        if (fill_i) begin
            pending_account_q <= maker_account_i;
            pending_firm_q    <= maker_firm_i;
            pending_cancels_q <= fill_cancels_i;
            pending_ends_q    <= fill_ends_i;
            pending_fill_q    <= fill_quantity_i;
            pending_value_q   <= {20'd0, maker_price_e4_i} * {31'd0, fill_quantity_i};
            pending_traded_q  <= {20'd0, trade_price_e4_i} * {31'd0, fill_cancels_i ? 20'd0 : fill_quantity_i};
            if (!fill_cancels_i) filled_q <= filled_q + fill_quantity_i;
        end
        if (rest_i) rest_notional_q <= {20'd0, price_e4_i} * {31'd0, leaves_i};
        if (writes_maker) paid_q <= paid_q + {13'd0, pending_traded_q};
        if (verdict_i || begins_i) begin
            filled_q <= 20'd0;
            paid_q   <= 64'd0;
        end
        if (begins_i) rest_notional_q <= 51'd0;

        if (fill_i)                                           pending_q <= 1'b1;
        else if (verdict_i || begins_i || maker_i || close_i) pending_q <= 1'b0;
    end

    // ---- rows -----------------------------------------------------------------------------------------------------------
    wire [63:0] pending_value  = {13'd0, pending_value_q};
    wire [63:0] pending_traded = {13'd0, pending_traded_q};
    wire [47:0] pending_fill   = {28'd0, pending_fill_q};
    wire [63:0] rest_gross     = {13'd0, rest_notional_q};
    wire [63:0] rest_notional  = sells_i ? 64'd0 : rest_gross;
    wire [63:0] taker_paid     = sells_i ? 64'd0 : paid_q;
    wire [47:0] taker_filled   = {28'd0, filled_q};
    wire [47:0] taker_more     = {28'd0, leaves_i} - {28'd0, off_i};
    wire        taker_ends     = uncross_i ? removes_i : leaves_i == 20'd0;
    wire [19:0] taker_count    = new_i ? {19'd0, !taker_ends} : taker_ends ? -20'd1 : 20'd0;

    // Two fills of one account or firm in a row
    reg                       forward_q, forward_firm_q;
    reg  [`money_bits-1:0]    written_money_q;
    reg  [`position_bits-1:0] written_position_q;
    reg  [SLOT_W:0]           written_firm_q;
    wire [`money_bits-1:0]    maker_money    = forward_q ? written_money_q : money_row_i;
    wire [`position_bits-1:0] maker_position = forward_q ? written_position_q : position_row_i;
    wire [SLOT_W:0]           maker_open     = forward_firm_q ? written_firm_q : firm_row_i;
    always @(posedge clk) if (maker_i) begin
        forward_q          <= pending_q && pending_account_q == maker_account_i;
        forward_firm_q     <= pending_q && pending_firm_q == maker_firm_i;
        written_money_q    <= money_row_o;
        written_position_q <= position_row_o;
        written_firm_q     <= firm_row_o;
    end

    assign write_o         = direct_i || writes_maker || settle_i;
    assign write_account_o = writes_maker ? pending_account_q : account_i;
    // What a resting order gives up when it trades or is cancelled; if it buys, it has reserved exactly that.
    wire [63:0] maker_gives   = sells_i ? pending_value : 64'd0;
    wire [63:0] maker_returns = pending_cancels_q ? maker_gives : 64'd0;
    wire [47:0] maker_net     = pending_cancels_q ? 48'd0 : sells_i ? pending_fill : -pending_fill;
    always @* begin
        if (direct_i) begin
            money_row_o    = direct_money_q;
            position_row_o = direct_position_q;
        end else if (writes_maker) begin
            money_row_o    = {maker_money[`money_open_count] - {19'd0, pending_ends_q}, maker_money[`money_traded] + pending_traded,
                              maker_money[`money_gross] - pending_value, maker_money[`money_reserved] - maker_gives,
                              maker_money[`money_buying_power] + maker_returns};
            position_row_o = {sells_i ? maker_position[`position_open_sell] : maker_position[`position_open_sell] - pending_fill,
                              sells_i ? maker_position[`position_open_buy] - pending_fill : maker_position[`position_open_buy],
                              maker_position[`position_net] + maker_net};
        end else begin
            money_row_o    = {money_row_i[`money_open_count] + taker_count, money_row_i[`money_traded] + paid_q,
                              money_row_i[`money_gross] - gross_give + rest_gross,
                              money_row_i[`money_reserved] - give + rest_notional,
                              money_row_i[`money_buying_power] + give - taker_paid - rest_notional};
            position_row_o = {sells_i ? position_row_i[`position_open_sell] + taker_more : position_row_i[`position_open_sell],
                              sells_i ? position_row_i[`position_open_buy] : position_row_i[`position_open_buy] + taker_more,
                              sells_i ? position_row_i[`position_net] - taker_filled : position_row_i[`position_net] + taker_filled};
        end
    end

    assign firm_write_o      = unlinks_i || joins_i || writes_maker;
    assign firm_write_firm_o = writes_maker ? pending_firm_q : firm_i;
    assign firm_write_side_o = writes_maker ? !sells_i : sells_i;
    assign firm_row_o        = writes_maker ? maker_open - {{SLOT_W{1'b0}}, pending_ends_q}
                             : unlinks_i ? firm_row_i - 1'b1 : firm_row_i + 1'b1;
endmodule

`default_nettype wire
