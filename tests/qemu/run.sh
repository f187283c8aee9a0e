#!/bin/sh
# run.sh PROGRAMS short|whole COMMANDS JSON: boot the guest and run the vfio driver in it; see tests/README.md.
# Where QEMU or the kernel's package cannot be had, the short form says so and is no failure; the whole one is.
set -eu
programs=$1 form=$2 commands=$3 json=$4
code=0
"$(dirname "$0")/image.sh" build/qemu "$programs/tests/qemu/guest" || code=$?
if test "$code" = 3 && test "$form" = short; then exit 0; fi
test "$code" = 0 || exit "$code"
exec "$programs/tests/qemu/test-qemu" "$programs" build/qemu "$form" "$commands" "$json"
