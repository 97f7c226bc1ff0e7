//! What `status` shows to people.

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

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    table
}

fn mib(amount: u64) -> String {
    if amount >= 10 * 1024 {
        format!("{} GiB", amount / 1024)
    } else {
        format!("{amount} MiB")
    }
}
