//! Plans as golden files. A folder of `tests/cases` holds:
//!
//! - `stackctl.yaml`, whose paths lead into `tests/it/app`;
//! - `facts.txt`: what a fresh host says, in the format of `facts.sh`; without one, `tests/cases/bookworm.txt` is read;
//!   `facts.HOST.txt`: what that one says;
//! - `compose.yaml`, `compose.before.yaml` and `compose/`: compose files that these name, and what those bring in.
//! - `before.yaml`: the stack that was provisioned and deployed there before, when the host is not fresh;
//! - `since.txt`: what happened to the host then. A line of `facts.sh` is added; further, with tabs between the fields:
//!   `forget PATH` with all below it, `truncate PATH`, `live GENERATION` of the site, `stale UNIT`, `container NAME STATE [SERVICE RELEASE [CREATED]]`, `forget-container NAME`, `image TAG [STACK]`,
//!   `publishes NAME PORT` and `runs-image NAME IMAGE` of a container, `setting NAME SETTING VALUE`, `retag TAG ID`, `revoke SERVICE` what its user may, `lock-out SERVICE` its user, `registry IMAGE absent|denied|unreachable WHY`, `registry IMAGE found DIGEST`, `skew SECONDS`,
//!   `expires PATH SECONDS` from now of a certificate, `clock SECONDS` since the epoch, `forget-volume NAME`, `flush-firewall`, `change-firewall RULE`, `silent SERVICE WHY`, `url SERVICE DIGEST` of the URL of a server elsewhere, and `killed STEPS`: a `deploy` died after that many steps. `{SERVICE}`
//!   stands for the release that `stackctl.yaml` makes.
//! - `then.txt`: what is done when all that is settled, a command a line: `provision`, `deploy [--seed]`, `destroy [--volumes]`,
//!   or `stop`, `start` or `restart` with services.
//! - `plan.txt`: what `provision` and then `deploy` would do; `files/`: what they write to a fresh host.
//!
//! Where nothing is refused, the plans are also carried out on paper, whole and cut short after each step: after that,
//! both commands must find nothing left to do. Wherever a deploy is cut, and also when what it began is then taken back,
//! what nginx is led to must run, now and after a reboot; and so it must when a power cut is what ended it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use stackctl::compose::Files;
use stackctl::config::{self, Elsewhere, SourceText, Surroundings};
use stackctl::facts::{
    ContainerFacts, DatabaseFacts, Facts, GivenSecrets, GivenToService, HostFacts, ImageFacts,
    OwnCertificates, RegistryFacts, SchemaFacts, sha256,
};
use stackctl::model::{
    EnvName, HostName, HostPath, Layout, Secret, SecretOrigin, SecretSource, Stack,
};
use stackctl::observe;
use stackctl::plan::container::label;
use stackctl::plan::{self, Action, Options, Plan, PlanError, Release, Step, Target, Wish};
use stackctl::render::{self, Overrides, Templates};

use crate::{certificates, golden, paper_host};

/// A stack with all that its plans are made from, beside facts.
struct Wanted {
    stack: Stack,
    templates: Templates,
    releases: Vec<Release>,
    own: OwnCertificates,
}

