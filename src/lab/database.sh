#!/bin/sh
# database.sh FLAVOUR PACKAGE… — inside an image build: install a database server (FLAVOUR mysql or mariadb), empty.
set -eu
flavour=$1
shift
export DEBIAN_FRONTEND=noninteractive
# A uid as in the official images, so that volumes and bind mounts behave alike.
groupadd --system --gid 999 mysql
useradd --system --uid 999 --gid 999 --home-dir /var/lib/mysql --no-create-home mysql
apt-get update -q
apt-get install -q -y --no-install-recommends "$@"

rm -rf /var/lib/mysql
install -d -o mysql -g mysql -m 1777 /var/lib/mysql /var/run/mysqld
install -d -m 0755 /docker-entrypoint-initdb.d
if [ "$flavour" = mariadb ]; then
    # The official image has no `mysql…` names since 11.
    rm -f /usr/bin/mysql /usr/bin/mysql_* /usr/bin/mysqladmin /usr/bin/mysqldump /usr/sbin/mysqld
fi
# Debian's own settings bind to localhost; in a container the network is the border.
rm -rf /etc/mysql
install -d /etc/mysql/conf.d
cat >/etc/mysql/my.cnf <<CNF
[client]
socket=/var/run/mysqld/mysqld.sock
[mysqld]
datadir=/var/lib/mysql
socket=/var/run/mysqld/mysqld.sock
pid-file=/var/run/mysqld/mysqld.pid
skip-name-resolve
host-cache-size=0
CNF
if [ "$flavour" = mysql ]; then printf 'secure-file-priv=NULL\n' >>/etc/mysql/my.cnf; fi
printf '!includedir /etc/mysql/conf.d/\n' >>/etc/mysql/my.cnf
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
