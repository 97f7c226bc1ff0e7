//! What databases hold: opened by their own clients, saved while it changes, refused when it is not whole, put back on this host
//! and on another.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use stackctl::facts::sha256;

use super::scenario::{Lab, PATIENCE, Ran, eventually, http, quote};

/// Money moves between two accounts in each transaction, so the sum is the same at every moment.
const SCHEMA: &str = "
CREATE TABLE account (id INT PRIMARY KEY, money BIGINT NOT NULL, note BLOB);
CREATE TABLE move (id INT PRIMARY KEY AUTO_INCREMENT, account INT NOT NULL, FOREIGN KEY (account) REFERENCES account (id));
CREATE TABLE log (text VARCHAR(100)) CHARACTER SET utf8mb4;
INSERT INTO account VALUES (1, 1000000, 0x000d0a1a275c), (2, 0, 'it''s');
DELIMITER //
CREATE TRIGGER moved AFTER INSERT ON move FOR EACH ROW BEGIN INSERT INTO log VALUES (CONCAT('→ ', NEW.account)); END//
CREATE FUNCTION twice(n BIGINT) RETURNS BIGINT DETERMINISTIC RETURN 2 * n//
CREATE PROCEDURE move_some(n INT) BEGIN
  WHILE n > 0 DO
    START TRANSACTION;
    UPDATE account SET money = money - 1 WHERE id = 1;
    UPDATE account SET money = money + 1 WHERE id = 2;
    INSERT INTO move (account) VALUES (2);
    COMMIT;
    SET n = n - 1;
  END WHILE;
END//
CREATE EVENT tidy ON SCHEDULE EVERY 1 YEAR STARTS '2020-01-01 00:00:00' DO DELETE FROM log WHERE text IS NULL//
DELIMITER ;
";

/// Of the stack's user, whose rights they have.
const VIEWS: &str = "
CREATE VIEW total AS SELECT SUM(money) AS money, twice(SUM(money)) AS doubled FROM account;
CREATE VIEW `all in all` AS SELECT money FROM total;
";

/// All that counts, in one line.
const SEEN: &str = "SELECT money, doubled, (SELECT money FROM account WHERE id = 2) = (SELECT COUNT(*) FROM move), \
    (SELECT COUNT(*) FROM log) = (SELECT COUNT(*) FROM move), (SELECT HEX(note) FROM account WHERE id = 1), \
    (SELECT money FROM `all in all`), (SELECT COUNT(*) FROM information_schema.events WHERE event_schema = DATABASE()), \
    (SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE()) FROM total;\n";
const WHOLE: &str = "1000000\t2000000\t1\t1\t000D0A1A275C\t1000000\t1\t1\n";

/// A lab's stack of databases.
struct Stack {
    lab: Lab,
}

impl Stack {
    fn on(lab: Lab, services: &str) -> Self {
        let text = format!(
            "stack: shop\nhosts:\n{}services:\n{services}",
            lab.host_yaml()
        );
        fs::write(lab.path("stackctl.yaml"), text).expect("write the yaml");
        lab.stackctl(["provision", "--yes"]).expect_ok();
        Self { lab }
    }

    /// Gives SQL to a database's client.
    fn sql(&self, service: &str, text: &str) -> Ran {
        let file = self.lab.path("typed.sql");
        fs::write(&file, text).expect("write");
        let mut command = self.lab.command(["db", service, "--", "-N", "-B"]);
        command.stdin(Stdio::from(fs::File::open(file).expect("a file")));
        self.lab.finish(command)
    }

    #[track_caller]
    fn asked(&self, service: &str, text: &str) -> String {
        let ran = self.sql(service, text);
        ran.expect_ok();
        ran.stdout
    }

