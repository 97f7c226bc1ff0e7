//! A MongoDB that somebody else looks after: found by a URL in a file on the host, which stackctl never tells and never changes.

use std::fs;

use stackctl::load::Request;

use super::load::Load;
use super::scenario::{Lab, PATIENCE, Ran, eventually, http, quote};

const URL: &str = "/etc/shop/mongodb-url";
/// Counts its visits in the database, and says by which name it has logged in.
const APP: &str = r#"
import http.server, os, pathlib
import pymongo

url = pathlib.Path(os.environ["DB_URL_FILE"]).read_text()
client = pymongo.MongoClient(url, serverSelectionTimeoutMS=3000)

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/visit":
            visits = client.get_default_database().visits
            visits.update_one({"_id": 1}, {"$inc": {"count": 1}}, upsert=True)
            told = "%s %d" % (url.partition("appName=")[2] or "-", visits.find_one({"_id": 1})["count"])
        else:
            told = client.admin.command("ping") and "well"
        body = told.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["LISTEN_PORT"])), Answer).serve_forever()
"#;

/// Writes a file on the host, for root alone unless `mode` says otherwise.
fn put(lab: &Lab, url: &str, mode: &str) {
    let (url, folder) = (quote(&format!("{url}\n")), "/etc/shop");
    lab.root(&format!(
        "mkdir -p {folder} && printf %s {url} >{URL} && chmod {mode} {URL}"
    ));
}

