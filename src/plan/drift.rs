//! What somebody changed of a release that serves: its container, its record, its secrets.

use super::container::{self, ContainerSpec, Mount};
use super::deploy::phase;
use super::host::HostPlan;
use super::record::Record;
use super::step::Action;
use crate::facts::{ContainerFacts, ContainerSettings};
use crate::model::{HostPath, Layout, Owner, ReleaseId, Service};

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
            // What somebody put there may be a secret.
            Some(_) => found.push(format!("its variable {name} was `{value}`, is another")),
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
        let is_swapped = self.note_swapped_image(spec, there);
        let changes = changes(spec, there);
        if changes.is_empty() {
            return None;
        }
        let changes = changes.join("; ");
        // Made again from another image, it would not be what it was.
        if self.options.overwrite_drift && !is_swapped {
            return Some(format!("changed on the host: {changes}"));
        }
        self.note(format!(
            "container {} was changed on the host and is left as it is; --overwrite-drift would make it again: {changes}",
            spec.name
        ));
        None
    }

    /// A tag that somebody gave to another image: what runs stays what it is, but would not be made again as it is.
    fn note_swapped_image(&mut self, spec: &ContainerSpec, there: &ContainerFacts) -> bool {
        let images = self.facts.docker.as_ref().map(|docker| &docker.images);
        let tagged = images.and_then(|images| images.get(&spec.image));
        let Some(tagged) = tagged.filter(|tagged| {
            there.details.is_some() && !there.image_id.is_empty() && tagged.id != there.image_id
        }) else {
            return false;
        };
        let (was, is) = (short(&there.image_id), short(&tagged.id));
        self.note(format!(
            "{} now means another image: it was {was}, which container {} still runs, is {is}; made again, the container would run that one, so it is left as it is",
            spec.image, spec.name
        ));
        true
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

impl HostPlan<'_> {
    /// The manifest tells of a release's record only while it serves: those of others are there to go back to, and their
    /// folders go as a whole.
    pub(super) fn owns_record_of(&mut self, service: &Service, id: &ReleaseId) {
        let releases = format!("{}/", self.layout.releases(&service.name));
        let own = Record::path(&self.layout, &service.name, id);
        self.manifest
            .files
            .retain(|path, _| *path == own || !path.as_str().starts_with(&releases));
    }

    /// Hands a release its own copy of a database's password.
    pub(super) fn secret_copy(
        &self,
        service: &Service,
        id: &ReleaseId,
        needed: &Service,
    ) -> Action {
        let secret = container::app_secret(needed);
        Action::CopySecret {
            from: self.layout.secret(&secret),
            to: container::release_secret(&self.layout, service, id, &secret),
            owner: Owner {
                user: Layout::APP_USER,
                group: Layout::APP_USER,
            },
        }
    }

    fn secret_paths(&self, service: &Service, id: &ReleaseId, needed: &Service) -> [HostPath; 2] {
        let secret = container::app_secret(needed);
        let copy = container::release_secret(&self.layout, service, id, &secret);
        [self.layout.secret(&secret), copy]
    }

    /// A copy that is gone would keep the container from starting again; one that others may read is no secret.
    pub(super) fn missing_secrets(&mut self, service: &Service, id: &ReleaseId) {
        for (needed, _) in container::databases_of(self.stack, service) {
            let [_, copy] = self.secret_paths(service, id, needed);
            let cause = match self.facts.files.get(&copy) {
                None => "missing",
                Some(there) if there.mode & 0o7777 != 0o400 || there.user != Layout::APP_USER => {
                    "its mode or owner differs"
                }
                Some(_) => continue,
            };
            let copy = self.secret_copy(service, id, needed);
            self.step(phase::PREPARE, copy, cause);
        }
    }

    /// The container reads a password from the file that was there when it started, so an edited one is only mended by
    /// making it again. What was written there is nobody's business.
    pub(super) fn edited_secrets(&mut self, service: &Service, id: &ReleaseId) -> Option<String> {
        let mut edited = None;
        for (needed, _) in container::databases_of(self.stack, service) {
            let [secret, copy] = self.secret_paths(service, id, needed);
            let digest = |path: &HostPath| self.facts.files.get(path)?.digest.clone();
            let (Some(was), Some(is)) = (digest(&secret), digest(&copy)) else {
                continue;
            };
            if was == is {
                continue;
            }
            if self.options.overwrite_drift {
                edited = Some(format!("{copy} was edited on the host"));
                continue;
            }
            self.note(format!(
                "{copy} was the password in {secret}, is another, and is left as it is; --overwrite-drift would copy it again and make the container again"
            ));
        }
        edited
    }
}

/// As much of an image's id as people compare.
fn short(id: &str) -> &str {
    id.get(..19).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ContainerDetails, MountFacts};

    fn spec() -> ContainerSpec {
        let json = serde_json::json!({
            "name": "names-backend-1", "image": "names-backend:1", "env": {"COLOUR": "blue"}, "command": null,
            "user": "10001:10001", "mounts": [{"Volume": {"name": "names-db", "to": "/data"}}],
            "networks": [["names", ["backend"]]], "publish": {}, "restart": true, "memory": 256, "pids_limit": 512,
            "stop_signal": null, "stop_grace": 10, "init": true, "read_only": true, "drop_capabilities": true,
        });
        serde_json::from_value(json).expect("a spec")
    }

    fn as_made() -> ContainerFacts {
        let volume = MountFacts {
            source: "names-db".into(),
            read_only: false,
        };
        let settings = ContainerSettings {
            memory: 256 * MIB,
            pids_limit: Some(512),
            restart: RESTART.into(),
            env: [("COLOUR", "blue"), ("PATH", "/bin")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            user: "10001:10001".into(),
            mounts: [("/data".to_owned(), volume)].into(),
            read_only: true,
            dropped_capabilities: ["ALL".to_owned()].into(),
            ..ContainerSettings::default()
        };
        ContainerFacts {
            networks: ["names".to_owned()].into(),
            details: Some(ContainerDetails {
                settings,
                ..ContainerDetails::default()
            }),
            ..ContainerFacts::default()
        }
    }

    #[test]
    fn a_container_as_it_was_made_differs_in_nothing() {
        assert_eq!(changes(&spec(), &as_made()), [""; 0]);
        assert_eq!(changes(&spec(), &ContainerFacts::default()), [""; 0]);
    }

    #[test]
    fn what_was_changed_is_told_with_what_it_was() {
        let mut there = as_made();
        there.networks = ["bridge".to_owned()].into();
        let settings = &mut there.details.as_mut().expect("details").settings;
        settings.memory = 64 * MIB;
        settings.env.insert("COLOUR".into(), "green".into());
        settings.mounts.clear();
        settings.privileged = true;
        assert_eq!(
            changes(&spec(), &there),
            [
                "its memory limit was 256 MiB, is 64 MiB",
                "its variable COLOUR was `blue`, is another",
                "its mount /data was names-db, is gone",
                "it was not privileged, is privileged",
                "it was on network names, is not",
                "it was not on network bridge, is",
            ]
        );
    }
}
