//! One arm an action.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::OnceCell;

use super::build::Built;
use super::health::Watched;
use super::undo::{self, octal};
use super::{ApplyError, Here, Journal, Refusal, Tell, archive, health};
use crate::facts::{DatabaseFacts, SourceTree};
use crate::model::{HostPath, Install, Layout, RemoteFile};
use crate::plan::{
    Action, CertificateOrder, Cooling, DatabaseTarget, Event, GENERATION_PATH, Process, SiteInstall,
};
use crate::runtime::docker::{DockerError, Engine, Progress};
use crate::runtime::{database, http, variables};
use crate::script::{self, Script};
use crate::transport::{Endpoint, Source, Transport, Upload};

/// How many last lines an error carries.
const TAIL: usize = 30;
pub(super) const SHORT: Duration = Duration::from_secs(60);
/// Units may take long to start or stop: databases, engines.
const UNIT: Duration = Duration::from_secs(180);
const APT: Duration = Duration::from_secs(30 * 60);
/// Packages may be compiled on the host.
const INSTALL: Duration = Duration::from_secs(30 * 60);
/// Authorities look at a name from several places, and certbot waits for another certbot.
const OBTAIN: Duration = Duration::from_secs(10 * 60);
const UPLOAD: Duration = Duration::from_secs(60 * 60);
/// The official images set a new server up before they serve: slow disks need minutes.
const DATABASE_READY: Duration = Duration::from_secs(300);
/// How long a reloaded nginx may take to answer with its new generation.
const SITE_LIVE: Duration = Duration::from_secs(5);
/// For taking back a run: it may have to wait for connections, and for what does not stop at once.
const RECOVER: Duration = Duration::from_secs(120);

/// One host while a plan is applied to it.
pub(super) struct Target {
    pub(super) transport: Arc<dyn Transport>,
    engine: OnceCell<Engine>,
    /// What was built on this machine, for all hosts.
    pub(super) built: Arc<Built>,
    pub(super) here: Here,
}

impl Target {
    pub fn new(transport: Arc<dyn Transport>, built: Arc<Built>, here: Here) -> Self {
        Self {
            transport,
            engine: OnceCell::new(),
            built,
            here,
        }
    }

    /// Connected when first needed: on a bare host there is no engine before a step has installed it.
    pub(super) async fn engine(&self) -> Result<&Engine, DockerError> {
        self.engine
            .get_or_try_init(|| async {
                let engine = Engine::connect(Arc::clone(&self.transport), None).await?;
                Ok(engine.with_logins(Arc::clone(&self.here.logins)))
            })
            .await
    }

    async fn watched<'a>(&'a self, process: &'a Process) -> Result<Watched<'a>, DockerError> {
        let engine = match process {
            Process::Container(_) => Some(self.engine().await?),
            Process::Unit(_) => None,
        };
        Ok(Watched {
            transport: self.transport.as_ref(),
            engine,
            process,
        })
    }

    /// Gives the host what takes a run back.
    pub async fn arm(
        &self,
        pending: &HostPath,
        history: &HostPath,
        contents: &[u8],
    ) -> Result<(), ApplyError> {
        self.short(&script::arm(pending, history), contents).await
    }

    /// Ends a run on the host: its line goes to the history.
    pub async fn record(&self, journal: &Journal, line: &str) -> Result<(), ApplyError> {
        let script = script::record(&journal.history, &journal.pending);
        self.short(&script, format!("{line}\n").as_bytes()).await
    }

