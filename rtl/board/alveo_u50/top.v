// top: the card on an AMD Alveo U50: the vendor's PCIe block as a bridge, the system monitor, and the wires between.
//
//   clock       axi_aclk of the PCIe block for all, 250 MHz with 16 lanes of generation 3 and 512 bits: CLOCK_NS is 4
//   reset       the PCIe block's, of its clock; it follows PERST and a link that goes down
//   interrupts  none: the card asks for none, MSI-X is not built in. A host that sleeps looks every 200 us
//   addresses   blocks.tcl puts BAR0 at 0 and BAR2 at 0x10000 of m_axib; what is above bit 16 is always 0

`default_nettype none

module top (
    input  wire        pcie_refclk_p_i,             // 100 MHz from the slot
    input  wire        pcie_refclk_n_i,
    input  wire        pcie_reset_n_i,              // PERST
    input  wire [15:0] pcie_rx_p_i,
    input  wire [15:0] pcie_rx_n_i,
    output wire [15:0] pcie_tx_p_o,
    output wire [15:0] pcie_tx_n_o,
    output wire        hbm_cattrip_o                // high would tell the board's controller to cut the power
);
    localparam INCREMENTING = 2'b01;

    assign hbm_cattrip_o = 1'b0;

    wire refclk, refclk_gt, clk, aresetn, link_up;
    IBUFDS_GTE4 refclk_buffer (
        .I(pcie_refclk_p_i), .IB(pcie_refclk_n_i), .CEB(1'b0), .O(refclk_gt), .ODIV2(refclk)
    );

    // Fans out to the whole card, so it leaves from a register.
    reg rst_q = 1'b1;
    always @(posedge clk) rst_q <= !aresetn;

    // ---- PCIe block --------------------------------------------------------------------------------------------------
    wire         in_awvalid, in_awready, in_wvalid, in_wready, in_wlast, in_bvalid, in_bready;
    wire         in_arvalid, in_arready, in_rvalid, in_rready, in_rlast;
    wire [3:0]   in_awid, in_bid, in_arid, in_rid;
    // verilator lint_off UNUSEDSIGNAL
    wire [63:0]  in_awaddr, in_araddr;
    // verilator lint_on UNUSEDSIGNAL
    wire [7:0]   in_awlen, in_arlen;
    wire [2:0]   in_awsize, in_arsize;
    wire [511:0] in_wdata, in_rdata;
    wire [63:0]  in_wstrb;
    wire [1:0]   in_bresp, in_rresp;

    wire         event_awvalid, event_awready, event_wvalid, event_wready, event_wlast, event_bvalid, event_bready;
    wire [63:0]  event_awaddr, event_wstrb;
    wire [7:0]   event_awlen;
    wire [2:0]   event_awsize;
    wire [1:0]   event_awburst, event_bresp;
    wire [511:0] event_wdata;

    wire         config_arvalid, config_arready, config_rvalid, config_rready;
    wire [7:0]   config_araddr;
    wire [31:0]  config_rdata;
    wire [1:0]   config_rresp;

    // verilator lint_off PINCONNECTEMPTY
    pcie_bridge pcie_bridge (
        .sys_clk(refclk), .sys_clk_gt(refclk_gt), .sys_rst_n(pcie_reset_n_i),
        .pci_exp_rxp(pcie_rx_p_i), .pci_exp_rxn(pcie_rx_n_i), .pci_exp_txp(pcie_tx_p_o), .pci_exp_txn(pcie_tx_n_o),
        .axi_aclk(clk), .axi_aresetn(aresetn), .axi_ctl_aresetn(), .user_lnk_up(link_up), .cfg_ltssm_state(),
        .usr_irq_req(1'b0), .usr_irq_ack(), .interrupt_out(),

        .m_axib_awid(in_awid), .m_axib_awaddr(in_awaddr), .m_axib_awlen(in_awlen), .m_axib_awsize(in_awsize),
        .m_axib_awburst(), .m_axib_awprot(), .m_axib_awlock(), .m_axib_awcache(),
        .m_axib_awvalid(in_awvalid), .m_axib_awready(in_awready),
        .m_axib_wdata(in_wdata), .m_axib_wstrb(in_wstrb), .m_axib_wlast(in_wlast),
        .m_axib_wvalid(in_wvalid), .m_axib_wready(in_wready),
        .m_axib_bid(in_bid), .m_axib_bresp(in_bresp), .m_axib_bvalid(in_bvalid), .m_axib_bready(in_bready),
        .m_axib_arid(in_arid), .m_axib_araddr(in_araddr), .m_axib_arlen(in_arlen), .m_axib_arsize(in_arsize),
        .m_axib_arburst(), .m_axib_arprot(), .m_axib_arlock(), .m_axib_arcache(),
        .m_axib_arvalid(in_arvalid), .m_axib_arready(in_arready),
        .m_axib_rid(in_rid), .m_axib_rdata(in_rdata), .m_axib_rresp(in_rresp), .m_axib_rlast(in_rlast),
        .m_axib_rvalid(in_rvalid), .m_axib_rready(in_rready),

        .s_axib_awid(4'd0), .s_axib_awaddr(event_awaddr), .s_axib_awregion(4'd0), .s_axib_awlen(event_awlen),
        .s_axib_awsize(event_awsize), .s_axib_awburst(event_awburst),
        .s_axib_awvalid(event_awvalid), .s_axib_awready(event_awready),
        .s_axib_wdata(event_wdata), .s_axib_wstrb(event_wstrb), .s_axib_wlast(event_wlast),
        .s_axib_wvalid(event_wvalid), .s_axib_wready(event_wready),
        .s_axib_bid(), .s_axib_bresp(event_bresp), .s_axib_bvalid(event_bvalid), .s_axib_bready(event_bready),
        .s_axib_arid(4'd0), .s_axib_araddr(64'd0), .s_axib_arregion(4'd0), .s_axib_arlen(8'd0), .s_axib_arsize(3'd0),
        .s_axib_arburst(INCREMENTING), .s_axib_arvalid(1'b0), .s_axib_arready(),
        .s_axib_rid(), .s_axib_rdata(), .s_axib_rresp(), .s_axib_rlast(), .s_axib_rvalid(), .s_axib_rready(1'b1),

        .s_axil_awaddr(32'd0), .s_axil_awprot(3'd0), .s_axil_awvalid(1'b0), .s_axil_awready(),
        .s_axil_wdata(32'd0), .s_axil_wstrb(4'd0), .s_axil_wvalid(1'b0), .s_axil_wready(),
        .s_axil_bresp(), .s_axil_bvalid(), .s_axil_bready(1'b1),
        .s_axil_araddr({24'd0, config_araddr}), .s_axil_arprot(3'd0),
        .s_axil_arvalid(config_arvalid), .s_axil_arready(config_arready),
        .s_axil_rdata(config_rdata), .s_axil_rresp(config_rresp),
        .s_axil_rvalid(config_rvalid), .s_axil_rready(config_rready)
    );
    // verilator lint_on PINCONNECTEMPTY

    // ---- sensors -----------------------------------------------------------------------------------------------------
    wire        drp_enable, drp_ready;
    wire [7:0]  drp_address;
    wire [15:0] drp_data, temperature, vccint, vccaux;
    wire [13:0] link_state;

    // INIT_41 of zero is the default mode: it converts the sensors on the chip one after the other, each averaged, and
    // asks for no setting but the divider in the upper byte of INIT_42: 250 MHz / 50 is 5 MHz, at most 5.2.
    // verilator lint_off PINCONNECTEMPTY
    SYSMONE4 #(
        .INIT_40(16'h0000), .INIT_41(16'h0000), .INIT_42({8'd50, 8'd0})
    ) system_monitor (
        .DCLK(clk), .DEN(drp_enable), .DADDR(drp_address), .DWE(1'b0), .DI(16'd0), .DO(drp_data), .DRDY(drp_ready),
        .RESET(1'b0), .CONVST(1'b0), .CONVSTCLK(1'b0), .VP(1'b0), .VN(1'b0), .VAUXP(16'd0), .VAUXN(16'd0),
        .I2C_SCLK(1'b1), .I2C_SDA(1'b1), .I2C_SCLK_TS(), .I2C_SDA_TS(), .SMBALERT_TS(),
        .ADC_DATA(), .ALM(), .OT(), .BUSY(), .CHANNEL(), .EOC(), .EOS(), .MUXADDR(),
        .JTAGBUSY(), .JTAGLOCKED(), .JTAGMODIFIED()
    );
    // verilator lint_on PINCONNECTEMPTY

    monitor monitor (
        .clk(clk), .rst(rst_q),
        .drp_enable_o(drp_enable), .drp_address_o(drp_address), .drp_ready_i(drp_ready), .drp_data_i(drp_data),
        .temperature_o(temperature), .vccint_o(vccint), .vccaux_o(vccaux)
    );

    link link (
        .clk(clk), .rst(rst_q), .up_i(link_up), .link_o(link_state),
        .m_axil_arvalid(config_arvalid), .m_axil_arready(config_arready), .m_axil_araddr(config_araddr),
        .m_axil_rvalid(config_rvalid), .m_axil_rready(config_rready), .m_axil_rdata(config_rdata),
        .m_axil_rresp(config_rresp)
    );

    // ---- the card ----------------------------------------------------------------------------------------------------
    wire         register_awvalid, register_awready, register_wvalid, register_wready, register_bvalid, register_bready;
    wire         register_arvalid, register_arready, register_rvalid, register_rready;
    wire [14:0]  register_awaddr, register_araddr;
    wire [31:0]  register_wdata, register_rdata;
    wire [3:0]   register_wstrb;
    wire [1:0]   register_bresp, register_rresp;
    wire         slot_awvalid, slot_awready, slot_wvalid, slot_wready, slot_wlast, slot_bvalid, slot_bready;
    wire [10:0]  slot_awaddr;
    wire [7:0]   slot_awlen;
    wire [511:0] slot_wdata;
    wire [63:0]  slot_wstrb;
    wire [1:0]   slot_bresp;

    split split (
        .clk(clk), .rst(rst_q),
        .s_axi_awvalid(in_awvalid), .s_axi_awready(in_awready), .s_axi_awid(in_awid), .s_axi_awaddr(in_awaddr[16:0]),
        .s_axi_awlen(in_awlen), .s_axi_awsize(in_awsize),
        .s_axi_wvalid(in_wvalid), .s_axi_wready(in_wready), .s_axi_wdata(in_wdata), .s_axi_wstrb(in_wstrb),
        .s_axi_wlast(in_wlast),
        .s_axi_bvalid(in_bvalid), .s_axi_bready(in_bready), .s_axi_bid(in_bid), .s_axi_bresp(in_bresp),
        .s_axi_arvalid(in_arvalid), .s_axi_arready(in_arready), .s_axi_arid(in_arid), .s_axi_araddr(in_araddr[16:0]),
        .s_axi_arlen(in_arlen), .s_axi_arsize(in_arsize),
        .s_axi_rvalid(in_rvalid), .s_axi_rready(in_rready), .s_axi_rid(in_rid), .s_axi_rdata(in_rdata),
        .s_axi_rresp(in_rresp), .s_axi_rlast(in_rlast),
        .m_axil_awvalid(register_awvalid), .m_axil_awready(register_awready), .m_axil_awaddr(register_awaddr),
        .m_axil_wvalid(register_wvalid), .m_axil_wready(register_wready), .m_axil_wdata(register_wdata),
        .m_axil_wstrb(register_wstrb),
        .m_axil_bvalid(register_bvalid), .m_axil_bready(register_bready), .m_axil_bresp(register_bresp),
        .m_axil_arvalid(register_arvalid), .m_axil_arready(register_arready), .m_axil_araddr(register_araddr),
        .m_axil_rvalid(register_rvalid), .m_axil_rready(register_rready), .m_axil_rdata(register_rdata),
        .m_axil_rresp(register_rresp),
        .m_axi_awvalid(slot_awvalid), .m_axi_awready(slot_awready), .m_axi_awaddr(slot_awaddr), .m_axi_awlen(slot_awlen),
        .m_axi_wvalid(slot_wvalid), .m_axi_wready(slot_wready), .m_axi_wdata(slot_wdata), .m_axi_wstrb(slot_wstrb),
        .m_axi_wlast(slot_wlast),
        .m_axi_bvalid(slot_bvalid), .m_axi_bready(slot_bready), .m_axi_bresp(slot_bresp)
    );

    wirepit_card card (
        .clk(clk), .rst(rst_q),
        .s_axil_awvalid(register_awvalid), .s_axil_awready(register_awready), .s_axil_awaddr(register_awaddr),
        .s_axil_wvalid(register_wvalid), .s_axil_wready(register_wready), .s_axil_wdata(register_wdata),
        .s_axil_wstrb(register_wstrb),
        .s_axil_bvalid(register_bvalid), .s_axil_bready(register_bready), .s_axil_bresp(register_bresp),
        .s_axil_arvalid(register_arvalid), .s_axil_arready(register_arready), .s_axil_araddr(register_araddr),
        .s_axil_rvalid(register_rvalid), .s_axil_rready(register_rready), .s_axil_rdata(register_rdata),
        .s_axil_rresp(register_rresp),
        .s_axi_awvalid(slot_awvalid), .s_axi_awready(slot_awready), .s_axi_awaddr(slot_awaddr), .s_axi_awlen(slot_awlen),
        .s_axi_wvalid(slot_wvalid), .s_axi_wready(slot_wready), .s_axi_wdata(slot_wdata), .s_axi_wstrb(slot_wstrb),
        .s_axi_wlast(slot_wlast),
        .s_axi_bvalid(slot_bvalid), .s_axi_bready(slot_bready), .s_axi_bresp(slot_bresp),
        .m_axi_awvalid(event_awvalid), .m_axi_awready(event_awready), .m_axi_awaddr(event_awaddr),
        .m_axi_awlen(event_awlen), .m_axi_awsize(event_awsize), .m_axi_awburst(event_awburst),
        .m_axi_wvalid(event_wvalid), .m_axi_wready(event_wready), .m_axi_wdata(event_wdata),
        .m_axi_wstrb(event_wstrb), .m_axi_wlast(event_wlast),
        .m_axi_bvalid(event_bvalid), .m_axi_bready(event_bready), .m_axi_bresp(event_bresp),
        // verilator lint_off PINCONNECTEMPTY
        .interrupt_o(),                             // no MSI-X in the block's configuration yet: README.md
        // verilator lint_on PINCONNECTEMPTY
        .temperature_i(temperature), .vccint_i(vccint), .vccaux_i(vccaux), .link_i(link_state)
    );
endmodule

`default_nettype wire
