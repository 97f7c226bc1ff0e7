//! A deploy never costs a visitor a request, whatever goes wrong in it.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::load::Load;
use super::scenario::{Lab, PATIENCE, Running, eventually, http, same};

/// After a signal the lock is free within this; CI systems kill soon after.
const STOPPED_WITHIN: Duration = Duration::from_secs(7);
/// When the deployer was killed, the host notices within this.
const KILLED_WITHIN: Duration = Duration::from_secs(5);

#[test]
#[ignore = "needs docker"]
fn deploys_that_work_fail_or_are_cut_short_lose_no_request() {
    let lab = Lab::ready("deploys", "bookworm");
    let app = App::new(&lab);
    lab.step("a first release serves");
    app.write(Backend::Good("one"));
    app.run("provision").expect_ok();
    app.run("deploy").expect_ok();
    app.serves("one");
    let load = Load::start(&lab.url(80));

    lab.step("a changed page and a changed backend are switched to");
    app.write(Backend::Good("two"));
    app.replace("index.html", "Add your name", "Add another name");
    let before = load.good();
    app.run("deploy").expect_ok();
    app.serves("two");
    let (_, page) = http("GET", &lab.url(80), None).expect("the page");
    assert!(page.contains("Add another name"), "{page}");
    assert!(load.good() > before + 20, "visitors came meanwhile");
    load.lost_nothing();
    assert_eq!(
        app.running().len(),
        1,
        "the old release is stopped: {:?}",
        app.running()
    );

    lab.step("a build that fails shows its last lines and switches nothing");
    let state = app.state();
    let requirements = app.read("python/requirements.txt");
    app.put(
        "python/requirements.txt",
        &format!("{requirements}\nno-such-package-of-ours==9.9.9\n"),
    );
    app.run("deploy").expect(6).says("no-such-package-of-ours");
    same(&state, &app.state());
    app.put("python/requirements.txt", &requirements);

    lab.step("a release phase that fails leaves nothing");
    let tables = app.read("python/tables.py");
    app.put(
        "python/tables.py",
        "raise SystemExit('no tables, on purpose')\n",
    );
    app.run("deploy").expect(6).says("no tables, on purpose");
    same(&state, &app.state());
    app.put("python/tables.py", &tables);

    lab.step("a container that ends at once shows its last lines and leaves nothing");
    app.write(Backend::Ends);
    app.run("deploy")
        .expect(6)
        .says("ends at once, on purpose")
        .says(" ended ");
    same(&state, &app.state());

    lab.step("a container that never gets healthy shows its log and leaves nothing");
    app.write(Backend::Sick);
    app.health("{path: /healthz, deadline: 4s}");
    app.run("deploy")
        .expect(6)
        .says("did not get healthy within 4 s")
        .says("warming up, on purpose");
    same(&state, &app.state());
    app.serves("two");
    load.lost_nothing();

    lab.step("Ctrl-C while it waits for health takes the release back within 7 s");
    app.health("{path: /healthz, deadline: 120s}");
    let run = app.start_and_wait_for_release();
    let signalled = Instant::now();
    run.signal("INT");
    run.wait(&lab).expect(130);
    let took = signalled.elapsed();
    assert!(took < STOPPED_WITHIN, "it took {took:?}");
    app.lock_is_free(STOPPED_WITHIN.saturating_sub(took));
    same(&state, &app.state());

    lab.step("a second run at the same time is told who holds the lock");
    let run = app.start_and_wait_for_release();
    app.run("deploy").expect(8).says("tester@").says("deploy");
    app.run("provision").expect(8).says("tester@");
    lab.stackctl(["-c", app.config(), "status"]).expect_ok();
    lab.stackctl(["-c", app.config(), "plan"]).expect_ok();

    lab.step("when the deployer is killed while it waits for health, the next deploy converges");
    run.signal("KILL");
    app.lock_is_free(KILLED_WITHIN);
    drop(run);
    app.serves("two");
    app.write(Backend::Good("three"));
    app.run("deploy").expect_ok();
    app.serves("three");
    app.has_converged();

    lab.step("when the deployer is killed while it builds, the next deploy converges");
    app.write(Backend::Good("four"));
    // A changed list of requirements is installed anew, which takes a while.
    app.put(
        "python/requirements.txt",
        &format!("# anew\n{requirements}"),
    );
    let run = app.start();
    eventually("the build runs", PATIENCE, || {
        let seen = lab.root("ps -eo args | grep '[p]ip .*install' || true");
        (!seen.is_empty()).then_some(()).ok_or(seen)
    });
    run.signal("KILL");
    app.lock_is_free(KILLED_WITHIN);
    drop(run);
    app.serves("three");
    app.run("deploy").expect_ok();
    app.serves("four");
    app.has_converged();

    lab.step("a rollback sends requests back to the release that is still warm, and another one further back");
    let yaml = fs::read_to_string(&app.yaml).expect("the yaml");
    fs::write(&app.yaml, yaml.replace(COLD, "warm: 10m")).expect("write the yaml");
    app.write(Backend::Good("five"));
    app.run("deploy").expect_ok();
    app.serves("five");
    assert_eq!(app.running().len(), 2, "the one before is warm");
    app.run("rollback").expect_ok();
    app.serves("four");
    app.run("rollback").expect_ok();
    app.serves("three");
    let marks = lab.root("ls /var/lib/stackctl/names/served/backend");
    let left = marks.lines().filter(|mark| mark.ends_with(".left")).count();
    assert_eq!(left, 2, "{marks}");

    lab.step("no visitor noticed any of it");
    load.lost_nothing();
    lab.step(&format!("{} requests, none lost", load.good()));
    let history = lab.root("cat /var/lib/stackctl/names/history.jsonl");
    for outcome in ["done", "failed", "interrupted"] {
        assert!(
            history.contains(&format!("\"outcome\":\"{outcome}\"")),
            "{history}"
        );
    }
}

