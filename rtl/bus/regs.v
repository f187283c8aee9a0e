// regs: the registers of BAR0, the card's clock, and the order of a reset.
//
//   latency     1 clock from a write to its effect and answer, 1 clock from a read's address to its data, 2 in the page
//   throughput  1 write a clock, 1 read in 2 clocks
//   slow sink   an answer waits for bready or rready, and the next access with it
//   reset       rst resets all; what reset_o resets inside is everything but the bus handshakes
//   invariant   no read changes anything; the time never falls; the watchdog is quiet in REPLAY mode and while it is heard
//
// A hole reads 0, and a write to it or to a register that only reads does nothing. A write of fewer than 4 bytes does
// nothing and is answered SLVERR. CLOCK_NS and RING_LOG2 keep what they hold when written out of their range.
//
// CONTROL.RESET: hold_o rises with the answer, so that no more writes are taken, here and in the window; once quiet_i says
// that no write to the host is under way, reset_o is high for one clock. STATUS.INIT_DONE reads 0 from the answer on.
//
// The watchdog adds up CLOCK_NS each clock since HEARTBEAT was written or the card went LIVE; it does not look at the time,
// which the host may set. In the clock after the sum has come to WATCHDOG_NS kill_o and watchdog_o rise for one clock and
// the sum begins anew, unless HEARTBEAT is written in that very clock.

