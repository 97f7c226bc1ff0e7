//! The names app without Docker: systemd runs its service, the distribution's MariaDB keeps the names.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use stackctl::load::Request;

use super::browser::Browser;
use super::example::{Readme, Stack};
use super::load::Load;
use super::main_job::{adds_a_name, name_port, open_ports};
use super::scenario::{Lab, PATIENCE, block_on, eventually, http, quote, same};

#[test]
#[ignore = "needs docker"]
fn the_names_app_runs_as_units_and_loses_no_request_on_a_host_without_docker() {
    let lab = Lab::boot("units", "bookworm");
    let app = App::new(&lab);

    lab.step("a fresh host serves, and no Docker came with it");
    let mut readme = Readme::of(&lab, "names", "units.yaml");
    readme.follow("stackctl -c units.yaml provision");
    let ran = app.stack.run("provision");
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    app.version("one");
    readme.follow("stackctl -c units.yaml deploy");
    readme.follow("stackctl -c units.yaml status");
    readme.is_followed();
    app.serves("one");
    assert_eq!(
        lab.root("ls -d /run/docker.sock /usr/sbin/dockerd 2>/dev/null || true"),
        ""
    );
    app.changes_nothing();

    lab.step("the unit is shut in, and so is what it knows");
    let unit = app.stack.serving("backend");
    lab.is_shut_in(&unit);
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

    lab.step("a person adds a name in the browser, and it is there after a reload");
    adds_a_name(&Browser::start(), &lab.url(80), "Dorothy Vaughan");

    // One process with four threads answers.
    let load = Load::at(&lab.url(80), 20.0);

    lab.step("a changed source is switched to, and unchanged requirements are not installed again");
    let installed = lab.root("stat -c '%i %Y' /var/lib/stackctl/names/installed/backend/*");
    app.version("two");
    let before = load.good();
    app.stack.run("deploy").expect_ok();
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
    app.stack
        .run("deploy")
        .expect(6)
        .says("ends at once, on purpose")
        .says(" ended ");
    same(&state, &app.state());
    app.serves("two");

    lab.step("a requirement that cannot be had is told in pip's words");
    let requirements = "python/requirements.txt";
    let good = app.stack.read(requirements);
    app.version("two and a half");
    let bad = format!("{good}no-such-package-of-ours==9.9.9\n");
    app.stack.write(requirements, &bad);
    app.stack
        .run("deploy")
        .expect(6)
        .says("no-such-package-of-ours");
    app.stack.write(requirements, &good);
    same(&state, &app.state());

    lab.step("a program that is not there is told before systemd is");
    app.stack.edit("units.yaml", "[gunicorn, ", "[gunicron, ");
    app.stack
        .run("deploy")
        .expect(6)
        .says("there is no program gunicron");
    app.stack.edit("units.yaml", "[gunicron, ", "[gunicorn, ");
    same(&state, &app.state());
    load.lost_nothing();

    lab.step("a rollback is a rename, to the release that is warm");
    app.stack.run("rollback").expect_ok();
    app.serves("one");
    load.lost_nothing();
    app.version("two");
    app.stack.run("deploy").expect_ok();
    app.serves("two");
    load.lost_nothing();

    app.logs();
    app.programs();
    lab.step("a restart is behind a stand-in");
    let (unit, state) = (app.stack.serving("backend"), app.files());
    let started = |unit: &str| lab.root(&format!("systemctl show -p MainPID --value {unit}"));
    let process = started(&unit);
    let before = load.good();
    app.stack.with(&["restart", "backend", "--yes"]).expect_ok();
    assert!(load.good() > before, "visitors came meanwhile");
    assert_eq!(app.stack.serving("backend"), unit);
    assert_ne!(started(&unit), process, "it is another process");
    same(&state, &app.files());
    app.serves("two");
    app.changes_nothing();
    load.lost_nothing();

    lab.step("what somebody changed is found, left alone, and put right when asked for");
    let unit = app.stack.serving("backend");
    lab.root(&format!(
        "systemctl disable -q {unit}; echo '# mine' >>/etc/systemd/system/{unit}; \
         echo '# mine' >>/var/lib/stackctl/names/releases/backend/{}/source/main.py",
        unit.trim_start_matches("names-backend@")
            .trim_end_matches(".service")
    ));
    let plan = app.stack.run("plan");
    let told = plan.expect_ok().stdout.clone() + &plan.stderr;
    assert!(told.contains("it must run, also after a reboot"), "{plan}");
    assert!(told.contains("# mine"), "the unit's diff is shown: {plan}");
    assert!(told.contains("/source was as release"), "{plan}");
    let ran = lab.stackctl([
        "-c",
        app.stack.config(),
        "deploy",
        "--yes",
        "--overwrite-drift",
    ]);
    ran.expect_ok();
    assert_ne!(
        app.stack.serving("backend"),
        unit,
        "it was made again beside itself"
    );
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
    app.stack.run("status").expect_ok();
    app.changes_nothing();
    let units = lab.root("systemctl list-units --plain --no-legend 'names-backend@*' | wc -l");
    assert_eq!(units, "1", "what was warm does not start again");

    app.goes_back_to_what_is_cold();
    app.stops();
    app.goes_and_comes_back();
    app.trusts_nothing_installed();
    app.ports();
    lab.step("a service that leaves the yaml leaves no unit and no user");
    let text = app.stack.read("units.yaml");
    let start = text.find("  # A user of its own").expect("the service");
    let end = text.find("  # Files for nginx.").expect("the page");
    let text = format!("{}{}", &text[..start], &text[end..])
        .replace(", /names: backend, /healthz: backend", "");
    app.stack.write("units.yaml", &text);
    app.stack.run("provision").expect_ok();
    app.stack.run("deploy").expect_ok();
    assert_eq!(
        lab.root(
            "ls -d /etc/systemd/system/names-backend* /etc/tmpfiles.d/*backend* /run/stackctl/names/backend* \
               /var/lib/stackctl/names/*/backend 2>/dev/null; getent passwd | grep stackctl- || true"
        ),
        ""
    );

    lab.step("and all goes without a trace, but the distribution's server");
    app.stack.goes_without_a_trace();
    assert_eq!(app.databases(), "");
    assert_eq!(lab.root("systemctl is-active mariadb"), "active");
}

