//! `doctor`: looks at this machine and at each host, and says what repairs what it finds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use etcetera::BaseStrategy as _;
use futures_util::future::join_all;

use super::args::Global;
use super::session::{self, Loaded};
use super::{Console, Failure, Kind, resolve};
use crate::facts::{ConfigFacts, Facts, MachineFacts};
use crate::lab;
use crate::model::{Host, HostName};
use crate::observe::{self, Depth, Fleet};
use crate::plan::{self, Check, Diagnosis, HostView, Options};
use crate::transport::{ConnectOptions, DEFAULT_IDENTITIES};
use crate::ui::{self, Paint};

pub async fn doctor(global: &Global, console: &Console) -> Result<(), Failure> {
    // What is wrong with the yaml is one check among others.
    let quiet = Console {
        json: false,
        ..console.clone()
    };
    let has_none = global.config.is_none()
        && std::env::current_dir().is_ok_and(|here| session::find(&here).is_err());
    let (loaded, config) = match session::load(global, &quiet) {
        _ if has_none => (None, ConfigFacts::None),
        Ok(mut loaded) => {
            let facts = match loaded.log_in().await {
                Err(failure) => ConfigFacts::Bad(words(&failure)),
                Ok(()) => ConfigFacts::Good {
                    stack: loaded.stack.name.to_string(),
                    hosts: loaded.stack.hosts.len(),
                    services: loaded.stack.services.len(),
                },
            };
            (Some(loaded), facts)
        }
        Err(failure) if failure.kind == Kind::Usage => return Err(failure),
        Err(failure) => (None, ConfigFacts::Bad(words(&failure))),
    };
    let (hosts, machine) = tokio::join!(
        async {
            match &loaded {
                Some(loaded) => hosts(loaded).await,
                None => (Vec::new(), false),
            }
        },
        machine(global, &quiet, loaded.as_ref(), config)
    );
    let (host_checks, reached) = hosts;
    let machine = MachineFacts { reached, ..machine };
    let mut checks = plan::judge_machine(&machine);
    checks.extend(host_checks);
    let diagnosis = Diagnosis::of(checks);
    if console.json {
        console.say(&serde_json::to_string(&diagnosis).expect("a diagnosis is plain data"))?;
    } else {
        console.say(&ui::diagnosis_text(&diagnosis, console.paint_out))?;
    }
    if diagnosis.healthy {
        Ok(())
    } else {
        Err(Failure::silent(Kind::Unhealthy))
    }
}

/// A failure in one line.
fn words(failure: &Failure) -> String {
    if !failure.chain.is_empty() {
        return failure.chain.join(": ");
    }
    // Errors of a yaml are a picture: the message stands behind the first cross, the place in the first brackets.
    let text = failure.text(Paint(false));
    let after = |mark: &str| text.split_once(mark).map(|(_, rest)| rest);
    let message = after("× ").and_then(|rest| rest.lines().next());
    let place = after("╭─[").and_then(|rest| rest.split(']').next());
    let message = message.unwrap_or("it cannot be used").trim();
    match place {
        Some(place) => format!("{place}: {message}"),
        None => message.to_owned(),
    }
}

async fn machine(
    global: &Global,
    console: &Console,
    loaded: Option<&Loaded>,
    config: ConfigFacts,
) -> MachineFacts {
    let options = ConnectOptions::from_environment();
    let base = loaded.map(|loaded| loaded.base.clone());
    let base = base.or_else(|| std::env::current_dir().ok());
    let base = base.unwrap_or_else(|| PathBuf::from("."));
    let agent = match &options.agent {
        None => None,
        Some(socket) => Some(tokio::net::UnixStream::connect(socket).await.is_ok()),
    };
    let version = git(&base, &["--version"]).await;
    let files = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let files = git(&base, &files).await;
    MachineFacts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        has_terminal: session::has_terminal(),
        config,
        overlays: match loaded {
            Some(_) => overlays(global, console, &base),
            None => BTreeMap::new(),
        },
        keys: keys(&options, loaded),
        agent,
        git: version.map(|version| version.trim().to_owned()),
        in_repository: files.is_some(),
        exposed: files
            .iter()
            .flat_map(|files| files.split('\0'))
            .filter(|file| looks_secret(file))
            .map(str::to_owned)
            .collect(),
        engine: lab::connect().await.is_ok(),
        state_folder: unwritable_state(),
        reached: false,
    }
}

/// The private keys that would be offered without any setting in `~/.ssh/config`.
fn keys(options: &ConnectOptions, loaded: Option<&Loaded>) -> BTreeMap<String, u32> {
    let home = options.home.iter();
    let usual = home.flat_map(|home| DEFAULT_IDENTITIES.map(|name| home.join(".ssh").join(name)));
    let named = loaded.into_iter().flat_map(|loaded| {
        let hosts = loaded.stack.hosts.values();
        hosts.filter_map(|host| host.ssh.identity.clone())
    });
    let found = usual.chain(named).filter_map(|path| {
        let about = std::fs::metadata(&path).ok()?;
        Some((
            path.display().to_string(),
            about.permissions().mode() & 0o7777,
        ))
    });
    found.collect()
}

