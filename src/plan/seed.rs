//! The data that an app begins with: loaded once on a host, and again only when somebody asks for it.

use super::deploy::phase;
use super::host::HostPlan;
use super::step::Action;
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
        let file = RemoteFile {
            path: mark,
            mode: 0o600,
            owner: Owner::ROOT,
            contents: format!("{}\n", command.join(" ")).into_bytes(),
        };
        let remember = Action::PutFile { file, before: None };
        self.step(phase::PREPARE, remember, "its data was loaded here");
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

/// The marks of the services whose data lies in a database.
pub(super) fn marks(
    stack: &Stack,
    layout: &crate::model::Layout,
    database: &ServiceName,
) -> Vec<HostPath> {
    let services = stack.services.values();
    services
        .filter(|service| service.needs.contains(database))
        .map(|service| layout.seeded(&service.name))
        .collect()
}