    /// MySQL lets nobody but its administrator make triggers and functions.
    fn schema(&self, service: &str) {
        let root = format!(
            "docker exec -i shop-{service} sh -c 'MYSQL_PWD=$(cat /run/secrets/{service}-root) mysql -uroot --default-character-set=utf8mb4 shop'"
        );
        self.lab
            .root(&format!("printf %s {} | {root}", quote(SCHEMA)));
        self.asked(service, VIEWS);
    }

    fn backup(&self, service: &str, file: &str) -> Ran {
        self.lab.stackctl(["backup", service, "-o", file])
    }

    fn restore(&self, service: &str, file: &str, more: &[&str]) -> Ran {
        let words = ["restore", service, file, "--yes"];
        self.lab.stackctl(words.iter().chain(more))
    }

    /// Nothing of a restore is left on the server.
    #[track_caller]
    fn has_only_its_own(&self, service: &str) {
        let data = "/var/lib/mysql";
        let list = format!("docker exec shop-{service} ls {data} 2>&1 || ls {data}");
        let there = self.lab.root(&list);
        assert!(!there.contains("stackctl"), "{there}");
    }
}

/// A backup whose SQL is `sql`, as whole as any.
fn made(folder: &Path, like: &str, sql: &str) {
    let first = like.lines().next().expect("a first line");
    let body = format!("{first}\n{sql}\n");
    let end = serde_json::json!({"sha256": sha256(body.as_bytes()), "bytes": body.len()});
    let text = format!("{body}-- stackctl-backup-end {end}\n");
    fs::write(folder.join("made.sql"), text).expect("write");
    let gzip = std::process::Command::new("gzip")
        .args(["-fk", "made.sql"])
        .current_dir(folder)
        .status();
    assert!(gzip.expect("gzip").success());
}

