# lock.sh TOKEN
# Waits until the lease that was asked for with TOKEN is held, or ends with the status that lease.pl tells: 73 when there
# can be no lock, 75 when another run has it, 77 when the stack is on hold.
set -eu
answer=$STACKCTL_SESSION/lease.$1
# It stays until the session ends: the lease finds the session's folder by it.
mkfifo -m 0600 "$answer" || exit 73
read -r status <"$answer"
exit "$status"
