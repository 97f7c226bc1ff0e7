//! `plan`: what provision and deploy would do.

use serde_json::json;

use super::args::{Global, PlanArgs};
use super::run::{What, make};
use super::{Console, Failure, Kind, session};
use crate::observe::Depth;
use crate::plan::Options;
use crate::ui;

/// Shows both plans. On a host that is not provisioned yet, deploy's can only be told afterwards.
pub async fn plan(args: &PlanArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let loaded = session::load(global, console)?;
    let releases = loaded.releases()?;
    let fleet = loaded.connect_all(console).await?;
    let facts = loaded.observe(&fleet, Depth::Plan, console).await?;
    let options = Options {
        overwrite_drift: args.overwrite_drift,
    };
    let provision = make(What::Provision, &loaded, &facts, &[], options)?;
    let deploy = make(What::Deploy, &loaded, &facts, &releases, options);
    let deploy = match deploy {
        // What deploy lacks is what provision is about to make.
        Err(failure) if failure.kind == Kind::Refused && !provision.is_empty() => Err(failure),
        other => Ok(other?),
    };
    let changes = !provision.is_empty() || deploy.as_ref().map_or(true, |plan| !plan.is_empty());
    if console.json {
        let told = deploy
            .as_ref()
            .map_or_else(|failure| json!({"refused": failure.chain}), ui::plan_json);
        let value = json!({"schema": 1, "changes": changes, "provision": ui::plan_json(&provision), "deploy": told});
        console.say(&value.to_string())?;
    } else {
        let paint = console.paint_out;
        let mut text = format!(
            "{}: {}\n{}",
            paint.strong("provision"),
            ui::summary(&provision),
            ui::plan_pretty(&provision, paint)
        );
        match &deploy {
            Ok(plan) => {
                text.push_str(&format!(
                    "{}: {}\n{}",
                    paint.strong("deploy"),
                    ui::summary(plan),
                    ui::plan_pretty(plan, paint)
                ));
            }
            Err(_) => {
                text.push_str(&format!(
                    "{}: known once provision has run\n",
                    paint.strong("deploy")
                ));
                for release in &releases {
                    text.push_str(&format!(
                        "  {}: release {} of `{}` would be new\n",
                        release.host, release.id, release.service
                    ));
                }
            }
        }
        console.say(&text)?;
    }
    if args.exit_code && changes {
        return Err(Failure::silent(Kind::Unhealthy));
    }
    Ok(())
}
