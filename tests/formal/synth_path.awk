# synth_path.awk: read a flattened netlist of Xilinx cells (yosys write_blif -param -cname) and say for each instance what it
# takes and the longest path between registers that goes through it.
#
# Prints a line an instance: name LUT FF CARRY LUTRAM BRAM36 URAM DSP levels cells; then "path" and the cells of the longest
# one. A level is a LUT, a whole carry chain, a read of LUT RAM or a DSP without registers; the multiplexers behind LUTs in a
# slice (MUXF) are none. Cells count each of these, every link of a chain and every MUXF. Block and ultra RAM and what has
# registers inside begin and end paths; so do the ports.

# The instance a cell lies in: $flatten\core.\level_ram.$abc$1 is in core.level_ram; so is core.level_ram.rows.0.0, which is
# known only when all instances are.
function instance_of(name,    path, at, part) {
    if (substr(name, 1, 9) != "$flatten\\") return name ~ /^\$/ ? "top" : ":" name
    name = substr(name, 10)
    path = ""
    for (;;) {
        at = index(name, ".")
        part = substr(name, 1, at - 1)
        path = path == "" ? part : path "." part
        name = substr(name, at + 1)
        if (substr(name, 1, 1) != "\\") return path
        name = substr(name, 2)
    }
}

# An output that follows an input within a clock, at a cost of levels; cells are counted along.
function arc(from, to, levels) {
    if (from == "$false" || from == "$true" || from == "$undef") return
    arc_from[++arcs] = from
    arc_levels[arcs] = levels
    arc_next[arcs] = arcs_of[to]
    arcs_of[to] = arcs
}

# Every output follows every other port.
function comb(is_output, levels,    i, j) {
    for (i = 1; i <= ports; i++) if (port[i] ~ is_output) {
        driver[net[i]] = count
        for (j = 1; j <= ports; j++) if (port[j] !~ is_output) arc(net[j], net[i], levels)
    }
}

