//! Plans carried out on hosts that only record: what stops, what is taken back, in which order.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stackctl::apply::{Here, Journal, apply};
use stackctl::facts::{SourceEntry, SourceFile, SourceTree, sha256};
use stackctl::model::{Filling, HostName, Install};
use stackctl::plan::{Action, Event, LocalBuild, Plan, Step, StepState, UnitRun};
use stackctl::transport::{FakeTransport, Output, Transport};
use tokio::sync::watch;

use StepState::{Done, Failed, NotStarted};

/// `HOST PHASE NAME`, followed by what takes it back.
fn step(text: &str) -> Step {
    let words: Vec<&str> = text.split(' ').collect();
    let remove = |name: &str| Action::Remove(format!("/{name}").parse().unwrap());
    let action = match words[2] {
        "commit" => Action::Commit(Box::default()),
        name => remove(name),
    };
    Step {
        host: words[0].parse().unwrap(),
        phase: words[1].parse().unwrap(),
        action,
        cause: "a test".into(),
        undo: words[3..].iter().map(|name| remove(name)).collect(),
    }
}

/// What a host keeps of what takes a run back, and does with it: the scripts of `undo.rs`, done by this test.
#[derive(Default)]
struct Pending(String);

impl Pending {
    /// Names of what is removed, and the words for it.
    fn recover(&mut self) -> Vec<(String, String)> {
        let text = std::mem::take(&mut self.0);
        let lines = text.lines().skip(1);
        lines
            .map(|line| {
                let (words, script) = line.split_once('\t').unwrap();
                let script = String::from_utf8(STANDARD.decode(script).unwrap()).unwrap();
                let asked = script.lines().next().unwrap();
                let name = asked.strip_prefix("set -- /").unwrap().to_owned();
                (name, words.to_owned())
            })
            .collect()
    }
}

struct Applied {
    states: Vec<StepState>,
    /// What ran on any host, in order, as `HOST NAME`.
    ran: Vec<String>,
    undone: Vec<String>,
    errors: Vec<String>,
    events: Vec<Event>,
    cancelled: bool,
}

/// Applies steps to hosts on which every name that begins with `bad` fails and `stop` is when the person stops the run.
async fn run(steps: &[&str]) -> Applied {
    let plan = Plan {
        steps: steps.iter().map(|text| step(text)).collect(),
        notes: Vec::new(),
        drift: Vec::new(),
    };
    let (stop, cancelled) = watch::channel(false);
    let ran = Arc::new(Mutex::new(Vec::new()));
    let mut fleet: BTreeMap<HostName, Arc<dyn Transport>> = BTreeMap::new();
    for host in plan.steps.iter().map(|step| step.host.clone()) {
        let (ran, stop, name) = (Arc::clone(&ran), stop.clone(), host.clone());
        let mut pending = Pending::default();
        let transport = FakeTransport::new(move |script, input| {
            let said = |said: String| {
                Ok(Output {
                    status: 0,
                    stdout: said.into_bytes(),
                    stderr: Vec::new(),
                })
            };
            match script.name {
                "arm" => {
                    assert_eq!(script.args, ["/pending", "/history"]);
                    pending.0 = String::from_utf8(input.to_vec()).unwrap();
                    return said(String::new());
                }
                // Asked after what fails; there is room.
                "space" => return said(String::new()),
                "commit" => {
                    ran.lock().unwrap().push(format!("{name} commit"));
                    pending.0 = String::from_utf8(input.to_vec()).unwrap();
                    return said(String::new());
                }
                "recover" => {
                    let mut told = String::new();
                    for (asked, words) in pending.recover() {
                        ran.lock().unwrap().push(format!("{name} {asked}"));
                        if asked.starts_with("bad") {
                            told.push_str(&format!("failed\t{words}\texit 7\n"));
                            break;
                        }
                        told.push_str(&format!("undone\t{words}\n"));
                    }
                    return said(told);
                }
                _ => {}
            }
            let asked = script.args[0].trim_start_matches('/');
            ran.lock().unwrap().push(format!("{name} {asked}"));
            if asked == "stop" {
                stop.send_replace(true);
            }
            Ok(Output {
                status: if asked.starts_with("bad") { 7 } else { 0 },
                stdout: Vec::new(),
                stderr: b"first line\nlast line\n".to_vec(),
            })
        });
        fleet.entry(host).or_insert_with(|| Arc::new(transport));
    }
    let events = Mutex::new(Vec::new());
    let journal = Journal {
        pending: "/pending".parse().unwrap(),
        history: "/history".parse().unwrap(),
        header: "{}".into(),
    };
    let outcome = apply(
        &plan,
        &fleet,
        &Here::default(),
        &journal,
        &|event| events.lock().unwrap().push(event),
        cancelled,
    )
    .await;
    let ran = ran.lock().unwrap().clone();
    Applied {
        ran,
        states: outcome.states,
        undone: outcome.undone,
        errors: outcome
            .errors
            .iter()
            .map(|(step, error)| format!("{step}: {error}: {}", error.tail().join(", ")))
            .collect(),
        events: events.into_inner().unwrap(),
        cancelled: outcome.cancelled,
    }
}

