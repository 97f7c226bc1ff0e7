//! The main job, end to end, as README's first command does it: on two generations of Debian, with two databases.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use stackctl::load::Request;

use super::browser::Browser;
use super::example::{Readme, Stack};
use super::load::Load;
use super::relay::{Relay, Talk};
use super::scenario::{Lab, PATIENCE, block_on, eventually, http, objects_of, quote, same};

/// What a deploy without changes may need after the login.
const ROUND_TRIPS: usize = 8;
/// How far away the host is where they are counted.
const ONE_WAY: Duration = Duration::from_millis(60);

#[test]
#[ignore = "needs docker"]
fn a_fresh_bookworm_host_becomes_a_running_names_app_that_survives_a_reboot() {
    let mut lab = Lab::planned("bookworm");
    let app = demo(&mut lab, &[]);

    let mut readme = Readme::of(&lab, "names", "").within(app.folder());
    assert_eq!(readme.take("stackctl demo"), "stackctl demo");

    lab.step("a person adds a name in the browser and sees it at the left, also after a reload");
    let browser = Browser::start();
    adds_a_name(&browser, &app.url, "Katherine Johnson");
    browser.screenshot(&lab.artifacts().join("page.png"));

    lab.step("a second provision and deploy change nothing");
    assert_eq!(lab.containers().len(), 2, "{:?}", lab.containers());
    nothing_changes(&lab, &app);

    lab.step("a deploy without changes needs few round trips");
    round_trips(&lab, &app);

    lab.step("the database's own client");
    let client =
        "mysql -p\"$(cat $MYSQL_ROOT_PASSWORD_FILE)\" -N -e 'SELECT COUNT(*) > 0 FROM names.names'";
    let config = app.config();
    let ran = lab.stackctl(["exec", "-c", config, "db", "--", "sh", "-c", client]);
    assert_eq!(ran.expect_ok().stdout.trim(), "1");

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

    let stack = Stack::at(&lab, "names", app.config.clone());
    lab.step("a changed page and service, under load, by the commands of the README");
    let ran = readme.follow("stackctl provision");
    assert!(ran.stdout.contains("no changes"), "{ran}");
    let source = Source::of(&stack);
    let load = Load::at(&lab.url(80), 20.0);
    let before = load.good();
    source.becomes("two");
    readme.follow("stackctl deploy");
    readme.follow("stackctl status");
    assert_eq!(version(&lab.url(80), &lab.url(80)), "two two");
    assert!(load.good() > before + 20, "visitors came meanwhile");
    load.lost_nothing();

    lab.step("and back");
    stack.run("rollback").expect_ok();
    source.becomes("one");
    assert_eq!(version(&lab.url(80), &lab.url(80)), "one one");
    stack.changes_nothing();
    lab.step(&format!("{} requests, none lost", load.good()));
    load.lost_nothing();
    drop(load);

    lab.step("the service answers as the README says");
    let said = readme.follow("curl -X POST").stdout;
    assert_eq!(said.trim(), "{\"name\":\"Edsger\"}");
    let said = readme.follow("curl http://HOST/names").stdout;
    let names: Vec<String> = serde_json::from_str(&said).expect("a list of names");
    assert_eq!(names.last().map(String::as_str), Some("Edsger"));
    readme.is_followed();

    lab.step("after a reboot of the host everything is back by itself");
    let before = lab.root("stat -c %Y /proc/1");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    assert_ne!(before, lab.root("stat -c %Y /proc/1"), "it did boot");
    becomes_healthy(&lab, &app);
    browser.open(&app.url);
    shows(&browser, "Edsger");
    browser.screenshot(&lab.artifacts().join("page-after-reboot.png"));
    nothing_changes(&lab, &app);

    lab.step("the stack goes, and nothing is left of it");
    stack.goes_without_a_trace();

    lab.step("`demo --down` leaves nothing behind");
    lab.stackctl(["demo", "--down", "--name", &lab.name])
        .expect_ok();
    let left = objects_of(&lab.name);
    assert!(left.is_empty(), "left behind: {left:?}");
    assert!(!Path::new(app.config()).exists(), "its files are gone");
}

#[test]
#[ignore = "needs docker"]
fn the_same_path_works_on_trixie_with_mariadb_and_on_the_ports_of_old() {
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

    on_the_ports_of_old(&lab, &app);
}

