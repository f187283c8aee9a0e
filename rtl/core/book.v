// book: the order that has passed the checks, or has not: verdict, levels, fills, what rests. One order at a time; for the clerk
// it takes off the orders that SWEEP meets, and fills the bids of an UNCROSS one after the other.
//
//   latency     order_i is followed by the verdict's clock, and that by the one that says it: see rtl/core/README.md
//   throughput  an order every 2 clocks if it meets nobody, 2 clocks a fill
//   slow sink   the state that speaks waits while event_ready_i is low, and all its writes with it
//   stopped_i   everything ends where it is; nothing is said any more
//   reset       empty; sweep_i clears the tables. Levels, links and what the front kept of the last order are not cleared: they mean
//               something only under a set bit of occupancy
//   invariant   a level's shares are the sum of what its orders have open; the best level is occupied; no fill is of nothing, or of
//               more than its order has open

`include "abi.vh"
`include "check.vh"
`include "rows.vh"
`default_nettype none

module book #(
    parameter SYMBOLS   = 64,
    parameter ACCOUNTS  = 256,
    parameter ORDERS    = 65536,
    parameter LEVELS    = 4096,
    parameter SWEEP_W   = 16,
    parameter SYMBOL_W  = $clog2(SYMBOLS),      // derived, as those behind it
    parameter ACCOUNT_W = $clog2(ACCOUNTS),
    parameter SLOT_W    = $clog2(ORDERS)
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire                      stopped_i,
    input  wire                      sweep_i,               // rows are cleared, after reset
    input  wire [SWEEP_W-1:0]        sweep_row_i,

    // An order from the checks, or an UNCROSS from the clerk: all that is known of it
    input  wire                      order_i,
    input  wire                      uncross_i,
    input  wire [`item_bits-1:0]     item_i,
    input  wire                      stale_i,               // it read a row that has been written since
    input  wire [`fact_bits-1:0]     facts_i,
    input  wire [30:0]               price_e4_i,
    input  wire [50:0]               notional_e4_i,
    input  wire [50:0]               old_notional_e4_i,
    input  wire [11:0]               rank_i,
    input  wire [7:0]                reason_i,              // of checks 1 to 5
    input  wire [13:0]               fails_i,               // of the others
    input  wire                      auction_i,
    input  wire [ACCOUNT_W-1:0]      firm_i,
    input  wire [2:0]                self_trade_i,          // the account's way
    input  wire [`money_bits-1:0]    money_row_i,
    input  wire [`position_bits-1:0] position_row_i,

    // A SWEEP's next order, from the clerk
    input  wire                      scan_cancels_i,
    input  wire [`kept_bits-1:0]     scan_command_i,
    input  wire [50:0]               scan_notional_e4_i,
    input  wire [`order_bits-1:0]    scan_row_i,

    // The book's state
    output wire                      empty_o,
    output wire                      free_o,                // it takes an order in this clock
    output wire                      short_o,               // what is in it does not trade, or is done
    output wire                      charges_o,             // its command is charged to its account's rate
    output wire                      accepts_o,             // and is a NEW that is accepted
    output wire                      again_o,               // its command was stale: all from it on come again
    output wire                      commit_o,              // its command will not
    output wire [15:0]               account_o,             // that command's
    output wire [SYMBOL_W-1:0]       symbol_o,
    output wire                      halts_o,               // its symbol
    output wire                      stays_crossed_o,       // why UNCROSS did nothing
    output wire [12:0]               best_bid_o,            // of its symbol; while it is empty of item_i's
    output wire [12:0]               best_ask_o,

    // Where orders rest, for the clerk: see occupancy.v
    input  wire                      looks_i,               // the best levels matter to it
    input  wire                      resting_read_i,
    input  wire                      resting_ask_i,
    input  wire [11:0]               resting_level_i,
    input  wire                      resting_find_i,
    output wire                      nearest_o,
    output wire [11:0]               nearest_level_o,

    // Rows that others keep
    output wire                      order_write_o,
    output wire [SLOT_W-1:0]         order_write_slot_o,
    output reg  [`order_bits-1:0]    order_row_o,           // zero while rows are cleared
    output wire                      client_ref_write_o,    // in the same slot
    output wire [31:0]               client_ref_o,
    output wire                      sums_read_o,           // in the command's symbol
    output wire [ACCOUNT_W-1:0]      sums_read_account_o,
    output wire                      sums_write_o,
    output wire [ACCOUNT_W-1:0]      sums_write_account_o,
    output wire [`money_bits-1:0]    money_row_o,
    output wire [`position_bits-1:0] position_row_o,

    input  wire                      event_ready_i,
    output wire                      event_valid_o,
    output reg                       event_last_o,
    output wire [511:0]              event_o,
    output wire                      event_by_card_o,       // of its command, as all of these
    output wire [63:0]               event_stamp_ns_o,
    output wire [31:0]               event_taken_o,
    output wire                      changes_o,             // it is said, and changes the symbol or its book

    // Tables: see parity.v
    input  wire [`memory_bits-1:0]   flip_i,
    output reg  [`memory_bits-1:0]   write_o,
    output reg  [`memory_bits-1:0]   fault_o
);
    localparam LEVEL_W    = $clog2(LEVELS);
    localparam POSITION_W = ACCOUNT_W + SYMBOL_W;
    localparam BOOK_W     = SYMBOL_W + 1;
    localparam FIRM_ROW_W = SLOT_W + 1;
    localparam [31:0] LEVEL_LAST = LEVELS - 1;
    localparam [11:0] LEVEL_MASK = LEVEL_LAST[11:0];       // levels are counted modulo LEVELS

    localparam [4:0]
        EMPTY      = 5'd0,
        VERDICT    = 5'd1,              // level and links are addressed
        REFUSE     = 5'd2,
        UNLINK     = 5'd3,              // the order that CANCEL or REPLACE names is reduced or taken out
        BEST       = 5'd4,              // its level was the best one
        ENTER_READ = 5'd5,              // REPLACE: the new level is addressed
        ENTER      = 5'd6,              // it rests, or its first level is here
        COUNT_READ = 5'd7,              // shares level by level, without touching any: the next level is addressed
        COUNT      = 5'd8,              // it is here
        COUNT_FIND = 5'd9,              // the one behind lies in another word
        COUNT_FOUND = 5'd26,
        BEST_FIND  = 5'd27,             // the next best lies in another word
        MAKER      = 5'd10,             // the level's oldest order is here
        FILL       = 5'd11,
        RESTATE    = 5'd12,             // it was an iceberg's shown part: the next one goes to the back
        OFF        = 5'd13,             // self-trade prevention: what comes off the incoming order
        HALT       = 5'd14,
        DROP       = 5'd15,             // what may not rest is cancelled
        CLOSE      = 5'd16,             // the other side's level is written back, the own one addressed
        REST       = 5'd17,
        SUMS       = 5'd18,
        // UNCROSS: shares of both sides are counted, then one bid after the other is filled as if it came in
        PRICE       = 5'd19,            // a count is done: what it says of the price
        UNCROSS_SAY = 5'd20,
        BID_READ    = 5'd21,            // the best bid's level is addressed
        BID_LEVEL   = 5'd22,            // and its oldest order
        BID_ORDER   = 5'd23,
        ASK_READ    = 5'd24,            // the same of the asks, which fill it
        ASK_LEVEL   = 5'd25;
    reg  [4:0] state_q = EMPTY;

    // ---- the order ------------------------------------------------------------------------------------------------------
    reg                       b_stale_q;
    reg  [`item_bits-1:0]     b_item_q;
    reg  [`fact_bits-1:0]     b_facts_q;
    reg  [30:0]               b_price_e4_q;
    reg  [50:0]               b_notional_q, b_old_notional_q;
    reg  [7:0]                b_reason_q;
    reg  [13:0]               b_fails_q;
    reg  [11:0]               b_rank_q;
    reg  [ACCOUNT_W-1:0]      b_firm_q;
    reg  [2:0]                b_mode_q;             // of self-trade prevention
    reg                       b_auction_q;
    reg                       b_swept_q;            // a SWEEP's cancel
    reg                       b_uncross_q;          // a bid of an UNCROSS
    wire [7:0]   self_trade = item_i[`command_self_trade];
    wire [`kept_bits-1:0] bid_command;
    wire         bid_comes = state_q == BID_ORDER;
    always @(posedge clk) begin
        if (order_i || uncross_i) begin
            b_item_q         <= item_i;
            b_stale_q        <= stale_i;
            b_facts_q        <= facts_i;
            b_price_e4_q       <= price_e4_i;
            b_notional_q     <= notional_e4_i;
            b_old_notional_q <= old_notional_e4_i;
            b_reason_q       <= reason_i;
            b_fails_q        <= fails_i;
            b_rank_q         <= rank_i;
            b_firm_q         <= firm_i;
            b_mode_q         <= self_trade != `SELF_TRADE_NONE ? self_trade[2:0] : self_trade_i;
            b_auction_q      <= auction_i;
            b_swept_q        <= 1'b0;
            b_uncross_q      <= uncross_i;
        end
        if (scan_cancels_i) begin
            b_item_q         <= {item_i[`item_bits-1:`kept_bits], scan_command_i};
            b_stale_q        <= 1'b0;
            // as of a CANCEL of all that is open
            b_facts_q        <= {4'b1111, 1'b1, 20'd0, scan_row_i[`order_leaves], scan_row_i[`order_executed],
                                 scan_row_i[`order_shown], scan_row_i[`order_displayed], scan_row_i[`order_price_e4],
                                 scan_row_i[`order_level], scan_row_i[`order_generation], {`fact_place_bits{1'b0}}};
            b_old_notional_q <= scan_notional_e4_i;
            b_reason_q       <= `REASON_NONE;
            b_firm_q         <= scan_row_i[`order_firm];
            b_swept_q        <= 1'b1;
            b_uncross_q      <= 1'b0;
        end
        if (bid_comes) begin
            b_item_q  <= {b_item_q[`item_bits-1:`kept_bits], bid_command};
            b_facts_q <= {4'b1111, 1'b1, maker_leaves - bid_part, bid_part, maker_executed + bid_part,
                          maker_shown, maker_displayed, maker_price_e4, maker_level, maker_generation, b_facts_q[`fact_place_bits-1:0]};
            b_firm_q  <= maker_firm;
        end
        if (state_q == ASK_READ) b_old_notional_q <= {20'd0, b_old_price} * {31'd0, b_off};
    end

    wire [`kept_bits-1:0] b_command   = b_item_q[`item_command];
    wire [SYMBOL_W-1:0]  b_symbol     = b_command[`command_symbol_low +: SYMBOL_W];
    wire [ACCOUNT_W-1:0] b_account    = b_command[`command_account_low +: ACCOUNT_W];
    wire [ACCOUNT_W-1:0] b_session    = b_command[`command_session_low +: ACCOUNT_W];
    wire [SLOT_W-1:0]    b_slot       = b_command[`command_order_low +: SLOT_W];
    wire                 b_sells      = b_command[`command_side] == `SIDE_SELL;
    wire                 b_new        = b_command[`command_opcode] == `OPCODE_NEW;
    wire                 b_ioc        = b_command[`ORDER_IOC];
    wire                 b_post_only  = b_command[`ORDER_POST_ONLY];
    wire                 b_fok        = b_command[`ORDER_FOK];
    wire [31:0]          b_least      = b_command[`command_quantity_min];
    wire [19:0]          b_shown      = b_command[`command_shown_low +: 20];
    wire                 b_cancels    = b_facts_q[`fact_cancels];
    wire [19:0]          b_open       = b_facts_q[`fact_open];
    wire [19:0]          b_off        = b_facts_q[`fact_off];
    wire [19:0]          b_executed   = b_facts_q[`fact_executed];
    wire [30:0]          b_old_price  = b_facts_q[`fact_old_price_e4];
    wire [11:0]          b_old_level  = b_facts_q[`fact_old_level];
    wire [19:0]          b_old_shown     = b_facts_q[`fact_old_shown];
    wire [19:0]          b_old_displayed = b_facts_q[`fact_old_displayed];
    wire [11:0]          b_old_generation = b_facts_q[`fact_generation];
    wire [11:0]          b_generation = b_old_generation + 12'd1;
    wire [11:0]          b_base_index = b_facts_q[`fact_base_index];
    wire [11:0]          b_reference  = b_facts_q[`fact_reference];
    wire [11:0]          b_collar     = b_facts_q[`fact_collar];
    wire [11:0]          b_level      = (b_base_index + b_rank_q) & LEVEL_MASK;
    wire                 b_needs      = b_fok || b_least != 32'd0;
    wire [19:0]          b_need       = b_fok ? b_open : b_least[19:0];

    // For an UNCROSS, the best bid as an order that comes in
    order_command #(.SYMBOL_W(SYMBOL_W), .ACCOUNT_W(ACCOUNT_W), .SLOT_W(SLOT_W)) bid_order (
        .stamp_ns_i(b_command[`command_stamp_ns]), .origin_i(b_command[`command_origin]), .sells_i(1'b0), .symbol_i(b_symbol),
        .account_i(maker_account), .session_i(maker_session), .generation_i(maker_generation), .slot_i(level_head),
        .command_o(bid_command)
    );

    // ---- verdict ----------------------------------------------------------------------------------------------------------
    wire [7:0] verdict;
    verdict verdict_of (.reason_i(b_reason_q), .cancels_i(b_cancels), .fails_i(b_fails_q), .reason_o(verdict));
    assign again_o  = state_q == VERDICT && b_stale_q && !stopped_i;
    assign commit_o = state_q == VERDICT && !b_stale_q && !b_swept_q && !stopped_i;

    // A message that passes checks 1 to 6 is charged, whatever the checks behind say.
    assign charges_o = state_q == VERDICT && !b_stale_q && !b_cancels && b_reason_q == `REASON_NONE && b_fails_q[1:0] == 2'b00;
    assign accepts_o = b_new && verdict == `REASON_NONE;

    wire [12:0] own_best   = b_sells ? best_ask : best_bid;
    wire [12:0] other_best = b_sells ? best_bid : best_ask;
    function outside(input [11:0] rank, input [11:0] from, input [11:0] limit);
        outside = (rank > from ? rank - from : from - rank) > limit;
    endfunction
    wire [11:0] other_rank = (other_best[11:0] - b_base_index) & LEVEL_MASK;
    wire        crosses    = other_best[12] && !b_auction_q && (b_sells ? other_rank >= b_rank_q : other_rank <= b_rank_q);
    wire [11:0] next_rank  = (next_level - b_base_index) & LEVEL_MASK;
    wire        next_crosses = next_valid && (b_sells ? next_rank >= b_rank_q : next_rank <= b_rank_q);
    wire        next_known = next_valid || next_none;

    reg         crosses_q, outside_q;
    wire        direct = !crosses_q && !b_ioc;      // rests as it is
    reg  [7:0]  refusal_q;
    always @(posedge clk) if (state_q == VERDICT) begin
        crosses_q         <= crosses;
        outside_q         <= outside(other_rank, b_reference, b_collar);
        refusal_q         <= verdict;
    end

    // ---- tables -----------------------------------------------------------------------------------------------------------
    wire firm_fault, maker_fault, previous_fault, next_fault, level_fault, words_fault, summary_fault;
    // open orders of a firm in a symbol, by side
    wire                  firm_write, firm_write_side, firm_read, firm_read_side;
    wire [ACCOUNT_W-1:0]  firm_write_firm, firm_read_firm;
    wire [FIRM_ROW_W-1:0] firm_row, firm_row_d;
    ram #(.ROWS(ACCOUNTS * SYMBOLS * 2), .ROW_W(FIRM_ROW_W)) firm_ram (
        .clk(clk), .rst(rst),
        .write_i(sweep_i || firm_write),
        .write_addr_i(sweep_i ? sweep_row_i[POSITION_W:0] : {firm_write_firm, b_symbol, firm_write_side}),
        .write_data_i(sweep_i ? {FIRM_ROW_W{1'b0}} : firm_row_d),
        .flip_i(flip_i[`MEMORY_FIRM]), .enable_i(firm_read), .read_addr_i({firm_read_firm, b_symbol, firm_read_side}), .read_data_o(firm_row), .fault_o(firm_fault)
    );

    // order once more: what the book reads of the orders it fills
    wire [`order_bits-1:0] maker_row;
    wire [19:0]          maker_leaves     = maker_row[`order_leaves];
    wire [19:0]          maker_executed   = maker_row[`order_executed];
    wire [30:0]          maker_price_e4   = maker_row[`order_price_e4];
    wire [ACCOUNT_W-1:0] maker_account    = maker_row[`order_account];
    wire [ACCOUNT_W-1:0] maker_session    = maker_row[`order_session];
    wire [11:0]          maker_level      = maker_row[`order_level];
    wire [11:0]          maker_generation = maker_row[`order_generation];
    wire [19:0]          maker_displayed  = maker_row[`order_displayed];
    wire [19:0]          maker_shown      = maker_row[`order_shown];
    wire [ACCOUNT_W-1:0] maker_firm       = maker_row[`order_firm];
    wire                 maker_read;
    wire [SLOT_W-1:0]    maker_read_slot;
    ram #(.ROWS(ORDERS), .ROW_W(`order_bits)) maker_ram (
        .clk(clk), .rst(rst),
        .write_i(sweep_i || order_write_o),
        .write_addr_i(sweep_i ? sweep_row_i[SLOT_W-1:0] : order_write_slot_o),
        .write_data_i(order_row_o),
        .flip_i(flip_i[`MEMORY_MAKER]), .enable_i(maker_read), .read_addr_i(maker_read_slot), .read_data_o(maker_row), .fault_o(maker_fault)
    );

    // links within a level; the head's previous and the tail's next mean nothing
    wire [SLOT_W-1:0] previous, next;
    wire              previous_write, next_write;
    wire [SLOT_W-1:0] previous_write_slot, next_write_slot, previous_d, next_d;
    wire              links_read;
    wire [SLOT_W-1:0] links_read_slot;
    ram #(.ROWS(ORDERS), .ROW_W(SLOT_W)) previous_ram (
        .clk(clk), .rst(rst),
        .write_i(previous_write), .write_addr_i(previous_write_slot), .write_data_i(previous_d),
        .flip_i(flip_i[`MEMORY_PREVIOUS]), .enable_i(links_read), .read_addr_i(links_read_slot), .read_data_o(previous), .fault_o(previous_fault)
    );
    ram #(.ROWS(ORDERS), .ROW_W(SLOT_W)) next_ram (
        .clk(clk), .rst(rst),
        .write_i(next_write), .write_addr_i(next_write_slot), .write_data_i(next_d),
        .flip_i(flip_i[`MEMORY_NEXT]), .enable_i(links_read), .read_addr_i(links_read_slot), .read_data_o(next), .fault_o(next_fault)
    );

    // level: meaningful only while occupied
    wire [`level_bits-1:0] level_row;
    reg  [`level_bits-1:0] level_row_d;
    wire [35:0]         level_shares = level_row[`level_shares];
    wire [SLOT_W-1:0]   level_tail   = level_row[`level_tail];
    wire [SLOT_W-1:0]   level_head   = level_row[`level_head];
    wire                level_write, level_write_side, level_read, level_read_side;
    wire [11:0]         level_write_index, level_read_index;
    ram #(.ROWS(SYMBOLS * 2 * LEVELS), .ROW_W(`level_bits)) level_ram (
        .clk(clk), .rst(rst),
        .write_i(level_write), .write_addr_i({b_symbol, level_write_side, level_write_index[LEVEL_W-1:0]}), .write_data_i(level_row_d),
        .flip_i(flip_i[`MEMORY_LEVEL]), .enable_i(level_read), .read_addr_i({b_symbol, level_read_side, level_read_index[LEVEL_W-1:0]}), .read_data_o(level_row), .fault_o(level_fault)
    );

    // the best level of each book, below a bit that says whether there is one
    reg  [13:0] best_bid_q [0:SYMBOLS-1];       // with parity
    reg  [13:0] best_ask_q [0:SYMBOLS-1];
    wire        best_write, best_write_side;
    wire [12:0] best_d;
    wire [13:0] best_row_d = sweep_i ? 14'd0 : {^best_d, best_d[12:1], best_d[0] ^ flip_i[`MEMORY_BEST]};
    always @(posedge clk) begin
        if (sweep_i || (best_write && best_write_side == 1'b0))
            best_bid_q[sweep_i ? sweep_row_i[SYMBOL_W-1:0] : b_symbol] <= best_row_d;
        if (sweep_i || (best_write && best_write_side == 1'b1))
            best_ask_q[sweep_i ? sweep_row_i[SYMBOL_W-1:0] : b_symbol] <= best_row_d;
    end
    wire [SYMBOL_W-1:0] e_symbol    = item_i[`command_symbol_low +: SYMBOL_W];
    wire [SYMBOL_W-1:0] best_symbol = state_q == EMPTY ? e_symbol : b_symbol;       // else the clerk looks
    wire [13:0] best_bid_row = best_bid_q[best_symbol];
    wire [13:0] best_ask_row = best_ask_q[best_symbol];
    wire [12:0] best_bid = best_bid_row[12:0];
    wire [12:0] best_ask = best_ask_row[12:0];
    assign best_bid_o = best_bid;
    assign best_ask_o = best_ask;
    wire        best_fault = ^best_bid_row || ^best_ask_row;
    wire        best_used  = state_q != EMPTY || looks_i;

    // which levels hold any order
    reg                occupancy_read, occupancy_down;
    reg  [BOOK_W-1:0]  occupancy_book;
    reg  [11:0]        occupancy_level;
    wire               occupied, elsewhere, occupancy_write, occupancy_find, walk, pop, next_valid, next_none, next_take, level_emptied;
    wire [11:0]        pop_level, next_level;
    occupancy #(.BOOKS(SYMBOLS * 2)) occupancy_map (
        .clk(clk), .rst(rst),
        .sweep_i(sweep_i), .sweep_book_i(sweep_row_i[6 +: BOOK_W]), .sweep_word_i(sweep_row_i[5:0]),
        .read_i(occupancy_read), .book_i(occupancy_book), .level_i(occupancy_level), .down_i(occupancy_down),
        .without_i(reads_old || count_reads || (reads_own && b_uncross_q)), .set_o(occupied),
        .write_i(occupancy_write), .write_set_i(state_q != UNLINK && state_q != BEST),
        .nearest_o(nearest_o), .nearest_level_o(nearest_level_o), .elsewhere_o(elsewhere),
        .find_i(occupancy_find),
        .walk_i(walk), .pop_o(pop), .pop_level_o(pop_level),
        .next_valid_o(next_valid), .next_level_o(next_level), .next_none_o(next_none), .next_i(next_take), .empty_i(level_emptied),
        .flip_word_i(flip_i[`MEMORY_WORDS]), .flip_summary_i(flip_i[`MEMORY_SUMMARY]), .word_fault_o(words_fault), .summary_fault_o(summary_fault)
    );

    // ---- the order of things --------------------------------------------------------------------------------------------------------
    reg  [19:0]       leaves_q, executed_q;         // of the incoming order
    reg  [7:0]        drop_reason_q;                // why the rest of it may not rest
    reg               counted_q;                    // what a FOK or a minimum needs is there
    reg               walked_q, exhausted_q;        // a level of the other side is open; and empty now
    reg  [11:0]       current_level_q;
    reg  [SLOT_W-1:0] current_tail_q, maker_slot_q;
    reg  [SLOT_W-1:0] current_head_q;
    reg  [35:0]       current_shares_q;
    reg  [19:0]       fill_q;
    reg               self_q;                       // the resting order is of the same firm: nothing trades
    reg  [4:0]        after_q;                      // what follows RESTATE or OFF

    // A CANCEL's order leaves its level when nothing of it is left; a REPLACE's always.
    wire removes     = !b_cancels || b_open == 20'd0;
    wire is_head     = level_head == b_slot;
    wire is_tail     = level_tail == b_slot;
    wire empties     = removes && is_head && is_tail;
    wire best_goes   = empties && own_best[11:0] == b_old_level;
    // A bid of an UNCROSS says nothing when it is taken off, but for an iceberg's next part.
    wire bid_restates = b_uncross_q && b_open != 20'd0 && b_off == b_old_displayed;
    wire unlink_says = !b_uncross_q || bid_restates;
    wire unlink_goes = state_q == UNLINK && (event_ready_i || !unlink_says);
    // The level that is left is the best one: the next best is looked at a clock later, where it lies known.
    reg         near_q, near_elsewhere_q;
    reg  [11:0] near_level_q;
    wire        best_find = state_q == BEST && !near_q && near_elsewhere_q;
    wire        best_ends = (state_q == BEST && !best_find) || state_q == BEST_FIND;
    always @(posedge clk) if (state_q == UNLINK) begin
        near_q           <= nearest_o;
        near_level_q     <= nearest_level_o;
        near_elsewhere_q <= elsewhere;
    end
    wire enter_says  = state_q == ENTER && b_new && !counted_q;
    wire enter_goes  = state_q == ENTER && (event_ready_i || !enter_says);
    wire enter_counts = b_needs && !counted_q;
    wire posts       = b_post_only && crosses_q;
    wire rests_now   = (enter_goes && direct) || (state_q == REST && leaves_q != 20'd0);
    wire fill_done   = fill_q == maker_leaves;      // the resting order is
    wire fill_is_tail = maker_slot_q == current_tail_q;
    wire decrements  = {5'd0, b_mode_q} == `SELF_TRADE_DECREMENT;
    wire cancels_both = self_q && {5'd0, b_mode_q} == `SELF_TRADE_BOTH;
    wire [19:0] fill_taken  = self_q && !decrements ? 20'd0 : fill_q;       // off the incoming order
    wire [19:0] leaves_then = leaves_q - fill_taken;
    wire fill_ends   = leaves_then == 20'd0;        // the incoming order is
    wire fill_stops  = fill_ends || cancels_both;
    wire fill_empties = fill_done && fill_is_tail;
    wire [19:0] maker_left  = maker_leaves - fill_q;
    wire [19:0] maker_more  = maker_shown != 20'd0 && maker_shown < maker_left ? maker_shown : maker_left;
    wire [19:0] maker_shows = self_q ? (maker_displayed < maker_left ? maker_displayed : maker_left) : maker_displayed - fill_q;
    wire refills     = state_q == FILL && !self_q && !fill_done && fill_q == maker_displayed;
    // What becomes of the rest, and so whether this is the last event, is known only with the next level.
    wire fill_goes   = state_q == FILL && event_ready_i && (fill_stops || !fill_empties || next_known);
    wire next_enters = fill_goes && !fill_stops && fill_empties && next_crosses;
    wire next_outside = !b_uncross_q && outside(next_rank, b_reference, b_collar);
    wire fill_rests  = !fill_stops && fill_empties && !next_crosses;
    wire close_goes  = state_q == CLOSE && (!(walked_q && exhausted_q) || next_known);
    wire self_trades = b_mode_q != 3'd0 && maker_firm == b_firm_q && !b_uncross_q;
    wire [30:0] trade_price = b_uncross_q ? b_price_e4_q : maker_price_e4;
    wire [19:0] fill_most = self_trades ? maker_leaves : maker_displayed;

    // Shares of a side's levels from the best one up to a rank
    reg         count_side_q, count_first_q, count_found_q;
    reg  [11:0] count_limit_q, count_level_q, count_rank_q;
    reg  [36:0] count_q, count_need_q;
    wire [11:0] count_rank    = (count_level_q - b_base_index) & LEVEL_MASK;
    wire        count_further = count_first_q || (count_side_q ? count_rank > count_rank_q : count_rank < count_rank_q);
    wire        count_within  = count_side_q ? count_rank <= count_limit_q : count_rank >= count_limit_q;
    wire        count_enough  = count_q >= count_need_q;
    wire        count_reads   = state_q == COUNT_READ && count_found_q && count_further && count_within && !count_enough;
    wire        count_find    = state_q == COUNT_FIND;

    // UNCROSS
    reg  [1:0]  phase_q;                            // bids, asks, whether it would stay crossed
    reg  [36:0] bids_q, volume_q;
    reg         bid_beyond_q;
    reg  [11:0] bid_beyond_rank_q;
    reg         uncross_crossed_q;
    wire        count_beyond = count_found_q && count_further;
    wire        bids_fewer   = bids_q < count_q;    // in phase 1, where count_q is what asks there are
    wire        asks_fewer   = count_q < bids_q;
    wire [36:0] volume_after = volume_q - {17'd0, b_off};
    wire        last_bid     = volume_after == 37'd0;
    wire [19:0] bid_part     = volume_q < {17'd0, maker_displayed} ? volume_q[19:0] : maker_displayed;

    wire book_ends  = (state_q == REFUSE && event_ready_i)
                    || (unlink_goes && b_cancels && !best_goes && !b_uncross_q)
                    || (best_ends && b_cancels && !b_uncross_q)
                    || (enter_goes && direct)
                    || (state_q == SUMS && (!b_uncross_q || last_bid));

    always @(posedge clk) begin
        case (state_q)
            EMPTY: ;
            VERDICT: begin
                leaves_q    <= b_open;
                executed_q  <= b_executed;
                counted_q   <= 1'b0;
                walked_q    <= 1'b0;
                exhausted_q <= 1'b0;
                if (b_stale_q)                   state_q <= EMPTY;
                else if (verdict != `REASON_NONE) state_q <= REFUSE;
                else                             state_q <= b_new ? ENTER : UNLINK;
            end
            REFUSE:     if (event_ready_i) state_q <= EMPTY;
            UNLINK:     if (unlink_goes) state_q <= best_goes ? BEST : b_uncross_q ? SUMS : b_cancels ? EMPTY : ENTER_READ;
            BEST, BEST_FIND:
                        state_q <= best_find ? BEST_FIND : b_uncross_q ? SUMS : b_cancels ? EMPTY : ENTER_READ;
            ENTER_READ: state_q <= ENTER;
            ENTER: if (enter_goes) begin
                maker_slot_q     <= level_head;
                current_head_q   <= level_head;
                current_tail_q   <= level_tail;
                current_shares_q <= level_shares;
                current_level_q  <= other_best[11:0];
                walked_q         <= walk;
                count_side_q     <= !b_sells;
                count_limit_q    <= b_rank_q;
                count_level_q    <= other_best[11:0];
                count_need_q     <= {17'd0, b_need};
                drop_reason_q    <= posts ? `REASON_POST_ONLY : `REASON_IOC;
                state_q           <= direct ? EMPTY : !crosses_q || posts ? DROP : outside_q ? HALT : MAKER;
                if (enter_counts) begin
                    if (b_mode_q != 3'd0 && firm_row != {FIRM_ROW_W{1'b0}}) begin
                        drop_reason_q <= `REASON_SELF_TRADE;
                        state_q        <= DROP;
                    end else begin
                        drop_reason_q <= `REASON_MINIMUM;
                        state_q        <= crosses_q && b_need <= b_open ? COUNT_READ : DROP;
                    end
                end
            end
            COUNT_READ: begin
                if (count_reads) begin
                    count_first_q <= 1'b0;
                    count_rank_q  <= count_rank;
                    state_q        <= COUNT;
                end else begin
                    state_q <= b_uncross_q ? PRICE : count_enough ? ENTER_READ : DROP;
                    counted_q <= 1'b1;
                end
            end
            COUNT: begin
                count_q       <= count_q + {1'b0, level_shares};
                count_found_q <= nearest_o;
                count_level_q <= nearest_level_o;
                state_q        <= !nearest_o && elsewhere ? COUNT_FIND : COUNT_READ;
            end
            COUNT_FIND: state_q <= COUNT_FOUND;
            COUNT_FOUND: begin
                count_found_q <= 1'b1;
                count_level_q <= nearest_level_o;
                state_q        <= COUNT_READ;
            end
            MAKER: begin
                fill_q    <= self_trades && !decrements ? maker_leaves : leaves_q < fill_most ? leaves_q : fill_most;
                self_q    <= self_trades;
                state_q    <= FILL;
                if (self_trades && {5'd0, b_mode_q} == `SELF_TRADE_NEWEST) begin
                    drop_reason_q <= `REASON_SELF_TRADE;
                    state_q        <= DROP;
                end
            end
            FILL: if (fill_goes) begin
                leaves_q          <= leaves_then;
                if (!self_q) executed_q <= executed_q + fill_q;
                current_shares_q  <= current_shares_q - {16'd0, fill_q};
                current_head_q    <= fill_done || (refills && !fill_is_tail) ? next : maker_slot_q;
                if (refills) current_tail_q <= maker_slot_q;
                exhausted_q       <= fill_empties;
                if (!refills) maker_slot_q <= next;
                if (next_take) begin
                    exhausted_q      <= 1'b0;
                    maker_slot_q     <= level_head;
                    current_head_q   <= level_head;
                    current_tail_q   <= level_tail;
                    current_shares_q <= level_shares;
                    current_level_q  <= next_level;
                end
                if (cancels_both) drop_reason_q <= `REASON_SELF_TRADE;
                after_q <= fill_then;
                state_q  <= refills ? RESTATE : self_q && decrements ? OFF : fill_then;
            end
            RESTATE: if (event_ready_i) begin
                maker_slot_q <= current_head_q;
                state_q       <= after_q;
            end
            OFF: if (event_ready_i) state_q <= after_q;
            HALT: if (event_ready_i) begin
                drop_reason_q <= `REASON_HALT;
                state_q        <= DROP;
            end
            DROP: if (event_ready_i) begin
                leaves_q <= 20'd0;
                state_q   <= CLOSE;
            end
            CLOSE: if (close_goes) state_q <= b_uncross_q ? UNLINK : REST;
            REST: state_q <= SUMS;
            SUMS: state_q <= b_uncross_q && !last_bid ? BID_READ : EMPTY;

            PRICE: begin                        // a count is done
                phase_q       <= phase_q + 2'd1;
                count_side_q  <= 1'b1;
                count_level_q <= best_ask[11:0];
                state_q        <= COUNT_READ;
                case (phase_q)
                    2'd0: begin
                        bids_q            <= count_q;
                        bid_beyond_q      <= count_beyond;
                        bid_beyond_rank_q <= count_rank;
                    end
                    2'd1: begin
                        volume_q      <= bids_fewer ? bids_q : count_q;
                        count_need_q  <= (bids_fewer ? bids_q : count_q) + 37'd1;
                        count_side_q  <= bids_fewer;
                        count_limit_q <= bids_fewer ? bid_beyond_rank_q : count_rank;
                        count_level_q <= bids_fewer ? best_ask[11:0] : best_bid[11:0];
                        if (!(bids_fewer && bid_beyond_q) && !(asks_fewer && count_beyond)) state_q <= UNCROSS_SAY;
                    end
                    default: begin
                        uncross_crossed_q <= count_enough;
                        state_q            <= count_enough ? EMPTY : UNCROSS_SAY;
                    end
                endcase
            end
            UNCROSS_SAY: if (event_ready_i) state_q <= volume_q == 37'd0 ? EMPTY : BID_READ;
            BID_READ:   state_q <= BID_LEVEL;
            BID_LEVEL:  state_q <= BID_ORDER;
            BID_ORDER: begin
                leaves_q <= bid_part;
                state_q   <= ASK_READ;
            end
            ASK_READ:   state_q <= ASK_LEVEL;
            ASK_LEVEL: begin
                maker_slot_q     <= level_head;
                current_head_q   <= level_head;
                current_tail_q   <= level_tail;
                current_shares_q <= level_shares;
                current_level_q  <= best_ask[11:0];
                walked_q         <= 1'b1;
                exhausted_q      <= 1'b0;
                state_q           <= MAKER;
            end
            default: state_q <= EMPTY;
        endcase
        if (state_q == SUMS) volume_q <= volume_after;
        if (state_q == ENTER || (state_q == PRICE && phase_q != 2'd3)) begin
            count_q       <= 37'd0;
            count_first_q <= 1'b1;
            count_found_q <= state_q == ENTER ? 1'b1 : (phase_q == 2'd1 && !bids_fewer) ? best_bid[12] : best_ask[12];
        end
        if (uncross_i) begin
            phase_q           <= 2'd0;
            uncross_crossed_q <= 1'b0;
            count_q           <= 37'd0;
            count_first_q     <= 1'b1;
            count_found_q     <= best_bid[12];
            count_side_q      <= 1'b0;
            count_limit_q     <= rank_i;
            count_level_q     <= best_bid[11:0];
            count_need_q      <= {37{1'b1}};
            state_q            <= COUNT_READ;
        end
        if (scan_cancels_i || order_i) state_q <= VERDICT;

        if (rst || stopped_i) state_q <= EMPTY;
    end
    // Where a fill leads: to the next resting order, or out.
    reg [4:0] fill_then;
    always @* begin
        if (cancels_both)                     fill_then = DROP;
        else if (fill_ends)                   fill_then = CLOSE;
        else if (fill_rests)                  fill_then = b_ioc ? DROP : CLOSE;
        else if (next_enters && next_outside) fill_then = HALT;
        else                                  fill_then = MAKER;
    end

    assign empty_o  = state_q == EMPTY;
    assign free_o   = state_q == EMPTY || book_ends;
    assign short_o  = state_q == EMPTY || state_q == VERDICT || book_ends;
    assign account_o = b_command[`command_account];
    assign symbol_o  = b_symbol;
    assign halts_o  = state_q == HALT;
    assign stays_crossed_o = uncross_crossed_q;

    // ---- reads -------------------------------------------------------------------------------------------------------------------
    wire reads_old   = state_q == VERDICT && !b_new;
    wire reads_other = (state_q == VERDICT && b_new && crosses) || (state_q == ENTER_READ && crosses_q) || state_q == ASK_READ;
    wire reads_own   = (state_q == VERDICT && b_new && !crosses) || (state_q == ENTER_READ && !crosses_q) || close_goes || state_q == BID_READ;
    // One of these three whatever crosses: the path from the best level to a read is long enough without.
    wire reads       = state_q == VERDICT || state_q == ENTER_READ || state_q == ASK_READ || state_q == BID_READ || close_goes || count_reads;
    assign level_read       = reads || pop;
    assign level_read_side  = count_reads ? count_side_q : reads_other || (pop && !reads_own) ? !b_sells : b_sells;
    assign level_read_index = reads_old            ? b_old_level
                            : reads_other          ? other_best[11:0]
                            : state_q == BID_READ   ? best_bid[11:0]
                            : reads_own            ? (b_uncross_q ? b_old_level : b_level)
                            : count_reads          ? count_level_q : pop_level;

    wire enters_fill = (enter_goes && crosses_q && !outside_q && !posts && !enter_counts) || state_q == ASK_LEVEL;
    wire next_maker  = (fill_goes && !fill_stops && !refills) || (state_q == RESTATE && event_ready_i);
    wire reads_bid   = state_q == BID_LEVEL;
    assign links_read      = state_q == VERDICT || enters_fill || next_maker || (close_goes && b_uncross_q);
    assign links_read_slot = state_q == VERDICT || state_q == CLOSE ? b_slot : maker_read_slot;
    assign maker_read      = enters_fill || next_maker || reads_bid;
    assign maker_read_slot = enters_fill || next_enters || reads_bid ? level_head : state_q == RESTATE ? current_head_q : next;

    wire reads_bid_sums = b_uncross_q && (state_q == UNLINK || state_q == BEST || state_q == BEST_FIND);
    assign sums_read_o         = state_q == MAKER || state_q == REST || reads_bid_sums;
    assign sums_read_account_o = state_q == MAKER ? maker_account : b_account;

    // Its own side's count is what an order changes; the other's tells a FOK whether its firm stands against it.
    wire firm_opposite = (state_q == VERDICT && b_new && b_needs) || (state_q == ENTER_READ && b_needs) || state_q == MAKER;
    assign firm_read      = state_q == VERDICT || state_q == ENTER_READ || state_q == MAKER || state_q == REST || close_goes;
    assign firm_read_firm = state_q == MAKER ? maker_firm : b_firm_q;
    assign firm_read_side = firm_opposite ? !b_sells : b_sells;

    assign walk          = enters_fill;
    assign next_take     = next_enters && !next_outside;
    assign level_emptied = fill_goes && fill_empties;

    always @* begin
        occupancy_read  = reads;
        occupancy_book  = {b_symbol, level_read_side};
        occupancy_level = level_read_index;
        // away from the touch: bids go down, asks up
        occupancy_down  = !level_read_side;
        if (resting_read_i) begin
            occupancy_read  = 1'b1;
            occupancy_book  = {e_symbol, resting_ask_i};
            occupancy_level = resting_level_i;
            occupancy_down  = resting_ask_i;
        end
    end
    assign occupancy_find  = best_find || count_find || resting_find_i;
    assign occupancy_write = (unlink_goes && empties && !best_goes) || state_q == BEST || (rests_now && !occupied);

    // ---- writes -----------------------------------------------------------------------------------------------------------------
    assign best_write      = best_ends || (rests_now && own_better)
                          || (close_goes && walked_q);
    assign best_write_side = state_q == CLOSE ? !b_sells : b_sells;
    wire [11:0] own_rank   = (own_best[11:0] - b_base_index) & LEVEL_MASK;
    wire        own_better = !own_best[12] || (b_sells ? b_rank_q < own_rank : b_rank_q > own_rank);
    assign best_d          = state_q == BEST      ? {near_q, near_level_q}
                           : state_q == BEST_FIND ? {1'b1, nearest_level_o}
                           : state_q == CLOSE  ? (exhausted_q ? {next_valid, next_level} : {1'b1, current_level_q}) : {1'b1, b_level};

    assign level_write       = (unlink_goes && !empties) || rests_now || (close_goes && walked_q && !exhausted_q);
    assign level_write_side  = state_q == CLOSE ? !b_sells : b_sells;
    assign level_write_index = state_q == UNLINK ? b_old_level : state_q == CLOSE ? current_level_q : b_level;
    // To the back: of an order that is head and tail, nothing moves.
    wire bid_to_back = bid_restates && !is_tail;
    always @* begin
        if (state_q == UNLINK)
            level_row_d = {(removes && is_head) || bid_to_back ? next : level_head,
                           bid_to_back ? b_slot : removes && is_tail ? previous : level_tail, level_shares - {16'd0, b_off}};
        else if (state_q == CLOSE)
            level_row_d = {current_head_q, current_tail_q, current_shares_q};
        else if (occupied)
            level_row_d = {level_head, b_slot, level_shares + {16'd0, leaves_q}};
        else
            level_row_d = {b_slot, b_slot, 16'd0, leaves_q};
    end

    wire unlinks = unlink_goes && removes;
    wire bid_goes_back   = unlink_goes && bid_to_back;
    wire maker_goes_back = fill_goes && refills && !fill_is_tail;
    assign next_write          = (unlinks && !is_head) || (rests_now && occupied) || bid_goes_back || maker_goes_back;
    assign next_write_slot     = unlinks ? previous : maker_goes_back ? current_tail_q : level_tail;
    assign next_d              = unlinks ? next : maker_goes_back ? maker_slot_q : b_slot;
    assign previous_write      = (unlinks && !is_tail) || (rests_now && occupied) || bid_goes_back || maker_goes_back;
    assign previous_write_slot = unlinks ? next : maker_goes_back ? maker_slot_q : b_slot;
    assign previous_d          = unlinks ? previous : maker_goes_back ? current_tail_q : level_tail;

    wire [19:0]          rest_shows = b_shown != 20'd0 && b_shown < leaves_q ? b_shown : leaves_q;
    wire [19:0]          old_more   = b_old_shown < b_open ? b_old_shown : b_open;
    wire [19:0]          old_shows  = bid_restates ? old_more : b_uncross_q ? b_old_displayed - b_off
                                    : b_old_displayed < b_open ? b_old_displayed : b_open;
    assign order_write_o      = (unlink_goes && b_cancels) || fill_goes || state_q == REST || (enter_goes && direct);
    assign order_write_slot_o = state_q == FILL ? maker_slot_q : b_slot;
    always @* begin
        if (state_q == FILL) begin
            order_row_o        = maker_row;
            order_row_o[`order_executed]  = self_q ? maker_executed : maker_executed + fill_q;
            order_row_o[`order_leaves]    = maker_left;
            order_row_o[`order_displayed] = refills ? maker_more : maker_shows;
            order_row_o[`order_live]      = !fill_done;
        end else if (state_q == UNLINK)
            order_row_o = {!removes, b_firm_q, b_old_shown, old_shows, b_old_generation, b_session, b_account, b_symbol, b_sells,
                           b_old_level, b_old_price, b_executed, b_open};
        else
            order_row_o = {leaves_q != 20'd0, b_firm_q, b_shown, rest_shows, b_generation, b_session, b_account, b_symbol, b_sells,
                           b_level, b_price_e4_q, executed_q, leaves_q};
        if (sweep_i) order_row_o = {`order_bits{1'b0}};
    end

    // A level's word means something if it is occupied, a link if there is a neighbour that way.
    wire level_used    = state_q == UNLINK || (state_q == ENTER && crosses_q) || (rests_now && occupied) || state_q == COUNT
                        || state_q == BID_LEVEL || state_q == ASK_LEVEL || next_enters;
    wire previous_used = state_q == UNLINK && removes && !is_head;
    wire next_used     = (state_q == UNLINK && (removes || bid_restates) && !is_tail)
                        || (state_q == FILL && (fill_done || refills) && !fill_is_tail);

    always @* begin
        fault_o = {`memory_bits{1'b0}};
        fault_o[`MEMORY_FIRM]     = firm_fault;
        fault_o[`MEMORY_MAKER]    = maker_fault;
        fault_o[`MEMORY_WORDS]    = words_fault;
        fault_o[`MEMORY_SUMMARY]  = summary_fault;
        fault_o[`MEMORY_PREVIOUS] = previous_fault && previous_used;
        fault_o[`MEMORY_NEXT]     = next_fault && next_used;
        fault_o[`MEMORY_LEVEL]    = level_fault && level_used;
        fault_o[`MEMORY_BEST]     = best_fault && best_used;
        write_o = {`memory_bits{1'b0}};
        write_o[`MEMORY_FIRM]     = firm_write;
        write_o[`MEMORY_MAKER]    = order_write_o;
        write_o[`MEMORY_WORDS]    = occupancy_write || level_emptied;
        write_o[`MEMORY_SUMMARY]  = occupancy_write || level_emptied;
        write_o[`MEMORY_PREVIOUS] = previous_write;
        write_o[`MEMORY_NEXT]     = next_write;
        write_o[`MEMORY_LEVEL]    = level_write;
        write_o[`MEMORY_BEST]     = best_write;
    end

    assign client_ref_write_o = state_q == REST || (enter_goes && direct);
    assign client_ref_o       = b_command[`command_client_ref];

    sums #(.ACCOUNT_W(ACCOUNT_W), .SLOT_W(SLOT_W)) sums_unit (
        .clk(clk),
        .load_i(order_i || uncross_i || scan_cancels_i), .sells_i(b_sells), .new_i(b_new), .cancels_i(b_cancels), .uncross_i(b_uncross_q),
        .account_i(b_account), .firm_i(b_firm_q), .price_e4_i(b_price_e4_q), .open_i(b_open), .off_i(b_off),
        .notional_e4_i(b_notional_q), .old_notional_e4_i(b_old_notional_q), .removes_i(removes), .leaves_i(leaves_q),
        .verdict_i(state_q == VERDICT), .direct_i((unlink_goes && b_cancels && !b_uncross_q) || (enter_goes && direct)),
        .begins_i(bid_comes), .maker_i(state_q == MAKER), .fill_i(fill_goes), .close_i(state_q == CLOSE), .rest_i(state_q == REST),
        .settle_i(state_q == SUMS), .joins_i((enter_goes && direct) || (state_q == SUMS && leaves_q != 20'd0)), .unlinks_i(unlinks),
        .maker_account_i(maker_account), .maker_firm_i(maker_firm), .maker_price_e4_i(maker_price_e4), .trade_price_e4_i(trade_price),
        .fill_quantity_i(fill_q), .fill_cancels_i(self_q), .fill_ends_i(fill_done),
        .money_row_i(money_row_i), .position_row_i(position_row_i), .firm_row_i(firm_row),
        .write_o(sums_write_o), .write_account_o(sums_write_account_o), .money_row_o(money_row_o), .position_row_o(position_row_o),
        .firm_write_o(firm_write), .firm_write_firm_o(firm_write_firm), .firm_write_side_o(firm_write_side), .firm_row_o(firm_row_d)
    );

    // ---- events ---------------------------------------------------------------------------------------------------------
    wire uncross_ends = !b_uncross_q || (last_bid && !bid_restates);
    wire enters       = enter_says || (state_q == UNLINK && !b_cancels);
    wire speaks       = state_q == REFUSE || state_q == RESTATE || state_q == OFF || state_q == UNCROSS_SAY || state_q == HALT || state_q == DROP;
    assign event_valid_o = speaks || enters || (state_q == UNLINK && unlink_says) || fill_goes;
    assign changes_o     = event_valid_o && event_ready_i && state_q != REFUSE;
    always @* begin
        if (enters) event_last_o = direct;
        else case (state_q)
            UNLINK:      event_last_o = b_uncross_q ? last_bid : !b_swept_q;
            FILL:        event_last_o = fill_then == CLOSE && !refills && !(self_q && decrements) && uncross_ends;
            RESTATE:     event_last_o = after_q == CLOSE && uncross_ends;
            OFF:         event_last_o = after_q == CLOSE;
            UNCROSS_SAY: event_last_o = volume_q == 37'd0;
            HALT:        event_last_o = 1'b0;
            default:     event_last_o = 1'b1;
        endcase
    end
    assign event_by_card_o  = b_item_q[`item_trusted] && b_command[`command_origin] == `ORIGIN_CARD;
    assign event_stamp_ns_o = b_command[`command_stamp_ns];
    assign event_taken_o    = b_item_q[`item_clock];
    book_event #(.SYMBOL_W(SYMBOL_W), .ACCOUNT_W(ACCOUNT_W), .SLOT_W(SLOT_W)) event_of (
        .refused_i(state_q == REFUSE), .enters_i(enters), .unlinks_i(state_q == UNLINK), .fills_i(state_q == FILL),
        .restates_i(state_q == RESTATE), .off_i(state_q == OFF), .uncrosses_i(state_q == UNCROSS_SAY), .halts_i(state_q == HALT),
        .command_i(b_command), .facts_i(b_facts_q), .new_i(b_new), .swept_i(b_swept_q), .bid_i(b_uncross_q),
        .refusal_i(refusal_q), .drop_reason_i(drop_reason_q), .price_e4_i(b_price_e4_q), .leaves_i(leaves_q), .old_more_i(old_more),
        .volume_i(volume_q),
        .maker_row_i(maker_row), .maker_slot_i(maker_slot_q), .maker_left_i(maker_left), .maker_more_i(maker_more),
        .fill_quantity_i(fill_q), .fill_cancels_i(self_q), .trade_price_e4_i(trade_price), .leaves_then_i(leaves_then),
        .event_o(event_o)
    );

    // Parts of records that other opcodes use.
    wire unused = &{1'b0, item_i, b_command, b_facts_q, b_least, maker_row, scan_row_i, flip_i, sweep_row_i, level_write_index, self_trade};

    `CHECK(fill_is_not_zero,        stopped_i || state_q != FILL || fill_q != 20'd0)
    `CHECK(maker_is_live,           stopped_i || state_q != FILL || maker_row[`order_live])
    `CHECK(level_has_what_it_fills, stopped_i || state_q != FILL || current_shares_q >= {16'd0, fill_q})
    `CHECK(best_is_occupied,        stopped_i || !walk || occupied)
`ifdef PROVE_TABLES
    `include "tables_proof.vh"
`endif
endmodule

`default_nettype wire
