//! One tree over another, by compose's rules for each key.

use super::scalar::Scalar;
use crate::yaml::error::Problems;
use crate::yaml::tree::{Entry, Kind, Node};

/// How a key's values come together.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// Maps by key, lists one after the other, everything else replaces.
    Plain,
    Replace,
    /// Both become lists of `name=value`; the last of a name counts when they are read.
    Assignments,
    /// A list of names is a map of them.
    Names,
    Dependencies,
    Build,
    Logging,
    AddressPools,
}

/// Lays `over` on `base`, two whole files.
pub(super) fn files(base: Node, over: Node, problems: &mut Problems) -> Node {
    merge(base, over, &mut Vec::new(), problems)
}

/// Lays the service `over` on the one that it extends.
pub(super) fn services(base: Node, over: Node, problems: &mut Problems) -> Node {
    let mut path = vec!["services".to_owned(), String::new()];
    merge(base, over, &mut path, problems)
}

fn rule(path: &[String]) -> Rule {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path[..] {
        ["services", _, "command" | "entrypoint"] | ["services", _, "healthcheck", "test"] => {
            Rule::Replace
        }
        ["networks" | "volumes", _, "labels"]
        | [
            "services",
            _,
            "annotations" | "dns" | "dns_opt" | "dns_search" | "env_file" | "environment"
            | "extra_hosts" | "labels" | "sysctls" | "tmpfs",
        ]
        | [
            "services",
            _,
            "build",
            "args" | "additional_contexts" | "extra_hosts" | "labels",
        ]
        | ["services", _, "deploy", "labels"] => Rule::Assignments,
        ["services", _, "ulimits", _] => Rule::Replace,
        ["services", _, "networks"] => Rule::Names,
        ["services", _, "depends_on"] => Rule::Dependencies,
        ["services", _, "build"] => Rule::Build,
        ["services", _, "logging"] => Rule::Logging,
        ["networks", _, "ipam", "config"] => Rule::AddressPools,
        _ => Rule::Plain,
    }
}

fn merge(base: Node, over: Node, path: &mut Vec<String>, problems: &mut Problems) -> Node {
    let rule = rule(path);
    if rule == Rule::Replace {
        return over;
    }
    if over.kind == Kind::Null {
        return base;
    }
    match rule {
        Rule::Assignments => {
            let (Some(mut items), Some(more)) = (assignments(&base), assignments(&over)) else {
                return over;
            };
            items.extend(more);
            Node {
                kind: Kind::List(items),
                ..over
            }
        }
        Rule::Names => maps(named(base, false), named(over, false), path, problems),
        Rule::Dependencies => maps(named(base, true), named(over, true), path, problems),
        Rule::Build => maps(build(base), build(over), path, problems),
        Rule::Logging if other_driver(&base, &over) => over,
        Rule::AddressPools => pools(base, over, path, problems),
        _ => plain(base, over, path, problems),
    }
}

fn plain(base: Node, over: Node, path: &mut Vec<String>, problems: &mut Problems) -> Node {
    match (&base.kind, &over.kind) {
        (Kind::Map(_), Kind::Map(_)) => maps(base, over, path, problems),
        (Kind::List(items), Kind::List(more)) => {
            let items = items.iter().chain(more).cloned().collect();
            Node {
                kind: Kind::List(items),
                ..over
            }
        }
        (Kind::Map(_) | Kind::List(_), _) => {
            let key = path.last().cloned().unwrap_or_default();
            let (wanted, found) = (base.describe(), over.describe());
            problems
                .report(
                    "merge",
                    over.span,
                    format!("`{key}`: {found} cannot be laid over {wanted}"),
                )
                .hint("write both in the same form")
                .also(base.span, "the other one is here");
            base
        }
        _ => over,
    }
}

fn maps(base: Node, over: Node, path: &mut Vec<String>, problems: &mut Problems) -> Node {
    let (Kind::Map(mut entries), Kind::Map(news)) = (base.kind.clone(), over.kind.clone()) else {
        return over;
    };
    for new in news {
        match entries.iter_mut().find(|entry| entry.key == new.key) {
            Some(entry) if !new.key.starts_with("x-") => {
                path.push(new.key.clone());
                let old = std::mem::replace(&mut entry.value, new.value.clone());
                entry.value = merge(old, new.value, path, problems);
                entry.span = new.span;
                path.pop();
            }
            Some(entry) => *entry = new,
            None => entries.push(new),
        }
    }
    Node {
        kind: Kind::Map(entries),
        ..base
    }
}

