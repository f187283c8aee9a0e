// front: takes commands, reads the rows of their symbol and of their order's slot at the taking, and works out in three stages
// what depends on nothing else: which order is meant, what becomes open and what goes, the price's level and the notionals.
//
//   latency     4 clocks from the taking to item_o: front 1, 2 and 3, and the room that check 0 and 1 share
//   throughput  one command a clock; of those that are no orders one, and nothing behind it until done_i
//   slow sink   a stage keeps what it has until the next one is free
//   again_i     what is here is forgotten; the intake offers it once more
//   reset       empty; sweep_i clears the tables
//   invariant   stale_o says whether the order's row was written since it was read: then what is here of it is not so

`include "abi.vh"
`include "check.vh"
`include "rows.vh"
`default_nettype none

module front #(
    parameter SYMBOLS  = 64,
    parameter ACCOUNTS = 256,
    parameter ORDERS   = 65536,
    parameter LEVELS   = 4096,
    parameter SWEEP_W   = 16,
    parameter SYMBOL_W  = $clog2(SYMBOLS),      // derived, as those behind it
    parameter ACCOUNT_W = $clog2(ACCOUNTS),
    parameter SLOT_W    = $clog2(ORDERS)
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire                    stopped_i,
    input  wire                    sweep_i,             // rows are cleared, after reset
    input  wire [SWEEP_W-1:0]      sweep_row_i,

    input  wire                    s_command_tvalid,
    output wire                    s_command_tready,
    input  wire [`item_given_bits-1:0] s_command_tdata,
    input  wire                    again_i,
    input  wire                    done_i,              // the command that is no order
    output wire                    alone_o,             // there is one

    // Check 0 and 1
    output wire                    limits_read_o,       // the account of what comes next
    output wire [ACCOUNT_W-1:0]    limits_account_o,
    output wire [SYMBOL_W-1:0]     limits_symbol_o,
    output reg                     valid_o = 1'b0,
    input  wire                    leaves_i,
    output wire                    stale_o,
    output reg  [`item_bits-1:0]   item_o,
    output reg  [`fact_bits-1:0]   facts_o,
    output reg  [30:0]             price_e4_o,
    output reg  [50:0]             notional_e4_o,       // of what will be open
    output reg  [50:0]             old_notional_e4_o,   // of what goes of the old order
    output wire                    on_tick_o,
    output wire                    in_lots_o,
    output wire                    in_band_o,
    output wire [11:0]             rank_o,              // levels from the base
    output wire [31:0]             ticks_o,             // from the base, either way; not of a market order
    output wire                    below_base_o,

    // Rows; read_i has those of the command in the room once more, for the clerk.
    input  wire                    read_i,
    input  wire                    scans_i,             // or one that SWEEP looks at
    input  wire [SLOT_W-1:0]       scan_slot_i,
    output wire [`symbol_bits-1:0] symbol_row_o,
    output wire [`order_bits-1:0]  order_row_o,
    input  wire                    symbol_write_i,      // the symbol of the command in the room
    input  wire [`symbol_bits-1:0] symbol_row_i,
    input  wire                    order_write_i,
    input  wire [SLOT_W-1:0]       order_write_slot_i,
    input  wire [`order_bits-1:0]  order_row_i,         // zero while rows are cleared

    // Tables: see parity.v
    input  wire [`memory_bits-1:0] flip_i,
    output reg  [`memory_bits-1:0] write_o,
    output reg  [`memory_bits-1:0] fault_o
