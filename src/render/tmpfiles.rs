//! tmpfiles.d: what makes a service's socket folder and link again at boot.

use serde::Serialize;

use super::{RenderError, Templates, public_file};
use crate::model::{Layout, Listen, ReleaseId, RemoteFile, Service, Stack};

#[derive(Serialize)]
struct TmpfilesView<'a> {
    stack: &'a str,
    service: &'a str,
    run: &'a str,
    folder: &'a str,
    /// The user that makes the socket; root's systemd does it for an app on TCP.
    owner: Option<u32>,
    link: &'a str,
    target: String,
}

/// The tmpfiles.d file of an app whose release `id` serves. The link's target is relative, so it means the same wherever
/// `/run` is seen.
pub fn tmpfiles(
    templates: &Templates,
    stack: &Stack,
    service: &Service,
    id: &ReleaseId,
) -> Result<RemoteFile, RenderError> {
    let layout = Layout::new(&stack.name);
    let path = layout.tmpfiles(&service.name);
    let Some(app) = service.app() else {
        return Err(RenderError::new(
            "tmpfiles/service.conf",
            format!("service `{}` is no app, so it has no socket", service.name),
            "this is a mistake in stackctl: please report it",
        ));
    };
    let text = templates.render(
        "tmpfiles/service.conf",
        TmpfilesView {
            stack: stack.name.as_str(),
            service: service.name.as_str(),
            run: layout.run().as_str(),
            folder: layout.socket_folder(&service.name, id).as_str(),
            owner: (app.listen == Listen::Socket).then_some(layout.user(service)),
            link: layout.socket_link(&service.name).as_str(),
            target: format!("{}.{id}/app.sock", service.name),
        },
    )?;
    Ok(public_file(path, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Overrides, sample};

    fn lines(service: &str) -> Vec<String> {
        let templates = Templates::new(&Overrides::default()).unwrap();
        let stack = sample::stack();
        let service = &stack.services[&sample::name(service)];
        let file = tmpfiles(&templates, &stack, service, &sample::id()).unwrap();
        let text = String::from_utf8(file.contents).unwrap();
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn an_app_on_a_socket_owns_its_folder() {
        assert_eq!(
            lines("backend"),
            [
                "d /run/stackctl 0755 root root -",
                "d /run/stackctl/names 0755 root root -",
                "d /run/stackctl/names/backend.0123456789ab 2750 10001 www-data -",
                "L+ /run/stackctl/names/backend.sock - - - - backend.0123456789ab/app.sock",
            ]
        );
    }

    #[test]
    fn an_app_on_tcp_has_a_folder_of_roots() {
        assert_eq!(
            lines("reports")[2],
            "d /run/stackctl/names/reports.0123456789ab 0755 root root -"
        );
    }
}
