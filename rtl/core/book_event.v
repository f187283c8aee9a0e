// book_event: what the book says of its order in each of its states: the event but for what report.v fills in.
//
//   latency     none, combinational
//   invariant   one of the states at most is set; none of them: what is left of the order is dropped

`include "abi.vh"
`include "rows.vh"
`default_nettype none

module book_event #(
    parameter SYMBOL_W  = 6,
    parameter ACCOUNT_W = 8,
    parameter SLOT_W    = 16
) (
    // The state
    input  wire                   refused_i,
    input  wire                   enters_i,
    input  wire                   unlinks_i,
    input  wire                   fills_i,
    input  wire                   restates_i,           // the next part of an iceberg that was filled
    input  wire                   off_i,                // self-trade prevention: from the incoming order
    input  wire                   uncrosses_i,
    input  wire                   halts_i,

    // The order
    input  wire [`kept_bits-1:0]  command_i,
    input  wire [`fact_bits-1:0]  facts_i,
    input  wire                   new_i,
    input  wire                   swept_i,              // a SWEEP's cancel
    input  wire                   bid_i,                // a bid of an UNCROSS
    input  wire [7:0]             refusal_i,
    input  wire [7:0]             drop_reason_i,
    input  wire [30:0]            price_e4_i,
    input  wire [19:0]            leaves_i,
    input  wire [19:0]            old_more_i,           // of a bid: the next part that it shows
    input  wire [36:0]            volume_i,             // of an UNCROSS

    // The resting order, and its fill
    input  wire [`order_bits-1:0] maker_row_i,
    input  wire [SLOT_W-1:0]      maker_slot_i,
    input  wire [19:0]            maker_left_i,
    input  wire [19:0]            maker_more_i,         // the next part that it shows
    input  wire [19:0]            fill_quantity_i,
    input  wire                   fill_cancels_i,       // it does not trade: self-trade prevention
    input  wire [30:0]            trade_price_e4_i,
    input  wire [19:0]            leaves_then_i,        // of the order, behind it

    output reg  [511:0]           event_o
);
    wire        sells       = command_i[`command_side] == `SIDE_SELL;
    wire [19:0] open        = facts_i[`fact_open];
    wire [11:0] generation  = facts_i[`fact_generation];
    wire [19:0] named_slot  = command_i[`command_order_low +: 20];
    wire [31:0] order       = {generation + 12'd1, named_slot};         // as it is once it is accepted
    wire [31:0] maker_order = {maker_row_i[`order_generation], {(20-SLOT_W){1'b0}}, maker_slot_i};

    always @* begin
        event_o = 512'd0;
        event_o[`event_symbol]  = command_i[`command_symbol];
        event_o[`event_account] = command_i[`command_account];
        event_o[`event_session] = command_i[`command_session];
        event_o[`event_order]   = command_i[`command_order];
        event_o[`EVENT_SELL]    = sells;
        if (refused_i) begin
            event_o[`event_kind]       = `KIND_REJECTED;
            event_o[`event_reason]     = refusal_i;
            event_o[`event_quantity]   = command_i[`command_quantity];
            event_o[`event_price_e4]   = command_i[`command_price_e4];
            event_o[`event_client_ref] = command_i[`command_client_ref];
            event_o[`event_field]      = command_i[`command_opcode];
        end else if (enters_i) begin
            event_o[`event_kind]       = new_i ? `KIND_ACCEPTED : `KIND_REPLACED;
            event_o[`event_order]      = order;
            event_o[`event_quantity]   = command_i[`command_quantity];
            event_o[`event_leaves]     = {12'd0, leaves_i};
            event_o[`event_price_e4]   = {1'b0, price_e4_i};
            event_o[`event_client_ref] = command_i[`command_client_ref];
            event_o[`event_shown]      = command_i[`command_shown];
            event_o[`EVENT_IOC]        = command_i[`ORDER_IOC];
        end else if (unlinks_i) begin
            event_o[`event_kind]     = bid_i ? `KIND_RESTATED : `KIND_CANCELED;
            event_o[`event_reason]   = bid_i ? `REASON_NONE : swept_i ? `REASON_SWEPT : `REASON_USER;
            event_o[`event_quantity] = {12'd0, bid_i ? old_more_i : facts_i[`fact_off]};
            event_o[`event_leaves]   = {12'd0, open};
            event_o[`event_price_e4] = {1'b0, facts_i[`fact_old_price_e4]};
        end else if (fills_i) begin
            if (fill_cancels_i) begin
                event_o[`event_kind]         = `KIND_CANCELED;
                event_o[`event_reason]       = `REASON_SELF_TRADE;
                event_o[`event_account]      = {{(16-ACCOUNT_W){1'b0}}, maker_row_i[`order_account]};
                event_o[`event_session]      = {{(16-ACCOUNT_W){1'b0}}, maker_row_i[`order_session]};
                event_o[`event_order]        = maker_order;
                event_o[`EVENT_SELL]         = !sells;
                event_o[`event_quantity]     = {12'd0, fill_quantity_i};
                event_o[`event_leaves]       = {12'd0, maker_left_i};
                event_o[`event_price_e4]     = {1'b0, maker_row_i[`order_price_e4]};
            end else begin
                event_o[`event_kind]         = `KIND_TRADE;
                event_o[`event_order]        = bid_i ? command_i[`command_order] : order;
                event_o[`event_quantity]     = {12'd0, fill_quantity_i};
                event_o[`event_leaves]       = {12'd0, bid_i ? leaves_then_i + open : leaves_then_i};
                event_o[`event_price_e4]     = {1'b0, trade_price_e4_i};
                event_o[`event_maker]        = maker_order;
                event_o[`event_maker_leaves] = {12'd0, maker_left_i};
            end
        end else if (restates_i) begin
            event_o[`event_kind]         = `KIND_RESTATED;
            event_o[`event_account]      = {{(16-ACCOUNT_W){1'b0}}, maker_row_i[`order_account]};
            event_o[`event_session]      = {{(16-ACCOUNT_W){1'b0}}, maker_row_i[`order_session]};
            event_o[`event_order]        = maker_order;
            event_o[`EVENT_SELL]         = !sells;
            event_o[`event_quantity]     = {12'd0, maker_more_i};
            event_o[`event_leaves]       = {12'd0, maker_left_i};
            event_o[`event_price_e4]     = {1'b0, maker_row_i[`order_price_e4]};
        end else if (off_i) begin
            event_o[`event_kind]     = `KIND_CANCELED;
            event_o[`event_reason]   = `REASON_SELF_TRADE;
            event_o[`event_order]    = order;
            event_o[`event_quantity] = {12'd0, fill_quantity_i};
            event_o[`event_leaves]   = {12'd0, leaves_i};
            event_o[`event_price_e4] = {1'b0, price_e4_i};
        end else if (uncrosses_i) begin
            event_o[`event_kind]     = `KIND_SET;
            event_o[`event_price_e4] = {1'b0, price_e4_i};
            event_o[`event_value]    = {27'd0, volume_i};
            event_o[`event_table]    = `TABLE_SYMBOL;
        end else if (halts_i) begin
            event_o[`event_kind]    = `KIND_STATE;
            event_o[`event_reason]  = `REASON_HALT;
            event_o[`event_account] = 16'd0;
            event_o[`event_session] = 16'd0;
            event_o[`event_order]   = 32'd0;
            event_o[`EVENT_SELL]    = 1'b0;
            event_o[`event_value]   = {56'd0, `SYMBOL_STATE_HALTED};
            event_o[`event_table]   = `TABLE_SYMBOL;
            event_o[`event_field]   = `ROW_SYMBOL_STATE;
        end else begin
            event_o[`event_kind]     = `KIND_CANCELED;
            event_o[`event_reason]   = drop_reason_i;
            event_o[`event_order]    = order;
            event_o[`event_quantity] = {12'd0, leaves_i};
            event_o[`event_price_e4] = {1'b0, price_e4_i};
        end
    end

    // Parts of records that other opcodes use.
    wire unused = &{1'b0, command_i, facts_i, maker_row_i};
endmodule

`default_nettype wire
