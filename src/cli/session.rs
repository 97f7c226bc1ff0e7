//! From arguments to a stack and connections: what every command that reaches hosts begins with.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use serde_json::json;
use zeroize::Zeroizing;

use super::args::Global;
use super::{Console, Failure, Kind, resolve};
use crate::apply::Here;
use crate::compose::{Files, Note};
use crate::config::{self, Elsewhere, SourceText, Surroundings};
use crate::facts::{self, Facts, GivenSecrets, OwnCertificates};
use crate::model::{HostName, Logins, PrivateAddress, ServiceName, Stack};
use crate::observe::{self, Depth, Fleet};
use crate::plan::{self, Action, Plan, Release, Step};
use crate::render::{Overrides, Templates};
use crate::runtime::docker::Engine;
use crate::transport::{self, ConnectOptions, Prompt, Transport};

/// A stack with what it was read from.
pub struct Loaded {
    pub stack: Stack,
    /// The yaml, absolute; none when it came from stdin.
    pub config: Option<PathBuf>,
    /// What `--environment` names.
    pub environment: Option<String>,
    /// SHA-256 of the yaml's text, of what was laid over it and of the files that its compose file brings in.
    pub yaml: String,
    pub templates: Templates,
    /// The yaml's folder, absolute.
    pub base: PathBuf,
    /// What `--host` leaves; all hosts without it.
    pub hosts: BTreeSet<HostName>,
    /// What `--service` leaves; all services without it.
    pub services: BTreeSet<ServiceName>,
    /// What works in compose files but may not be meant.
    pub notes: Vec<Note>,
    /// Of registries; none before [`Loaded::log_in`].
    pub logins: Arc<Logins>,
}

/// Reads and checks the stack's yaml, its overlay and its templates.
pub fn load(global: &Global, console: &Console) -> Result<Loaded, Failure> {
    let Yaml {
        name,
        text,
        base,
        path,
    } = read(global)?;
    let overlay_name = global
        .environment
        .as_ref()
        .map(|environment| base.join(format!("stackctl.{environment}.yaml")));
    let overlay = match &overlay_name {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::new(Kind::Config, format!("cannot read {}: {error}", path.display()))
                    .hint("--environment NAME merges stackctl.NAME.yaml, beside the stack's yaml, over it")
            })?;
            Some((path.display().to_string(), text))
        }
    };
    let around = Surroundings {
        base: base.clone(),
        home: home(),
    };
    let source = SourceText {
        name: &name,
        text: &text,
    };
    let overlay = overlay
        .as_ref()
        .map(|(name, text)| SourceText { name, text });
    let folder = Folder::default();
    let elsewhere = Elsewhere {
        files: &folder,
        variables: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
    };
    let read = config::read(&source, overlay.as_ref(), &around, &elsewhere);
    let config::Read { mut stack, notes } = read.map_err(|errors| {
        if console.json {
            let told = json!({"schema": 1, "errors": errors.to_json()});
            let _ = console.say(&told.to_string());
        }
        Failure::config(&errors, console.paint, console.width)
    })?;
    for (name, stand_in) in &global.stand_ins {
        if let Some(host) = stack.hosts.get_mut(name) {
            // With the port that the yaml's own host has for edges.
            let port = host.private.map(|private| private.port);
            host.clone_from(stand_in);
            let private = host.private.zip(port);
            host.private = private.map(|(private, port)| PrivateAddress { port, ..private });
        }
    }
    if !global.stand_ins.is_empty() {
        // No name leads to a stand-in, and no visitor's browser knows it.
        for site in stack.sites.values_mut() {
            site.tls = None;
        }
    }
    let templates = templates(&base)?;
    let laid_over = overlay.as_ref().map_or("", |overlay| overlay.text);
    let more = folder.texts.into_inner();
    let mut all = format!("{text}\0{laid_over}");
    for (path, text) in more {
        all.push_str(&format!("\0{}\0{text}", path.display()));
    }
    let yaml = facts::sha256(all.as_bytes());
    let hosts = chosen("host", &global.host, stack.hosts.keys())?;
    let services = chosen("service", &global.service, stack.services.keys())?;
    Ok(Loaded {
        stack,
        config: path,
        environment: global.environment.clone(),
        yaml,
        templates,
        base,
        hosts,
        services,
        notes,
        logins: Arc::default(),
    })
}

