//! What a service of a compose file is in the stack: an app where a route leads to it, otherwise a container that is replaced
//! in its place. With what `services:` adds to it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::keys::SERVICE;
use super::super::reader::{At, Fields, Reader};
use super::super::secrets::{self, RawSecrets};
use super::super::services::{self, RawService};
use super::super::tree::{Entry, Kind, Node};
use super::Composition;
use crate::compose::{Condition, Service};
use crate::model::{
    App, AppSource, Attachment, Composed, Container, Listen, Restart, ServiceKind, ServiceName,
};

/// What may be added to any service of a compose file.
const OF_ALL: [&str; 5] = ["on", "publish", "secrets", "env", "build"];
/// What may be added to one that a route leads to.
const OF_APPS: [&str; 14] = [
    "listen",
    "health",
    "release",
    "seed",
    "release_deadline",
    "bake",
    "warm",
    "drain",
    "keep",
    "needs",
    "on",
    "secrets",
    "env",
    "build",
];
/// What is said in the compose file, as it is called there.
const OF_COMPOSE: [(&str, &str); 6] = [
    ("env", "environment"),
    ("env_file", "env_file"),
    ("command", "command"),
    ("memory", "mem_limit"),
    ("stop_signal", "stop_signal"),
    ("stop_grace", "stop_grace_period"),
];

