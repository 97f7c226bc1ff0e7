//! `restore`: a backup is read to its end, loaded beside the database, and then takes its place.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::Path;

use futures_util::StreamExt as _;
use indicatif::{HumanBytes, ProgressFinish};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;

use super::format::{self, Damage, Header, Reader, Whole};
use super::{address, is_sql, lines, missing};
use crate::cli::args::{Global, RestoreArgs};
use crate::cli::confirm::confirm;
use crate::cli::exec::{Place, is_database};
use crate::cli::journal::{Identity, Written};
use crate::cli::lock::take_locks;
use crate::cli::{Console, Failure, Kind, run};
use crate::observe::{Depth, Fleet};
use crate::plan::{self, DatabaseLogin, LoginOf, Plan};
use crate::script::{self, Script};
use crate::transport::{Program, Source};

/// Puts what a backup holds in the place of what a database holds.
pub async fn restore(
    args: &RestoreArgs,
    global: Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let yes = global.yes;
    // What is wrong with the yaml comes before a long look at the file.
    let dialect = is_database(&args.service, &global, console)?;
    is_sql(&args.service, dialect, "mongorestore")?;
    let name = args.file.display().to_string();
    let mut file = open(&args.file)?;
    let whole = format::verify(&file).map_err(|damage| refused(&name, &damage))?;
    rewind(&mut file, &name)?;
    let place = Place::find(&args.service, global, Depth::Running, console).await?;
    let login = place.login(LoginOf::Administrator)?;
    is_meant(&place, &login, &whole.header, args.force)?;
    let fleet = Fleet::from([(place.host.clone(), place.transport.clone())]);
    take_locks(&place.loaded, &fleet, "restore", &args.lock, console).await?;
    let restoring = Restoring {
        place: &place,
        login: &login,
        whole: &whole,
        name: &name,
        console,
    };
    let ended = restoring.agreed(file, yes, &fleet, cancelled).await;
    run::close(&fleet).await;
    ended?;
    let header = &whole.header;
    if console.json {
        let told = json!({"schema": 1, "command": "restore", "outcome": "done", "host": place.host,
            "service": place.service.name, "database": login.database, "backup": header, "sha256": whole.sha256});
        return console.say(&told.to_string());
    }
    console.say(&format!(
        "{}: database {} of `{}` holds what it held at {}",
        place.host, login.database, place.service.name, header.time
    ))
}

/// A file that can be read twice.
fn open(path: &Path) -> Result<File, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(
            Kind::Usage,
            format!("cannot read {}: {error}", path.display()),
        )
    };
    if path != Path::new("-") {
        return File::open(path).map_err(unreadable);
    }
    let mut spooled = tempfile::tempfile().map_err(unreadable)?;
    std::io::copy(&mut std::io::stdin().lock(), &mut spooled).map_err(unreadable)?;
    rewind(&mut spooled, "-")?;
    Ok(spooled)
}

fn rewind(file: &mut File, name: &str) -> Result<(), Failure> {
    let rewound = file.seek(SeekFrom::Start(0));
    rewound.map(drop).map_err(|error| {
        Failure::new(Kind::Usage, format!("{name} cannot be read twice: {error}"))
            .hint("`-` reads it from stdin")
    })
}

fn refused(name: &str, damage: &Damage) -> Failure {
    let mut failure = Failure::of(Kind::Refused, damage);
    failure.chain.insert(0, format!("{name} is not restored"));
    failure.hint(match damage {
        Damage::Foreign => {
            "name a file that `stackctl backup` wrote; other SQL goes in by `stackctl db SERVICE < FILE`"
        }
        Damage::Newer(_) => "restore it with that stackctl",
        Damage::Cut | Damage::Damaged(_) => "take another backup; nothing was changed",
        Damage::Io(_) => "look at the disk that it is on",
    })
}

/// What was saved elsewhere is only restored to where somebody insists.
fn is_meant(
    place: &Place,
    login: &DatabaseLogin,
    header: &Header,
    force: bool,
) -> Result<(), Failure> {
    let kind = login.dialect.kind();
    if header.kind != kind {
        let why = format!(
            "it is of a {}, and `{}` is a {kind}",
            header.kind, place.service.name
        );
        return Err(Failure::new(Kind::Refused, why).hint("name another service, or another file"));
    }
    let here = address(place);
    let is_of = [
        (
            "stack",
            header.stack.as_str(),
            place.loaded.stack.name.as_str(),
        ),
        ("service", &header.service, place.service.name.as_str()),
        ("host", &header.host, place.host.as_str()),
        ("server at", &header.address, &here),
        ("database", &header.database, login.database.as_str()),
    ];
    // A server that somebody else looks after is the same from each host.
    let is_external = place.service.external().is_some();
    let mut is_of = is_of
        .iter()
        .filter(|(what, ..)| !(is_external && *what == "host"));
    let other = is_of.find(|(_, from, to)| from != to);
    match other {
        Some((what, from, to)) if !force => {
            let why = format!("it is of the {what} {from}, not {to}");
            Err(Failure::new(Kind::Refused, why)
                .hint("add --force if it is to replace what is there; nothing was changed"))
        }
        _ => Ok(()),
    }
}

