//! `load`: steady load on a URL, or the highest rate that it holds.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::args::LoadArgs;
use super::{Console, Failure, Kind};
use crate::load::{
    Downloaders, HIGHEST_RATE, Kind as Connection, Load, LoadError, Recording, Request, Search,
    StreamEnd, Summary, Talkers, Target, Visitors, Workload,
};

/// More would be the limit of this machine and not of the site.
const MOST_CONNECTIONS: usize = 2000;
/// Losses that are shown one by one.
const SHOWN: usize = 20;
/// How often whoever watches is told how it goes.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// Between two rates of a search, for what the one before left behind.
const REST: Duration = Duration::from_secs(1);

pub async fn load(
    args: &LoadArgs,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let asked = Asked::new(args)?;
    if args.search {
        return search(&asked, console, cancelled).await;
    }
    let (recording, time) = run(&asked, args.rate, console, cancelled).await?;
    let lost = recording.lost();
    let losses = recording.losses();
    if console.json {
        let mut value = summary(&recording, time);
        value["schema"] = json!(1);
        value["losses"] = json!(losses[..losses.len().min(SHOWN)]);
        console.say(&value.to_string())?;
    } else {
        console.say(&text(&recording, time))?;
        for line in losses.iter().take(SHOWN) {
            console.tell(&format!("  {line}"));
        }
    }
    if lost == 0 {
        return Ok(());
    }
    Err(Failure::new(Kind::Unhealthy, format!("{lost} lost")))
}

/// Load at one rate, for as long as was asked or until somebody stops it; and how long that was.
async fn run(
    asked: &Asked<'_>,
    rate: f64,
    console: &Console,
    mut cancelled: watch::Receiver<bool>,
) -> Result<(Recording, Duration), Failure> {
    let load = Load::start(asked.workload(rate)).map_err(|error| failure(&error))?;
    let spinner = console.spinner();
    let whole = asked.args.duration;
    loop {
        let passed = load.began().elapsed();
        if passed >= whole || *cancelled.borrow() {
            break;
        }
        spinner.set_message(format!(
            "{rate}/s · {} of {} s · {} answered · {} lost",
            passed.as_secs(),
            whole.as_secs(),
            load.good(),
            load.lost()
        ));
        tokio::select! {
            () = tokio::time::sleep(TELL_EVERY.min(whole - passed)) => {}
            // An error means that nobody is left to stop it.
            Ok(_) = cancelled.wait_for(|cancelled| *cancelled) => {}
        }
    }
    let time = load.began().elapsed().min(whole);
    // Waits for what is under way, which blocks.
    let recording = tokio::task::spawn_blocking(move || load.finish())
        .await
        .map_err(|error| Failure::of(Kind::Ours, &error))?;
    spinner.finish_and_clear();
    Ok((recording, time))
}

/// Finds the highest rate at which nothing is lost and the slowest hundredth of the answers comes in time.
async fn search(
    asked: &Asked<'_>,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let mut search = Search::new(asked.args.rate, HIGHEST_RATE);
    let mut trials: Vec<Value> = Vec::new();
    while let Some(rate) = search.next() {
        if !trials.is_empty() {
            tokio::time::sleep(REST).await;
        }
        let (recording, time) = run(asked, rate, console, cancelled.clone()).await?;
        if *cancelled.borrow() {
            return Err(Failure::new(
                Kind::Interrupted,
                "stopped before it was known",
            ));
        }
        let seen = recording.summary(0, micros(time));
        let within = asked.args.within.as_secs_f64() * 1e3;
        let is_held = seen.requests > 0 && recording.lost() == 0 && seen.p99 <= within;
        console.tell(&trial(rate, is_held, &seen));
        trials.push(json!({"rate": rate, "held": is_held, "requests": seen}));
        search.tried(is_held);
    }
    if console.json {
        let found = json!({
            "schema": 1,
            "held": search.held(),
            "not_held": search.broke(),
            "within": asked.args.within.as_secs_f64() * 1e3,
            "trials": trials,
        });
        console.say(&found.to_string())?;
    }
    let Some(held) = search.held() else {
        return Err(
            Failure::new(Kind::Unhealthy, "no rate is held, however low")
                .hint("see what is lost: the same command without --search, with --rate 1"),
        );
    };
    if !console.json {
        let beyond = search.broke().map_or_else(
            || "more was not asked for".to_owned(),
            |broke| format!("{broke}/s is too much"),
        );
        console.say(&format!("{held}/s is held; {beyond}"))?;
    }
    Ok(())
}

/// One rate of a search, for people.
fn trial(rate: f64, is_held: bool, seen: &Summary) -> String {
    let verdict = if is_held { "held" } else { "not held" };
    format!(
        "{rate:>8}/s  {verdict:<8}  {} lost{}{}",
        seen.lost,
        classes(seen),
        latencies(seen)
    )
}

/// How long answers took, after two spaces; nothing where there were none.
fn latencies(seen: &Summary) -> String {
    if seen.requests == seen.lost {
        return String::new();
    }
    format!(
        "  p50 {:.1} ms  p90 {:.1} ms  p99 {:.1} ms  p99.9 {:.1} ms  slowest {:.1} ms  longest gap {:.1} ms",
        seen.p50, seen.p90, seen.p99, seen.p99_9, seen.slowest, seen.longest_gap
    )
}

/// What the losses were, after two spaces; nothing without any.
fn classes(seen: &Summary) -> String {
    let mut classes: Vec<String> = seen
        .outcomes
        .iter()
        .filter(|(name, _)| !["ok", "status"].contains(*name))
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    classes.extend(
        seen.statuses
            .iter()
            .map(|(status, count)| format!("{count} with status {status}")),
    );
    match classes.is_empty() {
        true => String::new(),
        false => format!("  ({})", classes.join(", ")),
    }
}

