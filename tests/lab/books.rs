//! The books app: a page built with npm, Flask under gunicorn and MongoDB, as units and as one container, by the commands of its
//! README.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use stackctl::load::Request;

use super::browser::Browser;
use super::example::{Readme, Stack};
use super::load::Load;
use super::scenario::{Lab, PATIENCE, block_on, eventually, http};

const PORT: u16 = 5000;
const MARK: &str = "/var/lib/stackctl/books/databases";
/// In the page's source, and as it is shown.
const HEADING: &str = "Books from after the end";
const NEW_HEADING: &str = "Books from long after the end";

/// Answers with what a package of npm's makes of a length of time.
const NODE: &str = r#"
const ms = require("ms");
process.umask(0o111);
require("node:http")
  .createServer((request, answer) => answer.end(`VERSION ${ms("2 days")}`))
  .listen(process.env.LISTEN_SOCKET);
"#;
const PROGRAM: &str = r#"#!/usr/bin/env python3
import http.server, os

class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "9")
        self.end_headers()
        self.wfile.write(b"a program")

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["LISTEN_PORT"])), Answer).serve_forever()
"#;
const LENGTHS: &str = "stack: lengths
hosts:
HOSTS
services:
  service:
    unit: {source: ./service, install: node}
    command: [node, main.js]
    health: /
  program:
    unit: ./program
    command: [./serve]
    listen: tcp
    health: /
sites:
  lengths:
    listen: 8080
    routes: {/: service, /program: program}
";

