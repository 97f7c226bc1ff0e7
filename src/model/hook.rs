//! Hooks: programs of the project that run around a run.

use std::path::PathBuf;

use super::HostName;

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    BeforeProvision,
    AfterProvision,
    BeforeDeploy,
    AfterDeploy,
    BeforeRollback,
    AfterRollback,
    /// After a run of any command that failed.
    OnFailure,
}

impl Moment {
    pub const ALL: [Moment; 7] = [
        Moment::BeforeProvision,
        Moment::AfterProvision,
        Moment::BeforeDeploy,
        Moment::AfterDeploy,
        Moment::BeforeRollback,
        Moment::AfterRollback,
        Moment::OnFailure,
    ];

    /// As it is written below `hooks:`.
    pub fn name(self) -> &'static str {
        match self {
            Moment::BeforeProvision => "before_provision",
            Moment::AfterProvision => "after_provision",
            Moment::BeforeDeploy => "before_deploy",
            Moment::AfterDeploy => "after_deploy",
            Moment::BeforeRollback => "before_rollback",
            Moment::AfterRollback => "after_rollback",
            Moment::OnFailure => "on_failure",
        }
    }
}

/// One entry of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub work: HookWork,
    /// Seconds after which it is ended and counts as failed.
    pub timeout: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookWork {
    /// A program on this machine, in the yaml's folder; each element is one argument.
    Here(Vec<String>),
    /// A script of the project, run as root on hosts.
    OnHosts {
        /// Absolute on this machine.
        script: PathBuf,
        args: Vec<String>,
        hosts: HookHosts,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookHosts {
    /// Every host of the run.
    All,
    /// Those of them that are hosts of the run.
    Named(Vec<HostName>),
}
