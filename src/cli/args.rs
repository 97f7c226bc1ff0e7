//! What can be typed.

mod database;
mod everyday;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::model::{Host, HostName};
pub use database::{BackupArgs, DbArgs, RestoreArgs};
pub use everyday::{ControlArgs, DestroyArgs, ExecArgs, LogsArgs, RunArgs, ShellArgs, Since, Tail};

/// Takes a web application from a folder of source to a healthy site on hosts that have nothing but sshd, and then
/// ships every later version without a user noticing.
#[derive(Debug, Parser)]
#[command(
    name = "stackctl",
    version,
    about,
    max_term_width = 100,
    propagate_version = true,
    subcommand_precedence_over_arg = true
)]
#[command(
    after_help = "Examples:\n  stackctl demo --yes                  see it work on a disposable host\n  stackctl init --example names names  unpack the reference app\n  stackctl provision                   make the hosts ready\n  stackctl deploy                      ship what is in this folder\n  stackctl status                      what must be true, with an exit code\n\nExit codes: 0 done or healthy, 2 wrong usage, 3 config error, 4 host unreachable, 5 refused before anything\nchanged, 6 a step failed, 7 unhealthy or drift, 8 locked by another, 1 a fault of stackctl."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The stack's yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "STACKCTL_CONFIG",
        help_heading = "Global options"
    )]
    pub config: Option<PathBuf>,
    /// Merge stackctl.NAME.yaml over the stack's yaml
    #[arg(
        short,
        long,
        global = true,
        value_name = "NAME",
        env = "STACKCTL_ENVIRONMENT",
        help_heading = "Global options"
    )]
    pub environment: Option<String>,
    /// Only these hosts
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Global options"
    )]
    pub host: Vec<String>,
    /// Only these services
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Global options"
    )]
    pub service: Vec<String>,
    /// Hosts to use in the place of the stack's of the same names
    #[arg(skip)]
    pub stand_ins: BTreeMap<HostName, Host>,
    /// Do not ask
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub yes: bool,
    /// One JSON object on stdout instead of text
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Show what runs on the hosts and what it says, secrets masked; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
    /// Only errors and the result
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Global options"
    )]
    pub quiet: bool,
    /// Colours; `auto` follows the terminal and NO_COLOR
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Global options"
    )]
    pub color: When,
}

