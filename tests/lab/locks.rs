//! The lock: who has it is told, and it never outlives who had it.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::relay::Relay;
use super::scenario::{Lab, PATIENCE, Running, eventually, http, quote};

const KILLED_WITHIN: Duration = Duration::from_secs(5);
/// For whom nothing is heard of.
const LOST_WITHIN: Duration = Duration::from_secs(30);

/// As `rm` is on a host that has no time.
const SLOW_RM: &str =
    "#!/bin/sh\ncase $* in */run/stackctl.*) sleep 1 ;; esac\nexec /bin/rm \"$@\"\n";

#[test]
#[ignore = "needs docker"]
fn a_lock_names_its_run_can_be_waited_for_and_ends_with_it() {
    let lab = Lab::boot("locks", "bookworm");
    let app = App { lab: &lab };
    app.yaml(&lab.host_yaml());
    // A run stays in its hook for as long as this file is there.
    let script = "#!/bin/sh\ntouch here\nwhile [ -e slow ]; do sleep 0.1; done\nrm -f here\n";
    fs::write(lab.path("wait"), script).expect("write");
    make_executable(&lab.path("wait"));

    lab.step("nobody has the lock of a bare host, and looking leaves nothing");
    assert_eq!(app.status()["held"], Value::Null);
    assert_eq!(
        lab.root("ls -d /run/stackctl* /var/lib/stackctl* 2>/dev/null || true"),
        ""
    );
    app.page("one");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    app.serves("one");

    lab.step("a second run is told who has the lock, since when and why");
    app.page("two");
    let run = app.start(&["--reason", "it is Friday"]);
    let held = &app.status()["held"];
    assert_eq!(held["command"], "deploy", "{held}");
    assert_eq!(held["reason"], "it is Friday", "{held}");
    assert!(
        held["who"]
            .as_str()
            .is_some_and(|who| who.starts_with("tester@")),
        "{held}"
    );
    assert!(
        held["since"]
            .as_str()
            .is_some_and(|since| since.ends_with('Z')),
        "{held}"
    );
    lab.stackctl(["lock", "status"]).expect_ok();
    let refused = lab.stackctl(["deploy", "--yes", "--lock-wait", "0"]);
    refused
        .expect(8)
        .says("tester@")
        .says("it is Friday")
        .says("stackctl lock status");
    let refused = lab.stackctl(["provision", "--yes", "--lock-wait", "1s"]);
    refused
        .expect(8)
        .says("waiting up to 1.0 s")
        .says("it is Friday");

    lab.step("one that waits gets the lock soon after the one that has it was killed");
    let waiting = lab.start(["deploy", "--yes", "--lock-wait", "2m"]);
    eventually("it waits", PATIENCE, || {
        let said = waiting.said();
        said.contains("waiting up to").then_some(()).ok_or(said)
    });
    fs::remove_file(lab.path("here")).expect("remove");
    run.signal("KILL");
    eventually("it has the lock", KILLED_WITHIN, || {
        let here = lab.path("here").exists();
        here.then_some(()).ok_or_else(|| waiting.said())
    });
    fs::remove_file(lab.path("slow")).expect("remove");
    drop(run);
    waiting.wait(&lab).expect_ok();
    app.serves("two");

    lab.step("a stack on hold refuses every run until it is released");
    lab.stackctl(["lock", "hold", "--reason", "moving the database"])
        .expect_ok();
    for command in ["provision", "deploy"] {
        let refused = lab.stackctl([command, "--yes"]);
        refused
            .expect(8)
            .says("moving the database")
            .says("stackctl lock release");
    }
    assert_eq!(app.status()["hold"]["reason"], "moving the database");
    lab.stackctl(["status"]).expect_ok();
    lab.stackctl(["lock", "release"]).expect_ok();
    assert_eq!(app.status()["hold"], Value::Null);
    let ran = lab.stackctl(["deploy", "--yes"]);
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");

    lab.step("the lock of a paused deployer is free by itself, and it can change nothing when it wakes up");
    app.page("three");
    let run = app.start(&[]);
    run.signal("STOP");
    app.becomes_free(LOST_WITHIN);
    fs::remove_file(lab.path("slow")).expect("remove");
    let ran = lab.stackctl(["deploy", "--yes"]);
    ran.expect_ok();
    app.serves("three");
    app.page("four");
    run.signal("CONT");
    let ended = run.wait(&lab);
    assert!([Some(4), Some(6)].contains(&ended.code), "{ended}");
    ended.says("was lost in the middle of the run");
    app.serves("three");

    lab.step("when the network swallows everything, both sides give up by themselves");
    let key = lab.root("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    let fingerprint = key.split_whitespace().nth(1).expect("a fingerprint");
    let relay = Relay::start(lab.host().ssh_port);
    let direct = format!("    port: {}\n", lab.host().ssh_port);
    let through = format!("    port: {}\n    host_key: {fingerprint}\n", relay.port());
    app.yaml(&lab.host_yaml().replace(&direct, &through));
    let run = app.start(&[]);
    relay.swallow();
    let lost = Instant::now();
    app.yaml(&lab.host_yaml());
    app.becomes_free(LOST_WITHIN);
    let took = lost.elapsed();
    fs::remove_file(lab.path("slow")).expect("remove");
    let ended = run.wait(&lab);
    assert!(lost.elapsed() < LOST_WITHIN, "{:?}", lost.elapsed());
    assert!([Some(4), Some(6)].contains(&ended.code), "{ended}");
    ended
        .says("has not answered")
        .says("the host takes back by itself");
    lab.step(&format!(
        "the lock was free after {took:?}, the deployer gave up after {:?}",
        lost.elapsed()
    ));
    app.serves("three");

    lab.step("nothing is left of any of them");
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    app.serves("four");
    app.left_nothing();

    lab.step("nor of one whose session is so slow to clear up that it is ended");
    lab.root(&format!(
        "printf %s {} >/usr/local/sbin/rm; chmod 755 /usr/local/sbin/rm",
        quote(SLOW_RM)
    ));
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    app.left_nothing();
    lab.root("/bin/rm /usr/local/sbin/rm");
}

fn make_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
}

