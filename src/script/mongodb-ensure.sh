# mongodb-ensure.sh ROOT_PASSWORD_FILE USER_PASSWORD_FILE DATABASE USER
# Runs in the database's container. Makes a user, kept in the database itself, that may touch only that database.
# DATABASE and USER are letters, digits and `_`; the shell reads the passwords from their files.
set -eu
HOME=$(mktemp -d)
trap 'rm -rf "$HOME"' EXIT
export HOME
ROOT_FILE=$1 USER_FILE=$2 DATABASE=$3 LOGIN=$4 mongosh --nodb --norc --quiet --file /dev/stdin <<'JS'
const { ROOT_FILE, USER_FILE, DATABASE, LOGIN } = process.env;
const read = (file) => require('fs').readFileSync(file, 'utf8').trim();
const root = encodeURIComponent(read(ROOT_FILE));
const admin = connect(`mongodb://root:${root}@127.0.0.1:27017/admin?serverSelectionTimeoutMS=5000`);
const database = admin.getSiblingDB(DATABASE);
// All but to make users, who could be given more than this.
const roles = ['readWrite', 'dbAdmin'].map((role) => ({ role, db: DATABASE }));
if (database.getUser(LOGIN)) {
	database.updateUser(LOGIN, { pwd: read(USER_FILE), roles });
} else {
	database.createUser({ user: LOGIN, pwd: read(USER_FILE), roles });
}
JS
