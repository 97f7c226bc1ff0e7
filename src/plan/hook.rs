//! Which hooks a moment of a run has, where each runs, and what it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::model::{HookHosts, HookWork, HostName, Moment, ServiceName, Stack};

/// One run of one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRun {
    pub moment: Moment,
    pub command: HookCommand,
    /// Seconds.
    pub timeout: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookCommand {
    /// A program on this machine with its arguments.
    Here(Vec<String>),
    /// A script of the project, as root on one host.
    OnHost {
        host: HostName,
        script: PathBuf,
        args: Vec<String>,
    },
}

/// What runs at `moment` of a run on `hosts`: in the order of the yaml, and for each entry in that of the hosts.
pub fn hooks(stack: &Stack, moment: Moment, hosts: &BTreeSet<HostName>) -> Vec<HookRun> {
    let mut runs = Vec::new();
    for hook in stack.hooks.get(&moment).into_iter().flatten() {
        let mut add = |command| {
            runs.push(HookRun {
                moment,
                command,
                timeout: hook.timeout,
            });
        };
        match &hook.work {
            HookWork::Here(argv) => add(HookCommand::Here(argv.clone())),
            HookWork::OnHosts {
                script,
                args,
                hosts: on,
            } => {
                let chosen = hosts.iter().filter(|host| match on {
                    HookHosts::All => true,
                    HookHosts::Named(names) => names.contains(host),
                });
                for host in chosen {
                    add(HookCommand::OnHost {
                        host: host.clone(),
                        script: script.clone(),
                        args: args.clone(),
                    });
                }
            }
        }
    }
    runs
}

impl HookRun {
    /// For people: `before_deploy: ./check --strict`, `after_deploy on web1: purge.sh`.
    pub fn words(&self) -> String {
        let moment = self.moment.name();
        match &self.command {
            HookCommand::Here(argv) => format!("{moment}: {}", argv.join(" ")),
            HookCommand::OnHost { host, script, args } => {
                let name = script.file_name().unwrap_or(script.as_os_str());
                let mut words = format!("{moment} on {host}: {}", name.to_string_lossy());
                for arg in args {
                    words.push(' ');
                    words.push_str(arg);
                }
                words
            }
        }
    }
}

/// A run as its hooks see it.
#[derive(Debug, Clone, Default)]
pub struct HookView<'a> {
    pub command: &'a str,
    /// Names this run, and no other.
    pub run: &'a str,
    pub who: &'a str,
    /// The commit that is checked out here, and whether files differ from it.
    pub git: Option<(&'a str, bool)>,
    pub hosts: Vec<&'a HostName>,
    pub services: Vec<&'a ServiceName>,
    /// Service → release, of those that the plan brings into service.
    pub releases: BTreeMap<String, String>,
    /// How many steps the plan has.
    pub changes: usize,
    pub end: Option<HookEnd<'a>>,
}

/// How the run ended; for what comes after it.
#[derive(Debug, Clone, Copy)]
pub struct HookEnd<'a> {
    /// `done`, `failed`, or `refused` by a hook before anything was changed.
    pub outcome: &'a str,
    pub seconds: u64,
    /// Empty unless it failed.
    pub error: &'a str,
}

/// An error is cut after this many characters: environments have a limit.
const ERROR: usize = 4000;