/// A page, and a hook in which a run can be kept.
struct App<'a> {
    lab: &'a Lab,
}

impl App<'_> {
    fn yaml(&self, host: &str) {
        let text = format!(
            "stack: page\nhosts:\n{host}services:\n  page:\n    static: {{root: web, include: [index.html]}}\nsites:\n  \
             main:\n    routes: {{/: page}}\nhooks:\n  before_deploy: {{run: [./wait], timeout: 20m}}\n",
        );
        fs::write(self.lab.path("stackctl.yaml"), text).expect("write");
    }

    fn page(&self, text: &str) {
        let _ = fs::create_dir(self.lab.path("web"));
        fs::write(self.lab.path("web/index.html"), text).expect("write");
    }

    fn serves(&self, text: &str) {
        let (status, page) = http("GET", &self.lab.url(80), None).expect("an answer");
        assert_eq!((status, page.trim()), (200, text));
    }

    /// A deploy that has the lock and stays in its hook.
    fn start(&self, more: &[&str]) -> Running {
        let _ = fs::remove_file(self.lab.path("here"));
        fs::write(self.lab.path("slow"), "").expect("write");
        let mut run = self.lab.start([&["deploy", "--yes"], more].concat());
        eventually("it is in its hook", PATIENCE, || {
            assert!(!run.has_ended(), "{}", run.said());
            let here = self.lab.path("here").exists();
            here.then_some(()).ok_or_else(|| run.said())
        });
        run
    }

    /// No folder and no process of a session that has ended.
    #[track_caller]
    fn left_nothing(&self) {
        let look = "ls -d /run/stackctl?* /tmp/stackctl* 2>/dev/null || true";
        assert_eq!(self.lab.root(look), "", "folders of sessions");
        let look = "ps -eo args | grep -E '[s]tackctl-[0-9a-f]{32}' || true";
        assert_eq!(self.lab.root(look), "", "processes of sessions");
    }

    fn status(&self) -> Value {
        let ran = self.lab.stackctl(["lock", "status", "--json"]);
        ran.expect_ok().json()["hosts"][0].clone()
    }

    fn becomes_free(&self, within: Duration) {
        eventually("the lock is free", within, || {
            let lock = "/run/stackctl/page.lock";
            let look = format!("flock -n {lock} true || [ ! -e {lock} ]");
            let ran = self.lab.try_root(&look);
            (ran.code == Some(0)).then_some(()).ok_or(ran.stderr)
        });
    }
}
