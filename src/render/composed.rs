//! Services that came from a compose file, written as one again.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::{
    AppSource, Composed, ComposedMount, Condition, ContainerOptions, Network, Restart, Service,
    ServiceName, Stack, Volume,
};

/// What a service says of the files that it gets: names of configs and secrets of its own.
#[derive(Default)]
pub(super) struct Files {
    /// Name → what is in it.
    pub configs: BTreeMap<String, String>,
    /// Name → the file that the reader makes.
    pub secrets: BTreeMap<String, String>,
    /// That file → who sees it, and where.
    pub seen: BTreeMap<String, String>,
}

/// A service as compose takes it; the files that it gets are added to `files`.
pub(super) fn service(
    stack: &Stack,
    service: &Service,
    source: &AppSource,
    composed: &Composed,
    files: &mut Files,
) -> Value {
    let mut all = Map::new();
    let mut put = |key: &str, value: Value| {
        let is_empty = match &value {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if !is_empty {
            all.insert(key.to_owned(), value);
        }
    };
    match source {
        AppSource::Image(image) => put("image", json!(image)),
        AppSource::Build(build) => {
            put("image", json!(format!("{}-{}", stack.name, service.name)));
            let mut written = json!({"context": build.context, "args": build.args});
            if let Some(path) = &build.dockerfile {
                written["dockerfile"] = json!(path);
            }
            if let Some(text) = &build.inline {
                written["dockerfile_inline"] = json!(text);
            }
            if let Some(stage) = &build.target {
                written["target"] = json!(stage);
            }
            put("build", written);
        }
        AppSource::Unit(_) => {}
    }
    put("environment", json!(composed.environment));
    put("command", json!(composed.command));
    put("user", json!(composed.user));
    put("init", json!(composed.init));
    put("read_only", json!(composed.read_only));
    put("stop_signal", json!(composed.stop_signal));
    put(
        "stop_grace_period",
        json!(format!("{}s", composed.stop_grace)),
    );
    put("pids_limit", json!(composed.pids));
    put("depends_on", depends_on(composed));
    put("networks", networks(composed));
    let (secrets, configs) = of_files(service, composed, files);
    put("secrets", secrets);
    put("configs", configs);
    for (key, value) in options(&composed.options) {
        put(key, value);
    }
    Value::Object(all)
}

fn depends_on(composed: &Composed) -> Value {
    let after = composed.after.iter().map(|after| {
        let condition = match after.condition {
            Condition::Started => "service_started",
            Condition::Healthy => "service_healthy",
            Condition::Completed => "service_completed_successfully",
        };
        (after.service.to_string(), json!({ "condition": condition }))
    });
    Value::Object(after.collect())
}

fn networks(composed: &Composed) -> Value {
    let count = i64::try_from(composed.networks.len()).unwrap_or(0);
    let places = composed.networks.iter().enumerate().map(|(at, place)| {
        let mut written = json!({"aliases": place.aliases});
        // The order in which they are joined.
        written["priority"] = json!(count - i64::try_from(at).unwrap_or(0));
        if let Some(address) = &place.ipv4 {
            written["ipv4_address"] = json!(address);
        }
        if let Some(address) = &place.ipv6 {
            written["ipv6_address"] = json!(address);
        }
        (place.network.clone(), written)
    });
    Value::Object(places.collect())
}

fn of_files(service: &Service, composed: &Composed, files: &mut Files) -> (Value, Value) {
    let (mut secrets, mut configs) = (Vec::new(), Vec::new());
    for (at, file) in composed.files.iter().enumerate() {
        let name = format!("{}-{at}", service.name);
        let mount = json!({
            "source": name,
            "target": file.to,
            "mode": file.mode,
            "uid": file.user.to_string(),
            "gid": file.group.to_string(),
        });
        if file.is_secret {
            let path = format!("./secrets/{name}");
            let seen = format!("{} sees it at {}", service.name, file.to);
            files.seen.insert(name.clone(), seen);
            files.secrets.insert(name, path);
            secrets.push(mount);
        } else {
            let text = file.contents.reveal().to_owned();
            files.configs.insert(name, text);
            configs.push(mount);
        }
    }
    (Value::Array(secrets), Value::Array(configs))
}

fn options(options: &ContainerOptions) -> Vec<(&'static str, Value)> {
    let ports = options.ports.iter().map(|port| {
        json!({
            "target": port.inside,
            "published": port.outside.to_string(),
            "host_ip": port.address,
            "protocol": port.protocol,
            "mode": "ingress",
        })
    });
    let restart = match options.restart {
        // The name that yaml does not take for false.
        Restart::No => json!("no"),
        Restart::OnFailure(0) => json!("on-failure"),
        Restart::OnFailure(count) => json!(format!("on-failure:{count}")),
        other => json!(other.name()),
    };
    let healthcheck = options.healthcheck.as_ref().map(|check| {
        let time =
            |nanoseconds: i64| (nanoseconds > 0).then(|| format!("{}us", nanoseconds / 1000));
        let mut written = Map::new();
        written.insert("test".into(), json!(check.test));
        for (key, value) in [
            ("interval", time(check.interval)),
            ("timeout", time(check.timeout)),
            ("start_period", time(check.start_period)),
            ("start_interval", time(check.start_interval)),
        ] {
            written.extend(value.map(|value| (key.to_owned(), json!(value))));
        }
        if check.retries > 0 {
            written.insert("retries".into(), json!(check.retries));
        }
        Value::Object(written)
    });
    let ulimits = options.ulimits.iter();
    let ulimits =
        ulimits.map(|(name, [soft, hard])| (name.clone(), json!({"soft": soft, "hard": hard})));
    let devices = options.devices.iter();
    let devices =
        devices.map(|device| format!("{}:{}:{}", device.from, device.to, device.permissions));
    let logging = options.logging.as_ref();
    let cpus = options.cpus.map(|billionths| billionths as f64 / 1e9);
    vec![
        ("entrypoint", json!(options.entrypoint)),
        ("hostname", json!(options.hostname)),
        ("domainname", json!(options.domainname)),
        ("working_dir", json!(options.working_dir)),
        ("tty", json!(options.tty)),
        ("stdin_open", json!(options.stdin_open)),
        ("labels", json!(options.labels)),
        ("healthcheck", json!(healthcheck)),
        ("network_mode", json!(options.network_mode)),
        ("ports", Value::Array(ports.collect())),
        ("expose", json!(options.expose)),
        ("restart", restart),
        ("volumes", options.mounts.iter().map(mount).collect()),
        ("mem_limit", json!(options.memory_limit)),
        ("mem_reservation", json!(options.memory_reservation)),
        ("memswap_limit", json!(options.swap_limit)),
        ("shm_size", json!(options.shm_size)),
        ("cpus", json!(cpus)),
        ("cpu_shares", json!(options.cpu_shares)),
        ("cpuset", json!(options.cpuset)),
        ("oom_score_adj", json!(options.oom_score_adj)),
        ("ulimits", Value::Object(ulimits.collect())),
        ("sysctls", json!(options.sysctls)),
        ("privileged", json!(options.privileged)),
        ("cap_add", json!(options.cap_add)),
        ("cap_drop", json!(options.cap_drop)),
        ("security_opt", json!(options.security)),
        ("group_add", json!(options.groups)),
        ("devices", devices.collect()),
        ("ipc", json!(options.ipc)),
        ("dns", json!(options.dns)),
        ("dns_opt", json!(options.dns_options)),
        ("dns_search", json!(options.dns_search)),
        ("extra_hosts", json!(options.hosts)),
        (
            "logging",
            logging.map_or(
                Value::Null,
                |logging| json!({"driver": logging.driver, "options": logging.options}),
            ),
        ),
    ]
}

fn mount(mount: &ComposedMount) -> Value {
    match mount {
        ComposedMount::Bind {
            from,
            to,
            read_only,
            create,
            propagation,
        } => {
            let mut bind = json!({"create_host_path": create});
            if let Some(propagation) = propagation {
                bind["propagation"] = json!(propagation);
            }
            json!({"type": "bind", "source": from, "target": to, "read_only": read_only, "bind": bind})
        }
        ComposedMount::Volume {
            name,
            to,
            read_only,
            copies,
        } => {
            let mut written = json!({"type": "volume", "target": to, "read_only": read_only, "volume": {"nocopy": !copies}});
            if let Some(name) = name {
                written["source"] = json!(name);
            }
            written
        }
        ComposedMount::Memory { to, size, mode } => {
            let mut tmpfs = Map::new();
            tmpfs.extend(size.map(|size| ("size".to_owned(), json!(size))));
            tmpfs.extend(mode.map(|mode| ("mode".to_owned(), json!(mode))));
            json!({"type": "tmpfs", "target": to, "tmpfs": tmpfs})
        }
    }
}

/// A network by the name that the engine has for it.
pub(super) fn network(name: &str, network: &Network) -> Value {
    if network.external {
        return json!({"name": name, "external": true});
    }
    let pools = network.pools.iter().map(|pool| {
        let mut written = Map::new();
        for (key, value) in [
            ("subnet", &pool.subnet),
            ("gateway", &pool.gateway),
            ("ip_range", &pool.range),
        ] {
            if !value.is_empty() {
                written.insert(key.to_owned(), json!(value));
            }
        }
        if !pool.others.is_empty() {
            written.insert("aux_addresses".to_owned(), json!(pool.others));
        }
        Value::Object(written)
    });
    let mut written = json!({
        "name": name,
        "internal": network.internal,
        "driver_opts": network.driver_options,
        "labels": network.labels,
        "enable_ipv6": network.ipv6,
    });
    if !network.pools.is_empty() {
        written["ipam"] = json!({"config": pools.collect::<Vec<_>>()});
    }
    written
}

pub(super) fn volume(name: &str, volume: &Volume) -> Value {
    if volume.external {
        return json!({"name": name, "external": true});
    }
    let mut written = json!({"name": name, "labels": volume.labels});
    if !volume.driver.is_empty() {
        written["driver"] = json!(volume.driver);
        written["driver_opts"] = json!(volume.driver_options);
    }
    written
}

/// The networks by which nginx reaches the services of compose files that its routes lead to.
pub(super) fn networks_of<'a>(
    stack: &'a Stack,
    routed: impl Iterator<Item = &'a ServiceName>,
) -> Vec<String> {
    let mut networks = vec!["default".to_owned()];
    let services = routed.filter_map(|name| stack.services.get(name));
    for composed in services.filter_map(Service::composed) {
        let first = composed.networks.first().map(|place| place.network.clone());
        networks.extend(first.filter(|name| !networks.contains(name)));
    }
    networks
}
