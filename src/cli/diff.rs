//! `diff`: in what two releases of a service differ.

use serde_json::json;

use super::args::{DiffArgs, Global};
use super::{Console, Failure, Kind, session};
use crate::model::{HostPath, Layout, ReleaseId};
use crate::observe::{self, Depth};
use crate::plan::{self, Record};

pub async fn diff(args: &DiffArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let loaded = session::load(global, console)?;
    let parse = |text: &String| {
        text.parse::<ReleaseId>().map_err(|_| {
            Failure::new(Kind::Usage, format!("`{text}` is no release id"))
                .hint("it is 12 lower-case hex digits, as `stackctl history` shows them")
        })
    };
    let from = parse(&args.from)?;
    let to = args.to.as_ref().map(parse).transpose()?;
    let fleet = loaded.connect_all(console).await?;
    let facts = loaded.observe(&fleet, Depth::Records, console).await?;
    let layout = Layout::new(&loaded.stack.name);
    let mut there = Vec::new();
    for (host, facts) in &facts {
        for service in loaded.stack.services_on(host) {
            if !service.is_released() || !loaded.services.contains(&service.name) {
                continue;
            }
            let folder = layout.releases(&service.name);
            let known = facts.entries.get(folder.as_str());
            let has = |id: &ReleaseId| known.is_some_and(|known| known.contains_key(id.as_str()));
            there.extend(
                known
                    .into_iter()
                    .flatten()
                    .map(|(id, _)| format!("{} {id}", service.name)),
            );
            let Some(to) = to
                .clone()
                .or_else(|| plan::serving(&layout, service, facts))
            else {
                continue;
            };
            if !has(&from) || !has(&to) {
                continue;
            }
            let differences = if service.app().is_some() || service.container().is_some() {
                let record = |id: &ReleaseId| {
                    Record::of(facts, &layout, &service.name, id).ok_or_else(|| {
                        let path = Record::path(&layout, &service.name, id);
                        Failure::new(Kind::Step, format!("{path} on {host} cannot be read"))
                    })
                };
                plan::compare(&record(&from)?, &record(&to)?)
            } else {
                let digests = async |id: &ReleaseId| {
                    let path: HostPath = layout.release(&service.name, id);
                    let told = observe::digests(fleet[host].as_ref(), &path).await;
                    told.map_err(|error| Failure::unobserved(host.as_str(), &error))
                };
                plan::compare_files(&digests(&from).await?, &digests(&to).await?)
            };
            if console.json {
                let value = json!({"schema": 1, "service": service.name.as_str(), "from": from.as_str(), "to": to.as_str(), "differences": differences});
                return console.say(&value.to_string());
            }
            let paint = console.paint_out;
            let mut text = format!("{} {from} → {to}\n", paint.strong(service.name.as_str()));
            for difference in &differences {
                let mark = match difference.how {
                    "added" => paint.good("+"),
                    "removed" => paint.bad("-"),
                    _ => paint.warn("~"),
                };
                text.push_str(&format!("{mark} {}\n", difference.what));
                for line in difference.diff.iter().flat_map(|diff| diff.lines()) {
                    if !line.starts_with('@') {
                        text.push_str(&format!("    {}\n", paint.diff(line)));
                    }
                }
            }
            if differences.is_empty() {
                text.push_str("no difference\n");
            }
            return console.say(text.trim_end());
        }
    }
    let ids = to.map_or_else(|| from.to_string(), |to| format!("{from} and {to}"));
    Err(
        Failure::new(Kind::Refused, format!("no service has {ids}")).hint(format!(
            "there are: {}",
            if there.is_empty() {
                "none".into()
            } else {
                there.join(", ")
            }
        )),
    )
}
