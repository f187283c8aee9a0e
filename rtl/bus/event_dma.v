// event_dma: writes events to the ring in host memory, one AXI4 burst of one 64-byte beat each, and when there has been
// no event for a while the status line behind the last slot.
//
//   latency     1 clock from s_event to m_axi
//   throughput  1 event a clock
//   slow sink   s_event_tready falls while the ring is full, while the bus waits and while FLIGHT_MAX writes have no
//               answer; nothing is ever dropped
//   reset       synchronous; no ring. A write that is offered on m_axi is taken back only by rst: for a reset from inside,
//               raise drain_i and wait for idle_o
//   invariant   at most 2^ring_log2_i events beyond ring_consumed_i; an offered address or beat stays until it is taken
//
// The envelope is filled here: credits are the low bits of slots_taken_i, the phase is 1 in the first pass and alternates.
// A host about to sleep says what it has read (wake_i); interrupt_o follows once when an event beyond that, or a status
// line, is in memory: when all writes are answered, so that the interrupt cannot overtake them. A host that sleeps lets the
// ring fill, so that comes soon.
//
// An answer other than OKAY stops the writer until reset (fault_o): an event is lost, so the host must replay.

`include "abi.vh"
`include "check.vh"
`default_nettype none

module event_dma (
    input  wire                   clk,
    input  wire                   rst,

    input  wire                   drain_i,            // take no more
    output wire                   idle_o,             // nothing offered, nothing unanswered
    output reg                    fault_o = 1'b0,
    output wire                   stalled_o,          // an event waits for room in the ring

    input  wire                   ring_start_i,       // pulse with a new ring_log2_i: slot 0, phase 1
    input  wire [4:0]             ring_log2_i,        // 0 is no ring
    input  wire [63:0]            ring_base_i,
    input  wire [31:0]            ring_consumed_i,

    input  wire                   wake_i,             // pulse: the host sleeps
    input  wire [31:0]            wake_count_i,       // events that it has read
    output reg                    interrupt_o = 1'b0, // pulse

    input  wire [63:0]            slots_taken_i,
    input  wire [63:0]            commands_i,
    input  wire [63:0]            events_i,
    input  wire [63:0]            time_ns_i,
    input  wire [4:0]             stopped_i,          // what stopped the core, for the status line

    input  wire                   s_event_tvalid,
    output wire                   s_event_tready,
    input  wire [`event_bits-1:0] s_event_tdata,

    output reg                    m_axi_awvalid = 1'b0,
    input  wire                   m_axi_awready,
    output reg  [63:0]            m_axi_awaddr,
    output wire [7:0]             m_axi_awlen,
    output wire [2:0]             m_axi_awsize,
    output wire [1:0]             m_axi_awburst,
    output reg                    m_axi_wvalid = 1'b0,
    input  wire                   m_axi_wready,
    output reg  [`event_bits-1:0] m_axi_wdata,
    output wire [63:0]            m_axi_wstrb,
    output wire                   m_axi_wlast,
    input  wire                   m_axi_bvalid,
    output wire                   m_axi_bready,
    input  wire [1:0]             m_axi_bresp
);
    localparam FLIGHT_MAX  = 5'd16;
    // Clocks without an event before the status line is written: longer than most commands take, so that a command which
    // is answered at once costs one write and not two.
    localparam STATUS_WAIT = 11'd64;
    // And so many before it is written only to say how many events there are: the host sees by it that one was lost.
    localparam COUNT_WAIT  = 11'd1024;
    localparam OKAY        = 2'b00;
    localparam SIZE_64     = 3'd6;
    localparam INCREMENT   = 2'b01;

    assign m_axi_awlen   = 8'd0;
    assign m_axi_awsize  = SIZE_64;
    assign m_axi_awburst = INCREMENT;
    assign m_axi_wstrb   = {64{1'b1}};
    assign m_axi_wlast   = 1'b1;
    assign m_axi_bready  = 1'b1;

    reg [31:0] last_q    = 32'd0;                     // highest slot
    reg [31:0] written_q = 32'd0;                     // events since the ring was started
    reg [4:0]  flight_q  = 5'd0;                      // writes without an answer
    reg [63:0] told_q    = 64'd0;                     // slots taken, as the host was told last
    reg [4:0]  told_stopped_q = 5'd0;
    reg        counted_q = 1'b1;                      // the last status line counts all events
    reg [10:0] quiet_q   = 11'd0;                     // clocks without an event, up to COUNT_WAIT

    wire        ring     = ring_log2_i != 5'd0 && !ring_start_i;
    wire        room     = ring && (written_q - ring_consumed_i) <= last_q;
    wire        bus_free = (!m_axi_awvalid || m_axi_awready) && (!m_axi_wvalid || m_axi_wready) &&
                           flight_q != FLIGHT_MAX && !fault_o && !drain_i;
    wire        take     = s_event_tvalid && s_event_tready;
    wire        untold   = told_q != slots_taken_i || told_stopped_q != stopped_i;
    wire        tell     = ring && bus_free && !s_event_tvalid
                        && ((untold && quiet_q >= STATUS_WAIT) || (!counted_q && quiet_q == COUNT_WAIT));
    wire        start    = take || tell;

    wire [31:0] slot     = tell ? last_q + 32'd1 : written_q & last_q;
    wire        phase    = (written_q & (last_q + 32'd1)) == 32'd0;

    assign s_event_tready = bus_free && room;
    assign stalled_o      = s_event_tvalid && !room;
    assign idle_o         = !m_axi_awvalid && !m_axi_wvalid && flight_q == 5'd0;

    always @(posedge clk) begin
        if (ring_start_i) begin
            written_q <= 32'd0;
            last_q    <= (32'd1 << ring_log2_i) - 32'd1;
        end
        if (take) written_q <= written_q + 32'd1;

        if (rst) begin
            written_q <= 32'd0;
            last_q    <= 32'd0;
        end
    end

    always @(posedge clk) begin
        if (m_axi_awready) m_axi_awvalid <= 1'b0;
        if (m_axi_wready)  m_axi_wvalid  <= 1'b0;
        if (start) begin
            m_axi_awvalid <= 1'b1;
            m_axi_wvalid  <= 1'b1;
            m_axi_awaddr  <= ring_base_i + {26'd0, slot, 6'd0};
        end
        if (take) begin
            m_axi_wdata                 <= s_event_tdata;
            m_axi_wdata[`event_credits] <= slots_taken_i[7:0];
            m_axi_wdata[`event_phase]   <= {7'd0, phase};
        end
        if (tell) begin
            m_axi_wdata                      <= {`status_bits{1'b0}};
            m_axi_wdata[`status_slots_taken] <= slots_taken_i;
            m_axi_wdata[`status_commands]    <= commands_i;
            m_axi_wdata[`status_events]      <= events_i;
            m_axi_wdata[`status_time_ns]     <= time_ns_i;
            m_axi_wdata[`status_stopped]     <= {59'd0, stopped_i};
        end

        if (rst) begin
            m_axi_awvalid <= 1'b0;
            m_axi_wvalid  <= 1'b0;
        end
    end

    always @(posedge clk) begin
        flight_q <= flight_q + {4'd0, start} - {4'd0, m_axi_bvalid};
        if (m_axi_bvalid && m_axi_bresp != OKAY) fault_o <= 1'b1;
        if (ring_start_i) told_q <= 64'd0;
        if (start)        told_q <= slots_taken_i;
        if (tell)         told_stopped_q <= stopped_i;
        if (take)      counted_q <= 1'b0;
        else if (tell) counted_q <= 1'b1;
        if (take || s_event_tvalid)     quiet_q <= 11'd0;
        else if (quiet_q != COUNT_WAIT) quiet_q <= quiet_q + 11'd1;

        if (rst) begin
            flight_q <= 5'd0;
            fault_o  <= 1'b0;
            told_q   <= 64'd0;
            told_stopped_q <= 5'd0;
            quiet_q  <= 11'd0;
            counted_q <= 1'b1;
        end
    end

    reg  waits_q = 1'b0;                              // the host sleeps
    reg  line_q  = 1'b0;                              // a status line was written since
    wire news    = line_q || written_q != wake_count_i;
    wire rings   = waits_q && news && idle_o && !wake_i;
    always @(posedge clk) begin
        interrupt_o <= rings;
        waits_q     <= wake_i || (waits_q && !rings);
        line_q      <= tell || (line_q && !(wake_i && idle_o));   // one on its way is news still
        if (rst) begin
            interrupt_o <= 1'b0;
            waits_q     <= 1'b0;
            line_q      <= 1'b0;
        end
    end

    `CHECK(interrupt_is_asked_for, !interrupt_o || $past(waits_q))
    `CHECK(one_kind,        !(take && tell))
    `CHECK(answer_to_write, !m_axi_bvalid || flight_q != 5'd0)
    `CHECK(never_overruns,  !take || written_q - ring_consumed_i <= last_q)
`ifdef PROVE_EVENT_DMA
    `include "event_dma_proof.vh"
`endif
endmodule

`default_nettype wire
