//! A service of a compose file as a container: each key is taken, or is an error at its line.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::super::reader::Reader;
use super::{Composition, files, options};
use crate::compose::{self, Condition as Written, Deploy, Service};
use crate::model::{
    After, AppSource, Attachment, Build, Composed, ComposedMount, Condition, EnvName,
    PublishedPort, Restart,
};

/// As the engine waits before it kills.
const STOP_GRACE: u32 = 10;
const EVERYWHERE: &str = "0.0.0.0";
const REMOVE: &str = "remove it";

impl Composition<'_> {
    /// Reports a key whose value asks for what there is not.
    pub(super) fn refuse(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        key: &str,
        what: &str,
        hint: &str,
    ) {
        let keys: Vec<&str> = ["services", name]
            .into_iter()
            .chain(key.split('.'))
            .collect();
        let message = format!("`{key}` of `{name}`{what} is not supported");
        reader
            .report("not-supported", self.span(&keys), message)
            .hint(hint);
    }

    pub(super) fn composed(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        service: &Service,
    ) -> Composed {
        self.unsupported(reader, name, service);
        let (mounts, files) = self.mounts(reader, name, service);
        if let Some(place) = files::same_place(&mounts, &files) {
            let span = self.span(&["services", name]);
            let message = format!("`{name}` has two things at `{place}`");
            reader
                .report("conflict", span, message)
                .hint("keep one of them");
        }
        let mut options = options::of(service);
        options.mounts = mounts;
        for text in &service.tmpfs {
            options.mounts.extend(self.memory(reader, name, text));
        }
        options.restart = self.restart(reader, name, service);
        options.healthcheck = service.healthcheck.as_ref().map(options::healthcheck);
        let limits = service.deploy.as_ref();
        let limits = limits.and_then(|deploy| deploy.resources.limits.as_ref());
        let pids = match (service.pids_limit, limits.map_or(0, |limits| limits.pids)) {
            (0, of_deploy) => of_deploy,
            (own, _) => own,
        };
        let grace = service.stop_grace_period.map(|time| time.0.as_millis());
        let grace = grace.map(|ms| u32::try_from(ms.div_ceil(1000)).unwrap_or(u32::MAX));
        let networks = self.attachments(reader, name, service);
        for network in &networks {
            let [ipv4, ipv6] =
                [&network.ipv4, &network.ipv6].map(|text| text.clone().unwrap_or_default());
            if !(ipv4.is_empty() && ipv6.is_empty()) {
                options
                    .addresses
                    .insert(network.network.clone(), [ipv4, ipv6]);
            }
        }
        Composed {
            environment: service.environment.clone(),
            command: service.command.clone(),
            user: Some(service.user.clone()).filter(|user| !user.is_empty()),
            networks,
            files,
            options,
            after: self.after(reader, name, service),
            stop_grace: grace.unwrap_or(STOP_GRACE),
            stop_signal: Some(service.stop_signal.clone()).filter(|text| !text.is_empty()),
            init: service.init.unwrap_or(false),
            read_only: service.read_only,
            pids: Some(pids).filter(|pids| *pids > 0),
        }
    }

    /// Tells what is taken and changes nothing.
    pub(super) fn without_effect(&mut self, name: &str, service: &Service) {
        let container = format!("{}-{}", self.loaded.project.name, Self::name_of(name));
        if !matches!(&service.container_name, own if own.is_empty() || *own == container) {
            let span = self.span(&["services", name, "container_name"]);
            let message = format!("`container_name` of `{name}` is a name in its networks alone");
            let is_app = self
                .routed
                .iter()
                .any(|routed| *routed.as_str() == Self::name_of(name));
            self.note(
                span,
                match is_app {
                    true => format!("{message}; each of its releases has a container of its own"),
                    false => format!("{message}; its container is `{container}`"),
                },
            );
        }
        for mount in &service.volumes {
            let Some(bind) = mount.bind.as_ref().filter(|bind| !bind.selinux.is_empty()) else {
                continue;
            };
            let span = self.span_of_item(&["services", name, "volumes"], &mount.target);
            let message = format!(
                "`{}` of a volume of `{name}` has no effect: hosts have no SELinux",
                bind.selinux
            );
            self.note(span, message);
        }
    }

    /// What compose reads and an engine alone cannot do.
    fn unsupported(&self, reader: &mut Reader<'_>, name: &str, service: &Service) {
        let mut refuse = |key: &str, asked: bool, hint: &str| {
            if asked {
                self.refuse(reader, name, key, "", hint);
            }
        };
        refuse(
            "annotations",
            !service.annotations.is_empty(),
            "write `labels`",
        );
        refuse("mac_address", !service.mac_address.is_empty(), REMOVE);
        refuse(
            "platform",
            !service.platform.is_empty(),
            "remove it: the host's own is taken",
        );
        let policy = service.pull_policy.as_str();
        refuse(
            "pull_policy",
            matches!(policy, "always" | "never"),
            "remove it: an image is pulled where the host does not have it; another version has another tag",
        );
        refuse(
            "ipc",
            service.ipc.starts_with("service:") || service.ipc.starts_with("container:"),
            REMOVE,
        );
        let mode = service.network_mode.as_str();
        refuse(
            "network_mode",
            !matches!(mode, "" | "host" | "none"),
            "write `networks`, or `host` or `none`",
        );
        refuse(
            "scale",
            service.scale.is_some_and(|scale| scale != 1),
            "remove it: one container runs",
        );
        if let Some(deploy) = &service.deploy {
            unsupported_of_deploy(deploy, &mut refuse);
        }
        for (other, dependency) in &service.depends_on {
            let key = format!("depends_on.{other}.restart");
            let keys = ["services", name, "depends_on", other, "restart"];
            let asked = dependency.restart && self.is_written(&keys);
            refuse(
                &key,
                asked,
                "remove it, and have the service connect again by itself",
            );
        }
        for (network, attachment) in &service.networks {
            let Some(attachment) = attachment else {
                continue;
            };
            for (key, asked) in [
                ("link_local_ips", !attachment.link_local_ips.is_empty()),
                ("mac_address", !attachment.mac_address.is_empty()),
            ] {
                refuse(&format!("networks.{network}.{key}"), asked, REMOVE);
            }
        }
        for link in &service.links {
            let (other, alias) = link.split_once(':').unwrap_or((link, link));
            refuse(
                "links",
                other != alias && !self.share_network(name, other),
                "put both on one network",
            );
        }
    }

    fn share_network(&self, one: &str, other: &str) -> bool {
        let services = &self.loaded.project.services;
        let both = services.get(one).zip(services.get(other));
        both.is_some_and(|(one, other)| {
            let mut networks = one.networks.keys();
            networks.any(|network| other.networks.contains_key(network))
        })
    }

    /// What others find it by, in each of its networks.
    fn attachments(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        service: &Service,
    ) -> Vec<Attachment> {
        let project = &self.loaded.project;
        let mut own = vec![name.to_owned(), service.container_name.clone()];
        own.push(service.hostname.clone());
        // A link is a name that only one service knows; a name for all of the network is no less.
        for other in project.services.values() {
            let links = other.links.iter().filter_map(|link| link.split_once(':'));
            own.extend(
                links
                    .filter(|(to, _)| *to == name)
                    .map(|(_, alias)| alias.to_owned()),
            );
        }
        let mut all: Vec<(bool, i64, Attachment)> = Vec::new();
        for (key, written) in &service.networks {
            let Some(network) = project.networks.get(key) else {
                continue;
            };
            let written = written.clone().unwrap_or_default();
            let mut aliases: Vec<String> = Vec::new();
            for alias in own.iter().chain(&written.aliases) {
                if !alias.is_empty() && !aliases.contains(alias) {
                    aliases.push(alias.clone());
                }
            }
            let given = |text: String| Some(text).filter(|text| !text.is_empty());
            let attachment = Attachment {
                network: network.name.clone(),
                aliases,
                ipv4: given(written.ipv4_address),
                ipv6: given(written.ipv6_address),
            };
            let has_subnet = !network.ipam.config.is_empty() || network.external;
            if !has_subnet && (attachment.ipv4.is_some() || attachment.ipv6.is_some()) {
                let span = self.span(&["services", name, "networks", key]);
                let message =
                    format!("`{name}` has an address of its own in `{key}`, which has no `subnet`");
                reader
                    .report("missing-key", span, message)
                    .hint("give the network `ipam: {config: [{subnet: …}]}`");
            }
            all.push((network.internal, -written.priority, attachment));
        }
        all.sort_by(|(a, b, one), (c, d, other)| (a, b, &one.network).cmp(&(c, d, &other.network)));
        all.into_iter()
            .map(|(_, _, attachment)| attachment)
            .collect()
    }

    fn after(&self, reader: &mut Reader<'_>, name: &str, service: &Service) -> Vec<After> {
        let mut after = Vec::new();
        for (other, dependency) in &service.depends_on {
            let services = &self.loaded.project.services;
            // One that no active profile has, and that is not required.
            if !services.contains_key(other) {
                continue;
            }
            let span = self.span(&["services", name, "depends_on", other]);
            let ours = Self::name_of(other);
            after.extend(reader.parse(&ours, span).map(|service| After {
                service,
                condition: match dependency.condition {
                    Written::Started => Condition::Started,
                    Written::Healthy => Condition::Healthy,
                    Written::Completed => Condition::Completed,
                },
            }));
        }
        after
    }

    /// What its image is made from. One that another service builds under the name of its image is that one's.
    pub(super) fn source(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        service: &Service,
    ) -> Option<AppSource> {
        if let Some(build) = &service.build {
            return self.build(reader, name, build).map(AppSource::Build);
        }
        let mut others = self.loaded.project.services.iter();
        let builder =
            others.find(|(_, other)| other.build.is_some() && other.image == service.image);
        if let Some((other, build)) =
            builder.and_then(|(name, other)| Some((name, other.build.as_ref()?)))
        {
            return self.build(reader, other, build).map(AppSource::Build);
        }
        let span = self.span(&["services", name, "image"]);
        reader.parse(&service.image, span).map(AppSource::Image)
    }

    fn build(&self, reader: &mut Reader<'_>, name: &str, build: &compose::Build) -> Option<Build> {
        let refused = [
            ("cache_from", !build.cache_from.is_empty()),
            ("cache_to", !build.cache_to.is_empty()),
            ("no_cache", build.no_cache),
            ("additional_contexts", !build.additional_contexts.is_empty()),
            ("pull", build.pull),
            ("extra_hosts", !build.extra_hosts.is_empty()),
            ("labels", !build.labels.is_empty()),
            ("network", !build.network.is_empty()),
            ("secrets", !build.secrets.is_empty()),
            ("shm_size", build.shm_size.0 != 0),
            ("tags", !build.tags.is_empty()),
            ("platforms", !build.platforms.is_empty()),
        ];
        for (key, _) in refused.iter().filter(|(_, asked)| *asked) {
            self.refuse(reader, name, &format!("build.{key}"), "", REMOVE);
        }
        let span = self.span(&["services", name, "build"]);
        if !build.context.starts_with('/') {
            let message = format!("`{name}` is built from `{}`", build.context);
            reader.report("not-supported", span, message).hint(
                "clone it, and name its folder: what is built must be the same for each host",
            );
            return None;
        }
        let dockerfile = match build.dockerfile.as_str() {
            "" => None,
            path => Some(self.dockerfile(reader, name, build, path)?),
        };
        let mut args = BTreeMap::new();
        for (key, value) in &build.args {
            let span = self.span(&["services", name, "build", "args", key]);
            if let (Some(key), Some(value)) = (reader.parse::<EnvName>(key, span), value) {
                args.insert(key, value.clone());
            }
        }
        let place = self.places.get(name).cloned().unwrap_or_default();
        let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Some(Build {
            context: PathBuf::from(&build.context),
            dockerfile,
            inline: given(&build.dockerfile_inline),
            target: given(&build.target),
            base: None,
            args,
            place: place.built,
            push: place.push,
        })
    }

    /// A Dockerfile's path in its context.
    fn dockerfile(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        build: &compose::Build,
        path: &str,
    ) -> Option<PathBuf> {
        let path = Path::new(path);
        let below = path.strip_prefix(&build.context).unwrap_or(path);
        let inside = below
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if inside {
            let parts = below.components();
            return Some(parts.filter(|part| *part != Component::CurDir).collect());
        }
        let span = self.span(&["services", name, "build", "dockerfile"]);
        let message = format!("the Dockerfile of `{name}` is not in its context");
        reader
            .report("path-outside", span, message)
            .hint("make `context` the folder that holds both");
        None
    }

    /// `always` becomes `unless-stopped`: a container that somebody stopped would run again after each restart of the engine, and
    /// what takes its place beside it (<https://docs.docker.com/engine/containers/start-containers-automatically/>).
    fn restart(&self, reader: &mut Reader<'_>, name: &str, service: &Service) -> Restart {
        let policy = service.deploy.as_ref();
        let policy = policy.and_then(|deploy| deploy.restart_policy.as_ref());
        if let Some(policy) = policy.filter(|_| service.restart.is_empty()) {
            for (key, asked) in [
                ("delay", policy.delay.is_some()),
                ("window", policy.window.is_some()),
            ] {
                if asked {
                    let key = format!("deploy.restart_policy.{key}");
                    self.refuse(
                        reader,
                        name,
                        &key,
                        "",
                        "remove it: the engine waits longer each time",
                    );
                }
            }
            let attempts = policy
                .max_attempts
                .map_or(0, |count| i64::try_from(count).unwrap_or(0));
            return match policy.condition.as_str() {
                "none" | "no" => Restart::No,
                "on-failure" => Restart::OnFailure(attempts),
                _ => Restart::UnlessStopped,
            };
        }
        match service
            .restart
            .split_once(':')
            .unwrap_or((&service.restart, "0"))
        {
            ("always" | "unless-stopped", _) => Restart::UnlessStopped,
            ("on-failure", count) => Restart::OnFailure(count.parse().unwrap_or(0)),
            _ => Restart::No,
        }
    }

    /// `/run:size=64m,mode=1777`.
    fn memory(&self, reader: &mut Reader<'_>, name: &str, text: &str) -> Option<ComposedMount> {
        let (to, options) = text.split_once(':').unwrap_or((text, ""));
        let (mut size, mut mode) = (None, None);
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("size", text)) => size = compose::bytes(text).map(|bytes| bytes.0),
                Some(("mode", text)) => mode = u32::from_str_radix(text, 8).ok(),
                _ if option == "rw" => continue,
                _ => {}
            }
            if !matches!(option.split_once('='), Some(("size", _)) if size.is_some())
                && !matches!(option.split_once('='), Some(("mode", _)) if mode.is_some())
            {
                let what = format!(": the option `{option}`");
                self.refuse(
                    reader,
                    name,
                    "tmpfs",
                    &what,
                    "write `size=64m` or `mode=1777`, or remove it",
                );
                return None;
            }
        }
        let to = to.to_owned();
        Some(ComposedMount::Memory { to, size, mode })
    }

    /// The ports that the host opens for it. Those for every address are for the host alone, unless `is_open`.
    pub(super) fn ports(
        &mut self,
        reader: &mut Reader<'_>,
        name: &str,
        service: &Service,
        is_open: bool,
    ) -> Vec<PublishedPort> {
        let mut ports = Vec::new();
        for port in &service.ports {
            let span = self.span_of_item(&["services", name, "ports"], &port.target.to_string());
            let Ok(outside) = port.published.parse::<u16>() else {
                let message = match port.published.as_str() {
                    "" => format!("port {} of `{name}` has no port of the host", port.target),
                    range => format!(
                        "port {} of `{name}`: a port out of `{range}` is not supported",
                        port.target
                    ),
                };
                reader.report("not-supported", span, message).hint(format!(
                    "name one, such as `127.0.0.1:{0}:{0}`; services of one network reach each other without it",
                    port.target
                ));
                continue;
            };
            let everywhere = matches!(port.host_ip.as_str(), "" | EVERYWHERE | "::");
            let address = match (everywhere, is_open) {
                (false, _) => port.host_ip.clone(),
                (true, true) => EVERYWHERE.to_owned(),
                (true, false) => {
                    self.note(
                        span,
                        format!(
                            "port {outside} of `{name}` is published on 127.0.0.1 alone; `services: {{{}: {{publish: open}}}}` would open it to all",
                            Self::name_of(name)
                        ),
                    );
                    "127.0.0.1".to_owned()
                }
            };
            let place = (outside, port.protocol.clone());
            if let Some(other) = self.published.insert(place, name.to_owned()) {
                let message =
                    format!("port {outside} of the host is published by `{other}` and `{name}`");
                reader
                    .report("port-taken", span, message)
                    .hint("give one of them another port");
            }
            let published = PublishedPort {
                address,
                outside,
                inside: port.target,
                protocol: port.protocol.clone(),
            };
            if published.is_open() && published.protocol != "tcp" && self.is_firewalled {
                let message = format!(
                    "port {outside}/{} of `{name}` is open to all, and the firewall opens TCP alone",
                    port.protocol
                );
                reader
                    .report("not-supported", span, message)
                    .hint("leave `firewall` out, or have the port on 127.0.0.1");
            }
            ports.push(published);
        }
        ports
    }
}

