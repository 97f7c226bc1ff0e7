//! Facts of all hosts at once: one script each, then a few API calls sent together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::facts::{Facts, FactsError, HostFacts};
use crate::model::{HostName, HostPath, Layout, Listen, ServiceName, Stack};
use crate::plan::{self, DatabaseTarget, Process};
use crate::runtime::database;
use crate::runtime::docker::{self, DockerError, Engine};
use crate::script;
use crate::transport::{Endpoint, Transport, TransportError};

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

/// Observes every host of the fleet in parallel.
pub async fn hosts(
    stack: &Stack,
    fleet: &Fleet,
    depth: Depth,
) -> (Facts, BTreeMap<HostName, Unobserved>) {
    let asked = fleet.iter().map(|(name, transport)| async move {
        (name.clone(), host(stack, name, transport, depth).await)
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
) -> Result<HostFacts, Unobserved> {
    let manifest = Layout::new(&stack.name).manifest();
    let mut questions = questions(stack, name, &manifest);
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
    // Asked for before we know whether there is an engine: it costs nothing, and saves a round trip when there is.
    let socket = Endpoint::Unix(docker::SOCKET.to_owned());
    let (output, ()) = tokio::join!(
        transport.run(&script, &[], DEADLINE),
        transport.prepare(&socket)
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
    let databases: Vec<(ServiceName, DatabaseTarget)> = plan::database_targets(stack)
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
    if facts.docker_socket && facts.is_active("docker.service") {
        let engine = Engine::connect(Arc::clone(transport), facts.docker_api.as_deref()).await?;
        let known = containers(stack, name, &facts);
        let status = depth == Depth::Status;
        let mut told = engine
            .facts(stack.name.as_str(), &databases, &known, status)
            .await?;
        if depth == Depth::Plan {
            let wanted = plan::images_of_interest(stack, name);
            told.registry = engine.registry(&wanted, &told).await;
        }
        facts.docker = Some(told);
    }
    Ok(facts)
}

/// The containers that serve on a host, by what nginx is led to (or was, where its link is gone), and those of its databases.
fn containers(stack: &Stack, host: &HostName, facts: &HostFacts) -> BTreeSet<String> {
    let layout = Layout::new(&stack.name);
    let services = stack.services_on(host).into_iter();
    let names = services.filter_map(|service| {
        if !service.in_container() {
            return None;
        }
        if service.database().is_some() {
            return Some(layout.container(&service.name));
        }
        if !service.in_container() {
            return None;
        }
        let id = plan::serving(&layout, service, facts)
            .or_else(|| plan::last_served(&layout, service, facts))?;
        Some(layout.release_container(&service.name, &id))
    });
    names.collect()
}

fn questions(stack: &Stack, host: &HostName, manifest: &HostPath) -> Vec<String> {
    let mut questions: Vec<String> = Vec::new();
    questions.extend(plan::PACKAGES.iter().map(|name| format!("p:{name}")));
    questions.push(format!("u:{}", Layout::new(&stack.name).recover_unit()));
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
        let Some(app) = service.app() else { continue };
        // A release's copies of passwords; of these only digests are told.
        let releases = Layout::new(&stack.name).releases(&service.name);
        let copies = plan::secrets_of(stack, service);
        questions.extend(copies.iter().map(|copy| format!("f:{releases}/*/{copy}")));
        questions.push(format!("f:{releases}/*/release.json"));
        let (stack, name) = (&stack.name, &service.name);
        questions.push(format!("u:{stack}-{name}-cool-*.timer"));
        if app.listen != Listen::Socket {
            questions.push(format!("u:{stack}-{name}-proxy-*.socket"));
        }
    }
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
    if let Some((port, name)) = plan::site_address(stack, host) {
        questions.push(format!("g:{port}:{name}"));
    }
    questions
}
