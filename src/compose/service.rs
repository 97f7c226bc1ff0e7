//! One service: every key of it, in every form.

use std::collections::BTreeMap;

use super::keys;
use super::model::{
    Attachment, Condition, Dependency, Device, Healthcheck, Logging, Service, Ulimit,
};
use super::read::{Mention, Reader};
use super::{build, deploy, mounts, words};
use crate::yaml::error::Span;
use crate::yaml::tree::{Entry, Kind};

/// A service, and what it leans on.
pub(super) struct Read {
    pub service: Service,
    pub span: Span,
    pub networks: Vec<Mention>,
    pub volumes: Vec<Mention>,
    pub secrets: Vec<Mention>,
    pub configs: Vec<Mention>,
    pub services: Vec<Mention>,
    /// Files of variables, the last counts; they are read by whoever can.
    pub env_files: Vec<EnvFile>,
}

/// A file of variables.
pub(super) struct EnvFile {
    pub path: String,
    pub required: bool,
    pub span: Span,
}

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry) -> Read {
    let mut read = Read {
        service: Service::default(),
        span: entry.span,
        networks: Vec::new(),
        volumes: Vec::new(),
        secrets: Vec::new(),
        configs: Vec::new(),
        services: Vec::new(),
        env_files: Vec::new(),
    };
    for field in reader.fields(entry, &keys::SERVICE) {
        if !leaning(reader, field, &mut read) && !process(reader, field, &mut read.service) {
            limits(reader, field, &mut read.service);
        }
    }
    complete(reader, entry, &mut read);
    read
}

/// Keys that name something elsewhere.
fn leaning(reader: &mut Reader<'_>, field: &Entry, read: &mut Read) -> bool {
    let service = &mut read.service;
    match field.key.as_str() {
        "build" => {
            let (build, secrets) = build::read(reader, field);
            service.build = Some(build);
            read.secrets.extend(secrets);
        }
        "configs" => {
            let (configs, mentions) = mounts::files(reader, field, None);
            service.configs = configs;
            read.configs = mentions;
        }
        "secrets" => {
            let (secrets, mentions) = mounts::files(reader, field, Some("/run/secrets/"));
            service.secrets = secrets;
            read.secrets.extend(mentions);
        }
        "volumes" => (service.volumes, read.volumes) = mounts::volumes(reader, field),
        "networks" => (service.networks, read.networks) = networks(reader, field),
        "depends_on" => {
            let (depends_on, mentions) = depends_on(reader, field);
            service.depends_on.extend(depends_on);
            read.services.extend(mentions);
        }
        "links" => {
            for item in reader.items(field, false) {
                let link = reader.text(&item);
                let name = link.split(':').next().unwrap_or_default().to_owned();
                read.services.push(Mention {
                    name,
                    span: item.span,
                });
                service.links.push(link);
            }
        }
        "network_mode" | "ipc" => {
            let mode = reader.text(field);
            if let Some(name) = mode.strip_prefix("service:") {
                read.services.push(Mention {
                    name: name.to_owned(),
                    span: field.value.span,
                });
            }
            match field.key.as_str() {
                "ipc" => service.ipc = mode,
                _ => service.network_mode = mode,
            }
        }
        "env_file" => read.env_files = env_files(reader, field),
        _ => return false,
    }
    true
}

/// Keys of the process and its surroundings.
fn process(reader: &mut Reader<'_>, field: &Entry, service: &mut Service) -> bool {
    match field.key.as_str() {
        "annotations" => service.annotations = reader.mapping(field),
        "attach" => service.attach = Some(reader.flag(field)),
        "command" => service.command = command(reader, field),
        "container_name" => service.container_name = reader.text(field),
        "deploy" if field.value.kind == Kind::Null => {}
        "deploy" => service.deploy = Some(deploy::read(reader, field)),
        "domainname" => service.domainname = reader.text(field),
        "entrypoint" => service.entrypoint = command(reader, field),
        "environment" => service.environment = reader.resolved(field),
        "expose" => service.expose = reader.distinct(field),
        "healthcheck" => service.healthcheck = Some(healthcheck(reader, field)),
        "hostname" => service.hostname = reader.text(field),
        "image" => service.image = reader.text(field),
        "init" => service.init = Some(reader.flag(field)),
        "labels" => service.labels = reader.mapping(field),
        "logging" => service.logging = Some(logging(reader, field)),
        "mac_address" => service.mac_address = reader.text(field),
        "platform" => service.platform = reader.text(field),
        "ports" => service.ports = mounts::ports(reader, field),
        "profiles" => service.profiles = reader.distinct(field),
        "pull_policy" => {
            let policies = ["always", "never", "if_not_present", "missing", "build"];
            service.pull_policy = match reader.word(field, &policies).as_str() {
                "if_not_present" => "missing".to_owned(),
                policy => policy.to_owned(),
            }
        }
        "restart" => service.restart = restart(reader, field),
        "stdin_open" => service.stdin_open = reader.flag(field),
        "stop_grace_period" => service.stop_grace_period = Some(reader.time(field)),
        "stop_signal" => service.stop_signal = reader.text(field),
        "tty" => service.tty = reader.flag(field),
        "user" => service.user = reader.text(field),
        "working_dir" => service.working_dir = reader.text(field),
        _ => return false,
    }
    true
}

