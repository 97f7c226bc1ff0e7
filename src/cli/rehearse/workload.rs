//! What visitors ask while a rehearsal goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Rehearsing;
use crate::cli::{Failure, Kind, lab, load};
use crate::lab::LabHost;
use crate::load::{Request, Target, Visitors, Workload};
use crate::model::{HostName, Route, ServiceKind, Site, Stack};

/// Requests to `/` for each to a health path, which often asks the database and so is dearer than a page.
const PAGES: f64 = 4.0;
/// Visitors with a connection of their own for each request; the others keep theirs.
const CLOSING: f64 = 0.2;

/// What is asked, and how it is told.
pub(super) struct Asked {
    pub workload: Workload,
    pub words: Vec<String>,
}

impl Rehearsing<'_> {
    /// Visitors for each site on each host. What does not answer well before anything is deployed says nothing about the
    /// deploy, and is left out.
    pub(super) async fn workload(
        &mut self,
        stack: &Stack,
        hosts: &BTreeMap<HostName, LabHost>,
    ) -> Result<Asked, Failure> {
        let posts: Vec<Request> = self
            .args
            .post
            .iter()
            .map(|text| load::parse_post(text))
            .collect::<Result<_, _>>()?;
        let mut groups: Vec<(Target, Vec<(Request, f64)>)> = Vec::new();
        let mut words: BTreeSet<String> = BTreeSet::new();
        let mut unpublished: BTreeSet<u16> = BTreeSet::new();
        for site in stack.sites.values() {
            let mut paths = if self.args.path.is_empty() {
                usual_paths(stack, site)
            } else {
                self.args.path.clone()
            };
            paths.retain(|path| is_routed(site, path));
            for name in &site.hosts {
                let Some(host) = hosts.get(name) else {
                    continue;
                };
                if !host.ports.contains_key(&site.listen) {
                    unpublished.insert(site.listen);
                    continue;
                }
                let target = Target {
                    address: lab::public(host, site.listen),
                    host: site_name(site, host),
                    tls: None,
                };
                let mut requests = Vec::new();
                let pages = match self.args.path.is_empty() {
                    true => PAGES * paths.len().saturating_sub(1).max(1) as f64,
                    false => 1.0,
                };
                for path in &paths {
                    let weight = if path == "/" { pages } else { 1.0 };
                    match answers(&target, path).await {
                        Ok(()) => requests.push((Request::get(path), weight)),
                        Err(why) => self.notes.push(format!(
                            "GET {path} of site {} is left out: it {why} before the deploy",
                            site.name
                        )),
                    }
                }
                let posted = posts.iter().filter(|post| is_routed(site, &post.path));
                requests.extend(posted.map(|post| (post.clone(), 1.0)));
                for (request, _) in &requests {
                    let method = if request.body.is_some() {
                        "POST"
                    } else {
                        "GET"
                    };
                    words.insert(format!("{method} {}", request.path));
                }
                if !requests.is_empty() {
                    groups.push((target, requests));
                }
            }
        }
        for port in unpublished {
            self.notes.push(format!(
                "sites on port {port} are not asked: lab hosts publish {}",
                crate::lab::PUBLISHED
                    .map(|port| port.to_string())
                    .join(", ")
            ));
        }
        if groups.is_empty() {
            let mut failure = Failure::new(Kind::Refused, "there is nothing to put load on")
                .hint("name paths that answer 200 with --path, or a --post PATH=JSON");
            for note in &self.notes {
                failure = failure.hint(note);
            }
            return Err(failure);
        }
        let share = self.args.rate / groups.len() as f64;
        let mut visitors = Vec::new();
        for (target, requests) in groups {
            let all: f64 = requests.iter().map(|(_, weight)| weight).sum();
            for (request, weight) in requests {
                // Each path has visitors of its own: those of a slow one must not keep others waiting.
                for (part, keep_alive) in [(1.0 - CLOSING, true), (CLOSING, false)] {
                    let rate = (share * weight / all * part).max(0.1);
                    visitors.push(Visitors {
                        target: target.clone(),
                        rate,
                        // As many as are under way when an answer takes two seconds.
                        connections: ((rate * 2.0).ceil() as usize).clamp(2, 200),
                        keep_alive,
                        requests: vec![request.clone()],
                    });
                }
            }
        }
        let workload = Workload {
            visitors,
            id_prefix: "rehearsal".to_owned(),
            ..Workload::default()
        };
        Ok(Asked {
            workload,
            words: words.into_iter().collect(),
        })
    }
}

/// `/`, and the health path of each app whose route leads there.
fn usual_paths(stack: &Stack, site: &Site) -> Vec<String> {
    let mut paths = vec!["/".to_owned()];
    for name in site.routes.iter().filter_map(Route::service) {
        let Some(service) = stack.services.get(name) else {
            continue;
        };
        if let ServiceKind::App(app) = &service.kind
            && leads_to(site, &app.health.path) == Some(name)
            && !paths.contains(&app.health.path)
        {
            paths.push(app.health.path.clone());
        }
    }
    paths
}

/// The service that answers a path: the longest prefix wins.
fn leads_to<'a>(site: &'a Site, path: &str) -> Option<&'a crate::model::ServiceName> {
    let routes = site.routes.iter();
    routes
        .filter(|route| path.starts_with(route.prefix.as_str()))
        .max_by_key(|route| route.prefix.as_str().len())
        .and_then(Route::service)
}

fn is_routed(site: &Site, path: &str) -> bool {
    leads_to(site, path).is_some()
}

/// A name that the site answers to.
fn site_name(site: &Site, host: &LabHost) -> String {
    match site.server_names.first() {
        // Any name below it will do.
        Some(name) => name.as_str().replacen("*.", "rehearsal.", 1),
        None => lab::public(host, site.listen),
    }
}

/// Whether a path answers well now.
async fn answers(target: &Target, path: &str) -> Result<(), String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .build()
        .map_err(|error| format!("cannot be asked: {error}"))?;
    let url = format!("http://{}{path}", target.address);
    let asked = client.get(url).header("host", &target.host).send().await;
    match asked {
        Ok(answer) if answer.status().is_success() || answer.status().is_redirection() => Ok(()),
        Ok(answer) => Err(format!("answers {}", answer.status().as_u16())),
        Err(_) => Err("does not answer".to_owned()),
    }
}
