//! Deploys one after another under steady load: nothing is lost, nothing is done twice, nothing long-lived is cut.
//!
//! Once for each runtime. `LONG=1` makes fifty deploys of it instead of ten.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use stackctl::load::{
    Downloaders, Gaps, Kind, Load, Outcome, Recording, Request, StreamEnd, Summary, Talkers,
    Target, Visitors, Workload,
};

use super::scenario::{Lab, PATIENCE, eventually, http, quote};

/// Requests a second, four fifths of them over kept connections.
const RATE: f64 = 320.0;
/// Long-lived connections of each sort.
const LONG_LIVED: usize = 20;
/// An old release may hold its connections for this long after the switch.
const DRAIN: Duration = Duration::from_secs(8);
/// Quiet time before the first deploy and after the last one.
const CALM: Duration = Duration::from_secs(10);

/// One deploy, in microseconds since the load began.
struct Deploy {
    began: u64,
    ended: u64,
}

#[test]
#[ignore = "needs docker"]
fn deploys_in_a_row_under_load_lose_nothing_do_nothing_twice_and_cut_nothing() {
    deploys_in_a_row("zero-loss", Runtime::Docker);
}

#[test]
#[ignore = "needs docker"]
fn deploys_of_units_in_a_row_under_load_lose_nothing_do_nothing_twice_and_cut_nothing() {
    deploys_in_a_row("zero-loss-units", Runtime::Systemd);
}

/// What runs the apps, and their database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runtime {
    Docker,
    Systemd,
}

fn deploys_in_a_row(scenario: &'static str, runtime: Runtime) {
    let count = match std::env::var("LONG") {
        Ok(long) if long == "1" => 50,
        _ => 10,
    };
    let lab = Lab::ready(scenario, "bookworm");
    let app = App::new(&lab, runtime);
    lab.step("a first release serves");
    app.write(0);
    app.run("provision");
    app.run("deploy");
    app.serves(0);

    lab.step(&format!(
        "{RATE} requests/s, {LONG_LIVED} WebSockets and {LONG_LIVED} slow downloads begin"
    ));
    let load = Load::start(workload(&lab)).expect("a load");
    std::thread::sleep(CALM);
    let mut deploys = Vec::new();
    for number in 1..=count {
        app.write(number);
        let began = Instant::now();
        app.run("deploy");
        deploys.push((began, Instant::now()));
        let took = began.elapsed().as_secs();
        lab.step(&format!("deploy {number} of {count} took {took} s"));
        let losses = load.losses();
        assert!(losses.is_empty(), "deploy {number}: {losses:#?}");
    }
    std::thread::sleep(CALM);
    app.serves(count);
    let recording = load.finish();

    let deploys: Vec<Deploy> = deploys
        .into_iter()
        .map(|(began, ended)| Deploy {
            began: recording.offset(began),
            ended: recording.offset(ended),
        })
        .collect();
    let report = report(&recording, &deploys);
    let _ = fs::write(lab.artifacts().join("report.txt"), &report);
    println!("{report}");
    let losses = recording.losses();
    assert!(losses.is_empty(), "{losses:#?}");
    assert_eq!(recording.lost(), 0);
    app.kept_each_name_once(&recording);
    nothing_was_cut(&recording, count);
}

/// The names app with its database, and the app with the long-lived connections.
struct App<'a> {
    lab: &'a Lab,
    runtime: Runtime,
    config: String,
    backend: String,
    page: String,
}

impl<'a> App<'a> {
    fn new(lab: &'a Lab, runtime: Runtime) -> Self {
        let mut yaml = lab.names_app(|yaml| with_streams(&yaml, Runtime::Docker));
        if runtime == Runtime::Systemd {
            yaml = lab.path("names/units.yaml");
            let text = fs::read_to_string(&yaml).expect("the example's yaml");
            let host = "  web1: ubuntu@203.0.113.10\n";
            assert!(text.contains(host), "{text}");
            let text = with_streams(&text.replace(host, &lab.host_yaml()), runtime);
            fs::write(&yaml, text).expect("write the yaml");
        }
        fs::create_dir(lab.path("names/streams")).expect("a folder");
        fs::write(
            lab.path("names/streams/Dockerfile"),
            include_str!("streams_app/Dockerfile"),
        )
        .expect("write");
        let read = |file: &str| fs::read_to_string(lab.path(file)).expect("a file of the app");
        Self {
            lab,
            runtime,
            config: yaml.to_str().expect("a path that is text").to_owned(),
            backend: read("names/python/main.py"),
            page: read("names/index.html"),
        }
    }

