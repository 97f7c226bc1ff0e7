//! Two stacks on one host: what somebody breaks of one site takes nothing from the other, also when the host comes up again.

use std::fs;
use std::process::Command;

use stackctl::script;

use super::scenario::{Lab, PATIENCE, Ran, block_on, eventually, quote};

const GET: &str = "my $nginx = IO::Socket::INET->new(\"127.0.0.1:80\") or die; \
    print $nginx \"GET / HTTP/1.0\\r\\nHost: $ARGV[0]\\r\\n\\r\\n\"; local $/; \
    my ($head, $body) = split /\\r\\n\\r\\n/, <$nginx>, 2; print +(split / /, $head)[1], \" \", $body";
const PLAIN: &str = "    routes: {/: page}\n";
/// All that nginx reads, and what tries of it leave behind.
const FILES: &str = "cd /etc/nginx && find sites-available sites-enabled -printf '%p %m %l\\n' | sort && \
    sha256sum sites-available/* && ls /run/stackctl-nginx.?????? /run/stackctl/*stale 2>/dev/null; true";

/// A stack in a folder of its own.
struct Neighbour<'a> {
    lab: &'a Lab,
    name: &'static str,
}

impl Neighbour<'_> {
    /// Its page, and what its site has beside a name.
    fn write(&self, page: &str, site: &str) {
        let folder = self.lab.path(self.name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("index.html"), page).expect("a page");
        let (name, host) = (self.name, self.lab.host_yaml());
        let text = format!(
            "stack: {name}\nhosts:\n{host}services:\n  page: {{static: {{include: [index.html]}}}}\n\
             sites:\n  main:\n    names: [{}]\n{site}",
            self.names().join(", ")
        );
        fs::write(folder.join("stackctl.yaml"), text).expect("write the yaml");
    }

    /// One of them is longer than nginx's table takes, as those of hosts at EC2 are.
    fn names(&self) -> [String; 2] {
        let name = self.name;
        [
            format!("{name}.test"),
            format!("ec2-203-0-113-25.{name}.ap-southeast-2.compute.amazonaws.com"),
        ]
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let yaml = self.lab.path(self.name).join("stackctl.yaml");
        let mut all = arguments.to_vec();
        let yaml = yaml.display().to_string();
        all.extend(["-c", &yaml]);
        self.lab.stackctl(all)
    }

    #[track_caller]
    fn up(&self) {
        self.run(&["provision", "--yes"]).expect_ok();
        self.run(&["deploy", "--yes"]).expect_ok();
    }

    #[track_caller]
    fn shows(&self, wanted: &str) {
        for name in self.names() {
            eventually(&format!("{name} shows {wanted}"), PATIENCE, || {
                let ask = format!("perl -MIO::Socket::INET -e {} {name}", quote(GET));
                let answer = self.lab.try_root(&ask).stdout;
                (answer == format!("200 {wanted}"))
                    .then_some(())
                    .ok_or(answer)
            });
        }
    }
}

/// Has the host do what runs of a stack `third` would, one after another, until `/run/third/stop` is there.
fn come_and_go(lab: &Lab) {
    let (file, link) = (
        "/etc/nginx/sites-available/third.conf",
        "/etc/nginx/sites-enabled/third.conf",
    );
    let install = script::nginx_install("/run/third/stale", file, link, "0644");
    let files = [
        (
            "site",
            "server { listen 80; server_name third.test; return 204; }\n".to_owned(),
        ),
        ("install", install.text()),
        ("unlink", script::remove(link).text()),
        ("remove", script::remove(file).text()),
        (
            "loop",
            "cd /run/third && while [ ! -e stop ]; do\n\
             sh install <site && sh unlink && sh remove && echo came and went\n\
             done >log 2>&1\n"
                .to_owned(),
        ),
    ];
    lab.root("mkdir /run/third");
    for (name, text) in files {
        lab.root(&format!("printf %s {} >/run/third/{name}", quote(&text)));
    }
    lab.root("systemd-run --quiet --collect --unit third sh /run/third/loop");
}

fn reboot(lab: &Lab) {
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
}