/// Each `stackctl.NAME.yaml` beside the yaml, laid over it.
fn overlays(global: &Global, console: &Console, base: &Path) -> BTreeMap<String, Option<String>> {
    let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let name = name.strip_prefix("stackctl.")?.strip_suffix(".yaml")?;
        (!name.is_empty()).then(|| name.to_owned())
    });
    // A yaml from stdin was read already.
    let is_file = global.config.as_deref() != Some(Path::new("-"));
    let names = names.filter(|_| is_file);
    names
        .map(|name| {
            let with = Global {
                environment: Some(name.clone()),
                host: Vec::new(),
                service: Vec::new(),
                ..global.clone()
            };
            let error = session::load(&with, console).err();
            (name, error.map(|failure| words(&failure)))
        })
        .collect()
}

/// By its name alone: nothing is read.
fn looks_secret(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_sample = ["example", "sample", "template", "dist"]
        .iter()
        .any(|word| name.contains(word));
    let is_env = name == ".env" || name.starts_with(".env.");
    let is_key = ["id_rsa", "id_ed25519", "id_ecdsa"].contains(&name)
        || name.ends_with(".pem")
        || name.ends_with(".key")
        || name.ends_with(".p12");
    (is_env && !is_sample) || is_key
}

async fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = tokio::process::Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = output.await.ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(said)
}

fn unwritable_state() -> Option<String> {
    let folder = etcetera::choose_base_strategy()
        .ok()
        .and_then(|base| base.state_dir());
    let Some(folder) = folder.map(|folder| folder.join("stackctl")) else {
        return Some("no home folder is known, so logs of failed steps are not kept".to_owned());
    };
    let tried = std::fs::create_dir_all(&folder).and_then(|()| tempfile::tempfile_in(&folder));
    let error = tried.err()?;
    Some(format!(
        "{} cannot be written to: {error}",
        folder.display()
    ))
}

/// The checks of all hosts, and whether any was reached.
async fn hosts(loaded: &Loaded) -> (Vec<Check>, bool) {
    let (fleet, failures) = loaded.connect().await;
    let names = look_up_sites(loaded).await;
    let looked = loaded
        .hosts
        .iter()
        .filter_map(|name| loaded.stack.hosts.get(name));
    let looked = looked.map(|host| {
        let (fleet, failures, names) = (&fleet, &failures, &names);
        async move {
            match failures.get(&host.name) {
                Some(failure) => vec![unreachable(&host.name, failure)],
                None => one(loaded, host, fleet, names).await,
            }
        }
    });
    let checks = join_all(looked).await.concat();
    join_all(fleet.values().map(|transport| transport.close())).await;
    (checks, !fleet.is_empty())
}

fn unreachable(host: &HostName, failure: &Failure) -> Check {
    // The first link only names the host.
    let why = failure.chain.get(1..).unwrap_or_default().join(": ");
    plan::unreachable(host.as_str(), &why, &failure.hints)
}

async fn one(
    loaded: &Loaded,
    host: &Host,
    fleet: &Fleet,
    names: &BTreeMap<String, Result<BTreeSet<String>, String>>,
) -> Vec<Check> {
    let Some(transport) = fleet.get(&host.name) else {
        return Vec::new();
    };
    let unobserved =
        |error| unreachable(&host.name, &Failure::unobserved(host.name.as_str(), &error));
    let mut round_trip = u64::MAX;
    // The first one may wait until the root shell is there.
    for _ in 0..3 {
        let started = Instant::now();
        if let Err(error) = observe::ping(transport.as_ref()).await {
            return vec![unobserved(error)];
        }
        let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        round_trip = round_trip.min(took);
    }
    let health = observe::health(&loaded.stack, transport.as_ref()).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let clock = now.map_or(0, |now| now.as_secs());
    let health = match health {
        Ok(health) => health,
        Err(error) => return vec![unobserved(error)],
    };
    let alone = Fleet::from([(host.name.clone(), transport.clone())]);
    let (mut facts, errors) =
        observe::hosts(&loaded.stack, &alone, Depth::Plan, &loaded.logins).await;
    let observed = match errors.get(&host.name) {
        None => None,
        Some(error) => {
            let failure = Failure::unobserved(host.name.as_str(), error);
            Some(failure.chain.get(1..).unwrap_or_default().join(": "))
        }
    };
    if let Some(told) = facts.get_mut(&host.name) {
        resolve::look_up(host, told).await;
    }
    let own = observe::certificates(&loaded.stack);
    let unread = own.as_ref().err().map(ToString::to_string);
    let own = own.unwrap_or_default();
    let provision = facts.get(&host.name).map(|told| {
        let facts = Facts::from([(host.name.clone(), told.clone())]);
        let (stack, templates) = (&loaded.stack, &loaded.templates);
        plan::provision(stack, &facts, templates, &own, Options::default())
    });
    let reached_at = resolve::reached_at(host).await;
    plan::judge_host(&HostView {
        stack: &loaded.stack,
        host,
        health: &health,
        facts: facts
            .get(&host.name)
            .ok_or_else(|| observed.unwrap_or_else(|| "it did not say what it has".to_owned())),
        provision: provision.as_ref(),
        round_trip,
        clock,
        names,
        reached_at: &reached_at,
        unread: unread.as_deref(),
    })
}

/// The addresses of each name that visitors type, but for patterns and addresses.
async fn look_up_sites(loaded: &Loaded) -> BTreeMap<String, Result<BTreeSet<String>, String>> {
    let sites = loaded.stack.sites.values();
    let names: BTreeSet<&str> = sites
        .flat_map(|site| site.server_names.iter())
        .map(|name| name.as_str())
        .filter(|name| !name.contains('*') && name.parse::<IpAddr>().is_err())
        .collect();
    let looked = names
        .into_iter()
        .map(|name| async move { (name.to_owned(), resolve::addresses(name).await) });
    join_all(looked).await.into_iter().collect()
}
