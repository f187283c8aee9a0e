#!/bin/sh
# run.sh RESULTS: run the tests listed on standard input, one command a line, and end with "N passed, N failed".
#
# A cmocka test counts by its own cases, any other command as one case by its exit code. What a test prints goes to
# RESULTS/<n>.log and is shown where it fails; a line "skipped: <why>" is always shown. SEED is handed on in the environment.
set -u
results=$1
rm -rf "$results"
mkdir -p "$results"
passed=0 failed=0 n=0
while read -r command; do
    test -n "$command" || continue
    n=$((n + 1))
    log=$results/$n.log
    from=$(date +%s)
    if test -t 1; then printf '      %s' "$command"; fi
    sh -c "$command" >"$log" 2>&1 </dev/null
    code=$?
    if test -t 1; then printf '\r\033[K'; fi
    good=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
    bad=$(sed -n 's/^ *\([0-9]*\) FAILED TEST.*/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
    if test "$code" -eq 0; then
        test "$good" -gt 0 || grep -q "^skipped: " "$log" || good=1
    else
        test "$bad" -gt 0 || bad=1
    fi
    passed=$((passed + good)) failed=$((failed + bad))
    word=ok
    test "$code" -eq 0 || word=FAILED
    printf '%-6s %4d s  %3d cases  %s\n' "$word" $(($(date +%s) - from)) $((good + bad)) "$command"
    sed -n 's/^skipped: /       skipped: /p' "$log"
    test "$code" -eq 0 || tail -n 40 "$log"
done
printf '%d passed, %d failed\n' "$passed" "$failed"
test "$failed" -eq 0 && test "$passed" -gt 0