/// The files of this machine.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Option<String>, String> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Wanted {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let around = Surroundings {
            base: golden::root().join("tests/it/app"),
            home: None,
        };
        let name = path.display().to_string();
        let source = SourceText {
            name: &name,
            text: &text,
        };
        let elsewhere = Elsewhere {
            files: &Disk,
            variables: BTreeMap::new(),
        };
        let stack = config::read(&source, None, &around, &elsewhere)
            .unwrap_or_else(|errors| panic!("{}", errors.render(false, 100)))
            .stack;
        let templates = Templates::new(&Overrides::default()).unwrap();
        let own = certificates::own(&stack);
        let mut wanted = Self {
            stack,
            templates,
            releases: Vec::new(),
            own,
        };
        wanted.prepare();
        wanted
    }

    /// As the command does when it has heard what tags mean now.
    fn pinned(mut self, facts: &Facts) -> Self {
        if plan::pin(&mut self.stack, facts) {
            self.prepare();
        }
        self
    }

    fn prepare(&mut self) {
        let (stack, templates) = (&self.stack, &self.templates);
        let given = given(stack);
        let mut releases = Vec::new();
        for service in stack
            .services
            .values()
            .filter(|service| service.is_released())
        {
            let tree = observe::tree_of(service).unwrap();
            for host in &service.hosts {
                let host = &stack.hosts[host];
                releases.push(
                    plan::prepare(
                        stack,
                        service,
                        host,
                        tree.as_ref(),
                        given.get(&service.name),
                        templates,
                    )
                    .unwrap(),
                );
            }
        }
        self.releases = releases;
    }

    fn provision(&self, facts: &Facts) -> Result<Plan, PlanError> {
        self.provision_with(facts, Options::default())
    }

    fn provision_with(&self, facts: &Facts, options: Options) -> Result<Plan, PlanError> {
        plan::provision(&self.stack, facts, &self.templates, &self.own, options)
    }

    fn deploy(&self, facts: &Facts) -> Result<Plan, PlanError> {
        self.deploy_with(facts, Options::default())
    }

    fn deploy_with(&self, facts: &Facts, options: Options) -> Result<Plan, PlanError> {
        plan::deploy(&self.stack, facts, &self.releases, &self.templates, options)
    }

    /// Carries out the first `steps` steps of a plan on paper.
    fn apply(&self, facts: &Facts, plan: &Plan, steps: usize) -> Facts {
        let mut facts = facts.clone();
        for step in &plan.steps[..steps] {
            paper_host::act(&self.stack, &mut facts, step);
        }
        facts
    }

    /// Carries out what takes the plan back after its first `steps` steps, by the rule of `recover.sh`: all of it, last
    /// first, also of steps that were never done, unless it was confirmed; what comes after a commit, until the next.
    fn take_back(&self, facts: &Facts, plan: &Plan, steps: usize) -> Facts {
        let mut facts = facts.clone();
        for host in self.stack.hosts.keys() {
            let confirmed =
                |step: &&Step| step.host == *host && matches!(step.action, Action::Commit(_));
            let done = plan.steps[..steps]
                .iter()
                .rposition(|step| confirmed(&step));
            let stage = plan.steps[done.map_or(0, |last| last + 1)..].iter();
            let stage: Vec<&Step> = stage.take_while(|step| !confirmed(step)).collect();
            for step in stage.into_iter().rev().filter(|step| step.host == *host) {
                for action in &step.undo {
                    let step = Step {
                        action: action.clone(),
                        ..step.clone()
                    };
                    paper_host::act(&self.stack, &mut facts, &step);
                }
            }
        }
        facts
    }

    /// The hosts after they lost their power: `/run` is made again by what a boot reads, and a container that misses its
    /// socket's folder does not start.
    fn power_cut(&self, facts: &Facts) -> Facts {
        let layout = Layout::new(&self.stack.name);
        let mut facts = facts.clone();
        let services = self.stack.services.keys();
        let boot_files: Vec<HostPath> = services.map(|name| layout.tmpfiles(name)).collect();
        for (name, host) in &mut facts {
            let contents = boot_files
                .iter()
                .filter_map(|path| host.files.get(path)?.contents.clone());
            let lines: Vec<u8> = contents.flatten().collect();
            host.files
                .retain(|path, _| !path.as_str().starts_with("/run/"));
            for line in String::from_utf8_lossy(&lines).lines() {
                let words: Vec<&str> = line.split(' ').collect();
                paper_host::boot(host, &words);
            }
            let folders: BTreeSet<String> = host.files.keys().map(ToString::to_string).collect();
            for there in host
                .docker
                .iter_mut()
                .flat_map(|docker| docker.containers.values_mut())
            {
                let label = |name: &str| there.labels.get(name);
                let (service, id) = (label(label::SERVICE), label(label::RELEASE));
                if let (Some(service), Some(id), None) = (service, id, label(label::PORT))
                    && !folders.contains(&format!("{}/{service}.{id}", layout.run()))
                    && self
                        .stack
                        .services_on(name)
                        .iter()
                        .any(|ours| ours.name.as_str() == service && ours.app().is_some())
                {
                    there.state = "exited".into();
                }
            }
        }
        facts
    }

    /// The apps whose link leads to a release that does not run, or would after a reboot.
    fn dark(&self, facts: &Facts) -> Vec<String> {
        let layout = Layout::new(&self.stack.name);
        let mut dark = Vec::new();
        for (host, facts) in facts {
            let runs = |name: &str, id: &str| {
                let container = format!("{}-{name}-{id}", self.stack.name);
                let docker = facts.docker.as_ref();
                let container = docker.and_then(|docker| docker.containers.get(&container));
                let unit = format!("{}-{name}@{id}.service", self.stack.name);
                container.is_some_and(ContainerFacts::is_running)
                    || (facts.is_active(&unit) && facts.units[&unit].file == "enabled")
            };
            for service in self.stack.services_on(host).iter() {
                // Static files, and the assets of earlier releases.
                for link in [layout.current(&service.name), layout.assets(&service.name)] {
                    let Some(target) = facts.link(&link) else {
                        continue;
                    };
                    let folder = match target.strip_prefix("../") {
                        Some(below) => format!("{}/{below}", layout.state()),
                        None => format!("{}/{target}", link.parent()),
                    };
                    if !facts
                        .files
                        .contains_key(&folder.parse::<HostPath>().unwrap())
                    {
                        dark.push(format!(
                            "{host}: {link} leads to {folder}, which is not there"
                        ));
                    }
                }
                if service.app().is_none() {
                    continue;
                }
                let name = service.name.as_str();
                let id = |target: &str| target.split(['.', '/']).nth(1).unwrap().to_owned();
                if let Some(target) = facts.link(&layout.socket_link(&service.name))
                    && !runs(name, &id(target))
                {
                    dark.push(format!(
                        "{host}: {name} is led to {target}, which does not run"
                    ));
                }
                let at_boot = facts.files.get(&layout.tmpfiles(&service.name));
                let at_boot = at_boot
                    .and_then(|file| file.contents.as_deref())
                    .unwrap_or_default();
                let at_boot = String::from_utf8_lossy(at_boot).into_owned();
                if let Some(target) = at_boot.lines().find_map(|line| {
                    line.starts_with("L+ ")
                        .then(|| line.split(' ').next_back().unwrap())
                }) && !runs(name, &id(target))
                {
                    dark.push(format!(
                        "{host}: after a reboot {name} is led to {target}, which does not run"
                    ));
                }
            }
        }
        dark
    }

    fn control(&self, facts: &Facts, line: &str) -> Result<Plan, PlanError> {
        let mut words = line.split(' ');
        let wish = match words.next().unwrap() {
            "provision" => return self.provision(facts),
            "deploy" => {
                let options = Options {
                    seed: words.next() == Some("--seed"),
                    ..Options::default()
                };
                return self.deploy_with(facts, options);
            }
            "destroy" => return plan::destroy(&self.stack, facts, words.next().is_some()),
            "stop" => Wish::Stop,
            "start" => Wish::Start,
            "restart" => Wish::Restart,
            other => panic!("{other}"),
        };
        let services = words.map(|name| name.parse().unwrap()).collect();
        plan::control(
            &self.stack,
            facts,
            (wish, &services),
            "ada@laptop",
            &self.templates,
        )
    }

    /// What is wrong when a person's command is cut short after any of its steps, taken back or not.
    fn cuts(&self, facts: &Facts, line: &str, plan: &Plan) -> Vec<String> {
        let mut problems = Vec::new();
        let serves = line.starts_with("restart") && self.dark(facts).is_empty();
        for steps in 0..=plan.steps.len() {
            let cut = self.apply(facts, plan, steps);
            let back = self.take_back(&cut, plan, steps);
            // Before nginx starts after a crash, the host has taken back what was cut short.
            let mut dark = self.dark(&back);
            let now = self.dark(&cut).into_iter();
            dark.extend(now.filter(|dark| !dark.contains("after a reboot")));
            if serves {
                problems.extend(
                    dark.iter()
                        .map(|dark| format!("{line}, cut after step {steps}: {dark}")),
                );
            }
            if line.starts_with("destroy") {
                let again = self.control(&cut, line).unwrap();
                let gone = self.apply(&cut, &again, again.steps.len());
                let left = plan::plan_text(&self.control(&gone, line).unwrap(), true);
                if left.lines().any(|line| !line.starts_with("note ")) {
                    problems.push(format!(
                        "{line}, cut after step {steps} and run again, leaves:\n{left}"
                    ));
                }
            }
            for facts in [cut, back] {
                let left = self.left_over(&facts);
                if !left.is_empty() {
                    problems.push(format!(
                        "{line}, cut after step {steps}: both have run again and want:\n{left}"
                    ));
                }
            }
        }
        problems
    }

    /// Both commands, one after the other, to their ends.
    fn settle(&self, facts: &Facts) -> Facts {
        let provision = self.provision(facts).expect("provision is not refused");
        let facts = self.apply(facts, &provision, provision.steps.len());
        let deploy = self.deploy(&facts).expect("deploy is not refused");
        self.apply(&facts, &deploy, deploy.steps.len())
    }

    /// What is still to do when both commands have run.
    fn left_over(&self, facts: &Facts) -> String {
        let told = |plan: Result<Plan, PlanError>| {
            plan::plan_text(
                &Plan {
                    notes: Vec::new(),
                    drift: Vec::new(),
                    ..plan.unwrap()
                },
                true,
            )
        };
        let settled = self.settle(facts);
        told(self.provision(&settled)) + &told(self.deploy(&settled))
    }
}

