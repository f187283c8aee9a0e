#!/bin/sh
# prove.sh: run every proof of tests/formal/proofs, then show that every bug of tests/formal/bugs is caught. One line each,
# and a JSON file; exits 1 when a proof fails or a bug goes unseen.
set -u
json=$1
work=build/prove
mkdir -p "$work"
failed=0
count=0
entries=

# elaborate MODULE PARAMETERS FILE COMMANDS: read the module from FILE and the others from its directory, then carry out COMMANDS
elaborate() {
    set_parameters=$(echo "$2" | tr ',' '\n' | sed -n 's/\(.*\)=\(.*\)/-chparam \1 \2/p' | tr '\n' ' ')
    home=$(dirname rtl/*/"$1".v)
    others=$(find "$home" -name '*.v' ! -name "$1.v" | tr '\n' ' ')
    prove=-DPROVE_$(echo "$1" | tr '[:lower:]' '[:upper:]')
    [ "$1" != core ] || prove="$prove -DSYNTHESIS"      # its checks hold in states that can be; this proof begins in any
    yosys -q -p "read_verilog -defer -formal $prove -Ibuild -Irtl -Irtl/core -Itests/formal $3 $others; hierarchy -top $1 $set_parameters; prep -top $1 -nordff; flatten; $4"
}

# cut_of MODULE: a core begins in any state, and what its tables and its arithmetic say is anything: more than can be, so what
# holds then holds. This is what makes the proof of its control a matter of a minute.
cut_of() {
    [ "$1" != core ] || echo 'setattr -unset init w:*; opt_clean; cutpoint t:\$mul t:\$mem_v2 t:\$sub t:\$lt t:\$le t:\$gt t:\$ge t:\$shl t:\$shr t:\$shiftx; opt_clean;'
}

# model MODULE PARAMETERS FILE OUT: write the SMT2 model of the module in FILE
model() {
    elaborate "$1" "$2" "$3" "$(cut_of "$1") async2sync; dffunmap; write_smt2 -wires $4" >"$4.log" 2>&1 || { cat "$4.log"; return 1; }
}

# record NAME RESULT SECONDS
record() {
    [ "$2" = passed ] || failed=$((failed + 1))
    count=$((count + 1))
    printf '%-60s %s (%s s)\n' "$1" "$2" "$3"
    entries="$entries${entries:+,}
    {\"name\": \"$1\", \"result\": \"$2\", \"seconds\": $3}"
}

# proof NAME OPTIONS MODEL
proof() {
    start=$(date +%s)
    if timeout 600 yosys-smtbmc --noprogress --unroll -s z3 $2 "$3" >"$3.out" 2>&1; then result=passed; else result=failed; fi
    record "$1" $result $(($(date +%s) - start))
    [ $result = passed ] || grep -E 'Assert failed|Status|rror' "$3.out"
}

# proof_sat NAME MODULE PARAMETERS FILE STEPS: base and induction in one. It skips the first step, as the clocked asserts do.
proof_sat() {
    start=$(date +%s)
    if elaborate "$2" "$3" "$4" "memory_map; opt -full; async2sync; dffunmap; techmap; opt -full
        sat -verify -tempinduct -prove-asserts -set-assumes -seq 1 -maxsteps $5 -timeout 600" >"$work/$2.out" 2>&1; then result=passed; else result=failed; fi
    record "$1" $result $(($(date +%s) - start))
    [ $result = passed ] || tail -n 20 "$work/$2.out"
}

# proof_tables CLOCKS DEFINE: the book's tables, by yosys-abc
proof_tables() {
    start=$(date +%s)
    if DEFINES=-D$2 tests/formal/tables.sh "$work/tables" "$1" >"$work/tables.said"; then result=passed; else result=failed; fi
    record "tables $2 bounded, $1 clocks" $result $(($(date +%s) - start))
    [ $result = passed ] || cat "$work/tables.said"
}

for list in tests/formal/proofs tests/formal/bugs; do
    grep -q '^[^#]' "$list" || { echo "prove: $list names nothing; a run that proves nothing is no proof" >&2; exit 1; }
done

while read -r module parameters bounded induction by; do
    case $module in '#'* | '') continue ;; esac
    if [ "$module" = tables ]; then
        [ "$by" != deep ] || [ -n "${DEEP:-}" ] || continue
        proof_tables "$bounded" "$parameters"
        continue
    fi
    file=$(echo rtl/*/"$module".v)
    if [ "$by" = sat ]; then
        proof_sat "$module $parameters by induction, $induction steps" "$module" "$parameters" "$file" "$induction"
        continue
    fi
    smt2=$work/$module.$(echo "$parameters" | tr -c 'A-Za-z0-9\n' _).smt2
    model "$module" "$parameters" "$file" "$smt2" || exit 1
    # A long run is asked at its end alone whether anything can happen at all: see its bugs.
    presat=--presat
    [ "$module" != core ] || presat=
    proof "$module $parameters bounded, $bounded steps" "$presat -t $bounded" "$smt2"
    [ "$induction" = - ] || proof "$module $parameters by induction, $induction steps" "-i -t $induction" "$smt2"
done <tests/formal/proofs

while read -r module from to; do
    case $module in '#'* | '') continue ;; esac
    from=$(echo "$from" | tr '~' ' ')
    to=$(echo "$to" | tr '~' ' ')
    file=$(echo rtl/*/"$module".v)
    [ "$module" != tables ] || file=rtl/core/book.v
    FROM=$from TO=$to awk '{ at = index($0, ENVIRON["FROM"])
        if (at) { $0 = substr($0, 1, at - 1) ENVIRON["TO"] substr($0, at + length(ENVIRON["FROM"])); hits++ } print }
        END { exit hits != 1 }' "$file" >"$work/bug.v" ||
        { echo "tests/formal/bugs: \"$from\" is not exactly once in $file; bring the line up to date"; exit 1; }
    if [ "$module" = tables ]; then
        start=$(date +%s)
        DEFINES=-DSLOT_0 tests/formal/tables.sh "$work/bug" 8 "$work/bug.v" "$file" >"$work/bug.out" 2>&1
        if grep -q 'Assert failed' "$work/bug.out"; then result=passed; else result=failed; fi
        record "$module with $to for $from is caught" $result $(($(date +%s) - start))
        continue
    fi
    parameters=$(awk -v module="$module" '$1 == module { print $2; exit }' tests/formal/proofs)
    model "$module" "$parameters" "$work/bug.v" "$work/bug.smt2" || exit 1
    start=$(date +%s)
    # Bounded: a bug must show in a run from power-up, not only in a state that cannot be.
    timeout 600 yosys-smtbmc --noprogress --unroll -s z3 -t 14 "$work/bug.smt2" >"$work/bug.out" 2>&1
    if grep -q 'Assert failed' "$work/bug.out"; then result=passed; else result=failed; fi
    record "$module with $to for $from is caught" $result $(($(date +%s) - start))
done <tests/formal/bugs

printf '{"proofs": %s, "failed": %s, "results": [%s\n]}\n' $count $failed "$(printf '%s' "$entries" | sed 's/\\/\\\\/g')" >"$json"
[ $failed = 0 ]