    /// Version `number` of each service.
    fn write(&self, number: usize) {
        let backend = format!(
            "{}\n\n@app.get(\"/names/version\")\ndef version():\n    return jsonify({number})\n\n\n\
             @app.after_request\ndef tell_version(response):\n    \
             response.headers[\"X-Version\"] = \"names {number}\"\n    return response\n",
            self.backend
        );
        let streams = include_str!("streams_app/server.py");
        let version = "VERSION = \"0\"\n";
        assert!(streams.contains(version));
        let streams = streams.replace(version, &format!("VERSION = \"streams {number}\"\n"));
        let page = format!("{}<!-- {number} -->\n", self.page);
        for (file, text) in [
            ("names/python/main.py", backend),
            ("names/streams/server.py", streams),
            ("names/index.html", page),
        ] {
            fs::write(self.lab.path(file), text).expect("write a file of the app");
        }
    }

    fn run(&self, command: &str) {
        let ran = self.lab.stackctl(["-c", &self.config, command, "--yes"]);
        ran.expect_ok();
    }

    fn serves(&self, number: usize) {
        let url = self.lab.url(80);
        for (path, expected) in [
            ("/names/version", number.to_string()),
            ("/streams/version", format!("streams {number}")),
        ] {
            eventually(path, PATIENCE, || {
                let (status, text) = http("GET", &format!("{url}{path}"), None)?;
                (status == 200 && text.trim() == expected)
                    .then_some(())
                    .ok_or(format!("{status} {text}"))
            });
        }
    }

    /// Every name that was said to be added is there once, and none that is there was not.
    fn kept_each_name_once(&self, recording: &Recording) {
        let ask = "SELECT name, COUNT(*) FROM names GROUP BY name";
        let query = format!("--batch --skip-column-names names -e {}", quote(ask));
        let told = self.lab.root(&match self.runtime {
            Runtime::Docker => format!(
                "printf '[client]\\nuser=names\\npassword=%s\\n' \"$(cat /var/lib/stackctl/names/secrets/db-password)\" | \
                 docker exec -i names-db mariadb --defaults-extra-file=/dev/stdin {query}"
            ),
            Runtime::Systemd => format!("mariadb {query}"),
        });
        let kept: BTreeMap<&str, &str> = told
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .collect();
        let twice: Vec<_> = kept.iter().filter(|(_, count)| **count != "1").collect();
        assert!(twice.is_empty(), "added more than once: {twice:?}");
        let mut added = BTreeSet::new();
        for (id, record) in recording.posts() {
            if record.outcome == Outcome::Ok {
                assert!(kept.contains_key(id.as_str()), "{id} was added and is gone");
                added.insert(id);
            }
        }
        assert_eq!(added.len(), kept.len(), "and none besides");
        assert!(added.len() > 100, "{}", added.len());
        self.lab
            .step(&format!("{} names were added, each once", added.len()));
    }
}

/// The example's yaml with the app with the long-lived connections.
fn with_streams(yaml: &str, runtime: Runtime) -> String {
    let source = match runtime {
        Runtime::Docker => {
            "build: {context: ./streams, dockerfile: Dockerfile}\n    listen: socket"
        }
        Runtime::Systemd => "unit: ./streams\n    command: [/usr/bin/python3, -u, server.py]",
    };
    let streams = format!(
        "  streams:\n    {source}\n    health: /streams/healthz\n    drain: 8s\n    stop_grace: 5s\n\n  # Files for nginx.\n"
    );
    let with = yaml
        .replace("mysql:8.4", "mariadb:11")
        .replace("  # Files for nginx.\n", &streams)
        .replace("/names: backend,", "/names: backend, /streams: streams,");
    assert!(
        with.contains("streams:") && with.contains("/streams:"),
        "{with}"
    );
    with
}

fn workload(lab: &Lab) -> Workload {
    let target = Target::parse(&format!("http://{}", lab.address())).expect("a URL");
    // Few ask the database: two cores are shared with the deploy, the host and the load itself.
    let requests: Vec<Request> = (0..50)
        .map(|number| match number % 25 {
            0 => Request::post("/names", "{\"name\":\"{id}\"}"),
            8 | 16 => Request::get("/names/version"),
            2 | 6 | 10 | 14 | 18 | 22 => Request::get("/streams/version"),
            _ => Request::get("/"),
        })
        .collect();
    let visitors = |share: f64, keep_alive| Visitors {
        target: target.clone(),
        rate: RATE * share,
        connections: 40,
        keep_alive,
        requests: requests.clone(),
    };
    Workload {
        visitors: vec![visitors(0.8, true), visitors(0.2, false)],
        talkers: vec![Talkers {
            target: target.clone(),
            path: "/streams/ws".to_owned(),
            count: LONG_LIVED,
            every: Duration::from_secs(1),
        }],
        downloaders: vec![Downloaders {
            target: target.clone(),
            path: "/streams/slow?seconds=6".to_owned(),
            count: LONG_LIVED,
            pause: Duration::from_millis(50),
        }],
        version_header: Some("x-version".to_owned()),
        ..Workload::default()
    }
}

