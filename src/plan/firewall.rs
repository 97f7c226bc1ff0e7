//! The firewall of a host: files that all its stacks share and one of each stack, loaded as one, and taken back unless
//! a new SSH connection can be made afterwards.

use std::collections::BTreeSet;

use super::host::HostPlan;
use super::step::{Action, FirewallBefore};
use crate::facts::{FirewallFacts, UnitFacts};
use crate::model::{HostPath, Layout, RemoteFile};
use crate::render::{self, FirewallFiles, RenderError, Templates};

const PHASE: u16 = 0;

impl HostPlan<'_> {
    /// What would make a firewall fail or do harm.
    pub(super) fn check_firewall(&mut self) {
        if !self.stack.firewall {
            return;
        }
        let rivals = [
            (self.facts.ufw, "ufw", "sudo ufw disable"),
            (
                self.facts.is_active("firewalld.service"),
                "firewalld",
                "sudo systemctl disable --now firewalld",
            ),
        ];
        for (_, name, off) in rivals.into_iter().filter(|(is_on, ..)| *is_on) {
            self.refuse(
                format!("{name} is on; of two firewalls each closes what the other opens"),
                format!("turn it off (`{off}`), or write `firewall: off` in the yaml"),
            );
        }
        if self.facts.ssh_ports.is_empty() {
            self.refuse(
                "it does not tell on which port its SSH server listens, so a firewall could close it",
                "install iproute2 there (`ss` shows who listens), or write `firewall: off` in the yaml",
            );
        }
    }

    /// What closes the host's ports, or opens them again when the stack has no firewall any more.
    pub(super) fn firewall(&mut self, templates: &Templates) -> Result<(), RenderError> {
        let begun = self.steps.len();
        let own = self.layout.firewall_ports();
        let is_new = !self.manifest.files.contains_key(&own);
        if self.stack.firewall {
            let (ssh, bridges) = (&self.facts.ssh_ports, &self.facts.foreign_bridges);
            let files = render::firewall(templates, self.stack, self.host, ssh, bridges)?;
            self.close(files);
            if is_new {
                self.note_closed();
            }
        } else if !is_new {
            self.open();
        }
        if self.steps.len() > begun {
            // The first step's, so that it is the last to be taken back, whatever of the others was done.
            let before = self.firewall_before();
            let undo = Action::RestoreFirewall(Box::new(before));
            self.steps[begun].undo.push(undo);
        }
        Ok(())
    }

    fn close(&mut self, files: FirewallFiles) {
        const PROOF: &str = "or the firewall is taken back";
        let FirewallFiles {
            base,
            ports,
            loader,
            unit,
        } = files;
        let stacks = self.facts.entries.get(Layout::FIREWALL_STACKS);
        let own = format!("{}.nft", self.stack.name);
        let is_shared = stacks.is_some_and(|names| names.keys().any(|name| *name != own));
        self.of_all(loader, is_shared);
        let wrote_base = self.of_all(base, is_shared);
        let wrote_ports = self.file(PHASE, ports);
        if self.of_all(unit, is_shared) {
            self.step(PHASE, Action::ReloadUnits, "a unit file changed");
        }
        self.drop_ins(PHASE, Layout::FIREWALL_UNIT);
        let cause = if wrote_base || wrote_ports {
            Some("its files change")
        } else {
            self.why_load()
        };
        if let Some(cause) = cause {
            self.step(PHASE, Action::LoadFirewall, cause);
            self.step(PHASE, Action::Confirm, PROOF);
        }
    }

    /// A file that all stacks of a host share. With one of another stack there, it may have written it.
    fn of_all(&mut self, file: RemoteFile, is_shared: bool) -> bool {
        if is_shared {
            self.shared_file(PHASE, file)
        } else {
            self.file(PHASE, file)
        }
    }

    /// Why the files, which are as they should be, must be loaded.
    fn why_load(&mut self) -> Option<&'static str> {
        let Some(seen) = &self.facts.firewall else {
            return Some("it is not loaded");
        };
        let enabled = |unit: &UnitFacts| unit.is_active() && unit.file == "enabled";
        let unit = self.facts.units.get(Layout::FIREWALL_UNIT);
        match (&seen.live, seen.changed_by_hand()) {
            (None, _) => Some("it is not loaded"),
            _ if !seen.is_of_these_files() => Some("its files were not loaded"),
            (Some(_), Some(change)) => {
                let (before, after) = change;
                let change = super::text::diff(&format!("{before}\n"), &format!("{after}\n"));
                let would = "load its files again";
                let drift = self.edited("firewall: rules", "those of its files", "others", would);
                drift.diff = Some(change);
                self.options
                    .overwrite_drift
                    .then_some("its rules were changed by hand")
            }
            _ if !unit.is_some_and(enabled) => Some("it would not be loaded at boot"),
            _ => None,
        }
    }

    /// Takes the stack's ports out, and the rest with the last stack that has any.
    fn open(&mut self) {
        const CAUSE: &str = "the stack has no firewall any more";
        let own = self.layout.firewall_ports();
        let file = own.as_str().rsplit('/').next().unwrap_or_default();
        let stacks = self.facts.entries.get(Layout::FIREWALL_STACKS);
        let others = stacks.is_some_and(|names| names.keys().any(|name| name != file));
        let had = self.facts.files.contains_key(&own);
        self.forget(PHASE, &own, CAUSE);
        let shared = [
            self.layout.firewall(),
            self.layout.firewall_loader(),
            self.layout.firewall_unit(),
        ];
        let seen = self.facts.firewall.as_ref();
        if others {
            for path in shared {
                self.manifest.files.remove(&path);
            }
            if had || !seen.is_some_and(FirewallFacts::is_of_these_files) {
                self.step(PHASE, Action::LoadFirewall, CAUSE);
            }
            return;
        }
        let unit = self.facts.units.get(Layout::FIREWALL_UNIT);
        let runs = unit.is_some_and(|unit| unit.is_active() || unit.file == "enabled");
        if runs || seen.is_some_and(|seen| seen.live.is_some()) {
            self.step(PHASE, Action::StopUnit(Layout::FIREWALL_UNIT.into()), CAUSE);
        }
        let begun = self.steps.len();
        for path in &shared {
            self.forget(PHASE, path, CAUSE);
        }
        if self.steps.len() > begun {
            self.step(PHASE, Action::ReloadUnits, "a unit file is gone");
        }
    }

    fn firewall_before(&self) -> FirewallBefore {
        let seen = self.facts.firewall.clone().unwrap_or_default();
        let layout = &self.layout;
        let paths = [
            layout.firewall_ports(),
            layout.firewall_unit(),
            layout.firewall(),
            layout.firewall_loader(),
        ];
        let contents = |path: HostPath| {
            let there = self.facts.files.get(&path);
            let contents = there.and_then(|file| file.contents.clone());
            (path, contents)
        };
        FirewallBefore {
            live: seen.live,
            record: seen.record,
            files: paths.map(contents).into(),
        }
    }

    /// Says what can be reached until now and cannot from then on.
    fn note_closed(&mut self) {
        let mut open = self.stack.open_ports(&self.host.name);
        open.extend(&self.facts.ssh_ports);
        open.extend(self.stack.private_port(&self.host.name));
        if let Some(seen) = &self.facts.firewall {
            open.extend(seen.open_ports());
        }
        let outside = |address: &str| !address.starts_with("127.") && address != "[::1]";
        let listeners = self.facts.listeners.iter();
        let closed: BTreeSet<(u16, &str)> = listeners
            .filter(|listener| outside(&listener.address) && !open.contains(&listener.port))
            .map(|listener| (listener.port, listener.process.as_str()))
            .collect();
        if closed.is_empty() {
            return;
        }
        let told: Vec<String> = closed
            .into_iter()
            .map(|(port, process)| match process {
                "" => port.to_string(),
                process => format!("{port} ({process})"),
            })
            .collect();
        self.note(format!(
            "the firewall closes what could be reached from outside until now: port {}",
            told.join(", ")
        ));
    }
}
