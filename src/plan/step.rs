//! Plans: ordered steps, each one effect with its cause, complete enough that applying decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::container::ContainerSpec;
use super::drift::{self, Drift};
use super::login::DatabaseLogin;
use crate::facts::SourceTree;
use crate::model::{
    Administrator, Dialect, Filling, Health, HostName, HostPath, InitFile, Install, MysqlServer,
    Network, Owner, RemoteFile, Secret, ServiceName, Volume,
};

/// The SQL that a database begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseInit {
    pub service: ServiceName,
    pub login: DatabaseLogin,
    pub files: Vec<InitFile>,
    /// SHA-256 in hex of each file, which no plan shows.
    pub digests: Vec<String>,
}

/// What is to happen, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// What a person should know, though nothing is done about it.
    pub notes: Vec<Note>,
    /// What somebody changed on the hosts since stackctl was there, whether steps mend it or it is left.
    pub drift: Vec<Drift>,
}

/// One effect on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub host: HostName,
    /// Steps of one phase run on all hosts at once, on each host in order; the next phase begins when all are done.
    pub phase: u16,
    pub action: Action,
    /// Why: a short clause, without a full stop.
    pub cause: String,
    /// What takes this step back when the run ends before [`Action::Commit`], however it ends. The host has it before
    /// the first step, so each must be harmless where its step was never done.
    pub undo: Vec<Action>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub host: HostName,
    pub text: String,
}

