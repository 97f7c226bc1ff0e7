//! What every scenario stands on: a lab of its own, the real binary, commands on the host, and waiting.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use stackctl::lab::{LabHost, LabName, StateFolder, network_address};

use super::stolen;

/// How long anything that should come true may take. Generous, since two labs share two cores.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// About what a login takes. What a command leaves to end by itself, such as a worker of an nginx that was reloaded, has ended
/// when somebody has logged in to look.
const LOGIN: Duration = Duration::from_millis(150);

const STACKCTL: &str = env!("CARGO_BIN_EXE_stackctl");

/// Connects to each port of each address, all at once, and tells those that take it.
pub const SCAN: &str = r#"use Socket; use Fcntl; $| = 1;
for my $address (@ARGV) {
    next if fork;
    my (@left, @open) = (1 .. 65535);
    while (my @ports = splice @left, 0, 4000) {
        my %asked;
        for my $port (@ports) {
            socket($asked{$port}, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
            fcntl($asked{$port}, F_SETFL, O_NONBLOCK);
            connect($asked{$port}, pack_sockaddr_in($port, inet_aton($address)));
        }
        sleep 1;
        push @open, grep { getpeername $asked{$_} } sort { $a <=> $b } @ports;
    }
    print "$address: @open\n";
    exit;
}
1 while wait > 0;"#;

/// Shell text as root inside of a host, in the surroundings that a login gives. By the host's namespaces and not by the engine
/// that runs it: there are thousands of these, and the engine starts four programs for each.
pub async fn inside(machine: &LabHost, script: &str) -> anyhow::Result<Ran> {
    let login = "cd /home/ubuntu; set -a; [ ! -r /etc/environment ] || . /etc/environment; set +a; exec sh -c \"$1\"";
    let init = Init::of(machine).await?.process.to_string();
    // To files and not to pipes: what a command leaves running would keep a pipe open.
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut command = tokio::process::Command::new("nsenter");
    command
        .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--target"])
        .args([&init, "sh", "-c", login, "sh", script])
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .envs([("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root")])
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .kill_on_drop(true);
    let status = command.status().await?;
    let text = |file: &mut fs::File| -> std::io::Result<String> {
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Ran {
        line: String::new(),
        code: status.code(),
        stdout: text(&mut stdout)?,
        stderr: text(&mut stderr)?,
    })
}

/// The first process of a host that is up.
#[derive(Clone, PartialEq, Eq)]
struct Init {
    process: i64,
    /// In ticks since this machine booted: no other process has both.
    began: String,
}

impl Init {
    async fn of(machine: &LabHost) -> anyhow::Result<Self> {
        static KNOWN: Mutex<BTreeMap<String, Init>> = Mutex::new(BTreeMap::new());
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let name = &machine.container;
        let before = known().get(name).cloned();
        if let Some(before) = before
            && Self::now(before.process).as_ref() == Some(&before)
        {
            return Ok(before);
        }
        let engine = stackctl::lab::connect().await?;
        let seen = engine.inspect_container(name, None).await?;
        let process = seen.state.and_then(|state| state.pid).unwrap_or(0);
        let init = Self::now(process).with_context(|| format!("{name} does not run"))?;
        known().insert(name.clone(), init.clone());
        Ok(init)
    }

    /// The process of this number, if there is one. `man 5 proc_pid_stat`: the name is in parentheses, and the time is the
    /// twentieth field after it.
    fn now(process: i64) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let is_dead = fields.next()? == "Z";
        let began = fields.nth(18)?.to_owned();
        (!is_dead).then_some(Self { process, began })
    }
}

/// How a program ended and what it said.
#[derive(Debug, Clone)]
pub struct Ran {
    pub line: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(line: String, output: Output) -> Self {
        Self {
            line,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        self
    }

    #[track_caller]
    pub fn expect_ok(&self) -> &Self {
        self.expect(0)
    }

    /// stderr names `text`.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "`{text}` is not in {self}");
        self
    }

    /// The one JSON object on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is no JSON: {error}: {self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}`: exit {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.line, self.code, self.stdout, self.stderr
        )
    }
}

