//! Yaml text → a tree in which each key and value knows its place. Nothing here knows what the keys mean.
//!
//! Built from the parser's events rather than through serde, which stops at the first error and hides keys' places.

use std::collections::BTreeMap;

use serde_yaml::granit_parser::{
    Event, Options, Parser, ScalarStyle, ScanError, Span as Range, StructureStyle, Tag,
};

use super::error::{Problems, Span};

/// The largest text we read. A `stackctl.yaml` of fifty services has about 30 KiB.
pub const TEXT_LIMIT: usize = 1024 * 1024;
const DEPTH_LIMIT: usize = 32;
const NODE_LIMIT: usize = 20_000;
const ALIAS_LIMIT: usize = 256;

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where to point: a scalar's text, or the key before a collection or before nothing.
    pub span: Span,
    pub kind: Kind,
    /// The byte after its last character.
    pub end: usize,
    /// A scalar without quotes: where types matter, `1.50` is a number and `"1.50"` is text.
    pub plain: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Nothing at all, `~` or `null`.
    Null,
    /// As written, quotes and escapes resolved; numbers and booleans are not told from text here.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    pub span: Span,
    pub value: Node,
}

impl Node {
    /// What is written, for messages.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".into(),
            Kind::Scalar(text) if text.chars().count() > 60 => {
                format!("`{}…`", text.chars().take(60).collect::<String>())
            }
            Kind::Scalar(text) => format!("`{text}`"),
            Kind::List(_) => "a list".into(),
            Kind::Map(_) => "a map".into(),
        }
    }

    /// The entry of `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    fn depth(&self) -> usize {
        match &self.kind {
            Kind::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Kind::Map(entries) => 1 + entries.iter().map(|e| e.value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    fn size(&self) -> usize {
        match &self.kind {
            Kind::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Kind::Map(entries) => 1 + entries.iter().map(|e| 1 + e.value.size()).sum::<usize>(),
            _ => 1,
        }
    }
}

/// Lays `over` on `base`: maps merge by key, everything else replaces.
pub fn overlay(base: Node, over: Node) -> Node {
    let (Kind::Map(mut entries), Kind::Map(news)) = (base.kind, over.kind.clone()) else {
        return over;
    };
    for new in news {
        match entries.iter_mut().find(|entry| entry.key == new.key) {
            Some(entry) => {
                let both_maps = matches!(
                    (&entry.value.kind, &new.value.kind),
                    (Kind::Map(_), Kind::Map(_))
                );
                if both_maps {
                    let old = std::mem::replace(&mut entry.value, new.value.clone());
                    entry.value = overlay(old, new.value);
                } else {
                    *entry = new;
                }
            }
            None => entries.push(new),
        }
    }
    Node {
        span: base.span,
        kind: Kind::Map(entries),
        end: base.end,
        plain: false,
    }
}

/// The tree of `text`, or nothing when its syntax is broken (then `problems` says why). `file` goes into the spans, and
/// `when_empty` says what to do about a text without any value.
pub fn build(
    file: usize,
    text: &str,
    when_empty: &'static str,
    problems: &mut Problems,
) -> Option<Node> {
    let whole = Span::new(file, 0, 0);
    if text.len() > TEXT_LIMIT {
        problems
            .report(
                "too-large",
                whole,
                format!("the file has {} bytes", text.len()),
            )
            .hint("the limit is 1 MiB");
        return None;
    }
    if let Some((at, bad)) = text.char_indices().find(|(_, c)| is_refused(*c)) {
        problems
            .report(
                "control-character",
                Span::new(file, at, at + bad.len_utf8()),
                format!("the text holds the control character U+{:04X}", bad as u32),
            )
            .hint("remove it; inside double quotes, yaml writes it as an escape such as `\\t`");
        return None;
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.emit_unresolved_aliases = true;
    options.flow_nesting_limit = DEPTH_LIMIT;
    options.block_nesting_limit = DEPTH_LIMIT;
    let mut builder = Builder {
        file,
        text,
        problems,
        anchors: BTreeMap::new(),
        nodes: 0,
        aliases: 0,
        open: Vec::new(),
        root: None,
    };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, range) = match event {
            Ok(pair) => pair,
            Err(error) => {
                builder.syntax(&error);
                return None;
            }
        };
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                let span = builder.span(&range);
                let message = "a second document begins here".to_owned();
                builder
                    .problems
                    .report("several-documents", span, message)
                    .hint("keep one document per file; remove this `---` and what follows");
                break;
            }
        } else if builder.event(event, &range).is_none() {
            return None;
        }
    }
    let root = builder.root.take();
    if root.is_none() {
        problems
            .report("empty", whole, "the file is empty".to_owned())
            .hint(when_empty);
    }
    root
}

/// Characters that yaml forbids, or that would let a text look other than it is.
pub fn is_refused(c: char) -> bool {
    let plain = matches!(c, '\n' | '\r' | '\t');
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && !plain && c != '\u{85}') || turns
}

struct Builder<'a> {
    file: usize,
    text: &'a str,
    problems: &'a mut Problems,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    aliases: usize,
    open: Vec<Open>,
    root: Option<Node>,
}