/// One effect. Each is idempotent: doing it again leaves the host as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    RefreshPackageIndex,
    InstallPackages(Vec<String>),
    /// Enable at boot and start now.
    StartUnit(String),
    /// Enable at boot, and leave it as it is now.
    EnableUnit(String),
    StopUnit(String),
    /// Make systemd read unit files again.
    ReloadUnits,
    PutFolder(Folder),
    PutFile {
        file: RemoteFile,
        /// What stands there now, for the diff.
        before: Option<Vec<u8>>,
    },
    /// A file, a link or, below the state folder, a folder.
    Remove(HostPath),
    /// Random letters and digits, made on the host; one that exists is kept.
    GenerateSecret {
        path: HostPath,
        length: u32,
        /// The user who reads it, by number.
        owner: u32,
    },
    CopySecret {
        from: HostPath,
        to: HostPath,
        mode: u32,
        owner: Owner,
        /// What comes before and after it, where the copy is a part of something longer.
        around: Option<[String; 2]>,
    },
    /// A secret of this machine, which no plan shows.
    PutSecret {
        path: HostPath,
        value: Secret,
        /// SHA-256 in hex.
        digest: String,
        mode: u32,
        owner: Owner,
    },
    /// Have the host trust who signed what `file` holds; `trusted` is there when it does.
    TrustAuthority {
        file: RemoteFile,
        trusted: HostPath,
    },
    DistrustAuthority(HostPath),
    /// Have an authority issue a certificate to the host, which renews it from then on.
    ObtainCertificate(Box<CertificateOrder>),
    /// Renew it no more, and remove it.
    ForgetCertificate(String),
    /// Before a file that somebody edited is replaced.
    KeepCopy {
        from: HostPath,
        to: HostPath,
    },
    InstallSite(SiteInstall),
    RestoreSite(SiteBefore),
    /// Make the firewall's files what the kernel goes by, now and at each boot.
    LoadFirewall,
    RestoreFirewall(Box<FirewallBefore>),
    /// Prove that a new SSH connection can still be made.
    Confirm,
    CreateNetwork {
        name: String,
        internal: bool,
        stack: String,
        /// What a compose file says of it.
        of_file: Option<Box<Network>>,
    },
    CreateVolume {
        name: String,
        stack: String,
        of_file: Option<Box<Volume>>,
    },
    PullImage(String),
    /// Have a name mean this image, which the host has.
    TagImage {
        /// `sha256:…`.
        image: String,
        tag: String,
    },
    BuildImage(Box<ImageBuild>),
    /// Build an image on this machine, once for all hosts, and have the host have it too.
    BuildImageHere(Box<ImageBuild>),
    RunContainer(Box<ContainerSpec>),
    StopContainer {
        name: String,
        grace: u32,
    },
    /// Stops and starts a unit at once, where nothing can stand in for it.
    RestartUnit(String),
    RemoveContainer(String),
    RemoveImage(String),
    RemoveNetwork(String),
    RemoveVolume(String),
    /// All that a stack has in its two folders but `kept`, and the folders of ours that are empty then.
    RemoveState {
        state: HostPath,
        run: HostPath,
        kept: Vec<HostPath>,
    },
    /// A user that [`Action::EnsureUser`] made, and its group.
    RemoveUser(String),
    /// A database of a server of the host itself, with its user and all its data.
    DropDatabase(DatabaseTarget),
    /// A user of the system, with a group of the same name and nothing else.
    EnsureUser {
        name: String,
        id: u32,
        /// Whose it is, for people.
        about: String,
    },
    /// Install what a release's source asks for, where that was not done yet, and lead the release to it.
    Install(Box<Installation>),
    /// Have systemd read a unit that is nowhere yet, and see that there is a program for it.
    VerifyUnit {
        unit: RemoteFile,
        /// The folder in which it will run.
        folder: HostPath,
        /// Its PATH.
        path: String,
        program: String,
    },
    /// Run a command as a release's unit runs its own: to its end, show what it says, fail when it fails.
    RunUnitOnce(Box<UnitRun>),
    /// Run to its end, show what it says, fail when it fails, remove it.
    RunOnce {
        spec: Box<ContainerSpec>,
        deadline: Duration,
    },
    WaitDatabase(DatabaseTarget),
    EnsureDatabase(DatabaseTarget),
    /// Make a database and its user on a server that somebody else looks after.
    MakeSchema {
        server: Box<MysqlServer>,
        admin: Administrator,
    },
    /// Load SQL into a database that has no table.
    InitDatabase(Box<DatabaseInit>),
    /// Send a folder to a new place, whole or not at all.
    PushTree {
        tree: Box<SourceTree>,
        to: HostPath,
    },
    WaitHealthy {
        process: Process,
        socket: HostPath,
        health: Health,
    },
    /// Have a host build static files, shut in, and put what comes out in its place, whole or not at all.
    BuildOnHost(Box<HostBuild>),
    /// Build static files on this machine, once for all hosts, and send what comes out, whole or not at all.
    BuildHere(Box<LocalBuild>),
    /// Gather the same folders of several releases in one, without a copy of any file.
    KeepAssets {
        releases: Vec<HostPath>,
        /// Relative to each release; one that a release has not is no error.
        folders: Vec<String>,
        to: HostPath,
    },
    /// Rename a new link over the old one: the one act that sends new requests to another release.
    Switch {
        link: HostPath,
        target: String,
    },
    /// Keep checking what has just begun to serve, through the link that nginx follows.
    Bake {
        targets: Vec<BakeTarget>,
        seconds: u32,
    },
    /// What was done stays from here on: the host forgets what would take it back.
    Commit(Box<Commit>),
    /// Start a container that is there, and let the engine start it again after a crash or a reboot.
    StartContainer(String),
    /// Start a container that is there, and leave to what it was made as whether the engine starts it again.
    ResumeContainer(String),
    /// Wait for a container that nobody asks by HTTP.
    AwaitContainer {
        name: String,
        until: Awaited,
        deadline: Duration,
    },
    /// Send requests back to a release that still runs: checked, and switched, in one round trip.
    SwitchBack(Box<SwitchBack>),
    /// Leave a release that no longer serves running for a while; then the host drains and stops it by itself.
    KeepWarm(Box<Cooling>),
    /// Wait until the release holds no request any more, or until the time is over.
    Drain {
        /// Whose network namespace the connections are in; `None`: the host's own.
        container: Option<String>,
        /// The socket's path as seen in that namespace.
        socket: String,
        deadline: Duration,
    },
}

/// What runs on a host: a release, or a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Process {
    Container(String),
    /// With `.service`.
    Unit(String),
}

impl Process {
    pub fn name(&self) -> &str {
        match self {
            Process::Container(name) | Process::Unit(name) => name,
        }
    }

    /// Starts it, also at boot.
    pub(super) fn start(&self) -> Action {
        match self {
            Process::Container(name) => Action::StartContainer(name.clone()),
            Process::Unit(name) => Action::StartUnit(name.clone()),
        }
    }

    /// Stops it for good; a unit's file says for itself how many seconds it has.
    pub(super) fn stop(&self, grace: u32) -> Action {
        match self {
            Process::Container(name) => Action::StopContainer {
                name: name.clone(),
                grace,
            },
            Process::Unit(name) => Action::StopUnit(name.clone()),
        }
    }

    pub fn container(&self) -> Option<&str> {
        match self {
            Process::Container(name) => Some(name),
            Process::Unit(_) => None,
        }
    }
}

