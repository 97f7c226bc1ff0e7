//! The secrets of a release: of this machine, sent to it, and made on its host. Each release has its own copies, so that one
//! that is gone back to has the values that it had.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::container::{ContainerSpec, Handed, Mount, release_secret};
use super::deploy::phase;
use super::host::HostPlan;
use super::record::Record;
use super::release::Release;
use super::step::{Action, Folder};
use crate::facts::{GivenToService, HostFacts, sha256};
use crate::model::{
    EnvName, HostPath, Layout, Owner, ReleaseId, Secret, SecretOrigin, Service, Stack,
};
use crate::render::{self, RenderError};

/// The folder of a release's secrets that are files, in the release's own.
const FOLDER: &str = "secrets";
/// The file with its variables, there too: as `EnvironmentFile=` takes it, and as a JSON object for containers.
const OF_UNIT: &str = "secrets.env";
const OF_CONTAINER: &str = "secrets.json";

/// Patterns of all such files in the folder of a release.
pub const PATTERNS: [&str; 2] = ["secrets/*", "secrets.*"];

/// What this machine gives a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseSecrets {
    /// Secrets that are files.
    files: BTreeMap<EnvName, Secret>,
    /// What the file with its variables holds.
    variables: Option<Secret>,
    record: RecordedSecrets,
}

/// What a release's record says of its secrets: never what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSecrets {
    /// File below the release's folder → its SHA-256; empty for one that its host has made.
    pub files: BTreeMap<String, String>,
    /// Secret or variable → a digest of its value.
    pub values: BTreeMap<String, String>,
}

impl RecordedSecrets {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ReleaseSecrets {
    /// What a service is given, as files for its hosts.
    pub(super) fn of(
        stack: &Stack,
        service: &Service,
        given: Option<&GivenToService>,
    ) -> Result<Self, RenderError> {
        let nothing = GivenToService::default();
        let given = given.unwrap_or(&nothing);
        let mut record = RecordedSecrets::default();
        for handed in generated(stack, service) {
            record.files.insert(handed.name, String::new());
        }
        for (name, value) in &given.files {
            let digest = sha256(value.reveal().as_bytes());
            record.files.insert(format!("{FOLDER}/{name}"), digest);
            record.tell(stack, service, name.as_str(), value);
        }
        let variables = match service.secrets.has_variables() {
            false => None,
            true => Some(variables_file(service, &given.variables)?),
        };
        if let Some(text) = &variables {
            let digest = sha256(text.reveal().as_bytes());
            record.files.insert(file_name(service).to_owned(), digest);
            for (name, value) in &given.variables {
                record.tell(stack, service, &format!("variable {name}"), value);
            }
        }
        Ok(Self {
            files: given.files.clone(),
            variables,
            record,
        })
    }

    /// What its release's name stands for as well: nothing, where there are none.
    pub(super) fn digests(&self) -> Vec<String> {
        let files = self.record.files.iter();
        files
            .map(|(name, digest)| format!("{name} {digest}"))
            .collect()
    }

    pub(super) fn record(&self) -> RecordedSecrets {
        self.record.clone()
    }
}

impl RecordedSecrets {
    fn tell(&mut self, stack: &Stack, service: &Service, name: &str, value: &Secret) {
        // Of one place, so that equal values of two places do not look equal.
        let place = format!("{}\0{}\0{name}\0", stack.name, service.name);
        let digest = sha256(format!("{place}{}", value.reveal()).as_bytes());
        self.values.insert(name.to_owned(), digest);
    }

    /// The names whose values are others than in `before`.
    fn changed<'a>(&'a self, before: &'a Self) -> Vec<&'a str> {
        let names = self.values.iter();
        let changed = names.filter(|(name, digest)| before.values.get(*name) != Some(digest));
        let gone = before.values.keys();
        let gone = gone.filter(|name| !self.values.contains_key(*name));
        let changed = changed.map(|(name, _)| name).chain(gone);
        changed.map(String::as_str).collect()
    }
}

fn file_name(service: &Service) -> &'static str {
    match service.unit() {
        Some(_) => OF_UNIT,
        None => OF_CONTAINER,
    }
}

const LONGEST_VARIABLE: usize = 128 << 10;

fn variables_file(
    service: &Service,
    variables: &BTreeMap<EnvName, Secret>,
) -> Result<Secret, RenderError> {
    // Linux starts no program with a longer one (MAX_ARG_STRLEN of execve(2)).
    let is_unfit = |(name, value): &(&EnvName, &Secret)| {
        let value = value.reveal();
        value.contains('\0') || name.as_str().len() + value.len() + 2 > LONGEST_VARIABLE
    };
    if let Some((name, _)) = variables.iter().find(is_unfit) {
        return Err(RenderError::new(
            "environment",
            format!("the variable {name} is longer than 128 KiB or holds a zero byte"),
            "give it as a file: `secrets: [NAME]`",
        ));
    }
    if service.unit().is_some() {
        let own = variables.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.reveal()));
        return render::environment_file(own).map(Secret::new);
    }
    let own = variables.iter();
    let own: BTreeMap<&str, &str> = own
        .map(|(name, value)| (name.as_str(), value.reveal()))
        .collect();
    Ok(Secret::new(
        serde_json::to_string(&own).expect("texts are plain data"),
    ))
}

