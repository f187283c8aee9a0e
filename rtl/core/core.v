// core: the engine. Commands enter one a clock, are checked, booked and reported in order, as if one after another.
//
//   latency     from taking to verdict 7 clocks, always; to each event by tests/rtl/test_clocks.c: see rtl/core/README.md
//   throughput  one order command every 2 clocks, more for fills; row commands one at a time with the pipeline empty
//   slow sink   an event that cannot leave holds the book where it is; nothing is lost
//   reset       the gate is closed; init_done_o says when the tables are swept and commands are taken
//   invariant   the same commands and stamps give the same events as host/engine/engine.c, bit for bit
//
// This module joins the stages and says which goes when.
//
//   clock 1     front 1   front.v   symbol and order row are here: distance from the base and its quotient, which order is meant
//         2     front 2             quotients of tick and lot times these again
//         3     front 3             price times quantity; the account's limits are addressed
//         4     check 0   check.v   checks that no order before can change; the account's sums are addressed
//         5     check 1             all others
//         6     verdict   book.v    the first that failed; does it cross; level, links and bits are addressed
//         7     book                all writes of a command that does not trade, and its event
//
// What orders before may still change is read late: sums in check 0, which waits while the book has a command of the same
// account or one that trades; level, links and bits in the verdict, behind the writes of the command before. Only an
// order's own row is read early, at the taking: a write to it while its command is in front makes that command stale,
// and all from it on are taken again.
//
// Orders live in slots that the host chooses; a level is a doubly linked queue of slots, named by its place modulo LEVELS,
// with head, tail and sum; occupancy.v finds the next level that holds any. Nothing is scanned but by SWEEP, which looks at
// every slot, one a clock.

`include "abi.vh"
`include "check.vh"
`include "rows.vh"
`default_nettype none