/// A collection whose end is still to come.
struct Open {
    span: Span,
    anchor: usize,
    flow: bool,
    holds: Holds,
}

enum Holds {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        merged: Vec<Entry>,
        key: Option<Key>,
    },
}

struct Key {
    text: String,
    span: Span,
    role: Role,
}

#[derive(PartialEq)]
enum Role {
    Plain,
    Merge,
    /// Reported already; its value is read and dropped.
    Wrong,
}

impl Builder<'_> {
    fn span(&self, range: &Range) -> Span {
        let bytes = range.byte_range().unwrap_or(0..0);
        Span::new(self.file, bytes.start, bytes.end)
    }

    /// Nothing when a limit was met: then reading ends.
    fn event(&mut self, event: Event<'_>, range: &Range) -> Option<()> {
        let mut span = self.span(range);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.tag(tag.as_deref(), span);
                let plain = style == ScalarStyle::Plain;
                let null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                    // The whole block would be underlined; its first line is enough.
                    let written =
                        &self.text[span.start.min(self.text.len())..span.end.min(self.text.len())];
                    span.end = span.start
                        + written
                            .trim_end()
                            .find('\n')
                            .unwrap_or(written.trim_end().len());
                }
                let kind = if null {
                    Kind::Null
                } else {
                    Kind::Scalar(text.clone().into_owned())
                };
                let merge = plain && text == "<<";
                self.place(
                    Node {
                        span,
                        kind,
                        end: span.end,
                        plain,
                    },
                    anchor,
                    merge,
                )
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), span);
                let holds = Holds::List(Vec::new());
                self.open(span, anchor, style, holds)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), span);
                let holds = Holds::Map {
                    entries: Vec::new(),
                    merged: Vec::new(),
                    key: None,
                };
                self.open(span, anchor, style, holds)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let node = close(open, span.end);
                self.place(node.1, node.0, false)
            }
            Event::Alias(id) => {
                self.aliases += 1;
                let Some(node) = self.anchors.get(&id) else {
                    self.problems.report(
                        "alias-inside-itself",
                        span,
                        "this alias stands inside what it names".into(),
                    );
                    return self.place(
                        Node {
                            span,
                            kind: Kind::Null,
                            end: span.end,
                            plain: false,
                        },
                        0,
                        false,
                    );
                };
                let node = Node {
                    end: span.end,
                    ..node.clone()
                };
                self.nodes += node.size();
                let depth = self.open.len() + node.depth();
                if self.aliases > ALIAS_LIMIT || depth > DEPTH_LIMIT {
                    self.problems
                        .report(
                            "too-large",
                            span,
                            "too many aliases, or aliases nested too deeply".into(),
                        )
                        .hint(format!(
                            "the limits are {ALIAS_LIMIT} aliases and {DEPTH_LIMIT} levels"
                        ));
                    return None;
                }
                self.place(node, 0, false)
            }
            Event::UnresolvedAlias(name) => {
                let problem = self.problems.report(
                    "unknown-alias",
                    span,
                    format!("no anchor `&{name}` stands before this"),
                );
                problem.hint(format!(
                    "if it is meant as text, put it in quotes: \"*{name}\""
                ));
                self.place(
                    Node {
                        span,
                        kind: Kind::Scalar(format!("*{name}")),
                        end: span.end,
                        plain: false,
                    },
                    0,
                    false,
                )
            }
            _ => Some(()),
        }
    }

    fn open(
        &mut self,
        span: Span,
        anchor: usize,
        style: StructureStyle,
        holds: Holds,
    ) -> Option<()> {
        let flow = style == StructureStyle::Flow;
        self.open.push(Open {
            span,
            anchor,
            flow,
            holds,
        });
        Some(())
    }

    fn tag(&mut self, tag: Option<&Tag>, span: Span) {
        let Some(tag) = tag else { return };
        let known = ["str", "int", "float", "bool", "null", "map", "seq"];
        let core = tag
            .core_suffix()
            .is_some_and(|suffix| known.contains(&suffix));
        // What some programs write before `<<`.
        if !core && tag.original() != "!!merge" {
            self.problems
                .report(
                    "tag",
                    span,
                    format!("the tag `{}` is not supported", tag.original()),
                )
                .hint("write the plain value, in quotes if it begins with `!`");
        }
    }

    /// Puts a finished node into the collection that is open, as key, value or item.
    fn place(&mut self, mut node: Node, anchor: usize, merge: bool) -> Option<()> {
        self.nodes += 1;
        if self.nodes > NODE_LIMIT {
            self.problems
                .report(
                    "too-large",
                    node.span,
                    "the file holds too many values".into(),
                )
                .hint(format!(
                    "the limit is {NODE_LIMIT}, with each alias counted as what it stands for"
                ));
            return None;
        }
        match self.open.last_mut().map(|open| &mut open.holds) {
            None => {
                self.remember(anchor, &node);
                self.root = Some(node);
            }
            Some(Holds::List(items)) => {
                if let Some(first) = node.entries().first() {
                    node.span = first.span;
                }
                items.push(node.clone());
                self.remember(anchor, &node);
            }
            Some(Holds::Map {
                key: slot @ None, ..
            }) => {
                let (text, role) = match &node.kind {
                    Kind::Scalar(_) if merge => (String::new(), Role::Merge),
                    Kind::Scalar(text) => (text.clone(), Role::Plain),
                    _ => (String::new(), Role::Wrong),
                };
                let wrong = role == Role::Wrong;
                *slot = Some(Key {
                    text,
                    span: node.span,
                    role,
                });
                if wrong {
                    let found = node.describe();
                    self.problems
                        .report(
                            "key",
                            node.span,
                            format!("a key must be text, found {found}"),
                        )
                        .hint(
                            "if this is a template such as `{{ host.public }}`, put it in quotes",
                        );
                }
                self.remember(anchor, &node);
            }
            Some(Holds::Map {
                entries,
                merged,
                key,
            }) => {
                let Some(key) = key.take() else {
                    return Some(());
                };
                if !matches!(node.kind, Kind::Scalar(_)) {
                    node.span = key.span;
                    node.end = node.end.max(key.span.end);
                }
                match key.role {
                    Role::Wrong => {}
                    Role::Merge => {
                        let found = node.describe();
                        if !merge_into(merged, &node) {
                            let message =
                                format!("`<<` takes a map or a list of maps, found {found}");
                            self.problems.report("merge", key.span, message);
                        }
                    }
                    Role::Plain => {
                        let first = entries.iter().find(|entry| entry.key == key.text);
                        if let Some(first) = first {
                            self.problems
                                .report(
                                    "duplicate-key",
                                    key.span,
                                    format!("`{}` is written twice", key.text),
                                )
                                .also(first.span, "the first one is here");
                        } else {
                            let value = node.clone();
                            entries.push(Entry {
                                key: key.text,
                                span: key.span,
                                value,
                            });
                        }
                    }
                }
                self.remember(anchor, &node);
            }
        }
        Some(())
    }

    fn remember(&mut self, anchor: usize, node: &Node) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
    }

    fn syntax(&mut self, error: &ScanError) {
        let text = self.text;
        let mut at = error.marker().byte_offset().unwrap_or(text.len());
        at = at.min(text.trim_end().len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let length = text[at..]
            .chars()
            .next()
            .filter(|c| *c != '\n')
            .map_or(0, char::len_utf8);
        let info = error.info();
        // The parser points at the value that a tab ends; the tab itself is what to look at.
        let mut lines = text[line_start..]
            .split_inclusive('\n')
            .scan(line_start, |start, line| {
                let here = *start;
                *start += line.len();
                Some((here, &line[..line.len() - line.trim_start().len()]))
            });
        let tab = lines.find_map(|(start, indent)| Some(start + indent.find('\t')?));
        let (span, message, hint) = if let Some(start) = tab.filter(|_| info.contains("tab")) {
            let message = "a tab where yaml wants spaces".to_owned();
            (
                Span::new(self.file, start, start + 1),
                message,
                "indent with two spaces",
            )
        } else {
            let hint = match line.trim_start() {
                l if l.contains(": @") || l.contains(": `") || l.contains(": %") => {
                    "a value that begins with `@`, `%` or a backtick needs quotes"
                }
                l if l.matches(": ").count() > 1 => "a value that holds `: ` needs quotes",
                l if l.contains('"') || l.contains('\'') => "look for a quote that is not closed",
                l if l.contains('[') || l.contains('{') => "look for a bracket that is not closed",
                _ => "check this line's indentation and the line above; a key ends with `: `",
            };
            let message = format!("this is not valid yaml: {info}");
            (Span::new(self.file, at, at + length), message, hint)
        };
        self.problems.report("syntax", span, message).hint(hint);
    }
}