/// The length of a secret that hosts make themselves.
fn length(stack: &Stack, name: &EnvName) -> Option<u32> {
    match stack.secrets.get(name) {
        Some(SecretOrigin::Generated(length)) => Some(*length),
        Some(SecretOrigin::Here(_)) | None => None,
    }
}

/// The copies that a release gets of what its host has made.
pub(super) fn generated(stack: &Stack, service: &Service) -> Vec<Handed> {
    let layout = Layout::new(&stack.name);
    let is_made = |name: &&EnvName| length(stack, name).is_some();
    let files = service.secrets.files.iter().filter(is_made);
    let files = files.map(|name| Handed {
        name: format!("{FOLDER}/{name}"),
        from: layout.secret(name.as_str()),
        around: None,
    });
    // A unit reads each from a file of its own: nobody but the host can put one beside others.
    let variables = service.secrets.env.iter();
    let variables = variables.filter(|(_, secret)| is_made(secret));
    let variables = variables.map(|(name, secret)| Handed {
        name: format!("{FOLDER}/{name}.env"),
        from: layout.secret(secret.as_str()),
        around: Some([format!("{name}=\""), "\"\n".to_owned()]),
    });
    files.chain(variables).collect()
}

/// The files with variables of a unit's release, which count less than its own.
pub(super) fn environment_files(stack: &Stack, service: &Service, id: &ReleaseId) -> Vec<HostPath> {
    let layout = Layout::new(&stack.name);
    let made = generated(stack, service).into_iter();
    let made = made.filter(|handed| handed.around.is_some());
    let made = made.map(|handed| handed.name);
    let given = service.secrets.has_variables();
    let given = given.then(|| OF_UNIT.to_owned());
    let names = given.into_iter().chain(made);
    names
        .map(|name| release_secret(&layout, service, id, &name))
        .collect()
}

/// The variables by which an app finds its secrets that are files. `at` says where each is.
pub(super) fn told(service: &Service, at: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let files = service.secrets.files.iter();
    files
        .map(|name| (format!("{name}_FILE"), at(name.as_str())))
        .collect()
}

/// The same for a unit, which sees what its host has.
pub(super) fn told_to_unit(
    stack: &Stack,
    service: &Service,
    id: &ReleaseId,
) -> Vec<(String, String)> {
    let layout = Layout::new(&stack.name);
    let folder = layout.release_secrets(&service.name, id);
    told(service, |name| format!("{folder}/{name}"))
}

/// Has a container see its release's secrets. What it says itself of a variable counts more.
pub(super) fn hand_to(spec: &mut ContainerSpec, stack: &Stack, service: &Service, id: &ReleaseId) {
    let layout = Layout::new(&stack.name);
    let folder = layout.release_secrets(&service.name, id);
    let at = |name: &str| format!("{}/{name}", Layout::CONTAINER_SECRETS);
    for (name, value) in told(service, at) {
        spec.env.entry(name).or_insert(value);
    }
    for name in &service.secrets.files {
        spec.mounts.push(Mount::Bind {
            from: format!("{folder}/{name}").parse().expect("a plain name"),
            to: at(name.as_str()),
            read_only: true,
        });
    }
    for name in service.secrets.env.keys() {
        // A compose file may have had something else there.
        spec.env.remove(name.as_str());
    }
    if service.secrets.has_variables() {
        spec.variables_file = Some(release_secret(&layout, service, id, OF_CONTAINER));
    }
}

/// The secrets that hosts make themselves: their paths.
pub(super) fn made_on_hosts(stack: &Stack) -> impl Iterator<Item = HostPath> + '_ {
    let layout = Layout::new(&stack.name);
    let names = stack.secrets.keys();
    let made = names.filter(|name| length(stack, name).is_some());
    made.map(move |name| layout.secret(name.as_str()))
}

