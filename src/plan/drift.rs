//! What somebody changed on a host since stackctl was there: files, units, links, containers, images, databases.

mod container;

use container::{RESTART, changes};

use super::compare::compare as compare_records;
use super::container::{self as containers, ContainerSpec, Handed};
use super::deploy::phase;
use super::host::HostPlan;
use super::record::Record;
use super::step::Action;
use crate::facts::{ContainerFacts, DatabaseFacts};
use crate::model::{HostName, HostPath, Owner, ReleaseId, RemoteFile, Service};

/// One thing that is no longer as it was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    pub host: HostName,
    /// A path, a unit, `container NAME: memory limit`, …
    pub what: String,
    pub was: String,
    pub is: String,
    /// What mends it, in the infinitive.
    pub would: String,
    /// Whether it stays as it is until `--overwrite-drift` is given.
    pub is_left: bool,
    /// From what stands there to what would, for files that hold no secret.
    pub diff: Option<String>,
}

impl Drift {
    pub fn words(&self) -> String {
        let Self {
            what,
            was,
            is,
            would,
            ..
        } = self;
        if self.is_left {
            format!(
                "{what} was {was}, is {is}, and is left as it is; --overwrite-drift would {would}"
            )
        } else {
            format!("{what} was {was}, is {is}: to {would}")
        }
    }
}

