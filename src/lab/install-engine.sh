#!/bin/sh
# install-engine.sh LOG — on a Debian-like machine, as root: install Docker's engine and what the lab builds images
# with, and start the engine unless one already runs. LOG receives the engine's output where there is no systemd to keep
# a journal. Exit 0 when the engine was started; whoever called asks its socket until it answers.
set -eu
log=$1
export DEBIAN_FRONTEND=noninteractive

missing=
for pair in dockerd:docker.io iptables:iptables mmdebstrap:mmdebstrap ssh:openssh-client; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ]; then
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
fi

# The package's own start may have worked, or another run may have won: two engines on one data folder destroy it.
running() {
    for comm in /proc/[0-9]*/comm; do
        [ "$(cat "$comm" 2>/dev/null)" = dockerd ] && return 0
    done
    return 1
}

if ! running; then
    if [ "$(cat /proc/1/comm)" = systemd ]; then
        systemctl enable --now docker.service
    else
        # setsid: the engine must outlive this program and its terminal.
        setsid dockerd >>"$log" 2>&1 </dev/null &
    fi
fi