/// The stack of each case as a compose file, by the case's name.
pub fn composed() -> BTreeMap<String, String> {
    let folders = fs::read_dir(golden::root().join("tests/cases")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let cases = folders.filter(|folder| folder.join("stackctl.yaml").exists());
    let composed = cases.map(|folder| {
        let wanted = Wanted::read(&folder.join("stackctl.yaml"));
        let releases = wanted.releases.iter();
        let dockerfiles = releases
            .filter_map(|release| Some((release.service.clone(), release.dockerfile.clone()?)));
        let dockerfiles = dockerfiles.collect();
        let text = render::compose(&wanted.templates, &wanted.stack, &dockerfiles).unwrap();
        (folder.file_name().unwrap().display().to_string(), text)
    });
    composed.collect()
}

/// What this machine has for services: a secret is what its variable is called, and an `env_file` what it is called.
fn given(stack: &Stack) -> GivenSecrets {
    let value = |name: &EnvName| match stack.secrets.get(name) {
        Some(SecretOrigin::Here(SecretSource::Env(variable))) => {
            Some(Secret::new(variable.to_string()))
        }
        _ => None,
    };
    let services = stack.services.values();
    let services = services.filter(|service| !service.secrets.is_empty());
    let given = services.map(|service| {
        let secrets = &service.secrets;
        let files = secrets.files.iter();
        let files = files.filter_map(|name| Some((name.clone(), value(name)?)));
        let env = secrets.env.iter();
        let env = env.filter_map(|(name, secret)| Some((name.clone(), value(secret)?)));
        let read = secrets.env_files.iter().map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            ("OF_FILE".parse().unwrap(), Secret::new(name))
        });
        let given = GivenToService {
            files: files.collect(),
            variables: read.chain(env).collect(),
        };
        (service.name.clone(), given)
    });
    given.collect()
}