fn close(open: Open, end: usize) -> (usize, Node) {
    let (kind, inner_end) = match open.holds {
        Holds::List(items) => {
            let last = items.last().map(|item| item.end);
            (Kind::List(items), last)
        }
        Holds::Map {
            mut entries,
            merged,
            ..
        } => {
            let last = entries
                .last()
                .map(|entry| entry.value.end.max(entry.span.end));
            for entry in merged {
                if !entries.iter().any(|own| own.key == entry.key) {
                    entries.push(entry);
                }
            }
            (Kind::Map(entries), last)
        }
    };
    let end = if open.flow {
        end
    } else {
        inner_end.unwrap_or(open.span.end)
    };
    let node = Node {
        span: open.span,
        kind,
        end,
        plain: false,
    };
    (open.anchor, node)
}

/// Adds what `<<: source` brings; of two sources, the earlier wins. False when `source` is no map.
fn merge_into(merged: &mut Vec<Entry>, source: &Node) -> bool {
    match &source.kind {
        Kind::Map(entries) => {
            for entry in entries {
                if !merged.iter().any(|seen| seen.key == entry.key) {
                    merged.push(entry.clone());
                }
            }
            true
        }
        Kind::List(maps) => maps
            .iter()
            .all(|map| matches!(map.kind, Kind::Map(_)) && merge_into(merged, map)),
        _ => false,
    }
}
