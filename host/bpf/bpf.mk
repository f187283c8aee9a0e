# eBPF programs are host/bpf/*.bpf.c: compiled by clang to build/bpf/*.bpf.o, which bpftool turns into the headers
# build/bpf/*.skel.h; those hold the object's bytes, so that a program needs no file beside it. Neither step needs a
# privilege. The loaders, host/bpf/*.c without .bpf, go into the archive like every room.

bpf_sources   = $(wildcard host/bpf/*.bpf.c)
bpf_skeletons = $(bpf_sources:host/bpf/%.bpf.c=build/bpf/%.skel.h)
bpf_headers   = $(wildcard host/bpf/*.h host/bpf/*.def)
BPF_CFLAGS    = -target bpf -mcpu=v3 -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Werror \
                -I. -idirafter /usr/include/$(shell $(CC) -print-multiarch)

## make bpf        compile the eBPF programs and print their size; loading needs root, this does not
bpf: deps-build $(bpf_skeletons)
	@for object in $(bpf_skeletons:%.skel.h=%.bpf.o); do \
	  readelf -SW $$object | awk -v object=$$object '/ xdp / { print object ": 0x" $$7 " bytes of XDP program" }'; done

build/bpf/%.bpf.o: host/bpf/%.bpf.c $(bpf_headers)
	@mkdir -p $(@D)
	clang $(BPF_CFLAGS) -c -o $@ $<
build/bpf/%.skel.h: build/bpf/%.bpf.o
	bpftool gen skeleton $< name $*_program >$@
$(bpf_sources:host/bpf/%.bpf.c=$(B)/host/bpf/%.o): $(B)/host/bpf/%.o: build/bpf/%.skel.h

.PHONY: bpf
