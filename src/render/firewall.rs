//! nftables: the ruleset that all stacks of a host share, the ports of one stack, and what loads both.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Serialize;

use super::{RenderError, Templates, public_file};
use crate::model::{Host, Layout, RemoteFile, Stack};

/// A host's firewall as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallFiles {
    pub base: RemoteFile,
    /// The ports of this stack.
    pub ports: RemoteFile,
    pub loader: RemoteFile,
    pub unit: RemoteFile,
}

#[derive(Serialize)]
struct BaseView<'a> {
    foreign_bridges: &'a BTreeSet<String>,
}

#[derive(Serialize)]
struct PortsView<'a> {
    stack: &'a str,
    ssh_ports: &'a BTreeSet<u16>,
    ports: BTreeSet<u16>,
    /// Who else may come, and where to.
    private: Vec<PrivateView>,
}

#[derive(Serialize)]
struct PrivateView {
    /// As nft calls the protocol.
    family: &'static str,
    edge: String,
    port: u16,
}

#[derive(Serialize)]
struct UnitView {
    loader: &'static str,
}

/// The firewall of `host`: SSH on `ssh_ports` and the ports of the stack's sites are open. `foreign_bridges` are
/// interfaces that are named like Docker's and are not.
pub fn firewall(
    templates: &Templates,
    stack: &Stack,
    host: &Host,
    ssh_ports: &BTreeSet<u16>,
    foreign_bridges: &BTreeSet<String>,
) -> Result<FirewallFiles, RenderError> {
    let layout = Layout::new(&stack.name);
    let mut ports = stack.open_ports(&host.name);
    ports.retain(|port| !ssh_ports.contains(port));
    let base = templates.render("firewall/base.nft", BaseView { foreign_bridges })?;
    let ports = templates.render(
        "firewall/stack.nft",
        PortsView {
            stack: stack.name.as_str(),
            ssh_ports,
            ports,
            private: private(stack, host),
        },
    )?;
    let unit = templates.render(
        "systemd/firewall.service",
        UnitView {
            loader: Layout::FIREWALL_LOADER,
        },
    )?;
    let loader = templates.render("firewall/load.sh", ())?;
    Ok(FirewallFiles {
        base: public_file(layout.firewall(), base),
        ports: public_file(layout.firewall_ports(), ports),
        loader: public_file(layout.firewall_loader(), loader),
        unit: public_file(layout.firewall_unit(), unit),
    })
}

/// The host's private port is open to its edges alone.
fn private(stack: &Stack, host: &Host) -> Vec<PrivateView> {
    let edges = stack.edges_before(&host.name);
    let edges = edges.into_values().filter_map(|edge| edge.private);
    let edges: BTreeSet<IpAddr> = edges.map(|address| address.ip).collect();
    let Some(own) = host.private else {
        return Vec::new();
    };
    let view = |edge: IpAddr| PrivateView {
        family: if edge.is_ipv4() { "ip" } else { "ip6" },
        edge: edge.to_string(),
        port: own.port,
    };
    edges.into_iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Overrides, sample};

    fn rendered(ssh: &[u16], bridges: &[&str]) -> FirewallFiles {
        let templates = Templates::new(&Overrides::default()).unwrap();
        let stack = sample::stack();
        let host = stack.hosts.values().next().unwrap();
        let ssh = ssh.iter().copied().collect();
        let bridges = bridges.iter().map(|name| (*name).to_owned()).collect();
        firewall(&templates, &stack, host, &ssh, &bridges).unwrap()
    }

    fn text(file: &RemoteFile) -> &str {
        std::str::from_utf8(&file.contents).unwrap()
    }

    #[test]
    fn ssh_and_sites_are_open() {
        let files = rendered(&[22, 2222], &[]);
        let path = files.ports.path.as_str();
        assert_eq!(path, "/etc/stackctl/firewall/stacks/names.nft");
        let lines: Vec<&str> = text(&files.ports)
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        let open = |port: u16| format!("add element inet stackctl open {{ {port} }}");
        assert_eq!(lines, [22, 2222, 80, 8080].map(open));
        assert!(text(&files.base).contains("policy drop;"));
        let unit = text(&files.unit);
        assert!(unit.contains("ExecStart=/bin/sh /etc/stackctl/firewall/load.sh\n"));
    }

    #[test]
    fn a_port_that_ssh_has_is_opened_once() {
        let files = rendered(&[80], &[]);
        assert_eq!(text(&files.ports).matches("{ 80 }").count(), 1);
    }

    #[test]
    fn a_bridge_that_is_not_dockers_is_outside() {
        assert!(!text(&rendered(&[22], &[]).base).contains("br-lan"));
        let files = rendered(&[22], &["br-lan"]);
        let base = text(&files.base);
        let (foreign, dockers) = (
            base.find("iifname \"br-lan\" drop").unwrap(),
            base.find("iifname \"br-*\" accept").unwrap(),
        );
        assert!(foreign < dockers, "{base}");
    }
}
