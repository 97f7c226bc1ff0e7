//! The answer of `doctor.sh`, and what this machine is like.

use std::collections::{BTreeMap, BTreeSet};

use super::FactsError;

/// What could be wrong with a host, beside what plans need to know of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostHealth {
    /// The host's clock, seconds since the epoch.
    pub clock: u64,
    /// Program → whether it is there.
    pub programs: BTreeMap<String, bool>,
    pub failed_units: Vec<String>,
    /// KiB.
    pub swap: u64,
    /// Whether the clock is kept in time; `None` when the host cannot tell.
    pub synchronized: Option<bool>,
    /// The packages for whose sake the host waits for a reboot.
    pub reboot: Option<String>,
    /// `Err` holds what `nginx -t` says; `None` without nginx.
    pub nginx: Option<Result<(), String>>,
    /// The host's own addresses.
    pub addresses: BTreeSet<String>,
    /// The first line of what a run left behind.
    pub pending: Option<String>,
    /// Who keeps all runs off, as JSON.
    pub hold: Option<String>,
    /// Who holds the lock now.
    pub locked: Option<String>,
    /// Whether packages are upgraded without anybody asking for it.
    pub upgrades: bool,
    /// Whether containers outlive a restart of the engine.
    pub live_restore: bool,
}

impl HostHealth {
    /// Reads what `doctor.sh` printed.
    pub fn parse(answer: &str) -> Result<Self, FactsError> {
        let mut health = Self::default();
        for (index, line) in answer.lines().enumerate() {
            let fields: Vec<&str> = line.split('\t').collect();
            health.read(&fields).ok_or_else(|| FactsError {
                line: index + 1,
                text: line.chars().take(200).collect(),
            })?;
        }
        Ok(health)
    }

    fn read(&mut self, fields: &[&str]) -> Option<()> {
        match *fields {
            ["clock", seconds] => self.clock = seconds.parse().ok()?,
            ["program", name, there] => drop(self.programs.insert(name.into(), there == "yes")),
            ["failed", unit] => self.failed_units.push(unit.into()),
            ["swap", kib] => self.swap = kib.parse().ok()?,
            ["synchronized", yes] => self.synchronized = Some(yes == "yes"),
            ["reboot", packages] => self.reboot = Some(packages.trim().into()),
            ["nginx", "yes", _] => self.nginx = Some(Ok(())),
            ["nginx", "no", said] => self.nginx = Some(Err(said.into())),
            ["address", address] => drop(self.addresses.insert(address.into())),
            ["pending", line] => self.pending = Some(line.into()),
            ["hold", line] => self.hold = Some(line.into()),
            ["locked", line] => self.locked = Some(line.into()),
            ["upgrades", "yes"] => self.upgrades = true,
            ["live-restore", "yes"] => self.live_restore = true,
            _ => return None,
        }
        Some(())
    }
}

/// What this machine is like, as far as deploying from it is concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFacts {
    pub version: String,
    /// Whether a person can be asked.
    pub has_terminal: bool,
    pub config: ConfigFacts,
    /// The overlays beside the yaml: name → why it cannot be used.
    pub overlays: BTreeMap<String, Option<String>>,
    /// Private keys that would be offered: path → permission bits.
    pub keys: BTreeMap<String, u32>,
    /// The agent: `None` when none is set, else whether it answers.
    pub agent: Option<bool>,
    /// What `git --version` says.
    pub git: Option<String>,
    /// Whether the yaml's folder is in a repository.
    pub in_repository: bool,
    /// Files in the yaml's folder that look like secrets and that git has or would take.
    pub exposed: Vec<String>,
    /// Whether the local engine, that labs run on, answers.
    pub engine: bool,
    /// Whether any host was reached, with whatever key.
    pub reached: bool,
    /// Why the folder for logs and labs cannot be written to.
    pub state_folder: Option<String>,
}

/// What came of reading the stack's yaml.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ConfigFacts {
    /// There is none here or above.
    #[default]
    None,
    /// The stack's name, and how many hosts and services it has.
    Good {
        stack: String,
        hosts: usize,
        services: usize,
    },
    /// Why it cannot be used.
    Bad(String),
}
