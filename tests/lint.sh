#!/bin/sh
# lint.sh: what compilers do not see: words that stand for something left out, literal registers, rooms that use what they may not.
set -u
failed=0
complain() {
    failed=1
    echo "lint: $1" >&2
}

sources=$(git ls-files '*.c' '*.h' '*.def' '*.v' '*.vh' '*.cpp' '*.mk' '*.sh' Makefile | grep -v '^tests/lint.sh$')
words='TODO|FIXME|HACK|not implemented'
hits=$(grep -nE "\b($words)\b" $sources) && complain "a word that stands for something left out:
$hits"
hits=$(grep -nE '\b(strcpy|strcat|sprintf|gets|atoi|atol|strtok_r?)\(' $(git ls-files 'driver/*.c' 'firmware/*.c' 'host/*.c' 'sim/*.c')) && complain "a call with a safer sister:
$hits"
hits=$(grep -nE "12'h[0-9a-f]{3}" $(git ls-files 'rtl/*.v')) && complain "a literal register address; use \`REG_:
$hits"
hits=$(grep -nE '\b(float|double)\b' $(git ls-files 'host/engine/*' 'host/ledger/*' 'driver/*.c')) && complain "floating point where decisions are made:
$hits"

# may ROOM USES...: the room's files include nothing outside itself, driver/abi, host/base and these.
may() {
    room=$1
    shift
    allowed="^(driver/abi|host/base|$room"
    for used in "$@"; do allowed="$allowed|$used"; done
    allowed="$allowed)/[^/]*$"
    for file in $(git ls-files "$room/*.c" "$room/*.h" "$room/*.cpp" | grep -E "^$room/[^/]*$"); do
        for include in $(sed -n 's/^ *#include "\([^"]*\/[^"]*\)".*/\1/p' "$file"); do
            echo "$include" | grep -qE "$allowed" || complain "$file includes $include, which $room may not use (design: rooms)"
        done
    done
}
may driver
may driver/abi
may host/base
may host/engine driver
may host/softcard driver host/engine
may sim driver rtl host/engine
may host/wire
may host/journal
may host/book
may host/ledger
may host/control
may host/cli host/control host/journal
may host/store
may host/office host/store host/journal host/control host/ledger host/book host/wire
may host/bpf build/bpf
# gateway_main.c puts the parts together, cards among them; nothing else of the gateway knows what a card is made of.
may host/gateway host/gateway/lwip host/bpf host/control driver host/wire host/journal host/engine host/softcard sim
hits=$(grep -lE '#include "(host/engine|host/softcard|sim)/' $(git ls-files 'host/gateway/*.[ch]') | grep -vE '^host/gateway/(gateway_main|verify)\.c$') &&
    complain "only gateway_main.c and verify.c know what a card is made of: $hits"
may host/gateway/lwip host/gateway host/bpf
may host/client host/wire
may firmware driver build build/firmware
may firmware/target firmware build/firmware
exit $failed
