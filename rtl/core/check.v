// check: the rows of accounts, and the checks of an order against them, in the room behind the front.
//
//   latency     two clocks. In the first, check 0, are the limits here and what no order before can change is checked, and
//               the sums are addressed; in the second, check 1, are the sums here, and reason_o and fails_o stand
//   throughput  an order every two clocks
//   slow sink   rows stay until the next read, and with them what is said
//   reset       of no row; sweep_i clears them
//   invariant   reason_o is of checks 1 to 5, fails_o has a bit for each one of 6 to 16: verdict.v has their order. Who reads sums
//               waits for those who may still write them: see core.v

`include "abi.vh"
`include "check.vh"
`include "rows.vh"
`default_nettype none

module check #(
    parameter SYMBOLS   = 64,
    parameter ACCOUNTS  = 256,
    parameter SWEEP_W   = 14,
    parameter SYMBOL_W  = $clog2(SYMBOLS),      // derived, as what is behind it
    parameter ACCOUNT_W = $clog2(ACCOUNTS)
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire                      stopped_i,
    input  wire                      sweep_i,               // rows are cleared, after reset
    input  wire [SWEEP_W-1:0]        sweep_row_i,

    // The order in the room: see front.v
    input  wire [`kept_bits-1:0]     command_i,
    input  wire [`fact_bits-1:0]     facts_i,
    input  wire [50:0]               notional_e4_i,
    input  wire [50:0]               old_notional_e4_i,
    input  wire                      on_tick_i,
    input  wire                      in_lots_i,
    input  wire                      in_band_i,
    input  wire [11:0]               rank_i,
    input  wire [1:0]                symbol_state_i,
    input  wire                      killed_i,
    input  wire                      firm_killed_i,
    input  wire                      account_killed_i,
    input  wire                      session_killed_i,

    output wire                      account_known_o,
    output wire                      outside_collar_o,
    output reg  [7:0]                reason_o,
    output wire [13:0]               fails_o,
    output reg                       auction_o,

    // The verdict, a clock behind leaves_i: a message of charges_account_i is charged; and it is a NEW that is accepted.
    input  wire                      leaves_i,
    input  wire                      charges_i,
    input  wire                      accepts_i,
    input  wire [ACCOUNT_W-1:0]      charges_account_i,

    // Reads; read_i has the limits of the command in the room once more, for the clerk.
    input  wire                      limits_read_i,
    input  wire [ACCOUNT_W-1:0]      limits_account_i,
    input  wire [SYMBOL_W-1:0]       limits_symbol_i,
    input  wire                      read_i,
    output wire [`account_bits-1:0]  account_row_o,
    output wire [`limit_bits-1:0]    limit_row_o,
    input  wire                      pace_read_i,           // of the account in the room
    output wire [62:0]               tat_ns_o,              // its theoretical arrival time
    input  wire                      sums_read_i,
    input  wire [ACCOUNT_W-1:0]      sums_read_account_i,
    input  wire [SYMBOL_W-1:0]       sums_read_symbol_i,
    output wire [`money_bits-1:0]    money_row_o,
    output wire [`position_bits-1:0] position_row_o,

    // Writes of the book
    input  wire                      sums_write_i,
    input  wire [ACCOUNT_W-1:0]      sums_write_account_i,
    input  wire [SYMBOL_W-1:0]       sums_write_symbol_i,
    input  wire [`money_bits-1:0]    money_row_i,
    input  wire [`position_bits-1:0] position_row_i,

    // Writes of the clerk: rows of the command in the room
    input  wire                      account_write_i,
    input  wire [`account_bits-1:0]  account_row_i,
    input  wire                      limit_write_i,
    input  wire [`limit_bits-1:0]    limit_row_i,
    input  wire                      sets_buying_power_i,   // to sum_i
    input  wire                      sets_traded_i,
    input  wire                      sets_net_i,
    input  wire [63:0]               sum_i,

    // Tables: see parity.v
    input  wire [`memory_bits-1:0]   flip_i,
    output reg  [`memory_bits-1:0]   write_o,
    output reg  [`memory_bits-1:0]   fault_o
);
    localparam POSITION_W = ACCOUNT_W + SYMBOL_W;

    wire [7:0]           opcode    = command_i[`command_opcode];
    wire                 is_new    = opcode == `OPCODE_NEW;
    wire                 sells     = command_i[`command_side] == `SIDE_SELL;
    wire [15:0]          account16 = command_i[`command_account];
    wire [SYMBOL_W-1:0]  symbol    = command_i[`command_symbol_low +: SYMBOL_W];
    wire [ACCOUNT_W-1:0] account   = command_i[`command_account_low +: ACCOUNT_W];

    // ---- rows -----------------------------------------------------------------------------------------------------------
    wire account_fault, limit_fault, money_fault, position_fault, pace_fault;
    ram #(.ROWS(ACCOUNTS), .ROW_W(`account_bits)) account_ram (
        .clk(clk), .rst(rst),
        .write_i(sweep_i || account_write_i),
        .write_addr_i(sweep_i ? sweep_row_i[ACCOUNT_W-1:0] : account),
        .write_data_i(sweep_i ? {`account_bits{1'b0}} : account_row_i), .flip_i(flip_i[`MEMORY_ACCOUNT]),
        .enable_i(limits_read_i || read_i), .read_addr_i(read_i ? account : limits_account_i),
        .read_data_o(account_row_o), .fault_o(account_fault)
    );
    ram #(.ROWS(ACCOUNTS * SYMBOLS), .ROW_W(`limit_bits)) limit_ram (
        .clk(clk), .rst(rst),
        .write_i(sweep_i || limit_write_i),
        .write_addr_i(sweep_i ? sweep_row_i[POSITION_W-1:0] : {account, symbol}),
        .write_data_i(sweep_i ? {`limit_bits{1'b0}} : limit_row_i), .flip_i(flip_i[`MEMORY_LIMIT]),
        .enable_i(limits_read_i || read_i), .read_addr_i(read_i ? {account, symbol} : {limits_account_i, limits_symbol_i}),
        .read_data_o(limit_row_o), .fault_o(limit_fault)
    );
    wire [`pace_bits-1:0] pace_row, pace_row_d;
    ram #(.ROWS(ACCOUNTS), .ROW_W(`pace_bits)) pace_ram (
        .clk(clk), .rst(rst),
        .write_i(sweep_i || charges_i),
        .write_addr_i(sweep_i ? sweep_row_i[ACCOUNT_W-1:0] : charges_account_i),
        .write_data_i(sweep_i ? {`pace_bits{1'b0}} : pace_row_d), .flip_i(flip_i[`MEMORY_PACE]),
        .enable_i(pace_read_i), .read_addr_i(account), .read_data_o(pace_row), .fault_o(pace_fault)
    );

    // What orders move; a command sets a part of it, and only while the book is empty.
    wire                      sets         = sets_buying_power_i || sets_traded_i || sets_net_i;
    wire                      sums_write   = sums_write_i || sets;
    wire [ACCOUNT_W-1:0]      sums_account = sums_write_i ? sums_write_account_i : account;
    wire [SYMBOL_W-1:0]       sums_symbol  = sums_write_i ? sums_write_symbol_i : symbol;
    reg  [`money_bits-1:0]    money_d;
    reg  [`position_bits-1:0] position_d;
    always @* begin
        money_d    = money_row_i;
        position_d = position_row_i;
        if (!sums_write_i) begin
            money_d    = money_row_o;
            position_d = position_row_o;
            if (sets_buying_power_i) money_d[`money_buying_power] = sum_i;
            if (sets_traded_i)       money_d[`money_traded]       = sum_i;
            if (sets_net_i)          position_d[`position_net]    = sum_i[47:0];
        end
    end
    ram #(.ROWS(ACCOUNTS), .ROW_W(`money_bits)) money_ram (
        .clk(clk), .rst(rst),
        .write_i(sweep_i || sums_write),
        .write_addr_i(sweep_i ? sweep_row_i[ACCOUNT_W-1:0] : sums_account),
        .write_data_i(sweep_i ? {`money_bits{1'b0}} : money_d), .flip_i(flip_i[`MEMORY_MONEY]),
        .enable_i(sums_read_i), .read_addr_i(sums_read_account_i), .read_data_o(money_row_o), .fault_o(money_fault)
    );
    ram #(.ROWS(ACCOUNTS * SYMBOLS), .ROW_W(`position_bits)) position_ram (
        .clk(clk), .rst(rst),
        .write_i(sweep_i || sums_write),
        .write_addr_i(sweep_i ? sweep_row_i[POSITION_W-1:0] : {sums_account, sums_symbol}),
        .write_data_i(sweep_i ? {`position_bits{1'b0}} : position_d), .flip_i(flip_i[`MEMORY_POSITION]),
        .enable_i(sums_read_i), .read_addr_i({sums_read_account_i, sums_read_symbol_i}),
        .read_data_o(position_row_o), .fault_o(position_fault)
    );
    always @* begin
        fault_o = {`memory_bits{1'b0}};
        fault_o[`MEMORY_ACCOUNT]  = account_fault;
        fault_o[`MEMORY_LIMIT]    = limit_fault;
        fault_o[`MEMORY_PACE]     = pace_fault;
        fault_o[`MEMORY_MONEY]    = money_fault;
        fault_o[`MEMORY_POSITION] = position_fault;
        write_o = {`memory_bits{1'b0}};
        write_o[`MEMORY_ACCOUNT]  = account_write_i;
        write_o[`MEMORY_LIMIT]    = limit_write_i;
        write_o[`MEMORY_PACE]     = charges_i;
        write_o[`MEMORY_MONEY]    = sums_write;
        write_o[`MEMORY_POSITION] = sums_write;
    end

    // ---- check 0: what no order before can change ----------------------------------------------------------------------
    wire [19:0] open       = facts_i[`fact_open];
    wire [19:0] off        = facts_i[`fact_off];
    wire        referenced = facts_i[`fact_referenced];
    wire [11:0] reference  = facts_i[`fact_reference];
    wire [11:0] collar     = facts_i[`fact_collar];
    wire [9:0]  currency   = account_row_o[`account_currency];
    assign account_known_o = {16'd0, account16} < ACCOUNTS && currency != 10'd0;
    wire [7:0]  permit_reason;
    permit permit_check (
        .form_ok_i(facts_i[`fact_form_ok]), .on_tick_i(on_tick_i), .in_lots_i(in_lots_i),
        .is_new_i(is_new), .is_replace_i(opcode == `OPCODE_REPLACE), .cancels_i(facts_i[`fact_cancels]),
        .slot_free_i(facts_i[`fact_free]), .named_i(facts_i[`fact_named]),
        .symbol_known_i(facts_i[`fact_known]), .account_known_i(account_known_o),
        .killed_i(killed_i), .firm_killed_i(firm_killed_i), .account_killed_i(account_killed_i), .session_killed_i(session_killed_i),
        .enabled_i(account_row_o[`account_enabled]), .symbol_state_i(symbol_state_i), .plain_i(command_i[`command_flags] == 16'd0),
        .reason_o(permit_reason)
    );
    wire [12:0] away     = {1'b0, rank_i} - {1'b0, reference};
    wire [12:0] distance = away[12] ? -away : away;
    assign outside_collar_o = distance > {1'b0, collar};

    reg  [4:0]  fails_q;                    // of checks 8 to 10
    reg  [20:0] more_quantity_q;
    reg  [51:0] more_notional_q;
    always @(posedge clk) begin
        reason_o        <= permit_reason;
        fails_q         <= {outside_collar_o, !referenced, !in_band_i,
                            notional_e4_i > account_row_o[`account_notional_max_e4], open > account_row_o[`account_quantity_max]};
        auction_o       <= {6'd0, symbol_state_i} == `SYMBOL_STATE_AUCTION;
        more_quantity_q <= {1'b0, open} - {1'b0, off};
        more_notional_q <= {1'b0, notional_e4_i} - {1'b0, old_notional_e4_i};
    end

    // ---- check 1: against the account's sums ---------------------------------------------------------------------------
    wire restricted, too_fast, too_many, too_long, too_short, too_gross, too_daily, too_dear;
    limits limits_check (
        .sells_i(sells), .more_quantity_i(more_quantity_q), .more_notional_e4_i(more_notional_q),
        .buying_power_e4_i(money_row_o[`money_buying_power]),
        .net_i(position_row_o[`position_net]), .open_buy_i(position_row_o[`position_open_buy]), .open_sell_i(position_row_o[`position_open_sell]),
        .long_max_i(limit_row_o[`limit_long_max]), .short_max_i(limit_row_o[`limit_short_max]), .locate_i(limit_row_o[`limit_locate]),
        .restriction_i(limit_row_o[`limit_restriction]),
        .adds_order_i(is_new), .open_count_i(money_row_o[`money_open_count]), .open_max_i(account_row_o[`account_open_max]),
        .gross_e4_i(money_row_o[`money_gross]), .gross_max_e4_i(account_row_o[`account_gross_max_e4]),
        .traded_e4_i(money_row_o[`money_traded]), .daily_max_e4_i(account_row_o[`account_daily_max_e4]),
        .restricted_o(restricted), .too_many_o(too_many), .too_gross_o(too_gross), .too_daily_o(too_daily),
        .too_long_o(too_long), .too_short_o(too_short), .too_dear_o(too_dear)
    );

    wire [62:0] tat_then;
    assign      tat_ns_o = pace_row[`pace_tat_ns];
    wire [63:0] stamp = command_i[`command_stamp_ns];
    rate rate_check (
        .stamp_ns_i(stamp), .tat_ns_i(tat_ns_o), .interval_ns_i(account_row_o[`account_rate_interval_ns]),
        .burst_ns_i(account_row_o[`account_rate_burst_ns]), .too_fast_o(too_fast), .tat_then_o(tat_then)
    );
    wire [`last_new_bits-1:0] last_row = pace_row[`pace_last_new];
    wire [31:0] price        = command_i[`command_price_e4];        // of a market order 0
    wire [31:0] quantity     = command_i[`command_quantity];
    wire [`last_new_bits-1:0] this_new = {1'b1, symbol, sells, price[30:0], quantity[19:0], stamp};
    wire [31:0] duplicate_ns = account_row_o[`account_duplicate_ns];
    wire [63:0] since_last   = stamp - last_row[`last_new_stamp_ns];
    wire        duplicate    = is_new && duplicate_ns != 32'd0 && last_row[`last_new_order] == this_new[`last_new_order]
                            && since_last <= {32'd0, duplicate_ns};
    assign fails_o = {too_dear, too_daily, too_gross, too_short, too_long, too_many, duplicate, fails_q, too_fast, restricted};

    // What the account's row becomes, once the verdict is known
    reg [62:0]               tat_then_q;
    reg [`last_new_bits-1:0] last_row_q, this_new_q;
    always @(posedge clk) if (leaves_i) begin
        tat_then_q <= tat_then;
        last_row_q <= last_row;
        this_new_q <= this_new;
    end
    assign pace_row_d = {accepts_i ? this_new_q : last_row_q, tat_then_q};

    // Parts of records that other opcodes use.
    wire unused = &{1'b0, command_i, facts_i, sweep_row_i, price, quantity, flip_i};

    `CHECK(reservations_hold, stopped_i || !sums_write || (!money_d[63] && !money_d[127]))
endmodule

`default_nettype wire
