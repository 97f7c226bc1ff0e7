//! `lab`: disposable hosts from the command line.

use std::path::PathBuf;

use serde_json::json;

use super::args::{Global, LabCommand};
use super::confirm::confirm;
use super::{Console, Failure, Kind};
use crate::lab::{self, Lab, LabError, LabEvent, LabHost, LabName, UpOptions};

pub async fn lab(command: LabCommand, global: &Global, console: &Console) -> Result<(), Failure> {
    match command {
        LabCommand::Up {
            hosts,
            base,
            ready,
            which,
        } => {
            let name = name(which.name.as_deref())?;
            let base = base.parse().map_err(|error| failure(&error))?;
            let options = UpOptions {
                name,
                hosts,
                base,
                ready,
                may_install: global.yes,
            };
            let lab = up(options, console).await?;
            if console.json {
                return console.say(&json!({"schema": 1, "lab": lab}).to_string());
            }
            let lines: Vec<String> = lab
                .hosts
                .iter()
                .map(|host| format!("{}  {}", host.name, host.ssh_command()))
                .collect();
            console.say(&lines.join("\n"))
        }
        LabCommand::Status { which } => {
            let told = lab::status(&name(which.name.as_deref())?)
                .await
                .map_err(|error| failure(&error))?;
            if console.json {
                return console.say(&json!({"schema": 1, "status": told}).to_string());
            }
            let lines: Vec<String> = told
                .hosts
                .iter()
                .map(|seen| {
                    format!(
                        "{}  {:?}  {}",
                        seen.host.name,
                        seen.state,
                        seen.host.ssh_command()
                    )
                })
                .collect();
            console.say(&lines.join("\n"))
        }
        LabCommand::Ssh {
            lab_host,
            command,
            which,
        } => {
            let told = lab::status(&name(which.name.as_deref())?)
                .await
                .map_err(|error| failure(&error))?;
            let Some(found) = told.hosts.iter().find(|seen| seen.host.name == lab_host) else {
                return Err(Failure::new(
                    Kind::Usage,
                    format!("the lab has no host `{lab_host}`"),
                ));
            };
            let status = std::process::Command::new("ssh")
                .args(&found.host.ssh_arguments()[1..])
                .args(&command)
                .status();
            let status = status
                .map_err(|error| Failure::new(Kind::Ours, format!("cannot run ssh: {error}")))?;
            match status.code() {
                Some(0) => Ok(()),
                code => {
                    // The remote command's own code, as ssh gives it.
                    std::process::exit(code.unwrap_or(255));
                }
            }
        }
        LabCommand::Images => {
            let images = lab::images().await.map_err(|error| failure(&error))?;
            if console.json {
                return console.say(&json!({"schema": 1, "images": images}).to_string());
            }
            let lines: Vec<String> = images
                .iter()
                .map(|image| {
                    let name = image.stands_in_for.as_deref().unwrap_or("-");
                    let really = image.really.as_deref().unwrap_or("");
                    format!(
                        "{name:<20} {:>5} MB  {}  {really}",
                        image.bytes / 1_000_000,
                        image.tag
                    )
                })
                .collect();
            console.say(&lines.join("\n"))
        }
        LabCommand::Down { images, which } => {
            let name = name(which.name.as_deref())?;
            confirm(
                &format!("remove lab {}?", name.as_str()),
                global.yes,
                console,
            )?;
            lab::down(&name).await.map_err(|error| failure(&error))?;
            if images {
                lab::remove_images()
                    .await
                    .map_err(|error| failure(&error))?;
            }
            if console.json {
                return console.say(&json!({"schema": 1, "removed": name.as_str()}).to_string());
            }
            console.say(&format!("lab {} is gone", name.as_str()))
        }
    }
}

/// The lab that was asked for, else the one of this folder.
pub fn name(asked: Option<&str>) -> Result<LabName, Failure> {
    match asked {
        Some(text) => text.parse().map_err(|error| failure(&error)),
        None => LabName::of_folder(&folder()?).map_err(|error| failure(&error)),
    }
}

/// The checkout's top, so that a lab is the same from each of its folders.
fn folder() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(Kind::Ours, format!("no current folder: {error}")))?;
    let top = here.ancestors().find(|folder| folder.join(".git").exists());
    Ok(top.unwrap_or(&here).to_owned())
}

/// Boots the lab, telling what is going on.
pub async fn up(options: UpOptions, console: &Console) -> Result<Lab, Failure> {
    let spinner = console.spinner();
    let mut tell = |event: LabEvent| match event {
        LabEvent::Phase { name } => {
            spinner.set_message(name.clone());
            if spinner.is_hidden() {
                console.tell(&format!("  lab: {name}"));
            }
        }
        LabEvent::Line(line) => {
            if console.verbose {
                console.tell(&format!("    | {line}"));
            }
        }
        LabEvent::HostReady { name, .. } => {
            spinner.suspend(|| {
                console.tell(&format!(
                    "{} lab host {name} answers",
                    console.paint.good("✓")
                ))
            });
        }
        LabEvent::Warning(text) => {
            spinner.suspend(|| console.tell(&format!("{} {text}", console.paint.warn("warning"))));
        }
    };
    let result = lab::up(options, &mut tell).await;
    spinner.finish_and_clear();
    result.map_err(|error| failure(&error))
}

/// Address and port of a site as this machine reaches it.
pub fn public(host: &LabHost, port: u16) -> String {
    let port = host.ports.get(&port).copied().unwrap_or(port);
    format!("{}:{port}", host.address)
}

pub fn failure(error: &LabError) -> Failure {
    let kind = match error {
        LabError::BadName { .. } | LabError::BadBase { .. } | LabError::BadCount(_) => Kind::Usage,
        LabError::NoEngine { .. }
        | LabError::RemoteEngine { .. }
        | LabError::NoBootstrap { .. }
        | LabError::NoLab { .. }
        | LabError::OtherBase { .. } => Kind::Refused,
        _ => Kind::Step,
    };
    Failure::of(kind, error)
}
