//! `groups:`, names for several hosts.

use super::hosts::Hosts;
use super::keys::Shape;
use super::reader::{At, Reader, nearest};
use super::tree::{Kind, Node};
use crate::model::HostName;

/// What `groups` says, beside the hosts' own entries.
pub(super) const GROUP: Shape = Shape::List(&Shape::Text {
    what: "a host's name",
    pattern: None,
});

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, hosts: &mut Hosts) {
    for entry in reader.named("groups", node) {
        let Some(name) = reader.parse::<HostName>(&entry.key, entry.span) else {
            continue;
        };
        if hosts.names.contains(&name) {
            let message = format!("`{name}` is a host and a group");
            reader
                .report("same-name", entry.span, message)
                .hint("`on` could mean either: give the group another name");
            continue;
        }
        let members: Vec<At<HostName>> = reader.names(&entry.key, &entry.value);
        let is_list = matches!(entry.value.kind, Kind::List(_));
        if is_list && members.is_empty() {
            let message = format!("group `{name}` has no hosts");
            reader
                .report("empty-group", entry.span, message)
                .hint("name at least one, or remove the group");
        }
        for member in &members {
            unknown(reader, member, node, hosts);
        }
        let members = members.into_iter().map(|member| member.value);
        hosts.groups.insert(name, members.collect());
    }
}

fn unknown(reader: &mut Reader<'_>, member: &At<HostName>, groups: &Node, hosts: &Hosts) {
    if hosts.names.contains(&member.value) {
        return;
    }
    let mut groups = groups.entries().iter();
    if groups.any(|entry| entry.key == member.value.as_str()) {
        let message = format!("`{}` is a group itself", member.value);
        reader
            .report("unknown-host", member.span, message)
            .hint("a group names hosts");
        return;
    }
    let names = hosts.names.iter().map(HostName::as_str);
    let hint = match nearest(member.value.as_str(), names.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the hosts are: {}", names.collect::<Vec<_>>().join(", ")),
    };
    let message = format!("there is no host `{}`", member.value);
    reader
        .report("unknown-host", member.span, message)
        .hint(hint);
}
