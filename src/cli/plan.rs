//! `plan`: what provision and deploy would do.

use serde_json::json;

use super::args::{Global, PlanArgs};
use super::hooks::Hooks;
use super::run::{What, planned};
use super::session::Loaded;
use super::{Console, Failure, Kind, saved, session};
use crate::facts::{Facts, OwnCertificates};
use crate::observe::Depth;
use crate::plan::{self, Finding, Options, Plan, PlanError, Refusal, Release};
use crate::ui;

/// The plans of both commands, one after the other.
pub struct Both {
    pub provision: Plan,
    /// As it would be after `provision`.
    pub deploy: Plan,
}

/// Both plans with what keeps them from being carried out.
struct Look {
    both: Both,
    /// Reasons to refuse, of `provision` and then of `deploy`. The plan of one that is refused has no steps.
    findings: [Vec<Finding>; 2],
}

impl Look {
    fn make(
        loaded: &Loaded,
        facts: &Facts,
        releases: &[Release],
        own: &OwnCertificates,
        options: Options,
    ) -> Result<Self, Failure> {
        let look = |planned: Result<Plan, PlanError>| match planned {
            Ok(plan) => Ok((plan, Vec::new())),
            Err(PlanError::Refused(refusal)) => {
                let plan = Plan {
                    steps: Vec::new(),
                    notes: refusal.notes,
                    drift: refusal.drift,
                };
                Ok((plan, refusal.findings))
            }
            Err(error) => Err(Failure::plan(&error)),
        };
        let provision = planned(What::Provision, loaded, facts, &[], own, options);
        let (provision, first) = look(provision)?;
        // What deploy lacks on a host that is not ready is what provision is about to make.
        let deploy = if provision.is_empty() && first.is_empty() {
            planned(What::Deploy, loaded, facts, releases, own, options)
        } else {
            let assumed = plan::assume_provisioned(&loaded.stack, facts, &loaded.templates)
                .map_err(|error| Failure::of_render(&error))?;
            planned(What::Deploy, loaded, &assumed, releases, own, options)
        };
        let (deploy, mut second) = look(deploy)?;
        // Both look at what every run needs.
        second.retain(|finding| !first.contains(finding));
        Ok(Self {
            both: Both { provision, deploy },
            findings: [first, second],
        })
    }

    fn all_findings(&self) -> Vec<Finding> {
        self.findings.concat()
    }

    fn refused(&self) -> Result<(), Failure> {
        let findings = self.all_findings();
        if findings.is_empty() {
            return Ok(());
        }
        let refusal = Refusal {
            findings,
            ..Refusal::default()
        };
        Err(Failure::plan(&PlanError::Refused(Box::new(refusal))))
    }
}

impl Both {
    pub fn make(
        loaded: &Loaded,
        facts: &Facts,
        releases: &[Release],
        own: &OwnCertificates,
        options: Options,
    ) -> Result<Self, Failure> {
        let look = Look::make(loaded, facts, releases, own, options)?;
        look.refused()?;
        Ok(look.both)
    }

    pub fn is_empty(&self) -> bool {
        self.provision.is_empty() && self.deploy.is_empty()
    }

    /// Whether somebody changed anything, mended or not.
    fn has_drift(&self) -> bool {
        !self.provision.drift.is_empty() || !self.deploy.drift.is_empty()
    }
}

/// Shows both plans, and saves them when asked to.
pub async fn plan(args: &PlanArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let mut loaded = session::load(global, console)?;
    loaded.warn(console);
    if args.out.is_some() && loaded.config.is_none() {
        return Err(Failure::new(
            Kind::Usage,
            "a plan of a yaml from stdin cannot be saved: `apply` reads the yaml again",
        )
        .hint("write the yaml to a file and name it with --config FILE"));
    }
    let given = loaded.secrets().await?;
    let releases = loaded.releases(&given)?;
    let own = loaded.certificates()?;
    loaded.log_in().await?;
    let fleet = loaded.connect_all(console).await?;
    let facts = loaded.observe(&fleet, Depth::Plan, console).await?;
    let releases = loaded.pinned(releases, &given, &facts)?;
    let options = Options {
        overwrite_drift: args.overwrite_drift,
        seed: args.seed,
        ignore_dns: args.ignore_dns,
    };
    let look = Look::make(&loaded, &facts, &releases, &own, options)?;
    let both = &look.both;
    let has_drift = both.has_drift();
    let changes = !both.is_empty() || has_drift;
    if let Some(file) = args.out.as_ref().filter(|_| look.refused().is_ok()) {
        let hooks = Hooks::read(&loaded, args.no_hooks)?;
        let made = saved::of(&loaded, global, &facts, &releases, both, &hooks, options);
        saved::write(&made, file)?;
    }
    if console.json {
        let value = json!({
            "schema": 1,
            "changes": changes,
            "findings": ui::findings_json(&look.all_findings()),
            "provision": ui::plan_json(&both.provision),
            "deploy": ui::plan_json(&both.deploy),
        });
        console.say(&value.to_string())?;
    } else {
        let paint = console.paint_out;
        let [first, second] = &look.findings;
        let parts = [
            ("provision", &both.provision, first),
            ("deploy", &both.deploy, second),
        ];
        let told = parts.map(|(name, plan, findings)| {
            let summary = match findings.len() {
                0 => ui::summary(plan),
                _ => ui::refused(findings),
            };
            let text = ui::plan_pretty(plan, paint);
            format!("{}: {summary}\n{text}", paint.strong(name))
        });
        console.say(&told.concat())?;
        if let Some(file) = args.out.as_ref().filter(|_| look.refused().is_ok()) {
            console.tell(&format!(
                "saved; carry it out with `stackctl apply {}`",
                file.display()
            ));
        }
    }
    let refused = look.refused();
    // Whoever asks whether anything was changed on the hosts is told so, also where it cannot be mended yet.
    if args.exit_code && (has_drift || changes && refused.is_ok()) {
        if let Err(refused) = &refused {
            console.tell(refused.text(console.paint).trim_end());
        }
        return Err(Failure::silent(Kind::Unhealthy));
    }
    refused
}
