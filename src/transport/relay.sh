# relay TARGET PROGRAM: lets the user that logged in connect to the Unix socket TARGET; prints where
# exits as dial.pl; the relay ends with the session
folder=$(mktemp -d /run/stackctl-relay.XXXXXXXX 2>/dev/null) ||
    folder=$(mktemp -d /tmp/stackctl-relay.XXXXXXXX) || exit 94
perl -e "$2" relay "$1" "$folder/socket" "$STACKCTL_SESSION"
status=$?
if [ "$status" -ne 0 ]; then
    rmdir "$folder"
    exit "$status"
fi
# Until the folder is given away only root can enter it.
chmod 0600 "$folder/socket"
chown -h "${SUDO_UID:-0}" "$folder/socket" "$folder"
echo "$folder/socket"
