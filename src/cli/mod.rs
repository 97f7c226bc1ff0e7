//! Arguments in, exit code out. Only this module owns stdout, the terminal, the environment and the clock.

pub mod args;
mod backup;
mod confirm;
mod demo;
mod destroy;
mod diff;
mod doctor;
mod exec;
mod failure;
mod history;
mod hooks;
mod init;
mod journal;
mod lab;
mod load;
mod lock;
mod logs;
mod plan;
mod progress;
mod rehearse;
mod render;
mod resolve;
mod restart;
mod revision;
mod rollback;
mod run;
mod saved;
mod secrets;
mod session;
mod status;
mod terminal;
mod timeline;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use tokio::sync::watch;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::ui::Paint;
use args::{Cli, Command, Global, When};
pub use failure::{Failure, Kind};
use timeline::Timeline;

/// The whole program.
pub fn main() -> ExitCode {
    let mut cli = Cli::parse();
    cli.global.forget_empty();
    let console = Console::new(&cli.global);
    logging(&cli.global, console.paint);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            return console.fail(&Failure::new(Kind::Ours, format!("cannot start: {error}")));
        }
    };
    let result = runtime.block_on(async {
        let cancelled = cancellation(cli.command.changes_hosts());
        dispatch(cli, &console, cancelled).await
    });
    // Nothing is waited for that still reads a pipe or a terminal.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => console.fail(&failure),
    }
}

async fn dispatch(
    cli: Cli,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let Cli { global, command } = cli;
    // One has hosts to remove when it is stopped, the other tells what it saw until then.
    let ends_itself = matches!(command, Command::Rehearse(_) | Command::Load(_));
    let work = async {
        match command {
            Command::Init(args) => init::init(&args, console),
            Command::Schema => {
                let schema = serde_json::to_string_pretty(&crate::config::schema())
                    .expect("a schema is JSON");
                console.say(&schema)
            }
            Command::Completions { shell } => console.write(&completions(shell)),
            Command::Render(args) => render::render(&args, &global, console),
            Command::Plan(args) => plan::plan(&args, &global, console).await,
            Command::Apply(args) => saved::apply(&args, &global, console, cancelled.clone()).await,
            Command::Provision(args) => {
                run::run(
                    run::What::Provision,
                    &args,
                    &crate::plan::Target::default(),
                    &global,
                    console,
                    cancelled.clone(),
                )
                .await
            }
            Command::Deploy(args) => {
                let args = args::ApplyArgs {
                    seed: args.seed,
                    ..args.apply
                };
                run::run(
                    run::What::Deploy,
                    &args,
                    &crate::plan::Target::default(),
                    &global,
                    console,
                    cancelled.clone(),
                )
                .await
            }
            Command::Rollback(args) => {
                rollback::rollback(args, global, console, cancelled.clone()).await
            }
            Command::History(args) => history::history(&args, &global, console).await,
            Command::Diff(args) => diff::diff(&args, &global, console).await,
            Command::Lock(command) => lock::lock(command, &global, console).await,
            Command::Doctor => doctor::doctor(&global, console).await,
            Command::Status => status::status(&global, console).await,
            Command::Restart(args) => {
                restart::control(run::What::Restart, args, global, console, cancelled.clone()).await
            }
            Command::Stop(args) => {
                restart::control(run::What::Stop, args, global, console, cancelled.clone()).await
            }
            Command::Start(args) => {
                restart::control(run::What::Start, args, global, console, cancelled.clone()).await
            }
            Command::Destroy(args) => {
                destroy::destroy(&args, &global, console, cancelled.clone()).await
            }
            Command::Exec(args) => exec::exec(&args, global, console, cancelled.clone()).await,
            Command::Run(args) => exec::run(&args, global, console, cancelled.clone()).await,
            Command::Db(args) => exec::db(&args, global, console, cancelled.clone()).await,
            Command::Backup(args) => backup::backup(&args, global, console).await,
            Command::Restore(args) => {
                backup::restore(&args, global, console, cancelled.clone()).await
            }
            Command::Shell(args) => exec::shell(&args, global, console, cancelled.clone()).await,
            Command::Logs(args) => logs::logs(&args, global, console, cancelled.clone()).await,
            Command::Demo(args) => demo::demo(&args, &global, console, cancelled.clone()).await,
            Command::Rehearse(args) => {
                rehearse::rehearse(&args, &global, console, cancelled.clone()).await
            }
            Command::Load(args) => load::load(&args, console, cancelled.clone()).await,
            Command::Lab(command) => lab::lab(command, &global, console).await,
        }
    };
    let mut interrupt = cancelled.clone();
    tokio::select! {
        result = work => result,
        () = run::interrupted_outside_apply(&mut interrupt), if !ends_itself => {
            Err(Failure::new(Kind::Interrupted, "stopped; nothing was changed after that"))
        }
    }
}

