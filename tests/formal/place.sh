#!/bin/sh
# place.sh JSON BOARD [MODULE]: synthesise the modules of BOARD/modules, or one, for the device of BOARD/device.sh (an iCE40), place and route
# each with every seed, and say what it takes and the clock it reaches. Each stands between shift registers, so that its own paths
# are what is timed, port to port too.
#
# A configuration that needs more logic cells or block RAMs than the device has, or that nextpnr cannot place, makes way for the
# next smaller one. Exits 1 when a module fits in none.
set -eu
json=$1 board=$2 only=${3:-}
work=build/place
. "$board/device.sh" # device, device_luts, device_rams, target_mhz, seeds
mkdir -p "$work"
rm -f "$work"/*.row

# wrap MODULE: the ports that yosys wrote down, as a module `place` around it.
wrap() {
    awk -v module="$1" '
    /^    "ported": \{/ { mine = 1 }
    mine && /^      "ports": \{/ { inside = 1; next }
    inside && /^      \}/ { exit }
    inside && /^        "/ { split($1, text, "\""); port = text[2] }
    inside && /"direction"/ { way = $2 ~ /input/ ? "in" : "out" }
    inside && /"bits"/ {
        width = gsub(/[0-9]+/, "&")
        if (port == "clk") { link[++links] = ".clk(clk)"; next }
        from = count[way] + 0
        count[way] += width
        link[++links] = sprintf(".%s(%s[%d +: %d])", port, way == "in" ? "in_q" : "out", from, width)
    }
    END {
        printf "module place (input wire clk, input wire s_i, input wire load_i, output wire m_o);\n"
        printf "    reg [%d:0] in_q;\n    reg [%d:0] out_q;\n    wire [%d:0] out;\n", count["in"] - 1, count["out"] - 1, count["out"] - 1
        printf "    always @(posedge clk) begin\n        in_q <= {in_q, s_i};\n"
        printf "        out_q <= load_i ? out : out_q >> 1;\n    end\n    assign m_o = out_q[0];\n    %s dut (", module
        for (i = 1; i <= links; i++) printf "%s%s", (i > 1 ? ", " : ""), link[i]
        printf ");\nendmodule\n"
    }' "$work/ports.json" >"$work/place.v"
}

# fits NAME: does what yosys made fit the device? Leaves luts, flops and rams.
fits() {
    luts=$(sed -n 's/^ *SB_LUT4 *//p' "$work/$1.stat")
    rams=$(sed -n 's/^ *SB_RAM40_4K *//p' "$work/$1.stat")
    flops=$(awk '/^ *SB_DFF/ { sum += $2 } END { print sum + 0 }' "$work/$1.stat")
    luts=${luts:-0} rams=${rams:-0}
    test "$luts" -le "$device_luts" && test "$flops" -le "$device_luts" && test "$rams" -le "$device_rams"
}

# build NAME MODULE [PARAMETER VALUE]
build() {
    yosys -q -p "read_verilog -defer -DSYNTHESIS -Ibuild -Irtl rtl/core/*.v rtl/bus/*.v
        hierarchy -top $2 ${3:+-chparam $3 $4}; proc; rename -top ported; write_json $work/ports.json" \
        >"$work/$1.log" 2>&1 || return 1
    wrap "$2${3:+ #(.$3($4))}"
    yosys -q -p "read_verilog -defer -DSYNTHESIS -Ibuild -Irtl rtl/core/*.v rtl/bus/*.v
        read_verilog $work/place.v; synth_ice40 -top place -json $work/$1.json; tee -o $work/$1.stat stat" >>"$work/$1.log" 2>&1
}

# route NAME SEED: prints MHz, or fails.
route() {
    # shellcheck disable=SC2086 # device is words
    nextpnr-ice40 $device --pcf-allow-unconstrained --freq "$target_mhz" --timing-allow-fail --seed "$2" \
        --json "$work/$1.json" --asc /dev/null --quiet --log "$work/$1.$2.log" >/dev/null 2>&1 || return 1
    sed -n "s/.*Max frequency for clock.*: \([0-9.]*\) MHz.*/\1/p" "$work/$1.$2.log" | tail -n 1
}

# try MODULE [PARAMETER VALUE]: a row of the table in NAME.row, or fails.
try() {
    name=$1${2:+_$3}
    build "$name" "$@" || {
        echo "place: $name: yosys fails; see $work/$name.log" >&2
        exit 1
    }
    fits "$name" || return 1
    mhz=
    for seed in $seeds; do
        at=$(route "$name" "$seed") || return 1
        test -n "$at" || return 1
        mhz="$mhz $at"
    done
    echo "$1 ${2:--} ${3:-0} $luts $flops $rams$mhz" >"$work/$name.row"
    printf '%-12s %-16s %6d %6d %6d   %7s %7s %7s\n' "$1" "${2:+$2=$3}" "$luts" "$flops" "$rams" $mhz
}

printf '%-12s %-16s %6s %6s %6s   %7s %7s %7s\n' module configuration LUT FF RAM 'MHz, 1' 'seed 2' 'seed 3'
sed 's/#.*//' "$board/modules" | while read -r module parameter values; do
    test -n "$module" || continue
    test -z "$only" || test "$module" = "$only" || continue
    done=no
    if test -z "$parameter"; then
        try "$module" && done=yes
    else
        for value in $values; do
            if try "$module" "$parameter" "$value"; then
                done=yes
                break
            fi
        done
    fi
    test "$done" = yes || {
        printf '%-12s does not fit: %d LUTs of %d, %d RAMs of %d\n' "$module" "$luts" $device_luts "$rams" $device_rams
        exit 1
    }
done
cat "$work"/*.row | awk '
BEGIN { printf "[" }
{ printf "%s\n  {\"module\": \"%s\", \"parameter\": \"%s\", \"value\": %d, \"lut\": %d, \"ff\": %d, \"ram\": %d, \"mhz\": [%s, %s, %s]}", (NR > 1 ? "," : ""), $1, $2, $3, $4, $5, $6, $7, $8, $9 }
END { print "\n]" }' >"$json"