impl Global {
    /// CI sets a variable to nothing where it has no value for it.
    pub fn forget_empty(&mut self) {
        self.environment.take_if(|name| name.is_empty());
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented stackctl.yaml, or unpack a bundled example
    #[command(
        after_help = "Examples:\n  stackctl init                         a starter in this folder\n  stackctl init --example names names   the reference app in ./names"
    )]
    Init(InitArgs),
    /// Print the JSON Schema of stackctl.yaml, for editors
    #[command(after_help = "Example:\n  stackctl schema > stackctl.schema.json")]
    Schema,
    /// Write every file that would go to a host, without touching one
    #[command(
        after_help = "Examples:\n  stackctl render              print each file with its host and path\n  stackctl render --out out/   write them below out/<host>/"
    )]
    Render(RenderArgs),
    /// Show what provision and deploy would do, with the diff of each file
    #[command(
        after_help = "Examples:\n  stackctl plan\n  stackctl plan --exit-code || echo 'something would change'\n  stackctl plan --out names.plan     and later: stackctl apply names.plan"
    )]
    Plan(PlanArgs),
    /// Carry out a saved plan: exactly that one, or none
    #[command(
        after_help = "Examples:\n  stackctl plan --out names.plan\n  stackctl apply names.plan\n  stackctl apply names.plan --dry-run   say whether it still holds\n\nNothing is asked: the plan was agreed on when it was saved. When the hosts, the yaml or the folder have moved on\nso that something else would be done now, it ends with 5, changes nothing and shows the difference."
    )]
    Apply(ApplySavedArgs),
    /// Make the hosts ready: packages, Docker, nginx, databases, sites
    #[command(
        after_help = "Examples:\n  stackctl provision --yes\n  stackctl provision --host web1"
    )]
    Provision(ApplyArgs),
    /// Ship what is in this folder: build, start beside the old release, check, switch, drain
    #[command(
        after_help = "Examples:\n  stackctl deploy --yes\n  stackctl deploy --service backend\n  stackctl deploy --service backend --seed   load its data again"
    )]
    Deploy(DeployArgs),
    /// Send requests back to an earlier release, exactly as it was; a second when it is still warm
    #[command(
        after_help = "Examples:\n  stackctl rollback --yes                       what changed last, back to the release before\n  stackctl rollback backend --to 71b3ad14475c   one service, to a release that `stackctl history` shows"
    )]
    Rollback(RollbackArgs),
    /// Show who changed what on the hosts, when, from where, and how it ended
    #[command(
        after_help = "Examples:\n  stackctl history\n  stackctl history --limit 100 --json | jq '.runs[] | select(.outcome != \"done\")'"
    )]
    History(HistoryArgs),
    /// Compare two releases of a service: its files, environment and settings
    #[command(
        after_help = "Examples:\n  stackctl diff 71b3ad14475c 582cb2e853e6\n  stackctl diff 71b3ad14475c                    with the one that serves"
    )]
    Diff(DiffArgs),
    /// See who holds the lock of the stack, or let no run begin for a while
    #[command(
        subcommand,
        after_help = "Examples:\n  stackctl lock status\n  stackctl lock hold --reason 'moving the database'\n  stackctl lock release"
    )]
    Lock(LockCommand),
    /// Look at this machine and each host, and say what repairs what is wrong
    #[command(
        after_help = "Examples:\n  stackctl doctor\n  stackctl doctor --json | jq '.checks[] | select(.level != \"ok\")'\n\nExit codes: 0 nothing is wrong (there may be warnings), 7 a check failed, also when a host cannot be reached.\nWithout a stackctl.yaml it looks at this machine alone."
    )]
    Doctor,
    /// Say whether everything that must be true is true
    #[command(
        after_help = "Examples:\n  stackctl status\n  stackctl status --json | jq .problems\n\nExit codes: 0 healthy, 7 not healthy, 4 a host cannot be reached."
    )]
    Status,
    /// Show what services say: their containers' output, and nginx's logs of the sites
    #[command(
        after_help = "Examples:\n  stackctl logs                          the last 100 lines of each service\n  stackctl logs -f backend               follow it, also to its next release\n  stackctl logs --since 10m --grep error\n  stackctl logs --nginx --json | jq .line\n\nExit codes: 0 told, 5 nothing was deployed, 130 stopped by Ctrl-C."
    )]
    Logs(LogsArgs),
    /// Stop services and start them again, apps without losing a request
    #[command(
        after_help = "Examples:\n  stackctl restart backend\n  stackctl restart db --yes        in place: what needs it can fail meanwhile\n  stackctl restart backend --dry-run\n\nAn app is restarted behind a stand-in: the same release is started beside it and serves meanwhile."
    )]
    Restart(ControlArgs),
    /// Take services offline until they are started; `status` tells by whom
    #[command(
        after_help = "Examples:\n  stackctl stop backend\n  stackctl stop backend db --yes\n\nWhat is stopped stays so over a reboot. `stackctl plan` shows it as drift: `deploy` and `provision` start it as well."
    )]
    Stop(ControlArgs),
    /// Start services that were stopped, as they were
    #[command(after_help = "Example:\n  stackctl start backend --yes")]
    Start(ControlArgs),
    /// Take the stack away from its hosts: containers, networks, images, units, site, state; data only with --volumes
    #[command(
        after_help = "Examples:\n  stackctl destroy --dry-run\n  stackctl destroy                          asks for the stack's name\n  stackctl destroy --volumes --confirm names    without a terminal\n\nOther stacks on the hosts stay, as do packages, Docker and pulled images. What nginx has logged for its sites goes. Without --volumes the data stays,\nand the passwords that open it. It works without the state on the host as well, and goes on where it was cut short."
    )]
    Destroy(DestroyArgs),
    /// Run a program where a service runs; its exit code is passed on
    #[command(
        after_help = "Examples:\n  stackctl exec backend env\n  stackctl exec db -- mysql --version\n  stackctl exec -u root backend ls /run\n  stackctl exec backend python < script.py\n\nWith a terminal on both sides the program has one as well. Exit code: the program's; 127 when there is no such\nprogram, 5 when the service does not run."
    )]
    Exec(ExecArgs),
    /// Run a program in a new container or unit, made as the release is that serves, and remove it
    #[command(
        after_help = "Examples:\n  stackctl run backend python tables.py\n  stackctl run backend -- sh -c 'env | sort'\n\nThe container has the release's image, variables, networks and secrets, but neither its name nor its socket. It is\nremoved when the program ends, or when this command is gone. Exit code: the program's."
    )]
    Run(RunArgs),
    /// Open a shell where a service runs, or on a host
    #[command(
        after_help = "Examples:\n  stackctl shell backend\n  stackctl shell --host web1\n  stackctl shell --root\n  echo 'df -h' | stackctl shell"
    )]
    Shell(ShellArgs),
    /// Open a database's own client, as the stack's user, with what is behind `--` as its arguments
    #[command(
        after_help = "Examples:\n  stackctl db db\n  echo 'SELECT COUNT(*) FROM names' | stackctl db db\n  stackctl db db -- --batch --execute 'SHOW TABLES'\n\nIt is the client of the server's container, or of the host for `install: package`: mysql, mariadb, mongosh or\nredis-cli. The\npassword is in no argument. Exit code: the client's; 127 when there is none, 5 when the database does not run."
    )]
    Db(DbArgs),
    /// Save what a database holds, as of one moment, to a file of this machine
    #[command(
        after_help = "Examples:\n  stackctl backup db\n  stackctl backup db -o names.sql.gz\n  stackctl backup db -o - | ssh nas 'cat > names.sql.gz'\n\nThe file is SQL compressed by gzip: `zcat FILE | mysql` reads it as well. Its first line says what it is of, its\nlast holds a digest. Exit codes: 0 it is there and whole, 6 it failed and there is no file."
    )]
    Backup(BackupArgs),
    /// Put what a backup holds in the place of what a database holds now
    #[command(
        after_help = "Examples:\n  stackctl restore db names-db-20261121T220000Z.sql.gz\n  stackctl -e staging restore db names.sql.gz --force   of another stack, service or host\n\nThe file is read to its end and loaded beside the database first; then all tables are swapped in one statement. Exit\ncodes: 0 restored, 5 refused, 6 it failed, and the database is as it was before."
    )]
    Restore(RestoreArgs),
    /// See it work: a disposable host, the reference app with its database, and the URL
    #[command(after_help = "Examples:\n  stackctl demo --yes\n  stackctl demo --down")]
    Demo(DemoArgs),
    /// Disposable hosts that look like fresh EC2 instances
    #[command(
        subcommand,
        after_help = "Examples:\n  stackctl lab up --hosts 2\n  stackctl lab ssh web1\n  stackctl lab down"
    )]
    Lab(LabCommand),
    /// Deploy what is in this folder on disposable hosts, under load, and show what visitors see of it
    #[command(
        after_help = "Examples:\n  stackctl rehearse --yes                 over the last commit, then back\n  stackctl rehearse --from v1.2 --rate 300\n  stackctl rehearse --path /shop --post '/orders={\"id\":\"{id}\"}'\n\nExit codes: 0 nothing was lost, 7 requests were lost, 6 the deploy failed."
    )]
    Rehearse(RehearseArgs),
    /// Put steady load on a URL and say what became of each request
    #[command(
        after_help = "Requests are due at times of their own, whatever the server does, and a latency counts from then: a server \
                      that stands still for a second shows in all the requests of that second.\n\nExamples:\n  stackctl load https://shop.example.org/ --rate 300 --duration 30s\n  stackctl load http://127.0.0.1 --get /names --post '/names={\"name\":\"{id}\"}' --json\n  stackctl load http://203.0.113.10/ --search --duration 10s --within 250ms\n\nExit codes: 0 nothing was lost, or a rate was found; 7 something was lost, or no rate is held."
    )]
    Load(LoadArgs),
    /// Print the completion script of a shell
    #[command(
        after_help = "Example:\n  stackctl completions bash > /etc/bash_completion.d/stackctl"
    )]
    Completions { shell: Shell },
}

