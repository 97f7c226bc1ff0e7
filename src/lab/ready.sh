#!/bin/sh
# ready.sh — inside an image build: install on a host what provisioning installs on most, and leave it else as it was.
set -eu
export DEBIAN_FRONTEND=noninteractive

apt-get update -q
apt-get install -q -y --no-install-recommends docker.io iptables nginx nftables python3-venv

# Every host makes its own, also those that a package made just now.
: >/etc/machine-id
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