/// The variables of a hook at `moment`; the README lists them.
pub fn hook_environment(
    stack: &Stack,
    moment: Moment,
    view: &HookView<'_>,
) -> BTreeMap<&'static str, String> {
    let (commit, dirty) = match view.git {
        Some((commit, dirty)) => (commit, if dirty { "yes" } else { "no" }),
        None => ("", ""),
    };
    let releases: Vec<String> = view
        .releases
        .iter()
        .map(|(service, id)| format!("{service}={id}"))
        .collect();
    let mut variables = BTreeMap::from([
        ("STACKCTL_HOOK", moment.name().to_owned()),
        ("STACKCTL_COMMAND", view.command.to_owned()),
        ("STACKCTL_STACK", stack.name.to_string()),
        ("STACKCTL_RUN", view.run.to_owned()),
        ("STACKCTL_WHO", view.who.to_owned()),
        ("STACKCTL_GIT_COMMIT", commit.to_owned()),
        ("STACKCTL_GIT_DIRTY", dirty.to_owned()),
        ("STACKCTL_HOSTS", words(&view.hosts)),
        ("STACKCTL_SERVICES", words(&view.services)),
        ("STACKCTL_RELEASES", words(&releases)),
        ("STACKCTL_CHANGES", view.changes.to_string()),
    ]);
    if let Some(end) = view.end {
        variables.insert("STACKCTL_OUTCOME", end.outcome.to_owned());
        variables.insert("STACKCTL_SECONDS", end.seconds.to_string());
        let error = end.error.replace('\0', "");
        variables.insert("STACKCTL_ERROR", error.chars().take(ERROR).collect());
    }
    variables
}

fn words<T: std::fmt::Display>(all: &[T]) -> String {
    let words: Vec<String> = all.iter().map(ToString::to_string).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SourceText, Surroundings, parse};

    fn stack() -> Stack {
        let text = "stack: page\nhosts: {web1: 10.0.0.1, web2: 10.0.0.2}\nservices: {page: {static: ., on: [web1, web2]}}\n\
            hooks:\n  before_deploy: [./check, {script: x.sh, on: all, args: [a]}, {script: y.sh, on: [web2, web1]}]\n  \
            on_failure: [[./tell, us]]\n";
        let around = Surroundings {
            base: "/srv".into(),
            home: None,
        };
        let name = "stackctl.yaml";
        parse(&SourceText { name, text }, &around).unwrap()
    }

    #[test]
    fn each_moment_has_its_own_on_the_hosts_of_the_run() {
        let stack = stack();
        let told = |moment, hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
            let runs = hooks(&stack, moment, &hosts);
            runs.iter().map(HookRun::words).collect::<Vec<_>>()
        };
        assert_eq!(
            told(Moment::BeforeDeploy, &["web1", "web2"]),
            [
                "before_deploy: ./check",
                "before_deploy on web1: x.sh a",
                "before_deploy on web2: x.sh a",
                "before_deploy on web1: y.sh",
                "before_deploy on web2: y.sh",
            ]
        );
        assert_eq!(
            told(Moment::BeforeDeploy, &["web2"]),
            [
                "before_deploy: ./check",
                "before_deploy on web2: x.sh a",
                "before_deploy on web2: y.sh",
            ]
        );
        assert_eq!(told(Moment::OnFailure, &[]), ["on_failure: ./tell us"]);
        assert!(told(Moment::AfterProvision, &["web1"]).is_empty());
    }

    #[test]
    fn only_what_comes_after_a_run_is_told_its_end() {
        let stack = stack();
        let (web1, page) = ("web1".parse().unwrap(), "page".parse().unwrap());
        let view = HookView {
            command: "deploy",
            run: "r1",
            who: "ada@desk",
            git: Some(("abcd", true)),
            hosts: vec![&web1],
            services: vec![&page],
            changes: 3,
            ..HookView::default()
        };
        let before = hook_environment(&stack, Moment::BeforeDeploy, &view);
        assert_eq!(before["STACKCTL_HOSTS"], "web1");
        assert_eq!(
            (
                before["STACKCTL_GIT_COMMIT"].as_str(),
                before["STACKCTL_GIT_DIRTY"].as_str()
            ),
            ("abcd", "yes")
        );
        assert!(!before.contains_key("STACKCTL_OUTCOME"));
        let error = "x".repeat(9000);
        let end = HookEnd {
            outcome: "failed",
            seconds: 7,
            error: &error,
        };
        let view = HookView {
            end: Some(end),
            ..view
        };
        let after = hook_environment(&stack, Moment::OnFailure, &view);
        assert_eq!(
            (
                after["STACKCTL_OUTCOME"].as_str(),
                after["STACKCTL_SECONDS"].as_str()
            ),
            ("failed", "7")
        );
        assert_eq!(after["STACKCTL_ERROR"].len(), ERROR);
    }
}
