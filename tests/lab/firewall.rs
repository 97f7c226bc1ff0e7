//! What can be reached from outside, and a firewall that would lock us out.

use std::fs;

use super::scenario::{Lab, PATIENCE, Ran, block_on, eventually, http, quote, same};

/// A network of its own beside the host, in which nothing is loopback: `outside CODE...` runs perl there.
const OUTSIDE: &str = "ip netns add outside && ip link add out0 type veth peer name in0 netns outside && \
    sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.out0.disable_ipv6=0 && \
    ip addr add 10.99.0.1/24 dev out0 && ip addr add fd99::1/64 dev out0 nodad && ip link set out0 up && \
    ip netns exec outside sh -c 'ip link set lo up; sysctl -qw net.ipv6.conf.in0.disable_ipv6=0; \
    ip addr add 10.99.0.2/24 dev in0; ip addr add fd99::2/64 dev in0 nodad; ip link set in0 up; \
    ip route add default via 10.99.0.1'";
const CONNECT: &str = "use IO::Socket::IP; for (@ARGV) { /(.*):(\\d+)$/; \
    print \"$_\\n\" if IO::Socket::IP->new(PeerHost => $1, PeerPort => $2, Timeout => 1) }";
const LISTEN: &str = "use IO::Socket::IP; my $kept = IO::Socket::IP->new(LocalHost => \"::\", V6Only => 0, \
    LocalPort => 9100, Listen => 5) or die; sleep 3600";
/// Everything of ours that a firewall is made of.
const LOOK: &str = "nft -s list table inet stackctl; cd /etc; find stackctl systemd/system/stackctl-* -type f | sort | xargs sha256sum; \
    systemctl is-enabled stackctl-firewall; systemctl is-active stackctl-firewall; cat /run/stackctl-firewall";

