#!/bin/sh
# coverage.sh JSON DIRECTORY SEED PROGRAM...: run the programs, whose RTL counts, and say per file of the RTL which part of its
# lines ran and of its bits turned over, both ways. What several models count of one place is one.
#
# A line is a branch or a block of a clocked or combinational process, as Verilator counts them: the arms of an if are two, whether
# or not the else is written. coverage_exclude has the places that cannot run: FILE, a text of the line, # and why. Exits 1 when a
# program fails, when fewer than 95 of 100 lines ran, or when an exclusion runs or is not there.
set -eu
json=$1 work=$2 seed=$3
shift 3
here=$(dirname "$0")
rm -rf "$work/data"
mkdir -p "$work/data"
export COVERAGE="$work/data" SEED="$seed" PROGRAMS=20
for program in "$@"; do
    case $program in
    */lockstep) "$program" --size small --commands 150000 --seed "$seed" ;;
    *) "$program" ;;
    esac >"$program.txt" 2>&1 || {
        tail -n 20 "$program.txt"
        echo "coverage: $program fails; see $program.txt"
        exit 1
    }
done

awk -v json="$json" -v exclude="$here/coverage_exclude" -v list="$work/not_run.txt" '
function trim(text) { gsub(/^[ \t]+|[ \t]+$/, "", text); return text }
BEGIN {
    while ((getline line <exclude) > 0) {
        if (line ~ /^#/ || line !~ /[^ ]/) continue
        reason = line
        sub(/^[^#]*# */, "", reason)
        sub(/ *# .*$/, "", line)
        place = line
        sub(/ .*/, "", place)
        sub(/^[^ ]* +/, "", line)
        excluded_file[++exclusions] = place
        excluded_text[exclusions] = trim(line)
    }
}
# \001 goes before each name, \002 before its value; the count is behind the closing quote.
/^C / {
    file = ""; kind = ""; at = 0; column = 0; comment = ""
    parts = split($0, part, "\001")
    for (i = 2; i <= parts; i++) {
        split(part[i], pair, "\002")
        value = pair[2]
        if (i == parts) { count = value; sub(/^[^\047]*\047 /, "", count); sub(/\047.*/, "", value) }
        if (pair[1] == "f") file = value
        else if (pair[1] == "l") at = value
        else if (pair[1] == "n") column = value
        else if (pair[1] == "page") kind = value
        else if (pair[1] == "o") comment = value
    }
    if (file !~ /^rtl\//) next
    sub(/\/.*/, "", kind)
    key = file SUBSEP at SUBSEP column SUBSEP comment SUBSEP kind
    if (!(key in hits)) { keys[++total] = key; hits[key] = 0; files[file] = 1 }
    hits[key] += count
}
function text_of(file, at) {
    if (!(file in read)) {
        read[file] = 1
        number = 0
        while ((getline line <file) > 0) text[file, ++number] = line
    }
    return text[file, at]
}
function exclusion(file, at,    e) {
    for (e = 1; e <= exclusions; e++)
        if (excluded_file[e] == file && index(text_of(file, at), excluded_text[e])) return e
    return 0
}
function percent(a, b) { return b ? a * 100 / b : 100 }
END {
    for (k = 1; k <= total; k++) {
        split(keys[k], f, SUBSEP)
        file = f[1]
        if (f[5] == "v_toggle") { bits[file]++; if (hits[keys[k]] > 0) turned[file]++; continue }
        if (f[5] != "v_line" && f[5] != "v_branch") continue
        e = exclusion(file, f[2])
        if (e) {
            used[e] = 1
            if (hits[keys[k]] > 0) ran_excluded[e]++
            else { left_out[file]++; continue }
        }
        lines[file]++
        if (hits[keys[k]] > 0) ran[file]++
        else missing[++missed] = file ":" f[2] ": " f[4] ": " trim(text_of(file, f[2]))
    }
    printf "%-24s %6s %6s %7s   %7s %7s   %s\n", "file", "lines", "run", "%", "bits", "%", "excluded"
    printf "[" >json
    for (file in files) name[++names] = file
    for (i = 1; i <= names; i++) for (j = i + 1; j <= names; j++) if (name[j] < name[i]) { swap = name[i]; name[i] = name[j]; name[j] = swap }
    for (i = 1; i <= names; i++) {
        file = name[i]
        printf "%-24s %6d %6d %7.1f   %7d %7.1f   %d\n", file, lines[file], ran[file], percent(ran[file], lines[file]), bits[file], percent(turned[file], bits[file]), left_out[file]
        printf "%s\n  {\"file\": \"%s\", \"lines\": %d, \"run\": %d, \"bits\": %d, \"turned\": %d, \"excluded\": %d}", (i > 1 ? "," : ""), file, lines[file], ran[file], bits[file], turned[file], left_out[file] >json
        all += lines[file]; all_ran += ran[file]; all_bits += bits[file]; all_turned += turned[file]; all_out += left_out[file]
    }
    printf "%-24s %6d %6d %7.1f   %7d %7.1f   %d\n", "all", all, all_ran, percent(all_ran, all), all_bits, percent(all_turned, all_bits), all_out
    printf ",\n  {\"file\": \"all\", \"lines\": %d, \"run\": %d, \"bits\": %d, \"turned\": %d, \"excluded\": %d}\n]\n", all, all_ran, all_bits, all_turned, all_out >json
    for (i = 1; i <= missed; i++) { print missing[i] >list; print "not run: " missing[i] }
    for (e = 1; e <= exclusions; e++) {
        if (!(e in used)) { print "coverage: coverage_exclude: " excluded_file[e] " has no line with: " excluded_text[e]; wrong = 1 }
    }
    if (percent(all_ran, all) < 95) { print "coverage: fewer than 95 of 100 lines ran; a line needs a test that runs it, or a place in coverage_exclude and why"; wrong = 1 }
    if (all == 0) { print "coverage: nothing was counted"; wrong = 1 }
    exit wrong
}' "$work"/data/*.dat