#[test]
#[ignore = "needs docker"]
fn the_books_app_runs_as_a_unit_with_its_data_loaded_once() {
    let lab = Lab::boot("books", "bookworm");
    let app = App::new(&lab, "stackctl.yaml");

    lab.step("data that cannot be loaded stops the first deploy");
    app.stack.run("provision").expect_ok();
    let load = app.stack.read("server/load.py");
    app.stack.write(
        "server/load.py",
        "raise SystemExit('no data today, on purpose')\n",
    );
    app.stack
        .run("deploy")
        .expect(6)
        .says("no data today, on purpose");
    assert_eq!(app.marks(), "", "what failed is not remembered");
    assert_ne!(app.asks("/healthz").0, 200, "nothing serves yet");
    app.stack.write("server/load.py", &load);

    lab.step("a fresh host builds the page and serves, by the commands of the README");
    app.version("one");
    let mut readme = Readme::of(&lab, "books", "");
    readme.follow("stackctl provision");
    readme.follow("stackctl deploy");
    readme.follow("stackctl status");
    app.serves("one");
    app.stack.changes_nothing();
    let builds =
        "ls /var/lib/stackctl/books/builds/page; ls -A /var/lib/stackctl/books/current/page/";
    assert_eq!(lab.root(builds), "downloads\nassets\nindex.html");
    lab.is_shut_in(&app.stack.serving("service"));

    lab.step(
        "files and addresses of the app come from the page's folder, and books from the socket",
    );
    let (status, index) = app.asks("/shelf/to-read");
    assert!(status == 200 && index.contains("id=\"app\""), "{index}");
    assert_eq!(app.asks("/no-such.png").0, 404);
    let (status, road) = app.asks("/books/the-road");
    assert!(status == 200 && road.contains("McCarthy"), "{road}");
    readme.follow("curl http://HOST:5000/books");
    lab.step("it is measured under load");
    let ran = readme.follow("stackctl load");
    assert!(ran.stdout.contains(" 0 lost "), "{ran}");

    lab.step("the sample books are loaded once");
    assert_eq!(app.books().len(), 11);
    assert_eq!(app.marks(), format!("{MARK}/service.seeded"));

    lab.step("the socket is nginx's alone");
    let folder = lab.root("stat -c '%a %G' /run/stackctl/books/service.*/");
    assert_eq!(folder, "2750 www-data");
    let connects = "perl -MIO::Socket::UNIX -e 'exit !IO::Socket::UNIX->new(Peer => $ARGV[0])' /run/stackctl/books/service.sock";
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    assert_eq!(lab.try_root(connects).code, Some(0));
    let ran = lab.try_root(&format!("{nobody} {connects}"));
    assert_ne!(ran.code, Some(0), "anybody reaches it: {ran}");

    app.keeps_its_secrets();
    assert_eq!(
        lab.root("ss -Hlnt 'sport = :27017' | awk '{print $4}'"),
        "127.0.0.1:27017"
    );

    lab.step("its logs, and those of the database");
    for (service, words) in [("service", "Listening at: unix:"), ("mongodb", "")] {
        let ran = app.stack.with(&["logs", service, "--tail", "all"]);
        let said = &ran.expect_ok().stdout;
        assert!(!said.is_empty() && said.contains(words), "{ran}");
    }

    app.is_worked_on(&mut readme);
    let browser = app.is_edited_in_a_browser();

    lab.step("a changed page and service are switched to under load, and the data stays as it is");
    let visitors = app.visitors();
    app.version("two");
    app.stack.edit("client/src/App.vue", HEADING, NEW_HEADING);
    app.stack.run("deploy").expect_ok();
    app.serves("two");
    app.shows(&browser, "h1", NEW_HEADING);
    app.is_still_edited();
    visitors.lost_nothing();
    app.stack.changes_nothing();

    lab.step("data is loaded again only when that is asked for");
    let plan = app.stack.with(&["plan", "--seed"]);
    assert!(
        plan.expect_ok().stdout.contains("--seed was given"),
        "{plan}"
    );
    app.stack.with(&["deploy", "--seed", "--yes"]).expect_ok();
    app.is_still_edited();
    app.stack.changes_nothing();

    lab.step("a run that is killed while it loads data is done again by the next");
    lab.root(&format!("rm {MARK}/service.seeded"));
    app.stack.write(
        "server/load.py",
        &format!("import time\n\ntime.sleep(600)\n\n{load}"),
    );
    let mut running = lab.start(["-c", app.stack.config(), "deploy", "--yes"]);
    eventually("it loads", PATIENCE, || {
        let ended = running.has_ended();
        assert!(!ended, "{}", running.said());
        let loads = "systemctl is-active --quiet 'books-service@seed*'";
        let loads = lab.try_root(loads).code == Some(0);
        loads.then_some(()).ok_or_else(|| running.said())
    });
    running.signal("KILL");
    running.wait(&lab);
    assert_eq!(app.marks(), "", "what was cut short is not remembered");
    app.serves("two");
    app.stack.write("server/load.py", &load);
    app.stack.run("deploy").expect_ok();
    assert_eq!(app.marks(), format!("{MARK}/service.seeded"));
    app.is_still_edited();
    let names = lab.root("systemctl list-units --all --plain --no-legend 'books-service@seed*'");
    assert_eq!(names, "", "what loaded is gone");
    visitors.lost_nothing();

    lab.step("a rollback goes back to the release before, not to its data");
    app.version("three");
    app.stack.edit("client/src/App.vue", NEW_HEADING, HEADING);
    app.stack.run("deploy").expect_ok();
    app.serves("three");
    app.shows(&browser, "h1", HEADING);
    app.stack.run("rollback").expect_ok();
    app.serves("two");
    app.shows(&browser, "h1", NEW_HEADING);
    app.is_still_edited();
    lab.step(&format!("{} requests, none lost", visitors.good()));
    visitors.lost_nothing();
    drop(visitors);

    app.survives_a_reboot("two");
    app.shows(&browser, "h1", NEW_HEADING);
    lab.step("the stack goes, and nothing is left");
    app.stack.goes_without_a_trace();
    readme.is_followed();

    node_and_a_program(&lab);
}