#[test]
#[ignore = "needs docker"]
fn a_site_that_somebody_broke_takes_no_other_down_also_after_a_reboot() {
    let lab = Lab::boot("neighbours", "bookworm");
    let [left, right] = ["left", "right"].map(|name| Neighbour { lab: &lab, name });
    let own_file = "/etc/nginx/sites-available/left.conf";
    let link = "/etc/nginx/sites-enabled/left.conf";

    lab.step("the distribution's default site goes when the first site comes");
    left.write("left 1", PLAIN);
    left.up();
    assert_eq!(lab.root("ls /etc/nginx/sites-enabled"), "left.conf");
    lab.step("one that somebody wrote goes as well, with a copy kept, and does not come back");
    lab.root("echo 'server { listen 80 default_server; return 418; } # ours' >/etc/nginx/sites-enabled/default");
    left.run(&["provision", "--yes"]).expect_ok();
    assert_eq!(lab.root("ls /etc/nginx/sites-enabled"), "left.conf");
    let kept = lab.root("cat /var/lib/stackctl/left/kept/*-etc-nginx-sites-enabled-default");
    assert!(kept.ends_with("# ours"), "{kept}");
    let again = left.run(&["provision", "--yes"]);
    assert!(again.expect_ok().stdout.contains("no changes"), "{again}");

    lab.step("a second stack serves beside it");
    right.write("right 1", PLAIN);
    right.up();
    left.shows("left 1");
    right.shows("right 1");

    lab.step("somebody breaks the site of one: the other is deployed as ever");
    lab.root(&format!("echo 'nonsense;' >>{own_file}"));
    let before = lab.root(FILES);
    right.write("right 2", PLAIN);
    right.run(&["deploy", "--yes"]).expect_ok();
    right.shows("right 2");
    left.shows("left 1");

    lab.step("a change of its site is refused before anything stands where nginx reads, and it is told whose file is broken");
    right.write("right 2", "    routes: {/: page, /old: {redirect: /new}}\n");
    let refused = right.run(&["provision", "--yes"]);
    refused
        .expect(6)
        .says("nginx refuses what other sites of this host have")
        .says(&format!("unknown directive \"nonsense\" in {link}"))
        .says("`stackctl provision --overwrite-drift`");
    assert_eq!(lab.root(FILES), before);
    let told = right.run(&["doctor"]);
    assert!(
        told.stdout.contains("it refuses the site of stack `left`") && told.code != Some(0),
        "{told}"
    );
    right.shows("right 2");
    left.shows("left 1");

    lab.step("the host comes up with all sites but the broken one");
    reboot(&lab);
    right.shows("right 2");
    let told = lab.root("journalctl -b -o cat -u stackctl-left-nginx -u stackctl-right-nginx");
    assert!(told.contains("unknown directive \"nonsense\""), "{told}");
    let told = left.run(&["status"]);
    assert!(
        told.stdout.contains(&format!("{link} is not there")) && told.code != Some(0),
        "{told}"
    );
    right.run(&["status"]).expect_ok();

    lab.step("now the other changes its site, and the broken one comes back once it is mended");
    right.run(&["provision", "--yes"]).expect_ok();
    left.run(&["provision", "--yes"])
        .expect(6)
        .says("unknown directive \"nonsense\"");
    right.shows("right 2");
    left.run(&["provision", "--yes", "--overwrite-drift"])
        .expect_ok();
    left.shows("left 1");

    lab.step("a certificate is gone: nginx starts again without that site alone");
    certificate(&left);
    left.write(
        "left 1",
        "    routes: {/: page}\n    redirect: off\n    tls: {certificate: pair.pem, key: key.pem}\n",
    );
    left.up();
    lab.root("rm /var/lib/stackctl/left/tls/main/*/certificate.pem && systemctl restart nginx");
    right.shows("right 2");
    assert_eq!(lab.root("ls /etc/nginx/sites-enabled"), "right.conf");
    left.run(&["provision", "--yes"]).expect_ok();
    left.shows("left 1");
    assert!(lab.root("nginx -t 2>&1").contains("successful"));

    lab.step("a third that comes and goes without end keeps nobody's site from being changed, nor is kept");
    come_and_go(&lab);
    for n in 1..=6 {
        let routes = format!("    routes: {{/: page, /old-{n}: {{redirect: /new}}}}\n");
        right.write("right 2", &routes);
        right.run(&["provision", "--yes"]).expect_ok();
    }
    lab.root("touch /run/third/stop && while systemctl is-active -q third; do sleep 0.1; done");
    let log = lab.root("cat /run/third/log");
    let rounds = log.lines().filter(|line| *line == "came and went").count();
    assert!(rounds >= 6 && rounds == log.lines().count(), "{log}");

    lab.step("one goes while the other is broken, and nginx is told once that is mended");
    lab.root(&format!("echo 'nonsense;' >>{own_file}"));
    right
        .run(&["destroy", "--confirm", right.name])
        .expect_ok()
        .says("unknown directive \"nonsense\"");
    left.shows("left 1");

    lab.step("both go without a trace");
    left.run(&["destroy", "--confirm", left.name]).expect_ok();
    let left_behind = "find /etc/systemd /etc/nginx /var/lib/stackctl /run/stackctl* -name '*stackctl*' -o -name 'left*' -o -name 'right*' 2>/dev/null | \
        grep -v -e '^/run/stackctl$' -e '^/var/lib/stackctl$'";
    assert_eq!(lab.try_root(left_behind).stdout, "");
}

/// One that this machine signed itself, for `left.test`.
fn certificate(of: &Neighbour<'_>) {
    let [name, long] = of.names();
    let mut command = Command::new("openssl");
    command.current_dir(of.lab.path(of.name)).args(
        format!(
            "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out pair.pem -days 90 -subj /CN={name} \
             -addext subjectAltName=DNS:{name},DNS:{long}"
        )
        .split(' '),
    );
    of.lab.finish(command).expect_ok();
}
