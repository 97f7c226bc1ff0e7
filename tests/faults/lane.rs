//! A lane: a small stack of its own on one host or several, in which one fault after another happens while visitors come.
//!
//! After each fault the same is asked, from outside: is one whole release served, is the lock free, was a request lost,
//! does the next run converge by itself, is the plan empty then, and is what the host has exactly what a run without
//! any fault leaves.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;

use super::host::Host;
use super::load::Load;
use super::matrix::TOO_LATE;
use super::scenario::{PATIENCE, Ran, Running, block_on};
use super::wire::Wire;

/// After its deployer is gone, the host has taken back what was not confirmed and freed the lock within this.
pub const FREE_WITHIN: Duration = Duration::from_secs(5);

pub struct Lane {
    pub hosts: Vec<Arc<Host>>,
    /// Between this machine and the first host's sshd, for commands that are told to go through it.
    pub wire: Wire,
    pub stack: String,
    prefix: String,
    /// Stacks of this lane until now.
    stacks: usize,
    /// Versions of this stack until now.
    versions: usize,
    /// What was served after each run that converged, the latest last.
    releases: Vec<Released>,
    /// What each host has after runs without a fault.
    clean: Vec<BTreeSet<String>>,
    loads: Vec<Load>,
    /// Visitors keep their connections. They cannot where nginx reloads: old versions of it close some at a bad moment.
    pub keeps_connections: bool,
    /// A second stack on the same hosts that is not there yet.
    guest: Option<Box<Lane>>,
    is_guest: bool,
    /// systemd runs the app, not Docker.
    pub is_unit: bool,
    /// What a guest leaves without a fault.
    clean_guest: Vec<BTreeSet<String>>,
    /// More of the app's keys in the yaml.
    pub app_keys: Vec<String>,
    /// More services.
    pub more: String,
    /// More sites.
    pub more_sites: String,
}

struct Released {
    version: String,
    /// On each host: the app's release and the page's.
    ids: Vec<[String; 2]>,
}

/// Whether the fault happened before the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    Harmed,
    Unharmed,
}

impl Lane {
    pub fn new(hosts: Vec<Arc<Host>>, prefix: &str) -> Self {
        let wire = Wire::start(hosts[0].machine.ssh_port);
        Self {
            hosts,
            wire,
            stack: String::new(),
            prefix: prefix.to_owned(),
            stacks: 0,
            versions: 0,
            releases: Vec::new(),
            clean: Vec::new(),
            loads: Vec::new(),
            keeps_connections: true,
            guest: None,
            is_guest: false,
            is_unit: false,
            clean_guest: Vec::new(),
            app_keys: Vec::new(),
            more: String::new(),
            more_sites: String::new(),
        }
    }

    /// A stack that serves, with the releases behind it that are kept, and visitors. One that was there is removed.
    pub fn renew(&mut self) {
        self.wipe();
        self.lay_out();
        self.run(&["provision", "--yes"]).expect_ok();
        self.run(&["deploy", "--yes"]).expect_ok();
        // From the third on, each deploy removes what the one before last has left.
        for _ in 0..2 {
            self.remember();
            self.next_version();
            self.run(&["deploy", "--yes"]).expect_ok();
        }
        self.remember();
        self.clean = self.look();
        self.visitors_come();
    }

    /// The files of a new stack, on this machine only.
    pub fn lay_out(&mut self) {
        self.stacks += 1;
        self.versions = 0;
        // A guest is the same one each time it comes.
        self.stack = match self.is_guest {
            true => self.prefix.clone(),
            false => format!("{}{}", self.prefix, self.stacks),
        };
        fs::create_dir_all(self.path("app")).expect("a folder");
        fs::create_dir_all(self.path("page")).expect("a folder");
        self.behaves("good");
        self.write_yaml();
        self.next_version();
    }

    /// A second stack on the same hosts, of which they know nothing yet.
    pub fn invite(&mut self) -> &mut Lane {
        let mut guest = self.guest.take().unwrap_or_else(|| {
            let prefix = format!("{}-guest", self.prefix);
            let mut guest = Box::new(Lane::new(self.hosts.clone(), &prefix));
            guest.is_guest = true;
            guest
        });
        if self.clean_guest.is_empty() {
            guest.lay_out();
            guest.run(&["provision", "--yes"]).expect_ok();
            guest.run(&["deploy", "--yes"]).expect_ok();
            guest.remember();
            self.clean_guest = guest.look();
        }
        guest.wipe();
        guest.lay_out();
        guest.clean = self.clean_guest.clone();
        self.guest.insert(guest)
    }

