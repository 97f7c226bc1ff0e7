//! `status`: one observation, judged.

use std::collections::BTreeMap;

use super::args::Global;
use super::session::Loaded;
use super::{Console, Failure, Kind, session};
use crate::model::HostName;
use crate::observe::{self, Depth};
use crate::plan::{self, Status};
use crate::ui;

pub async fn status(global: &Global, console: &Console) -> Result<(), Failure> {
    let loaded = session::load(global, console)?;
    let (status, unreachable) = look(&loaded).await;
    if console.json {
        console.say(&serde_json::to_string(&status).expect("a status is plain data"))?;
    } else {
        console.say(&ui::status_text(&status, console.paint_out))?;
    }
    if let Some(failure) = unreachable.into_values().next() {
        return Err(failure);
    }
    if status.healthy {
        Ok(())
    } else {
        Err(Failure::silent(Kind::Unhealthy))
    }
}

/// Everything in one observation: facts and HTTP answers are asked for at once.
pub async fn look(loaded: &Loaded) -> (Status, BTreeMap<HostName, Failure>) {
    let (fleet, mut failures) = loaded.connect().await;
    let ((facts, unobserved), probes) = tokio::join!(
        observe::hosts(&loaded.stack, &fleet, Depth::Status, &loaded.logins),
        observe::probes(&loaded.stack, &fleet),
    );
    for (name, error) in &unobserved {
        failures.insert(name.clone(), Failure::unobserved(name.as_str(), error));
    }
    let why: BTreeMap<HostName, String> = failures
        .iter()
        .map(|(name, failure)| (name.clone(), failure.chain[1..].join(": ")))
        .collect();
    let mut status = plan::status(&loaded.stack, &facts, &probes, &why);
    let chosen = |name: &str| {
        loaded
            .services
            .iter()
            .any(|service| service.as_str() == name)
    };
    status.services.retain(|service| chosen(&service.name));
    (status, failures)
}
