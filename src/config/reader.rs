//! Typed readers over the tree: what cannot be read is reported, and reading goes on.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use super::Surroundings;
use super::error::{Problem, Problems, Span};
use super::keys::{Key, PLANNED, Shape, Table};
use super::tree::{Entry, Kind, Node};
use crate::compose::Files;
use crate::model::EnvName;
pub(super) use crate::yaml::nearest;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub value: T,
    pub span: Span,
}

/// A value and its name's place.
pub(super) struct Variable {
    pub value: At<String>,
    pub key: Span,
}

pub(super) struct Reader<'a> {
    pub problems: &'a mut Problems,
    pub around: &'a Surroundings,
    /// The files of this machine that are a part of the stack.
    pub files: &'a dyn Files,
}

/// A map whose keys a table lists.
pub(super) struct Fields<'n> {
    table: &'static Table,
    /// Where to point when something is missing.
    pub span: Span,
    entries: Vec<(&'static Key, &'n Entry)>,
    /// Keys of later versions are here.
    pub planned: bool,
}

impl Reader<'_> {
    pub fn report(&mut self, code: &'static str, span: Span, message: String) -> &mut Problem {
        self.problems.report(code, span, message)
    }

    /// "expected …, found …".
    pub fn wrong(&mut self, name: &str, node: &Node, expected: &str) -> &mut Problem {
        let found = node.describe();
        let message = format!("`{name}`: expected {expected}, found {found}");
        self.report("wrong-type", node.span, message)
    }

    /// The map at `node`, with unknown and missing keys reported. A value that is null counts as given only where the
    /// table allows it.
    pub fn fields<'n>(
        &mut self,
        name: &str,
        node: &'n Node,
        table: &'static Table,
    ) -> Option<Fields<'n>> {
        let Kind::Map(entries) = &node.kind else {
            self.wrong(
                name,
                node,
                &format!("a map with the keys of a {}", table.name),
            );
            return None;
        };
        let mut fields = Fields {
            table,
            span: node.span,
            entries: Vec::new(),
            planned: false,
        };
        let mut empty = Vec::new();
        for entry in entries {
            let Some(key) = table.keys.iter().find(|key| key.name == entry.key) else {
                fields.planned |= self.unknown(entry, table);
                continue;
            };
            if entry.value.kind == Kind::Null && !takes_nothing(&key.shape) {
                let expected = key.shape.describe();
                let message = format!("`{}` has no value: expected {expected}", entry.key);
                self.report("no-value", entry.span, message)
                    .hint("give it one or remove the key");
                empty.push(key.name);
            } else {
                fields.entries.push((key, entry));
            }
        }
        for key in table.keys {
            if key.required && !fields.has(key.name) && !empty.contains(&key.name) {
                let message = format!("`{}` is missing in {name}", key.name);
                let hint = format!("expected {}: {}", key.shape.describe(), key.about);
                self.report("missing-key", node.span, message).hint(hint);
            }
        }
        Some(fields)
    }

    /// Reports a key that `table` does not have; true when a later version will have it.
    fn unknown(&mut self, entry: &Entry, table: &Table) -> bool {
        let name = &entry.key;
        if table.name == "stack" && name.starts_with("x-") {
            return false;
        }
        if PLANNED.contains(&name.as_str()) {
            let message = format!("`{name}` is not supported in this version yet");
            self.report("not-yet", entry.span, message)
                .hint("remove it; `stackctl schema` shows what this version takes");
            return true;
        }
        let names = table.keys.iter().map(|key| key.name);
        let elsewhere = table.keys.iter().find(|key| {
            let lower = name.to_ascii_lowercase();
            key.elsewhere.contains(&lower.as_str())
        });
        let hint = match elsewhere
            .map(|key| key.name)
            .or_else(|| nearest(name, names.clone()))
        {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!(
                "a {} has: {}",
                table.name,
                names.collect::<Vec<_>>().join(", ")
            ),
        };
        let message = format!("unknown key `{name}`");
        self.report("unknown-key", entry.span, message).hint(hint);
        false
    }

    /// A map whose keys the user chose.
    pub fn named<'n>(&mut self, name: &str, node: &'n Node) -> &'n [Entry] {
        if !matches!(node.kind, Kind::Map(_)) {
            self.wrong(name, node, "a map");
        }
        node.entries()
    }

    pub fn scalar<'n>(
        &mut self,
        name: &str,
        node: &'n Node,
        expected: &str,
    ) -> Option<At<&'n str>> {
        match &node.kind {
            Kind::Scalar(text) => Some(At {
                value: text,
                span: node.span,
            }),
            _ => {
                self.wrong(name, node, expected);
                None
            }
        }
    }

    /// A scalar through the model's own check.
    pub fn parse<T: FromStr<Err: Display>>(&mut self, text: &str, span: Span) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let error: T::Err = error;
                self.report("invalid", span, error.to_string());
                None
            }
        }
    }

    /// A list of scalars; `hint` says how to write one.
    pub fn list(&mut self, name: &str, node: &Node, expected: &str) -> Option<Vec<At<String>>> {
        let Kind::List(items) = &node.kind else {
            let problem = self.wrong(name, node, expected);
            if let Kind::Scalar(text) = &node.kind {
                problem.hint(format!("write it as a list: `{name}: {}`", as_list(text)));
            }
            return None;
        };
        let mut list = Vec::new();
        for item in items {
            let item = self.scalar(name, item, "text as each element")?;
            list.push(At {
                value: item.value.to_owned(),
                span: item.span,
            });
        }
        Some(list)
    }

    /// A list whose elements the model checks; one element twice is an error.
    pub fn names<T: FromStr<Err: Display> + Clone + PartialEq>(
        &mut self,
        name: &str,
        node: &Node,
    ) -> Vec<At<T>> {
        let mut names: Vec<At<T>> = Vec::new();
        for item in self.list(name, node, "a list of names").unwrap_or_default() {
            let Some(value) = self.parse::<T>(&item.value, item.span) else {
                continue;
            };
            if let Some(first) = names.iter().find(|seen| seen.value == value) {
                let first = first.span;
                let message = format!("`{}` stands twice in `{name}`", item.value);
                self.report("duplicate", item.span, message)
                    .also(first, "the first one is here");
            } else {
                let span = item.span;
                names.push(At { value, span });
            }
        }
        names
    }

    /// Name → scalar as written, for environments, build arguments and placeholders.
    pub fn variables(&mut self, name: &str, node: &Node) -> BTreeMap<EnvName, Variable> {
        let mut variables = BTreeMap::new();
        for entry in self.named(name, node) {
            let key = self.parse::<EnvName>(&entry.key, entry.span);
            if entry.value.kind == Kind::Null {
                self.report(
                    "no-value",
                    entry.span,
                    format!("`{}` has no value", entry.key),
                )
                .hint("write \"\" for an empty one");
                continue;
            }
            let Some(text) = self.scalar(&entry.key, &entry.value, "text, a number or a boolean")
            else {
                continue;
            };
            if self.no_control(&text, &['\t']) {
                let value = text.value.to_owned();
                let variable = Variable {
                    value: At {
                        value,
                        span: text.span,
                    },
                    key: entry.span,
                };
                variables.extend(key.map(|key| (key, variable)));
            }
        }
        variables
    }

    /// Reports what systemd, Docker or nginx could not be told.
    pub fn no_control(&mut self, text: &At<&str>, allowed: &[char]) -> bool {
        let bad = text
            .value
            .chars()
            .find(|c| (c.is_control() || super::tree::is_refused(*c)) && !allowed.contains(c));
        let Some(bad) = bad else { return true };
        let message = format!("the value holds the control character U+{:04X}", bad as u32);
        let problem = self.report("control-character", text.span, message);
        if bad == '\n' {
            problem.hint(
                "it must be one line: `>-` folds several into one and drops the last line break",
            );
        }
        false
    }

    /// A path on this machine: relative to the yaml's folder, `~/` is the home folder.
    pub fn path(&mut self, text: &At<&str>) -> Option<PathBuf> {
        if text.value.is_empty() || !self.no_control(text, &[]) {
            if text.value.is_empty() {
                self.report("invalid", text.span, "the path is empty".into())
                    .hint("write `.` for the folder of this file");
            }
            return None;
        }
        let path = match text.value.strip_prefix('~') {
            None => self.around.base.join(text.value),
            Some(rest) if rest.is_empty() || rest.starts_with('/') => match &self.around.home {
                Some(home) => home.join(rest.trim_start_matches('/')),
                None => {
                    self.report(
                        "invalid",
                        text.span,
                        "`~` has no meaning here: no home folder is known".into(),
                    )
                    .hint("set HOME or write the path in full");
                    return None;
                }
            },
            Some(_) => {
                let message = format!(
                    "`{}`: another user's home folder is not looked up",
                    text.value
                );
                self.report("invalid", text.span, message)
                    .hint("write the path in full, or `./~…` for a file of that name");
                return None;
            }
        };
        Some(plain(&path))
    }

    /// A path below `what`, kept relative.
    pub fn path_below(&mut self, text: &At<&str>, what: &str) -> Option<PathBuf> {
        let path = Path::new(text.value);
        let outside = path
            .components()
            .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
        let below = plain(path);
        if !self.no_control(text, &[]) {
            None
        } else if outside {
            let message = format!("`{}` leads out of {what}", text.value);
            self.report("path-outside", text.span, message)
                .hint(format!("write a path relative to {what}, without `..`"));
            None
        } else if below.as_os_str().is_empty() {
            let message = format!("`{}` names no file or folder below {what}", text.value);
            self.report("invalid", text.span, message)
                .hint(format!("write a path relative to {what}"));
            None
        } else {
            Some(below)
        }
    }
}

