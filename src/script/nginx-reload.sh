# nginx-reload.sh
# Comes before scripts that change a site. reload_nginx has nginx load its files, and returns once only its new workers take
# connections: until 0.1 s after those have begun the old ones do so too, and close what they took between two requests. Where
# nginx does not load its files the old ones stay, so they are not waited for longer than 3 s.
# shellcheck disable=SC2329 # called by what comes after
reload_nginx() {
	master=$(cat /run/nginx.pid 2>/dev/null || true)
	old=$(cat "/proc/$master/task/$master/children" 2>/dev/null || true)
	systemctl reload nginx.service >&2
	tries=150
	for worker in $old; do
		while [ "$tries" -gt 0 ] && is=$(cat "/proc/$worker/cmdline" 2>/dev/null) && [ -n "$is" ]; do
			case $is in *'is shutting down'*) break ;; esac
			tries=$((tries - 1))
			sleep 0.02
		done
	done
}
