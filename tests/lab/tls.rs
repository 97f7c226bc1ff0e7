//! HTTPS: a certificate that a real authority refuses, issues and renews, and one of this machine.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::scenario::{Lab, PATIENCE, Ran, block_on, eventually, http};

/// An authority of its own on the host, with its own certificate from another authority. It asks for challenges on port 80
/// and never pauses. Names it asks a server of its own, since it would remember what stood in /etc/hosts.
const AUTHORITY: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
apt-get install -q -y --no-install-recommends pebble openssl curl >/dev/null
mkdir -p /etc/pebble && cd /etc/pebble
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=Lab' 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout key.pem -out csr.pem -subj '/CN=ca.test' 2>/dev/null
printf 'subjectAltName=DNS:ca.test\n' >ext
openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out cert.pem 2>/dev/null
cat >config.json <<JSON
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
 "certificate": "/etc/pebble/cert.pem", "privateKey": "/etc/pebble/key.pem", "httpPort": 80, "tlsPort": 443,
 "ocspResponderURL": "", "externalAccountBindingRequired": false, "domainBlocklist": ["forbidden.test"]}}
JSON
echo '127.0.0.1 ca.test' >>/etc/hosts
systemd-run -q --unit=names pebble-challtestsrv -defaultIPv4 '' -defaultIPv6 '' -dns01 127.0.0.1:8053 \
	-http01 '' -https01 '' -tlsalpn01 '' -management 127.0.0.1:8055
systemd-run -q --unit=authority --setenv=PEBBLE_VA_NOSLEEP=1 --setenv=PEBBLE_WFE_NONCEREJECT=0 \
	pebble -config /etc/pebble/config.json -dnsserver 127.0.0.1:8053
for try in 1 2 3 4 5 6 7 8 9 10; do
	curl -sk https://ca.test:15000/roots/0 >/root/root.pem && [ -s /root/root.pem ] && exit 0
	sleep 1
done
exit 1
"#;

/// Another one, which is asked too often.
const BUSY_AUTHORITY: &str = r#"
cat >/root/busy.py <<'PYTHON'
import http.server, json, ssl

class Authority(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, kind, told):
        body = json.dumps(told).encode()
        self.send_response(status)
        for name, value in ("Replay-Nonce", "bm9uY2U"), ("Content-Type", kind), ("Content-Length", str(len(body))):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        names = "newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"
        self.answer(200, "application/json", {name: "https://ca.test:14001/" + name for name in names})

    do_HEAD = do_GET

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        kind = "urn:ietf:params:acme:error:rateLimited"
        detail = "too many certificates already issued, retry after 2199-01-01"
        self.answer(429, "application/problem+json", {"type": kind, "detail": detail, "status": 429})

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/pebble/cert.pem", "/etc/pebble/key.pem")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 14001), Authority)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
PYTHON
systemd-run -q --unit=busy python3 /root/busy.py
for try in 1 2 3 4 5 6 7 8 9 10; do
	curl -sf --cacert /etc/pebble/ca.pem https://ca.test:14001/dir >/dev/null && exit 0
	sleep 1
done
exit 1
"#;

/// Asks for the page until it is told to stop; each time on a new connection, by HTTP/1.1 and by HTTP/2. What goes wrong is noted.
///
/// An nginx that is reloaded tells who came by HTTP/2 and had not asked yet to ask again on another connection, as browsers do
/// (<https://www.rfc-editor.org/rfc/rfc9113#section-6.8>). curl ends with 16 then (<https://github.com/curl/curl/issues/1618>).
const VISITORS: &str = r#": >/root/lost
cat >/root/visit <<'END'
visit() {
	curl -sS -o /dev/null --fail "$1" --cacert /root/root.pem --resolve shop.test:443:127.0.0.1 https://shop.test/ 2>/root/said
}
while :; do
	for version in --http1.1 --http2; do
		if visit $version || { [ $? = 16 ] && [ $version = --http2 ] && visit $version; }; then
			echo >>/root/served
		else
			cat /root/said >>/root/lost
		fi
	done
done
END
systemd-run -q --unit=visitors sh /root/visit"#;