#[test]
#[ignore = "needs docker"]
fn a_backup_under_load_is_whole_and_comes_back_here_and_elsewhere_or_changes_nothing() {
    let services = "  db: {mysql: {image: mysql:8.4, database: shop, user: shop}}\n  \
        other: {mysql: {image: mysql:8.4, database: other, user: other}}\n";
    let stack = Stack::on(Lab::ready("data", "bookworm"), services);
    let lab = &stack.lab;

    lab.step(
        "the client is the stack's user, with a terminal or without, and its exit code is ours",
    );
    let who = stack.asked("db", "SELECT CURRENT_USER(), DATABASE();\n");
    assert_eq!(who, "shop@%\tshop\n");
    assert_ne!(stack.sql("db", "NO SQL;\n").code, Some(0));
    let run = lab.stackctl(["db", "db", "--", "-N", "-e", "SELECT 6 * 7"]);
    assert_eq!(run.expect_ok().stdout, "42\n");
    let config = quote(&lab.path("stackctl.yaml").display().to_string());
    let typed = lab.typed(
        &format!("-c {config} db db"),
        "printf 'SELECT 40 + 2;\\r'; sleep 1; printf 'exit\\r'",
    );
    assert!(typed.stdout.contains("|     42 |"), "{typed}");
    let secret = lab.root("cat /var/lib/stackctl/shop/secrets/db-password");
    let asking = lab.start(["db", "db", "--", "-e", "SELECT SLEEP(6)"]);
    let seen = eventually("the client runs", PATIENCE, || {
        let seen = lab.root("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '");
        seen.contains("SLEEP(6)")
            .then_some(seen)
            .ok_or("not yet".to_owned())
    });
    assert!(secret.len() > 20 && !seen.contains(&secret), "{secret}");
    asking.wait(lab).expect_ok();

    lab.step("a backup of what changes all the time is of one moment");
    stack.schema("db");
    let moving = lab.start(["db", "db", "--", "-e", "CALL move_some(20000)"]);
    eventually("money moves", PATIENCE, || {
        let moved = stack.asked("db", "SELECT COUNT(*) FROM move;\n");
        (moved != "0\n").then_some(()).ok_or(moved)
    });
    stack.backup("db", "under-load.sql.gz").expect_ok();
    let moved: u32 = stack
        .asked("db", "SELECT COUNT(*) FROM move;\n")
        .trim()
        .parse()
        .expect("a number");
    assert!(moved < 20_000, "it moved all the time");
    moving.wait(lab).expect_ok();
    let file = lab.path("under-load.sql.gz");
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&file).expect("a file"));
    assert_eq!(mode & 0o777, 0o600);
    let mut zcat = std::process::Command::new("zcat");
    zcat.arg(&file);
    let text = lab.finish(zcat).stdout;
    assert!(text.starts_with(
        "-- stackctl-backup {\"format\":1,\"stack\":\"shop\",\"service\":\"db\",\"kind\":\"mysql\""
    ));
    assert!(text.contains("CREATE TABLE `account`") && !text.contains(&secret));

    lab.step("a file that is cut short, damaged or of elsewhere is refused, and so is a server that does not know its users");
    let before = stack.asked("db", "SELECT COUNT(*), MAX(id) FROM move;\n");
    let bytes = fs::read(&file).expect("a file");
    fs::write(lab.path("cut.gz"), &bytes[..bytes.len() - 100]).expect("write");
    let mut other = bytes.clone();
    other[bytes.len() / 2] ^= 1;
    fs::write(lab.path("damaged.gz"), other).expect("write");
    stack
        .restore("db", "cut.gz", &["--force"])
        .expect(5)
        .says("it was cut short");
    stack
        .restore("db", "damaged.gz", &["--force"])
        .expect(5)
        .says("it is ");
    stack
        .restore("other", "under-load.sql.gz", &[])
        .expect(5)
        .says("it is of the service db, not other")
        .says("--force");
    let unasked = lab.stackctl(["restore", "db", "under-load.sql.gz"]);
    unasked.expect(2).says("add --yes");
    made(
        lab.folder.path(),
        &text,
        "CREATE TABLE x (y INT);\nINSERT INTO x VALUES (1);\nTHIS IS NO SQL;",
    );
    stack
        .restore("db", "made.sql.gz", &[])
        .expect(6)
        .says("You have an error in your SQL syntax")
        .says("the database is as it was");
    made(
        lab.folder.path(),
        &text,
        "CREATE DEFINER=`nobody`@`%` VIEW v AS SELECT 1;",
    );
    stack
        .restore("db", "made.sql.gz", &[])
        .expect(6)
        .says("users that this server does not have: nobody@%");
    stack.has_only_its_own("db");
    assert_eq!(
        stack.asked("db", "SELECT COUNT(*), MAX(id) FROM move;\n"),
        before
    );
    assert_eq!(stack.asked("db", SEEN), WHOLE);

    lab.step("a table that somebody holds on to stays, with all others");
    let holding = lab.start([
        "db",
        "db",
        "--",
        "-e",
        "LOCK TABLES move READ; SELECT SLEEP(100)",
    ]);
    eventually("the table is held", PATIENCE, || {
        let held = stack.asked("db", "SHOW PROCESSLIST;\n");
        held.contains("SLEEP(100)").then_some(()).ok_or(held)
    });
    stack
        .restore("db", "under-load.sql.gz", &[])
        .expect(6)
        .says("Lock wait timeout exceeded")
        .says("the database is as it was");
    let id = stack.asked(
        "db",
        "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%';\n",
    );
    stack.asked("db", &format!("KILL {};\n", id.trim()));
    assert_ne!(holding.wait(lab).code, Some(0));
    stack.has_only_its_own("db");
    assert_eq!(stack.asked("db", SEEN), WHOLE);

    lab.step("what was saved comes back, and what was there goes");
    stack.asked("db", "DROP VIEW total; CREATE TABLE later (x INT); DELETE FROM move; UPDATE account SET money = 7;\n");
    let restored = stack.restore("db", "under-load.sql.gz", &[]);
    restored.expect_ok();
    assert_eq!(stack.asked("db", SEEN), WHOLE);
    assert_eq!(stack.asked("db", "SHOW TABLES LIKE 'later';\n"), "");
    assert_ne!(
        stack
            .sql("db", "INSERT INTO move (account) VALUES (99);\n")
            .code,
        Some(0)
    );
    stack.asked("db", "CALL move_some(3);\n");
    assert_eq!(stack.asked("db", SEEN), WHOLE);
    stack.has_only_its_own("db");
    lab.stackctl(["status"]).expect_ok();
    lab.stackctl(["plan", "--exit-code"]).expect_ok();
    let history = lab.stackctl(["history"]);
    assert!(history.expect_ok().stdout.contains("restore"), "{history}");

    lab.step("also into another service and from stdin, where somebody insists");
    let mut piped = lab.command(["restore", "other", "-", "--yes", "--force", "--json"]);
    piped.stdin(Stdio::from(fs::File::open(&file).expect("a file")));
    let piped = lab.finish(piped);
    // Its views are of the user `shop`, whom the other server does not have.
    piped.expect(6).says("shop@%");
    assert_eq!(stack.asked("other", "SHOW TABLES;\n"), "");

    lab.step("a server that is killed in the middle leaves no file");
    let holding = lab.start([
        "db",
        "db",
        "--",
        "-e",
        "LOCK TABLES move WRITE; SELECT SLEEP(100)",
    ]);
    eventually("the table is held", PATIENCE, || {
        let held = stack.asked("db", "SHOW PROCESSLIST;\n");
        held.contains("SLEEP(100)").then_some(()).ok_or(held)
    });
    let saving = lab.start(["backup", "db", "-o", "killed.sql.gz"]);
    eventually("the dump waits", PATIENCE, || {
        let waits = stack.asked("db", "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE '%metadata lock%';\n");
        // The stack's user does not see what root does.
        let part = fs::read_dir(lab.folder.path()).expect("a folder").flatten();
        let part = part
            .filter(|entry| {
                entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with(".stackctl-backup")
            })
            .count();
        (part == 1).then_some(()).ok_or(waits)
    });
    lab.root("docker kill shop-db");
    saving
        .wait(lab)
        .expect(6)
        .says("could not save what `db` holds");
    assert_ne!(holding.wait(lab).code, Some(0));
    let left = fs::read_dir(lab.folder.path()).expect("a folder").flatten();
    let left: Vec<_> = left
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.contains("killed") || name.contains(".stackctl-backup")),
        "{left:?}"
    );
    stack
        .backup("db", "stopped.sql.gz")
        .expect(5)
        .says("does not run");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    assert_eq!(stack.asked("db", SEEN), WHOLE);

    lab.step("the data goes with its volume, and comes back on another host");
    let saved = stack.backup("db", "last.sql.gz");
    saved.expect_ok();
    let count = stack.asked("db", "SELECT COUNT(*) FROM move;\n");
    lab.stackctl(["destroy", "--volumes", "--confirm", "shop"])
        .expect_ok();
    assert_eq!(lab.containers(), Vec::<String>::new());
    let elsewhere = Stack::on(Lab::boot("data-elsewhere", "trixie"), services);
    fs::copy(lab.path("last.sql.gz"), elsewhere.lab.path("last.sql.gz")).expect("a copy");
    elsewhere
        .restore("db", "last.sql.gz", &[])
        .expect(5)
        .says("it is of the server at 127.0.0.1:")
        .says("--force");
    elsewhere
        .restore("db", "last.sql.gz", &["--force"])
        .expect_ok();
    assert_eq!(elsewhere.asked("db", SEEN), WHOLE);
    assert_eq!(elsewhere.asked("db", "SELECT COUNT(*) FROM move;\n"), count);
    elsewhere.lab.stackctl(["plan", "--exit-code"]).expect_ok();
}

