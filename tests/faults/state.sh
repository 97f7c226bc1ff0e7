#!/bin/sh
# state.sh STACK — prints all that a stack has on this host, a fact a line: files with their modes, owners, targets and
# contents, units, containers, images, networks, volumes. Left out is what is different by nature: the history, times,
# what only counts runs, and how the cell has a release behave.
stack=$1
tab=$(printf '\t')

{
	find "/var/lib/stackctl/$stack" "/run/stackctl/$stack" -print -path '*/installed/*/venv' -prune 2>/dev/null
	find /etc /run /usr/local /lib/systemd/system -xdev \( -path '/run/stackctl/*' -o -path '/run/docker*' -o \
		-path '/run/containerd*' -o -path /run/log -o -path '/run/systemd/units/*' \
		-o -path '/run/systemd/propagate/*' -o -path '/run/systemd/journal/*' \
		-o -path '/etc/systemd/system/*.wants' \) -prune -o -path "*$stack*" -print 2>/dev/null
	find /etc/systemd/system -path "*.wants/*$stack*" 2>/dev/null
} | sort -u | while IFS= read -r path; do
	case $path in
	*/history.jsonl* | */generation | /run/stackctl/*.lock | */source/behaviour) continue ;;
	esac
	stat -c "path$tab%F$tab%a$tab%u:%g$tab%N" "$path" 2>/dev/null
	if [ -f "$path" ] && [ ! -L "$path" ]; then
		if [ "$(stat -c %s "$path")" -le 65536 ]; then
			printf 'file\t%s\t%s\n' "$path" "$(base64 -w 0 "$path")"
		else
			printf 'file\t%s\tdigest %s\n' "$path" "$(sha256sum <"$path")"
		fi
	fi
done
# What pip installed is too much to be told file by file.
find "/var/lib/stackctl/$stack" -path '*/installed/*/venv' -prune 2>/dev/null | sort | while IFS= read -r tree; do
	digest=$({ find "$tree" -printf '%P %y %m %U:%G %l\n' | sort && find "$tree" -type f -print0 | sort -z | xargs -0 -r sha256sum; } | sha256sum)
	printf 'tree\t%s\t%s\n' "$tree" "$digest"
done
systemctl list-units --all --plain --no-legend "*$stack*" | grep -v '\.mount ' | awk '{ print "unit\t" $1, $2, $3, $4 }'
systemctl list-unit-files --plain --no-legend "*$stack*" | awk '{ print "unit-file\t" $1, $2 }'
docker ps -a --filter "name=^/$stack-" --format '{{.Names}}' | sort | while IFS= read -r name; do
	# Its mounts are in no order.
	docker inspect -f 'container	{{.Name}} {{.Config.Image}} {{.State.Status}} {{.HostConfig.RestartPolicy.Name}} {{json .Config.Env}}{{range .Mounts}} {{.Source}}:{{.Destination}}:{{.RW}}{{end}}' "$name" | awk '{ printf "%s\t%s", $1, $2; for (i = 3; i < 6; i++) printf " %s", $i; print ""; for (i = 6; i <= NF; i++) print "of " $2, $i }' | sort
done
# One-offs and containers of builds have names of their own.
docker ps -a --filter "label=stackctl.stack=$stack" --format 'labelled	{{.Names}}' | sort
docker images --format '{{.Repository}}:{{.Tag}}' | awk -v prefix="stackctl/$stack-" 'index($0, prefix) == 1 { print "image\t" $0 }' | sort
docker network ls --format '{{.Name}}' | awk -v name="$stack" '$0 == name || index($0, name "-") == 1 { print "network\t" $0 }' | sort
docker volume ls --format '{{.Name}}' | awk -v name="$stack" 'index($0, name "-") == 1 { print "volume\t" $0 }' | sort