/// The files of this machine, and those that were read.
#[derive(Default)]
struct Folder {
    texts: RefCell<BTreeMap<PathBuf, String>>,
}

impl Files for Folder {
    fn read(&self, path: &Path) -> Result<Option<String>, String> {
        match std::fs::read(path) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
                let mut texts = self.texts.borrow_mut();
                texts.insert(path.to_owned(), text.clone());
                Ok(Some(text))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(_) if path.is_dir() => Err("it is a folder".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The stack's yaml as it was found.
struct Yaml {
    /// For messages.
    name: String,
    text: String,
    base: PathBuf,
    path: Option<PathBuf>,
}

fn read(global: &Global) -> Result<Yaml, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(Kind::Ours, format!("no current folder: {error}")))?;
    if global.config.as_deref() == Some(Path::new("-")) {
        // It gives its text once, and some commands look at the yaml twice.
        static STDIN: OnceLock<Result<String, String>> = OnceLock::new();
        let text = STDIN.get_or_init(|| {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map(|_| text)
                .map_err(|error| format!("cannot read the yaml from stdin: {error}"))
        });
        let text = text.clone();
        return Ok(Yaml {
            name: "<stdin>".into(),
            text: text.map_err(|why| Failure::new(Kind::Config, why))?,
            base: here,
            path: None,
        });
    }
    let path = config_path(global)?;
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::new(
            Kind::Config,
            format!("cannot read {}: {error}", path.display()),
        )
    })?;
    let absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    let base = absolute.parent().unwrap_or(&here).to_owned();
    let shown = path.strip_prefix(&here).unwrap_or(&path);
    Ok(Yaml {
        name: shown.display().to_string(),
        text,
        base,
        path: Some(absolute),
    })
}

/// The yaml that was named, or the one of this folder.
pub fn config_path(global: &Global) -> Result<PathBuf, Failure> {
    match &global.config {
        Some(path) => Ok(path.clone()),
        None => {
            let here = std::env::current_dir()
                .map_err(|error| Failure::new(Kind::Ours, format!("no current folder: {error}")))?;
            find(&here)
        }
    }
}

/// `stackctl.yaml` here or in a folder above.
pub fn find(here: &Path) -> Result<PathBuf, Failure> {
    let found = here
        .ancestors()
        .map(|folder| folder.join("stackctl.yaml"))
        .find(|path| path.is_file());
    found.ok_or_else(|| {
        Failure::new(
            Kind::Config,
            "there is no stackctl.yaml here or in a folder above",
        )
        .hint("write one with `stackctl init`, or name it with --config FILE")
    })
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from)
}

/// The user's own templates beside the yaml, over ours. Only the folders that ours have are looked into: an app may
/// well have a `templates` folder of its own.
fn templates(base: &Path) -> Result<Templates, Failure> {
    let folder = base.join("templates");
    let kinds: BTreeSet<&str> = Templates::names()
        .filter_map(|name| name.split('/').next())
        .collect();
    let mut overrides = BTreeMap::new();
    for kind in kinds {
        let entries = match std::fs::read_dir(folder.join(kind)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&folder.join(kind), &error)),
        };
        for entry in entries {
            let path = entry
                .map_err(|error| unreadable(&folder.join(kind), &error))?
                .path();
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            let name = path.strip_prefix(&folder).unwrap_or(&path);
            overrides.insert(name.to_string_lossy().into_owned(), text);
        }
    }
    Templates::new(&Overrides(overrides)).map_err(|error| Failure::of_render(&error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Kind::Config,
        format!("cannot read {}: {error}", path.display()),
    )
}

