//! `logs`: what services and nginx say, of all hosts at once, by time.

mod follow;
mod kept;
mod out;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::args::{Global, LogsArgs, Since};
use super::session::Loaded;
use super::{Console, Failure, Kind, session};
use crate::facts::Facts;
use crate::model::{HostName, Layout, Route, ServiceName, time};
use crate::observe::{Depth, Fleet};
use crate::plan::{self, Instance, Process};
use crate::runtime::docker::{Engine, LogQuery};
use crate::runtime::journal;
use crate::ui::LogEntry;

use follow::{Follower, UnitFollower};
use kept::{Grep, Kept, Limits, earliest};
use out::Out;
use source::{FOLLOWED, Lines, READ, entry, of, origin, site_logs, unit_logs};

/// Of each container and file, when nothing else is said.
const LAST: u32 = 100;

pub async fn logs(
    args: &LogsArgs,
    mut global: Global,
    console: &Console,
    mut cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    global.service.extend(args.services.iter().cloned());
    let loaded = session::load(&global, console)?;
    let fleet = loaded.connect_all(console).await?;
    let facts = loaded.observe(&fleet, Depth::Running, console).await?;
    let reader = Reader::new(args, &loaded, &facts, !global.service.is_empty(), console)?;
    let work = async {
        let mut out = Out::new(args, &loaded, &reader, console);
        let engines = reader.engines(&fleet).await?;
        let Some(last) = reader.so_far(&fleet, &engines, &mut out).await? else {
            return Ok(());
        };
        if args.follow {
            reader.follow(&fleet, &engines, last, &mut out).await?;
        }
        Ok(())
    };
    tokio::select! {
        result = work => result,
        // As `docker compose logs` ends, so that a loop around it ends as well.
        Ok(_) = cancelled.wait_for(|cancelled| *cancelled) => Err(Failure::silent(Kind::Interrupted)),
    }
}

/// Which lines are wanted, and of what.
struct Reader<'a> {
    loaded: &'a Loaded,
    facts: &'a Facts,
    instances: Vec<Instance>,
    /// The sites of each host, for which nginx has logs.
    sites: BTreeMap<HostName, Vec<String>>,
    grep: Option<Grep>,
    since: Option<Since>,
    tail: Option<u32>,
}

impl<'a> Reader<'a> {
    fn new(
        args: &LogsArgs,
        loaded: &'a Loaded,
        facts: &'a Facts,
        is_chosen: bool,
        console: &Console,
    ) -> Result<Self, Failure> {
        let mut instances = Vec::new();
        let mut absent = Vec::new();
        let mut sites = BTreeMap::new();
        for (host, seen) in facts {
            for service in loaded.stack.services_on(host) {
                if !loaded.services.contains(&service.name) {
                    continue;
                }
                match plan::instance(&loaded.stack, service, host, seen) {
                    Ok(instance) => instances.push(instance),
                    Err(why) => absent.push((service.name.clone(), why)),
                }
            }
            if args.nginx {
                let wanted = loaded.stack.sites_on(host).filter(|site| {
                    let mut services = site.routes.iter().filter_map(Route::service);
                    services.any(|service| loaded.services.contains(service))
                });
                sites.insert(
                    host.clone(),
                    wanted.map(|site| site.name.to_string()).collect(),
                );
            }
        }
        let has_sites = sites.values().any(|sites: &Vec<String>| !sites.is_empty());
        let is_there = |name: &ServiceName| instances.iter().any(|there| there.service == *name);
        let missing = absent.iter().find(|(name, why)| {
            let by_nginx = has_sites && matches!(why, plan::NoInstance::Static(_));
            !is_there(name) && !by_nginx && (is_chosen || (instances.is_empty() && !has_sites))
        });
        if let Some((_, why)) = missing {
            return Err(Failure::new(Kind::Refused, why.to_string()).hint(why.hint()));
        }
        for (_, why) in absent
            .iter()
            .filter(|(name, _)| is_chosen && is_there(name))
        {
            console.tell(&format!("{} {why}", console.paint.warn("note")));
        }
        let narrowed = args.since.is_some() || args.grep.is_some();
        Ok(Self {
            loaded,
            facts,
            instances,
            sites,
            grep: args.grep.as_deref().map(Grep::new),
            since: args.since,
            tail: match args.tail {
                Some(tail) => tail.0,
                None => (!narrowed).then_some(LAST),
            },
        })
    }