/// How a site's `tls` names the authority, whose own certificate is beside the yaml.
pub const LAB_ACME: &str = "{directory: 'https://ca.test:14000/dir', ca: lab-ca.pem}";
/// The host's address, as its shell finds it.
pub const OWN_ADDRESS: &str = r"$(ip route get 192.0.2.1 | sed -n 's/.* src \([0-9.]*\).*/\1/p')";

/// Starts the authority on the host, and writes down who vouches for it.
pub fn authority(lab: &Lab, vouches: &Path) {
    lab.root(AUTHORITY);
    fs::write(vouches, lab.root("cat /etc/pebble/ca.pem")).expect("a file");
}

/// Has a name lead to an address, for the host and for the authority.
pub fn leads(lab: &Lab, name: &str, address: &str) {
    // /etc/hosts is mounted, so that it cannot be replaced.
    lab.root(&format!(
        "address={address} && grep -v ' {name}$' /etc/hosts >/root/hosts; \
         {{ cat /root/hosts; echo \"$address {name}\"; }} >/etc/hosts && \
         curl -sS --fail http://127.0.0.1:8055/clear-a -d '{{\"host\": \"{name}\"}}' && \
         curl -sS --fail http://127.0.0.1:8055/add-a \
         -d '{{\"host\": \"{name}\", \"addresses\": [\"'\"$address\"'\"]}}'"
    ));
}

struct Shop {
    lab: Lab,
}

#[track_caller]
fn shows(ran: &Ran, text: &str) {
    assert!(ran.stdout.contains(text), "{text} is not shown: {ran}");
}

impl Shop {
    fn write(&self, names: &str, tls: &str) {
        let text = format!(
            "stack: shop\nhosts:\n{}firewall: on\nservices:\n  page: {{static: {{include: [index.html]}}}}\n\
             sites:\n  shop: {{names: [{names}], {tls}routes: {{/: page}}}}\n",
            self.lab.host_yaml()
        );
        fs::write(self.lab.path("stackctl.yaml"), text).expect("write the yaml");
    }

    /// What curl on the host gets, with these arguments behind what every visitor says.
    fn curl(&self, arguments: &str) -> Ran {
        self.lab.try_root(&format!(
            "curl -sS --max-time 20 --cacert /root/root.pem --resolve shop.test:443:127.0.0.1 \
             --resolve shop.test:80:127.0.0.1 --resolve www.test:443:127.0.0.1 {arguments}"
        ))
    }

    #[track_caller]
    fn page(&self) -> String {
        self.curl("--fail https://shop.test/")
            .expect_ok()
            .stdout
            .clone()
    }

    /// The serial number of the certificate that visitors are shown.
    fn serial(&self) -> String {
        self.lab.root(
            "openssl s_client -connect 127.0.0.1:443 -servername shop.test </dev/null 2>/dev/null | \
             openssl x509 -noout -nameopt RFC2253 -serial -issuer",
        )
    }

    #[track_caller]
    fn nothing_is_left_to_do(&self) {
        let again = self.lab.stackctl(["provision", "--yes"]);
        assert!(again.expect_ok().stdout.contains("no changes"), "{again}");
    }
}