impl Command {
    /// Whether there may be something to take back when it is stopped.
    pub fn changes_hosts(&self) -> bool {
        use Command::{Backup, Db, Exec, Load, Logs, Run, Shell};
        !matches!(
            self,
            Logs(_) | Exec(_) | Run(_) | Shell(_) | Load(_) | Db(_) | Backup(_)
        )
    }
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Unpack this bundled example instead of a starter
    #[arg(long, value_name = "NAME")]
    pub example: Option<String>,
    /// The folder to write to
    #[arg(default_value = ".", value_name = "DIR")]
    pub dir: PathBuf,
}

#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Write the files below this folder, one folder a host
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Exit with 7 when something would change or was changed by hand
    #[arg(long)]
    pub exit_code: bool,
    /// Plan to put right what was changed by hand on a host
    #[arg(long)]
    pub overwrite_drift: bool,
    /// Plan to run `seed` again where it ran before
    #[arg(long)]
    pub seed: bool,
    /// Plan to ask for certificates also for names that have no address
    #[arg(long)]
    pub ignore_dns: bool,
    /// Leave the hooks of the yaml out of what is saved
    #[arg(long, requires = "out")]
    pub no_hooks: bool,
    /// Save the plan for `stackctl apply FILE`
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ApplySavedArgs {
    /// What `stackctl plan --out FILE` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only say whether the plan still holds
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub lock: LockArgs,
}