/// The names app in versions, by its `units.yaml`.
struct App<'a> {
    lab: &'a Lab,
    stack: Stack<'a>,
    backend: String,
}

impl<'a> App<'a> {
    fn new(lab: &'a Lab) -> Self {
        let stack = Stack::unpack(lab, "names", "units.yaml", |yaml| yaml);
        let backend = stack.read("python/main.py");
        Self {
            lab,
            stack,
            backend,
        }
    }

    fn logs(&self) {
        self.lab.step("its logs, and those of the server, by time");
        let id = self.stack.serving("backend");
        let id = id.trim_start_matches("names-backend@");
        let name = format!("backend.{}", id.trim_end_matches(".service"));
        let ran = self.stack.with(&["logs", "backend", "--tail", "3"]);
        let lines: Vec<&str> = ran.expect_ok().stdout.lines().collect();
        assert_eq!(lines.len(), 3, "{ran}");
        assert!(lines.iter().all(|line| line.starts_with(&name)), "{ran}");
        let ran = self
            .stack
            .with(&["logs", "backend", "--grep", "listening at", "--tail", "all"]);
        assert!(
            ran.expect_ok()
                .stdout
                .contains("/run/stackctl/names/backend."),
            "{ran}"
        );
        let ran = self
            .stack
            .with(&["logs", "--json", "--since", "1h", "--tail", "all"]);
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
        let config = self.stack.config();
        let following = self
            .lab
            .start(["logs", "-f", "-c", config, "backend", "--tail", "1"]);
        eventually("a line", PATIENCE, || {
            let said = following.said();
            said.contains(&name).then_some(()).ok_or(said)
        });
        self.stack.run("rollback").expect_ok();
        self.version("two");
        self.write("\n\n@app.get(\"/names/version\")\ndef version():\n    print(\"asked\")\n    return jsonify(\"two\")\n");
        self.stack.run("deploy").expect_ok();
        self.serves("two");
        let next = self.stack.serving("backend");
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
        eventually("nobody follows any more", Duration::from_secs(5), || {
            let left = self.lab.root("pgrep -c journalctl || true");
            (left == "0").then_some(()).ok_or(left)
        });
    }

