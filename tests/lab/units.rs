//! The names app without Docker: systemd runs its service, the distribution's MariaDB keeps the names.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::load::Load;
use super::scenario::{Lab, PATIENCE, Ran, block_on, eventually, http, same};

#[test]
#[ignore = "needs docker"]
fn the_names_app_runs_as_units_and_loses_no_request_on_a_host_without_docker() {
    let lab = Lab::boot("units", "bookworm");
    let app = App::new(&lab);

    lab.step("a fresh host serves, and no Docker came with it");
    app.run("provision").expect_ok();
    let ran = app.run("provision");
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    app.version("one");
    app.run("deploy").expect_ok();
    app.serves("one");
    assert_eq!(
        lab.root("ls -d /run/docker.sock /usr/sbin/dockerd 2>/dev/null || true"),
        ""
    );
    app.changes_nothing();

    lab.step("the unit is shut in, and so is what it knows");
    let unit = app.serving();
    let verified = lab.root(&format!(
        "systemd-analyze verify /etc/systemd/system/{unit} 2>&1"
    ));
    assert_eq!(verified, "", "systemd takes the unit as it is");
    lab.root(&format!(
        "systemd-analyze security --threshold=25 --no-pager {unit}"
    ));
    let password = lab.root("cat /var/lib/stackctl/names/secrets/db-password");
    let told = lab.root(&format!(
        "systemctl show {unit}; journalctl --no-pager; cat /var/lib/stackctl/names/history.jsonl"
    ));
    assert!(!told.contains(&password), "the password is told");
    let readable = "find /var/lib/stackctl /run/stackctl /etc/systemd/system -type f -perm /077 -print0 \
        | xargs -0 grep -lF";
    let files = lab.root(&format!("{readable} '{password}' || true"));
    assert_eq!(files, "", "the password is where others may read it");
    let nobody = |what: &str| {
        lab.try_root(&format!(
            "setpriv --reuid 65534 --regid 65534 --clear-groups {what}"
        ))
    };
    let socket = "perl -MIO::Socket::UNIX -e 'exit !IO::Socket::UNIX->new(Peer => $ARGV[0])' /run/stackctl/names/backend.sock";
    assert_ne!(
        nobody(socket).code,
        Some(0),
        "only nginx reaches the socket"
    );
    assert_ne!(
        nobody("ls /var/lib/stackctl/names/releases/backend/*/source").code,
        Some(0),
        "nobody else reads the source"
    );

    // Each request logs in to the database, by a process with four threads.
    let load = Load::at(&lab.url(80), 20.0);

    lab.step("a changed source is switched to; unchanged requirements are not installed again");
    let installed = lab.root("stat -c '%i %Y' /var/lib/stackctl/names/installed/backend/*");
    app.version("two");
    let before = load.good();
    app.run("deploy").expect_ok();
    app.serves("two");
    assert!(load.good() > before + 20, "visitors came meanwhile");
    load.lost_nothing();
    same(
        &installed,
        &lab.root("stat -c '%i %Y' /var/lib/stackctl/names/installed/backend/*"),
    );
    app.changes_nothing();

    lab.step("a release that ends at once leaves the one before it serving");
    let state = app.state();
    app.write("\n\nimport sys\n\nif \"gunicorn\" in sys.modules:\n    raise RuntimeError(\"ends at once, on purpose\")\n");
    app.run("deploy")
        .expect(6)
        .says("ends at once, on purpose")
        .says(" ended ");
    same(&state, &app.state());
    app.serves("two");

    lab.step("a requirement that cannot be had is told in pip's words");
    let requirements = lab.path("names/python/requirements.txt");
    let good = fs::read_to_string(&requirements).expect("the requirements");
    app.version("two and a half");
    fs::write(
        &requirements,
        format!("{good}no-such-package-of-ours==9.9.9\n"),
    )
    .expect("write");
    app.run("deploy").expect(6).says("no-such-package-of-ours");
    fs::write(&requirements, good).expect("write");
    same(&state, &app.state());

    lab.step("a program that is not there is told before systemd is");
    app.edit("[gunicorn, ", "[gunicron, ");
    app.run("deploy")
        .expect(6)
        .says("there is no program gunicron");
    app.edit("[gunicron, ", "[gunicorn, ");
    same(&state, &app.state());
    load.lost_nothing();

    lab.step("a rollback is a rename, to the release that is warm");
    app.run("rollback").expect_ok();
    app.serves("one");
    load.lost_nothing();
    app.version("two");
    app.run("deploy").expect_ok();
    app.serves("two");
    load.lost_nothing();

    app.logs();
    lab.step("a restart is behind a stand-in");
    let (unit, state) = (app.serving(), app.files());
    let started = |unit: &str| lab.root(&format!("systemctl show -p MainPID --value {unit}"));
    let process = started(&unit);
    let before = load.good();
    app.with(&["restart", "backend", "--yes"]).expect_ok();
    assert!(load.good() > before, "visitors came meanwhile");
    assert_eq!(app.serving(), unit);
    assert_ne!(started(&unit), process, "it is another process");
    same(&state, &app.files());
    app.serves("two");
    app.changes_nothing();
    load.lost_nothing();

    lab.step("what somebody changed is found, left alone, and put right when asked for");
    let unit = app.serving();
    lab.root(&format!(
        "systemctl disable -q {unit}; echo '# mine' >>/etc/systemd/system/{unit}; \
         echo '# mine' >>/var/lib/stackctl/names/releases/backend/{}/source/main.py",
        unit.trim_start_matches("names-backend@")
            .trim_end_matches(".service")
    ));
    let plan = app.run("plan");
    let told = plan.expect_ok().stdout.clone() + &plan.stderr;
    assert!(told.contains("it must run, also after a reboot"), "{plan}");
    assert!(told.contains("# mine"), "the unit's diff is shown: {plan}");
    assert!(told.contains("/source was as release"), "{plan}");
    let ran = lab.stackctl(["-c", app.config(), "deploy", "--yes", "--overwrite-drift"]);
    ran.expect_ok();
    assert_ne!(app.serving(), unit, "it was made again beside itself");
    app.serves("two");
    app.changes_nothing();
    lab.step(&format!("{} requests, none lost", load.good()));
    load.lost_nothing();
    drop(load);
    // The last of all, since the page shows a few hundred names.
    let body = json!({"name": "Ada"});
    let (status, text) = http("POST", &app.names(), Some(&body)).expect("an answer");
    assert_eq!(status, 201, "{text}");

    lab.step("it is right after a reboot");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    eventually("it serves", PATIENCE, || {
        let (status, text) = http("GET", &format!("{}/version", app.names()), None)?;
        (status == 200 && text.trim() == "\"two\"")
            .then_some(())
            .ok_or(format!("{status} {text}"))
    });
    let (status, text) = http("GET", &app.names(), None).expect("the names");
    assert!(status == 200 && text.contains("Ada"), "{status} {text}");
    app.run("status").expect_ok();
    app.changes_nothing();
    let units = lab.root("systemctl list-units --plain --no-legend 'names-backend@*' | wc -l");
    assert_eq!(units, "1", "what was warm does not start again");

    app.stops();
    app.goes_and_comes_back();
    lab.step("a service that leaves the yaml leaves no unit");
    let text = fs::read_to_string(&app.yaml).expect("the yaml");
    let start = text.find("  # A user of its own").expect("the service");
    let end = text.find("  # Files for nginx.").expect("the page");
    let text = format!("{}{}", &text[..start], &text[end..])
        .replace(", /names: backend, /healthz: backend", "");
    fs::write(&app.yaml, text).expect("write the yaml");
    app.run("provision").expect_ok();
    app.run("deploy").expect_ok();
    assert_eq!(
        lab.root(
            "ls -d /etc/systemd/system/names-backend* /etc/tmpfiles.d/*backend* 2>/dev/null || true"
        ),
        ""
    );

    lab.step("and all goes without a trace, but the distribution's server");
    app.with(&["destroy", "--volumes", "--confirm", "names"])
        .expect_ok();
    assert_eq!(app.databases(), "");
    assert_eq!(
        lab.root("ls -d /var/lib/stackctl /run/stackctl/names 2>/dev/null || true"),
        ""
    );
    assert_eq!(lab.root("systemctl is-active mariadb"), "active");
    let ran = app.with(&["destroy", "--confirm", "names"]);
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
}

