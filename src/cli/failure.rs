//! Any error as a kind, a cause chain and hints; the one place that knows exit codes.

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::apply::{ApplyError, LockError, Refusal};
use crate::config::ConfigErrors;
use crate::observe::{CertificateError, SecretError, TreeError, Unobserved};
use crate::plan::{self, Finding, PlanError};
use crate::render::RenderError;
use crate::transport::TransportError;
use crate::ui::{Paint, printable};

/// What sort of end it is; see the exit codes in `stackctl --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ours,
    Usage,
    Config,
    Unreachable,
    Refused,
    Step,
    Unhealthy,
    Locked,
    Interrupted,
    /// A program that was run for a person has ended so, which is all there is to say.
    Program(u8),
}

impl Kind {
    pub fn code(self) -> u8 {
        match self {
            Kind::Ours => 1,
            Kind::Usage => 2,
            Kind::Config => 3,
            Kind::Unreachable => 4,
            Kind::Refused => 5,
            Kind::Step => 6,
            Kind::Unhealthy => 7,
            Kind::Locked => 8,
            // 128 + SIGINT, as shells have it.
            Kind::Interrupted => 130,
            Kind::Program(code) => code,
        }
    }
}

/// Why a command ended badly.
#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    /// The chain, outermost first; empty when everything has been said already.
    pub chain: Vec<String>,
    /// Text that stands by itself, such as config errors with their source.
    pub picture: Option<String>,
    /// Last lines of what failed.
    pub tail: Vec<String>,
    pub hints: Vec<String>,
}