    fn programs(&self) {
        self.lab.step("programs beside the unit that serves");
        let ran = self.stack.with(&[
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
        self.stack
            .with(&["exec", "backend", "no-such-program"])
            .expect(127);
        self.stack
            .with(&["exec", "backend", "--", "sh", "-c", "kill -9 $$"])
            .expect(137);
        let said = |words: &[&str]| self.stack.with(words).expect_ok().stdout.trim().to_owned();
        let user = self
            .lab
            .root("stat -c %U $(dirname $(readlink -f /run/stackctl/names/backend.sock))");
        assert_eq!(said(&["exec", "backend", "id", "-un"]), user);
        assert_eq!(said(&["exec", "-u", "root", "backend", "id", "-u"]), "0");
        let words = "echo \"$DB_NAME $(cat \"$DB_PASSWORD_FILE\" | wc -c) 100% $0\"; pwd; test -S \"$LISTEN_SOCKET\"; cp main.py /tmp/shared";
        let told = said(&["exec", "backend", "--", "sh", "-c", words, "a b"]);
        assert!(told.starts_with("names 32 100% a b\n"), "{told}");
        assert!(told.ends_with("/source"), "{told}");
        let unit = self.stack.serving("backend");
        self.lab.root(&format!(
            "pid=$(systemctl show -p MainPID --value {unit}); test -s /proc/$pid/root/tmp/shared"
        ));
        self.stack
            .with(&["exec", "backend", "--", "touch", "main.py"])
            .expect(1);
        self.stack
            .with(&[
                "exec",
                "backend",
                "--",
                "python",
                "-c",
                "import flask; raise SystemExit(3)",
            ])
            .expect(3);
        // More than any buffer on the way holds.
        let sent: Vec<u8> = (0..600_000u32).flat_map(u32::to_le_bytes).collect();
        let mut command = self
            .lab
            .command(["exec", "-c", self.stack.config(), "backend", "cat"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let copy = sent.clone();
        let sending = std::thread::spawn(move || stdin.write_all(&copy));
        let ended = child.wait_with_output().expect("it ends");
        sending.join().expect("a thread").expect("all was taken");
        assert!(ended.status.success() && ended.stdout == sent);

        self.lab.step("programs in a unit of their own");
        let ran = self.stack.with(&[
            "run",
            "backend",
            "--",
            "sh",
            "-c",
            "test ! -e /tmp/shared && python tables.py",
        ]);
        assert!(ran.expect_ok().stdout.contains("tables are ready"), "{ran}");
        let query = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'names'";
        assert_eq!(
            said(&["exec", "db", "--", "mariadb", "-N", "-e", query]),
            "1"
        );
        self.stack
            .with(&["run", "db", "mariadb"])
            .expect(5)
            .says("stackctl exec db");
        let config = self.stack.config();
        for (command, signal, code) in [
            ("exec", "INT", Some(130)),
            ("run", "INT", Some(130)),
            ("run", "KILL", None),
            ("exec", "KILL", None),
        ] {
            let running = self
                .lab
                .start([command, "-c", config, "backend", "sleep", "4323"]);
            let sleepers = || self.lab.root("pgrep -xf 'sleep 4323' | wc -l");
            eventually("it runs", PATIENCE, || {
                (sleepers() == "1").then_some(()).ok_or(running.said())
            });
            running.signal(signal);
            assert_eq!(running.wait(self.lab).code, code);
            eventually("it has ended", PATIENCE, || {
                (sleepers() == "0").then_some(()).ok_or("it runs".into())
            });
        }
        let units = "systemctl list-units --all --plain --no-legend 'names-*-run-*'; pgrep -f -- '[-]-unit=names-' || true";
        eventually("nothing is left", PATIENCE, || {
            let left = self.lab.root(units);
            left.is_empty().then_some(()).ok_or(left)
        });

        self.lab.step("a terminal, and Ctrl-C in it");
        let shell = format!("shell -c {} backend", quote(config));
        let ran = self.lab.typed(
            &shell,
            "printf 'stty cols 91; stty size; id -un; test -t 0 && exit 5\\n'",
        );
        let told = &ran.expect(5).stdout;
        assert!(told.contains(" 91") && told.contains(&user), "{ran}");
        let ran = self.lab.typed(
            &shell,
            "printf 'sleep 4324\\n'; sleep 2; printf '\\003'; sleep 1; printf 'exit 6\\n'",
        );
        ran.expect(6);
        assert_eq!(self.lab.root("pgrep -cxf 'sleep 4324' || true"), "0");
        self.changes_nothing();
    }

    /// To a release that does not run, and that systemd has given up, and forward to one that is warm.
    fn goes_back_to_what_is_cold(&self) {
        self.lab.step(
            "a rollback starts the release before, which the reboot left cold and which had failed",
        );
        let now = self.stack.serving("backend");
        let cold = self.lab.root(&format!(
            "cd /etc/systemd/system && for unit in names-backend@*.service; do \
               [ \"$unit\" != {now} ] || continue; \
               folder=/run/systemd/system/$unit.d; mkdir -p \"$folder\"; \
               printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\nRestart=no\\n' >\"$folder/ends.conf\"; \
               systemctl daemon-reload; systemctl start \"$unit\" 2>/dev/null || true; \
               until systemctl is-failed -q \"$unit\"; do sleep 0.1; done; \
               rm -r \"$folder\"; systemctl daemon-reload; systemctl is-failed -q \"$unit\"; echo \"$unit\"; done"
        ));
        let load = Load::of(&self.lab.url(80), 20.0, vec![Request::get("/names")]);
        self.stack.run("rollback").expect_ok();
        let before = self.stack.serving("backend");
        assert!(
            before != now && cold.lines().any(|cold| cold == before),
            "{before} of {cold}"
        );
        self.stack.run("status").expect_ok();
        self.stack.run("deploy").expect_ok();
        assert_eq!(self.stack.serving("backend"), now);
        self.serves("two");
        self.changes_nothing();
        load.lost_nothing();
    }

    fn stops(&self) {
        self.lab.step("it is stopped and started by hand");
        self.stack
            .with(&["stop", "db", "--yes"])
            .expect(5)
            .says("others may use");
        self.stack.with(&["restart", "db", "--yes"]).expect_ok();
        self.stack.with(&["stop", "backend", "--yes"]).expect_ok();
        let (status, _) = http("GET", &self.names(), None).expect("an answer");
        assert_eq!(status, 502);
        let ran = self.stack.run("status");
        assert!(ran.stdout.contains("stopped by tester@"), "{ran}");
        self.stack
            .with(&["logs", "backend", "--tail", "1"])
            .expect_ok();
        self.stack.with(&["start", "backend", "--yes"]).expect_ok();
        self.serves("two");
        self.changes_nothing();
    }

    fn ports(&self) {
        self.lab
            .step("on the ports of old: the page's 8000, the service's 8080");
        name_port(self.lab, &self.stack);
        let (page, api) = (self.lab.url(8000), self.lab.url(8080));
        self.stack
            .with(&["provision", "-e", "ports", "--yes"])
            .expect_ok();
        self.stack
            .with(&["deploy", "-e", "ports", "--yes"])
            .expect_ok();
        assert_eq!(open_ports(self.lab), "22 8000 8080");
        let (status, _) = http("GET", &format!("{api}/"), None).expect("an answer");
        assert_eq!(status, 404, "the service by itself");
        adds_a_name(&Browser::start(), &page, "Katherine Johnson");
        let asked = "grep -c 'POST /names' /var/log/nginx/names-api.access.log";
        assert_eq!(self.lab.root(asked), "1", "the page asked port 8080");
    }

    /// What was installed may have been made by anyone whose package it is.
    fn trusts_nothing_installed(&self) {
        let lab = self.lab;
        lab.step("root runs nothing that was installed");
        let venv = "/var/lib/stackctl/names/installed/backend/*/venv";
        lab.root(&format!(
            "mkdir -m 1777 /var/ran && cd {venv}/bin && rm python3 && \
             printf '#!/bin/bash\\ntouch /var/ran/$(id -u)\\nexec -a \"$0\" /usr/bin/python3 \"$@\"\\n' >python3 && chmod 755 python3"
        ));
        let installed = lab.root(&format!("stat -c %i {venv}"));
        self.version("three");
        self.stack.run("deploy").expect_ok();
        self.serves("three");
        same(&installed, &lab.root(&format!("stat -c %i {venv}")));
        let user = lab.root("stat -c %U /run/stackctl/names/backend.*/app.sock | sort -u");
        let user = lab.root(&format!("id -u {}", user.trim()));
        same(&user, &lab.root("ls /var/ran"));

        lab.step("a Python that looks elsewhere has it installed anew");
        lab.root(&format!(
            "rm -r /var/ran && cd {venv}/lib && mv python3* python3.0"
        ));
        self.version("four");
        self.stack.run("deploy").expect_ok();
        self.serves("four");
        assert_ne!(installed, lab.root(&format!("stat -c %i {venv}")));
        self.changes_nothing();
        self.version("two");
        self.stack.run("deploy").expect_ok();
        self.serves("two");
    }

    fn goes_and_comes_back(&self) {
        self.lab
            .step("it goes but for its data, and comes back with it");
        self.stack
            .with(&["destroy", "--confirm", "names"])
            .expect_ok();
        let left = self.lab.root(
            "find /var/lib/stackctl -type f; ls -d /run/stackctl /etc/systemd/system/*names* /etc/tmpfiles.d/*names* \
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
        self.stack.run("provision").expect_ok();
        self.stack.run("deploy").expect_ok();
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
        let ran = self.stack.run("deploy");
        assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    }

    fn names(&self) -> String {
        format!("{}/names", self.lab.url(80))
    }

    /// The backend with some more of it.
    fn write(&self, more: &str) {
        let text = format!("{}{more}", self.backend);
        self.stack.write("python/main.py", &text);
    }

    fn version(&self, version: &str) {
        self.write(&format!(
            "\n\n@app.get(\"/names/version\")\ndef version():\n    return jsonify(\"{version}\")\n"
        ));
    }

    fn serves(&self, version: &str) {
        let url = format!("{}/version", self.names());
        let (status, text) = http("GET", &url, None).expect("an answer");
        assert_eq!(
            (status, text.trim()),
            (200, format!("\"{version}\"").as_str())
        );
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
