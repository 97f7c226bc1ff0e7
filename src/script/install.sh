# install.sh python|node|nothing SOURCE TO LINK USER
# Installs what the requirements in SOURCE ask for to TO, as USER, unless that was done before, and leads LINK there. Whole is
# what TO.whole stands beside: what was cut short is begun again. Nobody but root can change what was installed.
set -eu
umask 022
kind=$1 source=$2 to=$3 link=$4 user=$5
home=/nonexistent
# Packages bring programs, which run while they are installed and may take the place of others: as the app's user, and with no
# more than it has.
as_user() {
	setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --inh-caps=-all \
		env HOME="$home" PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 "$@" </dev/null 2>&1
}
# A distribution that was upgraded has another Python, which looks elsewhere for what is installed.
if [ -e "$to.whole" ] && [ "$kind" = python ]; then
	looks='import os, sys; sys.exit(not os.path.isdir("%s/lib/python%d.%d/site-packages" % (sys.argv[1], *sys.version_info[:2])))'
	as_user "$to/venv/bin/python" -c "$looks" "$to/venv" >/dev/null || rm -f "$to.whole"
fi
if [ ! -e "$to.whole" ]; then
	rm -rf -- "$to"
	mkdir -p "${to%/*}"
	home=$(mktemp -d)
	trap 'rm -rf "$home"; [ -e "$to.whole" ] || rm -rf -- "$to"' EXIT
	install -d -o "$user" -g "$user" "$to" "$home"
	case $kind in
	python)
		as_user python3 -m venv "$to/venv"
		(cd "$source" && as_user "$to/venv/bin/python" -m pip install --progress-bar off -r requirements.txt)
		;;
	node)
		cp "$source/package.json" "$source/package-lock.json" "$to"
		[ ! -e "$source/.npmrc" ] || cp "$source/.npmrc" "$to"
		(cd "$to" && as_user npm ci --omit=dev --no-audit --no-fund --no-update-notifier)
		;;
	nothing) ;;
	*) exit 64 ;;
	esac
	chown -hR 0:0 "$to"
	chmod -R go-w "$to"
	sync -f "$to"
	touch "$to.whole"
	sync "${to%/*}"
fi
part=$(mktemp -u "${link%/*}/.stackctl.XXXXXX")
ln -s -- "$to" "$part"
mv -fT -- "$part" "$link"
# Node looks for packages beside the folders above a program.
[ "$kind" != node ] || ln -sfn -- installed/node_modules "${link%/*}/node_modules"
sync "${link%/*}"
