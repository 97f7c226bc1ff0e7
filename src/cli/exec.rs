//! `exec`, `run` and `shell`: a person's own programs, where a service runs.

mod database;
mod unit;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{oneshot, watch};

use super::args::{DbArgs, ExecArgs, Global, RunArgs, ShellArgs};
use super::session::{self, Loaded};
use super::terminal::{self, Ended};
use super::{Console, Failure, Kind, run};
use crate::facts::{Facts, HostFacts};
use crate::model::{HostName, Layout, Service};
use crate::observe::Depth;
use crate::plan::{self, Instance, LoginOf, Process, UnitProgram, container};
use crate::runtime::docker::{DockerError, Engine, Exec, unstartable};
use crate::runtime::variables;
use crate::script;
use crate::transport::{Program, ShellOf, Source, Transport};
pub(super) use database::is_database;

/// What is begun must be ended within this on the host, when somebody stops it.
const STOP: Duration = Duration::from_secs(15);
/// A guard keeps watch for as long as a program runs.
const GUARDED: Duration = Duration::from_secs(365 * 24 * 3600);
const GRACE: u32 = 10;

/// Runs a program in what serves.
pub async fn exec(
    args: &ExecArgs,
    global: Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let place = Place::find(&args.service, global, Depth::Running, console).await?;
    let terminal = (!args.no_tty).then(terminal::own).flatten();
    place
        .exec(args.command.clone(), args.user.clone(), terminal, cancelled)
        .await
}

/// Opens the client of a database.
pub async fn db(
    args: &DbArgs,
    global: Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    is_database(&args.service, &global, console)?;
    let place = Place::find(&args.service, global, Depth::Running, console).await?;
    let login = place.login(LoginOf::Stack)?;
    let script = database::client(&login, &args.arguments);
    let terminal = terminal::own();
    let (program, begun) = place.begin(&login, &script, terminal.as_ref()).await?;
    let ended = attended(program, terminal.is_some(), cancelled, begun.stop()).await;
    passed_on(ended?)
}

/// Opens a shell in what serves, or on a host.
pub async fn shell(
    args: &ShellArgs,
    global: Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let terminal = terminal::own();
    if let Some(service) = &args.service {
        let place = Place::find(service, global, Depth::Running, console).await?;
        let script = script::shell();
        let argv = ["sh", "-c", script.body, script.name].map(str::to_owned);
        let user = args.root.then(|| "0".to_owned());
        return place.exec(argv.into(), user, terminal, cancelled).await;
    }
    let mut loaded = session::load(&global, console)?;
    let all: Vec<HostName> = loaded.hosts.iter().cloned().collect();
    let [host] = all.as_slice() else {
        let names: Vec<&str> = all.iter().map(HostName::as_str).collect();
        return Err(
            Failure::new(Kind::Usage, "a shell is opened on one host").hint(format!(
                "name it with --host; there are: {}",
                names.join(", ")
            )),
        );
    };
    loaded.hosts = [host.clone()].into();
    let fleet = loaded.connect_all(console).await?;
    let whose = if args.root {
        ShellOf::Root
    } else {
        ShellOf::User
    };
    let opened = fleet[host].shell(whose, terminal.as_ref()).await;
    let program = opened.map_err(|error| Failure::transport(host.as_str(), &error))?;
    let ended = attended(program, terminal.is_some(), cancelled, async {}).await;
    run::close(&fleet).await;
    passed_on(ended?)
}

/// Runs a program in a container or a unit of its own, made as the release is that serves.
pub async fn run(
    args: &RunArgs,
    global: Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let place = Place::find(&args.service, global, Depth::Records, console).await?;
    let terminal = (!args.no_tty).then(terminal::own).flatten();
    let mut spec = match place.one_off(args.command.clone(), args.user.clone())? {
        OneOff::Container(spec) => spec,
        OneOff::Unit(program) => return place.in_unit(&program, terminal, cancelled).await,
    };
    if let Some(user) = &args.user {
        spec.user = Some(user.clone());
    }
    let engine = place.engine().await?;
    let complete = variables::complete(place.transport.as_ref(), &spec).await;
    let spec = complete.map_err(|error| Failure::of(Kind::Unreachable, &error))?;
    let _guard = place.guard("container", &spec.name).await?;
    let clock = place.facts().clock;
    let started = engine.start_one_off(&spec, terminal.as_ref(), clock).await;
    let program = started.map_err(|error| unstarted(&error))?;
    let stop = async {
        // What we do not come to, the guard does.
        let _ = engine.stop_container(&spec.name, GRACE).await;
    };
    let ended = attended(program, terminal.is_some(), cancelled, stop).await;
    passed_on(ended?)
}