/// A restore that was agreed to.
struct Restoring<'a> {
    place: &'a Place,
    login: &'a DatabaseLogin,
    whole: &'a Whole,
    /// The file's.
    name: &'a str,
    console: &'a Console,
}

/// How a script beside the server has ended.
struct Ended {
    status: i32,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Restoring<'_> {
    /// Asks, restores, and keeps that in the host's history.
    async fn agreed(
        &self,
        file: File,
        yes: bool,
        fleet: &Fleet,
        cancelled: watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        let Self {
            place,
            login,
            whole,
            console,
            ..
        } = *self;
        if place.schema().await?.charset.is_none() {
            return Err(missing(place, login));
        }
        let header = &whole.header;
        let question = format!(
            "restore: replace all that database {} of `{}` on {} holds by what it held at {} ({}, {})?",
            login.database,
            place.service.name,
            place.host,
            header.time,
            header.host,
            HumanBytes(whole.bytes)
        );
        confirm(&question, yes, console)?;
        let services = BTreeSet::from([place.service.name.clone()]);
        let identity = Identity::of(&place.loaded.base);
        let (stack, plan) = (&place.loaded.stack, Plan::default());
        let about = Some(&services);
        let written = Written::begin("restore", about, stack, &identity, &place.facts, &plan);
        run::uninterrupted(async {
            let ended = self.run(file, cancelled).await;
            let why = ended.as_ref().err().map(|failure| failure.chain.join(": "));
            let outcome = match &ended {
                Ok(()) => "done",
                Err(failure) if failure.kind == Kind::Interrupted => "interrupted",
                Err(_) => "failed",
            };
            written.tell(fleet, outcome, why.as_deref(), console).await;
            ended
        })
        .await
    }

    async fn run(&self, file: File, mut cancelled: watch::Receiver<bool>) -> Result<(), Failure> {
        let login = self.login;
        let loaded = tokio::select! {
            loaded = self.load(login, file) => loaded,
            Ok(_) = cancelled.wait_for(|cancelled| *cancelled) => Err(Failure::new(
                Kind::Interrupted,
                "stopped; the database is as it was",
            )),
        };
        if let Err(failure) = loaded {
            return Err(self.discard(login, failure).await);
        }
        self.swap(login).await
    }

    /// Loads all of the file beside the database.
    async fn load(&self, login: &DatabaseLogin, file: File) -> Result<(), Failure> {
        let [staging, _] = plan::beside(&login.database);
        let script = script::database_load(
            &login.password_file,
            &login.options,
            &login.database,
            staging,
            login.owner.as_deref().unwrap_or_default(),
        );
        let ended = self.told(login, &script, Some(file)).await?;
        match ended.status {
            0 => Ok(()),
            script::UNKNOWN_USERS => {
                let users = String::from_utf8_lossy(&ended.stdout);
                let users: Vec<&str> = users.lines().collect();
                let why = format!(
                    "views, triggers, routines or events in it belong to users that this server does not have: {}",
                    users.join(", ")
                );
                let failure = self.failed(&why).hint("they would fail when they are used: make these users there, then restore again");
                Err(failure)
            }
            status => {
                let mut failure =
                    self.failed(&format!("the server took only a part of it ({status})"));
                failure.tail = lines(&ended.stderr);
                Err(failure.hint("the database is as it was"))
            }
        }
    }

