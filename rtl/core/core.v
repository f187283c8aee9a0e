// core: the engine. Commands enter one a clock, are checked, booked and reported in order, as if one after another.
//
//   latency     from taking to verdict 7 clocks, always; to each event by tests/rtl/test_clocks.c: see rtl/core/README.md
//   throughput  one order command every 2 clocks, more for fills; row commands one at a time with the pipeline empty
//   slow sink   an event that cannot leave holds the book where it is; nothing is lost
//   reset       the gate is closed; init_done_o says when the tables are swept and commands are taken
//   invariant   the same commands and stamps give the same events as host/engine/engine.c, bit for bit
//
//   clock 1     front 1   symbol and order row are here: distance from the base and its quotient, which order is meant
//         2     front 2   quotients of tick and lot times these again
//         3     front 3   price times quantity; the account's limits are addressed
//         4     check 0   checks that no order before can change; the account's sums are addressed
//         5     check 1   all others
//         6     verdict   the first that failed; does it cross; level, links and bits are addressed
//         7     book      all writes of a command that does not trade, and its event
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
    output reg  [4:0]   stopped_o = 5'd0,   // MEMORY_ number of the table whose row was wrong; nothing more is taken or said

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
    localparam SWEEP_W    = widest(widest(SLOT_W, POSITION_W + 1), BOOK_W + 6);
    localparam [31:0] LEVEL_LAST   = LEVELS - 1;
    localparam [31:0] ACCOUNT_LAST = ACCOUNTS - 1;
    localparam [11:0] LEVEL_MASK   = LEVEL_LAST[11:0];     // levels are counted modulo LEVELS

    // The room of the book
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
    // The clerk, who does what is no order
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

    reg  [4:0] book_q  = EMPTY;
    reg  [4:0] clerk_q = IDLE;
    reg        clerk_refuses_q = 1'b0;      // in state NOP: REJECTED is said

    reg               sweeping_q = 1'b1;
    reg [SWEEP_W-1:0] sweep_q = {SWEEP_W{1'b0}};

    wire event_ready;

    // ---- commands on their way --------------------------------------------------------------------------------------
    localparam ITEM_W = 32 + 1 + 512;       // clock of arrival, trusted, command
    wire [31:0]       clock;
    reg  [63:0]       stamp_q;
    wire [63:0]       given_stamp = s_command_tdata[`command_stamp_ns];
    wire [63:0]       stamp_d = given_stamp > stamp_q ? given_stamp : stamp_q;
    wire [511:0]      stamped = {s_command_tdata[511:64], stamp_d};
    wire              offered, take, commit, again;
    wire [ITEM_W-1:0] offered_item;
    wire              intake_ready, intake_busy;
    intake #(.ITEM_W(ITEM_W)) intake (
        .clk(clk), .rst(rst),
        .s_command_tvalid(s_command_tvalid && !sweeping_q && !stopped), .s_command_tready(intake_ready),
        .s_command_tdata({clock, s_command_tuser, stamped}),
        .m_command_tvalid(offered), .m_command_tready(take), .m_command_tdata(offered_item),
        .commit_i(commit), .again_i(again), .busy_o(intake_busy)
    );
    assign s_command_tready = intake_ready && !sweeping_q && !stopped;

    reg               f1_valid_q = 1'b0, f2_valid_q = 1'b0, f3_valid_q = 1'b0, e_valid_q = 1'b0;
    reg               f1_stale_q, f2_stale_q, f3_stale_q, e_stale_q, b_stale_q;
    reg  [ITEM_W-1:0] f1_item_q, f2_item_q, f3_item_q, e_item_q, b_item_q;
    reg               alone_q = 1'b0;       // a command that is no order is in the pipeline: nothing is taken behind it

    wire e_leaves;
    wire e_ready  = !e_valid_q || e_leaves;
    wire f3_moves = f3_valid_q && e_ready;
    wire f2_moves = f2_valid_q && (!f3_valid_q || f3_moves);
    wire f1_moves = f1_valid_q && (!f2_valid_q || f2_moves);
    assign take = offered && !stopped && (!f1_valid_q || f1_moves) && !alone_q && !again;

    wire [511:0]       offered_command = offered_item[511:0];
    wire [SYMBOL_W-1:0] offered_symbol = offered_command[`command_symbol_low +: SYMBOL_W];
    wire [SLOT_W-1:0]  offered_slot    = offered_command[`command_order_low +: SLOT_W];
    wire [7:0]         offered_opcode  = offered_command[`command_opcode];
    wire               offered_order   = offered_opcode == `OPCODE_NEW || offered_opcode == `OPCODE_CANCEL || offered_opcode == `OPCODE_REPLACE;

    wire              order_write;
    wire [SLOT_W-1:0] order_write_slot;
    wire [SLOT_W-1:0] f1_slot = f1_item_q[`command_order_low +: SLOT_W];
    wire [SLOT_W-1:0] f2_slot = f2_item_q[`command_order_low +: SLOT_W];
    wire [SLOT_W-1:0] f3_slot = f3_item_q[`command_order_low +: SLOT_W];
    wire [SLOT_W-1:0] e_slot  = e_item_q[`command_order_low +: SLOT_W];
    wire f1_stale = f1_stale_q || (order_write && order_write_slot == f1_slot);
    wire f2_stale = f2_stale_q || (order_write && order_write_slot == f2_slot);
    wire f3_stale = f3_stale_q || (order_write && order_write_slot == f3_slot);
    wire e_stale  = e_stale_q  || (order_write && order_write_slot == e_slot);

    always @(posedge clk) begin
        if (s_command_tvalid && s_command_tready) stamp_q <= stamp_d;

        if (take) begin
            f1_item_q  <= offered_item;
            f1_stale_q <= order_write && order_write_slot == offered_slot;
        end else begin
            f1_stale_q <= f1_stale;
        end
        if (f1_moves) f2_item_q <= f1_item_q;
        if (f2_moves) f3_item_q <= f2_item_q;
        if (f3_moves) e_item_q  <= f3_item_q;
        f2_stale_q <= f1_moves ? f1_stale : f2_stale;
        f3_stale_q <= f2_moves ? f2_stale : f3_stale;
        e_stale_q  <= f3_moves ? f3_stale : e_stale;
        f1_valid_q <= take     || (f1_valid_q && !f1_moves);
        f2_valid_q <= f1_moves || (f2_valid_q && !f2_moves);
        f3_valid_q <= f2_moves || (f3_valid_q && !f3_moves);
        e_valid_q  <= f3_moves || (e_valid_q && !e_leaves);
        if (take && !offered_order) alone_q <= 1'b1;
        else if (clerk_done)        alone_q <= 1'b0;

        if (again || rst || stopped) begin
            f1_valid_q <= 1'b0;
            f2_valid_q <= 1'b0;
            f3_valid_q <= 1'b0;
            e_valid_q  <= 1'b0;
            alone_q    <= 1'b0;
        end
        if (rst) stamp_q <= 64'd0;
    end

    // ---- memory errors ----------------------------------------------------------------------------------------------
    // A row that is not what was written stops the core in the clock in which an event made from it would leave.
    wire symbol_fault, account_fault, money_fault, pace_fault, firm_fault, limit_fault, position_fault, order_fault, maker_fault;
    wire previous_fault, next_fault, level_fault, client_ref_fault, words_fault, summary_fault, best_fault, last_event_fault;
    wire level_used, previous_used, next_used, best_used, last_event_used;
    reg  [31:0] fault;
    always @* begin
        fault = 32'd0;
        fault[`MEMORY_SYMBOL]     = symbol_fault;
        fault[`MEMORY_ACCOUNT]    = account_fault;
        fault[`MEMORY_MONEY]      = money_fault;
        fault[`MEMORY_PACE]       = pace_fault;
        fault[`MEMORY_FIRM]       = firm_fault;
        fault[`MEMORY_LIMIT]      = limit_fault;
        fault[`MEMORY_POSITION]   = position_fault;
        fault[`MEMORY_ORDER]      = order_fault;
        fault[`MEMORY_MAKER]      = maker_fault;
        fault[`MEMORY_WORDS]      = words_fault;
        fault[`MEMORY_SUMMARY]    = summary_fault;
        // These are not swept: a row means something only where it is used.
        fault[`MEMORY_PREVIOUS]   = previous_fault && previous_used;
        fault[`MEMORY_NEXT]       = next_fault && next_used;
        fault[`MEMORY_LEVEL]      = level_fault && level_used;
        fault[`MEMORY_CLIENT_REF] = client_ref_fault && clerk_q == QUERY && table_ == `TABLE_ORDER && row_live;
        fault[`MEMORY_BEST]       = best_fault && best_used;
        fault[`MEMORY_LAST_EVENT] = last_event_fault && last_event_used;
    end
    integer n;
    always @(posedge clk) begin
        if (stopped_o == 5'd0 && !sweeping_q)
            for (n = 0; n < 32; n = n + 1) if (fault[n]) stopped_o <= n[4:0];
        if (rst) stopped_o <= 5'd0;
    end
    wire stopped = stopped_o != 5'd0;

    // For tests: the table's next row is written wrong, once.
    reg         injected_q;
    wire [31:0] flip = sweeping_q || injected_q || inject_i > `MEMORY_LAST_EVENT ? 32'd0 : 32'd1 << inject_i;
    wire [31:0] writes;
    always @(posedge clk) injected_q <= !rst && inject_i != 5'd0 && (injected_q || |(flip & writes));

    // ---- tables -----------------------------------------------------------------------------------------------------
    wire [511:0] e_command = e_item_q[511:0];
    wire [511:0] b_command = b_item_q[511:0];
    wire [511:0] f3_command = f3_item_q[511:0];
    wire reading = clerk_q == READ;
    wire scans   = clerk_q == SCAN_READ || (clerk_q == SCAN && !scan_meets);     // SWEEP reads orders
    wire scan_meets;
    reg  [SLOT_W:0]   scan_q;
    wire [SLOT_W-1:0] scan_slot = scan_q[SLOT_W-1:0];

    wire [SYMBOL_W-1:0]  e_symbol  = e_command[`command_symbol_low +: SYMBOL_W];
    wire [ACCOUNT_W-1:0] e_account = e_command[`command_account_low +: ACCOUNT_W];
    wire [SYMBOL_W-1:0]  b_symbol  = b_command[`command_symbol_low +: SYMBOL_W];
    wire [ACCOUNT_W-1:0] b_account = b_command[`command_account_low +: ACCOUNT_W];
    wire [SLOT_W-1:0]    b_slot    = b_command[`command_order_low +: SLOT_W];
    wire                 b_sells   = b_command[`command_side] == `SIDE_SELL;
    wire [SYMBOL_W-1:0]  f3_symbol  = f3_command[`command_symbol_low +: SYMBOL_W];
    wire [ACCOUNT_W-1:0] f3_account = f3_command[`command_account_low +: ACCOUNT_W];

    // symbol; its state apart, because a trade may halt it
    localparam SYMBOL_ROW_W = 31 + 12 + 20 + 33 + 16 + 33 + 1 + 12 + 12;
    localparam [SYMBOL_ROW_W-1:0] SYMBOL_FRESH = {31'd0, 12'd0, 20'd0, 33'd0, 16'd1, 33'h100000000, 1'b0, 12'd0, 12'd0};
    wire [SYMBOL_ROW_W-1:0] symbol_row;
    reg  [SYMBOL_ROW_W-1:0] symbol_row_d;
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
        .clk(clk), .rst(rst),
        .write_i(sweeping_q || symbol_write),
        .write_addr_i(sweeping_q ? sweep_q[SYMBOL_W-1:0] : e_symbol),
        .write_data_i(sweeping_q ? SYMBOL_FRESH : symbol_row_d),
        .flip_i(flip[`MEMORY_SYMBOL]), .enable_i(take || reading), .read_addr_i(reading ? e_symbol : offered_symbol), .read_data_o(symbol_row), .fault_o(symbol_fault)
    );
    reg [2*SYMBOLS-1:0] symbol_states_q;
    wire [1:0] symbol_state = symbol_states_q[2*e_symbol +: 2];

    // account: what the host sets, and apart from it the money that orders move
    localparam ACCOUNT_ROW_W = 1 + ACCOUNT_W + 10 + 20 + 51 + 20 + 2 * 61 + 3 * 32 + 3;
    localparam ACCOUNT_MORE  = 82 + ACCOUNT_W;
    wire [ACCOUNT_ROW_W-1:0] account_row;
    reg  [ACCOUNT_ROW_W-1:0] account_row_d;
    wire [50:0]          notional_max_e4  = account_row[50:0];
    wire [19:0]          quantity_max     = account_row[70:51];
    wire [9:0]           currency         = account_row[80:71];
    wire [ACCOUNT_W-1:0] account_firm     = account_row[81 +: ACCOUNT_W];
    wire                 enabled          = account_row[81 + ACCOUNT_W];
    wire [19:0]          open_max         = account_row[ACCOUNT_MORE +: 20];
    wire [60:0]          gross_max_e4     = account_row[ACCOUNT_MORE + 20 +: 61];
    wire [60:0]          daily_max_e4     = account_row[ACCOUNT_MORE + 81 +: 61];
    wire [31:0]          rate_interval_ns = account_row[ACCOUNT_MORE + 142 +: 32];
    wire [31:0]          rate_burst_ns    = account_row[ACCOUNT_MORE + 174 +: 32];
    wire [31:0]          duplicate_ns     = account_row[ACCOUNT_MORE + 206 +: 32];
    wire [2:0]           self_trade       = account_row[ACCOUNT_MORE + 238 +: 3];
    wire                 account_write;
    ram #(.ROWS(ACCOUNTS), .ROW_W(ACCOUNT_ROW_W)) account_ram (
        .clk(clk), .rst(rst),
        .write_i(sweeping_q || account_write),
        .write_addr_i(sweeping_q ? sweep_q[ACCOUNT_W-1:0] : e_account),
        .write_data_i(sweeping_q ? {ACCOUNT_ROW_W{1'b0}} : account_row_d),
        .flip_i(flip[`MEMORY_ACCOUNT]), .enable_i(f3_moves || reading), .read_addr_i(reading ? e_account : f3_account), .read_data_o(account_row), .fault_o(account_fault)
    );

    wire                 sums_write, sums_read;
    wire [ACCOUNT_W-1:0] sums_write_account, sums_read_account;
    wire [SYMBOL_W-1:0]  sums_write_symbol, sums_read_symbol;
    localparam MONEY_W = 20 + 4 * 64;
    wire [MONEY_W-1:0]   money_row;
    reg  [MONEY_W-1:0]   money_row_d;
    wire [63:0]          row_buying_power = money_row[63:0];
    wire [63:0]          row_reserved     = money_row[127:64];
    wire [63:0]          row_gross        = money_row[191:128];
    wire [63:0]          row_traded       = money_row[255:192];
    wire [19:0]          row_open_count   = money_row[275:256];
    ram #(.ROWS(ACCOUNTS), .ROW_W(MONEY_W)) money_ram (
        .clk(clk), .rst(rst),
        .write_i(sweeping_q || sums_write),
        .write_addr_i(sweeping_q ? sweep_q[ACCOUNT_W-1:0] : sums_write_account),
        .write_data_i(sweeping_q ? {MONEY_W{1'b0}} : money_row_d),
        .flip_i(flip[`MEMORY_MONEY]), .enable_i(sums_read), .read_addr_i(sums_read_account), .read_data_o(money_row), .fault_o(money_fault)
    );

    // account once more: when its messages may come, and its last accepted NEW
    localparam LAST_W = 1 + SYMBOL_W + 1 + 31 + 20 + 64;
    localparam PACE_W = LAST_W + 63;
    wire              pace_write, pace_read;
    wire [PACE_W-1:0] pace_row, pace_row_d;
    wire [62:0]       row_tat_ns = pace_row[62:0];
    wire [LAST_W-1:0] row_last_new = pace_row[63 +: LAST_W];
    ram #(.ROWS(ACCOUNTS), .ROW_W(PACE_W)) pace_ram (
        .clk(clk), .rst(rst),
        .write_i(sweeping_q || pace_write),
        .write_addr_i(sweeping_q ? sweep_q[ACCOUNT_W-1:0] : b_account),
        .write_data_i(sweeping_q ? {PACE_W{1'b0}} : pace_row_d),
        .flip_i(flip[`MEMORY_PACE]), .enable_i(pace_read), .read_addr_i(e_account), .read_data_o(pace_row), .fault_o(pace_fault)
    );

    // open orders of a firm in a symbol, by side
    localparam FIRM_ROW_W = SLOT_W + 1;
    wire                  firm_write, firm_write_side, firm_read, firm_read_side;
    wire [ACCOUNT_W-1:0]  firm_write_firm, firm_read_firm;
    wire [FIRM_ROW_W-1:0] firm_row, firm_row_d;
    ram #(.ROWS(ACCOUNTS * SYMBOLS * 2), .ROW_W(FIRM_ROW_W)) firm_ram (
        .clk(clk), .rst(rst),
        .write_i(sweeping_q || firm_write),
        .write_addr_i(sweeping_q ? sweep_q[POSITION_W:0] : {firm_write_firm, b_symbol, firm_write_side}),
        .write_data_i(sweeping_q ? {FIRM_ROW_W{1'b0}} : firm_row_d),
        .flip_i(flip[`MEMORY_FIRM]), .enable_i(firm_read), .read_addr_i({firm_read_firm, b_symbol, firm_read_side}), .read_data_o(firm_row), .fault_o(firm_fault)
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
        .clk(clk), .rst(rst),
        .write_i(sweeping_q || limit_write),
        .write_addr_i(sweeping_q ? sweep_q[POSITION_W-1:0] : {e_account, e_symbol}),
        .write_data_i(sweeping_q ? {LIMIT_ROW_W{1'b0}} : limit_row_d),
        .flip_i(flip[`MEMORY_LIMIT]), .enable_i(f3_moves || reading),
        .read_addr_i(reading ? {e_account, e_symbol} : {f3_account, f3_symbol}), .read_data_o(limit_row), .fault_o(limit_fault)
    );

    wire [143:0] position_row;
    reg  [143:0] position_row_d;
    wire [47:0]  row_net       = position_row[47:0];
    wire [47:0]  row_open_buy  = position_row[95:48];
    wire [47:0]  row_open_sell = position_row[143:96];
    ram #(.ROWS(ACCOUNTS * SYMBOLS), .ROW_W(144)) position_ram (
        .clk(clk), .rst(rst),
        .write_i(sweeping_q || sums_write),
        .write_addr_i(sweeping_q ? sweep_q[POSITION_W-1:0] : {sums_write_account, sums_write_symbol}),
        .write_data_i(sweeping_q ? 144'd0 : position_row_d),
        .flip_i(flip[`MEMORY_POSITION]), .enable_i(sums_read), .read_addr_i({sums_read_account, sums_read_symbol}), .read_data_o(position_row), .fault_o(position_fault)
    );

    // order, twice: what the front reads at the taking, and what the book reads of the orders it fills
    localparam ORDER_MORE  = 84 + SYMBOL_W + 2 * ACCOUNT_W;
    localparam ORDER_ROW_W = ORDER_MORE + 12 + 20 + 20 + ACCOUNT_W + 1;
    reg  [ORDER_ROW_W-1:0] order_row_d;
    wire [ORDER_ROW_W-1:0] order_row, maker_row;
    wire [19:0]          row_leaves     = order_row[19:0];
    wire [19:0]          row_executed   = order_row[39:20];
    wire [30:0]          row_price_e4   = order_row[70:40];
    wire [11:0]          row_level      = order_row[82:71];
    wire                 row_sells      = order_row[83];
    wire [SYMBOL_W-1:0]  row_symbol     = order_row[84 +: SYMBOL_W];
    wire [ACCOUNT_W-1:0] row_account    = order_row[84 + SYMBOL_W +: ACCOUNT_W];
    wire [ACCOUNT_W-1:0] row_session    = order_row[84 + SYMBOL_W + ACCOUNT_W +: ACCOUNT_W];
    wire [11:0]          row_generation = order_row[ORDER_MORE +: 12];
    wire [19:0]          row_displayed  = order_row[ORDER_MORE + 12 +: 20];
    wire [19:0]          row_shown      = order_row[ORDER_MORE + 32 +: 20];
    wire [ACCOUNT_W-1:0] row_firm       = order_row[ORDER_MORE + 52 +: ACCOUNT_W];
    wire                 row_live       = order_row[ORDER_ROW_W-1];
    ram #(.ROWS(ORDERS), .ROW_W(ORDER_ROW_W)) order_ram (
        .clk(clk), .rst(rst),
        .write_i(sweeping_q || order_write),
        .write_addr_i(sweeping_q ? sweep_q[SLOT_W-1:0] : order_write_slot),
        .write_data_i(sweeping_q ? {ORDER_ROW_W{1'b0}} : order_row_d),
        .flip_i(flip[`MEMORY_ORDER]), .enable_i(take || reading || scans), .read_addr_i(scans ? scan_slot : reading ? e_slot : offered_slot), .read_data_o(order_row), .fault_o(order_fault)
    );
    wire [19:0]          maker_leaves     = maker_row[19:0];
    wire [19:0]          maker_executed   = maker_row[39:20];
    wire [30:0]          maker_price_e4   = maker_row[70:40];
    wire [ACCOUNT_W-1:0] maker_account    = maker_row[84 + SYMBOL_W +: ACCOUNT_W];
    wire [ACCOUNT_W-1:0] maker_session    = maker_row[84 + SYMBOL_W + ACCOUNT_W +: ACCOUNT_W];
    wire [11:0]          maker_level      = maker_row[82:71];
    wire [11:0]          maker_generation = maker_row[ORDER_MORE +: 12];
    wire [19:0]          maker_displayed  = maker_row[ORDER_MORE + 12 +: 20];
    wire [19:0]          maker_shown      = maker_row[ORDER_MORE + 32 +: 20];
    wire [ACCOUNT_W-1:0] maker_firm       = maker_row[ORDER_MORE + 52 +: ACCOUNT_W];
    wire                 maker_read;
    wire [SLOT_W-1:0]    maker_read_slot;
    ram #(.ROWS(ORDERS), .ROW_W(ORDER_ROW_W)) maker_ram (
        .clk(clk), .rst(rst),
        .write_i(sweeping_q || order_write),
        .write_addr_i(sweeping_q ? sweep_q[SLOT_W-1:0] : order_write_slot),
        .write_data_i(sweeping_q ? {ORDER_ROW_W{1'b0}} : order_row_d),
        .flip_i(flip[`MEMORY_MAKER]), .enable_i(maker_read), .read_addr_i(maker_read_slot), .read_data_o(maker_row), .fault_o(maker_fault)
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
        .flip_i(flip[`MEMORY_PREVIOUS]), .enable_i(links_read), .read_addr_i(links_read_slot), .read_data_o(previous), .fault_o(previous_fault)
    );
    ram #(.ROWS(ORDERS), .ROW_W(SLOT_W)) next_ram (
        .clk(clk), .rst(rst),
        .write_i(next_write), .write_addr_i(next_write_slot), .write_data_i(next_d),
        .flip_i(flip[`MEMORY_NEXT]), .enable_i(links_read), .read_addr_i(links_read_slot), .read_data_o(next), .fault_o(next_fault)
    );

    // level: meaningful only while occupied
    localparam LEVEL_ROW_W = 2 * SLOT_W + 36;
    wire [LEVEL_ROW_W-1:0] level_row;
    reg  [LEVEL_ROW_W-1:0] level_row_d;
    wire [35:0]         level_shares = level_row[35:0];
    wire [SLOT_W-1:0]   level_tail   = level_row[36 +: SLOT_W];
    wire [SLOT_W-1:0]   level_head   = level_row[36 + SLOT_W +: SLOT_W];
    wire                level_write, level_write_side, level_read, level_read_side;
    wire [11:0]         level_write_index, level_read_index;
    ram #(.ROWS(SYMBOLS * 2 * LEVELS), .ROW_W(LEVEL_ROW_W)) level_ram (
        .clk(clk), .rst(rst),
        .write_i(level_write), .write_addr_i({b_symbol, level_write_side, level_write_index[LEVEL_W-1:0]}), .write_data_i(level_row_d),
        .flip_i(flip[`MEMORY_LEVEL]), .enable_i(level_read), .read_addr_i({b_symbol, level_read_side, level_read_index[LEVEL_W-1:0]}), .read_data_o(level_row), .fault_o(level_fault)
    );

    // the best level of each book, beside a bit that says whether there is one
    reg  [13:0] best_bid_q [0:SYMBOLS-1];       // with parity
    reg  [13:0] best_ask_q [0:SYMBOLS-1];
    wire        best_write, best_write_side;
    wire [12:0] best_d;
    wire [13:0] best_row_d = sweeping_q ? 14'd0 : {^best_d, best_d[12:1], best_d[0] ^ flip[`MEMORY_BEST]};
    always @(posedge clk) begin
        if (sweeping_q || (best_write && best_write_side == 1'b0))
            best_bid_q[sweeping_q ? sweep_q[SYMBOL_W-1:0] : b_symbol] <= best_row_d;
        if (sweeping_q || (best_write && best_write_side == 1'b1))
            best_ask_q[sweeping_q ? sweep_q[SYMBOL_W-1:0] : b_symbol] <= best_row_d;
    end
    wire [SYMBOL_W-1:0] best_symbol = book_q == EMPTY ? e_symbol : b_symbol;       // else the clerk looks
    wire [13:0] best_bid_row = best_bid_q[best_symbol];
    wire [13:0] best_ask_row = best_ask_q[best_symbol];
    wire [12:0] best_bid = best_bid_row[12:0];
    wire [12:0] best_ask = best_ask_row[12:0];
    assign best_fault = ^best_bid_row || ^best_ask_row;
    assign best_used  = book_q != EMPTY || clerk_q != IDLE;

    // number of the last event that changed the symbol or its book
    reg  [64:0] last_event_q [0:SYMBOLS-1];     // with parity
    wire [64:0] last_event_row = last_event_q[e_symbol];
    wire [63:0] last_event = last_event_row[63:0];
    assign last_event_fault = ^last_event_row;
    assign last_event_used  = clerk_q == UNCROSS || (clerk_q == QUERY && table_ == `TABLE_SYMBOL);
    wire [63:0] event_number;
    wire [64:0] last_event_d = sweeping_q ? 65'd0
                             : {^event_number, event_number[63:1], event_number[0] ^ flip[`MEMORY_LAST_EVENT]};
    wire        changes_symbol;
    wire [SYMBOL_W-1:0] changed_symbol = book_q == EMPTY ? e_symbol : b_symbol;
    always @(posedge clk)
        if (sweeping_q || changes_symbol) last_event_q[sweeping_q ? sweep_q[SYMBOL_W-1:0] : changed_symbol] <= last_event_d;

    // kill bits
    reg                killed_q = 1'b1;
    reg [ACCOUNTS-1:0] firm_killed_q, account_killed_q, session_killed_q;

    // ---- occupancy --------------------------------------------------------------------------------------------------
    reg                occupancy_read, occupancy_down;
    reg  [BOOK_W-1:0]  occupancy_book;
    reg  [11:0]        occupancy_level;
    wire               occupied, nearest, elsewhere, occupancy_write, occupancy_find, walk, pop, next_valid, next_none, next_take, level_emptied;
    wire [11:0]        nearest_level, pop_level, next_level;
    occupancy #(.BOOKS(SYMBOLS * 2)) occupancy_map (
        .clk(clk), .rst(rst),
        .sweep_i(sweeping_q), .sweep_book_i(sweep_q[6 +: BOOK_W]), .sweep_word_i(sweep_q[5:0]),
        .read_i(occupancy_read), .book_i(occupancy_book), .level_i(occupancy_level), .down_i(occupancy_down),
        .without_i(reads_old || count_reads || (reads_own && b_uncross_q)), .set_o(occupied),
        .write_i(occupancy_write), .write_set_i(book_q != UNLINK && book_q != BEST),
        .nearest_o(nearest), .nearest_level_o(nearest_level), .elsewhere_o(elsewhere),
        .find_i(occupancy_find),
        .walk_i(walk), .pop_o(pop), .pop_level_o(pop_level),
        .next_valid_o(next_valid), .next_level_o(next_level), .next_none_o(next_none), .next_i(next_take), .empty_i(level_emptied),
        .flip_word_i(flip[`MEMORY_WORDS]), .flip_summary_i(flip[`MEMORY_SUMMARY]), .word_fault_o(words_fault), .summary_fault_o(summary_fault)
    );

    // ---- front 1: which order is meant, how far the price lies from the base ------------------------------------------
    wire [511:0] f1_command  = f1_item_q[511:0];
    wire [7:0]   f1_opcode   = f1_command[`command_opcode];
    // A market order's level: the collar's edge, clipped to the band.
    wire [12:0] f1_over     = {1'b0, reference} + {1'b0, collar};
    wire [12:0] f1_under    = {1'b0, reference} - {1'b0, collar};
    wire [11:0] f1_edge     = !referenced ? 12'd0
                            : f1_command[`command_side] == `SIDE_SELL ? (f1_under[12] ? 12'd0 : f1_under[11:0])
                            : f1_over > LEVEL_LAST[12:0] ? LEVEL_LAST[11:0] : f1_over[11:0];
    wire         f1_base     = f1_opcode == `OPCODE_SYMBOL && f1_command[`command_field] == `ROW_SYMBOL_BASE_E4;
    wire         f1_adjusts  = f1_command[`command_mode] == `MODE_ADJUST;
    wire [31:0]  f1_quantity = f1_command[`command_quantity];
    wire [31:0]  f1_price    = f1_command[`command_price_e4];
    wire [63:0]  f1_value    = f1_command[`command_value];
    wire [31:0]  f1_order    = f1_command[`command_order];
    wire [30:0]  far_e4      = f1_base ? (f1_adjusts ? base_e4 + f1_value[30:0] : f1_value[30:0]) : f1_price[30:0];
    wire         far_below   = far_e4 < base_e4;
    wire         f1_form_ok;
    form #(.SYMBOLS(SYMBOLS), .ACCOUNTS(ACCOUNTS), .ORDERS(ORDERS)) form_check (
        .command_i(f1_command), .trusted_i(f1_item_q[512]), .ok_o(f1_form_ok)
    );
    wire [15:0] f1_symbol16 = f1_command[`command_symbol];
    wire        f1_known  = {16'd0, f1_symbol16} < SYMBOLS && tick_e4 != 20'd0;
    wire        f1_free   = !row_live && f1_order[31:20] == row_generation + 12'd1;
    wire        f1_named  = row_live && row_generation == f1_order[31:20]
                         && row_sells == (f1_command[`command_side] == `SIDE_SELL)
                         && {{(16-ACCOUNT_W){1'b0}}, row_session} == f1_command[`command_session]
                         && {{(16-ACCOUNT_W){1'b0}}, row_account} == f1_command[`command_account]
                         && {{(16-SYMBOL_W){1'b0}}, row_symbol} == f1_symbol16;
    wire [20:0] f1_total_less_executed = {1'b0, f1_quantity[19:0]} - {1'b0, row_executed};
    wire        f1_nothing_left = f1_total_less_executed[20] || f1_total_less_executed[19:0] == 20'd0;

    // ---- front 1 to 3: arithmetic -------------------------------------------------------------------------------------
    wire        on_tick, in_lots, in_band, below_base;
    wire [31:0] ticks;
    price #(.LEVELS(LEVELS)) price_check (
        .clk(clk),
        .load_1_i(f1_moves), .below_base_i(far_below), .distance_e4_i(far_below ? base_e4 - far_e4 : far_e4 - base_e4),
        .tick_e4_i(tick_e4), .tick_reciprocal_i(tick_reciprocal),
        .quantity_i(f1_quantity[19:0]), .lot_i(lot), .lot_reciprocal_i(lot_reciprocal),
        .load_2_i(f2_moves), .load_3_i(f3_moves),
        .below_base_o(below_base), .ticks_o(ticks), .on_tick_o(on_tick), .in_lots_o(in_lots), .in_band_o(in_band)
    );

    localparam PLACE_W = 12 + 1 + 12 + 12;                      // base's level, referenced, reference, collar
    localparam OLD_W   = 20 + 20 + 31 + 12 + 12;                // shown, displayed, price, level, generation of the order in the slot
    localparam FACT_W  = 4 + 1 + 20 + 20 + 20 + OLD_W + PLACE_W;
    reg [FACT_W-1:0] f2_facts_q, f3_facts_q, e_facts_q, b_facts_q;

    wire [7:0]  f2_opcode   = f2_item_q[`command_opcode];
    wire        f2_new      = f2_opcode == `OPCODE_NEW;
    wire        f2_nothing_left = f2_facts_q[PLACE_W + OLD_W + 60];
    wire [19:0] f2_left     = f2_nothing_left ? 20'd0 : f2_facts_q[PLACE_W + OLD_W + 40 +: 20];
    wire [19:0] f2_leaves   = f2_facts_q[PLACE_W + OLD_W + 20 +: 20];
    // CANCEL never adds to an order; a REPLACE by no more than has executed is a CANCEL.
    wire        f2_cancels  = f2_opcode == `OPCODE_CANCEL || (f2_opcode == `OPCODE_REPLACE && f2_nothing_left);
    wire [19:0] f2_cancel_left = f2_left < f2_leaves ? f2_left : f2_leaves;

    wire [30:0] f3_old_price = f3_facts_q[PLACE_W + 24 +: 31];
    wire [19:0] f3_open      = f3_facts_q[PLACE_W + OLD_W + 40 +: 20];
    wire [19:0] f3_off       = f3_facts_q[PLACE_W + OLD_W + 20 +: 20];
    wire        f2_market    = (f2_new || f2_opcode == `OPCODE_REPLACE) && f2_item_q[`ORDER_MARKET];
    reg  [11:0] f2_edge_q, f3_edge_q, e_edge_q;                 // a market order's level and how far it lies from the base
    reg  [31:0] f2_edge_e4_q;
    reg  [30:0] f2_base_e4_q;
    reg         f2_referenced_q, f3_market_q, e_market_q, f3_market_fits_q, e_market_fits_q;
    reg  [30:0] f3_price_q, e_price_q, b_price_e4;
    wire [32:0] f2_market_e4   = {2'd0, f2_base_e4_q} + {1'b0, f2_edge_e4_q};
    wire        f2_market_fits = f2_market_e4[32:31] == 2'd0;
    wire [31:0] f2_price       = f2_item_q[`command_price_e4];
    reg  [50:0] e_notional_q, e_old_notional_q, b_notional_q, b_old_notional_q;

    always @(posedge clk) begin
        if (f1_moves) f2_facts_q <= {f1_form_ok, f1_known, f1_named, f1_free, f1_nothing_left,
                                     f1_total_less_executed[19:0], row_leaves, row_executed,
                                     row_shown, row_displayed, row_price_e4, row_level, row_generation, base_index, referenced, reference, collar};
        // form, known, named, free, cancels; what would be open, what of the old order goes, what has executed
        if (f2_moves) f3_facts_q <= {f2_facts_q[FACT_W-1 -: 4], f2_cancels,
                                     f2_cancels ? f2_cancel_left : f2_new ? f2_item_q[`command_quantity_low +: 20] : f2_left,
                                     f2_new ? 20'd0 : f2_opcode == `OPCODE_CANCEL ? f2_leaves - f2_cancel_left : f2_leaves,
                                     f2_new ? 20'd0 : f2_facts_q[PLACE_W + OLD_W +: 20],
                                     f2_facts_q[PLACE_W + OLD_W - 1 : 0]};
        if (f1_moves) begin
            f2_edge_q       <= f1_edge;
            f2_edge_e4_q    <= {20'd0, f1_edge} * {12'd0, tick_e4};
            f2_base_e4_q    <= base_e4;
            f2_referenced_q <= referenced;
        end
        if (f2_moves) begin
            f3_edge_q        <= f2_edge_q;
            f3_market_q      <= f2_market;
            f3_market_fits_q <= f2_market_fits || !f2_referenced_q;
            f3_price_q       <= !f2_market ? f2_price[30:0] : f2_market_fits && f2_referenced_q ? f2_market_e4[30:0] : 31'd0;
        end
        if (f3_moves) begin
            e_edge_q         <= f3_edge_q;
            e_market_q       <= f3_market_q;
            e_market_fits_q  <= f3_market_fits_q;
            e_price_q        <= f3_price_q;
            e_facts_q        <= f3_facts_q;
            e_notional_q     <= {20'd0, f3_price_q} * {31'd0, f3_open};
            e_old_notional_q <= {20'd0, f3_old_price} * {31'd0, f3_off};
        end
    end

    // ---- check 0: what no order before can change ----------------------------------------------------------------------
    wire [7:0]  e_opcode     = e_command[`command_opcode];
    wire        e_new        = e_opcode == `OPCODE_NEW;
    wire        e_replace    = e_opcode == `OPCODE_REPLACE;
    wire        e_order      = e_new || e_replace || e_opcode == `OPCODE_CANCEL;
    wire        e_sells      = e_command[`command_side] == `SIDE_SELL;
    wire        e_form_ok    = e_facts_q[FACT_W-1];
    wire        e_known      = e_facts_q[FACT_W-2];
    wire        e_cancels    = e_facts_q[FACT_W-5];
    wire [19:0] e_open       = e_facts_q[PLACE_W + OLD_W + 40 +: 20];
    wire [19:0] e_off        = e_facts_q[PLACE_W + OLD_W + 20 +: 20];
    wire        e_referenced = e_facts_q[24];
    wire [11:0] e_reference  = e_facts_q[23:12];
    wire [11:0] e_collar     = e_facts_q[11:0];
    wire [15:0] e_account16  = e_command[`command_account];
    wire [15:0] e_session16  = e_command[`command_session];
    wire [15:0] e_firm16     = e_command[`command_firm];
    wire [15:0] e_flags       = e_command[`command_flags];
    wire        account_known = {16'd0, e_account16} < ACCOUNTS && currency != 10'd0;
    wire [7:0]  permit_reason;
    permit permit_check (
        .form_ok_i(e_form_ok), .on_tick_i(on_tick || e_market_q), .in_lots_i(in_lots), .is_new_i(e_new), .is_replace_i(e_replace),
        .cancels_i(e_cancels), .slot_free_i(e_facts_q[FACT_W-4]), .named_i(e_facts_q[FACT_W-3]),
        .symbol_known_i(e_known), .account_known_i(account_known),
        .killed_i(killed_q), .firm_killed_i(firm_killed_q[account_firm]), .account_killed_i(account_killed_q[e_account]),
        .session_killed_i(session_killed_q[e_session16[ACCOUNT_W-1:0]]), .enabled_i(enabled), .symbol_state_i(symbol_state),
        .plain_i(e_flags == 16'd0),
        .reason_o(permit_reason)
    );
    wire [11:0] e_rank   = e_market_q ? e_edge_q : ticks[11:0];
    wire        e_in_band = e_market_q ? e_market_fits_q : in_band;
    wire [12:0] e_away   = {1'b0, e_rank} - {1'b0, e_reference};
    wire [12:0] e_distance = e_away[12] ? -e_away : e_away;

    reg  [7:0]  e_reason_q;                 // of checks 1 to 5
    reg  [4:0]  e_fails_q;                  // of checks 8 to 10
    reg  [20:0] e_more_quantity_q;
    reg  [51:0] e_more_notional_q;
    reg         e_auction_q;
    reg         e_checked_q = 1'b0;         // check 1, else check 0
    always @(posedge clk) begin
        e_reason_q        <= permit_reason;
        e_fails_q         <= {e_distance > {1'b0, e_collar}, !e_referenced, !e_in_band,
                              e_notional_q > notional_max_e4, e_open > quantity_max};
        e_auction_q       <= {6'd0, symbol_state} == `SYMBOL_STATE_AUCTION;
        e_more_quantity_q <= {1'b0, e_open} - {1'b0, e_off};
        e_more_notional_q <= {1'b0, e_notional_q} - {1'b0, e_old_notional_q};
    end

    // ---- check 1: against the account's sums ---------------------------------------------------------------------------
    wire restricted, too_fast, too_many, too_long, too_short, too_gross, too_daily, too_dear;
    limits limits_check (
        .sells_i(e_sells), .more_quantity_i(e_more_quantity_q), .more_notional_e4_i(e_more_notional_q),
        .buying_power_e4_i(row_buying_power), .net_i(row_net), .open_buy_i(row_open_buy), .open_sell_i(row_open_sell),
        .long_max_i(long_max), .short_max_i(short_max), .locate_i(locate), .restriction_i(restriction),
        .adds_order_i(e_new), .open_count_i(row_open_count), .open_max_i(open_max),
        .gross_e4_i(row_gross), .gross_max_e4_i(gross_max_e4), .traded_e4_i(row_traded), .daily_max_e4_i(daily_max_e4),
        .restricted_o(restricted), .too_many_o(too_many), .too_gross_o(too_gross), .too_daily_o(too_daily), .too_long_o(too_long), .too_short_o(too_short), .too_dear_o(too_dear)
    );

    wire [63:0] e_stamp = e_command[`command_stamp_ns];
    wire [62:0] tat_then;
    rate rate_check (
        .stamp_ns_i(e_stamp), .tat_ns_i(row_tat_ns), .interval_ns_i(rate_interval_ns), .burst_ns_i(rate_burst_ns),
        .too_fast_o(too_fast), .tat_then_o(tat_then)
    );
    wire [LAST_W-1:0] e_last     = {1'b1, e_symbol, e_sells, e_last_price[30:0], e_last_quantity[19:0], e_stamp};
    wire [31:0]       e_last_price    = e_command[`command_price_e4];       // of a market order 0
    wire [31:0]       e_last_quantity = e_command[`command_quantity];
    wire [63:0]       since_last = e_stamp - row_last_new[63:0];
    wire              duplicate  = e_new && duplicate_ns != 32'd0 && row_last_new[LAST_W-1:64] == e_last[LAST_W-1:64]
                                && since_last <= {32'd0, duplicate_ns};

    wire book_ends;                         // the book's command is done with this clock
    wire book_free     = book_q == EMPTY || book_ends;
    wire same_account  = book_q != EMPTY && e_account16 == b_command[`command_account];
    wire book_is_short = book_q == EMPTY || book_q == VERDICT || book_ends;
    wire e_to_book     = e_valid_q && e_order && e_checked_q && book_free && !again;
    wire clerk_starts  = e_valid_q && !e_order && clerk_q == IDLE && book_q == EMPTY && !again;
    wire clerk_done;
    assign e_leaves = e_to_book || clerk_done;
    wire e_reads = e_valid_q && e_order && !e_checked_q && book_is_short;
    assign pace_read = reading || e_reads;

    always @(posedge clk)
        e_checked_q <= e_reads && !same_account && !again && !rst;

    // ---- verdict --------------------------------------------------------------------------------------------------------
    reg  [7:0]   b_reason_q;
    reg  [13:0]  b_fails_q;
    reg  [11:0]  b_rank_q;
    reg  [MONEY_W-1:0] b_money_q;
    reg  [143:0] b_position_q;
    reg  [LAST_W-1:0]  b_last_q, b_new_last_q;
    reg  [62:0]  b_tat_q, b_new_tat_q;
    reg  [ACCOUNT_W-1:0] b_firm_q;
    reg  [2:0]   b_mode_q;                  // of self-trade prevention
    reg          b_auction_q;
    reg          b_swept_q;                 // a SWEEP's cancel
    reg          b_uncross_q;               // a bid of an UNCROSS
    wire [7:0]   e_self_trade = e_command[`command_self_trade];
    wire         scan_cancels = clerk_q == SCAN_CANCEL;
    wire [7:0]   uncross_reason;
    wire         uncross_starts = clerk_q == UNCROSS && uncross_reason == `REASON_NONE;
    reg  [50:0]  scan_notional_q;
    wire [511:0] scan_command, bid_command;
    wire         bid_comes = book_q == BID_ORDER;
    always @(posedge clk) begin
        if (e_to_book || uncross_starts) begin
            b_item_q         <= e_item_q;
            b_stale_q        <= e_stale;
            b_facts_q        <= e_facts_q;
            b_price_e4       <= e_price_q;
            b_notional_q     <= e_notional_q;
            b_old_notional_q <= e_old_notional_q;
            b_reason_q       <= e_reason_q;
            b_fails_q        <= {too_dear, too_daily, too_gross, too_short, too_long, too_many, duplicate, e_fails_q, too_fast, restricted};
            b_rank_q         <= e_rank;
            b_money_q        <= money_row;
            b_position_q     <= position_row;
            b_last_q         <= row_last_new;
            b_new_last_q     <= e_last;
            b_tat_q          <= row_tat_ns;
            b_new_tat_q      <= tat_then;
            b_firm_q         <= account_firm;
            b_mode_q         <= e_self_trade != `SELF_TRADE_NONE ? e_self_trade[2:0] : self_trade;
            b_auction_q      <= e_auction_q;
            b_swept_q        <= 1'b0;
            b_uncross_q      <= uncross_starts;
        end
        if (scan_cancels) begin
            b_item_q         <= {e_item_q[ITEM_W-1:512], scan_command};
            b_stale_q        <= 1'b0;
            // as of a CANCEL of all that is open
            b_facts_q        <= {4'b1111, 1'b1, 20'd0, row_leaves, row_executed, row_shown, row_displayed, row_price_e4, row_level, row_generation,
                                 {PLACE_W{1'b0}}};
            b_old_notional_q <= scan_notional_q;
            b_reason_q       <= `REASON_NONE;
            b_money_q        <= money_row;
            b_position_q     <= position_row;
            b_firm_q         <= row_firm;
            b_swept_q        <= 1'b1;
            b_uncross_q      <= 1'b0;
        end
        if (bid_comes) begin
            b_item_q  <= {b_item_q[ITEM_W-1:512], bid_command};
            b_facts_q <= {4'b1111, 1'b1, maker_leaves - bid_part, bid_part, maker_executed + bid_part,
                          maker_shown, maker_displayed, maker_price_e4, maker_level, maker_generation, b_facts_q[PLACE_W-1:0]};
            b_firm_q  <= maker_firm;
        end
        if (book_q == ASK_READ) b_old_notional_q <= {20'd0, b_old_price} * {31'd0, b_off};
    end

    wire [7:0]  b_opcode     = b_command[`command_opcode];
    wire        b_new        = b_opcode == `OPCODE_NEW;
    wire        b_ioc        = b_command[`ORDER_IOC];
    wire        b_cancels    = b_facts_q[FACT_W-5];
    wire [19:0] b_open       = b_facts_q[PLACE_W + OLD_W + 40 +: 20];
    wire [19:0] b_off        = b_facts_q[PLACE_W + OLD_W + 20 +: 20];
    wire [19:0] b_executed   = b_facts_q[PLACE_W + OLD_W +: 20];
    wire [30:0] b_old_price  = b_facts_q[PLACE_W + 24 +: 31];
    wire [11:0] b_old_level  = b_facts_q[PLACE_W + 12 +: 12];
    wire [11:0] b_generation = b_facts_q[PLACE_W +: 12] + 12'd1;
    wire [11:0] b_base_index = b_facts_q[36:25];
    wire [11:0] b_reference  = b_facts_q[23:12];
    wire [11:0] b_collar     = b_facts_q[11:0];
    wire [11:0] b_level      = (b_base_index + b_rank_q) & LEVEL_MASK;
    wire [19:0] b_old_shown     = b_facts_q[PLACE_W + 75 +: 20];
    wire [19:0] b_old_displayed = b_facts_q[PLACE_W + 55 +: 20];
    wire        b_post_only  = b_command[`ORDER_POST_ONLY];
    wire        b_fok        = b_command[`ORDER_FOK];
    wire [31:0] b_least      = b_command[`command_quantity_min];
    wire [31:0] b_shown32    = b_command[`command_shown];
    wire [19:0] b_shown      = b_shown32[19:0];
    wire        b_needs      = b_fok || b_least != 32'd0;
    wire [19:0] b_need       = b_fok ? b_open : b_least[19:0];

    wire [7:0] verdict;
    verdict verdict_of (.reason_i(b_reason_q), .cancels_i(b_cancels), .fails_i(b_fails_q), .reason_o(verdict));
    assign again  = book_q == VERDICT && b_stale_q && !stopped;
    assign commit = !stopped && ((book_q == VERDICT && !b_stale_q && !b_swept_q) || clerk_starts);

    // A message that passes checks 1 to 6 is charged, whatever the checks behind say.
    wire charges = b_reason_q == `REASON_NONE && b_fails_q[1:0] == 2'b00;
    wire accepts = b_new && verdict == `REASON_NONE;
    assign pace_write = book_q == VERDICT && !b_stale_q && !b_cancels && charges;       // so the account is one of ours
    assign pace_row_d = {accepts ? b_new_last_q : b_last_q, charges ? b_new_tat_q : b_tat_q};

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
    wire [63:0] b_gross_give = {13'd0, b_old_notional_q};
    wire [63:0] b_gross_keep = {13'd0, b_cancels ? 51'd0 : b_notional_q};
    wire [63:0] b_give = b_sells ? 64'd0 : b_gross_give;
    wire [63:0] b_keep = b_sells ? 64'd0 : b_gross_keep;
    wire [19:0] b_count_more = b_new ? 20'd1 : b_cancels && b_open == 20'd0 ? -20'd1 : 20'd0;
    reg  [MONEY_W-1:0] direct_money_q;
    reg  [143:0] direct_position_q;
    wire [47:0] b_more = {28'd0, b_cancels ? 20'd0 : b_open} - {28'd0, b_off};
    always @(posedge clk) if (book_q == VERDICT) begin
        crosses_q         <= crosses;
        outside_q         <= outside(other_rank, b_reference, b_collar);
        refusal_q         <= verdict;
        direct_money_q    <= {b_money_q[275:256] + b_count_more, b_money_q[255:192], b_money_q[191:128] - b_gross_give + b_gross_keep,
                              b_money_q[127:64] - b_give + b_keep, b_money_q[63:0] + b_give - b_keep};
        direct_position_q <= {b_sells ? b_position_q[143:96] + b_more : b_position_q[143:96],
                              b_sells ? b_position_q[95:48] : b_position_q[95:48] + b_more, b_position_q[47:0]};
    end

    // ---- the book --------------------------------------------------------------------------------------------------------
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
    reg               pending_q;                    // the last fill's sums are still to be written
    reg  [ACCOUNT_W-1:0] pending_account_q, pending_firm_q;
    reg               pending_cancels_q, pending_ends_q;
    reg  [19:0]       pending_fill_q;
    reg  [50:0]       pending_value_q, pending_traded_q;
    reg  [19:0]       filled_q;
    reg  [63:0]       paid_q;
    reg  [50:0]       rest_notional_q;

    // A CANCEL's order leaves its level when nothing of it is left; a REPLACE's always.
    wire removes     = !b_cancels || b_open == 20'd0;
    wire is_head     = level_head == b_slot;
    wire is_tail     = level_tail == b_slot;
    wire empties     = removes && is_head && is_tail;
    wire best_goes   = empties && own_best[11:0] == b_old_level;
    // A bid of an UNCROSS says nothing when it is taken off, but for an iceberg's next part.
    wire bid_restates = b_uncross_q && b_open != 20'd0 && b_off == b_old_displayed;
    wire unlink_says = !b_uncross_q || bid_restates;
    wire unlink_goes = book_q == UNLINK && (event_ready || !unlink_says);
    // The level that is left is the best one: the next best is looked at a clock later, where it lies known.
    reg         near_q, near_elsewhere_q;
    reg  [11:0] near_level_q;
    wire        best_find = book_q == BEST && !near_q && near_elsewhere_q;
    wire        best_ends = (book_q == BEST && !best_find) || book_q == BEST_FIND;
    always @(posedge clk) if (book_q == UNLINK) begin
        near_q           <= nearest;
        near_level_q     <= nearest_level;
        near_elsewhere_q <= elsewhere;
    end
    wire enter_says  = book_q == ENTER && b_new && !counted_q;
    wire enter_goes  = book_q == ENTER && (event_ready || !enter_says);
    wire enter_counts = b_needs && !counted_q;
    wire posts       = b_post_only && crosses_q;
    wire rests_now   = (enter_goes && direct) || (book_q == REST && leaves_q != 20'd0);
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
    wire refills     = book_q == FILL && !self_q && !fill_done && fill_q == maker_displayed;
    // What becomes of the rest, and so whether this is the last event, is known only with the next level.
    wire fill_goes   = book_q == FILL && event_ready && (fill_stops || !fill_empties || next_known);
    wire next_enters = fill_goes && !fill_stops && fill_empties && next_crosses;
    wire next_outside = !b_uncross_q && outside(next_rank, b_reference, b_collar);
    wire fill_rests  = !fill_stops && fill_empties && !next_crosses;
    wire same_maker  = pending_q && pending_account_q == maker_account;     // its rows are being written while they are addressed
    wire close_goes  = book_q == CLOSE && (!(walked_q && exhausted_q) || next_known);
    wire self_trades = b_mode_q != 3'd0 && maker_firm == b_firm_q && !b_uncross_q;
    wire [30:0] trade_price = b_uncross_q ? b_price_e4 : maker_price_e4;
    wire [19:0] fill_most = self_trades ? maker_leaves : maker_displayed;

    // Shares of a side's levels from the best one up to a rank
    reg         count_side_q, count_first_q, count_found_q;
    reg  [11:0] count_limit_q, count_level_q, count_rank_q;
    reg  [36:0] count_q, count_need_q;
    wire [11:0] count_rank    = (count_level_q - b_base_index) & LEVEL_MASK;
    wire        count_further = count_first_q || (count_side_q ? count_rank > count_rank_q : count_rank < count_rank_q);
    wire        count_within  = count_side_q ? count_rank <= count_limit_q : count_rank >= count_limit_q;
    wire        count_enough  = count_q >= count_need_q;
    wire        count_reads   = book_q == COUNT_READ && count_found_q && count_further && count_within && !count_enough;
    wire        count_find    = book_q == COUNT_FIND;

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

    assign book_ends = (book_q == REFUSE && event_ready)
                    || (unlink_goes && b_cancels && !best_goes && !b_uncross_q)
                    || (best_ends && b_cancels && !b_uncross_q)
                    || (enter_goes && direct)
                    || (book_q == SUMS && (!b_uncross_q || last_bid));

    always @(posedge clk) begin
        case (book_q)
            EMPTY: ;
            VERDICT: begin
                leaves_q    <= b_open;
                executed_q  <= b_executed;
                filled_q    <= 20'd0;
                paid_q      <= 64'd0;
                counted_q   <= 1'b0;
                walked_q    <= 1'b0;
                exhausted_q <= 1'b0;
                pending_q   <= 1'b0;
                if (b_stale_q)                   book_q <= EMPTY;
                else if (verdict != `REASON_NONE) book_q <= REFUSE;
                else                             book_q <= b_new ? ENTER : UNLINK;
            end
            REFUSE:     if (event_ready) book_q <= EMPTY;
            UNLINK:     if (unlink_goes) book_q <= best_goes ? BEST : b_uncross_q ? SUMS : b_cancels ? EMPTY : ENTER_READ;
            BEST, BEST_FIND:
                        book_q <= best_find ? BEST_FIND : b_uncross_q ? SUMS : b_cancels ? EMPTY : ENTER_READ;
            ENTER_READ: book_q <= ENTER;
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
                book_q           <= direct ? EMPTY : !crosses_q || posts ? DROP : outside_q ? HALT : MAKER;
                if (enter_counts) begin
                    if (b_mode_q != 3'd0 && firm_row != {FIRM_ROW_W{1'b0}}) begin
                        drop_reason_q <= `REASON_SELF_TRADE;
                        book_q        <= DROP;
                    end else begin
                        drop_reason_q <= `REASON_MINIMUM;
                        book_q        <= crosses_q && b_need <= b_open ? COUNT_READ : DROP;
                    end
                end
            end
            COUNT_READ: begin
                if (count_reads) begin
                    count_first_q <= 1'b0;
                    count_rank_q  <= count_rank;
                    book_q        <= COUNT;
                end else begin
                    book_q <= b_uncross_q ? PRICE : count_enough ? ENTER_READ : DROP;
                    counted_q <= 1'b1;
                end
            end
            COUNT: begin
                count_q       <= count_q + {1'b0, level_shares};
                count_found_q <= nearest;
                count_level_q <= nearest_level;
                book_q        <= !nearest && elsewhere ? COUNT_FIND : COUNT_READ;
            end
            COUNT_FIND: book_q <= COUNT_FOUND;
            COUNT_FOUND: begin
                count_found_q <= 1'b1;
                count_level_q <= nearest_level;
                book_q        <= COUNT_READ;
            end
            MAKER: begin
                fill_q    <= self_trades && !decrements ? maker_leaves : leaves_q < fill_most ? leaves_q : fill_most;
                self_q    <= self_trades;
                pending_q <= 1'b0;
                book_q    <= FILL;
                if (self_trades && {5'd0, b_mode_q} == `SELF_TRADE_NEWEST) begin
                    drop_reason_q <= `REASON_SELF_TRADE;
                    book_q        <= DROP;
                end
            end
            FILL: if (fill_goes) begin
                leaves_q          <= leaves_then;
                if (!self_q) begin
                    executed_q    <= executed_q + fill_q;
                    filled_q      <= filled_q + fill_q;
                end
                current_shares_q  <= current_shares_q - {16'd0, fill_q};
                current_head_q    <= fill_done || (refills && !fill_is_tail) ? next : maker_slot_q;
                if (refills) current_tail_q <= maker_slot_q;
                exhausted_q       <= fill_empties;
                pending_q         <= 1'b1;
                pending_account_q <= maker_account;
                pending_firm_q    <= maker_firm;
                pending_cancels_q <= self_q;
                pending_ends_q    <= fill_done;
                pending_fill_q    <= fill_q;
                pending_value_q   <= {20'd0, maker_price_e4} * {31'd0, fill_q};
                pending_traded_q  <= {20'd0, trade_price} * {31'd0, self_q ? 20'd0 : fill_q};
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
                book_q  <= refills ? RESTATE : self_q && decrements ? OFF : fill_then;
            end
            RESTATE: if (event_ready) begin
                maker_slot_q <= current_head_q;
                book_q       <= after_q;
            end
            OFF: if (event_ready) book_q <= after_q;
            HALT: if (event_ready) begin
                drop_reason_q <= `REASON_HALT;
                book_q        <= DROP;
            end
            DROP: if (event_ready) begin
                leaves_q <= 20'd0;
                book_q   <= CLOSE;
            end
            CLOSE: begin
                pending_q <= 1'b0;
                if (close_goes) book_q <= b_uncross_q ? UNLINK : REST;
            end
            REST: begin
                rest_notional_q <= {20'd0, b_price_e4} * {31'd0, leaves_q};
                book_q          <= SUMS;
            end
            SUMS: book_q <= b_uncross_q && !last_bid ? BID_READ : EMPTY;

            PRICE: begin                        // a count is done
                phase_q       <= phase_q + 2'd1;
                count_side_q  <= 1'b1;
                count_level_q <= best_ask[11:0];
                book_q        <= COUNT_READ;
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
                        if (!(bids_fewer && bid_beyond_q) && !(asks_fewer && count_beyond)) book_q <= UNCROSS_SAY;
                    end
                    default: begin
                        uncross_crossed_q <= count_enough;
                        book_q            <= count_enough ? EMPTY : UNCROSS_SAY;
                    end
                endcase
            end
            UNCROSS_SAY: if (event_ready) book_q <= volume_q == 37'd0 ? EMPTY : BID_READ;
            BID_READ:   book_q <= BID_LEVEL;
            BID_LEVEL:  book_q <= BID_ORDER;
            BID_ORDER: begin
                leaves_q    <= bid_part;
                filled_q    <= 20'd0;
                paid_q      <= 64'd0;
                rest_notional_q <= 51'd0;
                book_q      <= ASK_READ;
            end
            ASK_READ:   book_q <= ASK_LEVEL;
            ASK_LEVEL: begin
                maker_slot_q     <= level_head;
                current_head_q   <= level_head;
                current_tail_q   <= level_tail;
                current_shares_q <= level_shares;
                current_level_q  <= best_ask[11:0];
                walked_q         <= 1'b1;
                exhausted_q      <= 1'b0;
                pending_q        <= 1'b0;
                book_q           <= MAKER;
            end
            default: book_q <= EMPTY;
        endcase
        if (pending_q && (book_q == MAKER || book_q == CLOSE)) paid_q <= paid_q + {13'd0, pending_traded_q};
        if (book_q == SUMS) volume_q <= volume_after;
        if (book_q == ENTER || (book_q == PRICE && phase_q != 2'd3)) begin
            count_q       <= 37'd0;
            count_first_q <= 1'b1;
            count_found_q <= book_q == ENTER ? 1'b1 : (phase_q == 2'd1 && !bids_fewer) ? best_bid[12] : best_ask[12];
        end
        if (uncross_starts) begin
            phase_q           <= 2'd0;
            uncross_crossed_q <= 1'b0;
            count_q           <= 37'd0;
            count_first_q     <= 1'b1;
            count_found_q     <= best_bid[12];
            count_side_q      <= 1'b0;
            count_limit_q     <= e_rank;
            count_level_q     <= best_bid[11:0];
            count_need_q      <= {37{1'b1}};
            book_q            <= COUNT_READ;
        end
        if (scan_cancels || e_to_book) book_q <= VERDICT;

        if (rst || stopped) book_q <= EMPTY;
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

    // ---- reads of the book -------------------------------------------------------------------------------------------------
    wire reads_old   = book_q == VERDICT && !b_new;
    wire reads_other = (book_q == VERDICT && b_new && crosses) || (book_q == ENTER_READ && crosses_q) || book_q == ASK_READ;
    wire reads_own   = (book_q == VERDICT && b_new && !crosses) || (book_q == ENTER_READ && !crosses_q) || close_goes || book_q == BID_READ;
    assign level_read       = reads_old || reads_other || reads_own || count_reads || pop;
    assign level_read_side  = count_reads ? count_side_q : reads_other || (pop && !reads_own) ? !b_sells : b_sells;
    assign level_read_index = reads_old            ? b_old_level
                            : reads_other          ? other_best[11:0]
                            : book_q == BID_READ   ? best_bid[11:0]
                            : reads_own            ? (b_uncross_q ? b_old_level : b_level)
                            : count_reads          ? count_level_q : pop_level;

    wire enters_fill = (enter_goes && crosses_q && !outside_q && !posts && !enter_counts) || book_q == ASK_LEVEL;
    wire next_maker  = (fill_goes && !fill_stops && !refills) || (book_q == RESTATE && event_ready);
    wire reads_bid   = book_q == BID_LEVEL;
    assign links_read      = book_q == VERDICT || enters_fill || next_maker || (close_goes && b_uncross_q);
    assign links_read_slot = book_q == VERDICT || book_q == CLOSE ? b_slot : maker_read_slot;
    assign maker_read      = enters_fill || next_maker || reads_bid;
    assign maker_read_slot = enters_fill || next_enters || reads_bid ? level_head : book_q == RESTATE ? current_head_q : next;

    wire reads_bid_sums = b_uncross_q && (book_q == UNLINK || book_q == BEST || book_q == BEST_FIND);
    assign sums_read         = reading || book_q == MAKER || book_q == REST || reads_bid_sums || clerk_q == SCAN_SUMS || e_reads;
    assign sums_read_account = book_q == MAKER ? maker_account : book_q == REST || reads_bid_sums ? b_account
                             : clerk_q == SCAN_SUMS ? row_account : e_account;
    assign sums_read_symbol  = book_q == MAKER || book_q == REST || reads_bid_sums ? b_symbol : clerk_q == SCAN_SUMS ? row_symbol : e_symbol;

    // Its own side's count is what an order changes; the other's tells a FOK whether its firm stands against it.
    wire firm_opposite = (book_q == VERDICT && b_new && b_needs) || (book_q == ENTER_READ && b_needs) || book_q == MAKER;
    assign firm_read      = book_q == VERDICT || book_q == ENTER_READ || book_q == MAKER || book_q == REST || close_goes;
    assign firm_read_firm = book_q == MAKER ? maker_firm : b_firm_q;
    assign firm_read_side = firm_opposite ? !b_sells : b_sells;

    assign walk          = enters_fill;
    assign next_take     = next_enters && !next_outside;
    assign level_emptied = fill_goes && fill_empties;

    reg [1:0]  resting_q;                       // side of the search, in the clerk's hands
    wire [11:0] clerk_last_index = (base_index - 12'd1) & LEVEL_MASK;
    always @* begin
        occupancy_read  = reads_old || reads_other || reads_own || count_reads;
        occupancy_book  = {b_symbol, level_read_side};
        occupancy_level = level_read_index;
        // away from the touch: bids go down, asks up
        occupancy_down  = !level_read_side;
        if (clerk_q == RESTING_READ) begin
            occupancy_read  = 1'b1;
            occupancy_book  = {e_symbol, resting_q[0]};
            occupancy_level = resting_q[0] ? clerk_last_index : base_index;
            occupancy_down  = resting_q[0];
        end
    end
    assign occupancy_find  = best_find || count_find || clerk_q == RESTING_SEEK;
    assign occupancy_write = (unlink_goes && empties && !best_goes) || book_q == BEST || (rests_now && !occupied);

    // ---- writes of the book ------------------------------------------------------------------------------------------------
    assign best_write      = best_ends || (rests_now && own_better)
                          || (close_goes && walked_q);
    assign best_write_side = book_q == CLOSE ? !b_sells : b_sells;
    wire [11:0] own_rank   = (own_best[11:0] - b_base_index) & LEVEL_MASK;
    wire        own_better = !own_best[12] || (b_sells ? b_rank_q < own_rank : b_rank_q > own_rank);
    assign best_d          = book_q == BEST      ? {near_q, near_level_q}
                           : book_q == BEST_FIND ? {1'b1, nearest_level}
                           : book_q == CLOSE  ? (exhausted_q ? {next_valid, next_level} : {1'b1, current_level_q}) : {1'b1, b_level};

    assign level_write       = (unlink_goes && !empties) || rests_now || (close_goes && walked_q && !exhausted_q);
    assign level_write_side  = book_q == CLOSE ? !b_sells : b_sells;
    assign level_write_index = book_q == UNLINK ? b_old_level : book_q == CLOSE ? current_level_q : b_level;
    // To the back: of an order that is head and tail, nothing moves.
    wire bid_to_back = bid_restates && !is_tail;
    always @* begin
        if (book_q == UNLINK)
            level_row_d = {(removes && is_head) || bid_to_back ? next : level_head,
                           bid_to_back ? b_slot : removes && is_tail ? previous : level_tail, level_shares - {16'd0, b_off}};
        else if (book_q == CLOSE)
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

    wire [ACCOUNT_W-1:0] b_session = b_command[`command_session_low +: ACCOUNT_W];
    wire [31:0]          b_client_ref = b_command[`command_client_ref];
    wire [19:0]          rest_shows = b_shown != 20'd0 && b_shown < leaves_q ? b_shown : leaves_q;
    wire [19:0]          old_more   = b_old_shown < b_open ? b_old_shown : b_open;
    wire [19:0]          old_shows  = bid_restates ? old_more : b_uncross_q ? b_old_displayed - b_off
                                    : b_old_displayed < b_open ? b_old_displayed : b_open;
    assign order_write      = (unlink_goes && b_cancels) || fill_goes || book_q == REST || (enter_goes && direct);
    assign order_write_slot = book_q == FILL ? maker_slot_q : b_slot;
    always @* begin
        if (book_q == FILL) begin
            order_row_d        = maker_row;
            order_row_d[39:0]  = {self_q ? maker_executed : maker_executed + fill_q, maker_left};
            order_row_d[ORDER_MORE + 12 +: 20] = refills ? maker_more : maker_shows;
            order_row_d[ORDER_ROW_W-1] = !fill_done;
        end else if (book_q == UNLINK)
            order_row_d = {!removes, b_firm_q, b_old_shown, old_shows, b_generation - 12'd1, b_session, b_account, b_symbol, b_sells,
                           b_old_level, b_old_price, b_executed, b_open};
        else
            order_row_d = {leaves_q != 20'd0, b_firm_q, b_shown, rest_shows, b_generation, b_session, b_account, b_symbol, b_sells,
                           b_level, b_price_e4, executed_q, leaves_q};
    end

    // A level's word means something if it is occupied, a link if there is a neighbour that way.
    assign level_used    = book_q == UNLINK || (book_q == ENTER && crosses_q) || (rests_now && occupied) || book_q == COUNT
                        || book_q == BID_LEVEL || book_q == ASK_LEVEL || next_enters;
    assign previous_used = book_q == UNLINK && removes && !is_head;
    assign next_used     = (book_q == UNLINK && (removes || bid_restates) && !is_tail)
                        || (book_q == FILL && (fill_done || refills) && !fill_is_tail);

    wire client_ref_write = book_q == REST || (enter_goes && direct);
    reg [31:0] writes_d;
    always @* begin
        writes_d = 32'd0;
        writes_d[`MEMORY_SYMBOL]     = symbol_write;
        writes_d[`MEMORY_ACCOUNT]    = account_write;
        writes_d[`MEMORY_MONEY]      = sums_write;
        writes_d[`MEMORY_PACE]       = pace_write;
        writes_d[`MEMORY_FIRM]       = firm_write;
        writes_d[`MEMORY_LIMIT]      = limit_write;
        writes_d[`MEMORY_POSITION]   = sums_write;
        writes_d[`MEMORY_ORDER]      = order_write;
        writes_d[`MEMORY_MAKER]      = order_write;
        writes_d[`MEMORY_PREVIOUS]   = previous_write;
        writes_d[`MEMORY_NEXT]       = next_write;
        writes_d[`MEMORY_LEVEL]      = level_write;
        writes_d[`MEMORY_CLIENT_REF] = client_ref_write;
        writes_d[`MEMORY_WORDS]      = occupancy_write || level_emptied;
        writes_d[`MEMORY_SUMMARY]    = occupancy_write || level_emptied;
        writes_d[`MEMORY_BEST]       = best_write;
        writes_d[`MEMORY_LAST_EVENT] = changes_symbol;
    end
    assign writes = writes_d;

    // ---- writes of sums ----------------------------------------------------------------------------------------------------
    wire books_direct = (unlink_goes && b_cancels && !b_uncross_q) || (enter_goes && direct);
    wire books_maker  = pending_q && (book_q == MAKER || book_q == CLOSE);
    wire books_taker  = book_q == SUMS;
    wire [63:0] pending_value  = {13'd0, pending_value_q};
    wire [63:0] pending_traded = {13'd0, pending_traded_q};
    wire [47:0] pending_fill   = {28'd0, pending_fill_q};
    wire [63:0] rest_gross     = {13'd0, rest_notional_q};
    wire [63:0] rest_notional  = b_sells ? 64'd0 : rest_gross;
    wire [63:0] taker_paid     = b_sells ? 64'd0 : paid_q;
    wire [47:0] taker_filled   = {28'd0, filled_q};
    wire [47:0] taker_more     = {28'd0, leaves_q} - {28'd0, b_off};
    wire        taker_ends     = b_uncross_q ? removes : leaves_q == 20'd0;
    wire [19:0] taker_count    = b_new ? {19'd0, !taker_ends} : taker_ends ? -20'd1 : 20'd0;
    wire        credits;
    wire        writes_net, writes_traded;
    reg  [63:0] row_value_q;
    wire [64:0] credit_sum;
    // Two fills of one account or firm in a row: the second takes over what the first has written.
    reg          forward_q, forward_firm_q;
    reg  [MONEY_W-1:0] written_money_q;
    reg  [143:0] written_position_q;
    reg  [FIRM_ROW_W-1:0] written_firm_q;
    wire [MONEY_W-1:0] maker_money = forward_q ? written_money_q : money_row;
    wire [143:0] maker_position = forward_q ? written_position_q : position_row;
    wire [FIRM_ROW_W-1:0] maker_open = forward_firm_q ? written_firm_q : firm_row;
    always @(posedge clk) if (book_q == MAKER) begin
        forward_q          <= same_maker;
        forward_firm_q     <= pending_q && pending_firm_q == maker_firm;
        written_money_q    <= money_row_d;
        written_position_q <= position_row_d;
        written_firm_q     <= firm_row_d;
    end
    assign sums_write         = books_direct || books_maker || books_taker || credits || writes_net || writes_traded;
    assign sums_write_account = books_maker ? pending_account_q : books_direct || books_taker ? b_account : e_account;
    assign sums_write_symbol  = books_direct || books_maker || books_taker ? b_symbol : e_symbol;
    // What a resting order gives up when it trades or is cancelled; if it buys, it has reserved exactly that.
    wire [63:0] maker_gives   = b_sells ? pending_value : 64'd0;
    wire [63:0] maker_returns = pending_cancels_q ? maker_gives : 64'd0;
    wire [47:0] maker_net     = pending_cancels_q ? 48'd0 : b_sells ? pending_fill : -pending_fill;
    always @* begin
        money_row_d    = money_row;
        position_row_d = position_row;
        if (books_direct) begin
            money_row_d    = direct_money_q;
            position_row_d = direct_position_q;
        end else if (books_maker) begin
            money_row_d    = {maker_money[275:256] - {19'd0, pending_ends_q}, maker_money[255:192] + pending_traded,
                              maker_money[191:128] - pending_value, maker_money[127:64] - maker_gives, maker_money[63:0] + maker_returns};
            position_row_d = {b_sells ? maker_position[143:96] : maker_position[143:96] - pending_fill,
                              b_sells ? maker_position[95:48] - pending_fill : maker_position[95:48], maker_position[47:0] + maker_net};
        end else if (books_taker) begin
            money_row_d = {row_open_count + taker_count, row_traded + paid_q, row_gross - b_gross_give + rest_gross,
                           row_reserved - b_give + rest_notional, row_buying_power + b_give - taker_paid - rest_notional};
            position_row_d = b_sells ? {row_open_sell + taker_more, row_open_buy, row_net - taker_filled}
                                     : {row_open_sell, row_open_buy + taker_more, row_net + taker_filled};
        end else if (credits) begin
            money_row_d[63:0] = credit_sum[63:0];
        end else if (writes_traded) begin
            money_row_d[255:192] = row_value_q;
        end else begin
            position_row_d[47:0] = row_value_q[47:0];
        end
    end

    wire firm_leaves = unlinks, firm_joins = (enter_goes && direct) || (book_q == SUMS && leaves_q != 20'd0);
    assign firm_write      = firm_leaves || firm_joins || books_maker;
    assign firm_write_firm = books_maker ? pending_firm_q : b_firm_q;
    assign firm_write_side = books_maker ? !b_sells : b_sells;
    assign firm_row_d      = books_maker ? maker_open - {{(FIRM_ROW_W-1){1'b0}}, pending_ends_q}
                           : firm_leaves ? firm_row - 1'b1 : firm_row + 1'b1;

    // ---- the clerk: rows by command --------------------------------------------------------------------------------------

    wire [63:0] e_value   = e_command[`command_value];
    wire [7:0]  e_field   = e_command[`command_field];
    wire        adjusts   = e_command[`command_mode] == `MODE_ADJUST;
    wire        is_symbol  = e_opcode == `OPCODE_SYMBOL;
    wire        is_account = e_opcode == `OPCODE_ACCOUNT;
    wire        sets_base = is_symbol && e_field == `ROW_SYMBOL_BASE_E4;
    wire        sets_tick = is_symbol && e_field == `ROW_SYMBOL_TICK_E4;
    wire        sets_lot  = is_symbol && e_field == `ROW_SYMBOL_LOT;
    wire [7:0]  table_ = is_symbol ? `TABLE_SYMBOL : is_account ? `TABLE_ACCOUNT
                       : e_opcode == `OPCODE_POSITION ? `TABLE_POSITION : e_field;
    wire [ACCOUNT_W-1:0] e_firm    = e_firm16[ACCOUNT_W-1:0];
    wire [ACCOUNT_W-1:0] e_session = e_session16[ACCOUNT_W-1:0];
    wire [31:0] row_client_ref;
    ram #(.ROWS(ORDERS), .ROW_W(32)) client_ref_ram (
        .clk(clk), .rst(rst),
        .write_i(client_ref_write), .write_addr_i(b_slot), .write_data_i(b_client_ref),
        .flip_i(flip[`MEMORY_CLIENT_REF]), .enable_i(reading), .read_addr_i(e_slot), .read_data_o(row_client_ref), .fault_o(client_ref_fault)
    );

    reg  [7:0] query_field_q;
    wire [7:0] row_field = e_opcode == `OPCODE_QUERY ? query_field_q : e_field;
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
            {`TABLE_SYMBOL, `ROW_SYMBOL_LAST_EVENT}:                row_field_value = last_event;
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_ENABLED}:                 row_field_value = {63'd0, enabled};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_FIRM}:                    row_field_value = {{(64-ACCOUNT_W){1'b0}}, account_firm};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_CURRENCY}:                row_field_value = {54'd0, currency};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_QUANTITY_MAX}:            row_field_value = {44'd0, quantity_max};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_NOTIONAL_MAX_E4}:         row_field_value = {13'd0, notional_max_e4};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_BUYING_POWER_E4}:         row_field_value = row_buying_power;
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_RESERVED_E4}:             row_field_value = row_reserved;
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_KILLED}:                  row_field_value = {63'd0, account_killed_q[e_account]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_RATE_INTERVAL_NS}:        row_field_value = {32'd0, rate_interval_ns};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_RATE_BURST_NS}:           row_field_value = {32'd0, rate_burst_ns};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_RATE_TAT_NS}:             row_field_value = {1'b0, row_tat_ns};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_DUPLICATE_NS}:            row_field_value = {32'd0, duplicate_ns};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_OPEN_MAX}:                row_field_value = {44'd0, open_max};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_OPEN_COUNT}:              row_field_value = {44'd0, row_open_count};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_GROSS_MAX_E4}:            row_field_value = {3'd0, gross_max_e4};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_GROSS_E4}:                row_field_value = row_gross;
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_DAILY_MAX_E4}:            row_field_value = {3'd0, daily_max_e4};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_TRADED_E4}:               row_field_value = row_traded;
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_SELF_TRADE}:              row_field_value = {61'd0, self_trade};
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
            {`TABLE_ORDER, `ROW_ORDER_SHOWN}:                       row_field_value = row_live ? {44'd0, row_shown} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_DISPLAYED}:                   row_field_value = row_live ? {44'd0, row_displayed} : 64'd0;
            {`TABLE_FIRM, `ROW_FIRM_KILLED}:                        row_field_value = {63'd0, firm_killed_q[e_firm]};
            {`TABLE_SESSION, `ROW_SESSION_KILLED}:                  row_field_value = {63'd0, session_killed_q[e_session]};
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
        case ({table_, e_field})
            `ROW_RANGES
            default: ;
        endcase
        if (is_symbol && (e_field == `ROW_SYMBOL_REFERENCE || e_field == `ROW_SYMBOL_COLLAR)) row_max = {32'd0, LEVEL_LAST};
        if (is_account && e_field == `ROW_ACCOUNT_FIRM) row_max = {32'd0, ACCOUNT_LAST};

        row_last = 1'b0;
        case ({table_, row_field})
            `ROW_LASTS
            default: ;
        endcase
    end

    reg         row_overflow_q;
    wire [64:0] row_sum = {row_field_value[63], row_field_value} + {e_value[63], e_value};
    wire        row_value_ok = row_settable && !row_overflow_q
                            && $signed(row_value_q) >= $signed(row_min) && $signed(row_value_q) <= $signed(row_max);
    // A crossed book does not open, and open orders keep their account's firm.
    wire        crossed = best_bid[12] && best_ask[12]
                       && ((best_bid[11:0] - base_index) & LEVEL_MASK) >= ((best_ask[11:0] - base_index) & LEVEL_MASK);
    wire        opens_crossed = is_symbol && e_field == `ROW_SYMBOL_STATE && row_value_q[7:0] == `SYMBOL_STATE_OPEN && crossed;
    wire        leaves_firm   = is_account && e_field == `ROW_ACCOUNT_FIRM && row_open_count != 20'd0;

    // Where orders rest, over both sides: the best bid and ask, and a search from either end of the band.
    reg         any_resting_q;
    reg  [11:0] lowest_q, highest_q;
    wire [12:0] resting_best = resting_q[0] ? best_ask : best_bid;
    wire [11:0] resting_best_rank = (resting_best[11:0] - base_index) & LEVEL_MASK;
    wire [11:0] resting_far_rank  = (nearest_level - base_index) & LEVEL_MASK;
    wire [11:0] resting_low  = resting_q[0] ? resting_best_rank : resting_far_rank;
    wire [11:0] resting_high = resting_q[0] ? resting_far_rank : resting_best_rank;
    wire        base_moves_out = below_base ? {20'd0, highest_q} + ticks >= LEVELS : ticks > {20'd0, lowest_q};
    wire [31:0] reference_moved = below_base ? {20'd0, reference} + ticks : {20'd0, reference} - ticks;
    wire        reference_stays = referenced && reference_moved < LEVELS;

    wire        divide_start = (clerk_q == RESTING_DONE && sets_tick && !any_resting_q) || (clerk_q == ROW_CHECK && row_value_ok && sets_lot);
    wire        divide_done;
    wire [32:0] quotient;
    reciprocal reciprocal_unit (
        .clk(clk), .rst(rst), .start_i(divide_start), .divisor_i(row_value_q[19:0]), .done_o(divide_done), .reciprocal_o(quotient)
    );

    assign      credit_sum   = {1'b0, row_buying_power} + {e_value[63], e_value};
    wire [64:0] credit_total = credit_sum + {1'b0, row_reserved};   // looked at only when credit_sum is not negative
    wire [7:0]  credit_reason = !account_known                     ? `REASON_UNKNOWN_ACCOUNT
                              : !e_value[63] && (credit_total[64] || credit_total[63]) ? `REASON_CREDIT_OVERFLOW
                              : e_value[63] && credit_sum[64]      ? `REASON_CREDIT_SHORT
                              :                                      `REASON_NONE;
    // Parts of records that other opcodes use, and what of a word only its sign or its width is asked.
    wire unused = &{1'b0, offered_command, e_command, b_command, f3_command, say_command, f1_quantity, f1_price, f1_value, f1_order,
                    f2_price, e_session16, e_self_trade, e_last_price, e_last_quantity, b_least, b_shown32, halted, maker_row,
                    level_write_index, credit_total, f1_under, f1_over};
    // SWEEP looks at every slot, one a clock; what meets its filter is cancelled by the book.
    reg  [19:0] swept_q;
    wire [7:0]  e_mode = e_command[`command_mode];
    assign scan_meets = row_live
                     && (!(|(e_mode & `FILTER_SESSION)) || row_session == e_session)
                     && (!(|(e_mode & `FILTER_FIRM))    || row_firm    == e_firm)
                     && (!(|(e_mode & `FILTER_ACCOUNT)) || row_account == e_account)
                     && (!(|(e_mode & `FILTER_SYMBOL))  || row_symbol  == e_symbol)
                     && (!(|(e_mode & `FILTER_SIDE))    || row_sells   == e_sells);
    wire        scan_ends  = scan_q[SLOT_W];
    wire [SLOT_W-1:0] scanned_slot = scan_q[SLOT_W-1:0] - 1'b1;
    order_command #(.SYMBOL_W(SYMBOL_W), .ACCOUNT_W(ACCOUNT_W), .SLOT_W(SLOT_W)) scan_order (
        .stamp_ns_i(e_stamp), .origin_i(e_command[`command_origin]), .sells_i(row_sells), .symbol_i(row_symbol),
        .account_i(row_account), .session_i(row_session), .generation_i(row_generation), .slot_i(scanned_slot), .command_o(scan_command)
    );
    order_command #(.SYMBOL_W(SYMBOL_W), .ACCOUNT_W(ACCOUNT_W), .SLOT_W(SLOT_W)) bid_order (
        .stamp_ns_i(e_stamp), .origin_i(e_command[`command_origin]), .sells_i(1'b0), .symbol_i(b_symbol),
        .account_i(maker_account), .session_i(maker_session), .generation_i(maker_generation), .slot_i(level_head),
        .command_o(bid_command)
    );
    always @(posedge clk) begin
        if (clerk_q == DISPATCH) begin
            scan_q  <= {(SLOT_W+1){1'b0}};
            swept_q <= 20'd0;
        end
        if (scans) scan_q <= scan_q + 1'b1;
        if (clerk_q == SCAN_SUMS) scan_notional_q <= {20'd0, row_price_e4} * {31'd0, row_leaves};
        if (scan_cancels) swept_q <= swept_q + 20'd1;
    end

    assign uncross_reason = !e_known                                      ? `REASON_UNKNOWN_SYMBOL
                          : !on_tick                                      ? `REASON_PRICE_OFF_TICK
                          : {6'd0, symbol_state} != `SYMBOL_STATE_AUCTION ? `REASON_KIND_NOT_ALLOWED
                          : e_value != last_event                         ? `REASON_STALE
                          : !in_band                                      ? `REASON_OUTSIDE_BAND
                          : !e_referenced                                 ? `REASON_NO_REFERENCE
                          : e_distance > {1'b0, e_collar}                 ? `REASON_OUTSIDE_COLLAR
                          :                                                 `REASON_NONE;
    assign credits    = clerk_q == CREDIT && credit_reason == `REASON_NONE;

    reg  [7:0] clerk_reason_q;
    assign clerk_done = event_ready && (clerk_q == ROW_SAY || (clerk_q == CREDIT && credits) || clerk_q == KILL
                                     || (clerk_q == QUERY && row_last) || clerk_q == NOP || clerk_q == SWEPT
                                     || (clerk_q == UNCROSS_WAIT && book_q == EMPTY && !uncross_crossed_q));
    always @(posedge clk) begin
        case (clerk_q)
            IDLE: if (clerk_starts) begin
                clerk_q         <= READ;
                clerk_refuses_q <= 1'b0;
            end
            READ: clerk_q <= DISPATCH;
            DISPATCH: begin
                query_field_q  <= 8'd1;
                resting_q      <= 2'd0;
                any_resting_q  <= 1'b0;
                lowest_q       <= LEVEL_MASK;
                highest_q      <= 12'd0;
                clerk_reason_q <= `REASON_MALFORMED;
                if (!e_form_ok) begin
                    clerk_refuses_q <= 1'b1;
                    clerk_q         <= NOP;
                end else case (e_opcode)
                    `OPCODE_CREDIT: clerk_q <= CREDIT;
                    `OPCODE_KILL:   clerk_q <= KILL;
                    `OPCODE_QUERY:  clerk_q <= QUERY;
                    `OPCODE_NOP, `OPCODE_ALERT: clerk_q <= NOP;
                    `OPCODE_SWEEP:  clerk_q <= SCAN_READ;
                    `OPCODE_UNCROSS: clerk_q <= UNCROSS;
                    default:        clerk_q <= ROW_VALUE;
                endcase
            end

            ROW_VALUE: begin
                row_value_q    <= adjusts ? row_sum[63:0] : e_value;
                row_overflow_q <= adjusts && row_sum[64] != row_sum[63];
                clerk_q        <= ROW_CHECK;
            end
            ROW_CHECK: begin
                if (!row_value_ok || opens_crossed || leaves_firm) begin
                    if (row_value_ok) clerk_reason_q <= opens_crossed ? `REASON_BOOK_CROSSED : `REASON_ORDERS_OPEN;
                    clerk_refuses_q <= 1'b1;
                    clerk_q         <= NOP;
                end else begin
                    clerk_q <= sets_base || sets_tick ? RESTING_READ : sets_lot ? DIVIDE : ROW_WRITE;
                end
            end
            RESTING_READ: clerk_q <= RESTING_SEE;
            RESTING_SEE, RESTING_FIND: begin
                if (resting_best[12]) begin
                    any_resting_q <= 1'b1;
                    if (resting_low < lowest_q)   lowest_q  <= resting_low;
                    if (resting_high > highest_q) highest_q <= resting_high;
                end
                if (clerk_q == RESTING_SEE && resting_best[12] && !nearest) begin
                    lowest_q  <= lowest_q;
                    highest_q <= highest_q;
                    clerk_q   <= RESTING_SEEK;
                end else begin
                    resting_q <= resting_q + 2'd1;
                    clerk_q   <= resting_q[0] ? RESTING_DONE : RESTING_READ;
                end
            end
            RESTING_SEEK: clerk_q <= RESTING_FIND;
            RESTING_DONE: begin
                clerk_reason_q <= sets_base && !on_tick ? `REASON_PRICE_OFF_TICK : `REASON_BAND_OCCUPIED;
                if (any_resting_q && (sets_tick || !on_tick || base_moves_out)) begin
                    clerk_refuses_q <= 1'b1;
                    clerk_q         <= NOP;
                end else begin
                    clerk_q <= sets_tick ? DIVIDE : ROW_WRITE;
                end
            end
            DIVIDE:    if (divide_done) clerk_q <= ROW_WRITE;
            ROW_WRITE: clerk_q <= ROW_SAY;

            CREDIT: begin
                clerk_reason_q <= credit_reason;
                if (!credits) begin
                    clerk_refuses_q <= 1'b1;
                    clerk_q         <= NOP;
                end
            end
            SCAN_READ: clerk_q <= SCAN;
            SCAN:      clerk_q <= scan_meets ? SCAN_SUMS : scan_ends ? SWEPT : SCAN;
            SCAN_SUMS: clerk_q <= SCAN_CANCEL;
            SCAN_CANCEL: clerk_q <= SCAN_WAIT;
            SCAN_WAIT: if (book_q == EMPTY) clerk_q <= scan_ends ? SWEPT : SCAN_READ;
            UNCROSS: begin
                clerk_reason_q  <= uncross_reason;
                clerk_refuses_q <= uncross_reason != `REASON_NONE;
                clerk_q         <= uncross_reason != `REASON_NONE ? NOP : UNCROSS_WAIT;
            end
            UNCROSS_WAIT: if (book_q == EMPTY && uncross_crossed_q) begin
                clerk_reason_q  <= `REASON_BOOK_CROSSED;
                clerk_refuses_q <= 1'b1;
                clerk_q         <= NOP;
            end
            // Fields that are still to be built lie behind the last one of their table.
            QUERY: if (event_ready) query_field_q <= query_field_q + 8'd1;
            default: ;                          // ROW_SAY, KILL, SWEPT, NOP: one event
        endcase
        if (clerk_done) clerk_q <= IDLE;

        if (rst || stopped) clerk_q <= IDLE;
    end

    wire writes_row = clerk_q == ROW_WRITE;
    assign symbol_write  = writes_row && is_symbol;
    assign account_write = writes_row && is_account && e_field != `ROW_ACCOUNT_TRADED_E4;
    assign writes_traded = writes_row && is_account && e_field == `ROW_ACCOUNT_TRADED_E4;
    assign limit_write   = writes_row && e_opcode == `OPCODE_POSITION && e_field != `ROW_POSITION_NET;
    assign writes_net    = writes_row && e_opcode == `OPCODE_POSITION && e_field == `ROW_POSITION_NET;
    always @* begin
        symbol_row_d = symbol_row;
        case (e_field)
            `ROW_SYMBOL_BASE_E4: begin
                symbol_row_d[169:139] = row_value_q[30:0];
                symbol_row_d[138:127] = !any_resting_q ? 12'd0
                                      : (below_base ? base_index - ticks[11:0] : base_index + ticks[11:0]) & LEVEL_MASK;
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
            `ROW_SYMBOL_COLLAR: symbol_row_d[11:0] = row_value_q[11:0];
            default: ;                          // STATE, which is apart
        endcase

        account_row_d = account_row;
        case (e_field)
            `ROW_ACCOUNT_ENABLED:      account_row_d[81 + ACCOUNT_W]     = row_value_q[0];
            `ROW_ACCOUNT_FIRM:         account_row_d[81 +: ACCOUNT_W]    = row_value_q[ACCOUNT_W-1:0];
            `ROW_ACCOUNT_CURRENCY:     account_row_d[80:71]              = row_value_q[9:0];
            `ROW_ACCOUNT_QUANTITY_MAX: account_row_d[70:51]              = row_value_q[19:0];
            `ROW_ACCOUNT_RATE_INTERVAL_NS: account_row_d[ACCOUNT_MORE + 142 +: 32] = row_value_q[31:0];
            `ROW_ACCOUNT_RATE_BURST_NS:    account_row_d[ACCOUNT_MORE + 174 +: 32] = row_value_q[31:0];
            `ROW_ACCOUNT_DUPLICATE_NS:     account_row_d[ACCOUNT_MORE + 206 +: 32] = row_value_q[31:0];
            `ROW_ACCOUNT_OPEN_MAX:         account_row_d[ACCOUNT_MORE +: 20]       = row_value_q[19:0];
            `ROW_ACCOUNT_GROSS_MAX_E4:     account_row_d[ACCOUNT_MORE + 20 +: 61]  = row_value_q[60:0];
            `ROW_ACCOUNT_DAILY_MAX_E4:     account_row_d[ACCOUNT_MORE + 81 +: 61]  = row_value_q[60:0];
            `ROW_ACCOUNT_SELF_TRADE:       account_row_d[ACCOUNT_MORE + 238 +: 3]  = row_value_q[2:0];
            default:                   account_row_d[50:0]               = row_value_q[50:0];   // NOTIONAL_MAX_E4
        endcase

        limit_row_d = limit_row;
        case (e_field)
            `ROW_POSITION_LONG_MAX:  limit_row_d[47:0]    = row_value_q[47:0];
            `ROW_POSITION_SHORT_MAX: limit_row_d[95:48]   = row_value_q[47:0];
            `ROW_POSITION_LOCATE:    limit_row_d[143:96]  = row_value_q[47:0];
            default:                 limit_row_d[146:144] = row_value_q[2:0];                   // RESTRICTION
        endcase
    end

    wire       kills  = e_command[`command_mode] == `MODE_KILL;
    wire [7:0] halted = `SYMBOL_STATE_HALTED;
    always @(posedge clk) begin
        if (clerk_q == KILL && event_ready) begin
            if (e_field == `TABLE_ENGINE)  killed_q                    <= kills;
            if (e_field == `TABLE_FIRM)    firm_killed_q[e_firm]       <= kills;
            if (e_field == `TABLE_ACCOUNT) account_killed_q[e_account] <= kills;
            if (e_field == `TABLE_SESSION) session_killed_q[e_session] <= kills;
        end
        if (symbol_write && e_field == `ROW_SYMBOL_STATE) symbol_states_q[2*e_symbol +: 2] <= row_value_q[1:0];
        if (book_q == HALT) symbol_states_q[2*b_symbol +: 2] <= halted[1:0];

        if (rst) begin
            killed_q         <= 1'b1;
            firm_killed_q    <= {ACCOUNTS{1'b0}};
            account_killed_q <= {ACCOUNTS{1'b0}};
            session_killed_q <= {ACCOUNTS{1'b0}};
            symbol_states_q  <= {2*SYMBOLS{1'b0}};
        end
    end

    // ---- events -----------------------------------------------------------------------------------------------------
    wire         by_clerk = clerk_q != IDLE && book_q == EMPTY;
    wire [ITEM_W-1:0] say_item    = by_clerk ? e_item_q : b_item_q;
    wire [511:0]      say_command = say_item[511:0];
    wire [31:0]       say_order   = say_command[`command_order];
    wire         says_refusal = book_q == REFUSE || (clerk_q == NOP && clerk_refuses_q);
    // What is said of the resting order, not of the incoming one
    wire [31:0]  maker_order  = {maker_generation, {(20-SLOT_W){1'b0}}, maker_slot_q};
    wire         uncross_ends = !b_uncross_q || (last_bid && !bid_restates);
    wire         b_enters = enter_says || (book_q == UNLINK && !b_cancels);
    reg          event_valid, event_last;
    reg  [511:0] event_d;
    always @* begin
        event_valid = 1'b0;
        event_last  = 1'b1;
        event_d     = 512'd0;
        event_d[`event_symbol]  = say_command[`command_symbol];
        event_d[`event_account] = say_command[`command_account];
        event_d[`event_session] = say_command[`command_session];
        event_d[`event_order]   = say_order;
        event_d[`EVENT_SELL]    = say_command[`command_side] == `SIDE_SELL;
        if (says_refusal) begin
            event_valid = 1'b1;
            event_d[`event_kind]       = `KIND_REJECTED;
            event_d[`event_reason]     = by_clerk ? clerk_reason_q : refusal_q;
            event_d[`event_quantity]   = say_command[`command_quantity];
            event_d[`event_price_e4]   = say_command[`command_price_e4];
            event_d[`event_client_ref] = say_command[`command_client_ref];
            event_d[`event_field]      = say_command[`command_opcode];
        end else if (b_enters) begin
            event_valid = 1'b1;
            event_last  = direct;
            event_d[`event_kind]       = b_new ? `KIND_ACCEPTED : `KIND_REPLACED;
            event_d[`event_order]      = {b_generation, say_order[19:0]};
            event_d[`event_quantity]   = say_command[`command_quantity];
            event_d[`event_leaves]     = {12'd0, leaves_q};
            event_d[`event_price_e4]   = {1'b0, b_price_e4};
            event_d[`event_client_ref] = b_client_ref;
            event_d[`event_shown]      = b_shown32;
            event_d[`EVENT_IOC]        = b_ioc;
        end else if (book_q == UNLINK) begin
            event_valid = unlink_says;
            event_last  = b_uncross_q ? last_bid : !b_swept_q;
            event_d[`event_kind]     = b_uncross_q ? `KIND_RESTATED : `KIND_CANCELED;
            event_d[`event_reason]   = b_uncross_q ? `REASON_NONE : b_swept_q ? `REASON_SWEPT : `REASON_USER;
            event_d[`event_quantity] = {12'd0, b_uncross_q ? old_more : b_off};
            event_d[`event_leaves]   = {12'd0, b_open};
            event_d[`event_price_e4] = {1'b0, b_old_price};
        end else if (book_q == FILL) begin
            event_valid = fill_goes;
            event_last  = fill_then == CLOSE && !refills && !(self_q && decrements) && uncross_ends;
            if (self_q) begin
                event_d[`event_kind]         = `KIND_CANCELED;
                event_d[`event_reason]       = `REASON_SELF_TRADE;
                event_d[`event_account]      = {{(16-ACCOUNT_W){1'b0}}, maker_account};
                event_d[`event_session]      = {{(16-ACCOUNT_W){1'b0}}, maker_session};
                event_d[`event_order]        = maker_order;
                event_d[`EVENT_SELL]         = !b_sells;
                event_d[`event_quantity]     = {12'd0, fill_q};
                event_d[`event_leaves]       = {12'd0, maker_left};
                event_d[`event_price_e4]     = {1'b0, maker_price_e4};
            end else begin
                event_d[`event_kind]         = `KIND_TRADE;
                event_d[`event_order]        = b_uncross_q ? say_order : {b_generation, say_order[19:0]};
                event_d[`event_quantity]     = {12'd0, fill_q};
                event_d[`event_leaves]       = {12'd0, b_uncross_q ? leaves_then + b_open : leaves_then};
                event_d[`event_price_e4]     = {1'b0, trade_price};
                event_d[`event_maker]        = maker_order;
                event_d[`event_maker_leaves] = {12'd0, maker_left};
            end
        end else if (book_q == RESTATE) begin
            event_valid = 1'b1;
            event_last  = after_q == CLOSE && uncross_ends;
            event_d[`event_kind]         = `KIND_RESTATED;
            event_d[`event_account]      = {{(16-ACCOUNT_W){1'b0}}, maker_account};
            event_d[`event_session]      = {{(16-ACCOUNT_W){1'b0}}, maker_session};
            event_d[`event_order]        = maker_order;
            event_d[`EVENT_SELL]         = !b_sells;
            event_d[`event_quantity]     = {12'd0, maker_more};
            event_d[`event_leaves]       = {12'd0, maker_left};
            event_d[`event_price_e4]     = {1'b0, maker_price_e4};
        end else if (book_q == OFF) begin
            event_valid = 1'b1;
            event_last  = after_q == CLOSE;
            event_d[`event_kind]     = `KIND_CANCELED;
            event_d[`event_reason]   = `REASON_SELF_TRADE;
            event_d[`event_order]    = {b_generation, say_order[19:0]};
            event_d[`event_quantity] = {12'd0, fill_q};
            event_d[`event_leaves]   = {12'd0, leaves_q};
            event_d[`event_price_e4] = {1'b0, b_price_e4};
        end else if (book_q == UNCROSS_SAY) begin
            event_valid = 1'b1;
            event_last  = volume_q == 37'd0;
            event_d[`event_kind]     = `KIND_SET;
            event_d[`event_price_e4] = {1'b0, b_price_e4};
            event_d[`event_value]    = {27'd0, volume_q};
            event_d[`event_table]    = `TABLE_SYMBOL;
        end else if (book_q == HALT) begin
            event_valid = 1'b1;
            event_last  = 1'b0;
            event_d[`event_kind]    = `KIND_STATE;
            event_d[`event_reason]  = `REASON_HALT;
            event_d[`event_account] = 16'd0;
            event_d[`event_session] = 16'd0;
            event_d[`event_order]   = 32'd0;
            event_d[`EVENT_SELL]    = 1'b0;
            event_d[`event_value]   = {56'd0, `SYMBOL_STATE_HALTED};
            event_d[`event_table]   = `TABLE_SYMBOL;
            event_d[`event_field]   = `ROW_SYMBOL_STATE;
        end else if (book_q == DROP) begin
            event_valid = 1'b1;
            event_d[`event_kind]     = `KIND_CANCELED;
            event_d[`event_reason]   = drop_reason_q;
            event_d[`event_order]    = {b_generation, say_order[19:0]};
            event_d[`event_quantity] = {12'd0, leaves_q};
            event_d[`event_price_e4] = {1'b0, b_price_e4};
        end else if (by_clerk) case (clerk_q)
            ROW_SAY: begin
                event_valid = 1'b1;
                event_d[`event_kind]  = is_symbol && e_field == `ROW_SYMBOL_STATE ? `KIND_STATE : `KIND_SET;
                event_d[`EVENT_SELL]  = 1'b0;
                event_d[`event_value] = row_value_q;
                event_d[`event_table] = table_;
                event_d[`event_field] = e_field;
            end
            CREDIT: begin
                event_valid = credits;
                event_d[`event_kind]  = `KIND_CREDITED;
                event_d[`event_value] = credit_sum[63:0];
            end
            KILL: begin
                event_valid = 1'b1;
                event_d[`event_kind]    = `KIND_STATE;
                event_d[`event_account] = e_field == `TABLE_FIRM ? e_firm16 : e_account16;
                event_d[`event_value]   = {63'd0, kills};
                event_d[`event_table]   = e_field;
                event_d[`event_field]   = e_field == `TABLE_ACCOUNT ? `ROW_ACCOUNT_KILLED
                                        : e_field == `TABLE_FIRM    ? `ROW_FIRM_KILLED
                                        : e_field == `TABLE_SESSION ? `ROW_SESSION_KILLED : `ROW_ENGINE_KILLED;
            end
            QUERY: begin
                event_valid = row_exists;
                event_last  = row_last;
                event_d[`event_kind]    = `KIND_ROW;
                event_d[`event_account] = e_field == `TABLE_FIRM ? e_firm16 : e_account16;
                event_d[`event_value]   = row_field_value;
                event_d[`event_table]   = e_field;
                event_d[`event_field]   = query_field_q;
            end
            SWEPT: begin
                event_valid = 1'b1;
                event_d[`event_kind]     = `KIND_SWEPT;
                event_d[`event_quantity] = {12'd0, swept_q};
            end
            NOP: begin
                event_valid = 1'b1;
                event_d[`event_kind]  = e_opcode == `OPCODE_ALERT ? `KIND_ALERT : `KIND_SET;
                event_d[`event_value] = e_value;        // a NOP's parts are zero
                event_d[`event_field] = e_field;
            end
            default: ;
        endcase
    end

    assign changes_symbol = event_valid && event_ready
                         && ((book_q != EMPTY && book_q != REFUSE) || (clerk_q == ROW_SAY && is_symbol));
    wire said;
    report report_unit (
        .clk(clk), .rst(rst), .number_o(event_number),
        .valid_i(event_valid && event_ready), .ready_o(event_ready), .last_i(event_last),
        .by_card_i(say_item[512] && say_command[`command_origin] == `ORIGIN_CARD),
        .stamp_ns_i(say_command[`command_stamp_ns]), .taken_i(say_item[ITEM_W-1 -: 32]), .clock_o(clock),
        .event_i(event_d),
        .m_event_tvalid(said), .m_event_tready(m_event_tready && !stopped), .m_event_tdata(m_event_tdata)
    );
    assign m_event_tvalid = said && !stopped;

    // ---- reset ------------------------------------------------------------------------------------------------------
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

    // What waits, and for what: the first of them that holds.
    wire e_waits = e_valid_q && e_order && !e_to_book && !e_checked_q;
    assign stalls_o = {again, !event_ready, offered && alone_q && !e_waits, e_waits && !book_is_short, e_waits && book_is_short && same_account};

    assign init_done_o = !sweeping_q;
    assign killed_o    = killed_q || stopped;
    assign busy_o      = intake_busy || book_q != EMPTY || clerk_q != IDLE;

    `CHECK(one_speaks,              book_q == EMPTY || clerk_q == IDLE || clerk_q == SCAN_WAIT || clerk_q == UNCROSS_WAIT)
    `CHECK(fill_is_not_zero,        stopped || book_q != FILL || fill_q != 20'd0)
    `CHECK(maker_is_live,           stopped || book_q != FILL || maker_row[ORDER_ROW_W-1])
    `CHECK(level_has_what_it_fills, stopped || book_q != FILL || current_shares_q >= {16'd0, fill_q})
    `CHECK(query_row_exists,        stopped || clerk_q != QUERY || row_exists)
    `CHECK(reservations_hold,       stopped || !sums_write || (!money_row_d[63] && !money_row_d[127]))
    `CHECK(best_is_occupied,        stopped || !walk || occupied)
`ifdef PROVE_CORE
    `include "core_proof.vh"
`endif
`ifdef PROVE_TABLES
    `include "tables_proof.vh"
`endif
endmodule

`default_nettype wire