    pub fn guest(&mut self) -> &mut Lane {
        self.guest.as_mut().expect("it was invited")
    }

    /// Plain yaml and a well-behaved app again, for the next cell; after a failure, another stack.
    pub fn restore(&mut self, failed: bool) {
        let was_plain = self.app_keys.is_empty() && self.more.is_empty() && !self.is_unit;
        self.is_unit = false;
        self.app_keys.clear();
        self.more.clear();
        self.more_sites.clear();
        if failed || !was_plain {
            self.wipe();
        } else if !self.stack.is_empty() {
            self.behaves("good");
        }
    }

    /// Removes the stack and its visitors.
    pub fn wipe(&mut self) {
        self.loads.clear();
        self.releases.clear();
        self.clean.clear();
        self.wire.mend();
        if let Some(guest) = &mut self.guest {
            guest.wipe();
        }
        if !self.stack.is_empty() {
            for host in &self.hosts {
                let wiped = host.script(include_str!("wipe.sh"), &[&self.stack]);
                if let Err(error) = wiped {
                    println!("{}: cannot wipe {}: {error}", host.name(), self.stack);
                }
            }
        }
        self.stack.clear();
    }

    pub fn visitors_come(&mut self) {
        let site = self.site();
        let load = |host: &Arc<Host>| Load::start(host.web_port(), &site, self.keeps_connections);
        self.loads = self.hosts.iter().map(load).collect();
    }

    fn site(&self) -> String {
        format!("{}.test", self.stack)
    }

    /// A file of this stack on this machine.
    pub fn path(&self, name: &str) -> PathBuf {
        self.hosts[0].lab.path(&self.stack).join(name)
    }

    pub fn host(&self) -> &Arc<Host> {
        &self.hosts[0]
    }

    // ---- what is wanted

    /// What the app of the next version does; see `app/app.py`.
    pub fn behaves(&self, behaviour: &str) {
        let files = [
            ("app/app.py", include_str!("app/app.py")),
            ("app/Dockerfile", include_str!("app/Dockerfile")),
            ("app/behaviour", behaviour),
            ("app/phase.py", ""),
            ("app/requirements.txt", ""),
        ];
        for (name, text) in files {
            fs::write(self.path(name), text).expect("write the app");
        }
    }

    /// Changes the app and the page; the new version.
    pub fn next_version(&mut self) -> String {
        self.versions += 1;
        let version = format!("{}-v{}", self.stack, self.versions);
        for name in ["app/version", "page/version.txt"] {
            fs::write(self.path(name), &version).expect("write a version");
        }
        version
    }

    /// Writes the yaml, and the same by way of the wire.
    pub fn write_yaml(&self) {
        let direct = self.hosts[0].machine.ssh_port;
        for (name, port) in [("stackctl.yaml", direct), ("wire.yaml", self.wire.port())] {
            fs::write(self.path(name), self.yaml(port)).expect("write the yaml");
        }
        // The wire has the host's own key, on another port.
        let known = fs::read_to_string(&self.hosts[0].machine.known_hosts).expect("known hosts");
        let same = known.replace(&format!("]:{direct} "), &format!("]:{} ", self.wire.port()));
        fs::write(self.path("known_hosts"), known + &same).expect("write the known hosts");
    }

    fn yaml(&self, first_port: u16) -> String {
        let mut text = format!("stack: {}\nkeep: 1\nhosts:\n", self.stack);
        let names: Vec<&str> = self.hosts.iter().map(|host| host.name()).collect();
        for (index, host) in self.hosts.iter().enumerate() {
            let machine = &host.machine;
            let port = if index == 0 {
                first_port
            } else {
                machine.ssh_port
            };
            text += &format!(
                "  {}:\n    address: {}\n    port: {port}\n    user: {}\n    identity: {}\n    known_hosts: known_hosts\n",
                machine.name,
                machine.address,
                machine.user,
                quoted(&machine.identity),
            );
        }
        let on = names.join(", ");
        text += &format!(
            "services:\n  app:\n    {}\n    listen: socket\n    on: [{on}]\n",
            match self.is_unit {
                true => "unit: {source: app, install: python}\n    command: [python, app.py]",
                false => "build: {context: app, dockerfile: Dockerfile}",
            }
        );
        let plain = [
            "health: {path: /healthz, interval: 100ms, deadline: 20s}",
            "bake: 1s",
            "stop_grace: 2s",
        ];
        let name = |key: &str| key.split(':').next().map(str::to_owned);
        let own: Vec<_> = self.app_keys.iter().map(|key| name(key)).collect();
        let plain = plain.into_iter().filter(|key| !own.contains(&name(key)));
        for key in plain.chain(self.app_keys.iter().map(String::as_str)) {
            text += &format!("    {key}\n");
        }
        text += &format!("  page: {{static: page, on: [{on}]}}\n{}", self.more);
        text += &format!(
            "sites:\n  main:\n    names: [{}]\n    routes: {{/: page, /app: app}}\n    on: [{on}]\n",
            self.site()
        );
        text + &self.more_sites
    }

