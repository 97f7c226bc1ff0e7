#!/bin/sh
# wipe.sh STACK — removes all that a stack has on this host, so that the next cell begins with a clean one.
stack=$1
systemctl list-units --all --plain --no-legend "*$stack*" | awk '{ print $1 }' | while IFS= read -r unit; do
	case $unit in *.mount) ;; *) systemctl stop "$unit" ;; esac
done
docker ps -aq --filter "name=^/$stack-" | xargs -r docker rm -f >/dev/null
docker ps -aq --filter "label=stackctl.stack=$stack" | xargs -r docker rm -f >/dev/null
docker images --format '{{.Repository}}:{{.Tag}}' | grep "^stackctl/$stack-" | xargs -r docker rmi -f >/dev/null
docker network ls --format '{{.Name}}' | grep -E "^$stack(-|\$)" | xargs -r docker network rm >/dev/null
docker volume ls --format '{{.Name}}' | grep "^$stack-" | xargs -r docker volume rm >/dev/null
rm -rf "/var/lib/stackctl/$stack" "/run/stackctl/$stack" "/run/stackctl/$stack.lock"
# First, or an nginx that another cell reloads meanwhile would not find what it leads to.
rm -f "/etc/nginx/sites-enabled/$stack.conf"
find /etc/systemd/system /run/systemd/system /etc/tmpfiles.d /etc/nginx -name "*$stack*" -delete
systemctl daemon-reload
systemctl reset-failed "*$stack*" 2>/dev/null
exit 0
