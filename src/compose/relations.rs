//! What services say of each other and of networks, volumes, secrets and configs.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Project;
use super::read::Mention;
use super::service::Read;
use crate::yaml::error::Problems;
use crate::yaml::nearest;

/// Reports what is named and not there, and services that wait for each other in a circle.
pub(super) fn check(
    project: &Project,
    services: &BTreeMap<String, Read>,
    enabled: &BTreeSet<String>,
    problems: &mut Problems,
) {
    for name in enabled {
        let read = &services[name];
        let kinds = [
            (
                "network",
                "networks",
                &read.networks,
                keys(&project.networks),
            ),
            ("volume", "volumes", &read.volumes, keys(&project.volumes)),
            ("secret", "secrets", &read.secrets, keys(&project.secrets)),
            ("config", "configs", &read.configs, keys(&project.configs)),
        ];
        for (kind, section, mentions, known) in kinds {
            for mention in mentions
                .iter()
                .filter(|m| !known.contains(&m.name.as_str()))
            {
                let declare = format!(
                    "declare it under the top-level `{section}`: `{}:`",
                    mention.name
                );
                unknown(problems, name, kind, mention, &known, &declare);
            }
        }
        let known: Vec<&str> = services.keys().map(String::as_str).collect();
        for mention in &read.services {
            if !services.contains_key(&mention.name) {
                let write = format!("the services are: {}", known.join(", "));
                unknown(problems, name, "service", mention, &known, &write);
            } else if !enabled.contains(&mention.name) && required(read, &mention.name) {
                let message = format!(
                    "`{name}` needs the service `{}`, which no active profile has",
                    mention.name
                );
                problems
                    .report("profile", mention.span, message)
                    .hint("give both the same profile, or write `required: false`");
            }
        }
    }
    let mut done = BTreeSet::new();
    for name in enabled {
        circle(services, name, &mut Vec::new(), &mut done, problems);
    }
    names(services, enabled, problems);
}

fn keys<T>(map: &BTreeMap<String, T>) -> Vec<&str> {
    map.keys().map(String::as_str).collect()
}

fn required(read: &Read, name: &str) -> bool {
    let dependency = read.service.depends_on.get(name);
    dependency.is_none_or(|dependency| dependency.required)
}

fn unknown(
    problems: &mut Problems,
    service: &str,
    kind: &str,
    mention: &Mention,
    known: &[&str],
    otherwise: &str,
) {
    let hint = match nearest(&mention.name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => otherwise.to_owned(),
    };
    let message = format!(
        "`{service}` names the {kind} `{}`, which is not there",
        mention.name
    );
    problems
        .report("unknown-name", mention.span, message)
        .hint(hint);
}

/// Walks from `name` to what it waits for, and reports a way that comes back.
fn circle<'r>(
    services: &'r BTreeMap<String, Read>,
    name: &'r str,
    way: &mut Vec<&'r str>,
    done: &mut BTreeSet<&'r str>,
    problems: &mut Problems,
) {
    let Some(read) = services.get(name) else {
        return;
    };
    if done.contains(name) {
        return;
    }
    way.push(name);
    for mention in &read.services {
        if let Some(at) = way.iter().position(|seen| *seen == mention.name) {
            let names = way[at..].join(" → ");
            let message = format!("services wait for each other: {names} → {}", mention.name);
            problems
                .report("cycle", mention.span, message)
                .hint("remove one `depends_on` of these");
        } else {
            circle(services, &mention.name, way, done, problems);
        }
    }
    way.pop();
    done.insert(name);
}

/// One container name for two services.
fn names(services: &BTreeMap<String, Read>, enabled: &BTreeSet<String>, problems: &mut Problems) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for name in enabled {
        let container = services[name].service.container_name.as_str();
        if container.is_empty() {
            continue;
        }
        if let Some(first) = seen.insert(container, name) {
            let message = format!("`{name}` and `{first}` have the same `container_name`");
            problems
                .report("conflict", services[name].span, message)
                .also(services[first].span, "the other one is here")
                .hint("remove it from one of them");
        }
    }
}

/// Leaves out what no service takes, as compose does.
pub(super) fn drop_unused(project: &mut Project) {
    let services = project.services.values();
    let mut used: [BTreeSet<String>; 4] = Default::default();
    for service in services {
        used[0].extend(service.networks.keys().cloned());
        used[1].extend(service.volumes.iter().map(|mount| mount.source.clone()));
        let build = service.build.iter().flat_map(|build| &build.secrets);
        used[2].extend(
            service
                .secrets
                .iter()
                .chain(build)
                .map(|file| file.source.clone()),
        );
        used[3].extend(service.configs.iter().map(|file| file.source.clone()));
    }
    project.networks.retain(|name, _| used[0].contains(name));
    project.volumes.retain(|name, _| used[1].contains(name));
    project.secrets.retain(|name, _| used[2].contains(name));
    project.configs.retain(|name, _| used[3].contains(name));
}