/// The script that makes a shell complete our commands.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "stackctl", &mut script);
    script
}

/// Turns true at the first SIGINT, SIGTERM or SIGHUP; the second one ends the process at once.
fn cancellation(changes_hosts: bool) -> watch::Receiver<bool> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else {
            return;
        };
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            if sender.send_replace(true) {
                terminal::restore();
                std::process::exit(i32::from(Kind::Interrupted.code()));
            }
            if !changes_hosts {
                continue;
            }
            let _ = writeln!(
                std::io::stderr(),
                "stopping: taking back what was begun; once more to stop at once"
            );
        }
    });
    receiver
}

fn logging(global: &Global, paint: Paint) {
    let level = match global.verbose {
        0 => return,
        1 => Targets::new().with_target("stackctl", LevelFilter::DEBUG),
        _ => Targets::new()
            .with_target("stackctl", LevelFilter::TRACE)
            .with_target("russh", LevelFilter::INFO),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(paint.0)
        .with_target(false)
        .without_time();
    tracing_subscriber::registry()
        .with(level)
        .with(lines)
        .init();
}

/// Where words go.
#[derive(Debug, Clone)]
pub struct Console {
    /// For stderr: progress, plans and errors.
    pub paint: Paint,
    /// For stdout: results.
    pub paint_out: Paint,
    pub json: bool,
    pub quiet: bool,
    pub verbose: bool,
    /// Whether somebody watches stderr.
    pub is_watched: bool,
    /// When set, results are told beside the progress: another command has the last word on stdout.
    pub results_to_stderr: bool,
    /// Where the steps of a run are noted with their times.
    pub timeline: Option<Timeline>,
    pub width: usize,
}

impl Console {
    fn new(global: &Global) -> Self {
        let variable = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        // https://no-color.org
        let plain = variable("NO_COLOR") || dumb;
        let wanted = |is_tty: bool| match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => is_tty && !plain,
        };
        let err_tty = std::io::stderr().is_terminal();
        Self {
            paint: Paint(wanted(err_tty)),
            paint_out: Paint(wanted(std::io::stdout().is_terminal())),
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose > 0,
            is_watched: err_tty && !dumb && !variable("CI"),
            results_to_stderr: false,
            timeline: None,
            width: usize::from(
                console::Term::stderr()
                    .size_checked()
                    .map_or(100, |(_, columns)| columns),
            ),
        }
    }

    /// A result, to stdout.
    pub fn say(&self, text: &str) -> Result<(), Failure> {
        if self.results_to_stderr {
            self.tell(text);
            return Ok(());
        }
        self.write(format!("{}\n", text.trim_end_matches('\n')).as_bytes())
    }

    pub fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            // `stackctl … | head` is no fault.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::new(
                Kind::Ours,
                format!("cannot write to stdout: {error}"),
            )),
            Ok(()) => Ok(()),
        }
    }

    /// What is going on, to stderr.
    pub fn tell(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{}", text.trim_end_matches('\n'));
        }
    }

    /// A spinner where somebody watches, else a hidden one.
    pub fn spinner(&self) -> indicatif::ProgressBar {
        if !self.is_watched || self.quiet || self.verbose {
            return indicatif::ProgressBar::hidden();
        }
        let spinner = indicatif::ProgressBar::new_spinner();
        spinner.enable_steady_tick(std::time::Duration::from_millis(120));
        spinner
    }

    fn fail(&self, failure: &Failure) -> ExitCode {
        let _ = std::io::stderr().write_all(failure.text(self.paint).as_bytes());
        failure.exit_code()
    }
}
