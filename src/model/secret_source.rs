//! Where this machine has a secret.

use std::path::PathBuf;

use super::EnvName;

/// Where a secret is read on the machine that deploys, each time it is needed. The value itself is in no yaml and no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A variable of the environment that stackctl runs in.
    Env(EnvName),
    /// A file, absolute.
    File(PathBuf),
    /// What a program says on stdout, for example a password manager. Each element is one argument; never empty.
    Command(Vec<String>),
}
