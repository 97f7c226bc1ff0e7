//! The host itself: its power, its daemons, its disk, its clock and its names.

use std::time::Duration;

use super::super::lane::{Lane, Run};
use super::super::matrix::{Bench, Cell, Place};
use super::super::scenario::{PATIENCE, eventually};
use super::Work;

/// A deployer whose host has gone says so within this.
const SAID_WITHIN: Duration = Duration::from_secs(40);
/// A host that boots has taken back what was not confirmed when it serves, and frees the lock within this.
const FREE_AFTER_BOOT: Duration = Duration::from_secs(10);

pub fn cells() -> Vec<Cell> {
    let cell = |row, name, test| Cell {
        row,
        name,
        place: Place::Host,
        test,
    };
    vec![
        cell("power cut", "deploy: at each step", |bench| {
            power(bench, Work::Deploy)
        }),
        cell("power cut", "provision: at each step", |bench| {
            power(bench, Work::Provision)
        }),
        cell("power cut", "rollback: at each step", |bench| {
            power(bench, Work::Rollback)
        }),
        cell("host rebooted", "in the middle of a deploy", rebooted),
        cell(
            "daemons",
            "Docker restarted in the middle of a deploy",
            docker_restarted,
        ),
        cell(
            "daemons",
            "nginx killed in the middle of a deploy",
            nginx_killed,
        ),
        cell(
            "disk full",
            "deploy: at each write to the state folder",
            state_full,
        ),
        cell("disk full", "deploy: at each write below /run", run_full),
        cell("disk full", "deploy: where images are built", build_full),
        cell(
            "disk full",
            "deploy: no file can be made any more",
            no_inodes,
        ),
        cell(
            "nginx reload",
            "accepted by nginx -t, but its port is taken",
            port_taken,
        ),
        cell(
            "nginx reload",
            "rejected by nginx -t; then a reboot",
            rejected_site,
        ),
        cell("clock and names", "clock a day ahead", |bench| {
            clock(bench, "+1 day")
        }),
        cell("clock and names", "clock a day behind", |bench| {
            clock(bench, "-1 day")
        }),
        cell("clock and names", "host name changed", host_name),
        cell("clock and names", "host key changed", host_key),
    ]
}

/// Waits until the site answers again after the host was away.
#[track_caller]
fn comes_back(lane: &Lane, versions: &[String; 2]) {
    eventually("one whole release serves", PATIENCE, || {
        let seen = lane.ask();
        let good = |version: &String| versions.contains(version);
        match seen.len() == 1 && seen.iter().all(good) {
            true => Ok(()),
            false => Err(format!("{seen:?}")),
        }
    });
    lane.forgive();
    lane.excuse(false);
}

/// Every process of the host ends at once, at the n-th step; then it boots.
pub(super) fn power(bench: &mut Bench, work: Work) {
    bench.raise(3, |lane, number| {
        let versions = work.prepare(lane);
        let (running, halt) = work.halt_at(lane, &format!("before:{number}"));
        let Some(halt) = halt else {
            lane.wait(running).expect_ok();
            work.finish(lane, Run::Unharmed, &versions);
            return Run::Unharmed;
        };
        lane.excuse(true);
        lane.host().cut_power();
        drop(halt);
        let ran = lane.wait_within(running, SAID_WITHIN);
        assert!(matches!(ran.code, Some(4 | 6)), "{ran}");
        lane.host().boot_again();
        comes_back(lane, &versions);
        work.subject(lane).is_free(FREE_AFTER_BOOT);
        work.finish(lane, Run::Harmed, &versions);
        Run::Harmed
    });
}

/// Shut down in order, with a run on it; comes back with one whole release.
pub(super) fn rebooted(bench: &mut Bench) {
    bench.raise(7, |lane, number| {
        let versions = Work::Deploy.prepare(lane);
        let (running, halt) = Work::Deploy.halt_at(lane, &format!("after:{number}"));
        let Some(halt) = halt else {
            lane.wait(running).expect_ok();
            Work::Deploy.finish(lane, Run::Unharmed, &versions);
            return Run::Unharmed;
        };
        lane.excuse(true);
        let host = lane.host().clone();
        let boot = std::thread::spawn(move || host.boot_again());
        drop(halt);
        let ran = lane.wait_within(running, SAID_WITHIN + PATIENCE);
        boot.join().expect("the host comes back");
        // The last steps may have been done before sshd was stopped.
        assert!(matches!(ran.code, Some(0 | 4 | 6)), "{ran}");
        comes_back(lane, &versions);
        lane.is_free(FREE_AFTER_BOOT);
        Work::Deploy.finish(lane, Run::Harmed, &versions);
        Run::Harmed
    });
}

