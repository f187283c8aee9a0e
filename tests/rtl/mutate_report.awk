# mutate_report.awk: mutate.sh's verdicts in words, and its sums: prints what was not seen, writes JSON.
#
# A fault's name is what is done to which bit of what, and the text that its bit comes from: no number of a line or of a
# cell, so that it stays what it is while the core around it changes.
function option(name,   i) {
    for (i = 1; i < NF; i++)
        if ($i == "-" name) return $(i + 1)
    return ""
}

# The text at FILE:LINE.COLUMN-..., to the end of the line.
function text_at(place,   part, n, line) {
    split(place, part, /[:.-]/)
    place = part[1] "." part[2]
    n = part[3]
    if (!((place, n) in lines))
        for (n = 1; (getline line < place) > 0; n++) lines[place, n] = line
    line = substr(lines[place, part[3]], part[4])
    gsub(/[ \t]+/, " ", line)
    return line
}

# Where it is: the last place in the core that has a line.
function place(   i, found) {
    for (i = 1; i < NF; i++)
        if ($i == "-src" && $(i + 1) !~ /:0\./) found = $(i + 1)
    return found
}

function quoted(list) {
    return "[" substr(list, 3) "]"
}

BEGIN {
    while ((getline < verdicts) > 0) verdict[$1] = $2
    while ((getline line < argued) > 0) {
        at = index(line, " :: ")
        if (line ~ /^#/ || at == 0) continue
        why[substr(line, 1, at - 1)] = substr(line, at + 4)
    }
}
{
    where = place()
    name = option("mode") " " option("port") "[" option("portbit") "]"
    if (option("ctrlbit") != "") name = name " by [" option("ctrlbit") "]"
    if (option("wire") != "") name = name " " option("wire") "[" option("wirebit") "]"
    name = name " at " (where == "" ? option("cell") : text_at(where))
    state = verdict[NR] == "unseen" && name in why ? "argued" : verdict[NR]
    sums[state]++
    numbers[state] = numbers[state] ", " NR
    if (name in why) drawn[name] = state
    if (state == "seen") next
    printf "%s: %d, %s: %s%s\n", state, NR, where == "" ? "what yosys made" : where, name, state == "argued" ? " :: " why[name] : ""
}
END {
    for (name in drawn)
        if (drawn[name] == "seen") {
            printf "mutate: %s is argued to change nothing, and was seen\n", name
            wrong = 1
        }
    percent = int(100 * (sums["seen"] + sums["proved"] + sums["argued"]) / count)
    printf "mutate: %d faults: %d seen, %d proved and %d argued to change nothing, %d unseen: %d %%\n", count,
        sums["seen"], sums["proved"], sums["argued"], sums["unseen"], percent
    printf "{\"faults\": %d, \"seen\": %d, \"proved\": %s, \"argued\": %s, \"unseen\": %s, \"percent\": %d}\n", count,
        sums["seen"], quoted(numbers["proved"]), quoted(numbers["argued"]), quoted(numbers["unseen"]), percent >json
    if (percent < least) printf "mutate: fewer than %d of 100; draw what shows the others\n", least
    exit wrong || percent < least
}
