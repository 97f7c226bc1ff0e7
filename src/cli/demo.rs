//! `demo`: the whole way, from nothing to a URL, on a disposable host.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;

use super::args::{ApplyArgs, DemoArgs, Global, LockArgs};
use super::{Console, Failure, Kind, init, lab, run, session, status};
use crate::config;
use crate::lab::{LabHost, StateFolder, UpOptions};
use crate::ui;

/// One part of the demo and how long it took.
struct Phase {
    name: &'static str,
    took: Duration,
}

pub async fn demo(
    args: &DemoArgs,
    global: &Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let name = lab::name(args.name.as_deref())?;
    if args.down {
        crate::lab::down(&name)
            .await
            .map_err(|error| lab::failure(&error))?;
        if console.json {
            return console.say(&json!({"schema": 1, "removed": name.as_str()}).to_string());
        }
        return console.say("the demo is gone");
    }
    let question = "boot a disposable host on this machine's Docker engine, and install an engine if there is none?";
    super::confirm::confirm(question, global.yes, console)?;
    let mut phases = Vec::new();

    let started = Instant::now();
    console.tell(&console.paint.strong("lab: a fresh host"));
    let base = args.base.parse().map_err(|error| lab::failure(&error))?;
    let options = UpOptions {
        name: name.clone(),
        hosts: 1,
        base,
        // It shows what becomes of a bare one.
        ready: false,
        may_install: true,
    };
    let booted = lab::up(options, console).await?;
    let host = booted
        .hosts
        .first()
        .ok_or_else(|| Failure::new(Kind::Ours, "the lab has no host"))?;
    phases.push(Phase {
        name: "lab",
        took: started.elapsed(),
    });

    let folder = StateFolder::of(&name)
        .map_err(|error| lab::failure(&error))?
        .path()
        .join("demo");
    let config = unpack(&folder, host, args.database_image.as_deref())?;
    // From here on everything is what a person would run, with `-c CONFIG`.
    let ours = Global {
        config: Some(config.clone()),
        environment: None,
        host: Vec::new(),
        service: Vec::new(),
        stand_ins: BTreeMap::new(),
        yes: true,
        json: false,
        ..*global
    };
    let mut quiet = console.clone();
    quiet.json = false;
    quiet.results_to_stderr = true;
    let apply = ApplyArgs {
        no_hooks: false,
        dry_run: false,
        overwrite_drift: false,
        seed: false,
        ignore_dns: false,
        lock: LockArgs {
            lock_wait: std::time::Duration::from_secs(10),
            reason: None,
        },
    };

    for (title, what, phase) in [
        (
            "provision: packages, Docker, nginx, the database, the site",
            run::What::Provision,
            "provision",
        ),
        (
            "deploy: build, start, check, switch",
            run::What::Deploy,
            "deploy",
        ),
    ] {
        let started = Instant::now();
        console.tell(&console.paint.strong(title));
        run::run(
            what,
            &apply,
            &crate::plan::Target::default(),
            &ours,
            &quiet,
            cancelled.clone(),
        )
        .await?;
        phases.push(Phase {
            name: phase,
            took: started.elapsed(),
        });
    }

    let started = Instant::now();
    console.tell(&console.paint.strong("status"));
    let loaded = session::load(&ours, &quiet)?;
    let (seen, _) = status::look(&loaded).await;
    console.tell(&ui::status_text(&seen, console.paint));
    let url = format!("http://{}/", lab::public(host, 80));
    let answered = reqwest::Client::new()
        .get(&url)
        .timeout(Duration::from_secs(10))
        .send()
        .await;
    let answers = answered.is_ok_and(|answer| answer.status().is_success());
    phases.push(Phase {
        name: "status",
        took: started.elapsed(),
    });
    let healthy = seen.healthy && answers;

    if console.json {
        let phases: Vec<_> = phases
            .iter()
            .map(|phase| json!({"name": phase.name, "seconds": (phase.took.as_secs_f64() * 10.0).round() / 10.0}))
            .collect();
        let hosts: Vec<_> = booted
            .hosts
            .iter()
            .map(|host| json!({"name": host.name, "ssh": host.ssh_command()}))
            .collect();
        let value = json!({
            "schema": 1, "url": url, "config": config, "healthy": healthy, "phases": phases, "hosts": hosts,
        });
        console.say(&value.to_string())?;
    } else {
        console.say(&summary(&url, &config, &phases, console))?;
    }
    if healthy {
        return Ok(());
    }
    let why = if answers {
        "the stack is not healthy"
    } else {
        "the URL does not answer from this machine"
    };
    Err(Failure::new(Kind::Unhealthy, why))
}

fn summary(url: &str, config: &Path, phases: &[Phase], console: &Console) -> String {
    let paint = console.paint_out;
    let total: Duration = phases.iter().map(|phase| phase.took).sum();
    let mut text = format!("\nThe names app runs at {}\n\n", paint.strong(url));
    text.push_str("What was done\n");
    for phase in phases {
        text.push_str(&format!(
            "  {:<10} {:>8}\n",
            phase.name,
            ui::seconds(phase.took)
        ));
    }
    text.push_str(&format!(
        "  {:<10} {:>8}\n\nTry next\n",
        "in all",
        ui::seconds(total)
    ));
    let config = config.display();
    for (command, why) in [
        (format!("stackctl -c {config} status"), "what must be true"),
        (format!("stackctl -c {config} plan"), "nothing would change"),
        ("stackctl lab ssh".to_owned(), "look around on the host"),
        (
            format!(
                "edit {}, then stackctl -c {config} deploy",
                config.to_string().replace("stackctl.yaml", "index.html")
            ),
            "ship a change",
        ),
        ("stackctl demo --down".to_owned(), "remove all of it"),
    ] {
        text.push_str(&format!("  {command}\n      {}\n", paint.faint(why)));
    }
    text
}

/// The reference app in `folder`, with the lab's host in its yaml. One that was unpacked before keeps its edits.
fn unpack(folder: &Path, host: &LabHost, database_image: Option<&str>) -> Result<PathBuf, Failure> {
    let config = folder.join("stackctl.yaml");
    if !config.exists() {
        init::unpack("names", folder)?;
    }
    let failed = |error: std::io::Error| {
        Failure::new(
            Kind::Ours,
            format!("cannot write {}: {error}", config.display()),
        )
    };
    let text = fs::read_to_string(&config).map_err(failed)?;
    let hosts = hosts_block(host);
    let mut text = config::replace_hosts(&text, &hosts)
        .ok_or_else(|| Failure::new(Kind::Ours, "the example's yaml has no hosts"))?;
    if let Some(image) = database_image {
        text = text.replace("mysql:8.4", image);
    }
    fs::write(&config, text).map_err(failed)?;
    Ok(config)
}

/// The `hosts:` block that reaches a lab host.
pub fn hosts_block(host: &LabHost) -> String {
    let quoted = |path: &Path| serde_json::Value::from(path.display().to_string()).to_string();
    format!(
        "hosts:\n  {}:\n    address: {}\n    port: {}\n    user: {}\n    identity: {}\n    known_hosts: {}\n    public: {}\n",
        host.name,
        host.address,
        host.ssh_port,
        host.user,
        quoted(&host.identity),
        quoted(&host.known_hosts),
        serde_json::Value::from(lab::public(host, 80)),
    )
}
