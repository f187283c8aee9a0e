// core: the engine. Takes commands strictly one after another and says what each did: check, risk, book, report.
//
//   latency     in clocks from the command's taking, by tests/rtl/test_clocks.c: see rtl/core/README.md
//   throughput  one command at a time
//   slow sink   an event that cannot leave holds the command where it is; nothing is lost
//   reset       the gate is closed; init_done_o says when the tables are swept and commands are taken
//   invariant   the same commands and stamps give the same events as host/engine/engine.c, bit for bit
//
// Orders live in slots that the host chooses; a level is a doubly linked queue of slots, named by its place modulo LEVELS,
// with head, tail, count and sum; occupancy.v finds the next level that holds any. Nothing is ever scanned.

`include "abi.vh"
`include "check.vh"
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

    input  wire         s_command_tvalid,
    output wire         s_command_tready,
    input  wire [511:0] s_command_tdata,    // stamp filled in
    input  wire         s_command_tuser,    // from the card itself or a replay: the origin may be CARD

    output wire         m_event_tvalid,
    input  wire         m_event_tready,
    output wire [511:0] m_event_tdata       // credits and phase zero
);
    localparam SYMBOL_W   = $clog2(SYMBOLS);
    localparam ACCOUNT_W  = $clog2(ACCOUNTS);
    localparam SLOT_W     = $clog2(ORDERS);
    localparam LEVEL_W    = $clog2(LEVELS);
    localparam POSITION_W = ACCOUNT_W + SYMBOL_W;
    localparam BOOK_W     = SYMBOL_W + 1;

    // The sweep runs over the largest table: slots, positions, words of occupancy.
    function integer widest(input integer a, input integer b);
        widest = a > b ? a : b;
    endfunction
    localparam SWEEP_W    = widest(widest(SLOT_W, POSITION_W), BOOK_W + 6);
    localparam [31:0] LEVEL_LAST   = LEVELS - 1;
    localparam [31:0] ACCOUNT_LAST = ACCOUNTS - 1;
    localparam [11:0] LEVEL_MASK   = LEVEL_LAST[11:0];     // levels are counted modulo LEVELS

    localparam [5:0]
        SWEEP        = 6'd0,            // clear the tables after reset
        IDLE         = 6'd1,
        READ         = 6'd2,            // the command's rows are addressed
        OPERANDS     = 6'd3,            // rows are here; what is to be multiplied
        MULTIPLY     = 6'd4,
        MULTIPLY_2   = 6'd5,            // quotients times divisors
        COMPARE      = 6'd6,            // is the price on its tick, the quantity in lots
        DECIDE       = 6'd7,            // the verdict of an order command
        REJECT       = 6'd8,
        UNLINK_READ  = 6'd9,            // level and neighbours of the order that CANCEL or REPLACE names
        UNLINK       = 6'd10,
        UNLINK_BIT   = 6'd11,
        CANCELED     = 6'd12,           // verdict of CANCEL
        VERDICT      = 6'd13,           // ACCEPTED or REPLACED
        FIND         = 6'd14,           // best level of the other side
        FIND_WAIT    = 6'd15,
        CROSS        = 6'd16,           // does it cross, does it lie inside the collar
        LEVEL        = 6'd17,
        MAKER        = 6'd18,           // the level's oldest order is addressed
        FILL         = 6'd19,
        MONEY        = 6'd20,
        BOOK         = 6'd21,           // all writes of one fill
        TRADE        = 6'd22,
        HALT         = 6'd23,
        SETTLE       = 6'd24,           // what becomes of the rest
        REST         = 6'd25,
        REST_WAIT    = 6'd26,
        DROP         = 6'd27,
        DROPPED      = 6'd28,
        WRITE_BACK   = 6'd29,
        END          = 6'd30,
        ROW_VALUE    = 6'd31,           // SYMBOL, ACCOUNT, POSITION: the field's new value
        ROW_CHECK    = 6'd32,
        RESTING_FIND = 6'd33,           // lowest and highest resting level of both sides
        RESTING_WAIT = 6'd34,
        RESTING_DONE = 6'd35,
        DIVIDE       = 6'd36,
        ROW_WRITE    = 6'd37,
        ROW_SAY      = 6'd38,
        CREDIT       = 6'd39,
        KILL         = 6'd40,
        QUERY        = 6'd41,
        NOP          = 6'd42;

    reg [5:0] state_q = SWEEP;

    // ---- the command ------------------------------------------------------------------------------------------------
    reg  [511:0] command_q;
    reg          trusted_q;

    wire [7:0]  opcode     = command_q[`command_opcode];
    wire        sells      = command_q[`command_side] == `SIDE_SELL;
    wire [7:0]  field      = command_q[`command_field];
    wire        adjusts    = command_q[`command_mode] == `MODE_ADJUST;
    wire        ioc        = command_q[`ORDER_IOC];
    wire [15:0] symbol16   = command_q[`command_symbol];
    wire [15:0] account16  = command_q[`command_account];
    wire [15:0] session16  = command_q[`command_session];
    wire [15:0] firm16     = command_q[`command_firm];
    wire [31:0] order32    = command_q[`command_order];
    wire [31:0] quantity32 = command_q[`command_quantity];
    wire [19:0] quantity   = quantity32[19:0];                      // all of it once the form is checked
    wire [31:0] price32    = command_q[`command_price_e4];
    wire [30:0] price_e4   = price32[30:0];
    wire [31:0] client_ref = command_q[`command_client_ref];
    wire [63:0] value      = command_q[`command_value];

    wire [SYMBOL_W-1:0]   symbol   = symbol16[SYMBOL_W-1:0];
    wire [ACCOUNT_W-1:0]  account  = account16[ACCOUNT_W-1:0];
    wire [ACCOUNT_W-1:0]  session  = session16[ACCOUNT_W-1:0];
    wire [ACCOUNT_W-1:0]  firm     = firm16[ACCOUNT_W-1:0];
    wire [SLOT_W-1:0]     slot     = order32[SLOT_W-1:0];
    wire [11:0]           order_generation = order32[31:20];

    wire is_new     = opcode == `OPCODE_NEW;
    wire is_cancel  = opcode == `OPCODE_CANCEL;
    wire is_replace = opcode == `OPCODE_REPLACE;
    wire is_symbol  = opcode == `OPCODE_SYMBOL;
    wire is_account = opcode == `OPCODE_ACCOUNT;
    wire sets_base  = is_symbol && field == `ROW_SYMBOL_BASE_E4;
    wire sets_tick  = is_symbol && field == `ROW_SYMBOL_TICK_E4;
    wire sets_lot   = is_symbol && field == `ROW_SYMBOL_LOT;

    wire form_ok;
    form #(.SYMBOLS(SYMBOLS), .ACCOUNTS(ACCOUNTS), .ORDERS(ORDERS)) form_check (
        .command_i(command_q), .trusted_i(trusted_q), .ok_o(form_ok)
    );

    // ---- tables -----------------------------------------------------------------------------------------------------
    reg  [SWEEP_W-1:0] sweep_q = {SWEEP_W{1'b0}};
    wire sweeping = state_q == SWEEP;
    wire reading  = state_q == READ;

    // symbol
    localparam SYMBOL_ROW_W = 2 + 31 + 12 + 20 + 33 + 16 + 33 + 1 + 12 + 12;
    localparam [SYMBOL_ROW_W-1:0] SYMBOL_FRESH = {2'd0, 31'd0, 12'd0, 20'd0, 33'd0, 16'd1, 33'h100000000, 1'b0, 12'd0, 12'd0};
    wire [SYMBOL_ROW_W-1:0] symbol_row;
    reg  [SYMBOL_ROW_W-1:0] symbol_row_d;
    wire [1:0]  symbol_state   = symbol_row[171:170];
    wire [30:0] base_e4        = symbol_row[169:139];
    wire [11:0] base_index     = symbol_row[138:127];
    wire [19:0] tick_e4        = symbol_row[126:107];
    wire [32:0] tick_reciprocal = symbol_row[106:74];
    wire [15:0] lot            = symbol_row[73:58];
    wire [32:0] lot_reciprocal = symbol_row[57:25];
    wire        referenced     = symbol_row[24];
    wire [11:0] reference      = symbol_row[23:12];
    wire [11:0] collar         = symbol_row[11:0];
    wire        symbol_write;
    ram #(.ROWS(SYMBOLS), .ROW_W(SYMBOL_ROW_W)) symbol_ram (
        .clk(clk),
        .write_i(sweeping || symbol_write),
        .write_addr_i(sweeping ? sweep_q[SYMBOL_W-1:0] : symbol),
        .write_data_i(sweeping ? SYMBOL_FRESH : symbol_row_d),
        .enable_i(reading), .read_addr_i(symbol), .read_data_o(symbol_row)
    );

    // account: what the host sets, and apart from it the money that orders move
    localparam ACCOUNT_ROW_W = 1 + ACCOUNT_W + 10 + 20 + 51;
    wire [ACCOUNT_ROW_W-1:0] account_row;
    reg  [ACCOUNT_ROW_W-1:0] account_row_d;
    wire [50:0]          notional_max_e4 = account_row[50:0];
    wire [19:0]          quantity_max    = account_row[70:51];
    wire [9:0]           currency        = account_row[80:71];
    wire [ACCOUNT_W-1:0] account_firm    = account_row[81 +: ACCOUNT_W];
    wire                 enabled         = account_row[81 + ACCOUNT_W];
    wire                 account_write;
    ram #(.ROWS(ACCOUNTS), .ROW_W(ACCOUNT_ROW_W)) account_ram (
        .clk(clk),
        .write_i(sweeping || account_write),
        .write_addr_i(sweeping ? sweep_q[ACCOUNT_W-1:0] : account),
        .write_data_i(sweeping ? {ACCOUNT_ROW_W{1'b0}} : account_row_d),
        .enable_i(reading), .read_addr_i(account), .read_data_o(account_row)
    );

    wire                 sums_write;
    wire [ACCOUNT_W-1:0] sums_account;          // of this write
    wire [ACCOUNT_W-1:0] maker_account;
    wire                 sums_read = reading || state_q == FILL;
    wire [ACCOUNT_W-1:0] sums_read_account = reading ? account : maker_account;
    wire [127:0]         money_row;
    reg  [127:0]         money_row_d;
    wire [63:0]          row_buying_power = money_row[63:0];
    wire [63:0]          row_reserved     = money_row[127:64];
    ram #(.ROWS(ACCOUNTS), .ROW_W(128)) money_ram (
        .clk(clk),
        .write_i(sweeping || sums_write),
        .write_addr_i(sweeping ? sweep_q[ACCOUNT_W-1:0] : sums_account),
        .write_data_i(sweeping ? 128'd0 : money_row_d),
        .enable_i(sums_read), .read_addr_i(sums_read_account), .read_data_o(money_row)
    );

    // position: the same split
    localparam LIMIT_ROW_W = 3 * 48 + 3;
    wire [LIMIT_ROW_W-1:0] limit_row;
    reg  [LIMIT_ROW_W-1:0] limit_row_d;
    wire [47:0] long_max    = limit_row[47:0];
    wire [47:0] short_max   = limit_row[95:48];
    wire [47:0] locate      = limit_row[143:96];
    wire [2:0]  restriction = limit_row[146:144];
    wire        limit_write;
    ram #(.ROWS(ACCOUNTS * SYMBOLS), .ROW_W(LIMIT_ROW_W)) limit_ram (
        .clk(clk),
        .write_i(sweeping || limit_write),
        .write_addr_i(sweeping ? sweep_q[POSITION_W-1:0] : {account, symbol}),
        .write_data_i(sweeping ? {LIMIT_ROW_W{1'b0}} : limit_row_d),
        .enable_i(reading), .read_addr_i({account, symbol}), .read_data_o(limit_row)
    );

    wire [143:0] position_row;
    reg  [143:0] position_row_d;
    wire [47:0]  row_net       = position_row[47:0];
    wire [47:0]  row_open_buy  = position_row[95:48];
    wire [47:0]  row_open_sell = position_row[143:96];
    ram #(.ROWS(ACCOUNTS * SYMBOLS), .ROW_W(144)) position_ram (
        .clk(clk),
        .write_i(sweeping || sums_write),
        .write_addr_i(sweeping ? sweep_q[POSITION_W-1:0] : {sums_account, symbol}),
        .write_data_i(sweeping ? 144'd0 : position_row_d),
        .enable_i(sums_read), .read_addr_i({sums_read_account, symbol}), .read_data_o(position_row)
    );

    // order
    localparam ORDER_ROW_W = 32 + 20 + 20 + 31 + 12 + 1 + SYMBOL_W + 2 * ACCOUNT_W + 12 + 1;
    wire [ORDER_ROW_W-1:0] order_row;
    reg  [ORDER_ROW_W-1:0] order_row_d;
    wire [31:0]          row_client_ref = order_row[31:0];
    wire [19:0]          row_leaves     = order_row[51:32];
    wire [19:0]          row_executed   = order_row[71:52];
    wire [30:0]          row_price_e4   = order_row[102:72];
    wire [11:0]          row_level      = order_row[114:103];
    wire                 row_sells      = order_row[115];
    wire [SYMBOL_W-1:0]  row_symbol     = order_row[116 +: SYMBOL_W];
    wire [ACCOUNT_W-1:0] row_account    = order_row[116 + SYMBOL_W +: ACCOUNT_W];
    wire [ACCOUNT_W-1:0] row_session    = order_row[116 + SYMBOL_W + ACCOUNT_W +: ACCOUNT_W];
    wire [11:0]          row_generation = order_row[116 + SYMBOL_W + 2 * ACCOUNT_W +: 12];
    wire                 row_live       = order_row[ORDER_ROW_W-1];
    wire                 order_write;
    wire [SLOT_W-1:0]    order_write_slot;
    wire [SLOT_W-1:0]    head;
    ram #(.ROWS(ORDERS), .ROW_W(ORDER_ROW_W)) order_ram (
        .clk(clk),
        .write_i(sweeping || order_write),
        .write_addr_i(sweeping ? sweep_q[SLOT_W-1:0] : order_write_slot),
        .write_data_i(sweeping ? {ORDER_ROW_W{1'b0}} : order_row_d),
        .enable_i(reading || state_q == MAKER), .read_addr_i(reading ? slot : head), .read_data_o(order_row)
    );

    // links within a level; the head's previous and the tail's next mean nothing
    wire [SLOT_W-1:0] previous, next;
    wire              previous_write, next_write;
    wire [SLOT_W-1:0] previous_write_slot, next_write_slot, previous_d, next_d;
    wire              links_read = state_q == UNLINK_READ || state_q == MAKER;
    wire [SLOT_W-1:0] links_slot = state_q == UNLINK_READ ? slot : head;
    ram #(.ROWS(ORDERS), .ROW_W(SLOT_W)) previous_ram (
        .clk(clk),
        .write_i(previous_write), .write_addr_i(previous_write_slot), .write_data_i(previous_d),
        .enable_i(links_read), .read_addr_i(links_slot), .read_data_o(previous)
    );
    ram #(.ROWS(ORDERS), .ROW_W(SLOT_W)) next_ram (
        .clk(clk),
        .write_i(next_write), .write_addr_i(next_write_slot), .write_data_i(next_d),
        .enable_i(links_read), .read_addr_i(links_slot), .read_data_o(next)
    );

    // level: meaningful only while occupied
    localparam LEVEL_ROW_W = 2 * SLOT_W + SLOT_W + 1 + 40;
    wire [LEVEL_ROW_W-1:0] level_row;
    reg  [LEVEL_ROW_W-1:0] level_row_d;
    wire [39:0]         row_shares = level_row[39:0];
    wire [SLOT_W:0]     row_count  = level_row[40 +: SLOT_W + 1];
    wire [SLOT_W-1:0]   row_tail   = level_row[41 + SLOT_W +: SLOT_W];
    wire [SLOT_W-1:0]   row_head   = level_row[41 + 2 * SLOT_W +: SLOT_W];
    wire                level_write;
    wire                level_other;            // this access is to the other side's level
    wire [11:0]         level_index;
    wire [SYMBOL_W+LEVEL_W:0] level_addr = {symbol, level_other ? !sells : sells, level_index[LEVEL_W-1:0]};
    ram #(.ROWS(SYMBOLS * 2 * LEVELS), .ROW_W(LEVEL_ROW_W)) level_ram (
        .clk(clk),
        .write_i(level_write), .write_addr_i(level_addr), .write_data_i(level_row_d),
        .enable_i(state_q == UNLINK_READ || state_q == CROSS || state_q == REST),
        .read_addr_i(level_addr), .read_data_o(level_row)
    );

    localparam [7:0] HALTED = `SYMBOL_STATE_HALTED;

    // kill bits
    reg                killed_q = 1'b1;
    reg [ACCOUNTS-1:0] firm_killed_q, account_killed_q, session_killed_q;

    // ---- occupancy --------------------------------------------------------------------------------------------------
    reg         occupancy_start, occupancy_find, occupancy_down, occupancy_set, occupancy_side;
    reg  [11:0] occupancy_level;
    wire        occupancy_done, occupancy_found;
    wire [11:0] occupancy_found_level;
    occupancy #(.BOOKS(SYMBOLS * 2)) occupancy_map (
        .clk(clk), .rst(rst),
        .sweep_i(sweeping), .sweep_book_i(sweep_q[6 +: BOOK_W]), .sweep_word_i(sweep_q[5:0]),
        .start_i(occupancy_start), .find_i(occupancy_find), .down_i(occupancy_down), .set_i(occupancy_set),
        .book_i({symbol, occupancy_side}), .level_i(occupancy_level),
        .done_o(occupancy_done), .found_o(occupancy_found), .level_o(occupancy_found_level)
    );

    wire [11:0] last_index = (base_index - 12'd1) & LEVEL_MASK;

    // ---- arithmetic of price and quantity ---------------------------------------------------------------------------
    reg  [30:0] distance_q;                     // of the price (or of the new base) from the base
    reg         below_base_q;
    reg  [19:0] quantity_q;                     // of the command, leaves to be
    reg  [19:0] off_q;                          // leaves that the old order gives up
    reg  [31:0] ticks_q, lots_q;
    reg  [50:0] notional_q, old_notional_q;
    reg  [51:0] ticks_back_q;
    reg  [36:0] lots_back_q;
    reg         on_tick_q, in_lots_q, in_band_q;
    reg  [11:0] rank_q, level_q;                // of the price

    wire [30:0] far_price_e4 = sets_base ? row_value_q[30:0] : price_e4;
    // Fractions of a tick or lot, sums of which only the sign is asked, and the top of a level's number where there are fewer.
    wire unused = &{1'b0, level_index, ticks_product[31:0], lots_product[31:0], credit_total[62:0]};
    wire [63:0] ticks_product = {33'd0, distance_q} * {31'd0, tick_reciprocal};
    wire [52:0] lots_product  = {33'd0, quantity} * {20'd0, lot_reciprocal};

    wire [20:0] total_less_executed = {1'b0, quantity} - {1'b0, row_executed};
    wire        nothing_left = total_less_executed[20] || total_less_executed[19:0] == 20'd0;
    wire [19:0] total_left   = nothing_left ? 20'd0 : total_less_executed[19:0];
    // CANCEL never adds to an order; a REPLACE by no more than has executed is a CANCEL.
    wire [19:0] cancel_left  = total_left < row_leaves ? total_left : row_leaves;
    reg  [19:0] left_q;                         // leaves of the order after a CANCEL
    reg         cancels_q;                      // CANCEL, or REPLACE that is one
    reg         removes_q;                      // the order leaves its level

    // ---- verdict ----------------------------------------------------------------------------------------------------
    wire symbol_known  = {16'd0, symbol16} < SYMBOLS && tick_e4 != 20'd0;
    wire account_known = {16'd0, account16} < ACCOUNTS && currency != 10'd0;
    wire slot_free = !row_live && order_generation == row_generation + 12'd1;
    wire named     = row_live && row_generation == order_generation && row_sells == sells
                  && {{(16-ACCOUNT_W){1'b0}}, row_session} == session16
                  && {{(16-ACCOUNT_W){1'b0}}, row_account} == account16
                  && {{(16-SYMBOL_W){1'b0}}, row_symbol} == symbol16;

    wire [7:0] risk_reason;
    risk risk_checks (
        .form_ok_i(form_ok), .on_tick_i(on_tick_q), .in_lots_i(in_lots_q), .is_new_i(is_new), .slot_free_i(slot_free),
        .named_i(named), .symbol_known_i(symbol_known), .account_known_i(account_known),
        .killed_i(killed_q), .firm_killed_i(firm_killed_q[account_firm]), .account_killed_i(account_killed_q[account]),
        .session_killed_i(session_killed_q[session]), .enabled_i(enabled), .symbol_state_i(symbol_state),
        .sells_i(sells), .quantity_i(quantity_q), .notional_e4_i(notional_q),
        .old_leaves_i(is_new ? 20'd0 : row_leaves), .old_notional_e4_i(is_new ? 51'd0 : old_notional_q),
        .in_band_i(in_band_q), .rank_i(rank_q), .referenced_i(referenced), .reference_i(reference), .collar_i(collar),
        .quantity_max_i(quantity_max), .notional_max_e4_i(notional_max_e4), .buying_power_e4_i(row_buying_power),
        .net_i(row_net), .open_buy_i(row_open_buy), .open_sell_i(row_open_sell),
        .long_max_i(long_max), .short_max_i(short_max), .locate_i(locate), .restriction_i(restriction),
        .reason_o(risk_reason)
    );
    // A REPLACE by no more than has executed only cancels: nothing after checks 1 and 2 can refuse it.
    wire [7:0] cancel_reason = !form_ok                                          ? `REASON_MALFORMED
                             : is_replace && symbol_known && !on_tick_q          ? `REASON_PRICE_OFF_TICK
                             : is_replace && symbol_known && !in_lots_q          ? `REASON_ODD_LOT
                             : !named                                            ? `REASON_UNKNOWN_ORDER
                             :                                                     `REASON_NONE;
    wire [7:0] decision = cancels_q ? cancel_reason : risk_reason;
    reg  [7:0] reason_q;

    // ---- the incoming order, and the account's sums while its command runs --------------------------------------------
    reg  [11:0] generation_q;
    reg  [19:0] leaves_q, executed_q;
    reg  [63:0] buying_power_q, reserved_q;
    reg  [47:0] net_q, open_buy_q, open_sell_q;
    reg         halted_q;

    // ---- the level and the resting order of a fill ---------------------------------------------------------------------
    reg  [11:0]       other_level_q;
    reg  [SLOT_W-1:0] head_q, tail_q;
    reg  [SLOT_W:0]   count_q;
    reg  [39:0]       shares_q;
    reg  [19:0]       fill_q;
    reg  [50:0]       fill_value_q, fill_limit_q;   // the fill at the trade's price, and at the incoming order's limit
    reg  [11:0]       maker_generation_q;
    reg  [19:0]       maker_left_q;
    reg               level_emptied_q;
    assign head          = head_q;
    assign maker_account = row_account;

    wire [11:0] other_rank = (occupancy_found_level - base_index) & LEVEL_MASK;
    wire        crosses    = sells ? other_rank >= rank_q : other_rank <= rank_q;
    wire [11:0] away       = other_rank > reference ? other_rank - reference : reference - other_rank;
    wire        maker_same = row_account == account;
    wire        maker_done = maker_left_q == 20'd0;
    wire        level_done = maker_done && count_q == {{SLOT_W{1'b0}}, 1'b1};

    // What a fill does to the sums: a buy pays the trade's price and gets back what it reserved beyond it.
    wire [63:0] pays   = {13'd0, fill_value_q};
    wire [63:0] limits = {13'd0, fill_limit_q};
    wire [47:0] filled = {28'd0, fill_q};
    wire        taker_buys = !sells;
    wire        maker_buys = sells;
    // The incoming order's side, then, where the account is the same, the resting order's on top.
    wire [63:0] taker_buying_power = taker_buys ? buying_power_q + (limits - pays) : buying_power_q;
    wire [63:0] taker_reserved     = taker_buys ? reserved_q - limits : reserved_q;
    wire [47:0] taker_net          = taker_buys ? net_q + filled : net_q - filled;
    wire [47:0] taker_open_buy     = taker_buys ? open_buy_q - filled : open_buy_q;
    wire [47:0] taker_open_sell    = taker_buys ? open_sell_q : open_sell_q - filled;
    wire [63:0] maker_reserved_from = maker_same ? taker_reserved  : row_reserved;
    wire [47:0] maker_net_from      = maker_same ? taker_net       : row_net;
    wire [47:0] maker_buy_from      = maker_same ? taker_open_buy  : row_open_buy;
    wire [47:0] maker_sell_from     = maker_same ? taker_open_sell : row_open_sell;
    wire [63:0] maker_reserved  = maker_buys ? maker_reserved_from - pays : maker_reserved_from;
    wire [47:0] maker_net       = maker_buys ? maker_net_from + filled : maker_net_from - filled;
    wire [47:0] maker_open_buy  = maker_buys ? maker_buy_from - filled : maker_buy_from;
    wire [47:0] maker_open_sell = maker_buys ? maker_sell_from : maker_sell_from - filled;

    // ---- rows by command --------------------------------------------------------------------------------------------
    wire [7:0] table_ = is_symbol ? `TABLE_SYMBOL : is_account ? `TABLE_ACCOUNT
                      : opcode == `OPCODE_POSITION ? `TABLE_POSITION : field;
    reg  [7:0] query_field_q;
    wire [7:0] row_field = opcode == `OPCODE_QUERY ? query_field_q : field;
    reg [63:0] row_field_value;                 // what the field is
    reg [63:0] row_min, row_max;
    reg        row_settable, row_exists, row_last;
    always @* begin
        row_exists = 1'b1;
        case ({table_, row_field})
            {`TABLE_ENGINE, `ROW_ENGINE_KILLED}:                    row_field_value = {63'd0, killed_q};
            {`TABLE_SYMBOL, `ROW_SYMBOL_STATE}:                     row_field_value = {62'd0, symbol_state};
            {`TABLE_SYMBOL, `ROW_SYMBOL_BASE_E4}:                   row_field_value = {33'd0, base_e4};
            {`TABLE_SYMBOL, `ROW_SYMBOL_TICK_E4}:                   row_field_value = {44'd0, tick_e4};
            {`TABLE_SYMBOL, `ROW_SYMBOL_LOT}:                       row_field_value = {48'd0, lot};
            {`TABLE_SYMBOL, `ROW_SYMBOL_REFERENCE}:                 row_field_value = referenced ? {52'd0, reference} : ~64'd0;
            {`TABLE_SYMBOL, `ROW_SYMBOL_COLLAR}:                    row_field_value = {52'd0, collar};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_ENABLED}:                 row_field_value = {63'd0, enabled};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_FIRM}:                    row_field_value = {{(64-ACCOUNT_W){1'b0}}, account_firm};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_CURRENCY}:                row_field_value = {54'd0, currency};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_QUANTITY_MAX}:            row_field_value = {44'd0, quantity_max};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_NOTIONAL_MAX_E4}:         row_field_value = {13'd0, notional_max_e4};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_BUYING_POWER_E4}:         row_field_value = row_buying_power;
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_RESERVED_E4}:             row_field_value = row_reserved;
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_KILLED}:                  row_field_value = {63'd0, account_killed_q[account]};
            {`TABLE_POSITION, `ROW_POSITION_NET}:                   row_field_value = {{16{row_net[47]}}, row_net};
            {`TABLE_POSITION, `ROW_POSITION_OPEN_BUY}:              row_field_value = {16'd0, row_open_buy};
            {`TABLE_POSITION, `ROW_POSITION_OPEN_SELL}:             row_field_value = {16'd0, row_open_sell};
            {`TABLE_POSITION, `ROW_POSITION_LONG_MAX}:              row_field_value = {16'd0, long_max};
            {`TABLE_POSITION, `ROW_POSITION_SHORT_MAX}:             row_field_value = {16'd0, short_max};
            {`TABLE_POSITION, `ROW_POSITION_LOCATE}:                row_field_value = {16'd0, locate};
            {`TABLE_POSITION, `ROW_POSITION_RESTRICTION}:           row_field_value = {61'd0, restriction};
            {`TABLE_ORDER, `ROW_ORDER_LIVE}:                        row_field_value = {63'd0, row_live};
            {`TABLE_ORDER, `ROW_ORDER_GENERATION}:                  row_field_value = {52'd0, row_generation};
            {`TABLE_ORDER, `ROW_ORDER_SESSION}:                     row_field_value = row_live ? {{(64-ACCOUNT_W){1'b0}}, row_session} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_ACCOUNT}:                     row_field_value = row_live ? {{(64-ACCOUNT_W){1'b0}}, row_account} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_SYMBOL}:                      row_field_value = row_live ? {{(64-SYMBOL_W){1'b0}}, row_symbol} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_SIDE}:                        row_field_value = row_live ? {63'd0, row_sells} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_PRICE_E4}:                    row_field_value = row_live ? {33'd0, row_price_e4} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_EXECUTED}:                    row_field_value = row_live ? {44'd0, row_executed} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_LEAVES}:                      row_field_value = row_live ? {44'd0, row_leaves} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_CLIENT_REF}:                  row_field_value = row_live ? {32'd0, row_client_ref} : 64'd0;
            {`TABLE_FIRM, `ROW_FIRM_KILLED}:                        row_field_value = {63'd0, firm_killed_q[firm]};
            {`TABLE_SESSION, `ROW_SESSION_KILLED}:                  row_field_value = {63'd0, session_killed_q[session]};
            default: begin
                row_field_value = 64'd0;
                row_exists      = 1'b0;
            end
        endcase
    end
    // What abi_print says of the fields; a field that is not to be set is never in range.
    always @* begin
        row_settable = 1'b0;
        row_min      = 64'd0;
        row_max      = 64'd0;
        case ({table_, field})
            `ROW_RANGES
            default: ;
        endcase
        if (is_symbol && (field == `ROW_SYMBOL_REFERENCE || field == `ROW_SYMBOL_COLLAR)) row_max = {32'd0, LEVEL_LAST};
        if (is_account && field == `ROW_ACCOUNT_FIRM) row_max = {32'd0, ACCOUNT_LAST};

        row_last = 1'b0;
        case ({table_, row_field})
            `ROW_LASTS
            default: ;
        endcase
    end

    reg  [63:0] row_value_q;                    // the field's new value, or what an event says
    reg         row_overflow_q;
    wire [64:0] row_sum = {row_field_value[63], row_field_value} + {value[63], value};
    wire        row_value_ok = row_settable && !row_overflow_q
                            && $signed(row_value_q) >= $signed(row_min) && $signed(row_value_q) <= $signed(row_max)
                            && !(is_symbol && field == `ROW_SYMBOL_STATE && row_value_q[7:0] == `SYMBOL_STATE_AUCTION);

    // Where orders rest, over both sides: four searches, up from the band's bottom and down from its top.
    reg  [1:0]  resting_q;                      // {side, direction} of the search
    reg         any_resting_q;
    reg  [11:0] lowest_q, highest_q;
    wire        resting_last = resting_q == 2'd3;
    wire        base_moves_out = below_base_q ? {20'd0, highest_q} + ticks_q >= LEVELS : ticks_q > {20'd0, lowest_q};
    wire [31:0] reference_moved = below_base_q ? {20'd0, reference} + ticks_q : {20'd0, reference} - ticks_q;
    wire        reference_stays = referenced && reference_moved < LEVELS;

    wire        divide_start = (state_q == RESTING_DONE && sets_tick && !any_resting_q) || (state_q == ROW_CHECK && row_value_ok && sets_lot);
    wire        divide_done;
    wire [32:0] quotient;
    reciprocal reciprocal_unit (
        .clk(clk), .rst(rst), .start_i(divide_start), .divisor_i(row_value_q[19:0]), .done_o(divide_done), .reciprocal_o(quotient)
    );

    wire [64:0] credit_sum   = {1'b0, row_buying_power} + {value[63], value};
    wire [64:0] credit_total = credit_sum + {1'b0, row_reserved};   // looked at only when credit_sum is not negative
    wire [7:0]  credit_reason = !form_ok                           ? `REASON_MALFORMED
                              : !account_known                     ? `REASON_UNKNOWN_ACCOUNT
                              : !value[63] && (credit_total[64] || credit_total[63]) ? `REASON_CREDIT_OVERFLOW
                              : value[63] && credit_sum[64]        ? `REASON_CREDIT_SHORT
                              :                                      `REASON_NONE;

    // ---- writes -----------------------------------------------------------------------------------------------------
    wire accepts   = state_q == VERDICT && event_ready;
    wire books     = state_q == BOOK;
    wire writes_row = state_q == ROW_WRITE;

    assign symbol_write  = (writes_row && is_symbol) || (state_q == HALT && event_ready);
    assign account_write = writes_row && is_account;
    assign limit_write   = writes_row && opcode == `OPCODE_POSITION && field != `ROW_POSITION_NET;
    wire   writes_net    = writes_row && opcode == `OPCODE_POSITION && field == `ROW_POSITION_NET;
    wire   credits       = state_q == CREDIT && credit_reason == `REASON_NONE;
    assign sums_write    = (books && !maker_same) || state_q == WRITE_BACK || writes_net || credits;
    assign sums_account  = books ? maker_account : account;

    always @* begin
        symbol_row_d = symbol_row;
        if (state_q == HALT) symbol_row_d[171:170] = HALTED[1:0];
        else case (field)
            `ROW_SYMBOL_STATE:   symbol_row_d[171:170] = row_value_q[1:0];
            `ROW_SYMBOL_BASE_E4: begin
                symbol_row_d[169:139] = row_value_q[30:0];
                symbol_row_d[138:127] = !any_resting_q ? 12'd0
                                      : (below_base_q ? base_index - ticks_q[11:0] : base_index + ticks_q[11:0]) & LEVEL_MASK;
                symbol_row_d[24]      = any_resting_q && reference_stays;
                symbol_row_d[23:12]   = reference_moved[11:0];
            end
            `ROW_SYMBOL_TICK_E4: begin
                symbol_row_d[126:107] = row_value_q[19:0];
                symbol_row_d[106:74]  = quotient;
                symbol_row_d[24]      = 1'b0;
            end
            `ROW_SYMBOL_LOT: begin
                symbol_row_d[73:58] = row_value_q[15:0];
                symbol_row_d[57:25] = quotient;
            end
            `ROW_SYMBOL_REFERENCE: begin
                symbol_row_d[24]    = !row_value_q[63];
                symbol_row_d[23:12] = row_value_q[11:0];
            end
            default: symbol_row_d[11:0] = row_value_q[11:0];    // COLLAR
        endcase

        account_row_d = account_row;
        case (field)
            `ROW_ACCOUNT_ENABLED:      account_row_d[81 + ACCOUNT_W]     = row_value_q[0];
            `ROW_ACCOUNT_FIRM:         account_row_d[81 +: ACCOUNT_W]    = row_value_q[ACCOUNT_W-1:0];
            `ROW_ACCOUNT_CURRENCY:     account_row_d[80:71]              = row_value_q[9:0];
            `ROW_ACCOUNT_QUANTITY_MAX: account_row_d[70:51]              = row_value_q[19:0];
            default:                   account_row_d[50:0]               = row_value_q[50:0];   // NOTIONAL_MAX_E4
        endcase

        limit_row_d = limit_row;
        case (field)
            `ROW_POSITION_LONG_MAX:  limit_row_d[47:0]    = row_value_q[47:0];
            `ROW_POSITION_SHORT_MAX: limit_row_d[95:48]   = row_value_q[47:0];
            `ROW_POSITION_LOCATE:    limit_row_d[143:96]  = row_value_q[47:0];
            default:                 limit_row_d[146:144] = row_value_q[2:0];                   // RESTRICTION
        endcase

        if (books) begin
            money_row_d    = {maker_reserved, row_buying_power};
            position_row_d = {maker_open_sell, maker_open_buy, maker_net};
        end else if (credits) begin
            money_row_d    = {row_reserved, credit_sum[63:0]};
            position_row_d = position_row;
        end else if (writes_net) begin
            money_row_d    = money_row;
            position_row_d = {row_open_sell, row_open_buy, row_value_q[47:0]};
        end else begin
            money_row_d    = {reserved_q, buying_power_q};
            position_row_d = {open_sell_q, open_buy_q, net_q};
        end
    end

    wire unlinks     = state_q == UNLINK && removes_q;
    wire rests       = state_q == REST_WAIT && occupancy_done;
    wire is_head     = row_head == slot;
    wire is_tail     = row_tail == slot;

    assign order_write      = (state_q == UNLINK && cancels_q) || accepts || books || rests;
    assign order_write_slot = books ? head_q : slot;
    always @* begin
        if (books)
            order_row_d = {!maker_done, row_generation, row_session, row_account, row_symbol, row_sells, row_level, row_price_e4,
                           row_executed + fill_q, maker_left_q, row_client_ref};
        else if (state_q == UNLINK)
            order_row_d = {!removes_q, row_generation, row_session, row_account, row_symbol, row_sells, row_level, row_price_e4,
                           row_executed, left_q, row_client_ref};
        else
            order_row_d = {rests, generation_q, session, account, symbol, sells, level_q, price_e4,
                           executed_q, leaves_q, client_ref};
    end

    assign next_write          = (unlinks && !is_head) || (rests && occupancy_found);
    assign next_write_slot     = unlinks ? previous : row_tail;
    assign next_d              = unlinks ? next : slot;
    assign previous_write      = (unlinks && !is_tail) || (rests && occupancy_found);
    assign previous_write_slot = unlinks ? next : slot;
    assign previous_d          = unlinks ? previous : row_tail;

    assign level_other = state_q == CROSS || books;
    assign level_index = state_q == CROSS ? occupancy_found_level : books ? other_level_q
                       : state_q == REST || state_q == REST_WAIT ? level_q : row_level;
    assign level_write = state_q == UNLINK || (books && !level_done) || rests;
    always @* begin
        if (books)
            level_row_d = {maker_done ? next : head_q, tail_q, maker_done ? count_q - 1'b1 : count_q, shares_q - {20'd0, fill_q}};
        else if (state_q == UNLINK)
            level_row_d = {removes_q && is_head ? next : row_head, removes_q && is_tail ? previous : row_tail,
                           removes_q ? row_count - 1'b1 : row_count, row_shares - {20'd0, off_q}};
        else if (occupancy_found)
            level_row_d = {row_head, slot, row_count + 1'b1, row_shares + {20'd0, leaves_q}};
        else
            level_row_d = {slot, slot, {{SLOT_W{1'b0}}, 1'b1}, 20'd0, leaves_q};
    end

    // ---- occupancy requests -----------------------------------------------------------------------------------------
    wire unlink_empties = unlinks && row_count == {{SLOT_W{1'b0}}, 1'b1};
    always @* begin
        occupancy_start = 1'b0;
        occupancy_find  = 1'b1;
        occupancy_down  = !sells ? 1'b0 : 1'b1;     // best ask lies lowest, best bid highest
        occupancy_set   = 1'b0;
        occupancy_side  = !sells;
        occupancy_level = sells ? last_index : base_index;
        case (state_q)
            FIND: occupancy_start = 1'b1;
            UNLINK: begin
                occupancy_start = unlink_empties;
                occupancy_find  = 1'b0;
                occupancy_side  = sells;
                occupancy_level = row_level;
            end
            BOOK: begin
                occupancy_start = level_done;
                occupancy_find  = 1'b0;
                occupancy_level = other_level_q;
            end
            REST: begin
                occupancy_start = 1'b1;
                occupancy_find  = 1'b0;
                occupancy_set   = 1'b1;
                occupancy_side  = sells;
                occupancy_level = level_q;
            end
            RESTING_FIND: begin
                occupancy_start = 1'b1;
                occupancy_side  = resting_q[1];
                occupancy_down  = resting_q[0];
                occupancy_level = resting_q[0] ? last_index : base_index;
            end
            default: ;
        endcase
    end

    // ---- events -----------------------------------------------------------------------------------------------------
    wire         event_ready;
    wire         end_ready;
    reg          event_valid;
    reg  [511:0] event_d;
    always @* begin
        event_valid = 1'b0;
        event_d     = 512'd0;
        event_d[`event_symbol]  = symbol16;
        event_d[`event_account] = account16;
        event_d[`event_session] = session16;
        event_d[`event_order]   = order32;
        event_d[`EVENT_SELL]    = sells;
        case (state_q)
            REJECT: begin
                event_valid = 1'b1;
                event_d[`event_kind]     = `KIND_REJECTED;
                event_d[`event_reason]   = reason_q;
                event_d[`event_quantity] = quantity32;
                event_d[`event_price_e4] = price32;
                event_d[`event_client_ref] = client_ref;
                event_d[`event_field]    = opcode;
            end
            VERDICT: begin
                event_valid = 1'b1;
                event_d[`event_kind]     = is_new ? `KIND_ACCEPTED : `KIND_REPLACED;
                event_d[`event_order]    = {generation_q, order32[19:0]};
                event_d[`event_quantity] = {12'd0, quantity};
                event_d[`event_leaves]   = {12'd0, leaves_q};
                event_d[`event_price_e4] = {1'b0, price_e4};
                event_d[`event_client_ref] = client_ref;
                event_d[`EVENT_IOC]      = ioc;
            end
            CANCELED: begin
                event_valid = 1'b1;
                event_d[`event_kind]     = `KIND_CANCELED;
                event_d[`event_reason]   = `REASON_USER;
                event_d[`event_quantity] = {12'd0, off_q};
                event_d[`event_leaves]   = {12'd0, left_q};
                event_d[`event_price_e4] = {1'b0, row_price_e4};
            end
            DROPPED: begin
                event_valid = 1'b1;
                event_d[`event_kind]     = `KIND_CANCELED;
                event_d[`event_reason]   = halted_q ? `REASON_HALT : `REASON_IOC;
                event_d[`event_order]    = {generation_q, order32[19:0]};
                event_d[`event_quantity] = {12'd0, leaves_q};
                event_d[`event_price_e4] = {1'b0, price_e4};
            end
            TRADE: begin
                event_valid = !(level_emptied_q && !occupancy_done);
                event_d[`event_kind]     = `KIND_TRADE;
                event_d[`event_order]    = {generation_q, order32[19:0]};
                event_d[`event_quantity] = {12'd0, fill_q};
                event_d[`event_leaves]   = {12'd0, leaves_q};
                event_d[`event_price_e4] = {1'b0, row_price_e4};
                event_d[`event_maker]    = {maker_generation_q, {(20-SLOT_W){1'b0}}, maker_slot_q};
                event_d[`event_maker_leaves] = {12'd0, maker_left_q};
            end
            HALT: begin
                event_valid = 1'b1;
                event_d[`event_kind]    = `KIND_STATE;
                event_d[`event_reason]  = `REASON_HALT;
                event_d[`event_account] = 16'd0;
                event_d[`event_session] = 16'd0;
                event_d[`event_order]   = 32'd0;
                event_d[`EVENT_SELL]    = 1'b0;
                event_d[`event_value]   = {56'd0, `SYMBOL_STATE_HALTED};
                event_d[`event_table]   = `TABLE_SYMBOL;
                event_d[`event_field]   = `ROW_SYMBOL_STATE;
            end
            ROW_SAY: begin
                event_valid = 1'b1;
                event_d[`event_kind]  = is_symbol && field == `ROW_SYMBOL_STATE ? `KIND_STATE : `KIND_SET;
                event_d[`EVENT_SELL]  = 1'b0;
                event_d[`event_value] = row_value_q;
                event_d[`event_table] = table_;
                event_d[`event_field] = field;
            end
            CREDIT: begin
                event_valid = credits;
                event_d[`event_kind]  = `KIND_CREDITED;
                event_d[`event_value] = credit_sum[63:0];
            end
            KILL: begin
                event_valid = 1'b1;
                event_d[`event_kind]    = `KIND_STATE;
                event_d[`event_account] = field == `TABLE_FIRM ? firm16 : account16;
                event_d[`event_value]   = {63'd0, command_q[`command_mode] == `MODE_KILL};
                event_d[`event_table]   = field;
                event_d[`event_field]   = field == `TABLE_ACCOUNT ? `ROW_ACCOUNT_KILLED
                                        : field == `TABLE_FIRM    ? `ROW_FIRM_KILLED
                                        : field == `TABLE_SESSION ? `ROW_SESSION_KILLED : `ROW_ENGINE_KILLED;
            end
            QUERY: begin
                event_valid = row_exists;
                event_d[`event_kind]    = `KIND_ROW;
                event_d[`event_account] = field == `TABLE_FIRM ? firm16 : account16;
                event_d[`event_value]   = row_field_value;
                event_d[`event_table]   = field;
                event_d[`event_field]   = query_field_q;
            end
            NOP: begin
                event_valid = 1'b1;
                event_d[`event_kind] = `KIND_SET;
            end
            default: ;
        endcase
    end
    reg [SLOT_W-1:0] maker_slot_q;

    wire take = s_command_tvalid && s_command_tready;
    reg  [63:0] stamp_q;
    wire [63:0] command_stamp = s_command_tdata[`command_stamp_ns];
    wire [63:0] stamp_d = command_stamp > stamp_q ? command_stamp : stamp_q;
    report report_unit (
        .clk(clk), .rst(rst),
        .take_i(take),
        .by_card_i(s_command_tuser && s_command_tdata[`command_origin] == `ORIGIN_CARD),
        .stamp_ns_i(stamp_d),
        .s_event_tvalid(event_valid), .s_event_tready(event_ready), .s_event_tdata(event_d),
        .end_valid_i(state_q == END), .end_ready_o(end_ready),
        .m_event_tvalid(m_event_tvalid), .m_event_tready(m_event_tready), .m_event_tdata(m_event_tdata)
    );

    assign init_done_o      = state_q != SWEEP;
    assign killed_o         = killed_q;
    assign busy_o           = state_q != IDLE && state_q != SWEEP;
    assign s_command_tready = state_q == IDLE;

    // ---- the sequence -----------------------------------------------------------------------------------------------
    always @(posedge clk) begin
        case (state_q)
            SWEEP: begin
                sweep_q <= sweep_q + 1'b1;
                if (&sweep_q) state_q <= IDLE;
            end

            IDLE: if (take) begin
                command_q <= s_command_tdata;
                trusted_q <= s_command_tuser;
                stamp_q   <= stamp_d;
                state_q   <= READ;
            end

            READ: begin
                query_field_q <= 8'd1;
                halted_q      <= 1'b0;
                resting_q     <= 2'd0;
                any_resting_q <= 1'b0;
                lowest_q      <= LEVEL_MASK;
                highest_q     <= 12'd0;
                reason_q      <= `REASON_MALFORMED;
                if (!form_ok) state_q <= REJECT;
                else case (opcode)
                    `OPCODE_NEW, `OPCODE_CANCEL, `OPCODE_REPLACE: state_q <= OPERANDS;
                    `OPCODE_CREDIT:                               state_q <= CREDIT;
                    `OPCODE_KILL:                                 state_q <= KILL;
                    `OPCODE_QUERY:                                state_q <= QUERY;
                    `OPCODE_NOP:                                  state_q <= NOP;
                    default:                                      state_q <= ROW_VALUE;
                endcase
            end

            OPERANDS: begin
                below_base_q <= far_price_e4 < base_e4;
                distance_q   <= far_price_e4 < base_e4 ? base_e4 - far_price_e4 : far_price_e4 - base_e4;
                cancels_q    <= is_cancel || (is_replace && nothing_left);
                removes_q    <= is_replace || cancel_left == 20'd0;
                left_q       <= is_cancel ? cancel_left : 20'd0;
                off_q        <= is_cancel ? row_leaves - cancel_left : row_leaves;
                quantity_q   <= is_replace ? total_left : quantity;
                state_q      <= MULTIPLY;
            end
            MULTIPLY: begin
                ticks_q        <= ticks_product[63:32];
                lots_q         <= {11'd0, lots_product[52:32]};
                notional_q     <= {20'd0, price_e4} * {31'd0, quantity_q};
                old_notional_q <= {20'd0, row_price_e4} * {31'd0, off_q};
                state_q        <= MULTIPLY_2;
            end
            MULTIPLY_2: begin
                ticks_back_q <= {20'd0, ticks_q} * {32'd0, tick_e4};
                lots_back_q  <= {5'd0, lots_q} * {21'd0, lot};
                state_q      <= COMPARE;
            end
            COMPARE: begin
                on_tick_q <= ticks_back_q == {21'd0, distance_q};
                in_lots_q <= lots_back_q == {17'd0, quantity};
                in_band_q <= !below_base_q && ticks_q < LEVELS;
                rank_q    <= ticks_q[11:0];
                level_q   <= (base_index + ticks_q[11:0]) & LEVEL_MASK;
                state_q   <= sets_base ? RESTING_FIND : DECIDE;
            end

            DECIDE: begin
                reason_q       <= decision;
                generation_q   <= row_generation + 12'd1;
                executed_q     <= is_new ? 20'd0 : row_executed;
                leaves_q       <= quantity_q;
                net_q          <= row_net;
                open_buy_q     <= sells ? row_open_buy : row_open_buy - (is_new ? 48'd0 : {28'd0, off_q}) + (cancels_q ? 48'd0 : {28'd0, quantity_q});
                open_sell_q    <= !sells ? row_open_sell : row_open_sell - (is_new ? 48'd0 : {28'd0, off_q}) + (cancels_q ? 48'd0 : {28'd0, quantity_q});
                buying_power_q <= sells ? row_buying_power : row_buying_power + (is_new ? 64'd0 : {13'd0, old_notional_q}) - (cancels_q ? 64'd0 : {13'd0, notional_q});
                reserved_q     <= sells ? row_reserved : row_reserved - (is_new ? 64'd0 : {13'd0, old_notional_q}) + (cancels_q ? 64'd0 : {13'd0, notional_q});
                state_q        <= decision != `REASON_NONE ? REJECT : is_new ? VERDICT : UNLINK_READ;
            end
            REJECT: if (event_ready) state_q <= END;

            UNLINK_READ: state_q <= UNLINK;
            UNLINK:      state_q <= unlink_empties ? UNLINK_BIT : cancels_q ? CANCELED : VERDICT;
            UNLINK_BIT:  if (occupancy_done) state_q <= cancels_q ? CANCELED : VERDICT;
            CANCELED:    if (event_ready) state_q <= WRITE_BACK;

            VERDICT:   if (event_ready) state_q <= FIND;
            FIND:      state_q <= FIND_WAIT;
            FIND_WAIT: if (occupancy_done) state_q <= occupancy_found ? CROSS : SETTLE;
            CROSS: begin
                other_level_q <= occupancy_found_level;
                state_q       <= !crosses ? SETTLE : away > collar ? HALT : LEVEL;
            end
            LEVEL: begin
                head_q   <= row_head;
                tail_q   <= row_tail;
                count_q  <= row_count;
                shares_q <= row_shares;
                state_q  <= MAKER;
            end
            MAKER: state_q <= FILL;
            FILL: begin
                fill_q  <= leaves_q < row_leaves ? leaves_q : row_leaves;
                state_q <= MONEY;
            end
            MONEY: begin
                fill_value_q <= {20'd0, row_price_e4} * {31'd0, fill_q};
                fill_limit_q <= {20'd0, price_e4} * {31'd0, fill_q};
                maker_left_q <= row_leaves - fill_q;
                state_q      <= BOOK;
            end
            BOOK: begin
                buying_power_q     <= taker_buying_power;
                reserved_q         <= maker_same ? maker_reserved : taker_reserved;
                net_q              <= maker_same ? maker_net : taker_net;
                open_buy_q         <= maker_same ? maker_open_buy : taker_open_buy;
                open_sell_q        <= maker_same ? maker_open_sell : taker_open_sell;
                leaves_q           <= leaves_q - fill_q;
                executed_q         <= executed_q + fill_q;
                maker_slot_q       <= head_q;
                maker_generation_q <= row_generation;
                level_emptied_q    <= level_done;
                shares_q           <= shares_q - {20'd0, fill_q};
                if (maker_done) begin
                    head_q  <= next;
                    count_q <= count_q - 1'b1;
                end
                state_q <= TRADE;
            end
            TRADE: begin
                if (occupancy_done) level_emptied_q <= 1'b0;
                if (event_valid && event_ready)
                    state_q <= leaves_q == 20'd0 ? SETTLE : count_q == {(SLOT_W+1){1'b0}} ? FIND : MAKER;
            end
            HALT: if (event_ready) begin
                halted_q <= 1'b1;
                state_q  <= SETTLE;
            end
            SETTLE: state_q <= leaves_q == 20'd0 ? WRITE_BACK : halted_q || ioc ? DROP : REST;

            REST:      state_q <= REST_WAIT;
            REST_WAIT: if (occupancy_done) state_q <= WRITE_BACK;
            DROP: begin
                notional_q <= {20'd0, price_e4} * {31'd0, leaves_q};
                state_q    <= DROPPED;
            end
            DROPPED: if (event_ready) begin
                if (sells) begin
                    open_sell_q <= open_sell_q - {28'd0, leaves_q};
                end else begin
                    open_buy_q     <= open_buy_q - {28'd0, leaves_q};
                    buying_power_q <= buying_power_q + {13'd0, notional_q};
                    reserved_q     <= reserved_q - {13'd0, notional_q};
                end
                state_q <= WRITE_BACK;
            end
            WRITE_BACK: state_q <= END;

            ROW_VALUE: begin
                row_value_q    <= adjusts ? row_sum[63:0] : value;
                row_overflow_q <= adjusts && row_sum[64] != row_sum[63];
                state_q        <= ROW_CHECK;
            end
            ROW_CHECK: begin
                if (!row_value_ok)  state_q <= REJECT;
                else if (sets_base) state_q <= OPERANDS;
                else if (sets_tick) state_q <= RESTING_FIND;
                else if (sets_lot)  state_q <= DIVIDE;
                else                state_q <= ROW_WRITE;
            end
            RESTING_FIND: state_q <= RESTING_WAIT;
            RESTING_WAIT: if (occupancy_done) begin
                if (occupancy_found) begin
                    any_resting_q <= 1'b1;
                    if (!resting_q[0] && other_rank < lowest_q) lowest_q <= other_rank;
                    if (resting_q[0] && other_rank > highest_q) highest_q <= other_rank;
                end
                resting_q <= resting_q + 2'd1;
                state_q   <= resting_last ? RESTING_DONE : RESTING_FIND;
            end
            RESTING_DONE: begin
                reason_q <= sets_base && !on_tick_q ? `REASON_PRICE_OFF_TICK : `REASON_BAND_OCCUPIED;
                if (sets_tick) state_q <= any_resting_q ? REJECT : DIVIDE;
                else           state_q <= any_resting_q && (!on_tick_q || base_moves_out) ? REJECT : ROW_WRITE;
            end
            DIVIDE:    if (divide_done) state_q <= ROW_WRITE;
            ROW_WRITE: state_q <= ROW_SAY;
            ROW_SAY:   if (event_ready) state_q <= END;

            CREDIT: begin
                reason_q <= credit_reason;
                if (credit_reason != `REASON_NONE) state_q <= REJECT;
                else if (event_ready)              state_q <= END;
            end
            KILL: if (event_ready) state_q <= END;
            QUERY: begin
                // Fields that are still to be built lie behind the last one of their table.
                if (event_ready) begin
                    query_field_q <= query_field_q + 8'd1;
                    if (row_last) state_q <= END;
                end
            end
            NOP: if (event_ready) state_q <= END;

            default: if (end_ready) state_q <= IDLE;        // END
        endcase

        if (rst) begin
            state_q <= SWEEP;
            sweep_q <= {SWEEP_W{1'b0}};
            stamp_q <= 64'd0;
        end
    end

    wire kills = command_q[`command_mode] == `MODE_KILL;
    always @(posedge clk) begin
        if (state_q == KILL && event_ready) begin
            if (field == `TABLE_ENGINE)  killed_q                  <= kills;
            if (field == `TABLE_FIRM)    firm_killed_q[firm]       <= kills;
            if (field == `TABLE_ACCOUNT) account_killed_q[account] <= kills;
            if (field == `TABLE_SESSION) session_killed_q[session] <= kills;
        end

        if (rst) begin
            killed_q         <= 1'b1;
            firm_killed_q    <= {ACCOUNTS{1'b0}};
            account_killed_q <= {ACCOUNTS{1'b0}};
            session_killed_q <= {ACCOUNTS{1'b0}};
        end
    end

    `CHECK(fill_is_not_zero,        state_q != BOOK || fill_q != 20'd0)
    `CHECK(maker_is_live,           state_q != BOOK || row_live)
    `CHECK(maker_is_of_this_symbol, state_q != BOOK || (row_symbol == symbol && row_sells != sells))
    `CHECK(level_has_what_it_fills, state_q != BOOK || shares_q >= {20'd0, fill_q})
    `CHECK(query_row_exists,        state_q != QUERY || row_exists)
    `CHECK(reservations_hold,       state_q != WRITE_BACK || (!buying_power_q[63] && !reserved_q[63]))
endmodule

`default_nettype wire
