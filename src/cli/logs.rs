//! `logs`: what services and nginx say, of all hosts at once, by time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::args::{Global, LogsArgs, Since};
use super::follow::{Follower, UnitFollower};
use super::session::Loaded;
use super::{Console, Failure, Kind, session};
use crate::facts::Facts;
use crate::model::{HostName, Layout, ServiceName, time};
use crate::observe::{Depth, Fleet};
use crate::plan::{self, Instance, Process};
use crate::runtime::docker::{Engine, LogLine, LogQuery};
use crate::runtime::journal::{self, JournalLine, JournalQuery};
use crate::script;
use crate::transport::{Source, Transport};
use crate::ui::{self, LogEntry, LogStyle, Origin};

/// Longer than anybody looks.
pub(super) const FOLLOWED: Duration = Duration::from_secs(365 * 24 * 3600);
const READ: Duration = Duration::from_secs(3600);
/// Of each container and file, when nothing else is said.
const LAST: u32 = 100;

pub(super) type Lines = mpsc::UnboundedSender<Result<LogEntry, Failure>>;

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
                    let mut routes = site.routes.iter();
                    routes.any(|route| loaded.services.contains(&route.service))
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
                        .unwrap_or_else(|| time::rfc3339(self.facts[host].clock)),
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

/// Reads what a unit said until now.
async fn unit_logs(
    transport: &Arc<dyn Transport>,
    instance: &Instance,
    unit: &str,
    limits: Limits,
    lines: Lines,
) {
    let query = JournalQuery {
        matches: journal::of_unit(unit),
        since: limits.since,
        lines: match limits.tail.filter(|_| limits.grep.is_none()) {
            Some(tail) => journal::Lines::Last(tail),
            None => journal::Lines::All,
        },
    };
    let (host, origin) = (&instance.host, origin(instance));
    let mut kept = Kept::new(limits, lines.clone());
    let mut line = |line| {
        // The journal is read to its end.
        let _ = kept.add(unit_entry(host, &origin, line));
    };
    let read = journal::read(transport.as_ref(), &query, READ, &mut line).await;
    kept.end();
    if let Err(error) = read {
        let _ = lines.send(Err(Failure::transport(host.as_str(), &error)));
    }
}

/// The journal does not tell stdout and stderr apart.
pub(super) fn unit_entry(host: &HostName, origin: &Origin, line: JournalLine) -> LogEntry {
    LogEntry {
        time: line.time,
        host: host.to_string(),
        origin: origin.clone(),
        stream: None,
        text: line.text,
    }
}

/// Reads files of nginx's logs on a host.
async fn site_logs(
    host: &HostName,
    transport: &Arc<dyn Transport>,
    lines: &str,
    files: &[(String, String, &'static str)],
    deadline: Duration,
    add: &mut (dyn FnMut(LogEntry) -> bool + Send),
) -> Result<(), Failure> {
    let script = script::site_logs(lines).with(files.iter().map(|(file, ..)| file));
    let mut zone = String::new();
    let mut origin = None;
    // An empty line stands before the name of a file, unless it is the first.
    let mut is_blank = false;
    let mut line = |source: Source, text: &str| {
        if source == Source::Stderr {
            return;
        }
        if let Some(offset) = text.strip_prefix("zone ").filter(|_| zone.is_empty()) {
            offset.clone_into(&mut zone);
            return;
        }
        let named = text
            .strip_prefix("==> ")
            .and_then(|rest| rest.strip_suffix(" <=="));
        let named = named.and_then(|name| files.iter().find(|(file, ..)| file == name));
        if let Some((_, site, log)) = named {
            let site = site.clone();
            (origin, is_blank) = (Some(Origin::Nginx { site, log }), false);
            return;
        }
        let blank = std::mem::replace(&mut is_blank, text.is_empty());
        let Some(origin) = &origin else { return };
        let missed = blank.then_some("");
        let here = (!text.is_empty()).then_some(text);
        for text in missed.into_iter().chain(here) {
            add(LogEntry {
                time: ui::nginx_time(text, &zone).unwrap_or_default(),
                host: host.to_string(),
                origin: origin.clone(),
                stream: None,
                text: text.to_owned(),
            });
        }
    };
    let read = transport.stream(&script, None, &mut line, deadline).await;
    read.map(drop)
        .map_err(|error| Failure::transport(host.as_str(), &error))
}

/// What is kept of what one container or file said.
struct Kept {
    limits: Limits,
    last: VecDeque<LogEntry>,
    since: String,
    /// Of a line that has no time of its own: that of the one before it.
    time: String,
    lines: Lines,
}

struct Limits {
    grep: Option<Grep>,
    since: u64,
    tail: Option<u32>,
}

impl Kept {
    fn new(limits: Limits, lines: Lines) -> Self {
        let since = match limits.since {
            0 => String::new(),
            since => time::rfc3339(since),
        };
        // So that the same second with a fraction is not before it.
        let since = since.trim_end_matches('Z').to_owned();
        Self {
            limits,
            last: VecDeque::new(),
            since,
            time: String::new(),
            lines,
        }
    }

    /// Whether more is wanted.
    fn add(&mut self, mut entry: LogEntry) -> bool {
        if entry.time.is_empty() {
            entry.time.clone_from(&self.time);
        } else {
            self.time.clone_from(&entry.time);
        }
        let grep = self.limits.grep.as_ref();
        if entry.time < self.since || grep.is_some_and(|grep| !grep.finds(&entry.text)) {
            return true;
        }
        let Some(tail) = self.limits.tail else {
            return self.lines.send(Ok(entry)).is_ok();
        };
        if self.last.len() >= tail as usize {
            self.last.pop_front();
        }
        if tail > 0 {
            self.last.push_back(entry);
        }
        true
    }

    fn end(self) {
        for entry in self.last {
            let _ = self.lines.send(Ok(entry));
        }
    }
}

/// Text to look for. With a capital letter in it, it means exactly that; else letters of both kinds.
#[derive(Debug, Clone)]
struct Grep {
    text: String,
    is_exact: bool,
}

impl Grep {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_exact: text.chars().any(char::is_uppercase),
        }
    }

    fn finds(&self, line: &str) -> bool {
        if self.is_exact {
            line.contains(&self.text)
        } else {
            line.to_lowercase().contains(&self.text)
        }
    }
}

