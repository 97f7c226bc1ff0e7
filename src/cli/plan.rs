//! `plan`: what provision and deploy would do.

use serde_json::json;

use super::args::{Global, PlanArgs};
use super::run::{What, make};
use super::{Console, Failure, Kind, session};
use crate::observe::Depth;
use crate::plan::{self, Options};
use crate::ui;

/// Shows both plans; deploy's as it would be after provision.
pub async fn plan(args: &PlanArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let loaded = session::load(global, console)?;
    let releases = loaded.releases()?;
    let fleet = loaded.connect_all(console).await?;
    let facts = loaded.observe(&fleet, Depth::Plan, console).await?;
    let options = Options {
        overwrite_drift: args.overwrite_drift,
    };
    let provision = make(What::Provision, &loaded, &facts, &[], options)?;
    // What deploy lacks on a host that is not ready is what provision is about to make.
    let facts = if provision.is_empty() {
        facts
    } else {
        plan::assume_provisioned(&loaded.stack, &facts, &loaded.templates)
            .map_err(|error| Failure::of_render(&error))?
    };
    let deploy = make(What::Deploy, &loaded, &facts, &releases, options)?;
    let changes = !provision.is_empty() || !deploy.is_empty();
    if console.json {
        let value = json!({
            "schema": 1,
            "changes": changes,
            "provision": ui::plan_json(&provision),
            "deploy": ui::plan_json(&deploy),
        });
        console.say(&value.to_string())?;
    } else {
        let paint = console.paint_out;
        let told = [("provision", &provision), ("deploy", &deploy)].map(|(name, plan)| {
            let summary = ui::summary(plan);
            format!(
                "{}: {summary}\n{}",
                paint.strong(name),
                ui::plan_pretty(plan, paint)
            )
        });
        console.say(&told.concat())?;
    }
    if args.exit_code && changes {
        return Err(Failure::silent(Kind::Unhealthy));
    }
    Ok(())
}
