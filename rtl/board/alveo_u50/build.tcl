# build: the card for an Alveo U50, without a project. Not run through the vendor's tools.
#
#   make build/abi.vh build/firmware.vh && vivado -mode batch -notrace -source rtl/board/alveo_u50/build.tcl
#
# from the top of the checkout. build/alveo_u50 has the bitstream, the flash image, checkpoints and reports. Fails when a
# constraint is not met: an image that is too slow is not written.

set board rtl/board/alveo_u50
set part  xcu50-fsvh2104-2-e
set out   build/alveo_u50
foreach file {build/abi.vh build/firmware.vh} {
    if {![file exists $file]} { error "$file is not there: make build/abi.vh build/firmware.vh" }
}
set blocks $out/blocks
file mkdir $out $blocks

create_project -in_memory -part $part
set_property source_mgmt_mode None [current_project]
set_property target_language Verilog [current_project]

source $board/blocks.tcl
generate_target all [get_ips]
synth_ip [get_ips]

foreach file [glob rtl/*.v rtl/core/*.v rtl/bus/*.v rtl/mgmt/*.v $board/*.v] {
    if {[file tail $file] ne "vendor_blocks.v"} { read_verilog $file }
}
read_xdc $board/constraints.xdc

# report NAME: what each stage leaves behind.
proc report {name} {
    global out
    write_checkpoint -force $out/$name.dcp
    report_timing_summary -file $out/${name}_timing.txt -max_paths 20
    report_utilization    -file $out/${name}_utilization.txt -hierarchical
}

synth_design -top top -part $part -include_dirs {build rtl rtl/core rtl/mgmt} -verilog_define {SYNTHESIS FIRMWARE_IMAGE}
report synth
opt_design
place_design
phys_opt_design
report place
route_design
phys_opt_design
report route
report_cdc         -file $out/cdc.txt
report_drc         -file $out/drc.txt
report_methodology -file $out/methodology.txt
report_power       -file $out/power.txt
report_io          -file $out/io.txt
check_timing       -file $out/check_timing.txt

foreach {kind delay} {setup max hold min} {
    set paths [get_timing_paths -max_paths 1 -delay_type $delay]
    if {[llength $paths] == 0} { error "no path has a $kind constraint: the clock is missing" }
    set slack [get_property SLACK [lindex $paths 0]]
    puts "build: worst $kind slack $slack ns"
    if {$slack < 0} { error "$kind is missed by [expr {-$slack}] ns; see $out/route_timing.txt" }
}

write_bitstream -force $out/wirepit_alveo_u50.bit
write_cfgmem -force -format mcs -interface SPIx4 -size 128 \
    -loadbit "up 0x01002000 $out/wirepit_alveo_u50.bit" -file $out/wirepit_alveo_u50.mcs