impl HostPlan<'_> {
    /// Notes what the plan mends without being told to: it is broken, and nobody can have wanted it.
    pub(super) fn broken(
        &mut self,
        what: impl Into<String>,
        was: impl Into<String>,
        is: impl Into<String>,
        would: impl Into<String>,
    ) -> &mut Drift {
        self.drift.push(Drift {
            host: self.host.name.clone(),
            what: what.into(),
            was: was.into(),
            is: is.into(),
            would: would.into(),
            is_left: false,
            diff: None,
        });
        self.drift.last_mut().expect("just pushed")
    }

    /// Notes what somebody may have wanted, which is left alone unless told otherwise.
    pub(super) fn edited(
        &mut self,
        what: impl Into<String>,
        was: impl Into<String>,
        is: impl Into<String>,
        would: impl Into<String>,
    ) -> &mut Drift {
        let is_left = !self.options.overwrite_drift;
        let drift = self.broken(what, was, is, would);
        drift.is_left = is_left;
        drift
    }

    /// Whether stackctl has been on this host for this stack, so that what is missing was there.
    pub(super) fn was_here(&self) -> bool {
        !self.facts.manifest.files.is_empty()
    }

    /// What a container that was made from `spec` is to be made again for; `None` to leave it as it is. What somebody
    /// changed is left alone unless told otherwise.
    pub(super) fn changed_by_hand(
        &mut self,
        spec: &ContainerSpec,
        there: &ContainerFacts,
        would: &str,
    ) -> Option<String> {
        let changes = changes(spec, there);
        for change in &changes {
            let what = format!("container {}: {}", spec.name, change.what);
            self.edited(what, &change.was, &change.is, would);
        }
        if changes.is_empty() || !self.options.overwrite_drift {
            return None;
        }
        let words: Vec<String> = changes.iter().map(container::Change::words).collect();
        Some(format!("changed on the host: {}", words.join("; ")))
    }

    /// A tag that somebody gave to another image. What runs stays what it is, but would not be made again as it is
    /// before the tag means its image again.
    pub(super) fn swapped_image(&mut self, spec: &ContainerSpec, there: &ContainerFacts) {
        let images = self.facts.docker.as_ref().map(|docker| &docker.images);
        let tagged = images.and_then(|images| images.get(&spec.image));
        let Some(tagged) = tagged.filter(|tagged| {
            there.details.is_some() && !there.image_id.is_empty() && tagged.id != there.image_id
        }) else {
            return;
        };
        let (was, is) = (
            format!(
                "{}, which container {} runs",
                short(&there.image_id),
                spec.name
            ),
            short(&tagged.id).to_owned(),
        );
        let would = "have it mean that image again";
        self.edited(format!("image {}", spec.image), was, is, would);
        if self.options.overwrite_drift {
            let image = there.image_id.clone();
            let tag = spec.image.clone();
            let cause = "somebody gave its name to another image";
            self.step(phase::PREPARE, Action::TagImage { image, tag }, cause);
        }
    }

    /// A container that should run and does not.
    pub(super) fn stopped(&mut self, spec: &ContainerSpec, there: &ContainerFacts) {
        if !there.is_running() {
            let what = format!("container {}", spec.name);
            self.broken(what, "running", &there.state, "start it");
        }
    }

    /// The engine must start what serves again after a crash or a reboot, whatever somebody told it.
    pub(super) fn keep_restarting(
        &mut self,
        phase: u16,
        spec: &ContainerSpec,
        there: &ContainerFacts,
    ) {
        if let Some(policy) = self.stops_restarting(spec, there) {
            let cause = format!("its restart policy was {RESTART}, is {policy}");
            self.step(phase, Action::StartContainer(spec.name.clone()), cause);
        }
    }

    /// Notes a policy by which the engine would not start again what serves.
    pub(super) fn stops_restarting(
        &mut self,
        spec: &ContainerSpec,
        there: &ContainerFacts,
    ) -> Option<String> {
        let policy = there
            .details
            .as_ref()
            .map(|details| &details.settings.restart);
        let policy = policy.filter(|policy| spec.restart && *policy != RESTART)?;
        let policy = if policy.is_empty() { "no" } else { policy };
        let what = format!("container {}: restart policy", spec.name);
        self.broken(what, RESTART, policy, "set it again");
        Some(policy.to_owned())
    }

    /// Files that somebody laid beside a unit of ours, by which systemd goes as well.
    /// Whether there are any.
    pub(super) fn drop_ins(&mut self, phase: u16, unit: &str) -> bool {
        let folder = format!("{}.d/", self.layout.unit(unit));
        let paths = self.facts.files.keys();
        let found: Vec<HostPath> = paths
            .filter(|path| path.as_str().starts_with(&folder))
            .cloned()
            .collect();
        for path in &found {
            let contents = self.contents(path).unwrap_or_default();
            let diff = super::text::diff(&String::from_utf8_lossy(&contents), "");
            let would = "keep a copy and remove it";
            let drift = self.edited(path.to_string(), "absent", "there", would);
            drift.diff = Some(diff).filter(|diff| !diff.is_empty());
            if self.options.overwrite_drift {
                self.keep_copy(phase, path);
                self.step(
                    phase,
                    Action::Remove(path.clone()),
                    "it changes a unit of ours",
                );
            }
        }
        if !found.is_empty() && self.options.overwrite_drift {
            self.step(phase, Action::ReloadUnits, "a unit file is gone");
        }
        !found.is_empty()
    }

    /// Notes a file of ours that somebody edited.
    pub(super) fn edited_file(&mut self, file: &RemoteFile, is_known: bool) {
        let path = &file.path;
        let there = self.facts.files.get(path);
        let is = there.and_then(|there| there.digest.as_deref());
        let known = self.facts.manifest.files.get(path);
        let digest = |digest: &str| format!("sha256 {}", digest.get(..12).unwrap_or(digest));
        let was = match known.filter(|_| is_known) {
            Some(known) => digest(&known.digest),
            None => "unknown, as the list of what is ours is gone".to_owned(),
        };
        let mut is = is.map_or_else(|| "no file".to_owned(), digest);
        let stands = self.contents(path);
        let mut diff = None;
        if path.as_str().ends_with("/release.json") {
            // What somebody put into a variable may be a secret.
            let read = |bytes: &[u8]| serde_json::from_slice::<Record>(bytes).ok();
            let stood = stands.as_deref().and_then(read);
            is = match (stood, read(&file.contents)) {
                (Some(stood), Some(wanted)) => {
                    let all = compare_records(&wanted, &stood);
                    let names = all.iter().map(|one| format!("{} {}", one.what, one.how));
                    format!("{is} ({})", names.collect::<Vec<_>>().join(", "))
                }
                _ => format!("{is}, which cannot be read"),
            };
        } else if path.as_str().ends_with("/environment") {
            // As may be in variables.
        } else if let Some(stands) = stands {
            let wanted = String::from_utf8_lossy(&file.contents).into_owned();
            diff = Some(super::text::diff(
                &String::from_utf8_lossy(&stands),
                &wanted,
            ));
        }
        let drift = self.edited(path.to_string(), was, is, "keep a copy and write it again");
        drift.diff = diff;
    }
}