/// One scenario's lab and folder. Removed when dropped; `KEEP=1` leaves both.
pub struct Lab {
    scenario: &'static str,
    pub name: String,
    /// Where the scenario keeps its stack.
    pub folder: tempfile::TempDir,
    host: Option<LabHost>,
    log: Mutex<String>,
    started: Instant,
}

impl Lab {
    /// A name and a folder; no host yet.
    pub fn planned(scenario: &'static str) -> Self {
        stolen::watch();
        let prefix = std::env::var("STACKCTL_LAB_PREFIX")
            .unwrap_or_else(|_| format!("scn-{}", std::process::id()));
        let folder = tempfile::Builder::new()
            .prefix(&format!("stackctl-{scenario}-"))
            .tempdir()
            .expect("a temporary folder");
        Self {
            scenario,
            name: format!("{prefix}-{scenario}"),
            folder,
            host: None,
            log: Mutex::default(),
            started: Instant::now(),
        }
    }

    /// A fresh host.
    pub fn boot(scenario: &'static str, base: &str) -> Self {
        Self::up(scenario, base, &[])
    }

    /// A host that has Docker, nginx and images already: for what does not ask how they come.
    pub fn ready(scenario: &'static str, base: &str) -> Self {
        Self::up(scenario, base, &["--ready"])
    }

    fn up(scenario: &'static str, base: &str, more: &[&str]) -> Self {
        let mut lab = Self::planned(scenario);
        let name = lab.name.clone();
        let up = [
            "lab", "up", "--name", &name, "--base", base, "--yes", "--json",
        ];
        let booted = lab.stackctl([&up, more].concat());
        booted.expect_ok();
        assert_eq!(booted.json()["lab"]["hosts"][0]["name"], "web1");
        lab.found();
        lab
    }

    /// The TCP ports on which the host lets others in: each is tried from this machine, whose network is another.
    pub fn scan(&self) -> String {
        let address = self.address();
        let script = format!("ulimit -n 5000; perl -e {} {address}", quote(SCAN));
        let mut shell = Command::new("sh");
        shell.args(["-ec", &script]);
        let ran = self.finish(shell);
        let told = ran.expect_ok().stdout.trim();
        let ports = told.strip_prefix(&format!("{address}: "));
        ports.unwrap_or_else(|| panic!("{ran}")).to_owned()
    }

    /// Knows the hosts of a lab that another command has booted.
    pub fn found(&mut self) {
        let name: LabName = self.name.parse().expect("a good name");
        let saved = StateFolder::of(&name).and_then(|folder| folder.load());
        let saved = saved.expect("a readable lab").expect("a lab");
        self.host = saved.hosts.into_iter().next();
    }

    pub fn host(&self) -> &LabHost {
        self.host.as_ref().expect("the lab is up")
    }

    /// The host's own address, which this machine reaches without the engine's proxy.
    pub fn address(&self) -> String {
        let address = block_on(network_address(self.host()));
        address.expect("an engine").expect("an address").to_string()
    }

    /// `http://127.0.0.1:PORT`, of a port on the host.
    pub fn url(&self, port: u16) -> String {
        format!("http://127.0.0.1:{}", self.host().ports[&port])
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Says what comes next; in the log, and in the artifacts.
    pub fn step(&self, words: &str) {
        let at = self.started.elapsed().as_secs();
        let line = format!("[{} {at:>4} s] {words}", self.scenario);
        println!("{line}");
        self.note(&line);
    }

    pub fn note(&self, text: &str) {
        let mut log = self.log.lock().unwrap_or_else(|broken| broken.into_inner());
        let _ = writeln!(log, "{text}");
    }

    /// Runs the real binary in the scenario's folder.
    pub fn stackctl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        self.finish(self.command(arguments))
    }

