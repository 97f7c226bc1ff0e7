//! How a container differs from what it was made as.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{ContainerFacts, ContainerSettings};
use crate::model::{ComposedMount, ContainerOptions};
use crate::plan::container::{ContainerSpec, Mount, PUBLISHED_AT, SECURITY_OPTIONS};

const MIB: i64 = 1024 * 1024;
/// The restart policy of what serves.
pub(super) const RESTART: &str = "unless-stopped";

/// One setting that is another than it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub what: String,
    pub was: String,
    pub is: String,
}

impl Change {
    fn new(what: impl Into<String>, was: impl Into<String>, is: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            was: was.into(),
            is: is.into(),
        }
    }

    pub fn words(&self) -> String {
        format!("its {} was {}, is {}", self.what, self.was, self.is)
    }
}

/// Each setting that differs. What the engine did not tell differs in nothing.
pub(super) fn changes(spec: &ContainerSpec, there: &ContainerFacts) -> Vec<Change> {
    let Some(details) = &there.details else {
        return Vec::new();
    };
    let is = &details.settings;
    let mut found = Vec::new();
    let of_file = spec.options.as_deref();
    let wanted = match of_file {
        Some(options) => options.memory_limit.unwrap_or(0),
        None => spec.memory.map_or(0, |mib| i64::from(mib) * MIB),
    };
    if is.memory != wanted {
        let (was, is) = (memory(wanted), memory(is.memory));
        found.push(Change::new("memory limit", was, is));
    }
    // An engine that tells -1 or 0 has none.
    let is_other = |limit: &i64| (*limit).max(0) != spec.pids_limit;
    if let Some(limit) = is.pids_limit.filter(is_other) {
        let is = if limit > 0 {
            limit.to_string()
        } else {
            "none".into()
        };
        found.push(Change::new(
            "process limit",
            spec.pids_limit.to_string(),
            is,
        ));
    }
    if let Some(user) = spec.user.as_ref().filter(|user| **user != is.user) {
        found.push(Change::new("user", user, named(&is.user)));
    }
    if let Some(command) = spec.command.as_ref().filter(|all| **all != is.command) {
        let (was, is) = match of_file {
            // People write passwords there.
            Some(_) => (AS_COMPOSED.to_owned(), "another".to_owned()),
            None => (
                format!("`{}`", command.join(" ")),
                format!("`{}`", is.command.join(" ")),
            ),
        };
        found.push(Change::new("command", was, is));
    }
    // The image adds variables of its own.
    for (name, value) in &spec.env {
        let is = match is.env.get(name) {
            Some(there) if there == value => continue,
            // What somebody put there may be a secret.
            Some(_) => "another",
            None => "gone",
        };
        let what = format!("variable {name}");
        let was = match of_file {
            Some(_) => AS_COMPOSED.to_owned(),
            None => format!("`{value}`"),
        };
        found.push(Change::new(what, was, is));
    }
    mounts(spec, is, &mut found);
    if is.read_only != spec.read_only {
        let of = |read_only: bool| if read_only { "read-only" } else { "writable" };
        let (was, is) = (of(spec.read_only), of(is.read_only));
        found.push(Change::new("root file system", was, is));
    }
    let privileged = of_file.is_some_and(|options| options.privileged);
    if is.privileged != privileged {
        let of = |all: bool| if all { "all (privileged)" } else { "none" };
        let (was, is) = (of(privileged), of(is.privileged));
        found.push(Change::new("privilege", was, is));
    }
    match of_file {
        Some(options) => composed(spec, options, is, &mut found),
        None => capabilities(spec, is, &mut found),
    }
    ports(spec, is, &mut found);
    rest(spec, is, &mut found);
    // `host` and `none`, which the engine tells as networks.
    let mode = of_file.map(|options| &options.network_mode);
    let mode = mode.filter(|mode| !mode.is_empty());
    let named = spec.networks.iter().map(|(network, _)| network);
    let networks: BTreeSet<&String> = named.chain(mode).collect();
    for network in &networks {
        if !there.networks.contains(*network) {
            found.push(Change::new(format!("network {network}"), "joined", "left"));
        }
    }
    for network in there
        .networks
        .iter()
        .filter(|name| !networks.contains(name))
    {
        found.push(Change::new(
            format!("network {network}"),
            "not joined",
            "joined",
        ));
    }
    found
}

const AS_COMPOSED: &str = "as in the compose file";

fn capabilities(spec: &ContainerSpec, is: &ContainerSettings, found: &mut Vec<Change>) {
    let dropped = is.dropped_capabilities.contains("ALL");
    if dropped != spec.drop_capabilities {
        let of = |dropped: bool| if dropped { "none" } else { "the engine's" };
        let (was, is) = (of(spec.drop_capabilities), of(dropped));
        found.push(Change::new("set of capabilities", was, is));
    }
    if !is.added_capabilities.is_empty() {
        let names: Vec<&str> = is.added_capabilities.iter().map(String::as_str).collect();
        found.push(Change::new("added capabilities", "none", names.join(", ")));
    }
}

