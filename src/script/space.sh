# space.sh FOLDER...
# Says of each file system that these folders are on, and that has hardly any room or inodes left, that it has not.
df -Pk -- "$@" 2>/dev/null | sort -u | while read -r _ total _ free _ mount; do
    case $free in *[!0-9]* | '') continue ;; esac
    [ "$free" -ge 64 ] || echo "no room is left on $mount: $free of $total KiB are free"
done
df -Pi -- "$@" 2>/dev/null | sort -u | while read -r _ total _ free _ mount; do
    case $free$total in *[!0-9]* | '' | *-*) continue ;; esac
    [ "$total" -eq 0 ] || [ "$free" -ge 16 ] || echo "no inodes are left on $mount: $free of $total are free"
done
exit 0
