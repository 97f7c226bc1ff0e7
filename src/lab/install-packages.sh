#!/bin/sh
# install-packages.sh COMMAND:PACKAGE... — on a Debian-like machine, as root: install each package whose command is not there.
set -eu
export DEBIAN_FRONTEND=noninteractive

missing=
for pair; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

# The package index has no waiting of its own for a lock that another program holds.
tries=0
until apt-get update -q -o Acquire::Retries=3; do
    tries=$((tries + 1))
    [ "$tries" -lt 10 ] || exit 100
    sleep 6
done
# shellcheck disable=SC2086 # a list of package names, meant to be split
apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
    ca-certificates $missing
