# mutate_ports.awk: BLIF of the core, given twice, with what mutate_any.v calls oracle_any as inputs and oracle_see as outputs.
NR == FNR {
    if (/^\.(latch|names)/ && /oracle_(any|see)/)
        for (i = 2; i <= NF; i++) {
            if ($i !~ /oracle_(any|see)/ || ($i in known)) continue
            known[$i] = 1
            if ($i ~ /oracle_any/) any = any " " $i
            else see = see " " $i
        }
    next
}
/^\.inputs/ { $0 = $0 any }
/^\.outputs/ { $0 = $0 see }
{ print }
