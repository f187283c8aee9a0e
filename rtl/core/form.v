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
            `OPCODE_SYMBOL:   used = `USED_SYMBOL;
            `OPCODE_ACCOUNT:  used = `USED_ACCOUNT;
            `OPCODE_POSITION: used = `USED_POSITION;
            `OPCODE_CREDIT:   used = `USED_CREDIT;
            `OPCODE_KILL:     used = `USED_KILL;
            `OPCODE_QUERY:    used = `USED_QUERY;
            default:          used = 512'd0;        // the opcode itself is not used: never well formed
        endcase
    end
    wire parts_ok  = (command_i & ~used) == 512'd0 && used != 512'd0;
    wire origin_ok = origin == `ORIGIN_HOST || (origin == `ORIGIN_CARD && trusted_i);

    wire [15:0] flags     = command_i[`command_flags];
    wire [31:0] slot      = order & ((32'd1 << `LIMIT_SLOT_BITS) - 32'd1);
    wire        named_ok  = command_i[`command_side] <= `SIDE_SELL && slot < ORDERS
                         && {16'd0, session} < ACCOUNTS && quantity <= `LIMIT_QUANTITY_MAX;
    wire        entry_ok  = named_ok && quantity != 32'd0 && price != 32'd0 && price <= `LIMIT_PRICE_E4_MAX
                         && (flags & ~`ORDER_FLAGS_BUILT) == 16'd0;

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
    wire       kill_ok = field == `TABLE_ENGINE || field == `TABLE_FIRM || field == `TABLE_ACCOUNT || field == `TABLE_SESSION;

    reg opcode_ok;
    always @* begin
        case (opcode)
            `OPCODE_NEW, `OPCODE_REPLACE:                      opcode_ok = entry_ok;
            `OPCODE_CANCEL:                                    opcode_ok = named_ok;
            `OPCODE_SYMBOL, `OPCODE_ACCOUNT, `OPCODE_POSITION: opcode_ok = row_ok && mode <= `MODE_ADJUST;
            `OPCODE_KILL:                                      opcode_ok = row_ok && kill_ok && mode <= `MODE_RELEASE;
            `OPCODE_QUERY:                                     opcode_ok = row_ok;
            default:                                           opcode_ok = 1'b1;
        endcase
    end

    assign ok_o = parts_ok && origin_ok && opcode_ok;
endmodule

`default_nettype wire
