//! nginx: one file per stack and host, with a server block per site.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{RenderError, Templates, public_file};
use crate::model::{App, Host, Layout, RemoteFile, Route, ServiceKind, ServiceName, Site, Stack};

const TEMPLATE: &str = "nginx/site.conf";
/// Stands for the generation while the rest of the file is hashed.
const PLACEHOLDER: &str = "generation-of-this-file";
const CANARY: &str = "location = /.stackctl/generation";

#[derive(Serialize)]
struct FileView<'a> {
    stack: &'a str,
    /// The stack's name as part of a variable's name.
    ident: String,
    generation: &'a str,
    sites: Vec<SiteView<'a>>,
}

#[derive(Serialize)]
struct SiteView<'a> {
    name: &'a str,
    listen: u16,
    server_names: Vec<String>,
    body_limit: u32,
    routes: Vec<RouteView<'a>>,
}

#[derive(Serialize)]
struct RouteView<'a> {
    prefix: String,
    service: &'a str,
    app: Option<AppView>,
    files: Option<FilesView>,
}

#[derive(Serialize)]
struct AppView {
    address: String,
}

#[derive(Serialize)]
struct FilesView {
    folder: String,
    /// The prefix without its slash, when visitors are to be sent from there to the prefix.
    redirect: Option<String>,
}

/// Where nginx finds what it serves; a compose file has other places than a host.
pub(super) trait Places {
    /// What follows `http://` after `proxy_pass`.
    fn address(&self, service: &ServiceName, app: &App) -> String;
    fn folder(&self, service: &ServiceName) -> String;
}

impl Places for Layout {
    // Also for an app on TCP, since a socket proxy stands before it.
    fn address(&self, service: &ServiceName, _: &App) -> String {
        format!("unix:{}", self.socket_link(service))
    }

    fn folder(&self, service: &ServiceName) -> String {
        self.current(service).to_string()
    }
}

/// The stack's nginx file for `host`: all its sites there, or `None` when it has none.
pub fn nginx_site(
    templates: &Templates,
    stack: &Stack,
    host: &Host,
) -> Result<Option<RemoteFile>, RenderError> {
    let layout = Layout::new(&stack.name);
    let sites: Vec<&Site> = stack.sites_on(&host.name).collect();
    if sites.is_empty() {
        return Ok(None);
    }
    let text = server_blocks(templates, stack, &sites, &layout)?;
    Ok(Some(public_file(layout.nginx_available(), text)))
}

/// The generation that `file` has nginx answer at `/.stackctl/generation`: 12 hex digits of the digest of the rest of the
/// file. `None` when the user's own template left that location out.
pub fn site_generation(file: &RemoteFile) -> Option<String> {
    let text = std::str::from_utf8(&file.contents).ok()?;
    let (_, block) = text.split_once(CANARY)?;
    let (_, answer) = block.split_once("return 200 \"")?;
    let generation = answer.get(..12)?;
    let is_digest = generation.bytes().all(|b| b.is_ascii_hexdigit());
    is_digest.then(|| generation.to_owned())
}

/// The text of the file. Rendered once with a placeholder, which is then replaced by the digest of that text.
pub(super) fn server_blocks(
    templates: &Templates,
    stack: &Stack,
    sites: &[&Site],
    places: &dyn Places,
) -> Result<String, RenderError> {
    let view = FileView {
        stack: stack.name.as_str(),
        ident: stack.name.as_str().replace('-', "_"),
        generation: PLACEHOLDER,
        sites: sites
            .iter()
            .map(|site| site_view(stack, site, places))
            .collect::<Result<_, _>>()?,
    };
    let text = templates.render(TEMPLATE, &view)?;
    let digest = Sha256::digest(text.as_bytes());
    let generation: String = digest[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(text.replace(PLACEHOLDER, &generation))
}

fn site_view<'a>(
    stack: &'a Stack,
    site: &'a Site,
    places: &dyn Places,
) -> Result<SiteView<'a>, RenderError> {
    let mut routes: Vec<RouteView> = Vec::new();
    for route in &site.routes {
        let view = route_view(stack, site, route, places)?;
        if routes.iter().any(|other| other.prefix == view.prefix) {
            return Err(RenderError::new(
                TEMPLATE,
                format!("site `{}` has two routes for `{}`", site.name, view.prefix),
                "remove one of them from stackctl.yaml",
            ));
        }
        routes.push(view);
    }
    Ok(SiteView {
        name: site.name.as_str(),
        listen: site.listen,
        server_names: site
            .server_names
            .iter()
            .map(|n| bracketed(n.as_str()))
            .collect(),
        body_limit: site.body_limit,
        routes,
    })
}

