//! Whatever somebody changes by hand is found, left alone, and put right when asked to.

use std::fs;

use serde_json::Value;

use super::load::Load;
use super::scenario::{Lab, PATIENCE, Ran, eventually, http, quote};
use super::tls::{P256, self_signed};

const UNIT: &str = "/etc/systemd/system/stackctl-names-recover.service";
const SITE: &str = "/etc/nginx/sites-available/names.conf";
const LINK: &str = "/run/stackctl/names/backend.sock";

/// The release of the backend that is led to, or was.
fn release(lab: &Lab) -> String {
    lab.root(&format!("readlink {LINK} | cut -d. -f2 | cut -d/ -f1"))
}

fn folder(release: &str) -> String {
    format!("/var/lib/stackctl/names/releases/backend/{release}")
}

/// The certificate that visitors are shown.
fn served(lab: &Lab) -> String {
    lab.root(
        "openssl s_client -connect 127.0.0.1:443 -servername names.test </dev/null 2>/dev/null | \
         openssl x509 -noout -fingerprint -sha256 -enddate",
    )
}

/// Runs SQL as root of the database.
fn sql(lab: &Lab, statement: &str) -> String {
    lab.root(&format!(
        "printf '[client]\\nuser=root\\npassword=%s\\n' \"$(cat /var/lib/stackctl/names/secrets/db-root)\" | \
         docker exec -i names-db mysql --defaults-extra-file=/dev/stdin --batch --skip-column-names -e {}",
        quote(statement)
    ))
}

/// What `plan --json` says of one thing: `was`, `is`, and whether it is left alone.
#[track_caller]
fn told(plan: &Value, what: &str) -> (String, String, bool) {
    let parts = ["provision", "deploy"].map(|part| plan[part]["drift"].as_array().expect("a list"));
    let all = parts.iter().flat_map(|list| list.iter());
    let found = all.clone().find(|drift| {
        drift["what"]
            .as_str()
            .is_some_and(|text| text.contains(what))
    });
    let found = found.unwrap_or_else(|| panic!("no drift of {what}: {:#?}", parts));
    let text = |key: &str| found[key].as_str().expect("text").to_owned();
    assert_eq!(found["host"], "web1");
    assert!(!text("would").is_empty());
    let is_left = found["left"].as_bool().expect("a flag");
    (text("was"), text("is"), is_left)
}