fn chosen<'a, N>(
    what: &str,
    asked: &[String],
    known: impl Iterator<Item = &'a N> + Clone,
) -> Result<BTreeSet<N>, Failure>
where
    N: Clone + Ord + std::fmt::Display + std::str::FromStr + 'a,
{
    if asked.is_empty() {
        return Ok(known.cloned().collect());
    }
    let mut names = BTreeSet::new();
    for name in asked {
        let found = name
            .parse::<N>()
            .ok()
            .filter(|name| known.clone().any(|known| known == name));
        names.insert(found.ok_or_else(|| {
            let all: Vec<String> = known.clone().map(ToString::to_string).collect();
            Failure::new(Kind::Usage, format!("the stack has no {what} `{name}`"))
                .hint(format!("it has: {}", all.join(", ")))
        })?);
    }
    Ok(names)
}

impl Loaded {
    /// Tells what works in compose files but may not be meant.
    pub fn warn(&self, console: &Console) {
        for Note {
            file,
            line,
            message,
        } in &self.notes
        {
            let place = console.paint.faint(&format!("{file}:{line}:"));
            console.tell(&format!("{} {place} {message}", console.paint.warn("note")));
        }
    }

    /// Connects to every chosen host at once. The errors of all that fail are told; the last becomes the failure.
    pub async fn connect(&self) -> (Fleet, BTreeMap<HostName, Failure>) {
        let options = ConnectOptions::from_environment();
        let prompt = prompt();
        let attempts = self
            .hosts
            .iter()
            .filter_map(|name| self.stack.hosts.get(name))
            .map(|host| {
                let (options, prompt) = (&options, prompt.clone());
                async move {
                    (
                        host.name.clone(),
                        transport::connect(&host.ssh, options, prompt).await,
                    )
                }
            });
        let mut fleet = Fleet::new();
        let mut failures = BTreeMap::new();
        for (name, connected) in join_all(attempts).await {
            match connected {
                Ok(connection) => {
                    drop(fleet.insert(name, Arc::new(connection) as Arc<dyn Transport>))
                }
                Err(error) => {
                    drop(failures.insert(name.clone(), Failure::transport(name.as_str(), &error)))
                }
            }
        }
        (fleet, failures)
    }

    /// Connects, or fails when any host cannot be reached.
    pub async fn connect_all(&self, console: &Console) -> Result<Fleet, Failure> {
        let (fleet, failures) = self.connect().await;
        first_failure(failures, console)?;
        Ok(fleet)
    }

    /// Facts of every host of the fleet, or a failure when one does not answer.
    pub async fn observe(
        &self,
        fleet: &Fleet,
        depth: Depth,
        console: &Console,
    ) -> Result<Facts, Failure> {
        let asked = now();
        let (mut facts, unobserved) = observe::hosts(&self.stack, fleet, depth, &self.logins).await;
        let answered = now();
        for (name, facts) in &mut facts {
            facts.skew = Some(skew(facts.clock, asked, answered));
            resolve::look_up(&self.stack.hosts[name], facts).await;
        }
        let failures = unobserved
            .into_iter()
            .map(|(name, error)| (name.clone(), Failure::unobserved(name.as_str(), &error)))
            .collect();
        first_failure(failures, console)?;
        Ok(facts)
    }

    /// Reads the passwords of all registries, for runs that pull.
    pub async fn log_in(&mut self) -> Result<(), Failure> {
        let variable = |name: &str| std::env::var_os(name);
        let logins = observe::logins(&self.stack, &self.base, &variable).await;
        self.logins = Arc::new(logins.map_err(|error| Failure::secret(&error))?);
        Ok(())
    }

    /// What this machine has for a run.
    pub fn here(&self) -> Here {
        let docker_host = std::env::var("DOCKER_HOST").ok();
        Here {
            logins: Arc::clone(&self.logins),
            docker_host: docker_host.filter(|name| !name.is_empty()),
        }
    }