/// The names app in versions, by its `units.yaml`.
struct App<'a> {
    lab: &'a Lab,
    yaml: PathBuf,
    backend: String,
}

impl<'a> App<'a> {
    fn new(lab: &'a Lab) -> Self {
        lab.names_app(|yaml| yaml);
        let yaml = lab.path("names/units.yaml");
        let text = fs::read_to_string(&yaml).expect("the example's yaml");
        let placeholder = "  web1: ubuntu@203.0.113.10\n";
        assert!(text.contains(placeholder), "{text}");
        fs::write(&yaml, text.replace(placeholder, &lab.host_yaml())).expect("write the yaml");
        let backend = fs::read_to_string(lab.path("names/python/main.py")).expect("the backend");
        Self { lab, yaml, backend }
    }

    fn config(&self) -> &str {
        self.yaml.to_str().expect("a path that is text")
    }

    fn run(&self, command: &str) -> Ran {
        let yes = (command != "plan" && command != "status").then_some("--yes");
        let arguments = ["-c", self.config(), command];
        self.lab.stackctl(arguments.into_iter().chain(yes))
    }

    /// A command with what belongs to it.
    fn with(&self, words: &[&str]) -> Ran {
        let (command, rest) = words.split_first().expect("a command");
        self.lab
            .stackctl([&[*command, "-c", self.config()], rest].concat())
    }

