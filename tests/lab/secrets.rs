//! Passwords are made on the host and are seen by nobody who does not need them.

use std::fs;

use super::scenario::{Lab, PATIENCE, eventually, quote};

/// Reads every process's command line again and again until the file /run/sampled.stop is there; then writes what it
/// saw. In perl, since a shell loop would mostly see itself.
pub const SAMPLER: &str = r#"
my %seen;
until (-e "/run/sampled.stop") {
    for my $file (glob "/proc/[0-9]*/cmdline") {
        open my $in, "<", $file or next;
        local $/;
        my $line = <$in> // "";
        $line =~ tr/\0/ /;
        $seen{$line} = 1;
    }
    select undef, undef, undef, 0.02;
}
umask 077;
open my $out, ">", "/root/sampled" or die;
print $out "$_\n" for sort keys %seen;
close $out;
rename "/root/sampled", "/root/sampled.done";
"#;

#[test]
#[ignore = "needs docker"]
fn no_password_is_seen_in_processes_output_logs_or_files_and_the_app_may_touch_its_database_only() {
    let lab = Lab::boot("secrets", "bookworm");
    let yaml = lab.names_app(|yaml| yaml.replace("database: names", "database: a_b"));
    let config = yaml.to_str().expect("a path that is text");

    lab.step("provision and deploy of a fresh host, with every command line on it watched");
    lab.root(&format!(
        "systemd-run -q --unit=sampler perl -e {}",
        quote(SAMPLER)
    ));
    let mut said = String::new();
    for command in ["provision", "deploy"] {
        let ran = lab.stackctl(["-c", config, command, "--yes", "-vv"]);
        ran.expect_ok();
        said += &ran.stdout;
        said += &ran.stderr;
    }
    for command in ["status", "plan"] {
        let ran = lab.stackctl(["-c", config, command, "-vv"]);
        said += &ran.expect_ok().stdout;
        said += &ran.stderr;
    }
    let lines = sampled(&lab);
    for seen in ["apt-get", "mysqld", "gunicorn"] {
        assert!(
            lines.contains(seen),
            "the samples would have seen `{seen}`: {lines}"
        );
    }

    lab.step("no command line, output, log or description of a container holds a password");
    let secrets: Vec<String> = lab
        .root("for file in /var/lib/stackctl/names/secrets/*; do cat \"$file\"; echo; done")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    assert_eq!(secrets.len(), 2, "root's and the app's");
    let places = [
        ("output at -vv", said),
        ("command lines", lines),
        ("docker inspect", lab.root("docker ps -aq | xargs docker inspect; docker images -q | xargs docker inspect; docker images -q | xargs -n 1 docker history --no-trunc")),
        ("journal", lab.root("journalctl --no-pager -o json --output-fields=MESSAGE,_CMDLINE")),
        ("logs of containers", lab.root("for id in $(docker ps -aq); do docker logs $id 2>&1; done")),
        ("environments", lab.root("cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' || true")),
    ];
    for secret in &secrets {
        assert!(secret.len() >= 16, "long enough to be looked for");
        for (place, text) in &places {
            assert!(text.len() > 50, "{place} could be read");
            assert!(!text.contains(secret.as_str()), "a password is in {place}");
        }
    }

    lab.step("no file that others can read holds a password");
    // The sampler's own file is in /root; data that the database keeps is its own affair.
    let found = lab.root(
        "cat /var/lib/stackctl/names/secrets/* | sed 's/.\\{32\\}/&\\n/g' | grep . > /root/patterns
         grep -rlF -D skip -f /root/patterns /var/lib/stackctl /etc /run /tmp /var/tmp /var/log /var/lib/docker/containers \
             /home 2>/dev/null | sort -u | xargs stat -c '%a %u %n'",
    );
    assert!(
        found.lines().count() >= 3,
        "the secrets themselves are found: {found}"
    );
    for line in found.lines() {
        let mode = line
            .split(' ')
            .next()
            .and_then(|mode| u32::from_str_radix(mode, 8).ok());
        assert_eq!(mode.expect("a mode") & 0o077, 0, "others can read {line}");
    }
    let state = fs::read_to_string(&yaml).expect("the yaml");
    assert!(
        secrets
            .iter()
            .all(|secret| !state.contains(secret.as_str()))
    );

    lab.step("the app's user may touch its database, and none that `_` as a wildcard would match");
    lab.root("docker exec names-db true");
    sql(
        &lab,
        "root",
        "db-root",
        "CREATE DATABASE axb; CREATE TABLE axb.t (i INT); CREATE DATABASE other",
    )
    .expect_ok();
    let app = |statement: &str| sql(&lab, "names", "db-password", statement);
    app("SELECT COUNT(*) FROM a_b.names").expect_ok();
    app("CREATE TABLE a_b.more (i INT); DROP TABLE a_b.more").expect_ok();
    for denied in [
        "SELECT * FROM axb.t",
        "CREATE TABLE axb.u (i INT)",
        "CREATE TABLE other.u (i INT)",
        "CREATE DATABASE mine",
        "SELECT user FROM mysql.user",
        "CREATE USER 'more'@'%' IDENTIFIED BY 'x'",
        "GRANT ALL ON *.* TO 'names'@'%'",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
    ] {
        let ran = app(denied);
        assert_eq!(ran.code, Some(1), "{denied}: {ran}");
        assert!(ran.stderr.contains("denied"), "{denied}: {ran}");
    }
    let charset = "SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = 'a_b'";
    assert_eq!(app(charset).expect_ok().stdout.trim(), "utf8mb4");
}

/// Runs SQL in the database's container as a user whose password is in a file of the host.
fn sql(lab: &Lab, user: &str, secret: &str, statement: &str) -> super::scenario::Ran {
    // `printf` is part of the shell: the password is in no command line here either.
    lab.try_root(&format!(
        "printf '[client]\\nuser={user}\\npassword=%s\\n' \"$(cat /var/lib/stackctl/names/secrets/{secret})\" | \
         docker exec -i names-db mysql --defaults-extra-file=/dev/stdin --batch --skip-column-names -e {}",
        quote(statement)
    ))
}

/// Ends the sampler; each command line that it saw.
pub fn sampled(lab: &Lab) -> String {
    lab.root("touch /run/sampled.stop");
    eventually("the samples are written", PATIENCE, || {
        let ran = lab.try_root("cat /root/sampled.done");
        (ran.code == Some(0)).then_some(()).ok_or(ran.stderr)
    });
    lab.root("cat /root/sampled.done")
}
