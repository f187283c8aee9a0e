// vendor_blocks: the vendor's blocks that top.v relies on, ports only, so that lint sees every connection. Never built
// into a card: build.tcl leaves this file out. pcie_bridge is what blocks.tcl has the vendor's tool make of XDMA.

// verilator lint_off DECLFILENAME
// verilator lint_off UNUSEDSIGNAL
// verilator lint_off UNUSEDPARAM
// verilator lint_off UNDRIVEN
`default_nettype none

module IBUFDS_GTE4 (
    input  wire I,
    input  wire IB,
    input  wire CEB,
    output wire O,
    output wire ODIV2
);
endmodule

module SYSMONE4 #(
    parameter [15:0] INIT_40 = 16'h0000,
    parameter [15:0] INIT_41 = 16'h0000,
    parameter [15:0] INIT_42 = 16'h0000
) (
    input  wire        DCLK,
    input  wire        DEN,
    input  wire [7:0]  DADDR,
    input  wire        DWE,
    input  wire [15:0] DI,
    output wire [15:0] DO,
    output wire        DRDY,
    input  wire        RESET,
    input  wire        CONVST,
    input  wire        CONVSTCLK,
    input  wire        VP,
    input  wire        VN,
    input  wire [15:0] VAUXP,
    input  wire [15:0] VAUXN,
    input  wire        I2C_SCLK,
    input  wire        I2C_SDA,
    output wire        I2C_SCLK_TS,
    output wire        I2C_SDA_TS,
    output wire        SMBALERT_TS,
    output wire [15:0] ADC_DATA,
    output wire [15:0] ALM,
    output wire        OT,
    output wire        BUSY,
    output wire [5:0]  CHANNEL,
    output wire        EOC,
    output wire        EOS,
    output wire [4:0]  MUXADDR,
    output wire        JTAGBUSY,
    output wire        JTAGLOCKED,
    output wire        JTAGMODIFIED
);
endmodule

module pcie_bridge (
    input  wire         sys_clk,
    input  wire         sys_clk_gt,
    input  wire         sys_rst_n,
    input  wire [15:0]  pci_exp_rxp,
    input  wire [15:0]  pci_exp_rxn,
    output wire [15:0]  pci_exp_txp,
    output wire [15:0]  pci_exp_txn,
    output wire         axi_aclk,
    output wire         axi_aresetn,
    output wire         axi_ctl_aresetn,
    output wire         user_lnk_up,
    output wire [5:0]   cfg_ltssm_state,
    input  wire [0:0]   usr_irq_req,
    output wire [0:0]   usr_irq_ack,
    output wire         interrupt_out,

    output wire [3:0]   m_axib_awid,
    output wire [63:0]  m_axib_awaddr,
    output wire [7:0]   m_axib_awlen,
    output wire [2:0]   m_axib_awsize,
    output wire [1:0]   m_axib_awburst,
    output wire [2:0]   m_axib_awprot,
    output wire         m_axib_awlock,
    output wire [3:0]   m_axib_awcache,
    output wire         m_axib_awvalid,
    input  wire         m_axib_awready,
    output wire [511:0] m_axib_wdata,
    output wire [63:0]  m_axib_wstrb,
    output wire         m_axib_wlast,
    output wire         m_axib_wvalid,
    input  wire         m_axib_wready,
    input  wire [3:0]   m_axib_bid,
    input  wire [1:0]   m_axib_bresp,
    input  wire         m_axib_bvalid,
    output wire         m_axib_bready,
    output wire [3:0]   m_axib_arid,
    output wire [63:0]  m_axib_araddr,
    output wire [7:0]   m_axib_arlen,
    output wire [2:0]   m_axib_arsize,
    output wire [1:0]   m_axib_arburst,
    output wire [2:0]   m_axib_arprot,
    output wire         m_axib_arlock,
    output wire [3:0]   m_axib_arcache,
    output wire         m_axib_arvalid,
    input  wire         m_axib_arready,
    input  wire [3:0]   m_axib_rid,
    input  wire [511:0] m_axib_rdata,
    input  wire [1:0]   m_axib_rresp,
    input  wire         m_axib_rlast,
    input  wire         m_axib_rvalid,
    output wire         m_axib_rready,

    input  wire [3:0]   s_axib_awid,
    input  wire [63:0]  s_axib_awaddr,
    input  wire [3:0]   s_axib_awregion,
    input  wire [7:0]   s_axib_awlen,
    input  wire [2:0]   s_axib_awsize,
    input  wire [1:0]   s_axib_awburst,
    input  wire         s_axib_awvalid,
    output wire         s_axib_awready,
    input  wire [511:0] s_axib_wdata,
    input  wire [63:0]  s_axib_wstrb,
    input  wire         s_axib_wlast,
    input  wire         s_axib_wvalid,
    output wire         s_axib_wready,
    output wire [3:0]   s_axib_bid,
    output wire [1:0]   s_axib_bresp,
    output wire         s_axib_bvalid,
    input  wire         s_axib_bready,
    input  wire [3:0]   s_axib_arid,
    input  wire [63:0]  s_axib_araddr,
    input  wire [3:0]   s_axib_arregion,
    input  wire [7:0]   s_axib_arlen,
    input  wire [2:0]   s_axib_arsize,
    input  wire [1:0]   s_axib_arburst,
    input  wire         s_axib_arvalid,
    output wire         s_axib_arready,
    output wire [3:0]   s_axib_rid,
    output wire [511:0] s_axib_rdata,
    output wire [1:0]   s_axib_rresp,
    output wire         s_axib_rlast,
    output wire         s_axib_rvalid,
    input  wire         s_axib_rready,

    input  wire [31:0]  s_axil_awaddr,
    input  wire [2:0]   s_axil_awprot,
    input  wire         s_axil_awvalid,
    output wire         s_axil_awready,
    input  wire [31:0]  s_axil_wdata,
    input  wire [3:0]   s_axil_wstrb,
    input  wire         s_axil_wvalid,
    output wire         s_axil_wready,
    output wire [1:0]   s_axil_bresp,
    output wire         s_axil_bvalid,
    input  wire         s_axil_bready,
    input  wire [31:0]  s_axil_araddr,
    input  wire [2:0]   s_axil_arprot,
    input  wire         s_axil_arvalid,
    output wire         s_axil_arready,
    output wire [31:0]  s_axil_rdata,
    output wire [1:0]   s_axil_rresp,
    output wire         s_axil_rvalid,
    input  wire         s_axil_rready
);
endmodule

`default_nettype wire
// verilator lint_on UNDRIVEN
// verilator lint_on UNUSEDPARAM
// verilator lint_on UNUSEDSIGNAL
// verilator lint_on DECLFILENAME
