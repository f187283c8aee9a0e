// split: one AXI4 port of a PCIe block, over which all BARs come, to the card's two: registers and command window.
//
//   addresses   bit 16 clear is BAR0, of which the lower 32 KiB are registers; set is BAR2, of which the lower 2 KiB are
//               the window. Elsewhere writes are answered SLVERR and change nothing, reads are zeros
//   writes      one at a time, so that they stay in order among both ports and in front of reads that come after them.
//               To the window as they come; a beat for registers becomes one write for each word with a strobe, lowest
//               address first
//   reads       of registers word by word from the address to the end of each beat, since it cannot be seen which bytes
//               are wanted; no register minds being read. Of the window zeros: BAR2 is prefetchable, so it may be read
//   latency     1 clock from s_axi_awvalid to m_axi_awvalid, data in the same clock; from the window's answer to
//               s_axi_bvalid 1 clock. Registers: a clock for each word of a beat that is passed over, and its reads or writes
//   throughput  a window write in 4 clocks where the window takes it at once
//   reset       synchronous; nothing under way
//   invariant   one transaction at a time; a burst is INCR, whatever s_axi_*burst says

`include "check.vh"
`default_nettype none

module split (
    input  wire         clk,
    input  wire         rst,

    input  wire         s_axi_awvalid,
    output wire         s_axi_awready,
    input  wire [3:0]   s_axi_awid,
    input  wire [16:0]  s_axi_awaddr,
    input  wire [7:0]   s_axi_awlen,
    input  wire [2:0]   s_axi_awsize,
    input  wire         s_axi_wvalid,
    output wire         s_axi_wready,
    input  wire [511:0] s_axi_wdata,
    input  wire [63:0]  s_axi_wstrb,
    input  wire         s_axi_wlast,
    output wire         s_axi_bvalid,
    input  wire         s_axi_bready,
    output wire [3:0]   s_axi_bid,
    output wire [1:0]   s_axi_bresp,
    input  wire         s_axi_arvalid,
    output wire         s_axi_arready,
    input  wire [3:0]   s_axi_arid,
    input  wire [16:0]  s_axi_araddr,
    input  wire [7:0]   s_axi_arlen,
    input  wire [2:0]   s_axi_arsize,
    output wire         s_axi_rvalid,
    input  wire         s_axi_rready,
    output wire [3:0]   s_axi_rid,
    output wire [511:0] s_axi_rdata,
    output wire [1:0]   s_axi_rresp,
    output wire         s_axi_rlast,

    output wire         m_axil_awvalid,
    input  wire         m_axil_awready,
    output wire [14:0]  m_axil_awaddr,
    output wire         m_axil_wvalid,
    input  wire         m_axil_wready,
    output wire [31:0]  m_axil_wdata,
    output wire [3:0]   m_axil_wstrb,
    input  wire         m_axil_bvalid,
    output wire         m_axil_bready,
    input  wire [1:0]   m_axil_bresp,
    output wire         m_axil_arvalid,
    input  wire         m_axil_arready,
    output wire [14:0]  m_axil_araddr,
    input  wire         m_axil_rvalid,
    output wire         m_axil_rready,
    input  wire [31:0]  m_axil_rdata,
    input  wire [1:0]   m_axil_rresp,

    output wire         m_axi_awvalid,
    input  wire         m_axi_awready,
    output wire [10:0]  m_axi_awaddr,
    output wire [7:0]   m_axi_awlen,
    output wire         m_axi_wvalid,
    input  wire         m_axi_wready,
    output wire [511:0] m_axi_wdata,
    output wire [63:0]  m_axi_wstrb,
    output wire         m_axi_wlast,
    input  wire         m_axi_bvalid,
    output wire         m_axi_bready,
    input  wire [1:0]   m_axi_bresp
);
    localparam OKAY   = 2'b00;
    localparam SLVERR = 2'b10;

    localparam IDLE   = 3'd0;
    localparam WINDOW = 3'd1;       // a write passes to the window
    localparam DROP   = 3'd2;       // a write to nowhere
    localparam BEAT   = 3'd3;       // waits for a beat for registers
    localparam WORDS  = 3'd4;       // writes its words
    localparam ANSWER = 3'd5;       // of a write
    localparam READ   = 3'd6;       // collects a beat's words
    localparam SHOW   = 3'd7;       // a beat of a read

    reg [2:0]   state_q = IDLE;
    reg [3:0]   id_q;
    reg [16:0]  address_q;
    reg [7:0]   length_q;           // beats of a read to come after this one
    reg [2:0]   size_q;
    reg [1:0]   answer_q;
    reg         last_q;
    reg         address_sent_q = 1'b0, data_sent_q = 1'b0;
    reg [3:0]   word_q;             // of the line: which one the low end of data_q and strobe_q is, or is read next
    reg [63:0]  strobe_q;
    reg [511:0] data_q;

    wire        registers = address_q[16:15] == 2'b00;

    // The address of the next beat, and the last word of this one in its line.
    wire [16:0] step      = 17'd1 << size_q;
    wire [16:0] beat_next = (address_q & ~(step - 17'd1)) + step;
    wire [3:0]  word_end  = address_q[5:2] | {size_q > 3'd5, size_q > 3'd4, size_q > 3'd3, size_q > 3'd2};

    // Words pass by the low end on their way out and by the high end on their way in, one a clock: the whole line moves,
    // so that nothing has to choose among its words.
    wire        write_here = |strobe_q[3:0];
    wire        write_next = state_q == WORDS && (!write_here || m_axil_bvalid);
    wire        write_end  = write_next && !(|strobe_q[63:4]);
    wire        read_here  = registers && word_q <= word_end;
    wire        read_next  = state_q == READ && (!read_here || m_axil_rvalid);
    wire        read_end   = read_next && &word_q;

    // ---- towards the PCIe block --------------------------------------------------------------------------------
    assign s_axi_awready = state_q == IDLE;
    assign s_axi_arready = state_q == IDLE && !s_axi_awvalid;
    assign s_axi_wready  = state_q == DROP || state_q == BEAT || (state_q == WINDOW && !data_sent_q && m_axi_wready);
    assign s_axi_bvalid  = state_q == ANSWER;
    assign s_axi_bid     = id_q;
    assign s_axi_bresp   = answer_q;
    assign s_axi_rvalid  = state_q == SHOW;
    assign s_axi_rid     = id_q;
    assign s_axi_rdata   = data_q;
    assign s_axi_rresp   = answer_q;
    assign s_axi_rlast   = length_q == 8'd0;

    // ---- towards the card ----------------------------------------------------------------------------------------
    assign m_axi_awvalid  = state_q == WINDOW && !address_sent_q;
    assign m_axi_awaddr   = address_q[10:0];
    assign m_axi_awlen    = length_q;
    assign m_axi_wvalid   = state_q == WINDOW && !data_sent_q && s_axi_wvalid;
    assign m_axi_wdata    = s_axi_wdata;
    assign m_axi_wstrb    = s_axi_wstrb;
    assign m_axi_wlast    = s_axi_wlast;
    assign m_axi_bready   = state_q == WINDOW;

    assign m_axil_awvalid = state_q == WORDS && write_here && !address_sent_q;
    assign m_axil_awaddr  = {address_q[14:6], word_q, 2'b00};
    assign m_axil_wvalid  = state_q == WORDS && write_here && !data_sent_q;
    assign m_axil_wdata   = data_q[31:0];
    assign m_axil_wstrb   = strobe_q[3:0];
    assign m_axil_bready  = state_q == WORDS;
    assign m_axil_arvalid = state_q == READ && read_here && !address_sent_q;
    assign m_axil_araddr  = {address_q[14:6], word_q, 2'b00};
    assign m_axil_rready  = state_q == READ;

    always @(posedge clk) begin
        case (state_q)
            IDLE: begin
                address_sent_q <= 1'b0;
                data_sent_q    <= 1'b0;
                if (s_axi_awvalid)
                    state_q <= s_axi_awaddr[16:15] == 2'b00 ? BEAT
                             : s_axi_awaddr[16:11] == 6'b100000 ? WINDOW : DROP;
                else if (s_axi_arvalid) state_q <= READ;
            end
            WINDOW: begin
                if (m_axi_awready)                               address_sent_q <= 1'b1;
                if (m_axi_wvalid && m_axi_wready && s_axi_wlast) data_sent_q    <= 1'b1;
                if (m_axi_bvalid) state_q <= ANSWER;
            end
            DROP: if (s_axi_wvalid && s_axi_wlast) state_q <= ANSWER;
            BEAT: if (s_axi_wvalid) state_q <= WORDS;
            WORDS: begin
                if (m_axil_awvalid && m_axil_awready) address_sent_q <= 1'b1;
                if (m_axil_wvalid && m_axil_wready)   data_sent_q    <= 1'b1;
                if (m_axil_bvalid) begin
                    address_sent_q <= 1'b0;
                    data_sent_q    <= 1'b0;
                end
                if (write_end) state_q <= last_q ? ANSWER : BEAT;
            end
            ANSWER: if (s_axi_bready) state_q <= IDLE;
            READ: begin
                if (m_axil_arvalid && m_axil_arready) address_sent_q <= 1'b1;
                if (m_axil_rvalid)                    address_sent_q <= 1'b0;
                if (read_end) state_q <= SHOW;
            end
            default: if (s_axi_rready) state_q <= s_axi_rlast ? IDLE : READ;
        endcase

        if (rst) begin
            state_q        <= IDLE;
            address_sent_q <= 1'b0;
            data_sent_q    <= 1'b0;
        end
    end

    always @(posedge clk) begin
        case (state_q)
            IDLE: begin
                id_q      <= s_axi_awvalid ? s_axi_awid   : s_axi_arid;
                address_q <= s_axi_awvalid ? s_axi_awaddr : s_axi_araddr;
                length_q  <= s_axi_awvalid ? s_axi_awlen  : s_axi_arlen;
                size_q    <= s_axi_awvalid ? s_axi_awsize : s_axi_arsize;
                answer_q  <= OKAY;
                data_q    <= 512'd0;
                word_q    <= s_axi_araddr[5:2];
            end
            WINDOW: if (m_axi_bvalid) answer_q <= m_axi_bresp;
            DROP: answer_q <= SLVERR;
            BEAT: begin
                data_q   <= s_axi_wdata;
                strobe_q <= s_axi_wstrb;
                last_q   <= s_axi_wlast;
                word_q   <= 4'd0;
            end
            WORDS: begin
                if (m_axil_bvalid) answer_q <= answer_q | m_axil_bresp;
                if (write_next) begin
                    data_q   <= data_q >> 32;
                    strobe_q <= strobe_q >> 4;
                    word_q   <= word_q + 4'd1;
                end
                if (write_end) address_q <= beat_next;
            end
            READ: begin
                if (m_axil_rvalid) answer_q <= answer_q | m_axil_rresp;
                if (read_next) begin
                    data_q <= {read_here ? m_axil_rdata : 32'd0, data_q[511:32]};
                    word_q <= word_q + 4'd1;
                end
            end
            SHOW: if (s_axi_rready) begin
                length_q  <= length_q - 8'd1;
                word_q    <= beat_next[5:2];
                address_q <= beat_next;
                answer_q  <= OKAY;
                data_q    <= 512'd0;
            end
            default: ;
        endcase
    end

    `CHECK(one_way_at_a_time, !(m_axil_awvalid && m_axil_arvalid) && !(m_axi_awvalid && (m_axil_awvalid || m_axil_arvalid)))
    `CHECK(answers_are_asked_for, !(m_axil_bvalid && !m_axil_bready) && !(m_axil_rvalid && !m_axil_rready) && !(m_axi_bvalid && !m_axi_bready))
endmodule

`default_nettype wire