impl<'n> Fields<'n> {
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.name == name)
    }

    pub fn keys(&self) -> impl Iterator<Item = (&'static Key, Span)> + '_ {
        self.entries.iter().map(|(key, entry)| (*key, entry.span))
    }

    pub fn key_span(&self, name: &str) -> Span {
        let entry = self.entries.iter().find(|(key, _)| key.name == name);
        entry.map_or(self.span, |(_, entry)| entry.span)
    }

    fn key(&self, name: &str) -> &'static Key {
        let key = self.table.keys.iter().find(|key| key.name == name);
        key.unwrap_or_else(|| unreachable!("no key `{name}` in the table of a {}", self.table.name))
    }

    pub fn node(&self, name: &str) -> Option<&'n Node> {
        let key = self.key(name).name;
        let entry = self.entries.iter().find(|(have, _)| have.name == key);
        entry.map(|(_, entry)| &entry.value)
    }

    /// Text as written, or the table's default.
    pub fn text(&self, reader: &mut Reader<'_>, name: &str) -> Option<At<&'n str>> {
        let key = self.key(name);
        match self.node(name) {
            Some(node) => reader.scalar(name, node, &key.shape.describe()),
            None => key.default.map(|value| At {
                value,
                span: self.span,
            }),
        }
    }

    /// `on` or `off`.
    pub fn switch(&self, reader: &mut Reader<'_>, name: &str) -> Option<bool> {
        let text = self.text(reader, name)?;
        match text.value {
            "on" => return Some(true),
            "off" => return Some(false),
            _ => {}
        }
        let message = format!("`{name}`: expected `on` or `off`, found `{}`", text.value);
        let problem = reader.report("wrong-type", text.span, message);
        match text.value {
            "true" | "yes" => drop(problem.hint("write `on`")),
            "false" | "no" => drop(problem.hint("write `off`")),
            _ => {}
        }
        None
    }

    pub fn parsed<T: FromStr<Err: Display>>(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
    ) -> Option<T> {
        let text = self.text(reader, name)?;
        reader.parse(text.value, text.span)
    }

    /// A number in the unit of the key's shape (one, milliseconds or MiB) and within its limits.
    pub fn number<N: TryFrom<u64>>(&self, reader: &mut Reader<'_>, name: &str) -> Option<N> {
        let text = self.text(reader, name)?;
        let number = quantity(reader, name, &text, &self.key(name).shape)?;
        N::try_from(number).ok()
    }

    pub fn names<T: FromStr<Err: Display> + Clone + PartialEq>(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
    ) -> Option<Vec<At<T>>> {
        self.node(name).map(|node| reader.names(name, node))
    }
}