    /// Puts what was loaded in the database's place.
    async fn swap(&self, login: &DatabaseLogin) -> Result<(), Failure> {
        let [staging, before] = plan::beside(&login.database);
        let (password, options) = (&login.password_file, &login.options);
        let owner = login.owner.as_deref().unwrap_or_default();
        let database = &login.database;
        let script = script::database_swap(password, options, database, &staging, &before, owner);
        let ended = self.told(login, &script, None).await?;
        let mut failure = self.failed("it was loaded, but could not take the database's place");
        failure.tail = lines(&ended.stderr);
        Err(match ended.status {
            0 => return Ok(()),
            script::LEFT_BESIDE => {
                let name = &self.place.service.name;
                self.console.tell(&format!(
                    "`{name}` is restored, but the databases {staging} and {before} could not be removed: look at them, and drop them"
                ));
                return Ok(());
            }
            script::LEFT_BEFORE => {
                let failure = failure.hint(format!(
                    "an earlier restore has left tables in the database {before}, which may be the only ones of then: look at them, \
                     move back what is missing (`RENAME TABLE`), then drop it and restore again; the database is as it was"
                ));
                self.discard(login, failure).await
            }
            script::UNKNOWN_USERS => {
                let users = String::from_utf8_lossy(&ended.stdout).trim().replace('\n', ", ");
                failure.chain.push(format!(
                    "triggers, views, routines or events of the database are of other users, and could not be made again: {users}"
                ));
                let failure = failure.hint("restore as a user who may, or drop them first; the database is as it was");
                self.discard(login, failure).await
            }
            script::NOT_PUT_BACK => failure.hint(format!(
                "it could not be put back either: tables that are missing are in the database {before}; `RENAME TABLE {before}.NAME TO {database}.NAME` \
                 moves them back"
            )),
            _ => self.discard(login, failure.hint("the database is as it was")).await,
        })
    }

    /// Removes what was loaded in vain.
    async fn discard(&self, login: &DatabaseLogin, failure: Failure) -> Failure {
        let [staging, _] = plan::beside(&login.database);
        let owner = login.owner.as_deref().unwrap_or_default();
        let script =
            script::database_discard(&login.password_file, &login.options, &staging, owner);
        match self.told(login, &script, None).await {
            Ok(ended) if ended.status == 0 => failure,
            _ => failure.hint(format!(
                "the database {staging} may be left over; the next restore removes it"
            )),
        }
    }

    fn failed(&self, why: &str) -> Failure {
        let (host, name) = (&self.place.host, &self.place.service.name);
        let mut failure = Failure::new(Kind::Step, format!("{host}: could not restore `{name}`"));
        failure.chain.push(why.to_owned());
        failure
    }

    /// Runs a script beside the server, with a backup on its stdin.
    async fn told(
        &self,
        login: &DatabaseLogin,
        script: &Script,
        file: Option<File>,
    ) -> Result<Ended, Failure> {
        let (program, begun) = self.place.begin(login, script, None).await?;
        let Program {
            mut output,
            input,
            window: _window,
            ended,
        } = program;
        let spinner = self.console.spinner();
        let spinner = spinner.with_finish(ProgressFinish::AndClear);
        let sent = async {
            let sent = self.send(file, input, &spinner).await;
            if sent.is_err() {
                begun.stop().await;
            }
            sent
        };
        let heard = async {
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            while let Some(part) = output.next().await {
                let (source, bytes) = part?;
                match source {
                    Source::Stdout => stdout.extend_from_slice(&bytes),
                    Source::Stderr => stderr.extend_from_slice(&bytes),
                }
            }
            std::io::Result::Ok((stdout, stderr))
        };
        let (sent, heard) = tokio::join!(sent, heard);
        spinner.finish_and_clear();
        let lost = |error: std::io::Error| self.failed(&error.to_string());
        let _input = sent?;
        let (stdout, stderr) = heard.map_err(lost)?;
        let status = ended.await.map_err(lost)?;
        Ok(Ended {
            status,
            stdout,
            stderr,
        })
    }

    /// Sends a backup, of which the end is only sent when it is what was read before. The other end is given back, since
    /// nothing is heard any more once it is dropped.
    async fn send<W: tokio::io::AsyncWrite + Unpin>(
        &self,
        file: Option<File>,
        mut input: W,
        spinner: &indicatif::ProgressBar,
    ) -> Result<W, Failure> {
        let Some(file) = file else {
            let _ = input.shutdown().await;
            return Ok(input);
        };
        let damaged = |damage: Damage| refused(self.name, &damage);
        let mut reader = Reader::new(file);
        let mut bytes = 0;
        loop {
            let part = reader.next().map_err(damaged)?;
            if part.is_empty() {
                break;
            }
            bytes += part.len() as u64;
            spinner.set_message(format!(
                "{} of {} loaded",
                HumanBytes(bytes),
                HumanBytes(self.whole.bytes)
            ));
            // A client that meets an error reads no more, and says why.
            if input.write_all(&part).await.is_err() {
                return Ok(input);
            }
        }
        let (rest, whole) = reader.finish().map_err(damaged)?;
        if whole != *self.whole {
            let why = "it is another file than a moment ago".to_owned();
            return Err(damaged(Damage::Damaged(why)));
        }
        let _ = input.write_all(&rest).await;
        let _ = input.shutdown().await;
        Ok(input)
    }
}
