//! `logs -f`: the containers and units of one host, also those that a deploy starts meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::Failure;
use super::source::{FOLLOWED, Lines, entry, of, unit_entry};
use crate::model::{HostName, Layout, ReleaseId, Service, ServiceName, time};
use crate::plan;
use crate::runtime::docker::{Engine, LogLine, LogQuery};
use crate::runtime::journal::{self, JournalLine, JournalQuery};
use crate::transport::Transport;
use crate::ui::Origin;

/// How often containers are looked for that a deploy has started meanwhile.
const LOOK: Duration = Duration::from_secs(1);

/// The containers of one host, while they are followed.
pub(super) struct Follower {
    pub host: HostName,
    pub engine: Engine,
    pub services: Vec<Service>,
    pub layout: Layout,
    pub stack: String,
    /// By host and name: the last time that was shown already.
    pub last: BTreeMap<String, String>,
    /// By id: until when its lines are known.
    pub seen: BTreeMap<String, String>,
    pub following: BTreeSet<String>,
    /// When it was begun, by the host's clock.
    pub began: u64,
    pub lines: Lines,
}

impl Follower {
    /// Goes on until nobody reads any more, or the engine is gone.
    pub(super) async fn run(&mut self) {
        let (ended, mut ends) = mpsc::unbounded_channel();
        let mut is_first = true;
        let mut tasks = JoinSet::new();
        loop {
            let listed = match self.engine.containers_of(&self.stack).await {
                Ok(listed) => listed,
                Err(error) => {
                    let _ = self.lines.send(Err(of(&self.host, &error)));
                    return;
                }
            };
            for (name, there) in listed {
                let found = self.services.iter().find_map(|service| {
                    let release = plan::release_of(&self.layout, service, &name, &there)?;
                    Some((service.name.clone(), release))
                });
                let Some((service, release)) = found else {
                    continue;
                };
                if is_first {
                    // What others said before is not told: they do not serve.
                    let shown = self.last.get(&format!("{} {name}", self.host)).cloned();
                    let shown = shown.unwrap_or_else(|| time::beginning(self.began));
                    self.seen.insert(there.id.clone(), shown);
                }
                if !there.is_running() || !self.following.insert(there.id.clone()) {
                    continue;
                }
                let origin = Origin::Service {
                    service: service.to_string(),
                    release: release.map(|id| id.to_string()),
                };
                let since = self.seen.get(&there.id).cloned().unwrap_or_default();
                let (engine, host) = (self.engine.clone(), self.host.clone());
                let (lines, ended, id) = (self.lines.clone(), ended.clone(), there.id.clone());
                tasks.spawn(async move {
                    let query = LogQuery {
                        follow: true,
                        since: time::seconds_of(&since).unwrap_or(0),
                        tail: None,
                    };
                    // Lines come in the order in which they were whole, and their times are of when they began.
                    let (before, mut until) = (since.clone(), since);
                    let mut line = |line: LogLine| {
                        if line.time <= before {
                            return true;
                        }
                        if line.time > until {
                            until.clone_from(&line.time);
                        }
                        lines.send(Ok(entry(&host, &origin, line))).is_ok()
                    };
                    // An engine that is restarted, or a container that is removed, ends it; the next look goes on.
                    let read = engine.logs(&id, &query, &mut line).await;
                    if let Err(error) = read {
                        tracing::debug!(%error, id, "no longer followed");
                    }
                    let _ = ended.send((id, until));
                });
            }
            is_first = false;
            tokio::time::sleep(LOOK).await;
            while let Ok((id, until)) = ends.try_recv() {
                self.following.remove(&id);
                self.seen.insert(id, until);
            }
        }
    }
}

/// What units of one service say on one host, while they are followed.
pub(super) struct UnitFollower {
    pub host: HostName,
    pub transport: Arc<dyn Transport>,
    pub layout: Layout,
    pub service: ServiceName,
    /// As journalctl(1) takes them.
    pub matches: Vec<String>,
    /// Until when its lines were shown already.
    pub until: String,
    pub lines: Lines,
}

impl UnitFollower {
    /// Goes on until nobody reads any more, or the host is gone. A journal that is restarted ends its answer.
    pub(super) async fn run(mut self) {
        while !self.lines.is_closed() {
            let query = JournalQuery {
                matches: self.matches.clone(),
                since: time::seconds_of(&self.until).unwrap_or(0),
                lines: journal::Lines::Follow,
            };
            let (host, service, lines) = (&self.host, &self.service, &self.lines);
            let units = self.layout.release_units(service);
            // What one message says in several lines has one time.
            let (before, until) = (self.until.clone(), &mut self.until);
            let mut line = |line: JournalLine| {
                if line.time <= before {
                    return;
                }
                // Beside releases there are programs that somebody runs by hand.
                let release = match line.unit.strip_prefix(&units) {
                    None => None,
                    Some(rest) => match rest.trim_end_matches(".service").parse::<ReleaseId>() {
                        Ok(id) => Some(id.to_string()),
                        Err(_) => return,
                    },
                };
                until.clone_from(&line.time);
                let service = service.to_string();
                let origin = Origin::Service { service, release };
                // Nobody reads any more when that fails.
                let _ = lines.send(Ok(unit_entry(host, &origin, line)));
            };
            let read = journal::read(self.transport.as_ref(), &query, FOLLOWED, &mut line).await;
            if let Err(error) = read {
                let failure = Failure::transport(self.host.as_str(), &error);
                let _ = self.lines.send(Err(failure));
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
