//! nginx: one file per stack and host, with a server block per site.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::upstream::{BalanceView, OtherHosts};
use super::{RenderError, Templates, public_file};
use crate::model::{
    App, CertificatePaths, Host, HostPath, Layout, RemoteFile, Route, RouteTarget, ServiceKind,
    ServiceName, Site, SiteName, Stack,
};

const TEMPLATE: &str = "nginx/site.conf";
/// Stands for the generation while the rest of the file is hashed.
const PLACEHOLDER: &str = "generation-of-this-file";
const CANARY: &str = "location = /.stackctl/generation";

/// How long a part of a variable's name may be. nginx looks for its variables in buckets of 64 bytes, into which names of up to
/// 46 fit (ngx_http_core_module, `variables_hash_bucket_size`; NGX_HASH_ELT_SIZE of ngx_hash.h); ours have up to 24 beside it.
const IDENT: usize = 20;

#[derive(Serialize)]
struct FileView<'a> {
    stack: &'a str,
    /// The stack's name as part of a variable's name.
    ident: String,
    generation: &'a str,
    /// Whether any site has a certificate.
    has_tls: bool,
    https: u16,
    nginx: NginxFeatures,
    has_fallback: bool,
    others: &'a OtherHosts,
    sites: Vec<SiteView<'a>>,
}

#[derive(Serialize)]
struct SiteView<'a> {
    name: &'a str,
    server_names: Vec<String>,
    body_limit: u32,
    /// HTTP, then HTTPS.
    servers: Vec<ServerView>,
    routes: Vec<RouteView<'a>>,
    /// Whether something answers whatever is asked for.
    has_root: bool,
}

#[derive(Serialize)]
struct ServerView {
    listen: u16,
    tls: Option<TlsView>,
    /// The folder of challenges that certificate authorities look at.
    challenges: Option<String>,
    /// Whether it only leads to HTTPS.
    redirects: bool,
}

#[derive(Serialize)]
struct TlsView {
    certificate: String,
    key: String,
    hsts: bool,
}

/// The certificates that a host has, and what its nginx understands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Https {
    /// A site without one here is served by HTTP alone: nginx does not start with a certificate that is not there.
    pub certificates: BTreeMap<SiteName, CertificatePaths>,
    pub nginx: NginxFeatures,
}

/// What depends on the version of nginx.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct NginxFeatures {
    /// Whether HTTP/2 is a directive of its own, and no parameter of `listen`: since 1.25.1.
    pub http2_directive: bool,
    /// Whether it can end a handshake without showing a certificate: since 1.19.4.
    pub rejects_handshakes: bool,
}

impl NginxFeatures {
    /// Those of a version such as `1.22.1`; of an old one when it cannot be read.
    pub fn of(version: &str) -> Self {
        let mut numbers = version
            .split('.')
            .map(|number| number.parse::<u32>().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        let version = (next(), next(), next());
        Self {
            http2_directive: version >= (1, 25, 1),
            rejects_handshakes: version >= (1, 19, 4),
        }
    }
}

#[derive(Serialize)]
struct RouteView<'a> {
    prefix: String,
    /// The prefix without its slash, when requests for it alone are answered apart.
    bare: Option<String>,
    service: Option<&'a str>,
    app: Option<AppView>,
    files: Option<FilesView>,
    redirect: Option<RedirectView<'a>>,
    body_limit: Option<u32>,
    headers: Vec<HeaderView<'a>>,
    /// The names of ours that are set by `headers` instead.
    own_headers: BTreeSet<String>,
    access_log: bool,
}

#[derive(Serialize)]
struct AppView {
    address: String,
    timeout: u32,
    /// What is taken off the path.
    strip: Option<String>,
    /// It runs on other hosts.
    balance: Option<BalanceView>,
}

#[derive(Serialize)]
struct RedirectView<'a> {
    to: &'a str,
    keeps_path: bool,
}

#[derive(Serialize)]
struct HeaderView<'a> {
    name: &'a str,
    value: &'a str,
}

/// How long an app may be silent.
pub(super) const TIMEOUT: u32 = 60;

#[derive(Serialize)]
struct FilesView {
    folder: String,
    /// The same in two parts, beside which the assets of earlier releases are.
    base: String,
    current: String,
    kept: Option<String>,
    assets: Vec<String>,
    fallback: Option<String>,
}

