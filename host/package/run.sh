#!/bin/sh
# run: trade an order flow through the gateway and print what came of it. `make run` calls this.
#
#   FLOW     day, stream, or a LOBSTER or CSV file [day]
#   CARD     sim, the Verilated card; bus, the same in a process of its own; soft, the reference engine;
#            or vfio:0000:03:00.0, a card on PCIe [sim]
#   CLIENTS  sessions, 1 to 16 [4]
#   ROWS     at most so many rows; 0 is all of a file [50,000 of a generated flow, else 0]
#   PACE     real, flat or strict: one message at a time, so that the same flow gives the same trades [strict for files]
#   TRACE    file for a waveform of the Verilated card; about ten times slower [none]
#   TRANSPORT  lwip, past the kernel, or kernel, its TCP on loopback [lwip, or kernel with a line that says why]
#   PORT     auto, af_xdp, af_packet or tap under lwIP; none is TRANSPORT=kernel [auto]
#   RUN      directory for journal and figures; what an earlier run left there is removed [build/run]
#   PROGRAMS directory of the programs [build/plain]
set -eu

flow=${FLOW:-day} card=${CARD:-sim} clients=${CLIENTS:-4} run=${RUN:-build/run} programs=${PROGRAMS:-build/plain}
trace=${TRACE:-} transport=${TRANSPORT:-} port_kind=${PORT:-} chosen=${TRANSPORT:-}${PORT:-}
package=$(dirname "$0")

# What is wrong is said before anything of an earlier run is removed.
refuse() {
    echo "run: $1" >&2
    exit 1
}
in_list() { case " $2 " in *" $1 "*) ;; *) return 1 ;; esac }
case $card in
vfio:?*) ;;
*) in_list "$card" "sim soft bus" || refuse "CARD is sim, soft, bus or vfio:0000:03:00.0, a PCI address, not $card" ;;
esac
in_list "${PACE:-flat}" "real flat strict" || refuse "PACE is real, flat or strict, not $PACE"
test "$clients" -ge 1 2>/dev/null && test "$clients" -le 16 ||
    refuse "CLIENTS is 1 to 16, as many as firms in $package/wirepit.yaml, not $clients"
test "${ROWS:-0}" -ge 0 2>/dev/null || refuse "ROWS is a number, 0 for all of a file, not $ROWS"
test -z "$trace" || test "$card" = sim || refuse "TRACE needs CARD=sim"
if test -d "$run/journal" && ! flock --nonblock "$run/journal" true; then
    refuse "a gateway is writing $run/journal; stop it first, or choose another directory with RUN="
fi
case $port_kind in
none) transport=kernel ;;
'') port_kind=auto ;;
esac
case ${transport:=lwip} in
lwip | kernel) ;;
*)
    echo "run: TRANSPORT is lwip or kernel, not $transport" >&2
    exit 1
    ;;
esac

# lwIP needs a network namespace for the gateway's end of the wire and one for the clients': they vanish with the
# processes in them, whatever happens. Without root a user namespace gives the right to make them.
fall_back() {
    if test -n "$chosen"; then
        echo "run: $1" >&2
        exit 1
    fi
    echo "run: $1; trading over the kernel's TCP on loopback instead" >&2
    transport=kernel
}
if test "$transport" = lwip && test -z "${WIREPIT_RUN_INSIDE:-}"; then
    missing=
    for tool in unshare nsenter ip ethtool; do
        command -v "$tool" >/dev/null || missing="$missing $tool"
    done
    if test -n "$missing"; then
        fall_back "lwIP needs these programs:$missing"
    elif unshare --net true 2>/dev/null; then
        WIREPIT_RUN_INSIDE=1 exec unshare --net "$0"
    elif unshare --user --map-root-user --net true 2>/dev/null; then
        WIREPIT_RUN_INSIDE=1 exec unshare --user --map-root-user --net "$0"
    else
        fall_back "neither root nor user namespaces, so lwIP has no network of its own"
    fi
fi