module core #(
    parameter SYMBOLS  = 64,            // each a power of two, 2 or more
    parameter ACCOUNTS = 256,
    parameter ORDERS   = 65536,
    parameter LEVELS   = 4096           // 64 to 4,096
) (
    input  wire         clk,
    input  wire         rst,

    output wire         init_done_o,
    output wire         killed_o,       // the gate is closed
    output wire         busy_o,         // a command is being carried out

    output wire [4:0]   stalls_o,       // pulses: COUNTER_STALL_ACCOUNT and those behind it
    input  wire [4:0]   inject_i,       // MEMORY_ number of the table whose next row is written wrong, for tests; 0 is none
    output wire [4:0]   stopped_o,      // MEMORY_ number of the table whose row was wrong; nothing more is taken or said

    input  wire         s_command_tvalid,
    output wire         s_command_tready,
    input  wire [511:0] s_command_tdata,    // stamp filled in
    input  wire         s_command_tuser,    // from the card itself or a replay: the origin may be CARD

    output wire         m_event_tvalid,
    input  wire         m_event_tready,
    output wire [511:0] m_event_tdata       // credits and phase zero
);
    localparam SYMBOL_W  = $clog2(SYMBOLS);
    localparam ACCOUNT_W = $clog2(ACCOUNTS);
    localparam SLOT_W    = $clog2(ORDERS);

    // The sweep behind a reset runs over the largest table: slots, positions, words of occupancy.
    function integer widest(input integer a, input integer b);
        widest = a > b ? a : b;
    endfunction
    localparam SWEEP_W   = widest(widest(SLOT_W, ACCOUNT_W + SYMBOL_W + 1), SYMBOL_W + 7);
    reg               sweeping_q = 1'b1;
    reg [SWEEP_W-1:0] sweep_q = {SWEEP_W{1'b0}};
    always @(posedge clk) begin
        if (sweeping_q) begin
            sweep_q    <= sweep_q + 1'b1;
            sweeping_q <= !(&sweep_q);
        end
        if (rst) begin
            sweeping_q <= 1'b1;
            sweep_q    <= {SWEEP_W{1'b0}};
        end
    end

    // ---- what goes from stage to stage: e_ is what is in the room of the checks, b_ what the book has --------------------
    wire                      offered, take, commit, again, alone, e_valid, e_leaves, e_stale, e_auction;
    wire [`item_given_bits-1:0] offered_item;
    wire [`item_bits-1:0]     e_item;
    wire [15:0]               b_account16;
    wire [SYMBOL_W-1:0]       b_symbol;
    wire [`fact_bits-1:0]     e_facts;
    wire [30:0]               e_price_e4;
    wire [50:0]               e_notional, e_old_notional;
    wire [31:0]               ticks;
    wire [11:0]               e_rank;
    wire                      on_tick, in_lots, in_band, below_base, account_known, outside_collar;
    wire [7:0]                e_reason;
    wire [13:0]               e_fails;
    wire [62:0]               tat_ns;
    wire                      book_empty, book_free, book_short, book_halts, book_changes, book_commits, charges, accepts, stays_crossed;
    wire [12:0]               best_bid, best_ask;
    wire                      clerk_done, clerk_busy, reading, scans, scan_sums, scan_cancels, uncross;
    wire [SLOT_W-1:0]         scan_slot;
    wire [`kept_bits-1:0]     scan_command;
    wire [50:0]               scan_notional;
    wire                      resting_read, resting_ask, resting_find, nearest;
    wire [11:0]               resting_level, nearest_level;
    wire                      killed, firm_killed, account_killed, session_killed;
    wire [1:0]                symbol_state;

    // Rows as they are read, and _d as they are written
    wire                      limits_read, symbol_write, order_write, client_ref_write, account_write, limit_write;
    wire                      book_reads_sums, sums_write, sets_buying_power, sets_traded, sets_net;
    wire [ACCOUNT_W-1:0]      limits_account, sums_write_account, book_sums_account;
    wire [SYMBOL_W-1:0]       limits_symbol;
    wire [SLOT_W-1:0]         order_write_slot;
    wire [63:0]               clerk_sum;
    wire [31:0]               client_ref_d;
    wire [`symbol_bits-1:0]   symbol_row, symbol_row_d;
    wire [`order_bits-1:0]    order_row, order_row_d;
    wire [`account_bits-1:0]  account_row, account_row_d;
    wire [`limit_bits-1:0]    limit_row, limit_row_d;
    wire [`money_bits-1:0]    money_row, money_row_d;
    wire [`position_bits-1:0] position_row, position_row_d;

    // Events
    wire                      event_ready, said, book_valid, book_last, book_by_card, clerk_valid, clerk_last;
    wire [511:0]              book_event, clerk_event;
    wire [63:0]               event_number, book_stamp_ns;
    wire [31:0]               clock, book_taken;

    // ---- memory errors --------------------------------------------------------------------------------------------------
    wire [`memory_bits-1:0] front_fault, check_fault, clerk_fault, book_fault, front_writes, check_writes, clerk_writes, book_writes, flip;
    wire [`memory_bits-1:0] fault = front_fault | check_fault | clerk_fault | book_fault;
    parity parity_unit (
        .clk(clk), .rst(rst), .sweeping_i(sweeping_q), .fault_i(fault), .stopped_o(stopped_o),
        .inject_i(inject_i), .write_i(front_writes | check_writes | clerk_writes | book_writes), .flip_o(flip)
    );
    wire stopped = stopped_o != 5'd0;

    // ---- commands come, with stamps that never go back ---------------------------------------------------------------------
    reg  [63:0]  stamp_q;
    wire [63:0]  given_stamp = s_command_tdata[`command_stamp_ns];
    wire [63:0]  stamp_d     = given_stamp > stamp_q ? given_stamp : stamp_q;
    always @(posedge clk) begin
        if (s_command_tvalid && s_command_tready) stamp_q <= stamp_d;
        if (rst) stamp_q <= 64'd0;
    end
    wire intake_ready, intake_busy;
    intake #(.ITEM_W(`item_given_bits)) intake (
        .clk(clk), .rst(rst),
        .s_command_tvalid(s_command_tvalid && !sweeping_q && !stopped), .s_command_tready(intake_ready),
        .s_command_tdata({s_command_tdata[`command_reserved], clock, s_command_tuser, s_command_tdata[`kept_bits-1:64], stamp_d}),
        .m_command_tvalid(offered), .m_command_tready(take), .m_command_tdata(offered_item),
        .commit_i(commit), .again_i(again), .busy_o(intake_busy)
    );
    assign s_command_tready = intake_ready && !sweeping_q && !stopped;

    // ---- front 1 to 3 -----------------------------------------------------------------------------------------------------
`ifdef PROVE_CORE
    wire front_empty;
`endif
    front #(.SYMBOLS(SYMBOLS), .ACCOUNTS(ACCOUNTS), .ORDERS(ORDERS), .LEVELS(LEVELS), .SWEEP_W(SWEEP_W)) front_unit (
        .clk(clk), .rst(rst), .stopped_i(stopped), .sweep_i(sweeping_q), .sweep_row_i(sweep_q),
        .s_command_tvalid(offered), .s_command_tready(take), .s_command_tdata(offered_item), .again_i(again),
        .done_i(clerk_done), .alone_o(alone),
        .limits_read_o(limits_read), .limits_account_o(limits_account), .limits_symbol_o(limits_symbol),
        .valid_o(e_valid), .leaves_i(e_leaves), .stale_o(e_stale), .item_o(e_item), .facts_o(e_facts), .price_e4_o(e_price_e4),
        .notional_e4_o(e_notional), .old_notional_e4_o(e_old_notional), .on_tick_o(on_tick), .in_lots_o(in_lots), .in_band_o(in_band),
        .rank_o(e_rank), .ticks_o(ticks), .below_base_o(below_base),
        .read_i(reading), .scans_i(scans), .scan_slot_i(scan_slot), .symbol_row_o(symbol_row), .order_row_o(order_row),
        .symbol_write_i(symbol_write), .symbol_row_i(symbol_row_d),
        .order_write_i(order_write), .order_write_slot_i(order_write_slot), .order_row_i(order_row_d),
        .flip_i(flip), .write_o(front_writes), .fault_o(front_fault)
`ifdef PROVE_CORE
        , .empty_o(front_empty)
`endif
    );
    // ---- check 0 and 1 ----------------------------------------------------------------------------------------------------
    wire [`kept_bits-1:0] e_command  = e_item[`item_command];
    wire [7:0]           e_opcode    = e_command[`command_opcode];
    wire                 e_order     = e_opcode == `OPCODE_NEW || e_opcode == `OPCODE_CANCEL || e_opcode == `OPCODE_REPLACE;
    wire [15:0]          e_account16 = e_command[`command_account];
    wire [ACCOUNT_W-1:0] e_account   = e_command[`command_account_low +: ACCOUNT_W];
    wire [SYMBOL_W-1:0]  e_symbol    = e_command[`command_symbol_low +: SYMBOL_W];
    wire [ACCOUNT_W-1:0] b_account   = b_account16[ACCOUNT_W-1:0];

    // Sums are read when nobody before can change them any more, and a clock later they are checked: check 1, else check 0.
    reg  e_checked_q = 1'b0;
    wire same_account = !book_empty && e_account16 == b_account16;
    wire e_reads      = e_valid && e_order && !e_checked_q && book_short;
    always @(posedge clk) e_checked_q <= e_reads && !same_account && !again && !rst;

    wire e_to_book    = e_valid && e_order && e_checked_q && book_free && !again;
    wire clerk_starts = e_valid && !e_order && !clerk_busy && book_empty && !again;
    assign e_leaves   = e_to_book || clerk_done;
    assign commit     = book_commits || (clerk_starts && !stopped);

    // Sums are asked for by the book, for an order that SWEEP meets, and by what is in the room.
    wire                 sums_read         = book_reads_sums || scan_sums || reading || e_reads;
    wire [ACCOUNT_W-1:0] sums_read_account = book_reads_sums ? book_sums_account : scan_sums ? order_row[`order_account] : e_account;
    wire [SYMBOL_W-1:0]  sums_read_symbol  = book_reads_sums ? b_symbol : scan_sums ? order_row[`order_symbol] : e_symbol;
    check #(.SYMBOLS(SYMBOLS), .ACCOUNTS(ACCOUNTS), .SWEEP_W(SWEEP_W)) check_unit (
        .clk(clk), .rst(rst), .stopped_i(stopped), .sweep_i(sweeping_q), .sweep_row_i(sweep_q),
        .command_i(e_command), .facts_i(e_facts), .notional_e4_i(e_notional), .old_notional_e4_i(e_old_notional),
        .on_tick_i(on_tick), .in_lots_i(in_lots), .in_band_i(in_band), .rank_i(e_rank), .symbol_state_i(symbol_state),
        .killed_i(killed), .firm_killed_i(firm_killed), .account_killed_i(account_killed), .session_killed_i(session_killed),
        .account_known_o(account_known), .outside_collar_o(outside_collar), .reason_o(e_reason), .fails_o(e_fails), .auction_o(e_auction),
        .leaves_i(e_to_book), .charges_i(charges), .accepts_i(accepts), .charges_account_i(b_account),
        .limits_read_i(limits_read), .limits_account_i(limits_account), .limits_symbol_i(limits_symbol), .read_i(reading),
        .account_row_o(account_row), .limit_row_o(limit_row), .pace_read_i(reading || e_reads), .tat_ns_o(tat_ns),
        .sums_read_i(sums_read), .sums_read_account_i(sums_read_account), .sums_read_symbol_i(sums_read_symbol),
        .money_row_o(money_row), .position_row_o(position_row),
        .sums_write_i(sums_write), .sums_write_account_i(sums_write_account), .sums_write_symbol_i(b_symbol),
        .money_row_i(money_row_d), .position_row_i(position_row_d),
        .account_write_i(account_write), .account_row_i(account_row_d), .limit_write_i(limit_write), .limit_row_i(limit_row_d),
        .sets_buying_power_i(sets_buying_power), .sets_traded_i(sets_traded), .sets_net_i(sets_net), .sum_i(clerk_sum),
        .flip_i(flip), .write_o(check_writes), .fault_o(check_fault)
    );
    // ---- verdict and book ---------------------------------------------------------------------------------------------------
    book #(.SYMBOLS(SYMBOLS), .ACCOUNTS(ACCOUNTS), .ORDERS(ORDERS), .LEVELS(LEVELS), .SWEEP_W(SWEEP_W)) book_unit (
        .clk(clk), .rst(rst), .stopped_i(stopped), .sweep_i(sweeping_q), .sweep_row_i(sweep_q),
        .order_i(e_to_book), .uncross_i(uncross), .item_i(e_item), .stale_i(e_stale), .facts_i(e_facts), .price_e4_i(e_price_e4),
        .notional_e4_i(e_notional), .old_notional_e4_i(e_old_notional), .rank_i(e_rank), .reason_i(e_reason), .fails_i(e_fails),
        .auction_i(e_auction), .firm_i(account_row[`account_firm]),
        .self_trade_i(account_row[`account_self_trade]), .money_row_i(money_row), .position_row_i(position_row),
        .scan_cancels_i(scan_cancels), .scan_command_i(scan_command), .scan_notional_e4_i(scan_notional), .scan_row_i(order_row),
        .empty_o(book_empty), .free_o(book_free), .short_o(book_short), .charges_o(charges), .accepts_o(accepts), .again_o(again), .commit_o(book_commits), .account_o(b_account16), .symbol_o(b_symbol),
        .halts_o(book_halts), .stays_crossed_o(stays_crossed), .best_bid_o(best_bid), .best_ask_o(best_ask),
        .looks_i(clerk_busy), .resting_read_i(resting_read), .resting_ask_i(resting_ask), .resting_level_i(resting_level),
        .resting_find_i(resting_find), .nearest_o(nearest), .nearest_level_o(nearest_level),
        .order_write_o(order_write), .order_write_slot_o(order_write_slot), .order_row_o(order_row_d),
        .client_ref_write_o(client_ref_write), .client_ref_o(client_ref_d),
        .sums_read_o(book_reads_sums), .sums_read_account_o(book_sums_account),
        .sums_write_o(sums_write), .sums_write_account_o(sums_write_account), .money_row_o(money_row_d), .position_row_o(position_row_d),
        .event_ready_i(event_ready), .event_valid_o(book_valid), .event_last_o(book_last), .event_o(book_event),
        .event_by_card_o(book_by_card), .event_stamp_ns_o(book_stamp_ns), .event_taken_o(book_taken), .changes_o(book_changes),
        .flip_i(flip), .write_o(book_writes), .fault_o(book_fault)
    );

    // ---- the clerk ----------------------------------------------------------------------------------------------------------
    clerk #(.SYMBOLS(SYMBOLS), .ACCOUNTS(ACCOUNTS), .ORDERS(ORDERS), .LEVELS(LEVELS)) clerk_unit (
        .clk(clk), .rst(rst), .stopped_i(stopped), .sweep_i(sweeping_q), .sweep_symbol_i(sweep_q[SYMBOL_W-1:0]),
        .start_i(clerk_starts), .done_o(clerk_done), .busy_o(clerk_busy),
        .command_i(e_command), .form_ok_i(e_facts[`fact_form_ok]), .symbol_known_i(e_facts[`fact_known]), .account_known_i(account_known),
        .below_base_i(below_base), .ticks_i(ticks), .on_tick_i(on_tick), .in_band_i(in_band), .referenced_i(e_facts[`fact_referenced]),
        .outside_collar_i(outside_collar),
        .read_o(reading), .symbol_row_i(symbol_row), .account_row_i(account_row), .money_row_i(money_row), .tat_ns_i(tat_ns),
        .limit_row_i(limit_row), .position_row_i(position_row), .order_row_i(order_row),
        .symbol_write_o(symbol_write), .symbol_row_o(symbol_row_d), .account_write_o(account_write), .account_row_o(account_row_d),
        .limit_write_o(limit_write), .limit_row_o(limit_row_d),
        .sets_buying_power_o(sets_buying_power), .sets_traded_o(sets_traded), .sets_net_o(sets_net), .sum_o(clerk_sum),
        .symbol_state_o(symbol_state), .killed_o(killed), .firm_killed_o(firm_killed), .account_killed_o(account_killed),
        .session_killed_o(session_killed),
        .book_empty_i(book_empty), .best_bid_i(best_bid), .best_ask_i(best_ask),
        .resting_read_o(resting_read), .resting_ask_o(resting_ask), .resting_level_o(resting_level), .resting_find_o(resting_find),
        .nearest_i(nearest), .nearest_level_i(nearest_level),
        .scans_o(scans), .scan_slot_o(scan_slot), .scan_sums_o(scan_sums), .scan_cancels_o(scan_cancels), .scan_command_o(scan_command),
        .scan_notional_e4_o(scan_notional),
        .uncross_o(uncross), .stays_crossed_i(stays_crossed), .book_changes_i(book_changes), .book_halts_i(book_halts),
        .book_symbol_i(b_symbol),
        .client_ref_write_i(client_ref_write), .client_ref_slot_i(order_write_slot), .client_ref_i(client_ref_d),
        .event_ready_i(event_ready), .event_number_i(event_number), .event_valid_o(clerk_valid), .event_last_o(clerk_last),
        .event_o(clerk_event),
        .flip_i(flip), .write_o(clerk_writes), .fault_o(clerk_fault)
    );

    // ---- events -------------------------------------------------------------------------------------------------------------
    wire by_clerk  = clerk_busy && book_empty;
    wire e_by_card = e_item[`item_trusted] && e_command[`command_origin] == `ORIGIN_CARD;
    wire [63:0] e_stamp_ns = e_command[`command_stamp_ns];
    wire says      = by_clerk ? clerk_valid : book_valid;
    report report_unit (
        .clk(clk), .rst(rst), .number_o(event_number),
        .valid_i(says && event_ready), .ready_o(event_ready), .last_i(by_clerk ? clerk_last : book_last),
        .by_card_i(by_clerk ? e_by_card : book_by_card), .stamp_ns_i(by_clerk ? e_stamp_ns : book_stamp_ns),
        .taken_i(by_clerk ? e_item[`item_clock] : book_taken), .clock_o(clock),
        .by_clerk_i(by_clerk), .clerk_event_i(clerk_event), .book_event_i(book_event),
        .m_event_tvalid(said), .m_event_tready(m_event_tready && !stopped), .m_event_tdata(m_event_tdata)
    );
    assign m_event_tvalid = said && !stopped;

    // What waits, and for what: the first of them that holds.
    wire e_waits = e_valid && e_order && !e_to_book && !e_checked_q;
    assign stalls_o = {again, !event_ready, offered && alone && !e_waits, e_waits && !book_short, e_waits && book_short && same_account};

    assign init_done_o = !sweeping_q;
    assign killed_o    = killed || stopped;
    assign busy_o      = intake_busy || !book_empty || clerk_busy;

    // Parts of records that are not asked here.
    wire unused = &{1'b0, e_command, order_row, account_row};

    `CHECK(one_speaks, book_empty || !clerk_valid)
`ifdef PROVE_CORE
    `include "core_proof.vh"
`endif
endmodule

`default_nettype wire
