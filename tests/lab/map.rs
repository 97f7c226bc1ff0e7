//! The map app, by its README: a REST API with SQLite as a systemd unit, a page, and a site by name, with HTTPS, and by address.

use std::time::Duration;

use serde_json::{Value, json};
use stackctl::load::Request;

use super::browser::Browser;
use super::example::{Readme, Stack};
use super::load::Load;
use super::main_job::open_ports;
use super::scenario::{Lab, PATIENCE, Ran, block_on, eventually, http, quote};
use super::tls::{LAB_ACME, OWN_ADDRESS, authority, leads};

/// By which the example's site is known.
const NAME: &str = "map.example.com";
/// What WebDriver takes for the key.
const ENTER: &str = "\u{E007}";

#[test]
#[ignore = "needs docker"]
fn the_map_is_served_by_name_and_address_and_its_data_outlives_releases_reboots_and_the_stack() {
    let lab = Lab::boot("map", "trixie");
    let mut app = App::new(&lab);

    authority(&lab, &lab.path("map/lab-ca.pem"));
    leads(&lab, NAME, OWN_ADDRESS);

    lab.step("a fresh host gets a certificate and serves");
    app.readme.follow("stackctl provision");
    app.readme.follow("stackctl deploy");
    app.readme.follow("stackctl status");
    app.serves("one");
    app.stack.changes_nothing();
    let docker = "ls -d /run/docker.sock /usr/sbin/dockerd 2>/dev/null || true";
    assert_eq!(lab.root(docker), "");

    lab.step("the service is shut in");
    let unit = app.stack.serving("api");
    lab.is_shut_in(&unit);
    let text = lab.root(&format!("cat /etc/systemd/system/{unit}"));
    for line in ["After=network.target", "WantedBy=multi-user.target"] {
        assert!(text.contains(line), "{text}");
    }
    let command = lab.root(&format!(
        "pid=$(systemctl show -p MainPID --value {unit}); stat -c %U /proc/$pid; tr '\\0' ' ' </proc/$pid/cmdline"
    ));
    assert!(command.starts_with("stackctl-"), "{command}");
    assert!(
        command.contains("/installed/venv/bin/gunicorn --bind unix:/run/stackctl/map/api."),
        "{command}"
    );
    app.stack
        .with(&["exec", "api", "--", "touch", "app.py"])
        .expect(1);
    let nobody = |what: &str| {
        let line = format!("setpriv --reuid 65534 --regid 65534 --clear-groups {what}");
        lab.try_root(&line).code
    };
    let connect = "perl -MIO::Socket::UNIX -e 'exit !IO::Socket::UNIX->new(Peer => $ARGV[0])' /run/stackctl/map/api.sock";
    assert_ne!(nobody(connect), Some(0), "only nginx reaches the socket");
    assert_ne!(nobody("ls /var/lib/stackctl/map/state/api"), Some(0));

    lab.step("nothing but nginx and sshd can be reached");
    assert_eq!(open_ports(&lab), "22 80 443");

    lab.step("by its name with HTTPS, where HTTP leads to, and by its address");
    let places = format!("https://{NAME}/places");
    assert_eq!(app.by_name(&places), "200  0");
    let plain = format!("http://{NAME}/places?search=cove");
    assert_eq!(app.by_name(&plain), format!("301 {places}?search=cove 0"));
    let (status, text) = http("GET", &app.url("/places"), None).expect("an answer");
    assert!(status == 200 && text.contains("Aliso Beach"), "{text}");
    let asked =
        "cd /var/log/nginx && grep -c 'GET /places HTTP' map-map.access.log map-address.access.log";
    assert_eq!(
        lab.root(asked),
        "map-map.access.log:1\nmap-address.access.log:1"
    );
    lab.step("browsers that were there by HTTPS are to come back by it");
    let hsts = "strict-transport-security: max-age=31536000";
    for path in ["/", "/places", "/no-such.png"] {
        let headers = app.headers(&format!("https://{NAME}{path}"));
        assert!(headers.contains(hsts), "{path}: {headers}");
    }
    let headers = app.headers("http://127.0.0.1/places");
    assert!(!headers.contains("strict-transport"), "{headers}");
    let renewal = "systemctl is-active certbot.timer; ls /etc/letsencrypt/renewal";
    assert_eq!(lab.root(renewal), "active\nstackctl.map.map.conf");

    app.api();
    app.page();

    let visitors = vec![
        Request::get("/"),
        Request::get("/places?search=cove"),
        Request::post(
            "/sightings",
            "{\"place\":1,\"species\":\"visitor {id}\",\"day\":\"2026-05-31\"}",
        ),
    ];
    let load = Load::of(&lab.url(80), 15.0, visitors);
    let by_https = Load::by_name(
        NAME,
        format!("127.0.0.1:{}", lab.host().ports[&443]),
        &lab.root("cat /root/root.pem"),
        vec![Request::get("/"), Request::get("/places?search=cove")],
    );
    lab.step("a changed source, under load");
    let before = [load.good(), by_https.good()];
    app.version("two");
    app.stack.run("deploy").expect_ok();
    app.serves("two");
    for (load, before) in [&load, &by_https].into_iter().zip(before) {
        assert!(load.good() > before + 20, "visitors came meanwhile");
        load.lost_nothing();
    }
    app.stack.changes_nothing();

    lab.step("back to the version before, and a restart, under load");
    app.readme.follow("stackctl rollback");
    app.serves("one");
    app.readme.follow("stackctl restart api");
    app.serves("one");
    load.lost_nothing();
    app.stack.run("deploy").expect_ok();
    app.serves("two");
    load.lost_nothing();
    by_https.lost_nothing();
    lab.step(&format!(
        "{} requests and {} by HTTPS, none lost",
        load.good(),
        by_https.good()
    ));
    drop((load, by_https));
    let twice = app.sql(
        "SELECT COUNT(*), COUNT(DISTINCT species) FROM sightings WHERE species LIKE 'visitor %'",
    );
    let (rows, visitors) = twice.split_once(' ').expect("two numbers");
    assert!(
        rows == visitors && rows.parse::<u32>().expect("a number") > 50,
        "{twice}"
    );

    app.listens_on_a_port();

    lab.step("looks and copies");
    let ran = app.readme.follow("stackctl logs api");
    assert!(ran.stdout.contains("Listening at: unix:"), "{ran}");
    let ran = app.readme.follow("stackctl exec api -- sh -c");
    assert!(ran.stdout.contains("map.sqlite"), "{ran}");
    app.readme.follow("stackctl exec api -- python -c");
    let copy = app.stack.read("map.sql");
    assert!(
        copy.contains("INSERT INTO \"places\"") && copy.contains("Shaw Cove"),
        "{copy}"
    );

    lab.step("it is stopped and started by hand");
    app.readme.follow("stackctl stop api");
    assert_eq!(app.by_name(&places), "502  0");
    let ran = app.stack.run("status");
    assert!(ran.expect(7).stdout.contains("stopped by tester@"), "{ran}");
    app.readme.follow("stackctl start api");
    app.serves("two");

    app.goes_and_comes_back();

    lab.step("it is right after a reboot");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    eventually("it serves", PATIENCE, || {
        let (status, text) = http("GET", &app.url("/healthz"), None)?;
        (status == 200 && text.contains("two"))
            .then_some(())
            .ok_or(text)
    });
    app.stack.run("status").expect_ok();
    app.stack.changes_nothing();
    assert_eq!(app.by_name(&places), "200  0");
    let browser = Browser::start();
    browser.open(&lab.url(80));
    app.shows(&browser, "Shaw Cove");
    drop(browser);

    lab.step("without a name of its own, it is served by the host's address");
    let yaml = app.stack.read("stackctl.yaml");
    let (by_address, _) = yaml.split_once("  # By its name:").expect("the site");
    app.stack.write("stackctl.yaml", by_address);
    app.stack.run("provision").expect_ok();
    app.stack.run("deploy").expect_ok();
    app.stack.changes_nothing();
    app.serves("two");
    assert_eq!(open_ports(&lab), "22 80");

    lab.step("the stack goes, and nothing is left");
    app.stack.goes_without_a_trace();
    app.readme.is_followed();
}

