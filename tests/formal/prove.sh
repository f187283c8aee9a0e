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

# model MODULE PARAMETERS FILE OUT: write the SMT2 model of the module in FILE
model() {
    set_parameters=$(echo "$2" | tr ',' '\n' | sed "s/\(.*\)=\(.*\)/chparam -set \1 \2 $1;/" | tr '\n' ' ')
    yosys -q -p "read_verilog -formal -Ibuild -Irtl -Itests/formal $3; $set_parameters prep -top $1 -nordff; flatten; async2sync; dffunmap; write_smt2 -wires $4" >"$4.log" 2>&1 ||
        { cat "$4.log"; return 1; }
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

for list in tests/formal/proofs tests/formal/bugs; do
    grep -q '^[^#]' "$list" || { echo "prove: $list names nothing; a run that proves nothing is no proof" >&2; exit 1; }
done

while read -r module parameters bounded induction; do
    case $module in '#'* | '') continue ;; esac
    smt2=$work/$module.$(echo "$parameters" | tr -c 'A-Za-z0-9\n' _).smt2
    model "$module" "$parameters" "rtl/bus/$module.v" "$smt2" || exit 1
    proof "$module $parameters bounded, $bounded steps" "--presat -t $bounded" "$smt2"
    proof "$module $parameters by induction, $induction steps" "-i -t $induction" "$smt2"
done <tests/formal/proofs

while read -r module from to; do
    case $module in '#'* | '') continue ;; esac
    from=$(echo "$from" | tr '~' ' ')
    to=$(echo "$to" | tr '~' ' ')
    FROM=$from TO=$to awk '{ at = index($0, ENVIRON["FROM"])
        if (at) { $0 = substr($0, 1, at - 1) ENVIRON["TO"] substr($0, at + length(ENVIRON["FROM"])); hits++ } print }
        END { exit hits != 1 }' "rtl/bus/$module.v" >"$work/bug.v" ||
        { echo "tests/formal/bugs: \"$from\" is not exactly once in rtl/bus/$module.v; bring the line up to date"; exit 1; }
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