/// Keys of what a container may do and use.
fn limits(reader: &mut Reader<'_>, field: &Entry, service: &mut Service) {
    match field.key.as_str() {
        "cap_add" => service.cap_add = reader.distinct(field),
        "cap_drop" => service.cap_drop = reader.distinct(field),
        "cpu_shares" => service.cpu_shares = reader.number(field),
        "cpus" => service.cpus = reader.number(field),
        "cpuset" => service.cpuset = reader.text(field),
        "devices" => service.devices = devices(reader, field),
        "dns" => service.dns = reader.distinct(field),
        "dns_opt" => service.dns_opt = reader.distinct(field),
        "dns_search" => service.dns_search = reader.distinct(field),
        "extra_hosts" => service.extra_hosts = reader.hosts(field),
        "group_add" => service.group_add = reader.texts(field),
        "mem_limit" => service.mem_limit = reader.bytes(field),
        "mem_reservation" => service.mem_reservation = reader.bytes(field),
        "memswap_limit" => service.memswap_limit = reader.bytes(field),
        "oom_score_adj" => service.oom_score_adj = reader.number(field),
        "pids_limit" => service.pids_limit = reader.number(field),
        "privileged" => service.privileged = reader.flag(field),
        "read_only" => service.read_only = reader.flag(field),
        "scale" => service.scale = Some(reader.number(field)),
        "security_opt" => service.security_opt = reader.texts(field),
        "shm_size" => service.shm_size = reader.bytes(field),
        "sysctls" => service.sysctls = reader.mapping(field),
        "tmpfs" => service.tmpfs = reader.distinct(field),
        "ulimits" => service.ulimits = ulimits(reader, field),
        key => unreachable!("`{key}` is known and not read"),
    }
}

/// What follows from other keys, and what must not stand together.
fn complete(reader: &mut Reader<'_>, entry: &Entry, read: &mut Read) {
    let service = &mut read.service;
    let name = &entry.key;
    let span_of = |key: &str| entry.value.get(key).map_or(entry.span, |field| field.span);
    if matches!(entry.value.kind, Kind::Map(_))
        && service.image.is_empty()
        && service.build.is_none()
    {
        let message = format!("`{name}` has neither `image` nor `build`");
        reader
            .report("missing-key", entry.span, message)
            .hint("name the image to run, or the folder to build it from");
    }
    if !service.network_mode.is_empty() && !service.networks.is_empty() {
        let message = format!("`{name}` has `network_mode` and `networks`");
        reader
            .report("conflict", span_of("network_mode"), message)
            .hint("keep one of them");
    }
    if service.network_mode.is_empty() && service.networks.is_empty() {
        service.networks.insert("default".to_owned(), None);
    }
    let shared = [&service.network_mode, &service.ipc];
    let shared = shared
        .iter()
        .filter_map(|mode| mode.strip_prefix("service:"));
    let linked = service
        .links
        .iter()
        .filter_map(|link| link.split(':').next());
    let others: Vec<String> = shared.chain(linked).map(str::to_owned).collect();
    for other in others {
        let dependency = Dependency {
            condition: Condition::Started,
            restart: true,
            required: true,
        };
        service.depends_on.entry(other).or_insert(dependency);
    }
    let (scale, replicas) = (
        service.scale,
        service.deploy.as_ref().and_then(|d| d.replicas),
    );
    if scale.is_some() && replicas.is_some() && scale != replicas {
        let message = format!("`{name}`: `scale` and `deploy.replicas` differ");
        reader
            .report("conflict", span_of("scale"), message)
            .hint("keep `deploy.replicas`");
    }
    if let (Some(scale), Some(deploy)) = (scale, &mut service.deploy) {
        deploy.replicas = Some(scale);
    }
    if !service.container_name.is_empty() && scale.or(replicas).is_some_and(|count| count > 1) {
        let message = format!("`{name}`: several containers cannot have one `container_name`");
        reader
            .report("conflict", span_of("container_name"), message)
            .hint("remove `container_name`, or run one");
    }
    let limits = service
        .deploy
        .as_ref()
        .and_then(|deploy| deploy.resources.limits.as_ref());
    let Some(limits) = limits else { return };
    let twice = [
        ("cpus", service.cpus != 0.0 && service.cpus != limits.cpus),
        (
            "mem_limit",
            service.mem_limit.0 != 0 && service.mem_limit != limits.memory,
        ),
        (
            "pids_limit",
            service.pids_limit != 0 && service.pids_limit != limits.pids,
        ),
    ];
    for (key, _) in twice.iter().filter(|(_, differs)| *differs) {
        let message = format!("`{name}`: `{key}` and `deploy.resources.limits` differ");
        reader
            .report("conflict", span_of(key), message)
            .hint("keep the one under `deploy.resources.limits`");
    }
}

