#!/bin/sh
# mutate.sh JSON DIRECTORY COUNT: switch on one fault of the core after the other and run the tests: a fault is seen when the
# card then says something else than the engine, stops, breaks a rule of scenarios.txt, or takes other clocks than it would.
# What is not seen is tried to be proved to change nothing; what is neither is looked up in mutate_argued. All three are
# printed with what they change and where. Exits 1 when fewer than 95 of 100 (18 of 20) are seen, proved or argued, when the
# core without a fault is not as the engine, or when mutate_argued says what is not so.
#
# mutate.sh DIRECTORY NUMBER: one fault; prints its number and seen, proved or unseen.
set -eu

here=tests/rtl

# same DIRECTORY NUMBER COMMANDS SEED: whether lock-step says what it says without a fault, but for the time it took.
same() {
    MUTANT=$2 timeout 300 "$1/lockstep" --size small --wave no --commands "$3" --seed "$4" 2>"$1/$2.log" |
        sed 's/, [0-9]* commands.s//' >"$1/$2.figures"
    [ "$2" != 0 ] || cp "$1/0.figures" "$1/expected_$4"
    cmp -s "$1/$2.figures" "$1/expected_$4" && grep -q ' 0 differences' "$1/$2.figures"
}

# unseen DIRECTORY NUMBER: short runs first, since most faults are seen at once. test_memory is for what it alone looks at.
unseen() {
    same "$1" "$2" 2000 1 &&
        MUTANT=$2 timeout 60 "$1/test_scenarios" >"$1/$2.log" 2>&1 &&
        same "$1" "$2" 10000 2 &&
        { ! awk -v n="$2" "NR == n" "$1/list.txt" | grep -q 'inject\|flip\|fault\|writes' ||
            MUTANT=$2 timeout 300 "$1/test_memory" >"$1/$2.log" 2>&1; } &&
        same "$1" "$2" 120000 3
}

# proved DIRECTORY NUMBER: whether two cores, one with the fault, say the same for ever, by induction over equal registers.
proved() {
    {
        awk -v n="$2" -f $here/mutate_pair.awk "$1/pair.blif"
        cat "$1/pair.blif"
    } >"$1/$2.blif"
    prlimit --cpu=40 yosys-abc -c "read_blif $1/$2.blif; strash; zero; scleanup; lcorr -X 8; print_stats" >"$1/$2.proof" 2>&1 || true
    rm "$1/$2.blif"
    grep -q 'lat = *0 .*and = *0 ' "$1/$2.proof"
}

if [ $# -eq 2 ]; then
    if ! unseen "$1" "$2"; then
        echo "$2 seen"
    elif [ "$2" != 0 ] && proved "$1" "$2"; then
        echo "$2 proved"
    else
        echo "$2 unseen"
    fi
    exit 0
fi

json=$1 work=$2 count=$3
least=95
# Of a few, one or two may be what no test could see.
[ "$count" -ge 100 ] || least=90

if [ "$("$0" "$work" 0)" != "0 unseen" ]; then
    echo "mutate: without a fault the card and the engine differ: see $work/0.log" >&2
    exit 1
fi
seq 1 "$count" | xargs -P "$(nproc)" -n 1 "$0" "$work" | sort -n >"$work/verdicts.txt"

# A fault's name: what is done to which bit, and the text of the line that the bit comes from.
awk -v verdicts="$work/verdicts.txt" -v argued=$here/mutate_argued -v json="$json" -v count="$count" -v least="$least" -f $here/mutate_report.awk "$work/list.txt"
