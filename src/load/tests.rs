//! Loads on servers that misbehave, each in one way.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::summary::{longest_gap, percentile};
use super::*;

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Version: one\r\n\r\nok";

/// Listens until the tests end; `serve` gets each connection and how many came before it.
fn server(serve: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> (Target, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            let (serve, stream) = (serve.clone(), stream.unwrap());
            std::thread::spawn(move || serve(stream, number));
        }
    });
    let target = Target::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
    (target, count)
}

/// The next request with its body; `None` at the end of the connection.
fn request(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        text.push(byte[0]);
    }
    let mut text = String::from_utf8(text).unwrap();
    let length = text
        .to_ascii_lowercase()
        .split_once("content-length: ")
        .map_or(0, |(_, rest)| rest.lines().next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    text.push_str(&String::from_utf8(body).unwrap());
    Some(text)
}

fn answer(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}

/// Until the other side gives up.
fn silent(stream: &mut TcpStream) {
    let _ = stream.read(&mut [0]);
}

fn workload(target: &Target, keep_alive: bool) -> Workload {
    Workload {
        visitors: vec![Visitors {
            target: target.clone(),
            rate: 100.0,
            connections: 1,
            keep_alive,
            requests: vec![Request::get("/")],
        }],
        version_header: Some("x-version".to_owned()),
        ..Workload::default()
    }
}

