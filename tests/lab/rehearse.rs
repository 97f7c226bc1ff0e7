//! `rehearse`: a deploy and its rollback on a disposable host, under load, with a page about it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::browser::Browser;
use super::scenario::{Lab, Ran, eventually, objects_of};

/// Hosts of it need no engine and no database, and are soon there.
const PAGES: &str = "stack: pages\nhosts: {web1: ubuntu@203.0.113.10}\nservices:\n  page: {static: {include: [index.html, second.html]}}\n\
    sites:\n  main: {routes: {/: page}}\n";

#[test]
#[ignore = "needs docker"]
fn a_rehearsal_shows_what_a_deploy_does_to_visitors_and_leaves_nothing() {
    let lab = Lab::planned("rehearse");
    lab.stackctl(["init", "--example", "names", "names"])
        .expect_ok();
    let yaml = lab.path("names/stackctl.yaml");
    let text = fs::read_to_string(&yaml).expect("the yaml");
    // The stack's own host is in a network that answers nobody: a rehearsal must not even try.
    assert!(text.contains("203.0.113.10"), "{text}");
    fs::write(&yaml, text.replace("mysql:8.4", "mariadb:11")).expect("write");
    git(&lab, "names", &["init", "-q"]);
    git(&lab, "names", &["add", "."]);
    git(&lab, "names", &["commit", "-qm", "The names app"]);

    lab.step("a changed backend and page lose nothing, and come back by a rollback");
    let backend = lab.path("names/python/main.py");
    let good = fs::read_to_string(&backend).expect("the backend");
    fs::write(&backend, format!("{good}\n# changed\n")).expect("write");
    let page = lab.path("names/index.html");
    let was = fs::read_to_string(&page).expect("the page");
    fs::write(&page, was.replace("</title>", ", again</title>")).expect("write");
    let out = lab.path("rehearsal.html");
    // Few, since a fifth of them asks the database, and the machine has other scenarios to run.
    let seen = rehearse(&lab, "names", &["--rate", "20", "--calm", "5s", "--json"]);
    let report = seen.expect_ok().json();
    assert_eq!(report["lost"], 0, "{report}");
    assert!(
        report["from"]
            .as_str()
            .is_some_and(|from| from.ends_with(" The names app"))
    );
    assert_eq!(report["to"], "this folder (2 files changed)");
    let phases: Vec<&str> = report["phases"]
        .as_array()
        .expect("phases")
        .iter()
        .map(|phase| {
            assert!(phase["figures"]["requests"].as_u64() > Some(0), "{phase}");
            phase["name"].as_str().expect("a name")
        })
        .collect();
    assert_eq!(phases, ["before", "deploy", "between", "rollback", "after"]);
    // The backend and the page, there and back.
    assert_eq!(
        report["switches"].as_array().map(Vec::len),
        Some(4),
        "{report}"
    );
    let asked = report["asked"].to_string();
    assert_eq!(asked, r#"["GET /","GET /healthz"]"#);
    let requests = report["requests"].as_u64().expect("a number");
    let seconds = report["seconds"].as_f64().expect("a number");
    assert!(
        (requests as f64) > 18.0 * seconds,
        "{requests} in {seconds} s"
    );
    assert!(objects_of(&lab.name).is_empty(), "the hosts are gone");

    lab.step("the page says so in a browser");
    let browser = Browser::start();
    browser.open(&format!("file://{}", out.display()));
    let heading = browser.texts("h1");
    assert!(heading[0].starts_with("None of "), "{heading:?}");
    assert_eq!(browser.texts("section table tbody tr th")[..5], phases[..]);
    assert!(browser.place("svg.timeline").width > 700.0);
    browser.screenshot(&lab.artifacts().join("rehearsal.png"));
    let _ = fs::copy(&out, lab.artifacts().join("rehearsal.html"));

    lab.step("a deploy that fails is told, and visitors did not notice");
    fs::write(
        &backend,
        format!("{good}\nraise SystemExit('on purpose')\n"),
    )
    .expect("write");
    let seen = rehearse(&lab, "names", &["--rate", "20", "--calm", "2s"]);
    seen.expect(6);
    assert!(seen.stdout.contains("The deploy failed; none of"), "{seen}");
    assert!(objects_of(&lab.name).is_empty(), "the hosts are gone");

    lab.step("a page that the new release lacks is lost requests");
    let pages = lab.path("pages");
    fs::create_dir_all(&pages).expect("a folder");
    for (file, text) in [
        ("stackctl.yaml", PAGES),
        ("index.html", "first"),
        ("second.html", "second"),
    ] {
        fs::write(pages.join(file), text).expect("write");
    }
    for arguments in [
        &["init", "-q"] as &[&str],
        &["add", "."],
        &["commit", "-qm", "Pages"],
    ] {
        git(&lab, "pages", arguments);
    }
    fs::remove_file(pages.join("second.html")).expect("it was there");
    fs::write(
        pages.join("stackctl.yaml"),
        PAGES.replace(", second.html", ""),
    )
    .expect("write");
    let seen = rehearse(
        &lab,
        "pages",
        &[
            "--rate",
            "20",
            "--calm",
            "2s",
            "--path",
            "/second.html",
            "--json",
        ],
    );
    let report = seen.expect(7).json();
    assert!(report["lost"].as_u64() > Some(0), "{report}");
    let losses = report["losses"].as_array().expect("a list");
    let is_missing = |loss: &serde_json::Value| {
        loss.as_str()
            .is_some_and(|loss| loss.contains("error status 404"))
    };
    assert!(losses.iter().any(is_missing), "{report}");

    lab.step("Ctrl-C removes the hosts");
    let run = lab.start(arguments(&lab, "pages", &["--calm", "60s"]));
    eventually("the load is on", Duration::from_secs(300), || {
        let said = run.said();
        said.contains("load: ").then_some(()).ok_or(said)
    });
    run.signal("INT");
    run.wait(&lab).expect(130);
    assert!(objects_of(&lab.name).is_empty(), "the hosts are gone");
}

fn arguments(lab: &Lab, folder: &str, more: &[&str]) -> Vec<String> {
    let config = lab.path(folder).join("stackctl.yaml").display().to_string();
    let out = lab.path("rehearsal.html").display().to_string();
    [
        "-c", &config, "rehearse", "--yes", "--name", &lab.name, "--out", &out,
    ]
    .iter()
    .chain(more)
    .map(|&word| word.to_owned())
    .collect()
}

fn rehearse(lab: &Lab, folder: &str, more: &[&str]) -> Ran {
    lab.stackctl(arguments(lab, folder, more))
}

fn git(lab: &Lab, folder: &str, arguments: &[&str]) {
    let mut command = Command::new("git");
    command
        .current_dir(lab.path(folder))
        .args([
            "-c",
            "user.name=tester",
            "-c",
            "user.email=tester@example.com",
        ])
        .args(arguments);
    lab.finish(command).expect_ok();
}
