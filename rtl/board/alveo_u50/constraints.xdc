# constraints: pins and clocks of an Alveo U50, part xcu50-fsvh2104-2-e. Not run through the vendor's tools.
#
# Pins are those of public designs for this board; compare them with the vendor's alveo-u50-xdc before the first load. The
# lanes have none here: they follow from the block and quad that blocks.tcl chooses.

# ---- configuration from the board's flash ----------------------------------------------------------------------------
set_property CFGBVS GND                                [current_design]
set_property CONFIG_VOLTAGE 1.8                        [current_design]
set_property CONFIG_MODE SPIx4                         [current_design]
set_property BITSTREAM.CONFIG.SPI_BUSWIDTH 4           [current_design]
set_property BITSTREAM.CONFIG.SPI_32BIT_ADDR YES       [current_design]
set_property BITSTREAM.CONFIG.SPI_FALL_EDGE YES        [current_design]
set_property BITSTREAM.CONFIG.CONFIGRATE 85.0          [current_design]
set_property BITSTREAM.CONFIG.EXTMASTERCCLK_EN DISABLE [current_design]
set_property BITSTREAM.CONFIG.CONFIGFALLBACK ENABLE    [current_design]
set_property BITSTREAM.CONFIG.UNUSEDPIN PULLUP         [current_design]
# The FPGA switches itself off above its limit, whatever the card's firmware does.
set_property BITSTREAM.CONFIG.OVERTEMPSHUTDOWN ENABLE  [current_design]
set_property BITSTREAM.GENERAL.COMPRESS TRUE           [current_design]
# Watts, for the power report: what public designs for this board give the FPGA.
set_operating_conditions -design_power_budget 63

# ---- PCIe: the slot's 100 MHz for 16 lanes (MGTREFCLK0 of quad 225), PERST -------------------------------------------
set_property PACKAGE_PIN AF9 [get_ports pcie_refclk_p_i]
set_property PACKAGE_PIN AF8 [get_ports pcie_refclk_n_i]
create_clock -name pcie_refclk -period 10.000 [get_ports pcie_refclk_p_i]

set_property PACKAGE_PIN AW27      [get_ports pcie_reset_n_i]
set_property IOSTANDARD  LVCMOS18  [get_ports pcie_reset_n_i]
set_property PULLTYPE    PULLUP    [get_ports pcie_reset_n_i]
# PERST belongs to no clock; the PCIe block takes it so.
set_false_path -from [get_ports pcie_reset_n_i]

# ---- what the board's controller watches -----------------------------------------------------------------------------
set_property PACKAGE_PIN J18      [get_ports hbm_cattrip_o]
set_property IOSTANDARD  LVCMOS18 [get_ports hbm_cattrip_o]
set_false_path -to [get_ports hbm_cattrip_o]

# axi_aclk, the card's clock, is derived by the PCIe block's own constraints. There is no second clock in the card, so
# there is no path between clocks to except.
