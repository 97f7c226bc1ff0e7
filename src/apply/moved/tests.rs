//! Against an engine that damages what comes to it, for as often as a test wants.

use std::io::Read as _;
use std::sync::PoisonError;

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::io::{BufReader, DuplexStream};

use super::super::image::tests::{LAYERS, saved};
use super::*;
use crate::apply::Here;
use crate::facts::sha256;
use crate::runtime::docker::ImageIdentity;
use crate::transport::{Call, Connection, FakeTransport, Transport};

const TAG: &str = "names/backend:1";

/// What an engine makes of an image that came damaged.
#[derive(Clone, Copy)]
enum Damaged {
    /// It says so.
    Refused,
    /// It says nothing, and has a name for what is not there.
    Kept,
    /// It has no room for it.
    NoRoom,
}

/// An engine as far as images that come to it matter.
struct Stub {
    damaged: Damaged,
    /// How many of the next images come damaged.
    left: usize,
    /// Each name's image.
    images: BTreeMap<String, ImageIdentity>,
    /// How many layers came, each time.
    came: Vec<usize>,
}

type Shared = Arc<std::sync::Mutex<Stub>>;

/// What the engine sees of a host's image.
fn change<T>(stub: &Shared, what: impl FnOnce(&mut Stub) -> T) -> T {
    what(&mut stub.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A host whose engine damages the first images; what came of sending one, and what was said.
async fn sent(
    damaged: Damaged,
    left: usize,
    there: &[&str],
) -> (Result<(), ApplyError>, Shared, Vec<String>, Vec<Call>) {
    let image = saved();
    let identity = image.identity();
    let older = ImageIdentity {
        config: "sha256:older".into(),
        manifest: "sha256:older".into(),
        layers: identity.layers[..there.len()].to_vec(),
    };
    let images = BTreeMap::from([("sha256:older".to_owned(), older)]);
    let stub: Shared = Arc::new(std::sync::Mutex::new(Stub {
        damaged,
        left,
        images,
        came: Vec::new(),
    }));
    let engine = Arc::clone(&stub);
    let dial = move |_: &_| {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(answer(theirs, Arc::clone(&engine)));
        Ok(Box::new(ours) as Box<dyn Connection>)
    };
    let transport = Arc::new(FakeTransport::answering([""; 0]).dialling(dial));
    let target = Target::new(
        Arc::clone(&transport) as Arc<dyn Transport>,
        Arc::default(),
        Here::default(),
    );
    let said = std::sync::Mutex::new(Vec::new());
    let tell = |event: Event| {
        if let Event::Notice { text, .. } | Event::Line { text, .. } = event {
            said.lock().unwrap().push(text);
        }
    };
    let ended = target.send_image(&image, TAG, 1, &tell).await;
    let said = said.into_inner().unwrap();
    (ended, stub, said, transport.calls())
}

/// One request of bollard's.
async fn answer(stream: DuplexStream, stub: Shared) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let line = head.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let body = match head.to_lowercase().contains("transfer-encoding: chunked") {
        true => chunked(&mut stream).await,
        false => Vec::new(),
    };
    // `/v1.44/images/json?all=true`
    let path = path.split_once("/v1.44").map_or(path, |(_, path)| path);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (status, body) = match (method, path) {
        ("GET", "/version") => (200, json!({"ApiVersion": "1.44", "Arch": "amd64"})),
        ("GET", "/info") => (200, json!({"DriverStatus": [["Supports d_type", "true"]]})),
        ("GET", "/images/json") => (200, change(&stub, |stub| listed(stub))),
        ("POST", "/images/load") => (200, change(&stub, |stub| load(stub, body))),
        ("POST", "/images/create") => (200, pull(&stub, query).await),
        ("GET", _) => change(&stub, |stub| inspected(stub, &name(path))),
        ("POST", _) => (201, change(&stub, |stub| tagged(stub, &name(path), query))),
        ("DELETE", _) => {
            change(&stub, |stub| stub.images.remove(&name(path)));
            (200, json!([]))
        }
        _ => (404, json!({"message": line})),
    };
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
}

async fn chunked(stream: &mut (impl AsyncBufRead + Unpin)) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let size = usize::from_str_radix(line.trim(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).await.unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

/// `/images/NAME/json`, `/images/NAME/tag`, `/images/NAME`.
fn name(path: &str) -> String {
    let name = path.trim_start_matches("/images/");
    let name = name.trim_end_matches("/json").trim_end_matches("/tag");
    name.replace("%2F", "/")
        .replace("%3A", ":")
        .replace("%40", "@")
}

fn listed(stub: &Stub) -> Value {
    let of = |id: &String| json!({"Id": id, "ParentId": "", "RepoTags": [], "RepoDigests": [], "Created": 0, "Size": 0, "SharedSize": 0, "Labels": {}, "Containers": 0});
    stub.images.keys().map(of).collect()
}

fn inspected(stub: &Stub, name: &str) -> (u16, Value) {
    match stub.images.get(name) {
        Some(image) => (
            200,
            json!({"Id": image.config, "RootFS": {"Type": "layers", "Layers": image.layers}}),
        ),
        None => (404, json!({"message": format!("No such image: {name}")})),
    }
}

fn tagged(stub: &mut Stub, name: &str, query: &str) -> Value {
    let image = stub.images[name].clone();
    let all: BTreeMap<&str, &str> = query
        .split('&')
        .filter_map(|one| one.split_once('='))
        .collect();
    let (repo, tag) = (all["repo"].replace("%2F", "/"), all["tag"]);
    stub.images.insert(format!("{repo}:{tag}"), image);
    Value::Null
}

/// Takes what came, whose layers are told by their digests as they came.
fn take(stub: &mut Stub, name: &str, config: &[u8], came: Vec<(String, Vec<u8>)>) -> Value {
    let known: Vec<String> = stub.images["sha256:older"].layers.clone();
    let wanted: Value = serde_json::from_slice(config).unwrap();
    let wanted: Vec<String> = serde_json::from_value(wanted["rootfs"]["diff_ids"].clone()).unwrap();
    stub.came.push(came.len());
    let harm = stub.left > 0;
    stub.left = stub.left.saturating_sub(1);
    let arrived = came.into_iter().map(|(_, mut bytes)| {
        bytes[0] ^= u8::from(harm);
        format!("sha256:{}", sha256(&bytes))
    });
    let have: Vec<String> = known.into_iter().chain(arrived).collect();
    let layers: Vec<String> = wanted
        .iter()
        .filter(|id| have.contains(id))
        .cloned()
        .collect();
    let mut keep = || {
        let image = ImageIdentity {
            config: format!("sha256:{}", sha256(config)),
            manifest: String::new(),
            layers: layers.clone(),
        };
        stub.images.insert(name.to_owned(), image);
        json!({"stream": "Loaded image"})
    };
    match (layers == wanted, stub.damaged) {
        (true, _) | (false, Damaged::Kept) => keep(),
        (false, Damaged::Refused) => {
            json!({"errorDetail": {"message": "invalid diffID"}, "error": "invalid diffID"})
        }
        (false, Damaged::NoRoom) => {
            json!({"errorDetail": {"message": "no space left on device"}, "error": "no space left on device"})
        }
    }
}

fn load(stub: &mut Stub, body: Vec<u8>) -> Value {
    let mut archive = tar::Archive::new(GzDecoder::new(std::io::Cursor::new(body)));
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(path, bytes);
    }
    let list: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let config = files[list[0]["Config"].as_str().unwrap()].clone();
    let layers = list[0]["Layers"].as_array().unwrap().iter();
    let came = layers.filter_map(|path| {
        let path = path.as_str().unwrap();
        Some((path.to_owned(), files.get(path)?.clone()))
    });
    let came = came.collect();
    take(
        stub,
        list[0]["RepoTags"][0].as_str().unwrap(),
        &config,
        came,
    )
}

/// As an engine pulls: the manifest, then what it names.
async fn pull(stub: &Shared, query: &str) -> Value {
    let (_, image) = query.split_once("fromImage=").unwrap();
    let image = image.split('&').next().unwrap();
    let image = image
        .replace("%2F", "/")
        .replace("%3A", ":")
        .replace("%40", "@");
    let (address, rest) = image.split_once('/').unwrap();
    let (repository, digest) = rest.split_once('@').unwrap();
    let greeted = get(address, &[0x16, 0x03, 0x01]).await;
    assert!(
        greeted.starts_with(b"HTTP/1.1 400 "),
        "TLS is refused as engines know it"
    );
    let ask = async |path: String| {
        let said = get(
            address,
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes(),
        )
        .await;
        let at = said
            .windows(4)
            .position(|part| part == b"\r\n\r\n")
            .unwrap();
        assert!(said.starts_with(b"HTTP/1.1 200 "), "{path}");
        said[at + 4..].to_vec()
    };
    ask("/v2/".into()).await;
    let manifest = ask(format!("/v2/{repository}/manifests/{digest}")).await;
    assert_eq!(format!("sha256:{}", sha256(&manifest)), digest);
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let blob = async |part: &Value| {
        ask(format!(
            "/v2/{repository}/blobs/{}",
            part["digest"].as_str().unwrap()
        ))
        .await
    };
    let config = blob(&manifest["config"]).await;
    let mut came = Vec::new();
    for layer in manifest["layers"].as_array().unwrap() {
        came.push((String::new(), blob(layer).await));
    }
    change(stub, |stub| take(stub, &image, &config, came))
}

async fn get(address: &str, request: &[u8]) -> Bytes {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    said.into()
}

fn is_there(stub: &Shared) -> bool {
    let identity = saved().identity();
    change(stub, |stub| {
        let there = stub.images.get(TAG);
        there
            .is_some_and(|there| there.layers == identity.layers && there.config == identity.config)
    })
}

fn came(stub: &Shared) -> Vec<usize> {
    change(stub, |stub| stub.came.clone())
}

#[tokio::test]
async fn what_comes_whole_is_sent_once_without_what_is_there() {
    let (ended, stub, said, _) = sent(Damaged::Refused, 0, &LAYERS[..2]).await;
    ended.unwrap();
    assert!(is_there(&stub));
    assert_eq!(came(&stub), [1]);
    assert!(said[0].starts_with("sent 1 of 3 layers in "), "{said:?}");
}

#[tokio::test]
async fn what_came_damaged_is_sent_again_whole_also_when_all_of_it_was_sent() {
    for damaged in [Damaged::Refused, Damaged::Kept] {
        for (there, layers) in [(&LAYERS[..2], 1), (&[][..], 3)] {
            let (ended, stub, said, calls) = sent(damaged, 1, there).await;
            ended.unwrap();
            assert!(is_there(&stub));
            assert_eq!(came(&stub), [layers, 3]);
            let again = said
                .iter()
                .any(|text| text.ends_with("; sending all of its layers"));
            assert!(again, "{said:?}");
            assert!(!calls.contains(&Call::Listen), "no port is opened for that");
        }
    }
}

#[tokio::test]
async fn what_came_damaged_twice_is_pulled_by_its_digest_and_has_one_name() {
    for damaged in [Damaged::Refused, Damaged::Kept] {
        let (ended, stub, said, calls) = sent(damaged, 2, &[]).await;
        ended.unwrap();
        assert!(is_there(&stub));
        assert_eq!(came(&stub), [3, 3, 3]);
        let names: Vec<String> = change(&stub, |stub| stub.images.keys().cloned().collect());
        assert_eq!(names, [TAG, "sha256:older"]);
        assert!(calls.contains(&Call::Listen));
        let told = said
            .iter()
            .any(|text| text.contains("through the SSH connection"));
        assert!(told, "{said:?}");
    }
}

#[tokio::test]
async fn what_comes_damaged_each_time_is_an_error_and_leaves_no_name_behind() {
    for damaged in [Damaged::Refused, Damaged::Kept] {
        let (ended, stub, _, _) = sent(damaged, 9, &[]).await;
        let error = ended.expect_err("it never came whole");
        assert!(matches!(error, ApplyError::NotWhole { .. }), "{error:?}");
        assert!(
            error
                .to_string()
                .starts_with("names/backend:1 did not arrive whole"),
            "{error}"
        );
        assert_eq!(came(&stub), [3, 3, 3]);
        assert!(
            !change(&stub, |stub| stub.images.contains_key(TAG)),
            "the next run sends it again"
        );
    }
}

#[tokio::test]
async fn where_there_is_no_room_nothing_is_sent_again() {
    let (ended, stub, _, _) = sent(Damaged::NoRoom, 9, &[]).await;
    let error = ended.expect_err("there is no room");
    assert!(matches!(error, ApplyError::Docker(_)), "{error:?}");
    assert_eq!(came(&stub), [3]);
}
