//! What a service opens and sees: ports, volumes, secrets and configs, each in short and long form.

use super::keys;
use super::model::{BindOptions, FileMount, Mount, MountKind, Port, TmpfsOptions, VolumeOptions};
use super::read::{Mention, Reader, distinct, is_of_windows};
use crate::yaml::tree::{Entry, Kind};

const PROPAGATIONS: [&str; 6] = [
    "private", "rprivate", "shared", "rshared", "slave", "rslave",
];

pub(super) fn ports(reader: &mut Reader<'_>, entry: &Entry) -> Vec<Port> {
    let mut ports = Vec::new();
    for item in reader.items(entry, false) {
        if matches!(item.value.kind, Kind::Map(_)) {
            ports.extend(long_port(reader, &item));
        } else {
            let text = reader.text(&item);
            match short_ports(&text) {
                Ok(more) => ports.extend(more),
                Err(why) => {
                    reader
                        .report("invalid", item.span, format!("`ports`: `{text}`: {why}"))
                        .hint("write `HOST:CONTAINER`, `ADDRESS:HOST:CONTAINER` or `CONTAINER`, with `/udp` after it where it is not TCP");
                }
            }
        }
    }
    distinct(ports, |port| {
        let address = if port.host_ip.is_empty() {
            "0.0.0.0"
        } else {
            &port.host_ip
        };
        format!(
            "{address}:{}:{}/{}",
            port.published, port.target, port.protocol
        )
    })
}

fn long_port(reader: &mut Reader<'_>, item: &Entry) -> Option<Port> {
    let mut port = Port {
        mode: "ingress".to_owned(),
        protocol: "tcp".to_owned(),
        ..Port::default()
    };
    for field in reader.fields(item, &keys::PORT) {
        match field.key.as_str() {
            "target" => port.target = reader.number(field),
            "published" => port.published = reader.text(field),
            "host_ip" => port.host_ip = reader.text(field),
            "protocol" => port.protocol = reader.text(field),
            "mode" => port.mode = reader.word(field, &["ingress", "host"]),
            "name" => port.name = reader.text(field),
            _ => port.app_protocol = reader.text(field),
        }
    }
    if item.value.get("target").is_none() {
        let message = "`target` is missing in a port".to_owned();
        reader
            .report("missing-key", item.span, message)
            .hint("it is the port inside the container");
        return None;
    }
    Some(port)
}

/// `127.0.0.1:8000-8001:80-81/tcp` and all shorter forms.
fn short_ports(text: &str) -> Result<Vec<Port>, String> {
    let (rest, protocol) = match text.split_once('/') {
        Some((rest, protocol)) => (rest, protocol.to_ascii_lowercase()),
        None => (text, "tcp".to_owned()),
    };
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("`{protocol}` is no protocol of ports"));
    }
    let (rest, container) = rest.rsplit_once(':').unwrap_or(("", rest));
    let (address, host) = rest.rsplit_once(':').unwrap_or(("", rest));
    let address = address.trim_start_matches('[').trim_end_matches(']');
    if !address.is_empty() && address.parse::<std::net::IpAddr>().is_err() {
        return Err(format!("`{address}` is no address"));
    }
    let (first, last) = range(container)?;
    let hosts = match host {
        "" => None,
        host => Some(range(host)?),
    };
    let count = last - first;
    if let Some((low, high)) = hosts
        && high - low != count
        && count != 0
    {
        return Err("the two ranges have not the same length".to_owned());
    }
    let mut ports: Vec<Port> = (0..=count)
        .map(|at| Port {
            mode: "ingress".to_owned(),
            host_ip: address.to_owned(),
            target: first + at,
            published: match hosts {
                None => String::new(),
                Some((low, high)) if count == 0 && low != high => format!("{low}-{high}"),
                Some((low, _)) => (low + at).to_string(),
            },
            protocol: protocol.clone(),
            ..Port::default()
        })
        .collect();
    ports.sort_by_key(|port| port.target.to_string());
    Ok(ports)
}