/// What only compose files say.
fn composed(
    spec: &ContainerSpec,
    options: &ContainerOptions,
    is: &ContainerSettings,
    found: &mut Vec<Change>,
) {
    // Engines have told capabilities with and without `CAP_`.
    let plain = |name: &String| {
        name.to_ascii_uppercase()
            .trim_start_matches("CAP_")
            .to_owned()
    };
    let words = |names: &BTreeSet<String>| match names.is_empty() {
        true => "none".to_owned(),
        false => names.iter().cloned().collect::<Vec<_>>().join(", "),
    };
    for (what, wanted, there) in [
        (
            "added capabilities",
            &options.cap_add,
            &is.added_capabilities,
        ),
        (
            "dropped capabilities",
            &options.cap_drop,
            &is.dropped_capabilities,
        ),
    ] {
        let wanted: BTreeSet<String> = wanted.iter().map(plain).collect();
        let there: BTreeSet<String> = there.iter().map(plain).collect();
        if wanted != there {
            found.push(Change::new(what, words(&wanted), words(&there)));
        }
    }
    let policy = options.restart.name();
    let there = if is.restart.is_empty() {
        "no"
    } else {
        &is.restart
    };
    // Of what serves, the policy is mended without being told to.
    if !spec.restart && there != policy {
        found.push(Change::new("restart policy", policy, there));
    }
    let cpus = options.cpus.unwrap_or(0);
    if is.cpus != cpus {
        let of = |billionths: i64| match billionths {
            0 => "none".to_owned(),
            some => format!("{} processors", some as f64 / 1e9),
        };
        found.push(Change::new("processor limit", of(cpus), of(is.cpus)));
    }
}

