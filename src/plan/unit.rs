//! An app that systemd runs: what is its own before it serves. From the switch on it is an app like those in containers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::container;
use super::deploy::{Serving, drain, phase, switch_cause};
use super::host::{Comparison, HostPlan};
use super::prepare::Again;
use super::record::{Record, RecordedFile};
use super::release::Release;
use super::secret;
use super::step::{Action, Folder, Installation, Process, UnitRun};
use crate::facts::{SourceEntry, SourceTree, UnitFacts, sha256};
use crate::model::{
    App, HostPath, Install, Layout, Listen, Owner, ReleaseId, RemoteFile, Service, Stack, Unit,
};
use crate::render::{self, AppUnit, Provided, RenderError, Templates};

/// The packages that `provision` installs for what a unit or a build asks for.
pub(super) fn packages(service: &Service) -> &'static [&'static str] {
    let build = service.built_on_host().map(|build| build.install);
    match build.or(service.unit().and_then(|unit| unit.install)) {
        Some(Install::Python) => &["python3-venv"],
        Some(Install::Node) => &["nodejs", "npm"],
        Some(Install::Nothing) | None => &[],
    }
}

/// The files of a release, as they would be under any id.
pub fn files(
    templates: &Templates,
    stack: &Stack,
    service: &Service,
    app: (&App, &Unit),
    id: &ReleaseId,
    port: Option<u16>,
) -> Result<AppUnit, RenderError> {
    let layout = Layout::new(&stack.name);
    let mut provided = BTreeMap::new();
    let at = |name: &str| container::release_secret(&layout, service, id, name).to_string();
    provided.extend(container::told_of_databases(stack, service, at));
    provided.extend(secret::told_to_unit(stack, service, id));
    let provided = Provided {
        variables: provided,
        files: secret::environment_files(stack, service, id),
    };
    render::app_unit(templates, stack, service, app, id, &provided, port)
}

/// Names what is installed for a release: the same for all whose requirements are the same.
fn requirements(unit: &Unit, tree: &SourceTree) -> String {
    let digest = |path: &str| match tree.entries.get(path) {
        Some(SourceEntry::File(file)) => file.digest.clone(),
        _ => String::new(),
    };
    let (kind, files): (&str, &[&str]) = match unit.install {
        Some(Install::Node) => ("node", &["package.json", "package-lock.json", ".npmrc"]),
        _ => ("python", &["requirements.txt"]),
    };
    let mut parts = vec![kind.to_owned()];
    parts.extend(files.iter().map(|path| digest(path)));
    if let Some(SourceEntry::File(file)) = tree.entries.get("requirements.txt") {
        let text = String::from_utf8_lossy(file.contents.as_deref().unwrap_or_default());
        // Options name other files, and paths lead into the folder: then all of it counts.
        let leads_on = |line: &str| {
            let line = line.trim();
            line.starts_with(['-', '.', '/']) || line.contains("file:")
        };
        if text.lines().any(leads_on) {
            parts.push(tree.digest());
        }
    }
    sha256(parts.join("\n").as_bytes())[..12].to_owned()
}