#[test]
#[ignore = "needs docker"]
fn whatever_is_changed_by_hand_is_found_by_one_plan_left_alone_and_put_right_when_asked_to() {
    let lab = Lab::ready("drift", "bookworm");
    lab.root("apt-get update -q >/dev/null && apt-get install -q -y --no-install-recommends openssl >/dev/null");
    let valid = ["-1 day", "+60 days"];
    let [certificate, key] = self_signed(&lab, "names.test", P256, valid);
    fs::write(lab.path("names.pem"), certificate).expect("a file");
    fs::write(lab.path("names.key"), key).expect("a file");
    // Both ways serve, so that visitors need not know who vouches for it.
    let tls = "    listen: 80\n    names: [names.test]\n    redirect: off\n    tls: {certificate: ../names.pem, key: ../names.key}\n";
    let yaml = lab.names_app(|yaml| {
        assert!(yaml.contains("    listen: 80\n"), "{yaml}");
        yaml.replace("    listen: 80\n", tls)
    });
    let config = yaml.to_str().expect("a path that is text");
    let run = |arguments: &[&str]| -> Ran {
        let all = ["-c", config].into_iter().chain(arguments.iter().copied());
        lab.stackctl(all)
    };
    let serves = || {
        let (status, page) = http("GET", &format!("{}/names", lab.url(80)), None)?;
        (status == 200)
            .then_some(())
            .ok_or(format!("{status} {page}"))
    };

    lab.step("the app serves, and nothing has drifted");
    run(&["provision", "--yes"]).expect_ok();
    run(&["deploy", "--yes"]).expect_ok();
    eventually("it serves", PATIENCE, serves);
    run(&["plan", "--exit-code"]).expect_ok();
    let first = release(&lab);
    let container = format!("names-backend-{first}");
    let image = format!("stackctl/names-backend:{first}");
    let image_id = lab.root(&format!("docker inspect -f '{{{{.Image}}}}' {container}"));

    let shown = served(&lab);

    lab.step(
        "somebody edits a unit, lays a file beside it, and edits the site and the release's record",
    );
    lab.root(&format!(
        "echo '# by hand' >> {UNIT}; mkdir -p {UNIT}.d; printf '[Service]\\nNice=5\\n' > {UNIT}.d/own.conf; \
         sed -i 's/client_max_body_size .*;/client_max_body_size 3m;/' {SITE}; \
         sed -i 's/\"DB_NAME\": \"names\"/\"DB_NAME\": \"other\"/' {}/release.json",
        folder(&first)
    ));

    lab.step("gives the image's tag to another, takes the database's rights, sets a limit and stops the container");
    lab.root(&format!("docker tag mysql:8.4 {image}"));
    sql(&lab, "REVOKE ALL PRIVILEGES ON names.* FROM names@'%'");
    lab.root(&format!(
        "docker update --memory 512m --memory-swap 512m --restart no {container}; docker stop -t 2 {container}"
    ));

    lab.step("removes the link, turns nginx off, and has a container of their own on its port");
    lab.root(&format!(
        "rm {LINK}; systemctl disable --now nginx 2>&1; \
         docker run -d --name squatter -p 80:80 --entrypoint sleep mysql:8.4 infinity"
    ));

    lab.step(
        "and puts a certificate of their own in the place of the site's, which has expired since",
    );
    let folder_of_own = lab.root("ls -d /var/lib/stackctl/names/tls/names/*");
    self_signed(&lab, "names.test", P256, ["-60 days", "-1 day"]);
    lab.root(&format!(
        "cp /root/own/certificate {folder_of_own}/certificate.pem; cp /root/own/key {folder_of_own}/key.pem"
    ));

    lab.step("one plan finds all of it, and says why it cannot be carried out");
    let plan = run(&["plan", "--json"]);
    let plan = plan.expect(5).json();
    let finding = plan["findings"][0]["text"].as_str().expect("a finding");
    assert_eq!(
        finding,
        "port 80 of site `names` is held by container squatter (image mysql:8.4)"
    );
    let own = |what: &str, was: &str, is: &str, left: bool| {
        let (told_was, told_is, told_left) = told(&plan, what);
        assert!(told_was.contains(was), "{what} was {told_was}");
        assert!(told_is.contains(is), "{what} is {told_is}");
        assert_eq!(told_left, left, "{what} is left alone");
    };
    own(UNIT, "sha256 ", "sha256 ", true);
    own("recover.service.d/own.conf", "absent", "there", true);
    own(SITE, "sha256 ", "sha256 ", true);
    own("release.json", "sha256 ", "env DB_NAME changed", true);
    own(&format!("image {image}"), &image_id[..19], "sha256:", true);
    own(
        "nginx.service",
        "active and enabled",
        "inactive and disabled",
        false,
    );
    own(LINK, &format!("backend.{first}/app.sock"), "gone", false);
    own("database names", "all rights", "a grant is missing", false);
    own(
        &format!("{folder_of_own}/certificate.pem"),
        "the certificate that it was given",
        "an expired certificate, which ended ",
        false,
    );
    own("key.pem", "the certificate's key", "another", false);
    own(
        &format!("{container}: memory limit"),
        "none",
        "512 MiB",
        true,
    );
    let stopped = plan["deploy"]["drift"].to_string();
    assert!(
        stopped.contains(&format!("\"what\":\"container {container}\"")),
        "the stopped container is in {stopped}"
    );
    let diffs = plan["provision"]["drift"].to_string();
    assert!(diffs.contains("client_max_body_size 3m"), "{diffs}");
    let text = run(&["plan"]);
    text.expect(5).says("squatter (image mysql:8.4)");
    for what in [
        UNIT,
        "own.conf",
        "-    client_max_body_size 3m;",
        "env DB_NAME changed",
        &image,
        "nginx.service was active and enabled",
        LINK,
        "a grant is missing",
        "an expired certificate, which ended ",
        "memory limit was none, is 512 MiB",
        "--overwrite-drift would",
    ] {
        assert!(text.stdout.contains(what), "{what} is not in {text}");
    }
    run(&["plan", "--exit-code"]).expect(7).says("squatter");
    let before = lab.root(&format!(
        "cat {SITE} {UNIT}; systemctl is-active nginx || true"
    ));
    run(&["provision", "--yes"]).expect(5).says("squatter");
    let after = lab.root(&format!(
        "cat {SITE} {UNIT}; systemctl is-active nginx || true"
    ));
    assert_eq!(before, after, "what is refused changes nothing");

    lab.step("without the flag what is broken is mended, and what somebody wrote is left as it is");
    lab.root("docker rm -f squatter");
    let provisioned = run(&["provision", "--yes"]);
    provisioned.expect_ok();
    for left in [UNIT, "own.conf", SITE] {
        provisioned.says(left);
    }
    let deployed = run(&["deploy", "--yes"]);
    deployed.expect_ok();
    for left in ["release.json", "memory limit was none, is 512 MiB", &image] {
        deployed.says(left);
    }
    eventually("it serves again", PATIENCE, serves);
    assert_eq!(served(&lab), shown);
    assert_eq!(release(&lab), first);
    lab.root(&format!(
        "grep -q 'by hand' {UNIT} && grep -q 'body_size 3m' {SITE} && test -e {UNIT}.d/own.conf && \
         grep -q other {}/release.json && systemctl is-enabled nginx",
        folder(&first)
    ));
    let memory = format!("docker inspect -f '{{{{.HostConfig.Memory}}}}' {container}");
    assert_eq!(lab.root(&memory), "536870912");
    let grants = sql(&lab, "SHOW GRANTS FOR names@'%'");
    assert!(grants.contains("ALL PRIVILEGES ON `names`"), "{grants}");

    lab.step("a password is edited as well, while visitors come and go");
    lab.root(&format!(
        "cd {}; printf wrong > new; chown --reference=db-password new; chmod 400 new; mv new db-password",
        folder(&first)
    ));
    let load = Load::start_single(&lab.url(80));
    let plan = run(&["plan", "--json"]);
    let (_, is, is_left) = told(&plan.expect_ok().json(), "db-password");
    assert!(is == "another" && is_left);
    run(&["provision", "--yes", "--overwrite-drift"]).expect_ok();
    load.lost_nothing();
    drop(load);

    lab.step(
        "with the flag the container is made again beside the one that serves: no request is lost",
    );
    let load = Load::start(&lab.url(80));
    eventually("visitors come", PATIENCE, || {
        let good = load.good();
        (good > 100).then_some(()).ok_or(good.to_string())
    });
    run(&["deploy", "--yes", "--overwrite-drift"]).expect_ok();
    let good = load.good();
    eventually("visitors stay", PATIENCE, || {
        let now = load.good();
        (now > good + 100).then_some(()).ok_or(now.to_string())
    });
    load.lost_nothing();
    let second = release(&lab);
    assert_ne!(second, first);
    let inspect = |format: &str| {
        let format = quote(format);
        lab.root(&format!(
            "docker inspect -f {format} names-backend-{second}"
        ))
    };
    assert_eq!(
        inspect("{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}} {{.Image}}"),
        format!("0 unless-stopped {image_id}")
    );
    assert_eq!(
        lab.root(&format!("docker inspect -f '{{{{.Id}}}}' {image}")),
        image_id
    );
    lab.root(&format!(
        "! grep -q 'by hand' {UNIT} && ! grep -q 'body_size 3m' {SITE} && ! test -e {UNIT}.d/own.conf && \
         cmp {}/db-password /var/lib/stackctl/names/secrets/db-password",
        folder(&second)
    ));

    lab.step("copies of all that was edited are kept, for root alone, and nothing is left to do");
    let kept = lab.root("cd /var/lib/stackctl/names/kept; stat -c '%a %u %n' *; cat *");
    for edited in [
        "recover.service",
        "own.conf",
        "names.conf",
        "release.json",
        "db-password",
        "certificate.pem",
        "key.pem",
        "# by hand",
        "Nice=5",
        "client_max_body_size 3m",
        "wrong",
    ] {
        assert!(kept.contains(edited), "{edited} is not in {kept}");
    }
    let modes = lab.root("stat -c '%a %u' /var/lib/stackctl/names/kept/* | sort -u");
    assert_eq!(modes, "600 0");
    let again = run(&["plan", "--exit-code"]);
    again.expect_ok();
    assert!(!again.stdout.contains("drift"), "{again}");
    let deployed = run(&["deploy", "--yes"]);
    assert!(deployed.expect_ok().stdout.contains("no changes"));
    load.lost_nothing();
}
