//! What people do with a stack between its deploys, and how it goes in the end, beside another stack whose name begins as
//! its own does.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::load::Load;
use super::scenario::{Lab, PATIENCE, Ran, eventually, http, quote, same};

const MORE: &str = "\
FROM python:3.12-slim
WORKDIR /srv
COPY . .
USER 65534
CMD [\"python\", \"-m\", \"http.server\", \"8080\"]
";

/// What is on the host, but for what the lock leaves in /run, pulled images and logs.
const LOOK: &str = "\
find /etc /var/lib/stackctl /run/stackctl -xdev -not -name '*.lock' -printf '%p %y %m %u %g %l\\n'; \
find /etc/stackctl /etc/nginx /var/lib/stackctl -type f -not -name 'history.jsonl*' -exec sha256sum {} +; \
systemctl list-units --all --plain --no-legend | awk '{print $1, $3, $4}' | grep -E '^(names|stackctl)'; \
systemctl list-unit-files --plain --no-legend | awk '{print $1, $2}' | grep -E '^(names|stackctl)'; \
docker ps -a --format 'container {{.Names}} {{.ID}} {{.State}}'; docker network ls --format 'network {{.Name}}'; \
docker volume ls --format 'volume {{.Name}}'; docker images --format 'image {{.Repository}}:{{.Tag}}' | grep 'image stackctl/'; \
nft -s list table inet stackctl";

#[test]
#[ignore = "needs docker"]
fn a_stack_is_looked_into_restarted_stopped_and_taken_away_without_a_trace_beside_another() {
    let lab = Lab::ready("everyday", "bookworm");
    let other = other_stack(&lab);
    let other = other.as_str();
    lab.step("another stack is there first");
    lab.stackctl(["provision", "--yes", "-c", other])
        .expect_ok();
    lab.stackctl(["deploy", "--yes", "-c", other]).expect_ok();
    let before = lab.root(LOOK);

    let yaml = lab.names_app(|text| text);
    let config = yaml.display().to_string();
    let names = |words: &[&str]| -> Ran {
        // Behind the command, and before what belongs to a program.
        let (command, rest) = words.split_first().expect("a command");
        lab.stackctl([&[command, "-c", config.as_str()], rest].concat())
    };

    lab.step("nothing of it is there yet");
    for words in [
        &["logs"][..],
        &["logs", "backend"],
        &["exec", "backend", "ls"],
        &["run", "backend", "ls"],
    ] {
        names(words).expect(5).says("never deployed");
    }
    names(&["restart", "backend", "--yes"])
        .expect(5)
        .says("never deployed");
    names(&["stop", "db", "--yes"])
        .expect(5)
        .says("never deployed");
    let ran = names(&["destroy", "--confirm", "names"]);
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    same(&before, &lab.root(LOOK));

    lab.step("it is deployed");
    names(&["provision", "--yes"]).expect_ok();
    names(&["deploy", "--yes"]).expect_ok();
    let url = lab.url(80);
    let ada = json!({"name": "Ada"});
    assert_eq!(
        http("POST", &format!("{url}/names"), Some(&ada))
            .expect("an answer")
            .0,
        201
    );

    logs(&lab, &names, &config);
    follow(&lab, &names, &config);
    programs(&lab, &names, &config);
    restarts(&lab, &names, &url);
    stops(&lab, &names, &url);

    lab.step("what would go is shown, and must be named");
    let ran = names(&["destroy", "--dry-run"]);
    assert!(
        ran.expect_ok().stdout.contains("remove network names-data"),
        "{ran}"
    );
    assert!(!ran.stdout.contains("names-more"), "{ran}");
    names(&["destroy"]).expect(2).says("--confirm names");
    names(&["destroy", "--confirm", "nmaes"])
        .expect(2)
        .says("is called names");
    let state = lab.root(LOOK);

    lab.step("a destroy that is killed is finished by the next; the data stays at first");
    let mut killed = lab.start(["destroy", "-c", &config, "--confirm", "names"]);
    eventually("it has begun", PATIENCE, || {
        let said = killed.said();
        (said.contains("remove site") || killed.has_ended())
            .then_some(())
            .ok_or(said)
    });
    killed.signal("KILL");
    killed.wait(&lab);
    assert_ne!(state, lab.root(LOOK), "something of it is gone");
    let ran = names(&["destroy", "--confirm", "names", "--lock-wait", "1m"]);
    ran.expect_ok().says("journalctl -t stackctl");
    let told = lab.root("journalctl -q -t stackctl -o cat | tail -n 1");
    let told: Value = serde_json::from_str(&told).expect("the run as JSON");
    assert_eq!(told["command"], "destroy");
    assert!(
        told["who"]
            .as_str()
            .is_some_and(|who| who.starts_with("tester@")),
        "{told}"
    );
    let left = lab.root(
        "find /var/lib/stackctl/names -type f | sort; docker volume ls -q --filter name=names-db",
    );
    let kept = "/var/lib/stackctl/names/databases/db\n/var/lib/stackctl/names/secrets/db-password\n\
        /var/lib/stackctl/names/secrets/db-root\nnames-db";
    assert_eq!(left, kept);
    let ran = names(&["destroy", "--confirm", "names"]);
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");

    lab.step("with its data it comes back");
    names(&["provision", "--yes"]).expect_ok();
    names(&["deploy", "--yes"]).expect_ok();
    let (_, all) = http("GET", &format!("{url}/names"), None).expect("an answer");
    assert!(all.contains("Ada"), "{all}");

    lab.step("and goes without a trace");
    names(&["destroy", "--volumes", "--confirm", "names"]).expect_ok();
    same(&before, &lab.root(LOOK));
    let (status, page) =
        http("GET", &format!("{}/version.txt", lab.url(8080)), None).expect("an answer");
    assert_eq!(
        (status, page.as_str()),
        (200, "more"),
        "the other stack serves"
    );
    let ran = lab.stackctl(["plan", "--exit-code", "-c", other]);
    ran.expect_ok();

    lab.step("a stack whose state is gone is found all the same");
    lab.root("rm -rf /var/lib/stackctl/names-more");
    lab.stackctl(["destroy", "-c", other, "--confirm", "names-more"])
        .expect_ok();
    let left = lab.root(
        "find /etc/stackctl /var/lib/stackctl /etc/systemd/system /etc/tmpfiles.d /etc/nginx /var/log/nginx -name '*stackctl*' -o -name '*names*' 2>/dev/null; \
         docker ps -aq; docker network ls --format '{{.Name}}' | grep names; docker images | grep stackctl/; \
         systemctl list-units --all --plain --no-legend | grep -E '^(names|stackctl)'; nft list tables | grep stackctl; true",
    );
    assert_eq!(left, "");
    let ran = lab.stackctl(["destroy", "-c", other, "--confirm", "names-more"]);
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
}

/// An app that only speaks TCP, so that it has units; its yaml.
fn other_stack(lab: &Lab) -> String {
    fs::create_dir_all(lab.path("more/web")).expect("a folder");
    fs::write(lab.path("more/web/Dockerfile"), MORE).expect("write");
    fs::write(lab.path("more/web/version.txt"), "more").expect("write");
    let text = format!(
        "stack: names-more\nfirewall: on\nhosts:\n{}services:\n  web:\n    build: {{context: web, dockerfile: Dockerfile}}\n    \
         listen: 8080\n    health: /version.txt\nsites:\n  main:\n    listen: 8080\n    routes: {{/: web}}\n",
        lab.host_yaml()
    );
    let path = lab.path("more/stackctl.yaml");
    fs::write(&path, text).expect("write");
    path.display().to_string()
}

fn logs(lab: &Lab, names: &dyn Fn(&[&str]) -> Ran, config: &str) {
    lab.step("its logs, merged by time");
    names(&["logs", "nosuch"])
        .expect(2)
        .says("it has: backend, db, page");
    let ran = names(&["logs", "--json", "--tail", "all"]);
    let lines: Vec<Value> = ran
        .expect_ok()
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let of = |service: &str| {
        lines
            .iter()
            .filter(|line| line["service"] == service)
            .count()
    };
    assert!(of("db") > 0 && of("backend") > 0, "{ran}");
    let times: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["time"].as_str())
        .collect();
    assert!(times.is_sorted() && times.len() == lines.len(), "{ran}");
    let ran = names(&["logs", "backend", "--grep", "/HEALTHZ", "--tail", "2"]);
    assert_eq!(ran.expect_ok().stdout, "", "capitals count");
    let ran = names(&["logs", "backend", "--grep", "get /healthz", "--tail", "2"]);
    assert_eq!(ran.expect_ok().stdout.lines().count(), 2, "{ran}");
    assert!(
        ran.stdout
            .lines()
            .all(|line| line.starts_with("backend.") && line.contains('|')),
        "{ran}"
    );
    assert!(!ran.stdout.contains('\x1b'), "a pipe gets no colours");
    let ran = names(&[
        "logs",
        "page",
        "--nginx",
        "--since",
        "1h",
        "--grep",
        "POST /names",
    ]);
    assert!(
        ran.expect_ok().stdout.contains("nginx.names.access"),
        "{ran}"
    );
    names(&["logs", "page"]).expect(5).says("--nginx");

    let mut command = lab.command(["logs", "-c", config, "--tail", "all"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("a pipe"))
        .read_line(&mut first)
        .expect("a line");
    let ended = child.wait_with_output().expect("it ends");
    assert!(
        ended.status.success() && ended.stderr.is_empty(),
        "nobody reads any more: {ended:?}"
    );
}

fn follow(lab: &Lab, names: &dyn Fn(&[&str]) -> Ran, config: &str) {
    lab.step("its logs are followed over a deploy");
    let following = lab.start(["logs", "-f", "-c", config, "backend", "--tail", "1"]);
    let first = eventually("a line", PATIENCE, || {
        let said = following.said();
        said.split('|')
            .next()
            .filter(|name| name.starts_with("backend."))
            .map(|name| name.trim().to_owned())
            .ok_or(said)
    });
    let source = lab.path("names/python/main.py");
    let text = fs::read_to_string(&source).expect("the app");
    fs::write(&source, format!("{text}\n# A release later.\n")).expect("write");
    names(&["deploy", "--yes"]).expect_ok();
    let served = names(&["status", "--json"]).json();
    let services = served["services"].as_array().expect("services");
    let backend = services
        .iter()
        .find(|service| service["name"] == "backend")
        .expect("it is there");
    let second = format!(
        "backend.{}",
        backend["release"].as_str().expect("it serves")
    );
    assert_ne!(first, second);
    eventually("lines of the new release", PATIENCE, || {
        let said = following.said();
        said.contains(&second).then_some(()).ok_or(said)
    });
    following.signal("INT");
    let ran = following.wait(lab);
    ran.expect(130);
    assert_eq!(ran.stderr, "", "it was asked to end");
}

fn programs(lab: &Lab, names: &dyn Fn(&[&str]) -> Ran, config: &str) {
    lab.step("programs in the container that serves");
    let ran = names(&[
        "exec",
        "backend",
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 7",
    ]);
    assert_eq!(
        (ran.expect(7).stdout.as_str(), ran.stderr.as_str()),
        ("out\n", "err\n")
    );
    names(&["exec", "backend", "no-such-program"]).expect(127);
    names(&["exec", "page", "ls"])
        .expect(5)
        .says("static files");
    let ran = names(&["exec", "-u", "root", "backend", "id", "-u"]);
    assert_eq!(ran.expect_ok().stdout, "0\n");
    // More than any buffer on the way holds.
    let sent: Vec<u8> = (0..600_000u32).flat_map(u32::to_le_bytes).collect();
    assert_eq!(through(lab, config, &sent), sent);

    let sleeping = lab.start(["exec", "-c", config, "backend", "sleep", "4321"]);
    let sleepers = || lab.root("pgrep -xf 'sleep 4321' | wc -l");
    eventually("it runs", PATIENCE, || {
        (sleepers() != "0").then_some(()).ok_or("none".into())
    });
    sleeping.signal("INT");
    sleeping.wait(lab).expect(130);
    eventually("it has ended", PATIENCE, || {
        (sleepers() == "0").then_some(()).ok_or("it runs".into())
    });

    lab.step("programs in a container of their own");
    let ran = names(&[
        "run",
        "backend",
        "--",
        "sh",
        "-c",
        "echo $DB_HOST; ls /run/secrets /run/stackctl 2>/dev/null; exit 9",
    ]);
    assert_eq!(
        ran.expect(9).stdout,
        "db\n/run/secrets:\ndb-password\n",
        "without its socket"
    );
    names(&["run", "backend", "no-such-program"]).expect(127);
    names(&["run", "db", "mysql"])
        .expect(5)
        .says("stackctl exec db");
    let one_offs = || lab.root("docker ps -aq --filter label=stackctl.run | wc -l");
    eventually("they are gone", PATIENCE, || {
        (one_offs() == "0").then_some(()).ok_or("there".into())
    });
    for (signal, code) in [("KILL", None), ("INT", Some(130))] {
        let running = lab.start(["run", "-c", config, "backend", "sleep", "4322"]);
        eventually("it runs", PATIENCE, || {
            let there = lab.root("docker ps -q --filter label=stackctl.run | wc -l");
            (there == "1").then_some(()).ok_or(running.said())
        });
        running.signal(signal);
        assert_eq!(running.wait(lab).code, code);
        eventually("its container is gone", PATIENCE, || {
            (one_offs() == "0").then_some(()).ok_or("there".into())
        });
    }

    lab.step("terminals");
    let shell = format!("shell -c {} backend", quote(config));
    let ran = lab.typed(
        &shell,
        "printf 'stty cols 91; stty size; test -t 0 && exit 5\\n'",
    );
    assert!(ran.expect(5).stdout.contains(" 91"), "{ran}");
    let shell = format!("shell -c {}", quote(config));
    let ran = lab.typed(&shell, "printf 'id -un; tty; exit 6\\n'");
    assert!(
        ran.expect(6).stdout.contains("ubuntu") && ran.stdout.contains("/dev/pts/"),
        "{ran}"
    );
}

/// What a program says that repeats what it is told.
fn through(lab: &Lab, config: &str, sent: &[u8]) -> Vec<u8> {
    let mut command = lab.command(["exec", "-c", config, "backend", "cat"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let sent = sent.to_vec();
    let sending = std::thread::spawn(move || stdin.write_all(&sent));
    let ended = child.wait_with_output().expect("it ends");
    sending.join().expect("a thread").expect("all was taken");
    assert!(ended.status.success());
    ended.stdout
}

fn restarts(lab: &Lab, names: &dyn Fn(&[&str]) -> Ran, url: &str) {
    lab.step("an app is restarted and nobody notices");
    let started = |name: &str| {
        let seen = names(&["status", "--json"]).json();
        let services = seen["services"].as_array().expect("services").clone();
        let service = services.into_iter().find(|service| service["name"] == name);
        service.expect("it is there")["started_at"].clone()
    };
    let (backend, db) = (started("backend"), started("db"));
    let load = Load::start(url);
    eventually("visitors are served", PATIENCE, || {
        (load.good() > 20).then_some(()).ok_or("few".into())
    });
    names(&["restart", "backend", "--yes"]).expect_ok();
    eventually("visitors are served", PATIENCE, || {
        (load.good() > 60).then_some(()).ok_or("few".into())
    });
    load.lost_nothing();
    drop(load);
    assert_ne!(started("backend"), backend);
    assert_eq!(started("db"), db);
    names(&["plan", "--exit-code"]).expect_ok();
    lab.step("a database is restarted in place");
    let ran = names(&["restart", "db", "--yes"]);
    ran.expect_ok().says("backend can fail");
    assert_ne!(started("db"), db);
    names(&["restart", "page", "--yes"])
        .expect(5)
        .says("static files");
    names(&["plan", "--exit-code"]).expect_ok();
}

fn stops(lab: &Lab, names: &dyn Fn(&[&str]) -> Ran, url: &str) {
    lab.step("a service is stopped, and everybody can see by whom");
    names(&["stop", "backend"]).expect(2).says("--yes");
    let ran = names(&["stop", "backend", "--yes"]);
    ran.expect_ok()
        .says("goes offline: /healthz, /names of site names (port 80)");
    let answer = |path: &str| {
        http("GET", &format!("{url}{path}"), None)
            .expect("an answer")
            .0
    };
    assert_eq!((answer("/healthz"), answer("/")), (502, 200));
    let ran = names(&["status"]);
    assert!(ran.expect(7).stdout.contains("stopped by tester@"), "{ran}");
    names(&["exec", "backend", "ls"])
        .expect(5)
        .says("stackctl start backend");
    let ran = names(&["run", "backend", "echo", "still"]);
    assert_eq!(ran.expect_ok().stdout, "still\n");
    let ran = names(&["stop", "backend", "--yes"]);
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    let ran = names(&["plan", "--exit-code"]);
    assert!(ran.expect(7).stdout.contains("stopped by tester@"), "{ran}");
    names(&["start", "backend", "--yes"]).expect_ok();
    assert_eq!(answer("/healthz"), 200);
    names(&["plan", "--exit-code"]).expect_ok();
    let ran = names(&["history", "--json"]);
    let runs = ran.json()["runs"].as_array().expect("runs").clone();
    let stop = runs
        .iter()
        .find(|run| run["command"] == "stop")
        .expect("it is in the history");
    assert_eq!(stop["services"], json!(["backend"]));

    lab.step("what was stopped is drift that provision and deploy mend");
    names(&["stop", "backend", "db", "--yes"]).expect_ok();
    names(&["provision", "--yes"]).expect_ok();
    names(&["deploy", "--yes"]).expect_ok();
    eventually("it serves", Duration::from_secs(30), || {
        match answer("/healthz") {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    });
    names(&["plan", "--exit-code"]).expect_ok();
    names(&["status"]).expect_ok();
}