/// Where nginx finds what it serves; a compose file has other places than a host.
pub(super) trait Places {
    /// What follows `http://` after `proxy_pass`.
    fn address(&self, service: &ServiceName, app: &App) -> String;
    /// The folder in which the others are.
    fn base(&self) -> String;
    /// The folder that is served.
    fn current(&self, service: &ServiceName) -> String;
    /// The folder with the assets of earlier releases.
    fn kept(&self, service: &ServiceName) -> Option<String>;
    /// Where challenges of certificate authorities are put; `None` where none are.
    fn challenges(&self) -> Option<String>;
}

impl Places for Layout {
    // Also for an app on TCP, since a socket proxy stands before it.
    fn address(&self, service: &ServiceName, _: &App) -> String {
        format!("unix:{}", self.socket_link(service))
    }

    fn base(&self) -> String {
        self.state().to_string()
    }

    fn challenges(&self) -> Option<String> {
        Some(self.challenges().to_string())
    }

    fn current(&self, service: &ServiceName) -> String {
        below(self, &Layout::current(self, service))
    }

    fn kept(&self, service: &ServiceName) -> Option<String> {
        Some(below(self, &self.assets(service)))
    }
}

/// A path relative to the stack's state.
fn below(layout: &Layout, path: &HostPath) -> String {
    let rest = path.as_str().strip_prefix(layout.state().as_str());
    rest.unwrap_or_default().trim_start_matches('/').to_owned()
}

/// The stack's nginx file for `host`: all its sites there and what edges ask it for, or `None` when there is nothing.
pub fn nginx_site(
    templates: &Templates,
    stack: &Stack,
    host: &Host,
    https: &Https,
) -> Result<Option<RemoteFile>, RenderError> {
    let layout = Layout::new(&stack.name);
    let sites: Vec<&Site> = stack.sites_on(&host.name).collect();
    if !stack.has_nginx(&host.name) {
        return Ok(None);
    }
    let others = OtherHosts::of(stack, host);
    let text = server_blocks(templates, stack, &sites, &others, &layout, https)?;
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
    others: &OtherHosts,
    places: &dyn Places,
    https: &Https,
) -> Result<String, RenderError> {
    let has_tls = sites
        .iter()
        .any(|site| https.certificates.contains_key(&site.name));
    let view = FileView {
        stack: stack.name.as_str(),
        ident: ident(stack.name.as_str()),
        generation: PLACEHOLDER,
        has_tls,
        https: Site::HTTPS,
        nginx: https.nginx,
        has_fallback: sites.iter().flat_map(|site| &site.routes).any(|route| {
            let service = route.service().and_then(|name| stack.services.get(name));
            let files = service.and_then(|service| service.static_files());
            files.is_some_and(|files| files.fallback.is_some())
        }),
        others,
        sites: sites
            .iter()
            .map(|site| site_view(stack, site, others, places, https))
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
    others: &OtherHosts,
    places: &dyn Places,
    https: &Https,
) -> Result<SiteView<'a>, RenderError> {
    let mut routes: Vec<RouteView> = Vec::new();
    for route in &site.routes {
        let view = route_view(stack, site, route, others, places)?;
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
        server_names: site
            .server_names
            .iter()
            .map(|n| bracketed(n.as_str()))
            .collect(),
        body_limit: site.body_limit,
        servers: servers(site, places, https),
        has_root: routes.iter().any(|route| route.prefix == "/"),
        routes,
    })
}

fn servers(site: &Site, places: &dyn Places, https: &Https) -> Vec<ServerView> {
    let tls = site.tls.as_ref().zip(https.certificates.get(&site.name));
    let mut servers = vec![ServerView {
        listen: site.listen,
        tls: None,
        challenges: site.acme().and_then(|_| places.challenges()),
        redirects: tls.is_some_and(|(tls, _)| tls.redirect),
    }];
    servers.extend(tls.map(|(tls, paths)| ServerView {
        listen: Site::HTTPS,
        tls: Some(TlsView {
            certificate: paths.certificate.to_string(),
            key: paths.key.to_string(),
            hsts: tls.hsts,
        }),
        challenges: None,
        redirects: false,
    }));
    servers
}