/// Changes what a host says by the lines of `since.txt`.
fn happen(facts: &mut HostFacts, wanted: &Wanted, text: &str) {
    let layout = Layout::new(&wanted.stack.name);
    let mut answer = String::new();
    let mut text = text.to_owned();
    for release in &wanted.releases {
        text = text.replace(&format!("{{{}}}", release.service), release.id.as_str());
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let docker = facts.docker.get_or_insert_default();
        match fields[..] {
            // It happened before everything else; see `check`.
            ["killed", _] => {}
            ["forget", path] => {
                paper_host::remove(facts, &path.parse().unwrap());
                let below = format!("{path}/");
                facts
                    .entries
                    .retain(|folder, _| folder != path && !folder.starts_with(&below));
                if !facts.files.contains_key(&layout.manifest()) {
                    facts.manifest = Default::default();
                }
            }
            ["truncate", path] => {
                let path = path.parse().unwrap();
                let file = facts.files.get_mut(&path).unwrap();
                let contents = file.contents.get_or_insert_default();
                contents.truncate(contents.len() / 2);
                file.digest = Some(sha256(contents));
                if path == layout.manifest() {
                    facts.manifest = Default::default();
                }
            }
            ["live", generation] => facts.generation = Some(generation.into()),
            ["stale", unit] => facts.units.get_mut(unit).unwrap().is_stale = true,
            ["forget-container", name] => {
                assert!(docker.containers.remove(name).is_some(), "{name}")
            }
            ["forget-volume", name] => assert!(docker.volumes.remove(name), "{name}"),
            ["image", tag, ref whose @ ..] => {
                let whose = whose
                    .first()
                    .map_or(wanted.stack.name.as_str(), |whose| whose);
                let image = ImageFacts {
                    labels: [(label::STACK.to_owned(), whose.to_owned())].into(),
                    ..ImageFacts::default()
                };
                docker.images.insert(tag.into(), image);
            }
            ["publishes", name, port] => {
                let there = docker.containers.get_mut(name).unwrap();
                there.published.insert(port.parse().unwrap());
            }
            ["runs-image", name, image] => {
                docker.containers.get_mut(name).unwrap().image = image.into();
            }
            ["setting", name, setting, value] => {
                let there = docker.containers.get_mut(name).unwrap();
                let settings = &mut there.details.as_mut().unwrap().settings;
                match setting {
                    "memory" => settings.memory = value.parse().unwrap(),
                    "restart" => settings.restart = value.into(),
                    "security" => settings.security_options = [value.to_owned()].into(),
                    other => panic!("{other}"),
                }
            }
            ["retag", tag, id] => {
                let id = id.into();
                let facts = ImageFacts {
                    id,
                    ..ImageFacts::default()
                };
                docker.images.insert(tag.into(), facts);
            }
            ["revoke", service] => {
                let answers = docker.databases.get_mut(&service.parse().unwrap());
                let Some(DatabaseFacts::Answers(schema)) = answers else {
                    panic!("{service} does not answer")
                };
                schema.grants.as_mut().unwrap().truncate(1);
            }
            ["lock-out", service] => {
                let answers = docker.databases.get_mut(&service.parse().unwrap());
                let Some(DatabaseFacts::Answers(schema)) = answers else {
                    panic!("{service} does not answer")
                };
                schema.login = false;
            }
            ["registry", image, told, why] => {
                let told = match told {
                    "absent" => RegistryFacts::Absent,
                    "denied" => RegistryFacts::Denied(why.into()),
                    "found" => RegistryFacts::Found {
                        digest: Some(why.into()),
                    },
                    _ => RegistryFacts::Unreachable(why.into()),
                };
                docker.registry.insert(image.into(), told);
            }
            ["expires", path, seconds] => {
                let path = path.parse().unwrap();
                let certificate = facts.certificates.get_mut(&path).unwrap();
                let left: i64 = seconds.parse().unwrap();
                certificate.not_after = facts.clock.saturating_add_signed(left);
                certificate.not_after_text = format!("at {}", certificate.not_after);
            }
            ["clock", seconds] => facts.clock = seconds.parse().unwrap(),
            ["skew", seconds] => facts.skew = Some(seconds.parse().unwrap()),
            ["flush-firewall"] => facts.firewall.as_mut().unwrap().live = None,
            ["change-firewall", rule] => {
                let live = facts.firewall.as_mut().unwrap().live.as_mut().unwrap();
                live.push_str(&format!("\n{rule}"));
            }
            ["silent", service, why] => {
                let why = DatabaseFacts::Silent(why.into());
                docker.databases.insert(service.parse().unwrap(), why);
            }
            ["no-login", service, version] => {
                let told = SchemaFacts {
                    version: version.into(),
                    ..SchemaFacts::default()
                };
                let told = DatabaseFacts::Answers(told);
                facts.databases.insert(service.parse().unwrap(), told);
            }
            ["url", service, digest] => {
                let told = SchemaFacts {
                    login: true,
                    url: Some(digest.into()),
                    ..SchemaFacts::default()
                };
                let told = DatabaseFacts::Answers(told);
                facts.databases.insert(service.parse().unwrap(), told);
            }
            ["container", name, state, ref ours @ ..] => {
                let there: &mut ContainerFacts = docker.containers.entry(name.into()).or_default();
                there.state = state.into();
                if let [service, release, ref created @ ..] = *ours {
                    let labels = [
                        (label::STACK, wanted.stack.name.as_str()),
                        (label::SERVICE, service),
                        (label::RELEASE, release),
                    ];
                    there.labels = labels.map(|(key, value)| (key.into(), value.into())).into();
                    there.created = created.first().map_or(0, |time| time.parse().unwrap());
                }
            }
            _ => answer.push_str(&format!("{line}\n")),
        }
    }
    let added = HostFacts::parse(&answer, &layout.manifest()).unwrap();
    facts.files.extend(added.files);
    facts.units.extend(added.units);
    facts.listeners.extend(added.listeners);
    facts.users.extend(added.users);
    facts.sources.extend(added.sources);
    facts.certificates.extend(added.certificates);
    facts.shown.extend(added.shown);
    facts.names.extend(added.names);
    facts.addresses.extend(added.addresses);
    facts.ufw |= added.ufw;
    facts.missing.extend(added.missing);
    facts.read_only |= added.read_only;
    for (folder, space) in added.disk {
        facts.disk.insert(folder, space);
    }
    for (folder, names) in added.entries {
        facts.entries.entry(folder).or_default().extend(names);
    }
}

