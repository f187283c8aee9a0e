// wirepit_card: the card, with standard AXI ports towards a vendor's PCIe block.
//
//   s_axil      BAR0, the registers of driver/abi/regs.def
//   s_axi       BAR2, the command window: 64-byte slots, write only, bursts of one beat
//   m_axi       event ring in host memory: one burst of one beat for each event or status line
//   clock       one clock for all; rst is synchronous, active high
//   sensors     *_i at the end, from the FPGA's monitor and the PCIe block; driver/abi/mgmt.def has their units
//   reset       CONTROL.RESET does inside what rst does, after the writes on m_axi that are under way

`include "abi.vh"
`include "check.vh"
`default_nettype none

module wirepit_card #(
    parameter SYMBOLS  = 64,
    parameter ACCOUNTS = 256,
    parameter ORDERS   = 65536,
    parameter LEVELS   = 4096
) (
    input  wire         clk,
    input  wire         rst,

    input  wire         s_axil_awvalid,
    output wire         s_axil_awready,
    input  wire [14:0]  s_axil_awaddr,
    input  wire         s_axil_wvalid,
    output wire         s_axil_wready,
    input  wire [31:0]  s_axil_wdata,
    input  wire [3:0]   s_axil_wstrb,
    output wire         s_axil_bvalid,
    input  wire         s_axil_bready,
    output wire [1:0]   s_axil_bresp,
    input  wire         s_axil_arvalid,
    output wire         s_axil_arready,
    input  wire [14:0]  s_axil_araddr,
    output wire         s_axil_rvalid,
    input  wire         s_axil_rready,
    output wire [31:0]  s_axil_rdata,
    output wire [1:0]   s_axil_rresp,

    input  wire         s_axi_awvalid,
    output wire         s_axi_awready,
    input  wire [10:0]  s_axi_awaddr,
    input  wire [7:0]   s_axi_awlen,
    input  wire         s_axi_wvalid,
    output wire         s_axi_wready,
    input  wire [511:0] s_axi_wdata,
    input  wire [63:0]  s_axi_wstrb,
    input  wire         s_axi_wlast,
    output wire         s_axi_bvalid,
    input  wire         s_axi_bready,
    output wire [1:0]   s_axi_bresp,

    output wire         m_axi_awvalid,
    input  wire         m_axi_awready,
    output wire [63:0]  m_axi_awaddr,
    output wire [7:0]   m_axi_awlen,
    output wire [2:0]   m_axi_awsize,
    output wire [1:0]   m_axi_awburst,
    output wire         m_axi_wvalid,
    input  wire         m_axi_wready,
    output wire [511:0] m_axi_wdata,
    output wire [63:0]  m_axi_wstrb,
    output wire         m_axi_wlast,
    input  wire         m_axi_bvalid,
    output wire         m_axi_bready,
    input  wire [1:0]   m_axi_bresp,

    output wire         interrupt_o,            // pulse: a host that sleeps shall wake, by MSI-X

    input  wire [15:0]  temperature_i,
    input  wire [15:0]  vccint_i,
    input  wire [15:0]  vccaux_i,
    input  wire [13:0]  link_i
);
    localparam [7:0] STOP_HUNG_CODE = `STOP_HUNG;
    localparam [4:0] STOP_HUNG      = STOP_HUNG_CODE[4:0];
    localparam       HUNG_LOG2      = 21;           // clocks, as codes.def says of STOP_HUNG

    wire hold, reset_inside, init_done, killed, busy, fault, stalled, quiet, live, kill, watchdog, closing, partial, overrun;
    // reset_inside is a register, so it follows rst by a clock and must not be missed when rst is one clock long.
    wire reset = rst || reset_inside;

    // What stopped the card: the core says which table, the count of clocks says that nothing moves.
    wire [4:0] core_stopped, inject, stalls;
    reg        hung_q = 1'b0;
    wire [4:0] stopped = hung_q ? STOP_HUNG : core_stopped;

    // ---- registers -------------------------------------------------------------------------------------------------
    wire        snapshot, ring_start, wake;
    wire [31:0] wake_count;
    wire [4:0]  counter_index, ring_log2;
    wire [31:0] ring_consumed;
    wire [63:0] counter, ring_base, time_ns;

    wire        mgmt_control, mailed, load, mgmt_kill, peek, peeked, alert, alerted, corrected;
    wire [7:0]  alert_code;
    wire [9:0]  page_index, peek_index;
    wire [11:0] load_index;
    wire [31:0] mgmt_data, mgmt_status, mailbox_reply, page_data, peek_data, alert_value;

    regs #(
        .SYMBOLS(SYMBOLS), .ACCOUNTS(ACCOUNTS), .ORDERS(ORDERS), .LEVELS(LEVELS)
    ) regs (
        .clk(clk), .rst(rst),
        .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready), .s_axil_awaddr(s_axil_awaddr),
        .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready), .s_axil_wdata(s_axil_wdata),
        .s_axil_wstrb(s_axil_wstrb),
        .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready), .s_axil_bresp(s_axil_bresp),
        .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready), .s_axil_araddr(s_axil_araddr),
        .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready), .s_axil_rdata(s_axil_rdata),
        .s_axil_rresp(s_axil_rresp),
        .init_done_i(init_done), .killed_i(killed || hung_q), .fault_i(fault), .stopped_i(stopped), .inject_o(inject), .quiet_i(quiet),
        .hold_o(hold), .reset_o(reset_inside), .live_o(live), .kill_o(kill), .watchdog_o(watchdog),
        .snapshot_o(snapshot), .counter_index_o(counter_index), .counter_i(counter),
        .wake_o(wake), .wake_count_o(wake_count), .ring_start_o(ring_start), .ring_log2_o(ring_log2), .ring_base_o(ring_base), .ring_consumed_o(ring_consumed),
        .time_ns_o(time_ns),
        .mgmt_control_o(mgmt_control), .mailbox_o(mailed), .load_o(load), .load_index_o(load_index),
        .mgmt_data_o(mgmt_data), .mgmt_status_i(mgmt_status), .mailbox_reply_i(mailbox_reply),
        .page_index_o(page_index), .page_data_i(page_data), .mgmt_kill_i(mgmt_kill),
        .peek_i(peek), .peek_index_i(peek_index), .peeked_o(peeked), .peek_data_o(peek_data)
    );

    // ---- the management core ---------------------------------------------------------------------------------------
    mgmt mgmt (
        .clk(clk), .rst(rst), .restart_i(reset_inside),
        .control_i(mgmt_control), .control_data_i(mgmt_data), .status_o(mgmt_status),
        .mailbox_i(mailed), .mailbox_data_i(mgmt_data), .mailbox_reply_o(mailbox_reply),
        .load_i(load), .load_index_i(load_index), .load_data_i(mgmt_data),
        .page_index_i(page_index), .page_data_o(page_data),
        .card_valid_o(peek), .card_index_o(peek_index), .card_ready_i(peeked), .card_data_i(peek_data),
        .alert_o(alert), .alert_code_o(alert_code), .alert_value_o(alert_value), .alerted_i(alerted),
        .gate_o(mgmt_kill), .corrected_o(corrected), .inject_i(inject),
        .temperature_i(temperature_i), .vccint_i(vccint_i), .vccaux_i(vccaux_i), .link_i(link_i)
    );

    // ---- commands: window, ingress, core ---------------------------------------------------------------------------
    wire                     arrived_tvalid, arrived_tready;
    wire [`command_bits-1:0] arrived_tdata;
    wire [63:0]              arrived_tuser;
    wire                     command_tvalid, command_tready, command_tuser;
    wire [`command_bits-1:0] command_tdata;
    wire                     event_tvalid, event_tready;
    wire [`event_bits-1:0]   event_tdata;
    wire [63:0]              slots_taken;

    window window (
        .clk(clk), .rst(rst), .clear_i(reset_inside), .hold_i(hold), .time_ns_i(time_ns),
        .s_axi_awvalid(s_axi_awvalid), .s_axi_awready(s_axi_awready), .s_axi_awaddr(s_axi_awaddr),
        .s_axi_awlen(s_axi_awlen),
        .s_axi_wvalid(s_axi_wvalid), .s_axi_wready(s_axi_wready), .s_axi_wdata(s_axi_wdata),
        .s_axi_wstrb(s_axi_wstrb), .s_axi_wlast(s_axi_wlast),
        .s_axi_bvalid(s_axi_bvalid), .s_axi_bready(s_axi_bready), .s_axi_bresp(s_axi_bresp),
        .m_command_tvalid(arrived_tvalid), .m_command_tready(arrived_tready), .m_command_tdata(arrived_tdata),
        .m_command_tuser(arrived_tuser),
        .slots_taken_o(slots_taken), .partial_o(partial), .overrun_o(overrun)
    );

    ingress ingress (
        .clk(clk), .rst(reset), .live_i(live), .kill_i(kill), .killed_i(killed), .busy_i(busy), .time_ns_i(time_ns),
        .closing_o(closing), .alert_i(alert), .alert_code_i(alert_code), .alert_value_i(alert_value), .alerted_o(alerted),
        .s_command_tvalid(arrived_tvalid), .s_command_tready(arrived_tready), .s_command_tdata(arrived_tdata),
        .s_command_tuser(arrived_tuser),
        .m_command_tvalid(command_tvalid), .m_command_tready(command_tready), .m_command_tdata(command_tdata),
        .m_command_tuser(command_tuser)
    );

    wire        queued_tvalid, queued_tready;

    core #(
        .SYMBOLS(SYMBOLS), .ACCOUNTS(ACCOUNTS), .ORDERS(ORDERS), .LEVELS(LEVELS)
    ) core (
        .clk(clk), .rst(reset), .init_done_o(init_done), .killed_o(killed), .busy_o(busy), .inject_i(inject), .stopped_o(core_stopped), .stalls_o(stalls),
        .s_command_tvalid(command_tvalid && moves), .s_command_tready(core_tready), .s_command_tdata(command_tdata),
        .s_command_tuser(command_tuser),
        .m_event_tvalid(core_tvalid), .m_event_tready(event_tready && !hung_q), .m_event_tdata(event_tdata)
    );

    // An engine that hangs says nothing more, even if it should wake up: host and card would not agree on what was done.
    reg                stuck_q = 1'b0;              // INJECT asked for it
    reg  [HUNG_LOG2:0] still_q = 0;
    wire               moves   = !stuck_q && !hung_q;
    wire               core_tready, core_tvalid;
    assign command_tready = core_tready && moves;
    assign event_tvalid   = core_tvalid && !hung_q;
    always @(posedge clk) begin
        if (inject == STOP_HUNG) stuck_q <= 1'b1;
        still_q <= (event_tvalid && event_tready) || !(busy || command_tvalid) || !init_done ? 0
                 : still_q + {{HUNG_LOG2{1'b0}}, !(queued_tvalid && !queued_tready)};
        if (still_q[HUNG_LOG2] && core_stopped == 5'd0) hung_q <= 1'b1;
        if (reset) begin
            stuck_q <= 1'b0;
            still_q <= 0;
            hung_q  <= 1'b0;
        end
    end

    // ---- events: fifo, counters, writer ----------------------------------------------------------------------------
    wire [`event_bits-1:0] queued_tdata;
    wire [63:0]            commands, events;

    // So that a burst of trades does not hold up the core while the bus is slow.
    fifo fifo (
        .clk(clk), .rst(reset),
        .s_item_tvalid(event_tvalid), .s_item_tready(event_tready), .s_item_tdata(event_tdata),
        .m_item_tvalid(queued_tvalid), .m_item_tready(queued_tready), .m_item_tdata(queued_tdata)
    );

    wire written = queued_tvalid && queued_tready;
    reg  stopped_q = 1'b0;
    wire stops = stopped != 5'd0 && !stopped_q;
    always @(posedge clk) stopped_q <= !reset && stopped != 5'd0;

    counters counters (
        .clk(clk), .rst(reset),
        .snapshot_i(snapshot), .index_i(counter_index), .latched_o(counter), .commands_o(commands), .events_o(events),
        .event_i(written), .event_end_i(queued_tdata[`EVENT_END]), .event_kind_i(queued_tdata[`event_kind]),
        .event_quantity_i(queued_tdata[`event_quantity]),
        .busy_i(busy), .stalled_i(stalled), .closing_i(closing), .partial_i(partial), .overrun_i(overrun),
        .watchdog_i(watchdog), .memory_i(stops && !hung_q), .corrected_i(corrected),
        .event_clocks_i(queued_tdata[`event_clocks]), .stalls_i(stalls)
    );

    event_dma event_dma (
        .clk(clk), .rst(reset),
        .drain_i(hold), .idle_o(quiet), .fault_o(fault), .stalled_o(stalled),
        .ring_start_i(ring_start), .ring_log2_i(ring_log2), .ring_base_i(ring_base), .ring_consumed_i(ring_consumed),
        .wake_i(wake), .wake_count_i(wake_count), .interrupt_o(interrupt_o),
        .slots_taken_i(slots_taken), .commands_i(commands), .events_i(events), .time_ns_i(time_ns), .stopped_i(stopped),
        .s_event_tvalid(queued_tvalid), .s_event_tready(queued_tready), .s_event_tdata(queued_tdata),
        .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready), .m_axi_awaddr(m_axi_awaddr),
        .m_axi_awlen(m_axi_awlen), .m_axi_awsize(m_axi_awsize), .m_axi_awburst(m_axi_awburst),
        .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(m_axi_wready), .m_axi_wdata(m_axi_wdata),
        .m_axi_wstrb(m_axi_wstrb), .m_axi_wlast(m_axi_wlast),
        .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready), .m_axi_bresp(m_axi_bresp)
    );
endmodule

`default_nettype wire
