# build-inside.sh node|python|nothing COMMAND...
# What a build runs in its folder: installs what the source asks for, then becomes COMMAND. npm and pip find their caches by
# variables.
kind=$1
shift
case $kind in
node)
	npm ci --include=dev --no-audit --no-fund --no-update-notifier || exit
	PATH=$PWD/node_modules/.bin:$PATH
	;;
python)
	python3 -m venv .venv || exit
	PATH=$PWD/.venv/bin:$PATH
	python -m pip install --progress-bar off --disable-pip-version-check -r requirements.txt || exit
	;;
esac
export PATH
exec "$@"