`ifdef PROVE_CORE
    , output wire                  empty_o
`endif
);
    localparam [31:0] LEVEL_LAST = LEVELS - 1;

    // ---- the stages ---------------------------------------------------------------------------------------------------
    reg                   f1_valid_q = 1'b0, f2_valid_q = 1'b0, f3_valid_q = 1'b0;
    reg                   f1_stale_q, f2_stale_q, f3_stale_q, e_stale_q;
    reg  [`item_given_bits-1:0] f1_item_q;
    reg  [`item_bits-1:0] f2_item_q, f3_item_q;
    reg                   alone_q = 1'b0;       // a command that is no order is in the pipeline: nothing is taken behind it

    wire f3_moves = f3_valid_q && (!valid_o || leaves_i);
    wire f2_moves = f2_valid_q && (!f3_valid_q || f3_moves);
    wire f1_moves = f1_valid_q && (!f2_valid_q || f2_moves);
    assign s_command_tready = s_command_tvalid && !stopped_i && (!f1_valid_q || f1_moves) && !alone_q && !again_i;
    wire   take   = s_command_tready;
    assign alone_o = alone_q;

    wire [SYMBOL_W-1:0] given_symbol = s_command_tdata[`command_symbol_low +: SYMBOL_W];
    wire [SLOT_W-1:0]   given_slot   = s_command_tdata[`command_order_low +: SLOT_W];
    wire [7:0]          given_opcode = s_command_tdata[`command_opcode];
    wire                given_order  = given_opcode == `OPCODE_NEW || given_opcode == `OPCODE_CANCEL || given_opcode == `OPCODE_REPLACE;

    function written(input write, input [SLOT_W-1:0] write_slot, input [SLOT_W-1:0] slot);
        written = write && write_slot == slot;
    endfunction
    wire [SLOT_W-1:0] e_slot = item_o[`command_order_low +: SLOT_W];
    wire f1_stale = f1_stale_q || written(order_write_i, order_write_slot_i, f1_item_q[`command_order_low +: SLOT_W]);
    wire f2_stale = f2_stale_q || written(order_write_i, order_write_slot_i, f2_item_q[`command_order_low +: SLOT_W]);
    wire f3_stale = f3_stale_q || written(order_write_i, order_write_slot_i, f3_item_q[`command_order_low +: SLOT_W]);
    assign stale_o = e_stale_q || written(order_write_i, order_write_slot_i, e_slot);

    always @(posedge clk) begin
        if (take) begin
            f1_item_q  <= s_command_tdata;
            f1_stale_q <= written(order_write_i, order_write_slot_i, given_slot);
        end else begin
            f1_stale_q <= f1_stale;
        end
        if (f1_moves) f2_item_q <= f1_item_q[`item_bits-1:0];
        if (f2_moves) f3_item_q <= f2_item_q;
        if (f3_moves) item_o    <= f3_item_q;
        f2_stale_q <= f1_moves ? f1_stale : f2_stale;
        f3_stale_q <= f2_moves ? f2_stale : f3_stale;
        e_stale_q  <= f3_moves ? f3_stale : stale_o;
        f1_valid_q <= take     || (f1_valid_q && !f1_moves);
        f2_valid_q <= f1_moves || (f2_valid_q && !f2_moves);
        f3_valid_q <= f2_moves || (f3_valid_q && !f3_moves);
        valid_o    <= f3_moves || (valid_o && !leaves_i);
        if (take && !given_order) alone_q <= 1'b1;
        else if (done_i)          alone_q <= 1'b0;

        if (again_i || rst || stopped_i) begin
            f1_valid_q <= 1'b0;
            f2_valid_q <= 1'b0;
            f3_valid_q <= 1'b0;
            valid_o    <= 1'b0;
            alone_q    <= 1'b0;
        end
    end

    // ---- rows -----------------------------------------------------------------------------------------------------------
    localparam [`symbol_bits-1:0] SYMBOL_FRESH = {31'd0, 12'd0, 20'd0, 33'd0, 16'd1, 33'h100000000, 1'b0, 12'd0, 12'd0};
    wire [SYMBOL_W-1:0] e_symbol = item_o[`command_symbol_low +: SYMBOL_W];
    wire symbol_fault, order_fault;
    ram #(.ROWS(SYMBOLS), .ROW_W(`symbol_bits)) symbol_ram (
        .clk(clk), .rst(rst),
        .write_i(sweep_i || symbol_write_i),
        .write_addr_i(sweep_i ? sweep_row_i[SYMBOL_W-1:0] : e_symbol),
        .write_data_i(sweep_i ? SYMBOL_FRESH : symbol_row_i), .flip_i(flip_i[`MEMORY_SYMBOL]),
        .enable_i(take || read_i), .read_addr_i(read_i ? e_symbol : given_symbol), .read_data_o(symbol_row_o), .fault_o(symbol_fault)
    );
    ram #(.ROWS(ORDERS), .ROW_W(`order_bits)) order_ram (
        .clk(clk), .rst(rst),
        .write_i(sweep_i || order_write_i),
        .write_addr_i(sweep_i ? sweep_row_i[SLOT_W-1:0] : order_write_slot_i),
        .write_data_i(order_row_i), .flip_i(flip_i[`MEMORY_ORDER]),
        .enable_i(take || read_i || scans_i), .read_addr_i(scans_i ? scan_slot_i : read_i ? e_slot : given_slot),
        .read_data_o(order_row_o), .fault_o(order_fault)
    );
    always @* begin
        fault_o = {`memory_bits{1'b0}};
        fault_o[`MEMORY_SYMBOL] = symbol_fault;
        fault_o[`MEMORY_ORDER]  = order_fault;
        write_o = {`memory_bits{1'b0}};
        write_o[`MEMORY_SYMBOL] = symbol_write_i;
        write_o[`MEMORY_ORDER]  = order_write_i;
    end

    wire [30:0] base_e4    = symbol_row_o[`symbol_base_e4];
    wire [19:0] tick_e4    = symbol_row_o[`symbol_tick_e4];
    wire        referenced = symbol_row_o[`symbol_referenced];
    wire [11:0] reference  = symbol_row_o[`symbol_reference];
    wire [11:0] collar     = symbol_row_o[`symbol_collar];
    wire        row_live       = order_row_o[`order_live];
    wire        row_sells      = order_row_o[`order_sells];
    wire [11:0] row_generation = order_row_o[`order_generation];
    wire [19:0] row_executed   = order_row_o[`order_executed];

    // ---- front 1: which order is meant, how far the price lies from the base ------------------------------------------
    wire [511:0] f1_command  = {f1_item_q[`item_reserved], f1_item_q[`item_command]};
    wire [7:0]   f1_opcode   = f1_command[`command_opcode];
    wire         f1_sells    = f1_command[`command_side] == `SIDE_SELL;
    // A market order's level: the collar's edge, clipped to the band.
    wire [12:0] f1_over     = {1'b0, reference} + {1'b0, collar};
    wire [12:0] f1_under    = {1'b0, reference} - {1'b0, collar};
    wire [11:0] f1_edge     = !referenced ? 12'd0
                            : f1_sells ? (f1_under[12] ? 12'd0 : f1_under[11:0])
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
        .command_i(f1_command), .trusted_i(f1_item_q[`item_trusted]), .ok_o(f1_form_ok)
    );
    wire [15:0] f1_symbol16 = f1_command[`command_symbol];
    wire        f1_known  = {16'd0, f1_symbol16} < SYMBOLS && tick_e4 != 20'd0;
    wire        f1_free   = !row_live && f1_order[31:20] == row_generation + 12'd1;
    wire        f1_named  = row_live && row_generation == f1_order[31:20]
                         && row_sells == f1_sells
                         && {{(16-ACCOUNT_W){1'b0}}, order_row_o[`order_session]} == f1_command[`command_session]
                         && {{(16-ACCOUNT_W){1'b0}}, order_row_o[`order_account]} == f1_command[`command_account]
                         && {{(16-SYMBOL_W){1'b0}}, order_row_o[`order_symbol]} == f1_symbol16;
    wire [20:0] f1_total_less_executed = {1'b0, f1_quantity[19:0]} - {1'b0, row_executed};
    wire        f1_nothing_left = f1_total_less_executed[20] || f1_total_less_executed[19:0] == 20'd0;

    // ---- front 1 to 3: arithmetic -------------------------------------------------------------------------------------
    wire on_tick, in_band;
    price #(.LEVELS(LEVELS)) price_check (
        .clk(clk),
        .load_1_i(f1_moves), .below_base_i(far_below), .distance_e4_i(far_below ? base_e4 - far_e4 : far_e4 - base_e4),
        .tick_e4_i(tick_e4), .tick_reciprocal_i(symbol_row_o[`symbol_tick_reciprocal]),
        .quantity_i(f1_quantity[19:0]), .lot_i(symbol_row_o[`symbol_lot]), .lot_reciprocal_i(symbol_row_o[`symbol_lot_reciprocal]),
        .load_2_i(f2_moves), .load_3_i(f3_moves),
        .below_base_o(below_base_o), .ticks_o(ticks_o), .on_tick_o(on_tick), .in_lots_o(in_lots_o), .in_band_o(in_band)
    );

    // The facts: until front 3 `cancels` says that nothing is left, `open` what is left of the total and `off` what the order has open.
    reg  [`fact_bits-1:0] f2_facts_q, f3_facts_q;
    wire [7:0]  f2_opcode   = f2_item_q[`command_opcode];
    wire        f2_new      = f2_opcode == `OPCODE_NEW;
    wire        f2_replace  = f2_opcode == `OPCODE_REPLACE;
    wire        f2_nothing_left = f2_facts_q[`fact_cancels];
    wire [19:0] f2_left     = f2_nothing_left ? 20'd0 : f2_facts_q[`fact_open];
    wire [19:0] f2_leaves   = f2_facts_q[`fact_off];
    // CANCEL never adds to an order; a REPLACE by no more than has executed is a CANCEL.
    wire        f2_cancels  = f2_opcode == `OPCODE_CANCEL || (f2_replace && f2_nothing_left);
    wire [19:0] f2_cancel_left = f2_left < f2_leaves ? f2_left : f2_leaves;

    wire [30:0] f3_old_price = f3_facts_q[`fact_old_price_e4];
    wire [19:0] f3_open      = f3_facts_q[`fact_open];
    wire [19:0] f3_off       = f3_facts_q[`fact_off];
    wire        f2_market    = (f2_new || f2_replace) && f2_item_q[`ORDER_MARKET];
    reg  [11:0] f2_edge_q, f3_edge_q, e_edge_q;                 // a market order's level and how far it lies from the base
    reg  [31:0] f2_edge_e4_q;
    reg  [30:0] f2_base_e4_q;
    reg         f2_referenced_q, f3_market_q, e_market_q, f3_market_fits_q, e_market_fits_q;
    reg  [30:0] f3_price_q;
    wire [32:0] f2_market_e4   = {2'd0, f2_base_e4_q} + {1'b0, f2_edge_e4_q};
    wire        f2_market_fits = f2_market_e4[32:31] == 2'd0;
    wire [31:0] f2_price       = f2_item_q[`command_price_e4];

    always @(posedge clk) begin
        if (f1_moves) f2_facts_q <= {f1_form_ok, f1_known, f1_named, f1_free, f1_nothing_left,
                                     f1_total_less_executed[19:0], order_row_o[`order_leaves], row_executed,
                                     order_row_o[`order_shown], order_row_o[`order_displayed], order_row_o[`order_price_e4],
                                     order_row_o[`order_level], row_generation, symbol_row_o[`symbol_base_index], referenced, reference, collar};
        if (f2_moves) begin
            f3_facts_q                 <= f2_facts_q;
            f3_facts_q[`fact_cancels]  <= f2_cancels;
            f3_facts_q[`fact_open]     <= f2_cancels ? f2_cancel_left : f2_new ? f2_item_q[`command_quantity_low +: 20] : f2_left;
            f3_facts_q[`fact_off]      <= f2_new ? 20'd0 : f2_opcode == `OPCODE_CANCEL ? f2_leaves - f2_cancel_left : f2_leaves;
            if (f2_new) f3_facts_q[`fact_executed] <= 20'd0;
        end
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
            e_edge_q          <= f3_edge_q;
            e_market_q        <= f3_market_q;
            e_market_fits_q   <= f3_market_fits_q;
            price_e4_o        <= f3_price_q;
            facts_o           <= f3_facts_q;
            notional_e4_o     <= {20'd0, f3_price_q} * {31'd0, f3_open};
            old_notional_e4_o <= {20'd0, f3_old_price} * {31'd0, f3_off};
        end
    end
    // A market order is at the collar's edge, whatever price its command has.
    assign on_tick_o = on_tick || e_market_q;
    assign in_band_o = e_market_q ? e_market_fits_q : in_band;
    assign rank_o    = e_market_q ? e_edge_q : ticks_o[11:0];

    assign limits_read_o    = f3_moves;
    assign limits_account_o = f3_item_q[`command_account_low +: ACCOUNT_W];
    assign limits_symbol_o  = f3_item_q[`command_symbol_low +: SYMBOL_W];

    // Parts of records that other opcodes use, and what of a word only its sign or its width is asked.
    wire unused = &{1'b0, f1_command, f1_quantity, f1_price, f1_value, f1_order, f1_under, f1_over, f2_price, sweep_row_i, flip_i};
`ifdef PROVE_CORE
    assign empty_o = !f1_valid_q && !f2_valid_q && !f3_valid_q && !valid_o && !alone_q;
`endif
endmodule

`default_nettype wire
