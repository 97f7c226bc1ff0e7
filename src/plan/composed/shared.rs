//! What containers of compose files share: networks and volumes; and what must be there before they can be made.

use super::super::container::{self, label};
use super::super::deploy::phase;
use super::super::host::{HostPlan, is_ours};
use super::super::release::Release;
use super::super::step::{Action, Step};
use super::{is_done, standing};
use crate::model::{Composed, Service};

impl HostPlan<'_> {
    /// The networks and volumes of compose files that containers of this host use.
    pub(in crate::plan) fn shared(&mut self) {
        const OTHERWISE: &str =
            "`stackctl destroy` takes it away and leaves volumes; then `provision` and `deploy`";
        let stack = self.stack;
        let (networks, volumes) = self.shared_names();
        let docker = self.facts.docker.as_ref();
        for name in networks {
            let Some(network) = stack.networks.get(&name) else {
                continue;
            };
            match docker.and_then(|docker| docker.networks.get(&name)) {
                None if network.external => self.refuse(
                    format!("the network {name} is `external`, and there is none"),
                    format!("make it on the host, which needs Docker for that (`sudo apt-get install docker.io`): `sudo docker network create {name}`"),
                ),
                None => drop(self.step(
                    0,
                    Action::CreateNetwork {
                        name,
                        internal: network.internal,
                        stack: stack.name.to_string(),
                        of_file: Some(Box::new(network.clone())),
                    },
                    "missing",
                )),
                Some(_) if network.external => {}
                Some(there) => {
                    let differs = there
                        .definition
                        .as_ref()
                        .is_some_and(|made| *made != container::network_digest(network));
                    if differs || there.internal != network.internal {
                        self.refuse(
                            format!("the network {name} was made otherwise than the compose file says now"),
                            OTHERWISE,
                        );
                    }
                }
            }
        }
        for name in volumes {
            let Some(volume) = stack.volumes.get(&name) else {
                continue;
            };
            let is_there = docker.is_some_and(|docker| docker.volumes.contains(&name));
            if is_there {
                continue;
            }
            if volume.external {
                self.refuse(
                    format!("the volume {name} is `external`, and there is none"),
                    format!("make it on the host, which needs Docker for that (`sudo apt-get install docker.io`): `sudo docker volume create {name}`"),
                );
                continue;
            }
            let create = Action::CreateVolume {
                name,
                stack: stack.name.to_string(),
                of_file: Some(Box::new(volume.clone())),
            };
            self.step(0, create, "missing");
        }
    }

    /// Networks of ours that nothing wants, and nothing is on once this plan is carried out.
    pub(in crate::plan) fn forget_networks(&mut self) {
        let Some(docker) = &self.facts.docker else {
            return;
        };
        let goes = |name: &String| {
            let removes =
                |step: &Step| matches!(&step.action, Action::RemoveContainer(gone) if gone == name);
            self.steps.iter().any(removes)
        };
        let prefix = format!("{}_", self.stack.name);
        let unused = docker.owned_networks.iter().filter(|network| {
            let mut containers = docker.containers.iter();
            network.starts_with(&prefix)
                && !self.stack.networks.contains_key(*network)
                && !containers.any(|(name, there)| there.networks.contains(*network) && !goes(name))
        });
        for name in unused.cloned().collect::<Vec<_>>() {
            let cause = "the compose file does not have it any more";
            self.step(phase::RETIRE, Action::RemoveNetwork(name), cause);
        }
    }

    fn shared_names(&self) -> (Vec<String>, Vec<String>) {
        let services = self.stack.services_on(&self.host.name);
        let (mut networks, mut volumes) = (Vec::new(), Vec::new());
        for composed in services.iter().filter_map(|service| service.composed()) {
            networks.extend(composed.networks.iter().map(|place| place.network.clone()));
            volumes.extend(composed.volumes().map(str::to_owned));
        }
        for names in [&mut networks, &mut volumes] {
            names.sort();
            names.dedup();
        }
        (networks, volumes)
    }

    /// What a container of a compose file needs before it can be made, and `provision` or an earlier deploy brings.
    pub(in crate::plan) fn check_composed(
        &mut self,
        service: &Service,
        composed: &Composed,
        all: &[&Release],
    ) {
        const HINT: &str = "run `stackctl provision` first";
        let Some(docker) = &self.facts.docker else {
            return;
        };
        let mut missing: Vec<String> = Vec::new();
        for place in &composed.networks {
            if !docker.networks.contains_key(&place.network) {
                missing.push(format!("the network {} is missing", place.network));
            }
        }
        for volume in composed.volumes() {
            if !docker.volumes.contains(volume) {
                missing.push(format!("the volume {volume} is missing"));
            }
        }
        missing.retain(|text| !self.findings.iter().any(|finding| finding.text == *text));
        for text in missing {
            self.refuse(text, HINT);
        }
        let stack = self.stack;
        for after in &composed.after {
            let other = stack.services.get(&after.service);
            let Some((other, container)) =
                other.and_then(|other| Some((other, other.container()?)))
            else {
                continue;
            };
            // It comes first in this very run.
            if all.iter().any(|release| release.service == other.name) {
                continue;
            }
            let stands = standing(&self.layout, other, self.facts);
            let name = stands.map(|id| self.layout.release_container(&other.name, &id));
            let there = name.and_then(|name| self.facts.docker.as_ref()?.containers.get(&name));
            let is_well = there.is_some_and(|there| match container.is_job {
                true => is_done(there),
                false => there.is_running(),
            });
            if !is_well {
                self.refuse(
                    format!(
                        "`{}`, which `{}` depends on, does not run",
                        other.name, service.name
                    ),
                    format!(
                        "deploy it as well: `stackctl deploy --service {} --service {}`",
                        other.name, service.name
                    ),
                );
            }
        }
    }

    /// The ports of the host that a container opens must be free, unless it has them, or the one that it replaces.
    pub(in crate::plan) fn check_published_ports(
        &mut self,
        service: &Service,
        composed: &Composed,
    ) {
        for port in &composed.options.ports {
            let containers = self
                .facts
                .docker
                .iter()
                .flat_map(|docker| &docker.containers);
            let own = containers.filter(|(_, there)| {
                let of = there.labels.get(label::SERVICE).map(String::as_str);
                let is_own =
                    is_ours(&there.labels, self.stack) && of == Some(service.name.as_str());
                // One that goes in this very run ends before.
                is_own || self.is_former(there)
            });
            let mut own = own.filter(|(_, there)| there.is_running());
            if port.protocol == "tcp"
                && !own.any(|(_, there)| there.published.contains(&port.outside))
            {
                self.check_port_is_free(port.outside, &format!("`{}` publishes", service.name));
            }
        }
    }
}
