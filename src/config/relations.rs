//! What the parts of a stack say of each other: needs, routes, hosts, ports.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Span;
use super::hosts::Hosts;
use super::reader::{At, Reader, nearest};
use super::services::RawService;
use super::sites::RawSite;
use crate::model::{
    AppSource, EnvName, HostName, Route, Service, ServiceKind, ServiceName, Site, SiteName,
};

/// Ssh's own port, unless the yaml gives another.
const SSH_PORT: u16 = 22;

pub(super) struct Relations<'a> {
    pub hosts: &'a Hosts,
    pub services: &'a [RawService],
    pub sites: &'a [RawSite],
}

impl Relations<'_> {
    /// The services whose hosts and needs are known.
    pub fn services(&self, reader: &mut Reader<'_>) -> BTreeMap<ServiceName, Service> {
        let mut services = BTreeMap::new();
        for raw in self.services {
            let what = format!("service `{}`", raw.name);
            let hosts = self.hosts_of(reader, &what, raw.span, raw.on.as_deref());
            if raw.is_database && hosts.len() > 1 {
                let message = format!("database `{}` runs on {} hosts", raw.name, hosts.len());
                reader
                    .report("database-hosts", raw.span, message)
                    .hint("each would hold other data: name one host with `on`");
            }
            self.needs(reader, raw, &hosts);
            self.reserved_env(reader, raw);
            if let Some(kind) = raw.kind.clone() {
                let service = Service {
                    name: raw.name.clone(),
                    hosts,
                    keep: raw.keep,
                    needs: raw.needs.iter().map(|need| need.value.clone()).collect(),
                    kind,
                };
                services.insert(raw.name.clone(), service);
            }
        }
        self.cycles(reader);
        services
    }

    pub fn sites(&self, reader: &mut Reader<'_>) -> BTreeMap<SiteName, Site> {
        let mut sites = BTreeMap::new();
        let mut seen: Vec<(&RawSite, Vec<HostName>)> = Vec::new();
        for raw in self.sites {
            let what = format!("site `{}`", raw.name);
            let hosts = self.hosts_of(reader, &what, raw.span, raw.on.as_deref());
            self.routes(reader, raw, &hosts);
            self.ports(reader, raw, &hosts);
            for (other, other_hosts) in &seen {
                if hosts.iter().any(|host| other_hosts.contains(host)) {
                    same_server(reader, other, raw);
                }
            }
            seen.push((raw, hosts.clone()));
            let Some((listen, body_limit)) = raw.listen.value.zip(raw.body_limit) else {
                continue;
            };
            let routes = raw.routes.iter().map(|(prefix, service)| Route {
                prefix: prefix.clone(),
                service: service.value.clone(),
            });
            let site = Site {
                name: raw.name.clone(),
                hosts,
                listen,
                server_names: raw.names.iter().map(|name| name.value.clone()).collect(),
                routes: routes.collect(),
                body_limit,
            };
            sites.insert(raw.name.clone(), site);
        }
        sites
    }

    /// The hosts in `on`, or the only one there is.
    pub fn hosts_of(
        &self,
        reader: &mut Reader<'_>,
        what: &str,
        span: Span,
        on: Option<&[At<HostName>]>,
    ) -> Vec<HostName> {
        let names = &self.hosts.names;
        let listed = || {
            names
                .iter()
                .map(HostName::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let Some(on) = on else {
            if names.len() > 1 {
                reader
                    .report("missing-key", span, format!("`on` is missing in {what}"))
                    .hint(format!(
                        "there are several hosts, so say which: `on: [{}]`",
                        listed()
                    ));
            }
            return names.iter().take(1).cloned().collect();
        };
        for host in on {
            if names.contains(&host.value) {
                continue;
            }
            let hint = match nearest(host.value.as_str(), names.iter().map(HostName::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the hosts are: {}", listed()),
            };
            let message = format!("there is no host `{}`", host.value);
            reader.report("unknown-host", host.span, message).hint(hint);
        }
        if on.is_empty() {
            reader
                .report("missing-key", span, format!("`on` of {what} names no host"))
                .hint(format!("the hosts are: {}", listed()));
        }
        on.iter().map(|host| host.value.clone()).collect()
    }

    /// The service of this name, or a report that there is none.
    fn service(&self, reader: &mut Reader<'_>, name: &At<ServiceName>) -> Option<&RawService> {
        let found = self.services.iter().find(|raw| raw.name == name.value);
        if found.is_none() {
            let names = self.services.iter().map(|raw| raw.name.as_str());
            let hint = match nearest(name.value.as_str(), names.clone()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the services are: {}", names.collect::<Vec<_>>().join(", ")),
            };
            let message = format!("there is no service `{}`", name.value);
            reader
                .report("unknown-service", name.span, message)
                .hint(hint);
        }
        found
    }

    fn needs(&self, reader: &mut Reader<'_>, raw: &RawService, hosts: &[HostName]) {
        for need in &raw.needs {
            let Some(needed) = self.service(reader, need) else {
                continue;
            };
            self.same_hosts(
                reader,
                need,
                needed,
                hosts,
                &format!("service `{}`", raw.name),
            );
            within_reach(reader, raw, need, needed);
        }
    }

    /// In this version what belongs together stands on one host.
    fn same_hosts(
        &self,
        reader: &mut Reader<'_>,
        at: &At<ServiceName>,
        needed: &RawService,
        hosts: &[HostName],
        what: &str,
    ) {
        let there: Vec<&HostName> = match &needed.on {
            Some(on) => on.iter().map(|host| &host.value).collect(),
            None if self.hosts.names.len() > 1 => return,
            None => self.hosts.names.iter().collect(),
        };
        if let Some(host) = hosts.iter().find(|host| !there.contains(host)) {
            let message = format!("{what} is on `{host}`, where `{}` does not run", at.value);
            reader.report("other-host", at.span, message).hint(format!(
                "add `{host}` to `on` of `{}`: this version connects services of one host only",
                at.value
            ));
        }
    }

    fn reserved_env(&self, reader: &mut Reader<'_>, raw: &RawService) {
        let databases = raw.needs.iter().filter(|need| {
            let is = |other: &&RawService| other.name == need.value && other.is_database;
            self.services.iter().any(|other| is(&other))
        });
        let mut reserved = vec![
            (
                "LISTEN_SOCKET".to_owned(),
                "stackctl sets it when `listen` is `socket`".to_owned(),
            ),
            (
                "LISTEN_PORT".to_owned(),
                "stackctl sets it when `listen` is `tcp`".to_owned(),
            ),
        ];
        for database in databases {
            for end in ["HOST", "PORT", "NAME", "USER", "PASSWORD_FILE"] {
                let name = format!("{}_{end}", database.value.env_prefix());
                reserved.push((name, format!("`needs: [{}]` sets it", database.value)));
            }
        }
        for (name, why) in reserved {
            let place = name
                .parse::<EnvName>()
                .ok()
                .and_then(|name| raw.env_places.get(&name));
            if let Some(span) = place {
                reader
                    .report("reserved-env", *span, format!("`{name}` is reserved"))
                    .hint(format!("{why}; remove it here"));
            }
        }
    }

    /// Each cycle is reported once, at the need that closes it.
    fn cycles(&self, reader: &mut Reader<'_>) {
        let mut done = BTreeSet::new();
        for raw in self.services {
            self.walk(reader, raw, &mut Vec::new(), &mut done);
        }
    }

    fn walk<'s>(
        &'s self,
        reader: &mut Reader<'_>,
        raw: &'s RawService,
        path: &mut Vec<&'s ServiceName>,
        done: &mut BTreeSet<&'s ServiceName>,
    ) {
        if done.contains(&raw.name) {
            return;
        }
        path.push(&raw.name);
        for need in &raw.needs {
            if let Some(start) = path.iter().position(|name| **name == need.value) {
                let circle: Vec<&str> = path[start..].iter().map(|name| name.as_str()).collect();
                let message = format!(
                    "services need each other: {} → {}",
                    circle.join(" → "),
                    need.value
                );
                reader
                    .report("cycle", need.span, message)
                    .hint("none of them could start first; remove one of these needs");
            } else if let Some(next) = self.services.iter().find(|raw| raw.name == need.value) {
                self.walk(reader, next, path, done);
            }
        }
        path.pop();
        done.insert(&raw.name);
    }

    fn routes(&self, reader: &mut Reader<'_>, raw: &RawSite, hosts: &[HostName]) {
        for (prefix, target) in &raw.routes {
            let Some(service) = self.service(reader, target) else {
                continue;
            };
            if service.is_database {
                let message = format!("`{prefix}` leads to the database `{}`", target.value);
                reader
                    .report("route-to-database", target.span, message)
                    .hint("a route leads to an app or to static files");
                continue;
            }
            self.same_hosts(
                reader,
                target,
                service,
                hosts,
                &format!("site `{}`", raw.name),
            );
        }
    }

    fn ports(&self, reader: &mut Reader<'_>, raw: &RawSite, hosts: &[HostName]) {
        for name in hosts {
            let ssh = self
                .hosts
                .hosts
                .get(name)
                .map(|host| host.ssh.port.unwrap_or(SSH_PORT));
            if ssh.is_some() && ssh == raw.listen.value {
                let message = format!(
                    "port {} of `{name}` is its SSH port",
                    ssh.unwrap_or(SSH_PORT)
                );
                reader
                    .report("port-taken", raw.listen.span, message)
                    .hint("give the site another, such as 80");
                return;
            }
        }
    }
}

/// A database in a container is reached from containers alone, and one of the host from the host alone.
fn within_reach(
    reader: &mut Reader<'_>,
    raw: &RawService,
    need: &At<ServiceName>,
    needed: &RawService,
) {
    let (Some(ServiceKind::App(app)), Some(ServiceKind::Mysql(database))) =
        (&raw.kind, &needed.kind)
    else {
        return;
    };
    let is_unit = matches!(app.source, AppSource::Unit(_));
    let in_container = database.image().is_some();
    if is_unit != in_container {
        return;
    }
    let (message, hint) = match is_unit {
        true => (
            format!(
                "`{}` is a unit, and the database `{}` is in a container, whose network only containers reach",
                raw.name, need.value
            ),
            format!("write `{}: {{mysql: {{install: package}}}}`", need.value),
        ),
        false => (
            format!(
                "`{}` runs in a container, and the database `{}` listens on the host's loopback address alone",
                raw.name, need.value
            ),
            format!(
                "remove `install: package` of `{}`, or make `{}` a `unit`",
                need.value, raw.name
            ),
        ),
    };
    reader.report("out-of-reach", need.span, message).hint(hint);
}

/// Reports what two sites of one host and port both answer to.
fn same_server(reader: &mut Reader<'_>, first: &RawSite, second: &RawSite) {
    let Some(port) = second
        .listen
        .value
        .filter(|port| first.listen.value == Some(*port))
    else {
        return;
    };
    if first.names.is_empty() && second.names.is_empty() {
        let message = format!(
            "sites `{}` and `{}` both answer to every name on port {port}",
            first.name, second.name
        );
        reader
            .report("same-site", second.span, message)
            .also(first.span, "the first one is here")
            .hint("give one of them `names` or another `listen`");
    }
    for name in &second.names {
        if let Some(other) = first.names.iter().find(|other| other.value == name.value) {
            let message = format!(
                "sites `{}` and `{}` both answer to `{}` on port {port}",
                first.name, second.name, name.value
            );
            reader
                .report("same-site", name.span, message)
                .also(other.span, "the first one is here")
                .hint(
                    "a name belongs to one site; routes of one site may lead to several services",
                );
        }
    }
}