/// In the yaml while old releases are stopped by the deploy itself.
const COLD: &str = "warm: 0s";

/// What the backend of a release does.
enum Backend<'a> {
    /// Serves, and tells this version.
    Good(&'a str),
    /// Ends when it starts.
    Ends,
    /// Runs, but never calls itself healthy.
    Sick,
}

/// The names app, in versions.
struct App<'a> {
    lab: &'a Lab,
    yaml: PathBuf,
    backend: String,
}

impl<'a> App<'a> {
    fn new(lab: &'a Lab) -> Self {
        // Old releases are stopped by the deploy itself, so that what is left can be told at once.
        let yaml = lab.names_app(|yaml| {
            let yaml = yaml.replace("mysql:8.4", "mariadb:11");
            assert!(yaml.contains("\n    health: "), "{yaml}");
            yaml.replace("\n    health: ", &format!("\n    {COLD}\n    health: "))
        });
        let backend = fs::read_to_string(lab.path("names/python/main.py")).expect("the backend");
        Self { lab, yaml, backend }
    }

    fn config(&self) -> &str {
        self.yaml.to_str().expect("a path that is text")
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.lab.path("names").join(file)).expect("a file of the app")
    }

    fn put(&self, file: &str, text: &str) {
        fs::write(self.lab.path("names").join(file), text).expect("write a file of the app");
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file} has `{from}`");
        self.put(file, &text.replace(from, to));
    }

    fn write(&self, backend: Backend) {
        let more = match backend {
            Backend::Good(version) => format!(
                "\n\n@app.get(\"/names/version\")\ndef version():\n    return jsonify(\"{version}\")\n"
            ),
            // The release phase imports it too, and must work.
            Backend::Ends => "\n\nimport sys\n\nif \"gunicorn\" in sys.modules:\n    \
                raise RuntimeError(\"ends at once, on purpose\")\n"
                .to_owned(),
            Backend::Sick => "\n\n@app.before_request\ndef sick():\n    if request.path == \"/healthz\":\n        \
                log.warning(\"still warming up, on purpose\")\n        return jsonify(error=\"warming up\"), 503\n"
                .to_owned(),
        };
        self.put("python/main.py", &format!("{}{more}", self.backend));
    }

    fn health(&self, health: &str) {
        let text = fs::read_to_string(&self.yaml).expect("the yaml");
        let lines = text.lines().map(|line| match line.trim_start() {
            rest if rest.starts_with("health:") => format!("    health: {health}"),
            _ => line.to_owned(),
        });
        fs::write(&self.yaml, lines.collect::<Vec<_>>().join("\n")).expect("write the yaml");
    }

    fn run(&self, command: &str) -> super::scenario::Ran {
        self.lab.stackctl(["-c", self.config(), command, "--yes"])
    }

    fn start(&self) -> Running {
        self.lab.start(["-c", self.config(), "deploy", "--yes"])
    }

    /// A deploy whose new container runs beside the old one.
    fn start_and_wait_for_release(&self) -> Running {
        let mut run = self.start();
        eventually("the new release runs", PATIENCE, || {
            assert!(!run.has_ended(), "it waits for the release's health");
            let running = self.running();
            (running.len() == 2)
                .then_some(())
                .ok_or_else(|| format!("{running:?}"))
        });
        run
    }

    /// The backend's containers that run.
    fn running(&self) -> Vec<String> {
        let told = self
            .lab
            .root("docker ps --filter label=stackctl.service=backend --format '{{.Names}}'");
        told.lines().map(str::to_owned).collect()
    }

    /// All that a deploy may change and one that failed must not have: containers, links, sockets, folders of releases.
    fn state(&self) -> String {
        self.lab.root(
            "docker ps -a --no-trunc --format '{{.Names}} {{.ID}} {{.State}}'; \
             docker ps -q | xargs docker inspect -f '{{.Name}} {{.State.StartedAt}}'; \
             find /run/stackctl /var/lib/stackctl/*/current /var/lib/stackctl/*/releases /etc/tmpfiles.d \
               /etc/systemd/system -not -name '*.lock' -printf '%p %M %U %l\\n'; \
             sha256sum /var/lib/stackctl/*/manifest.json /etc/nginx/sites-enabled/*",
        )
    }

    fn serves(&self, version: &str) {
        let url = format!("{}/names/version", self.lab.url(80));
        let (status, text) = http("GET", &url, None).expect("an answer");
        assert_eq!(
            (status, text.trim()),
            (200, format!("\"{version}\"").as_str())
        );
    }

    /// The lock of the stack can be taken.
    fn lock_is_free(&self, within: Duration) {
        eventually("the lock is free", within, || {
            let ran = self.lab.try_root("flock -n /run/stackctl/names.lock true");
            (ran.code == Some(0)).then_some(()).ok_or(ran.stderr)
        });
    }

    /// One backend runs, nothing is left of what was cut short, and a further deploy has nothing to do.
    fn has_converged(&self) {
        let ran = self.run("deploy");
        assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
        assert_eq!(self.running().len(), 1, "{:?}", self.running());
        eventually(
            "no container of a build or a one-off is left",
            PATIENCE,
            || {
                let others = self.lab.root(
                "docker ps -a --format '{{.Names}}' | grep -vE '^names-(db|backend-[0-9a-f]{12})$' || true",
            );
                others.is_empty().then_some(()).ok_or(others)
            },
        );
        let sockets = self.lab.root("ls /run/stackctl/names");
        assert_eq!(
            sockets.lines().count(),
            2,
            "a link and the folder it leads to: {sockets}"
        );
        let parts = self
            .lab
            .root("find /var/lib/stackctl /run/stackctl -name '*.part' -o -name '.stackctl.*'");
        assert_eq!(parts, "", "nothing half written");
    }
}
