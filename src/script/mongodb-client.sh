# mongodb-client.sh PASSWORD_FILE USER DATABASE ARGUMENTS...
# Runs as root in a MongoDB server's container: opens its client, with our terminal or our stdin. The client reads the password
# from its file. 127: there is no client.
command -v mongosh >/dev/null || {
	echo 'there is no mongosh here' >&2
	exit 127
}
# The image's home is the data's own folder; and what is typed may be worth as much as a password.
HOME=$(mktemp -d) || exit 126
trap 'rm -rf "$HOME"' EXIT
trap : HUP INT QUIT TERM
export HOME PASSWORD_FILE="$1" LOGIN="$2" DATABASE="$3"
shift 3
# What it is given to do is all that it does.
[ $# -gt 0 ] || set -- --shell
# shellcheck disable=SC2016 # JavaScript's own ${}
mongosh --nodb --norc --quiet --eval 'db = (() => {
	const { PASSWORD_FILE, LOGIN, DATABASE } = process.env;
	const password = encodeURIComponent(require("fs").readFileSync(PASSWORD_FILE, "utf8").trim());
	return connect(`mongodb://${LOGIN}:${password}@127.0.0.1:27017/${DATABASE}?serverSelectionTimeoutMS=5000`);
})(); undefined' "$@"
exit $?
