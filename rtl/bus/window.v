// window: the command window of BAR2, a ring of slots. A slot is taken in order, once all its bytes have arrived,
// since a processor may split and reorder the stores of a slot.
//
//   latency     2 clocks from the handshake of a slot's last byte to m_command, when it is the next in order
//   throughput  1 write a clock, 1 command a clock
//   slow sink   slots wait; writes are still taken, since the host's credits keep it off slots that wait
//   reset       rst resets all; clear_i forgets the slots and leaves the bus alone, 2^SLOTS_LOG2 clocks of s_axi_wready
//               low follow while the valid bits are swept
//   hold_i      no write is taken, so that none is lost in a clear
//   invariant   a command leaves only with all its bytes; slots leave in order, each once a pass
//
// Bursts of more than one beat are refused with SLVERR. A write that touches a byte which waits is dropped whole: two
// commands never mix in a slot.
//
// A valid bit is not cleared when its slot is taken: it means valid when it equals the parity of the pass, and the pass
// changes as the slot is taken. So valid bits have one writer and fit the same memory shape as the bytes.

`include "abi.vh"
`include "check.vh"
`default_nettype none

module window #(
    parameter SLOTS_LOG2 = $clog2(`LIMIT_WINDOW_SLOTS), // the proof has less
    parameter BYTES_LOG2 = $clog2(`command_bits / 8)    // the proof has less
) (
    input  wire                               clk,
    input  wire                               rst,
    input  wire                               clear_i,
    input  wire                               hold_i,
    input  wire [63:0]                        time_ns_i,

    input  wire                               s_axi_awvalid,
    output wire                               s_axi_awready,
    // verilator lint_off UNUSEDSIGNAL
    input  wire [SLOTS_LOG2+BYTES_LOG2-1:0]   s_axi_awaddr,         // within a slot the strobes say which bytes
    // verilator lint_on UNUSEDSIGNAL
    input  wire [7:0]                         s_axi_awlen,
    input  wire                               s_axi_wvalid,
    output wire                               s_axi_wready,
    input  wire [8*(1<<BYTES_LOG2)-1:0]       s_axi_wdata,
    input  wire [(1<<BYTES_LOG2)-1:0]         s_axi_wstrb,
    input  wire                               s_axi_wlast,
    output reg                                s_axi_bvalid = 1'b0,
    input  wire                               s_axi_bready,
    output reg  [1:0]                         s_axi_bresp = 2'b00,

    output reg                                m_command_tvalid = 1'b0,
    input  wire                               m_command_tready,
    output reg  [8*(1<<BYTES_LOG2)-1:0]       m_command_tdata,
    output reg  [63:0]                        m_command_tuser,      // time_ns_i when its last byte arrived

    output reg  [63:0]                        slots_taken_o = 64'd0,
    output reg                                partial_o = 1'b0,     // pulse: a write had fewer than all bytes
    output reg                                overrun_o = 1'b0      // pulse: a write was dropped
);
    localparam SLOTS   = 1 << SLOTS_LOG2;
    localparam BYTES   = 1 << BYTES_LOG2;
    localparam OKAY    = 2'b00;
    localparam SLVERR  = 2'b10;

    reg [8*BYTES-1:0]    bytes_q   [0:SLOTS-1];
    reg [BYTES-1:0]      valid_q   [0:SLOTS-1];
    reg [63:0]           arrival_q [0:SLOTS-1];
    reg [SLOTS_LOG2:0]   sweep_q = {(SLOTS_LOG2+1){1'b0}};
    // Next slot in order; the bit above it is the parity of the pass, where 0 means that a byte is valid when its bit is 1.
    reg [SLOTS_LOG2:0]   head_q  = {(SLOTS_LOG2+1){1'b0}};

    // ---- bus: the address may come before the data, never after it is needed -----------------------------------
    reg                  address_valid_q = 1'b0;
    reg [SLOTS_LOG2-1:0] address_slot_q;
    reg                  address_burst_q;
    reg                  refuse_q = 1'b0;           // within a burst of more than one beat

    wire swept = sweep_q[SLOTS_LOG2];
    wire open  = swept && !clear_i && !hold_i && (!s_axi_bvalid || s_axi_bready);

    assign s_axi_awready = !address_valid_q;
    assign s_axi_wready  = open && (address_valid_q || s_axi_awvalid || refuse_q);

    wire [SLOTS_LOG2-1:0] slot  = address_valid_q ? address_slot_q : s_axi_awaddr[BYTES_LOG2 +: SLOTS_LOG2];
    wire                  burst = address_valid_q ? address_burst_q : s_axi_awlen != 8'd0;
    wire                  beat  = s_axi_wvalid && s_axi_wready;
    wire                  first = beat && !refuse_q;
    wire                  write = first && !burst;

    // ---- slots ---------------------------------------------------------------------------------------------------
    wire                  pass       = head_q[SLOTS_LOG2];
    wire                  slot_pass  = pass ^ (slot < head_q[SLOTS_LOG2-1:0]);
    wire [BYTES-1:0]      waiting    = valid_q[slot] ^ {BYTES{slot_pass}};
    wire                  overrun    = (waiting & s_axi_wstrb) != {BYTES{1'b0}};
    wire                  store      = write && !overrun;
    wire                  complete   = &(waiting | s_axi_wstrb);
    wire                  head_whole = swept && &(valid_q[head_q[SLOTS_LOG2-1:0]] ^ {BYTES{pass}});
    wire                  take       = head_whole && (!m_command_tvalid || m_command_tready);

    // A function, so that simulation spreads the strobes only on a store.
    function [8*BYTES-1:0] spread(input [BYTES-1:0] strobe);
        integer i;
        for (i = 0; i < BYTES; i = i + 1) spread[8*i +: 8] = {8{strobe[i]}};
    endfunction

    always @(posedge clk) begin
        if (!swept) begin
            valid_q[sweep_q[SLOTS_LOG2-1:0]] <= {BYTES{1'b0}};
            sweep_q <= sweep_q + 1'b1;
        end else if (store) begin
            valid_q[slot] <= valid_q[slot] ^ s_axi_wstrb;
        end
        if (store) bytes_q[slot]   <= (bytes_q[slot] & ~spread(s_axi_wstrb)) | (s_axi_wdata & spread(s_axi_wstrb));
        if (store && complete) arrival_q[slot] <= time_ns_i;

        if (rst || clear_i) sweep_q <= {(SLOTS_LOG2+1){1'b0}};
    end

    always @(posedge clk) begin
        if (m_command_tready) m_command_tvalid <= 1'b0;
        if (take) begin
            m_command_tdata  <= bytes_q[head_q[SLOTS_LOG2-1:0]];
            m_command_tuser  <= arrival_q[head_q[SLOTS_LOG2-1:0]];
            m_command_tvalid <= 1'b1;
            head_q           <= head_q + 1'b1;
            slots_taken_o    <= slots_taken_o + 1'b1;
        end

        if (rst || clear_i) begin
            m_command_tvalid <= 1'b0;
            head_q           <= {(SLOTS_LOG2+1){1'b0}};
            slots_taken_o    <= 64'd0;
        end
    end

    always @(posedge clk) begin
        partial_o <= write && !(&s_axi_wstrb);
        overrun_o <= write && overrun;

        if (rst || clear_i) begin
            partial_o <= 1'b0;
            overrun_o <= 1'b0;
        end
    end

    always @(posedge clk) begin
        if (s_axi_awvalid && s_axi_awready && !first) begin
            address_valid_q <= 1'b1;
            address_slot_q  <= s_axi_awaddr[BYTES_LOG2 +: SLOTS_LOG2];
            address_burst_q <= s_axi_awlen != 8'd0;
        end
        if (first) address_valid_q <= 1'b0;
        if (s_axi_bready) s_axi_bvalid <= 1'b0;
        if (beat) begin
            refuse_q     <= (refuse_q || burst) && !s_axi_wlast;
            s_axi_bvalid <= write || s_axi_wlast;
            s_axi_bresp  <= write ? OKAY : SLVERR;
        end

        if (rst) begin
            address_valid_q <= 1'b0;
            refuse_q        <= 1'b0;
            s_axi_bvalid    <= 1'b0;
        end
    end

    `CHECK(no_write_before_sweep, !store || swept)
`ifdef PROVE_WINDOW
    `include "window_proof.vh"
`endif
endmodule

`default_nettype wire
