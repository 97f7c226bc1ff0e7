//! `load`: the load generator by itself, for those who test stackctl.

use std::time::Duration;

use serde_json::{Value, json};

use super::args::LoadArgs;
use super::{Console, Failure, Kind};
use crate::load::{
    Downloaders, Kind as Connection, Load, LoadError, Recording, Request, StreamEnd, Talkers,
    Target, Visitors, Workload,
};

/// Losses that are shown one by one.
const SHOWN: usize = 20;

pub async fn load(args: &LoadArgs, console: &Console) -> Result<(), Failure> {
    let workload = workload(args)?;
    let load = Load::start(workload).map_err(|error| failure(&error))?;
    tokio::time::sleep(args.time).await;
    // Waits for what is under way, which blocks.
    let recording = tokio::task::spawn_blocking(move || load.finish())
        .await
        .map_err(|error| Failure::of(Kind::Ours, &error))?;
    let lost = recording.lost();
    let losses = recording.losses();
    if console.json {
        let mut value = summary(&recording, args.time);
        value["schema"] = json!(1);
        value["losses"] = json!(losses[..losses.len().min(SHOWN)]);
        console.say(&value.to_string())?;
    } else {
        console.say(&text(&recording, args.time))?;
        for line in losses.iter().take(SHOWN) {
            console.tell(&format!("  {line}"));
        }
    }
    if lost == 0 {
        return Ok(());
    }
    Err(Failure::new(Kind::Unhealthy, format!("{lost} lost")))
}

pub fn failure(error: &LoadError) -> Failure {
    let kind = match error {
        LoadError::Start(_) => Kind::Ours,
        _ => Kind::Usage,
    };
    Failure::of(kind, error)
}

fn workload(args: &LoadArgs) -> Result<Workload, Failure> {
    let target = Target::parse(&args.url).map_err(|error| failure(&error))?;
    let mut requests: Vec<Request> = args.get.iter().map(Request::get).collect();
    for post in &args.post {
        requests.push(parse_post(post)?);
    }
    if requests.is_empty() {
        requests.push(Request::get("/"));
    }
    let close = args.rate * f64::from(args.close) / 100.0;
    let visitors = [(args.rate - close, true), (close, false)]
        .into_iter()
        .filter(|(rate, _)| *rate > 0.0)
        .map(|(rate, keep_alive)| Visitors {
            target: target.clone(),
            rate,
            connections: args.connections,
            keep_alive,
            requests: requests.clone(),
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
            target: target.clone(),
            path: args.websocket_path.clone(),
            count: args.websockets,
            every: Duration::from_secs(1),
        });
    }
    if args.downloads > 0 {
        workload.downloaders.push(Downloaders {
            target,
            path: args.download_path.clone(),
            count: args.downloads,
            pause: Duration::from_millis(50),
        });
    }
    Ok(workload)
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
            "{name:<13}{:>9} in {:.1} s  {} lost  p50 {:.1} ms  p99 {:.1} ms  slowest {:.1} ms  longest gap {:.1} ms\n",
            seen.requests, seen.seconds, seen.lost, seen.p50, seen.p99, seen.slowest, seen.longest_gap
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
