#!/bin/sh
# mutate.sh JSON DIRECTORY COUNT: switch on one fault of the card after the other and run random commands in lock-step: a
# fault is seen when the card then says something else than the engine, or stops. Those that are not seen are printed with
# what they change and where. Exits 1 when the card without a fault is not as the engine, or fewer than 3 of 4 are seen: some
# change nothing that can be, a bit of a part that the form check keeps at 0 for one.
#
# mutate.sh DIRECTORY NUMBER: one fault; prints its number if it is not seen.
set -eu

if [ $# -eq 2 ]; then
    # Short runs first, since most faults are seen at once.
    for run in "2000 1" "30000 2" "120000 3"; do
        # shellcheck disable=SC2086
        set -- "$1" "$2" $run
        MUTANT=$2 timeout 300 "$1/lockstep" --size small --commands "$3" --seed "$4" >"$1/$2.log" 2>&1 || exit 0
    done
    echo "$2"
    exit 0
fi

json=$1 work=$2 count=$3
least=75

if [ "$("$0" "$work" 0)" != 0 ]; then
    echo "mutate: without a fault the card and the engine differ: see $work/0.log" >&2
    exit 1
fi
seq 1 "$count" | xargs -P "$(nproc)" -n 1 "$0" "$work" >"$work/unseen.txt"
unseen=$(wc -l <"$work/unseen.txt")
sort -n "$work/unseen.txt" | while read -r number; do
    sed -n "${number}p" "$work/list.txt" |
        sed 's/.*-mode \([a-z0-9]*\).*-port \([A-Z]*\) -portbit \([0-9]*\).*-src \(rtl[^ ]*\)$/unseen: \1 at bit \3 of \2 in \4/'
done
percent=$(((count - unseen) * 100 / count))
printf 'mutate: %d faults, %d seen, %d unseen: %d %% seen\n' "$count" $((count - unseen)) "$unseen" "$percent"
printf '{"faults": %d, "seen": %d, "unseen": [%s], "percent": %d}\n' "$count" $((count - unseen)) \
    "$(sort -n "$work/unseen.txt" | paste -sd , -)" "$percent" >"$json"
if [ "$percent" -lt "$least" ]; then
    echo "mutate: fewer than $least of 100 are seen; draw what shows the others" >&2
    exit 1
fi