#[test]
#[ignore = "needs docker"]
fn mariadb_is_saved_and_restored_in_a_container_and_of_the_distribution() {
    let services = "  db: {mysql: {image: mariadb:11, database: shop, user: shop}}\n  \
        own: {mysql: {install: package, database: own, user: own}}\n";
    let stack = Stack::on(Lab::ready("data-mariadb", "bookworm"), services);
    let lab = &stack.lab;
    for service in ["db", "own"] {
        lab.step(&format!("`{service}` is opened, saved and restored"));
        let who = stack.asked(service, "SELECT CURRENT_USER();\n");
        assert!(who == "shop@%\n" || who == "own@%\n", "{who}");
        stack.asked(service, SCHEMA);
        stack.asked(service, VIEWS);
        stack.asked(service, "CALL move_some(50);\n");
        let file = format!("{service}.sql.gz");
        stack.backup(service, &file).expect_ok();
        stack.asked(
            service,
            "DROP TABLE move, log; DROP VIEW total; DROP PROCEDURE move_some;\n",
        );
        stack.restore(service, &file, &[]).expect_ok();
        assert_eq!(stack.asked(service, SEEN), WHOLE);
        stack.asked(service, "CALL move_some(3);\n");
        assert_eq!(stack.asked(service, SEEN), WHOLE);
        stack.has_only_its_own(service);
    }
    let run = lab.stackctl(["db", "own", "--", "-N", "-e", "SELECT 6 * 7"]);
    assert_eq!(run.expect_ok().stdout, "42\n");
    lab.stackctl(["plan", "--exit-code"]).expect_ok();

    lab.step("an empty database begins with the SQL of `init`, or stays empty");
    let text = fs::read_to_string(lab.path("stackctl.yaml")).expect("the yaml");
    let tables =
        "CREATE TABLE kept (text VARCHAR(9));\nCREATE FUNCTION one() RETURNS INT RETURN 1;\n";
    let rows = "INSERT INTO kept VALUES ('here');\nINSERT INTO gone VALUES (1);\n";
    fs::write(lab.path("tables.sql"), tables).expect("write");
    fs::write(lab.path("rows.sql"), rows).expect("write");
    let with_init = text
        .replace(
            "database: shop,",
            "database: begun, init: [tables.sql, rows.sql],",
        )
        .replace(
            "database: own,",
            "database: begun_own, init: [tables.sql, rows.sql],",
        );
    fs::write(lab.path("stackctl.yaml"), with_init).expect("write");
    // Of the databases before.
    lab.root("rm /var/lib/stackctl/shop/databases/*");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    let left = "SELECT (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()) + \
        (SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = DATABASE());\n";
    let failed = lab.stackctl(["deploy", "--yes"]);
    failed
        .expect(6)
        .says("rows.sql: ERROR 1146 (42S02) at line 2: Table 'begun")
        .says("the database is empty again");
    for service in ["db", "own"] {
        assert_eq!(stack.asked(service, left), "0\n", "{service}");
    }
    // As a run leaves it that was killed in the middle of a file.
    stack.asked(
        "db",
        "CREATE TABLE stackctl_init (loading INT); CREATE TABLE kept (half INT);\n",
    );
    fs::write(lab.path("rows.sql"), "INSERT INTO kept VALUES ('here');").expect("write");
    // As one goes on loading whose run was stopped.
    lab.root("mariadb -e \"SELECT GET_LOCK(SHA1('stackctl begun_own'), 0), SLEEP(3000)\" >/dev/null 2>&1 &");
    eventually("the lock is held", PATIENCE, || {
        let free = lab.root("mariadb -Ne \"SELECT IS_FREE_LOCK(SHA1('stackctl begun_own'))\"");
        (free.trim() == "0").then_some(()).ok_or(free)
    });
    lab.stackctl(["deploy", "--yes"])
        .expect(6)
        .says("what an earlier run began still loads it");
    lab.root("pkill --full 'SLEEP[(]3000'");
    eventually("the lock is free", PATIENCE, || {
        let free = lab.root("mariadb -Ne \"SELECT IS_FREE_LOCK(SHA1('stackctl begun_own'))\"");
        (free.trim() == "1").then_some(()).ok_or(free)
    });
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    for service in ["db", "own"] {
        let kept = stack.asked(service, "SELECT text, one() FROM kept;\n");
        assert_eq!(kept, "here\t1\n", "{service}");
        assert_eq!(stack.asked(service, left), "2\n", "{service}");
    }
    lab.stackctl(["plan", "--exit-code"]).expect_ok();
    let seeded = lab.stackctl(["plan", "--seed"]);
    let told = "`init` of `db` is left out: its database has tables";
    assert!(seeded.expect_ok().stdout.contains(told), "{seeded}");
}