#[test]
#[ignore = "needs docker"]
fn a_site_gets_its_certificate_keeps_it_and_never_goes_dark_for_it() {
    let shop = Shop {
        lab: Lab::boot("tls", "bookworm"),
    };
    let lab = &shop.lab;
    fs::write(lab.path("index.html"), "first").expect("a page");
    authority(lab, &lab.path("lab-ca.pem"));
    let acme = &format!("tls: {{acme: {LAB_ACME}}}, ");
    let leads = |name: &str, address: &str| leads(lab, name, address);
    let name = |name: &str| leads(name, OWN_ADDRESS);

    lab.step("a name without an address is refused before anything is changed");
    shop.write("shop.test", acme);
    lab.stackctl(["provision", "--yes"])
        .expect(5)
        .says("shop.test of site `shop` has no address");
    assert_ne!(lab.try_root("command -v nginx").code, Some(0));

    lab.step("a certificate that is refused leaves a site that serves by HTTP");
    lab.stackctl(["provision", "--yes", "--ignore-dns"])
        .expect(6)
        .says("no certificate was issued for shop.test")
        .says("shop.test leads to no address; this host has");
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    assert_eq!(http("GET", &lab.url(80), None), Ok((200, "first".into())));
    lab.stackctl(["status"]).expect(7);

    lab.step("a name that leads elsewhere is told of, and so is what the authority found there");
    leads("shop.test", "192.0.2.1");
    shows(
        lab.stackctl(["plan"]).expect_ok(),
        "shop.test leads to 192.0.2.1, and this host has",
    );
    lab.stackctl(["provision", "--yes"])
        .expect(6)
        .says("shop.test leads to 192.0.2.1; this host has")
        .says("no certificate was issued for shop.test: the authority refused")
        .says("each name must lead to this host");
    assert_eq!(http("GET", &lab.url(80), None), Ok((200, "first".into())));

    lab.step("with an address it is issued, and HTTP leads to HTTPS");
    name("shop.test");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    assert_eq!(shop.page(), "first");
    let led = shop.curl("-o /dev/null -w '%{http_code} %{redirect_url}' 'http://shop.test/a?b=c'");
    assert_eq!(led.expect_ok().stdout.trim(), "301 https://shop.test/a?b=c");
    let version = shop.curl("-o /dev/null -w '%{http_version}' https://shop.test/");
    assert_eq!(version.expect_ok().stdout.trim(), "2");
    shop.nothing_is_left_to_do();
    let renewal = lab.root("cat /etc/letsencrypt/renewal/*.conf");
    assert!(
        renewal.contains("reload nginx") && !renewal.contains("/tmp/"),
        "{renewal}"
    );
    let status = lab.stackctl(["status", "--json"]).expect_ok().json();
    assert_eq!(status["sites"][0]["certificate"]["names"][0], "shop.test");
    assert_eq!(
        (
            &status["sites"][0]["port"],
            &status["sites"][0]["http_status"]
        ),
        (&443.into(), &200.into())
    );
    let days = &status["sites"][0]["certificate"]["days_left"];
    let told = format!("certificate valid for {days} days");
    shows(lab.stackctl(["status"]).expect_ok(), &told);

    lab.step("load over HTTPS checks the certificate as a browser does");
    let root = lab.path("root.pem");
    std::fs::write(&root, lab.root("cat /root/root.pem")).expect("write the authority");
    let root = root.to_str().expect("a path that is text");
    let address = format!("127.0.0.1:{}", lab.host().ports[&443]);
    let load = |url: &str, trust: &[&str]| {
        let asked = ["load", url, "--connect", &address, "--rate", "20"];
        let asked = [&asked[..], &["--duration", "2s", "--json"], trust].concat();
        lab.stackctl(asked)
    };
    let seen = load("https://shop.test/", &["--ca", root])
        .expect_ok()
        .json();
    assert_eq!(seen["requests"]["lost"], 0, "{seen}");
    assert!(
        seen["requests"]["outcomes"]["ok"].as_u64() >= Some(39),
        "{seen}"
    );
    for ran in [
        load("https://other.test/", &["--ca", root]),
        load("https://shop.test/", &[]),
    ] {
        let seen = ran.expect(7).json();
        assert!(
            seen["requests"]["outcomes"]["tls"].as_u64() >= Some(39),
            "{seen}"
        );
    }

    lab.step("who asks for another name is shown no certificate");
    let stranger = shop.curl("-k --resolve other.test:443:127.0.0.1 https://other.test/");
    assert_eq!(stranger.code, Some(35), "{stranger}");
    for old in ["--tlsv1.1 --tls-max 1.1", "--tlsv1.0 --tls-max 1.0"] {
        assert_eq!(
            shop.curl(&format!("{old} https://shop.test/")).code,
            Some(35)
        );
    }

    lab.step("a renewal is served, and neither it nor a deploy loses a visitor");
    let first = shop.serial();
    lab.root(VISITORS);
    lab.root("certbot renew --force-renewal --no-random-sleep-on-renew 2>&1");
    eventually("the new certificate is served", PATIENCE, || {
        let now = shop.serial();
        (now != first).then_some(()).ok_or(now)
    });
    fs::write(lab.path("index.html"), "second").expect("a page");
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    lab.root("systemctl stop visitors.service");
    assert_eq!(shop.page(), "second");
    assert_eq!(lab.root("cat /root/lost"), "");
    assert!(
        lab.root("wc -l </root/served")
            .parse::<u32>()
            .expect("a number")
            > 5
    );
    shop.nothing_is_left_to_do();

    lab.step("a certificate that nginx was not told of is found, and loaded");
    let before = shop.serial();
    lab.root(
        "mkdir -p /root/deaf && ln -sf /bin/true /root/deaf/systemctl && \
         PATH=/root/deaf:$PATH certbot renew --force-renewal --no-random-sleep-on-renew 2>&1",
    );
    assert_eq!(shop.serial(), before);
    shows(
        lab.stackctl(["status"]).expect(7),
        "nginx shows another certificate than the one on the host",
    );
    shows(
        lab.stackctl(["plan", "--exit-code"]).expect(7),
        "the certificate that nginx shows for site `shop`",
    );
    lab.stackctl(["provision", "--yes"]).expect_ok();
    assert_ne!(shop.serial(), before);
    lab.stackctl(["status"]).expect_ok();
    shop.nothing_is_left_to_do();

    lab.step("authorities that refuse, were asked too often or do not answer leave what serves");
    name("forbidden.test");
    shop.write("shop.test, forbidden.test", acme);
    lab.stackctl(["provision", "--yes"])
        .expect(6)
        .says("no certificate was issued for shop.test, forbidden.test: the authority refused")
        .says("policy");
    lab.root(BUSY_AUTHORITY);
    shop.write("shop.test", &acme.replace("14000", "14001"));
    lab.stackctl(["provision", "--yes"])
        .expect(6)
        .says("no certificate was issued for shop.test: the authority was asked too often")
        .says("retry after 2199-01-01");
    shop.write("shop.test", &acme.replace("14000", "14002"));
    lab.stackctl(["provision", "--yes"]).expect(6).says(
        "no certificate was issued for shop.test: the authority cannot be reached from the host",
    );
    assert_eq!(shop.page(), "second");
    shop.write("shop.test", acme);
    shop.nothing_is_left_to_do();

    lab.step("another name makes another certificate; until it is issued the old one serves");
    shop.write("shop.test, www.test", acme);
    lab.stackctl(["provision", "--yes"])
        .expect(6)
        .says("www.test leads to no address");
    assert_eq!(shop.page(), "second");
    name("www.test");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    // A worker of the nginx before may take one more connection.
    eventually("the new certificate", Duration::from_secs(5), || {
        let ran = shop.curl("--fail https://www.test/");
        (ran.code == Some(0)).then_some(()).ok_or(ran.to_string())
    });
    shop.nothing_is_left_to_do();

    lab.step("it serves after a reboot");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    eventually("HTTPS", PATIENCE, || {
        let page = shop.curl("--fail https://shop.test/");
        (page.stdout == "second")
            .then_some(())
            .ok_or(page.to_string())
    });

    own_files(&shop);
}