/// When each version was first seen, by its header.
fn first_seen(recording: &Recording) -> BTreeMap<&str, u64> {
    let mut first = BTreeMap::new();
    for record in &recording.records {
        let kind = recording.routes[usize::from(record.route)].kind;
        if record.version > 0 && kind != Kind::WebSocket {
            let version = recording.versions[usize::from(record.version)].as_str();
            let seen = first.entry(version).or_insert(u64::MAX);
            *seen = record.done().min(*seen);
        }
    }
    first
}

/// Long-lived connections of each release lived until its deadline; each version served.
fn nothing_was_cut(recording: &Recording, count: usize) {
    let first = first_seen(recording);
    for service in ["names", "streams"] {
        for number in 0..=count {
            let version = format!("{service} {number}");
            assert!(first.contains_key(version.as_str()), "nobody saw {version}");
        }
    }
    let mut closed = 0;
    let mut whole = 0;
    for stream in &recording.streams {
        let version = recording.versions[usize::from(stream.version)].as_str();
        match stream.end {
            StreamEnd::Whole => whole += 1,
            StreamEnd::Open => {}
            StreamEnd::Cut(_) => panic!("{stream:?}"),
            StreamEnd::Closed(code) => {
                closed += 1;
                assert_eq!(code, 1001, "{stream:?}");
                let number: usize = version
                    .strip_prefix("streams ")
                    .and_then(|number| number.parse().ok())
                    .expect("a version");
                let next = first[format!("streams {}", number + 1).as_str()];
                let held = stream.ended.saturating_sub(next);
                assert!(
                    held + 500_000 >= DRAIN.as_micros() as u64,
                    "closed {held} µs after the switch: {stream:?}"
                );
            }
        }
    }
    println!(
        "{closed} WebSockets were told to go after the deadline, {whole} downloads were whole"
    );
    assert!(closed >= LONG_LIVED, "the old release let go of them");
    assert!(whole >= LONG_LIVED);
}

fn report(recording: &Recording, deploys: &[Deploy]) -> String {
    let mut text = String::new();
    let first = deploys.first().expect("a deploy").began;
    let last = deploys.last().expect("a deploy").ended;
    let end = last + CALM.as_micros() as u64;
    let mut line = |name: &str, seen: &Summary| {
        let _ = writeln!(
            text,
            "{name:<12}{:>8} requests {:>4} lost  p50 {:>6.1} ms  p99 {:>7.1} ms  slowest {:>7.1} ms  longest gap {:>6.1} ms",
            seen.requests, seen.lost, seen.p50, seen.p99, seen.slowest, seen.longest_gap
        );
    };
    line("before", &recording.summary(0, first));
    line("during", &recording.summary(first, last));
    line("after", &recording.summary(last, end));
    line(
        "messages",
        &recording.summary_of(0, end, |kind| kind == Kind::WebSocket),
    );
    for (number, deploy) in deploys.iter().enumerate() {
        let seen = recording.summary(deploy.began, deploy.ended);
        line(&format!("deploy {}", number + 1), &seen);
    }
    // As clients see it: the longest time without an answer around the first answer of a new version. Two cores are shared with
    // the host, its database and the load itself, so stretches as long without a switch stand beside it.
    let switches: Vec<u64> = first_seen(recording)
        .into_iter()
        .filter(|(version, _)| !version.ends_with(" 0"))
        .map(|(_, seen)| seen)
        .collect();
    let mut line = |width: u64, what: &str, gaps: Gaps| {
        let _ = writeln!(
            text,
            "{:>4} ms {what:<20}{:>6} times, longest gap: median {:>6.1} ms, 90 % {:>6.1} ms, longest {:>6.1} ms",
            width / 1000,
            gaps.stretches,
            gaps.p50,
            gaps.p90,
            gaps.longest
        );
    };
    for width in [1_000_000, 100_000] {
        let beside = |span| recording.gaps_beside(&switches, width, span);
        line(
            width,
            "around a switch",
            recording.gaps_around(&switches, width),
        );
        line(width, "else while deploying", beside((first, last)));
        line(width, "before", beside((0, first)));
    }
    let _ = writeln!(
        text,
        "{}",
        json!({
            "requests": recording.summary(0, end),
            "streams": recording.streams.len(),
            "lost": recording.lost(),
        })
    );
    text
}