    async fn engines(&self, fleet: &Fleet) -> Result<BTreeMap<HostName, Engine>, Failure> {
        let in_containers = self
            .instances
            .iter()
            .filter(|there| there.process.container().is_some());
        let hosts: BTreeSet<&HostName> = in_containers.map(|there| &there.host).collect();
        let mut engines = BTreeMap::new();
        for host in hosts {
            let transport = Arc::clone(&fleet[host]);
            let api = self.facts[host].docker_api.as_deref();
            let engine = Engine::connect(transport, api).await;
            engines.insert(host.clone(), engine.map_err(|error| of(host, &error))?);
        }
        Ok(engines)
    }

    /// What was said until now, merged. The last time that was seen of each container; `None` when nobody reads any more.
    async fn so_far(
        &self,
        fleet: &Fleet,
        engines: &BTreeMap<HostName, Engine>,
        out: &mut Out<'_>,
    ) -> Result<Option<BTreeMap<String, String>>, Failure> {
        let mut tasks = JoinSet::new();
        let mut queues = Vec::new();
        let limits = |host: &HostName| Limits {
            grep: self.grep.clone(),
            since: self
                .since
                .map_or(0, |since| since.at(self.facts[host].clock)),
            tail: self.tail,
        };
        for instance in &self.instances {
            let (lines, queue) = mpsc::unbounded_channel();
            queues.push(queue);
            let container = match &instance.process {
                Process::Container(name) => name,
                Process::Unit(unit) => {
                    let transport = Arc::clone(&fleet[&instance.host]);
                    let limits = limits(&instance.host);
                    let (instance, unit) = (instance.clone(), unit.clone());
                    tasks.spawn(async move {
                        unit_logs(&transport, &instance, &unit, limits, lines).await;
                    });
                    continue;
                }
            };
            let (engine, container) = (engines[&instance.host].clone(), container.clone());
            let origin = origin(instance);
            let host = instance.host.clone();
            let limits = limits(&instance.host);
            tasks.spawn(async move {
                let query = LogQuery {
                    follow: false,
                    since: limits.since,
                    tail: limits.tail.filter(|_| limits.grep.is_none()),
                };
                let mut kept = Kept::new(limits, lines.clone());
                let mut line = |line| kept.add(entry(&host, &origin, line));
                let read = engine.logs(&container, &query, &mut line).await;
                kept.end();
                if let Err(error) = read {
                    let _ = lines.send(Err(of(&host, &error)));
                }
            });
        }
        for (host, sites) in self.sites.iter().filter(|(_, sites)| !sites.is_empty()) {
            // One file after another, so that each has lines of its own.
            for site in sites {
                for log in LOGS {
                    let (lines, queue) = mpsc::unbounded_channel();
                    queues.push(queue);
                    let limits = limits(host);
                    let all = limits.grep.is_some() || limits.since > 0 || limits.tail.is_none();
                    let wanted = match limits.tail {
                        Some(tail) if !all => tail.to_string(),
                        _ => "all".to_owned(),
                    };
                    let files = vec![(self.file(site, log), site.clone(), log)];
                    let transport = Arc::clone(&fleet[host]);
                    let host = host.clone();
                    tasks.spawn(async move {
                        let mut kept = Kept::new(limits, lines.clone());
                        let mut add = |entry| kept.add(entry);
                        let read = site_logs(&host, &transport, &wanted, &files, READ, &mut add);
                        let read = read.await;
                        kept.end();
                        if let Err(failure) = read {
                            let _ = lines.send(Err(failure));
                        }
                    });
                }
            }
        }
        let mut last = BTreeMap::new();
        let mut heads: Vec<Option<LogEntry>> = Vec::new();
        for queue in &mut queues {
            heads.push(queue.recv().await.transpose()?);
        }
        while let Some(next) = earliest(&heads) {
            let entry = heads[next].take().expect("it was just found");
            heads[next] = queues[next].recv().await.transpose()?;
            if let Some(instance) = self.instances.get(next) {
                let name = instance.process.name();
                last.insert(format!("{} {name}", instance.host), entry.time.clone());
            }
            if !out.write(&entry)? {
                return Ok(None);
            }
        }
        out.flush()?;
        Ok(Some(last))
    }

