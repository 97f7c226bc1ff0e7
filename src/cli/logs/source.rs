//! Lines of containers, units and nginx's files, as entries.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::super::{Failure, Kind};
use super::kept::{Kept, Limits};
use crate::model::HostName;
use crate::plan::Instance;
use crate::runtime::docker::LogLine;
use crate::runtime::journal::{self, JournalLine, JournalQuery};
use crate::script;
use crate::transport::{Source, Transport};
use crate::ui::{self, LogEntry, Origin};

/// Longer than anybody looks.
pub(super) const FOLLOWED: Duration = Duration::from_secs(365 * 24 * 3600);
pub(super) const READ: Duration = Duration::from_secs(3600);

pub(super) type Lines = mpsc::UnboundedSender<Result<LogEntry, Failure>>;

/// Reads what a unit said until now.
pub(super) async fn unit_logs(
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
pub(super) async fn site_logs(
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

pub(super) fn origin(instance: &Instance) -> Origin {
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
