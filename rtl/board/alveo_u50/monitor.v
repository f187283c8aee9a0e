// monitor: reads the FPGA's system monitor (SYSMONE4) through its DRP, one sensor after the other, and converts.
//
//   latency     a round of the three sensors takes 3 times the DRP's answer and 19 clocks
//   reset       synchronous; the outputs read as a monitor that does not answer
//   silence     2^SILENCE_LOG2 clocks without an answer: the outputs say what cannot be (0 mV, -327.68 degrees), which
//               firmware reports as alarms but does not close the gate for; then the same sensor is asked again
//   invariant   an output changes only when its own sensor was read, or by silence
//
// By UG580, as public designs quote it, a code of 16 bits is code * 509.3140064 / 2^16 - 280.2308787 degrees with the reference on the chip, and
// code * 3 V / 2^16 for a supply. Both are multiplied bit by bit, scaled by 2^20: off by half a unit and 0.03 at most.

`include "check.vh"
`default_nettype none

module monitor (
    input  wire        clk,
    input  wire        rst,

    output reg         drp_enable_o = 1'b0,         // DEN: a read, for one clock
    output wire [7:0]  drp_address_o,               // DADDR: stands until the answer
    input  wire        drp_ready_i,                 // DRDY
    input  wire [15:0] drp_data_i,                  // DO

    output reg  [15:0] temperature_o = 16'h8000,    // 0.01 degrees Celsius, signed
    output reg  [15:0] vccint_o = 16'd0,            // millivolts
    output reg  [15:0] vccaux_o = 16'd0             // millivolts
);
    // The status registers of UG580: 0 is the temperature, 1 VCCINT, 2 VCCAUX.
    localparam TEMPERATURE = 2'd0;
    localparam VCCINT      = 2'd1;
    localparam VCCAUX      = 2'd2;

    localparam ASK      = 2'd0;
    localparam WAIT     = 2'd1;
    localparam MULTIPLY = 2'd2;
    localparam STORE    = 2'd3;

    localparam SILENCE_LOG2 = 16;
    localparam SCALE_LOG2 = 20;
    localparam SUM_W      = SCALE_LOG2 + 16;        // wraps within, the end fits
    localparam [SUM_W-1:0] DEGREE_FACTOR = 36'd814902;      // 50931.40064 * 2^4
    localparam [SUM_W-1:0] DEGREE_OFFSET = 36'd29384337386; // 28023.08787 * 2^20
    localparam [SUM_W-1:0] VOLT_FACTOR   = 36'd48000;       // 3000 * 2^4
    localparam [SUM_W-1:0] HALF          = 36'd524288;      // 2^19: to the nearest, not down

    reg [1:0]              state_q  = ASK;
    reg [1:0]              sensor_q = TEMPERATURE;
    reg [SILENCE_LOG2-1:0] silent_q = {SILENCE_LOG2{1'b0}};
    reg [3:0]              bit_q    = 4'd0;
    reg [15:0]             code_q;
    reg [SUM_W-1:0]        factor_q;
    reg [SUM_W-1:0]        sum_q;

    wire        degrees = sensor_q == TEMPERATURE;
    wire        silent  = state_q == WAIT && !drp_ready_i && &silent_q;
    wire [15:0] value   = sum_q[SCALE_LOG2 +: 16];

    assign drp_address_o = {6'd0, sensor_q};

    always @(posedge clk) begin
        drp_enable_o <= state_q == ASK;
        case (state_q)
            ASK: begin
                silent_q <= {SILENCE_LOG2{1'b0}};
                state_q  <= WAIT;
            end
            WAIT: begin
                silent_q <= silent_q + 1'b1;
                bit_q    <= 4'd0;
                if (drp_ready_i)  state_q <= MULTIPLY;
                else if (silent)  state_q <= ASK;
            end
            MULTIPLY: begin
                bit_q <= bit_q + 1'b1;
                if (&bit_q) state_q <= STORE;
            end
            default: begin
                sensor_q <= sensor_q == VCCAUX ? TEMPERATURE : sensor_q + 1'b1;
                state_q  <= ASK;
            end
        endcase

        if (rst) begin
            drp_enable_o <= 1'b0;
            state_q      <= ASK;
            sensor_q     <= TEMPERATURE;
        end
    end

    always @(posedge clk) begin
        if (state_q == WAIT) begin
            code_q   <= drp_data_i;
            factor_q <= degrees ? DEGREE_FACTOR : VOLT_FACTOR;
            sum_q    <= degrees ? HALF - DEGREE_OFFSET : HALF;
        end
        if (state_q == MULTIPLY) begin
            code_q   <= code_q >> 1;
            factor_q <= factor_q << 1;
            if (code_q[0]) sum_q <= sum_q + factor_q;
        end
    end

    always @(posedge clk) begin
        if (state_q == STORE) begin
            if (sensor_q == TEMPERATURE) temperature_o <= value;
            if (sensor_q == VCCINT)      vccint_o      <= value;
            if (sensor_q == VCCAUX)      vccaux_o      <= value;
        end

        if (rst || silent) begin
            temperature_o <= 16'h8000;
            vccint_o      <= 16'd0;
            vccaux_o      <= 16'd0;
        end
    end

    `CHECK(sensor_is_one_of_three, sensor_q <= VCCAUX)
    `CHECK(asks_only_while_waiting, !drp_enable_o || state_q == WAIT)
endmodule

`default_nettype wire
