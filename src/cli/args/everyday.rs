//! What can be typed behind the commands of every day.

use std::time::Duration;

use clap::Args;

use super::{LockArgs, duration};
use crate::model::time;

#[derive(Debug, Args)]
pub struct ControlArgs {
    /// The services
    #[arg(value_name = "SERVICE", required = true)]
    pub services: Vec<String>,
    /// Show the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub lock: LockArgs,
}

#[derive(Debug, Args)]
pub struct DestroyArgs {
    /// Also the data of databases, for good
    #[arg(long)]
    pub volumes: bool,
    /// The stack's name, in the place of typing it
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Show the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub lock: LockArgs,
}

#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Run as this user of the container or host, by name or number [default: the service's]
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Give the program no terminal, even where there is one
    #[arg(short = 'T', long)]
    pub no_tty: bool,
    /// The service
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// The program and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Run as this user of the container or host, by name or number [default: the service's]
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Give the program no terminal, even where there is one
    #[arg(short = 'T', long)]
    pub no_tty: bool,
    /// The service
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// The program and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ShellArgs {
    /// The service; without one, the shell is on the host
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,
    /// As root
    #[arg(long)]
    pub root: bool,
}

#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The services; without one, all
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Go on with what is said from now on, also by the releases of later deploys
    #[arg(short, long)]
    pub follow: bool,
    /// Only lines after this: a time ago such as 10m, or a time such as 2026-11-21T10:00 (UTC unless it has a zone)
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Since>,
    /// Only lines with this text in them; capitals count when it has any
    #[arg(long, value_name = "TEXT")]
    pub grep: Option<String>,
    /// Only the last lines of each service, or `all` [default: 100, or all with --since or --grep]
    #[arg(short = 'n', long, value_name = "N", value_parser = tail)]
    pub tail: Option<Tail>,
    /// Also nginx's access and error logs of the services' sites
    #[arg(long)]
    pub nginx: bool,
    /// Show each line's time
    #[arg(short, long)]
    pub timestamps: bool,
}

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Ago(Duration),
    /// Seconds since the epoch.
    At(u64),
}

/// How many lines; `None` for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail(pub Option<u32>);

fn since(text: &str) -> Result<Since, String> {
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<u32>().ok());
    if let Some(days) = days {
        return Ok(Since::Ago(Duration::from_secs(u64::from(days) * 24 * 3600)));
    }
    match (duration(text), time::seconds_of(text)) {
        (Ok(ago), _) => Ok(Since::Ago(ago)),
        (_, Some(at)) => Ok(Since::At(at)),
        _ => Err(
            "write how long ago, such as 30s, 10m, 2h or 3d, or a time, such as 2026-11-21T10:00"
                .to_owned(),
        ),
    }
}

fn tail(text: &str) -> Result<Tail, String> {
    match text {
        "all" => Ok(Tail(None)),
        _ => text
            .parse()
            .map(|lines| Tail(Some(lines)))
            .map_err(|_| "write a number of lines, or all".to_owned()),
    }
}