/// Makes a server of web2, whose certificate an authority of its own has signed; that authority's certificate, and another's.
pub const SERVER: &str = r#"set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null && apt-get install -q -y --no-install-recommends mariadb-server openssl >/dev/null
mkdir -p /etc/mysql/tls && cd /etc/mysql/tls
address=$(ip route get 192.0.2.1 | sed -n 's/.* src \([0-9.]*\).*/\1/p')
for name in ca other; do
	openssl req -x509 -newkey rsa:2048 -nodes -keyout $name.key -out $name.pem -days 30 -subj "/CN=$name" 2>/dev/null
done
openssl req -newkey rsa:2048 -nodes -keyout key.pem -out csr.pem -subj /CN=db.test 2>/dev/null
printf 'subjectAltName=IP:%s' "$address" >ext
openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out cert.pem 2>/dev/null
chmod 644 key.pem
cat >/etc/mysql/mariadb.conf.d/90-tls.cnf <<END
[mysqld]
bind-address=0.0.0.0
ssl-cert=/etc/mysql/tls/cert.pem
ssl-key=/etc/mysql/tls/key.pem
END
systemctl restart mariadb
mariadb -e "CREATE DATABASE shop; CREATE USER clerk@'%' IDENTIFIED BY 'hunt\"er2' REQUIRE SSL; GRANT ALL ON shop.* TO clerk@'%'"
echo "$address"
"#;