fn refusal(error: &PlanError) -> String {
    match error {
        PlanError::Refused(refusal) => refusal
            .findings
            .iter()
            .map(|finding| {
                format!(
                    "refused {}: {}; {}\n",
                    finding.host, finding.text, finding.hint
                )
            })
            .chain(refusal.drift.iter().map(|drift| {
                let (host, words) = (&drift.host, drift.words());
                format!("drift {host}: {words}\n")
            }))
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// The files that a plan puts on hosts, by host and path, and the Dockerfiles that it sends.
fn written(plan: &Plan) -> BTreeMap<String, String> {
    let file = |host: &str, path: &HostPath, bytes: &[u8]| {
        (
            format!("files/{host}{path}"),
            String::from_utf8(bytes.to_vec()).unwrap(),
        )
    };
    let steps = plan.steps.iter();
    steps
        .filter_map(|step| match &step.action {
            // The manifest repeats what the other files say, and the scripts are files of the source.
            Action::PutFile { file, .. }
                if ["/manifest.json", "/recover.sh", "/nginx-admit.sh"]
                    .iter()
                    .any(|name| file.path.as_str().ends_with(name)) =>
            {
                None
            }
            Action::PutFile { file: put, .. } => {
                Some(file(step.host.as_str(), &put.path, &put.contents))
            }
            Action::InstallSite(site) => Some(file(
                step.host.as_str(),
                &site.file.path,
                &site.file.contents,
            )),
            Action::BuildImage(build) | Action::BuildImageHere(build) => {
                let name = build.tag.rsplit_once(':')?.0.rsplit('/').next()?;
                Some((
                    format!("files/{}/Dockerfile.{name}", step.host),
                    build.rendered.clone()?,
                ))
            }
            _ => None,
        })
        .collect()
}

/// A plan's steps alone, each in words, without the manifest: nobody can assume whether it is there already.
fn steps(plan: &Plan) -> String {
    let words = plan
        .steps
        .iter()
        .map(|step| format!("{} {}\n", step.host, step.action.words()));
    words
        .filter(|words| !words.contains("/manifest.json "))
        .collect()
}

/// What has an undo and no commit behind it: the host would keep that undo for ever.
fn never_taken_back(plan: &Plan) -> impl Iterator<Item = String> + '_ {
    let steps = plan.steps.iter().enumerate();
    let open = steps.filter(|(at, step)| {
        let rest = plan.steps[*at..]
            .iter()
            .filter(|other| other.host == step.host);
        let mut rest = rest.map(|other| &other.action);
        !step.undo.is_empty() && !rest.any(|action| matches!(action, Action::Commit(_)))
    });
    open.map(|(_, step)| format!("{}: {}", step.host, step.action.words()))
}

fn check(folder: &Path) -> Vec<String> {
    let wanted = Wanted::read(&folder.join("stackctl.yaml"));
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let bookworm = golden::root().join("tests/cases/bookworm.txt");
    let says = read("facts.txt").unwrap_or_else(|| fs::read_to_string(bookworm).unwrap());
    let manifest = Layout::new(&wanted.stack.name).manifest();
    let own = |name: &HostName| format!("facts.{name}.txt");
    let mut facts = Facts::new();
    for name in wanted.stack.hosts.keys() {
        let says = read(&own(name)).unwrap_or_else(|| says.clone());
        let fresh = HostFacts::parse(&says, &manifest).unwrap();
        facts.insert(name.clone(), fresh);
    }
    let is_fresh = !folder.join("before.yaml").exists();
    if !is_fresh {
        facts = Wanted::read(&folder.join("before.yaml")).settle(&facts);
    }
    if let Some(since) = read("since.txt") {
        if let Some(steps) = since.lines().find_map(|line| line.strip_prefix("killed\t")) {
            let deploy = wanted.deploy(&facts).unwrap();
            facts = wanted.apply(&facts, &deploy, steps.parse().unwrap());
        }
        for facts in facts.values_mut() {
            happen(facts, &wanted, &since);
        }
    }
    let wanted = wanted.pinned(&facts);

    let mut golden = BTreeMap::new();
    let mut text = String::new();
    let mut tell = |command: &str, plan: &Result<Plan, PlanError>| {
        let told = match plan {
            Ok(plan) if plan.is_empty() && plan.notes.is_empty() && plan.drift.is_empty() => {
                "no changes\n".into()
            }
            Ok(plan) => plan::plan_text(plan, !is_fresh),
            // Files of this machine are told by their full paths.
            Err(error) => refusal(error).replace(&format!("{}/", golden::root().display()), ""),
        };
        text.push_str(&format!("== {command}\n{told}"));
    };
    let provision = wanted.provision(&facts);
    let deploy = wanted.deploy(&facts);
    tell("provision", &provision);
    tell("deploy", &deploy);
    let mut problems = Vec::new();
    let overwrite_drift = Options {
        overwrite_drift: true,
        ..Options::default()
    };
    let is_left = |plan: &Plan| plan.drift.iter().any(|drift| drift.is_left);
    let mut righted = facts.clone();
    if provision.as_ref().is_ok_and(is_left) {
        let all = wanted.provision_with(&facts, overwrite_drift);
        tell("provision --overwrite-drift", &all);
        let all = all.unwrap();
        righted = wanted.apply(&facts, &all, all.steps.len());
    }
    if provision.is_ok() && deploy.as_ref().is_ok_and(is_left) {
        let all = wanted.deploy_with(&righted, overwrite_drift);
        tell("deploy --overwrite-drift", &all);
        let all = all.unwrap();
        // What somebody took the start at boot from is dark before anything is done.
        let known = wanted.dark(&righted);
        for steps in 0..=all.steps.len() {
            let cut = wanted.apply(&righted, &all, steps);
            let taken_back = wanted.take_back(&cut, &all, steps);
            for facts in [&cut, &taken_back] {
                let dark = wanted.dark(facts).into_iter();
                let dark = dark.filter(|dark| steps > 0 || !known.contains(dark));
                problems.extend(dark.map(|dark| {
                    let folder = folder.display();
                    format!("{folder}, overwriting, cut after step {steps}: {dark}")
                }));
            }
        }
        let settled = wanted.settle(&wanted.apply(&righted, &all, all.steps.len()));
        for plan in [wanted.provision(&settled), wanted.deploy(&settled)] {
            let plan = plan.unwrap();
            if !plan.is_empty() || !plan.drift.is_empty() {
                let (folder, plan) = (folder.display(), plan::plan_text(&plan, true));
                problems.push(format!("{folder}: once overwritten:\n{plan}"));
            }
        }
    }
    if let Ok(provision) = &provision {
        let provisioned = wanted.apply(&facts, provision, provision.steps.len());
        let then = wanted.deploy(&provisioned);
        if !provision.is_empty() {
            tell("deploy, once provisioned", &then);
        }
        let then = then.expect("what is provisioned can be deployed");
        let assumed = wanted
            .deploy(&plan::assume_provisioned(&wanted.stack, &facts, &wanted.templates).unwrap());
        let (assumed, known) = (assumed.unwrap(), &then);
        if steps(&assumed) != steps(known) {
            let change = plan::diff(&steps(&assumed), &steps(known));
            problems.push(format!(
                "{}: `plan` promises another deploy:\n{change}",
                folder.display()
            ));
        }
        // A saved plan is held to this once provision has run.
        if plan::plan_digest(&assumed) != plan::plan_digest(known) {
            let shown = |plan: &Plan| plan::plan_text(plan, true);
            problems.push(format!(
                "{}: what `plan --out` saves of deploy differs from what comes:\n{}",
                folder.display(),
                plan::diff(&shown(&assumed), &shown(known))
            ));
        }
        if is_fresh {
            golden.extend(written(provision));
            golden.extend(written(&then));
        }
        // Whatever was switched can be switched back, and then again.
        let deployed = wanted.apply(&provisioned, &then, then.steps.len());
        let back = plan::rollback(
            &wanted.stack,
            &deployed,
            &Target::default(),
            Options::default(),
        );
        let switches = |plan: &Plan| {
            plan.steps
                .iter()
                .any(|step| matches!(step.action, Action::Switch { .. }))
        };
        let mut plans = vec![(provision, &facts), (&then, &provisioned)];
        if switches(&then) {
            tell("rollback, once deployed", &back);
        }
        if let Ok(back) = &back {
            let gone_back = wanted.apply(&deployed, back, back.steps.len());
            problems.extend(wanted.dark(&gone_back));
            let again = plan::rollback(
                &wanted.stack,
                &gone_back,
                &Target::default(),
                Options::default(),
            );
            if again.is_ok_and(|again| again == *back) {
                problems.push(format!(
                    "{}: a second rollback does the same",
                    folder.display()
                ));
            }
            plans.push((back, &deployed));
        }
        for (plan, facts) in plans {
            problems.extend(
                never_taken_back(plan)
                    .map(|step| format!("{}: nothing confirms {step}", folder.display())),
            );
            for steps in 0..=plan.steps.len() {
                let last = steps.checked_sub(1).map(|at| plan.steps[at].action.words());
                let place = format!("{}, cut after step {steps} ({last:?})", folder.display());
                let cut = wanted.apply(facts, plan, steps);
                let taken_back = wanted.take_back(&cut, plan, steps);
                let booted = wanted.take_back(&wanted.power_cut(&cut), plan, steps);
                if steps > 0 {
                    let dark = wanted.dark(&booted).into_iter();
                    problems.extend(dark.map(|dark| format!("{place}, by a power cut: {dark}")));
                }
                for (how, facts) in [("", &cut), (" and taken back", &taken_back)] {
                    if steps > 0 {
                        let dark = wanted.dark(facts).into_iter();
                        problems.extend(dark.map(|dark| format!("{place}{how}: {dark}")));
                    }
                    let left = wanted.left_over(facts);
                    if !left.is_empty() {
                        problems.push(format!(
                            "{place}{how}: both have run again and want:\n{left}"
                        ));
                    }
                }
            }
        }
    }
    if let Some(then) = read("then.txt") {
        let mut facts = wanted.settle(&facts);
        for line in then.lines() {
            let plan = wanted.control(&facts, line);
            tell(line, &plan);
            let Ok(plan) = plan else { continue };
            problems.extend(wanted.cuts(&facts, line, &plan));
            facts = wanted.apply(&facts, &plan, plan.steps.len());
        }
    }
    golden.insert("plan.txt".to_owned(), text);
    let own: Vec<String> = wanted.stack.hosts.keys().map(own).collect();
    let mut inputs = vec![
        "compose.yaml",
        "compose.before.yaml",
        "stackctl.yaml",
        "facts.txt",
        "before.yaml",
        "since.txt",
        "then.txt",
    ];
    inputs.extend(own.iter().map(String::as_str));
    let brought_in: Vec<String> = match folder.join("compose").is_dir() {
        true => golden::files(&folder.join("compose"))
            .iter()
            .map(|path| format!("compose/{}", path.display()))
            .collect(),
        false => Vec::new(),
    };
    inputs.extend(brought_in.iter().map(String::as_str));
    problems.extend(golden::check(folder, &inputs, &golden));
    problems
}

#[test]
fn every_case_plans_what_it_should() {
    let cases = golden::root().join("tests/cases");
    let mut folders: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&cases).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            folders.push(entry.path());
        } else {
            assert_eq!(entry.file_name(), "bookworm.txt", "belongs to no case");
        }
    }
    folders.sort();
    assert!(folders.len() > 10, "the cases were not found");
    // Each is planned hundreds of times, so that all processors have some.
    let lanes = thread::available_parallelism().map_or(1, NonZero::get);
    let problems: Vec<String> = thread::scope(|scope| {
        let lane = |first| folders.iter().skip(first).step_by(lanes);
        let checks: Vec<_> = (0..lanes)
            .map(|first| {
                scope.spawn(move || lane(first).flat_map(|folder| check(folder)).collect())
            })
            .collect();
        let ended = checks.into_iter().map(|check| check.join());
        let told = ended.map(|told: thread::Result<Vec<String>>| match told {
            Ok(problems) => problems,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        told.flatten().collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