#[test]
#[ignore = "needs docker"]
fn a_database_elsewhere_is_reached_by_the_url_that_is_on_the_host() {
    let lab = Lab::ready("external", "bookworm");
    let yaml = |name: &str, text: &str| {
        fs::create_dir_all(lab.path(name)).expect("a folder");
        let path = lab.path(&format!("{name}/stackctl.yaml"));
        let text = format!("stack: {name}\nhosts:\n{}{text}", lab.host_yaml());
        fs::write(&path, text).expect("write the yaml");
        path.display().to_string()
    };

    lab.step("somebody has a MongoDB");
    fs::create_dir_all(lab.path("store/code")).expect("a folder");
    fs::write(lab.path("store/code/requirements.txt"), "").expect("write");
    let store = yaml(
        "store",
        "services:\n  db: {mongodb: {image: \"mongo:7\", database: shop, user: shop}}\n  \
         keeper:\n    unit: {source: ./code, install: python}\n    command: [python, -m, http.server, \"{{ port }}\", --bind, 127.0.0.1]\n    \
         listen: tcp\n    health: /\n    needs: [db]\n",
    );
    lab.stackctl(["provision", "--yes", "-c", &store])
        .expect_ok();
    lab.stackctl(["deploy", "--yes", "-c", &store]).expect_ok();
    let eval = ["db", "db", "-c", &store, "--", "--eval", "db.getName()"];
    assert_eq!(lab.stackctl(eval).expect_ok().stdout.trim(), "shop");
    let url = lab.root("cat /var/lib/stackctl/store/releases/keeper/*/db-url");
    let password = url.split([':', '@']).nth(2).expect("a password").to_owned();

    fs::create_dir_all(lab.path("shop/code")).expect("a folder");
    fs::write(lab.path("shop/code/main.py"), APP).expect("write");
    fs::write(lab.path("shop/code/requirements.txt"), "pymongo==4.15.3\n").expect("write");
    let text = format!(
        "services:\n  db: {{mongodb: {{url_file: {URL}}}}}\n  api:\n    unit: {{source: ./code, install: python}}\n    \
         command: [python, main.py]\n    listen: tcp\n    health: /healthz\n    needs: [db]\n\
         sites:\n  shop: {{routes: {{/: api}}}}\n"
    );
    let shop = yaml("shop", &text);
    let said = std::cell::RefCell::new(String::new());
    let run = |arguments: &[&str]| -> Ran {
        let ran = lab.stackctl(arguments.iter().chain(&["-c", &shop]));
        said.borrow_mut().push_str(&ran.to_string());
        ran
    };
    let visit = || http("GET", &format!("{}/visit", lab.url(80)), None);

    lab.step("without a URL that leads somewhere nothing is begun");
    let before = "ls -A /var/lib/stackctl /etc/systemd/system /etc/nginx/sites-enabled 2>&1";
    let before = (before, lab.try_root(before).stdout);
    run(&["provision", "--yes"])
        .expect(5)
        .says(&format!("{URL}, which holds the URL of `db`, is not there"));
    put(&lab, &url, "644");
    run(&["provision", "--yes"])
        .expect(5)
        .says("others can read it")
        .says(&format!("sudo chmod 600 {URL}"));
    for wrong in ["hunter2@hunter2", "hunter2/hunter2"] {
        put(&lab, &url.replace(&password, wrong), "600");
        run(&["provision", "--yes"])
            .expect(5)
            .says("it is not a URL such as mongodb://user:password@host:27017/database");
    }
    put(&lab, "mongodb://shop:hunter2@127.0.0.1:9/shop", "600");
    run(&["provision", "--yes"])
        .expect(5)
        .says("127.0.0.1:9 cannot be reached: Connection refused");
    assert_eq!(lab.try_root(before.0).stdout, before.1);

    lab.step("with one the app logs in");
    put(&lab, &url, "600");
    run(&["provision", "--yes"]).expect_ok();
    run(&["deploy", "--yes"]).expect_ok();
    assert_eq!(visit(), Ok((200, "- 1".to_owned())));
    let status = run(&["status"]);
    assert!(
        status
            .expect_ok()
            .stdout
            .contains("takes connections, 127.0.0.1:27017"),
        "{status}"
    );
    run(&["plan", "--exit-code"]).expect_ok();
    let copy = lab.root("stat -c '%a %U' /var/lib/stackctl/shop/releases/api/*/db-url");
    assert!(copy.starts_with("400 stackctl-"), "{copy}");

    lab.step("another URL is a change like any other, and no drift");
    put(&lab, &format!("{url}?appName=two"), "600");
    let plan = run(&["plan"]);
    assert!(
        plan.stdout
            .contains(&format!("the URL in {URL} is another")),
        "{plan}"
    );
    run(&["deploy", "--yes"]).expect_ok();
    assert_eq!(visit(), Ok((200, "two 2".to_owned())));
    run(&["plan", "--exit-code"]).expect_ok();

    lab.step("a unit that systemd refuses stands nowhere, and the release before it serves");
    let own = lab.path("shop/templates/systemd/app.service");
    fs::create_dir_all(own.parent().expect("a folder")).expect("a folder");
    let template = include_str!("../../templates/systemd/app.service");
    let program = template
        .lines()
        .find(|line| line.starts_with("ExecStart="))
        .expect("a program");
    fs::write(&own, template.replace(program, "ExecStart=not/absolute")).expect("write");
    let units = "ls /etc/systemd/system /var/lib/stackctl/shop/releases/api; systemctl list-units --plain --no-legend 'shop-*'";
    let before = lab.root(units);
    let load = Load::of(&lab.url(80), 20.0, vec![Request::get("/healthz")]);
    run(&["deploy", "--yes"]).expect(6).says("not/absolute");
    assert_eq!(lab.root(units), before);
    eventually("visitors come afterwards as well", PATIENCE, || {
        let good = load.good();
        (good > 40).then_some(()).ok_or(format!("{good} requests"))
    });
    load.lost_nothing();
    drop(load);
    assert_eq!(visit(), Ok((200, "two 3".to_owned())));
    fs::remove_file(&own).expect("remove");

    lab.step(
        "while the server is away it is told, and a deploy is refused before anything is begun",
    );
    lab.stackctl(["stop", "db", "--yes", "-c", &store])
        .expect_ok();
    let status = run(&["status"]);
    assert!(
        status.stdout.contains("127.0.0.1:27017 cannot be reached") && status.code != Some(0),
        "{status}"
    );
    fs::write(lab.path("shop/code/new.txt"), "new").expect("write");
    run(&["deploy", "--yes"])
        .expect(5)
        .says("`db` cannot be reached from there");
    lab.stackctl(["start", "db", "--yes", "-c", &store])
        .expect_ok();
    eventually("it logs in again", PATIENCE, || {
        let answer = visit();
        (answer == Ok((200, "two 4".to_owned())))
            .then_some(())
            .ok_or(format!("{answer:?}"))
    });
    run(&["deploy", "--yes"]).expect_ok();

    lab.step("the file is somebody else's, and stays");
    run(&["destroy", "--confirm", "shop"]).expect_ok();
    assert_eq!(
        lab.root(&format!("cat {URL}")),
        format!("{url}?appName=two")
    );
    let said = said.into_inner();
    assert!(!said.contains(&password), "the password was told");
    assert!(!said.contains("hunter2"), "a wrong password was told");
}