/// What a release needs beside its source, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    pub install: Install,
    pub source: HostPath,
    /// Shared by all releases with the same requirements; see [`crate::model::Layout::installed`].
    pub to: HostPath,
    /// The release's own link to it.
    pub link: HostPath,
    /// Who installs: not root, since packages bring programs of their own that run then.
    pub user: u32,
}

/// A build of static files on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostBuild {
    /// Its command, as a unit of its own.
    pub run: UnitRun,
    /// What is installed before.
    pub install: Install,
    /// Holds `source`, and gets `work`, in which it runs.
    pub folder: HostPath,
    /// What it has downloaded, for the builds after it.
    pub downloads: HostPath,
    pub user: u32,
    /// Relative to the source.
    pub output: String,
    /// A file that it must make, relative to `output`.
    pub fallback: Option<String>,
    pub fill: Vec<Filling>,
    /// Where what is in `output` goes.
    pub to: HostPath,
}

/// A build of static files on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalBuild {
    pub source: SourceTree,
    pub install: Install,
    pub command: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// Relative to the source.
    pub output: String,
    /// A file that it must make, relative to `output`.
    pub fallback: Option<String>,
    pub deadline: Duration,
    pub fill: Vec<Filling>,
    /// Where what is in `output` goes on the host.
    pub to: HostPath,
}

/// A command beside a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitRun {
    /// With `.service`.
    pub name: String,
    /// As `NAME=value`: its user, variables and restrictions.
    pub properties: Vec<String>,
    pub command: Vec<String>,
    pub deadline: Duration,
}

/// A certificate that certbot is to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateOrder {
    /// What certbot calls it.
    pub name: String,
    /// Where the site serves challenges from.
    pub challenges: HostPath,
    pub directory: String,
    /// `None`: an account without an address.
    pub email: Option<String>,
    pub names: Vec<String>,
    /// Whether there is one that is valid still, but not the one that is wanted.
    pub replaces: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub path: HostPath,
    pub mode: u32,
    pub owner: Owner,
}

/// What a container is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// It runs, and has not ended again a moment later.
    Running,
    /// Its own health check says so.
    Healthy,
    /// It has ended with 0.
    Completed,
}

/// What is checked after a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BakeTarget {
    pub process: Process,
    /// The link that nginx follows.
    pub link: HostPath,
    pub health: Health,
}

/// What a host writes down when a run can no longer be taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// Marks of the releases that serve from now on; see [`crate::model::Layout::served`].
    pub serves: Vec<HostPath>,
    /// Marks of releases that were rolled back from, and so are no target of a later rollback.
    pub leaves: Vec<HostPath>,
    /// Marks that were lost, of releases that served before, and when they began to, in seconds since the epoch.
    pub served: Vec<(HostPath, u64)>,
    /// When, in seconds since the epoch: by the clock of the host that is ahead of the others, so that it is one time for all.
    pub time: u64,
}

/// Back to a release that is warm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchBack {
    pub process: Process,
    /// Its own socket, which must answer `health` with 2xx.
    pub socket: HostPath,
    pub health: String,
    pub link: HostPath,
    pub target: String,
    /// What a boot makes the link from.
    pub boot: RemoteFile,
    /// What stands there now, for the diff.
    pub before: Option<Vec<u8>>,
}

/// How a release that was switched away from ends, without us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cooling {
    /// The timer that does it; without `.timer`.
    pub unit: String,
    pub process: Process,
    /// Seconds that it stays warm.
    pub warm: u32,
    /// The stack's lock: it is held while the release is stopped.
    pub lock: HostPath,
    /// While the link leads to this target again, the release is left alone.
    pub link: HostPath,
    pub target: String,
    /// Whose connections are waited for; see [`Action::Drain`].
    pub socket: String,
    /// Whether `socket` is a path in the container's network namespace, or in the host's.
    pub in_container: bool,
    /// Seconds that connections may last.
    pub drain: u32,
    /// Seconds between the stop signal and SIGKILL.
    pub grace: u32,
    /// Its socket folder, which goes with it.
    pub folder: HostPath,
    /// Units that lead to it, and its own if it is one, which are stopped with it.
    pub units: Vec<String>,
}

/// An nginx site file that replaces the one before it only after `nginx -t` took it, and stays only when the new
/// generation of nginx answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteInstall {
    pub file: RemoteFile,
    pub before: Option<Vec<u8>>,
    /// The link in `sites-enabled`.
    pub enabled: HostPath,
    /// Links to take out of `sites-enabled`, such as the distribution's default site.
    pub disable: Vec<HostPath>,
    /// See [`crate::model::Layout::nginx_stale`].
    pub stale: HostPath,
    /// A port and a `Host` header with which the site answers.
    pub port: u16,
    pub server_name: String,
    /// What the site answers at [`GENERATION_PATH`] once it is live.
    pub generation: String,
}

