// field: a field of a row, named by table and number: what it is, what it may be set to, and whether QUERY has another
// behind it.
//
//   latency     none, combinational between rows at their RAMs and the clerk
//   invariant   a field that is not to be set is settable_o to nobody; one that does not exist is not exists_o

`include "abi.vh"
`include "rows.vh"
`default_nettype none

module field #(
    parameter ACCOUNTS  = 256,
    parameter LEVELS    = 4096,
    parameter SYMBOL_W  = 6,
    parameter ACCOUNT_W = $clog2(ACCOUNTS)      // derived
) (
    input  wire [7:0]  table_i,
    input  wire [7:0]  field_i,

    input  wire                     killed_i,           // the engine
    input  wire                     firm_killed_i,
    input  wire                     account_killed_i,
    input  wire                     session_killed_i,
    input  wire [1:0]               symbol_state_i,
    input  wire [63:0]              last_event_i,
    input  wire [`symbol_bits-1:0]  symbol_row_i,
    input  wire [`account_bits-1:0] account_row_i,
    input  wire [`money_bits-1:0]   money_row_i,
    input  wire [62:0]              tat_ns_i,
    input  wire [`limit_bits-1:0]   limit_row_i,
    input  wire [`position_bits-1:0] position_row_i,
    input  wire [`order_bits-1:0]   order_row_i,
    input  wire [31:0]              client_ref_i,

    output reg  [63:0] value_o,
    output reg         exists_o,
    output wire        last_o,              // of its table's
    output wire        settable_o,
    output wire [63:0] min_o,               // signed, as what lies between
    output wire [63:0] max_o
);
    localparam [31:0] LEVEL_LAST   = LEVELS - 1;
    localparam [31:0] ACCOUNT_LAST = ACCOUNTS - 1;

    wire [47:0] net  = position_row_i[`position_net];
    wire        live = order_row_i[`order_live];

    always @* begin
        exists_o = 1'b1;
        case ({table_i, field_i})
            {`TABLE_ENGINE, `ROW_ENGINE_KILLED}:                    value_o = {63'd0, killed_i};
            {`TABLE_SYMBOL, `ROW_SYMBOL_STATE}:                     value_o = {62'd0, symbol_state_i};
            {`TABLE_SYMBOL, `ROW_SYMBOL_BASE_E4}:                   value_o = {33'd0, symbol_row_i[`symbol_base_e4]};
            {`TABLE_SYMBOL, `ROW_SYMBOL_TICK_E4}:                   value_o = {44'd0, symbol_row_i[`symbol_tick_e4]};
            {`TABLE_SYMBOL, `ROW_SYMBOL_LOT}:                       value_o = {48'd0, symbol_row_i[`symbol_lot]};
            {`TABLE_SYMBOL, `ROW_SYMBOL_REFERENCE}:                 value_o = symbol_row_i[`symbol_referenced] ? {52'd0, symbol_row_i[`symbol_reference]} : ~64'd0;
            {`TABLE_SYMBOL, `ROW_SYMBOL_COLLAR}:                    value_o = {52'd0, symbol_row_i[`symbol_collar]};
            {`TABLE_SYMBOL, `ROW_SYMBOL_LAST_EVENT}:                value_o = last_event_i;
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_ENABLED}:                 value_o = {63'd0, account_row_i[`account_enabled]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_FIRM}:                    value_o = {{(64-ACCOUNT_W){1'b0}}, account_row_i[`account_firm]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_CURRENCY}:                value_o = {54'd0, account_row_i[`account_currency]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_QUANTITY_MAX}:            value_o = {44'd0, account_row_i[`account_quantity_max]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_NOTIONAL_MAX_E4}:         value_o = {13'd0, account_row_i[`account_notional_max_e4]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_BUYING_POWER_E4}:         value_o = money_row_i[`money_buying_power];
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_RESERVED_E4}:             value_o = money_row_i[`money_reserved];
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_KILLED}:                  value_o = {63'd0, account_killed_i};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_RATE_INTERVAL_NS}:        value_o = {32'd0, account_row_i[`account_rate_interval_ns]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_RATE_BURST_NS}:           value_o = {32'd0, account_row_i[`account_rate_burst_ns]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_RATE_TAT_NS}:             value_o = {1'b0, tat_ns_i};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_DUPLICATE_NS}:            value_o = {32'd0, account_row_i[`account_duplicate_ns]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_OPEN_MAX}:                value_o = {44'd0, account_row_i[`account_open_max]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_OPEN_COUNT}:              value_o = {44'd0, money_row_i[`money_open_count]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_GROSS_MAX_E4}:            value_o = {3'd0, account_row_i[`account_gross_max_e4]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_GROSS_E4}:                value_o = money_row_i[`money_gross];
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_DAILY_MAX_E4}:            value_o = {3'd0, account_row_i[`account_daily_max_e4]};
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_TRADED_E4}:               value_o = money_row_i[`money_traded];
            {`TABLE_ACCOUNT, `ROW_ACCOUNT_SELF_TRADE}:              value_o = {61'd0, account_row_i[`account_self_trade]};
            {`TABLE_POSITION, `ROW_POSITION_NET}:                   value_o = {{16{net[47]}}, net};
            {`TABLE_POSITION, `ROW_POSITION_OPEN_BUY}:              value_o = {16'd0, position_row_i[`position_open_buy]};
            {`TABLE_POSITION, `ROW_POSITION_OPEN_SELL}:             value_o = {16'd0, position_row_i[`position_open_sell]};
            {`TABLE_POSITION, `ROW_POSITION_LONG_MAX}:              value_o = {16'd0, limit_row_i[`limit_long_max]};
            {`TABLE_POSITION, `ROW_POSITION_SHORT_MAX}:             value_o = {16'd0, limit_row_i[`limit_short_max]};
            {`TABLE_POSITION, `ROW_POSITION_LOCATE}:                value_o = {16'd0, limit_row_i[`limit_locate]};
            {`TABLE_POSITION, `ROW_POSITION_RESTRICTION}:           value_o = {61'd0, limit_row_i[`limit_restriction]};
            {`TABLE_ORDER, `ROW_ORDER_LIVE}:                        value_o = {63'd0, live};
            {`TABLE_ORDER, `ROW_ORDER_GENERATION}:                  value_o = {52'd0, order_row_i[`order_generation]};
            {`TABLE_ORDER, `ROW_ORDER_SESSION}:                     value_o = live ? {{(64-ACCOUNT_W){1'b0}}, order_row_i[`order_session]} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_ACCOUNT}:                     value_o = live ? {{(64-ACCOUNT_W){1'b0}}, order_row_i[`order_account]} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_SYMBOL}:                      value_o = live ? {{(64-SYMBOL_W){1'b0}}, order_row_i[`order_symbol]} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_SIDE}:                        value_o = live ? {63'd0, order_row_i[`order_sells]} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_PRICE_E4}:                    value_o = live ? {33'd0, order_row_i[`order_price_e4]} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_EXECUTED}:                    value_o = live ? {44'd0, order_row_i[`order_executed]} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_LEAVES}:                      value_o = live ? {44'd0, order_row_i[`order_leaves]} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_CLIENT_REF}:                  value_o = live ? {32'd0, client_ref_i} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_SHOWN}:                       value_o = live ? {44'd0, order_row_i[`order_shown]} : 64'd0;
            {`TABLE_ORDER, `ROW_ORDER_DISPLAYED}:                   value_o = live ? {44'd0, order_row_i[`order_displayed]} : 64'd0;
            {`TABLE_FIRM, `ROW_FIRM_KILLED}:                        value_o = {63'd0, firm_killed_i};
            {`TABLE_SESSION, `ROW_SESSION_KILLED}:                  value_o = {63'd0, session_killed_i};
            default: begin
                value_o  = 64'd0;
                exists_o = 1'b0;
            end
        endcase
    end

    // What abi_print says of the fields: it names these three, and row_last.
    reg [63:0] row_min, row_max;
    reg        row_settable, row_last;
    always @* begin
        row_settable = 1'b0;
        row_min      = 64'd0;
        row_max      = 64'd0;
        case ({table_i, field_i})
            `ROW_RANGES
            default: ;
        endcase
        row_last = 1'b0;
        case ({table_i, field_i})
            `ROW_LASTS
            default: ;
        endcase
    end
    // What depends on the card's size
    wire counts_levels   = table_i == `TABLE_SYMBOL && (field_i == `ROW_SYMBOL_REFERENCE || field_i == `ROW_SYMBOL_COLLAR);
    wire counts_accounts = table_i == `TABLE_ACCOUNT && field_i == `ROW_ACCOUNT_FIRM;
    assign settable_o = row_settable;
    assign last_o     = row_last;
    assign min_o      = row_min;
    assign max_o      = counts_levels ? {32'd0, LEVEL_LAST} : counts_accounts ? {32'd0, ACCOUNT_LAST} : row_max;

    // The tick's and the lot's reciprocals, the base's place.
    wire unused = &{1'b0, symbol_row_i, order_row_i};
endmodule

`default_nettype wire
