#!/bin/sh
# synth.sh JSON BUDGET: synthesise the card for UltraScale+ with yosys; say what each instance takes (LUTs, flip-flops, carry
# chain links, memory, DSPs) and the longest path between registers through it, in levels and in cells (synth_path.awk says
# what they are). Exits 1 when a table is in flip-flops, or a path is longer than the budget, which has lines
#   INSTANCE LEVELS [# why]          "card" is the longest path anywhere
# Modules that are worth a line each by themselves follow as MODULE_alone, and are not in the card's sum.
#
# This is yosys's mapping, not a vendor's, and logic is not optimised across modules. Without placement a path has a length
# but no time: it serves to see growth from change to change.
set -eu
json=$1 budget=$2
here=$(dirname "$0")
work=build/synth
mkdir -p "$work"
yosys -q -p "
    read_verilog -DSYNTHESIS -DFIRMWARE_IMAGE -Ibuild -Irtl -Irtl/mgmt rtl/wirepit_card.v rtl/*/*.v
    synth_xilinx -family xcup -uram -noiopad -noclkbuf -top wirepit_card
    flatten
    write_blif -param -cname $work/card.blif
" >"$work/yosys.log" 2>&1 || {
    tail -n 20 "$work/yosys.log"
    exit 1
}
awk -f "$here/synth_path.awk" "$work/card.blif" >"$work/paths.txt"

# alone MODULE
alone() {
    yosys -q -p "
        read_verilog -DSYNTHESIS -Ibuild -Irtl $(echo rtl/*/"$1".v)
        synth_xilinx -family xcup -noiopad -noclkbuf -top $1
        flatten
        write_blif -param -cname $work/$1.blif
    " >"$work/$1.log" 2>&1 || {
        tail -n 20 "$work/$1.log"
        exit 1
    }
    awk -f "$here/synth_path.awk" "$work/$1.blif" | sed -n "s/^top /$1_alone /p" >>"$work/paths.txt"
}
alone rv32i

# The table, the figures, and what is wrong with them. The last run's path is shown where it was another one.
last=$work/last.txt
test -e "$last" || : >"$last"
awk -v json="$json" -v budget="$budget" -v last="$last" '
BEGIN {
    while ((getline line <last) > 0) { split(line, f, " "); before[f[1]] = f[9] }
    while ((getline line <budget) > 0) {
        sub(/#.*/, "", line)
        if (line ~ /[^ ]/) { split(line, f, " "); allowed[f[1]] = f[2] }
    }
    printf "%-32s %7s %7s %6s %6s %6s %5s %4s  %6s %6s\n", "instance", "LUT", "FF", "CARRY", "LUTRAM", "BRAM36", "URAM", "DSP", "levels", "cells"
}
$1 == "path" { path[++steps] = $0; next }
$1 ~ /_alone$/ { row[++rows] = $0; next }
{
    for (i = 2; i <= 8; i++) sum[i] += $i
    if ($9 > longest) { longest = $9; cells = $10 }
    row[++rows] = $0
    if ($1 ~ /_ram$/ && $5 + $6 + $7 == 0) wrong = wrong "\nsynth: " $1 ": a table in flip-flops; give it a size and a port that memory has"
}
function put(name, text, is_last,    f) {
    split(text, f, " ")
    printf "%-32s %7d %7d %6d %6d %6.1f %5d %4d  %6d %6d%s\n", name, f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10], \
        (name in before) && before[name] != f[9] ? "  after " before[name] : ""
    printf "  {\"module\": \"%s\", \"lut\": %d, \"ff\": %d, \"carry\": %d, \"lutram\": %d, \"bram36\": %.1f, \"uram\": %d, \"dsp\": %d, \"path_luts\": %d, \"path_cells\": %d}%s\n", \
        name, f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10], is_last ? "" : "," >json
    seen[name] = f[9]
    if ((name in allowed) && f[9] > allowed[name])
        wrong = wrong "\nsynth: " name ": the longest path has " f[9] " levels, its budget " allowed[name] "; shorten it, or raise the budget and say why"
}
END {
    print "[" >json
    for (r = 1; r <= rows; r++) { split(row[r], f, " "); put(f[1], row[r], 0) }
    total = "card"
    for (i = 2; i <= 8; i++) total = total " " sum[i] + 0
    put("card", total " " longest " " cells, 1)
    print "]" >json
    print "the longest path:"
    for (s = 1; s <= steps; s++) {
        split(path[s], f, " ")
        if (f[2] != "start" || s == 1) printf "  %-10s %-28s %s\n", f[2], f[3], f[4] ~ /\$/ ? "" : f[4]
    }
    for (name in allowed) if (!(name in seen)) wrong = wrong "\nsynth: " name ": in the budget, but not in the card; take the line out"
    if (wrong != "") { print substr(wrong, 2); exit 1 }
}' "$work/paths.txt" | tee "$work/table.txt"
sed 's/  after .*//' "$work/table.txt" >"$last"
! grep -q '^synth: ' "$work/table.txt"
