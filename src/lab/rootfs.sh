#!/bin/sh
# rootfs.sh SUITE MIRROR SECURITY-MIRROR APT-CONF OUT.tar — bootstrap a minimal Debian root file system to a tar.
# MIRROR and SECURITY-MIRROR are URIs; APT-CONF is a file of apt settings of this machine (proxies), may be empty.
set -eu
suite=$1 mirror=$2 security=$3 apt_conf=$4 out=$5

set -- "deb $mirror $suite main"
case $suite in
sid) ;;
*) set -- "$@" "deb $mirror $suite-updates main" "deb $security $suite-security main" ;;
esac

options=
while IFS= read -r line; do
    [ -n "$line" ] && printf '%s\n' "$line"
done <"$apt_conf" >"$out.apt.conf"
[ -s "$out.apt.conf" ] && options="--aptopt=$out.apt.conf"

# Only what apt needs to go on from here: every image installs the rest itself. man pages, translations and
# documents are half of a small system and nobody reads them in a throw-away host; copyright files stay, by licence.
# shellcheck disable=SC2086 # at most one word
mmdebstrap --mode=root --variant=minbase --include=ca-certificates,netbase,tzdata $options \
    --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    "$suite" "$out" "$@"
rm -f "$out.apt.conf"