impl HostPlan<'_> {
    /// The manifest tells of a release's record only while it serves: those of others are there to go back to, and their
    /// folders go as a whole.
    pub(super) fn owns_record_of(&mut self, service: &Service, id: &ReleaseId) {
        let releases = format!("{}/", self.layout.releases(&service.name));
        let own = format!("{}/", self.layout.release(&service.name, id));
        self.manifest.files.retain(|path, _| {
            path.as_str().starts_with(&own) || !path.as_str().starts_with(&releases)
        });
    }

    /// Hands a release its own copies of databases' passwords.
    pub(super) fn secret_copies(&self, service: &Service, id: &ReleaseId) -> Vec<Action> {
        let handed = containers::handed(self.stack, service).into_iter();
        handed
            .map(|handed| self.secret_copy(service, id, handed))
            .collect()
    }

    fn secret_copy(&self, service: &Service, id: &ReleaseId, handed: Handed) -> Action {
        Action::CopySecret {
            from: handed.from,
            to: containers::release_secret(&self.layout, service, id, &handed.name),
            mode: 0o400,
            owner: Owner {
                user: self.layout.user(service),
                group: self.layout.user(service),
            },
            around: handed.around,
        }
    }

    /// A copy that is gone would keep the container from starting again; one that others may read is no secret.
    pub(super) fn missing_secrets(&mut self, service: &Service, id: &ReleaseId) {
        let user = self.layout.user(service);
        for copy in self.secret_copies(service, id) {
            let Action::CopySecret { to, .. } = &copy else {
                continue;
            };
            let cause = match self.facts.files.get(to) {
                None => "missing",
                Some(there) if there.mode & 0o7777 != 0o400 || there.user != user => {
                    "its mode or owner differs"
                }
                Some(_) => continue,
            };
            self.step(phase::PREPARE, copy, cause);
        }
    }

    /// The copies of passwords that are no longer what they are copies of. Of what is longer than its secret nobody but the
    /// host can tell.
    fn differing_secrets(&self, service: &Service, id: &ReleaseId) -> Vec<[HostPath; 2]> {
        let copies = self.secret_copies(service, id).into_iter();
        let paths = copies.filter_map(|copy| match copy {
            Action::CopySecret {
                from,
                to,
                around: None,
                ..
            } => Some([from, to]),
            _ => None,
        });
        let digest = |path: &HostPath| self.facts.files.get(path)?.digest.clone();
        // Those of others change without any drift.
        let ours = self.layout.state();
        paths
            .filter(|[secret, _]| secret.as_str().starts_with(ours.as_str()))
            .filter(|[secret, copy]| match (digest(secret), digest(copy)) {
                (Some(was), Some(is)) => was != is,
                _ => false,
            })
            .collect()
    }

    /// The container reads a password from the file that was there when it started, so an edited one is only mended by
    /// making it again. What was written there is nobody's business.
    pub(super) fn edited_secrets(&mut self, service: &Service, id: &ReleaseId) -> Option<String> {
        let mut cause = None;
        for [secret, copy] in self.differing_secrets(service, id) {
            let was = format!("the password in {secret}");
            let would = "keep a copy, copy it again and make the container again";
            self.edited(copy.to_string(), was, "another", would);
            cause = Some(format!("{copy} was edited on the host"));
        }
        cause.filter(|_| self.options.overwrite_drift)
    }

    /// Why a release must be made again that was handed another URL than the one by which a server is found now. Whoever
    /// looks after the server changes it, so it is no drift.
    pub(super) fn changed_url(&self, service: &Service, id: &ReleaseId) -> Option<String> {
        let mut externals = containers::externals_of(self.stack, service);
        externals.find_map(|(needed, external)| {
            let Some(DatabaseFacts::Answers(told)) = self.facts.database(&needed.name) else {
                return None;
            };
            let digest = |path: &HostPath| self.facts.files.get(path)?.digest.as_ref();
            let copy = |name: &str| containers::release_secret(&self.layout, service, id, name);
            if let Some(ca_file) = external.mysql().and_then(|server| server.ca_file.as_ref()) {
                let handed = digest(&copy(&containers::ca_secret(needed)));
                if handed.is_some_and(|handed| digest(ca_file).is_some_and(|is| is != handed)) {
                    return Some(format!("the certificates in {ca_file} are others"));
                }
            }
            let handed = digest(&copy(&containers::external_secret(needed, external)))?;
            let is_another = told.url.as_ref()? != handed;
            let (what, file) = (external.secret(), external.secret_file());
            is_another.then(|| format!("the {what} in {file} is another"))
        })
    }

    /// Keeps copies of what somebody edited of a release that is made again.
    pub(super) fn keep_edited(&mut self, service: &Service, record: &Record) {
        let file = record.file(&self.layout);
        let known = self.facts.manifest.files.get(&file.path);
        let there = self.facts.files.get(&file.path);
        let there = there.and_then(|there| there.digest.as_deref());
        if known.is_some_and(|known| there.is_some_and(|there| there != known.digest)) {
            self.edited_file(&file, true);
            self.keep_copy(phase::PREPARE, &file.path);
        }
        for [_, copy] in self.differing_secrets(service, &record.id) {
            self.keep_copy(phase::PREPARE, &copy);
        }
    }
}

/// As much of an image's id as people compare.
pub(super) fn short(id: &str) -> &str {
    id.get(..19).unwrap_or(id)
}
