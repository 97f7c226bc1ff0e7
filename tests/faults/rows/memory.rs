//! What the host remembers of a stack is damaged: it is rebuilt from facts, or the run is refused with what to do.

use super::super::lane::Lane;
use super::super::matrix::{Bench, Cell, Place};
use super::Work;

pub fn cells() -> Vec<Cell> {
    let cell = |name, test| Cell {
        row: "state damaged",
        name,
        place: Place::Host,
        test,
    };
    vec![
        cell("the state folder is deleted", |bench| {
            bench.run("deploy", |lane| {
                damaged(lane, "rm -rf /var/lib/stackctl/STACK", true);
            });
        }),
        cell("the manifest is cut short", |bench| {
            for bytes in [0, 1, 40, 400] {
                bench.run(format!("{bytes} bytes left"), |lane| {
                    let damage =
                        format!("truncate -s {bytes} /var/lib/stackctl/STACK/manifest.json");
                    damaged(lane, &damage, false);
                });
            }
        }),
        cell("the manifest is gone", |bench| {
            bench.run("deploy", |lane| {
                damaged(lane, "rm /var/lib/stackctl/STACK/manifest.json", false);
            });
        }),
        cell("the history cannot be written", history),
        cell("what takes a run back is cut short", pending),
    ]
}

/// Damages the state, then runs what each run says until all is well: at most a provision and a deploy.
fn damaged(lane: &mut Lane, damage: &str, is_page_lost: bool) {
    lane.excuse(is_page_lost);
    lane.host().root(&damage.replace("STACK", &lane.stack));
    lane.next_version();
    let ran = lane.run(&["deploy", "--yes"]);
    match ran.code {
        // What is provision's is for provision to write down again; nothing that serves depends on it.
        Some(0) => drop(lane.run(&["provision", "--yes"]).expect_ok().clone()),
        // Refused before anything was changed, with the command that helps.
        Some(5) => {
            assert!(
                ran.stderr.contains("stackctl provision"),
                "it says what to do: {ran}"
            );
            lane.run(&["provision", "--yes"]).expect_ok();
            lane.run(&["deploy", "--yes"]).expect_ok();
        }
        _ => panic!("{ran}"),
    }
    if is_page_lost {
        // The releases behind the one that serves are gone for good; from the second on, all is as ever.
        lane.run(&["provision", "--yes"]).expect_ok();
        lane.remember();
        lane.next_version();
        lane.run(&["deploy", "--yes"]).expect_ok();
    }
    lane.has_converged();
    lane.forgive();
    lane.excuse(false);
    lane.next_version();
    lane.converges(&["deploy", "--yes"]);
    lane.lost_nothing();
}

/// Nothing is done that could not be written down.
fn history(bench: &mut Bench) {
    bench.run("deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        let file = format!("/var/lib/stackctl/{}/history.jsonl", lane.stack);
        lane.host()
            .root(&format!("mv {file} {file}.kept && mkdir {file}"));
        let ran = lane.run(&["deploy", "--yes"]);
        lane.host()
            .root(&format!("rmdir {file} && mv {file}.kept {file}"));
        assert!(matches!(ran.code, Some(5 | 6)), "{ran}");
        ran.says("history");
        lane.serves_whole(&[&versions[0]]);
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}

/// A file system that lost the end of it, though it was synced: nothing is guessed.
fn pending(bench: &mut Bench) {
    for keep in ["0", "10", "$(( $(stat -c %s $p) / 2 ))"] {
        bench.run(format!("{keep} bytes left"), |lane| {
            let versions = Work::Deploy.prepare(lane);
            // One that was killed when the host could not take it back by itself.
            let (running, halt) = Work::Deploy.halt_at(lane, "before:9");
            let pending = format!("/var/lib/stackctl/{}/pending", lane.stack);
            lane.host()
                .root(&format!("p={pending}; truncate -s {keep} $p"));
            running.signal("KILL");
            drop((running, halt));
            lane.is_free(super::super::lane::FREE_WITHIN);
            lane.serves_whole(&[&versions[0], &versions[1]]);
            lane.converges(&["deploy", "--yes"]);
            lane.lost_nothing();
        });
    }
}