    /// Has the host take back what it was given. What it says: `undone` or `failed`, and what, with tabs between.
    pub async fn recover(&self, pending: &HostPath, why: &str) -> Result<String, ApplyError> {
        let script = script::recover(pending, "", why);
        let output = self.transport.run(&script, &[], RECOVER).await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Does one step. `later` is what takes the steps after a [`Action::Commit`] back, as the host keeps it.
    /// What fails may have found no room, also for words that say so; that is looked at then.
    pub async fn act(
        &self,
        action: &Action,
        step: usize,
        journal: &Journal,
        later: &str,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        match self.perform(action, step, journal, later, tell).await {
            Err(error) if error.is_answer() => Err(error.beside_full(self.full().await)),
            ended => ended,
        }
    }

    /// Where no space is left, in words.
    pub async fn full(&self) -> Vec<String> {
        let space = script::space().with(["/run", "/var/lib", "/tmp"]);
        let Ok(output) = self.transport.run(&space, &[], SHORT).await else {
            return Vec::new();
        };
        let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let said = String::from_utf8_lossy(&said);
        said.lines().map(str::to_owned).collect()
    }

    async fn perform(
        &self,
        action: &Action,
        step: usize,
        journal: &Journal,
        later: &str,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        match action {
            Action::RefreshPackageIndex => {
                self.long(&script::apt("refresh"), None, APT, step, tell)
                    .await
            }
            Action::InstallPackages(names) => {
                let script = script::apt("install").with(names);
                self.long(&script, None, APT, step, tell).await
            }
            Action::StartUnit(unit) => {
                self.long(&script::start_unit(unit), None, UNIT, step, tell)
                    .await
            }
            Action::RestartUnit(unit) => {
                self.long(&script::restart_unit(unit), None, UNIT, step, tell)
                    .await
            }
            Action::EnableUnit(unit) => self.short(&script::enable_unit(unit), &[]).await,
            Action::StopUnit(unit) => {
                self.long(&script::stop_unit(unit), None, UNIT, step, tell)
                    .await
            }
            Action::ReloadUnits => self.short(&script::reload_units(), &[]).await,
            Action::PutFolder(folder) => {
                let (mode, owner) = (octal(folder.mode), folder.owner);
                self.short(
                    &script::put_folder(&folder.path, mode, owner.user, owner.group),
                    &[],
                )
                .await
            }
            Action::PutFile { file, .. } => self.put_file(file).await,
            Action::Remove(path) => self.short(&script::remove(path), &[]).await,
            Action::GenerateSecret {
                path,
                length,
                owner,
            } => {
                self.short(&script::secret_generate(path, length, owner), &[])
                    .await
            }
            Action::CopySecret {
                from,
                to,
                mode,
                owner,
                around,
            } => {
                let script = script::secret_copy(from, to, owner.user, owner.group, octal(*mode));
                let script = script.with(around.iter().flatten());
                self.short(&script, &[]).await
            }
            Action::PutSecret {
                path,
                value,
                mode,
                owner,
                ..
            } => {
                let script = script::put_file(path, octal(*mode), owner.user, owner.group);
                self.short(&script, value.reveal().as_bytes()).await
            }
            Action::TrustAuthority { file, trusted } => {
                let script = script::authority("trust", &file.path, trusted);
                self.short(&script, &file.contents).await
            }
            Action::DistrustAuthority(path) => {
                self.short(&script::authority("forget", path, ""), &[])
                    .await
            }
            Action::ObtainCertificate(order) => self.obtain(order, step, tell).await,
            Action::ForgetCertificate(name) => {
                self.long(&script::certificate_forget(name), None, UNIT, step, tell)
                    .await
            }
            Action::KeepCopy { from, to } => self.short(&script::keep_copy(from, to), &[]).await,
            Action::InstallSite(site) => self.install_site(site).await,
            Action::RestoreSite(_) | Action::RestoreFirewall(_) => {
                let words = action.words();
                let script = undo::alone(action).ok_or(ApplyError::NeedsUs { words })?;
                let output = self.transport.run(&script, &[], SHORT).await?;
                succeeded(&script, output.status, &output.stderr)?;
                for text in String::from_utf8_lossy(&output.stderr).lines() {
                    let text = text.to_owned();
                    tell(Event::Notice { step, text });
                }
                Ok(())
            }
            Action::LoadFirewall => {
                let load = script::firewall_load(Layout::FIREWALL_LOADER, Layout::FIREWALL_UNIT);
                self.short(&load, &[]).await
            }

            Action::Confirm => self
                .transport
                .probe()
                .await
                .map_err(ApplyError::Unconfirmed),
            Action::CreateNetwork {
                name,
                internal,
                stack,
                of_file,
            } => Ok(self
                .engine()
                .await?
                .create_network(name, *internal, stack, of_file.as_deref())
                .await?),
            Action::CreateVolume {
                name,
                stack,
                of_file,
            } => Ok(self
                .engine()
                .await?
                .create_volume(name, stack, of_file.as_deref())
                .await?),
            Action::PullImage(image) => self.pull(image, step, tell).await,
            Action::TagImage { image, tag } => {
                Ok(self.engine().await?.tag_image(image, tag).await?)
            }
            Action::BuildImage(build) => self.build(build, step, tell).await,
            Action::BuildImageHere(build) => self.build_image_here(build, step, tell).await,
            Action::RunContainer(spec) => {
                let spec = variables::complete(self.transport.as_ref(), spec).await?;
                Ok(self.engine().await?.run_container(&spec).await?)
            }
            Action::StopContainer { name, grace } => {
                Ok(self.engine().await?.stop_container(name, *grace).await?)
            }
            Action::RemoveContainer(name) => {
                Ok(self.engine().await?.remove_container(name).await?)
            }
            Action::RemoveImage(tag) => Ok(self.engine().await?.remove_image(tag).await?),
            Action::RemoveNetwork(name) => Ok(self.engine().await?.remove_network(name).await?),
            Action::RemoveVolume(name) => Ok(self.engine().await?.remove_volume(name).await?),
            Action::RemoveState { state, run, kept } => {
                let script = script::remove_state(state, run).with(kept);
                let line = format!("{}\n", journal.header);
                self.short(&script, line.as_bytes()).await
            }
            Action::RemoveUser(name) => self.short(&script::remove_user(name), &[]).await,
            Action::DropDatabase(target) => {
                let script = script::database_drop(&target.database, &target.user);
                self.short(&script, &[]).await
            }
            Action::EnsureUser { name, id, about } => {
                self.short(&script::ensure_user(name, id, about), &[]).await
            }
            Action::Install(wanted) => {
                let kind = kind(wanted.install);
                let (source, to, link) = (&wanted.source, &wanted.to, &wanted.link);
                let script = script::install(kind, source, to, link, wanted.user);
                self.program(&script, INSTALL, step, tell).await
            }
            Action::BuildOnHost(wanted) => self.build_files(wanted, step, tell).await,
            Action::BuildHere(wanted) => self.build_here(wanted, step, tell).await,
            Action::KeepAssets {
                releases,
                folders,
                to,
            } => {
                let script = script::keep_assets(to).with(releases);
                self.short(&script.with(["--"]).with(folders), &[]).await
            }
            Action::VerifyUnit {
                unit,
                folder,
                path,
                program,
            } => {
                let name = unit.path.as_str().rsplit('/').next().unwrap_or_default();
                let script = script::verify_unit(name, folder, path, program);
                self.short(&script, &unit.contents).await
            }
            Action::RunUnitOnce(run) => {
                let seconds = run.deadline.as_secs();
                let properties = run.properties.iter();
                let script = script::run_unit_once(&run.name, seconds)
                    .with(properties.map(|property| format!("--property={property}")))
                    .with(["--", "/usr/bin/env"])
                    // systemd would put variables there.
                    .with(run.command.iter().map(|word| word.replace('$', "$$")));
                let ended = self
                    .program(&script, run.deadline + SHORT, step, tell)
                    .await;
                ended.map_err(|error| match error {
                    ApplyError::Script { status, tail, .. } => ApplyError::OneOff {
                        command: run.command.join(" "),
                        status: status.into(),
                        tail,
                    },
                    other => other,
                })
            }
            Action::RunOnce { spec, deadline } => self.run_once(spec, *deadline, step, tell).await,
            Action::WaitDatabase(target) => self.wait_database(target, step, tell).await,
            Action::EnsureDatabase(target) => match &target.process {
                Process::Container(_) => Ok(self.engine().await?.ensure_database(target).await?),
                Process::Unit(_) => {
                    let transport = self.transport.as_ref();
                    let (script, output) = database::ensure(transport, target).await?;
                    succeeded(&script, output.status, &output.stderr)
                }
            },
            Action::MakeSchema { server, admin } => {
                let made = database::make(self.transport.as_ref(), server, admin);
                let (script, output) = made.await?;
                succeeded(&script, output.status, &output.stderr)
            }
            Action::InitDatabase(init) => self.init_database(init, step, tell).await,
            Action::PushTree { tree, to } => self.push(tree, to, step, tell).await,
            Action::WaitHealthy {
                process,
                socket,
                health,
            } => {
                health::wait(
                    self.watched(process).await?,
                    socket,
                    health,
                    &|done, total| {
                        tell(Event::Progress { step, done, total });
                    },
                )
                .await
            }
            Action::Switch { link, target } => self.short(&script::switch(link, target), &[]).await,
            Action::Drain {
                container,
                socket,
                deadline,
            } => {
                let script = script::container("drain").with([
                    container.clone().unwrap_or_default(),
                    socket.clone(),
                    deadline.as_secs().to_string(),
                ]);
                // On a channel of its own: the root shell, and with it the lock, must be free to end when we do.
                let mut ignore = |_: Source, _: &str| {};
                let limit = *deadline + SHORT;
                let output = self
                    .transport
                    .stream(&script, None, &mut ignore, limit)
                    .await?;
                succeeded(&script, output.status, &output.stderr)?;
                let open = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                if open != "0" && !open.is_empty() {
                    let text = format!(
                        "{open} requests were still open after {} s",
                        deadline.as_secs()
                    );
                    tell(Event::Line { step, text });
                }
                Ok(())
            }
            Action::Bake { targets, seconds } => {
                let seconds = u64::from(*seconds);
                // A pause of a rollout in which there is nothing to watch.
                if targets.is_empty() {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                let checks = targets.iter().map(|target| async move {
                    let progress = move |done| {
                        tell(Event::Progress {
                            step,
                            done,
                            total: seconds,
                        });
                    };
                    let watched = self.watched(&target.process).await?;
                    health::bake(watched, target, seconds, progress).await
                });
                futures_util::future::try_join_all(checks).await.map(drop)
            }
            Action::Commit(commit) => {
                let marks = |word: &'static str, marks: &[HostPath]| {
                    let marks = marks.iter();
                    marks
                        .flat_map(move |mark| [word.to_owned(), mark.to_string()])
                        .collect::<Vec<_>>()
                };
                let served = commit.served.iter();
                let served =
                    served.flat_map(|(mark, time)| [format!("served@{time}"), mark.to_string()]);
                let script = script::commit(&journal.pending, commit.time)
                    .with(served)
                    .with(marks("leaves", &commit.leaves))
                    .with(marks("serves", &commit.serves));
                self.short(&script, later.as_bytes()).await
            }
            Action::StartContainer(name) => Ok(self.engine().await?.start_container(name).await?),
            Action::ResumeContainer(name) => {
                Ok(self.engine().await?.resume_container(name).await?)
            }
            Action::AwaitContainer {
                name,
                until,
                deadline,
            } => {
                self.await_container(name, *until, *deadline, step, tell)
                    .await
            }
            Action::SwitchBack(back) => {
                let script = script::switch_back(
                    back.process.container().unwrap_or_default(),
                    &back.socket,
                    &back.health,
                    &back.link,
                    &back.target,
                    &back.boot.path,
                    octal(back.boot.mode),
                    STANDARD.encode(&back.boot.contents),
                );
                self.short(&script, &[]).await
            }
            Action::KeepWarm(cooling) => {
                let container = cooling.process.container().unwrap_or_default();
                let (unit, run) = (&cooling.unit, cooling.folder.parent());
                let script =
                    script::keep_warm(unit, cooling.warm, run, container).with(&cooling.units);
                self.short(&script, end_of(cooling).text().as_bytes()).await
            }
        }
    }

    /// Sends a folder, once more when it came out otherwise.
    pub(super) async fn push(
        &self,
        tree: &SourceTree,
        to: &HostPath,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let script = script::push_tree(to, tree.unpacked_digest());
        let send = || {
            let upload = Some(archive::tar(tree, None));
            self.long(&script, upload, UPLOAD, step, tell)
        };
        let is_damaged = |sent: &Result<(), ApplyError>| {
            let status = script::DAMAGED;
            matches!(sent, Err(ApplyError::Script { status: ended, .. }) if *ended == status)
        };
        let sent = send().await;
        if !is_damaged(&sent) {
            return sent;
        }
        let text = "it did not arrive as it was sent; sending it again".to_owned();
        tell(Event::Notice { step, text });
        match send().await {
            Err(ApplyError::Script { status, tail, .. }) if status == script::DAMAGED => {
                Err(ApplyError::Damaged { tail })
            }
            sent => sent,
        }
    }

    async fn short(&self, script: &Script, input: &[u8]) -> Result<(), ApplyError> {
        let output = self.transport.run(script, input, SHORT).await?;
        let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        succeeded(script, output.status, &said)
    }

    pub(super) async fn long(
        &self,
        script: &Script,
        input: Option<Upload>,
        deadline: Duration,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let (status, said) = self.streamed(script, input, deadline, step, tell).await?;
        succeeded(script, status, &said)
    }

    /// A script that ends as a program of somebody else's does: nothing but 0 is good.
    async fn program(
        &self,
        script: &Script,
        deadline: Duration,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        match self.streamed(script, None, deadline, step, tell).await? {
            (0, _) => Ok(()),
            (status, said) => Err(failed(script, status, &said)),
        }
    }

    /// Runs a script and tells what it says meanwhile; how it ended, and its last words.
    async fn streamed(
        &self,
        script: &Script,
        input: Option<Upload>,
        deadline: Duration,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(i32, Vec<u8>), ApplyError> {
        // Our scripts keep stderr for what people should know; what programs say goes to stdout.
        let mut line = |source: Source, text: &str| {
            let text = text.to_owned();
            tell(match source {
                Source::Stdout => Event::Line { step, text },
                Source::Stderr => Event::Notice { step, text },
            });
        };
        let output = self
            .transport
            .stream(script, input, &mut line, deadline)
            .await?;
        let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        Ok((output.status, said))
    }

    async fn put_file(&self, file: &RemoteFile) -> Result<(), ApplyError> {
        let script = script::put_file(
            &file.path,
            octal(file.mode),
            file.owner.user,
            file.owner.group,
        );
        self.short(&script, &file.contents).await
    }

    async fn obtain(
        &self,
        order: &CertificateOrder,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let email = order.email.as_deref().unwrap_or("-");
        let replace = if order.replaces { "replace" } else { "keep" };
        let (name, challenges, directory) = (&order.name, &order.challenges, &order.directory);
        let script = script::certificate_obtain(name, challenges, directory, email, replace)
            .with(&order.names);
        let asked = self.long(&script, None, OBTAIN, step, tell).await;
        asked.map_err(|error| match error {
            ApplyError::Script { status, tail, .. } => ApplyError::Certificate {
                names: order.names.clone(),
                refusal: match status {
                    script::RATE_LIMITED => Refusal::RateLimited,
                    script::NOT_ANSWERED => Refusal::NotAnswered,
                    _ => Refusal::Other,
                },
                tail,
            },
            error => error,
        })
    }

    async fn install_site(&self, site: &SiteInstall) -> Result<(), ApplyError> {
        let script = script::nginx_install(
            &site.stale,
            &site.file.path,
            &site.enabled,
            octal(site.file.mode),
        )
        .with(&site.disable);
        let installed = self.short(&script, &site.file.contents).await;
        installed.map_err(|error| match error {
            ApplyError::Script { status, tail, .. } if status == script::OTHER_SITE => {
                ApplyError::OtherSite { tail }
            }
            error => error,
        })?;
        // `nginx -t` and the reload can both succeed while the new file is not live (a port that is taken).
        let endpoint = Endpoint::Loopback(site.port);
        let started = tokio::time::Instant::now();
        loop {
            let answer = http::get(
                self.transport.as_ref(),
                &endpoint,
                &site.server_name,
                GENERATION_PATH,
                SITE_LIVE,
            )
            .await;
            let why = match answer {
                Ok(answer) if String::from_utf8_lossy(&answer.body).trim() == site.generation => {
                    return Ok(());
                }
                Ok(answer) => format!("HTTP {} from another generation", answer.status),
                Err(error) => format!("{:#}", anyhow::Error::new(error)),
            };
            if started.elapsed() > SITE_LIVE {
                return Err(ApplyError::SiteNotLive {
                    port: site.port,
                    why,
                    tail: self.words_of_nginx().await,
                });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Why nginx did not load what it was told to; nothing where it did not say.
    async fn words_of_nginx(&self) -> Vec<String> {
        let said = self.transport.run(&script::nginx_words(), &[], SHORT).await;
        let said = said.map(|output| output.stdout).unwrap_or_default();
        let text = String::from_utf8_lossy(&said);
        text.lines().map(str::to_owned).collect()
    }

    async fn wait_database(
        &self,
        target: &DatabaseTarget,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let watched = self.watched(&target.process).await?;
        let started = tokio::time::Instant::now();
        let mut restarts = None;
        loop {
            let told = match watched.engine {
                Some(engine) => engine.ask_database(target).await,
                None => database::ask(watched.transport, target).await?,
            };
            let why = match told {
                DatabaseFacts::Answers(_) => return Ok(()),
                DatabaseFacts::Silent(why) => why,
            };
            let state = watched.state().await?;
            let first = *restarts.get_or_insert(state.restarts);
            let crashes = state.restarts > first + 2;
            if crashes || started.elapsed() > DATABASE_READY {
                let why = if crashes {
                    format!("it keeps ending with exit code {}", state.exit_code)
                } else {
                    why
                };
                return Err(ApplyError::Database {
                    container: target.process.name().to_owned(),
                    seconds: started.elapsed().as_secs(),
                    why,
                    tail: watched.last_lines(20).await,
                });
            }
            tell(Event::Progress {
                step,
                done: started.elapsed().as_secs(),
                total: DATABASE_READY.as_secs(),
            });
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// How a release that was kept warm ends, as a script that the host runs by itself.
fn end_of(cooling: &Cooling) -> Script {
    script::container("cool")
        .with([
            cooling.process.container().unwrap_or_default(),
            &cooling.socket,
        ])
        .with([cooling.drain, cooling.grace])
        .with([
            cooling.lock.as_str(),
            cooling.link.as_str(),
            cooling.target.as_str(),
        ])
        .with([&cooling.folder])
        .with(&cooling.units)
}

/// As the scripts call it.
pub(super) fn kind(install: Install) -> &'static str {
    match install {
        Install::Python => "python",
        Install::Node => "node",
        Install::Nothing => "nothing",
    }
}

pub(super) fn keep(tail: &mut VecDeque<String>, line: &str) {
    if tail.len() == TAIL {
        tail.pop_front();
    }
    tail.push_back(line.to_owned());
}

pub(super) fn report(progress: Progress<'_>, step: usize, tell: Tell<'_>) {
    match progress {
        Progress::Line(text) => tell(Event::Line {
            step,
            text: text.to_owned(),
        }),
        Progress::Bytes { done, total } => tell(Event::Progress { step, done, total }),
    }
}

pub(super) fn succeeded(script: &Script, status: i32, said: &[u8]) -> Result<(), ApplyError> {
    if status == 0 || status == script::NOTHING_TO_DO {
        return Ok(());
    }
    Err(failed(script, status, said))
}

fn failed(script: &Script, status: i32, said: &[u8]) -> ApplyError {
    ApplyError::Script {
        script: script.name,
        status,
        tail: lines(said),
    }
}

/// The last lines of what was said.
pub(super) fn lines(said: &[u8]) -> Vec<String> {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<&str> = said.lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL)..];
    last.iter().map(|line| (*line).to_owned()).collect()
}
