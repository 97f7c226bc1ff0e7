//! HTTP requests from the host itself: to apps through the socket that nginx uses, to sites through nginx, and from edges
//! to apps on other hosts.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;

use super::Fleet;
use crate::facts::{ProbeFacts, Probed};
use crate::model::{HostName, Layout, Site, Stack};
use crate::render;
use crate::runtime::http;
use crate::script;
use crate::transport::{Endpoint, Source, Transport};

const DEADLINE: Duration = Duration::from_secs(10);

enum Way {
    Http(Endpoint),
    /// A port of the host's loopback address.
    Https(u16),
}

struct Probe {
    host: HostName,
    probed: Probed,
    way: Way,
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
                way,
                server_name,
                path,
            } = probe;
            let transport = transport.as_ref();
            let status = match way {
                Way::Http(endpoint) => {
                    let answer = http::get(transport, &endpoint, &server_name, &path, DEADLINE);
                    let answer = answer.await.map(|answer| answer.status);
                    answer.map_err(|error| format!("{:#}", anyhow::Error::new(error)))
                }
                Way::Https(port) => https(transport, port, &server_name, &path).await,
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

/// By the host's own openssl: what goes over our connection is not encrypted a second time.
async fn https(
    transport: &dyn Transport,
    port: u16,
    server_name: &str,
    path: &str,
) -> Result<u16, String> {
    let script = script::https_get(port, server_name, path);
    // On a channel of its own, beside the facts.
    let mut ignore = |_: Source, _: &str| {};
    let asked = transport.stream(&script, None, &mut ignore, DEADLINE + DEADLINE);
    let output = asked
        .await
        .map_err(|error| format!("{:#}", anyhow::Error::new(error)))?;
    let status = String::from_utf8_lossy(&output.stdout).trim().parse();
    status.map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        format!(
            "HTTPS: {}",
            if said.is_empty() { "no answer" } else { &said }
        )
    })
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
                way: Way::Http(Endpoint::Unix(
                    layout.socket_link(&service.name).to_string(),
                )),
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
                way: match site.tls {
                    Some(_) => Way::Https(Site::HTTPS),
                    None => Way::Http(Endpoint::Loopback(site.listen)),
                },
                server_name: name.clone().unwrap_or_else(|| "localhost".into()),
                path: shortest.unwrap_or("/").to_owned(),
            });
        }
    }
    probes.extend(stack.hosts.keys().flat_map(|edge| through(stack, edge)));
    probes
}

/// What an edge leads requests to, asked as its nginx does.
fn through(stack: &Stack, edge: &HostName) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (name, service) in stack.upstreams_of(edge) {
        let known = service
            .app()
            .zip(render::private_name(stack, service, edge));
        let Some((app, server_name)) = known else {
            continue;
        };
        for host in &service.hosts {
            let Some(private) = stack.hosts.get(host).and_then(|host| host.private) else {
                continue;
            };
            let address = SocketAddr::new(private.ip, private.port);
            probes.push(Probe {
                host: edge.clone(),
                probed: Probed::Instance(name.clone(), host.clone()),
                way: Way::Http(Endpoint::Remote(address)),
                server_name: server_name.clone(),
                path: app.health.path.clone(),
            });
        }
    }
    probes
}
