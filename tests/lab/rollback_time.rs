//! How long a rollback takes, from Enter to the first answer of the old release, near and far away.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::relay::{Relay, Talk};
use super::scenario::{Lab, PATIENCE, block_on};

/// Rollbacks for each distance; the figures are their medians.
const ROUNDS: usize = 5;
/// How exactly the moment of the first answer is known.
const BETWEEN: Duration = Duration::from_millis(10);
/// What a rollback to a warm release may need between the login and the first answer of the old release. Each round trip is
/// an answer that is waited for: on a line of 50 ms it costs 50 ms.
const UNTIL_SERVED: usize = 8;
/// And until it has ended.
const UNTIL_ENDED: usize = 16;

#[test]
#[ignore = "needs docker"]
fn a_rollback_to_a_warm_release_needs_few_round_trips() {
    let lab = Lab::ready("rollback-time", "bookworm");
    let app = App::new(&lab);
    app.write("one");
    app.run("provision", &app.near);
    app.run("deploy", &app.near);
    let near: Vec<Round> = (0..ROUNDS).map(|round| app.round(round, 0)).collect();
    let far: Vec<Round> = (0..ROUNDS).map(|round| app.round(round, 50)).collect();
    let (served, ended): (Vec<usize>, Vec<usize>) = far
        .iter()
        .map(|round| {
            (
                round.until_served.after_login(),
                round.until_ended.after_login(),
            )
        })
        .unzip();
    let mut lines = vec![format!(
        "round trips after the login: {served:?} until the old release answers, {ended:?} until the command ends"
    )];
    for (rounds, milliseconds) in [(&near, 0), (&far, 50)] {
        lines.push(format!(
            "round trip {milliseconds} ms: {} ms until the old release answers, {} ms until the command ends",
            median(rounds.iter().map(|round| round.served)).as_millis(),
            median(rounds.iter().map(|round| round.ended)).as_millis(),
        ));
    }
    for line in &lines {
        lab.step(line);
    }
    let text = format!("{}\n\n{}", lines.join("\n"), far[0].until_ended);
    let _ = fs::write(lab.artifacts().join("rollback.txt"), text);
    // What is said late for want of a processor counts as if it had waited, so the best of some is what the program needs.
    assert!(served.into_iter().min() <= Some(UNTIL_SERVED), "{lines:?}");
    assert!(ended.into_iter().min() <= Some(UNTIL_ENDED), "{lines:?}");
}

/// One rollback: the times since Enter until the old release answers and until the command ends, and what was said by then.
struct Round {
    served: Duration,
    ended: Duration,
    until_served: Talk,
    until_ended: Talk,
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// An app whose only answer is its version.
struct App<'a> {
    lab: &'a Lab,
    near: String,
    yaml: String,
    fingerprint: String,
    client: reqwest::Client,
}

impl<'a> App<'a> {
    fn new(lab: &'a Lab) -> Self {
        let key = lab.root("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
        let fingerprint = key
            .split_whitespace()
            .nth(1)
            .expect("a fingerprint")
            .to_owned();
        let yaml = format!(
            "stack: quick\nhosts:\n{}services:\n  app:\n    build: {{context: app, dockerfile: Dockerfile}}\n    \
             listen: socket\n    health: /healthz\n    bake: 0s\n    warm: 30m\n\
             sites:\n  web: {{routes: {{/: app}}}}\n",
            lab.host_yaml()
        );
        fs::create_dir_all(lab.path("app")).expect("a folder");
        for (file, text) in [
            ("stackctl.yaml", yaml.as_str()),
            ("app/Dockerfile", include_str!("../faults/app/Dockerfile")),
            ("app/app.py", include_str!("../faults/app/app.py")),
            ("app/behaviour", "good\n"),
        ] {
            fs::write(lab.path(file), text).expect("write a file of the app");
        }
        Self {
            lab,
            near: text(lab.path("stackctl.yaml")),
            yaml,
            fingerprint,
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client"),
        }
    }

    /// A deploy, and a rollback from as far away as that.
    fn round(&self, number: usize, milliseconds: u64) -> Round {
        let (old, version) = (self.serving(), format!("{milliseconds}-{number}"));
        self.write(&version);
        self.run("deploy", &self.near);
        self.serves(&version);
        let one_way = Duration::from_micros(milliseconds * 500);
        let relay = Relay::with_delay(self.lab.host().ssh_port, one_way);
        let config = self.through(&relay);
        let enter = Instant::now();
        let rollback = self.lab.start(["-c", &config, "rollback", "--yes"]);
        self.serves(&old);
        let (served, until_served) = (enter.elapsed(), relay.so_far());
        rollback.wait(self.lab).expect_ok();
        Round {
            served,
            ended: enter.elapsed(),
            until_served,
            until_ended: relay.finish(),
        }
    }

    fn write(&self, version: &str) {
        fs::write(self.lab.path("app/version"), version).expect("write the version");
    }

    fn run(&self, command: &str, config: &str) {
        self.lab
            .stackctl(["-c", config, command, "--yes"])
            .expect_ok();
    }

    fn through(&self, relay: &Relay) -> String {
        let direct = format!("    port: {}\n", self.lab.host().ssh_port);
        assert!(self.yaml.contains(&direct), "{}", self.yaml);
        let far = format!(
            "    port: {}\n    host_key: {}\n",
            relay.port(),
            self.fingerprint
        );
        let path = self.lab.path("far.yaml");
        fs::write(&path, self.yaml.replace(&direct, &far)).expect("write the yaml");
        text(path)
    }

    fn serving(&self) -> String {
        let answer = async { self.client.get(self.lab.url(80)).send().await?.text().await };
        block_on(answer).expect("an answer")
    }

    /// Asks every few milliseconds, since it is this moment that is measured; not more often, since the host needs its
    /// processors for the rollback.
    fn serves(&self, version: &str) {
        let begun = Instant::now();
        while self.serving() != version {
            assert!(begun.elapsed() < PATIENCE, "{version} does not serve");
            std::thread::sleep(BETWEEN);
        }
    }
}

fn text(path: PathBuf) -> String {
    path.to_str().expect("a path that is text").to_owned()
}