    // ---- runs

    /// The real binary with this stack.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.with("stackctl.yaml", arguments)
    }

    /// The same, by way of the wire.
    pub fn by_wire(&self, arguments: &[&str]) -> Command {
        self.with("wire.yaml", arguments)
    }

    fn with(&self, yaml: &str, arguments: &[&str]) -> Command {
        let yaml = self.path(yaml);
        let mut all = vec!["-c".as_ref(), yaml.as_os_str()];
        all.extend(arguments.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
        let mut command = self.hosts[0].lab.command(all);
        // Runs of other stacks and other machines share this one's processors.
        command.env("TOKIO_WORKER_THREADS", "1");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(self.command(arguments))
    }

    pub fn finish(&self, command: Command) -> Ran {
        self.hosts[0].lab.finish(command)
    }

    pub fn start(&self, command: Command) -> Running {
        self.hosts[0].lab.spawn(command)
    }

    /// Starts a command that waits before (or after) its n-th step until the guard is dropped; `None` when it has ended
    /// before it got there.
    pub fn halt_at(&self, mut command: Command, point: &str) -> (Running, Option<Halt>) {
        let file = self.path("halt");
        command.env(
            "STACKCTL_FAILPOINT",
            format!("{point}:wait:{}", file.display()),
        );
        let mut running = self.start(command);
        let started = Instant::now();
        loop {
            if file.exists() {
                return (running, Some(Halt(file)));
            }
            if running.has_ended() {
                return (running, None);
            }
            assert!(
                started.elapsed() < PATIENCE,
                "it gets there: {}",
                running.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the end of a run that has this much time left.
    #[track_caller]
    pub fn wait_within(&self, mut running: Running, limit: Duration) -> Ran {
        let started = Instant::now();
        while !running.has_ended() {
            assert!(
                started.elapsed() < limit,
                "{TOO_LATE}it has not ended after {limit:?}: {}",
                running.said()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        self.wait(running)
    }

    pub fn wait(&self, running: Running) -> Ran {
        running.wait(&self.hosts[0].lab)
    }

    // ---- what must hold

    /// The version that served after the last run that converged.
    pub fn served(&self) -> String {
        self.releases.last().expect("a release").version.clone()
    }

    /// The one before it.
    pub fn served_before(&self) -> String {
        self.releases[self.releases.len() - 2].version.clone()
    }

    /// What the page and the app answer, on every host.
    pub fn ask(&self) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        for host in &self.hosts {
            for path in ["/version.txt", "/app/version"] {
                let url = format!("http://127.0.0.1:{}{path}", host.web_port());
                seen.insert(match http_of(&url, &self.site()) {
                    Ok((200, text)) => text.trim().to_owned(),
                    other => format!("{} {path}: {other:?}", host.name()),
                });
            }
        }
        seen
    }

    /// The page and the app answer with the same one of these versions, on every host the same; which.
    #[track_caller]
    pub fn serves_whole(&self, versions: &[&str]) -> String {
        let seen = self.ask();
        let whole = seen.len() == 1 && seen.iter().all(|seen| versions.contains(&seen.as_str()));
        assert!(whole, "not one whole release of {versions:?}: {seen:#?}");
        seen.into_iter().next().unwrap_or_default()
    }

    /// Nobody holds the lock on any host, at the latest after this time.
    #[track_caller]
    pub fn is_free(&self, within: Duration) {
        let lock = format!("/run/stackctl/{}.lock", self.stack);
        for host in &self.hosts {
            let began = Instant::now();
            let wait = within.as_secs_f64();
            let taken = host.try_root(&format!(
                "[ ! -e {lock} ] || flock -w {wait} {lock} true || [ ! -e {lock} ] || {{ cat {lock}; fuser -v {lock}; exit 1; }}"
            ));
            let took = began.elapsed();
            assert!(
                matches!(taken, Ok((0, _))),
                "{TOO_LATE}{}: the lock of {} is still held after {took:?}: {taken:?}",
                host.name(),
                self.stack
            );
        }
    }

    /// No visitor lost a request since this was asked last, and they saw only these versions.
    #[track_caller]
    pub fn lost_nothing(&self) {
        for (load, host) in self.loads.iter().zip(&self.hosts) {
            let lost = load.lost();
            let first = &lost[..lost.len().min(3)];
            assert!(
                lost.is_empty(),
                "{}: {} requests lost, {} good: {first:#?}",
                host.name(),
                lost.len(),
                load.good()
            );
        }
    }

    /// What was lost until now is not looked at.
    pub fn forgive(&self) {
        for load in &self.loads {
            drop(load.lost());
        }
    }

    /// Requests to this host may fail from here on.
    pub fn excuse_one(&self, host: usize, excused: bool) {
        let load = &self.loads[host];
        drop(load.lost());
        load.excuse(excused);
    }

    /// Requests may fail from here on, since a host goes down.
    pub fn excuse(&self, excused: bool) {
        for load in &self.loads {
            load.excuse(excused);
        }
    }

    /// The next run goes through without anybody's help, leaves nothing to do, and leaves the host as if there had never
    /// been a fault.
    #[track_caller]
    pub fn converges(&mut self, arguments: &[&str]) {
        self.run(arguments).expect_ok();
        self.has_converged();
    }

    /// Nothing is left to do, and the hosts are as if there had never been a fault.
    #[track_caller]
    pub fn has_converged(&mut self) {
        self.run(&["plan", "--exit-code"]).expect_ok();
        self.remember();
        let wanted = fs::read_to_string(self.path("app/version")).expect("a version");
        self.serves_whole(&[&wanted]);
        self.is_clean();
    }

    /// What the hosts have is what runs without a fault leave.
    #[track_caller]
    pub fn is_clean(&self) {
        for ((host, clean), now) in self.hosts.iter().zip(&self.clean).zip(self.look()) {
            let differences = differences(clean, &now);
            assert!(
                differences.is_empty(),
                "{}: not as after a run without a fault:\n{}",
                host.name(),
                differences.join("\n")
            );
        }
        self.will_cool();
        for host in &self.hosts {
            let half = host.root(
                "find /var/lib/stackctl /etc/nginx /etc/systemd/system /etc/tmpfiles.d \
                 -name '*.part' -o -name '.stackctl*' -o -name '*.stackctl-new'",
            );
            let ours: Vec<&str> = half
                .lines()
                .filter(|path| path.contains(&self.stack))
                .collect();
            assert!(ours.is_empty(), "{}: half written: {ours:?}", host.name());
        }
    }

    /// How many releases of the app the first host could run.
    pub fn app_releases(&self) -> usize {
        let all = match self.is_unit {
            true => format!("ls /etc/systemd/system | grep '^{}-app@'", self.stack),
            false => format!(
                "docker ps -a --format '{{{{.Names}}}}' | grep '^{}-app-'",
                self.stack
            ),
        };
        self.host().root(&format!("{all} || true")).lines().count()
    }

    /// Notes which releases serve now.
    pub fn remember(&mut self) {
        let version = fs::read_to_string(self.path("app/version")).expect("a version");
        let ids = self.hosts.iter().map(|host| {
            let links = host.root(&format!(
                "readlink /run/stackctl/{0}/app.sock /var/lib/stackctl/{0}/current/page",
                self.stack
            ));
            let mut links = links.lines();
            let app = links.next().and_then(|link| link.strip_prefix("app."));
            let app = app.and_then(|link| link.split('/').next());
            let page = links.next().and_then(|link| link.rsplit('/').next());
            [app, page].map(|id| id.expect("a link").to_owned())
        });
        let ids = ids.collect();
        self.releases.retain(|released| released.version != version);
        self.releases.push(Released { version, ids });
    }

    /// What each host has of this stack, under names that do not depend on versions.
    fn look(&self) -> Vec<BTreeSet<String>> {
        let looks = self.hosts.iter().enumerate().map(|(index, host)| {
            let said = host.script(include_str!("state.sh"), &[&self.stack]);
            let said = said.expect("a host that runs");
            said.lines()
                .map(|line| self.nameless(line, index))
                .filter(|line| !is_of_warmth(line))
                .collect()
        });
        looks.collect()
    }

    fn nameless(&self, line: &str, host: usize) -> String {
        let mut line = line.to_owned();
        if let Some((path, contents)) = line
            .strip_prefix("file\t")
            .and_then(|rest| rest.split_once('\t'))
            && let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(contents)
        {
            line = format!("file\t{path}\t{}", String::from_utf8_lossy(&bytes));
        }
        let names = ["<serves>", "<served before>"];
        for (released, name) in self.releases.iter().rev().zip(names) {
            for id in &released.ids[host] {
                line = line.replace(id, name);
            }
            line = replace_word(&line, &released.version, name);
        }
        let line = without_digests(&line.replace(&self.stack, "<stack>"));
        match line.starts_with("container\t/<stack>-app-<served before> ") {
            // Kept warm or stopped, and so with another restart policy: both are in order.
            true => line.rsplitn(3, ' ').last().unwrap_or_default().to_owned(),
            false => line,
        }
    }

    /// A release that no longer serves and runs all the same is ended by the host itself, later.
    #[track_caller]
    fn will_cool(&self) {
        for (index, host) in self.hosts.iter().enumerate() {
            for released in self.releases.iter().rev().skip(1) {
                let id = &released.ids[index][0];
                let (stack, timer) = (&self.stack, format!("{}-app-cool-{id}.timer", self.stack));
                let runs = match self.is_unit {
                    true => format!("systemctl is-active -q {stack}-app@{id}.service && echo true"),
                    false => format!(
                        "docker inspect -f '{{{{.State.Running}}}}' {stack}-app-{id} 2>/dev/null"
                    ),
                };
                let seen = host.root(&format!("{runs}; systemctl is-active {timer}; true"));
                assert!(
                    !seen.starts_with("true") || seen.ends_with("\nactive"),
                    "{}: {stack}-app-{id} runs, and no timer will ever end it: {seen}",
                    host.name()
                );
            }
        }
    }

    /// The release that served last was rolled back from, and is forgotten by the deploy that follows.
    pub fn rolled_back(&mut self) {
        self.releases.pop();
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.loads.clear();
    }
}

/// A GET of a site by its name; the status and the body.
pub fn http_of(url: &str, site: &str) -> Result<(u16, String), String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(|error| error.to_string())?;
    block_on(async {
        let asked = client.get(url).header("host", site).send().await;
        let answer = asked.map_err(|error| format!("{error:?}"))?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
        Ok((status, text))
    })
}

/// Where a run waits; it goes on when this is dropped.
pub struct Halt(PathBuf);

impl Drop for Halt {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Digests and times differ between versions; that digests are right is what the empty plan says.
fn without_digests(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let end = |word: &mut String, out: &mut String| {
        let is_digest = word.len() >= 32 && word.chars().all(|c| c.is_ascii_hexdigit());
        let is_time =
            word.len() == 10 && word.starts_with("17") && word.chars().all(|c| c.is_ascii_digit());
        out.push_str(match (is_digest, is_time) {
            (true, _) => "<digest>",
            (_, true) => "<time>",
            _ => word,
        });
        word.clear();
    };
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            word.push(letter);
        } else {
            end(&mut word, &mut out);
            out.push(letter);
        }
    }
    end(&mut word, &mut out);
    out
}

/// What two looks at a host disagree on, a line each; of a file only the lines that differ.
fn differences(clean: &BTreeSet<String>, now: &BTreeSet<String>) -> Vec<String> {
    let contents = |lines: &BTreeSet<String>, path: &str| -> BTreeSet<String> {
        let wanted = format!("file\t{path}\t");
        let file = lines.iter().find_map(|line| line.strip_prefix(&wanted));
        file.unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    };
    let mut told = Vec::new();
    for (sign, these, those) in [("-", clean, now), ("+", now, clean)] {
        for line in these.difference(those) {
            match line
                .strip_prefix("file\t")
                .and_then(|rest| rest.split_once('\t'))
            {
                Some((path, _)) => {
                    let (these, those) = (contents(these, path), contents(those, path));
                    told.extend(
                        these
                            .difference(&those)
                            .take(5)
                            .map(|line| format!("{sign} {path}: {line}")),
                    );
                }
                None => told.push(format!("{sign} {line}")),
            }
        }
    }
    told
}

/// What is there only while the release before is kept warm.
fn is_of_warmth(line: &str) -> bool {
    let of_warmth = [
        "-cool-",
        "/run/stackctl/<stack>/cooling",
        "/run/stackctl/<stack>/app.<served before>",
        "unit\t<stack>-app@<served before>",
    ];
    of_warmth.iter().any(|part| line.contains(part))
}

/// `from` becomes `to` where no digit follows: version 1 is no part of version 12.
fn replace_word(text: &str, from: &str, to: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        out += before;
        out += if after.starts_with(|c: char| c.is_ascii_digit()) {
            from
        } else {
            to
        };
        rest = after;
    }
    out + rest
}

fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.display().to_string()).to_string()
}
