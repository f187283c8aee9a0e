// form: whether a command is well formed, as far as no row is needed for it (check 1, first part).
//
//   latency     none, combinational
//   invariant   a bit outside the parts that the opcode uses makes a command malformed, whatever the bit

`include "abi.vh"
`default_nettype none

module form #(
    parameter SYMBOLS  = 64,
    parameter ACCOUNTS = 256,
    parameter ORDERS   = 65536
) (
    input  wire [511:0] command_i,
    input  wire         trusted_i,          // the card itself or a replay: the origin may be CARD
    output wire         ok_o
);
    wire [7:0]  opcode   = command_i[`command_opcode];
    wire [7:0]  origin   = command_i[`command_origin];
    wire [7:0]  field    = command_i[`command_field];
    wire [7:0]  mode     = command_i[`command_mode];
    wire [15:0] symbol   = command_i[`command_symbol];
    wire [15:0] account  = command_i[`command_account];
    wire [15:0] session  = command_i[`command_session];
    wire [15:0] firm     = command_i[`command_firm];
    wire [31:0] order    = command_i[`command_order];
    wire [31:0] quantity = command_i[`command_quantity];
    wire [31:0] price    = command_i[`command_price_e4];

    reg [511:0] used;
    always @* begin
        case (opcode)
            `OPCODE_NOP:      used = `USED_NOP;
            `OPCODE_NEW:      used = `USED_NEW;
            `OPCODE_CANCEL:   used = `USED_CANCEL;
            `OPCODE_REPLACE:  used = `USED_REPLACE;
            `OPCODE_SWEEP:    used = `USED_SWEEP;
            `OPCODE_UNCROSS:  used = `USED_UNCROSS;
            `OPCODE_SYMBOL:   used = `USED_SYMBOL;
            `OPCODE_ACCOUNT:  used = `USED_ACCOUNT;
            `OPCODE_POSITION: used = `USED_POSITION;
            `OPCODE_CREDIT:   used = `USED_CREDIT;
            `OPCODE_KILL:     used = `USED_KILL;
            `OPCODE_QUERY:    used = `USED_QUERY;
            `OPCODE_ALERT:    used = `USED_ALERT;
            default:          used = 512'd0;        // the opcode itself is not used: never well formed
        endcase
    end
    wire parts_ok  = (command_i & ~used) == 512'd0 && used != 512'd0;
    wire origin_ok = origin == `ORIGIN_HOST || (origin == `ORIGIN_CARD && trusted_i);

    wire        ioc       = command_i[`ORDER_IOC];
    wire        market    = command_i[`ORDER_MARKET];
    wire        fok       = command_i[`ORDER_FOK];
    wire        post_only = command_i[`ORDER_POST_ONLY];
    wire [15:0] flags     = command_i[`command_flags];
    wire [7:0]  self_trade = command_i[`command_self_trade];
    wire [31:0] shown     = command_i[`command_shown];
    wire [31:0] least     = command_i[`command_quantity_min];
    wire [7:0]  side      = command_i[`command_side];
    wire [31:0] slot      = order & ((32'd1 << `LIMIT_SLOT_BITS) - 32'd1);
    wire        named_ok  = side <= `SIDE_SELL && slot < ORDERS
                         && {16'd0, session} < ACCOUNTS && quantity <= `LIMIT_QUANTITY_MAX;
    wire        price_ok  = price != 32'd0 && price <= `LIMIT_PRICE_E4_MAX;
    wire        kind_ok   = (flags & ~`ORDER_FLAGS_BUILT) == 16'd0 && self_trade <= `SELF_TRADE_DECREMENT
                         && (ioc ? !post_only : !(market || fok))
                         && (least == 32'd0 || (ioc && !fok && least <= quantity))
                         && (shown == 32'd0 || (!ioc && shown < quantity && {8'd0, quantity} <= {shown, 8'd0}));
    wire        entry_ok  = named_ok && quantity != 32'd0 && (market ? price == 32'd0 : price_ok) && kind_ok;

    // Rows: the indexes that the table takes name a row, all others are zero.
    wire [7:0] table_  = opcode == `OPCODE_SYMBOL   ? `TABLE_SYMBOL
                       : opcode == `OPCODE_ACCOUNT  ? `TABLE_ACCOUNT
                       : opcode == `OPCODE_POSITION ? `TABLE_POSITION : field;
    wire       by_symbol  = table_ == `TABLE_SYMBOL || table_ == `TABLE_POSITION;
    wire       by_account = table_ == `TABLE_ACCOUNT || table_ == `TABLE_POSITION;
    wire       row_ok = table_ <= `TABLE_SESSION
                     && {16'd0, symbol}  < (by_symbol                ? SYMBOLS  : 1)
                     && {16'd0, account} < (by_account               ? ACCOUNTS : 1)
                     && {16'd0, firm}    < (table_ == `TABLE_FIRM    ? ACCOUNTS : 1)
                     && {16'd0, session} < (table_ == `TABLE_SESSION ? ACCOUNTS : 1)
                     && order            < (table_ == `TABLE_ORDER   ? ORDERS   : 1);
    wire [7:0] alert    = field & ~`ALERT_CLEARED;
    wire       alert_ok = origin == `ORIGIN_CARD && alert != 8'd0 && alert <= `ALERT_CRITICAL;
    wire       kill_ok = field == `TABLE_ENGINE || field == `TABLE_FIRM || field == `TABLE_ACCOUNT || field == `TABLE_SESSION;

    // A part that a SWEEP's filter names is an index or a side, any other is zero.
    wire       sweep_ok = mode < 2 * `FILTER_SIDE
                       && {16'd0, session} < (|(mode & `FILTER_SESSION) ? ACCOUNTS : 1)
                       && {16'd0, firm}    < (|(mode & `FILTER_FIRM)    ? ACCOUNTS : 1)
                       && {16'd0, account} < (|(mode & `FILTER_ACCOUNT) ? ACCOUNTS : 1)
                       && {16'd0, symbol}  < (|(mode & `FILTER_SYMBOL)  ? SYMBOLS  : 1)
                       && side <= (|(mode & `FILTER_SIDE) ? `SIDE_SELL : 8'd0);

    reg opcode_ok;
    always @* begin
        case (opcode)
            `OPCODE_NEW, `OPCODE_REPLACE:                      opcode_ok = entry_ok;
            `OPCODE_CANCEL:                                    opcode_ok = named_ok;
            `OPCODE_SWEEP:                                     opcode_ok = sweep_ok;
            `OPCODE_UNCROSS:                                   opcode_ok = price_ok;
            `OPCODE_SYMBOL, `OPCODE_ACCOUNT, `OPCODE_POSITION: opcode_ok = row_ok && mode <= `MODE_ADJUST;
            `OPCODE_KILL:                                      opcode_ok = row_ok && kill_ok && mode <= `MODE_RELEASE;
            `OPCODE_QUERY:                                     opcode_ok = row_ok;
            `OPCODE_ALERT:                                     opcode_ok = alert_ok;
            default:                                           opcode_ok = 1'b1;
        endcase
    end

    assign ok_o = parts_ok && origin_ok && opcode_ok;
endmodule

`default_nettype wire
