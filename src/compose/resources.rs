//! Networks, volumes, secrets and configs of a project.

use super::keys::{self, Keys};
use super::model::{AddressPool, FileObject, Ipam, Network, Volume};
use super::read::Reader;
use crate::yaml::tree::{Entry, Kind};

/// Whether it is made by others, and the name that it then has (an old form).
struct External {
    external: bool,
    name: Option<String>,
}

pub(super) fn network(reader: &mut Reader<'_>, entry: &Entry, project: &str) -> Network {
    let mut network = Network::default();
    for field in fields(reader, entry, &keys::NETWORK) {
        match field.key.as_str() {
            "name" => network.name = reader.text(field),
            "driver" => network.driver = reader.text(field),
            "driver_opts" => network.driver_opts = reader.mapping(field),
            "ipam" => network.ipam = ipam(reader, field),
            "internal" => network.internal = reader.flag(field),
            "attachable" => network.attachable = reader.flag(field),
            "labels" => network.labels = reader.mapping(field),
            "enable_ipv6" => network.enable_ipv6 = reader.flag(field),
            _ => {}
        }
    }
    let external = external(reader, entry);
    network.external = external.external;
    network.name = named(&network.name, external, entry, project);
    network
}

pub(super) fn volume(reader: &mut Reader<'_>, entry: &Entry, project: &str) -> Volume {
    let mut volume = Volume::default();
    for field in fields(reader, entry, &keys::VOLUME) {
        match field.key.as_str() {
            "name" => volume.name = reader.text(field),
            "driver" => volume.driver = reader.text(field),
            "driver_opts" => volume.driver_opts = reader.mapping(field),
            "labels" => volume.labels = reader.mapping(field),
            _ => {}
        }
    }
    let binds = volume.driver == "local"
        && volume
            .driver_opts
            .get("o")
            .is_some_and(|options| options == "bind");
    if let Some(device) = volume.driver_opts.get("device").filter(|_| binds).cloned() {
        let path = reader.path(&device, entry.value.span);
        volume.driver_opts.insert("device".to_owned(), path);
    }
    let external = external(reader, entry);
    volume.external = external.external;
    volume.name = named(&volume.name, external, entry, project);
    volume
}

pub(super) fn secret(reader: &mut Reader<'_>, entry: &Entry, project: &str) -> FileObject {
    object(
        reader,
        entry,
        project,
        &keys::SECRET,
        &["file", "environment"],
    )
}

pub(super) fn config(reader: &mut Reader<'_>, entry: &Entry, project: &str) -> FileObject {
    let sources = ["file", "environment", "content"];
    object(reader, entry, project, &keys::CONFIG, &sources)
}

fn object(
    reader: &mut Reader<'_>,
    entry: &Entry,
    project: &str,
    keys: &Keys,
    sources: &[&str],
) -> FileObject {
    let mut object = FileObject::default();
    for field in fields(reader, entry, keys) {
        match field.key.as_str() {
            "name" => object.name = reader.text(field),
            "file" => {
                let text = reader.text(field);
                object.file = reader.path(&text, field.value.span);
            }
            "environment" => object.environment = reader.text(field),
            "content" => object.content = reader.text(field),
            "labels" => object.labels = reader.mapping(field),
            _ => {}
        }
    }
    let external = external(reader, entry);
    object.external = external.external;
    object.name = named(&object.name, external, entry, project);
    let given: Vec<&&str> = sources
        .iter()
        .filter(|key| entry.value.get(key).is_some())
        .collect();
    let wrong = match given.len() {
        0 if !object.external => Some("missing-key"),
        0 | 1 => None,
        _ => Some("conflict"),
    };
    if let Some(code) = wrong {
        let message = format!("`{}` needs one of {}", entry.key, sources.join(", "));
        reader
            .report(code, entry.span, message)
            .hint("or `external: true`, if it is there already");
    }
    object
}

/// As [`Reader::fields`]; a resource without anything is one with every default.
fn fields<'n>(reader: &mut Reader<'_>, entry: &'n Entry, keys: &Keys) -> Vec<&'n Entry> {
    match entry.value.kind {
        Kind::Null => Vec::new(),
        _ => reader.fields(entry, keys),
    }
}

fn external(reader: &mut Reader<'_>, entry: &Entry) -> External {
    let mut external = External {
        external: false,
        name: None,
    };
    let Some(field) = entry.value.get("external") else {
        return external;
    };
    match &field.value.kind {
        Kind::Null => {}
        Kind::Map(_) => {
            external.external = true;
            for part in reader.fields(field, &keys::EXTERNAL) {
                external.name = Some(reader.text(part));
            }
        }
        _ => external.external = reader.flag(field),
    }
    let others = entry.value.entries().iter();
    let other = others.filter(|_| external.external).find(|other| {
        !matches!(other.key.as_str(), "external" | "name") && !other.key.starts_with("x-")
    });
    if let Some(other) = other {
        let message = format!(
            "`{}` is external: `{}` cannot be set here",
            entry.key, other.key
        );
        reader
            .report("conflict", other.span, message)
            .hint(format!("remove `{}`, or `external`", other.key));
    }
    external
}

fn named(name: &str, external: External, entry: &Entry, project: &str) -> String {
    if !name.is_empty() {
        return name.to_owned();
    }
    match external.name {
        Some(name) => name,
        None if external.external => entry.key.clone(),
        None => format!("{project}_{}", entry.key),
    }
}

fn ipam(reader: &mut Reader<'_>, entry: &Entry) -> Ipam {
    let mut ipam = Ipam::default();
    for field in reader.fields(entry, &keys::IPAM) {
        match field.key.as_str() {
            "driver" => ipam.driver = reader.text(field),
            _ => {
                let items = reader.items(field, false);
                ipam.config = items.iter().map(|item| pool(reader, item)).collect();
            }
        }
    }
    ipam
}

fn pool(reader: &mut Reader<'_>, entry: &Entry) -> AddressPool {
    let mut pool = AddressPool::default();
    for field in reader.fields(entry, &keys::POOL) {
        match field.key.as_str() {
            "subnet" => pool.subnet = reader.text(field),
            "gateway" => pool.gateway = reader.text(field),
            "ip_range" => pool.ip_range = reader.text(field),
            _ => pool.aux_addresses = reader.mapping(field),
        }
    }
    pool
}
