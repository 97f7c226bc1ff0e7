//! The report of a rehearsal: words, figures and picture of a made-up one. `UPDATE=1` rewrites them; look at
//! `rehearsal/report.html` in a browser, light and dark.

use std::collections::BTreeMap;

use stackctl::render::{
    Bucket, Figures, OtherSeconds, Overrides, Phase, Rehearsal, Setup, Step, Switch, Templates,
    rehearsal,
};
use stackctl::ui::{Paint, rehearsal_json, rehearsal_text};

use crate::golden;

/// A deploy that lost a few requests, from names that would like to be markup.
fn sample() -> Rehearsal {
    let phases = [
        ("before", 0.0, 10.0, 0),
        ("deploy", 10.0, 31.5, 4),
        ("between", 31.5, 41.5, 0),
        ("rollback", 41.5, 42.2, 0),
        ("after", 42.2, 52.2, 0),
    ];
    let step = |track: &str, words: &str, from: f64, to: f64| Step {
        track: track.to_owned(),
        host: "web1".to_owned(),
        words: words.to_owned(),
        from,
        to,
        good: true,
    };
    Rehearsal {
        stack: "names".to_owned(),
        from: "d9a7f65 Say <b>hello</b> & \"good bye\"".to_owned(),
        to: "this folder (3 files changed)".to_owned(),
        date: "2026-03-14 09:26 UTC".to_owned(),
        hosts: vec!["web1".to_owned()],
        rate: 100.0,
        asked: vec!["GET /".to_owned(), "GET /healthz".to_owned()],
        lost: 4,
        requests: 5220,
        seconds: 52.2,
        setup: [("lab", 3.4), ("provision", 64.2), ("first deploy", 21.8)]
            .map(|(name, seconds)| Setup {
                name: name.to_owned(),
                seconds,
            })
            .into(),
        phases: phases
            .map(|(name, from, to, lost)| Phase {
                name: name.to_owned(),
                from,
                to,
                figures: Figures {
                    requests: ((to - from) * 100.0_f64).round() as u64,
                    lost,
                    p50: 2.14,
                    p90: 4.2,
                    p99: if name == "deploy" { 38.0 } else { 12.6 },
                    slowest: if name == "deploy" { 2210.0 } else { 31.0 },
                    longest_gap: 24.8,
                },
            })
            .into(),
        steps: vec![
            step("build", "build image stackctl/names-backend:71b3ad14475c", 10.3, 18.9),
            step("build", "send 3 files to /var/lib/stackctl/names/releases/page/302edca36d47", 19.0, 19.1),
            step("release", "run `python tables.py` once in names-backend-71b3ad14475c-release", 19.1, 20.4),
            step("start", "run container names-backend-71b3ad14475c", 20.4, 20.9),
            step("health", "wait until names-backend-71b3ad14475c answers /healthz 3 times", 20.9, 23.1),
            step("switch", "switch /run/stackctl/names/backend.sock to backend.71b3ad14475c/app.sock", 23.2, 23.21),
            step("bake", "watch names-backend-71b3ad14475c for 5 s", 23.3, 28.3),
            step("retire", "keep names-backend-9634d69d8ced running for 10 min", 28.4, 31.4),
            step("switch", "switch /run/stackctl/names/backend.sock to backend.9634d69d8ced/app.sock", 42.0, 42.01),
        ],
        switches: vec![
            Switch {
                at: 23.21,
                words: "web1: switch /run/stackctl/names/backend.sock to backend.71b3ad14475c/app.sock"
                    .to_owned(),
                longest_gap: 24.8,
            },
            Switch {
                at: 42.01,
                words: "web1: switch /run/stackctl/names/backend.sock to backend.9634d69d8ced/app.sock"
                    .to_owned(),
                longest_gap: 13.1,
            },
        ],
        other_seconds: OtherSeconds {
            count: 48,
            median_gap: 11.6,
            longest_gap: 31.2,
        },
        bucket_seconds: 0.25,
        buckets: (0..209)
            .map(|index| {
                let at = f64::from(index) * 0.25;
                let busy = (10.0..19.0).contains(&at);
                let lost = u64::from(index == 93) * 4;
                // Some unrest, the same each time.
                let wave = f64::from(index * 37 % 11) / 11.0;
                Bucket {
                    at,
                    answered: 25 - lost,
                    lost,
                    p50: 1.8 + wave + if busy { 2.0 } else { 0.0 },
                    p99: 6.0 + 6.0 * wave + if busy { 24.0 } else { 0.0 },
                    slowest: 9.0 + 22.0 * wave + if index == 60 { 2180.0 } else { 0.0 },
                }
            })
            .collect(),
        losses: (0..4)
            .map(|number| {
                format!("23.2{number}0 s: GET / (keep-alive): kept connection was closed unannounced after 0.001 s")
            })
            .collect(),
        notes: vec!["GET /admin of site names is left out: it answers 401 before the deploy".to_owned()],
        failure: None,
    }
}

#[test]
fn the_report_is_words_figures_and_a_picture() {
    let templates = Templates::new(&Overrides::default()).unwrap();
    let seen = sample();
    let wanted = BTreeMap::from([
        (
            "report.html".to_owned(),
            rehearsal(&templates, &seen).unwrap(),
        ),
        ("report.txt".to_owned(), rehearsal_text(&seen, Paint(false))),
        (
            "report.json".to_owned(),
            format!("{:#}\n", rehearsal_json(&seen)),
        ),
    ]);
    let folder = golden::root().join("tests/it/rehearsal");
    let problems = golden::check(&folder, &[], &wanted);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_page_needs_nothing_else_and_values_are_no_markup() {
    let templates = Templates::new(&Overrides::default()).unwrap();
    let page = rehearsal(&templates, &sample()).unwrap();
    for outside in [
        "src=", "href=", "url(", "@import", "<script", "http://", "https://",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("<b>hello"));
    assert!(page.contains("&lt;b&gt;hello&lt;/b&gt; &amp;"));
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn a_rehearsal_without_losses_steps_or_requests_has_a_report_too() {
    let templates = Templates::new(&Overrides::default()).unwrap();
    let mut seen = sample();
    seen.lost = 0;
    for phase in &mut seen.phases {
        phase.figures = Figures::default();
    }
    seen.steps.clear();
    seen.switches.clear();
    seen.buckets.clear();
    seen.losses.clear();
    seen.phases.truncate(2);
    seen.failure = Some("web1: could not build".to_owned());
    let page = rehearsal(&templates, &seen).unwrap();
    assert!(page.contains("It ended early"), "{page}");
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    let text = rehearsal_text(&seen, Paint(false));
    assert!(text.contains("✗ The deploy failed; none of"), "{text}");
}
