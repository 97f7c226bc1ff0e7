//! `plan`: what provision and deploy would do.

use serde_json::json;

use super::args::{Global, PlanArgs};
use super::hooks::Hooks;
use super::run::{What, make};
use super::session::Loaded;
use super::{Console, Failure, Kind, saved, session};
use crate::facts::Facts;
use crate::observe::Depth;
use crate::plan::{self, Options, Plan, Release};
use crate::ui;

/// The plans of both commands, one after the other.
pub struct Both {
    pub provision: Plan,
    /// As it would be after `provision`.
    pub deploy: Plan,
}

impl Both {
    pub fn make(
        loaded: &Loaded,
        facts: &Facts,
        releases: &[Release],
        options: Options,
    ) -> Result<Self, Failure> {
        let provision = make(What::Provision, loaded, facts, &[], options)?;
        // What deploy lacks on a host that is not ready is what provision is about to make.
        let deploy = if provision.is_empty() {
            make(What::Deploy, loaded, facts, releases, options)?
        } else {
            let assumed = plan::assume_provisioned(&loaded.stack, facts, &loaded.templates)
                .map_err(|error| Failure::of_render(&error))?;
            make(What::Deploy, loaded, &assumed, releases, options)?
        };
        Ok(Self { provision, deploy })
    }

    pub fn is_empty(&self) -> bool {
        self.provision.is_empty() && self.deploy.is_empty()
    }
}

/// Shows both plans, and saves them when asked to.
pub async fn plan(args: &PlanArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let loaded = session::load(global, console)?;
    if args.out.is_some() && loaded.config.is_none() {
        return Err(Failure::new(
            Kind::Usage,
            "a plan of a yaml from stdin cannot be saved: `apply` reads the yaml again",
        )
        .hint("write the yaml to a file and name it with --config FILE"));
    }
    let releases = loaded.releases()?;
    let fleet = loaded.connect_all(console).await?;
    let facts = loaded.observe(&fleet, Depth::Plan, console).await?;
    let options = Options {
        overwrite_drift: args.overwrite_drift,
    };
    let both = Both::make(&loaded, &facts, &releases, options)?;
    let changes = !both.is_empty();
    if let Some(file) = &args.out {
        let hooks = Hooks::read(&loaded, args.no_hooks)?;
        let made = saved::of(&loaded, global, &facts, &releases, &both, &hooks, options);
        saved::write(&made, file)?;
    }
    if console.json {
        let value = json!({
            "schema": 1,
            "changes": changes,
            "provision": ui::plan_json(&both.provision),
            "deploy": ui::plan_json(&both.deploy),
        });
        console.say(&value.to_string())?;
    } else {
        let paint = console.paint_out;
        let told =
            [("provision", &both.provision), ("deploy", &both.deploy)].map(|(name, plan)| {
                let summary = ui::summary(plan);
                format!(
                    "{}: {summary}\n{}",
                    paint.strong(name),
                    ui::plan_pretty(plan, paint)
                )
            });
        console.say(&told.concat())?;
        if let Some(file) = &args.out {
            console.tell(&format!(
                "saved; carry it out with `stackctl apply {}`",
                file.display()
            ));
        }
    }
    if args.exit_code && changes {
        return Err(Failure::silent(Kind::Unhealthy));
    }
    Ok(())
}
