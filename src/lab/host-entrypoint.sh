#!/bin/sh
# host-entrypoint.sh — process 1 of a lab host until it becomes systemd: make cgroups writable, make host keys once.
set -eu

# On cgroup v1 the engine mounts each hierarchy read-only. Only a bind remount changes that: the flag is the mount's,
# and a plain `remount,rw` would be for the whole file system. On cgroup v2 the one mount is treated alike.
while read -r _ target type _; do
    case $type in
    cgroup | cgroup2) mount -o remount,rw,bind "$target" || echo "cannot make $target writable" ;;
    esac
done </proc/self/mounts

# Nested overlay mounts and volumes must not leak, and systemd expects a shared root.
mount --make-rshared /

# The size that sshd takes at least: what is usual takes seconds to find, at each first boot.
[ -e /etc/ssh/ssh_host_rsa_key ] || ssh-keygen -q -t rsa -b 2048 -N '' -f /etc/ssh/ssh_host_rsa_key
[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -A

# systemd reads this to know that devices and kernel settings are not its own.
export container=docker
exec /sbin/init