fn route_view<'a>(
    stack: &Stack,
    site: &Site,
    route: &'a Route,
    places: &dyn Places,
) -> Result<RouteView<'a>, RenderError> {
    let wrong = |what: &str| {
        RenderError::new(
            TEMPLATE,
            format!(
                "route `{}` of site `{}` leads to {what}",
                route.prefix, site.name
            ),
            "route it to an app or to static files",
        )
    };
    let service = stack
        .services
        .get(&route.service)
        .ok_or_else(|| wrong("a service that the stack does not have"))?;
    let prefix = route.prefix.as_str();
    let mut view = RouteView {
        prefix: prefix.to_owned(),
        service: route.service.as_str(),
        app: None,
        files: None,
    };
    match &service.kind {
        ServiceKind::App(app) => {
            view.app = Some(AppView {
                address: places.address(&route.service, app),
            });
        }
        ServiceKind::Static(_) => {
            // With the slash, so that `/docs` is not also the beginning of `/docs-old`, and `alias` cannot be left upwards
            // by `/docs../`.
            let bare = prefix.trim_end_matches('/');
            view.prefix = format!("{bare}/");
            let taken = site
                .routes
                .iter()
                .any(|other| other.prefix.as_str() == bare && other.prefix != route.prefix);
            view.files = Some(FilesView {
                folder: places.folder(&route.service),
                redirect: (!bare.is_empty() && !taken).then(|| bare.to_owned()),
            });
        }
        ServiceKind::Mysql(_) => return Err(wrong("a database")),
    }
    Ok(view)
}

// As browsers send it in `Host`.
fn bracketed(name: &str) -> String {
    if name.parse::<std::net::Ipv6Addr>().is_ok() {
        format!("[{name}]")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Overrides, sample};

    fn rendered(stack: &Stack) -> RemoteFile {
        let templates = Templates::new(&Overrides::default()).unwrap();
        let host = stack.hosts.values().next().unwrap();
        nginx_site(&templates, stack, host).unwrap().unwrap()
    }

    fn text(file: &RemoteFile) -> &str {
        std::str::from_utf8(&file.contents).unwrap()
    }

    #[test]
    fn apps_are_proxied_and_files_served() {
        let file = rendered(&sample::stack());
        assert_eq!(file.path.as_str(), "/etc/nginx/sites-available/names.conf");
        assert_eq!(file.mode, 0o644);
        let text = text(&file);
        for line in [
            "    listen 80 default_server;\n    listen [::]:80 default_server;\n    server_name _;\n",
            "    listen 8080;\n    listen [::]:8080;\n    server_name *.example.com [2001:db8::1];\n",
            "    location /names {\n",
            "        proxy_pass http://unix:/run/stackctl/names/backend.sock;\n",
            "    location / {\n        root /var/lib/stackctl/names/current/page;\n",
            "    location = /static {\n        return 301 /static/;\n    }\n    location /static/ {\n        alias /var/lib/stackctl/names/current/page/;\n",
            "    client_max_body_size 1m;\n",
        ] {
            assert!(text.contains(line), "{line}\n---\n{text}");
        }
        assert!(text.ends_with("}\n") && !text.contains("\n\n\n"), "{text}");
    }

    #[test]
    fn the_generation_changes_with_the_file_and_only_then() {
        let mut stack = sample::stack();
        let first = rendered(&stack);
        assert_eq!(first, rendered(&stack));
        let generation = site_generation(&first).unwrap();
        assert!(!text(&first).contains(PLACEHOLDER));
        for site in stack.sites.values_mut() {
            site.body_limit = 2;
        }
        assert_ne!(site_generation(&rendered(&stack)).unwrap(), generation);
    }

    #[test]
    fn a_host_without_sites_has_no_file() {
        let mut stack = sample::stack();
        stack.sites.clear();
        let templates = Templates::new(&Overrides::default()).unwrap();
        let host = stack.hosts.values().next().unwrap();
        assert_eq!(nginx_site(&templates, &stack, host).unwrap(), None);
    }

    #[test]
    fn a_route_must_lead_to_something_that_answers() {
        let templates = Templates::new(&Overrides::default()).unwrap();
        for (prefix, service) in [("/x", "db"), ("/x", "gone")] {
            let mut stack = sample::stack();
            let site = sample::site("names", 80, &[], &[(prefix, service)]);
            stack.sites.insert(site.name.clone(), site);
            let host = stack.hosts.values().next().unwrap();
            let error = nginx_site(&templates, &stack, host).unwrap_err();
            assert!(error.to_string().contains("route `/x`"), "{error}");
        }
    }
}