/// Runs until so many outcomes are known.
fn run(workload: Workload, count: u64) -> Recording {
    let load = Load::start(workload).unwrap();
    let began = Instant::now();
    while load.good() + load.lost() < count {
        assert!(began.elapsed() < Duration::from_secs(20), "{load:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
    load.finish()
}

#[track_caller]
fn all(recording: &Recording, outcome: Outcome, status: u16) {
    assert!(!recording.records.is_empty());
    for record in &recording.records {
        assert_eq!((record.outcome, record.status), (outcome, status));
    }
    let lost = if outcome.is_ok() {
        0
    } else {
        recording.records.len()
    };
    assert_eq!(recording.lost(), lost as u64);
    assert_eq!(recording.losses().len(), lost);
}

#[test]
fn a_good_server_keeps_one_connection() {
    let (target, connections) = server(|mut stream, _| {
        while request(&mut stream).is_some() {
            answer(&mut stream, GOOD);
        }
    });
    let recording = run(workload(&target, true), 20);
    all(&recording, Outcome::Ok, 200);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    assert_eq!(recording.versions, ["", "one"]);
    assert!(recording.records.iter().all(|record| record.version == 1));
    // Due each 10 ms, whatever the server does.
    let ats: Vec<u64> = recording.records.iter().map(|record| record.at).collect();
    assert!(
        ats.windows(2).all(|pair| pair[1] - pair[0] == 10_000),
        "{ats:?}"
    );

    let recording = run(workload(&target, false), 10);
    all(&recording, Outcome::Ok, 200);
    assert_eq!(
        connections.load(Ordering::SeqCst),
        1 + recording.records.len()
    );
}

#[test]
fn a_connection_whose_end_is_announced_is_no_loss() {
    let (target, connections) = server(|mut stream, _| {
        request(&mut stream);
        answer(
            &mut stream,
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
        );
    });
    let recording = run(workload(&target, true), 10);
    all(&recording, Outcome::Ok, 204);
    assert_eq!(connections.load(Ordering::SeqCst), recording.records.len());
}

#[test]
fn each_way_to_lose_a_request_has_its_name() {
    type Serve = fn(&mut TcpStream);
    let ways: [(&str, Serve, Outcome, u16); 6] = [
        (
            "another status",
            |stream| {
                answer(
                    stream,
                    "HTTP/1.1 502 Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                )
            },
            Outcome::Status,
            502,
        ),
        ("the end before an answer", |_| {}, Outcome::Eof, 0),
        (
            "the end within an answer",
            |stream| answer(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"),
            Outcome::Eof,
            200,
        ),
        (
            "no HTTP",
            |stream| answer(stream, "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
            Outcome::Malformed,
            0,
        ),
        ("silence", silent, Outcome::Timeout, 0),
        (
            "no end of an answer",
            |stream| {
                answer(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
                silent(stream);
            },
            Outcome::Timeout,
            0,
        ),
    ];
    for (what, serve, outcome, status) in ways {
        let (target, _) = server(move |mut stream, _| {
            request(&mut stream);
            serve(&mut stream);
        });
        for keep_alive in [true, false] {
            println!("{what}, keep-alive {keep_alive}");
            let mut load = workload(&target, keep_alive);
            if outcome == Outcome::Timeout {
                load.timeout = Duration::from_secs(1);
            }
            all(&run(load, 3), outcome, status);
        }
    }
}

#[test]
fn a_reset_is_told_from_an_end() {
    // What was not read turns a close into a reset.
    let (target, _) = server(|mut stream, _| {
        let _ = stream.read(&mut [0; 8]);
        std::thread::sleep(Duration::from_millis(5));
    });
    all(&run(workload(&target, true), 3), Outcome::Reset, 0);
}

#[test]
fn without_a_listener_no_connection_is_made() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let target = Target::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    all(&run(workload(&target, true), 3), Outcome::Refused, 0);
}

#[test]
fn a_kept_connection_that_is_closed_without_a_word_is_a_loss_and_is_not_tried_again() {
    let (target, connections) = server(|mut stream, _| {
        request(&mut stream);
        answer(&mut stream, GOOD);
    });
    let recording = run(workload(&target, true), 10);
    let outcomes: Vec<Outcome> = recording
        .records
        .iter()
        .map(|record| record.outcome)
        .collect();
    for pair in outcomes.chunks_exact(2) {
        // Which of these is a race between the two.
        let is_lost = matches!(pair[1], Outcome::Stale | Outcome::Reset | Outcome::Eof);
        assert!(pair[0] == Outcome::Ok && is_lost, "{pair:?}");
    }
    assert_eq!(
        connections.load(Ordering::SeqCst),
        outcomes.len().div_ceil(2)
    );
}

#[test]
fn requests_that_wait_for_a_slow_one_are_late_since_they_were_due() {
    let (target, _) = server(|mut stream, _| {
        let mut first = true;
        while request(&mut stream).is_some() {
            if std::mem::take(&mut first) {
                std::thread::sleep(Duration::from_millis(200));
            }
            answer(&mut stream, GOOD);
        }
    });
    let recording = run(workload(&target, true), 30);
    all(&recording, Outcome::Ok, 200);
    let late = recording
        .records
        .iter()
        .filter(|record| record.took > 50_000)
        .count();
    // Those that were due in its first 150 ms.
    assert!(late >= 14, "{late}");
    let summary = recording.summary(0, recording.ended_at);
    assert!(summary.longest_gap >= 195.0, "{summary:?}");
    assert_eq!(summary.requests, recording.records.len() as u64);
}

#[test]
fn each_post_has_an_id_of_its_own() {
    let (target, _) = server(|mut stream, _| {
        while let Some(text) = request(&mut stream) {
            let (_, id) = text.split_once("\r\n\r\n").unwrap();
            let end = format!(
                "Content-Length: {}\r\nX-Version: {id}\r\n\r\n{id}",
                id.len()
            );
            answer(&mut stream, &format!("HTTP/1.1 201 Created\r\n{end}"));
        }
    });
    let mut load = workload(&target, true);
    load.visitors[0].requests = vec![Request::get("/"), Request::post("/", "{\"id\":\"{id}\"}")];
    load.visitors.push(load.visitors[0].clone());
    let recording = run(load, 40);
    let mut seen = Vec::new();
    for (id, record) in recording.posts() {
        assert_eq!(
            recording.versions[usize::from(record.version)],
            format!("{{\"id\":\"{id}\"}}")
        );
        seen.push(id);
    }
    assert!(seen.len() >= 15, "{seen:?}");
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

/// Agrees on WebSocket, then sends back `messages` of them.
fn echo(stream: &mut TcpStream, messages: usize) {
    let head = request(stream).unwrap();
    assert!(head.to_ascii_lowercase().contains("upgrade: websocket"));
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("sec-websocket-key: "));
    answer(
        stream,
        &format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            talk::accept(key.unwrap())
        ),
    );
    for _ in 0..messages {
        let mut head = [0; 6];
        if stream.read_exact(&mut head).is_err() {
            return;
        }
        let mut payload = vec![0; usize::from(head[1] & 0x7f)];
        stream.read_exact(&mut payload).unwrap();
        for (index, byte) in payload.iter_mut().enumerate() {
            *byte ^= head[2 + index % 4];
        }
        // A ping in between is answered, and is no message.
        let mut frames = vec![0x89, 0, head[0], payload.len() as u8];
        frames.extend(payload);
        let _ = stream.write_all(&frames);
        let _ = stream.read_exact(&mut [0; 6]);
    }
}

fn talkers(target: &Target) -> Workload {
    Workload {
        talkers: vec![Talkers {
            target: target.clone(),
            path: "/ws".to_owned(),
            count: 2,
            every: Duration::from_millis(20),
        }],
        ..workload(target, true).without_visitors()
    }
}

impl Workload {
    fn without_visitors(mut self) -> Self {
        self.visitors.clear();
        self
    }
}

#[test]
fn websockets_stay_open_and_exchange_messages() {
    let (target, connections) = server(|mut stream, _| echo(&mut stream, 1000));
    let recording = run(talkers(&target), 20);
    all(&recording, Outcome::Ok, 0);
    assert_eq!(connections.load(Ordering::SeqCst), 2);
    assert!(
        recording
            .streams
            .iter()
            .all(|stream| stream.end == StreamEnd::Open && stream.amount >= 5)
    );
}

#[test]
fn a_websocket_that_is_cut_is_a_loss_and_one_with_a_good_bye_is_not() {
    let (target, _) = server(|mut stream, number| {
        echo(&mut stream, 2);
        if number.is_multiple_of(2) {
            let _ = stream.write_all(b"\x88\x02\x03\xe9");
            let _ = stream.read(&mut [0; 64]);
        }
    });
    let recording = run(talkers(&target), 12);
    let ends: Vec<StreamEnd> = recording.streams.iter().map(|stream| stream.end).collect();
    assert!(ends.contains(&StreamEnd::Closed(1001)), "{ends:?}");
    assert!(
        ends.contains(&StreamEnd::Cut(Outcome::Eof))
            || ends.contains(&StreamEnd::Cut(Outcome::Reset)),
        "{ends:?}"
    );
    assert!(recording.lost() >= 1);
    assert_eq!(recording.losses().len() as u64, recording.lost());
}

#[test]
fn downloads_are_read_slowly_to_their_end_or_are_cut() {
    let (target, _) = server(|mut stream, number| {
        request(&mut stream);
        answer(
            &mut stream,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        for _ in 0..5 {
            answer(&mut stream, "4\r\nmore\r\n");
            std::thread::sleep(Duration::from_millis(10));
        }
        if number.is_multiple_of(2) {
            answer(&mut stream, "0\r\n\r\n");
        }
    });
    let mut load = workload(&target, true).without_visitors();
    load.downloaders = vec![Downloaders {
        target,
        path: "/slow".to_owned(),
        count: 1,
        pause: Duration::from_millis(1),
    }];
    let recording = run(load, 2);
    assert_eq!(recording.streams[0].end, StreamEnd::Whole);
    assert_eq!(recording.streams[0].amount, 20);
    assert_eq!(recording.streams[1].end, StreamEnd::Cut(Outcome::Eof));
    assert_eq!(recording.lost(), 1);
}

#[test]
fn what_cannot_be_a_load_is_refused() {
    for url in [
        "example.com",
        "https://example.com",
        "http://example.com/path",
    ] {
        assert!(Target::parse(url).is_err(), "{url}");
    }
    for url in [
        "/",
        "ftp://example.com/",
        "http://me@example.com/",
        "http://",
    ] {
        assert!(Target::with_path(url, None).is_err(), "{url}");
    }
    let none = Target::with_path("https://example.com/", Some(b"no PEM"));
    assert!(none.unwrap_err().to_string().contains("no certificate"));
    let (target, path) = Target::with_path("http://example.com:81/a?b=c", None).unwrap();
    assert_eq!(
        (target.host.as_str(), path.as_str()),
        ("example.com:81", "/a?b=c")
    );
    let target = Target::parse("http://[::1]").unwrap();
    assert_eq!(target.address, "[::1]:80");
    let mut load = workload(&target, true);
    load.visitors[0].rate = 0.0;
    assert!(Load::start(load.clone()).is_err());
    load.visitors[0].rate = 1.0;
    load.visitors[0].requests.clear();
    assert!(Load::start(load).is_err());
}

#[test]
fn percentiles_are_values_that_occurred() {
    let values: Vec<u32> = (1..=100).collect();
    for (share, value) in [(0.0, 1), (0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100)] {
        assert_eq!(percentile(&values, share), value);
    }
    assert_eq!(percentile(&[7], 0.01), 7);
    assert_eq!(percentile::<u32>(&[], 0.5), 0);
    assert_eq!(percentile(&[1, 2, 3], 0.5), 2);
}

#[test]
fn the_longest_gap_is_between_answers_or_at_an_end() {
    assert_eq!(longest_gap(100, 200, &[]), (100, 0));
    assert_eq!(longest_gap(100, 200, &[110, 150, 190]), (40, 10));
    assert_eq!(longest_gap(100, 200, &[110, 120]), (80, 20));
    // It ends with the next answer, and began with the one before, though they are outside.
    assert_eq!(longest_gap(100, 200, &[110, 250]), (140, 10));
    assert_eq!(longest_gap(100, 200, &[40, 130, 190, 210]), (90, 0));
    assert_eq!(longest_gap(100, 200, &[40, 300]), (260, 0));
    assert_eq!(longest_gap(100, 200, &[100, 200]), (100, 0));
    assert_eq!(longest_gap(100, 200, &[20, 40]), (160, 0));
    // A stretch without a length is a moment.
    assert_eq!(longest_gap(100, 100, &[90, 120]), (30, 0));
    assert_eq!(longest_gap(100, 100, &[]), (0, 0));
}

#[test]
fn gaps_around_moments_stand_beside_those_of_stretches_as_long() {
    let mut recording = Recording::new(Instant::now(), String::new());
    recording.routes = [Kind::KeepAlive, Kind::WebSocket]
        .map(|kind| Route {
            kind,
            method: "GET",
            path: "/".to_owned(),
            group: 0,
        })
        .into();
    // Each millisecond, but for 40 ms at 2.5 s and 15 ms at 5.2 s, when only messages were answered.
    recording.records = (0..10_000_u64)
        .map(|at| Record {
            at: at * 1000,
            took: 500,
            ticket: 0,
            route: u16::from((2_500..2_539).contains(&at) || (5_200..5_214).contains(&at)),
            status: 200,
            version: 0,
            outcome: Outcome::Ok,
        })
        .collect();
    let second = 1_000_000;
    let around = recording.gaps_around(&[2_510_000, 7_500_000, 8_500_000], second);
    assert_eq!((around.stretches, around.p50), (3, 1.0));
    assert_eq!((around.p90, around.longest), (40.0, 40.0));
    let beside = recording.gaps_beside(&[2_510_000], second, (0, 10 * second));
    // The third and the fourth second have a part of the one around it; the tenth ends with the load.
    assert_eq!((beside.stretches, beside.p50), (8, 1.0));
    assert_eq!((beside.p90, beside.longest), (15.0, 15.0));
    let none = recording.gaps_beside(&[2_510_000], second, (2 * second, 3 * second));
    assert_eq!((none.stretches, none.longest), (0, 0.0));
}
