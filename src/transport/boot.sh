# boot <LENGTH, newline, script, the stdin of the script: keeps the script out of the list of processes
# its $0 is the name of our connection: by that, and by the variable, all that runs for it can be found and ended
umask 077
LC_ALL=C DEBIAN_FRONTEND=noninteractive
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
STACKCTL_CONNECTION=$0
export LC_ALL DEBIAN_FRONTEND PATH STACKCTL_CONNECTION
cd /
# a part of a script may do anything, so one that was cut on its way is not run; the full stop keeps newlines at its end
IFS= read -r length && script=$(head -c "$length"; echo .) && [ "${#script}" -eq "$((length + 1))" ] && eval "${script%.}"
