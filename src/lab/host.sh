#!/bin/sh
# host.sh — inside an image build: make a base image into what a fresh cloud host has: systemd, sshd, sudo, `ubuntu`.
# Nothing that provisioning would install is here on purpose: no docker, no nginx, no curl, no database.
set -eu
export DEBIAN_FRONTEND=noninteractive

apt-get update -q
apt-get install -q -y --no-install-recommends \
    systemd systemd-sysv dbus libpam-systemd openssh-server sudo iproute2 procps less

# Services must start when a package is installed, as they do on a real host.
rm -f /usr/sbin/policy-rc.d

useradd --create-home --shell /bin/bash --groups sudo ubuntu
# '*' is "no password"; the '!' of useradd is "locked", which sshd refuses even with a key.
usermod --password '*' ubuntu
printf 'ubuntu ALL=(ALL) NOPASSWD:ALL\n' >/etc/sudoers.d/90-cloud-init-users
chmod 0440 /etc/sudoers.d/90-cloud-init-users
install -d -m 0700 -o ubuntu -g ubuntu /home/ubuntu/.ssh

# As cloud images ship it.
printf 'PasswordAuthentication no\nPermitRootLogin prohibit-password\n' >/etc/ssh/sshd_config.d/60-cloudimg-settings.conf

# Every host makes its own: see host-entrypoint.sh and systemd-machine-id-setup.
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id

# What cannot work in a container, and timers that would fight the tests for the apt lock.
systemctl mask \
    dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount sys-kernel-config.mount \
    sys-kernel-debug.mount sys-kernel-tracing.mount proc-sys-fs-binfmt_misc.automount \
    systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
    systemd-modules-load.service systemd-logind-varlink.socket systemd-networkd-wait-online.service \
    console-getty.service getty.target getty-static.service systemd-firstboot.service \
    tmp.mount apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer
systemctl set-default multi-user.target
# What looks for disks, terminals and scripts of old whenever systemd reads its units again, and finds none in a container.
mkdir -p /etc/systemd/system-generators
for generator in cryptsetup debug getty gpt-auto hibernate-resume integritysetup rc-local run system-update sysv veritysetup; do
    ln -s /dev/null "/etc/systemd/system-generators/systemd-$generator-generator"
done

rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/log/apt /var/log/dpkg.log