#[test]
#[ignore = "needs docker"]
fn the_books_app_runs_as_one_container_that_holds_nginx_and_gunicorn() {
    let lab = Lab::boot("books-container", "trixie");
    let app = App::new(&lab, "container.yaml");

    lab.step("the container way, by the commands of the README");
    app.version("one");
    let mut readme = Readme::of(&lab, "books", "container.yaml");
    readme.follow("stackctl -c container.yaml provision");
    readme.follow("stackctl -c container.yaml deploy");
    readme.follow("stackctl -c container.yaml status");
    app.serves("one");
    app.stack.changes_nothing();
    assert_eq!(app.books().len(), 11);
    let ran = app
        .stack
        .with(&["exec", "books", "--", "sh", "-c", "cat /proc/[0-9]*/comm"]);
    let programs: Vec<&str> = ran.expect_ok().stdout.lines().collect();
    let count = |name: &str| programs.iter().filter(|comm| **comm == name).count();
    assert_eq!(count("nginx"), 2, "the first and its worker: {ran}");
    assert_eq!(count("gunicorn"), 3, "the first and two workers: {ran}");

    app.keeps_its_secrets();
    assert_eq!(
        lab.root("ss -Hlnt 'sport = :27017'"),
        "",
        "no unit needs it"
    );

    let browser = app.is_edited_in_a_browser();

    lab.step("a changed page and service are switched to under load");
    let visitors = app.visitors();
    app.version("two");
    app.stack.edit("client/src/App.vue", HEADING, NEW_HEADING);
    app.stack.run("deploy").expect_ok();
    app.serves("two");
    app.shows(&browser, "h1", NEW_HEADING);
    app.is_still_edited();
    visitors.lost_nothing();

    lab.step("and back");
    app.stack.run("rollback").expect_ok();
    app.serves("one");
    app.shows(&browser, "h1", HEADING);
    app.is_still_edited();
    lab.step(&format!("{} requests, none lost", visitors.good()));
    visitors.lost_nothing();
    drop(visitors);

    app.survives_a_reboot("one");
    lab.step("its logs and a look inside, by the commands of the README");
    let ran = readme.follow("stackctl -c container.yaml logs books");
    assert!(ran.stdout.contains("GET /"), "{ran}");
    let ran = readme.follow("stackctl -c container.yaml exec books");
    assert!(ran.stdout.contains("start.sh"), "{ran}");
    lab.step("the stack goes, and nothing is left");
    app.stack.goes_without_a_trace();
    readme.is_followed();
}

/// The books app in versions, by one of its two yamls.
struct App<'a> {
    lab: &'a Lab,
    stack: Stack<'a>,
    source: String,
}

