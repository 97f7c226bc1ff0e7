//! Judges this machine and the hosts: what is well, what is not, and what repairs it. Facts in, checks out.

mod host;
mod machine;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use host::{HostView, judge_host, unreachable};
pub use machine::judge_machine;

/// Programs that every host must have: ours to run scripts there, or what they call.
pub const PROGRAMS: &[&str] = &[
    "base64",
    "find",
    "flock",
    "mktemp",
    "perl",
    "sha256sum",
    "ss",
    "stat",
    "systemctl",
    "tar",
    "timeout",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    /// It works, but it is worth a look.
    Warn,
    /// A run would fail, or does not hold what it promises.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `this machine`, or a host's name.
    pub place: String,
    pub name: &'static str,
    pub level: Level,
    pub text: String,
    /// What mends it, in one line.
    pub repair: Option<String>,
}

/// What `stackctl doctor` shows; as JSON its documented output (`schema` 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Version of this format.
    pub schema: u32,
    /// No check failed.
    pub healthy: bool,
    pub checks: Vec<Check>,
}

impl Diagnosis {
    pub fn of(checks: Vec<Check>) -> Self {
        Self {
            schema: 1,
            healthy: checks.iter().all(|check| check.level != Level::Fail),
            checks,
        }
    }
}

/// The checks of one place as they come together.
struct Checks {
    place: String,
    list: Vec<Check>,
}

impl Checks {
    fn of(place: &str) -> Self {
        Self {
            place: place.to_owned(),
            list: Vec::new(),
        }
    }

    fn add(
        &mut self,
        level: Level,
        name: &'static str,
        text: impl Into<String>,
        repair: Option<String>,
    ) {
        self.list.push(Check {
            place: self.place.clone(),
            name,
            level,
            text: text.into(),
            repair,
        });
    }

    fn good(&mut self, name: &'static str, text: impl Into<String>) {
        self.add(Level::Ok, name, text, None);
    }

    fn warn(&mut self, name: &'static str, text: impl Into<String>, repair: impl Into<String>) {
        self.add(Level::Warn, name, text, Some(repair.into()));
    }

    fn bad(&mut self, name: &'static str, text: impl Into<String>, repair: impl Into<String>) {
        self.add(Level::Fail, name, text, Some(repair.into()));
    }
}
