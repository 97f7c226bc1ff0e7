# mongodb-facts.sh ROOT_PASSWORD_FILE USER_PASSWORD_FILE DATABASE USER
# Runs in the database's container. Prints what the server has as database-facts.sh does, a fact a line, fields separated by tabs.
# DATABASE and USER are letters, digits and `_`; the shell reads the passwords from their files.
command -v mongosh >/dev/null || exit 69

# The official image starts a temporary server on first boot, which asks nobody to log in.
if [ "$(cat /proc/1/comm)" != mongod ]; then
	echo 'the server is being set up'
	exit 0
fi

# The image's home is the data's own folder.
HOME=$(mktemp -d)
trap 'rm -rf "$HOME"' EXIT
export HOME
ROOT_FILE=$1 USER_FILE=$2 DATABASE=$3 LOGIN=$4 mongosh --nodb --norc --quiet --file /dev/stdin <<'JS'
const { ROOT_FILE, USER_FILE, DATABASE, LOGIN } = process.env;
const open = (user, file, source) => {
	const password = encodeURIComponent(require('fs').readFileSync(file, 'utf8').trim());
	return connect(`mongodb://${user}:${password}@127.0.0.1:27017/${source}?serverSelectionTimeoutMS=5000`);
};
const tell = (ask) => {
	try {
		ask();
	} catch (error) {
		print(error.message.split('\n')[0]);
	}
};
tell(() => {
	const admin = open('root', ROOT_FILE, 'admin');
	print(`alive\t${admin.version()}`);
	// A database is made by its first document, and its text is always this.
	print('charset\tUTF-8');
	const user = admin.getSiblingDB(DATABASE).getUser(LOGIN);
	if (user) {
		print('user');
		user.roles.forEach(({ role, db }) => print(`grant\t${role}@${db}`));
	}
});
tell(() => {
	open(LOGIN, USER_FILE, DATABASE).runCommand({ ping: 1 });
	print('login');
});
JS
exit 0