/// The map app in versions.
struct App<'a> {
    lab: &'a Lab,
    stack: Stack<'a>,
    source: String,
    readme: Readme<'a>,
}

impl<'a> App<'a> {
    fn new(lab: &'a Lab) -> Self {
        let lets_encrypt = "    tls: acme\n";
        let stack = Stack::unpack(lab, "map", "stackctl.yaml", |yaml| {
            assert!(yaml.contains(lets_encrypt), "{yaml}");
            yaml.replace(lets_encrypt, &format!("    tls: {{acme: {LAB_ACME}}}\n"))
        });
        let app = Self {
            lab,
            source: stack.read("api/app.py"),
            stack,
            readme: Readme::of(lab, "map", ""),
        };
        app.version("one");
        app
    }

    fn api(&mut self) {
        self.lab.step("the API returns, edits and adds");
        let json = |ran: &Ran| -> Value { serde_json::from_str(&ran.stdout).expect("JSON") };
        let found = json(&self.readme.follow("curl http://HOST/places?search"));
        assert_eq!(found[0]["name"], "Crystal Cove");
        let added = json(
            &self
                .readme
                .follow("curl -X POST -H 'Content-Type: application/json' -d '{\"name\""),
        );
        assert_eq!(
            (&added["id"], &added["kind"]),
            (&json!(10), &json!("beach"))
        );
        let edited = json(&self.readme.follow("curl -X PUT"));
        assert_eq!(
            (&edited["name"], &edited["note"]),
            (&json!("Crystal Cove"), &json!("Tide pools."))
        );
        let seen = json(&self.readme.follow("curl -X POST"));
        assert_eq!((&seen["id"], &seen["count"]), (&json!(1), &json!(2)));
        let (status, text) = http("GET", &self.url("/sightings?place=5"), None).expect("an answer");
        assert!(
            status == 200 && text.contains("harbor seal"),
            "{status} {text}"
        );
        let wrong = json!({"name": "nowhere", "latitude": 91, "longitude": 0});
        let (status, text) = http("POST", &self.url("/places"), Some(&wrong)).expect("an answer");
        assert!(
            status == 400 && text.contains("latitude"),
            "{status} {text}"
        );
    }

