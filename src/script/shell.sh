# shell.sh
# Runs in a container: the best shell that it has.
command -v bash >/dev/null 2>&1 && exec bash
exec sh
