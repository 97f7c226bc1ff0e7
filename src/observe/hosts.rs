//! Facts of all hosts at once: one script each, then a few API calls sent together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::facts::{Facts, FactsError, HostFacts};
use crate::model::{HostName, HostPath, Layout, Listen, Logins, ServiceName, Stack};
use crate::plan::{self, DatabaseTarget, Process};
use crate::runtime::database;
use crate::runtime::docker::{self, DockerError, Engine};
use crate::script;
use crate::transport::{Transport, TransportError};

/// The hosts we are connected to.
pub type Fleet = BTreeMap<HostName, Arc<dyn Transport>>;

/// How much to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Only what runs, for commands that look or go into it.
    Running,
    /// What plans need.
    Plan,
    /// All that a stack has, also without its manifest.
    Destroy,
    /// Also what `status` shows of each container.
    Status,
    /// Also the records of all releases, for going back to one and for comparing.
    Records,
}

/// A host that did not say what it is.
#[derive(Debug, thiserror::Error)]
pub enum Unobserved {
    #[error("cannot ask the host what it has")]
    Transport(#[from] TransportError),
    #[error("the host's answer cannot be read")]
    Facts(#[from] FactsError),
    #[error("the host could not say what it has (exit {status}): {stderr}")]
    Script { status: i32, stderr: String },
    #[error("cannot ask Docker's engine what it has")]
    Docker(#[from] DockerError),
}

const DEADLINE: Duration = Duration::from_secs(60);

/// Observes every host of the fleet in parallel. Registries are asked with the logins.
pub async fn hosts(
    stack: &Stack,
    fleet: &Fleet,
    depth: Depth,
    logins: &Arc<Logins>,
) -> (Facts, BTreeMap<HostName, Unobserved>) {
    let asked = fleet.iter().map(|(name, transport)| async move {
        (
            name.clone(),
            host(stack, name, transport, depth, logins).await,
        )
    });
    let mut facts = Facts::new();
    let mut unobserved = BTreeMap::new();
    for (name, told) in join_all(asked).await {
        match told {
            Ok(told) => drop(facts.insert(name, told)),
            Err(error) => drop(unobserved.insert(name, error)),
        }
    }
    (facts, unobserved)
}

async fn host(
    stack: &Stack,
    name: &HostName,
    transport: &Arc<dyn Transport>,
    depth: Depth,
    logins: &Arc<Logins>,
) -> Result<HostFacts, Unobserved> {
    let manifest = Layout::new(&stack.name).manifest();
    let mut questions = questions(stack, name, &manifest);
    // What only those need who may change it: going back to a release is a matter of a second.
    if !matches!(depth, Depth::Records | Depth::Running) {
        questions.extend(plan::PACKAGES.iter().map(|name| format!("p:{name}")));
        questions.push("w:firewall".into());
    }
    if depth == Depth::Records {
        questions.extend(
            plan::records(stack)
                .iter()
                .map(|folder| format!("r:{folder}")),
        );
    }
    if depth == Depth::Destroy {
        let files = plan::files_to_destroy(stack).into_iter();
        let folders = plan::folders_to_destroy(stack).into_iter();
        questions.extend(files.map(|path| format!("c:{path}")));
        questions.extend(folders.map(|path| format!("l:{path}")));
    }
    let script = script::facts().with(questions);
    // Before we know whether there is an engine: it costs nothing, and saves round trips when there is. What it needs on the
    // host comes first, so that it is there while the facts are gathered.
    let (ahead, output) = tokio::join!(
        docker::Ahead::dial(transport.as_ref()),
        transport.run(&script, &[], DEADLINE)
    );
    let output = output?;
    if output.status != 0 {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Unobserved::Script {
            status: output.status,
            stderr,
        });
    }
    let mut facts = HostFacts::parse(&String::from_utf8_lossy(&output.stdout), &manifest)?;
    let databases: Vec<(ServiceName, DatabaseTarget)> = plan::database_targets(stack, &facts)
        .into_iter()
        .filter(|(service, _)| depth != Depth::Running && service.hosts.contains(name))
        .map(|(service, target)| (service.name.clone(), target))
        .collect();
    for (service, target) in &databases {
        if let Process::Unit(unit) = &target.process
            && facts.is_active(unit)
        {
            let told = database::ask(transport.as_ref(), target).await?;
            facts.databases.insert(service.clone(), told);
        }
    }
    for service in stack.services_on(name) {
        if let Some(external) = service.external().filter(|_| depth != Depth::Running) {
            let told = database::reach(transport.as_ref(), external).await?;
            facts.databases.insert(service.name.clone(), told);
        }
    }
    if facts.docker_socket && facts.is_active("docker.service") {
        let engine =
            Engine::over(Arc::clone(transport), ahead, facts.docker_api.as_deref()).await?;
        let known = containers(stack, name, &facts);
        let status = depth == Depth::Status;
        let mut told = engine
            .facts(stack.name.as_str(), &databases, &known, status)
            .await?;
        if depth == Depth::Plan {
            let wanted = plan::images_of_interest(stack, name);
            let moving = plan::images_that_move(stack, name);
            let engine = engine.with_logins(Arc::clone(logins));
            told.registry = engine.registry(&wanted, &moving, &told).await;
        }
        facts.docker = Some(told);
    }
    Ok(facts)
}

/// The containers that serve on a host, by what nginx is led to (or was, where its link is gone), and those of its databases.
fn containers(stack: &Stack, host: &HostName, facts: &HostFacts) -> BTreeSet<String> {
    let layout = Layout::new(&stack.name);
    let services = stack.services_on(host).into_iter();
    // What stands in its place is known by its folder: nothing leads to it.
    let in_place = services
        .clone()
        .filter(|service| service.container().is_some())
        .flat_map(|service| {
            let releases = facts.entries.get(layout.releases(&service.name).as_str());
            let names = releases.into_iter().flat_map(|names| names.keys());
            let ids = names.filter_map(|name| name.parse().ok());
            ids.map(|id| layout.release_container(&service.name, &id))
                .collect::<Vec<_>>()
        });
    let names = services.filter_map(|service| {
        if !service.in_container() || service.container().is_some() {
            return None;
        }
        if service.database().is_some() {
            return Some(layout.container(&service.name));
        }
        let id = plan::serving(&layout, service, facts)
            .or_else(|| plan::last_served(&layout, service, facts))?;
        Some(layout.release_container(&service.name, &id))
    });
    names.chain(in_place).collect()
}

fn questions(stack: &Stack, host: &HostName, manifest: &HostPath) -> Vec<String> {
    let mut questions: Vec<String> = Vec::new();
    let layout = Layout::new(&stack.name);
    questions.push(format!("u:{}", layout.recover_unit()));
    questions.push(format!("u:{}", layout.admit_unit()));
    questions.extend(plan::UNITS.iter().map(|unit| format!("u:{unit}")));
    questions.extend(
        plan::paths_of_interest(stack)
            .iter()
            .map(|path| format!("f:{path}")),
    );
    questions.extend(
        plan::folders_of_interest(stack)
            .iter()
            .map(|path| format!("l:{path}")),
    );
    // systemctl knows patterns; the releases are not known here.
    for service in stack.services.values() {
        let layout = Layout::new(&stack.name);
        if service.app().is_some() || service.container().is_some() {
            // Also of releases that were given secrets which the yaml names no more. Only digests are told.
            let releases = layout.releases(&service.name);
            let all = plan::SECRETS_OF_RELEASES.iter();
            questions.extend(all.map(|files| format!("f:{releases}/*/{files}")));
        }
        if service.composed().is_some() {
            // Of secrets and configs, too, only digests are told.
            questions.push(format!("f:{}/*/files/*", layout.releases(&service.name)));
        }
        if service.container().is_some() {
            let releases = layout.releases(&service.name);
            questions.push(format!("f:{releases}/*/release.json"));
        }
        let Some(app) = service.app() else { continue };
        // A release's copies of passwords; of these only digests are told.
        let releases = Layout::new(&stack.name).releases(&service.name);
        let copies = plan::secrets_of(stack, service);
        questions.extend(copies.iter().map(|copy| format!("f:{releases}/*/{copy}")));
        questions.push(format!("f:{releases}/*/release.json"));
        let (stack, name) = (&stack.name, &service.name);
        if app.listen != Listen::Socket {
            questions.push(format!("u:{stack}-{name}-proxy-*.socket"));
        }
    }
    // Also of services that have left the yaml.
    questions.push(format!("u:{}-*-cool-*.timer", stack.name));
    // A pattern, as what lies there is not ours.
    let drop_ins = plan::drop_ins(stack);
    questions.extend(drop_ins.iter().map(|path| format!("c:{path}")));
    questions.extend(plan::unit_questions(stack, host));
    questions.extend(
        plan::contents_of_interest(stack)
            .iter()
            .map(|path| format!("c:{path}")),
    );
    questions.push(format!("m:{manifest}"));
    let certificates = plan::certificates_of_interest(stack, host);
    questions.extend(certificates.iter().map(|path| format!("x:{path}")));
    let layout = Layout::new(&stack.name);
    for site in stack.sites_on(host) {
        let key = layout.issued_certificate(&site.name).key;
        let names = site.server_names.iter().filter(|_| site.acme().is_some());
        questions.extend(names.map(|name| format!("n:{name}:{key}")));
        let asked = plan::asked_for(site).filter(|_| site.tls.is_some());
        questions.extend(asked.map(|name| format!("h:{name}")));
        // A private key: only its digest is told.
        let keys = layout.site_certificates(&site.name);
        if site.tls.is_some() && site.acme().is_none() {
            questions
                .extend(["", "/key.pem", "/certificate.pem"].map(|end| format!("f:{keys}/*{end}")));
            questions.push(format!("f:{keys}"));
        }
    }
    if let Some((port, name)) = plan::site_address(stack, host) {
        questions.push(format!("g:{port}:{name}"));
    }
    questions
}
