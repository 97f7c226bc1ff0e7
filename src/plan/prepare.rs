//! Everything up to a release that runs and is healthy; also of one that serves already and is made again beside itself.

use std::time::Duration;

use super::container::{self, ContainerSpec, label};
use super::deploy::{drain, phase};
use super::host::HostPlan;
use super::record::Record;
use super::release::Release;
use super::step::{Action, Folder, ImageBuild};
use crate::facts::ContainerFacts;
use crate::model::{App, AppSource, BuildPlace, Layout, Owner, ReleaseId, Service, Stack};
use crate::render::{RenderError, Templates};

/// A release that is made again, though it serves.
pub(super) struct Again {
    /// The image that it runs.
    pub image: String,
    pub cause: String,
}

/// What is known of a release that is to run.
#[derive(Clone, Copy)]
pub(super) struct Preparation<'a> {
    pub release: &'a Release,
    pub record: &'a Record,
    pub spec: &'a ContainerSpec,
    /// Its container, when there is one.
    pub there: Option<&'a ContainerFacts>,
    /// Whether that is as it should be.
    pub same: bool,
    /// Whether it is what nginx is led to.
    pub switched: bool,
    /// Whether it serves, or did until the link to it went.
    pub serves: bool,
    pub cause: &'a str,
    pub again: Option<&'a Again>,
}

/// An image that a host is to have.
#[derive(Clone, Copy)]
pub(super) struct Making<'a> {
    pub service: &'a Service,
    pub source: &'a AppSource,
    pub release: &'a Release,
    pub tag: &'a str,
    /// The image that it is another name of.
    pub made_of: Option<&'a str>,
    pub cause: &'a str,
}