/// Has the host end a container or a unit when we are gone. Ends with what is returned.
fn guard(
    transport: Arc<dyn Transport>,
    kind: &str,
    name: &str,
) -> (tokio::task::JoinSet<()>, oneshot::Receiver<()>) {
    let script = script::guard(kind, name, GRACE);
    let (ready, is_ready) = oneshot::channel();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut ready = Some(ready);
        let mut line = |source: Source, text: &str| {
            if source == Source::Stdout && text == "ready" {
                // Nobody waits for it when that fails.
                let _ = ready.take().map(|ready| ready.send(()));
            }
        };
        let held = futures_util::stream::pending().boxed();
        let watched = transport.stream(&script, Some(held), &mut line, GUARDED);
        if let Err(error) = watched.await {
            tracing::debug!(%error, "the guard has ended");
        }
    });
    (tasks, is_ready)
}

/// Where a service runs.
pub(super) struct Place {
    pub loaded: Loaded,
    pub service: Service,
    pub host: HostName,
    pub transport: Arc<dyn Transport>,
    pub facts: Facts,
}

impl Place {
    pub(super) async fn find(
        service: &str,
        mut global: Global,
        depth: Depth,
        console: &Console,
    ) -> Result<Self, Failure> {
        global.service = vec![service.to_owned()];
        let mut loaded = session::load(&global, console)?;
        let name = loaded.services.first().expect("one was asked for").clone();
        let service = loaded.stack.services[&name].clone();
        let mut hosts = service
            .hosts
            .iter()
            .filter(|host| loaded.hosts.contains(*host));
        let Some(host) = hosts.next().cloned() else {
            let all: Vec<&str> = service.hosts.iter().map(HostName::as_str).collect();
            return Err(
                Failure::new(Kind::Usage, format!("`{name}` does not run on that host"))
                    .hint(format!("it runs on: {}", all.join(", "))),
            );
        };
        if hosts.next().is_some() {
            console.tell(&format!(
                "{} on {host}; --host chooses another",
                console.paint.warn("note")
            ));
        }
        loaded.hosts = [host.clone()].into();
        let fleet = loaded.connect_all(console).await?;
        // What a unit runs in is told by its release's record.
        let depth = match service.unit() {
            Some(_) => Depth::Records,
            None => depth,
        };
        let facts = loaded.observe(&fleet, depth, console).await?;
        let transport = Arc::clone(&fleet[&host]);
        Ok(Self {
            loaded,
            service,
            host,
            transport,
            facts,
        })
    }

    fn facts(&self) -> &HostFacts {
        &self.facts[&self.host]
    }

    async fn engine(&self) -> Result<Engine, Failure> {
        let api = self.facts().docker_api.as_deref();
        let engine = Engine::connect(Arc::clone(&self.transport), api).await;
        engine.map_err(|error| Failure::of(Kind::Unreachable, &error))
    }

    /// What serves, which must run.
    fn running(&self) -> Result<Instance, Failure> {
        let found = plan::instance(&self.loaded.stack, &self.service, &self.host, self.facts());
        let instance =
            found.map_err(|why| Failure::new(Kind::Refused, why.to_string()).hint(why.hint()))?;
        let name = &self.service.name;
        if instance.is_running {
            return Ok(instance);
        }
        let why = format!("`{name}` does not run on {}", self.host);
        let hint = match self.service.database() {
            Some(_) => format!("`stackctl start {name}` starts it"),
            None => format!(
                "`stackctl start {name}` starts it; `stackctl run {name} COMMAND` needs nothing that runs"
            ),
        };
        Err(Failure::new(Kind::Refused, why).hint(hint))
    }

    /// Runs a program in what serves.
    async fn exec(
        &self,
        argv: Vec<String>,
        user: Option<String>,
        terminal: Option<crate::transport::Terminal>,
        cancelled: watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        let instance = self.running()?;
        let container = match &instance.process {
            Process::Container(name) => name,
            Process::Unit(unit) => {
                let program = self.beside(unit, instance.release.as_ref(), argv, user)?;
                return self.in_unit(&program, terminal, cancelled).await;
            }
        };
        let engine = self.engine().await?;
        let exec = Exec {
            container,
            argv,
            user,
            terminal,
        };
        let started = engine.start_program(&exec).await;
        let (id, program) = started.map_err(|error| unstarted(&error))?;
        let stop = async {
            if let Some(pid) = engine.program_pid(&id).await {
                let script = script::signal("TERM", pid);
                // The next look shows whether it still runs.
                let _ = self.transport.run(&script, &[], STOP).await;
            }
        };
        let ended = attended(program, exec.terminal.is_some(), cancelled, stop).await;
        passed_on(ended?)
    }