/// The states, and all that ran, on one line.
#[track_caller]
fn check(applied: &Applied, states: &[StepState], ran: &str) {
    assert_eq!(applied.states, states);
    assert_eq!(applied.ran.join(", "), ran);
}

#[tokio::test]
async fn steps_run_in_order_and_nothing_is_taken_back() {
    let applied = run(&["web1 0 a undo-a", "web1 0 b", "web1 1 c undo-c"]).await;
    check(&applied, &[Done; 3], "web1 a, web1 b, web1 c");
    assert_eq!(
        (
            applied.undone.len(),
            applied.errors.len(),
            applied.cancelled
        ),
        (0, 0, false)
    );
    let [
        Event::Started { step: 0 },
        Event::Done { step: 0 },
        ..,
        Event::Done { step: 2 },
    ] = applied.events[..]
    else {
        panic!("{:?}", applied.events);
    };
}

#[tokio::test]
async fn a_failure_stops_the_run_and_takes_back_last_first() {
    let applied = run(&[
        "web1 0 a undo-a",
        "web1 0 b undo-b undo-b2",
        "web1 0 bad undo-bad",
        "web1 0 never undo-never",
        "web1 1 later",
    ])
    .await;
    check(
        &applied,
        &[Done, Done, Failed, NotStarted, NotStarted],
        "web1 a, web1 b, web1 bad, web1 undo-never, web1 undo-bad, web1 undo-b, web1 undo-b2, web1 undo-a",
    );
    assert_eq!(
        applied.errors,
        ["2: remove ended with exit code 7: first line, last line"]
    );
    assert_eq!(
        applied.undone,
        ["never", "bad", "b", "b2", "a"].map(|name| format!("web1: remove /undo-{name}"))
    );
}

#[tokio::test]
async fn what_was_confirmed_stays() {
    let applied = run(&["web1 0 a undo-a", "web1 0 commit", "web1 0 c", "web1 0 bad"]).await;
    check(
        &applied,
        &[Done, Done, Done, Failed],
        "web1 a, web1 commit, web1 c, web1 bad",
    );
    assert!(applied.undone.is_empty());
}

#[tokio::test]
async fn what_comes_after_a_commit_is_taken_back_until_the_next() {
    let applied = run(&[
        "web1 0 a undo-a",
        "web1 0 commit",
        "web1 1 b undo-b",
        "web1 1 bad undo-bad",
        "web1 1 commit",
        "web1 2 c undo-c",
    ])
    .await;
    assert_eq!(
        applied.ran.join(", "),
        "web1 a, web1 commit, web1 b, web1 bad, web1 undo-bad, web1 undo-b"
    );
}

#[tokio::test]
async fn taking_back_ends_where_it_fails_since_the_rest_counts_on_it() {
    let applied = run(&["web1 0 a undo-a", "web1 0 bad bad-undo undo-b"]).await;
    check(&applied, &[Done, Failed], "web1 a, web1 bad, web1 bad-undo");
    assert!(applied.undone.is_empty());
    assert!(applied.events.iter().any(
        |event| matches!(event, Event::UndoFailed { words, .. } if words == "remove /bad-undo")
    ));
}

#[tokio::test]
async fn one_hosts_failure_takes_every_host_back() {
    let applied = run(&[
        "web1 0 a undo-a",
        "web2 0 b undo-b",
        "web1 1 switch undo-switch",
        "web2 1 bad",
        "web1 2 commit",
        "web2 2 commit",
    ])
    .await;
    assert_eq!(applied.states[4..], [NotStarted, NotStarted]);
    let mut undone = applied.undone;
    undone.sort();
    assert_eq!(
        undone,
        [
            "web1: remove /undo-a",
            "web1: remove /undo-switch",
            "web2: remove /undo-b"
        ]
    );
}

#[tokio::test]
async fn a_phase_begins_when_every_host_has_ended_the_one_before() {
    let applied = run(&["web1 0 a", "web2 0 b", "web2 0 c", "web1 1 d", "web2 1 e"]).await;
    assert_eq!(applied.states, [Done; 5]);
    let at = |name: &str| applied.ran.iter().position(|ran| ran == name).unwrap();
    assert!(
        at("web2 c") < at("web1 d") && at("web1 a") < at("web2 e"),
        "{:?}",
        applied.ran
    );
}

