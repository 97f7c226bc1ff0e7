//! HTTP requests from the host itself: to apps through the socket that nginx uses, to sites through nginx.

use std::time::Duration;

use futures_util::future::join_all;

use super::Fleet;
use crate::facts::{ProbeFacts, Probed};
use crate::model::{HostName, Layout, Stack};
use crate::runtime::http;
use crate::transport::Endpoint;

const DEADLINE: Duration = Duration::from_secs(10);

struct Probe {
    host: HostName,
    probed: Probed,
    endpoint: Endpoint,
    server_name: String,
    path: String,
}

/// Asks each app and each site on each host of the fleet, all at once.
pub async fn probes(stack: &Stack, fleet: &Fleet) -> Vec<ProbeFacts> {
    let asked = list(stack).into_iter().filter_map(|probe| {
        let transport = fleet.get(&probe.host)?;
        Some(async move {
            let Probe {
                host,
                probed,
                endpoint,
                server_name,
                path,
            } = probe;
            let answer =
                http::get(transport.as_ref(), &endpoint, &server_name, &path, DEADLINE).await;
            let status = match answer {
                Ok(answer) => Ok(answer.status),
                Err(error) => Err(format!("{:#}", anyhow::Error::new(error))),
            };
            ProbeFacts {
                host,
                probed,
                path,
                status,
            }
        })
    });
    join_all(asked).await
}

fn list(stack: &Stack) -> Vec<Probe> {
    let layout = Layout::new(&stack.name);
    let mut probes = Vec::new();
    for service in stack.services.values() {
        let Some(app) = service.app() else { continue };
        for host in &service.hosts {
            probes.push(Probe {
                host: host.clone(),
                probed: Probed::Service(service.name.clone()),
                endpoint: Endpoint::Unix(layout.socket_link(&service.name).to_string()),
                server_name: "localhost".into(),
                path: app.health.path.clone(),
            });
        }
    }
    for site in stack.sites.values() {
        let shortest = site
            .routes
            .iter()
            .map(|route| route.prefix.as_str())
            .min_by_key(|prefix| prefix.len());
        let name = site
            .server_names
            .first()
            .map(|name| name.as_str().replace("*.", "www."));
        for host in &site.hosts {
            probes.push(Probe {
                host: host.clone(),
                probed: Probed::Site(site.name.clone()),
                endpoint: Endpoint::Loopback(site.listen),
                server_name: name.clone().unwrap_or_else(|| "localhost".into()),
                path: shortest.unwrap_or("/").to_owned(),
            });
        }
    }
    probes
}