impl Composition<'_> {
    /// The service, with what is added to it.
    pub(super) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        name: &str,
        ours: ServiceName,
        added: Option<&Entry>,
    ) -> Option<RawService> {
        let span = self.span(&["services", name]);
        let nothing = Node {
            span,
            kind: Kind::Map(Vec::new()),
            end: 0,
            plain: false,
        };
        let node = added.map_or(&nothing, |entry| &entry.value);
        let fields = reader.fields(&format!("service `{ours}`"), node, &SERVICE)?;
        let is_routed = self.routed.contains(&ours);
        misplaced(reader, &ours, &fields, is_routed);
        let service = self.loaded.project.services[name].clone();
        self.without_effect(name, &service);
        let composed = self.composed(reader, name, &service);
        let source = self.source(reader, name, &service);
        let mut needs = self.needs(name, &composed);
        needs.extend(fields.names(reader, "needs").unwrap_or_default());
        let secrets = RawSecrets::of(reader, &fields);
        let kind = match is_routed {
            true => {
                let app = self.app(reader, (name, &service), &fields, (source, composed));
                app.map(|app| ServiceKind::App(Box::new(app)))
            }
            false => {
                let is_open = fields
                    .text(reader, "publish")
                    .is_some_and(|text| text.value == "open");
                self.container(reader, (name, &service), is_open, (source, composed))
                    .map(|container| ServiceKind::Container(Box::new(container)))
            }
        };
        Some(RawService {
            name: ours,
            span: added.map_or(span, |entry| entry.span),
            needs,
            on: fields.names(reader, "on"),
            keep: fields.number(reader, "keep"),
            is_database: false,
            env_places: secrets.places().collect(),
            secrets,
            kind,
        })
    }

    fn needs(&self, name: &str, composed: &Composed) -> Vec<At<ServiceName>> {
        let after = composed.after.iter();
        after
            .map(|after| {
                let written = self.service(after.service.as_str()).unwrap_or_default();
                At {
                    value: after.service.clone(),
                    span: self.span(&["services", name, "depends_on", written]),
                }
            })
            .collect()
    }

    /// Whether others wait until a service has done its work.
    fn is_job(&self, name: &str) -> bool {
        let mut services = self.loaded.project.services.values();
        services.any(|other| {
            let waits = other.depends_on.get(name);
            waits.is_some_and(|waits| waits.condition == Condition::Completed)
        })
    }

    fn container(
        &mut self,
        reader: &mut Reader<'_>,
        (name, service): (&str, &Service),
        is_open: bool,
        (source, mut composed): (Option<AppSource>, Composed),
    ) -> Option<Container> {
        composed.options.ports = self.ports(reader, name, service, is_open);
        let is_job = self.is_job(name);
        if !is_job && composed.options.restart == Restart::No {
            let message = format!(
                "`{name}` has no `restart`, so it stays stopped after a reboot of its host; `restart: unless-stopped` has it start again"
            );
            self.note(self.span(&["services", name]), message);
        }
        for other in self.waits_for_health(name) {
            let checks = composed.options.healthcheck.as_ref();
            if checks.is_some_and(|check| check.test.first().is_some_and(|word| word == "NONE")) {
                let span = self.span(&["services", &other, "depends_on", name]);
                let message = format!(
                    "`{other}` waits until `{name}` is healthy, and its `healthcheck` is disabled"
                );
                reader
                    .report("no-healthcheck", span, message)
                    .hint("write a `healthcheck`, or wait for `service_started`");
            }
        }
        Some(Container {
            source: source?,
            composed,
            is_job,
            deadline: JOB_SECONDS,
        })
    }

    fn waits_for_health(&self, name: &str) -> Vec<String> {
        let services = self.loaded.project.services.iter();
        let waiting = services.filter(|(_, other)| {
            let waits = other.depends_on.get(name);
            waits.is_some_and(|waits| waits.condition == Condition::Healthy)
        });
        waiting.map(|(other, _)| other.clone()).collect()
    }

    fn app(
        &mut self,
        reader: &mut Reader<'_>,
        (name, service): (&str, &Service),
        fields: &Fields<'_>,
        (source, composed): (Option<AppSource>, Composed),
    ) -> Option<App> {
        if self.is_job(name) {
            let message = format!("a route leads to `{name}`, and others wait until it has ended");
            let span = self.span(&["services", name]);
            reader
                .report("conflict", span, message)
                .hint("wait for `service_healthy`, or lead the route elsewhere");
        }
        let listen = self.listen(reader, name, service, fields);
        self.not_twice(reader, name, service, &composed, listen);
        let health = services::health(reader, fields);
        let release = services::words(reader, fields, "release");
        let seed = services::words(reader, fields, "seed");
        let release_deadline = services::seconds(reader, fields, "release_deadline");
        let bake = services::seconds(reader, fields, "bake");
        let warm = services::seconds(reader, fields, "warm");
        let drain = services::seconds(reader, fields, "drain");
        Some(App {
            source: source?,
            listen: Listen::Port(listen?),
            health: health?,
            env: BTreeMap::new(),
            command: None,
            release,
            seed,
            release_deadline: release_deadline?,
            bake: bake?,
            warm: warm?,
            drain: drain?,
            stop_grace: composed.stop_grace,
            stop_signal: None,
            memory: None,
            composed: Some(Box::new(composed)),
        })
    }

    /// The port in the container that answers HTTP.
    fn listen(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        service: &Service,
        fields: &Fields<'_>,
    ) -> Option<u16> {
        if let Some(node) = fields.node("listen") {
            let text = reader.scalar("listen", node, "a TCP port")?;
            let port = text.value.parse().ok().filter(|port| *port > 0);
            if port.is_none() {
                reader
                    .wrong("listen", node, "the TCP port in the container")
                    .hint("a service of a compose file answers at a port of its container");
            }
            return port;
        }
        let published = service.ports.iter().filter(|port| port.protocol == "tcp");
        let published = published.map(|port| port.target);
        let exposed = service.expose.iter().filter_map(|port| {
            let port = port.strip_suffix("/tcp").unwrap_or(port);
            port.parse().ok()
        });
        let ports: BTreeSet<u16> = published.chain(exposed).collect();
        let all: Vec<u16> = ports.into_iter().collect();
        if let [port] = all[..] {
            return Some(port);
        }
        let span = self.span(&["services", name]);
        let (message, example) = match all.first() {
            None => (
                format!("a route leads to `{name}`, which tells no port"),
                8080,
            ),
            Some(first) => (
                format!("a route leads to `{name}`, which tells several ports"),
                *first,
            ),
        };
        reader.report("missing-key", span, message).hint(format!(
            "say where it answers HTTP, in stackctl.yaml: `services: {{{}: {{listen: {example}}}}}`",
            Self::name_of(name)
        ));
        None
    }

    /// Two releases of an app run beside each other: what only one container can have is refused.
    fn not_twice(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        service: &Service,
        composed: &Composed,
        listen: Option<u16>,
    ) {
        const BESIDE: &str = ", to which a route leads,";
        for port in &service.ports {
            if listen.is_none_or(|listen| listen == port.target && port.protocol == "tcp") {
                continue;
            }
            let span = self.span_of_item(&["services", name, "ports"], &port.target.to_string());
            let message = format!(
                "port {} of `{name}` cannot be published: a route leads to it, so two releases run beside each other",
                port.target
            );
            reader
                .report("not-supported", span, message)
                .hint("remove it; services of one network reach each other without it");
        }
        if !service.network_mode.is_empty() {
            let hint = "remove it, or lead no route there";
            self.refuse(reader, name, "network_mode", BESIDE, hint);
        }
        for network in service.networks.iter().filter_map(|(key, attached)| {
            let attached = attached.as_ref()?;
            let fixed = !attached.ipv4_address.is_empty() || !attached.ipv6_address.is_empty();
            fixed.then_some(key)
        }) {
            let key = format!("networks.{network}");
            let what = ": an address of its own";
            self.refuse(
                reader,
                name,
                &key,
                what,
                "remove it: two releases run beside each other",
            );
        }
        let leads_out = |attachment: &&Attachment| {
            let mut networks = self.loaded.project.networks.values();
            networks.any(|network| network.name == attachment.network && !network.internal)
        };
        let mut networks = composed.networks.iter();
        if service.network_mode.is_empty() && !networks.any(|network| leads_out(&network)) {
            let span = self.span(&["services", name, "networks"]);
            let message = format!(
                "a route leads to `{name}`, and all its networks are internal: the host cannot reach it there"
            );
            reader.report("not-supported", span, message).hint(
                "put it on a network that is not `internal` as well; the others stay as they are",
            );
        }
    }
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.kind, Kind::Map(entries) if entries.is_empty())
}

