//! systemd: the socket proxy before a container that only speaks TCP, and what tidies up after a crash.

use serde::Serialize;

use super::{RenderError, Templates, public_file};
use crate::model::{HostPath, Layout, ReleaseId, RemoteFile, ServiceName, Stack};

#[derive(Serialize)]
struct ProxyView<'a> {
    stack: &'a str,
    service: &'a str,
    id: &'a str,
    unit: &'a str,
    socket: &'a str,
    port: u16,
}

/// The `.socket` and `.service` units (in this order) that carry a release's socket to `127.0.0.1:port`. Enabling and
/// starting the `.socket` is enough: its first connection starts the service, also after a reboot.
pub fn proxy_units(
    templates: &Templates,
    stack: &Stack,
    service: &ServiceName,
    id: &ReleaseId,
    port: u16,
) -> Result<Vec<RemoteFile>, RenderError> {
    let layout = Layout::new(&stack.name);
    let unit = layout.proxy_unit(service, id);
    let socket = layout.socket(service, id);
    let view = ProxyView {
        stack: stack.name.as_str(),
        service: service.as_str(),
        id: id.as_str(),
        unit: &unit,
        socket: socket.as_str(),
        port,
    };
    let file = |template, suffix: &str| {
        let text = templates.render(template, &view)?;
        Ok(public_file(layout.unit(&format!("{unit}.{suffix}")), text))
    };
    Ok(vec![
        file("systemd/proxy.socket", "socket")?,
        file("systemd/proxy.service", "service")?,
    ])
}

#[derive(Serialize)]
struct RecoverView<'a> {
    stack: &'a str,
    pending: &'a str,
    history: &'a str,
    script: &'a str,
    lock: &'a str,
    lock_folder: &'a str,
}

/// What takes a run back that a crash of the host has ended: a script, and the unit that runs it before nginx starts.
pub fn recovery(templates: &Templates, stack: &Stack) -> Result<Vec<RemoteFile>, RenderError> {
    let layout = Layout::new(&stack.name);
    let (pending, history) = (layout.pending(), layout.history());
    let (script, lock) = (layout.recover_script(), layout.lock());
    let view = RecoverView {
        stack: stack.name.as_str(),
        pending: pending.as_str(),
        history: history.as_str(),
        script: script.as_str(),
        lock: lock.as_str(),
        lock_folder: lock.parent(),
    };
    let text = templates.render("systemd/recover.service", &view)?;
    Ok(vec![
        own_script(script.clone(), include_str!("../script/recover.sh")),
        public_file(layout.unit(&layout.recover_unit()), text),
    ])
}

#[derive(Serialize)]
struct AdmitView<'a> {
    stack: &'a str,
    script: &'a str,
}

/// What keeps one site that nginx refuses from keeping nginx down: a script, and the unit that runs it before nginx starts.
pub fn admission(templates: &Templates, stack: &Stack) -> Result<Vec<RemoteFile>, RenderError> {
    let layout = Layout::new(&stack.name);
    let script = layout.admit_script();
    let view = AdmitView {
        stack: stack.name.as_str(),
        script: script.as_str(),
    };
    let text = templates.render("systemd/nginx.service", &view)?;
    Ok(vec![
        own_script(script.clone(), include_str!("../script/nginx-admit.sh")),
        public_file(layout.unit(&layout.admit_unit()), text),
    ])
}

fn own_script(path: HostPath, text: &str) -> RemoteFile {
    RemoteFile {
        mode: 0o600,
        ..public_file(path, text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Overrides, sample};

    #[test]
    fn the_pair_shares_a_name_and_a_socket() {
        let templates = Templates::new(&Overrides::default()).unwrap();
        let (stack, name) = (sample::stack(), sample::name("reports"));
        let files = proxy_units(&templates, &stack, &name, &sample::id(), 49152).unwrap();
        let unit = "/etc/systemd/system/names-reports-proxy-0123456789ab";
        assert_eq!(files[0].path.as_str(), format!("{unit}.socket"));
        assert_eq!(files[1].path.as_str(), format!("{unit}.service"));
        let text = |at: usize| std::str::from_utf8(&files[at].contents).unwrap();
        assert!(
            text(0).contains("ListenStream=/run/stackctl/names/reports.0123456789ab/app.sock\n")
        );
        assert!(text(1).contains(" 127.0.0.1:49152\n"));
        assert!(text(1).contains("Requires=names-reports-proxy-0123456789ab.socket\n"));
    }
}
