//! `hooks:`.

use std::collections::BTreeMap;

use super::error::Span;
use super::keys::{HOOK, HOOKS};
use super::reader::{At, Fields, Reader};
use super::relations::Relations;
use super::tree::{Kind, Node};
use crate::model::{Hook, HookHosts, HookWork, HostName, Moment};

/// What each moment runs, in order.
pub(super) fn read(
    reader: &mut Reader<'_>,
    node: &Node,
    relations: &Relations<'_>,
) -> BTreeMap<Moment, Vec<Hook>> {
    let mut hooks = BTreeMap::new();
    let Some(fields) = reader.fields("`hooks`", node, &HOOKS) else {
        return hooks;
    };
    for moment in Moment::ALL {
        let Some(node) = fields.node(moment.name()) else {
            continue;
        };
        let entries = match &node.kind {
            Kind::List(items) => items.iter().collect(),
            // One entry needs no list.
            _ => vec![node],
        };
        let read = entries
            .into_iter()
            .filter_map(|entry| hook(reader, moment.name(), entry, relations));
        hooks.insert(moment, read.collect());
    }
    hooks
}

fn hook(
    reader: &mut Reader<'_>,
    name: &str,
    node: &Node,
    relations: &Relations<'_>,
) -> Option<Hook> {
    if let Kind::Map(_) = &node.kind {
        let fields = reader.fields(&format!("`{name}`"), node, &HOOK)?;
        return entry(reader, name, &fields, relations);
    }
    let run = match &node.kind {
        Kind::List(_) => argv(reader, name, node)?,
        _ => vec![program(reader, name, node)?],
    };
    let empty = Node {
        span: node.span,
        kind: Kind::Map(Vec::new()),
        end: node.end,
        plain: false,
    };
    let timeout = reader.fields(name, &empty, &HOOK)?;
    Some(Hook {
        work: HookWork::Here(run),
        timeout: seconds(reader, &timeout)?,
    })
}

fn entry(
    reader: &mut Reader<'_>,
    name: &str,
    fields: &Fields<'_>,
    relations: &Relations<'_>,
) -> Option<Hook> {
    let timeout = seconds(reader, fields);
    let hosts = place(reader, name, fields, relations)?;
    let work = match (fields.node("run"), fields.node("script")) {
        (Some(_), Some(_)) | (None, None) => {
            let message = format!("an entry of `{name}` has either `run` or `script`");
            reader
                .report("hook", fields.span, message)
                .hint("`run` is a program on this machine, `script` a file that is run on hosts");
            return None;
        }
        (Some(node), None) => {
            if hosts.is_some() {
                let message = "what runs on a host is a `script`, not `run`".to_owned();
                reader
                    .report("hook", fields.key_span("run"), message)
                    .hint("write the command into a file of the project: `script: hooks/x.sh`");
                return None;
            }
            if fields.has("args") {
                reader
                    .report(
                        "hook",
                        fields.key_span("args"),
                        "`args` is for `script`".into(),
                    )
                    .hint("`run` is the whole command: `run: [program, argument]`");
            }
            HookWork::Here(argv(reader, "run", node)?)
        }
        (None, Some(_)) => {
            let text = fields.text(reader, "script")?;
            let script = reader.path(&text)?;
            let args = match fields.node("args") {
                Some(node) => words(reader, "args", node)?,
                None => Vec::new(),
            };
            let Some(hosts) = hosts else {
                reader
                    .report(
                        "hook",
                        fields.key_span("script"),
                        "`script` needs `on`: the hosts that run it".into(),
                    )
                    .hint("`on: all`, or a host's name; a program on this machine is `run`");
                return None;
            };
            HookWork::OnHosts {
                script,
                args,
                hosts,
            }
        }
    };
    Some(Hook {
        work,
        timeout: timeout?,
    })
}

/// `None` is this machine. Outer `None`: it could not be read.
#[expect(clippy::option_option, reason = "unread and unsaid are two things")]
fn place(
    reader: &mut Reader<'_>,
    name: &str,
    fields: &Fields<'_>,
    relations: &Relations<'_>,
) -> Option<Option<HookHosts>> {
    let names = match fields.node("on") {
        None => return Some(None),
        Some(node) => match &node.kind {
            Kind::Scalar(text) if text == "local" => return Some(None),
            Kind::Scalar(text) if text == "all" => return Some(Some(HookHosts::All)),
            Kind::Scalar(_) => {
                let text = fields.text(reader, "on")?;
                let value = reader.parse::<HostName>(text.value, text.span)?;
                let span = text.span;
                vec![At { value, span }]
            }
            _ => reader.names("on", node),
        },
    };
    let span = fields.key_span("on");
    let hosts = relations.hosts_of(reader, &format!("an entry of `{name}`"), span, Some(&names));
    Some(Some(HookHosts::Named(hosts)))
}

fn seconds(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<u32> {
    let milliseconds: u32 = fields.number(reader, "timeout")?;
    Some(milliseconds.div_ceil(1000))
}

/// A program that stands alone. No shell reads it, so blanks in it are a command that was meant to be a list.
fn program(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<String> {
    let text = reader.scalar(name, node, "a program, a list of its words, or a map")?;
    if !is_one_word(reader, name, &text) {
        return None;
    }
    Some(text.value.to_owned())
}

fn is_one_word(reader: &mut Reader<'_>, name: &str, text: &At<&str>) -> bool {
    if text.value.is_empty() {
        reader.report(
            "invalid",
            text.span,
            format!("an entry of `{name}` is empty"),
        );
        return false;
    }
    let has_blanks = text.value.contains(char::is_whitespace);
    if has_blanks || text.value.starts_with('-') {
        let words: Vec<&str> = text.value.split_whitespace().collect();
        let message = format!("`{}` is no program's name", text.value);
        let hint = if has_blanks {
            format!(
                "no shell reads it; write a list for each command: `{name}: [[{}]]`",
                words.join(", ")
            )
        } else {
            format!(
                "each element of `{name}` is an entry of its own; a program with arguments is a list in the list: `[[program, {}]]`",
                text.value
            )
        };
        reader.report("hook", text.span, message).hint(hint);
        return false;
    }
    true
}

fn argv(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<Vec<String>> {
    let words = words(reader, name, node)?;
    if words.first().is_none_or(String::is_empty) {
        report_empty(reader, name, node.span);
        return None;
    }
    Some(words)
}

fn report_empty(reader: &mut Reader<'_>, name: &str, span: Span) {
    reader
        .report("hook", span, format!("`{name}` names no program"))
        .hint("write `[program, argument]`");
}

fn words(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<Vec<String>> {
    let list = reader.list(name, node, "a list of words")?;
    let mut words = Vec::new();
    for word in list {
        let text = At {
            value: word.value.as_str(),
            span: word.span,
        };
        if !reader.no_control(&text, &['\t', '\n']) {
            return None;
        }
        words.push(word.value);
    }
    Some(words)
}