    /// Refuses a plan that needs an engine on this machine where there is none.
    pub async fn engine_for(&self, plan: &Plan) -> Result<(), Failure> {
        let needs = |step: &Step| matches!(step.action, Action::BuildImageHere(_));
        if !plan.steps.iter().any(needs) {
            return Ok(());
        }
        let engine = Engine::local(self.here().docker_host.as_deref()).await;
        engine.map(drop).map_err(|error| {
            Failure::of(Kind::Refused, &error)
                .hint("start Docker here, or name its socket in DOCKER_HOST (`unix:///…`); without one, build on the hosts: leave `on: local` out")
        })
    }

    /// The releases again where a tag was looked up, and as they were otherwise.
    pub fn pinned(
        &mut self,
        releases: Vec<Release>,
        given: &GivenSecrets,
        facts: &Facts,
    ) -> Result<Vec<Release>, Failure> {
        match plan::pin(&mut self.stack, facts) {
            true => self.releases(given),
            false => Ok(releases),
        }
    }

    /// The certificates of this machine that sites are to have.
    pub fn certificates(&self) -> Result<OwnCertificates, Failure> {
        observe::certificates(&self.stack).map_err(|error| Failure::certificate(&error))
    }

    /// The releases that this folder and this machine's secrets make now, of the chosen services on the chosen hosts.
    pub fn releases(&self, given: &GivenSecrets) -> Result<Vec<Release>, Failure> {
        let mut trees = Vec::new();
        let mut errors = Vec::new();
        for name in &self.services {
            let service = &self.stack.services[name];
            if service.is_released() {
                match observe::tree_of(service) {
                    Ok(tree) => trees.push((name, service, tree)),
                    Err(error) => errors.push(error),
                }
            }
        }
        if !errors.is_empty() {
            return Err(Failure::trees(&errors));
        }
        let mut releases = Vec::new();
        for (name, service, tree) in trees {
            for host in service
                .hosts
                .iter()
                .filter(|host| self.hosts.contains(*host))
            {
                let host = &self.stack.hosts[host];
                let given = given.get(name);
                let (stack, templates) = (&self.stack, &self.templates);
                let release = plan::prepare(stack, service, host, tree.as_ref(), given, templates);
                releases.push(release.map_err(|error| Failure::of_render(&error))?);
            }
        }
        Ok(releases)
    }
}

/// Seconds since the epoch.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// Seconds by which a clock is ahead that told `told` at some time between the two: at least.
fn skew(told: u64, asked: u64, answered: u64) -> i64 {
    let nearest = told.clamp(asked, answered.max(asked));
    let off = i64::try_from(told.abs_diff(nearest)).unwrap_or(i64::MAX);
    if told < nearest { -off } else { off }
}

pub fn first_failure(
    failures: BTreeMap<HostName, Failure>,
    console: &Console,
) -> Result<(), Failure> {
    let mut failures: Vec<Failure> = failures.into_values().collect();
    let Some(last) = failures.pop() else {
        return Ok(());
    };
    for failure in failures {
        console.tell(&failure.text(console.paint));
    }
    Err(last)
}

/// Passphrases are asked for on a terminal only.
fn prompt() -> Option<Arc<dyn Prompt>> {
    has_terminal().then(|| Arc::new(Terminal) as Arc<dyn Prompt>)
}

/// Whether a person can be asked.
pub fn has_terminal() -> bool {
    use std::io::IsTerminal as _;
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

struct Terminal;

impl Prompt for Terminal {
    fn passphrase(&self, key_file: &Path, attempt: u32) -> Option<Zeroizing<String>> {
        let again = if attempt > 1 { "wrong; " } else { "" };
        let terminal = console::Term::stderr();
        terminal
            .write_str(&format!("{again}passphrase for {}: ", key_file.display()))
            .ok()?;
        terminal.read_secure_line().ok().map(Zeroizing::new)
    }
}
