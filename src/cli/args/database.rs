//! What can be typed behind the commands about databases.

use std::path::PathBuf;

use clap::Args;

use super::LockArgs;

#[derive(Debug, Args)]
pub struct DbArgs {
    /// The database's service
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// For the client
    #[arg(value_name = "ARGS", last = true)]
    pub arguments: Vec<String>,
}

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The database's service
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// The file to write; `-` is stdout [default: STACK-SERVICE-TIME.sql.gz in this folder]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The database's service
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// What `stackctl backup` wrote; `-` is stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Also a backup of another stack, service or host
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub lock: LockArgs,
}