/// A text that is split, a list that is taken as it is, or nothing: the image's own.
fn command(reader: &mut Reader<'_>, field: &Entry) -> Option<Vec<String>> {
    match &field.value.kind {
        Kind::Null => None,
        Kind::Scalar(text) => match words::split(text) {
            Ok(words) => {
                if let Some(cut) = words.cut {
                    let message = format!(
                        "`{}`: compose leaves out all from `{cut}` on; write `[sh, -c, \"…\"]` if it is meant for a shell",
                        field.key
                    );
                    reader.notes.push((field.value.span, message));
                }
                Some(words.words)
            }
            Err(why) => {
                let message = format!("`{}`: {why}", field.key);
                reader
                    .report("invalid", field.value.span, message)
                    .hint("write it as a list: `[sh, -c, \"…\"]`");
                None
            }
        },
        _ => Some(reader.texts(field)),
    }
}

fn restart(reader: &mut Reader<'_>, field: &Entry) -> String {
    let text = reader.text(field);
    let tries = text.strip_prefix("on-failure:");
    if tries.is_some_and(|tries| tries.parse::<u32>().is_ok()) {
        return text;
    }
    reader.word(field, &["no", "always", "unless-stopped", "on-failure"])
}

fn env_files(reader: &mut Reader<'_>, field: &Entry) -> Vec<EnvFile> {
    let mut files: Vec<EnvFile> = Vec::new();
    for item in reader.items(field, true) {
        let (mut path, mut required) = (String::new(), true);
        if matches!(item.value.kind, Kind::Map(_)) {
            for part in reader.fields(&item, &keys::ENV_FILE) {
                match part.key.as_str() {
                    "path" => path = reader.text(part),
                    _ => required = reader.flag(part),
                }
            }
        } else {
            path = reader.text(&item);
        }
        if path.is_empty() {
            let message = "`env_file` names no file".to_owned();
            reader
                .report("missing-key", item.span, message)
                .hint("write its path");
            continue;
        }
        let file = EnvFile {
            path: reader.path(&path, item.value.span),
            required,
            span: item.value.span,
        };
        files.push(file);
    }
    super::read::distinct(files, |file| file.path.clone())
}

fn networks(
    reader: &mut Reader<'_>,
    field: &Entry,
) -> (BTreeMap<String, Option<Attachment>>, Vec<Mention>) {
    let mut networks = BTreeMap::new();
    let mut mentions = Vec::new();
    if let Kind::Map(entries) = &field.value.kind {
        for network in entries {
            let attachment = match network.value.kind {
                Kind::Null => None,
                _ => Some(attachment(reader, network)),
            };
            networks.insert(network.key.clone(), attachment);
            mentions.push(Mention {
                name: network.key.clone(),
                span: network.span,
            });
        }
        return (networks, mentions);
    }
    for item in reader.items(field, false) {
        let name = reader.text(&item);
        mentions.push(Mention {
            name: name.clone(),
            span: item.span,
        });
        networks.insert(name, None);
    }
    (networks, mentions)
}

fn attachment(reader: &mut Reader<'_>, entry: &Entry) -> Attachment {
    let mut attachment = Attachment::default();
    for field in reader.fields(entry, &keys::ATTACHMENT) {
        match field.key.as_str() {
            "aliases" => attachment.aliases = reader.distinct(field),
            "ipv4_address" => attachment.ipv4_address = reader.text(field),
            "ipv6_address" => attachment.ipv6_address = reader.text(field),
            "link_local_ips" => attachment.link_local_ips = reader.distinct(field),
            "mac_address" => attachment.mac_address = reader.text(field),
            _ => attachment.priority = reader.number(field),
        }
    }
    attachment
}