    fn logs(&self) {
        self.lab.step("its logs, and those of the server, by time");
        let id = self.serving();
        let id = id.trim_start_matches("names-backend@");
        let name = format!("backend.{}", id.trim_end_matches(".service"));
        let ran = self.with(&["logs", "backend", "--tail", "3"]);
        let lines: Vec<&str> = ran.expect_ok().stdout.lines().collect();
        assert_eq!(lines.len(), 3, "{ran}");
        assert!(lines.iter().all(|line| line.starts_with(&name)), "{ran}");
        let ran = self.with(&["logs", "backend", "--grep", "listening at", "--tail", "all"]);
        assert!(
            ran.expect_ok()
                .stdout
                .contains("/run/stackctl/names/backend."),
            "{ran}"
        );
        let ran = self.with(&["logs", "--json", "--since", "1h", "--tail", "all"]);
        let lines = ran.expect_ok().stdout.lines();
        let lines: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).expect("a JSON object"))
            .collect();
        let times: Vec<&str> = lines
            .iter()
            .filter_map(|line| line["time"].as_str())
            .collect();
        assert!(times.is_sorted() && times.len() == lines.len(), "{ran}");
        for service in ["db", "backend"] {
            assert!(lines.iter().any(|line| line["service"] == service), "{ran}");
        }

        self.lab
            .step("its logs are followed, also to the next release");
        let config = self.config();
        let following = self
            .lab
            .start(["logs", "-f", "-c", config, "backend", "--tail", "1"]);
        eventually("a line", PATIENCE, || {
            let said = following.said();
            said.contains(&name).then_some(()).ok_or(said)
        });
        self.run("rollback").expect_ok();
        self.version("two");
        self.write("\n\n@app.get(\"/names/version\")\ndef version():\n    print(\"asked\")\n    return jsonify(\"two\")\n");
        self.run("deploy").expect_ok();
        self.serves("two");
        let next = self.serving();
        let next = next.trim_start_matches("names-backend@");
        let next = format!("backend.{}", next.trim_end_matches(".service"));
        assert_ne!(name, next);
        eventually("lines of the new release", PATIENCE, || {
            let said = following.said();
            let is_told = said
                .lines()
                .any(|line| line.starts_with(&next) && line.ends_with("asked"));
            is_told.then_some(()).ok_or(said)
        });
        following.signal("INT");
        following.wait(self.lab).expect(130);
        let left = self.lab.root("pgrep -c journalctl || true");
        assert_eq!(left, "0", "nobody follows any more");
        self.with(&["exec", "backend", "env"])
            .expect(2)
            .says("`exec` of what runs as a systemd unit is not there yet");
    }

    fn stops(&self) {
        self.lab.step("it is stopped and started by hand");
        self.with(&["stop", "db", "--yes"])
            .expect(5)
            .says("others may use");
        self.with(&["restart", "db", "--yes"]).expect_ok();
        self.with(&["stop", "backend", "--yes"]).expect_ok();
        let (status, _) = http("GET", &self.names(), None).expect("an answer");
        assert_eq!(status, 502);
        let ran = self.run("status");
        assert!(ran.stdout.contains("stopped by tester@"), "{ran}");
        self.with(&["logs", "backend", "--tail", "1"]).expect_ok();
        self.with(&["start", "backend", "--yes"]).expect_ok();
        self.serves("two");
        self.changes_nothing();
    }

    fn goes_and_comes_back(&self) {
        self.lab
            .step("it goes but for its data, and comes back with it");
        self.with(&["destroy", "--confirm", "names"]).expect_ok();
        let left = self.lab.root(
            "find /var/lib/stackctl -type f; ls -d /run/stackctl/names /etc/systemd/system/*names* /etc/tmpfiles.d/*names* \
               2>/dev/null; getent passwd | grep stackctl- || true",
        );
        let kept =
            "/var/lib/stackctl/names/secrets/db-password\n/var/lib/stackctl/names/databases/db";
        let mut left: Vec<&str> = left.lines().collect();
        let mut kept: Vec<&str> = kept.lines().collect();
        left.sort_unstable();
        kept.sort_unstable();
        assert_eq!(left, kept);
        assert_eq!(self.databases(), "names");
        self.run("provision").expect_ok();
        self.run("deploy").expect_ok();
        self.serves("two");
        let (status, text) = http("GET", &self.names(), None).expect("the names");
        assert!(status == 200 && text.contains("Ada"), "{status} {text}");
    }

    /// The databases of the stack.
    fn databases(&self) -> String {
        self.lab
            .root("mariadb -N -e 'SHOW DATABASES' | grep '^names$' || true")
    }

    /// What a restart must leave as it was.
    fn files(&self) -> String {
        self.lab.root(
            "find /run/stackctl /var/lib/stackctl/*/releases /etc/systemd/system /etc/tmpfiles.d -not -name '*.lock' \
               -not -path '*/__pycache__*' -not -name '*.pyc' -printf '%p %M %U %l\\n' | sort; systemctl list-units --all --plain --no-legend 'names-backend@*' \
               | awk '{print $1, $3, $4}'",
        )
    }

    fn changes_nothing(&self) {
        let ran = self.run("deploy");
        assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    }

    fn names(&self) -> String {
        format!("{}/names", self.lab.url(80))
    }

    /// The backend with some more of it.
    fn write(&self, more: &str) {
        let text = format!("{}{more}", self.backend);
        fs::write(self.lab.path("names/python/main.py"), text).expect("write the backend");
    }

    fn version(&self, version: &str) {
        self.write(&format!(
            "\n\n@app.get(\"/names/version\")\ndef version():\n    return jsonify(\"{version}\")\n"
        ));
    }

    fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.yaml).expect("the yaml");
        assert!(text.contains(from), "{text}");
        fs::write(&self.yaml, text.replace(from, to)).expect("write the yaml");
    }

    fn serves(&self, version: &str) {
        let url = format!("{}/version", self.names());
        let (status, text) = http("GET", &url, None).expect("an answer");
        assert_eq!(
            (status, text.trim()),
            (200, format!("\"{version}\"").as_str())
        );
    }

    /// The unit of the release that serves.
    fn serving(&self) -> String {
        let target = self.lab.root("readlink /run/stackctl/names/backend.sock");
        let id = target.split(['.', '/']).nth(1).expect("a release");
        format!("names-backend@{id}.service")
    }

    /// All that a deploy may change and one that failed must not have.
    fn state(&self) -> String {
        self.lab.root(
            "systemctl list-units --all --plain --no-legend 'names-*' | grep -v cool; \
             systemctl show -p MainPID -p NRestarts 'names-backend@*'; \
             find /run/stackctl /var/lib/stackctl/*/current /var/lib/stackctl/*/releases /var/lib/stackctl/*/installed \
               /etc/tmpfiles.d /etc/systemd/system -not -name '*.lock' -not -name '*.pyc' -printf '%p %M %U %l\\n'; \
             sha256sum /var/lib/stackctl/*/manifest.json /etc/nginx/sites-enabled/*",
        )
    }
}
