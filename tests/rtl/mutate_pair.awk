# mutate_pair.awk: two copies of the core side by side, one of them with fault n, and a bit for each output that differs.
#
#   awk -v n=NUMBER -f mutate_pair.awk core.blif     the core's ports are in the first lines
/^\.inputs/ {
    for (i = 2; i <= NF; i++) input[++inputs] = $i
}
/^\.outputs/ {
    for (i = 2; i <= NF; i++) output[++outputs] = $i
    exit
}
END {
    printf ".model pair\n.inputs"
    for (i = 1; i <= inputs; i++)
        if (input[i] !~ /^mutant_q/) printf " %s", input[i]
    printf "\n.outputs"
    for (i = 1; i <= outputs; i++) printf " differs%d", i
    printf "\n.names zero\n.names one\n1\n"
    for (copy = 0; copy < 2; copy++) {
        printf ".subckt core"
        for (i = 1; i <= inputs; i++) {
            net = input[i]
            if (net ~ /^mutant_q/) {
                split(net, part, /[][]/)
                net = copy && int(n / 2 ^ part[2]) % 2 ? "one" : "zero"
            }
            printf " %s=%s", input[i], net
        }
        for (i = 1; i <= outputs; i++) printf " %s=copy%d_%d", output[i], copy, i
        print ""
    }
    for (i = 1; i <= outputs; i++) printf ".names copy0_%d copy1_%d differs%d\n10 1\n01 1\n", i, i, i
    print ".end"
}
