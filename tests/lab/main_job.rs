//! The main job, end to end, as README's first command does it: on two generations of Debian, with two databases.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::browser::Browser;
use super::relay::{Relay, Talk};
use super::scenario::{Lab, PATIENCE, block_on, eventually, http, objects_of, quote, same};

/// What a deploy without changes may need after the login.
const ROUND_TRIPS: usize = 8;

#[test]
#[ignore = "needs docker"]
fn a_fresh_bookworm_host_becomes_a_running_names_app_that_survives_a_reboot() {
    let mut lab = Lab::planned("bookworm");
    let app = demo(&mut lab, &[]);

    lab.step("a person adds a name in the browser and sees it at the left");
    let browser = Browser::start();
    browser.open(&app.url);
    browser.type_into("#name", "Katherine Johnson");
    browser.click("#form button");
    shows(&browser, "Katherine Johnson");
    let (list, form) = (browser.place("#names"), browser.place("#form"));
    assert!(list.width > 50.0, "the list is visible: {list:?}");
    assert!(
        list.right <= form.left,
        "the list is left of the form: {list:?} {form:?}"
    );
    lab.step("it is there after a reload");
    browser.reload();
    shows(&browser, "Katherine Johnson");
    browser.screenshot(&lab.artifacts().join("page.png"));

    lab.step("a second provision and deploy change nothing");
    nothing_changes(&lab, &app);

    lab.step("a deploy without changes needs few round trips");
    round_trips(&lab, &app);

    lab.step("a stopped database is unhealthy by name, and healthy again when started");
    lab.root("docker stop names-db");
    let seen = lab.stackctl(["-c", app.config(), "status", "--json"]);
    let status = seen.expect(7).json();
    assert_eq!(status["healthy"], false);
    let problems = status["problems"].to_string();
    assert!(problems.contains("db"), "the database is named: {problems}");
    lab.stackctl(["-c", app.config(), "status"]).expect(7);
    lab.root("docker start names-db");
    becomes_healthy(&lab, &app);

    lab.step("after a reboot of the host everything is back by itself");
    let before = lab.root("stat -c %Y /proc/1");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    assert_ne!(before, lab.root("stat -c %Y /proc/1"), "it did boot");
    becomes_healthy(&lab, &app);
    browser.open(&app.url);
    shows(&browser, "Katherine Johnson");
    browser.screenshot(&lab.artifacts().join("page-after-reboot.png"));
    nothing_changes(&lab, &app);

    lab.step("`demo --down` leaves nothing behind");
    lab.stackctl(["demo", "--down", "--name", &lab.name])
        .expect_ok();
    let left = objects_of(&lab.name);
    assert!(left.is_empty(), "left behind: {left:?}");
    assert!(!Path::new(app.config()).exists(), "its files are gone");
}

#[test]
#[ignore = "needs docker"]
fn the_same_path_works_on_trixie_with_mariadb() {
    let mut lab = Lab::planned("trixie");
    let app = demo(
        &mut lab,
        &["--base", "trixie", "--database-image", "mariadb:11"],
    );
    let system = lab.root("cat /etc/os-release");
    assert!(system.contains("VERSION_CODENAME=trixie"), "{system}");

    lab.step("a second provision and deploy change nothing");
    nothing_changes(&lab, &app);

    lab.step("the rendered compose file is one that `docker compose config` takes");
    compose_takes_what_is_rendered(&lab, &app);

    lab.step("after a reboot of the host everything is back by itself");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    becomes_healthy(&lab, &app);
    let (status, names) = http("GET", &format!("{}names", app.url), None).expect("an answer");
    assert_eq!(status, 200);
    assert!(names.contains("Grace Hopper"), "{names}");
}

/// The compose plugin of trixie's packages is the oracle; it needs no engine.
fn compose_takes_what_is_rendered(lab: &Lab, app: &App) {
    let out = lab.path("rendered");
    let out = out.to_str().expect("a path that is text");
    lab.stackctl(["-c", app.config(), "render", "--out", out])
        .expect_ok();
    let text = fs::read_to_string(lab.path("rendered/compose.yaml")).expect("a compose file");
    // Its folders are this machine's.
    lab.root(
        "apt-get install -qq -y --no-install-recommends docker-compose docker-cli >/dev/null 2>&1",
    );
    let script = format!(
        "cd /tmp && printf %s {} > compose.yaml && docker compose config --format json",
        quote(&text)
    );
    let read: serde_json::Value = serde_json::from_str(&lab.root(&script)).expect("JSON");
    let services = read["services"].as_object().expect("services");
    for name in ["db", "backend"] {
        let found = services.keys().any(|key| key.starts_with(name));
        assert!(found, "{name} is among {services:?}");
    }
    assert_eq!(read["services"]["db"]["image"], "mariadb:11");
}

/// What `demo --json` told.
struct App {
    url: String,
    config: PathBuf,
}

impl App {
    fn config(&self) -> &str {
        self.config.to_str().expect("a path that is text")
    }
}

