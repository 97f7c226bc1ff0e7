# program BODY NAME ARG...: runs the script BODY by sh as root, with what it is given in base64, which every login shell
# leaves as it is. Exits as the script does.
# No single quote and no backslash in here, since every login shell must read it alike.
for word; do
    # The full stop keeps newlines at the end of a word.
    word=$(printf %s "$word" | base64 -d && echo .)
    shift
    set -- "$@" "${word%.}"
done
if [ "$(id -u)" = 0 ]; then exec /bin/sh -c "$@"; fi
exec sudo -n /bin/sh -c "$@"
