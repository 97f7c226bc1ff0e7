#!/bin/bash
# start.sh — nginx and gunicorn as one container: when one ends, or the container is told to stop, both end in good order.
set -euo pipefail
umask 0077
mkdir -p /tmp/service

gunicorn --workers "${WORKER_PROCESSES:-2}" --threads 3 --bind unix:/tmp/service/gunicorn.sock --umask 0177 \
    --no-control-socket main:app &
service=$!
nginx -e stderr -c /container/nginx.conf &
proxy=$!

stop() {
    # nginx first, which lets the requests that it has be answered.
    kill -QUIT "$proxy" 2>/dev/null || true
    wait "$proxy" || true
    kill -TERM "$service" 2>/dev/null || true
    wait "$service" || true
}
trap 'stop; exit 0' TERM INT QUIT

status=0
wait -n "$service" "$proxy" || status=$?
echo "start.sh: nginx or gunicorn has ended ($status)" >&2
stop
# Ended by itself is an end that nobody asked for.
exit "$((status == 0 ? 1 : status))"
