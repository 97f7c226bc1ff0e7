//! What the parts of a stack say of each other: needs, routes, hosts, ports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::error::Span;
use super::hosts::Hosts;
use super::reader::{At, Reader, nearest};
use super::routes::{self, RawTarget};
use super::services::RawService;
use super::sites::RawSite;
use crate::model::{
    AppSource, CertificateSource, EnvName, HostName, Route, RouteTarget, Service, ServiceKind,
    ServiceName, Site, SiteName,
};

/// Ssh's own port, unless the yaml gives another.
pub(super) const SSH_PORT: u16 = 22;
/// Where authorities look for the answer to an HTTP challenge (RFC 8555, section 8.3).
const ACME_PORT: u16 = 80;

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
            let is_external = matches!(raw.kind, Some(ServiceKind::External(_)));
            if raw.is_database && !is_external && hosts.len() > 1 {
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
                    secrets: raw.secrets.settled(),
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
            tls(reader, raw);
            for (other, other_hosts) in &seen {
                if hosts.iter().any(|host| other_hosts.contains(host)) {
                    same_server(reader, other, raw);
                }
            }
            seen.push((raw, hosts.clone()));
            let Some((listen, body_limit)) = raw.listen.value.zip(raw.body_limit) else {
                continue;
            };
            let routes = raw.routes.iter().map(|route| Route {
                prefix: route.prefix.clone(),
                to: match &route.to {
                    RawTarget::Service(at) => RouteTarget::Service(at.value.clone()),
                    RawTarget::Redirect(at) => RouteTarget::Redirect(at.value.clone()),
                },
                options: route.options.clone(),
            });
            let site = Site {
                name: raw.name.clone(),
                hosts,
                listen,
                server_names: raw.names.iter().map(|name| name.value.clone()).collect(),
                routes: routes.collect(),
                body_limit,
                tls: raw.tls.as_ref().map(|tls| tls.value.clone()),
            };
            sites.insert(raw.name.clone(), site);
        }
        self.private(reader, &seen);
        sites
    }

    /// The hosts that `on` means, without a word on what it gets wrong.
    pub(super) fn on(&self, on: Option<&[At<HostName>]>) -> Vec<HostName> {
        let mut hosts: Vec<HostName> = Vec::new();
        for name in on.into_iter().flatten() {
            let group = self.hosts.groups.get(&name.value);
            let named = group.map_or(std::slice::from_ref(&name.value), Vec::as_slice);
            for host in named {
                if !hosts.contains(host) {
                    hosts.push(host.clone());
                }
            }
        }
        hosts
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
            let groups = &self.hosts.groups;
            if names.contains(&host.value) || groups.contains_key(&host.value) {
                continue;
            }
            let all = names.iter().chain(groups.keys()).map(HostName::as_str);
            let hint = match nearest(host.value.as_str(), all) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if groups.is_empty() => format!("the hosts are: {}", listed()),
                None => {
                    let groups: Vec<&str> = groups.keys().map(HostName::as_str).collect();
                    let groups = groups.join(", ");
                    format!("the hosts are: {}; the groups: {groups}", listed())
                }
            };
            let or_group = if groups.is_empty() { "" } else { " or group" };
            let message = format!("there is no host{or_group} `{}`", host.value);
            reader.report("unknown-host", host.span, message).hint(hint);
        }
        if on.is_empty() {
            reader
                .report("missing-key", span, format!("`on` of {what} names no host"))
                .hint(format!("the hosts are: {}", listed()));
        }
        self.on(Some(on))
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
                (
                    &format!("service `{}`", raw.name),
                    "this version connects services of one host only",
                ),
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
        (what, why): (&str, &str),
    ) {
        let there = match needed.on.as_deref() {
            Some(on) => self.on(Some(on)),
            None if self.hosts.names.len() > 1 => return,
            None => self.hosts.names.clone(),
        };
        if let Some(host) = hosts.iter().find(|host| !there.contains(host)) {
            let message = format!("{what} is on `{host}`, where `{}` does not run", at.value);
            reader
                .report("other-host", at.span, message)
                .hint(format!("add `{host}` to `on` of `{}`: {why}", at.value));
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
            for end in [
                "HOST",
                "PORT",
                "NAME",
                "USER",
                "PASSWORD_FILE",
                "URL_FILE",
                "CA_FILE",
            ] {
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
            let mut files = raw.secrets.file_places();
            if let Some((secret, span)) = files.find(|(secret, _)| format!("{secret}_FILE") == name)
            {
                let message =
                    format!("`{name}` is reserved, and would hold the path of `{secret}`");
                reader
                    .report("reserved-env", span, message)
                    .hint(format!("{why}; give the secret another name"));
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
        for route in &raw.routes {
            let target = match &route.to {
                RawTarget::Service(target) => target,
                RawTarget::Redirect(redirect) => {
                    let names = raw.names.iter().map(|name| name.value.as_str());
                    let names: Vec<&str> = names.collect();
                    if let Some(port) = raw.listen.value {
                        routes::to_itself(reader, redirect, port, &names);
                    }
                    continue;
                }
            };
            let Some(service) = self.service(reader, target) else {
                continue;
            };
            if let Some(ServiceKind::Static(_)) = service.kind {
                routes::not_for_files(reader, route, &target.value);
            }
            if service.is_database {
                let prefix = &route.prefix;
                let message = format!("`{prefix}` leads to the database `{}`", target.value);
                reader
                    .report("route-to-database", target.span, message)
                    .hint("a route leads to an app or to static files");
                continue;
            }
            if self.is_behind(service, hosts) {
                self.edge(reader, raw, target, service, hosts);
                continue;
            }
            let why = match service.kind {
                Some(ServiceKind::Static(_)) => "files are served by the site's own host",
                _ => "a site's hosts all run an app, or none of them does and all lead to others",
            };
            let what = format!("site `{}`", raw.name);
            self.same_hosts(reader, target, service, hosts, (&what, why));
        }
    }

    /// A site and a container of a compose file cannot both have a port.
    fn published(&self, reader: &mut Reader<'_>, raw: &RawSite, hosts: &[HostName]) {
        let own = [raw.listen.value, raw.tls.as_ref().map(|_| Site::HTTPS)];
        for service in self.services {
            let Some(ServiceKind::Container(container)) = &service.kind else {
                continue;
            };
            let elsewhere = service.on.as_ref().is_some_and(|on| {
                let on = self.on(Some(on));
                !on.iter().any(|host| hosts.contains(host))
            });
            if elsewhere {
                continue;
            }
            let mut ports = container.composed.options.ports.iter();
            let taken =
                ports.find(|port| port.protocol == "tcp" && own.contains(&Some(port.outside)));
            if let Some(port) = taken {
                let message = format!(
                    "port {} of site `{}` is published by `{}` of the compose file",
                    port.outside, raw.name, service.name
                );
                reader
                    .report("port-taken", raw.listen.span, message)
                    .hint("give one of them another, or lead a route to that service instead");
            }
        }
    }

    fn ports(&self, reader: &mut Reader<'_>, raw: &RawSite, hosts: &[HostName]) {
        self.published(reader, raw, hosts);
        for name in hosts {
            let Some(host) = self.hosts.hosts.get(name) else {
                continue;
            };
            let ssh = host.ssh.port.unwrap_or(SSH_PORT);
            if Some(ssh) == raw.listen.value {
                let message = format!("port {ssh} of `{name}` is its SSH port");
                reader
                    .report("port-taken", raw.listen.span, message)
                    .hint("give the site another, such as 80");
                return;
            }
            if let Some(tls) = raw.tls.as_ref().filter(|_| ssh == Site::HTTPS) {
                let message = format!("port {ssh} of `{name}`, which HTTPS needs, is its SSH port");
                reader
                    .report("port-taken", tls.span, message)
                    .hint("have its SSH server listen on another, such as 22");
                return;
            }
        }
    }
}

/// A MySQL server in a container is reached from containers alone, and one of the host from the host alone.
fn within_reach(
    reader: &mut Reader<'_>,
    raw: &RawService,
    need: &At<ServiceName>,
    needed: &RawService,
) {
    let (Some(ServiceKind::App(app)), Some(ServiceKind::Database(database))) =
        (&raw.kind, &needed.kind)
    else {
        return;
    };
    let is_unit = matches!(app.source, AppSource::Unit(_));
    let in_container = database.image().is_some();
    if is_unit != in_container || is_unit && database.is_published() {
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

/// Reports what keeps a site from having HTTPS.
fn tls(reader: &mut Reader<'_>, raw: &RawSite) {
    let Some(tls) = &raw.tls else { return };
    if raw.names.is_empty() {
        let message = format!("`tls` of site `{}` needs `names`", raw.name);
        reader
            .report("tls-names", tls.span, message)
            .hint("a certificate is for names: `names: [shop.example.com]`");
    }
    if raw.listen.value == Some(Site::HTTPS) {
        let message = format!(
            "port {} of site `{}` is for its HTTPS",
            Site::HTTPS,
            raw.name
        );
        reader
            .report("port-taken", raw.listen.span, message)
            .hint("`listen` is the port of HTTP: leave it out for 80");
    }
    if !matches!(tls.value.source, CertificateSource::Acme(_)) {
        return;
    }
    for name in &raw.names {
        let bare = name.value.as_str();
        let why = if bare.starts_with("*.") {
            "for all names below another one only by a record in DNS"
        } else if bare.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            "not for an address"
        } else if !bare.contains('.') {
            "not for a name without a dot"
        } else {
            continue;
        };
        let message = format!("`{bare}` cannot have a certificate from `acme`: it is issued {why}");
        reader
            .report("acme-name", name.span, message)
            .hint("name it in full, or bring your own: `tls: {certificate: FILE, key: FILE}`");
    }
    if raw
        .listen
        .value
        .is_some_and(|port| port != ACME_PORT && port != Site::HTTPS)
    {
        let message = format!("`acme` needs port {ACME_PORT} of site `{}`", raw.name);
        reader
            .report("acme-port", raw.listen.span, message)
            .hint("authorities look there for their challenge: leave `listen` out");
    }
}

/// Reports what two sites of one host and port both answer to.
fn same_server(reader: &mut Reader<'_>, first: &RawSite, second: &RawSite) {
    for (plain, secure) in [(first, second), (second, first)] {
        if plain.listen.value == Some(Site::HTTPS) && plain.tls.is_none() && secure.tls.is_some() {
            let message = format!(
                "port {} of site `{}` is for the HTTPS of site `{}`",
                Site::HTTPS,
                plain.name,
                secure.name
            );
            reader
                .report("port-taken", plain.listen.span, message)
                .hint("give it another `listen`, or `tls`");
        }
    }
    let both = first.tls.as_ref().and(second.tls.as_ref());
    let https = both.map(|_| Site::HTTPS);
    let http = second.listen.value;
    let Some(port) = http
        .filter(|port| first.listen.value == Some(*port))
        .or(https)
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
