#!/bin/sh
# image.sh DIRECTORY GUEST: what QEMU boots: DIRECTORY/vmlinuz, Debian's kernel, and DIRECTORY/initrd, in which busybox
# loads VFIO's modules and runs the program GUEST.
#
# The kernel is that of the package that linux-image-amd64 stands for, as apt knows it; it is fetched once and not
# installed. Exits 3 with a line that says why where the machine has no means to get it.
set -eu
directory=$1 guest=$(realpath "$2")
cannot() {
    echo "skipped: $1"
    exit 3
}
test "$(uname -m)" = x86_64 || cannot "the guest is an x86_64 one, the machine is of $(uname -m)"
for tool in qemu-system-x86_64 busybox dpkg-deb; do
    command -v $tool >/dev/null || cannot "no $tool; make deps installs it"
done
mkdir -p "$directory"
cd "$directory"

if ! test -s vmlinuz; then
    package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    test -n "$package" || cannot "apt knows no linux-image-amd64; apt-get update, or a mirror, gives it"
    timeout 300 apt-get download -qq "$package" >download.log 2>&1 ||
        cannot "apt-get download $package: $(tail -n 1 download.log)"
    rm -rf kernel
    mkdir -p modules
    dpkg-deb -x "$package"_*.deb kernel
    rm "$package"_*.deb
    for module in irqbypass vfio_virqfd vfio_iommu_type1 vfio vfio-pci-core vfio-pci; do
        find kernel/lib/modules -name "$module.ko" -exec cp {} modules/ \;
    done
    mv kernel/boot/vmlinuz-* vmlinuz.new
    rm -rf kernel
    mv vmlinuz.new vmlinuz
fi

rm -rf root
mkdir -p root/bin root/proc root/sys root/dev root/modules
cp "$(command -v busybox)" root/bin/busybox
for tool in sh mount insmod rm cat sed uname poweroff; do ln -s busybox root/bin/$tool; done
cp modules/*.ko root/modules/
cp "$guest" root/guest
# Modules are tried until all are in, so that nobody need know which wants which.
cat >root/init <<'INIT'
#!/bin/busybox sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for turn in 1 2 3 4 5 6; do
    for module in /modules/*.ko; do insmod $module 2>/dev/null && rm $module; done
done
echo 8 >/proc/sys/vm/nr_hugepages
for device in /sys/bus/pci/devices/*; do
    test "$(cat $device/vendor):$(cat $device/device)" = 0x1af4:0x1110 && address=${device##*/}
done
echo "guest: $(uname -r), card at $address"
/guest $address $(sed -n 's/.*wirepit="\([^"]*\)".*/\1/p' /proc/cmdline) || echo "guest: failed: exit code $?"
poweroff -f
INIT
chmod +x root/init
(cd root && find . | busybox cpio -o -H newc 2>/dev/null) >initrd.new
mv initrd.new initrd
rm -rf root