impl HostPlan<'_> {
    /// All steps by which a release has its secrets.
    pub(super) fn put_secrets(&mut self, service: &Service, release: &Release) {
        let before = self.recorded(service);
        for action in self.secrets_of(service, release) {
            let cause = self.why_secret(service, release, before.as_ref(), &action);
            self.step(phase::PREPARE, action, cause);
        }
    }

    /// Those that are gone from a release that stands, or that others may read.
    pub(super) fn missing_given(&mut self, service: &Service, release: &Release) {
        let stands = |facts: &HostFacts, action: &Action| {
            let (path, mode, user) = match action {
                Action::PutSecret {
                    path, mode, owner, ..
                } => (path, *mode, owner.user),
                Action::CopySecret {
                    to, mode, owner, ..
                } => (to, *mode, owner.user),
                _ => return true,
            };
            let there = facts.files.get(path);
            there.is_some_and(|there| there.mode & 0o7777 == mode && there.user == user)
        };
        let given = self.secrets_of(service, release);
        if given.iter().all(|action| stands(self.facts, action)) {
            return;
        }
        for action in given {
            // A secret to be made is listed only where it is gone.
            let is_needed = matches!(action, Action::PutFolder(_) | Action::GenerateSecret { .. });
            if is_needed || !stands(self.facts, &action) {
                self.step(
                    phase::PREPARE,
                    action,
                    "missing, or its mode or owner differs",
                );
            }
        }
    }

    /// An app reads a secret when it starts, so an edited one is only mended by making its release again. What was written
    /// there is nobody's business.
    pub(super) fn edited_given(&mut self, service: &Service, release: &Release) -> Option<String> {
        let mut cause = None;
        for action in self.secrets_of(service, release) {
            let Action::PutSecret { path, digest, .. } = action else {
                continue;
            };
            let there = self.facts.files.get(&path);
            let is = there.and_then(|there| there.digest.as_ref());
            if is.is_none_or(|is| *is == digest) {
                continue;
            }
            let would = "keep a copy, write it again and make the release again";
            self.edited(path.to_string(), "as it was sent", "another", would);
            if self.options.overwrite_drift {
                self.keep_copy(phase::PREPARE, &path);
                cause = Some(format!("{path} was edited on the host"));
            }
        }
        cause
    }

    /// What a release that is to serve again does not have any more as it had it.
    pub(super) fn lost_secret(&self, service: &Service, record: &Record) -> Option<String> {
        let files = record.secrets.files.iter();
        let mut lost = files.filter_map(|(name, digest)| {
            let path = release_secret(&self.layout, service, &record.id, name);
            match self.facts.files.get(&path) {
                None => Some(format!("{path} is gone")),
                Some(there) => {
                    let is = there.digest.as_ref();
                    let is_same = digest.is_empty() || is.is_none_or(|is| is == digest);
                    (!is_same).then(|| format!("{path} was edited"))
                }
            }
        });
        lost.next()
    }

    fn recorded(&self, service: &Service) -> Option<Record> {
        let id = self.serving(service)?;
        Record::of(self.facts, &self.layout, &service.name, &id)
    }

    /// Why a secret is written: for what is new of it.
    fn why_secret(
        &self,
        service: &Service,
        release: &Release,
        before: Option<&Record>,
        action: &Action,
    ) -> String {
        let needs = format!("`{}` needs it", service.name);
        let (Action::PutSecret { path, .. }, Some(before)) = (action, before) else {
            return needs;
        };
        let name = path.as_str().rsplit('/').next().unwrap_or_default();
        let is_variables = [OF_UNIT, OF_CONTAINER].contains(&name);
        let changed = release.secrets.record.changed(&before.secrets);
        let of_this = changed.into_iter().filter(|changed| match is_variables {
            true => changed.starts_with("variable "),
            false => *changed == name,
        });
        let words: Vec<&str> = of_this.collect();
        match words.is_empty() {
            true => needs,
            false => format!("{needs}; changed: {}", words.join(", ")),
        }
    }

    fn secrets_of(&self, service: &Service, release: &Release) -> Vec<Action> {
        let (id, secrets) = (&release.id, &release.secrets);
        let (stack, layout) = (self.stack, &self.layout);
        let is_unit = service.unit().is_some();
        let user = layout.user(service);
        let path = |name: &str| release_secret(layout, service, id, name);
        let mut actions = Vec::new();
        let made = generated(stack, service);
        if !made.is_empty() || !secrets.files.is_empty() {
            actions.push(Action::PutFolder(Folder {
                path: path(FOLDER),
                // The engine is root; a unit has to come to its files itself.
                mode: if is_unit { 0o710 } else { 0o700 },
                owner: Owner {
                    user: 0,
                    group: if is_unit { user } else { 0 },
                },
            }));
        }
        for name in service.secrets.names() {
            let from = layout.secret(name.as_str());
            let length = length(stack, name);
            let length = length.filter(|_| !self.facts.files.contains_key(&from));
            actions.extend(length.map(|length| Action::GenerateSecret {
                path: from,
                length,
                owner: 0,
            }));
        }
        // As compose gives them: whoever is in the container may read, whatever user its image has.
        let (mode, owner) = match is_unit {
            true => (0o400, Owner { user, group: user }),
            false => (0o444, Owner::ROOT),
        };
        actions.extend(made.into_iter().map(|handed| {
            // systemd itself reads the files with variables.
            let is_read_by_root = handed.around.is_some();
            Action::CopySecret {
                to: path(&handed.name),
                mode: if is_read_by_root { 0o400 } else { mode },
                owner: if is_read_by_root { Owner::ROOT } else { owner },
                from: handed.from,
                around: handed.around,
            }
        }));
        let put = |name: &str, value: &Secret, mode: u32, owner: Owner| Action::PutSecret {
            path: path(name),
            digest: sha256(value.reveal().as_bytes()),
            value: value.clone(),
            mode,
            owner,
        };
        for (name, value) in &secrets.files {
            actions.push(put(&format!("{FOLDER}/{name}"), value, mode, owner));
        }
        if let Some(text) = &secrets.variables {
            actions.push(put(file_name(service), text, 0o600, Owner::ROOT));
        }
        actions
    }
}
