//! What takes a run back, as a host keeps it: scripts that need nobody.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ApplyError;
use crate::model::Layout;
use crate::plan::{Action, FirewallBefore, SiteBefore};
use crate::script::{self, Script};

/// `recover.sh` gives each script a minute.
const HEALTHY: u32 = 45;
/// How long an app may take to stop when its release is taken back.
const STOP_SECONDS: u32 = 20;

/// The file that `recover.sh` reads: the run, then a line for each action, in the order in which they are done.
pub(super) fn pending<'a>(
    header: &str,
    undo: impl Iterator<Item = &'a Action>,
) -> Result<String, ApplyError> {
    let mut text = format!("{header}\n");
    for action in undo {
        let words = action.words();
        let Some(script) = alone(action) else {
            return Err(ApplyError::NeedsUs { words });
        };
        let words = words.replace(['\t', '\n'], " ");
        let _ = writeln!(text, "{words}\t{}", STANDARD.encode(script.text()));
    }
    Ok(text)
}

/// An action as a script that a host can run without us; `None` for one that needs us.
pub(super) fn alone(action: &Action) -> Option<Script> {
    Some(match action {
        Action::ReloadUnits => script::reload_units(),
        // Whoever takes a run back waits for no app that has minutes to stop.
        Action::StopUnit(unit) => script::stop_unit(unit).with([STOP_SECONDS]),
        Action::StartUnit(unit) => script::start_unit(unit),
        Action::Remove(path) => script::remove(path),
        Action::PutFile { file, .. } => {
            let (mode, owner) = (octal(file.mode), file.owner);
            script::put_file(&file.path, mode, owner.user, owner.group)
                .with([STANDARD.encode(&file.contents)])
        }
        Action::PutFolder(folder) => {
            let (mode, owner) = (octal(folder.mode), folder.owner);
            script::put_folder(&folder.path, mode, owner.user, owner.group)
        }
        Action::Switch { link, target } => script::switch(link, target),
        Action::RestoreSite(site) => restore_site(site),
        Action::RestoreFirewall(before) => restore_firewall(before),
        Action::StopContainer { name, grace } => {
            script::container("stop").with([name.clone(), grace.to_string()])
        }
        Action::RemoveContainer(name) => script::container("remove").with([name]),
        Action::StartContainer(name) | Action::ResumeContainer(name) => {
            script::container("start").with([name])
        }
        Action::WaitHealthy { socket, health, .. } => script::container("healthy").with([
            socket.as_str().to_owned(),
            health.path.clone(),
            health.deadline.min(HEALTHY).to_string(),
        ]),
        Action::Drain {
            container,
            socket,
            deadline,
        } => script::container("drain").with([
            container.clone().unwrap_or_default(),
            socket.clone(),
            deadline.as_secs().to_string(),
        ]),
        _ => return None,
    })
}

/// Base64, or a dash for nothing.
fn encoded(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "-".to_owned(), |bytes| STANDARD.encode(bytes))
}

fn restore_site(site: &SiteBefore) -> Script {
    let links = site.links.iter().flat_map(|(link, target)| {
        let target = target.clone().unwrap_or_else(|| "-".to_owned());
        [link.to_string(), target]
    });
    let contents = encoded(site.contents.as_deref());
    script::nginx_restore(&site.stale, &site.path, octal(site.mode), contents).with(links)
}

fn restore_firewall(before: &FirewallBefore) -> Script {
    let text = |text: &Option<String>| encoded(text.as_deref().map(str::as_bytes));
    let files = before
        .files
        .iter()
        .flat_map(|(path, contents)| [path.to_string(), encoded(contents.as_deref())]);
    script::firewall_restore(
        Layout::FIREWALL_STACKS,
        Layout::FIREWALL_UNIT,
        text(&before.live),
        text(&before.record),
    )
    .with(files)
}

/// As chmod(1) takes it.
pub(super) fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}
