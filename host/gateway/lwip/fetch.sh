#!/bin/sh
# fetch.sh DIRECTORY: put the source of lwIP into DIRECTORY/src, once, from Debian's source package.
#
# Only the upstream archive is used: what Debian adds to it is under another licence and not needed. apt is asked
# with a configuration of its own, made from the machine's Debian entries, so that neither root nor a deb-src line is
# needed. Without a network, put the archive into DIRECTORY by hand.
set -eu
directory=$1
package=lwip=2.1.3+dfsg1-2
archive=lwip_2.1.3+dfsg1.orig.tar.xz
sum=0a8276d09fc4e97bbba2f953d74af2388fc2195ea156be9d7589e297a68fde24

fail() {
    echo "lwip: $1" >&2
    exit 1
}

# The machine's own Debian archives, as sources.
sources() {
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        test -r "$file" && sed -n 's/^deb \(.*debian.* main.*\)$/deb-src \1/p' "$file"
    done >"$1/debian.list"
    for file in /etc/apt/sources.list.d/*.sources; do
        test -r "$file" && awk -v RS= '/URIs:[^\n]*debian/ && /Components:[^\n]*main/ { print $0 "\n" }' "$file" |
            sed 's/^Types:.*/Types: deb-src/'
    done >"$1/debian.sources"
    test -s "$1/debian.list" || rm "$1/debian.list"
    test -s "$1/debian.sources" || rm "$1/debian.sources"
}

fetch() {
    apt=$(pwd)/apt
    rm -rf "$apt"
    mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial"
    sources "$apt/sources"
    cat >"$apt/apt.conf" <<END
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
APT::Sandbox::User "";
END
    APT_CONFIG=$apt/apt.conf apt-get -qq update >apt.log 2>&1 || return 1
    APT_CONFIG=$apt/apt.conf apt-get -qq source --download-only "$package" >>apt.log 2>&1 || return 1
    rm -rf "$apt"
}

mkdir -p "$directory"
cd "$directory"
if ! test -s "$archive"; then
    fetch || fail "Debian's source package $package cannot be fetched: $(grep '^E:' apt.log | head -n 1)
lwip: go online, or put $archive into $directory, and try again"
fi
echo "$sum  $archive" | sha256sum --check --status ||
    fail "$directory/$archive is not the archive that was expected (sha256 $sum); remove it and try again"
rm -rf src unpacked
mkdir unpacked
tar -xf "$archive" -C unpacked --strip-components=1
mv unpacked/src src
rm -rf unpacked