#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Show the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Put right what was changed by hand on a host
    #[arg(long)]
    pub overwrite_drift: bool,
    /// Ask for certificates also for names that have no address
    #[arg(long)]
    pub ignore_dns: bool,
    /// Leave the hooks of the yaml out
    #[arg(long)]
    pub no_hooks: bool,
    /// Run `seed` again where it ran before; an argument of `deploy` alone
    #[arg(skip)]
    pub seed: bool,
    #[command(flatten)]
    pub lock: LockArgs,
}

#[derive(Debug, Args)]
pub struct DeployArgs {
    #[command(flatten)]
    pub apply: ApplyArgs,
    /// Run `seed` again where it ran before
    #[arg(long)]
    pub seed: bool,
}

/// For commands that change hosts, one run at a time.
#[derive(Debug, Clone, Args)]
pub struct LockArgs {
    /// How long to wait while another run holds the lock, such as 30s, 5m or 0
    #[arg(long, value_name = "DURATION", env = "STACKCTL_LOCK_WAIT", default_value = "10s", value_parser = duration)]
    pub lock_wait: Duration,
    /// Why, for whoever finds the lock taken
    #[arg(long, value_name = "TEXT", env = "STACKCTL_REASON")]
    pub reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum LockCommand {
    /// Say which run holds the lock, or who put the stack on hold
    #[command(
        after_help = "Example:\n  stackctl lock status --json | jq '.hosts[].held'\n\nExit codes: 0 told, held or not; 4 a host cannot be reached."
    )]
    Status,
    /// Let no run begin until `lock release`; one that is under way goes on
    #[command(after_help = "Example:\n  stackctl lock hold --reason 'moving the database'")]
    Hold {
        /// Why, for whoever is refused
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// End a hold, whoever began it
    #[command(after_help = "Example:\n  stackctl lock release")]
    Release,
}

/// `500ms`, `30s`, `5m`, `1h`, or `0`.
fn duration(text: &str) -> Result<Duration, String> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "" if number == "0" => 0,
        _ => return Err("write a number and its unit, such as 500ms, 30s, 5m or 1h".to_owned()),
    };
    let number: u64 = number.parse().map_err(|error| format!("{error}"))?;
    let whole = number
        .checked_mul(milliseconds)
        .filter(|whole| *whole <= 24 * 3_600_000);
    whole
        .map(Duration::from_millis)
        .ok_or_else(|| "no longer than 24h".to_owned())
}