    /// Has the host end what we have begun when we are gone; kept until it has ended.
    async fn guard(&self, kind: &str, name: &str) -> Result<tokio::task::JoinSet<()>, Failure> {
        let (guard, ready) = guard(Arc::clone(&self.transport), kind, name);
        if ready.await.is_err() {
            let why = format!("{}: cannot keep watch over a {kind}", self.host);
            return Err(Failure::new(Kind::Unreachable, why)
                .hint("`stackctl doctor` looks at the host; perl must be there"));
        }
        Ok(guard)
    }

    /// What a program of its own runs in.
    fn one_off(&self, command: Vec<String>, user: Option<String>) -> Result<OneOff, Failure> {
        let name = &self.service.name;
        let refuse = |why: String, hint: String| Err(Failure::new(Kind::Refused, why).hint(hint));
        if self.service.database().is_some() {
            return refuse(
                format!("`{name}` is a database: another of it would open the same data"),
                format!("run it beside the one that runs: `stackctl exec {name} COMMAND`"),
            );
        }
        let layout = Layout::new(&self.loaded.stack.name);
        let facts = self.facts();
        if self.service.app().is_none() && self.service.container().is_none() {
            let why = plan::NoInstance::Static(name.clone());
            return refuse(why.to_string(), why.hint().into());
        }
        let Some(id) = plan::serving(&layout, &self.service, facts) else {
            let why = plan::NoInstance::NeverDeployed {
                service: name.clone(),
                host: self.host.clone(),
            };
            return refuse(why.to_string(), why.hint().into());
        };
        let record = self.record(&id)?;
        let Some(spec) = &record.spec else {
            let program = self.beside_release(&record, None, command, user)?;
            return Ok(OneOff::Unit(program));
        };
        let docker = facts.docker.as_ref();
        if !docker.is_some_and(|docker| docker.has_image(&spec.image)) {
            return refuse(
                format!("the image of release {id} is gone ({})", spec.image),
                "`stackctl deploy` makes it again".into(),
            );
        }
        let suffix = super::journal::run_id();
        let (stack, service) = (&self.loaded.stack, &self.service);
        let spec = container::by_hand(spec, stack, service, &suffix, command);
        Ok(OneOff::Container(spec))
    }
}

/// What runs a program that is nobody else's.
enum OneOff {
    Container(container::ContainerSpec),
    Unit(UnitProgram),
}

/// Lets a person talk to a program; when somebody stops us, ends it by `stop`.
async fn attended(
    program: Program,
    has_terminal: bool,
    mut cancelled: watch::Receiver<bool>,
    stop: impl Future<Output = ()>,
) -> Result<Option<Ended>, Failure> {
    let talk = terminal::attend(program, has_terminal);
    run::uninterrupted(async {
        tokio::select! {
            ended = talk => ended,
            Ok(_) = cancelled.wait_for(|cancelled| *cancelled) => {
                // What is not done by then the host does, or nobody can.
                let _ = tokio::time::timeout(STOP, stop).await;
                Err(Failure::silent(Kind::Interrupted))
            }
        }
    })
    .await
}

/// The program's exit code is ours.
fn passed_on(ended: Option<Ended>) -> Result<(), Failure> {
    let Some(Ended { status, said }) = ended else {
        return Ok(());
    };
    // Older engines write it where the program would write, with a code of their own.
    let status = match status {
        126 | 127 => unstartable(&String::from_utf8_lossy(&said)).unwrap_or(status),
        status => status,
    };
    match u8::try_from(status) {
        Ok(0) => Ok(()),
        Ok(code) => Err(Failure::silent(Kind::Program(code))),
        Err(_) => Err(Failure::silent(Kind::Program(u8::MAX))),
    }
}

/// A program that could not be started, with the code that shells have for that.
fn unstarted(error: &DockerError) -> Failure {
    let kind = match error.status().and_then(|status| u8::try_from(status).ok()) {
        Some(code) => Kind::Program(code),
        None => Kind::Step,
    };
    Failure::of(kind, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(status: i32, said: &str) -> u8 {
        let ended = Ended {
            status,
            said: said.into(),
        };
        match passed_on(Some(ended)) {
            Ok(()) => 0,
            Err(failure) => failure.kind.code(),
        }
    }

    #[test]
    fn the_programs_exit_code_is_ours() {
        assert_eq!(code(0, ""), 0);
        assert_eq!(code(3, "x"), 3);
        assert_eq!(code(137, ""), 137);
        assert_eq!(code(126, "permission denied"), 126);
        let absent = "OCI runtime exec failed: exec: \"x\": executable file not found in $PATH";
        assert_eq!(code(126, absent), 127);
        assert_eq!(code(1000, ""), 255);
        assert!(passed_on(None).is_ok());
    }
}