fn range(text: &str) -> Result<(u16, u16), String> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    match (low.parse::<u16>(), high.parse::<u16>()) {
        (Ok(low), Ok(high)) if low <= high => Ok((low, high)),
        _ => Err(format!("`{text}` is no port from 0 to 65535")),
    }
}

/// The mounts, and the named volumes that they take.
pub(super) fn volumes(reader: &mut Reader<'_>, entry: &Entry) -> (Vec<Mount>, Vec<Mention>) {
    let mut mounts = Vec::new();
    let mut mentions = Vec::new();
    for item in reader.items(entry, false) {
        let mount = if matches!(item.value.kind, Kind::Map(_)) {
            long_mount(reader, &item)
        } else {
            short_mount(reader, &item)
        };
        let Some(mount) = mount else { continue };
        if mount.kind == MountKind::Volume && !mount.source.is_empty() {
            mentions.push(Mention {
                name: mount.source.clone(),
                span: item.span,
            });
        }
        mounts.push(mount);
    }
    (distinct(mounts, |mount| mount.target.clone()), mentions)
}

/// `source:target:options`, `source:target` or `target`.
fn short_mount(reader: &mut Reader<'_>, item: &Entry) -> Option<Mount> {
    let text = reader.text(item);
    let wrong = |reader: &mut Reader<'_>, why: &str| {
        reader
            .report("invalid", item.span, format!("`volumes`: `{text}`: {why}"))
            .hint("write `SOURCE:TARGET`, with `:ro` after it where it is only read");
        None
    };
    if is_of_windows(&text) {
        return wrong(reader, "this is a path of Windows");
    }
    let parts: Vec<&str> = text.split(':').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return wrong(reader, "a part is empty");
    }
    let (source, target, options) = match parts[..] {
        [target] => ("", target, ""),
        [source, target] => (source, target, ""),
        [source, target, options] => (source, target, options),
        _ => return wrong(reader, "it has too many parts"),
    };
    let mut mount = Mount {
        target: cleaned(target),
        ..Mount::default()
    };
    let mut bind = BindOptions::default();
    let mut volume = VolumeOptions::default();
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => mount.read_only = true,
            "rw" => mount.read_only = false,
            "nocopy" => volume.nocopy = true,
            "z" | "Z" => bind.selinux = option.to_owned(),
            // They had a meaning on macOS, long ago.
            "cached" | "delegated" | "consistent" => {
                let message = format!("`{option}` has no meaning any more and is not read");
                reader.notes.push((item.span, message));
            }
            _ if PROPAGATIONS.contains(&option) => bind.propagation = option.to_owned(),
            _ => return wrong(reader, &format!("`{option}` is no option of a volume")),
        }
    }
    let given = bind != BindOptions::default();
    if source.starts_with(['.', '/', '~']) {
        mount.kind = MountKind::Bind;
        mount.source = reader.path(source, item.span);
        bind.create_host_path = true;
        mount.bind = Some(bind);
        mount.volume = volume.nocopy.then_some(volume);
    } else {
        mount.source = source.to_owned();
        mount.bind = given.then_some(bind);
        mount.volume = Some(volume);
    }
    Some(mount)
}