pub fn failure(error: &LoadError) -> Failure {
    let kind = match error {
        LoadError::Start(_) => Kind::Ours,
        _ => Kind::Usage,
    };
    Failure::of(kind, error)
}

/// The arguments, with what they name read and understood.
struct Asked<'a> {
    args: &'a LoadArgs,
    target: Target,
    requests: Vec<Request>,
}

impl<'a> Asked<'a> {
    fn new(args: &'a LoadArgs) -> Result<Self, Failure> {
        let authorities = match &args.ca {
            None => None,
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                Failure::new(
                    Kind::Usage,
                    format!("{} cannot be read: {error}", path.display()),
                )
            })?),
        };
        let (mut target, path) = Target::with_path(&args.url, authorities.as_deref())
            .map_err(|error| failure(&error))?;
        if let Some(address) = &args.connect {
            target.address.clone_from(address);
        }
        let mut requests: Vec<Request> = args.get.iter().map(Request::get).collect();
        for post in &args.post {
            requests.push(parse_post(post)?);
        }
        if path != "/" || requests.is_empty() {
            requests.insert(0, Request::get(path));
        }
        Ok(Self {
            args,
            target,
            requests,
        })
    }

    /// In a search, so many that answers which come just in time never wait here for a connection (Little's law).
    fn connections(&self, rate: f64) -> usize {
        let needed = (rate * self.args.within.as_secs_f64()).ceil() as usize;
        match self.args.search {
            true => self.args.connections.max(needed.min(MOST_CONNECTIONS)),
            false => self.args.connections,
        }
    }

    fn workload(&self, rate: f64) -> Workload {
        let args = self.args;
        // No load is slower than one in ten seconds: a smaller share is the other's.
        let close = match rate * f64::from(args.close) / 100.0 {
            close if close < 0.1 => 0.0,
            close if rate - close < 0.1 => rate,
            close => close,
        };
        let visitors = [(rate - close, true), (close, false)]
            .into_iter()
            .filter(|(rate, _)| *rate > 0.0)
            .map(|(rate, keep_alive)| Visitors {
                target: self.target.clone(),
                rate,
                connections: self.connections(rate),
                keep_alive,
                requests: self.requests.clone(),
            })
            .collect();
        let mut workload = Workload {
            visitors,
            timeout: args.timeout,
            version_header: args.version_header.clone(),
            id_prefix: args.id_prefix.clone(),
            ..Workload::default()
        };
        if args.websockets > 0 {
            workload.talkers.push(Talkers {
                target: self.target.clone(),
                path: args.websocket_path.clone(),
                count: args.websockets,
                every: Duration::from_secs(1),
            });
        }
        if args.downloads > 0 {
            workload.downloaders.push(Downloaders {
                target: self.target.clone(),
                path: args.download_path.clone(),
                count: args.downloads,
                pause: Duration::from_millis(50),
            });
        }
        workload
    }
}

/// `PATH=JSON`.
pub fn parse_post(text: &str) -> Result<Request, Failure> {
    let (path, body) = text
        .split_once('=')
        .filter(|(path, _)| path.starts_with('/'))
        .ok_or_else(|| {
            Failure::new(Kind::Usage, format!("`{text}` is not PATH=JSON"))
                .hint("for example --post '/names={\"name\":\"{id}\"}'")
        })?;
    Ok(Request::post(path, body))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn summary(recording: &Recording, time: Duration) -> Value {
    let to = micros(time);
    let of = |wanted: Connection| json!(recording.summary_of(0, to, |kind| kind == wanted));
    let ended = |wanted: fn(StreamEnd) -> bool| {
        let count = recording
            .streams
            .iter()
            .filter(|stream| wanted(stream.end))
            .count();
        json!(count)
    };
    json!({
        "lost": recording.lost(),
        "requests": recording.summary(0, to),
        "keep_alive": of(Connection::KeepAlive),
        "close": of(Connection::Close),
        "messages": of(Connection::WebSocket),
        "streams": {
            "whole": ended(|end| end == StreamEnd::Whole),
            "open": ended(|end| end == StreamEnd::Open),
            "closed": ended(|end| matches!(end, StreamEnd::Closed(_))),
            "cut": ended(|end| matches!(end, StreamEnd::Cut(_))),
        },
    })
}

fn text(recording: &Recording, time: Duration) -> String {
    let to = micros(time);
    let mut text = String::new();
    for (name, kinds) in [
        ("requests", &[Connection::KeepAlive, Connection::Close][..]),
        ("  keep-alive", &[Connection::KeepAlive]),
        ("  close", &[Connection::Close]),
        ("messages", &[Connection::WebSocket]),
    ] {
        let seen = recording.summary_of(0, to, |kind| kinds.contains(&kind));
        if seen.requests == 0 {
            continue;
        }
        text.push_str(&format!(
            "{name:<13}{:>9} in {:.1} s  {} lost{}{}\n",
            seen.requests,
            seen.seconds,
            seen.lost,
            classes(&seen),
            latencies(&seen)
        ));
    }
    let streams = &recording.streams;
    if !streams.is_empty() {
        let cut = streams
            .iter()
            .filter(|stream| matches!(stream.end, StreamEnd::Cut(_)));
        text.push_str(&format!(
            "streams      {:>9}  {} cut\n",
            streams.len(),
            cut.count()
        ));
    }
    text
}