function carry(    i, j, bit, from) {
    for (i = 1; i <= ports; i++) if (port[i] ~ /^(CO|O)\[/) {
        driver[net[i]] = count
        bit = substr(port[i], index(port[i], "[") + 1) + 0
        for (j = 1; j <= ports; j++) {
            if (port[j] ~ /^(CO|O)\[/) continue
            from = port[j] ~ /\[/ ? substr(port[j], index(port[j], "[") + 1) + 0 : 0
            # DI of a bit goes to its carry out, not to its sum.
            if (from > bit || (port[i] ~ /^O/ && port[j] ~ /^DI/ && from == bit)) continue
            arc(net[j], net[i], port[j] == "CI" ? "chain" : 1)
        }
    }
}

# What ends at a register's inputs, and what begins at its outputs: nothing to note for the latter.
function ends(is_output,    i) {
    for (i = 1; i <= ports; i++) if (port[i] !~ is_output) { end_net[++end_count] = net[i]; end_cell[end_count] = count }
}

function place_dsp() {
    if (registered) ends("^(P|ACOUT|BCOUT|PCOUT|CARRY|MULT|OVER|UNDER|PATTERN)")
    else comb("^(P|ACOUT|BCOUT|PCOUT|CARRYOUT|CARRYCASCOUT|MULTSIGNOUT|OVERFLOW|UNDERFLOW|PATTERN)", 1)
}

function finish() {
    if (type == "DSP48E2") place_dsp()
    type = ""
}

# The longest way to a net: levels first, then cells. A net on its own way is a loop, which nothing here may have.
function arrive(to,    a, levels, cells, best, best_cells, best_from) {
    if (to in level_at) return level_at[to]
    if (to in visiting) { print "synth: a loop of logic through " to >"/dev/stderr"; failed = 1; return 0 }
    visiting[to] = 1
    best = 0; best_cells = 0; best_from = ""
    for (a = arcs_of[to]; a; a = arc_next[a]) {
        levels = arrive(arc_from[a]) + cost(a)
        cells = cells_at[arc_from[a]] + 1
        if (levels > best || (levels == best && cells > best_cells)) { best = levels; best_cells = cells; best_from = arc_from[a] }
    }
    delete visiting[to]
    cells_at[to] = best_cells
    before[to] = best_from
    order[++ordered] = to
    return level_at[to] = best
}

# A link of a chain costs nothing when the chain goes on, one level where it begins.
function cost(a) {
    if (arc_levels[a] != "chain") return arc_levels[a]
    return (arc_from[a] in driver) && kind[driver[arc_from[a]]] ~ /^CARRY/ ? 0 : 1
}

/^\.subckt / {
    finish()
    type = $2
    kind[++count] = type
    ports = 0
    for (i = 3; i <= NF; i++) {
        at = index($i, "=")
        port[++ports] = substr($i, 1, at - 1)
        net[ports] = substr($i, at + 1)
    }
    registered = 0
    if (type ~ /^(LUT[1-6]|INV|BUFG?|IBUF|OBUF)$/) comb("^O$", type ~ /BUF/ ? 0 : 1)
    else if (type ~ /^MUXF[789]$/) comb("^O$", 0)
    else if (type ~ /^CARRY/) carry()
    else if (type ~ /^FD/) ends("^(Q|C)$")
    else if (type ~ /^RAM[0-9]+/) { ends("^(DO.*|WCLK|ADDR[A-H]\\[.*)$"); ports_read() }
    else if (type ~ /^SRL/) { comb("^Q", 1) }
    else if (type ~ /^(RAMB|URAM)/) ends("^(DO|CAS|DBI|SBI|RDACC)|CLK")
    else if (type != "DSP48E2") { print "synth: a cell that paths are not known of: " type >"/dev/stderr"; failed = 1 }
    next
}
/^\.cname / {
    inside[count] = instance_of($2)
    if (inside[count] !~ /^:/) instance[inside[count]] = 1
    next
}
/^\.outputs / { for (i = 2; i <= NF; i++) { end_net[++end_count] = $i; end_cell[end_count] = 0 } next }
/^\.param / { if ($2 ~ /^(AREG|BREG|CREG|DREG|ADREG|MREG|PREG)$/ && $3 ~ /1/) registered = 1; next }
/^\.(names|end)/ { finish(); if ($1 == ".names" && NF == 3) { arc($2, $3, 0) } }

# LUT RAM reads in the clock: data follow the addresses of their own letter.
function ports_read(    i, j) {
    for (i = 1; i <= ports; i++) if (port[i] ~ /^DO/) {
        driver[net[i]] = count
        for (j = 1; j <= ports; j++) if (port[j] ~ "^ADDR" substr(port[i], 3, 1)) arc(net[j], net[i], 1)
    }
}

function through(cell, levels, cells,    path) {
    path = inside[cell]
    if (levels > longest[path] || (levels == longest[path] && cells > longest_cells[path])) { longest[path] = levels; longest_cells[path] = cells }
}

# A public name's instance is the longest one that it begins with; a table, <what>_ram, may hold nothing but its memory.
function settle(cell,    path) {
    path = substr(inside[cell], 2)
    if (match(path, /^.*_ram\./)) {
        inside[cell] = substr(path, 1, RLENGTH - 1)
        instance[inside[cell]] = 1
        return
    }
    while (!(path in instance) && path ~ /\./) sub(/\.[^.]*$/, "", path)
    inside[cell] = path in instance ? path : "top"
}

END {
    finish()
    inside[0] = "top"
    for (c = 1; c <= count; c++) {
        if (inside[c] ~ /^:/) settle(c)
        if (inside[c] == "") inside[c] = "top"
    }
    for (e = 1; e <= end_count; e++) {
        levels = arrive(end_net[e])
        if (levels > worst || (levels == worst && cells_at[end_net[e]] > cells_at[worst_end])) { worst = levels; worst_end = end_net[e]; worst_cell = end_cell[e] }
        through(end_cell[e], levels, cells_at[end_net[e]])
        if (!(end_net[e] in tail)) { tail[end_net[e]] = 0; tail_cells[end_net[e]] = 0 }
    }
    # Backwards: how much is still to come behind a net. What reaches no register is no path.
    for (o = ordered; o > 0; o--) {
        to = order[o]
        if (!(to in tail)) continue
        if (to in driver) through(driver[to], level_at[to] + tail[to], cells_at[to] + tail_cells[to])
        for (a = arcs_of[to]; a; a = arc_next[a]) {
            from = arc_from[a]
            levels = tail[to] + cost(a)
            if (!(from in tail) || levels > tail[from]) { tail[from] = levels; tail_cells[from] = tail_cells[to] + 1 }
        }
    }
    for (c = 1; c <= count; c++) {
        path = inside[c]
        if (!(path in seen)) { seen[path] = 1; name[++names] = path }
        if (kind[c] ~ /^(LUT[1-6]|INV)$/) lut[path]++
        else if (kind[c] ~ /^FD/) ff[path]++
        else if (kind[c] ~ /^CARRY/) chain[path]++
        else if (kind[c] ~ /^RAMB/) bram[path] += kind[c] ~ /36/ ? 1 : 0.5
        else if (kind[c] ~ /^URAM/) uram[path]++
        else if (kind[c] ~ /^RAM/) lutram[path]++
        else if (kind[c] ~ /^DSP/) dsp[path]++
    }
    for (n = 1; n <= names; n++) {
        path = name[n]
        print path, lut[path] + 0, ff[path] + 0, chain[path] + 0, lutram[path] + 0, bram[path] + 0, uram[path] + 0, dsp[path] + 0, longest[path] + 0, longest_cells[path] + 0
    }
    steps = 0
    for (at = worst_end; at != ""; at = before[at]) step[++steps] = at
    for (s = steps; s > 0; s--) print "path", (step[s] in driver) ? kind[driver[step[s]]] : "start", (step[s] in driver) ? inside[driver[step[s]]] : "", step[s]
    print "path", worst_cell ? kind[worst_cell] : "port", inside[worst_cell], "end"
    exit failed
}