/// Standard output, which whoever reads it may close.
struct Out<'a> {
    stdout: std::io::BufWriter<std::io::Stdout>,
    style: LogStyle,
    console: &'a Console,
}

impl<'a> Out<'a> {
    fn new(args: &LogsArgs, loaded: &Loaded, reader: &Reader<'_>, console: &'a Console) -> Self {
        let hosts = loaded.hosts.len() > 1;
        let longest = reader.instances.iter().map(|instance| {
            let host = if hosts {
                instance.host.as_str().len() + 1
            } else {
                0
            };
            host + origin(instance).name().len()
        });
        let style = LogStyle {
            paint: console.paint_out,
            hosts,
            times: args.timestamps,
            width: longest.max().unwrap_or(0) + 1,
        };
        Self {
            stdout: std::io::BufWriter::new(std::io::stdout()),
            style,
            console,
        }
    }

    /// Whether somebody still reads.
    fn write(&mut self, entry: &LogEntry) -> Result<bool, Failure> {
        let line = if self.console.json {
            ui::log_json(entry).to_string()
        } else {
            ui::log_text(entry, self.style)
        };
        let written = writeln!(self.stdout, "{line}");
        Self::is_read(written)
    }

    fn flush(&mut self) -> Result<bool, Failure> {
        Self::is_read(self.stdout.flush())
    }

    fn is_read(written: std::io::Result<()>) -> Result<bool, Failure> {
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::new(
                Kind::Ours,
                format!("cannot write to stdout: {error}"),
            )),
        }
    }
}

/// The queue whose line comes first; lines without a time come before others.
fn earliest(heads: &[Option<LogEntry>]) -> Option<usize> {
    let there = heads.iter().enumerate();
    let there = there.filter_map(|(at, head)| head.as_ref().map(|head| (head.time.as_str(), at)));
    there.min().map(|(_, at)| at)
}

fn origin(instance: &Instance) -> Origin {
    Origin::Service {
        service: instance.service.to_string(),
        release: instance.release.as_ref().map(ToString::to_string),
    }
}

pub(super) fn entry(host: &HostName, origin: &Origin, line: LogLine) -> LogEntry {
    LogEntry {
        time: line.time,
        host: host.to_string(),
        origin: origin.clone(),
        stream: Some(match line.source {
            Source::Stdout => "stdout",
            Source::Stderr => "stderr",
        }),
        text: line.text,
    }
}

pub(super) fn of(host: &HostName, error: &(dyn std::error::Error + 'static)) -> Failure {
    let mut failure = Failure::of(Kind::Unreachable, error);
    failure.chain.insert(0, format!("host {host}"));
    failure
}

impl Since {
    /// Seconds since the epoch, on a host whose clock shows `now`.
    fn at(self, now: u64) -> u64 {
        match self {
            Since::Ago(ago) => now.saturating_sub(ago.as_secs()),
            Since::At(time) => time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time: &str, text: &str) -> LogEntry {
        LogEntry {
            time: time.into(),
            host: "web1".into(),
            origin: Origin::Service {
                service: "db".into(),
                release: None,
            },
            stream: None,
            text: text.into(),
        }
    }

    fn kept(limits: Limits, lines: &[(&str, &str)]) -> Vec<String> {
        let (sender, mut queue) = mpsc::unbounded_channel();
        let mut kept = Kept::new(limits, sender);
        for (time, text) in lines {
            assert!(kept.add(line(time, text)));
        }
        kept.end();
        std::iter::from_fn(|| queue.try_recv().ok())
            .map(|entry| entry.map_err(drop).unwrap().text)
            .collect()
    }

    #[test]
    fn the_last_lines_are_the_last_of_those_that_are_looked_for() {
        let lines = [
            ("2026-11-21T10:00:00.5Z", "GET /a"),
            ("2026-11-21T10:00:01.0Z", "post /b"),
            ("2026-11-21T10:00:02.0Z", "get /c"),
            ("", "get /d, without a time"),
        ];
        let limits = |grep: Option<&str>, since, tail| Limits {
            grep: grep.map(Grep::new),
            since,
            tail,
        };
        let since = time::seconds_of("2026-11-21T10:00:00Z").unwrap();
        assert_eq!(kept(limits(None, since, None), &lines).len(), 4);
        assert_eq!(kept(limits(None, since + 1, None), &lines).len(), 3);
        assert_eq!(
            kept(limits(Some("get"), 0, Some(2)), &lines),
            ["get /c", "get /d, without a time"]
        );
        assert_eq!(kept(limits(Some("GET"), 0, Some(2)), &lines), ["GET /a"]);
        assert_eq!(kept(limits(None, 0, Some(0)), &lines), [""; 0]);
    }

    #[test]
    fn lines_come_in_the_order_of_their_times() {
        let heads = [
            Some(line("2026-11-21T10:00:02.000000000Z", "b")),
            None,
            Some(line("2026-11-21T10:00:01.900000000Z", "a")),
        ];
        assert_eq!(earliest(&heads), Some(2));
        assert_eq!(earliest(&[None]), None);
    }
}
