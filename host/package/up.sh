#!/bin/sh
# up: start a gateway, and an office where there is one, in the background. `make up` and `make down` call this.
#
#   up.sh start    does nothing to what runs already
#   up.sh stop     ends exactly what start started, the office first, and waits for it
#
#   CARD      sim, the Verilated card, or soft, the reference engine [sim]
#   TRANSPORT kernel or lwip [as in the configuration]. lwip, asked for here, needs root: the gateway makes the
#             interface INTERFACE [wirepit0], is at SUBNET.1 [10.77.0], and this machine reaches it as SUBNET.2
#   TCP_PORT  port of the clients, 0 for a free one [as in the configuration]
#   CONFIG    the configuration [host/package/wirepit.yaml]
#   UP        directory of journals, sockets, logs and process ids; kept from start to start [build/up]
#   PROGRAMS  directory of the programs [build/plain]
set -eu

up=${UP:-build/up} programs=${PROGRAMS:-build/plain} config=${CONFIG:-$(dirname "$0")/wirepit.yaml}
patience=150 # tenths of a second that a program has to come up or to end

interface=${INTERFACE:-wirepit0} subnet=${SUBNET:-10.77.0}

say() { echo "up: $*" >&2; }

# A process id in a file may be another's by now: it counts only while it runs our program.
running() {
    pid=$(cat "$up/$1.pid" 2>/dev/null) || return 1
    test -n "$pid" || return 1
    ours=$(realpath "$programs/wirepit-$1")
    case $(readlink "/proc/$pid/exe" 2>/dev/null) in
    "$ours" | "$ours (deleted)") ;; # deleted: built again since
    *) return 1 ;;
    esac
}

# An office that can be asked.
office_serves() {
    test -x "$programs/wirepit-office" && "$programs/wirepit-office" --help | grep -q -e --socket
}

# launch NAME SOCKET OPTIONS...: starts a program and waits for its socket.
launch() {
    name=$1 socket=$2
    shift 2
    said=$(wc -c 2>/dev/null <"$up/$name.log" || echo 0) # of earlier starts
    setsid "$programs/wirepit-$name" "$@" >"$up/$name.out" 2>>"$up/$name.log" </dev/null &
    echo $! >"$up/$name.pid"
    waited=0
    until running "$name" && test -S "$socket"; do
        if test "$waited" -gt 3 && ! running "$name" || test "$waited" -ge "$patience"; then
            say "wirepit-$name did not come up; the end of $up/$name.log:"
            tail -c +$((said + 1)) "$up/$name.log" | tail -n 5 >&2
            ! tail -n 1 "$up/$name.log" | grep -q 'choose another with --port' || say "another port: make up TCP_PORT="
            finish "$name"
            return 1
        fi
        waited=$((waited + 1))
        sleep 0.1
    done
}

# finish NAME: asks the program to end and waits until it has.
finish() {
    if ! running "$1"; then
        rm -f "$up/$1.pid"
        return 0
    fi
    kill -TERM "$pid"
    waited=0
    while running "$1"; do
        if test "$waited" -ge "$patience"; then
            say "wirepit-$1, process $pid, does not end; see $up/$1.log"
            return 1
        fi
        waited=$((waited + 1))
        sleep 0.1
    done
    rm -f "$up/$1.pid"
    echo "wirepit-$1 ended"
}

# Whether lwIP can have an interface of its own here.
interface_free() {
    if test "${PORT:-tap}" != tap; then
        say "PORT=$PORT: make up makes a tap; another port is named in the configuration, gateway: nic and interface"
    elif test "$(id -u)" -ne 0; then
        say "TRANSPORT=lwip makes an interface, which needs root; become root, or use TRANSPORT=kernel"
    elif ! command -v ip >/dev/null; then
        say "TRANSPORT=lwip needs the program ip; install it with: apt install iproute2"
    elif test -e "/sys/class/net/$interface" || ip -4 address | grep -q " inet $subnet\."; then
        say "there is an interface $interface or an address $subnet.x here already; choose others with INTERFACE= and SUBNET="
    else
        return 0
    fi
    return 1
}

start() {
    mkdir -p "$up"
    tap=
    if running gateway; then
        echo "wirepit-gateway runs already, process $pid"
    else
        set -- --config "$config" --card "${CARD:-sim}" --journal "$up/journal" --control "$up/gateway.socket"
        test -z "${TRANSPORT:-}" || set -- "$@" --transport "$TRANSPORT"
        if test "${TRANSPORT:-}" = lwip; then
            interface_free
            tap=$interface
            set -- "$@" --nic tap --interface "$interface" --listen "$subnet.1"
        fi
        # The key that this build signs its firmware with, so that an update can be tried.
        key=$(dirname "$programs")/firmware/key_public.pem
        test ! -f "$key" || set -- "$@" --firmware-key "$key"
        test -z "${TCP_PORT:-}" || set -- "$@" --port "$TCP_PORT"
        launch gateway "$up/gateway.socket" "$@"
    fi
    waited=0
    until grep -q '^listening' "$up/gateway.out" || test "$waited" -ge "$patience"; do
        waited=$((waited + 1))
        sleep 0.1
    done
    if test -n "$tap"; then
        ip address add "$subnet.2/24" dev "$tap"
        ip link set "$tap" up
    fi
    if ! office_serves; then
        echo "no wirepit-office that answers here: orders, books and accounts cannot be looked at"
    elif running office; then
        echo "wirepit-office runs already, process $pid"
    else
        launch office "$up/office.socket" --config "$config" --journal "$up/journal" --store "$up/office.db" \
            --gateway "$up/gateway.socket" --socket "$up/office.socket"
    fi
    clients=$(sed -n 's/^listening on //p' "$up/gateway.out")
    cat <<TEXT
clients     $clients, SoupBinTCP and OUCH 5.0, users and passwords in $config
flow        $programs/wirepit-replay --host ${clients%:*} --port ${clients##*:} --clients 16 --pace real
watch       $programs/wirepit status --watch
everything  $programs/wirepit --help
logs        $up/gateway.log$(office_serves && echo ", $up/office.log")
end         make down
TEXT
}

case ${1:-} in
start) start ;;
stop)
    # The office first: what it still reads is there as long as it runs.
    ended=0
    finish office || ended=1
    finish gateway || ended=1
    exit $ended
    ;;
*)
    say "up.sh start or up.sh stop"
    exit 2
    ;;
esac
