// board_card: the card behind rtl/board/alveo_u50/split.v, as top.v has it, with the stand-in core of card_bus_core.v.
`default_nettype none

module board_card (
    input  wire         clk,
    input  wire         rst,
    input  wire         s_axi_awvalid,
    output wire         s_axi_awready,
    input  wire [16:0]  s_axi_awaddr,
    input  wire [2:0]   s_axi_awsize,
    input  wire         s_axi_wvalid,
    output wire         s_axi_wready,
    input  wire [511:0] s_axi_wdata,
    input  wire [63:0]  s_axi_wstrb,
    output wire         s_axi_bvalid,
    output wire [1:0]   s_axi_bresp,
    input  wire         s_axi_arvalid,
    output wire         s_axi_arready,
    input  wire [16:0]  s_axi_araddr,
    input  wire [2:0]   s_axi_arsize,
    output wire         s_axi_rvalid,
    output wire [511:0] s_axi_rdata,
    output wire         m_axi_awvalid,
    output wire [63:0]  m_axi_awaddr,
    output wire         m_axi_wvalid,
    output wire [511:0] m_axi_wdata,
    input  wire         m_axi_bvalid
);
    wire         l_awvalid, l_awready, l_wvalid, l_wready, l_bvalid, l_bready, l_arvalid, l_arready, l_rvalid, l_rready;
    wire [14:0]  l_awaddr, l_araddr;
    wire [31:0]  l_wdata, l_rdata;
    wire [3:0]   l_wstrb;
    wire [1:0]   l_bresp, l_rresp;
    wire         w_awvalid, w_awready, w_wvalid, w_wready, w_wlast, w_bvalid, w_bready;
    wire [10:0]  w_awaddr;
    wire [7:0]   w_awlen;
    wire [511:0] w_wdata;
    wire [63:0]  w_wstrb;
    wire [1:0]   w_bresp;

    // verilator lint_off PINCONNECTEMPTY
    split split (
        .clk(clk), .rst(rst),
        .s_axi_awvalid(s_axi_awvalid), .s_axi_awready(s_axi_awready), .s_axi_awid(4'd0), .s_axi_awaddr(s_axi_awaddr),
        .s_axi_awlen(8'd0), .s_axi_awsize(s_axi_awsize), .s_axi_wvalid(s_axi_wvalid), .s_axi_wready(s_axi_wready),
        .s_axi_wdata(s_axi_wdata), .s_axi_wstrb(s_axi_wstrb), .s_axi_wlast(1'b1),
        .s_axi_bvalid(s_axi_bvalid), .s_axi_bready(1'b1), .s_axi_bid(), .s_axi_bresp(s_axi_bresp),
        .s_axi_arvalid(s_axi_arvalid), .s_axi_arready(s_axi_arready), .s_axi_arid(4'd0), .s_axi_araddr(s_axi_araddr),
        .s_axi_arlen(8'd0), .s_axi_arsize(s_axi_arsize),
        .s_axi_rvalid(s_axi_rvalid), .s_axi_rready(1'b1), .s_axi_rid(), .s_axi_rdata(s_axi_rdata), .s_axi_rresp(), .s_axi_rlast(),
        .m_axil_awvalid(l_awvalid), .m_axil_awready(l_awready), .m_axil_awaddr(l_awaddr),
        .m_axil_wvalid(l_wvalid), .m_axil_wready(l_wready), .m_axil_wdata(l_wdata), .m_axil_wstrb(l_wstrb),
        .m_axil_bvalid(l_bvalid), .m_axil_bready(l_bready), .m_axil_bresp(l_bresp),
        .m_axil_arvalid(l_arvalid), .m_axil_arready(l_arready), .m_axil_araddr(l_araddr),
        .m_axil_rvalid(l_rvalid), .m_axil_rready(l_rready), .m_axil_rdata(l_rdata), .m_axil_rresp(l_rresp),
        .m_axi_awvalid(w_awvalid), .m_axi_awready(w_awready), .m_axi_awaddr(w_awaddr), .m_axi_awlen(w_awlen),
        .m_axi_wvalid(w_wvalid), .m_axi_wready(w_wready), .m_axi_wdata(w_wdata), .m_axi_wstrb(w_wstrb), .m_axi_wlast(w_wlast),
        .m_axi_bvalid(w_bvalid), .m_axi_bready(w_bready), .m_axi_bresp(w_bresp)
    );

    wirepit_card card (
        .clk(clk), .rst(rst),
        .s_axil_awvalid(l_awvalid), .s_axil_awready(l_awready), .s_axil_awaddr(l_awaddr),
        .s_axil_wvalid(l_wvalid), .s_axil_wready(l_wready), .s_axil_wdata(l_wdata), .s_axil_wstrb(l_wstrb),
        .s_axil_bvalid(l_bvalid), .s_axil_bready(l_bready), .s_axil_bresp(l_bresp),
        .s_axil_arvalid(l_arvalid), .s_axil_arready(l_arready), .s_axil_araddr(l_araddr),
        .s_axil_rvalid(l_rvalid), .s_axil_rready(l_rready), .s_axil_rdata(l_rdata), .s_axil_rresp(l_rresp),
        .s_axi_awvalid(w_awvalid), .s_axi_awready(w_awready), .s_axi_awaddr(w_awaddr), .s_axi_awlen(w_awlen),
        .s_axi_wvalid(w_wvalid), .s_axi_wready(w_wready), .s_axi_wdata(w_wdata), .s_axi_wstrb(w_wstrb), .s_axi_wlast(w_wlast),
        .s_axi_bvalid(w_bvalid), .s_axi_bready(w_bready), .s_axi_bresp(w_bresp),
        .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(1'b1), .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(), .m_axi_awsize(),
        .m_axi_awburst(), .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(1'b1), .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(),
        .m_axi_wlast(), .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(), .m_axi_bresp(2'b00),
        .interrupt_o(), .temperature_i(16'd4500), .vccint_i(16'd850), .vccaux_i(16'd1800), .link_i(14'h1031)
    );
    // verilator lint_on PINCONNECTEMPTY
endmodule

`default_nettype wire