    /// One that goes to the site by its name.
    fn browser(&self) -> Browser {
        let ports = [80, 443].map(|port| (port, self.lab.host().ports[&port]));
        Browser::finding(NAME, &ports)
    }

    fn page(&self) {
        self.lab
            .step("a person looks a place up on the map, and adds one");
        let browser = &self.browser();
        browser.open(&format!("http://{NAME}/"));
        assert_eq!(browser.address(), format!("https://{NAME}/"));
        self.shows(browser, "Aliso Beach");
        assert_eq!(browser.texts("#map .place").len(), 10);
        browser.type_into("#search", &format!("aliso{ENTER}"));
        eventually("it is chosen", Duration::from_secs(10), || {
            let chosen = (browser.texts("#place-name"), browser.texts("#map .chosen"));
            let expected = vec!["Aliso Beach".to_owned()];
            (chosen == (expected.clone(), expected))
                .then_some(())
                .ok_or(format!("{chosen:?}"))
        });
        let (map, mark) = (browser.place("#map"), browser.place("#map .chosen circle"));
        assert!(
            mark.left > map.left + map.width / 2.0 && mark.right < map.right,
            "{mark:?} in {map:?}"
        );
        browser.screenshot(&self.lab.artifacts().join("map.png"));
        browser.click("#new");
        browser.type_into("#name", "Shaw Cove <b>");
        browser.click("#map");
        browser.screenshot(&self.lab.artifacts().join("map-adding.png"));
        browser.click("#place-form .row button");
        self.shows(browser, "Shaw Cove <b>");
        assert_eq!(browser.texts("#place-name"), ["Shaw Cove <b>"]);
        browser.type_into("#species", "California sea lion");
        browser.click("#sighting-form button");
        eventually("it is listed", Duration::from_secs(10), || {
            let seen = browser.texts("#sightings li");
            let told = seen.len() == 1 && seen[0].ends_with("1 × California sea lion");
            told.then_some(()).ok_or(format!("{seen:?}"))
        });
        browser.reload();
        self.shows(browser, "Shaw Cove <b>");
    }

    fn shows(&self, browser: &Browser, name: &str) {
        eventually(name, Duration::from_secs(15), || {
            let listed = browser.texts("#found button");
            let is_there = listed.iter().any(|listed| listed.starts_with(name));
            is_there
                .then_some(())
                .ok_or(format!("{listed:?}: {:?}", browser.texts("#message")))
        });
    }

