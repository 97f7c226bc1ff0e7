//! What a host gets from elsewhere cannot be had: images, packages.

use std::time::{Duration, Instant};

use super::super::lane::Lane;
use super::super::matrix::{Bench, Cell, Place};
use super::Work;

/// A registry or mirror that says nothing is given up within this.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(180);

pub fn cells() -> Vec<Cell> {
    let cell = |name, place, test| Cell {
        row: "registry or mirror away",
        name,
        place,
        test,
    };
    vec![
        cell(
            "registry refuses connections: build",
            Place::Host,
            |bench| {
                registry(bench, "REJECT --reject-with tcp-reset");
            },
        ),
        cell("registry says nothing: build", Place::Host, |bench| {
            registry(bench, "DROP")
        }),
        cell(
            "mirror refuses connections: provision of a bare host",
            Place::Bare,
            mirror,
        ),
    ]
}

/// The base image is not on the host, and cannot be pulled.
fn registry(bench: &mut Bench, verdict: &str) {
    bench.run("deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        let host = lane.host().clone();
        host.root(&format!(
            "iptables -N faults && iptables -A faults -p tcp --dport 5000 -j {verdict} && iptables -A faults -p tcp --dport 443 -j {verdict}
             iptables -I OUTPUT -j faults; docker rmi -f python:3.12-slim"
        ));
        // Layers that earlier builds have left would do as well as the image.
        std::fs::write(lane.path("app/Dockerfile"), without_cache(lane)).expect("write");
        let began = Instant::now();
        let ran = lane.run(&["deploy", "--yes"]);
        let took = began.elapsed();
        host.root("iptables -D OUTPUT -j faults; iptables -F faults; iptables -X faults");
        ran.expect(6).says("python:3.12-slim");
        assert!(took < GIVEN_UP_WITHIN, "it took {took:?}");
        lane.serves_whole(&[&versions[0]]);
        lane.lost_nothing();
        lane.behaves("good");
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}

fn without_cache(lane: &Lane) -> String {
    let text = std::fs::read_to_string(lane.path("app/Dockerfile")).expect("a Dockerfile");
    text.replace("WORKDIR", "ENV CACHE=none\nWORKDIR")
}

fn mirror(bench: &mut Bench) {
    bench.bare("provision", |lane| {
        let host = lane.host().clone();
        host.root(
            "mkdir /root/apt && cp -a /etc/apt/apt.conf.d /etc/apt/sources.list* /root/apt/
             printf 'Acquire::http::Proxy \"http://127.0.0.1:9\";\\nAcquire::https::Proxy \"http://127.0.0.1:9\";\\n' >/etc/apt/apt.conf.d/zz-faults",
        );
        lane.lay_out();
        let began = Instant::now();
        let ran = lane.run(&["provision", "--yes"]);
        let took = began.elapsed();
        host.root("rm /etc/apt/apt.conf.d/zz-faults");
        assert!(matches!(ran.code, Some(5 | 6)), "{ran}");
        ran.says("127.0.0.1");
        assert!(took < GIVEN_UP_WITHIN, "it took {took:?}");
        lane.is_free(Duration::from_secs(5));
        lane.run(&["provision", "--yes"]).expect_ok();
        lane.run(&["deploy", "--yes"]).expect_ok();
        lane.run(&["plan", "--exit-code"]).expect_ok();
    });
}