    /// The real binary, without a terminal, a proxy or settings of the person who runs the tests.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(STACKCTL);
        command.args(arguments).current_dir(self.folder.path());
        for name in [
            "STACKCTL_CONFIG",
            "STACKCTL_ENVIRONMENT",
            "SSH_AUTH_SOCK",
            "http_proxy",
            "HTTP_PROXY",
            "all_proxy",
            "ALL_PROXY",
        ] {
            command.env_remove(name);
        }
        command.env("USER", "tester").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end and notes it.
    pub fn finish(&self, mut command: Command) -> Ran {
        let started = Instant::now();
        let line = line_of(&command);
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("cannot run {line}: {error}"));
        let ran = Ran::of(line, output);
        let took = started.elapsed().as_secs_f64();
        self.note(&format!("({took:.1} s) {ran}"));
        ran
    }

    /// Runs the real binary in a terminal, where the shell command `keys` types.
    pub fn typed(&self, words: &str, keys: &str) -> Ran {
        let ended = self.path("typed.ended");
        let _ = fs::remove_file(&ended);
        let ended = quote(&ended.display().to_string());
        let program = quote(env!("CARGO_BIN_EXE_stackctl"));
        let line = format!("{program} {words}; code=$?; touch {ended}; exit $code");
        // The keys wait in the terminal until it listens. It stays open until the program has ended: to close it would end
        // the program, and `script` does not end before it is closed.
        let open = format!("for i in $(seq 600); do [ -e {ended} ] && exit; sleep 0.1; done");
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            &format!(
                "(sleep 10; {keys}; {open}) | script -qec {} /dev/null",
                quote(&line)
            ),
        ]);
        self.finish(shell)
    }

    /// Starts the real binary and goes on.
    pub fn start<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Running {
        self.spawn(self.command(arguments))
    }

    /// Starts a command and goes on.
    pub fn spawn(&self, mut command: Command) -> Running {
        let line = line_of(&command);
        // To files and not to pipes: it can be read meanwhile, and never fills up.
        let said = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        for (name, is_stdout) in [("stdout", true), ("stderr", false)] {
            let file = fs::File::create(said.path().join(name)).expect("a file");
            match is_stdout {
                true => command.stdout(file),
                false => command.stderr(file),
            };
        }
        let child = command.spawn().expect("the binary starts");
        Running { line, child, said }
    }

    /// Runs shell text on the host as the login user, by OpenSSH.
    pub fn ssh(&self, script: &str) -> Ran {
        let arguments = self.host().ssh_arguments();
        let mut command = Command::new(&arguments[0]);
        command.args(["-o", "LogLevel=ERROR"]);
        command.args(&arguments[1..]).arg(script);
        command.stdin(Stdio::null());
        self.finish(command)
    }

    /// The hosts of a lab of several.
    pub fn machines(&self) -> Vec<LabHost> {
        let name: LabName = self.name.parse().expect("a good name");
        let saved = StateFolder::of(&name).and_then(|folder| folder.load());
        saved.expect("a readable lab").expect("a lab").hosts
    }

    /// Runs shell text as root on one of several hosts; what it printed, trimmed.
    #[track_caller]
    pub fn root_on(&self, machine: &LabHost, script: &str) -> String {
        let ran = self.try_root_on(machine, script);
        ran.expect_ok();
        ran.stdout.trim().to_owned()
    }

    /// Runs shell text on the host as root; what it printed, trimmed.
    #[track_caller]
    pub fn root(&self, script: &str) -> String {
        self.root_on(self.host(), script)
    }

    pub fn try_root(&self, script: &str) -> Ran {
        self.try_root_on(self.host(), script)
    }

    fn try_root_on(&self, machine: &LabHost, script: &str) -> Ran {
        let started = Instant::now();
        std::thread::sleep(LOGIN);
        let output = block_on(inside(machine, script));
        let output = output.unwrap_or_else(|error| panic!("{}: {error:#}: {script}", machine.name));
        let ran = Ran {
            line: format!("{}# {script}", machine.name),
            ..output
        };
        let took = started.elapsed().as_secs_f64();
        self.note(&format!("({took:.1} s) {ran}"));
        ran
    }

    /// Each container on the host, running or not: name, id and start. Not every host has Docker's command.
    pub fn containers(&self) -> Vec<String> {
        let all = self.engine("/containers/json?all=true");
        let mut lines = Vec::new();
        for container in all.as_array().expect("a list of containers") {
            let id = container["Id"].as_str().expect("an id");
            let seen = self.engine(&format!("/containers/{id}/json"));
            lines.push(format!(
                "{} {id} {}",
                seen["Name"], seen["State"]["StartedAt"]
            ));
        }
        lines.sort();
        lines
    }

    /// Asks the host's engine.
    pub fn engine(&self, path: &str) -> Value {
        // HTTP/1.0, so that the answer comes in one piece and ends with the connection.
        let ask = "my $engine = IO::Socket::UNIX->new(\"/run/docker.sock\") or die; \
            print $engine \"GET $ARGV[0] HTTP/1.0\\r\\n\\r\\n\"; local $/; \
            my ($head, $body) = split /\\r\\n\\r\\n/, <$engine>, 2; print $body";
        let said = self.root(&format!(
            "perl -MIO::Socket::UNIX -e {} {}",
            quote(ask),
            quote(path)
        ));
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{path}: {error}: {said}"))
    }

    /// The reference app in `folder/names`, for this lab's host; its yaml.
    pub fn names_app(&self, edit: impl FnOnce(String) -> String) -> PathBuf {
        self.stackctl(["init", "--example", "names", "names"])
            .expect_ok();
        let yaml = self.path("names/stackctl.yaml");
        self.name_host(&yaml, edit);
        yaml
    }

    /// Puts this lab's host into a yaml of an example, and then what `edit` changes.
    pub fn name_host(&self, yaml: &Path, edit: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(yaml).expect("the example's yaml");
        let placeholder = "  web1: ubuntu@203.0.113.10\n";
        assert!(text.contains(placeholder), "{text}");
        let text = text.replace(placeholder, &self.host_yaml());
        fs::write(yaml, edit(text)).expect("write the yaml");
    }

    /// systemd takes the unit as it is, and scores what it may do: from 0 to 10, at most 2.5.
    #[track_caller]
    pub fn is_shut_in(&self, unit: &str) {
        let verify = format!("systemd-analyze verify /etc/systemd/system/{unit} 2>&1");
        assert_eq!(self.root(&verify), "");
        let score = format!("systemd-analyze security --threshold=25 --no-pager {unit}");
        let scored = self.root(&score);
        self.step(scored.lines().last().unwrap_or_default());
    }

    /// The host's entry below `hosts:`.
    pub fn host_yaml(&self) -> String {
        let host = self.host();
        let text = |path: &Path| Value::from(path.display().to_string()).to_string();
        format!(
            "  web1:\n    address: {}\n    port: {}\n    user: {}\n    identity: {}\n    known_hosts: {}\n    public: {}\n",
            host.address,
            host.ssh_port,
            host.user,
            text(&host.identity),
            text(&host.known_hosts),
            Value::from(format!("{}:{}", host.address, host.ports[&80])),
        )
    }

    /// Where the artifacts of this scenario go.
    pub fn artifacts(&self) -> PathBuf {
        let folder = Path::new(STACKCTL)
            .ancestors()
            .nth(2)
            .expect("the target folder")
            .join("lab-artifacts")
            .join(self.scenario);
        let _ = fs::create_dir_all(&folder);
        folder
    }

    /// Writes down what was run and said, and what the host has.
    pub fn save_artifacts(&self) {
        let folder = self.artifacts();
        let log = self
            .log
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
            .clone();
        let _ = fs::write(folder.join("commands.txt"), log);
        if self.host.is_some() {
            for (file, script) in [
                ("journal.txt", "journalctl --no-pager -n 3000"),
                ("containers.txt", "docker ps -a"),
                (
                    "container-logs.txt",
                    "for id in $(docker ps -aq); do docker inspect -f '== {{.Name}} {{json .State}}' $id; docker logs --tail 100 $id; done 2>&1",
                ),
                (
                    "state.txt",
                    "find /run/stackctl /var/lib/stackctl -printf '%M %u %g %p -> %l\\n'; ss -lntp; systemctl --failed; cat /var/lib/stackctl/*/history.jsonl",
                ),
            ] {
                let said = self.try_root(script);
                let _ = fs::write(folder.join(file), said.stdout + &said.stderr);
            }
        }
        println!("[{}] artifacts: {}", self.scenario, folder.display());
    }

    /// Says when the machine may be why the scenario failed.
    fn tell_starved(&self) {
        if let Some(share) = stolen::stood_still_since(self.started) {
            println!(
                "[{}] {:.0} % of the processors' time was stolen for half a minute",
                self.scenario,
                share * 100.0
            );
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell_starved();
            self.save_artifacts();
        }
        if std::env::var_os("KEEP").is_some_and(|keep| keep == "1") {
            self.folder.disable_cleanup(true);
            println!(
                "[{}] kept: lab {} and {}",
                self.scenario,
                self.name,
                self.folder.path().display()
            );
            return;
        }
        let gone = self.stackctl(["lab", "down", "--name", &self.name, "--yes"]);
        if gone.code != Some(0) {
            println!("[{}] {gone}", self.scenario);
        }
        let took = self.started.elapsed().as_secs();
        println!("[{}] ended after {took} s", self.scenario);
    }
}

