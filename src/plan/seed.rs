//! The data that an app begins with: loaded once on a host, and again only when somebody asks for it.

use super::deploy::phase;
use super::host::HostPlan;
use super::login::{LoginOf, login};
use super::step::{Action, DatabaseInit};
use crate::facts::{DatabaseFacts, sha256};
use crate::model::{App, HostPath, Owner, RemoteFile, Service, ServiceName, Stack};

impl HostPlan<'_> {
    /// Runs an app's seed with `run`, where it is due, and has the host remember that it ended well. What it loaded is not
    /// taken back with the release: the next run finds the mark and leaves the data alone.
    pub(super) fn seed(
        &mut self,
        service: &Service,
        app: &App,
        run: impl FnOnce(&[String]) -> (Action, Action),
    ) {
        let Some(command) = &app.seed else { return };
        let mark = self.layout.seeded(&service.name);
        let cause = match self.facts.files.contains_key(&mark) {
            true if self.options.seed => "--seed was given",
            true => return,
            false => "it has not loaded its data here",
        };
        let (run, undo) = run(command);
        let step = self.step(phase::PREPARE, run, cause);
        step.undo.push(undo);
        self.remember(phase::PREPARE, mark, command, "its data was loaded here");
    }

    /// Loads SQL into a database that has no table, where it is due, before anything of a release: images are made in that
    /// phase, on all hosts. One of the hosts does it where they share a server. What it loaded is not taken back either.
    pub(super) fn init_database(&mut self, service: &Service) {
        let files = service.init();
        if files.is_empty() || service.hosts.first() != Some(&self.host.name) {
            return;
        }
        let mark = self.layout.seeded(&service.name);
        let was_loaded = self.facts.files.contains_key(&mark);
        if was_loaded && !self.options.seed {
            return;
        }
        let tables = match self.facts.database(&service.name) {
            Some(DatabaseFacts::Answers(schema)) => schema.tables,
            _ => 0,
        };
        let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
        if tables > 0 {
            let text = format!(
                "`init` of `{}` is left out: its database has tables",
                service.name
            );
            self.note(text);
            if !was_loaded {
                let cause = "its database has tables already";
                self.remember(phase::IMAGES, mark, &names, cause);
            }
            return;
        }
        let Some(login) = login(self.stack, service, LoginOf::Stack) else {
            return;
        };
        let cause = match was_loaded {
            true => "--seed was given, and the database has no table",
            false => "the database has no table",
        };
        let digests = files.iter();
        let init = DatabaseInit {
            service: service.name.clone(),
            login,
            files: files.to_vec(),
            digests: digests
                .map(|file| sha256(file.contents.reveal().as_bytes()))
                .collect(),
        };
        let load = Action::InitDatabase(Box::new(init));
        self.step(phase::IMAGES, load, cause);
        self.remember(phase::IMAGES, mark, &names, "its data was loaded here");
    }

    fn remember(&mut self, phase: u16, mark: HostPath, words: &[String], cause: &str) {
        let file = RemoteFile {
            path: mark,
            mode: 0o600,
            owner: Owner::ROOT,
            contents: format!("{}\n", words.join(" ")).into_bytes(),
        };
        self.step(phase, Action::PutFile { file, before: None }, cause);
    }

    /// Forgets that data was loaded into a database that is made anew.
    pub(super) fn forget_seeds(&mut self, database: &ServiceName) {
        for mark in marks(self.stack, &self.layout, database) {
            if self.facts.files.contains_key(&mark) {
                self.step(0, Action::Remove(mark), "its database is new");
            }
        }
    }
}

/// The marks of a database, and of the services whose data lies in it.
pub(super) fn marks(
    stack: &Stack,
    layout: &crate::model::Layout,
    database: &ServiceName,
) -> Vec<HostPath> {
    let services = stack.services.values();
    services
        .filter(|service| service.name == *database || service.needs.contains(database))
        .map(|service| layout.seeded(&service.name))
        .collect()
}