#[test]
#[ignore = "needs docker"]
fn a_fresh_host_serves_https_with_files_of_this_machine() {
    let shop = Shop {
        lab: Lab::boot("tls-files", "trixie"),
    };
    shop.lab.root("apt-get update -q >/dev/null && apt-get install -q -y --no-install-recommends openssl curl >/dev/null");
    fs::write(shop.lab.path("index.html"), "first").expect("a page");
    own_files(&shop);
    shop.lab.stackctl(["deploy", "--yes"]).expect_ok();
    let page = shop.curl("--insecure -w ' %{http_version}' https://shop.test/");
    assert_eq!(page.expect_ok().stdout, "first 2");
    assert!(!shop.lab.root("nginx -t 2>&1").contains("warn"));
    let stranger = shop.curl("-k --resolve other.test:443:127.0.0.1 https://other.test/");
    assert_eq!(stranger.code, Some(35), "{stranger}");
}

/// Has the host make a certificate by itself, valid from and to times as date(1) takes them, and its key: both as PEM.
pub fn self_signed(lab: &Lab, names: &str, key: &str, valid: [&str; 2]) -> [String; 2] {
    let [begin, end] = valid;
    let names: Vec<String> = names
        .split(", ")
        .map(|name| format!("DNS:{name}"))
        .collect();
    lab.root(&format!(
        "set -e; umask 077; mkdir -p /root/own; cd /root/own; at() {{ date -u -d \"$1\" +%Y%m%d%H%M%SZ; }}; \
         printf 'subjectAltName=%s\\n' '{}' >ext; : >index; \
         printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\nrand_serial=yes\\nnew_certs_dir=.\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' >config; \
         openssl req -new -newkey {key} -nodes -keyout key -out request -subj /CN=own 2>/dev/null; \
         openssl ca -batch -selfsign -config config -notext -keyfile key -in request -out certificate -extfile ext \
         -startdate \"$(at '{begin}')\" -enddate \"$(at '{end}')\" 2>/dev/null",
        names.join(",")
    ));
    ["certificate", "key"].map(|file| lab.root(&format!("cat /root/own/{file}")))
}

