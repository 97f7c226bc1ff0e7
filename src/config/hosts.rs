//! `hosts:`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::Span;
use super::keys::{HOST, Shape};
use super::reader::{At, Fields, Reader, quantity};
use super::tree::{Kind, Node};
use crate::model::{Fingerprint, Host, HostName, PrivateAddress, ServerName, SshTarget};

/// The hosts that could be read, and the names of all that are written.
#[derive(Default)]
pub(super) struct Hosts {
    pub hosts: BTreeMap<HostName, Host>,
    pub names: Vec<HostName>,
    /// Names for several of them.
    pub groups: BTreeMap<HostName, Vec<HostName>>,
    /// Where their private addresses are written, also those that cannot be read.
    pub private: BTreeMap<HostName, Span>,
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Hosts {
    let mut hosts = Hosts::default();
    for entry in reader.named("hosts", node) {
        let name = reader.parse::<HostName>(&entry.key, entry.span);
        let host = host(reader, &entry.key, &entry.value);
        let Some(name) = name else { continue };
        hosts.names.push(name.clone());
        if let Some((ssh, public, private)) = host {
            let host = Host {
                name: name.clone(),
                ssh,
                public,
                private: private.as_ref().and_then(|at| at.value),
            };
            if let Some(at) = private {
                hosts.private.insert(name.clone(), at.span);
            }
            hosts.hosts.insert(name, host);
        }
    }
    if node.entries().is_empty() && matches!(node.kind, Kind::Map(_)) {
        reader
            .report(
                "no-hosts",
                node.span,
                "a stack needs at least one host".into(),
            )
            .hint("for example `web1: ubuntu@203.0.113.10`");
    }
    hosts
}

type Written = (SshTarget, String, Option<At<Option<PrivateAddress>>>);

fn host(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<Written> {
    if let Kind::Scalar(text) = &node.kind {
        let (user, address, port) = destination(reader, text, node.span)?;
        let public = bracketed(&address);
        let ssh = SshTarget {
            address,
            port,
            user,
            identity: None,
            known_hosts: None,
            jump: None,
            host_key: None,
        };
        return Some((ssh, public, None));
    }
    if !matches!(node.kind, Kind::Map(_)) {
        reader
            .wrong(name, node, "`[user@]address[:port]` or a map")
            .hint(format!("for example `{name}: ubuntu@203.0.113.10`"));
        return None;
    }
    let fields = reader.fields(&format!("host `{name}`"), node, &HOST)?;
    let address = fields.text(reader, "address").and_then(|text| {
        let (user, address, port) = destination(reader, text.value, text.span)?;
        for (given, key) in [(user.is_some(), "user"), (port.is_some(), "port")] {
            if given {
                let message = format!("`address` takes the address alone, found `{}`", text.value);
                reader
                    .report("invalid", text.span, message)
                    .hint(format!("write the {key} as `{key}:`"));
                return None;
            }
        }
        Some(address)
    });
    let user = fields
        .text(reader, "user")
        .and_then(|text| user(reader, &text));
    let jump = fields.text(reader, "jump").and_then(|text| {
        let hops = text.value.split(',');
        let good = hops.map(|hop| destination(reader, hop.trim(), text.span));
        good.collect::<Option<Vec<_>>>()
            .map(|_| text.value.replace(' ', ""))
    });
    let public = fields
        .text(reader, "public")
        .and_then(|text| public(reader, &text));
    let private = fields.text(reader, "private").map(|text| At {
        value: reader.parse::<PrivateAddress>(text.value, text.span),
        span: text.span,
    });
    let ssh = SshTarget {
        port: fields.number(reader, "port"),
        user,
        identity: path(reader, &fields, "identity"),
        known_hosts: path(reader, &fields, "known_hosts"),
        jump,
        host_key: fields.parsed::<Fingerprint>(reader, "host_key"),
        address: address?,
    };
    let public = public.unwrap_or_else(|| bracketed(&ssh.address));
    Some((ssh, public, private))
}

fn path(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &str) -> Option<PathBuf> {
    let text = fields.text(reader, key)?;
    reader.path(&text)
}

type Destination = (Option<String>, String, Option<u16>);

/// `[user@]address[:port]`; an IPv6 address stands in brackets when a port follows it.
fn destination(reader: &mut Reader<'_>, text: &str, span: Span) -> Option<Destination> {
    if text.contains("://") {
        reader
            .report(
                "invalid",
                span,
                format!("`{text}` is not `[user@]address[:port]`"),
            )
            .hint("leave the scheme out: `ubuntu@203.0.113.10`");
        return None;
    }
    let (name, rest) = match text.rsplit_once('@') {
        Some((name, rest)) => (Some(user(reader, &At { value: name, span })?), rest),
        None => (None, text),
    };
    let (address, port) = split_port(rest);
    let port = match port {
        Some(value) => Some(port_number(reader, &At { value, span })?),
        None => None,
    };
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    let ip = bare.parse::<std::net::IpAddr>().is_ok();
    let name_like = !address.is_empty()
        && address.len() <= 253
        && !address.starts_with(['-', '.'])
        && address
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !ip && !name_like {
        reader
            .report(
                "invalid",
                span,
                format!("`{text}` is not `[user@]address[:port]`"),
            )
            .hint("an address is an IP address, a DNS name or a `Host` of `~/.ssh/config`");
        return None;
    }
    Some((name, bare.to_owned(), port))
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((address, port)) if !address.contains(':') || address.ends_with(']') => {
            (address, Some(port))
        }
        _ => (text, None),
    }
}

fn port_number(reader: &mut Reader<'_>, text: &At<&str>) -> Option<u16> {
    let number = quantity(reader, "port", text, &Shape::Whole { min: 1, max: 65535 })?;
    u16::try_from(number).ok()
}

fn user(reader: &mut Reader<'_>, text: &At<&str>) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-\\@".contains(&b);
    if !text.value.is_empty()
        && text.value.len() <= 64
        && !text.value.starts_with('-')
        && text.value.bytes().all(plain)
    {
        return Some(text.value.to_owned());
    }
    reader
        .report(
            "invalid",
            text.span,
            format!("`{}` is not a user's name", text.value),
        )
        .hint("use letters, digits and `._-`");
    None
}

/// `host` or `host:port` as a browser takes it.
fn public(reader: &mut Reader<'_>, text: &At<&str>) -> Option<String> {
    let (name, port) = split_port(text.value);
    let name = reader.parse::<ServerName>(name, text.span)?;
    if name.as_str().starts_with("*.") {
        reader
            .report(
                "invalid",
                text.span,
                format!("`{}` is no single host", text.value),
            )
            .hint("write the name that visitors type");
        return None;
    }
    let name = bracketed(name.as_str());
    match port {
        None => Some(name),
        Some(value) => {
            let span = text.span;
            let port = port_number(reader, &At { value, span })?;
            Some(format!("{name}:{port}"))
        }
    }
}

fn bracketed(address: &str) -> String {
    if address.contains(':') && !address.starts_with('[') {
        format!("[{address}]")
    } else {
        address.to_owned()
    }
}
