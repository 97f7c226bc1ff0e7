//! What compose files say, as the engine takes it.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, DeviceMapping, EndpointIpamConfig, HealthConfig, Ipam, IpamConfig,
    Mount as ApiMount, MountBindOptions, MountBindOptionsPropagationEnum, MountTmpfsOptions,
    MountType, MountVolumeOptions, NetworkCreateRequest, PortBinding, ResourcesUlimits,
    RestartPolicy, RestartPolicyNameEnum, VolumeCreateRequest,
};

use crate::model::{
    ComposedMount, ContainerOptions, Healthcheck, Network, PublishedPort, Restart, Volume,
};
use crate::plan::container::{ContainerSpec, label, network_digest};

/// The body of a container as its compose file has it: only what that says is taken from our own.
pub(super) fn body(
    mut body: ContainerCreateBody,
    options: &ContainerOptions,
) -> ContainerCreateBody {
    body.entrypoint = options.entrypoint.clone();
    let unset = options.unset.iter().cloned();
    body.env.get_or_insert_default().extend(unset);
    body.hostname = text(&options.hostname);
    body.domainname = text(&options.domainname);
    body.working_dir = text(&options.working_dir);
    body.tty = Some(options.tty);
    body.open_stdin = Some(options.stdin_open);
    body.healthcheck = options.healthcheck.as_ref().map(healthcheck);
    let mut labels: HashMap<String, String> = options.labels.clone().into_iter().collect();
    // Ours say whose it is.
    labels.extend(body.labels.take().unwrap_or_default());
    body.labels = Some(labels);
    let exposed = body.exposed_ports.get_or_insert_default();
    let published = options.ports.iter().map(inside);
    exposed.extend(options.expose.iter().cloned().chain(published));
    exposed.sort();
    exposed.dedup();

    let mut host = body.host_config.take().unwrap_or_default();
    let bindings = host.port_bindings.get_or_insert_default();
    for port in &options.ports {
        let binding = PortBinding {
            host_ip: Some(port.address.clone()),
            host_port: Some(port.outside.to_string()),
        };
        let places = bindings.entry(inside(port)).or_default();
        places.get_or_insert_default().push(binding);
    }
    let mounts = host.mounts.get_or_insert_default();
    let binds = options.mounts.iter().filter_map(bind);
    host.binds = list(binds.collect());
    let others = options.mounts.iter().filter(|other| bind(other).is_none());
    mounts.extend(others.map(mount));
    if !options.network_mode.is_empty() {
        host.network_mode = text(&options.network_mode);
    }
    host.restart_policy = Some(restart(options.restart));
    host.memory = options.memory_limit;
    host.memory_swap = options.swap_limit;
    host.memory_reservation = options.memory_reservation;
    host.shm_size = options.shm_size;
    host.nano_cpus = options.cpus;
    host.cpu_shares = options.cpu_shares;
    host.cpuset_cpus = text(&options.cpuset);
    host.oom_score_adj = options.oom_score_adj;
    let ulimits = options.ulimits.iter();
    host.ulimits = list(
        ulimits
            .map(|(name, [soft, hard])| ResourcesUlimits {
                name: Some(name.clone()),
                soft: Some(*soft),
                hard: Some(*hard),
            })
            .collect(),
    );
    let sysctls: HashMap<String, String> = options.sysctls.clone().into_iter().collect();
    host.sysctls = Some(sysctls).filter(|sysctls| !sysctls.is_empty());
    host.privileged = Some(options.privileged);
    host.cap_add = list(options.cap_add.clone());
    host.cap_drop = list(options.cap_drop.clone());
    host.security_opt = list(options.security.clone());
    host.group_add = list(options.groups.clone());
    host.tmpfs = None;
    let devices = options.devices.iter();
    host.devices = list(
        devices
            .map(|device| DeviceMapping {
                path_on_host: Some(device.from.clone()),
                path_in_container: Some(device.to.clone()),
                cgroup_permissions: Some(device.permissions.clone()),
            })
            .collect(),
    );
    host.ipc_mode = text(&options.ipc);
    host.dns = list(options.dns.clone());
    host.dns_options = list(options.dns_options.clone());
    host.dns_search = list(options.dns_search.clone());
    host.extra_hosts = list(options.hosts.clone());
    body.host_config = Some(host);
    body
}