fn unsupported_of_deploy(deploy: &Deploy, refuse: &mut impl FnMut(&str, bool, &str)) {
    const SWARM: &str = "remove it: it is for swarms";
    refuse(
        "deploy.mode",
        !matches!(deploy.mode.as_str(), "" | "replicated"),
        SWARM,
    );
    refuse(
        "deploy.replicas",
        deploy.replicas.is_some_and(|count| count != 1),
        "remove it: one container runs",
    );
    refuse(
        "deploy.labels",
        !deploy.labels.is_empty(),
        "write `labels` of the service",
    );
    refuse(
        "deploy.update_config",
        deploy.update_config.is_some(),
        SWARM,
    );
    refuse(
        "deploy.rollback_config",
        deploy.rollback_config.is_some(),
        SWARM,
    );
    refuse(
        "deploy.endpoint_mode",
        !deploy.endpoint_mode.is_empty(),
        SWARM,
    );
    let placement = &deploy.placement;
    refuse(
        "deploy.placement",
        !placement.constraints.is_empty() || placement.max_replicas_per_node != 0,
        "remove it: `services: {NAME: {on: [HOST]}}` of stackctl.yaml says where it runs",
    );
    let reserved = deploy.resources.reservations.as_ref();
    refuse(
        "deploy.resources.reservations",
        reserved.is_some_and(|reserved| reserved.cpus != 0.0 || reserved.pids != 0),
        "keep `memory` alone: the engine reserves nothing else",
    );
}
