# blocks: the vendor's blocks of this board, made where build.tcl says ($blocks). Not run through the vendor's tools.
#
# pcie_bridge: XDMA as a bridge, an endpoint. top.v says how it is wired, vendor_blocks.v which ports that takes.
#   BAR0   32 KiB, 32 bits, not prefetchable           registers, at 0 of m_axib
#   BAR2   4 KiB, 64 bits, prefetchable                command window in the lower 2 KiB, at 0x10000 of m_axib
# BAR2 is a page, since the host maps no less, and prefetchable, since only then Linux offers it write-combined.
# Vendor 10ee is the chip's maker's; device 5750 was chosen here and is nobody's allocation: a product needs its own.
# The host drives any identity behind which it finds the card's digest, and no kernel driver of the vendor's takes this.
# No interrupts of any kind: MSI-X would be a table that nothing ever rings.

create_ip -vendor xilinx.com -library ip -name xdma -version 4.1 -module_name pcie_bridge -dir $blocks -force

set_property -dict [list \
    CONFIG.functional_mode             {AXI_Bridge} \
    CONFIG.mode_selection              {Advanced} \
    CONFIG.device_port_type            {PCI_Express_Endpoint_device} \
    CONFIG.pcie_blk_locn               {PCIE4C_X1Y0} \
    CONFIG.en_gt_selection             {true} \
    CONFIG.select_quad                 {GTY_Quad_227} \
    CONFIG.pl_link_cap_max_link_width  {X16} \
    CONFIG.pl_link_cap_max_link_speed  {8.0_GT/s} \
    CONFIG.ref_clk_freq                {100_MHz} \
    CONFIG.plltype                     {QPLL1} \
    CONFIG.coreclk_freq                {500} \
    CONFIG.axisten_freq                {250} \
    CONFIG.axi_data_width              {512_bit} \
    CONFIG.axi_addr_width              {64} \
] [get_ips pcie_bridge]

set_property -dict [list \
    CONFIG.vendor_id                       {10EE} \
    CONFIG.pf0_device_id                   {5750} \
    CONFIG.pf0_subsystem_vendor_id         {10EE} \
    CONFIG.pf0_subsystem_id                {0050} \
    CONFIG.pf0_revision_id                 {01} \
    CONFIG.pf0_Use_Class_Code_Lookup_Assistant {false} \
    CONFIG.pf0_class_code_base             {12} \
    CONFIG.pf0_class_code_sub              {00} \
    CONFIG.pf0_class_code_interface        {00} \
    CONFIG.pf0_class_code                  {120000} \
    CONFIG.pf0_interrupt_pin               {NONE} \
    CONFIG.pf0_msi_enabled                 {false} \
    CONFIG.pf0_msix_enabled                {false} \
] [get_ips pcie_bridge]

set_property -dict [list \
    CONFIG.pf0_bar0_enabled      {true} \
    CONFIG.pf0_bar0_64bit        {false} \
    CONFIG.pf0_bar0_prefetchable {false} \
    CONFIG.pf0_bar0_scale        {Kilobytes} \
    CONFIG.pf0_bar0_size         {32} \
    CONFIG.pciebar2axibar_0      {0x0000000000000000} \
    CONFIG.pf0_bar1_enabled      {false} \
    CONFIG.pf0_bar2_enabled      {true} \
    CONFIG.pf0_bar2_64bit        {true} \
    CONFIG.pf0_bar2_prefetchable {true} \
    CONFIG.pf0_bar2_scale        {Kilobytes} \
    CONFIG.pf0_bar2_size         {4} \
    CONFIG.pciebar2axibar_2      {0x0000000000010000} \
    CONFIG.pf0_bar4_enabled      {false} \
] [get_ips pcie_bridge]

# The card's addresses are the host's: one aperture over all of them, not translated.
set_property -dict [list \
    CONFIG.en_axi_slave_if               {true} \
    CONFIG.axibar_num                    {1} \
    CONFIG.axibar_0                      {0x0000000000000000} \
    CONFIG.axibar_highaddr_0             {0xFFFFFFFFFFFFFFFF} \
    CONFIG.axibar2pciebar_0              {0x0000000000000000} \
    CONFIG.c_s_axi_supports_narrow_burst {false} \
    CONFIG.xdma_axilite_slave            {true} \
] [get_ips pcie_bridge]