/// Counts its visits in the database.
const APP: &str = r#"
import http.server, os, pathlib
import pymysql

def count():
    given = {"ssl": {"ca": os.environ["DB_CA_FILE"]}} if "DB_CA_FILE" in os.environ else {}
    password = pathlib.Path(os.environ["DB_PASSWORD_FILE"]).read_text()
    with pymysql.connect(host=os.environ["DB_HOST"], port=int(os.environ["DB_PORT"]), database=os.environ["DB_NAME"],
            user=os.environ["DB_USER"], password=password, autocommit=True, **given) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE IF NOT EXISTS visit (id INT PRIMARY KEY AUTO_INCREMENT)")
        cursor.execute("INSERT INTO visit VALUES ()")
        cursor.execute("SELECT COUNT(*), USER() FROM visit")
        return "%s %s" % cursor.fetchone()

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (count() if self.path == "/visit" else "well").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["LISTEN_PORT"])), Answer).serve_forever()
"#;

#[test]
#[ignore = "needs docker"]
fn a_mysql_of_somebody_else_takes_the_place_of_ours_by_an_overlay() {
    let mut lab = Lab::planned("data-external");
    let name = lab.name.clone();
    let up = [
        "lab", "up", "--hosts", "2", "--base", "bookworm", "--yes", "--name", &name,
    ];
    lab.stackctl(up).expect_ok();
    lab.found();
    let lab = lab;
    lab.step("somebody has a server with a certificate of their own authority");
    let there = |script: &str| {
        let ran = lab.stackctl([
            "lab",
            "ssh",
            "--name",
            &name,
            "web2",
            "--",
            "sudo",
            "sh",
            "-c",
            &quote(script),
        ]);
        ran.expect_ok();
        ran.stdout
    };
    let said = there(SERVER);
    let address = said.lines().last().expect("an address").to_owned();
    let (ca, other) = (
        there("cat /etc/mysql/tls/ca.pem"),
        there("cat /etc/mysql/tls/other.pem"),
    );

    fs::create_dir_all(lab.path("code")).expect("a folder");
    fs::write(lab.path("code/main.py"), APP).expect("write");
    fs::write(lab.path("code/requirements.txt"), "pymysql==1.1.2\n").expect("write");
    let text = format!(
        "stack: shop\nhosts:\n{}services:\n  db: {{mysql: {{install: package, user: clerk}}}}\n  api:\n    unit: {{source: ./code, install: python}}\n    \
         command: [python, main.py]\n    listen: tcp\n    health: /healthz\n    needs: [db]\nsites:\n  shop: {{routes: {{/: api}}}}\n",
        lab.host_yaml()
    );
    fs::write(lab.path("stackctl.yaml"), text).expect("write");
    let overlay = |port: u16| {
        let text = format!(
            "services:\n  db:\n    mysql: {{host: {address}, port: {port}, password_file: /etc/shop/password, ca_file: /etc/shop/ca.pem}}\n"
        );
        fs::write(lab.path("stackctl.staging.yaml"), text).expect("write");
    };
    overlay(3306);
    let said = std::cell::RefCell::new(String::new());
    let run = |arguments: &[&str]| -> Ran {
        let ran = lab.stackctl(["-e", "staging"].iter().chain(arguments));
        said.borrow_mut().push_str(&ran.to_string());
        ran
    };
    let put = |name: &str, text: &str, mode: &str| {
        let text = quote(text);
        lab.root(&format!("mkdir -p /etc/shop && printf %s {text} >/etc/shop/{name} && chmod {mode} /etc/shop/{name}"));
    };
    let visit = || http("GET", &format!("{}/visit", lab.url(80)), None);

    lab.step("nothing is begun where the server cannot be had");
    run(&["provision", "--yes"])
        .expect(5)
        .says("/etc/shop/password, which holds the password of `db`, is not there");
    put("password", "hunt\"er2\n", "644");
    run(&["provision", "--yes"])
        .expect(5)
        .says("sudo chmod 600 /etc/shop/password");
    put("password", "hunt\"er2\n", "600");
    run(&["provision", "--yes"])
        .expect(5)
        .says("/etc/shop/ca.pem, with the certificates that `db` is known by, is not there");
    put("ca.pem", &other, "644");
    overlay(9);
    run(&["provision", "--yes"]).expect(5).says(&format!(
        "{address}:9 cannot be reached: Connection refused"
    ));
    overlay(3306);
    lab.root("test ! -e /var/lib/stackctl/shop");

    lab.step("the server is asked by TLS, and only one with its authority's certificate");
    run(&["provision", "--yes"]).expect_ok();
    run(&["deploy", "--yes"])
        .expect(5)
        .says("`db` cannot be reached from there")
        .says("TLS/SSL error");
    put("ca.pem", &ca, "644");
    put("password", "wrong", "600");
    run(&["deploy", "--yes"])
        .expect(5)
        .says("Access denied for user 'clerk'");
    put("password", "hunt\"er2\n", "600");
    run(&["deploy", "--yes"]).expect_ok();
    let (status, told) = visit().expect("an answer");
    assert!(status == 200 && told.starts_with("1 clerk@"), "{told}");
    let seen = run(&["status"]);
    assert!(
        seen.expect_ok()
            .stdout
            .contains(&format!("{address}:3306 answers, ")),
        "{seen}"
    );
    run(&["plan", "--exit-code"]).expect_ok();

    lab.step("another password is another release, and no drift");
    there("mariadb -e \"ALTER USER clerk@'%' IDENTIFIED BY 'hunter3'\"");
    run(&["status"]).expect(7);
    put("password", "hunter3\n", "600");
    let plan = run(&["plan"]);
    assert!(
        plan.stdout
            .contains("the password in /etc/shop/password is another"),
        "{plan}"
    );
    run(&["deploy", "--yes"]).expect_ok();
    assert!(visit().expect("an answer").1.starts_with("2 clerk@"));
    run(&["plan", "--exit-code"]).expect_ok();

    lab.step("its client, a backup, and a restore for which its user needs rights");
    let asked = run(&[
        "db",
        "db",
        "--",
        "-N",
        "-e",
        "SELECT COUNT(*) FROM visit; SHOW STATUS LIKE 'Ssl_version'",
    ]);
    assert!(
        asked.expect_ok().stdout.starts_with("2\nSsl_version\tTLS"),
        "{asked}"
    );
    run(&["backup", "db", "-o", "far.sql.gz"]).expect_ok();
    visit().expect("an answer");
    run(&["restore", "db", "far.sql.gz", "--yes"])
        .expect(6)
        .says("Access denied");
    assert!(visit().expect("an answer").1.starts_with("4 clerk@"));
    there(r#"mariadb -e "GRANT ALL ON \`stackctl\_%\`.* TO clerk@'%'""#);
    run(&["restore", "db", "far.sql.gz", "--yes"]).expect_ok();
    assert!(visit().expect("an answer").1.starts_with("3 clerk@"));

    lab.step("an administrator makes another database and its user there, and the app has them");
    there(
        "mariadb -e \"CREATE USER chief@'%' IDENTIFIED BY 'hunter0'; GRANT ALL ON *.* TO chief@'%' WITH GRANT OPTION\"",
    );
    let text = format!(
        "services:\n  db:\n    mysql: {{host: {address}, database: shop_2, user: keeper, password_file: /etc/shop/keeper, \
         ca_file: /etc/shop/ca.pem, admin: {{user: chief, password_file: /etc/shop/chief}}}}\n"
    );
    fs::write(lab.path("stackctl.staging.yaml"), text).expect("write");
    put("keeper", "hunt'\"er\\4\n", "600");
    run(&["provision", "--yes"])
        .expect(5)
        .says("/etc/shop/chief, which holds the administrator's password of `db`, is not there");
    put("chief", "hunter1\n", "600");
    run(&["provision", "--yes"])
        .expect(5)
        .says("Access denied for user 'chief'");
    put("chief", "hunter0\n", "600");
    run(&["deploy", "--yes"])
        .expect(5)
        .says("the user of database `db` cannot log in")
        .says("stackctl provision");
    let seen = run(&["status"]);
    assert!(
        seen.expect(7)
            .stdout
            .contains("answers, but user keeper cannot log in to shop_2"),
        "{seen}"
    );
    there("mariadb -e \"CREATE USER keeper@'%' IDENTIFIED BY 'hunter5'\"");
    run(&["provision", "--yes"])
        .expect(6)
        .says("user keeper is there, and does not get in with the password in /etc/shop/keeper");
    let kept = there("mariadb -h 127.0.0.1 -u keeper -phunter5 -Ne 'SELECT 1; SHOW DATABASES'");
    assert!(
        kept.starts_with("1\n") && !kept.contains("shop_2"),
        "{kept}"
    );
    there("mariadb -e \"DROP USER keeper@'%'\"");
    run(&["provision", "--yes"]).expect_ok().says(&format!(
        "make database shop_2 and user keeper on {address}:3306"
    ));
    let plan = run(&["provision", "--yes"]);
    assert!(plan.expect_ok().stdout.contains("no changes"), "{plan}");
    run(&["deploy", "--yes"]).expect_ok();
    let (status, told) = visit().expect("an answer");
    assert!(status == 200 && told.starts_with("1 keeper@"), "{told}");
    run(&["plan", "--exit-code"]).expect_ok();
    let said = said.into_inner();
    assert!(!said.contains("hunt"), "a password was told");

    lab.step("without the overlay it is one of ours, with data of its own");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    let (status, told) = visit().expect("an answer");
    assert!(status == 200 && told.starts_with("1 clerk@"), "{told}");
}