/// A daemon is harmed at the n-th step while the run goes on.
fn daemon(bench: &mut Bench, harm: &str, after: impl Fn(&mut Lane, &[String; 2])) {
    bench.raise(5, |lane, number| {
        let versions = Work::Deploy.prepare(lane);
        let (running, halt) = Work::Deploy.halt_at(lane, &format!("before:{number}"));
        let Some(halt) = halt else {
            lane.wait(running).expect_ok();
            Work::Deploy.finish(lane, Run::Unharmed, &versions);
            return Run::Unharmed;
        };
        lane.excuse(true);
        lane.host().root(harm);
        drop(halt);
        let ran = lane.wait(running);
        assert!(matches!(ran.code, Some(0 | 6)), "{ran}");
        if ran.code == Some(6) {
            assert!(ran.stderr.contains("error:"), "it says what failed: {ran}");
        }
        after(lane, &versions);
        comes_back(lane, &versions);
        Work::Deploy.finish(lane, Run::Harmed, &versions);
        Run::Harmed
    });
}

fn docker_restarted(bench: &mut Bench) {
    daemon(
        bench,
        "systemctl reset-failed docker.service; systemctl restart docker.service",
        |_, _| {},
    );
}

/// It recovers, or it is reported, and `provision` makes it right.
fn nginx_killed(bench: &mut Bench) {
    daemon(
        bench,
        "systemctl kill -s KILL nginx.service; sleep 0.5",
        |lane, _| {
            if lane
                .host()
                .root("systemctl is-active nginx.service || true")
                != "active"
            {
                let ran = lane.run(&["status"]);
                ran.expect(7);
                let told = ran.stdout.clone() + &ran.stderr;
                assert!(told.contains("nginx"), "{ran}");
                lane.run(&["provision", "--yes"]).expect_ok();
            }
        },
    );
}

/// A run that began well finds the disk full: at the first write, the second, and so on.
fn full(
    bench: &mut Bench,
    stride: usize,
    mount: &str,
    shrink: impl Fn(usize) -> String,
    grow: &str,
) {
    bench.raise(stride, |lane, number| {
        let versions = Work::Deploy.prepare(lane);
        let host = lane.host().clone();
        let stack = lane.stack.clone();
        let of_stack = |text: &str| text.replace("STACK", &stack);
        host.root(&of_stack(mount));
        let (running, halt) = Work::Deploy.halt_at(lane, "before:1");
        host.root(&of_stack(&shrink(number - 1)));
        drop(halt);
        let ran = lane.wait(running);
        let run = match ran.code {
            Some(0) => Run::Unharmed,
            _ => Run::Harmed,
        };
        let held = lane.ask();
        host.root(&of_stack(grow));
        if run == Run::Harmed {
            ran.expect(6);
            let said = ran.stderr.to_lowercase();
            assert!(
                said.contains("no space left") || said.contains("disk"),
                "a clear error: {ran}"
            );
            assert_eq!(
                held.len(),
                1,
                "one whole release serves while the disk is full: {held:?}"
            );
            // What the hint says of it is so.
            if ran.stderr.contains("could not undo") {
                ran.says("tells what serves now");
            } else if held.contains(&versions[1]) {
                ran.says("the switch is done and stays");
            } else {
                ran.says("what served before still serves");
            }
        }
        lane.is_free(Duration::from_secs(5));
        Work::Deploy.finish(lane, run, &versions);
        run
    });
}

/// Puts a small file system in place of a folder, with what was in it.
const SMALL: &str = "set -e; d=FOLDER; mountpoint -q $d && exit 0; mkdir -p /mnt/small; \
    mount -t tmpfs -o mode=$(stat -c %a $d) tmpfs /mnt/small; cp -a $d/. /mnt/small/; \
    mount --bind /mnt/small $d; umount /mnt/small";