pub const P256: &str = "ec -pkeyopt ec_paramgen_curve:prime256v1";

/// The site gets, or goes on with, a certificate of this machine.
fn own_files(shop: &Shop) {
    let lab = &shop.lab;
    let make = |file: &str, names: &str, key: &str, valid: [&str; 2]| {
        let [certificate, key] = self_signed(lab, names, key, valid);
        fs::write(lab.path(&format!("{file}.pem")), certificate).expect("a file");
        fs::write(lab.path(&format!("{file}.key")), key).expect("a file");
    };
    let both = "shop.test, www.test";
    make("own", both, P256, ["-1 day", "+60 days"]);
    make("newer", both, "rsa:2048", ["-1 hour", "+90 days"]);
    make("other", "shop.test", P256, ["-1 day", "+60 days"]);
    make("ended", both, P256, ["-60 days", "-1 day"]);
    make("ending", both, P256, ["-60 days", "+5 days"]);

    lab.step("a key of another certificate is refused");
    shop.write(
        "shop.test, www.test",
        "tls: {certificate: own.pem, key: newer.key}, ",
    );
    lab.stackctl(["provision", "--yes"])
        .expect(3)
        .says("sites.shop.tls.key")
        .says("it is not the key of the first certificate in");

    lab.step("files of this machine take the place of what was issued");
    shop.write(
        "shop.test, www.test",
        "tls: {certificate: own.pem, key: own.key}, ",
    );
    let provision = lab.stackctl(["provision", "--yes"]);
    let key = fs::read_to_string(lab.path("own.key")).expect("the key");
    let secret = key.lines().nth(1).expect("a line of it");
    assert!(!provision.expect_ok().to_string().contains(secret));
    assert!(shop.serial().contains("CN=own"));
    assert_eq!(
        lab.root("stat -c '%a %U' /var/lib/stackctl/shop/tls/shop/*/key.pem"),
        "600 root"
    );
    assert_eq!(
        lab.root("ls /etc/letsencrypt/renewal 2>/dev/null || true"),
        ""
    );
    let told =
        lab.root("cat /var/lib/stackctl/shop/manifest.json /var/lib/stackctl/shop/history.jsonl");
    assert!(!told.contains(secret));
    shop.nothing_is_left_to_do();
    let site = &lab.stackctl(["status", "--json"]).json()["sites"][0];
    assert_eq!(site["certificate"]["issuer"], "CN=own");

    lab.step("a certificate for another name, and one that has expired, are refused; what was there serves on");
    let before = shop.serial();
    let own = |file: &str| {
        let tls = format!("tls: {{certificate: {file}.pem, key: {file}.key}}, ");
        shop.write(both, &tls);
    };
    own("other");
    lab.stackctl(["provision", "--yes"])
        .expect(5)
        .says("is not for www.test; it is for shop.test");
    own("ended");
    lab.stackctl(["provision", "--yes"])
        .expect(5)
        .says("has expired: it ended");
    assert_eq!(shop.serial(), before);

    lab.step("one that ends soon is taken, and told of by the plan and by status");
    own("ending");
    lab.stackctl(["provision", "--yes"])
        .expect_ok()
        .says("the certificate expires in 4 days");
    shows(
        lab.stackctl(["status"]).expect(7),
        "the certificate expires in 4 days",
    );

    lab.step("newer files are loaded, and the old ones go");
    let before = shop.serial();
    own("newer");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    assert_ne!(shop.serial(), before);
    assert_eq!(lab.root("ls /var/lib/stackctl/shop/tls/shop | wc -l"), "1");
    shop.nothing_is_left_to_do();
}