/// A job of a compose file has no limit of its own there.
const JOB_SECONDS: u32 = 3600;

/// Reports what cannot be added to a service of a compose file.
fn misplaced(reader: &mut Reader<'_>, ours: &ServiceName, fields: &Fields<'_>, is_routed: bool) {
    for (key, span) in fields.keys() {
        let name = key.name;
        let fits = match is_routed {
            true => OF_APPS.contains(&name),
            false => OF_ALL.contains(&name),
        };
        // Values that are no secrets stand in the compose file.
        let written = fields.node("env").map(secrets::written);
        let is_written = name == "env" && written.is_some_and(|node| !is_empty(&node));
        if fits && !is_written {
            continue;
        }
        let in_compose = OF_COMPOSE.iter().find(|(ours, _)| *ours == name);
        let (message, hint) = if let Some((_, theirs)) = in_compose {
            (
                format!("`{name}` of `{ours}` is said in its compose file"),
                format!("write it there, as `{theirs}`"),
            )
        } else if name == "publish" {
            (
                format!("`publish` has no effect on `{ours}`, to which a route leads"),
                "remove it: visitors reach it through its site".to_owned(),
            )
        } else if OF_APPS.contains(&name) {
            (
                format!("`{name}` does not apply to `{ours}`, to which no route leads"),
                "it is for what answers visitors: lead a route there, or remove it".to_owned(),
            )
        } else {
            (
                format!("service `{ours}` is one of the compose file, which says what it is"),
                "give the other one another name".to_owned(),
            )
        };
        reader.report("not-here", span, message).hint(hint);
    }
}
