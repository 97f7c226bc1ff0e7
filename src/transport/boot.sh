# boot <LENGTH, newline, script, the stdin of the script: keeps the script out of the list of processes
umask 077
LC_ALL=C DEBIAN_FRONTEND=noninteractive
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
cd /
IFS= read -r length && script=$(head -c "$length") && eval "$script"
