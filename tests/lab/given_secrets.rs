//! Secrets that services are given: a changed one is a new release of whoever uses it, a rollback brings the old one back,
//! and nobody else ever sees one.

use std::fs;

use super::scenario::{Lab, Ran, block_on, eventually, http, quote};
use super::secrets::{SAMPLER, sampled};

/// Says what it was given, which no app of sense does.
const APP: &str = r#"
import http.server, os, socketserver

GIVEN = {}
for name in ("STRIPE_KEY", "MAIL_URL", "TOKEN", "SESSION_KEY"):
    if name + "_FILE" in os.environ:
        with open(os.environ[name + "_FILE"]) as file:
            GIVEN[name + " file"] = file.read()
    if name in os.environ:
        GIVEN[name] = os.environ[name]

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = "".join(f"{name}={value}\n" for name, value in sorted(GIVEN.items())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

path = os.environ["LISTEN_SOCKET"]
if os.path.exists(path):
    # One that was killed has left it.
    os.remove(path)
os.umask(0o111)
socketserver.ThreadingUnixStreamServer(path, Handler).serve_forever()
"#;

const DOCKERFILE: &str =
    "FROM python:3.12-slim\nWORKDIR /srv\nCOPY . .\nCMD [\"python\", \"main.py\"]\n";

const SERVICES: &str = r#"services:
  shop:
    build: &app {context: app, dockerfile: Dockerfile}
    listen: socket
    env:
      STRIPE_KEY: {secret: STRIPE_KEY}
    env_file: [.env, more.env]
    secrets: [TOKEN, SESSION_KEY]
  other:
    build: *app
    listen: socket
    secrets: [TOKEN]
  job:
    unit: {source: app, install: python}
    command: [python3, main.py]
    env:
      TOKEN: {secret: TOKEN}
      SESSION_KEY: {secret: SESSION_KEY}
    secrets: [TOKEN]
secrets:
  STRIPE_KEY: {env: STRIPE_KEY_OF_TEST}
  TOKEN: {command: [./vault, kv, get, token]}
  SESSION_KEY: {generated: 32}
sites:
  main:
    routes: {/: shop, /other: other, /job: job}
"#;

/// A vault's program: it notes that it was asked.
const VAULT: &str =
    "#!/bin/sh\necho asked >>asked\n[ \"$*\" = 'kv get token' ] && echo 'tok \"$en\" 7a1f-lz'\n";

const FIRST: &str = "sk_first_5d81c0";
const SECOND: &str = "sk_second_90be27";
const MAIL: &str = "smtp://u:mailpass77@mx";

#[test]
#[ignore = "needs docker"]
fn a_changed_secret_is_a_new_release_of_whoever_uses_it_a_rollback_brings_the_old_one_back_and_none_is_seen()
 {
    let lab = Lab::ready("given-secrets", "bookworm");
    fs::create_dir(lab.path("app")).expect("a folder");
    fs::write(lab.path("app/main.py"), APP).expect("write");
    fs::write(lab.path("app/Dockerfile"), DOCKERFILE).expect("write");
    fs::write(lab.path("app/requirements.txt"), "# nothing\n").expect("write");
    fs::write(lab.path("vault"), VAULT).expect("write");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(lab.path("vault"), executable).expect("chmod");
    fs::write(lab.path(".env"), format!("# mail\nMAIL_URL='{MAIL}'\n")).expect("write");
    fs::write(lab.path("more.env"), "TOKEN=from_env_file\n").expect("write");
    let text = format!("stack: shop\nhosts:\n{}{SERVICES}", lab.host_yaml());
    fs::write(lab.path("stackctl.yaml"), text).expect("write");
    let with = |key: Option<&str>, arguments: &[&str]| {
        let mut command = lab.command(arguments);
        command.envs(key.map(|key| ("STRIPE_KEY_OF_TEST", key)));
        lab.finish(command)
    };
    let mut said = String::new();
    let mut keep = |ran: &Ran| said.extend([ran.stdout.as_str(), ran.stderr.as_str()]);

    lab.step("without a secret nothing is deployed, and what needs none goes on");
    with(None, &["provision", "--yes"]).expect_ok();
    lab.root(&format!(
        "systemd-run -q --unit=sampler perl -e {}",
        quote(SAMPLER)
    ));
    with(None, &["deploy", "--yes"])
        .expect(3)
        .says("secrets.STRIPE_KEY: the variable STRIPE_KEY_OF_TEST is not set");
    fs::rename(lab.path(".env"), lab.path("away")).expect("rename");
    with(Some(FIRST), &["plan"])
        .expect(3)
        .says("there is no file .env");
    fs::rename(lab.path("away"), lab.path(".env")).expect("rename");

    lab.step("a vault that fails is told by the secret and its program, and nothing is changed");
    let there = "cat /var/lib/stackctl/shop/history.jsonl /var/lib/stackctl/shop/manifest.json; find /var/lib/stackctl /run/stackctl | sort; docker ps -aq";
    let before = lab.root(there);
    let locked = "#!/bin/sh\necho half-7a1f-lz\necho 'half-7a1f-lz is sealed' >&2\necho 'no login' >&2\nexit 3\n";
    fs::write(lab.path("vault"), locked).expect("write");
    for command in [&["plan"][..], &["deploy", "--yes"]] {
        let ran = with(Some(FIRST), command);
        ran.expect(3)
            .says("secrets.TOKEN: `./vault kv get token` ended with exit code 3")
            .says("| no login")
            .says("perhaps it needs a login first");
        assert!(!ran.to_string().contains("half-7a1f-lz"), "{ran}");
    }
    assert_eq!(lab.root(there), before);
    fs::write(lab.path("vault"), VAULT).expect("write");
    assert_ne!(with(None, &["status"]).code, Some(3), "it needs no value");
    with(None, &["render"]).expect_ok();
    let _ = fs::remove_file(lab.path("asked"));

    lab.step("all three services have theirs, as variables and as files");
    let deploy = with(Some(FIRST), &["deploy", "--yes", "-vv"]);
    keep(deploy.expect_ok());
    let asked = fs::read_to_string(lab.path("asked")).expect("it was asked");
    assert_eq!(asked, "asked\n", "once for three services");
    let session = lab.root("cat /var/lib/stackctl/shop/secrets/SESSION_KEY");
    assert_eq!(session.len(), 32);
    let token = "tok \"$en\" 7a1f-lz";
    assert_eq!(
        answer(&lab, "/"),
        format!(
            "MAIL_URL={MAIL}\nSESSION_KEY file={session}\nSTRIPE_KEY={FIRST}\nTOKEN=from_env_file\nTOKEN file={token}\n"
        )
    );
    assert_eq!(answer(&lab, "/other"), format!("TOKEN file={token}\n"));
    assert_eq!(
        answer(&lab, "/job"),
        format!("SESSION_KEY={session}\nTOKEN={token}\nTOKEN file={token}\n")
    );
    let again = with(Some(FIRST), &["deploy", "--yes"]);
    assert!(again.expect_ok().stdout.contains("no changes"), "{again}");

    lab.step("one that changed is told without its value, and makes one service's release new");
    let before = serving(&lab);
    let plan = with(Some(SECOND), &["plan", "--json"]);
    keep(plan.expect_ok());
    assert!(
        plan.stdout.contains("changed: variable STRIPE_KEY"),
        "{plan}"
    );
    let pretty = with(Some(SECOND), &["plan"]);
    keep(pretty.expect_ok());
    keep(with(Some(SECOND), &["deploy", "--yes", "-vv"]).expect_ok());
    let after = serving(&lab);
    let moved: Vec<&String> = after.iter().filter(|link| !before.contains(link)).collect();
    assert_eq!(moved.len(), 1, "{before:?} → {after:?}");
    assert!(moved[0].contains("shop.sock"), "{moved:?}");
    assert!(answer(&lab, "/").contains(&format!("STRIPE_KEY={SECOND}\n")));
    let ids = [id_of(&before), id_of(&after)];
    let diff = with(None, &["diff", &ids[0], &ids[1]]);
    keep(diff.expect_ok());
    assert!(diff.stdout.contains("variable STRIPE_KEY"), "{diff}");

    lab.step("a program that is run by hand has them too");
    let script = "echo \"$MAIL_URL $STRIPE_KEY\"";
    let ran = with(None, &["run", "--no-tty", "shop", "--", "sh", "-c", script]);
    assert_eq!(ran.expect_ok().stdout, format!("{MAIL} {SECOND}\n"));

    lab.step("a rollback brings the old value back: of a release that runs, and of one made again");
    keep(with(None, &["rollback", "--yes"]).expect_ok());
    assert!(answer(&lab, "/").contains(&format!("STRIPE_KEY={FIRST}\n")));
    keep(with(None, &["rollback", "--yes", "--to", &ids[1]]).expect_ok());
    assert!(answer(&lab, "/").contains(&format!("STRIPE_KEY={SECOND}\n")));
    lab.root(&format!("docker rm -f shop-shop-{}", ids[0]));
    keep(with(None, &["rollback", "--yes", "--to", &ids[0], "-vv"]).expect_ok());
    assert!(answer(&lab, "/").contains(&format!("STRIPE_KEY={FIRST}\n")));

    lab.step("one that somebody edited is drift, and its release is not gone back to");
    let folder = format!("/var/lib/stackctl/shop/releases/shop/{}", ids[1]);
    lab.root(&format!(
        "docker rm -f shop-shop-{}; sed -i s/second/edited/ {folder}/secrets.json",
        ids[1]
    ));
    with(None, &["rollback", "--yes", "--to", &ids[1]])
        .expect(5)
        .says("secrets.json was edited");
    let own = format!(
        "/var/lib/stackctl/shop/releases/other/{}/secrets/TOKEN",
        id_of_service(&after, "other")
    );
    lab.root(&format!("printf edited >{own}"));
    let plan = with(Some(FIRST), &["plan", "--exit-code"]);
    keep(plan.expect(7));
    assert!(
        plan.stdout
            .contains("secrets/TOKEN was as it was sent, is another"),
        "{plan}"
    );
    keep(with(Some(FIRST), &["deploy", "--yes", "--overwrite-drift"]).expect_ok());
    assert_eq!(answer(&lab, "/other"), format!("TOKEN file={token}\n"));

    lab.step("they come back after a reboot");
    let lines = sampled(&lab);
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    let answers = [answer(&lab, "/"), answer(&lab, "/job")];
    assert!(answers[0].contains(FIRST) && answers[1].contains(&session));

    lab.step("no command line, output, record, history or log holds one");
    let places = [
        ("output", said),
        ("command lines", lines),
        (
            "journal",
            lab.root("journalctl --no-pager -o json --output-fields=MESSAGE,_CMDLINE"),
        ),
        (
            "history",
            lab.root(
                "cat /var/lib/stackctl/shop/history.jsonl /var/lib/stackctl/shop/manifest.json",
            ),
        ),
        (
            "records",
            lab.root("cat /var/lib/stackctl/shop/releases/*/*/release.json"),
        ),
        (
            "units",
            lab.root(
                "cat /etc/systemd/system/shop-* /var/lib/stackctl/shop/releases/job/*/environment",
            ),
        ),
        (
            "history of images",
            lab.root("docker images -q | xargs -n 1 docker history --no-trunc"),
        ),
    ];
    for secret in [FIRST, SECOND, "mailpass77", "7a1f-lz", &session] {
        for (place, text) in &places {
            assert!(text.len() > 50, "{place} could be read: {text}");
            assert!(!text.contains(secret), "a secret is in {place}");
        }
    }

    lab.step("no file that others can come to holds one");
    let found = lab.root(&format!(
        "printf '%s\\n' {FIRST} {SECOND} mailpass77 7a1f-lz {session} >/root/patterns; \
         su -s /bin/sh nobody -c 'find /var/lib/stackctl /etc /run /tmp /var/tmp /var/log /home -type f -readable 2>/dev/null' | \
         xargs -d '\\n' grep -lF -D skip -f /root/patterns || true"
    ));
    assert_eq!(found, "", "others can read these");

    lab.step("nothing is left");
    with(None, &["destroy", "--volumes", "--confirm", "shop"]).expect_ok();
    assert_eq!(
        lab.root("ls /var/lib/stackctl /etc/systemd/system | grep shop || true"),
        ""
    );
}

/// What a service says once it answers.
fn answer(lab: &Lab, path: &str) -> String {
    let url = format!("{}{path}", lab.url(80));
    eventually("it answers", super::scenario::PATIENCE, || {
        let (status, text) = http("GET", &url, None)?;
        (status == 200).then_some(text).ok_or(format!("{status}"))
    })
}

/// Each service's link with the release that it leads to.
fn serving(lab: &Lab) -> Vec<String> {
    let links = lab.root(
        "cd /run/stackctl/shop && for link in *.sock; do echo \"$link $(readlink $link)\"; done",
    );
    links.lines().map(str::to_owned).collect()
}

fn id_of(links: &[String]) -> String {
    id_of_service(links, "shop")
}

/// From `shop.sock shop.ID/app.sock`.
fn id_of_service(links: &[String], service: &str) -> String {
    let begin = format!("{service}.sock {service}.");
    let rest = links.iter().find_map(|link| link.strip_prefix(&begin));
    let rest = rest.unwrap_or_else(|| panic!("{service} in {links:?}"));
    rest.split('/').next().unwrap_or_default().to_owned()
}
