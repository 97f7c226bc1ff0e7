# remove-user.sh NAME
# Removes a system user and its group. Exit 3 when there is none.
set -eu
if ! getent passwd "$1" >/dev/null; then
	getent group "$1" >/dev/null || exit 3
	exec groupdel -- "$1"
fi
# The group that has its name goes with it.
userdel -- "$1"
! getent group "$1" >/dev/null || groupdel -- "$1"