/// Which of these addresses can be connected to from outside.
fn reached(lab: &Lab, addresses: &[&str]) -> Vec<String> {
    let script = format!(
        "ip netns exec outside perl -e {} {}",
        quote(CONNECT),
        addresses.join(" ")
    );
    lab.root(&script).lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs docker"]
fn only_ssh_and_sites_can_be_reached_and_a_firewall_that_locks_out_is_taken_back() {
    let lab = Lab::ready("firewall", "bookworm");
    let stack = |name: &str, port: u16, firewall: &str| {
        fs::create_dir_all(lab.path(name)).expect("a folder");
        fs::write(lab.path(&format!("{name}/index.html")), "hello").expect("a page");
        let yaml = lab.path(&format!("{name}/stackctl.yaml"));
        let text = format!(
            "stack: {name}\nfirewall: {firewall}\nhosts:\n{}services:\n  page: {{static: {{include: [index.html]}}}}\n\
             sites:\n  {name}: {{listen: {port}, routes: {{/: page}}}}\n",
            lab.host_yaml()
        );
        fs::write(&yaml, text).expect("write the yaml");
        yaml.display().to_string()
    };
    let hello = stack("hello", 80, "on");
    let run =
        |config: &str, command: &str| -> Ran { lab.stackctl(["-c", config, command, "--yes"]) };

    lab.step(
        "before: what a container publishes and what a program opens can be reached, IPv4 and IPv6",
    );
    lab.root(OUTSIDE);
    lab.root("DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND; apt-get -qq update && \
        apt-get -qq -y install --no-install-recommends docker.io iptables busybox-static >/dev/null 2>&1");
    lab.root(&format!(
        "systemd-run -q --unit=exporter perl -e {}",
        quote(LISTEN)
    ));
    lab.root("tar -C / -c bin/busybox | docker import - tiny >/dev/null && docker run -d --name web -p 5000:5000 tiny \
        /bin/busybox httpd -f -p 5000 -h /bin >/dev/null && docker network create other >/dev/null && \
        docker run -d --name peer --network other tiny /bin/busybox sleep 3600 >/dev/null");
    let container = lab.root("docker inspect -f '{{.NetworkSettings.IPAddress}}' web");
    let inside = format!("{container}:5000");
    let all = [
        "10.99.0.1:22",
        "fd99::1:22",
        "10.99.0.1:80",
        "fd99::1:80",
        "10.99.0.1:5000",
        "fd99::1:5000",
        "10.99.0.1:9100",
        "fd99::1:9100",
        &inside,
    ];
    let look = || reached(&lab, &all);
    let is_site = |address: &&&str| address.ends_with(":80");
    eventually("the exporter listens", PATIENCE, || {
        let open = look();
        let rest: Vec<_> = all.iter().filter(|a| !is_site(a)).collect();
        (rest
            .iter()
            .all(|address| open.iter().any(|seen| seen == **address)))
        .then_some(())
        .ok_or(format!("{open:?}"))
    });

    lab.step("provision says what it closes, and closes it");
    let ran = run(&hello, "provision");
    ran.expect_ok().says("5000 (docker-proxy), 9100 (perl)");
    run(&hello, "deploy").expect_ok();
    let open = ["10.99.0.1:22", "fd99::1:22", "10.99.0.1:80", "fd99::1:80"];
    assert_eq!(look(), open);
    let (status, page) = http("GET", &lab.url(80), None).expect("an answer");
    assert_eq!((status, page.as_str()), (200, "hello"));
    let again = run(&hello, "provision");
    assert!(again.expect_ok().stdout.contains("no changes"), "{again}");
    let seen = lab.stackctl(["-c", &hello, "status", "--json"]);
    assert_eq!(
        seen.expect_ok().json()["hosts"][0]["open_ports"],
        serde_json::json!([22, 80])
    );

    lab.step("containers still reach the outside, the host's sites, and what others publish");
    lab.root(&format!(
        "systemd-run -q --unit=away ip netns exec outside perl -e {}",
        quote(LISTEN)
    ));
    for (from, to) in [
        ("web", "10.99.0.2 9100"),
        ("peer", "10.99.0.1 80"),
        ("peer", "10.99.0.1 5000"),
    ] {
        let connect = format!("docker exec {from} /bin/busybox nc -w 3 {to} -e /bin/busybox true");
        eventually(&connect, PATIENCE, || {
            let ran = lab.try_root(&connect);
            (ran.code == Some(0)).then_some(()).ok_or(ran.stderr)
        });
    }

    lab.step("a firewall that would lock us out is taken back, and the tool says so");
    let before = lab.root(LOOK);
    let base = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/templates/firewall/base.nft"
    ))
    .expect("the template");
    let own = lab.path("hello/templates/firewall/base.nft");
    fs::create_dir_all(own.parent().expect("a folder")).expect("a folder");
    let rule = "iifname \"lo\" accept\n";
    assert!(base.contains(rule));
    let broken = base.replace(rule, &format!("{rule}\t\tct state new tcp dport 22 drop\n"));
    fs::write(&own, &broken).expect("write");
    run(&hello, "provision")
        .expect(6)
        .says("no new SSH connection can be made");
    same(&before, &lab.root(LOOK));

    lab.step("one that the kernel does not take changes nothing");
    fs::write(&own, base.replace("policy drop;", "policy nonsense;")).expect("write");
    run(&hello, "provision")
        .expect(6)
        .says("could not load the firewall")
        .says("nonsense");
    same(&before, &lab.root(LOOK));
    fs::remove_dir_all(lab.path("hello/templates")).expect("remove");
    let again = run(&hello, "provision");
    assert!(again.expect_ok().stdout.contains("no changes"), "{again}");

    lab.step("a table that somebody emptied is loaded again; rules that somebody added are shown and left");
    lab.root("nft flush ruleset");
    lab.stackctl(["-c", &hello, "status"]).expect(7);
    run(&hello, "provision").expect_ok();
    same(&before, &lab.root(LOOK));
    lab.root("nft add rule inet stackctl input tcp dport 9100 accept");
    let ran = lab.stackctl(["-c", &hello, "plan"]);
    assert!(
        ran.expect_ok()
            .stdout
            .contains("+\t\ttcp dport 9100 accept"),
        "{ran}"
    );
    run(&hello, "provision").expect_ok();
    assert_eq!(look().len(), 6, "it is left");
    lab.stackctl(["-c", &hello, "provision", "--yes", "--overwrite-drift"])
        .expect_ok();
    same(&before, &lab.root(LOOK));

    lab.step("a port that sshd moves to is open, whatever the yaml says, also when only a reboot moves it");
    lab.root("printf 'Port 22\\nPort 2222\\n' >/etc/ssh/sshd_config.d/port.conf && systemctl restart ssh");
    run(&hello, "provision").expect_ok();
    assert_eq!(reached(&lab, &["10.99.0.1:2222", "fd99::1:22"]).len(), 2);
    lab.root("printf 'Port 22\\nPort 2223\\n' >/etc/ssh/sshd_config.d/port.conf");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    lab.root(OUTSIDE);
    assert_eq!(
        reached(&lab, &["10.99.0.1:22", "fd99::1:2223", "10.99.0.1:5000"]).len(),
        2
    );
    lab.root("rm /etc/ssh/sshd_config.d/port.conf && systemctl restart ssh");
    run(&hello, "provision").expect_ok();
    same(&before, &lab.root(LOOK));

    lab.step(
        "another stack adds its ports and takes nothing away, and the last one takes all away",
    );
    let other = stack("other", 8080, "on");
    run(&other, "provision").expect_ok();
    assert_eq!(
        reached(&lab, &["10.99.0.1:80", "fd99::1:8080", "10.99.0.1:9100"]).len(),
        2
    );
    stack("hello", 80, "off");
    run(&hello, "provision").expect_ok();
    assert_eq!(
        reached(&lab, &["10.99.0.1:22", "10.99.0.1:80", "fd99::1:8080"]).len(),
        2
    );
    stack("other", 8080, "off");
    run(&other, "provision").expect_ok();
    assert_eq!(
        reached(&lab, &["10.99.0.1:22", "10.99.0.1:80", "fd99::1:8080"]).len(),
        3
    );
    let left = lab.root("nft list tables | grep stackctl; find /etc/stackctl /etc/systemd -type f -path '*firewall*'");
    assert_eq!(left, "");
}
