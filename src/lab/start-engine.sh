#!/bin/sh
# start-engine.sh LOG — as root: start Docker's engine unless one already runs. LOG receives its output where there is no
# systemd to keep a journal. Exit 0 when it was started; whoever called asks its socket until it answers.
set -eu
log=$1

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
