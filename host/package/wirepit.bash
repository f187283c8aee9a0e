# wirepit.bash: completion of the wirepit tool in bash. Source it, or install it as
# /usr/share/bash-completion/completions/wirepit. Names come from the gateway, when it is up.

# The names of a list in the gateway's status: symbols, firms, accounts, sessions.
_wirepit_names() {
    "$1" status --json --timeout 500 "${_wirepit_where[@]}" 2>/dev/null | sed -n "
        /^    \"$2\": \[/,/^    \]/s/^ *\"name\": \"\(.*\)\",\{0,1\}\$/\1/p"
}

_wirepit() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} tool=${COMP_WORDS[0]} at
    local -a words=() _wirepit_where=()
    COMPREPLY=()
    # The words of the command without its options.
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
        --dir | --gateway | --office | --journal)
            _wirepit_where+=("${COMP_WORDS[at]}" "${COMP_WORDS[at + 1]}")
            ((at++))
            ;;
        --account | --symbol | --session | --state | --cursor | --limit | --depth | --timeout) ((at++)) ;;
        -*) ;;
        *) words+=("${COMP_WORDS[at]}") ;;
        esac
    done

    local choices=
    case $before in
    --account) choices=$(_wirepit_names "$tool" accounts) ;;
    --symbol) choices=$(_wirepit_names "$tool" symbols) ;;
    --session) choices=$(_wirepit_names "$tool" sessions) ;;
    --state) choices="open filled canceled replaced refused" ;;
    --dir | --journal | --gateway | --office)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --cursor | --limit | --depth | --timeout) return ;;
    *)
        case "${words[*]}" in
        "" | help)
            choices="status symbols book orders order trades accounts account positions limits alarms halt open kill release journal books card doctor"
            test "${#words[@]}" -gt 0 || choices+=" help"
            ;;
        book | halt | open) choices=$(_wirepit_names "$tool" symbols) ;;
        account | limits) choices="$(_wirepit_names "$tool" accounts)$(test "${words[0]}" = limits && echo " set")" ;;
        "limits set") choices=$(_wirepit_names "$tool" accounts) ;;
        "limits set "*)
            test ${#words[@]} -eq 3 && choices="quantity_max notional_max enabled open_orders open_notional daily_notional rate_interval rate_burst duplicate self_trade long_max short_max locate restriction"
            test "${words[*]:3}" = self_trade && choices="none newest oldest both decrement"
            ;;
        kill | release) choices="all firm account session" ;;
        "kill firm" | "release firm") choices=$(_wirepit_names "$tool" firms) ;;
        "kill account" | "release account") choices=$(_wirepit_names "$tool" accounts) ;;
        "kill session" | "release session") choices=$(_wirepit_names "$tool" sessions) ;;
        journal) choices="verify tail" ;;
        books) choices="verify" ;;
        card) choices="info health counters histogram log reset selftest firmware" ;;
        "card firmware") choices="update" ;;
        "card firmware update")
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        esac
        ;;
    esac
    if [[ $word == -* ]]; then
        choices="--help --json --watch --dir --gateway --office --journal --timeout"
        case ${words[0]:-} in
        book) choices+=" --depth" ;;
        orders) choices+=" --account --symbol --session --state --limit --cursor" ;;
        trades) choices+=" --account --symbol --limit --cursor" ;;
        positions) choices+=" --account --symbol --all --limit --cursor" ;;
        accounts | alarms) choices+=" --limit --cursor" ;;
        limits) choices+=" --account --symbol --adjust" ;;
        kill) choices+=" --cancel" ;;
        journal) choices+=" --limit --follow" ;;
        card)
            case ${words[1]:-} in
            log) choices+=" --limit --follow" ;;
            reset) choices+=" --management --yes" ;;
            esac
            ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

complete -F _wirepit wirepit