/// The other way round, while visitors look at what is in it: a reboot would end such a mount.
const LARGE_AGAIN: &str = "set -e; d=FOLDER; mkdir -p /mnt/below; mount --bind ${d%/*} /mnt/below; below=/mnt/below/${d##*/}; \
    find $below -mindepth 1 -delete; cp -a $d/. $below/; umount -l $d; umount /mnt/below";

pub(super) fn state_full(bench: &mut Bench) {
    let folder = "/var/lib/stackctl/STACK";
    let shrink = |pages: usize| {
        format!(
            "used=$(df -k --output=used {folder} | tail -n 1); mount -o remount,size=$((used + {}))k {folder}",
            pages * 4
        )
    };
    let larger = format!("mount -o remount,size=64m {folder}");
    let grow = format!("{larger}; {}", LARGE_AGAIN.replace("FOLDER", folder));
    full(bench, 6, &SMALL.replace("FOLDER", folder), shrink, &grow);
}

pub(super) fn run_full(bench: &mut Bench) {
    run_full_but(bench, |pages| pages * 4);
}

/// systemd reads no units again while less than 16 MiB are free there: first by pages, as everything else writes, then in
/// growing steps.
pub(super) fn run_full_for_units(bench: &mut Bench) {
    run_full_but(bench, |pages| match pages {
        ..18 => pages * 4,
        _ => (pages - 12).pow(2) * 16,
    });
}

/// `room` says how many KiB are left at each number.
fn run_full_but(bench: &mut Bench, room: impl Fn(usize) -> usize) {
    let shrink = |number: usize| {
        format!(
            "used=$(df -k --output=used /run | tail -n 1); mount -o remount,size=$((used + {}))k /run",
            room(number)
        )
    };
    full(bench, 6, "true", shrink, "mount -o remount,size=1g /run");
}

