//! What a plan would do and what a host has, as digests: whether a plan that was made earlier is still the same one,
//! and if not, what has moved.

use std::collections::BTreeMap;

use super::step::{Action, Plan, Step};
use crate::facts::{ContainerFacts, DatabaseFacts, FileKind, HostFacts, sha256};

/// How many hex digits stand for the state of one thing; it is compared, never trusted.
const SHORT: usize = 12;

/// Stands for every effect of `plan`, in order, each byte of every file included. What depends on when a plan was made
/// is left out: causes and notes, times, and the manifest, which only repeats the other steps.
pub fn plan_digest(plan: &Plan) -> String {
    let effects = plan.steps.iter().filter_map(effect);
    sha256(effects.collect::<Vec<_>>().join("\n").as_bytes())
}

/// Stands for the effect of one step; `None` for one that only records others.
pub fn step_digest(step: &Step) -> Option<String> {
    effect(step).map(|effect| sha256(effect.as_bytes()))
}

fn effect(step: &Step) -> Option<String> {
    let undo: Vec<String> = step.undo.iter().filter_map(content).collect();
    Some(format!(
        "{} {} {} {:?}",
        step.host,
        step.phase,
        content(&step.action)?,
        undo
    ))
}

fn content(action: &Action) -> Option<String> {
    Some(match action {
        Action::PutFile { file, .. } if is_manifest(file.path.as_str()) => return None,
        Action::Remove(path) if is_manifest(path.as_str()) => return None,
        // When it was is the host's business.
        Action::Commit(commit) => format!(
            "Commit {:?} {:?} {:?}",
            commit.serves, commit.leaves, commit.served
        ),
        // What the copy is called depends on the time.
        Action::KeepCopy { from, .. } => format!("KeepCopy {from}"),
        // Where a folder lies on this machine is no part of what is sent.
        Action::PushTree { tree, to } => format!("PushTree {} {to}", tree.digest()),
        Action::BuildImage(build) | Action::BuildImageHere(build) => format!(
            "BuildImage{} {} {} {:?} {:?} {:?} {:?} {:?}",
            match (action, &build.push) {
                (Action::BuildImageHere(_), Some(repository)) => format!("Here {repository}"),
                (Action::BuildImageHere(_), None) => "Here".to_owned(),
                _ => String::new(),
            },
            build.tag,
            build.context.digest(),
            build.dockerfile,
            build.rendered,
            build.target,
            build.args,
            build.labels
        ),
        Action::BuildHere(build) => format!(
            "BuildHere {} {:?} {:?} {:?} {} {:?} {:?} {}",
            build.source.digest(),
            build.install,
            build.command,
            build.env,
            build.output,
            build.deadline,
            build.fill,
            build.to
        ),
        // The derived text of everything else holds every field, in an order that depends on nothing.
        other => format!("{other:?}"),
    })
}

fn is_manifest(path: &str) -> bool {
    path.ends_with("/manifest.json")
}

/// Whether what is at a path may be a secret, or hold one.
fn may_be_secret(path: &str) -> bool {
    const ENDS: [&str; 5] = [
        "/secrets.env",
        "/secrets.json",
        "/environment",
        "-password",
        "-url",
    ];
    path.contains("/secrets/")
        || path.contains("/files/")
        || ENDS.iter().any(|end| path.ends_with(end))
}

/// What `facts` say of things that plans depend on: the thing → its state, short. Clocks, load and what is free are
/// not among them.
pub fn standing(facts: &HostFacts) -> BTreeMap<String, String> {
    let mut things = BTreeMap::new();
    let mut tell = |thing: String, state: String| drop(things.insert(thing, state));
    tell(
        "system".into(),
        format!("{} {}", facts.os.pretty, facts.architecture),
    );
    for (path, file) in &facts.files {
        if is_manifest(path.as_str()) {
            continue;
        }
        let what = match &file.kind {
            FileKind::Link(target) => format!("link to {target}"),
            FileKind::Folder => "folder".into(),
            FileKind::Other => "neither file nor folder".into(),
            FileKind::File => {
                // A weak secret could be found by a digest of it.
                let digest = file
                    .digest
                    .as_deref()
                    .filter(|_| !may_be_secret(path.as_str()))
                    .unwrap_or_default();
                format!("file {}", digest.get(..SHORT).unwrap_or(digest))
            }
        };
        let (mode, user, group) = (file.mode, file.user, file.group);
        tell(
            path.to_string(),
            format!("{what} {mode:04o} {user}:{group}"),
        );
    }
    for (path, certificate) in &facts.certificates {
        let names: Vec<&str> = certificate.names.iter().map(String::as_str).collect();
        let state = format!(
            "until {} for {}",
            certificate.not_after_text,
            names.join(", ")
        );
        tell(format!("certificate {path}"), state);
    }
    for (folder, names) in &facts.entries {
        for name in names.keys() {
            tell(format!("{folder}/{name}"), "there".into());
        }
    }
    for (package, version) in &facts.packages {
        tell(format!("package {package}"), version.clone());
    }
    for (name, unit) in &facts.units {
        let state = format!("{} {} {}", unit.load, unit.active, unit.file);
        tell(format!("unit {name}"), state);
    }
    for (name, id) in &facts.users {
        tell(format!("user {name}"), id.to_string());
    }
    for (folder, digest) in &facts.sources {
        tell(format!("source {folder}"), digest[..SHORT].to_owned());
    }
    for listener in &facts.listeners {
        let place = format!("port {} at {}", listener.port, listener.address);
        tell(place, listener.process.clone());
    }
    if let Some(firewall) = &facts.firewall {
        let live = firewall.live.as_ref();
        let state = live.map(|table| sha256(table.as_bytes())[..SHORT].to_owned());
        tell("firewall".into(), state.unwrap_or("not loaded".into()));
    }
    for (service, database) in &facts.databases {
        tell(format!("database {service}"), database_state(database));
    }
    if let Some(docker) = &facts.docker {
        for (name, container) in &docker.containers {
            tell(format!("container {name}"), container_state(container));
        }
        for (name, network) in &docker.networks {
            let kind = if network.internal { "internal" } else { "open" };
            tell(format!("network {name}"), kind.into());
        }
        for name in &docker.volumes {
            tell(format!("volume {name}"), "there".into());
        }
        for (tag, image) in &docker.images {
            tell(format!("image {tag}"), image.id.clone());
        }
        for (service, database) in &docker.databases {
            tell(format!("database {service}"), database_state(database));
        }
    }
    things
}

