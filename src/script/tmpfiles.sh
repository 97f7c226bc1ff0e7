# tmpfiles.sh FILE
exec systemd-tmpfiles --create "$1"
