#!/bin/sh
# redis.sh — inside an image build: Debian's Redis as the official image has it.
set -eu
export DEBIAN_FRONTEND=noninteractive
# A uid as in the official image, so that volumes and secrets behave alike.
groupadd --system --gid 999 redis
useradd --system --uid 999 --gid 999 --home-dir /data --no-create-home redis
apt-get update -q
apt-get install -q -y --no-install-recommends redis-server
rm -rf /etc/redis /var/lib/redis
install -d -o redis -g redis /data
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