/// A list of `name=value`, from a map, a list or one text.
fn assignments(node: &Node) -> Option<Vec<Node>> {
    match &node.kind {
        Kind::Map(entries) => {
            let mut items: Vec<Node> = entries
                .iter()
                .map(|entry| {
                    let value = Scalar::of(&entry.value);
                    let text = match value {
                        Some(value) => format!("{}={}", entry.key, value.written()),
                        None => entry.key.clone(),
                    };
                    Node {
                        kind: Kind::Scalar(text),
                        ..entry.value.clone()
                    }
                })
                .map(|item| Node {
                    plain: false,
                    ..item
                })
                .collect();
            items.sort_by(|a, b| text(a).cmp(text(b)));
            Some(items)
        }
        Kind::List(items) => Some(items.clone()),
        Kind::Scalar(_) => Some(vec![node.clone()]),
        Kind::Null => None,
    }
}

fn text(node: &Node) -> &str {
    match &node.kind {
        Kind::Scalar(text) => text,
        _ => "",
    }
}

/// A map whose keys are the names that a list holds.
fn named(node: Node, dependencies: bool) -> Node {
    let Kind::List(items) = &node.kind else {
        return node;
    };
    let entries = items.iter().map(|item| {
        let leaf = |text: &str| Node {
            kind: Kind::Scalar(text.to_owned()),
            ..item.clone()
        };
        let entry = |key: &str, value: Node| Entry {
            key: key.to_owned(),
            span: item.span,
            value,
        };
        let kind = if dependencies {
            Kind::Map(vec![
                entry("condition", leaf("service_started")),
                entry("required", leaf("true")),
            ])
        } else {
            Kind::Null
        };
        let value = Node {
            kind,
            ..item.clone()
        };
        entry(text(item), value)
    });
    Node {
        kind: Kind::Map(entries.collect()),
        ..node
    }
}

fn build(node: Node) -> Node {
    if !matches!(node.kind, Kind::Scalar(_)) {
        return node;
    }
    let context = Entry {
        key: "context".to_owned(),
        span: node.span,
        value: node.clone(),
    };
    Node {
        kind: Kind::Map(vec![context]),
        ..node
    }
}

/// Options of one driver mean nothing to another.
fn other_driver(base: &Node, over: &Node) -> bool {
    let driver = |node: &Node| {
        node.get("driver")
            .map(|entry| text(&entry.value).to_owned())
    };
    match (driver(base), driver(over)) {
        (Some(base), Some(over)) => base != over,
        _ => false,
    }
}

/// Pools of the same subnet come together.
fn pools(base: Node, over: Node, path: &mut Vec<String>, problems: &mut Problems) -> Node {
    let (Kind::List(pools), Kind::List(more)) = (&base.kind, &over.kind) else {
        return plain(base, over, path, problems);
    };
    let subnet = |pool: &Node| {
        pool.get("subnet")
            .map(|entry| text(&entry.value).to_owned())
    };
    let mut all: Vec<Node> = Vec::new();
    for pool in pools {
        let same = more.iter().find(|other| subnet(other) == subnet(pool));
        all.push(match same {
            Some(same) => maps(pool.clone(), same.clone(), path, problems),
            None => pool.clone(),
        });
    }
    let new = more
        .iter()
        .filter(|pool| !pools.iter().any(|old| subnet(old) == subnet(pool)));
    all.extend(new.cloned());
    Node {
        kind: Kind::List(all),
        ..over
    }
}

/// Whether two trees say the same, wherever they stand.
pub(super) fn same(a: &Node, b: &Node) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Map(a), Kind::Map(b)) => {
            a.len() == b.len()
                && a.iter().all(|entry| {
                    let other = b.iter().find(|other| other.key == entry.key);
                    other.is_some_and(|other| same(&entry.value, &other.value))
                })
        }
        (Kind::List(a), Kind::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (a, b) => a == b,
    }
}