fn long_mount(reader: &mut Reader<'_>, item: &Entry) -> Option<Mount> {
    let mut mount = Mount::default();
    let mut source = None;
    for field in reader.fields(item, &keys::MOUNT) {
        match field.key.as_str() {
            "type" => {
                mount.kind = match reader.word(field, &["volume", "bind", "tmpfs"]).as_str() {
                    "bind" => MountKind::Bind,
                    "tmpfs" => MountKind::Tmpfs,
                    _ => MountKind::Volume,
                }
            }
            "source" => source = Some((reader.text(field), field.value.span)),
            "target" => mount.target = cleaned(&reader.text(field)),
            "read_only" => mount.read_only = reader.flag(field),
            "consistency" => {
                mount.consistency = reader.text(field);
                let message = "`consistency` has no meaning any more and is not read";
                reader.notes.push((field.span, message.to_owned()));
            }
            "bind" => mount.bind = Some(bind(reader, field)),
            "volume" => mount.volume = Some(volume(reader, field)),
            _ => mount.tmpfs = Some(tmpfs(reader, field)),
        }
    }
    for (key, needed) in [
        ("type", true),
        ("target", true),
        ("source", mount.kind == MountKind::Bind),
    ] {
        if needed && item.value.get(key).is_none() {
            let message = format!("`{key}` is missing in a volume of a service");
            reader
                .report("missing-key", item.span, message)
                .hint("write `{type: bind, source: PATH, target: PATH}` or `{type: volume, source: NAME, target: PATH}`");
            return None;
        }
    }
    if let Some((text, span)) = source {
        mount.source = match mount.kind {
            MountKind::Bind => reader.path(&text, span),
            _ => text,
        };
    }
    Some(mount)
}

fn bind(reader: &mut Reader<'_>, entry: &Entry) -> BindOptions {
    let mut bind = BindOptions::default();
    for field in reader.fields(entry, &keys::BIND) {
        match field.key.as_str() {
            "create_host_path" => bind.create_host_path = reader.flag(field),
            "propagation" => bind.propagation = reader.word(field, &PROPAGATIONS),
            _ => bind.selinux = reader.word(field, &["z", "Z"]),
        }
    }
    bind
}

fn volume(reader: &mut Reader<'_>, entry: &Entry) -> VolumeOptions {
    let mut volume = VolumeOptions::default();
    for field in reader.fields(entry, &keys::VOLUME_OPTIONS) {
        match field.key.as_str() {
            "nocopy" => volume.nocopy = reader.flag(field),
            _ => volume.subpath = reader.text(field),
        }
    }
    volume
}

fn tmpfs(reader: &mut Reader<'_>, entry: &Entry) -> TmpfsOptions {
    let mut tmpfs = TmpfsOptions::default();
    for field in reader.fields(entry, &keys::TMPFS) {
        match field.key.as_str() {
            "size" => tmpfs.size = reader.bytes(field),
            _ => tmpfs.mode = reader.number(field),
        }
    }
    tmpfs
}

/// Secrets (`folder` is where they are seen unless said) or configs (`folder` is empty), and those that they name.
pub(super) fn files(
    reader: &mut Reader<'_>,
    entry: &Entry,
    folder: Option<&str>,
) -> (Vec<FileMount>, Vec<Mention>) {
    let mut mounts = Vec::new();
    let mut mentions = Vec::new();
    for item in reader.items(entry, false) {
        let mut mount = FileMount::default();
        if matches!(item.value.kind, Kind::Map(_)) {
            for field in reader.fields(&item, &keys::FILE_MOUNT) {
                match field.key.as_str() {
                    "source" => mount.source = reader.text(field),
                    "target" => mount.target = reader.text(field),
                    "uid" => mount.uid = reader.text(field),
                    "gid" => mount.gid = reader.text(field),
                    _ => mount.mode = Some(reader.number(field)),
                }
            }
        } else {
            mount.source = reader.text(&item);
        }
        if mount.source.is_empty() {
            let message = format!("`source` is missing in `{}`", entry.key);
            reader
                .report("missing-key", item.span, message)
                .hint(format!("name one of the top-level `{}`", entry.key));
            continue;
        }
        if let Some(folder) = folder.filter(|_| mount.target.is_empty()) {
            mount.target = format!("{folder}{}", mount.source);
        }
        mentions.push(Mention {
            name: mount.source.clone(),
            span: item.span,
        });
        mounts.push(mount);
    }
    let place = |mount: &FileMount| match mount.target.as_str() {
        "" => format!("/{}", mount.source),
        target => target.to_owned(),
    };
    (distinct(mounts, place), mentions)
}

/// A path in a container without `.`, `..` and a slash at its end.
fn cleaned(target: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let root = if target.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}