#[tokio::test]
async fn a_stopped_run_starts_nothing_more_and_takes_back() {
    let applied = run(&[
        "web1 0 a undo-a",
        "web1 0 stop undo-stop",
        "web1 0 never",
        "web1 1 later",
    ])
    .await;
    // The step that ran when it was stopped may have come to its end.
    assert_ne!(applied.states[1], NotStarted);
    assert_eq!(applied.states[2..], [NotStarted; 2]);
    assert_eq!(
        applied.ran.join(", "),
        "web1 a, web1 stop, web1 undo-stop, web1 undo-a"
    );
    assert!(applied.cancelled);
}

/// Sends a folder to a host where the first `damaged` uploads arrive otherwise than they were sent: how often it was sent,
/// what people were told, and why it failed.
async fn send(damaged: usize) -> (usize, Vec<String>, Option<String>) {
    let file = SourceFile {
        executable: false,
        size: 3,
        digest: sha256(b"one"),
        contents: Some(b"one".to_vec()),
    };
    let tree = SourceTree {
        root: "/nowhere".into(),
        entries: [("index.html".to_owned(), SourceEntry::File(file))].into(),
    };
    let digest = tree.unpacked_digest();
    let host: HostName = "web1".parse().unwrap();
    let push = Step {
        host: host.clone(),
        phase: 0,
        action: Action::PushTree {
            tree: Box::new(tree),
            to: "/release".parse().unwrap(),
        },
        cause: "a test".into(),
        undo: Vec::new(),
    };
    let plan = Plan {
        steps: vec![push],
        notes: Vec::new(),
        drift: Vec::new(),
    };
    let sent = Arc::new(Mutex::new(0));
    let count = Arc::clone(&sent);
    let transport = FakeTransport::new(move |script, input| {
        let mut status = 0;
        if script.name == "push-tree" {
            assert_eq!(script.args, ["/release", &digest]);
            assert!(input.windows(3).any(|bytes| bytes == b"one"));
            let mut count = count.lock().unwrap();
            *count += 1;
            status = if *count > damaged { 0 } else { 65 };
        }
        Ok(Output {
            status,
            stdout: Vec::new(),
            stderr: Vec::new(),
        })
    });
    let fleet: BTreeMap<HostName, Arc<dyn Transport>> =
        [(host, Arc::new(transport) as Arc<dyn Transport>)].into();
    let told = Mutex::new(Vec::new());
    let tell = |event| {
        if let Event::Notice { text, .. } = event {
            told.lock().unwrap().push(text);
        }
    };
    let journal = Journal {
        pending: "/pending".parse().unwrap(),
        history: "/history".parse().unwrap(),
        header: "{}".into(),
    };
    let (_stop, cancelled) = watch::channel(false);
    let outcome = apply(&plan, &fleet, &Here::default(), &journal, &tell, cancelled).await;
    let error = outcome.errors.first().map(|(_, error)| error.to_string());
    let sent = *sent.lock().unwrap();
    (sent, told.into_inner().unwrap(), error)
}

#[tokio::test]
async fn what_did_not_arrive_as_it_was_sent_is_sent_again_once() {
    assert_eq!(send(0).await, (1, Vec::new(), None));
    let (sent, told, error) = send(1).await;
    assert_eq!((sent, error), (2, None));
    assert_eq!(told, ["it did not arrive as it was sent; sending it again"]);
    let (sent, told, error) = send(9).await;
    assert_eq!((sent, told.len()), (2, 1));
    assert!(
        error
            .unwrap()
            .starts_with("twice it did not arrive as it was sent")
    );
}

/// A release phase of a unit that ends with `status`; what the run says of it.
async fn phase(status: i32) -> Option<String> {
    let host: HostName = "web1".parse().unwrap();
    let run = UnitRun {
        name: "shop-app@release-1.service".into(),
        properties: Vec::new(),
        command: vec!["python".into(), "tables.py".into()],
        deadline: Duration::from_secs(60),
    };
    let plan = Plan {
        steps: vec![Step {
            host: host.clone(),
            phase: 0,
            action: Action::RunUnitOnce(Box::new(run)),
            cause: "a test".into(),
            undo: Vec::new(),
        }],
        notes: Vec::new(),
        drift: Vec::new(),
    };
    let transport = FakeTransport::new(move |script, _| {
        Ok(Output {
            status: if script.name == "run-unit-once" {
                status
            } else {
                0
            },
            stdout: Vec::new(),
            stderr: Vec::new(),
        })
    });
    let fleet: BTreeMap<HostName, Arc<dyn Transport>> =
        [(host, Arc::new(transport) as Arc<dyn Transport>)].into();
    let journal = Journal {
        pending: "/pending".parse().unwrap(),
        history: "/history".parse().unwrap(),
        header: "{}".into(),
    };
    let (_stop, cancelled) = watch::channel(false);
    let outcome = apply(
        &plan,
        &fleet,
        &Here::default(),
        &journal,
        &|_| {},
        cancelled,
    )
    .await;
    outcome.errors.first().map(|(_, error)| error.to_string())
}