impl HostPlan<'_> {
    pub(super) fn unit_app(
        &mut self,
        service: &Service,
        (app, unit): (&App, &Unit),
        release: &Release,
        again: Option<&Again>,
        templates: &Templates,
    ) -> Result<(), RenderError> {
        let id = &release.id;
        let layout = self.layout.clone();
        let name = layout.release_unit(&service.name, id);
        let port = (app.listen == Listen::GivenPort).then(|| self.given_port(service, id));
        let files = files(templates, self.stack, service, (app, unit), id, port)?;
        let proxy = match port {
            Some(port) => render::proxy_units(templates, self.stack, &service.name, id, port)?,
            None => Vec::new(),
        };
        let tmpfiles = render::tmpfiles(templates, self.stack, service, id)?;
        let recorded = [&tmpfiles, &files.environment, &files.unit];
        let record = Record {
            schema: 1,
            service: service.name.clone(),
            id: id.clone(),
            spec: None,
            files: recorded
                .into_iter()
                .chain(&proxy)
                .map(RecordedFile::of)
                .collect(),
            sources: release
                .tree
                .as_ref()
                .map(super::deploy::sources)
                .unwrap_or_default(),
            secrets: release.secrets.record(),
        };
        let runs = self.facts.is_active(&name);
        let link = layout.socket_link(&service.name);
        let target = layout.link_target(&service.name, id);
        let current = self.facts.link(&link).map(str::to_owned);
        let switched = current.as_deref() == Some(target.as_str());
        // It served, and only the link to it is gone.
        let unlinked = current.is_none() && self.has_served(service, id);
        let serves = switched || unlinked;
        let source = layout.source(&service.name, id);
        let is_sent = self.facts.sources.contains_key(&source) || !switched;
        let whole = self.has_release(service, id) && is_sent;
        if serves {
            self.stopped_unit(&name);
        }
        if unlinked {
            let was = format!("a link to {target}");
            self.broken(link.to_string(), was, "gone", "lead it there again");
        }
        // First of all: a reboot in the middle must find it.
        if serves && runs {
            self.run_unit(service, &name);
        }
        let by_hand = match serves && whole {
            true => self.unit_by_hand(service, &files, &source, release),
            false => None,
        };
        // What serves is not stopped to be made again.
        if let Some(why) = by_hand.as_ref().filter(|_| switched && runs) {
            self.keep_edited(service, &record);
            let (release, again) = self.made_again(service, release, String::new(), why);
            return self.unit_app(service, (app, unit), &release, Some(&again), templates);
        }
        let only_unlinked = unlinked && (runs || self.has_socket_folder(service, id));
        if by_hand.is_none() && whole && (switched || only_unlinked) {
            self.file(phase::PREPARE, record.file(&layout));
            self.missing_secrets(service, id);
            self.missing_given(service, release);
            self.seed_unit(service, app, &files, id);
            if !runs && !self.has_socket_folder(service, id) {
                self.socket_folders(service, app.listen, id, layout.user(service));
            }
            if !(serves && runs) {
                self.run_unit(service, &name);
            }
            self.proxy(service, id, proxy);
            if !(runs && switched) {
                self.wait_healthy(service, app, id);
            }
        } else {
            let stopped = self.why_stopped(service);
            let cause = match (again, &by_hand) {
                (Some(again), _) => &again.cause,
                _ if switched && !whole => "its own files are gone",
                (_, Some(by_hand)) => by_hand,
                _ if switched => &stopped,
                _ => switch_cause(current.as_deref()),
            };
            let state = State {
                switched,
                runs,
                push: !(runs && !switched && whole),
                has_run: again.is_some(),
            };
            self.prepare_unit(
                service,
                (app, unit),
                release,
                (&record, &files),
                state,
                cause,
            );
            self.proxy(service, id, proxy);
            self.wait_healthy(service, app, id);
        }
        let cause = match again {
            Some(again) => &again.cause,
            None if unlinked => "the link to what served is gone",
            None => switch_cause(current.as_deref()),
        };
        self.serve(Serving {
            service,
            app,
            id,
            process: Process::Unit(name),
            tmpfiles,
            cause: cause.to_owned(),
            current,
        });
        self.prune_installed(service, unit, release);
        Ok(())
    }

    /// Notes that a unit that serves does not run, or would not after a reboot.
    fn stopped_unit(&mut self, name: &str) {
        let Some(there) = self.facts.units.get(name) else {
            return;
        };
        if !there.is_active() {
            self.broken(format!("unit {name}"), "active", &there.active, "start it");
        } else if there.file != "enabled" {
            let what = format!("unit {name}: at boot");
            self.broken(what, "enabled", &there.file, "enable it again");
        }
    }

    /// Has a unit run whose file stands already.
    fn run_unit(&mut self, service: &Service, name: &str) {
        if self.is_stale(name) {
            self.step(phase::PREPARE, Action::ReloadUnits, "a unit file changed");
        }
        let there = self.facts.units.get(name);
        let runs = there.is_some_and(UnitFacts::is_active);
        if !there.is_some_and(|unit| unit.is_active() && unit.file == "enabled") {
            let cause = match runs {
                true => "it must run, also after a reboot".to_owned(),
                false => self.why_stopped(service),
            };
            self.step(phase::PREPARE, Action::StartUnit(name.to_owned()), cause);
        }
    }

    /// What somebody changed of a release that serves, when it is to be replaced.
    fn unit_by_hand(
        &mut self,
        service: &Service,
        files: &AppUnit,
        source: &HostPath,
        release: &Release,
    ) -> Option<String> {
        let why = self.edited_source(source, release);
        let why = why.or(self.own_files(files));
        let why = why.or(self.edited_secrets(service, &release.id));
        let why = why.or(self.edited_given(service, release));
        let why = why.or(self.changed_url(service, &release.id));
        let units = [
            self.layout.release_unit(&service.name, &release.id),
            // Of all its releases.
            format!("{}.service", self.layout.release_units(&service.name)),
        ];
        let mut added = false;
        for unit in &units {
            added |= self.drop_ins(phase::PREPARE, unit);
        }
        let dropped = "files beside its unit were added on the host".to_owned();
        why.or((added && self.options.overwrite_drift).then_some(dropped))
    }

    /// What somebody edited of the variables and the unit of a release that serves, when it is to be replaced. What differs
    /// otherwise is put right.
    fn own_files(&mut self, files: &AppUnit) -> Option<String> {
        let mut edited = None;
        for file in [&files.environment, &files.unit] {
            let Comparison::Differs {
                before,
                cause,
                edited: by_hand,
            } = self.compare(file)
            else {
                continue;
            };
            if by_hand {
                self.keep_copy(phase::PREPARE, &file.path);
                edited = Some(format!("{} was edited on the host", file.path));
                continue;
            }
            let (file, is_unit) = (file.clone(), file.path == files.unit.path);
            self.step(phase::PREPARE, Action::PutFile { file, before }, cause);
            if is_unit {
                self.step(phase::PREPARE, Action::ReloadUnits, "a unit file changed");
            }
        }
        edited
    }

    /// Why the source of a release that serves is sent again; `None` to leave it as it is.
    fn edited_source(&mut self, source: &HostPath, release: &Release) -> Option<String> {
        let tree = release.tree.as_ref()?;
        if *self.facts.sources.get(source)? == tree.unpacked_digest() {
            return None;
        }
        let was = format!("as release {} was sent", release.id);
        let would = "send it again beside this one, and switch";
        self.edited(source.to_string(), was, "edited", would);
        let why = format!("files in {source} were edited on the host");
        self.options.overwrite_drift.then_some(why)
    }

    /// Everything up to a unit that runs.
    fn prepare_unit(
        &mut self,
        service: &Service,
        (app, unit): (&App, &Unit),
        release: &Release,
        (record, files): (&Record, &AppUnit),
        state: State,
        cause: &str,
    ) {
        let id = &release.id;
        let layout = self.layout.clone();
        let user = layout.user(service);
        let folder = layout.release(&service.name, id);
        let is_new = !self.has_release(service, id);
        // Nobody else reads its source.
        let own = Folder {
            path: folder.clone(),
            mode: 0o710,
            owner: Owner {
                user: 0,
                group: user,
            },
        };
        let step = self.step(
            phase::PREPARE,
            Action::PutFolder(own),
            "the release's own files",
        );
        if is_new && !state.switched {
            step.undo.push(Action::Remove(folder));
        }
        let source = layout.source(&service.name, id);
        if let Some(tree) = release.tree.as_ref().filter(|_| state.push) {
            let right = self.facts.sources.get(&source) == Some(&tree.unpacked_digest());
            if !right {
                let push = Action::PushTree {
                    tree: Box::new(tree.clone()),
                    to: source.clone(),
                };
                self.step(phase::PREPARE, push, cause);
            }
            self.install(service, unit, id, tree);
        }
        for file in [files.environment.clone(), record.file(&layout)] {
            self.own(&file);
            let put = Action::PutFile { file, before: None };
            self.step(phase::PREPARE, put, "all that a rollback needs");
        }
        for copy in self.secret_copies(service, id) {
            self.step(phase::PREPARE, copy, format!("`{}` needs it", service.name));
        }
        self.put_secrets(service, release);
        let undo = Action::Remove(layout.socket_folder(&service.name, id));
        let step = self.socket_folders(service, app.listen, id, user);
        if !state.switched {
            step.undo.push(undo);
        }
        let verify = Action::VerifyUnit {
            unit: files.unit.clone(),
            folder: source.clone(),
            path: files.path.clone(),
            program: files.command.first().cloned().unwrap_or_default(),
        };
        self.step(phase::PREPARE, verify, "before systemd goes by it");
        let name = layout.release_unit(&service.name, id);
        let stands = self.facts.units.get(&name);
        if state.switched && stands.is_some_and(|unit| unit.active != "inactive") {
            self.step(phase::PREPARE, Action::StopUnit(name.clone()), cause);
        }
        // Before the new release starts, as for containers.
        if let Some(command) = files.release.as_ref().filter(|_| !state.has_run) {
            let (run, undo) = self.unit_once(service, app, files, id, "release", command);
            let step = self.step(phase::PREPARE, run, "release phase");
            step.undo.push(undo);
        }
        self.seed_unit(service, app, files, id);
        let undo = match state.switched || state.runs {
            true => Vec::new(),
            false => vec![
                drain(
                    &Process::Unit(name.clone()),
                    app,
                    &layout,
                    &service.name,
                    id,
                ),
                Action::StopUnit(name.clone()),
            ],
        };
        self.own(&files.unit);
        let path = files.unit.path.clone();
        let is_new = !self.facts.files.contains_key(&path);
        let put = Action::PutFile {
            file: files.unit.clone(),
            before: None,
        };
        let step = self.step(phase::PREPARE, put, cause);
        if is_new && !state.switched {
            step.undo
                .extend([Action::Remove(path), Action::ReloadUnits]);
        }
        self.step(phase::PREPARE, Action::ReloadUnits, "a unit file changed");
        let step = self.step(phase::PREPARE, Action::StartUnit(name), cause);
        step.undo.extend(undo);
    }

    /// Runs a command once as a release, beside whatever else of it runs; and what ends it.
    fn unit_once(
        &self,
        service: &Service,
        app: &App,
        files: &AppUnit,
        id: &ReleaseId,
        purpose: &str,
        command: &[String],
    ) -> (Action, Action) {
        let units = self.layout.release_units(&service.name);
        let name = format!("{units}{purpose}-{id}.service");
        let undo = Action::StopUnit(name.clone());
        let run = UnitRun {
            name,
            properties: properties(&files.unit),
            command: command.to_vec(),
            deadline: Duration::from_secs(u64::from(app.release_deadline)),
        };
        (Action::RunUnitOnce(Box::new(run)), undo)
    }

    /// Loads the data of an app, where that is due.
    fn seed_unit(&mut self, service: &Service, app: &App, files: &AppUnit, id: &ReleaseId) {
        let command = files.seed.clone().unwrap_or_default();
        let (run, undo) = self.unit_once(service, app, files, id, "seed", &command);
        self.seed(service, app, |_| (run, undo));
    }

    fn install(&mut self, service: &Service, unit: &Unit, id: &ReleaseId, tree: &SourceTree) {
        let Some(install @ (Install::Python | Install::Node)) = unit.install else {
            return;
        };
        let layout = self.layout.clone();
        let digest = requirements(unit, tree);
        let folder = layout.installed(&service.name);
        let below =
            |name: &str| -> HostPath { format!("{folder}/{name}").parse().expect("a plain name") };
        let entries = self.facts.entries.get(folder.as_str());
        let whole = format!("{digest}.whole");
        let is_there = entries.is_some_and(|names| names.contains_key(&whole));
        let cause = match is_there {
            true => "it is installed already",
            false => "no release has had these requirements",
        };
        let installation = Installation {
            install,
            source: layout.source(&service.name, id),
            to: below(&digest),
            link: layout.installed_link(&service.name, id),
            user: layout.user(service),
        };
        let undo = [
            Action::Remove(below(&whole)),
            Action::Remove(below(&digest)),
        ];
        let install = Action::Install(Box::new(installation));
        let step = self.step(phase::PREPARE, install, cause);
        if !is_there {
            step.undo.extend(undo);
        }
    }

    /// What is installed for no release that is kept.
    fn prune_installed(&mut self, service: &Service, unit: &Unit, release: &Release) {
        let folder = self.layout.installed(&service.name);
        let Some(entries) = self.facts.entries.get(folder.as_str()) else {
            return;
        };
        let kept = self.kept(service, &release.id);
        let mut wanted: Vec<String> = kept
            .iter()
            .filter_map(|id| {
                let link = self.layout.installed_link(&service.name, id);
                let target = self.facts.link(&link)?;
                target.rsplit('/').next().map(str::to_owned)
            })
            .collect();
        wanted.extend(release.tree.as_ref().map(|tree| requirements(unit, tree)));
        // `DIGEST.whole` comes after `DIGEST`, and must go before it.
        for name in entries.keys().rev() {
            let digest = name.strip_suffix(".whole").unwrap_or(name);
            if wanted.iter().any(|wanted| wanted == digest) {
                continue;
            }
            if let Ok(path) = format!("{folder}/{name}").parse() {
                self.step(
                    phase::RETIRE,
                    Action::Remove(path),
                    "no release that is kept needs it",
                );
            }
        }
    }

    /// The loopback port of a release: the one that it has, else a free one.
    fn given_port(&self, service: &Service, id: &ReleaseId) -> u16 {
        let unit = self.layout.proxy_unit(&service.name, id);
        let proxy = self.contents(&self.layout.unit(&format!("{unit}.service")));
        let text = proxy.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let has = text.as_deref().and_then(|text| {
            let (_, rest) = text.split_once(" 127.0.0.1:")?;
            rest.lines().next()?.trim().parse().ok()
        });
        has.unwrap_or_else(|| self.free_port(id))
    }
}

/// How a release stands before it is prepared.
#[derive(Clone, Copy)]
struct State {
    switched: bool,
    runs: bool,
    /// Whether its source may be replaced: not below one that runs.
    push: bool,
    /// Whether it had its release phase.
    has_run: bool,
}

/// What a unit says of its process, without what starts, stops and restarts it, and without the folder of its socket, which a
/// second process must not bind or remove.
pub(super) fn properties(unit: &RemoteFile) -> Vec<String> {
    const OWN: [&str; 7] = [
        "Exec",
        "Restart",
        "Type=",
        "Kill",
        "TimeoutStopSec=",
        "ReadWritePaths=",
        "WantedBy=",
    ];
    let text = String::from_utf8_lossy(&unit.contents);
    let (_, service) = text.split_once("[Service]\n").unwrap_or_default();
    let lines = service.lines().filter(|line| {
        line.starts_with(|c: char| c.is_ascii_uppercase())
            && !OWN.iter().any(|own| line.starts_with(own))
    });
    lines.map(str::to_owned).collect()
}