/// All that it takes to bring a site back to where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteBefore {
    pub path: HostPath,
    pub mode: u32,
    /// `None` when there was no file.
    pub contents: Option<Vec<u8>>,
    /// Links in `sites-enabled`, and where they led.
    pub links: Vec<(HostPath, Option<String>)>,
    /// See [`crate::model::Layout::nginx_stale`].
    pub stale: HostPath,
}

/// All that it takes to bring a host's firewall back to where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallBefore {
    /// The table as it was listed; `None` when there was none.
    pub live: Option<String>,
    /// What was noted down when it was loaded.
    pub record: Option<String>,
    /// The stack's own ports, the unit, then all other files, with their contents.
    pub files: Vec<(HostPath, Option<Vec<u8>>)>,
}

/// Where a site says which version of its file is live; for the host's loopback address only.
pub const GENERATION_PATH: &str = "/.stackctl/generation";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageBuild {
    pub tag: String,
    pub context: SourceTree,
    /// Path of the Dockerfile in the context.
    pub dockerfile: String,
    /// The Dockerfile's text when it is ours and so not in the context.
    pub rendered: Option<String>,
    /// The stage that is built; the last by default.
    pub target: Option<String>,
    pub args: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    /// The repository that it is pushed to, for hosts to pull it.
    pub push: Option<String>,
}