fn depends_on(
    reader: &mut Reader<'_>,
    field: &Entry,
) -> (BTreeMap<String, Dependency>, Vec<Mention>) {
    let plain = Dependency {
        condition: Condition::Started,
        restart: false,
        required: true,
    };
    let mut depends_on = BTreeMap::new();
    let mut mentions = Vec::new();
    if let Kind::Map(entries) = &field.value.kind {
        for entry in entries {
            let mut dependency = plain.clone();
            for part in reader.fields(entry, &keys::DEPENDENCY) {
                match part.key.as_str() {
                    "condition" => dependency.condition = condition(reader, part),
                    "required" => dependency.required = reader.flag(part),
                    _ => dependency.restart = reader.flag(part),
                }
            }
            depends_on.insert(entry.key.clone(), dependency);
            mentions.push(Mention {
                name: entry.key.clone(),
                span: entry.span,
            });
        }
        return (depends_on, mentions);
    }
    for item in reader.items(field, false) {
        let name = reader.text(&item);
        mentions.push(Mention {
            name: name.clone(),
            span: item.span,
        });
        depends_on.insert(name, plain.clone());
    }
    (depends_on, mentions)
}

fn condition(reader: &mut Reader<'_>, field: &Entry) -> Condition {
    let conditions = [
        "service_started",
        "service_healthy",
        "service_completed_successfully",
    ];
    match reader.word(field, &conditions).as_str() {
        "service_healthy" => Condition::Healthy,
        "service_completed_successfully" => Condition::Completed,
        _ => Condition::Started,
    }
}

fn healthcheck(reader: &mut Reader<'_>, entry: &Entry) -> Healthcheck {
    let mut check = Healthcheck::default();
    for field in reader.fields(entry, &keys::HEALTHCHECK) {
        match field.key.as_str() {
            "test" => check.test = health_test(reader, field),
            "timeout" => check.timeout = Some(reader.time(field)),
            "interval" => check.interval = Some(reader.time(field)),
            "retries" => check.retries = Some(reader.number(field)),
            "start_period" => check.start_period = Some(reader.time(field)),
            "start_interval" => check.start_interval = Some(reader.time(field)),
            _ => check.disable = reader.flag(field),
        }
    }
    check
}

fn health_test(reader: &mut Reader<'_>, field: &Entry) -> Vec<String> {
    if let Kind::Scalar(text) = &field.value.kind {
        return vec!["CMD-SHELL".to_owned(), text.clone()];
    }
    let test = reader.texts(field);
    if let Some(first) = test.first()
        && !["CMD", "CMD-SHELL", "NONE"].contains(&first.as_str())
    {
        let message = format!("`test`: a list begins with CMD, CMD-SHELL or NONE, found `{first}`");
        reader.report("invalid", field.value.span, message).hint(
            "put `CMD` before it to run it as it is, or `CMD-SHELL` and one text for a shell",
        );
    }
    test
}

fn logging(reader: &mut Reader<'_>, entry: &Entry) -> Logging {
    let mut logging = Logging::default();
    for field in reader.fields(entry, &keys::LOGGING) {
        match field.key.as_str() {
            "driver" => logging.driver = reader.text(field),
            _ => logging.options = reader.mapping(field),
        }
    }
    logging
}

fn devices(reader: &mut Reader<'_>, entry: &Entry) -> Vec<Device> {
    let mut devices = Vec::new();
    for item in reader.items(entry, false) {
        let mut device = Device {
            source: String::new(),
            target: String::new(),
            permissions: "rwm".to_owned(),
        };
        if matches!(item.value.kind, Kind::Map(_)) {
            for field in reader.fields(&item, &keys::DEVICE) {
                match field.key.as_str() {
                    "source" => device.source = reader.text(field),
                    "target" => device.target = reader.text(field),
                    _ => device.permissions = reader.text(field),
                }
            }
        } else {
            let text = reader.text(&item);
            let mut parts = text.split(':');
            device.source = parts.next().unwrap_or_default().to_owned();
            device.target = parts.next().unwrap_or(&device.source).to_owned();
            if let Some(permissions) = parts.next() {
                device.permissions = permissions.to_owned();
            }
        }
        devices.push(device);
    }
    devices
}

fn ulimits(reader: &mut Reader<'_>, entry: &Entry) -> BTreeMap<String, Ulimit> {
    let mut ulimits = BTreeMap::new();
    if !matches!(entry.value.kind, Kind::Map(_)) {
        reader.wrong(entry, "a map of limits");
    }
    for limit in entry.value.entries() {
        let mut ulimit = Ulimit {
            soft: 0,
            hard: 0,
            single: true,
        };
        if matches!(limit.value.kind, Kind::Map(_)) {
            ulimit.single = false;
            for side in reader.fields(limit, &keys::ULIMIT) {
                match side.key.as_str() {
                    "soft" => ulimit.soft = reader.number(side),
                    _ => ulimit.hard = reader.number(side),
                }
            }
        } else {
            ulimit.soft = reader.number(limit);
            ulimit.hard = ulimit.soft;
        }
        ulimits.insert(limit.key.clone(), ulimit);
    }
    ulimits
}
