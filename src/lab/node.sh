#!/bin/sh
# node.sh — inside an image build: Debian's Node.js with npm, and the user that the official image has.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends nodejs npm
groupadd --gid 1000 node
useradd --uid 1000 --gid node --shell /bin/sh --create-home node
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