/// One database and its user on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseTarget {
    /// The server: a container, or the distribution's unit.
    pub process: Process,
    pub dialect: Dialect,
    pub database: String,
    pub user: String,
    /// In the container. A server of the host knows its root by the user that asks.
    pub root_password_file: String,
    /// In the container, or on the host.
    pub user_password_file: String,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl Action {
    /// A line for people: what is done, in the imperative.
    pub fn words(&self) -> String {
        match self {
            Action::RefreshPackageIndex => "refresh the package index".into(),
            Action::InstallPackages(names) => format!("install {}", names.join(", ")),
            Action::StartUnit(unit) => format!("enable and start {unit}"),
            Action::EnableUnit(unit) => format!("enable {unit} at boot"),
            Action::StopUnit(unit) => format!("stop and disable {unit}"),
            Action::ReloadUnits => "make systemd read its units again".into(),
            Action::PutFolder(folder) => {
                format!("make folder {} ({:04o})", folder.path, folder.mode)
            }
            Action::PutFile { file, before } => {
                let verb = if before.is_some() { "change" } else { "write" };
                format!("{verb} {} ({:04o})", file.path, file.mode)
            }
            Action::Remove(path) => format!("remove {path}"),
            Action::GenerateSecret { path, .. } => format!("generate secret {path}"),
            Action::CopySecret { to, .. } => format!("hand secret to {to}"),
            Action::PutSecret { path, mode, .. } => format!("write secret {path} ({mode:04o})"),
            Action::TrustAuthority { file, .. } => format!("trust the authority {}", file.path),
            Action::DistrustAuthority(path) => format!("trust the authority {path} no more"),
            Action::ObtainCertificate(order) => {
                format!("obtain a certificate for {}", order.names.join(", "))
            }
            Action::ForgetCertificate(name) => format!("remove certificate {name} from certbot"),
            Action::KeepCopy { from, to } => format!("keep a copy of {from} as {to}"),
            Action::InstallSite(site) => {
                let verb = if site.before.is_some() {
                    "change"
                } else {
                    "install"
                };
                format!("{verb} site {} and reload nginx", site.file.path)
            }
            Action::RestoreSite(site) if site.contents.is_none() => {
                format!("remove site {}", site.path)
            }
            Action::RestoreSite(site) => format!("restore site {}", site.path),
            Action::LoadFirewall => "load the firewall".into(),
            Action::RestoreFirewall(_) => "restore the firewall".into(),
            Action::Confirm => "confirm that a new SSH connection works".into(),
            Action::CreateNetwork { name, internal, .. } => {
                let kind = if *internal {
                    "internal network"
                } else {
                    "network"
                };
                format!("create {kind} {name}")
            }
            Action::CreateVolume { name, .. } => format!("create volume {name}"),
            Action::PullImage(image) => format!("pull image {image}"),
            Action::TagImage { image, tag } => format!("have {tag} mean {}", drift::short(image)),
            Action::BuildImage(build) => format!("build image {}", build.tag),
            Action::BuildImageHere(build) => match &build.push {
                None => format!("build image {} on this machine and send it", build.tag),
                Some(repository) => format!(
                    "build image {} on this machine, push it to {repository} and pull it",
                    build.tag
                ),
            },
            Action::RunContainer(spec) => {
                format!("run container {} from {}", spec.name, spec.image)
            }
            Action::StopContainer { name, .. } => format!("stop container {name}"),
            Action::RemoveContainer(name) => format!("remove container {name}"),
            Action::RemoveImage(tag) => format!("remove image {tag}"),
            Action::RemoveNetwork(name) => format!("remove network {name}"),
            Action::RemoveVolume(name) => format!("remove volume {name} with its data"),
            Action::RemoveState { state, kept, .. } => {
                let but = if kept.is_empty() {
                    ""
                } else {
                    ", but for data that stays and its passwords"
                };
                format!("remove all in {state}{but}")
            }
            Action::RestartUnit(name) => format!("restart {name}"),
            Action::RemoveUser(name) => format!("remove user {name}"),
            Action::DropDatabase(target) => {
                format!(
                    "drop database {} with its data and user {}",
                    target.database, target.user
                )
            }
            Action::EnsureUser { name, about, .. } => {
                format!("make sure that there is a user {name} for {about}")
            }
            Action::Install(installation) => {
                let of = match installation.install {
                    Install::Python => "requirements.txt",
                    Install::Node => "package-lock.json",
                    Install::Nothing => "nothing",
                };
                format!("install what {of} asks for to {}", installation.to)
            }
            Action::VerifyUnit { unit, program, .. } => {
                let name = unit.path.as_str().rsplit('/').next().unwrap_or_default();
                format!("have systemd check {name}, which runs {program}")
            }
            Action::RunUnitOnce(run) => {
                format!("run `{}` once as {}", run.command.join(" "), run.name)
            }
            Action::RunOnce { spec, .. } => {
                let command = spec.command.as_deref().unwrap_or_default().join(" ");
                format!("run `{command}` once in {}", spec.name)
            }
            Action::WaitDatabase(target) => {
                format!("wait until {} answers a query", target.process.name())
            }
            Action::EnsureDatabase(target) => {
                format!(
                    "ensure database {} and user {}",
                    target.database, target.user
                )
            }
            Action::MakeSchema { server, .. } => {
                let MysqlServer {
                    host,
                    port,
                    database,
                    user,
                    ..
                } = server.as_ref();
                format!("make database {database} and user {user} on {host}:{port}")
            }
            Action::InitDatabase(init) => {
                let names: Vec<&str> = init.files.iter().map(|file| file.name.as_str()).collect();
                let (names, database) = (names.join(", "), &init.login.database);
                format!(
                    "load {names} into database {database} of `{}`",
                    init.service
                )
            }
            Action::PushTree { tree, to } => format!("send {} files to {to}", tree.files().count()),
            Action::WaitHealthy {
                process, health, ..
            } => {
                format!(
                    "wait until {} answers {} {} times",
                    process.name(),
                    health.path,
                    health.passes
                )
            }
            Action::BuildOnHost(build) => {
                let command = build.run.command.join(" ");
                format!("build {} with `{command}` as {}", build.to, build.run.name)
            }
            Action::BuildHere(build) => {
                let command = build.command.join(" ");
                format!(
                    "build with `{command}` on this machine and send it to {}",
                    build.to
                )
            }
            Action::KeepAssets { releases, to, .. } => {
                format!("gather the assets of {} releases in {to}", releases.len())
            }
            Action::Switch { link, target } => format!("switch {link} to {target}"),
            Action::Bake { targets, seconds } if targets.is_empty() => {
                format!("wait for {seconds} s")
            }
            Action::Bake { targets, seconds } => {
                let names: Vec<&str> = targets.iter().map(|target| target.process.name()).collect();
                format!("watch {} for {seconds} s", names.join(", "))
            }
            Action::Commit(_) => "confirm: what was done stays".into(),
            Action::StartContainer(name) | Action::ResumeContainer(name) => {
                format!("start container {name}")
            }
            Action::AwaitContainer { name, until, .. } => match until {
                Awaited::Running => format!("see that {name} stays up"),
                Awaited::Healthy => format!("wait until {name} is healthy"),
                Awaited::Completed => format!("wait until {name} has done its work"),
            },
            Action::SwitchBack(back) => format!("switch {} back to {}", back.link, back.target),
            Action::KeepWarm(cooling) => {
                let name = cooling.process.name();
                format!("keep {name} warm for {} s", cooling.warm)
            }
            Action::Drain { .. } => "drain the old release".into(),
        }
    }
}