fn database_state(database: &DatabaseFacts) -> String {
    match database {
        // Why it is silent is told in other words each time.
        DatabaseFacts::Silent(_) => "silent".into(),
        DatabaseFacts::Answers(schema) => {
            let digest = sha256(format!("{schema:?}").as_bytes());
            format!("answers {}", &digest[..SHORT])
        }
    }
}

fn container_state(container: &ContainerFacts) -> String {
    let id = container.id.get(..SHORT).unwrap_or(&container.id);
    format!("{id} {}", container.state)
}

/// What differs between two standings, a line each: `unit nginx.service was … and is …`.
pub fn moved(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let absent = "absent".to_owned();
    let mut names: Vec<&String> = then.keys().chain(now.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| then.get(*name) != now.get(*name))
        .map(|name| {
            let was = then.get(name).unwrap_or(&absent);
            let is = now.get(name).unwrap_or(&absent);
            format!("{name} was {was} and is {is}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::step::Commit;
    use super::*;
    use crate::facts::{SourceTree, UnitFacts};
    use crate::model::{Owner, RemoteFile};

    fn put(contents: &str, cause: &str) -> Plan {
        let file = RemoteFile {
            path: "/etc/x".parse().unwrap(),
            mode: 0o644,
            owner: Owner::ROOT,
            contents: contents.into(),
        };
        plan(Action::PutFile { file, before: None }, cause)
    }

    fn plan(action: Action, cause: &str) -> Plan {
        let step = Step {
            host: "web1".parse().unwrap(),
            phase: 0,
            action,
            cause: cause.into(),
            undo: Vec::new(),
        };
        Plan {
            steps: vec![step],
            notes: Vec::new(),
            drift: Vec::new(),
        }
    }

    #[test]
    fn a_digest_follows_every_byte_and_not_the_cause() {
        let one = plan_digest(&put("a\n", "missing"));
        assert_eq!(one, plan_digest(&put("a\n", "its mode differs")));
        assert_ne!(one, plan_digest(&put("b\n", "missing")));
        let mut undone = put("a\n", "missing");
        undone.steps[0].undo.push(Action::ReloadUnits);
        assert_ne!(one, plan_digest(&undone));
        assert_ne!(one, plan_digest(&Plan::default()));
    }

    #[test]
    fn times_and_places_on_this_machine_do_not_count() {
        let commit = |time| {
            let commit = Commit {
                time,
                ..Commit::default()
            };
            plan_digest(&plan(Action::Commit(Box::new(commit)), "it ends"))
        };
        assert_eq!(commit(1), commit(2));
        let push = |root: &str| {
            let tree = Box::new(SourceTree {
                root: root.into(),
                entries: BTreeMap::new(),
            });
            let to = "/srv/x".parse().unwrap();
            plan_digest(&plan(Action::PushTree { tree, to }, "new"))
        };
        assert_eq!(push("/home/a"), push("/builds/b"));
    }

    #[test]
    fn what_moved_is_told_and_time_is_no_move() {
        let mut then = HostFacts {
            clock: 1,
            uptime: 1,
            memory_available: 5,
            ..HostFacts::default()
        };
        let active = UnitFacts {
            load: "loaded".into(),
            active: "active".into(),
            sub: "running".into(),
            file: "enabled".into(),
            ..UnitFacts::default()
        };
        then.units.insert("nginx.service".into(), active);
        let mut now = then.clone();
        (now.clock, now.uptime, now.memory_available) = (9, 9, 9);
        assert!(moved(&standing(&then), &standing(&now)).is_empty());
        now.units.get_mut("nginx.service").unwrap().active = "failed".into();
        now.packages.insert("nginx".into(), "1.22".into());
        assert_eq!(
            moved(&standing(&then), &standing(&now)),
            [
                "package nginx was absent and is 1.22",
                "unit nginx.service was loaded active enabled and is loaded failed enabled"
            ]
        );
    }
}
