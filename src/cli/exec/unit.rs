//! Programs beside what systemd runs.

use tokio::sync::watch;

use super::{GRACE, Place, STOP, attended, passed_on};
use crate::cli::{Failure, Kind, journal};
use crate::model::{Layout, ReleaseId};
use crate::plan::{Asked, Record, UnitProgram};
use crate::script;
use crate::transport::Terminal;

impl Place {
    /// A program in what the unit of a release, or else the host's own server, runs in.
    pub(super) fn beside(
        &self,
        unit: &str,
        release: Option<&ReleaseId>,
        command: Vec<String>,
        user: Option<String>,
    ) -> Result<UnitProgram, Failure> {
        if let Some(id) = release {
            return self.beside_release(&self.record(id)?, Some(unit), command, user);
        }
        let layout = Layout::new(&self.loaded.stack.name);
        let asked = asked(command, user);
        Ok(UnitProgram::beside_server(
            &layout,
            &self.service,
            unit,
            asked,
        ))
    }

    /// A program made as a release is; in what its unit runs in, when that is `running`.
    pub(super) fn beside_release(
        &self,
        record: &Record,
        running: Option<&str>,
        command: Vec<String>,
        user: Option<String>,
    ) -> Result<UnitProgram, Failure> {
        let layout = Layout::new(&self.loaded.stack.name);
        let asked = asked(command, user);
        UnitProgram::beside_release(&layout, &self.service, record, running, asked).ok_or_else(
            || {
                let path = Record::path(&layout, &self.service.name, &record.id);
                let why = format!(
                    "the record of release {} tells of no unit ({path})",
                    record.id
                );
                Failure::new(Kind::Refused, why).hint("`stackctl deploy` writes it again")
            },
        )
    }

    /// What a release was.
    pub(super) fn record(&self, id: &ReleaseId) -> Result<Record, Failure> {
        let (layout, name) = (Layout::new(&self.loaded.stack.name), &self.service.name);
        Record::of(self.facts(), &layout, name, id).ok_or_else(|| {
            let path = Record::path(&layout, name, id);
            let why = format!("the record of release {id} cannot be read ({path})");
            Failure::new(Kind::Refused, why).hint("`stackctl deploy` writes it again")
        })
    }

    /// Runs it until it has ended, or has it ended.
    pub(super) async fn in_unit(
        &self,
        program: &UnitProgram,
        terminal: Option<Terminal>,
        cancelled: watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        let _guard = self.guard("unit", &program.name).await?;
        let how = match terminal {
            Some(_) => "pty",
            None => "pipe",
        };
        let inside = script::in_unit();
        let words = ["--", "/bin/sh", "-c", inside.body, inside.name].map(str::to_owned);
        let words = words.into_iter().chain(program.command.iter().cloned());
        let properties = program.properties.iter();
        let script = script::run_in_unit(&program.name, how, &program.description)
            .with(properties.map(|property| format!("--property={property}")))
            // systemd would put variables there.
            .with(words.map(|word| word.replace('$', "$$")));
        let started = self.transport.program(&script, terminal.as_ref()).await;
        let started = started.map_err(|error| Failure::transport(self.host.as_str(), &error))?;
        let stop = async {
            let script = script::stop_unit(&program.name).with([GRACE]);
            // What we do not come to, the guard does.
            let _ = self.transport.run(&script, &[], STOP).await;
        };
        passed_on(attended(started, terminal.is_some(), cancelled, stop).await?)
    }
}

fn asked(command: Vec<String>, user: Option<String>) -> Asked {
    Asked {
        command,
        user,
        suffix: journal::run_id(),
        grace: GRACE,
    }
}