`include "abi.vh"
`include "check.vh"
`default_nettype none

module regs #(
    parameter SYMBOLS  = 64,
    parameter ACCOUNTS = 256,
    parameter ORDERS   = 65536,
    parameter LEVELS   = 4096
) (
    input  wire        clk,
    input  wire        rst,

    input  wire        s_axil_awvalid,
    output wire        s_axil_awready,
    // verilator lint_off UNUSEDSIGNAL
    input  wire [14:0] s_axil_awaddr,
    input  wire        s_axil_wvalid,
    output wire        s_axil_wready,
    input  wire [31:0] s_axil_wdata,
    input  wire [3:0]  s_axil_wstrb,
    output reg         s_axil_bvalid = 1'b0,
    input  wire        s_axil_bready,
    output reg  [1:0]  s_axil_bresp = 2'b00,
    input  wire        s_axil_arvalid,
    output wire        s_axil_arready,
    input  wire [14:0] s_axil_araddr,               // the low 2 bits of an address say nothing
    // verilator lint_on UNUSEDSIGNAL
    output reg         s_axil_rvalid = 1'b0,
    input  wire        s_axil_rready,
    output reg  [31:0] s_axil_rdata,
    output wire [1:0]  s_axil_rresp,

    input  wire        init_done_i,
    input  wire        killed_i,
    input  wire        fault_i,
    input  wire [4:0]  stopped_i,
    input  wire        quiet_i,                     // no write to the host is under way

    output reg         hold_o = 1'b0,               // a reset is to come: take nothing more
    output reg         reset_o = 1'b1,              // everything inside as after power-up
    output reg         live_o = 1'b0,
    output reg         kill_o = 1'b0,               // pulse: CONTROL.KILL, watchdog or management core
    output reg         watchdog_o = 1'b0,           // pulse: the host is silent
    output reg         snapshot_o = 1'b0,           // pulse
    output wire [4:0]  counter_index_o,
    input  wire [63:0] counter_i,

    output wire [4:0]  inject_o,

    // The management core's, which has nothing to do with the rest
    output wire        mgmt_control_o,              // pulse, as the next two; what is written is in mgmt_data_o
    output wire        mailbox_o,
    output wire        load_o,
    output wire [11:0] load_index_o,
    output wire [31:0] mgmt_data_o,
    input  wire [31:0] mgmt_status_i,
    input  wire [31:0] mailbox_reply_i,
    output wire [9:0]  page_index_o,
    input  wire [31:0] page_data_i,                 // 1 clock behind page_index_o
    input  wire        mgmt_kill_i,                 // pulse: it closes the gate
    input  wire        peek_i,                      // it reads a register, when the host does not
    input  wire [9:0]  peek_index_i,
    output reg         peeked_o = 1'b0,             // pulse, with peek_data_o
    output reg  [31:0] peek_data_o,

    output reg         ring_start_o = 1'b0,         // pulse
    output reg         wake_o = 1'b0,               // pulse: WAKE was written
    output reg  [31:0] wake_count_o = 32'd0,
    output reg  [4:0]  ring_log2_o = 5'd0,
    output wire [63:0] ring_base_o,
    output reg  [31:0] ring_consumed_o = 32'd0,
    output reg  [63:0] time_ns_o = 64'd0
);
    localparam OKAY   = 2'b00;
    localparam SLVERR = 2'b10;
    localparam [15:0] MAJOR = `LIMIT_ABI_MAJOR;
    localparam [15:0] MINOR = `LIMIT_ABI_MINOR;

    // Only the bits that mean something are kept.
    localparam [31:0] CLOCK_NS_RESET    = `RESET_CLOCK_NS;
    localparam [31:0] WATCHDOG_NS_RESET = `RESET_WATCHDOG_NS;

    reg [25:0] ring_low_q  = 26'd0;
    reg [31:0] ring_high_q = 32'd0;
    reg [31:0] time_low_q  = 32'd0;
    reg [7:0]  clock_ns_q  = CLOCK_NS_RESET[7:0];
    reg [31:0] heartbeat_q = 32'd0;
    reg [4:0]  inject_q    = 5'd0;
    reg [31:0] watchdog_ns_q = WATCHDOG_NS_RESET;
    reg [32:0] silence_ns_q  = 33'd0;               // below WATCHDOG_NS when CLOCK_NS is added

    // Only while nobody trades on it.
    assign inject_o = live_o ? 5'd0 : inject_q;

    assign ring_base_o = {ring_high_q, ring_low_q, 6'd0};

    // ---- writes ------------------------------------------------------------------------------------------------------
    reg         address_valid_q = 1'b0;
    reg  [12:0] address_q;

    wire        open  = !hold_o && !reset_o && (!s_axil_bvalid || s_axil_bready);
    wire [12:0] where = address_valid_q ? address_q : s_axil_awaddr[14:2];
    wire        beat  = s_axil_wvalid && s_axil_wready;
    wire        write = beat && &s_axil_wstrb;
    wire [31:0] data  = s_axil_wdata;

    assign s_axil_awready = !address_valid_q;
    assign s_axil_wready  = open && (address_valid_q || s_axil_awvalid);

    wire [14:0] target   = {where, 2'b00};
    wire        control  = write && target == `REG_CONTROL;
    wire        log2_fit = data == 32'd0 || (data >= 32'd4 && data <= 32'd24);
    wire        ring     = write && target == `REG_RING_LOG2 && log2_fit;
    wire [63:0] asked_ns = {data, time_low_q};
    wire        heard    = write && target == `REG_HEARTBEAT;
    wire        silent   = live_o && watchdog_ns_q != 32'd0 && silence_ns_q >= {1'b0, watchdog_ns_q} && !heard;

    always @(posedge clk) begin
        if (s_axil_awvalid && s_axil_awready && !beat) begin
            address_valid_q <= 1'b1;
            address_q       <= s_axil_awaddr[14:2];
        end
        if (beat) address_valid_q <= 1'b0;
        if (s_axil_bready) s_axil_bvalid <= 1'b0;
        if (beat) begin
            s_axil_bvalid <= 1'b1;
            s_axil_bresp  <= write ? OKAY : SLVERR;
        end

        if (rst) begin
            address_valid_q <= 1'b0;
            s_axil_bvalid   <= 1'b0;
        end
    end

    always @(posedge clk) begin
        if (control && |data[`CONTROL_RESET]) hold_o <= 1'b1;
        if (reset_o)                          hold_o <= 1'b0;
        reset_o <= hold_o && !reset_o && quiet_i;

        if (rst) begin
            hold_o  <= 1'b0;
            reset_o <= 1'b1;
        end
    end

    always @(posedge clk) begin
        ring_start_o <= ring;
        wake_o       <= write && target == `REG_WAKE;
        if (write && target == `REG_WAKE)          wake_count_o    <= data;
        if (write && target == `REG_RING_LOW)      ring_low_q      <= data[31:6];
        if (write && target == `REG_RING_HIGH)     ring_high_q     <= data;
        if (write && target == `REG_RING_CONSUMED) ring_consumed_o <= data;
        if (heard)                                 heartbeat_q     <= data;
        if (write && target == `REG_INJECT)        inject_q        <= data[4:0];
        if (ring) begin
            ring_log2_o     <= data[4:0];
            ring_consumed_o <= 32'd0;
        end

        if (rst || reset_o) begin
            ring_start_o    <= 1'b0;
            wake_o          <= 1'b0;
            wake_count_o    <= 32'd0;
            ring_log2_o     <= 5'd0;
            ring_low_q      <= 26'd0;
            ring_high_q     <= 32'd0;
            ring_consumed_o <= 32'd0;
            heartbeat_q     <= 32'd0;
            inject_q        <= 5'd0;
        end
    end

    always @(posedge clk) begin
        if (control && |data[`CONTROL_GO_LIVE]) live_o <= 1'b1;
        // One clock later, as live_o is, so that a write may ask for both.
        kill_o     <= control && |data[`CONTROL_KILL] || silent || (mgmt_kill_i && live_o);
        watchdog_o <= silent;
        snapshot_o <= control && |data[`CONTROL_SNAPSHOT];

        if (rst || reset_o) begin
            live_o     <= 1'b0;
            kill_o     <= 1'b0;
            watchdog_o <= 1'b0;
            snapshot_o <= 1'b0;
        end
    end

    always @(posedge clk) begin
        if (write && target == `REG_WATCHDOG_NS) watchdog_ns_q <= data;
        silence_ns_q <= silence_ns_q + {25'd0, clock_ns_q};
        if (heard || silent || !live_o || watchdog_ns_q == 32'd0) silence_ns_q <= 33'd0;

        if (rst || reset_o) begin
            watchdog_ns_q <= WATCHDOG_NS_RESET;
            silence_ns_q  <= 33'd0;
        end
    end

    always @(posedge clk) begin
        time_ns_o <= time_ns_o + {56'd0, clock_ns_q};
        if (write && target == `REG_TIME_LOW) time_low_q <= data;
        if (write && target == `REG_TIME_HIGH && asked_ns > time_ns_o) time_ns_o <= asked_ns;
        if (write && target == `REG_CLOCK_NS && data != 32'd0 && data[31:8] == 24'd0) clock_ns_q <= data[7:0];

        if (rst || reset_o) begin
            time_ns_o  <= 64'd0;
            time_low_q <= 32'd0;
            clock_ns_q <= CLOCK_NS_RESET[7:0];
        end
    end

    assign mgmt_control_o = write && target == `REG_MGMT_CONTROL;
    assign mailbox_o      = write && target == `REG_MAILBOX;
    assign load_o         = write && target >= `REG_LOAD;
    assign load_index_o   = where[11:0];
    assign mgmt_data_o    = data;

    // ---- reads -------------------------------------------------------------------------------------------------------
    wire        read    = s_axil_arvalid && s_axil_arready;
    wire        peek    = peek_i && !read && !peeked_o && !snapshot_o;
    wire [14:0] wanted  = read || !peek_i ? {s_axil_araddr[14:2], 2'b00} : {3'd0, peek_index_i, 2'b00};
    wire        of_page = wanted >= `REG_PAGE && wanted < `REG_PAGE_END;
    reg         page_q  = 1'b0;                     // a word of the page is on its way

    // A read right after the answer to a SNAPSHOT sees what it latched.
    assign s_axil_arready  = !s_axil_rvalid && !snapshot_o && !page_q;
    assign s_axil_rresp    = OKAY;
    assign counter_index_o = wanted[7:3];           // the counters lie on a border of their size
    assign page_index_o    = wanted[11:2];

    reg [31:0] status, value;
    always @(*) begin
        status                    = 32'd0;
        status[`STATUS_INIT_DONE] = init_done_i && !hold_o && !reset_o;
        status[`STATUS_LIVE]      = live_o;
        status[`STATUS_KILLED]    = killed_i;
        status[`STATUS_FAULT]     = fault_i;
        status[`STATUS_MEMORY]    = {3'd0, stopped_i};

        value = 32'd0;
        case (wanted)
        `REG_DIGEST:        value = `ABI_DIGEST;
        `REG_VERSION:       begin
            value[`VERSION_MINOR] = MINOR;
            value[`VERSION_MAJOR] = MAJOR;
        end
        `REG_SYMBOLS:       value = SYMBOLS;
        `REG_ACCOUNTS:      value = ACCOUNTS;
        `REG_ORDERS:        value = ORDERS;
        `REG_LEVELS:        value = LEVELS;
        `REG_STATUS:        value = status;
        `REG_RING_LOW:      value = ring_base_o[31:0];
        `REG_RING_HIGH:     value = ring_base_o[63:32];
        `REG_RING_LOG2:     value = {27'd0, ring_log2_o};
        `REG_RING_CONSUMED: value = ring_consumed_o;
        `REG_TIME_LOW:      value = time_low_q;
        `REG_CLOCK_NS:      value = {24'd0, clock_ns_q};
        `REG_HEARTBEAT:     value = heartbeat_q;
        `REG_WATCHDOG_NS:   value = watchdog_ns_q;
        `REG_INJECT:        value = {27'd0, inject_q};
        `REG_WAKE:          value = wake_count_o;
        `REG_MGMT:          value = mgmt_status_i;
        `REG_MAILBOX_REPLY: value = mailbox_reply_i;
        default:
            if (wanted >= `REG_COUNTERS && wanted < `REG_COUNTERS_END)
                value = wanted[2] ? counter_i[63:32] : counter_i[31:0];
        endcase
    end

    always @(posedge clk) begin
        if (s_axil_rready) s_axil_rvalid <= 1'b0;
        page_q <= read && of_page;
        if (read || page_q) begin
            s_axil_rvalid <= !(read && of_page);
            s_axil_rdata  <= page_q ? page_data_i : value;
        end
        peeked_o    <= peek;
        peek_data_o <= value;

        if (rst) begin
            s_axil_rvalid <= 1'b0;
            page_q        <= 1'b0;
            peeked_o      <= 1'b0;
        end
    end

    `CHECK(watchdog_is_fair, !watchdog_o || $past(live_o && !heard && watchdog_ns_q != 32'd0))
    `CHECK(time_moves_on, reset_o || $past(rst || reset_o) || time_ns_o > $past(time_ns_o))
endmodule

`default_nettype wire
