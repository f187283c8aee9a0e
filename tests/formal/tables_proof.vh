// tables_proof: what is proven of the book's tables in rtl/core/book.v, over whole commands: if they are whole when an order
// command has its verdict, they are whole when the book is done with it, and no share is lost. tables.sh proves it.
//
// It begins with the verdict (clock 6 of rtl/core/README.md) of any NEW, CANCEL, REPLACE or order of a SWEEP, on any tables
// that are whole, and ends when the book is empty or has the next verdict. That the verdict knows the order's row as it is,
// or is stale, is assumed (knows_row); so is what form.v lets pass, and that events are taken at once.
//
// The size: one symbol (of two), four levels, four orders, quantities of two bits, one named slot unless ANY_SLOT: nothing
// in the book tells one slot from another.

`define PROVE(name, condition) always @* begin name: assert (condition); end
`define CAN(name, condition)   always @* begin can_``name: assert (!(condition)); end    // must fail: it can be

    // ---- what is looked at in the book ------------------------------------------------------------------------------
    (* hierconn *) wire [ORDERS*`order_bits-1:0]           \maker_ram.all_rows ;
    (* hierconn *) wire [ORDERS*SLOT_W-1:0]                \previous_ram.all_rows ;
    (* hierconn *) wire [ORDERS*SLOT_W-1:0]                \next_ram.all_rows ;
    (* hierconn *) wire [2*SYMBOLS*LEVELS*`level_bits-1:0] \level_ram.all_rows ;
    (* hierconn *) wire [2*SYMBOLS*16-1:0]                 \occupancy_map.word_ram.all_rows ;
    (* hierconn *) wire [2*SYMBOLS*4-1:0]                  \occupancy_map.summary_ram.all_rows ;
    (* hierconn *) wire                                    \occupancy_map.walk_q ;
    wire [2*LEVELS*`level_bits-1:0] t_levels  = \level_ram.all_rows ;                 // of symbol 0
    wire [31:0]                     t_words   = \occupancy_map.word_ram.all_rows ;
    wire                            t_walking = \occupancy_map.walk_q ;
    wire [7:0]                      t_summary = \occupancy_map.summary_ram.all_rows ;
    wire [12:0]                     t_bid     = best_bid_q[0][12:0];
    wire [12:0]                     t_ask     = best_ask_q[0][12:0];
    (* anyconst *) wire             t_auction;              // the symbol's state, which the clerk keeps
    (* anyconst *) wire             t_open;
    reg                             t_halted;
    wire                            t_opened  = t_open && !t_auction && !t_halted;
    wire                            at_rest   = state_q == EMPTY || state_q == VERDICT;
    wire [19:0]                     b_quantity = b_command[`command_quantity_low +: 20];
    wire                            accepted   = verdict == `REASON_NONE && !b_stale_q;
    wire [19:0]                     said_quantity = event_o[`event_quantity_low +: 20];
    wire [SLOT_W-1:0]               said_slot     = event_o[`event_order_low +: SLOT_W];
    wire [SLOT_W-1:0]               said_maker    = event_o[`event_maker_low +: SLOT_W];
    wire                            said_trade    = event_valid_o && event_ready_i && event_o[`event_kind] == `KIND_TRADE;
    wire                            said_cancel   = event_valid_o && event_ready_i && event_o[`event_kind] == `KIND_CANCELED;

    // ---- tables, row by row -----------------------------------------------------------------------------------------
    localparam RANK_W  = LEVEL_W;
    localparam SMALL_W = 2;             // bits of a quantity: 1 to 3 shares
    wire [ORDERS-1:0]         t_live, t_sells, t_head, t_tail, t_form, t_back, t_forth, t_reached, t_bit, t_behind_bid, t_behind_ask;
    wire [ORDERS*20-1:0]      t_leaves, t_executed;
    wire [ORDERS*LEVEL_W-1:0] t_level;
    wire [ORDERS*SLOT_W-1:0]  t_previous = \previous_ram.all_rows , t_next = \next_ram.all_rows ;
    wire [ORDERS*ORDERS-1:0]  t_together;                       // two orders are of one level
    wire [2*LEVELS*ORDERS-1:0] t_here;                          // level by level: its orders
    wire [2*LEVELS-1:0]       t_some, t_ends_right;
    wire [2*LEVELS*36-1:0]    t_shares;
    wire [2*LEVELS*ORDERS-1:0] t_is_head, t_is_tail;
    (* anyconst *) wire [LEVEL_W-1:0] t_base;                   // the level of the symbol's base
    wire [RANK_W-1:0]         t_bid_rank = t_bid[RANK_W-1:0] - t_base;
    wire [RANK_W-1:0]         t_ask_rank = t_ask[RANK_W-1:0] - t_base;
    wire [ORDERS-1:0]         t_at_bid, t_at_ask;
    wire [ORDERS-1:0]         t_in_0, t_in_1, t_in_2;           // orders whose head is 0, 1, 2 orders before at most

    genvar o, p, l;
    generate
        for (o = 0; o < ORDERS; o = o + 1) begin : t_order
            wire [`order_bits-1:0] row       = \maker_ram.all_rows [o*`order_bits +: `order_bits];
            wire [19:0]            leaves    = row[`order_leaves];
            wire [19:0]            executed  = row[`order_executed];
            wire [11:0]            level     = row[`order_level];
            wire [SYMBOL_W-1:0]    symbol    = row[`order_symbol];
            wire [19:0]            displayed = row[`order_displayed];
            wire [19:0]            shown     = row[`order_shown];
            wire [SLOT_W-1:0]      before    = t_previous[o*SLOT_W +: SLOT_W];
            wire [SLOT_W-1:0]      behind    = t_next[o*SLOT_W +: SLOT_W];
            wire [20:0]            total     = {1'b0, leaves} + {1'b0, executed};
            wire [RANK_W-1:0]      rank      = level[RANK_W-1:0] - t_base;
            wire [ORDERS-1:0]      head_of, tail_of;
            wire [ORDERS-1:0]      steps;
            assign t_live[o]     = row[`order_live];
            assign t_sells[o]    = row[`order_sells];
            assign t_leaves[o*20 +: 20]   = leaves;
            assign t_executed[o*20 +: 20] = executed;
            assign t_level[o*LEVEL_W +: LEVEL_W] = level[LEVEL_W-1:0];
            assign t_form[o] = !t_live[o] || (symbol == 0 && level < LEVELS && leaves != 20'd0 && total[20:SMALL_W] == 0
                                              && displayed != 20'd0 && displayed <= leaves
                                              && (shown == 20'd0 ? displayed == leaves : displayed <= shown));
            for (p = 0; p < ORDERS; p = p + 1) begin : pair
                assign t_together[o*ORDERS + p] = t_live[o] && t_live[p] && t_sells[o] == t_sells[p]
                    && t_level[o*LEVEL_W +: LEVEL_W] == t_level[p*LEVEL_W +: LEVEL_W];
                assign steps[p] = before == p;
            end
            for (l = 0; l < 2 * LEVELS; l = l + 1) begin : place
                assign t_here[l*ORDERS + o] = t_live[o] && {t_sells[o], t_level[o*LEVEL_W +: LEVEL_W]} == l;
            end
            // The neighbours know it, and the ends of a level have none.
            assign t_back[o]  = !t_live[o] || t_head[o]
                || (t_together[o*ORDERS + before] && t_next[before*SLOT_W +: SLOT_W] == o && !t_tail[before]);
            assign t_forth[o] = !t_live[o] || t_tail[o]
                || (t_together[o*ORDERS + behind] && t_previous[behind*SLOT_W +: SLOT_W] == o && !t_head[behind]);
            assign t_reached[o] = !t_live[o] || t_head[o] || |(steps & t_in_2);
            assign t_behind_bid[o] = !t_live[o] || t_sells[o]  || (t_bid[12] && rank <= t_bid_rank);
            assign t_behind_ask[o] = !t_live[o] || !t_sells[o] || (t_ask[12] && rank >= t_ask_rank);
            assign t_at_bid[o] = t_live[o] && !t_sells[o] && t_level[o*LEVEL_W +: LEVEL_W] == t_bid[11:0];
            assign t_at_ask[o] = t_live[o] && t_sells[o]  && t_level[o*LEVEL_W +: LEVEL_W] == t_ask[11:0];
        end
    endgenerate

    assign t_in_0 = t_live & t_head;
    generate
        for (o = 0; o < ORDERS; o = o + 1) begin : t_walk
            assign t_in_1[o] = t_in_0[o] || t_in_0[t_previous[o*SLOT_W +: SLOT_W]];
            assign t_in_2[o] = t_in_0[o] || t_in_1[t_previous[o*SLOT_W +: SLOT_W]];
        end
        for (l = 0; l < 2 * LEVELS; l = l + 1) begin : t_place
            wire [`level_bits-1:0] row    = t_levels[l*`level_bits +: `level_bits];
            wire [35:0]            shares = row[`level_shares];
            wire [SLOT_W-1:0]      tail   = row[`level_tail];
            wire [SLOT_W-1:0]      head   = row[`level_head];
            wire [ORDERS-1:0]      here   = t_here[l*ORDERS +: ORDERS];
            assign t_some[l] = |here;
            assign t_ends_right[l] = !t_some[l] || (here[head] && here[tail]);
            assign t_shares[l*36 +: 36] = shares;
            for (o = 0; o < ORDERS; o = o + 1) begin : end_of
                assign t_is_head[o*2*LEVELS + l] = here[o] && head == o;
                assign t_is_tail[o*2*LEVELS + l] = here[o] && tail == o;
            end
        end
        for (o = 0; o < ORDERS; o = o + 1) begin : t_ends
            assign t_head[o] = |t_is_head[o*2*LEVELS +: 2*LEVELS];
            assign t_tail[o] = |t_is_tail[o*2*LEVELS +: 2*LEVELS];
        end
    endgenerate
    wire [7:0] t_any;                       // words that hold something
    generate
        for (l = 0; l < 8; l = l + 1) begin : t_word
            assign t_any[l] = |t_words[4*l +: 4];
        end
    endgenerate

    wire [15:0] t_bids_some = {16'd0, t_some[0 +: LEVELS]};
    wire [15:0] t_asks_some = {16'd0, t_some[LEVELS +: LEVELS]};
    wire t_orders_right  = &t_form;
    wire t_bits_right    = t_words == {t_asks_some, t_bids_some};
    wire t_summary_right = t_summary == t_any;
    wire t_lists_right   = &t_ends_right && &t_back && &t_forth && &t_reached;
    wire t_best_right    = &t_behind_bid && &t_behind_ask && t_bid[12] == |(t_live & ~t_sells) && t_ask[12] == |(t_live & t_sells)
                        && (!t_bid[12] || |t_at_bid) && (!t_ask[12] || |t_at_ask);
    wire t_uncrossed     = !t_opened || !t_bid[12] || !t_ask[12] || t_bid_rank < t_ask_rank;

    // ---- the command ------------------------------------------------------------------------------------------------
    wire [4*`order_bits-1:0] t_rows    = \maker_ram.all_rows ;
    wire [`order_bits-1:0] named_row   = b_slot == 0 ? t_rows[0 +: `order_bits]             : b_slot == 1 ? t_rows[`order_bits +: `order_bits]
                                       : b_slot == 2 ? t_rows[2*`order_bits +: `order_bits] : t_rows[3*`order_bits +: `order_bits];
    wire [11:0]            n_row_level = named_row[`order_level];
    wire [19:0]            n_leaves    = named_row[`order_leaves];
    wire [19:0]            n_executed  = named_row[`order_executed];
    wire                   n_live      = named_row[`order_live];
    wire                   n_known     = n_live && named_row[`order_sells] == b_sells && n_row_level == b_old_level && n_executed == b_executed
                                      && named_row[`order_displayed] == b_old_displayed
                                      && named_row[`order_shown] == b_old_shown;
    wire                   b_cancel    = b_command[`command_opcode] == `OPCODE_CANCEL;
    wire                   b_replace   = b_command[`command_opcode] == `OPCODE_REPLACE;
    wire                   knows_row   =
           (b_new && !b_cancels && !n_live && b_open == b_quantity && b_off == 20'd0 && b_executed == 20'd0)
        || (b_replace && !b_cancels && n_known && b_quantity > n_executed && b_open == b_quantity - n_executed && b_off == n_leaves)
        || (b_replace && b_cancels && n_known && b_open == 20'd0 && b_off == n_leaves)
        || (b_cancel && b_cancels && n_known && b_open <= n_leaves && b_off == n_leaves - b_open);

    function [19:0] of_slot(input [79:0] quantities, input [1:0] slot);
        of_slot = slot[1] ? (slot[0] ? quantities[60 +: 20] : quantities[40 +: 20]) : slot[0] ? quantities[20 +: 20] : quantities[0 +: 20];
    endfunction
    reg ended;
    wire ends = !$initstate && !ended && at_rest;

    // One order is followed.
    (* anyconst *) wire [SLOT_W-1:0] w_slot;
    wire        w_live     = t_live[w_slot];
    wire [19:0] w_leaves   = of_slot(t_leaves, w_slot);
    wire [19:0] w_executed = of_slot(t_executed, w_slot);
    reg         w_was_live, w_is_named, w_replaces;
    reg  [19:0] w_entered, w_had_executed;         // open and executed before, or as the command says
    reg  [20:0] w_traded, w_canceled;
    reg  [3:0]  fills;

    // One level is followed: what its orders sum up to changes by what the row that is written changes.
    (* anyconst *) wire [LEVEL_W:0] p_place;
    wire [ORDERS-1:0] p_here   = t_here[p_place*ORDERS +: ORDERS];
    wire              p_some   = t_some[p_place];
    reg  [35:0]       p_shares;
    integer           place;
    always @* begin
        p_shares = 36'd0;
        for (place = 0; place < 2 * LEVELS; place = place + 1)
            if (p_place == place) p_shares = p_shares | t_shares[place*36 +: 36];
    end
    wire [35:0]       p_only   = {16'd0, (p_here[0] ? t_leaves[0 +: 20] : 20'd0) | (p_here[1] ? t_leaves[20 +: 20] : 20'd0)
                                       | (p_here[2] ? t_leaves[40 +: 20] : 20'd0) | (p_here[3] ? t_leaves[60 +: 20] : 20'd0)};
    wire              p_one    = p_here == 1 || p_here == 2 || p_here == 4 || p_here == 8;
    wire [35:0]       p_was    = p_here[order_write_slot_o] ? {16'd0, of_slot(t_leaves, order_write_slot_o)} : 36'd0;
    wire [LEVEL_W:0]  p_row    = {order_row_o[`order_sells], order_row_o[71 +: LEVEL_W]};
    wire [35:0]       p_then   = order_row_o[`order_live] && p_row == p_place ? {16'd0, order_row_o[`order_leaves]} : 36'd0;
    reg  [35:0]       p_sum;
    always @(posedge clk) if (order_write_o) p_sum <= p_sum + p_then - p_was;

    always @* begin
        assume (!rst && event_ready_i && !sweep_i && flip_i == 0 && !stopped_i && !uncross_i && !scan_cancels_i);
        assume (!order_i || free_o);
        if ($initstate) begin
            assume (state_q == VERDICT && !ended && !t_halted);
            assume (t_orders_right && t_bits_right && t_summary_right && t_lists_right && t_best_right && t_uncrossed);
            assume (!t_walking);
            assume (!p_some || p_shares == p_sum);
            assume (p_some || p_sum == 36'd0);
            assume (!p_one || p_sum == p_only);
            assume (b_symbol == 0 && !b_uncross_q && b_base_index == {{(12-LEVEL_W){1'b0}}, t_base});
            assume (b_auction_q == t_auction);
            assume (!accepted || (knows_row && b_quantity[19:SMALL_W] == 0));
            assume (!accepted || b_cancels || (b_rank_q < LEVELS && b_open != 20'd0));
            // what form.v lets pass
            assume (!accepted || b_cancels || ((b_ioc ? !b_post_only : !b_fok) && (b_command[`command_shown] == 32'd0 || (!b_ioc && b_command[`command_shown] < b_quantity))
                                               && (b_least == 32'd0 || (b_ioc && !b_fok && b_least <= b_quantity))));
`ifndef ANY_SLOT
            assume (b_slot == 0);
`endif
        end
    end

    always @(posedge clk) begin
        if ($initstate) begin
            w_was_live     <= w_live;
            w_is_named     <= accepted && b_slot == w_slot;
            w_replaces     <= accepted && b_slot == w_slot && b_replace && !b_cancels;
            w_had_executed <= accepted && b_slot == w_slot && b_new ? 20'd0 : w_executed;
            w_entered      <= accepted && b_slot == w_slot && !b_cancels ? b_quantity - (b_new ? 20'd0 : w_executed) : w_leaves;
            w_traded       <= 21'd0;
            w_canceled     <= 21'd0;
            fills          <= 4'd0;
        end else if (!ended) begin
            if (said_trade) fills <= fills + 4'd1;
            if (said_trade && ((w_is_named && said_slot == w_slot) || said_maker == w_slot)) w_traded <= w_traded + {1'b0, said_quantity};
            if (said_cancel && said_slot == w_slot) w_canceled <= w_canceled + {1'b0, said_quantity};
        end
        ended    <= ended || ends;
        t_halted <= t_halted || halts_o;
    end
    wire w_counts = w_was_live || w_is_named;

    `PROVE(orders_stay_right,  !ends || t_orders_right)
    `PROVE(bits_stay_right,    !ends || t_bits_right)
    `PROVE(summary_stays_right, !ends || t_summary_right)
    `PROVE(sums_stay_right,    !ends || !p_some || p_shares == p_sum)
    `PROVE(lists_stay_whole,   !ends || t_lists_right)
    `PROVE(best_stays_right,   !ends || t_best_right)
    `PROVE(stays_uncrossed,    !ends || t_uncrossed)
    `PROVE(walk_is_over,       !ends || !t_walking)
    `PROVE(executed_is_traded, !(ends && w_counts) || {1'b0, w_executed} == {1'b0, w_had_executed} + w_traded)
    `PROVE(no_share_is_lost,   !(ends && w_counts) || {1'b0, w_leaves} + w_traded + w_canceled == {1'b0, w_entered})
    `PROVE(live_while_open,    !ends || w_live == (w_counts && w_leaves != 20'd0))

    `CAN(rests,         ends && w_is_named && !w_was_live && w_live && fills == 4'd0)
    `CAN(cancels,       ends && w_is_named && w_was_live && !w_live && fills == 4'd0 && w_canceled != 21'd0)
    `CAN(reduces,       ends && w_is_named && w_was_live && w_live && w_canceled != 21'd0)
    `CAN(replaces,      ends && w_replaces && w_live && fills == 4'd0)
    `CAN(fills_one,     ends && fills == 4'd1)
    `CAN(fills_two,     ends && fills == 4'd2)
    `CAN(fills_three,   ends && fills == 4'd3)
    `CAN(trade_while_open, ends && fills == 4'd1 && t_opened)
    `CAN(cross_in_auction, ends && t_auction && w_is_named && w_live && t_bid[12] && t_ask[12] && t_bid_rank > t_ask_rank)
    `CAN(show_more,     !ended && state_q == RESTATE)
    `CAN(meet_itself,   !ended && state_q == FILL && self_q)
    `CAN(count,         !ended && state_q == COUNT)
    `CAN(halt,          !ended && state_q == HALT)