/// `8080/tcp`.
fn inside(port: &PublishedPort) -> String {
    format!("{}/{}", port.inside, port.protocol)
}

fn text(given: &str) -> Option<String> {
    Some(given.to_owned()).filter(|text| !text.is_empty())
}

fn list<T>(given: Vec<T>) -> Option<Vec<T>> {
    Some(given).filter(|list| !list.is_empty())
}

fn restart(policy: Restart) -> RestartPolicy {
    let (name, count) = match policy {
        Restart::No => (RestartPolicyNameEnum::NO, None),
        Restart::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
        Restart::OnFailure(count) => (RestartPolicyNameEnum::ON_FAILURE, Some(count)),
    };
    RestartPolicy {
        name: Some(name),
        maximum_retry_count: count,
    }
}

fn healthcheck(check: &Healthcheck) -> HealthConfig {
    let given = |number: i64| Some(number).filter(|number| *number != 0);
    HealthConfig {
        test: list(check.test.clone()),
        interval: given(check.interval),
        timeout: given(check.timeout),
        retries: given(check.retries),
        start_period: given(check.start_period),
        start_interval: given(check.start_interval),
    }
}

/// A bind whose folder the engine makes where there is none: engines before API 1.43 do so in this form alone.
fn bind(mount: &ComposedMount) -> Option<String> {
    let ComposedMount::Bind {
        from,
        to,
        read_only,
        create: true,
        propagation,
    } = mount
    else {
        return None;
    };
    let rights = if *read_only { "ro" } else { "rw" };
    let options = [Some(rights), propagation.as_deref()];
    let options: Vec<&str> = options.into_iter().flatten().collect();
    Some(format!("{from}:{to}:{}", options.join(",")))
}

fn mount(mount: &ComposedMount) -> ApiMount {
    match mount {
        ComposedMount::Bind {
            from,
            to,
            read_only,
            propagation,
            ..
        } => ApiMount {
            typ: Some(MountType::BIND),
            source: Some(from.clone()),
            target: Some(to.clone()),
            read_only: Some(*read_only),
            bind_options: Some(MountBindOptions {
                propagation: propagation.as_deref().and_then(self::propagation),
                ..Default::default()
            }),
            ..Default::default()
        },
        ComposedMount::Volume {
            name,
            to,
            read_only,
            copies,
        } => ApiMount {
            typ: Some(MountType::VOLUME),
            source: name.clone(),
            target: Some(to.clone()),
            read_only: Some(*read_only),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(!copies),
                ..Default::default()
            }),
            ..Default::default()
        },
        ComposedMount::Memory { to, size, mode } => ApiMount {
            typ: Some(MountType::TMPFS),
            target: Some(to.clone()),
            tmpfs_options: Some(MountTmpfsOptions {
                size_bytes: *size,
                mode: mode.map(i64::from),
                ..Default::default()
            }),
            ..Default::default()
        },
    }
}

fn propagation(name: &str) -> Option<MountBindOptionsPropagationEnum> {
    Some(match name {
        "private" => MountBindOptionsPropagationEnum::PRIVATE,
        "rprivate" => MountBindOptionsPropagationEnum::RPRIVATE,
        "shared" => MountBindOptionsPropagationEnum::SHARED,
        "rshared" => MountBindOptionsPropagationEnum::RSHARED,
        "slave" => MountBindOptionsPropagationEnum::SLAVE,
        "rslave" => MountBindOptionsPropagationEnum::RSLAVE,
        _ => return None,
    })
}

/// An address of its own in a network.
pub(super) fn address(spec: &ContainerSpec, network: &str) -> Option<EndpointIpamConfig> {
    let [ipv4, ipv6] = spec.options.as_ref()?.addresses.get(network)?;
    Some(EndpointIpamConfig {
        ipv4_address: text(ipv4),
        ipv6_address: text(ipv6),
        link_local_ips: None,
    })
}