/// `stackctl demo`, then what must be true of its answer and its app.
fn demo(lab: &mut Lab, more: &[&str]) -> App {
    lab.step("the demo boots a host, provisions, deploys and reports");
    let name = lab.name.clone();
    let mut arguments = vec!["demo", "--yes", "--keep", "--json", "--name", &name];
    arguments.extend(more);
    let ran = lab.stackctl(arguments);
    lab.found();
    let told = ran.expect_ok().json();
    assert_eq!(told["schema"], 1);
    assert_eq!(told["healthy"], true);
    let phases = told["phases"].as_array().expect("phases");
    let named: Vec<&str> = phases
        .iter()
        .filter_map(|phase| phase["name"].as_str())
        .collect();
    assert_eq!(named, ["lab", "provision", "deploy", "status"]);
    for phase in phases {
        assert!(phase["seconds"].is_number(), "{phase}");
        lab.step(&format!("phase {}: {} s", phase["name"], phase["seconds"]));
    }
    let app = App {
        url: told["url"].as_str().expect("a url").to_owned(),
        config: told["config"].as_str().expect("a path").into(),
    };
    assert!(
        app.config.is_absolute() && app.config.is_file(),
        "{}",
        app.config.display()
    );

    lab.step("its `ssh` value works as it stands");
    let ssh = told["hosts"][0]["ssh"].as_str().expect("a command line");
    assert_eq!(told["hosts"][0]["name"], "web1");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{ssh} true")]);
    command.stdin(std::process::Stdio::null());
    lab.finish(command).expect_ok();
    assert!(
        !ssh.contains("StrictHostKeyChecking=no"),
        "the host key is checked: {ssh}"
    );

    let ran = lab.stackctl(["lab", "ssh", "--name", &lab.name, "--", "hostname; exit 3"]);
    assert_eq!(ran.expect(3).stdout.trim(), "web1");

    lab.step("names can be added and listed, and hostile ones are only text");
    let names = format!("{}names", app.url);
    for name in [
        "Grace Hopper",
        "Robert'); DROP TABLE names;--",
        "<b>Ada</b>",
    ] {
        let (status, text) =
            http("POST", &names, Some(&json!({ "name": name }))).expect("an answer");
        assert_eq!(status, 201, "{text}");
        let (status, text) = http("GET", &names, None).expect("an answer");
        assert_eq!(status, 200, "{text}");
        let listed: Vec<String> = serde_json::from_str(&text).expect("a list of names");
        assert_eq!(listed.last().map(String::as_str), Some(name));
    }
    let (status, _) = http("POST", &names, Some(&json!({ "name": "" }))).expect("an answer");
    assert_eq!(status, 400);
    let (status, script) = http("GET", &format!("{}js/app.js", app.url), None).expect("an answer");
    assert_eq!(status, 200);
    assert!(
        !script.contains("${IP_ADDRESS}"),
        "the placeholder is filled in"
    );

    lab.step("status from another terminal is healthy");
    becomes_healthy(lab, &app);
    lab.stackctl(["-c", app.config(), "status"]).expect_ok();
    app
}

fn shows(browser: &Browser, name: &str) {
    eventually(&format!("the page lists {name}"), PATIENCE, || {
        let listed = browser.texts("#names li");
        let found = listed.iter().any(|listed| listed == name);
        found
            .then_some(())
            .ok_or_else(|| format!("it lists {listed:?}"))
    });
}

fn becomes_healthy(lab: &Lab, app: &App) -> Value {
    eventually("status is healthy", PATIENCE, || {
        let ran = lab.stackctl(["-c", app.config(), "status", "--json"]);
        if ran.code == Some(0) {
            let status = ran.json();
            assert_eq!(status["healthy"], true);
            assert_eq!(status["schema"], 1);
            return Ok(status);
        }
        Err(ran.to_string())
    })
}

fn nothing_changes(lab: &Lab, app: &App) {
    // The folder of the lock is left out: after a boot, the first run makes the lock there.
    let look = "find /var/lib/stackctl /run/stackctl /etc/nginx /etc/systemd /etc/tmpfiles.d \
        -not -path /run/stackctl -not -name '*.lock' -printf '%p %m %u %T@ %l\\n' | sort; \
        systemctl show -p MainPID -p NRestarts nginx docker; pgrep -P $(cat /run/nginx.pid)";
    let (containers, state) = (lab.containers(), lab.root(look));
    assert_eq!(containers.len(), 2, "{containers:?}");
    for command in ["provision", "deploy"] {
        let ran = lab.stackctl(["-c", app.config(), command, "--yes"]);
        assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    }
    lab.stackctl(["-c", app.config(), "plan", "--exit-code"])
        .expect_ok();
    assert_eq!(
        containers,
        lab.containers(),
        "the same containers, started when they were"
    );
    same(&state, &lab.root(look));
}

fn round_trips(lab: &Lab, app: &App) {
    let yaml = fs::read_to_string(&app.config).expect("the yaml");
    let direct = format!("    port: {}\n", lab.host().ssh_port);
    assert!(yaml.contains(&direct), "{yaml}");
    // The same host under another port: its key is known by the fingerprint alone.
    let key = lab.root("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    let fingerprint = key.split_whitespace().nth(1).expect("a fingerprint");
    let config = app.config.with_file_name("relayed.yaml");
    // A piece that the network cuts in two can count twice, so the best of some is what the program needs.
    let mut talks: Vec<Talk> = Vec::new();
    while talks.len() < 12 && talks.iter().all(|talk| talk.after_login() > ROUND_TRIPS) {
        let relay = Relay::start(lab.host().ssh_port);
        let through = format!("    port: {}\n    host_key: {fingerprint}\n", relay.port());
        fs::write(&config, yaml.replace(&direct, &through)).expect("write the yaml");
        let path = config.to_str().expect("a path that is text");
        let ran = lab.stackctl(["-c", path, "deploy", "--yes"]);
        assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
        talks.push(relay.finish());
    }
    let after: Vec<usize> = talks.iter().map(Talk::after_login).collect();
    let least = after.iter().copied().min().unwrap_or_default();
    lab.step(&format!(
        "round trips of a deploy without changes, after the login: {after:?}"
    ));
    let text: Vec<String> = talks.iter().map(Talk::to_string).collect();
    let _ = fs::write(lab.artifacts().join("round-trips.txt"), text.join("\n"));
    assert!(
        least <= ROUND_TRIPS,
        "{least} round trips, more than {ROUND_TRIPS}"
    );
}
