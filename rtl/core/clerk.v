// clerk: carries out what is no order (rows, credit, KILL, QUERY, NOP, SWEEP, UNCROSS), one command at a time and with the
// pipeline empty; for SWEEP and UNCROSS the book does the work, order by order. Kill bits and symbols' states live here, and
// what QUERY alone asks for.
//
//   latency     of each command: tests/rtl/test_clocks.c
//   throughput  one command at a time: done_o goes with its last event
//   slow sink   the state that speaks waits while event_ready_i is low; done_o waits with it
//   reset       idle; the engine is killed and nothing else, every symbol is closed
//   invariant   it speaks and writes only while the book is empty; a row takes no value that field.v does not allow

`include "abi.vh"
`include "check.vh"
`include "rows.vh"
`default_nettype none

module clerk #(
    parameter SYMBOLS   = 64,
    parameter ACCOUNTS  = 256,
    parameter ORDERS    = 65536,
    parameter LEVELS    = 4096,
    parameter SYMBOL_W  = $clog2(SYMBOLS),      // derived, as those behind it
    parameter ACCOUNT_W = $clog2(ACCOUNTS),
    parameter SLOT_W    = $clog2(ORDERS)
) (
    input  wire                     clk,
    input  wire                     rst,
    input  wire                     stopped_i,          // a row was wrong: nothing goes on
    input  wire                     sweep_i,            // a symbol's last event is cleared, after reset
    input  wire [SYMBOL_W-1:0]      sweep_symbol_i,

    // The command, and what the stages in front found; all stay until done_o.
    input  wire                     start_i,
    output wire                     done_o,
    output wire                     busy_o,
    input  wire [`kept_bits-1:0]    command_i,
    input  wire                     form_ok_i,
    input  wire                     symbol_known_i,
    input  wire                     account_known_i,
    input  wire                     below_base_i,       // the price, or the base that is to be
    input  wire [31:0]              ticks_i,            // from the base, either way
    input  wire                     on_tick_i,
    input  wire                     in_band_i,
    input  wire                     referenced_i,
    input  wire                     outside_collar_i,

    // Rows: read_o addresses all that the command names; what stood there is here a clock later.
    output wire                     read_o,
    input  wire [`symbol_bits-1:0]  symbol_row_i,
    input  wire [`account_bits-1:0] account_row_i,
    input  wire [`money_bits-1:0]   money_row_i,
    input  wire [62:0]              tat_ns_i,
    input  wire [`limit_bits-1:0]   limit_row_i,
    input  wire [`position_bits-1:0] position_row_i,
    input  wire [`order_bits-1:0]   order_row_i,
    output wire                     symbol_write_o,
    output reg  [`symbol_bits-1:0]  symbol_row_o,
    output wire                     account_write_o,
    output reg  [`account_bits-1:0] account_row_o,
    output wire                     limit_write_o,
    output reg  [`limit_bits-1:0]   limit_row_o,
    output wire                     sets_buying_power_o, // of the account's sums one: to sum_o
    output wire                     sets_traded_o,
    output wire                     sets_net_o,
    output wire [63:0]              sum_o,

    // What the checks ask: of the command's symbol and account, and of the account's firm
    output wire [1:0]               symbol_state_o,
    output reg                      killed_o = 1'b1,
    output wire                     firm_killed_o,
    output wire                     account_killed_o,
    output wire                     session_killed_o,

    // The book
    input  wire                     book_empty_i,
    input  wire [12:0]              best_bid_i,         // its level, below a bit that says whether there is one
    input  wire [12:0]              best_ask_i,
    output wire                     resting_read_o,     // the search for the farthest resting order of a side begins
    output wire                     resting_ask_o,
    output wire [11:0]              resting_level_o,
    output wire                     resting_find_o,     // and goes on in another word
    input  wire                     nearest_i,
    input  wire [11:0]              nearest_level_i,
    output wire                     scans_o,            // SWEEP: an order is addressed
    output wire [SLOT_W-1:0]        scan_slot_o,
    output wire                     scan_sums_o,        // its account's sums are to be addressed
    output wire                     scan_cancels_o,     // the book is to cancel it
    output wire [`kept_bits-1:0]    scan_command_o,
    output reg  [50:0]              scan_notional_e4_o,
    output wire                     uncross_o,          // the book is to uncross
    input  wire                     stays_crossed_i,    // it was not done: the book would be crossed
    input  wire                     book_changes_i,     // an event of the book's changes book_symbol_i
    input  wire                     book_halts_i,
    input  wire [SYMBOL_W-1:0]      book_symbol_i,
    input  wire                     client_ref_write_i,
    input  wire [SLOT_W-1:0]        client_ref_slot_i,
    input  wire [31:0]              client_ref_i,

    // Events: what is said, while the book is empty, is what this says.
    input  wire                     event_ready_i,
    input  wire [63:0]              event_number_i,     // of the one that is said
    output reg                      event_valid_o,
    output reg                      event_last_o,
    output reg  [511:0]             event_o,

    // Tables: see parity.v
    input  wire [`memory_bits-1:0]  flip_i,
    output reg  [`memory_bits-1:0]  write_o,
    output reg  [`memory_bits-1:0]  fault_o
);
    localparam [31:0] LEVEL_LAST = LEVELS - 1;
    localparam [11:0] LEVEL_MASK = LEVEL_LAST[11:0];    // levels are counted modulo LEVELS

    localparam [4:0]
        IDLE         = 5'd0,
        READ         = 5'd1,
        DISPATCH     = 5'd2,
        ROW_VALUE    = 5'd3,            // SYMBOL, ACCOUNT, POSITION: the field's new value
        ROW_CHECK    = 5'd4,
        RESTING_READ = 5'd5,            // lowest and highest resting level of both sides
        RESTING_SEE  = 5'd6,
        RESTING_FIND = 5'd7,
        RESTING_DONE = 5'd8,
        DIVIDE       = 5'd9,
        ROW_WRITE    = 5'd10,
        ROW_SAY      = 5'd11,
        CREDIT       = 5'd12,
        KILL         = 5'd13,
        QUERY        = 5'd14,
        NOP          = 5'd15,
        SCAN_READ    = 5'd16,           // SWEEP: a slot is addressed
        SCAN         = 5'd17,           // it is here, and the next one addressed
        SCAN_SUMS    = 5'd18,           // it meets the filter: its account's sums are addressed
        SCAN_CANCEL  = 5'd19,           // and here: the book cancels it
        SCAN_WAIT    = 5'd20,
        SWEPT        = 5'd21,
        UNCROSS      = 5'd22,
        UNCROSS_WAIT = 5'd23,
        RESTING_SEEK = 5'd24;           // the search goes on in another word

    reg  [4:0] state_q = IDLE;
    reg        refuses_q = 1'b0;        // in state NOP: REJECTED is said
    reg  [7:0] reason_q;                // and why

    wire [7:0]           opcode  = command_i[`command_opcode];
    wire [7:0]           field   = command_i[`command_field];
    wire [7:0]           mode    = command_i[`command_mode];
    wire [63:0]          value   = command_i[`command_value];
    wire [15:0]          firm16    = command_i[`command_firm];
    wire [15:0]          account16 = command_i[`command_account];
    wire [SYMBOL_W-1:0]  symbol  = command_i[`command_symbol_low +: SYMBOL_W];
    wire [ACCOUNT_W-1:0] firm    = command_i[`command_firm_low +: ACCOUNT_W];
    wire [ACCOUNT_W-1:0] account = command_i[`command_account_low +: ACCOUNT_W];
    wire [ACCOUNT_W-1:0] session = command_i[`command_session_low +: ACCOUNT_W];
    wire [SLOT_W-1:0]    slot    = command_i[`command_order_low +: SLOT_W];
    wire                 sells   = command_i[`command_side] == `SIDE_SELL;
    wire                 adjusts = mode == `MODE_ADJUST;
    wire                 kills   = mode == `MODE_KILL;
    wire is_symbol   = opcode == `OPCODE_SYMBOL;
    wire is_account  = opcode == `OPCODE_ACCOUNT;
    wire is_position = opcode == `OPCODE_POSITION;
    wire sets_state  = is_symbol && field == `ROW_SYMBOL_STATE;
    wire sets_base   = is_symbol && field == `ROW_SYMBOL_BASE_E4;
    wire sets_tick   = is_symbol && field == `ROW_SYMBOL_TICK_E4;
    wire sets_lot    = is_symbol && field == `ROW_SYMBOL_LOT;

    wire [11:0] base_index = symbol_row_i[`symbol_base_index];
    wire [11:0] reference  = symbol_row_i[`symbol_reference];

    assign busy_o = state_q != IDLE;
    assign read_o = state_q == READ;

    // ---- what the clerk keeps -----------------------------------------------------------------------------------------
    reg [2*SYMBOLS-1:0] symbol_states_q;
    reg [ACCOUNTS-1:0]  firm_killed_q, account_killed_q, session_killed_q;
    reg [63:0]          row_value_q;
    wire [7:0]          halted = `SYMBOL_STATE_HALTED;
    assign symbol_state_o   = symbol_states_q[2*symbol +: 2];
    assign firm_killed_o    = firm_killed_q[account_row_i[`account_firm]];
    assign account_killed_o = account_killed_q[account];
    assign session_killed_o = session_killed_q[session];
    always @(posedge clk) begin
        if (state_q == KILL && event_ready_i) begin
            if (field == `TABLE_ENGINE)  killed_o                  <= kills;
            if (field == `TABLE_FIRM)    firm_killed_q[firm]       <= kills;
            if (field == `TABLE_ACCOUNT) account_killed_q[account] <= kills;
            if (field == `TABLE_SESSION) session_killed_q[session] <= kills;
        end
        if (state_q == ROW_WRITE && sets_state) symbol_states_q[2*symbol +: 2] <= row_value_q[1:0];
        if (book_halts_i) symbol_states_q[2*book_symbol_i +: 2] <= halted[1:0];

        if (rst) begin
            killed_o         <= 1'b1;
            firm_killed_q    <= {ACCOUNTS{1'b0}};
            account_killed_q <= {ACCOUNTS{1'b0}};
            session_killed_q <= {ACCOUNTS{1'b0}};
            symbol_states_q  <= {2*SYMBOLS{1'b0}};
        end
    end

    // number of the last event that changed a symbol or its book, for UNCROSS
    reg  [64:0] last_event_q [0:SYMBOLS-1];     // with parity
    wire [64:0] last_event_row = last_event_q[symbol];
    wire [63:0] last_event = last_event_row[63:0];
    wire        changes_symbol = book_changes_i || (state_q == ROW_SAY && is_symbol && event_ready_i);
    wire [SYMBOL_W-1:0] changed_symbol = book_empty_i ? symbol : book_symbol_i;
    wire [64:0] last_event_d = sweep_i ? 65'd0
                             : {^event_number_i, event_number_i[63:1], event_number_i[0] ^ flip_i[`MEMORY_LAST_EVENT]};
    always @(posedge clk)
        if (sweep_i || changes_symbol) last_event_q[sweep_i ? sweep_symbol_i : changed_symbol] <= last_event_d;

    wire [31:0] client_ref;
    wire        client_ref_fault;
    ram #(.ROWS(ORDERS), .ROW_W(32)) client_ref_ram (
        .clk(clk), .rst(rst),
        .write_i(client_ref_write_i), .write_addr_i(client_ref_slot_i), .write_data_i(client_ref_i), .flip_i(flip_i[`MEMORY_CLIENT_REF]),
        .enable_i(read_o), .read_addr_i(slot), .read_data_o(client_ref), .fault_o(client_ref_fault)
    );

    // ---- rows by field ------------------------------------------------------------------------------------------------
    reg  [7:0]  query_field_q;
    wire [7:0]  table_ = is_symbol ? `TABLE_SYMBOL : is_account ? `TABLE_ACCOUNT : is_position ? `TABLE_POSITION : field;
    wire [63:0] row_value, row_min, row_max;            // of the field, as it is
    wire        row_exists, row_last, row_settable;
    field #(.ACCOUNTS(ACCOUNTS), .LEVELS(LEVELS), .SYMBOL_W(SYMBOL_W)) row_field (
        .table_i(table_), .field_i(opcode == `OPCODE_QUERY ? query_field_q : field),
        .killed_i(killed_o), .firm_killed_i(firm_killed_q[firm]), .account_killed_i(account_killed_o), .session_killed_i(session_killed_o),
        .symbol_state_i(symbol_state_o), .last_event_i(last_event),
        .symbol_row_i(symbol_row_i), .account_row_i(account_row_i), .money_row_i(money_row_i), .tat_ns_i(tat_ns_i),
        .limit_row_i(limit_row_i), .position_row_i(position_row_i), .order_row_i(order_row_i), .client_ref_i(client_ref),
        .value_o(row_value), .exists_o(row_exists), .last_o(row_last), .settable_o(row_settable), .min_o(row_min), .max_o(row_max)
    );

    reg         row_overflow_q;
    wire [64:0] row_sum = {row_value[63], row_value} + {value[63], value};
    wire        row_value_ok = row_settable && !row_overflow_q
                            && $signed(row_value_q) >= $signed(row_min) && $signed(row_value_q) <= $signed(row_max);
    // A crossed book does not open, and open orders keep their account's firm.
    wire        crossed = best_bid_i[12] && best_ask_i[12]
                       && ((best_bid_i[11:0] - base_index) & LEVEL_MASK) >= ((best_ask_i[11:0] - base_index) & LEVEL_MASK);
    wire        opens_crossed = sets_state && row_value_q[7:0] == `SYMBOL_STATE_OPEN && crossed;
    wire        leaves_firm   = is_account && field == `ROW_ACCOUNT_FIRM && money_row_i[`money_open_count] != 20'd0;

    // Where orders rest, over both sides: the best bid and ask, and a search from either end of the band.
    reg  [1:0]  resting_q;                      // side of the search
    reg         any_resting_q;
    reg  [11:0] lowest_q, highest_q;
    wire [11:0] last_index   = (base_index - 12'd1) & LEVEL_MASK;
    wire [12:0] resting_best = resting_q[0] ? best_ask_i : best_bid_i;
    wire [11:0] resting_best_rank = (resting_best[11:0] - base_index) & LEVEL_MASK;
    wire [11:0] resting_far_rank  = (nearest_level_i - base_index) & LEVEL_MASK;
    wire [11:0] resting_low  = resting_q[0] ? resting_best_rank : resting_far_rank;
    wire [11:0] resting_high = resting_q[0] ? resting_far_rank : resting_best_rank;
    assign resting_read_o  = state_q == RESTING_READ;
    assign resting_find_o  = state_q == RESTING_SEEK;
    assign resting_ask_o   = resting_q[0];
    assign resting_level_o = resting_q[0] ? last_index : base_index;

    wire        base_moves_out  = below_base_i ? {20'd0, highest_q} + ticks_i >= LEVELS : ticks_i > {20'd0, lowest_q};
    wire [31:0] reference_moved = below_base_i ? {20'd0, reference} + ticks_i : {20'd0, reference} - ticks_i;
    wire        reference_stays = symbol_row_i[`symbol_referenced] && reference_moved < LEVELS;

    wire        divide_start = (state_q == RESTING_DONE && sets_tick && !any_resting_q) || (state_q == ROW_CHECK && row_value_ok && sets_lot);
    wire        divide_done;
    wire [32:0] quotient;
    reciprocal reciprocal_unit (
        .clk(clk), .rst(rst), .start_i(divide_start), .divisor_i(row_value_q[19:0]), .done_o(divide_done), .reciprocal_o(quotient)
    );

    wire writes_row = state_q == ROW_WRITE;
    wire sets_traded = is_account && field == `ROW_ACCOUNT_TRADED_E4;
    wire sets_net    = is_position && field == `ROW_POSITION_NET;
    assign symbol_write_o  = writes_row && is_symbol;
    assign account_write_o = writes_row && is_account && !sets_traded;
    assign limit_write_o   = writes_row && is_position && !sets_net;
    assign sets_traded_o   = writes_row && sets_traded;
    assign sets_net_o      = writes_row && sets_net;
    always @* begin
        symbol_row_o = symbol_row_i;
        case (field)
            `ROW_SYMBOL_BASE_E4: begin
                symbol_row_o[`symbol_base_e4]    = row_value_q[30:0];
                symbol_row_o[`symbol_base_index] = !any_resting_q ? 12'd0
                                                 : (below_base_i ? base_index - ticks_i[11:0] : base_index + ticks_i[11:0]) & LEVEL_MASK;
                symbol_row_o[`symbol_referenced] = any_resting_q && reference_stays;
                symbol_row_o[`symbol_reference]  = reference_moved[11:0];
            end
            `ROW_SYMBOL_TICK_E4: begin
                symbol_row_o[`symbol_tick_e4]         = row_value_q[19:0];
                symbol_row_o[`symbol_tick_reciprocal] = quotient;
                symbol_row_o[`symbol_referenced]      = 1'b0;
            end
            `ROW_SYMBOL_LOT: begin
                symbol_row_o[`symbol_lot]            = row_value_q[15:0];
                symbol_row_o[`symbol_lot_reciprocal] = quotient;
            end
            `ROW_SYMBOL_REFERENCE: begin
                symbol_row_o[`symbol_referenced] = !row_value_q[63];
                symbol_row_o[`symbol_reference]  = row_value_q[11:0];
            end
            `ROW_SYMBOL_COLLAR: symbol_row_o[`symbol_collar] = row_value_q[11:0];
            default: ;                          // STATE, which is apart
        endcase

        account_row_o = account_row_i;
        case (field)
            `ROW_ACCOUNT_ENABLED:          account_row_o[`account_enabled]          = row_value_q[0];
            `ROW_ACCOUNT_FIRM:             account_row_o[`account_firm]             = row_value_q[ACCOUNT_W-1:0];
            `ROW_ACCOUNT_CURRENCY:         account_row_o[`account_currency]         = row_value_q[9:0];
            `ROW_ACCOUNT_QUANTITY_MAX:     account_row_o[`account_quantity_max]     = row_value_q[19:0];
            `ROW_ACCOUNT_RATE_INTERVAL_NS: account_row_o[`account_rate_interval_ns] = row_value_q[31:0];
            `ROW_ACCOUNT_RATE_BURST_NS:    account_row_o[`account_rate_burst_ns]    = row_value_q[31:0];
            `ROW_ACCOUNT_DUPLICATE_NS:     account_row_o[`account_duplicate_ns]     = row_value_q[31:0];
            `ROW_ACCOUNT_OPEN_MAX:         account_row_o[`account_open_max]         = row_value_q[19:0];
            `ROW_ACCOUNT_GROSS_MAX_E4:     account_row_o[`account_gross_max_e4]     = row_value_q[60:0];
            `ROW_ACCOUNT_DAILY_MAX_E4:     account_row_o[`account_daily_max_e4]     = row_value_q[60:0];
            `ROW_ACCOUNT_SELF_TRADE:       account_row_o[`account_self_trade]       = row_value_q[2:0];
            default:                       account_row_o[`account_notional_max_e4]  = row_value_q[50:0];
        endcase

        limit_row_o = limit_row_i;
        case (field)
            `ROW_POSITION_LONG_MAX:  limit_row_o[`limit_long_max]    = row_value_q[47:0];
            `ROW_POSITION_SHORT_MAX: limit_row_o[`limit_short_max]   = row_value_q[47:0];
            `ROW_POSITION_LOCATE:    limit_row_o[`limit_locate]      = row_value_q[47:0];
            default:                 limit_row_o[`limit_restriction] = row_value_q[2:0];
        endcase
    end

    // ---- CREDIT -------------------------------------------------------------------------------------------------------
    wire [63:0] buying_power = money_row_i[`money_buying_power];
    wire [64:0] credit_sum   = {1'b0, buying_power} + {value[63], value};
    wire [64:0] credit_total = credit_sum + {1'b0, money_row_i[`money_reserved]};   // looked at only when credit_sum is not negative
    wire [7:0]  credit_reason = !account_known_i                   ? `REASON_UNKNOWN_ACCOUNT
                              : !value[63] && (credit_total[64] || credit_total[63]) ? `REASON_CREDIT_OVERFLOW
                              : value[63] && credit_sum[64]        ? `REASON_CREDIT_SHORT
                              :                                      `REASON_NONE;
    wire        credits = state_q == CREDIT && credit_reason == `REASON_NONE;
    assign sets_buying_power_o = credits;
    assign sum_o               = credits ? credit_sum[63:0] : row_value_q;

    // ---- SWEEP looks at every slot, one a clock; what meets its filter is cancelled by the book ------------------------------
    reg  [19:0] swept_q;
    reg  [SLOT_W:0] scan_q;
    wire        row_live   = order_row_i[`order_live];
    wire        row_sells  = order_row_i[`order_sells];
    wire [19:0] row_leaves = order_row_i[`order_leaves];
    wire [30:0] row_price_e4 = order_row_i[`order_price_e4];
    wire        scan_meets = row_live
                          && (!(|(mode & `FILTER_SESSION)) || order_row_i[`order_session] == session)
                          && (!(|(mode & `FILTER_FIRM))    || order_row_i[`order_firm]    == firm)
                          && (!(|(mode & `FILTER_ACCOUNT)) || order_row_i[`order_account] == account)
                          && (!(|(mode & `FILTER_SYMBOL))  || order_row_i[`order_symbol]  == symbol)
                          && (!(|(mode & `FILTER_SIDE))    || row_sells == sells);
    wire        scan_ends  = scan_q[SLOT_W];
    assign scans_o        = state_q == SCAN_READ || (state_q == SCAN && !scan_meets);
    assign scan_slot_o    = scan_q[SLOT_W-1:0];
    assign scan_sums_o    = state_q == SCAN_SUMS;
    assign scan_cancels_o = state_q == SCAN_CANCEL;
    wire [SLOT_W-1:0] scanned_slot = scan_q[SLOT_W-1:0] - 1'b1;
    order_command #(.SYMBOL_W(SYMBOL_W), .ACCOUNT_W(ACCOUNT_W), .SLOT_W(SLOT_W)) scan_order (
        .stamp_ns_i(command_i[`command_stamp_ns]), .origin_i(command_i[`command_origin]), .sells_i(row_sells),
        .symbol_i(order_row_i[`order_symbol]), .account_i(order_row_i[`order_account]), .session_i(order_row_i[`order_session]),
        .generation_i(order_row_i[`order_generation]), .slot_i(scanned_slot), .command_o(scan_command_o)
    );
    always @(posedge clk) begin
        if (state_q == DISPATCH) begin
            scan_q  <= {(SLOT_W+1){1'b0}};
            swept_q <= 20'd0;
        end
        if (scans_o) scan_q <= scan_q + 1'b1;
        if (scan_sums_o) scan_notional_e4_o <= {20'd0, row_price_e4} * {31'd0, row_leaves};
        if (scan_cancels_o) swept_q <= swept_q + 20'd1;
    end

    // ---- UNCROSS ------------------------------------------------------------------------------------------------------
    wire [7:0] uncross_reason = !symbol_known_i                                 ? `REASON_UNKNOWN_SYMBOL
                              : !on_tick_i                                      ? `REASON_PRICE_OFF_TICK
                              : {6'd0, symbol_state_o} != `SYMBOL_STATE_AUCTION ? `REASON_KIND_NOT_ALLOWED
                              : value != last_event                             ? `REASON_STALE
                              : !in_band_i                                      ? `REASON_OUTSIDE_BAND
                              : !referenced_i                                   ? `REASON_NO_REFERENCE
                              : outside_collar_i                                ? `REASON_OUTSIDE_COLLAR
                              :                                                   `REASON_NONE;
    assign uncross_o = state_q == UNCROSS && uncross_reason == `REASON_NONE;

    // ---- the order of things --------------------------------------------------------------------------------------------
    assign done_o = event_ready_i && (state_q == ROW_SAY || credits || state_q == KILL || (state_q == QUERY && row_last)
                                   || state_q == NOP || state_q == SWEPT || (state_q == UNCROSS_WAIT && book_empty_i && !stays_crossed_i));
    always @(posedge clk) begin
        case (state_q)
            IDLE: if (start_i) begin
                state_q         <= READ;
                refuses_q <= 1'b0;
            end
            READ: state_q <= DISPATCH;
            DISPATCH: begin
                query_field_q  <= 8'd1;
                resting_q      <= 2'd0;
                any_resting_q  <= 1'b0;
                lowest_q       <= LEVEL_MASK;
                highest_q      <= 12'd0;
                reason_q <= `REASON_MALFORMED;
                if (!form_ok_i) begin
                    refuses_q <= 1'b1;
                    state_q         <= NOP;
                end else case (opcode)
                    `OPCODE_CREDIT: state_q <= CREDIT;
                    `OPCODE_KILL:   state_q <= KILL;
                    `OPCODE_QUERY:  state_q <= QUERY;
                    `OPCODE_NOP, `OPCODE_ALERT: state_q <= NOP;
                    `OPCODE_SWEEP:  state_q <= SCAN_READ;
                    `OPCODE_UNCROSS: state_q <= UNCROSS;
                    default:        state_q <= ROW_VALUE;
                endcase
            end

            ROW_VALUE: begin
                row_value_q    <= adjusts ? row_sum[63:0] : value;
                row_overflow_q <= adjusts && row_sum[64] != row_sum[63];
                state_q        <= ROW_CHECK;
            end
            ROW_CHECK: begin
                if (!row_value_ok || opens_crossed || leaves_firm) begin
                    if (row_value_ok) reason_q <= opens_crossed ? `REASON_BOOK_CROSSED : `REASON_ORDERS_OPEN;
                    refuses_q <= 1'b1;
                    state_q         <= NOP;
                end else begin
                    state_q <= sets_base || sets_tick ? RESTING_READ : sets_lot ? DIVIDE : ROW_WRITE;
                end
            end
            RESTING_READ: state_q <= RESTING_SEE;
            RESTING_SEE, RESTING_FIND: begin
                if (resting_best[12]) begin
                    any_resting_q <= 1'b1;
                    if (resting_low < lowest_q)   lowest_q  <= resting_low;
                    if (resting_high > highest_q) highest_q <= resting_high;
                end
                if (state_q == RESTING_SEE && resting_best[12] && !nearest_i) begin
                    lowest_q  <= lowest_q;
                    highest_q <= highest_q;
                    state_q   <= RESTING_SEEK;
                end else begin
                    resting_q <= resting_q + 2'd1;
                    state_q   <= resting_q[0] ? RESTING_DONE : RESTING_READ;
                end
            end
            RESTING_SEEK: state_q <= RESTING_FIND;
            RESTING_DONE: begin
                reason_q <= sets_base && !on_tick_i ? `REASON_PRICE_OFF_TICK : `REASON_BAND_OCCUPIED;
                if (any_resting_q && (sets_tick || !on_tick_i || base_moves_out)) begin
                    refuses_q <= 1'b1;
                    state_q         <= NOP;
                end else begin
                    state_q <= sets_tick ? DIVIDE : ROW_WRITE;
                end
            end
            DIVIDE:    if (divide_done) state_q <= ROW_WRITE;
            ROW_WRITE: state_q <= ROW_SAY;

            CREDIT: begin
                reason_q <= credit_reason;
                if (!credits) begin
                    refuses_q <= 1'b1;
                    state_q         <= NOP;
                end
            end
            SCAN_READ: state_q <= SCAN;
            SCAN:      state_q <= scan_meets ? SCAN_SUMS : scan_ends ? SWEPT : SCAN;
            SCAN_SUMS: state_q <= SCAN_CANCEL;
            SCAN_CANCEL: state_q <= SCAN_WAIT;
            SCAN_WAIT: if (book_empty_i) state_q <= scan_ends ? SWEPT : SCAN_READ;
            UNCROSS: begin
                reason_q  <= uncross_reason;
                refuses_q <= uncross_reason != `REASON_NONE;
                state_q         <= uncross_reason != `REASON_NONE ? NOP : UNCROSS_WAIT;
            end
            UNCROSS_WAIT: if (book_empty_i && stays_crossed_i) begin
                reason_q  <= `REASON_BOOK_CROSSED;
                refuses_q <= 1'b1;
                state_q         <= NOP;
            end
            // Fields that are still to be built lie behind the last one of their table.
            QUERY: if (event_ready_i) query_field_q <= query_field_q + 8'd1;
            default: ;                          // ROW_SAY, KILL, SWEPT, NOP: one event
        endcase
        if (done_o) state_q <= IDLE;

        if (rst || stopped_i) state_q <= IDLE;
    end

    // ---- events -------------------------------------------------------------------------------------------------------
    always @* begin
        event_valid_o = 1'b0;
        event_last_o  = 1'b1;
        event_o       = 512'd0;
        event_o[`event_symbol]  = command_i[`command_symbol];
        event_o[`event_account] = account16;
        event_o[`event_session] = command_i[`command_session];
        event_o[`event_order]   = command_i[`command_order];
        event_o[`EVENT_SELL]    = sells;
        case (state_q)
            ROW_SAY: begin
                event_valid_o = 1'b1;
                event_o[`event_kind]  = sets_state ? `KIND_STATE : `KIND_SET;
                event_o[`EVENT_SELL]  = 1'b0;
                event_o[`event_value] = row_value_q;
                event_o[`event_table] = table_;
                event_o[`event_field] = field;
            end
            CREDIT: begin
                event_valid_o = credits;
                event_o[`event_kind]  = `KIND_CREDITED;
                event_o[`event_value] = credit_sum[63:0];
            end
            KILL: begin
                event_valid_o = 1'b1;
                event_o[`event_kind]    = `KIND_STATE;
                event_o[`event_account] = field == `TABLE_FIRM ? firm16 : account16;
                event_o[`event_value]   = {63'd0, kills};
                event_o[`event_table]   = field;
                event_o[`event_field]   = field == `TABLE_ACCOUNT ? `ROW_ACCOUNT_KILLED
                                        : field == `TABLE_FIRM    ? `ROW_FIRM_KILLED
                                        : field == `TABLE_SESSION ? `ROW_SESSION_KILLED : `ROW_ENGINE_KILLED;
            end
            QUERY: begin
                event_valid_o = row_exists;
                event_last_o  = row_last;
                event_o[`event_kind]    = `KIND_ROW;
                event_o[`event_account] = field == `TABLE_FIRM ? firm16 : account16;
                event_o[`event_value]   = row_value;
                event_o[`event_table]   = field;
                event_o[`event_field]   = query_field_q;
            end
            SWEPT: begin
                event_valid_o = 1'b1;
                event_o[`event_kind]     = `KIND_SWEPT;
                event_o[`event_quantity] = {12'd0, swept_q};
            end
            NOP: begin
                event_valid_o = 1'b1;
                if (refuses_q) begin
                    event_o[`event_kind]       = `KIND_REJECTED;
                    event_o[`event_reason]     = reason_q;
                    event_o[`event_quantity]   = command_i[`command_quantity];
                    event_o[`event_price_e4]   = command_i[`command_price_e4];
                    event_o[`event_client_ref] = command_i[`command_client_ref];
                    event_o[`event_field]      = opcode;
                end else begin
                    event_o[`event_kind]  = opcode == `OPCODE_ALERT ? `KIND_ALERT : `KIND_SET;
                    event_o[`event_value] = value;      // a NOP's parts are zero
                    event_o[`event_field] = field;
                end
            end
            default: ;
        endcase
    end

    // A symbol's last event and a client's reference are looked at only where they are used.
    always @* begin
        fault_o = {`memory_bits{1'b0}};
        fault_o[`MEMORY_CLIENT_REF] = client_ref_fault && state_q == QUERY && table_ == `TABLE_ORDER && row_live;
        fault_o[`MEMORY_LAST_EVENT] = ^last_event_row && (state_q == UNCROSS || (state_q == QUERY && table_ == `TABLE_SYMBOL));
        write_o = {`memory_bits{1'b0}};
        write_o[`MEMORY_CLIENT_REF] = client_ref_write_i;
        write_o[`MEMORY_LAST_EVENT] = changes_symbol;
    end

    wire unused = &{1'b0, command_i, flip_i, halted, credit_total, order_row_i};

    `CHECK(query_row_exists, stopped_i || state_q != QUERY || row_exists)
endmodule

`default_nettype wire