pub(super) fn network(request: &mut NetworkCreateRequest, network: &Network) {
    let labels = request.labels.get_or_insert_default();
    let own = labels.clone();
    labels.extend(network.labels.clone());
    labels.extend(own);
    labels.insert(label::SPEC.to_owned(), network_digest(network));
    request.enable_ipv6 = Some(network.ipv6);
    let options: HashMap<String, String> = network.driver_options.clone().into_iter().collect();
    request.options = Some(options).filter(|options| !options.is_empty());
    let pools = network.pools.iter();
    let pools = pools.map(|pool| IpamConfig {
        subnet: text(&pool.subnet),
        gateway: text(&pool.gateway),
        ip_range: text(&pool.range),
        auxiliary_addresses: Some(pool.others.clone().into_iter().collect())
            .filter(|others: &HashMap<String, String>| !others.is_empty()),
    });
    request.ipam = list(pools.collect()).map(|config| Ipam {
        config: Some(config),
        ..Default::default()
    });
}

pub(super) fn volume(request: &mut VolumeCreateRequest, volume: &Volume) {
    let labels = request.labels.get_or_insert_default();
    let own = labels.clone();
    labels.extend(volume.labels.clone());
    labels.extend(own);
    request.driver = text(&volume.driver);
    let options: HashMap<String, String> = volume.driver_options.clone().into_iter().collect();
    request.driver_opts = Some(options).filter(|options| !options.is_empty());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::super::containers;
    use super::*;
    use crate::model::{AddressPool, Device, Logging};

    fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
        texts.map(str::to_owned).into()
    }

    fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        let owned = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        owned.into()
    }

    fn options() -> ContainerOptions {
        ContainerOptions {
            entrypoint: Some(texts(["/bin/run", "--now"])),
            unset: texts(["GONE"]),
            hostname: "box".into(),
            domainname: "example.org".into(),
            working_dir: "/work".into(),
            tty: true,
            stdin_open: true,
            labels: map([("org.example", "a"), (label::STACK, "theirs")]),
            healthcheck: Some(Healthcheck {
                test: texts(["CMD", "ask"]),
                interval: 1,
                timeout: 2,
                start_period: 3,
                start_interval: 4,
                retries: 5,
            }),
            network_mode: String::new(),
            addresses: BTreeMap::from([(
                "shop_back".to_owned(),
                ["10.9.0.2".to_owned(), String::new()],
            )]),
            ports: vec![PublishedPort {
                address: "127.0.0.1".into(),
                outside: 5300,
                inside: 53,
                protocol: "udp".into(),
            }],
            expose: texts(["8080/tcp"]),
            restart: Restart::OnFailure(3),
            mounts: vec![
                ComposedMount::Bind {
                    from: "/srv/made".into(),
                    to: "/made".into(),
                    read_only: true,
                    create: true,
                    propagation: Some("rslave".into()),
                },
                ComposedMount::Bind {
                    from: "/srv/there".into(),
                    to: "/there".into(),
                    read_only: false,
                    create: false,
                    propagation: Some("rshared".into()),
                },
                ComposedMount::Volume {
                    name: Some("shop_data".into()),
                    to: "/data".into(),
                    read_only: true,
                    copies: false,
                },
                ComposedMount::Memory {
                    to: "/run".into(),
                    size: Some(64 << 20),
                    mode: Some(0o1777),
                },
            ],
            memory_limit: Some(256 << 20),
            memory_reservation: Some(128 << 20),
            swap_limit: Some(-1),
            shm_size: Some(32 << 20),
            cpus: Some(250_000_000),
            cpu_shares: Some(512),
            cpuset: "0-1".into(),
            oom_score_adj: Some(-500),
            ulimits: BTreeMap::from([("nofile".to_owned(), [1024, 4096])]),
            sysctls: map([("net.core.somaxconn", "1024")]),
            privileged: true,
            cap_add: texts(["NET_ADMIN"]),
            cap_drop: texts(["MKNOD"]),
            security: texts(["seccomp=unconfined"]),
            groups: texts(["44"]),
            devices: vec![Device {
                from: "/dev/fuse".into(),
                to: "/dev/fuse2".into(),
                permissions: "rw".into(),
            }],
            ipc: "private".into(),
            dns: texts(["10.9.0.53"]),
            dns_options: texts(["use-vc"]),
            dns_search: texts(["example.org"]),
            hosts: texts(["there:10.9.0.9"]),
            logging: Some(Logging {
                driver: "json-file".into(),
                options: map([("max-size", "1m")]),
            }),
        }
    }

    fn spec() -> ContainerSpec {
        ContainerSpec {
            name: "shop-all".into(),
            image: "all:1".into(),
            env: map([("A", "b")]),
            variables_file: None,
            command: Some(texts(["serve"])),
            user: Some("999:999".into()),
            mounts: Vec::new(),
            networks: vec![("shop_back".into(), texts(["all"]))],
            publish: BTreeMap::from([(8080, 20_000)]),
            restart: true,
            memory: None,
            pids_limit: 100,
            stop_signal: Some("SIGQUIT".into()),
            stop_grace: 7,
            init: true,
            read_only: true,
            drop_capabilities: true,
            options: Some(Box::new(options())),
            labels: map([(label::STACK, "shop")]),
        }
    }

    #[test]
    fn every_option_of_a_compose_file_reaches_the_engine() {
        let body = serde_json::to_value(containers::body(&spec())).unwrap();
        let expected: Value = serde_json::from_str(include_str!("composed.json")).unwrap();
        let differ = |path: &str, ours: &Value, theirs: &Value| {
            let keys = |value: &Value| value.as_object().cloned().unwrap_or_default();
            for (key, value) in keys(ours).iter().chain(&keys(theirs)) {
                let of = |all: &Value| all.get(key).cloned();
                assert_eq!(of(ours), of(theirs), "{path}{key}: {value}");
            }
        };
        differ("HostConfig.", &body["HostConfig"], &expected["HostConfig"]);
        differ("", &body, &expected);
    }

    #[test]
    fn networks_and_volumes_of_a_compose_file_reach_the_engine() {
        let own = Network {
            internal: true,
            driver_options: map([("com.docker.network.bridge.name", "back0")]),
            labels: map([("org.example", "a"), (label::STACK, "theirs")]),
            ipv6: true,
            pools: vec![AddressPool {
                subnet: "10.9.0.0/24".into(),
                gateway: "10.9.0.1".into(),
                range: "10.9.0.128/25".into(),
                others: map([("router", "10.9.0.254")]),
            }],
            ..Network::default()
        };
        let ours = HashMap::from([(label::STACK.to_owned(), "shop".to_owned())]);
        let mut request = NetworkCreateRequest {
            labels: Some(ours.clone()),
            ..Default::default()
        };
        network(&mut request, &own);
        assert_eq!(
            serde_json::to_value(&request).unwrap(),
            json!({
                "Name": "",
                "IPAM": {"Config": [{
                    "Subnet": "10.9.0.0/24",
                    "IPRange": "10.9.0.128/25",
                    "Gateway": "10.9.0.1",
                    "AuxiliaryAddresses": {"router": "10.9.0.254"},
                }]},
                "EnableIPv6": true,
                "Options": {"com.docker.network.bridge.name": "back0"},
                "Labels": {
                    "org.example": "a",
                    label::STACK: "shop",
                    label::SPEC: network_digest(&own),
                },
            })
        );
        let mut request = VolumeCreateRequest {
            labels: Some(ours),
            ..Default::default()
        };
        let written = Volume {
            driver: "local".into(),
            driver_options: map([("type", "nfs"), ("device", ":/x")]),
            labels: map([(label::STACK, "theirs")]),
            ..Volume::default()
        };
        volume(&mut request, &written);
        assert_eq!(
            serde_json::to_value(&request).unwrap(),
            json!({
                "Driver": "local",
                "DriverOpts": {"type": "nfs", "device": ":/x"},
                "Labels": {label::STACK: "shop"},
            })
        );
    }
}
