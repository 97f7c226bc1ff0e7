//! A bundled example on a lab's host: its stack, and its README followed command by command, as somebody would who reads
//! it for the first time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::scenario::{Lab, Ran};

/// What stands first in a command of a README. Lines that begin otherwise are answers.
const PROGRAMS: [&str; 5] = ["stackctl", "curl", "npm", "pip", "cd"];
/// The commands of stackctl that would ask, and have no terminal here.
const ASKING: [&str; 6] = [
    "provision",
    "deploy",
    "rollback",
    "restart",
    "stop",
    "start",
];

/// A bundled example as a stack on a lab's host, by one of its yamls, and the binary run on it.
pub struct Stack<'a> {
    lab: &'a Lab,
    name: &'static str,
    yaml: PathBuf,
}

impl<'a> Stack<'a> {
    /// Unpacks the example into a folder of its name.
    pub fn unpack(
        lab: &'a Lab,
        name: &'static str,
        yaml: &str,
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        lab.stackctl(["init", "--example", name, name]).expect_ok();
        let yaml = lab.path(name).join(yaml);
        lab.name_host(&yaml, edit);
        Self { lab, name, yaml }
    }

    /// One that is unpacked already.
    pub fn at(lab: &'a Lab, name: &'static str, yaml: PathBuf) -> Self {
        Self { lab, name, yaml }
    }

    pub fn config(&self) -> &str {
        self.yaml.to_str().expect("a path that is text")
    }

    /// A command by itself, agreed on where it would ask.
    pub fn run(&self, command: &str) -> Ran {
        match command {
            "plan" | "status" => self.with(&[command]),
            _ => self.with(&[command, "--yes"]),
        }
    }

    /// A command with what belongs to it.
    pub fn with(&self, words: &[&str]) -> Ran {
        let (command, rest) = words.split_first().expect("a command");
        self.lab
            .stackctl([&[*command, "-c", self.config()], rest].concat())
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.yaml.with_file_name(path)).expect("a file of the example")
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.yaml.with_file_name(path), text).expect("write");
    }

    /// Changes a file of the example.
    #[track_caller]
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{text}");
        self.write(path, &text.replace(from, to));
    }

    /// The unit of a service's release that serves.
    pub fn serving(&self, service: &str) -> String {
        let name = self.name;
        let link = format!("readlink /run/stackctl/{name}/{service}.sock");
        let target = self.lab.root(&link);
        let id = target.split(['.', '/']).nth(1).expect("a release");
        format!("{name}-{service}@{id}.service")
    }

    #[track_caller]
    pub fn changes_nothing(&self) {
        for command in ["provision", "deploy"] {
            let ran = self.run(command);
            assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
        }
    }

    /// Takes the stack and its data away; nothing of it is left then, and nothing to do.
    #[track_caller]
    pub fn goes_without_a_trace(&self) {
        let destroy = ["destroy", "--volumes", "--confirm", self.name];
        self.with(&destroy).expect_ok();
        assert_eq!(self.traces(), "");
        let ran = self.with(&destroy);
        assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    }

    /// What the host has of the stack, and of stackctl.
    fn traces(&self) -> String {
        let name = self.name;
        let mut traces = self.lab.root(&format!(
            "ls -d /run/stackctl 2>/dev/null; \
             find /etc/stackctl /var/lib/stackctl /etc/systemd/system /etc/tmpfiles.d /etc/nginx /etc/letsencrypt/renewal \
               /etc/letsencrypt/live /usr/local/share/ca-certificates /var/log/nginx -name '*stackctl*' -o -name '*{name}*' 2>/dev/null; \
             systemctl list-units --all --plain --no-legend | grep -E '^({name}-|stackctl)'; \
             getent passwd | grep -o '^stackctl-[^:]*'; nft list tables 2>/dev/null | grep stackctl; true"
        ));
        if self.lab.try_root("test -S /run/docker.sock").code == Some(0) {
            for container in self.lab.containers() {
                traces += &format!("\ncontainer {container}");
            }
            for (path, all, ours) in [
                ("/networks", "", name),
                ("/volumes", "/Volumes", name),
                ("/images/json", "", "stackctl/"),
            ] {
                let said = self.lab.engine(path);
                let there = said.pointer(all).and_then(Value::as_array);
                for object in there.into_iter().flatten() {
                    let named = format!("{} {}", object["Name"], object["RepoTags"]);
                    if named.contains(ours) {
                        traces += &format!("\n{path}: {named}");
                    }
                }
            }
        }
        traces
    }
}

