//! systemd: the socket proxy before a container that only speaks TCP.

use serde::Serialize;

use super::{RenderError, Templates, public_file};
use crate::model::{Layout, ReleaseId, RemoteFile, ServiceName, Stack};

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
