//! What a run did not come to is found by what runs, not by what was remembered: a file that was put in place by somebody
//! who died before the reload is loaded by the next run, and state that was removed is made again from what is there.

use std::fs;

use super::scenario::{Lab, http, quote};

/// Asks nginx which version of the site it goes by.
const LIVE: &str = "my $nginx = IO::Socket::INET->new('127.0.0.1:80') or die; local $/; \
    print $nginx \"GET /.stackctl/generation HTTP/1.0\\r\\n\\r\\n\"; <$nginx> =~ /\\r\\n\\r\\n(\\w+)/ and print $1";

#[test]
#[ignore = "needs docker"]
fn a_reload_that_was_lost_and_state_that_was_removed_are_made_up_for() {
    let lab = Lab::boot("lost-restart", "bookworm");
    fs::create_dir_all(lab.path("pages")).expect("a folder");
    fs::write(lab.path("pages/index.html"), "hello").expect("a page");
    let yaml = lab.path("stackctl.yaml");
    let write = |body: u32| {
        let text = format!(
            "stack: hello\nhosts:\n{}services:\n  page: {{static: {{root: pages, include: [index.html]}}}}\n\
             sites:\n  hello: {{listen: 80, body_limit: {body}M, routes: {{/: page}}}}\n",
            lab.host_yaml()
        );
        fs::write(&yaml, text).expect("write the yaml");
    };
    let run = |command: &str| lab.stackctl([command, "--yes"]);
    const SITE: &str = "/etc/nginx/sites-available/hello.conf";
    let live = || lab.root(&format!("perl -MIO::Socket::INET -e {}", quote(LIVE)));

    lab.step("a mirror that does not answer is named");
    let sources = "/etc/apt/sources.list.d/gone.list";
    lab.root(&format!(
        "rm -rf /var/lib/apt/lists/*; echo 'deb http://127.0.0.1:9/debian bookworm main' >{sources}"
    ));
    write(1);
    let ran = run("provision");
    assert!(
        format!("{ran}").contains("apt could not fetch from http://127.0.0.1:9"),
        "{ran}"
    );
    lab.root(&format!("rm -f {sources}"));
    run("provision").expect_ok();
    run("deploy").expect_ok();
    let first = live();
    assert_eq!(first.len(), 12, "{first}");

    lab.step("a file that is right and was never loaded is loaded by the next run");
    lab.root(&format!("cp {SITE} /root/first.conf"));
    write(2);
    run("provision").expect_ok();
    let second = live();
    assert_ne!(first, second);
    // As a run leaves it that is killed between the file and the reload.
    lab.root(&format!(
        "cp {SITE} /root/second.conf; cp /root/first.conf {SITE}; nginx -s reload; sleep 1; cp -a /root/second.conf {SITE}"
    ));
    assert_eq!(live(), first, "nginx still goes by the first");
    let planned = lab.stackctl(["plan"]);
    assert!(
        planned
            .expect_ok()
            .stdout
            .contains("nginx runs an older version of it"),
        "{planned}"
    );
    run("provision").expect_ok();
    assert_eq!(live(), second);
    let again = run("provision");
    assert!(again.expect_ok().stdout.contains("no changes"), "{again}");

    lab.step("a unit that systemd has not read again is read by the next run");
    let unit = "stackctl-hello-recover.service";
    let stale = || lab.root(&format!("systemctl show -P NeedDaemonReload {unit}"));
    lab.root(&format!(
        "systemctl cat {unit} >/dev/null; cd /etc/systemd/system; sleep 1; touch {unit}"
    ));
    assert_eq!(stale(), "yes");
    run("provision").expect_ok();
    assert_eq!(stale(), "no");

    lab.step("a host whose state was removed is made whole again by what it has");
    lab.root("rm -rf /var/lib/stackctl/hello/served /var/lib/stackctl/hello/manifest.json");
    run("rollback").expect(5).says("cannot be told");
    run("provision").expect_ok();
    run("deploy").expect_ok();
    let again = run("deploy");
    assert!(again.expect_ok().stdout.contains("no changes"), "{again}");
    lab.root("ls /var/lib/stackctl/hello/served/page/ | grep -q .");
    assert_eq!(
        http("GET", &lab.url(80), None).expect("the page").1,
        "hello"
    );

    lab.step("a /run that is full is named, and nothing is taken for done");
    lab.root("mount -o remount,size=8m /run; dd if=/dev/zero of=/run/fill bs=1k count=9000 2>/dev/null || true; test $(df -Pk /run | awk 'NR == 2 {print $4}') -lt 64");
    write(3);
    let ran = run("provision");
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(
        ran.stderr.contains("no space left") && ran.stderr.contains("/run"),
        "{ran}"
    );
    lab.root("rm /run/fill");
    run("provision").expect_ok();
    lab.stackctl(["plan", "--exit-code"]).expect_ok();
}
