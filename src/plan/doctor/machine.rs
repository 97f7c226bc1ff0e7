//! Judges the machine that we run on.

use super::{Check, Checks};
use crate::facts::{ConfigFacts, MachineFacts};

const HERE: &str = "this machine";

/// Judges the machine that we run on.
pub fn judge_machine(facts: &MachineFacts) -> Vec<Check> {
    let mut checks = Checks::of(HERE);
    checks.good("version", format!("stackctl {}", facts.version));
    match &facts.config {
        ConfigFacts::None => checks.warn(
            "config",
            "there is no stackctl.yaml here or in a folder above: no host is looked at",
            "stackctl init",
        ),
        ConfigFacts::Good {
            stack,
            hosts,
            services,
        } => checks.good(
            "config",
            format!("stack {stack}; hosts: {hosts}, services: {services}"),
        ),
        ConfigFacts::Bad(why) => {
            checks.bad(
                "config",
                why.clone(),
                "stackctl plan   # shows each error with its place",
            );
        }
    }
    for (name, error) in &facts.overlays {
        match error {
            None => checks.good(
                "overlay",
                format!("stackctl.{name}.yaml can be laid over it"),
            ),
            Some(why) => checks.bad(
                "overlay",
                format!("stackctl.{name}.yaml: {why}"),
                format!("stackctl plan --environment {name}   # shows each error with its place"),
            ),
        }
    }
    keys(&mut checks, facts);
    match (&facts.git, facts.in_repository) {
        (Some(git), true) => checks.good("git", git.clone()),
        (Some(_), false) => checks.warn(
            "git",
            "the folder is in no git repository: histories cannot say which commit was deployed",
            "git init",
        ),
        (None, _) => checks.warn(
            "git",
            "there is no git: histories cannot say which commit was deployed",
            "apt-get install git   # or your system's way",
        ),
    }
    if !facts.exposed.is_empty() {
        checks.warn(
            "secrets",
            format!("these look like secrets, and git has or would take them: {}", facts.exposed.join(", ")),
            format!(
                "printf '%s\\n' {} >> .gitignore   # and git rm --cached what is committed; then change those secrets",
                facts.exposed.join(" ")
            ),
        );
    } else if facts.in_repository {
        checks.good("secrets", "git has no file that looks like a secret");
    }
    match &facts.state_folder {
        None => checks.good("logs", "the folder for logs can be written to"),
        Some(why) => checks.warn(
            "logs",
            why.clone(),
            "set XDG_STATE_HOME to a folder of yours",
        ),
    }
    let terminal = match facts.has_terminal {
        true => "there is one: commands ask before they change something",
        false => "there is none: commands need --yes",
    };
    checks.good("terminal", terminal);
    let engine = match facts.engine {
        true => "a Docker engine answers: labs and `stackctl demo` can run here",
        false => "no Docker engine answers here; only labs and `stackctl demo` need one",
    };
    checks.good("lab", engine);
    checks.list
}

fn keys(checks: &mut Checks, facts: &MachineFacts) {
    for (key, mode) in facts.keys.iter().filter(|(_, mode)| *mode & 0o077 != 0) {
        checks.warn(
            "ssh",
            format!(
                "others may read the private key {key} ({:04o})",
                mode & 0o7777
            ),
            format!("chmod 600 {key}"),
        );
    }
    match facts.agent {
        Some(true) => checks.good("ssh", "an agent answers"),
        Some(false) => checks.warn(
            "ssh",
            "SSH_AUTH_SOCK names an agent that does not answer",
            "eval \"$(ssh-agent)\" && ssh-add   # or unset SSH_AUTH_SOCK",
        ),
        None => {}
    }
    if !facts.keys.is_empty() {
        let names: Vec<&str> = facts.keys.keys().map(String::as_str).collect();
        checks.good("ssh", format!("keys: {}", names.join(", ")));
    } else if facts.agent != Some(true) && !facts.reached {
        checks.bad(
            "ssh",
            "there is no key to log in with: no agent, no file",
            "ssh-keygen -t ed25519   # then ssh-copy-id USER@HOST",
        );
    }
}
