#!/bin/sh
# python.sh — inside an image build: Debian's Python under the names of the official image, with pip free to install.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends python3 python3-pip python3-venv
ln -s /usr/bin/python3 /usr/local/bin/python3
ln -s /usr/bin/python3 /usr/local/bin/python
# The official image has no distribution packages to protect from pip.
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