fn build_full(bench: &mut Bench) {
    bench.run("a context that does not fit", |lane| {
        let versions = Work::Deploy.prepare(lane);
        std::fs::write(lane.path("app/ballast.bin"), vec![7; 2 << 20]).expect("write");
        lane.host()
            .root("mount -t tmpfs -o size=256k tmpfs /var/lib/docker/tmp");
        let ran = lane.run(&["deploy", "--yes"]);
        lane.host().root("umount /var/lib/docker/tmp");
        ran.expect(6).says("no space left");
        lane.serves_whole(&[&versions[0]]);
        std::fs::remove_file(lane.path("app/ballast.bin")).expect("remove");
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}

/// `nr_inodes` of tmpfs: each file, folder and link is one.
fn no_inodes(bench: &mut Bench) {
    let folder = "/var/lib/stackctl/STACK";
    let shrink = |more: usize| {
        format!(
            "used=$(df --output=iused {folder} | tail -n 1); mount -o remount,nr_inodes=$((used + {more})) {folder}"
        )
    };
    let larger = format!("mount -o remount,nr_inodes=100000 {folder}");
    let grow = format!("{larger}; {}", LARGE_AGAIN.replace("FOLDER", folder));
    full(bench, 6, &SMALL.replace("FOLDER", folder), shrink, &grow);
}

/// Somebody takes the port of a new site after the run has begun: `nginx -t` does not see it in time, and the reload
/// "succeeds".
fn port_taken(bench: &mut Bench) {
    bench.run("provision", |lane| {
        let versions = [lane.served(), lane.served()];
        lane.more_sites = "  second:\n    listen: 8000\n    routes: {/: page}\n".into();
        lane.write_yaml();
        let before = lane.host().root("cat /etc/nginx/sites-enabled/*");
        let (running, halt) = lane.halt_at(lane.by_wire(&["provision", "--yes"]), "before:1");
        lane.host().root(
            "perl -MIO::Socket::INET -e 'fork and exit; open STDOUT, q(>/dev/null); open STDERR, q(>/dev/null); \
             $s = IO::Socket::INET->new(LocalPort => 8000, Listen => 1) or die; sleep 600' & sleep 1",
        );
        drop(halt);
        let ran = lane.wait(running);
        ran.expect(6);
        assert!(ran.stderr.contains("8000"), "it names the port: {ran}");
        assert_eq!(lane.host().root("cat /etc/nginx/sites-enabled/*"), before, "the old site is back");
        lane.lost_nothing();
        lane.serves_whole(&[&versions[0]]);
        boots_and_serves(lane, &versions);
        lane.more_sites.clear();
        lane.write_yaml();
        lane.run(&["provision", "--yes"]).expect_ok();
        lane.has_converged();
    });
}

fn rejected_site(bench: &mut Bench) {
    bench.run("provision", |lane| {
        let versions = [lane.served(), lane.served()];
        let before = lane.host().root("cat /etc/nginx/sites-enabled/*");
        let template = lane.path("templates/nginx/site.conf");
        std::fs::create_dir_all(template.parent().expect("a folder")).expect("a folder");
        let good = include_str!("../../../templates/nginx/site.conf");
        let bad = good.replace("server_tokens off;", "no_such_word on;");
        assert_ne!(good, bad);
        std::fs::write(&template, bad).expect("write");
        lane.run(&["provision", "--yes"])
            .expect(6)
            .says("no_such_word");
        assert_eq!(
            lane.host().root("cat /etc/nginx/sites-enabled/*"),
            before,
            "the old site stays"
        );
        lane.lost_nothing();
        boots_and_serves(lane, &versions);
        std::fs::remove_dir_all(lane.path("templates")).expect("remove");
        lane.run(&["provision", "--yes"]).expect_ok();
        lane.has_converged();
    });
}

/// The power goes and comes back: nginx starts by itself.
#[track_caller]
fn boots_and_serves(lane: &Lane, versions: &[String; 2]) {
    lane.excuse(true);
    lane.host().cut_power();
    lane.host().boot_again();
    comes_back(lane, versions);
}

/// Only the host's idea of the time: the machine that all lab hosts are on has one clock. A `date` before the real one in
/// root's path tells another day, and so do the files that are made meanwhile.
fn clock(bench: &mut Bench, offset: &str) {
    bench.run("deploy", |lane| {
        let host = lane.host().clone();
        let versions = Work::Deploy.prepare(lane);
        host.root(&format!(
            "printf '%s\\n' '#!/bin/sh' 'exec /bin/date -d \"{offset}\" \"$@\"' >/usr/local/sbin/date; chmod 755 /usr/local/sbin/date"
        ));
        let ran = lane.run(&["deploy", "--yes"]);
        host.root("rm /usr/local/sbin/date");
        let told = ran.stdout.clone() + &ran.stderr;
        assert!(told.contains("clock"), "the clock is named: {ran}");
        match ran.code {
            Some(0) => lane.serves_whole(&[&versions[1]]),
            Some(5) => lane.serves_whole(&[&versions[0]]),
            _ => panic!("{ran}"),
        };
        lane.converges(&["deploy", "--yes"]);
        // What was marked on another day does not confuse what comes next: back is the release before.
        for _ in 0..2 {
            lane.next_version();
            lane.run(&["deploy", "--yes"]).expect_ok();
            lane.has_converged();
        }
        let before = lane.served_before();
        lane.run(&["rollback", "--yes"]).expect_ok();
        lane.serves_whole(&[&before]);
        lane.rolled_back();
        lane.next_version();
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}

fn host_name(bench: &mut Bench) {
    bench.run("deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        let host = lane.host().clone();
        host.root("hostname zebra42");
        let ran = lane.run(&["deploy", "--yes"]);
        let told = ran.stdout.clone() + &ran.stderr;
        host.root(&format!("hostname {}", host.name()));
        assert!(told.contains("zebra42"), "the name is told: {ran}");
        match ran.code {
            Some(0) => lane.serves_whole(&[&versions[1]]),
            Some(5) => lane.serves_whole(&[&versions[0]]),
            _ => panic!("{ran}"),
        };
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}

fn host_key(bench: &mut Bench) {
    bench.run("deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        let host = lane.host().clone();
        host.root("mkdir /root/keys && mv /etc/ssh/ssh_host_* /root/keys/ && ssh-keygen -A && systemctl restart ssh.service");
        let ran = lane.run(&["deploy", "--yes"]);
        host.root("rm /etc/ssh/ssh_host_* && mv /root/keys/* /etc/ssh/ && rmdir /root/keys && systemctl restart ssh.service");
        ran.expect(4).says("SHA256:");
        lane.is_free(Duration::from_secs(1));
        lane.serves_whole(&[&versions[0]]);
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}
