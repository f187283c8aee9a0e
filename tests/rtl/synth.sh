#!/bin/sh
# synth.sh JSON: synthesise the card for UltraScale+ with yosys and say what each module takes: LUTs, flip-flops, memory, DSPs,
# and the longest path between registers in LUTs of six inputs. Exits 1 when a table is not in block, ultra or LUT RAM.
#
# This is yosys's mapping, not a vendor's. A path is counted with adders and multipliers made of LUTs, which carry chains and
# DSPs shorten much; without placement it has a length but no time. It serves to see growth from change to change.
set -eu
json=$1
work=build/synth
mkdir -p "$work"
yosys -q -p "
    read_verilog -DSYNTHESIS -Ibuild -Irtl rtl/wirepit_card.v rtl/core/*.v rtl/bus/*.v
    synth_xilinx -family xcup -uram -top wirepit_card
    tee -o $work/stat.txt stat
" >"$work/yosys.log" 2>&1 || {
    tail -n 20 "$work/yosys.log"
    exit 1
}
# Carry chains hide behind one cell each there, so paths are counted apart: everything in LUTs, tables and submodules left out.
yosys -q -p "
    read_verilog -DSYNTHESIS -Ibuild -Irtl rtl/wirepit_card.v rtl/core/*.v rtl/bus/*.v
    hierarchy -top wirepit_card
    blackbox *ram
    synth -lut 6 -top wirepit_card
    delete t:*\\\\* t:form t:risk t:report t:first_set t:reciprocal t:counters t:event_dma t:fifo t:ingress t:window t:occupancy t:regs
    tee -o $work/path.txt ltp -noff
" >"$work/yosys_path.log" 2>&1 || {
    tail -n 20 "$work/yosys_path.log"
    exit 1
}

# name: core, or ram 16384x144 from the parameters that yosys put into the module's name.
awk -v json="$json" '
function name(text,    rows, width) {
    sub(/^.*\\/, "", text)
    return text
}
FILENAME ~ /stat.txt$/ && /^=== / { module = $2; if ($2 == "design") module = "all"; if (!(module in seen)) { order[++count] = module; seen[module] = 1 } next }
FILENAME ~ /stat.txt$/ && module != "" {
    if ($1 ~ /^LUT[1-6]$/ || $1 == "INV") lut[module] += $2
    else if ($1 ~ /^FD/) ff[module] += $2
    else if ($1 ~ /^CARRY/) carry[module] += $2
    else if ($1 ~ /^RAMB/) bram[module] += $1 ~ /36/ ? $2 : $2 / 2
    else if ($1 ~ /^URAM/) uram[module] += $2
    else if ($1 ~ /^RAM/) lutram[module] += $2
    else if ($1 ~ /^DSP/) dsp[module] += $2
    next
}
FILENAME ~ /path.txt$/ && /^Longest/ { module = $5; length_of = $0; sub(/.*length=/, "", length_of); path[module] = length_of + 0; next }
END {
    printf "%-34s %7s %7s %6s %6s %5s %4s  %s\n", "module", "LUT", "FF", "LUTRAM", "BRAM36", "URAM", "DSP", "longest path, LUTs"
    printf "[" >json
    for (i = 1; i <= count; i++) {
        m = order[i]
        short = m; sub(/^\$paramod/, "", short); sub(/^\$[0-9a-f]+/, "", short); sub(/^\\/, "", short); sub(/\\.*=.*/, "", short)
        if (short == "ram") { short = "ram, table " ++tables; if (bram[m] + uram[m] + lutram[m] == 0) bad = bad " " m }
        if (m == "all") short = "the card"
        printf "%-34s %7d %7d %6d %6.1f %5d %4d  %d\n", short, lut[m], ff[m], lutram[m], bram[m], uram[m], dsp[m], path[m]
        printf "%s\n  {\"module\": \"%s\", \"lut\": %d, \"ff\": %d, \"carry\": %d, \"lutram\": %d, \"bram36\": %.1f, \"uram\": %d, \"dsp\": %d, \"path_luts\": %d}", \
            (i > 1 ? "," : ""), short, lut[m], ff[m], carry[m], lutram[m], bram[m], uram[m], dsp[m], path[m] >json
    }
    printf "\n]\n" >json
    if (bad != "") { print "synth: not in memory:" bad; exit 1 }
}' "$work/stat.txt" "$work/path.txt"