    fn file(&self, site: &str, log: &str) -> String {
        format!("/var/log/nginx/{}-{site}.{log}.log", self.loaded.stack.name)
    }

    /// What is said from now on, also by the containers of later releases, until it is stopped.
    async fn follow(
        &self,
        fleet: &Fleet,
        engines: &BTreeMap<HostName, Engine>,
        last: BTreeMap<String, String>,
        out: &mut Out<'_>,
    ) -> Result<(), Failure> {
        let (lines, mut queue) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        for (host, engine) in engines {
            let mut follower = Follower {
                host: host.clone(),
                engine: engine.clone(),
                services: self.services(host),
                layout: Layout::new(&self.loaded.stack.name),
                stack: self.loaded.stack.name.to_string(),
                last: last.clone(),
                seen: BTreeMap::new(),
                following: BTreeSet::new(),
                began: self.facts[host].clock,
                lines: lines.clone(),
            };
            tasks.spawn(async move { follower.run().await });
        }
        self.follow_units(fleet, &last, &lines, &mut tasks);
        for (host, sites) in self.sites.iter().filter(|(_, sites)| !sites.is_empty()) {
            let all = sites
                .iter()
                .flat_map(|site| LOGS.map(|log| (self.file(site, log), site.clone(), log)));
            let files: Vec<_> = all.collect();
            let (transport, host) = (Arc::clone(&fleet[host]), host.clone());
            let lines = lines.clone();
            tasks.spawn(async move {
                let mut add = |entry| lines.send(Ok(entry)).is_ok();
                let read = site_logs(&host, &transport, "follow", &files, FOLLOWED, &mut add);
                if let Err(failure) = read.await {
                    let _ = lines.send(Err(failure));
                }
            });
        }
        drop(lines);
        while let Some(entry) = queue.recv().await {
            let entry = entry?;
            if self
                .grep
                .as_ref()
                .is_some_and(|grep| !grep.finds(&entry.text))
            {
                continue;
            }
            if !(out.write(&entry)? && out.flush()?) {
                break;
            }
        }
        Ok(())
    }

    /// Each app that units run, and each server of the host itself.
    fn follow_units(
        &self,
        fleet: &Fleet,
        last: &BTreeMap<String, String>,
        lines: &Lines,
        tasks: &mut JoinSet<()>,
    ) {
        let layout = Layout::new(&self.loaded.stack.name);
        for host in self.facts.keys() {
            for service in self.services(host) {
                let instances = self.instances.iter();
                let mut here =
                    instances.filter(|there| there.host == *host && there.service == service.name);
                let unit = here.find_map(|there| match &there.process {
                    Process::Unit(unit) => Some(unit.clone()),
                    Process::Container(_) => None,
                });
                let matches = match (service.unit(), &unit) {
                    (Some(_), unit) => {
                        let units = layout.release_units(&service.name);
                        journal::of_template(&units, unit.as_deref())
                    }
                    (None, Some(unit)) => journal::of_unit(unit),
                    (None, None) => continue,
                };
                let shown = unit.and_then(|unit| last.get(&format!("{host} {unit}")));
                let follower = UnitFollower {
                    host: host.clone(),
                    transport: Arc::clone(&fleet[host]),
                    layout: layout.clone(),
                    service: service.name.clone(),
                    matches,
                    until: shown
                        .cloned()
                        .unwrap_or_else(|| time::beginning(self.facts[host].clock)),
                    lines: lines.clone(),
                };
                tasks.spawn(follower.run());
            }
        }
    }

    fn services(&self, host: &HostName) -> Vec<crate::model::Service> {
        let all = self.loaded.stack.services_on(host).into_iter();
        let wanted = all.filter(|service| self.loaded.services.contains(&service.name));
        wanted.cloned().collect()
    }
}

const LOGS: [&str; 2] = ["access", "error"];

impl Since {
    /// Seconds since the epoch, on a host whose clock shows `now`.
    fn at(self, now: u64) -> u64 {
        match self {
            Since::Ago(ago) => now.saturating_sub(ago.as_secs()),
            Since::At(time) => time,
        }
    }
}
