// counters: the COUNTER_ values of codes.def, and their copies latched at one instant.
//
//   latency     1 clock from a pulse to the count; latched_o follows index_i at once
//   throughput  every counter once a clock
//   slow sink   none
//   reset       synchronous; all 0, the copies too
//   invariant   a counter never falls

`include "abi.vh"
`default_nettype none

module counters (
    input  wire        clk,
    input  wire        rst,

    input  wire        snapshot_i,        // pulse
    input  wire [4:0]  index_i,
    output wire [63:0] latched_o,
    output wire [63:0] commands_o,
    output wire [63:0] events_o,

    input  wire        event_i,           // pulse: an event of this kind and quantity goes to the ring
    input  wire        event_end_i,       // it is its command's last
    input  wire [7:0]  event_kind_i,
    input  wire [31:0] event_quantity_i,
    input  wire        busy_i,            // pulses, as the counters are named
    input  wire        stalled_i,
    input  wire        closing_i,
    input  wire        partial_i,
    input  wire        overrun_i,
    input  wire        watchdog_i,
    input  wire        memory_i,
    input  wire        corrected_i,
    input  wire [15:0] event_clocks_i,    // since its command arrived
    input  wire [4:0]  stalls_i           // COUNTER_STALL_ACCOUNT and those behind it
);
    localparam COUNTERS = `COUNTER_CLOCKS_MORE + 8'd1;
    localparam TRADED_SHARES = {24'd0, `COUNTER_TRADED_SHARES};

    reg [63:0] count_q   [0:COUNTERS-1];
    reg [63:0] latched_q [0:COUNTERS-1];

    wire trade = event_i && event_kind_i == `KIND_TRADE;

    wire       ends = event_i && event_end_i;
    reg  [8:0] in_bound;
    integer    n;
    always @* begin
        for (n = 0; n < 8; n = n + 1) in_bound[n] = ends && event_clocks_i <= (16'd8 << n);
        in_bound[8] = ends;
    end

    // verilator lint_off WIDTH
    // A counter's number has 8 bits wherever there are fewer counters.
    wire [COUNTERS-1:0] pulse;
    assign pulse[`COUNTER_COMMANDS]       = event_i && event_end_i;
    assign pulse[`COUNTER_EVENTS]         = event_i;
    assign pulse[`COUNTER_ACCEPTED]       = event_i && event_kind_i == `KIND_ACCEPTED;
    assign pulse[`COUNTER_REJECTED]       = event_i && event_kind_i == `KIND_REJECTED;
    assign pulse[`COUNTER_REPLACED]       = event_i && event_kind_i == `KIND_REPLACED;
    assign pulse[`COUNTER_CANCELED]       = event_i && event_kind_i == `KIND_CANCELED;
    assign pulse[`COUNTER_TRADES]         = trade;
    assign pulse[`COUNTER_TRADED_SHARES]  = trade;
    assign pulse[`COUNTER_BUSY_CLOCKS]    = busy_i;
    assign pulse[`COUNTER_RING_STALLS]    = stalled_i;
    assign pulse[`COUNTER_GATE_CLOSINGS]  = closing_i;
    assign pulse[`COUNTER_WINDOW_PARTIAL] = partial_i;
    assign pulse[`COUNTER_WINDOW_OVERRUN] = overrun_i;
    assign pulse[`COUNTER_ECC_CORRECTED]  = corrected_i;
    assign pulse[`COUNTER_ECC_FATAL]      = memory_i;
    assign pulse[`COUNTER_WATCHDOG]       = watchdog_i;
    assign pulse[`COUNTER_STALL_ACCOUNT +: 5] = stalls_i;
    // One of nine, by how long the command took: in_bound 8 clocks, 16, ...
    assign pulse[`COUNTER_CLOCKS_8 +: 9]  = in_bound & ~{in_bound[7:0], 1'b0};

    assign commands_o = count_q[`COUNTER_COMMANDS];
    assign events_o   = count_q[`COUNTER_EVENTS];
    // verilator lint_on WIDTH
    assign latched_o  = {3'd0, index_i} < COUNTERS ? latched_q[index_i] : 64'd0;

    integer i;
    initial for (i = 0; i < COUNTERS; i = i + 1) begin
        count_q[i]   = 64'd0;
        latched_q[i] = 64'd0;
    end

    always @(posedge clk) begin
        for (i = 0; i < COUNTERS; i = i + 1)
            if (pulse[i]) count_q[i] <= count_q[i] + (i == TRADED_SHARES ? {32'd0, event_quantity_i} : 64'd1);
        if (snapshot_i) for (i = 0; i < COUNTERS; i = i + 1) latched_q[i] <= count_q[i];

        if (rst) for (i = 0; i < COUNTERS; i = i + 1) begin
            count_q[i]   <= 64'd0;
            latched_q[i] <= 64'd0;
        end
    end
endmodule

`default_nettype wire
