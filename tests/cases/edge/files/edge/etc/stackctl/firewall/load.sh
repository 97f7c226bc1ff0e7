#!/bin/sh
# load.sh: loads the firewall of this host's stacks in one transaction; takes it away when no stack has one any more.
# Written by stackctl; edits here are seen as drift.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
loaded=/run/stackctl-firewall
exec 9>"$loaded.lock"
flock 9
cd /etc/stackctl/firewall

for stack in stacks/*.nft; do break; done
if [ ! -e "$stack" ]; then
	if nft list table inet stackctl >/dev/null 2>&1; then nft delete table inet stackctl; fi
	rm -f "$loaded"
	exit 0
fi

# Whatever is written above, the ports that sshd would listen on after its next start stay open.
ssh_ports() {
	# At boot sshd's folder is not there yet, and without it sshd does not tell.
	[ -d /run/sshd ] || mkdir -m 0755 /run/sshd
	sshd -T 2>/dev/null | sed -n -e 's/^port \([0-9][0-9]*\)$/\1/p' -e 's/^listenaddress .*:\([0-9][0-9]*\).*$/\1/p'
	if systemctl is-enabled -q ssh.socket 2>/dev/null; then
		systemctl show -p Listen ssh.socket | sed -n 's/^.*:\([0-9][0-9]*\) (Stream)$/\1/p'
	fi
}
{
	echo 'include "/etc/stackctl/firewall/base.nft"'
	ssh_ports | sort -u | sed 's/.*/add element inet stackctl open { & }/'
} | nft -f -

# What is loaded, so that a later look can tell whether it still is.
{
	cat base.nft stacks/*.nft | sha256sum
	nft -s list table inet stackctl
} >"$loaded.new"
mv -f "$loaded.new" "$loaded"