# The wire: two ends of a veth, the gateway's in the namespace of $holder. A tap is made by the gateway itself, on the
# clients' side. The clients' end computes checksums, which the port cannot do for it.
wire() {
    ip link set lo up
    sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null || true
    test "$port_kind" != tap || return 0
    unshare --net tail --pid=$$ -f /dev/null &
    holder=$!
    until test "$(readlink /proc/$holder/ns/net)" != "$(readlink /proc/self/ns/net)"; do sleep 0.01; done
    ip link add wirepit1 type veth peer name wirepit0 netns "$holder" &&
        ip address add 10.77.0.2/24 dev wirepit1 && ip link set wirepit1 up &&
        ethtool -K wirepit1 tx off >/dev/null &&
        nsenter --net=/proc/$holder/ns/net ip link set wirepit0 up
}
symbol=AAPL pace=flat rows=0
case $flow in
day) rows=50000 ;;
stream) rows=50000 symbol=STREAM ;;
*)
    test -f "$flow" && test -r "$flow" || refuse "$flow: no such flow; FLOW is day, stream or a file"
    pace=strict
    case $(head -n 1 "$flow") in seq,*) symbol=AAPLCSV ;; esac
    ;;
esac
rows=${ROWS:-$rows} pace=${PACE:-$pace}
test -n "$rows" || rows=0

rm -rf "$run/journal" "$run"/office.db* "$run"/*.json "$run"/gateway.* "$run"/card.*
mkdir -p "$run"
gateway= holder= card_process= address=127.0.0.1 port=
stop_all() {
    test -z "$gateway" || kill "$gateway" 2>/dev/null || true
    test -z "$holder" || kill "$holder" 2>/dev/null || true
    test -z "$card_process" || kill "$card_process" 2>/dev/null || true
}
trap stop_all EXIT INT TERM

if test "$card" = bus; then
    "$programs/wirepit-card" --socket "$run/card.socket" >"$run/card.out" 2>"$run/card.log" &
    card_process=$!
    until test -s "$run/card.out"; do
        if ! kill -0 "$card_process" 2>/dev/null; then
            cat "$run/card.log" >&2
            echo "run: the card's process did not come up" >&2
            exit 1
        fi
        sleep 0.1
    done
fi

# Starts the gateway with more options, $inside a namespace or not, and waits for its port, which stays empty when it
# does not come up.
start() {
    $inside "$programs/wirepit-gateway" --config "$package/wirepit.yaml" --card "$card" --card-socket "$run/card.socket" --journal "$run/journal" --port 0 \
        --listen "$address" --transport "$transport" ${trace:+--trace "$trace"} "$@" \
        --json "$run/gateway.json" >"$run/gateway.out" 2>"$run/gateway.log" &
    gateway=$!
    while test -z "$port" && kill -0 "$gateway" 2>/dev/null; do
        sleep 0.1
        port=$(sed -n 's/^listening on .*://p' "$run/gateway.out")
    done
}

inside=
if test "$transport" = lwip; then
    if wire 2>"$run/wire.log"; then
        address=10.77.0.1
        test -z "$holder" || inside="nsenter --net=/proc/$holder/ns/net"
        start --nic "$port_kind" --interface wirepit0
        inside=
        if test -z "$port"; then
            fall_back "lwIP does not come up: $(tail -n 1 "$run/gateway.log")"
        elif test "$port_kind" = tap; then
            ip address add 10.77.0.2/24 dev wirepit0
            ip link set wirepit0 up
        fi
        sed -n 's/^[^ ]* \(port .* instead\)$/run: \1/p' "$run/gateway.log" >&2
    else
        fall_back "no wire for lwIP: $(tail -n 1 "$run/wire.log")"
    fi
fi
if test "$transport" = kernel; then
    address=127.0.0.1
    start
fi
if test -z "$port"; then
    cat "$run/gateway.log" >&2
    echo "run: the gateway did not come up" >&2
    exit 1
fi

played=0
"$programs/wirepit-replay" --host "$address" --port "$port" --flow "$flow" --symbol "$symbol" --rows "$rows" --clients "$clients" \
    --pace "$pace" --progress --json "$run/replay.json" >"$run/replay.out" || played=$?
kill -TERM "$gateway"
ended=0
wait "$gateway" || ended=$?
gateway=
if test "$played" -ne 0 || test "$ended" -ne 0; then
    test "$ended" -eq 0 || tail -n 5 "$run/gateway.log" >&2
    echo "run: the client ended with $played, the gateway with $ended; see $run/gateway.log" >&2
    exit 1
fi
"$programs/wirepit-gateway" --config "$package/wirepit.yaml" --card "$card" --journal "$run/journal" --verify
"$programs/wirepit-replay" report "$run/replay.json" "$run/gateway.json" --json "$run/summary.json"
"$programs/wirepit-office" --config "$package/wirepit.yaml" --journal "$run/journal" --store "$run/office.db" --once \
    --json "$run/office.json" --summary "$run/summary.json" --report "$run/report.html"
echo "
report: $run/report.html"