    /// For pages of other sites, the host's address is one of them: it has another name.
    fn listens_on_a_port(&self) {
        self.lab
            .step("on a port instead of a socket, and for pages of other sites");
        let origin = self.lab.url(80);
        let fetch = "return fetch(arguments[0]).then(answer => answer.json()).then(places => places[0].name, String)";
        let url = json!([format!("https://{NAME}/places?search=aliso")]);
        let browser = self.browser();
        browser.open(&origin);
        let refused = browser.run(fetch, &url);
        assert_eq!(refused, "TypeError: Failed to fetch", "not allowed yet");
        let socket = "\"unix:{{ socket }}\"";
        let comment = "    # env: {ALLOWED_ORIGINS: \"https://www.example.com\"}";
        let allowed = format!("    env: {{ALLOWED_ORIGINS: {}}}", json!(origin));
        let before = self.stack.read("stackctl.yaml");
        self.stack
            .edit("stackctl.yaml", socket, "\"127.0.0.1:{{ port }}\"");
        self.stack.edit(
            "stackctl.yaml",
            comment,
            &format!("{allowed}\n    listen: tcp"),
        );
        self.stack.run("deploy").expect_ok();
        self.serves("two");
        assert_eq!(browser.run(fetch, &url), "Aliso Beach");
        let listening = "ss -Hltnp | grep gunicorn | awk '{print $4}' | sort -u | sed 's/:.*//'";
        assert_eq!(self.lab.root(listening), "127.0.0.1");
        assert_eq!(open_ports(self.lab), "22 80 443");
        self.stack.write("stackctl.yaml", &before);
        self.stack.run("deploy").expect_ok();
        self.serves("two");
    }

    fn goes_and_comes_back(&self) {
        self.lab
            .step("it goes but for its data, and comes back with it");
        let user = self.lab.root("stat -c %U /var/lib/stackctl/map/state/api");
        let ran = self.stack.with(&["destroy", "--confirm", "map"]);
        ran.expect_ok().says("/var/lib/stackctl/map/state/api");
        let left = "find /var/lib/stackctl -path '*/state/*/*' -prune -o -print; ls -d /run/stackctl /etc/systemd/system/map-* \
            /etc/tmpfiles.d/*map* /etc/nginx/sites-*/map* /etc/letsencrypt/renewal/* 2>/dev/null; \
            getent passwd | grep -o '^stackctl-[^:]*' || true";
        let kept = format!(
            "/var/lib/stackctl\n/var/lib/stackctl/map\n/var/lib/stackctl/map/state\n/var/lib/stackctl/map/state/api\n{user}"
        );
        assert_eq!(self.lab.root(left), kept);
        let ran = self.stack.with(&["destroy", "--confirm", "map"]);
        assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
        self.stack.run("provision").expect_ok();
        self.stack.run("deploy").expect_ok();
        let (_, text) = http("GET", &self.url("/places?search=shaw"), None).expect("an answer");
        assert!(text.contains("Shaw Cove"), "{text}");
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.lab.url(80))
    }

    /// What a visitor who goes by the name gets: status, where it leads to, and 0 when the certificate is good.
    fn by_name(&self, url: &str) -> String {
        self.lab.root(&format!(
            "curl -sS -o /dev/null --cacert /root/root.pem --resolve {NAME}:443:127.0.0.1 --resolve {NAME}:80:127.0.0.1 \
             -w '%{{http_code}} %{{redirect_url}} %{{ssl_verify_result}}' {}",
            quote(url)
        ))
    }

    /// What the answer's headers are, in small letters.
    fn headers(&self, url: &str) -> String {
        let headers = self.lab.root(&format!(
            "curl -sS -I --cacert /root/root.pem --resolve {NAME}:443:127.0.0.1 {}",
            quote(url)
        ));
        headers.to_ascii_lowercase()
    }

    /// A source that says which it is.
    fn version(&self, version: &str) {
        let from = "jsonify(status=\"ok\")";
        assert!(self.source.contains(from), "{}", self.source);
        let to = format!("jsonify(status=\"ok\", version=\"{version}\")");
        self.stack
            .write("api/app.py", &self.source.replace(from, &to));
    }

    fn serves(&self, version: &str) {
        let (status, text) = http("GET", &self.url("/healthz"), None).expect("an answer");
        assert!(
            status == 200 && text.contains(&format!("\"{version}\"")),
            "{status} {text}"
        );
    }

    /// One row of the database.
    fn sql(&self, query: &str) -> String {
        let program = "import os, sqlite3, sys; print(*sqlite3.connect(os.environ['STATE_DIRECTORY'] + '/map.sqlite').execute(sys.argv[1]).fetchone())";
        let ran = self
            .stack
            .with(&["exec", "api", "--", "python", "-c", program, query]);
        ran.expect_ok().stdout.trim().to_owned()
    }
}