impl HostPlan<'_> {
    /// Makes a release that serves again under another id, as every new release comes: beside the one that serves, which
    /// is left alone until the other has its requests.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a fact that the caller has at hand"
    )]
    pub(super) fn beside(
        &mut self,
        service: &Service,
        app: &App,
        release: &Release,
        record: &Record,
        there: &ContainerFacts,
        why: String,
        templates: &Templates,
    ) -> Result<(), RenderError> {
        self.keep_edited(service, record);
        if let Some(spec) = &record.spec {
            self.stops_restarting(spec, there);
        }
        let (release, again) = self.made_again(service, release, there.image_id.clone(), &why);
        self.app(service, app, &release, Some(&again), templates)
    }

    /// A release under another id, which the one that serves leaves its place to.
    pub(super) fn made_again(
        &mut self,
        service: &Service,
        release: &Release,
        image: String,
        why: &str,
    ) -> (Release, Again) {
        let old = &release.id;
        // A rollback goes past it, to another content.
        let mark = self.layout.mark(&service.name, old);
        self.commit.leaves.push(mark);
        let again = Again {
            image,
            cause: format!("{old} is made again: {why}"),
        };
        let release = Release {
            id: self.next_again(service, release),
            ..release.clone()
        };
        (release, again)
    }

    pub(super) fn wait_healthy(&mut self, service: &Service, app: &App, id: &ReleaseId) {
        let wait = Action::WaitHealthy {
            process: self.process(service, id),
            socket: self.layout.socket(&service.name, id),
            health: app.health.clone(),
        };
        self.step(phase::PREPARE, wait, "it must be healthy before it serves");
    }

    /// Loads the data of an app in a container, where that is due.
    pub(super) fn seed_container(&mut self, service: &Service, app: &App, spec: &ContainerSpec) {
        let deadline = Duration::from_secs(u64::from(app.release_deadline));
        self.seed(service, app, |command| {
            let once = container::one_off(spec, "seed", command.to_vec());
            let undo = Action::RemoveContainer(once.name.clone());
            let spec = Box::new(once);
            (Action::RunOnce { spec, deadline }, undo)
        });
    }

    /// Has the host have the image of a release.
    pub(super) fn image(&mut self, making: &Making<'_>) {
        let Making {
            service,
            source,
            release,
            tag,
            made_of,
            cause,
        } = *making;
        let docker = self.facts.docker.as_ref();
        let has = |steps: &[super::Step]| {
            // Two services may be pulled from one image.
            let pulls = |step: &super::Step| matches!(&step.action, Action::PullImage(image) if image == tag);
            steps.iter().any(pulls)
        };
        if docker.is_some_and(|docker| docker.has_image(tag)) || has(&self.steps) {
            return;
        }
        let made_of = made_of.filter(|image| !image.is_empty());
        match (source, &release.tree) {
            // The very image that serves, and not one that is built from the same files.
            (AppSource::Build(_), _) if let Some(image) = made_of => {
                let (image, tag) = (image.to_owned(), tag.to_owned());
                self.step(phase::IMAGES, Action::TagImage { image, tag }, cause);
            }
            (AppSource::Build(build), Some(tree)) => {
                let place = build.place;
                let args = build
                    .args
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.clone()))
                    .collect();
                let dockerfile = build.dockerfile.as_ref().map_or_else(
                    || ".stackctl.Dockerfile".to_owned(),
                    |path| path.to_string_lossy().into_owned(),
                );
                let build = ImageBuild {
                    tag: tag.to_owned(),
                    context: tree.clone(),
                    dockerfile,
                    rendered: release.dockerfile.clone(),
                    target: build.target.clone(),
                    args,
                    labels: own_labels(self.stack, service, &release.id),
                    push: build.push.as_ref().map(ToString::to_string),
                };
                let build = Box::new(build);
                let action = match place {
                    BuildPlace::Host => Action::BuildImage(build),
                    BuildPlace::Local => Action::BuildImageHere(build),
                };
                self.step(phase::IMAGES, action, cause);
            }
            _ => {
                self.step(
                    phase::IMAGES,
                    Action::PullImage(tag.to_owned()),
                    "not on the host",
                );
            }
        }
    }

    /// Everything up to a running container.
    pub(super) fn prepare(&mut self, service: &Service, app: &App, what: &Preparation<'_>) {
        let Preparation {
            release,
            record,
            spec,
            there,
            same,
            switched,
            serves,
            cause,
            again,
        } = *what;
        let id = &release.id;
        let layout = self.layout.clone();
        self.image(&Making {
            service,
            source: &app.source,
            release,
            tag: &spec.image,
            made_of: again.map(|again| again.image.as_str()),
            cause,
        });
        let folder = layout.release(&service.name, id);
        let is_new = !self.has_release(service, id);
        let own = Folder {
            path: folder.clone(),
            mode: 0o711,
            owner: Owner::ROOT,
        };
        let step = self.step(
            phase::PREPARE,
            Action::PutFolder(own),
            "the release's own files",
        );
        if is_new && !switched {
            step.undo.push(Action::Remove(folder.clone()));
        }
        // What is only started again keeps what somebody edited of it.
        if same && !is_new && there.is_some() {
            self.file(phase::PREPARE, record.file(&layout));
            self.missing_secrets(service, id);
            self.missing_given(service, release);
            if let Some(composed) = &app.composed {
                self.missing_files(service, composed, id);
            }
        } else {
            self.keep_edited(service, record);
            let record = record.file(&layout);
            self.own(&record);
            self.step(
                phase::PREPARE,
                Action::PutFile {
                    file: record,
                    before: None,
                },
                "all that a rollback needs",
            );
            for copy in self.secret_copies(service, id) {
                self.step(phase::PREPARE, copy, format!("`{}` needs it", service.name));
            }
            self.put_secrets(service, release);
            if let Some(composed) = &app.composed {
                self.composed_files(service, composed, id);
            }
        }
        if let Some(composed) = &app.composed {
            self.await_others(composed);
            if there.is_none() && self.serving(service).is_some() {
                self.two_writers(service, composed);
            }
        }
        // The run folder and the link's folder are made by the same rule as at boot, but only the new release's part:
        // the file itself is written at the switch.
        let undo = Action::Remove(layout.socket_folder(&service.name, id));
        let step = self.socket_folders(service, app.listen, id, Layout::APP_USER);
        if !switched {
            step.undo.push(undo);
        }
        if let Some(there) = there.filter(|_| !same) {
            let relabelled = there.labels.get(label::SPEC) != spec.labels.get(label::SPEC);
            let cause = if relabelled {
                "its definition changed"
            } else {
                cause
            };
            if there.is_running() || there.state == "restarting" {
                let (name, grace) = (spec.name.clone(), spec.stop_grace);
                self.step(phase::PREPARE, Action::StopContainer { name, grace }, cause);
            }
            self.step(
                phase::PREPARE,
                Action::RemoveContainer(spec.name.clone()),
                cause,
            );
        }
        // What served, and what is made of it again, had its release phase.
        let has_run = again.is_some() || serves && same && there.is_some();
        // Before the new release starts: it may refuse to start, or to call itself healthy, without its tables. What
        // it changes must suit the release that still serves.
        if let Some(command) = app.release.as_ref().filter(|_| !has_run) {
            let once = container::one_off(spec, "release", command.clone());
            let undo = Action::RemoveContainer(once.name.clone());
            let step = self.step(
                phase::PREPARE,
                Action::RunOnce {
                    spec: Box::new(once),
                    deadline: Duration::from_secs(u64::from(app.release_deadline)),
                },
                "release phase",
            );
            step.undo.push(undo);
        }
        self.seed_container(service, app, spec);
        let was_there = same && there.is_some();
        let was_running = same && there.is_some_and(ContainerFacts::is_running);
        let start = if was_there {
            Action::StartContainer(spec.name.clone())
        } else {
            Action::RunContainer(Box::new(spec.clone()))
        };
        let process = self.process(service, id);
        let wait = drain(&process, app, &layout, &service.name, id);
        let step = self.step(phase::PREPARE, start, cause);
        // The one that serves is mended, not replaced: there is nothing to go back to. One that is kept stays.
        if !switched && !was_running {
            // Taken back after the switch, it may hold requests still.
            step.undo.push(wait);
            // Told to stop, it ends its transactions: killed, it can leave locks in a database that serves others.
            step.undo.push(Action::StopContainer {
                name: spec.name.clone(),
                grace: 2,
            });
            if !was_there {
                step.undo.push(Action::RemoveContainer(spec.name.clone()));
            }
        }
    }
}

fn own_labels(
    stack: &Stack,
    service: &Service,
    id: &ReleaseId,
) -> std::collections::BTreeMap<String, String> {
    [
        (label::STACK, stack.name.to_string()),
        (label::SERVICE, service.name.to_string()),
        (label::RELEASE, id.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}