#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The services; without one, those that changed last
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// The release; without one, the last that served before
    #[arg(long, value_name = "ID")]
    pub to: Option<String>,
    #[command(flatten)]
    pub apply: ApplyArgs,
}

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// How many runs, the last ones
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A release
    #[arg(value_name = "A")]
    pub from: String,
    /// Another one [default: the one that serves]
    #[arg(value_name = "B")]
    pub to: Option<String>,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Keep the lab running at the end without asking (it is kept anyway; `--down` removes it)
    #[arg(long)]
    pub keep: bool,
    /// Remove what the demo made
    #[arg(long, conflicts_with = "keep")]
    pub down: bool,
    /// What the disposable host runs
    #[arg(long, value_name = "SUITE", default_value = "bookworm")]
    pub base: String,
    /// The database's image
    #[arg(long, value_name = "IMAGE")]
    pub database_image: Option<String>,
    /// The lab's name [default: from this folder]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// The commit that serves first [default: HEAD]
    #[arg(long, value_name = "REV")]
    pub from: Option<String>,
    /// Requests a second, over all sites
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    pub rate: f64,
    /// Paths to GET, in turn [default: / and the apps' health paths]
    #[arg(long, value_name = "PATH")]
    pub path: Vec<String>,
    /// A path to POST to and its JSON, in which `{id}` becomes a number of its own
    #[arg(long, value_name = "PATH=JSON")]
    pub post: Vec<String>,
    /// How long the load goes on before, between and after
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub calm: Duration,
    /// The page to write
    #[arg(long, value_name = "FILE", default_value = "rehearsal.html")]
    pub out: PathBuf,
    /// What the disposable hosts run
    #[arg(long, value_name = "SUITE", default_value = "bookworm")]
    pub base: String,
    /// Keep the disposable hosts at the end
    #[arg(long)]
    pub keep: bool,
    /// The lab's name [default: from this folder]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Where to: http[s]://HOST[:PORT][/PATH]
    pub url: String,
    /// Requests a second; with --search, the first rate that is tried
    #[arg(long, value_name = "N", default_value_t = 100.0, value_parser = rate)]
    pub rate: f64,
    /// For how long; with --search, each rate
    #[arg(long, alias = "for", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub duration: Duration,
    /// Find the highest rate at which nothing is lost and 99 of 100 answers come within --within
    #[arg(long)]
    pub search: bool,
    /// How late an answer may be in a search
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = duration, requires = "search")]
    pub within: Duration,
    /// Connect to this address, whatever the URL's name leads to
    #[arg(long, value_name = "HOST:PORT")]
    pub connect: Option<String>,
    /// Trust the authorities in this file (PEM) instead of this machine's
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// How many may be under way at once, of each kind
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub connections: usize,
    /// The share of requests with a connection of their own; the others use kept ones
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub close: u8,
    /// More paths to GET, in turn with the URL's; that is left out when it is / and something else is asked
    #[arg(long, value_name = "PATH")]
    pub get: Vec<String>,
    /// A path to POST to and its JSON, in which `{id}` becomes a number of its own; taken in turn with the others
    #[arg(long, value_name = "PATH=JSON")]
    pub post: Vec<String>,
    /// What the ids of POSTs begin with
    #[arg(long, value_name = "TEXT", default_value = "load")]
    pub id_prefix: String,
    /// WebSockets that stay open and exchange a message each second
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub websockets: usize,
    /// Where the server sends messages back
    #[arg(long, value_name = "PATH", default_value = "/ws")]
    pub websocket_path: String,
    /// Downloads at a time that are read slowly
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub downloads: usize,
    /// What they download
    #[arg(long, value_name = "PATH", default_value = "/slow")]
    pub download_path: String,
    /// The header of answers that names the version which answered
    #[arg(long, value_name = "NAME")]
    pub version_header: Option<String>,
    /// A request without a whole answer after this long is lost
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
}

/// Requests a second.
fn rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| (0.1..=crate::load::HIGHEST_RATE).contains(rate))
        .ok_or_else(|| format!("a rate is from 0.1 to {}", crate::load::HIGHEST_RATE))
}

#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Boot disposable hosts on the local Docker engine
    #[command(
        after_help = "Examples:\n  stackctl lab up                            one host with Debian 12\n  stackctl lab up --hosts 3 --base trixie\n  stackctl lab up --ready                    one that a stack is soon on"
    )]
    Up {
        /// How many
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
        hosts: u8,
        /// What they run: bookworm, trixie or sid
        #[arg(long, value_name = "SUITE", default_value = "bookworm")]
        base: String,
        /// New hosts have Docker, nginx and common images already, as if they had been provisioned before
        #[arg(long)]
        ready: bool,
        #[command(flatten)]
        which: LabName,
    },
    /// Say which hosts run and how to reach them
    #[command(after_help = "Example:\n  stackctl lab status --json | jq .hosts")]
    Status {
        #[command(flatten)]
        which: LabName,
    },
    /// Open a shell on a lab host, or run a command there
    #[command(
        after_help = "Examples:\n  stackctl lab ssh\n  stackctl lab ssh web1 -- systemctl --failed"
    )]
    Ssh {
        /// The host's name
        #[arg(default_value = "web1")]
        lab_host: String,
        /// The command; without one, a shell
        #[arg(last = true)]
        command: Vec<String>,
        #[command(flatten)]
        which: LabName,
    },
    /// List the images that lab hosts can pull, and what each really is
    #[command(after_help = "Example:\n  stackctl lab images")]
    Images,
    /// Remove the lab: its hosts, networks, volumes and keys
    #[command(
        after_help = "Examples:\n  stackctl lab down\n  stackctl lab down --images        also what other labs could reuse"
    )]
    Down {
        /// Also the cached images of all labs
        #[arg(long)]
        images: bool,
        #[command(flatten)]
        which: LabName,
    },
}

#[derive(Debug, Args)]
pub struct LabName {
    /// The lab's name [default: from this folder]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}
