//! Whether a host is ready for a deploy: what `provision` makes must be there, and what releases need must answer.

use super::container;
use super::host::HostPlan;
use super::release::Release;
use crate::facts::DatabaseFacts;
use crate::model::{External, Service};

impl HostPlan<'_> {
    /// `provision` must have been here, and what the releases need must answer. Whether enough is there to plan at all.
    pub(super) fn check_ready(&mut self, releases: &[&Release]) -> bool {
        const HINT: &str = "run `stackctl provision` first";
        if !self.facts.files.contains_key(&self.layout.state()) {
            self.refuse("it is not provisioned for this stack", HINT);
            return false;
        }
        if self.manifest_is_damaged() {
            let manifest = self.layout.manifest();
            self.refuse(
                format!("the list of what is ours cannot be read ({manifest})"),
                "run `stackctl provision`, which makes it anew from what is there",
            );
            return false;
        }
        let stack = self.stack;
        let services = stack.services_on(&self.host.name);
        let wanted = |service: &&Service| {
            releases
                .iter()
                .any(|release| release.service == service.name)
        };
        for service in services.into_iter().filter(wanted) {
            if service.has_user() {
                self.check_user_ready(service, HINT);
            }
            if !service.in_container() && service.unit().is_none() {
                continue;
            }
            if service.unit().is_some() {
                self.check_databases(service);
                continue;
            }
            let Some(docker) = &self.facts.docker else {
                self.refuse("no Docker engine answers", HINT);
                return false;
            };
            if let Some(composed) = service.composed() {
                self.check_composed(service, composed, releases);
                self.check_databases(service);
                continue;
            }
            let network = self.layout.app_network();
            if !docker.networks.contains_key(&network) {
                self.refuse(format!("the network {network} is missing"), HINT);
            }
            self.check_databases(service);
        }
        true
    }

    /// The databases that a service needs must answer.
    fn check_databases(&mut self, service: &Service) {
        let stack = self.stack;
        for (needed, _) in container::externals_of(stack, service) {
            self.check_external(needed);
            let told = self.facts.database(&needed.name);
            let external = needed.external().and_then(External::mysql);
            if external.is_some()
                && matches!(told, Some(DatabaseFacts::Answers(schema)) if !schema.login)
            {
                let text = format!("the user of database `{}` cannot log in", needed.name);
                self.refuse(text, "run `stackctl provision`, which makes it");
            }
        }
        for (needed, _) in container::databases_of(stack, service) {
            match self.facts.database(&needed.name) {
                Some(DatabaseFacts::Answers(schema)) if schema.login => {}
                Some(DatabaseFacts::Answers(_)) => {
                    let text = format!("the user of database `{}` cannot log in", needed.name);
                    self.refuse(
                        text,
                        "run `stackctl provision`, which sets its password again",
                    );
                }
                Some(DatabaseFacts::Silent(why)) => {
                    let text = format!(
                        "database `{}`, which `{}` needs, does not answer: {why}",
                        needed.name, service.name
                    );
                    self.refuse(
                        text,
                        "`stackctl provision` starts it; `stackctl status` shows its state",
                    );
                }
                None => {
                    let text = format!(
                        "database `{}`, which `{}` needs, is not running",
                        needed.name, service.name
                    );
                    self.refuse(text, "`stackctl provision` starts it");
                }
            }
        }
    }

    /// What `provision` makes for an app that systemd runs, and for static files that are built there.
    fn check_user_ready(&mut self, service: &Service, hint: &str) {
        let name = self.layout.user_name(&service.name);
        if !self.facts.users.contains_key(&name) {
            self.refuse(format!("`{}` has no user {name} there", service.name), hint);
        }
        let missing = super::unit::packages(service)
            .iter()
            .filter(|name| !self.facts.packages.contains_key(**name));
        let missing: Vec<&str> = missing.copied().collect();
        if !missing.is_empty() {
            self.refuse(
                format!(
                    "{}, which `{}` is installed with, is missing",
                    missing.join(", "),
                    service.name
                ),
                hint,
            );
        }
    }
}
