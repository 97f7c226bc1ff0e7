//! What `status` shows to people.

use std::collections::BTreeSet;
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets::NOTHING};

use super::{Paint, printable, seconds};
use crate::plan::Status;

/// Hosts, services and sites as tables, then what is wrong.
pub fn status_text(status: &Status, paint: Paint) -> String {
    let mut text = String::new();
    let mark = |good: bool| {
        if good {
            paint.good("ok")
        } else {
            paint.bad("bad")
        }
    };
    let mut hosts = table(&[
        "host",
        "",
        "system",
        "up",
        "memory free",
        "disk free",
        "docker",
        "nginx",
        "open ports",
    ]);
    for host in &status.hosts {
        let amount = |amount: Option<crate::plan::Amount>| {
            amount.map_or_else(
                || "-".into(),
                |amount| format!("{} of {}", mib(amount.free), mib(amount.total)),
            )
        };
        let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        hosts.add_row([
            host.name.clone(),
            mark(host.reachable),
            dash(&host.os),
            host.uptime_seconds
                .map_or_else(|| "-".into(), |up| seconds(Duration::from_secs(up))),
            amount(host.memory_mib),
            amount(host.disk_mib),
            dash(&host.docker),
            dash(&host.nginx),
            match &host.open_ports {
                Some(ports) => list(ports),
                None if host.reachable => "any".into(),
                None => "-".into(),
            },
        ]);
    }
    text.push_str(&format!("{hosts}\n\n"));
    let mut services = table(&[
        "service", "", "host", "kind", "release", "started", "restarts", "seen",
    ]);
    for service in &status.services {
        services.add_row([
            service.name.clone(),
            mark(service.healthy),
            service.host.clone(),
            service.kind.to_owned(),
            service.release.clone().unwrap_or_else(|| "-".into()),
            service
                .started_at
                .as_deref()
                .map_or_else(|| "-".into(), |at| at.chars().take(19).collect()),
            service
                .restarts
                .map_or_else(|| "-".into(), |restarts| restarts.to_string()),
            printable(&service.detail),
        ]);
    }
    text.push_str(&format!("{services}\n\n"));
    let mut sites = table(&["site", "", "host", "port", "path", "seen"]);
    for site in &status.sites {
        sites.add_row([
            site.name.clone(),
            mark(site.healthy),
            site.host.clone(),
            site.port.to_string(),
            site.path.clone(),
            printable(&site.detail),
        ]);
    }
    if !status.sites.is_empty() {
        text.push_str(&format!("{sites}\n\n"));
    }
    let mut upstreams = table(&["edge", "", "service", "host", "address", "seen"]);
    for upstream in &status.upstreams {
        upstreams.add_row([
            upstream.edge.clone(),
            mark(upstream.healthy),
            upstream.service.clone(),
            upstream.host.clone(),
            upstream.address.clone(),
            printable(&upstream.detail),
        ]);
    }
    if !status.upstreams.is_empty() {
        text.push_str(&format!("{upstreams}\n\n"));
    }
    if status.healthy {
        text.push_str(&format!(
            "{} {} is healthy\n",
            paint.good("✓"),
            status.stack
        ));
    } else {
        for problem in &status.problems {
            text.push_str(&format!("{} {}\n", paint.bad("✗"), printable(problem)));
        }
    }
    text
}

pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    table
}

fn list(ports: &BTreeSet<u16>) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    ports.join(", ")
}

fn mib(amount: u64) -> String {
    if amount >= 10 * 1024 {
        format!("{} GiB", amount / 1024)
    } else {
        format!("{amount} MiB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Amount, HostStatus, ServiceStatus, SiteStatus};

    fn status() -> Status {
        Status {
            schema: 1,
            stack: "names".into(),
            healthy: true,
            hosts: vec![HostStatus {
                name: "web1".into(),
                reachable: true,
                os: Some("Debian GNU/Linux 12 (bookworm)".into()),
                uptime_seconds: Some(185),
                memory_mib: Some(Amount {
                    total: 2048,
                    free: 512,
                }),
                disk_mib: Some(Amount {
                    total: 30 * 1024,
                    free: 20 * 1024,
                }),
                docker: Some("20.10.24".into()),
                open_ports: Some(BTreeSet::from([22, 80])),
                ..HostStatus::default()
            }],
            services: vec![ServiceStatus {
                name: "backend".into(),
                host: "web1".into(),
                kind: "app",
                healthy: true,
                release: Some("0123456789ab".into()),
                started_at: Some("2026-11-21T05:00:00.123456789Z".into()),
                restarts: Some(0),
                stopped_by: None,
                detail: "/healthz answers HTTP 200".into(),
            }],
            sites: vec![SiteStatus {
                certificate: None,
                name: "names".into(),
                host: "web1".into(),
                port: 80,
                path: "/".into(),
                healthy: true,
                http_status: Some(200),
                detail: "HTTP 200".into(),
            }],
            upstreams: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Without the blanks that fill a table's last column.
    fn shown(status: &Status, paint: Paint) -> String {
        let text = status_text(status, paint);
        text.lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }

    #[test]
    fn a_healthy_stack_on_a_page() {
        let expected = [
            " host      system                          up         memory free          disk free         docker    nginx  open ports",
            " web1  ok  Debian GNU/Linux 12 (bookworm)  3 min 5 s  512 MiB of 2048 MiB  20 GiB of 30 GiB  20.10.24  -      22, 80",
            "",
            " service      host  kind  release       started              restarts  seen",
            " backend  ok  web1  app   0123456789ab  2026-11-21T05:00:00  0         /healthz answers HTTP 200",
            "",
            " site       host  port  path  seen",
            " names  ok  web1  80    /     HTTP 200",
            "",
            "✓ names is healthy\n",
        ];
        assert_eq!(shown(&status(), Paint(false)), expected.join("\n"));
    }

    #[test]
    fn what_is_wrong_comes_last() {
        let mut status = status();
        status.healthy = false;
        status.services[0].healthy = false;
        status.services[0].detail = "said \x1b[31mno\x07".into();
        status.problems = vec!["service backend on web1: said \x1b[31mno\x07".into()];
        let text = shown(&status, Paint(false));
        assert!(
            text.ends_with("\n✗ service backend on web1: said no\\u{7}\n"),
            "{text}"
        );
        assert!(
            text.contains(" bad ") && !text.contains("healthy\n"),
            "{text}"
        );
        assert!(
            !text.contains('\x1b'),
            "a host's words reach no terminal: {text}"
        );
        assert!(shown(&status, Paint(true)).contains("\x1b[31mbad\x1b[0m"));
    }

    #[test]
    fn a_host_that_did_not_answer_has_dashes() {
        let mut status = status();
        status.hosts[0] = HostStatus {
            name: "web1".into(),
            ..HostStatus::default()
        };
        let text = shown(&status, Paint(false));
        let row = text
            .lines()
            .find(|line| line.trim_start().starts_with("web1"))
            .unwrap();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words, ["web1", "bad", "-", "-", "-", "-", "-", "-", "-"]);
    }
}