#[tokio::test]
async fn no_exit_code_of_a_release_phase_but_0_is_good() {
    assert_eq!(phase(0).await, None);
    // 3 is what scripts of ours end with when there is nothing to do.
    for status in [1, 3, 137] {
        let error = phase(status).await.unwrap();
        assert!(error.contains("python tables.py"), "{status}: {error}");
        assert!(error.contains(&status.to_string()), "{status}: {error}");
    }
}

/// Builds on this machine for three hosts; what each of them was sent, and what the build has noted.
async fn built_here(script: &str) -> (Vec<String>, String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let noted = folder.path().join("noted");
    fs::create_dir(folder.path().join("source")).unwrap();
    fs::write(folder.path().join("source/build.sh"), script).unwrap();
    let file = SourceFile {
        executable: false,
        size: script.len() as u64,
        digest: sha256(script.as_bytes()),
        contents: None,
    };
    let source = SourceTree {
        root: folder.path().join("source"),
        entries: [("build.sh".to_owned(), SourceEntry::File(file))].into(),
    };
    let sent = Arc::new(Mutex::new(Vec::new()));
    let mut fleet: BTreeMap<HostName, Arc<dyn Transport>> = BTreeMap::new();
    let mut steps = Vec::new();
    for name in ["web1", "web2", "web3"] {
        let host: HostName = name.parse().unwrap();
        let filling = Filling {
            file: "index.html".into(),
            values: vec![("${HOST}".into(), name.into())],
        };
        let build = LocalBuild {
            source: source.clone(),
            install: Install::Nothing,
            command: vec!["sh".into(), "build.sh".into()],
            env: [("NOTED".to_owned(), noted.display().to_string())].into(),
            output: "dist".into(),
            fallback: Some("index.html".into()),
            deadline: Duration::from_secs(60),
            fill: vec![filling],
            to: "/release".parse().unwrap(),
        };
        steps.push(Step {
            host: host.clone(),
            phase: 0,
            action: Action::BuildHere(Box::new(build)),
            cause: "a test".into(),
            undo: Vec::new(),
        });
        let sent = Arc::clone(&sent);
        let transport = FakeTransport::new(move |script, input| {
            if script.name == "push-tree" {
                let text = String::from_utf8_lossy(input);
                let (_, rest) = text.split_once("built for ").expect("the page");
                sent.lock().unwrap().push(rest[..4].to_owned());
            }
            Ok(Output {
                status: 0,
                stdout: Vec::new(),
                stderr: Vec::new(),
            })
        });
        fleet.insert(host, Arc::new(transport));
    }
    let plan = Plan {
        steps,
        notes: Vec::new(),
        drift: Vec::new(),
    };
    let journal = Journal {
        pending: "/pending".parse().unwrap(),
        history: "/history".parse().unwrap(),
        header: "{}".into(),
    };
    let (_stop, cancelled) = watch::channel(false);
    let outcome = apply(
        &plan,
        &fleet,
        &Here::default(),
        &journal,
        &|_| {},
        cancelled,
    )
    .await;
    let errors = outcome.errors.iter();
    let errors = errors.flat_map(|(_, error)| error.tail().last().cloned());
    let mut sent = sent.lock().unwrap().clone();
    sent.sort();
    let noted = fs::read_to_string(noted).unwrap_or_default();
    (sent, noted, errors.collect())
}

#[tokio::test]
async fn what_is_built_on_this_machine_is_built_once_and_filled_for_each_host() {
    let script = "echo once >>\"$NOTED\"; mkdir dist; echo 'built for ${HOST}' >dist/index.html";
    let (sent, noted, errors) = built_here(script).await;
    assert_eq!(sent, ["web1", "web2", "web3"]);
    assert_eq!((noted.as_str(), errors.len()), ("once\n", 0));
}

#[tokio::test]
async fn a_build_on_this_machine_that_fails_is_told_once_and_sends_nothing() {
    let script = "echo once >>\"$NOTED\"; mkdir dist; echo 'built for ${HOST}' >dist/other.html";
    let (sent, noted, errors) = built_here(script).await;
    assert!(sent.is_empty());
    assert_eq!(noted, "once\n");
    assert_eq!(
        errors,
        ["`fallback` names index.html, which the build has not made"]
    );
}