impl Failure {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            chain: vec![message.into()],
            picture: None,
            tail: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Ends with a code, saying nothing more.
    pub fn silent(kind: Kind) -> Self {
        Self {
            kind,
            chain: Vec::new(),
            picture: None,
            tail: Vec::new(),
            hints: Vec::new(),
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Another error behind it; what was said already is not said again.
    pub fn also(mut self, error: &(dyn std::error::Error + 'static), hints: &[String]) -> Self {
        for message in chain(error) {
            if !self.chain.contains(&message) {
                self.chain.push(message);
            }
        }
        for hint in hints {
            if !self.hints.contains(hint) {
                self.hints.push(hint.clone());
            }
        }
        self
    }

    pub fn of(kind: Kind, error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            kind,
            chain: chain(error),
            picture: None,
            tail: Vec::new(),
            hints: Vec::new(),
        }
    }

    pub fn config(errors: &ConfigErrors, paint: Paint, width: usize) -> Self {
        let mut failure = Self::silent(Kind::Config);
        failure.picture = Some(errors.render(paint.0, width));
        failure
    }

    /// A host that could not be connected to.
    pub fn transport(host: &str, error: &TransportError) -> Self {
        let mut failure = Self::of(Kind::Unreachable, error);
        failure.chain.insert(0, format!("host {host}"));
        failure.hints = error.hints();
        failure
    }

    pub fn unobserved(host: &str, error: &Unobserved) -> Self {
        let mut failure = Self::of(Kind::Unreachable, error);
        failure.chain.insert(0, format!("host {host}"));
        if let Unobserved::Transport(error) = error {
            failure.hints = error.hints();
        }
        failure
    }

    pub fn lock(error: &LockError) -> Self {
        let mut failure = Self::of(Kind::Unreachable, error);
        match error {
            LockError::Held { host, .. } => {
                failure.kind = Kind::Locked;
                failure
                    .hints
                    .push("wait longer with `--lock-wait 10m`".into());
                failure.hints.push(format!(
                    "`stackctl lock status --host {host}` says how it stands; the lock of a run that is gone is free within 30 s"
                ));
            }
            LockError::OnHold { .. } => {
                failure.kind = Kind::Locked;
                failure
                    .hints
                    .push("ask them, or end it with `stackctl lock release`".into());
            }
            LockError::Transport { source, .. } => failure.hints = source.hints(),
            LockError::Broken { .. } => {}
        }
        failure
    }

    pub fn plan(error: &PlanError) -> Self {
        let mut failure = Self::of(Kind::Refused, error);
        match error {
            PlanError::Refused(refusal) => {
                failure.chain.extend(refusal.findings.iter().map(finding));
            }
            PlanError::Render { .. } => failure.kind = Kind::Config,
        }
        failure
    }

    pub fn of_render(error: &RenderError) -> Self {
        Self::of(Kind::Config, error)
    }

    /// Folders that cannot be sent as the yaml says; at least one.
    pub fn trees(errors: &[TreeError]) -> Self {
        let mut all = match errors {
            [error] => Self::of(Kind::Config, error),
            _ => Self::new(Kind::Config, "what the yaml names cannot be sent"),
        };
        if let [_, _, ..] = errors {
            all.chain
                .extend(errors.iter().map(|error| chain(error).join(": ")));
        }
        let is_missing = |error: &TreeError| {
            matches!(
                error,
                TreeError::NotThere { .. } | TreeError::Missing { .. }
            )
        };
        if errors.iter().any(is_missing) {
            all.hints.push(
                "make it, or correct the path; paths are relative to the yaml's folder".into(),
            );
        }
        all
    }

    /// A file that a site's `tls` names.
    pub fn certificate(error: &CertificateError) -> Self {
        Self::of(Kind::Config, error).hint("mend the file, or name another in the yaml")
    }

    /// A secret that is not where the yaml says.
    pub fn secret(error: &SecretError) -> Self {
        let mut failure = Self::of(Kind::Config, error).hint(&error.hint);
        failure.tail.clone_from(&error.tail);
        failure
    }

    /// A step that failed: where, what, and the last lines it said.
    pub fn step(host: &str, words: &str, error: &ApplyError) -> Self {
        let mut failure = Self::of(Kind::Step, error);
        failure
            .chain
            .insert(0, format!("{host}: could not {words}"));
        failure.tail = error.tail().to_vec();
        match error {
            ApplyError::Transport(error) => failure.hints = error.hints(),
            ApplyError::OtherProcessor { .. } => failure
                .hints
                .push("build it on the host: leave `on: local` out of `build`".into()),
            ApplyError::NotWhole { source, .. } => {
                if let ApplyError::Transport(error) = source.as_ref() {
                    failure.hints = error.hints();
                }
                failure.hints.push("look at the host's disk, memory and engine: `df /var/lib/docker`, `dmesg`, `journalctl -u docker`; then run the command again".into());
            }
            ApplyError::Init { .. } => failure.hints.push(
                "mend the file, and deploy again: `init` is loaded while the database has no table"
                    .into(),
            ),
            ApplyError::OtherSite { tail } => {
                let mended = "mend what nginx names; `sudo nginx -t` there says when it is right";
                failure
                    .hints
                    .push(plan::mend_site(&tail.join("\n")).unwrap_or_else(|| mended.to_owned()));
            }
            ApplyError::Certificate { refusal, .. } => {
                failure.hints.push(
                    match refusal {
                        Refusal::RateLimited => "its words say until when; asking sooner does not help",
                        Refusal::NotAnswered => "look at the host's way out (name servers, firewall), and at `directory` and `ca` in the yaml",
                        Refusal::Other => "each name must lead to this host, and the authority must reach its port 80: look at DNS and at the firewalls before it",
                    }
                    .into(),
                );
            }
            _ => {}
        }
        failure
    }

    /// What stderr gets.
    pub fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        if let Some(picture) = &self.picture {
            text.push_str(picture);
        }
        for (index, message) in self.chain.iter().enumerate() {
            let prefix = if index == 0 {
                paint.bad("error:")
            } else {
                "  ".to_owned() + &paint.faint("·")
            };
            let _ = writeln!(
                text,
                "{prefix} {}",
                message
                    .lines()
                    .map(printable)
                    .collect::<Vec<_>>()
                    .join("\n    ")
            );
        }
        for line in &self.tail {
            let _ = writeln!(text, "    {} {}", paint.faint("|"), printable(line));
        }
        for hint in &self.hints {
            let _ = writeln!(text, "{} {hint}", paint.warn("hint:"));
        }
        text
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.code())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::of(Kind::Ours, error.as_ref())
    }
}

fn finding(finding: &Finding) -> String {
    format!("{}: {} — {}", finding.host, finding.text, finding.hint)
}

/// Each error of the chain once; a link that only repeats the one before it is left out.
fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut messages: Vec<String> = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if messages.last() != Some(&message) {
            messages.push(message);
        }
        source = error.source();
    }
    messages
}