/// A run of the binary that goes on beside the scenario; killed when dropped.
pub struct Running {
    line: String,
    child: Child,
    said: tempfile::TempDir,
}

impl Running {
    /// Sends it a signal, by name.
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "{signal} to {}",
            self.line
        );
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }

    /// Whether a signal has stopped it, so that it can go on later.
    #[allow(dead_code, reason = "the fault matrix, which shares this file, asks")]
    pub fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        stat.is_ok_and(|stat| {
            stat.rsplit(')')
                .next()
                .is_some_and(|rest| rest.starts_with(" T"))
        })
    }

    /// What it has said until now, on both streams.
    pub fn said(&self) -> String {
        self.read("stdout") + &self.read("stderr")
    }

    /// Waits for its end.
    pub fn wait(mut self, lab: &Lab) -> Ran {
        let status = self.child.wait().expect("a child of ours");
        let ran = Ran {
            line: self.line.clone(),
            code: status.code(),
            stdout: self.read("stdout"),
            stderr: self.read("stderr"),
        };
        lab.note(&ran.to_string());
        ran
    }

    fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.said.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until it is so; panics with the last reason when it does not come true.
#[track_caller]
pub fn eventually<T>(
    what: &str,
    within: Duration,
    mut ask: impl FnMut() -> Result<T, String>,
) -> T {
    let started = Instant::now();
    loop {
        match ask() {
            Ok(value) => return value,
            Err(why) if started.elapsed() > within => {
                panic!("not within {} s: {what}: {why}", within.as_secs())
            }
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

/// One HTTP exchange; the status and the body. No proxy stands between.
pub fn http(method: &str, url: &str, body: Option<&Value>) -> Result<(u16, String), String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(|error| error.to_string())?;
    let method = method.parse().map_err(|_| "no method".to_owned())?;
    let mut request = client.request(method, url);
    if let Some(body) = body {
        request = request.json(body);
    }
    block_on(async {
        let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
        Ok((status, text))
    })
}

/// The scenarios are told one step after another; what is asynchronous is waited for here.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

/// One word of POSIX shell.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn line_of(command: &Command) -> String {
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    words.join(" ")
}

/// Containers, networks and volumes of a lab on the local engine, by its label.
pub fn objects_of(lab: &str) -> Vec<String> {
    let label = format!("{}={lab}", stackctl::lab::LABEL);
    let filters = HashMap::from([("label", vec![label.as_str()])]);
    block_on(async {
        use bollard::query_parameters as query;
        let engine = stackctl::lab::connect().await.expect("an engine");
        let options = query::ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let containers = engine
            .list_containers(Some(options))
            .await
            .expect("containers");
        let options = query::ListNetworksOptionsBuilder::default()
            .filters(&filters)
            .build();
        let networks = engine.list_networks(Some(options)).await.expect("networks");
        let options = query::ListVolumesOptionsBuilder::default()
            .filters(&filters)
            .build();
        let volumes = engine.list_volumes(Some(options)).await.expect("volumes");
        let containers = containers.into_iter().filter_map(|found| found.id);
        let networks = networks.into_iter().filter_map(|found| found.name);
        let volumes = volumes
            .volumes
            .into_iter()
            .flatten()
            .map(|found| found.name);
        containers.chain(networks).chain(volumes).collect()
    })
}

/// Two looks at a host saw the same lines; else says which differ.
#[track_caller]
pub fn same(before: &str, after: &str) {
    let lines = |text: &str| -> BTreeSet<String> { text.lines().map(str::to_owned).collect() };
    let (before, after) = (lines(before), lines(after));
    let gone: Vec<_> = before.difference(&after).collect();
    let new: Vec<_> = after.difference(&before).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "gone: {gone:#?}\nnew: {new:#?}"
    );
}