impl<'a> App<'a> {
    fn new(lab: &'a Lab, yaml: &str) -> Self {
        let stack = Stack::unpack(lab, "books", yaml, |yaml| yaml);
        let source = stack.read("server/main.py");
        Self { lab, stack, source }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.lab.url(PORT))
    }

    /// They read the page, all books and one book.
    fn visitors(&self) -> Load {
        let paths = ["/", "/books", "/books/the-stand"];
        Load::of(&self.url(""), 20.0, paths.map(Request::get).into())
    }

    fn asks(&self, path: &str) -> (u16, String) {
        http("GET", &self.url(path), None).unwrap_or((0, String::new()))
    }

    /// Makes the source this version, with a path that tells it.
    fn version(&self, version: &str) {
        let tells = format!(
            "\n\n@app.get(\"/books/version\")\ndef version():\n    return jsonify(\"{version}\")\n"
        );
        let text = self.source.clone() + &tells;
        self.stack.write("server/main.py", &text);
    }

    #[track_caller]
    fn serves(&self, version: &str) {
        let told = self.asks("/books/version");
        assert_eq!(told, (200, format!("\"{version}\"\n")));
        let (status, page) = self.asks("/");
        assert!(status == 200 && page.contains("id=\"app\""), "{page}");
    }

    fn books(&self) -> Vec<Value> {
        let (status, text) = self.asks("/books");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).expect("a list of books")
    }

    /// What the host remembers of data that was loaded.
    fn marks(&self) -> String {
        self.lab
            .root(&format!("ls {MARK}/*.seeded 2>/dev/null || true"))
    }

    fn keeps_its_secrets(&self) {
        self.lab
            .step("nobody gets into the database without the password");
        let count = "db.getSiblingDB('books').books.countDocuments()";
        let ran = self.stack.with(&[
            "exec", "mongodb", "--", "mongosh", "--quiet", "--eval", count,
        ]);
        assert_ne!(ran.code, Some(0), "it answered: {ran}");
        let said = ran.stdout.clone() + &ran.stderr;
        assert!(said.contains("auth"), "{ran}");
        let ports = self.lab.root("ss -Hlnt | awk '{print $4}'");
        assert!(!ports.contains("0.0.0.0:27017"), "{ports}");

        self.lab.step("no password is told");
        let password = self
            .lab
            .root("cat /var/lib/stackctl/books/secrets/mongodb-password");
        let told = self.lab.root(
            "systemctl show '*'; journalctl --no-pager; cat /var/lib/stackctl/books/history.jsonl; \
             cat /proc/[0-9]*/cmdline | tr '\\0' ' '",
        );
        assert!(!told.contains(&password), "the password is told");
        let readable = "find /var/lib/stackctl /run/stackctl /etc/systemd/system -type f -perm /077 -print0 \
            | xargs -0 grep -lF";
        let files = self.lab.root(&format!("{readable} '{password}' || true"));
        assert_eq!(files, "", "the password is where others may read it");
    }

    fn is_edited_in_a_browser(&self) -> Browser {
        self.lab.step("a person edits a book");
        let browser = Browser::start();
        let book = "#book-the-road";
        self.shows(&browser, &format!("{book} h2"), "The Road");
        browser.click(&format!("{book} .edit"));
        browser.type_into(&format!("{book} input[name=title]"), " and the Sea");
        browser.click(&format!("{book} .save"));
        is_there(&browser, "#saved", "“The Road and the Sea” is saved.");
        self.lab.step("and sees it after a reload");
        browser.reload();
        is_there(&browser, &format!("{book} h2"), "The Road and the Sea");
        browser.screenshot(&self.lab.artifacts().join("page.png"));
        self.is_still_edited();
        browser
    }

    /// Page and service run on this machine, as the README says, and show changes of their source at once. The database is
    /// that of the host. They have a network of their own, so that their ports are free.
    fn is_worked_on(&self, readme: &mut Readme<'_>) {
        self.lab
            .step("somebody works on the page and the service, by the commands of the README");
        let install = [readme.take("npm --prefix client ci"), readme.take("pip ")];
        let page = readme.take("npm --prefix client run dev");
        let service = readme.take("cd server && ");
        let socket = self.lab.path("mongodb.sock");
        let socket = socket.to_str().expect("a path that is text");
        let given = "MONGODB_URL=mongodb://127.0.0.1:27017 ";
        assert!(service.contains(given), "{service}");
        let url = self
            .lab
            .root("set -- /var/lib/stackctl/books/releases/service/*/mongodb-url; cat \"$1\"");
        let url = url.replace("127.0.0.1:27017", &socket.replace('/', "%2F"));
        let mut tunnel = Command::new("ssh");
        tunnel.args(["-N", "-L", &format!("{socket}:127.0.0.1:27017")]);
        tunnel.args(&self.lab.host().ssh_arguments()[1..]);
        let _tunnel = self.lab.spawn(tunnel);
        let tries = "for try in $(seq 300); do";
        let text = format!(
            "cp -r . ../work; cd ../work; python3 -m venv ../venv; . ../venv/bin/activate; {}; {}\n\
             exec unshare --net --pid --fork --kill-child --mount-proc sh -ec '\n\
             ip link set lo up; ({page}) >page.txt 2>&1 & ({}) >service.txt 2>&1 &\n\
             {tries} curl -fs http://localhost:8080/books >books.json && curl -fs http://localhost:8080/ && break; sleep 0.2; done\n\
             echo; cat books.json; sed -i \"s/{HEADING}/{NEW_HEADING}/\" client/src/App.vue; sed -i \"s/\\\"one\\\"/\\\"worked\\\"/\" server/main.py\n\
             {tries} curl -fs http://localhost:5000/books/version | grep worked && break; sleep 0.2; done\n\
             {tries} curl -fs http://localhost:8080/src/App.vue | grep -o \"{NEW_HEADING}\" && exit 0; sleep 0.2; done\n\
             cat page.txt service.txt >&2; exit 1'",
            install[0],
            install[1],
            service.replace(given, "")
        );
        let mut shell = readme.shell(&text);
        shell.env("MONGODB_URL", url);
        let ran = self.lab.finish(shell);
        let said = &ran.expect_ok().stdout;
        for words in ["/@vite/client", "\"the-road\"", "\"worked\"", NEW_HEADING] {
            assert!(said.contains(words), "{words}: {ran}");
        }
    }

    /// Opens the page, which then has this text.
    #[track_caller]
    fn shows(&self, browser: &Browser, selector: &str, text: &str) {
        browser.open(&self.url("/"));
        is_there(browser, selector, text);
    }

    #[track_caller]
    fn is_still_edited(&self) {
        let books = self.books();
        assert_eq!(books.len(), 11, "{books:?}");
        let road = books.iter().find(|book| book["id"] == "the-road");
        assert_eq!(
            road.map(|book| &book["title"]),
            Some(&json!("The Road and the Sea"))
        );
    }

    fn survives_a_reboot(&self, version: &str) {
        self.lab.step("it is right after a reboot");
        block_on(stackctl::lab::reboot(self.lab.host())).expect("the host comes back");
        let within = PATIENCE + Duration::from_secs(60);
        eventually("it serves", within, || {
            let told = self.asks("/books/version");
            let (healthy, _) = self.asks("/healthz");
            let is_right = healthy == 200 && told == (200, format!("\"{version}\"\n"));
            is_right.then_some(()).ok_or(format!("{healthy} {told:?}"))
        });
        self.is_still_edited();
        self.stack.run("status").expect_ok();
    }
}

