//! Routes that lead to other hosts: whether the two can reach each other.

use super::reader::{At, Reader};
use super::relations::Relations;
use super::services::RawService;
use super::sites::RawSite;
use crate::model::{Host, HostName, ServiceKind, ServiceName, Site};

impl Relations<'_> {
    /// Whether a site on `hosts` leads to an app that runs on others alone.
    pub(super) fn is_behind(&self, service: &RawService, hosts: &[HostName]) -> bool {
        let there = self.on(service.on.as_deref());
        let is_app = matches!(service.kind, Some(ServiceKind::App(_)));
        let is_said = service.on.is_some() && !hosts.is_empty() && !there.is_empty();
        is_app && is_said && !hosts.iter().any(|host| there.contains(host))
    }

    /// Each edge and each host behind it need an address at which the others find it, of one family.
    pub(super) fn edge(
        &self,
        reader: &mut Reader<'_>,
        raw: &RawSite,
        target: &At<ServiceName>,
        service: &RawService,
        edges: &[HostName],
    ) {
        let there = self.on(service.on.as_deref());
        // Hosts that could not be read, or that are not there, are told elsewhere.
        let known = |names: &[HostName]| -> Vec<&Host> {
            let hosts = names.iter();
            hosts
                .filter_map(|name| self.hosts.hosts.get(name))
                .collect()
        };
        let (edges, there) = (known(edges), known(&there));
        let lacking: Vec<&str> = edges
            .iter()
            .chain(&there)
            .filter(|host| !self.hosts.private.contains_key(&host.name))
            .map(|host| host.name.as_str())
            .collect();
        let words = |hosts: &[&Host]| -> String {
            let names: Vec<String> = hosts.iter().map(|h| format!("`{}`", h.name)).collect();
            names.join(", ")
        };
        let begin = format!(
            "site `{}` is on {}, and `{}` runs on {}",
            raw.name,
            words(&edges),
            target.value,
            words(&there)
        );
        if let [first, ..] = lacking.as_slice() {
            let all = lacking.join(", ");
            let message = format!("{begin}: no private address is known of {all}");
            reader
                .report("edge-address", target.span, message)
                .hint(format!(
                    "give `{first}` one at which the others reach it (`private: 10.0.0.11`), or add the site's host to `on` of `{}`",
                    target.value
                ));
            return;
        }
        let families = edges.iter().chain(&there).filter_map(|host| host.private);
        let mut families = families.map(|address| address.ip.is_ipv4());
        let first = families.next();
        if families.any(|family| Some(family) != first) {
            let message = format!("{begin}: some private addresses are IPv4, others IPv6");
            reader
                .report("edge-address", target.span, message)
                .hint("give all of them addresses of one network");
        }
    }

    /// What else has a host's private address, or the port of it.
    pub(super) fn private(&self, reader: &mut Reader<'_>, sites: &[(&RawSite, Vec<HostName>)]) {
        let mut seen: Vec<&Host> = Vec::new();
        for host in self.hosts.hosts.values() {
            let Some(private) = host.private else {
                continue;
            };
            let span = self.hosts.private[&host.name];
            let same = |other: &&&Host| other.private.is_some_and(|there| there.ip == private.ip);
            if let Some(other) = seen.iter().find(same) {
                let message = format!(
                    "hosts `{}` and `{}` both have the private address {}",
                    other.name, host.name, private.ip
                );
                reader
                    .report("same-address", span, message)
                    .hint("each host has an address of its own");
            }
            seen.push(host);
            let mut here = sites.iter().filter(|(_, hosts)| hosts.contains(&host.name));
            let by_site = here.find(|(site, _)| {
                let https = site.tls.as_ref().map(|_| Site::HTTPS);
                [site.listen.value, https].contains(&Some(private.port))
            });
            let by = match by_site {
                Some((site, _)) => format!("that of site `{}`", site.name),
                None if host.ssh.port.unwrap_or(super::relations::SSH_PORT) == private.port => {
                    "its SSH port".to_owned()
                }
                None => continue,
            };
            let message = format!(
                "the private port {} of `{}` is {by}",
                private.port, host.name
            );
            reader.report("port-taken", span, message).hint(format!(
                "write another after the address: `private: {}:7480`",
                private.ip
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{check, good};

    /// An app on hosts behind an edge, of which the hosts and more are given.
    fn stack(hosts: &str, more: &str, on: &str, site: &str) -> String {
        format!(
            "stack: s\nhosts: {{{hosts}}}\n{more}services:\n  web: {{build: ., on: [{on}]}}\nsites:\n  shop: {{on: [{site}], routes: {{/: web}}}}\n"
        )
    }

    const HOSTS: &str = "e: {address: e.test, private: 10.0.0.5}, a: {address: a.test, private: 10.0.0.11}, b: {address: b.test, private: \"10.0.0.12:81\"}";

    #[test]
    fn an_edge_leads_to_other_hosts() {
        let stack = good(&stack(HOSTS, "", "a, b", "e"));
        let name = |text: &str| text.parse().unwrap();
        let (web, edge) = (stack.services.keys().next().unwrap(), name("e"));
        assert_eq!(
            stack.upstreams_of(&edge).into_keys().collect::<Vec<_>>(),
            [web]
        );
        assert!(stack.upstreams_of(&name("a")).is_empty());
        assert_eq!(stack.private_port(&name("b")), Some(81));
        assert_eq!(stack.private_port(&edge), None);
        assert!(stack.has_nginx(&name("a")) && stack.open_ports(&name("a")).is_empty());
    }

    #[test]
    fn an_edge_and_the_hosts_behind_it_need_addresses_of_one_family() {
        check(
            &stack(
                "e: e.test, a: {address: a.test, private: 10.0.0.11}",
                "",
                "a",
                "e",
            ),
            "6:31 [web] edge-address: site `shop` is on `e`, and `web` runs on `a`: no private address is known of e | give `e` one at which the others reach it (`private: 10.0.0.11`), or add the site's host to `on` of `web`",
        );
        check(
            &stack(
                "e: {address: e.test, private: 10.0.0.5}, a: a.test, b: b.test",
                "",
                "a, b",
                "e",
            ),
            "6:31 [web] edge-address: site `shop` is on `e`, and `web` runs on `a`, `b`: no private address is known of a, b | give `a` one at which the others reach it (`private: 10.0.0.11`), or add the site's host to `on` of `web`",
        );
        check(
            &stack(
                "e: {address: e.test, private: 10.0.0.5}, a: {address: a.test, private: \"fd00::1\"}",
                "",
                "a",
                "e",
            ),
            "6:31 [web] edge-address: site `shop` is on `e`, and `web` runs on `a`: some private addresses are IPv4, others IPv6 | give all of them addresses of one network",
        );
    }

    #[test]
    fn a_host_in_both_roles_and_files_elsewhere_are_refused() {
        check(
            &stack(HOSTS, "", "a, b", "e, a"),
            "6:34 [web] other-host: site `shop` is on `e`, where `web` does not run | add `e` to `on` of `web`: a site's hosts all run an app, or none of them does and all lead to others",
        );
        let files = stack(HOSTS, "", "a, b", "e").replace("build: .", "static: .");
        check(
            &files,
            "6:31 [web] other-host: site `shop` is on `e`, where `web` does not run | add `e` to `on` of `web`: files are served by the site's own host",
        );
    }

    #[test]
    fn private_addresses_that_cannot_be_meant() {
        let one = |private: &str| {
            let hosts = format!(
                "e: {{address: e.test, private: 10.0.0.5}}, a: {{address: a.test, private: {private}}}"
            );
            stack(&hosts, "", "a", "e")
        };
        check(
            &one("app1"),
            "2:80 [app1] invalid: `app1` is not a private address: write an IP address of the host such as `10.0.0.11`, with a port if it is not to be 7480",
        );
        check(
            &one("10.0.0.5"),
            "2:39 [10.0.0.5] same-address: hosts `a` and `e` both have the private address 10.0.0.5 | each host has an address of its own",
        );
        check(
            &one("10.0.0.6:22"),
            "2:80 [10.0.0.6:22] port-taken: the private port 22 of `a` is its SSH port | write another after the address: `private: 10.0.0.6:7480`",
        );
        let hosts = "a: {address: a.test, private: 10.0.0.6:80}";
        check(
            &stack(hosts, "", "a", "a"),
            "2:39 [10.0.0.6:80] port-taken: the private port 80 of `a` is that of site `shop` | write another after the address: `private: 10.0.0.6:7480`",
        );
    }

    #[test]
    fn groups_stand_for_their_hosts() {
        let groups = "groups: {apps: [a, b], all: [a, b, e]}\n";
        let stack = good(&stack(HOSTS, groups, "apps, a", "e"));
        let web = stack.services.values().next().unwrap();
        let names: Vec<&str> = web.hosts.iter().map(|host| host.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn groups_that_cannot_be_meant() {
        let with = |groups: &str| stack(HOSTS, &format!("groups: {groups}\n"), "a, b", "e");
        for (groups, expected) in [
            (
                "{apps: [a, others]}",
                "3:20 [others] unknown-host: there is no host `others` | the hosts are: e, a, b",
            ),
            (
                "{a: [b]}",
                "3:10 [a] same-name: `a` is a host and a group | `on` could mean either: give the group another name",
            ),
            (
                "{apps: []}",
                "3:10 [apps] empty-group: group `apps` has no hosts | name at least one, or remove the group",
            ),
            (
                "{apps: [a], more: [apps]}",
                "3:28 [apps] unknown-host: `apps` is a group itself | a group names hosts",
            ),
            (
                "{apps: [a, a]}",
                "3:20 [a] duplicate: `a` stands twice in `apps`",
            ),
            (
                "{Apps: [a]}",
                "3:10 [Apps] invalid: `Apps` is not a host name: use 1 to 32 lower-case letters, digits and inner hyphens, beginning with a letter",
            ),
        ] {
            check(&with(groups), expected);
        }
        check(
            &stack(HOSTS, "groups: {apps: [a, b]}\n", "workers", "e"),
            "5:24 [workers] unknown-host: there is no host or group `workers` | the hosts are: e, a, b; the groups: apps",
        );
        check(
            &stack(HOSTS, "groups: {apps: [a, b]}\n", "app", "e"),
            "5:24 [app] unknown-host: there is no host or group `app` | did you mean `apps`?",
        );
    }
}
