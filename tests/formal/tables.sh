#!/bin/sh
# tables.sh FILE CLOCKS [OTHER AS]: prove tables_proof.vh of the book, with the file OTHER read in place of AS; FILE gets the
# model and its logs. Says what it proved, or on a failure which property, and exits 1; 2 when a property was not decided.
#
# The book is made a circuit of gates, its tables registers; yosys-abc unrolls it from any state that the proof's
# assumptions admit, property by property. What would be assumed of a signal in every clock is put there as a constant,
# because that makes the circuit smaller; what is cut is what orders' quantities and places do not depend on. DEFINES are
# for yosys (-DANY_SLOT).
set -u
out=$1
clocks=$2
size='-chparam SWEEP_W 4 -chparam SYMBOLS 2 -chparam ACCOUNTS 2 -chparam ORDERS 4 -chparam LEVELS 4'
constants="b_symbol=1'b0 b_uncross_q=1'b0 rst=1'b0 stopped_i=1'b0 sweep_i=1'b0 flip_i=18'b0 event_ready_i=1'b1 uncross_i=1'b0 scan_cancels_i=1'b0 looks_i=1'b0 resting_read_i=1'b0 resting_find_i=1'b0"
# Wires that stand for anything, in every clock
free='firm_row'

# The words of occupancy have four bits here; a book has 16 levels, of which the core uses four.
sed 's/parameter WORD_LOG2 = 6,/parameter WORD_LOG2 = 2,/' rtl/core/occupancy.v >"$out.occupancy.v"
grep -q 'parameter WORD_LOG2 = 2,' "$out.occupancy.v" || { echo "tables.sh: occupancy.v has no WORD_LOG2"; exit 2; }
sources=$out.occupancy.v
for file in rtl/core/*.v; do
    [ "$file" != rtl/core/occupancy.v ] || continue
    [ "$file" != "${4:-}" ] || file=$3
    sources="$sources $file"
done

{
    echo "read_verilog -defer -formal -DPROVE_TABLES -DSYNTHESIS ${DEFINES:-} -Ibuild -Irtl -Irtl/core -Itests/formal $sources"
    echo "hierarchy -top book $size"
    echo 'proc; flatten; setattr -unset init w:*'
    echo "setattr -set init 5'd1 w:state_q"                          # VERDICT
    echo "setattr -set init 1'b0 w:ended w:t_halted w:occupancy_map.walk_q"
    echo 'delete -input w:rst w:stopped_i w:sweep_i w:flip_i w:event_ready_i w:uncross_i w:scan_cancels_i w:looks_i w:resting_read_i w:resting_find_i'
    for constant in $constants; do echo "connect -set ${constant%=*} ${constant#*=}"; done
    for wire in $free; do echo "select -assert-min 1 w:$wire; cutpoint w:$wire"; done
    echo 'delete -output; setattr -unset keep w:*; opt_clean -purge; opt -keepdc -fast; memory_collect; opt_clean -purge'
    echo 'memory_map; setundef -zero -undriven; opt_expr; opt_clean -purge; async2sync; dffunmap; simplemap; opt_clean -purge'
    echo 'techmap; opt_clean -purge; setundef -zero; tee -o '"$out"'.names select -list t:$assert'
    echo "aigmap; opt_clean -purge; write_aiger -I -B -zinit $out.aig"
} >"$out.ys"
yosys -q -s "$out.ys" >"$out.log" 2>&1 || { tail -n 5 "$out.log"; exit 2; }

at=0
proven=0
can=0
for name in $(sed 's/.*\///' "$out.names"); do
    frames=$clocks
    case $name in can_*) frames=12 ;; esac
    case $name:${3:-} in can_*:?*) at=$((at + 1)); continue ;; esac       # of a bug it is not asked
    timeout 600 yosys-abc -c "read $out.aig; fold; strash; cone -s -O $at; strash; bmc3 -g -F $frames" >"$out.$name.out" 2>&1
    at=$((at + 1))
    case $name in
    can_*)
        grep -q 'was asserted in frame' "$out.$name.out" || { echo "$name is not seen"; exit 2; }
        can=$((can + 1))
        ;;
    *)
        if grep -q 'was asserted in frame' "$out.$name.out"; then echo "Assert failed: $name"; exit 1; fi
        grep -q "No output asserted in $frames frames" "$out.$name.out" || { echo "$name is not decided"; exit 2; }
        proven=$((proven + 1))
        ;;
    esac
done
[ "$proven" -gt 0 ] && [ "$can${3:-}" != 0 ] || { echo "tables.sh: no property"; exit 2; }
