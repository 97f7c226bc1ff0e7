#!/bin/sh
# base.sh SUITE MACHINE-DIR — inside an image build: adopt this machine's mirrors, apt settings and CA certificates.
# MACHINE-DIR holds sources.list, apt.conf, pip.conf, npmrc, environment and ca/*.crt, each perhaps empty.
set -eu
suite=$1 machine=$2

rm -f /etc/apt/sources.list.d/*
cp "$machine/sources.list" /etc/apt/sources.list
if [ -s "$machine/apt.conf" ]; then cp "$machine/apt.conf" /etc/apt/apt.conf.d/80machine; fi
printf 'Acquire::Languages "none";\n' >/etc/apt/apt.conf.d/80no-translations

# A lab is thrown away, so its packages need not outlive a power cut: half the time of each installation is waiting for
# the disk.
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/80unsafe-io
cat >/etc/dpkg/dpkg.cfg.d/80small <<'CFG'
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
CFG

if ! command -v update-ca-certificates >/dev/null; then
    apt-get update -q
    apt-get install -q -y --no-install-recommends ca-certificates netbase tzdata
fi
mkdir -p /usr/local/share/ca-certificates
for cert in "$machine"/ca/*.crt; do
    if [ -e "$cert" ]; then cp "$cert" /usr/local/share/ca-certificates/; fi
done
update-ca-certificates

if [ -s "$machine/pip.conf" ]; then cp "$machine/pip.conf" /etc/pip.conf; fi
if [ -s "$machine/npmrc" ]; then cp "$machine/npmrc" /etc/npmrc; fi
# Read by pam_env, so it reaches every SSH login but no image or service.
cp "$machine/environment" /etc/environment

rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
echo "base of $suite is ready"