fn takes_nothing(shape: &Shape) -> bool {
    match shape {
        Shape::Nothing => true,
        Shape::Any(shapes) => shapes.iter().any(takes_nothing),
        _ => false,
    }
}

/// `text` as a number of what `shape` counts.
pub(super) fn quantity(
    reader: &mut Reader<'_>,
    name: &str,
    text: &At<&str>,
    shape: &Shape,
) -> Option<u64> {
    let (min, max, units): (u64, u64, &[(&str, u64)]) = match shape {
        Shape::Time { min, max } => (
            *min,
            *max,
            &[
                ("ms", 1),
                ("s", 1000),
                ("m", 60_000),
                ("min", 60_000),
                ("h", 3_600_000),
            ],
        ),
        Shape::Size { min, max } => (
            *min,
            *max,
            &[
                ("m", 1),
                ("mb", 1),
                ("mi", 1),
                ("mib", 1),
                ("g", 1024),
                ("gb", 1024),
                ("gi", 1024),
                ("gib", 1024),
            ],
        ),
        Shape::Whole { min, max } => (*min, *max, &[("", 1)]),
        _ => (1, 65535, &[("", 1)]),
    };
    let written = text.value.trim();
    let digits = &written[..written.len()
        - written
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .len()];
    let unit = written[digits.len()..].trim_start().to_ascii_lowercase();
    let expected = shape.describe();
    let message = format!("`{name}`: expected {expected}, found `{}`", text.value);
    if digits.len() > 1 && digits.starts_with('0') {
        reader
            .report("wrong-type", text.span, message)
            .hint("remove the leading zero: some yaml readers take such a number as octal");
        return None;
    }
    let factor = units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor);
    let Some((number, factor)) = digits.parse::<u64>().ok().zip(factor) else {
        let problem = reader.report("wrong-type", text.span, message);
        match shape {
            Shape::Time { .. } if unit.is_empty() && !digits.is_empty() => {
                problem.hint(format!("add the unit: `{digits}s`"));
            }
            Shape::Size { .. } if unit.is_empty() && !digits.is_empty() => {
                problem.hint(format!("add the unit: `{digits}M`"));
            }
            _ => {}
        }
        return None;
    };
    let number = number
        .checked_mul(factor)
        .filter(|n| (min..=max).contains(n));
    if number.is_none() {
        let span = text.span;
        let hint = match shape {
            Shape::Time { .. } => format!("from {} to {}", spell_time(min), spell_time(max)),
            Shape::Size { .. } => format!("from {min}M to {max}M"),
            _ => format!("from {min} to {max}"),
        };
        reader
            .report(
                "out-of-range",
                span,
                format!("`{name}`: `{}` is out of range", text.value),
            )
            .hint(hint);
    }
    number
}

fn spell_time(milliseconds: u64) -> String {
    if milliseconds.is_multiple_of(1000) {
        format!("{}s", milliseconds / 1000)
    } else {
        format!("{milliseconds}ms")
    }
}

/// Without `.` components; `..` stays, since a link may stand before it.
fn plain(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| !matches!(part, Component::CurDir))
        .collect()
}

/// How a command that was written as one text would look as a list.
fn as_list(text: &str) -> String {
    if text.contains(['"', '\'', '\\', '$', '|', '&', ';', '<', '>', '*']) {
        return "[sh, -c, \"…\"]".to_owned();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("[{}]", words.join(", "))
}