/// The commands of a README that belong to one way of running the example.
pub struct Readme<'a> {
    lab: &'a Lab,
    folder: PathBuf,
    /// Those that were not followed yet, in the order in which they stand there.
    unread: Vec<&'static str>,
}

impl<'a> Readme<'a> {
    /// The way is the yaml or the environment that a command names (`units.yaml`, `ports`); `""` are all others.
    pub fn of(lab: &'a Lab, example: &str, way: &str) -> Self {
        let files = stackctl::render::example(example).expect("a bundled example");
        let (_, text) = files
            .iter()
            .find(|(path, _)| *path == "README.md")
            .expect("its README");
        let text = std::str::from_utf8(text).expect("text");
        let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
        let lines = lines.filter(|line| PROGRAMS.contains(&first(line)) && way_of(line) == way);
        let unread = lines
            .map(|line| line.split("  #").next().unwrap_or_default().trim_end())
            .collect();
        Self {
            lab,
            folder: lab.path(example),
            unread,
        }
    }

    /// The same, with the example in another folder.
    pub fn within(self, folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            ..self
        }
    }

    /// Runs the next command that begins so, as it stands there, but for what stackctl would ask and for the host's address.
    #[track_caller]
    pub fn follow(&mut self, beginning: &str) -> Ran {
        let line = self.take(beginning);
        let mut text = line.to_owned();
        for port in [5000, 8000, 8080] {
            text = text.replace(&format!("http://HOST:{port}"), &self.lab.url(port));
        }
        text = text.replace("http://HOST", &self.lab.url(80));
        if first(line) == "stackctl" {
            for command in ASKING {
                text = text.replacen(&format!(" {command}"), &format!(" {command} --yes"), 1);
            }
        }
        let ran = self.finish(&text);
        ran.expect_ok();
        ran
    }

    /// The next command that begins so, for a scenario that runs it in a way of its own.
    #[track_caller]
    pub fn take(&mut self, beginning: &str) -> &'static str {
        let found = self
            .unread
            .iter()
            .position(|line| line.starts_with(beginning));
        match found {
            Some(at) => self.unread.remove(at),
            None => panic!(
                "no command left that begins with `{beginning}`: {:#?}",
                self.unread
            ),
        }
    }

    /// Runs shell text in the example's folder.
    pub fn finish(&self, text: &str) -> Ran {
        self.lab.finish(self.shell(text))
    }

    /// A shell in the example's folder that finds the real binary.
    pub fn shell(&self, text: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_stackctl"));
        let beside = binary.parent().expect("its folder").display();
        let path = std::env::var("PATH").expect("a PATH");
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", text])
            .current_dir(&self.folder)
            .env("PATH", format!("{beside}:{path}"))
            .env("USER", "tester")
            .env_remove("STACKCTL_CONFIG")
            .env_remove("STACKCTL_ENVIRONMENT")
            .env_remove("SSH_AUTH_SOCK")
            .env("no_proxy", "127.0.0.1,localhost")
            .stdin(Stdio::null());
        shell
    }

    /// Every command of this way was followed.
    #[track_caller]
    pub fn is_followed(&self) {
        assert!(self.unread.is_empty(), "not followed: {:#?}", self.unread);
    }
}

fn first(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

fn way_of(line: &str) -> &str {
    let mut words = line.split_whitespace().skip(1);
    match words.next() {
        Some("-c" | "-e") => words.next().unwrap_or_default(),
        _ => "",
    }
}
