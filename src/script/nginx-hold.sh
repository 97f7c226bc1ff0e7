# nginx-hold.sh
# Comes before scripts that change what nginx reads. hold_nginx keeps those of other stacks from doing so until this one ends:
# nginx lists a folder, then opens what it has listed, and loads nothing at all where one of those is gone by then.
# shellcheck disable=SC2329 # called by what comes after
hold_nginx() {
	[ -d /etc/nginx ] || return 0
	exec 9</etc/nginx
	flock -w 30 9 && return 0
	echo "another run has been changing the files in /etc/nginx for 30 s" >&2
	exit 1
}
