#!/bin/sh
# run: trade an order flow through the gateway and print what came of it. `make run` calls this.
#
#   FLOW     day, stream, or a LOBSTER or CSV file [day]
#   CARD     sim, the Verilated card, or soft, the reference engine [sim]
#   CLIENTS  sessions, 1 to 16 [4]
#   ROWS     at most so many rows; 0 is all of a file [50,000 of a generated flow, else 0]
#   PACE     real, flat or strict [strict for LOBSTER files, whose orders depend on each other; else flat]
#   RUN      directory for journal and figures; what an earlier run left there is removed [build/run]
#   PROGRAMS directory of the programs [build/plain]
set -eu

flow=${FLOW:-day} card=${CARD:-sim} clients=${CLIENTS:-4} run=${RUN:-build/run} programs=${PROGRAMS:-build/plain}
package=$(dirname "$0")
symbol=AAPL pace=flat rows=0
case $flow in
day) rows=50000 ;;
stream) rows=50000 symbol=STREAM ;;
*)
    if ! test -r "$flow"; then
        echo "run: $flow: no such flow; FLOW is day, stream or a file" >&2
        exit 1
    fi
    case $(head -n 1 "$flow") in
    seq,*) symbol=AAPLCSV ;;
    *) pace=strict ;;
    esac
    ;;
esac
rows=${ROWS:-$rows} pace=${PACE:-$pace}
test -n "$rows" || rows=0

rm -rf "$run/journal" "$run"/*.json "$run"/gateway.*
mkdir -p "$run"
"$programs/wirepit-gateway" --config "$package/wirepit.yaml" --card "$card" --journal "$run/journal" --port 0 \
    --json "$run/gateway.json" >"$run/gateway.out" 2>"$run/gateway.log" &
gateway=$!
trap 'kill "$gateway" 2>/dev/null || true' EXIT INT TERM

port=
while test -z "$port"; do
    if ! kill -0 "$gateway" 2>/dev/null; then
        cat "$run/gateway.log" >&2
        echo "run: the gateway did not come up" >&2
        exit 1
    fi
    sleep 0.1
    port=$(sed -n 's/^listening on .*://p' "$run/gateway.out")
done

played=0
"$programs/wirepit-replay" --port "$port" --flow "$flow" --symbol "$symbol" --rows "$rows" --clients "$clients" \
    --pace "$pace" --progress --json "$run/replay.json" || played=$?
kill -TERM "$gateway"
ended=0
wait "$gateway" || ended=$?
trap - EXIT INT TERM
if test "$played" -ne 0 || test "$ended" -ne 0; then
    tail -n 5 "$run/gateway.log" >&2
    echo "run: the client ended with $played, the gateway with $ended; see $run/gateway.log" >&2
    exit 1
fi
"$programs/wirepit-gateway" --config "$package/wirepit.yaml" --card "$card" --journal "$run/journal" --verify
"$programs/wirepit-replay" report "$run/replay.json" "$run/gateway.json" --json "$run/summary.json"
