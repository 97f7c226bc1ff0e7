//! A database's own programs, where its server runs.

use std::collections::BTreeMap;

use crate::cli::args::Global;
use crate::cli::{Console, Failure, Kind, session};
use crate::facts::{DatabaseFacts, SchemaFacts};
use crate::model::Dialect;
use crate::plan::{self, DatabaseLogin, LoginOf, Process};
use crate::runtime::database;
use crate::runtime::docker::{Engine, Exec};
use crate::script::{self, Script};
use crate::transport::{Program, Terminal, TransportError};

use super::{Place, STOP, unstarted};

/// The official images' programs read passwords as root, as which nothing else runs there.
const ROOT: &str = "0";

/// A program that was begun beside a server.
pub(in crate::cli) struct Begun<'a> {
    place: &'a Place,
    /// In a container: what the engine knows it by. Others end with the channel that they have.
    in_container: Option<(Engine, String)>,
}

impl Begun<'_> {
    /// Has it end.
    pub async fn stop(&self) {
        let Some((engine, id)) = &self.in_container else {
            return;
        };
        if let Some(pid) = engine.program_pid(id).await {
            let script = script::signal("TERM", pid);
            // The next look shows whether it still runs.
            let _ = self.place.transport.run(&script, &[], STOP).await;
        }
    }
}

/// A database's own client.
pub(super) fn client(login: &DatabaseLogin, arguments: &[String]) -> Script {
    let DatabaseLogin {
        dialect,
        database,
        user,
        password_file,
        options,
        ..
    } = login;
    match dialect {
        Dialect::Mongodb => script::mongodb_client(password_file, user, database),
        Dialect::Redis => script::redis_client(password_file),
        Dialect::Mysql | Dialect::Mariadb => {
            script::database_client(password_file, options, database)
        }
    }
    .with(arguments)
}

/// What kind of database a service is, before any host is asked.
pub(in crate::cli) fn is_database(
    service: &str,
    global: &Global,
    console: &Console,
) -> Result<Dialect, Failure> {
    let mut global = global.clone();
    global.service = vec![service.to_owned()];
    let loaded = session::load(&global, console)?;
    let services = loaded.stack.services.values();
    let databases: BTreeMap<&str, Dialect> = services
        .filter_map(|service| {
            let login = plan::login(&loaded.stack, service, LoginOf::Stack)?;
            Some((service.name.as_str(), login.dialect))
        })
        .collect();
    if let Some(dialect) = databases.get(service) {
        return Ok(*dialect);
    }
    let names: Vec<&str> = databases.into_keys().collect();
    let hint = match names.as_slice() {
        [] => "the stack has none".to_owned(),
        names => format!("the stack has: {}", names.join(", ")),
    };
    let why = format!("`{service}` is no database that stackctl can open");
    Err(Failure::new(Kind::Usage, why).hint(hint))
}

impl Place {
    /// How its programs get into the database that the service is; a server of ours must run.
    pub(in crate::cli) fn login(&self, of: LoginOf) -> Result<DatabaseLogin, Failure> {
        if self.service.external().is_none() {
            self.running()?;
        }
        let login = plan::login(&self.loaded.stack, &self.service, of);
        Ok(login.expect("it was looked at before"))
    }

    /// What its server says now, which must answer.
    pub(in crate::cli) async fn schema(&self) -> Result<SchemaFacts, Failure> {
        let unheard = |error: TransportError| Failure::transport(self.host.as_str(), &error);
        let mut targets = plan::database_targets(&self.loaded.stack, self.facts()).into_iter();
        let target = targets.find(|(service, _)| service.name == self.service.name);
        let transport = self.transport.as_ref();
        let told = match (target, self.service.external()) {
            (Some((_, target)), _) => match &target.process {
                Process::Container(_) => self.engine().await?.ask_database(&target).await,
                Process::Unit(_) => database::ask(transport, &target).await.map_err(unheard)?,
            },
            (None, Some(external)) => database::reach(transport, external)
                .await
                .map_err(unheard)?,
            (None, None) => DatabaseFacts::Silent("it is no database".to_owned()),
        };
        let name = &self.service.name;
        match told {
            DatabaseFacts::Answers(schema) => Ok(schema),
            DatabaseFacts::Silent(why) => {
                let why = format!("`{name}` does not answer on {}: {why}", self.host);
                Err(Failure::new(Kind::Refused, why)
                    .hint("`stackctl status` shows its state; `stackctl provision` starts it"))
            }
        }
    }

    /// Starts a script where a database's server runs.
    pub(in crate::cli) async fn begin(
        &self,
        login: &DatabaseLogin,
        script: &Script,
        terminal: Option<&Terminal>,
    ) -> Result<(Program, Begun<'_>), Failure> {
        let (program, in_container) = match &login.container {
            Some(container) => {
                let engine = self.engine().await?;
                let exec = Exec {
                    container,
                    argv: script.argv(),
                    user: Some(ROOT.to_owned()),
                    terminal: terminal.cloned(),
                };
                let started = engine.start_program(&exec).await;
                let (id, program) = started.map_err(|error| unstarted(&error))?;
                (program, Some((engine, id)))
            }
            None => {
                let started = self.transport.program(script, terminal).await;
                let program =
                    started.map_err(|error| Failure::transport(self.host.as_str(), &error))?;
                (program, None)
            }
        };
        let begun = Begun {
            place: self,
            in_container,
        };
        Ok((program, begun))
    }
}