fn mounts(spec: &ContainerSpec, is: &ContainerSettings, found: &mut Vec<Change>) {
    let wanted = spec.mounts.iter().map(|mount| match mount {
        Mount::Bind {
            from,
            to,
            read_only,
        } => (to, from.to_string(), *read_only),
        Mount::Volume { name, to } => (to, name.clone(), false),
    });
    let of_file = spec.options.iter().flat_map(|options| &options.mounts);
    let of_file = of_file.filter_map(|mount| match mount {
        ComposedMount::Bind {
            from,
            to,
            read_only,
            ..
        } => Some((to, from.clone(), *read_only)),
        ComposedMount::Volume {
            name,
            to,
            read_only,
            ..
        } => Some((to, name.clone()?, *read_only)),
        ComposedMount::Memory { to, .. } => Some((to, String::new(), false)),
    });
    let wanted: Vec<_> = wanted.chain(of_file).collect();
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
                found.push(Change::new(format!("mount {to}"), was, is));
            }
            None => found.push(Change::new(format!("mount {to}"), was, "gone")),
        }
    }
    // An image's own volumes have names of 64 hex digits.
    let is_anonymous =
        |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    for (to, there) in &is.mounts {
        if !wanted.iter().any(|(path, ..)| *path == to) && !is_anonymous(&there.source) {
            let is = words(&there.source, there.read_only);
            found.push(Change::new(format!("mount {to}"), "absent", is));
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

/// Where it can be reached on the host.
fn ports(spec: &ContainerSpec, is: &ContainerSettings, found: &mut Vec<Change>) {
    let mut wanted: BTreeMap<String, BTreeSet<String>> = spec
        .publish
        .iter()
        .map(|(inside, outside)| {
            let place = format!("{PUBLISHED_AT}:{outside}");
            (format!("{inside}/tcp"), [place].into())
        })
        .collect();
    for port in spec.options.iter().flat_map(|options| &options.ports) {
        let place = format!("{}:{}", port.address, port.outside);
        let inside = format!("{}/{}", port.inside, port.protocol);
        wanted.entry(inside).or_default().insert(place);
    }
    let words = |places: Option<&BTreeSet<String>>| match places {
        Some(places) if !places.is_empty() => {
            let places: Vec<&str> = places.iter().map(String::as_str).collect();
            places.join(", ")
        }
        _ => "nowhere".to_owned(),
    };
    let ports: BTreeSet<&String> = wanted.keys().chain(is.publish.keys()).collect();
    for port in ports {
        let (was, is) = (words(wanted.get(port)), words(is.publish.get(port)));
        if was != is {
            found.push(Change::new(format!("port {port}"), was, is));
        }
    }
}

/// Rights, logs, and how it is started and stopped.
fn rest(spec: &ContainerSpec, is: &ContainerSettings, found: &mut Vec<Change>) {
    let listed = |options: Vec<&str>| match options.is_empty() {
        true => "none".to_owned(),
        false => options.join(", "),
    };
    // Engines have told `no-new-privileges` with and without its value.
    let plain = |option: &'_ str| option.trim_end_matches(":true").replace('=', ":");
    let of_file = spec.options.as_deref();
    let wanted: BTreeSet<String> = match of_file {
        Some(options) => options.security.iter().map(|name| plain(name)).collect(),
        None => SECURITY_OPTIONS.iter().map(|name| plain(name)).collect(),
    };
    let mut there: BTreeSet<String> = is.security_options.iter().map(|name| plain(name)).collect();
    // Where it shares the host's memory, the engine takes its label off by itself.
    if of_file.is_some_and(|options| options.ipc == "host") && !wanted.contains("label:disable") {
        there.remove("label:disable");
    }
    // The engine adds some of its own to one that may do everything.
    if wanted != there && !is.privileged {
        let was = listed(wanted.iter().map(String::as_str).collect());
        let is = listed(there.iter().map(String::as_str).collect());
        found.push(Change::new("security options", was, is));
    }
    let (driver, options) = super::super::container::logging(spec);
    if !is.log_driver.is_empty() && is.log_driver != driver {
        found.push(Change::new("log driver", &driver, &is.log_driver));
    }
    for (name, wanted) in &options {
        let there = is.log_options.get(name).map_or("none", String::as_str);
        if is.log_driver == driver && there != wanted {
            found.push(Change::new(format!("log option {name}"), wanted, there));
        }
    }
    if let Some(signal) = spec
        .stop_signal
        .as_ref()
        .filter(|all| **all != is.stop_signal)
    {
        let is = if is.stop_signal.is_empty() {
            "the image's"
        } else {
            &is.stop_signal
        };
        found.push(Change::new("stop signal", signal, is));
    }
    if let Some(init) = is.init.filter(|init| *init != spec.init) {
        let of = |init: bool| if init { "the engine's" } else { "none" };
        found.push(Change::new("init", of(spec.init), of(init)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ContainerDetails, MountFacts};

    fn told(spec: &ContainerSpec, there: &ContainerFacts) -> Vec<String> {
        changes(spec, there).iter().map(Change::words).collect()
    }

    fn spec() -> ContainerSpec {
        let json = serde_json::json!({
            "name": "names-backend-1", "image": "names-backend:1", "env": {"COLOUR": "blue"}, "command": null,
            "user": "10001:10001", "mounts": [{"Volume": {"name": "names-db", "to": "/data"}}],
            "networks": [["names", ["backend"]]], "publish": {"8080": 20001}, "restart": true, "memory": 256, "pids_limit": 512,
            "stop_signal": "SIGQUIT", "stop_grace": 10, "init": true, "read_only": true, "drop_capabilities": true,
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
            publish: [("8080/tcp".to_owned(), ["127.0.0.1:20001".to_owned()].into())].into(),
            security_options: ["no-new-privileges".to_owned()].into(),
            log_driver: "json-file".into(),
            log_options: [("max-size", "10m"), ("max-file", "5")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            stop_signal: "SIGQUIT".into(),
            init: Some(true),
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
        assert_eq!(told(&spec(), &as_made()), [""; 0]);
        assert_eq!(told(&spec(), &ContainerFacts::default()), [""; 0]);
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
            told(&spec(), &there),
            [
                "its memory limit was 256 MiB, is 64 MiB",
                "its variable COLOUR was `blue`, is another",
                "its mount /data was names-db, is gone",
                "its privilege was none, is all (privileged)",
                "its network names was joined, is left",
                "its network bridge was not joined, is joined",
            ]
        );
    }

    #[test]
    fn ports_rights_logs_and_signals_are_compared() {
        let mut there = as_made();
        let settings = &mut there.details.as_mut().expect("details").settings;
        let everywhere = ["0.0.0.0:20001".to_owned()].into();
        settings.publish.insert("8080/tcp".into(), everywhere);
        let further = ["0.0.0.0:9000".to_owned()].into();
        settings.publish.insert("9000/tcp".into(), further);
        settings.security_options = ["seccomp=unconfined".to_owned()].into();
        settings.log_options.remove("max-size");
        settings.stop_signal = "SIGKILL".into();
        settings.init = Some(false);
        assert_eq!(
            told(&spec(), &there),
            [
                "its port 8080/tcp was 127.0.0.1:20001, is 0.0.0.0:20001",
                "its port 9000/tcp was nowhere, is 0.0.0.0:9000",
                "its security options was no-new-privileges, is seccomp:unconfined",
                "its log option max-size was 10m, is none",
                "its stop signal was SIGQUIT, is SIGKILL",
                "its init was the engine's, is none",
            ]
        );
        let mut there = as_made();
        let settings = &mut there.details.as_mut().expect("details").settings;
        settings.log_driver = "none".into();
        assert_eq!(
            told(&spec(), &there),
            ["its log driver was json-file, is none"]
        );
    }
}