/// The page at port 8000 and its service at port 8080, by the commands of the README.
fn on_the_ports_of_old(lab: &Lab, app: &App) {
    let mut readme = Readme::of(lab, "names", "ports").within(app.folder());
    let stack = Stack::at(lab, "names", app.config.clone());
    let (page, api) = (lab.url(8000), lab.url(8080));
    name_port(lab, &stack);

    lab.step(
        "on the ports of old: the page at 8000, its service at 8080, and no other port is open",
    );
    readme.follow("stackctl -e ports provision");
    readme.follow("stackctl -e ports deploy");
    readme.is_followed();
    assert_eq!(open_ports(lab), "22 8000 8080");
    let (status, _) = http("GET", &format!("{api}/"), None).expect("an answer");
    assert_eq!(status, 404, "the service by itself");
    let browser = Browser::start();
    adds_a_name(&browser, &page, "Katherine Johnson");
    let asked = "grep -c 'POST /names' /var/log/nginx/names-api.access.log";
    assert_eq!(lab.root(asked), "1", "the page asked port 8080");

    lab.step("on the ports of old: a changed page and service, under load, and back");
    let source = Source::of(&stack);
    let visitors = [
        Load::of(&page, 10.0, vec![Request::get("/")]),
        Load::of(&api, 20.0, vec![Request::get("/names")]),
    ];
    source.becomes("two");
    readme.finish("stackctl -e ports deploy --yes").expect_ok();
    assert_eq!(version(&page, &api), "two two");
    readme
        .finish("stackctl -e ports rollback --yes")
        .expect_ok();
    source.becomes("one");
    assert_eq!(version(&page, &api), "one one");
    for load in visitors {
        lab.step(&format!("{} requests, none lost", load.good()));
        assert!(load.good() > 20, "visitors came meanwhile");
        load.lost_nothing();
    }

    lab.step("on the ports of old: it is right after a reboot");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    eventually("it serves", PATIENCE, || {
        let ran = readme.finish("stackctl -e ports status");
        (ran.code == Some(0)).then_some(()).ok_or(ran.to_string())
    });
    browser.open(&page);
    shows(&browser, "Katherine Johnson");
    for command in ["provision", "deploy"] {
        let ran = readme.finish(&format!("stackctl -e ports {command} --yes"));
        assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    }

    lab.step("on the ports of old: the stack goes, and nothing is left of it");
    stack.goes_without_a_trace();
}

/// The ports on which others than the host itself can connect.
pub fn open_ports(lab: &Lab) -> String {
    lab.root(
        "ss -Hltn | awk '{print $4}' | grep -v '^127\\.\\|^\\[::1\\]' | sed 's/.*://' | sort -un | xargs",
    )
}

/// The overlay of the ports has the page ask the service at a port of the host; the lab's is reached by another one.
pub fn name_port(lab: &Lab, stack: &Stack<'_>) {
    let api = lab.url(8080);
    let reached = api.trim_start_matches("http://");
    stack.edit("stackctl.ports.yaml", "{{ host.public }}:8080", reached);
}

/// Types a name, sees it at the left of the form, and sees it again after a reload.
pub fn adds_a_name(browser: &Browser, page: &str, name: &str) {
    browser.open(page);
    browser.type_into("#name", name);
    browser.click("#form button");
    shows(browser, name);
    let (list, form) = (browser.place("#names"), browser.place("#form"));
    assert!(list.width > 50.0, "the list is visible: {list:?}");
    assert!(
        list.right <= form.left,
        "the list is left of the form: {list:?} {form:?}"
    );
    browser.reload();
    shows(browser, name);
}

/// The page and the service in versions; the first is what the example holds, with words that tell it.
struct Source<'a> {
    stack: &'a Stack<'a>,
    page: String,
    service: String,
}

impl<'a> Source<'a> {
    fn of(stack: &'a Stack<'a>) -> Self {
        Self {
            stack,
            page: stack.read("index.html"),
            service: stack.read("python/main.py"),
        }
    }

    fn becomes(&self, version: &str) {
        let (page, service) = match version {
            "one" => (self.page.clone(), self.service.clone()),
            _ => (
                format!("{}<!-- version {version} -->\n", self.page),
                self.service.replace(
                    "return jsonify(status=\"ok\")",
                    &format!("return jsonify(status=\"ok\", version=\"{version}\")"),
                ),
            ),
        };
        self.stack.write("index.html", &page);
        self.stack.write("python/main.py", &service);
    }
}

/// Which versions the page and the service are.
fn version(page: &str, api: &str) -> String {
    let told = |url: String, words: &str| {
        let (status, text) = http("GET", &url, None).expect("an answer");
        assert_eq!(status, 200, "{url}: {text}");
        match text.contains(words) {
            true => "two",
            false => "one",
        }
    };
    let page = told(format!("{page}/"), "<!-- version two -->");
    let service = told(format!("{api}/healthz"), "\"version\":\"two\"");
    format!("{page} {service}")
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
    fn folder(&self) -> &Path {
        self.config.parent().expect("its folder")
    }

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
    // What is said late for want of a processor counts as if it had waited, so the best of some is what the program needs.
    let mut talks: Vec<Talk> = Vec::new();
    while talks.len() < 5 && talks.iter().all(|talk| talk.after_login() > ROUND_TRIPS) {
        let relay = Relay::with_delay(lab.host().ssh_port, ONE_WAY);
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
