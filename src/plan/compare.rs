//! What differs between two releases of a service.

use std::collections::BTreeMap;

use super::record::Record;
use super::text::diff;

/// A difference, with the unified diff where the texts are known.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// `env GREETING`, `file main.py`, `memory`, …
    pub what: String,
    /// `added`, `removed` or `changed`.
    pub how: &'static str,
    pub diff: Option<String>,
}

/// Everything in which release `b` is not `a`. Names and paths that only hold the release's own id are no difference.
pub fn compare(a: &Record, b: &Record) -> Vec<Difference> {
    let mut differences = files(&a.sources, &b.sources);
    let (own, others) = (settings(a), settings(b));
    // A compose file has passwords among its variables, and in commands.
    let of_file = |record: &Record| {
        record
            .spec
            .as_ref()
            .is_some_and(|spec| spec.options.is_some())
    };
    let is_composed = of_file(a) || of_file(b);
    let is_private = |key: &str| {
        is_composed
            && (key.starts_with("env ") || ["command", "entrypoint", "options"].contains(&key))
    };
    let mut keys: Vec<&String> = own.keys().chain(others.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let (before, after) = (own.get(key), others.get(key));
        if before != after {
            let line = |value: Option<&String>| {
                value.map(|value| format!("{value}\n")).unwrap_or_default()
            };
            differences.push(Difference {
                what: key.clone(),
                how: how(before.is_some(), after.is_some()),
                diff: (!is_private(key)).then(|| diff(&line(before), &line(after))),
            });
        }
    }
    let secrets = files(&a.secrets.values, &b.secrets.values).into_iter();
    differences.extend(secrets.map(|one| Difference {
        what: one.what.replacen("file ", "secret ", 1),
        ..one
    }));
    let text = |record: &Record| -> BTreeMap<String, String> {
        let id = record.id.as_str();
        let files = record.files.iter();
        files
            .map(|file| {
                (
                    file.path.as_str().replace(id, "ID"),
                    file.text.replace(id, "ID"),
                )
            })
            .collect()
    };
    let (own, others) = (text(a), text(b));
    for (path, before) in &own {
        let after = others.get(path);
        if after != Some(before) {
            let after = after.cloned();
            differences.push(Difference {
                what: path.clone(),
                how: how(true, after.is_some()),
                diff: Some(diff(before, &after.unwrap_or_default())),
            });
        }
    }
    for (path, after) in others.iter().filter(|(path, _)| !own.contains_key(*path)) {
        let diff = Some(diff("", after));
        differences.push(Difference {
            what: path.clone(),
            how: "added",
            diff,
        });
    }
    differences
}

/// Differences between the files that two releases are made of, by path and digest.
pub fn files(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<Difference> {
    let mut paths: Vec<&String> = a.keys().chain(b.keys()).collect();
    paths.sort();
    paths.dedup();
    let changed = paths
        .into_iter()
        .filter(|path| a.get(*path) != b.get(*path));
    changed
        .map(|path| Difference {
            what: format!("file {path}"),
            how: how(a.contains_key(path), b.contains_key(path)),
            diff: None,
        })
        .collect()
}

fn how(before: bool, after: bool) -> &'static str {
    match (before, after) {
        (false, _) => "added",
        (true, false) => "removed",
        (true, true) => "changed",
    }
}

/// A container's definition as flat texts.
fn settings(record: &Record) -> BTreeMap<String, String> {
    let Some(spec) = &record.spec else {
        return BTreeMap::new();
    };
    let json = serde_json::to_value(spec).expect("a spec is plain data");
    let mut settings = BTreeMap::new();
    for (key, value) in json.as_object().into_iter().flatten() {
        if key == "env" {
            for (name, value) in value.as_object().into_iter().flatten() {
                settings.insert(
                    format!("env {name}"),
                    value.as_str().unwrap_or_default().to_owned(),
                );
            }
        } else {
            settings.insert(
                key.clone(),
                value.to_string().replace(record.id.as_str(), "ID"),
            );
        }
    }
    settings
}
