// rows: what lies where in a row of the core's tables, and in the facts that the front hands on with an order. Their widths
// are those of the module that asks: SYMBOL_W, ACCOUNT_W, SLOT_W.
`ifndef ROWS_VH
`define ROWS_VH

// symbol; its state is apart, because a trade may halt it
`define symbol_collar           0 +: 12
`define symbol_reference        12 +: 12
`define symbol_referenced       24
`define symbol_lot_reciprocal   25 +: 33
`define symbol_lot              58 +: 16
`define symbol_tick_reciprocal  74 +: 33
`define symbol_tick_e4          107 +: 20
`define symbol_base_index       127 +: 12
`define symbol_base_e4          139 +: 31
`define symbol_bits             170

// account: what the host sets
`define account_notional_max_e4  0 +: 51
`define account_quantity_max     51 +: 20
`define account_currency         71 +: 10
`define account_firm             81 +: ACCOUNT_W
`define account_enabled          81 + ACCOUNT_W
`define account_open_max         82 + ACCOUNT_W +: 20
`define account_gross_max_e4     102 + ACCOUNT_W +: 61
`define account_daily_max_e4     163 + ACCOUNT_W +: 61
`define account_rate_interval_ns 224 + ACCOUNT_W +: 32
`define account_rate_burst_ns    256 + ACCOUNT_W +: 32
`define account_duplicate_ns     288 + ACCOUNT_W +: 32
`define account_self_trade       320 + ACCOUNT_W +: 3
`define account_bits             (323 + ACCOUNT_W)

// money: of an account what its orders move
`define money_buying_power      0 +: 64
`define money_reserved          64 +: 64
`define money_gross             128 +: 64
`define money_traded            192 +: 64
`define money_open_count        256 +: 20
`define money_bits              276

// pace: when an account's messages may come, and its last accepted NEW: whether there is one, symbol, side, price, quantity, stamp
`define pace_tat_ns             0 +: 63
`define pace_last_new           63 +: `last_new_bits
`define pace_bits               (180 + SYMBOL_W)
`define last_new_stamp_ns       0 +: 64
`define last_new_order          64 +: 53 + SYMBOL_W
`define last_new_bits           (117 + SYMBOL_W)

// limit: of an account in a symbol what the host sets
`define limit_long_max          0 +: 48
`define limit_short_max         48 +: 48
`define limit_locate            96 +: 48
`define limit_restriction       144 +: 3
`define limit_bits              147

// position: of the same what orders move
`define position_net            0 +: 48
`define position_open_buy       48 +: 48
`define position_open_sell      96 +: 48
`define position_bits           144

// order
`define order_leaves            0 +: 20
`define order_executed          20 +: 20
`define order_price_e4          40 +: 31
`define order_level             71 +: 12
`define order_sells             83
`define order_symbol            84 +: SYMBOL_W
`define order_account           84 + SYMBOL_W +: ACCOUNT_W
`define order_session           84 + SYMBOL_W + ACCOUNT_W +: ACCOUNT_W
`define order_generation        84 + SYMBOL_W + 2 * ACCOUNT_W +: 12
`define order_displayed         96 + SYMBOL_W + 2 * ACCOUNT_W +: 20
`define order_shown             116 + SYMBOL_W + 2 * ACCOUNT_W +: 20
`define order_firm              136 + SYMBOL_W + 2 * ACCOUNT_W +: ACCOUNT_W
`define order_live              136 + SYMBOL_W + 3 * ACCOUNT_W
`define order_bits              (137 + SYMBOL_W + 3 * ACCOUNT_W)

// level
`define level_shares            0 +: 36
`define level_tail              36 +: SLOT_W
`define level_head              36 + SLOT_W +: SLOT_W
`define level_bits              (36 + 2 * SLOT_W)

// What the front knows of a command: its symbol's place, the order in its slot as it was, and what becomes of that.
`define fact_collar             0 +: 12
`define fact_reference          12 +: 12
`define fact_referenced         24
`define fact_base_index         25 +: 12
`define fact_place_bits         37
`define fact_generation         37 +: 12        // of the old order, as all to old_shown
`define fact_old_level          49 +: 12
`define fact_old_price_e4       61 +: 31
`define fact_old_displayed      92 +: 20
`define fact_old_shown          112 +: 20
`define fact_executed           132 +: 20
`define fact_off                152 +: 20       // how much of the old order goes
`define fact_open               172 +: 20       // how much will be open
`define fact_cancels            192             // CANCEL, or a REPLACE by no more than has executed
`define fact_free               193             // the slot is, for this generation
`define fact_named              194             // the order in the slot is the one that is meant
`define fact_known              195             // the symbol is
`define fact_form_ok            196
`define fact_bits               197

// A command on its way: the command, whether its origin may be CARD, the clock of its arrival. Its reserved part has been
// seen to be zero in front 1 and goes no further.
`define item_command            0 +: 448
`define item_trusted            448
`define item_clock              449 +: 32
`define item_bits               481
`define item_reserved           481 +: 64
`define item_given_bits         545
`define kept_bits               448             // of a command

// A bit for every table of the core, by its MEMORY_ number
`define memory_bits             ({27'd0, `MEMORY_LAST_EVENT} + 1)
`endif