/// A Node service with a lock file, and a program beside its source, as units. Here, where the page's build has brought Node.
fn node_and_a_program(lab: &Lab) {
    lab.step("a Node service and a program that needs nothing installed, as units");
    let folder = lab.path("lengths");
    for name in ["service", "program"] {
        fs::create_dir_all(folder.join(name)).expect("a folder");
    }
    let write = |path: &str, text: &str| fs::write(folder.join(path), text).expect("write");
    let asks_for = |version: &str| {
        let wanted =
            json!({"name": "lengths", "version": "1.0.0", "dependencies": {"ms": version}});
        let lock = json!({"name": "lengths", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
            "packages": {"": wanted, "node_modules/ms": {"version": version}}});
        write("service/package.json", &wanted.to_string());
        write("service/package-lock.json", &lock.to_string());
    };
    let version = |version: &str| write("service/main.js", &NODE.replace("VERSION", version));
    asks_for("2.1.3");
    version("one");
    write("program/serve", PROGRAM);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.join("program/serve"), mode).expect("a mode");
    write("stackctl.yaml", &LENGTHS.replace("HOSTS", &lab.host_yaml()));
    let stack = Stack::at(lab, "lengths", folder.join("stackctl.yaml"));
    stack.run("provision").expect_ok();
    stack.run("deploy").expect_ok();
    let asks = |path: &str| http("GET", &format!("{}{path}", lab.url(8080)), None);
    assert_eq!(asks("/"), Ok((200, "one 172800000".to_owned())));
    assert_eq!(asks("/program"), Ok((200, "a program".to_owned())));
    for service in ["service", "program"] {
        lab.is_shut_in(&stack.serving(service));
    }
    stack.changes_nothing();

    lab.step("an unchanged lock file costs nothing");
    let installed = || lab.root("stat -c '%n %i %Y' /var/lib/stackctl/lengths/installed/service/*");
    let before = installed();
    version("two");
    let load = Load::of(
        &lab.url(8080),
        20.0,
        vec![Request::get("/"), Request::get("/program")],
    );
    stack.run("deploy").expect_ok();
    assert_eq!(asks("/"), Ok((200, "two 172800000".to_owned())));
    assert_eq!(installed(), before);

    lab.step("a package that cannot be had is told in npm's words, and the release before serves");
    asks_for("2.1.999");
    stack.run("deploy").expect(6).says("ms@2.1.999");
    assert_eq!(asks("/"), Ok((200, "two 172800000".to_owned())));
    assert_eq!(installed(), before);
    asks_for("2.1.3");
    stack.changes_nothing();
    load.lost_nothing();
    drop(load);
    stack.goes_without_a_trace();
}

#[track_caller]
fn is_there(browser: &Browser, selector: &str, text: &str) {
    eventually(text, PATIENCE, || {
        let texts = browser.texts(selector);
        let is_there = texts.iter().any(|shown| shown == text);
        is_there.then_some(()).ok_or(format!("{texts:?}"))
    });
}
