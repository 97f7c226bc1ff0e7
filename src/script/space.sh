# space.sh FOLDER...
# Says of each file system that these folders are on, and that has hardly any room or inodes left, that it has not.
df -Pk -- "$@" 2>/dev/null | sort -u | while read -r _ total _ free _ mount; do
    case $free in *[!0-9]* | '') continue ;; esac
    least=64
    # systemd reads no units again when less than 16 MiB are free there.
    [ "$mount" != /run ] || least=16384
    [ "$free" -ge "$least" ] || echo "no space left on $mount: $free of $total KiB are free"
done
df -Pi -- "$@" 2>/dev/null | sort -u | while read -r _ total _ free _ mount; do
    case $free$total in *[!0-9]* | '' | *-*) continue ;; esac
    [ "$total" -eq 0 ] || [ "$free" -ge 16 ] || echo "no inodes left on $mount: $free of $total are free"
done
exit 0
