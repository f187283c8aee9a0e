// wirepit_card: the card, with standard AXI ports towards a vendor's PCIe block.
//
//   s_axil      BAR0, the registers of driver/abi/regs.def
//   s_axi       BAR2, the command window: 64-byte slots, write only, bursts of one beat
//   m_axi       event ring in host memory: one burst of one beat for each event or status line
//   clock       one clock for all; rst is synchronous, active high
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
    input  wire [11:0]  s_axil_awaddr,
    input  wire         s_axil_wvalid,
    output wire         s_axil_wready,
    input  wire [31:0]  s_axil_wdata,
    input  wire [3:0]   s_axil_wstrb,
    output wire         s_axil_bvalid,
    input  wire         s_axil_bready,
    output wire [1:0]   s_axil_bresp,
    input  wire         s_axil_arvalid,
    output wire         s_axil_arready,
    input  wire [11:0]  s_axil_araddr,
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
    input  wire [1:0]   m_axi_bresp
);
endmodule

`default_nettype wire
