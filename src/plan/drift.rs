//! What somebody changed of a container that is still called ours.

use super::container::{ContainerSpec, Mount};
use super::host::HostPlan;
use super::step::Action;
use crate::facts::{ContainerFacts, ContainerSettings};

const MIB: i64 = 1024 * 1024;
/// The restart policy of what serves.
const RESTART: &str = "unless-stopped";

/// How a container differs from what it was made as, a clause each. What the engine did not tell differs in nothing.
pub(super) fn changes(spec: &ContainerSpec, there: &ContainerFacts) -> Vec<String> {
    let Some(details) = &there.details else {
        return Vec::new();
    };
    let is = &details.settings;
    let mut found = Vec::new();
    let wanted = spec.memory.map_or(0, |mib| i64::from(mib) * MIB);
    if is.memory != wanted {
        let (was, is) = (memory(wanted), memory(is.memory));
        found.push(format!("its memory limit was {was}, is {is}"));
    }
    // An engine that tells -1 or 0 has none.
    if let Some(limit) = is.pids_limit.filter(|limit| *limit != spec.pids_limit) {
        let is = if limit > 0 {
            limit.to_string()
        } else {
            "none".into()
        };
        found.push(format!(
            "its process limit was {}, is {is}",
            spec.pids_limit
        ));
    }
    if let Some(user) = spec.user.as_ref().filter(|user| **user != is.user) {
        found.push(format!("its user was {user}, is {}", named(&is.user)));
    }
    if let Some(command) = spec.command.as_ref().filter(|all| **all != is.command) {
        let (was, is) = (command.join(" "), is.command.join(" "));
        found.push(format!("its command was `{was}`, is `{is}`"));
    }
    // The image adds variables of its own.
    for (name, value) in &spec.env {
        match is.env.get(name) {
            Some(there) if there == value => {}
            Some(there) => found.push(format!("its variable {name} was `{value}`, is `{there}`")),
            None => found.push(format!("its variable {name} was `{value}`, is gone")),
        }
    }
    mounts(spec, is, &mut found);
    if is.read_only != spec.read_only {
        let of = |read_only: bool| if read_only { "read-only" } else { "writable" };
        let (was, is) = (of(spec.read_only), of(is.read_only));
        found.push(format!("its root file system was {was}, is {is}"));
    }
    if is.privileged {
        found.push("it was not privileged, is privileged".into());
    }
    let dropped = is.dropped_capabilities.contains("ALL");
    if dropped != spec.drop_capabilities {
        let of = |dropped: bool| if dropped { "none" } else { "the engine's" };
        let (was, is) = (of(spec.drop_capabilities), of(dropped));
        found.push(format!("its capabilities were {was}, are {is}"));
    }
    if !is.added_capabilities.is_empty() {
        let names: Vec<&str> = is.added_capabilities.iter().map(String::as_str).collect();
        found.push(format!(
            "it was given the capabilities {}",
            names.join(", ")
        ));
    }
    let wanted = |name: &str| spec.networks.iter().any(|(network, _)| network == name);
    for (network, _) in &spec.networks {
        if !there.networks.contains(network) {
            found.push(format!("it was on network {network}, is not"));
        }
    }
    for network in there.networks.iter().filter(|name| !wanted(name)) {
        found.push(format!("it was not on network {network}, is"));
    }
    found
}

fn mounts(spec: &ContainerSpec, is: &ContainerSettings, found: &mut Vec<String>) {
    let wanted = spec.mounts.iter().map(|mount| match mount {
        Mount::Bind {
            from,
            to,
            read_only,
        } => (to, from.to_string(), *read_only),
        Mount::Volume { name, to } => (to, name.clone(), false),
    });
    let wanted: Vec<_> = wanted.collect();
    let words = |source: &str, read_only: bool| {
        let kind = if read_only { " (read-only)" } else { "" };
        format!("{source}{kind}")
    };
    for (to, from, read_only) in &wanted {
        let was = words(from, *read_only);
        match is.mounts.get(*to) {
            Some(there) if there.source == *from && there.read_only == *read_only => {}
            Some(there) => {
                let is = words(&there.source, there.read_only);
                found.push(format!("its mount {to} was {was}, is {is}"));
            }
            None => found.push(format!("its mount {to} was {was}, is gone")),
        }
    }
    // An image's own volumes have names of 64 hex digits.
    let is_anonymous =
        |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    for (to, there) in &is.mounts {
        if !wanted.iter().any(|(path, ..)| *path == to) && !is_anonymous(&there.source) {
            let is = words(&there.source, there.read_only);
            found.push(format!("its mount {to} was not there, is {is}"));
        }
    }
}

fn memory(bytes: i64) -> String {
    match bytes {
        0 => "none".into(),
        bytes if bytes % MIB == 0 => format!("{} MiB", bytes / MIB),
        bytes => format!("{bytes} bytes"),
    }
}

fn named(user: &str) -> &str {
    if user.is_empty() { "the image's" } else { user }
}

impl HostPlan<'_> {
    /// What a container that was made from `spec` is to be made again for; `None` to leave it as it is. What somebody
    /// changed is noted, and left alone unless told otherwise.
    pub(super) fn changed_by_hand(
        &mut self,
        spec: &ContainerSpec,
        there: &ContainerFacts,
    ) -> Option<String> {
        self.note_swapped_image(spec, there);
        let changes = changes(spec, there);
        if changes.is_empty() {
            return None;
        }
        let changes = changes.join("; ");
        if self.options.overwrite_drift {
            return Some(format!("changed on the host: {changes}"));
        }
        self.note(format!(
            "container {} was changed on the host and is left as it is; --overwrite-drift would make it again: {changes}",
            spec.name
        ));
        None
    }

    /// A tag that somebody gave to another image: what runs stays what it is, but would not be made again as it is.
    fn note_swapped_image(&mut self, spec: &ContainerSpec, there: &ContainerFacts) {
        let images = self.facts.docker.as_ref().map(|docker| &docker.images);
        let tagged = images.and_then(|images| images.get(&spec.image));
        let Some(tagged) = tagged.filter(|tagged| {
            there.details.is_some() && !there.image_id.is_empty() && tagged.id != there.image_id
        }) else {
            return;
        };
        let (was, is) = (short(&there.image_id), short(&tagged.id));
        self.note(format!(
            "{} now means another image: it was {was}, which container {} still runs, is {is}; made again, the container would run that one",
            spec.image, spec.name
        ));
    }

    /// The engine must start what serves again after a crash or a reboot, whatever somebody told it.
    pub(super) fn keep_restarting(
        &mut self,
        phase: u16,
        spec: &ContainerSpec,
        there: &ContainerFacts,
    ) {
        let policy = there
            .details
            .as_ref()
            .map(|details| &details.settings.restart);
        if let Some(policy) = policy.filter(|policy| spec.restart && *policy != RESTART) {
            let policy = if policy.is_empty() { "no" } else { policy };
            let cause = format!("its restart policy was {RESTART}, is {policy}");
            self.step(phase, Action::StartContainer(spec.name.clone()), cause);
        }
    }
}

/// As much of an image's id as people compare.
fn short(id: &str) -> &str {
    id.get(..19).unwrap_or(id)
}
