//! Changes of a site that nginx does not take, or takes and cannot load.

use std::fs;

use super::scenario::{Lab, PATIENCE, block_on, eventually, http, quote, same};

/// The site as it stands, and that nginx would start with it.
const LOOK: &str = "cd /etc/nginx && find sites-available sites-enabled -printf '%p %m %l\\n' | sort && \
    cat sites-available/hello.conf && nginx -t 2>&1 && ls /run/stackctl/*stale 2>/dev/null; systemctl is-active nginx";
const SQUAT: &str = "my $kept = IO::Socket::INET->new(LocalAddr => \"127.0.0.1\", LocalPort => 9999, Listen => 1) \
    or die; sleep 3600";

#[test]
#[ignore = "needs docker"]
fn a_site_that_cannot_go_live_is_taken_back_also_when_the_host_goes_down() {
    let lab = Lab::boot("sites", "bookworm");
    fs::write(lab.path("index.html"), "hello").expect("a page");
    let text = format!(
        "stack: hello\nhosts:\n{}services:\n  page: {{static: {{include: [index.html]}}}}\n\
         sites:\n  hello: {{routes: {{/: page}}}}\n",
        lab.host_yaml()
    );
    fs::write(lab.path("stackctl.yaml"), text).expect("write the yaml");
    let serves = || {
        let (status, page) = http("GET", &lab.url(80), None)?;
        (status == 200 && page == "hello")
            .then_some(())
            .ok_or(format!("{status} {page}"))
    };
    let template = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/templates/nginx/site.conf"
    ));
    let template = template.expect("the template");
    let own = lab.path("templates/nginx/site.conf");
    fs::create_dir_all(own.parent().expect("a folder")).expect("a folder");
    let with = |line: &str| {
        let place = "    server_tokens off;\n";
        assert!(template.contains(place));
        fs::write(
            &own,
            template.replace(place, &format!("{place}    {line}\n")),
        )
        .expect("write");
    };

    lab.step("a site serves");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    serves().expect("it serves");
    let before = lab.root(LOOK);

    lab.step("what nginx does not take never stands where nginx reads");
    with("nonsense;");
    lab.stackctl(["provision", "--yes"])
        .expect(6)
        .says("unknown directive \"nonsense\"");
    same(&before, &lab.root(LOOK));

    lab.step("what it takes and cannot load, since a port is taken meanwhile, is taken back");
    lab.root(&format!(
        "systemd-run -q --unit=squatter perl -MIO::Socket::INET -e {}",
        quote(SQUAT)
    ));
    with("listen 127.0.0.1:9999;");
    lab.stackctl(["provision", "--yes"])
        .expect(6)
        .says("the new site does not answer");
    same(&before, &lab.root(LOOK));
    serves().expect("it still serves");

    lab.step("also when the deployer is killed and the host goes down before anybody took it back");
    let provision = lab.start(["provision", "--yes"]);
    eventually("the new site is in place", PATIENCE, || {
        let ran = lab.try_root("grep -q 127.0.0.1:9999 /etc/nginx/sites-available/hello.conf");
        (ran.code == Some(0)).then_some(()).ok_or(provision.said())
    });
    provision.signal("KILL");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    eventually("it serves again", PATIENCE, serves);
    eventually("the old site is back", PATIENCE, || {
        let now = lab.root(LOOK);
        (now == before).then_some(()).ok_or(now)
    });

    lab.step("with the port free it goes live, and then nothing is left to do");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    assert!(lab.root("ss -Hltnp 'sport = :9999'").contains("nginx"));
    let again = lab.stackctl(["provision", "--yes"]);
    assert!(again.expect_ok().stdout.contains("no changes"), "{again}");
}