fn route_view<'a>(
    stack: &Stack,
    site: &Site,
    route: &'a Route,
    others: &OtherHosts,
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
    let prefix = route.prefix.as_str();
    let bare = prefix.trim_end_matches('/');
    let options = &route.options;
    let own = options.headers.keys();
    let mut view = RouteView {
        prefix: prefix.to_owned(),
        bare: None,
        service: route.service().map(ServiceName::as_str),
        app: None,
        files: None,
        redirect: None,
        body_limit: options.body_limit,
        own_headers: own.map(|name| name.as_str().to_ascii_lowercase()).collect(),
        headers: options
            .headers
            .iter()
            .map(|(name, value)| HeaderView {
                name: name.as_str(),
                value,
            })
            .collect(),
        access_log: options.access_log,
    };
    // With the slash, so that `/docs` is not also the beginning of `/docs-old`, and `alias` cannot be left upwards by
    // `/docs../`.
    let apart = |view: &mut RouteView| {
        let taken = site
            .routes
            .iter()
            .any(|other| other.prefix.as_str() == bare && other.prefix != route.prefix);
        view.prefix = format!("{bare}/");
        view.bare = (!bare.is_empty() && !taken).then(|| bare.to_owned());
    };
    let name = match &route.to {
        RouteTarget::Service(name) => name,
        RouteTarget::Redirect(redirect) => {
            apart(&mut view);
            view.redirect = Some(RedirectView {
                to: redirect.as_str(),
                keeps_path: redirect.is_whole_site(),
            });
            return Ok(view);
        }
    };
    let service = stack
        .services
        .get(name)
        .ok_or_else(|| wrong("a service that the stack does not have"))?;
    match &service.kind {
        ServiceKind::App(app) => {
            let balance = others.balance(stack, service, route);
            let (address, timeout) = match &balance {
                Some(balance) => (balance.upstream.clone(), balance.timeout),
                None => (
                    places.address(name, app),
                    options.timeout.unwrap_or(TIMEOUT),
                ),
            };
            view.app = Some(AppView {
                address,
                timeout,
                strip: (options.strip && !bare.is_empty()).then(|| bare.to_owned()),
                balance,
            });
        }
        ServiceKind::Static(files) => {
            apart(&mut view);
            let (base, current) = (places.base(), places.current(name));
            let text = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
            view.files = Some(FilesView {
                folder: format!("{base}/{current}"),
                base,
                current,
                kept: places.kept(name),
                assets: files.assets.iter().map(text).collect(),
                fallback: files.fallback.as_ref().map(text),
            });
        }
        ServiceKind::Container(_) => return Err(wrong("a container that is no app")),
        ServiceKind::Database(_) | ServiceKind::External(_) => return Err(wrong("a database")),
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

/// A stack's name as a part of variables' names.
fn ident(stack: &str) -> String {
    let name = stack.replace('-', "_");
    if name.len() <= IDENT {
        return name;
    }
    let digest = Sha256::digest(stack);
    let digits: String = digest[..4].iter().map(|b| format!("{b:02x}")).collect();
    format!("{}_{digits}", &name[..IDENT - 1 - digits.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Acme, CertificateSource, Tls};
    use crate::render::{Overrides, sample};

    fn rendered(stack: &Stack) -> RemoteFile {
        let templates = Templates::new(&Overrides::default()).unwrap();
        let host = stack.hosts.values().next().unwrap();
        let https = Https::default();
        nginx_site(&templates, stack, host, &https)
            .unwrap()
            .unwrap()
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
    fn what_no_route_leads_to_is_not_found() {
        let mut stack = sample::stack();
        let nothing = "    location / {\n        return 404;\n    }\n";
        assert!(!text(&rendered(&stack)).contains(nothing));
        let site = sample::site("names", 80, &[], &[("/names", "backend")]);
        stack.sites.insert(site.name.clone(), site);
        let file = rendered(&stack);
        assert_eq!(text(&file).matches(nothing).count(), 1, "{}", text(&file));
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
        assert_eq!(
            nginx_site(&templates, &stack, host, &Https::default()).unwrap(),
            None
        );
    }

    #[test]
    fn a_long_name_leaves_nginx_room_for_variables() {
        assert_eq!(ident("shop-eu"), "shop_eu");
        let (one, other) = (
            ident(&"a-".repeat(31)),
            ident(&format!("{}b", "a-".repeat(30))),
        );
        assert_ne!(one, other);
        assert!(
            one.len() == IDENT && one.starts_with("a_a_a_a_a_a_"),
            "{one}"
        );
        let text = include_str!("../../templates/nginx/site.conf");
        let names = text.split("$stackctl_{{ ident }}_").skip(1);
        let longest = names.map(|rest| {
            rest.find(|c: char| !c.is_ascii_lowercase() && c != '_')
                .unwrap_or(0)
        });
        let longest = longest.max().expect("variables");
        assert!("stackctl_".len() + IDENT + "_".len() + longest <= 46);
    }

    #[test]
    fn a_route_must_lead_to_something_that_answers() {
        let templates = Templates::new(&Overrides::default()).unwrap();
        for (prefix, service) in [("/x", "db"), ("/x", "gone")] {
            let mut stack = sample::stack();
            let site = sample::site("names", 80, &[], &[(prefix, service)]);
            stack.sites.insert(site.name.clone(), site);
            let host = stack.hosts.values().next().unwrap();
            let error = nginx_site(&templates, &stack, host, &Https::default()).unwrap_err();
            assert!(error.to_string().contains("route `/x`"), "{error}");
        }
    }

    /// The sample's second site with HTTPS, as it is rendered for an nginx of this version.
    fn secure(version: &str, change: impl FnOnce(&mut Tls), has_certificate: bool) -> String {
        let mut stack = sample::stack();
        let name: SiteName = "reports".parse().unwrap();
        let site = stack.sites.get_mut(&name).unwrap();
        let mut tls = Tls {
            source: CertificateSource::Acme(Acme::default()),
            redirect: true,
            hsts: false,
            alert_days: 14,
        };
        change(&mut tls);
        site.tls = Some(tls);
        let paths = Layout::new(&stack.name).issued_certificate(&name);
        let https = Https {
            certificates: has_certificate
                .then_some((name, paths))
                .into_iter()
                .collect(),
            nginx: NginxFeatures::of(version),
        };
        let templates = Templates::new(&Overrides::default()).unwrap();
        let host = stack.hosts.values().next().unwrap();
        let file = nginx_site(&templates, &stack, host, &https)
            .unwrap()
            .unwrap();
        String::from_utf8(file.contents).unwrap()
    }

    #[test]
    fn a_site_with_a_certificate_answers_https_and_http_leads_there() {
        let text = secure("1.22.1", |_| {}, true);
        for lines in [
            "    listen 443 ssl http2;\n    listen [::]:443 ssl http2;\n    server_name stackctl-names.invalid;\n",
            "    ssl_reject_handshake on;\n",
            "    listen 443 ssl http2;\n    listen [::]:443 ssl http2;\n    server_name *.example.com [2001:db8::1];\n",
            "    ssl_certificate /etc/letsencrypt/live/stackctl.names.reports/fullchain.pem;\n",
            "    ssl_certificate_key /etc/letsencrypt/live/stackctl.names.reports/privkey.pem;\n",
            "        return 301 https://$host$request_uri;\n",
            "    location ^~ /.well-known/acme-challenge/ {\n        root /var/lib/stackctl/names/acme;\n",
        ] {
            assert!(text.contains(lines), "{lines}\n---\n{text}");
        }
        // The first of the port's servers, so that no other site's certificate is shown to strangers.
        let (first, own) = (
            text.find("stackctl-names.invalid"),
            text.find("ssl_certificate "),
        );
        assert!(first < own, "{text}");
        assert_eq!(
            text.matches("proxy_pass http://unix:/run/stackctl/names/reports.sock")
                .count(),
            1
        );
        assert!(
            !text.contains("Strict-Transport-Security") && !text.contains("\n\n\n"),
            "{text}"
        );
    }

    #[test]
    fn what_nginx_takes_depends_on_its_version() {
        let new = secure("1.26.3", |_| {}, true);
        assert!(
            new.contains("    listen 443 ssl;\n    listen [::]:443 ssl;\n    http2 on;\n"),
            "{new}"
        );
        let old = secure("1.18.0", |_| {}, true);
        assert!(
            !old.contains("ssl_reject_handshake") && old.contains("snakeoil"),
            "{old}"
        );
    }

    #[test]
    fn without_its_certificate_a_site_is_served_by_http_and_can_be_challenged() {
        let text = secure("1.22.1", |_| {}, false);
        assert!(
            !text.contains("443") && !text.contains("return 301 https"),
            "{text}"
        );
        assert!(text.contains("proxy_pass http://unix:/run/stackctl/names/reports.sock"));
        assert!(text.contains("acme-challenge"), "{text}");
    }

    #[test]
    fn redirect_and_hsts_are_as_the_yaml_says() {
        let both = |tls: &mut Tls| (tls.redirect, tls.hsts) = (false, true);
        let text = secure("1.22.1", both, true);
        assert!(!text.contains("return 301 https"), "{text}");
        assert_eq!(
            text.matches("proxy_pass http://unix:/run/stackctl/names/reports.sock")
                .count(),
            2
        );
        // By the server, and again by the two locations: nginx inherits no header where a location adds one of its own. And
        // only HTTPS may say it.
        assert_eq!(
            text.matches("Strict-Transport-Security \"max-age=31536000\" always;")
                .count(),
            3,
            "{text}"
        );
    }
}
