//! Typed readers over the merged tree: what cannot be read is reported with its place, and reading goes on.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::Value;

use super::keys::Keys;
use super::model::{Bytes, Environment, Mapping, Time};
use super::quantity;
use super::scalar::Scalar;
use super::sources::{Source, clean};
use crate::yaml::error::{Problem, Problems, Span};
use crate::yaml::nearest;
use crate::yaml::tree::{Entry, Kind, Node};

pub(super) struct Reader<'a> {
    pub sources: &'a [Source],
    pub home: Option<&'a Path>,
    pub problems: &'a mut Problems,
    /// What works but may not be meant.
    pub notes: Vec<(Span, String)>,
}

/// Something that another part of the files has to have.
#[derive(Debug, Clone)]
pub(super) struct Mention {
    pub name: String,
    pub span: Span,
}

impl<'a> Reader<'a> {
    pub fn report(&mut self, code: &'static str, span: Span, message: String) -> &mut Problem {
        self.problems.report(code, span, message)
    }

    pub fn wrong(&mut self, entry: &Entry, expected: &str) -> &mut Problem {
        let found = entry.value.describe();
        let message = format!("`{}`: expected {expected}, found {found}", entry.key);
        self.report("wrong-type", entry.value.span, message)
    }

    /// The entries of the map at `entry` that are to be read: unknown keys are reported, and those without a value.
    pub fn fields<'n>(&mut self, entry: &'n Entry, keys: &Keys) -> Vec<&'n Entry> {
        let Kind::Map(entries) = &entry.value.kind else {
            let expected = format!("a map with the keys of {}", keys.one());
            self.wrong(entry, &expected);
            return Vec::new();
        };
        let mut fields = Vec::new();
        for field in entries {
            let name = field.key.as_str();
            if name.starts_with("x-") {
                continue;
            }
            if !keys.known.contains(&name) {
                self.unknown(field, keys);
            } else if field.value.kind == Kind::Null && !keys.may_be_null.contains(&name) {
                let message = format!("`{name}` has no value");
                self.report("no-value", field.span, message)
                    .hint("give it one or remove the key");
            } else {
                fields.push(field);
            }
        }
        fields
    }

    fn unknown(&mut self, entry: &Entry, keys: &Keys) {
        let name = entry.key.as_str();
        if let Some((_, instead)) = keys.refused.iter().find(|(key, _)| *key == name) {
            let message = format!("`{name}` of {} is not supported", keys.one());
            self.report("not-supported", entry.span, message)
                .hint(*instead);
            return;
        }
        let known = keys.known.iter().copied();
        let hint = match nearest(name, known.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!(
                "{} has: {}; what begins with `x-` is passed over",
                keys.one(),
                known.collect::<Vec<_>>().join(", ")
            ),
        };
        let message = format!("unknown key `{name}`");
        self.report("unknown-key", entry.span, message).hint(hint);
    }

    /// Text as written; numbers and booleans are text too.
    pub fn text(&mut self, entry: &Entry) -> String {
        match &entry.value.kind {
            Kind::Scalar(text) => text.clone(),
            _ => {
                self.wrong(entry, "text");
                String::new()
            }
        }
    }

    /// One of `words`, or what is empty.
    pub fn word(&mut self, entry: &Entry, words: &[&str]) -> String {
        let text = self.text(entry);
        if text.is_empty() || words.contains(&text.as_str()) {
            return text;
        }
        let problem = self.wrong(entry, &format!("one of {}", words.join(", ")));
        if let Some(meant) = nearest(&text, words.iter().copied()) {
            problem.hint(format!("did you mean `{meant}`?"));
        }
        String::new()
    }

    pub fn flag(&mut self, entry: &Entry) -> bool {
        let text = match &entry.value.kind {
            Kind::Scalar(text) => text.to_ascii_lowercase(),
            _ => String::new(),
        };
        match text.as_str() {
            "true" | "yes" | "on" | "y" => true,
            "false" | "no" | "off" | "n" => false,
            _ => {
                self.wrong(entry, "true or false");
                false
            }
        }
    }

    pub fn number<N: FromStr<Err: Display> + Default>(&mut self, entry: &Entry) -> N {
        let scalar = Scalar::of(&entry.value).map(|scalar| scalar.written());
        let number = scalar.and_then(|text| text.trim().parse().ok());
        number.unwrap_or_else(|| {
            self.wrong(entry, "a number");
            N::default()
        })
    }

    /// `64m`, `1.5g`, `100`: in steps of 1024.
    pub fn bytes(&mut self, entry: &Entry) -> Bytes {
        let text = Scalar::of(&entry.value).map(|scalar| scalar.written());
        text.and_then(|text| quantity::bytes(&text))
            .unwrap_or_else(|| {
                self.wrong(entry, "a size")
                    .hint("a number and a unit: `512m`, `1.5g`, or bytes without one");
                Bytes::default()
            })
    }

    /// `1m30s`, `500ms`.
    pub fn time(&mut self, entry: &Entry) -> Time {
        let text = match &entry.value.kind {
            Kind::Scalar(text) => text.as_str(),
            _ => "",
        };
        quantity::time(text).unwrap_or_else(|| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let hint = if digits {
                format!("add the unit: `{text}s`")
            } else {
                "numbers with units: `30s`, `1m30s`, `500ms`".to_owned()
            };
            self.wrong(entry, "a duration").hint(hint);
            Time::default()
        })
    }

    /// The items of a list, as entries under the list's key; one text alone where `alone` allows it.
    pub fn items(&mut self, entry: &Entry, alone: bool) -> Vec<Entry> {
        let item = |value: &Node| Entry {
            key: entry.key.clone(),
            span: value.span,
            value: value.clone(),
        };
        match &entry.value.kind {
            Kind::List(items) => items.iter().map(item).collect(),
            Kind::Scalar(_) if alone => vec![item(&entry.value)],
            _ => {
                self.wrong(entry, if alone { "text or a list" } else { "a list" })
                    .hint("write each item on a line of its own, after `- `");
                Vec::new()
            }
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, entry: &Entry) -> Vec<String> {
        let items = self.items(entry, false);
        items.iter().map(|item| self.plain_text(item)).collect()
    }

    /// A text alone or a list of them.
    pub fn text_or_texts(&mut self, entry: &Entry) -> Vec<String> {
        let items = self.items(entry, true);
        items.iter().map(|item| self.plain_text(item)).collect()
    }

    /// A list in which each text counts once, the last one at the place of the first. What stands before `=` names it.
    pub fn distinct(&mut self, entry: &Entry) -> Vec<String> {
        let texts = self.text_or_texts(entry);
        let name = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
        distinct(texts, |text| name(text))
    }

    fn plain_text(&mut self, item: &Entry) -> String {
        match Scalar::of(&item.value) {
            Some(scalar) => scalar.written(),
            None => {
                self.wrong(item, "text as each item");
                String::new()
            }
        }
    }

    /// Name → text, from a map or a list of `name=text`; nothing is the empty text.
    pub fn mapping(&mut self, entry: &Entry) -> Mapping {
        let variables = self.environment(entry).into_iter();
        variables
            .map(|(name, value)| (name, value.unwrap_or_default()))
            .collect()
    }

    /// Name → text or nothing, from a map or a list of `name=text` and `name`.
    pub fn environment(&mut self, entry: &Entry) -> Environment {
        let mut variables = Environment::new();
        match &entry.value.kind {
            Kind::Map(entries) => {
                for variable in entries {
                    let value = match &variable.value.kind {
                        Kind::Null => None,
                        _ => Some(self.plain_text(variable)),
                    };
                    variables.insert(variable.key.clone(), value);
                }
            }
            Kind::List(_) => {
                for item in self.texts(entry) {
                    match item.split_once('=') {
                        Some((name, value)) => {
                            variables.insert(name.to_owned(), Some(value.to_owned()))
                        }
                        None => variables.insert(item, None),
                    };
                }
            }
            _ => {
                self.wrong(entry, "a map or a list of `NAME=value`");
            }
        }
        variables
    }

    /// As [`Reader::environment`], with names alone filled in from the variables of their file.
    pub fn resolved(&mut self, entry: &Entry) -> Environment {
        let mut variables = self.environment(entry);
        let outer = &self.sources[entry.value.span.file].context.variables;
        for (name, value) in &mut variables {
            if value.is_none() {
                *value = outer.get(name).cloned();
            }
        }
        variables
    }

    /// `name=address` of each, sorted.
    pub fn hosts(&mut self, entry: &Entry) -> Vec<String> {
        let mut hosts = Vec::new();
        if let Kind::Map(entries) = &entry.value.kind {
            for host in entries {
                let addresses = self.text_or_texts(host);
                hosts.extend(
                    addresses
                        .iter()
                        .map(|address| (host.key.clone(), address.clone())),
                );
            }
        } else {
            let items = self.items(entry, false);
            for item in &items {
                let text = self.plain_text(item);
                match text.split_once('=').or_else(|| text.split_once(':')) {
                    Some((name, address)) => hosts.push((name.to_owned(), address.to_owned())),
                    None => {
                        self.wrong(item, "a name with its address")
                            .hint("write `name:address` or `name=address`");
                    }
                }
            }
        }
        let bare = |text: &str| match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            Some(inner) => inner.to_owned(),
            None => text.to_owned(),
        };
        let mut hosts: Vec<String> = hosts
            .iter()
            .map(|(name, address)| format!("{name}={}", bare(address)))
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// A path of this machine, absolute: relative ones begin at the folder that holds for their file.
    pub fn path(&mut self, text: &str, span: Span) -> String {
        if is_of_windows(text) {
            let message = format!("`{text}` is a path of Windows");
            self.report("invalid", span, message)
                .hint("write a path of this machine, best a relative one");
            return String::new();
        }
        let (base, below) = match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => match self.home {
                Some(home) => (home.to_owned(), rest.trim_start_matches('/')),
                None => {
                    let message = "`~` has no meaning here: no home folder is known".to_owned();
                    self.report("invalid", span, message)
                        .hint("set HOME or write the path in full");
                    return String::new();
                }
            },
            _ if text.starts_with('/') => return text.to_owned(),
            _ => (self.sources[span.file].context.base.clone(), text),
        };
        shown(&clean(&base.join(below)))
    }

    /// Any value, for what is passed on without being read.
    pub fn any(node: &Node) -> Value {
        match &node.kind {
            Kind::Null => Value::Null,
            Kind::Scalar(_) => Scalar::of(node).map_or(Value::Null, |scalar| scalar.to_json()),
            Kind::List(items) => items.iter().map(Self::any).collect(),
            Kind::Map(entries) => {
                let entries = entries.iter();
                let map = entries.map(|entry| (entry.key.clone(), Self::any(&entry.value)));
                Value::Object(map.collect())
            }
        }
    }
}

/// `items` with each name once, the last one at the place of the first.
pub(super) fn distinct<T>(items: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
    let mut places = BTreeMap::new();
    let mut kept: Vec<T> = Vec::new();
    for item in items {
        match places.get(&name(&item)) {
            Some(at) => kept[*at] = item,
            None => {
                places.insert(name(&item), kept.len());
                kept.push(item);
            }
        }
    }
    kept
}

/// `C:\folder`, or a pipe or share.
pub(super) fn is_of_windows(text: &str) -> bool {
    let drive = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .get(1..3)
            .is_some_and(|rest| matches!(rest, ":\\" | ":/"));
    drive || text.starts_with('\\')
}

pub(super) fn shown(path: &Path) -> String {
    PathBuf::from(path).display().to_string()
}
