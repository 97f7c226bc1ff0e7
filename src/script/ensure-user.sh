# ensure-user.sh NAME ID ABOUT
# A system user with a group of its own, who cannot log in and has no home folder.
set -eu
getent group "$1" >/dev/null || groupadd --gid "$2" -- "$1"
getent passwd "$1" >/dev/null || exec useradd --uid "$2" --gid "$1" --no-create-home --home-dir /nonexistent \
	--shell /usr/sbin/nologin --comment "$3" -- "$1"
