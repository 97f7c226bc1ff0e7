#!/bin/sh
# heal.sh — undoes what faults do to this host and starts what they have stopped.
awk '$3 == "tmpfs" && ($2 ~ "^/var/lib/" || $2 ~ "^/etc/") { print $2 }' /proc/mounts | xargs -r -n 1 umount -l
rm -f /usr/local/sbin/date
iptables -D OUTPUT -j faults 2>/dev/null && iptables -F faults && iptables -X faults
systemctl reset-failed
systemctl start docker.service
systemctl is-active -q nginx.service || systemctl restart nginx.service
exit 0
