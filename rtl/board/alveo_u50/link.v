// link: the state of the PCIe link for DEVICE_LINK, read from the function's own configuration space, which the PCIe
// block shows at address 0 of a register port. Only what the PCI specification fixes is relied on: the list of
// capabilities begins at 0x34, that of PCI Express is number 0x10 and has the link's status in the upper half of 0x10.
//
//   latency     up_i to link_o: 1 clock. Generation and lanes follow within 2^PAUSE_LOG2 clocks and a few reads
//   silence     a port that does not answer leaves generation and lanes as they are; they are 0 while the link is down
//   reset       synchronous; link down
//   invariant   one read under way; none is taken back

`include "check.vh"
`default_nettype none

module link (
    input  wire        clk,
    input  wire        rst,

    input  wire        up_i,
    output reg  [13:0] link_o = 14'd0,              // as DEVICE_LINK: lanes, generation, 3 zeros, up

    output reg         m_axil_arvalid = 1'b0,
    input  wire        m_axil_arready,
    output reg  [7:0]  m_axil_araddr,
    input  wire        m_axil_rvalid,
    output wire        m_axil_rready,
    // verilator lint_off UNUSEDSIGNAL
    input  wire [31:0] m_axil_rdata,                // of pointers and status some bits are reserved or not asked for
    // verilator lint_on UNUSEDSIGNAL
    input  wire [1:0]  m_axil_rresp
);
    localparam PAUSE_LOG2 = 16;
    localparam HOPS_MAX   = 6'd48;                  // more capabilities there cannot be: the list is a ring

    localparam [7:0] LIST        = 8'h34;
    localparam [7:0] PCI_EXPRESS = 8'h10;
    localparam [7:0] LINK_STATUS = 8'h10;

    localparam PAUSE      = 2'd0;
    localparam BEGIN      = 2'd1;                   // reads where the list begins
    localparam CAPABILITY = 2'd2;                   // reads the head of one
    localparam STATUS     = 2'd3;                   // reads the link's

    reg [1:0]            state_q = PAUSE;
    reg [PAUSE_LOG2-1:0] pause_q = {PAUSE_LOG2{1'b0}};
    reg [5:0]            hops_q;
    reg [3:0]            generation_q = 4'd0;
    reg [5:0]            lanes_q = 6'd0;

    wire       got      = m_axil_rvalid && m_axil_rready;
    wire       bad      = m_axil_rresp != 2'b00;
    wire [7:0] pointer  = state_q == BEGIN ? {m_axil_rdata[7:2], 2'b00} : {m_axil_rdata[15:10], 2'b00};
    wire       found    = state_q == CAPABILITY && m_axil_rdata[7:0] == PCI_EXPRESS;
    wire       list_end = bad || (!found && (pointer == 8'd0 || hops_q == HOPS_MAX));

    assign m_axil_rready = state_q != PAUSE && !m_axil_arvalid;

    always @(posedge clk) begin
        pause_q <= state_q == PAUSE ? pause_q + 1'b1 : {PAUSE_LOG2{1'b0}};
        if (m_axil_arready) m_axil_arvalid <= 1'b0;
        if (state_q == PAUSE && &pause_q) begin
            state_q        <= BEGIN;
            m_axil_arvalid <= 1'b1;
        end
        if (got) begin
            state_q        <= state_q == STATUS || list_end ? PAUSE : found ? STATUS : CAPABILITY;
            m_axil_arvalid <= state_q != STATUS && !list_end;
        end

        if (rst) begin
            state_q        <= PAUSE;
            pause_q        <= {PAUSE_LOG2{1'b0}};
            m_axil_arvalid <= 1'b0;
        end
    end

    always @(posedge clk) begin
        if (state_q == PAUSE) begin
            m_axil_araddr <= LIST;
            hops_q        <= 6'd0;
        end
        if (got) begin
            m_axil_araddr <= found ? m_axil_araddr + LINK_STATUS : pointer;
            hops_q        <= hops_q + 1'b1;
        end
    end

    always @(posedge clk) begin
        if (got && state_q == STATUS) begin
            generation_q <= bad ? 4'd0 : m_axil_rdata[19:16];
            lanes_q      <= bad ? 6'd0 : m_axil_rdata[25:20];
        end
        if (got && state_q != STATUS && list_end) begin
            generation_q <= 4'd0;
            lanes_q      <= 6'd0;
        end
        link_o <= up_i ? {lanes_q, generation_q, 4'b0001} : 14'd0;

        if (rst || !up_i) begin
            generation_q <= 4'd0;
            lanes_q      <= 6'd0;
        end
        if (rst) link_o <= 14'd0;
    end

    `CHECK(offer_stands, !$past(m_axil_arvalid && !m_axil_arready && !rst) || m_axil_arvalid)
endmodule

`default_nettype wire
