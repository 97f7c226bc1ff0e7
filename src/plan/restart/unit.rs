//! A release that a unit runs is restarted without losing a request: a second unit of the same source stands in.

use super::{NOT_NEEDED, STANDS_IN, phase, stand_in};
use crate::model::{App, HostPath, Layout, Owner, ReleaseId, RemoteFile, Service};
use crate::plan::deploy::drain;
use crate::plan::host::HostPlan;
use crate::plan::instance::Instance;
use crate::plan::record::{Record, RecordedFile};
use crate::plan::step::{Action, Folder, Process};

impl HostPlan<'_> {
    pub(super) fn restart_unit(
        &mut self,
        service: &Service,
        app: &App,
        record: &Record,
        there: &Instance,
    ) {
        let (layout, id) = (self.layout.clone(), &record.id);
        let standing_in = stand_in(id);
        let Some([environment, unit]) = files(&layout, service, record, &standing_in) else {
            let path = Record::path(&layout, &service.name, id);
            let why = format!("the record of release {id} tells of no unit ({path})");
            return self.refuse(why, "`stackctl deploy` writes it again");
        };
        let user = layout.user(service);
        let own = layout.release(&service.name, &standing_in);
        let folder = Folder {
            path: own.clone(),
            mode: 0o710,
            owner: Owner {
                user: 0,
                group: user,
            },
        };
        let step = self.step(phase::PREPARE, Action::PutFolder(folder), STANDS_IN);
        step.undo.push(Action::Remove(own.clone()));
        let put = |file| Action::PutFile { file, before: None };
        self.step(phase::PREPARE, put(environment), STANDS_IN);
        let sockets = layout.socket_folder(&service.name, &standing_in);
        let step = self.socket_folders(service, app.listen, &standing_in, user);
        step.undo.push(Action::Remove(sockets.clone()));
        let path = unit.path.clone();
        let step = self.step(phase::PREPARE, put(unit), STANDS_IN);
        step.undo
            .extend([Action::Remove(path.clone()), Action::ReloadUnits]);
        let reload = Action::ReloadUnits;
        self.step(phase::PREPARE, reload, "a unit file changed");
        let process = Process::Unit(layout.release_unit(&service.name, &standing_in));
        let ending = [
            drain(&process, app, &layout, &service.name, &standing_in),
            process.stop(0),
        ];
        let step = self.step(phase::PREPARE, process.start(), STANDS_IN);
        step.undo.extend(ending);
        self.by_way_of(service, app, (id, there), (&standing_in, &process));
        self.dismiss(service, app, &standing_in, &process);
        for path in [path, own, sockets] {
            self.step(phase::RETIRE, Action::Remove(path), NOT_NEEDED);
        }
        let reload = Action::ReloadUnits;
        self.step(phase::RETIRE, reload, "a unit file is gone");
    }
}

/// The variables and the unit of what stands in for a release: its own, but for the folder of its socket. What is
/// installed, the source and the passwords are the release's.
fn files(
    layout: &Layout,
    service: &Service,
    record: &Record,
    standing_in: &ReleaseId,
) -> Option<[RemoteFile; 2]> {
    let id = &record.id;
    let name = &service.name;
    let swaps = [
        (
            layout.socket_folder(name, id),
            layout.socket_folder(name, standing_in),
        ),
        (
            layout.environment(name, id),
            layout.environment(name, standing_in),
        ),
    ];
    let of = |path: &HostPath, to: HostPath| {
        let there = record.files.iter().find(|file| file.path == *path)?;
        let text = swaps.iter().fold(there.text.clone(), |text, (from, to)| {
            text.replace(from.as_str(), to.as_str())
        });
        let file = RecordedFile {
            path: to,
            text,
            ..there.clone()
        };
        Some(file.file())
    };
    let unit = |id| layout.unit(&layout.release_unit(name, id));
    let [_, (from, to)] = &swaps;
    Some([of(from, to.clone())?, of(&unit(id), unit(standing_in))?])
}
