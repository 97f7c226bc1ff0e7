//! Wanted + seen = steps. Everything here is a pure function of a stack, facts and rendered files; nothing logs,
//! asks or looks at a clock.

mod assume;
mod compare;
mod composed;
pub mod container;
mod deploy;
mod destroy;
mod doctor;
mod drift;
mod event;
mod files;
mod fingerprint;
mod firewall;
mod hook;
mod host;
mod image;
mod instance;
mod login;
mod preflight;
mod prepare;
mod program;
mod provision;
mod ready;
mod record;
mod release;
mod restart;
mod retire;
mod rollback;
mod rollout;
mod saved;
mod secret;
mod seed;
mod status;
mod step;
mod text;
mod tls;
mod unit;

pub use assume::assume_provisioned;
pub use compare::{Difference, compare, files as compare_files};
pub use deploy::deploy;
pub use destroy::{destroy, files_to_destroy, folders_to_destroy};
pub use doctor::{
    Check, Diagnosis, HostView, Level, PROGRAMS, judge_host, judge_machine, unreachable,
};
pub use drift::Drift;
pub use event::{Event, Outcome, StepState};
pub use fingerprint::{moved, plan_digest, standing, step_digest};
pub use hook::{HookCommand, HookEnd, HookRun, HookView, hook_environment, hooks};
pub use host::{Finding, Options, PlanError, Refusal};
pub use image::{images_of_interest, images_that_move, pin};
pub use instance::{Instance, NoInstance, instance, release_of};
pub use login::{DatabaseLogin, LoginOf, beside, login, server_options};
pub use program::{Asked, UnitProgram};
pub use provision::{UNITS, database_targets, mend_site, provision, site_address, stack_in};
pub use record::{Record, RecordedFile};
pub use release::{Release, prepare};
pub use restart::{Stopped, Wish, control};
pub use retire::{last_served, serving};
pub use rollback::{Target, records, rollback};
pub use saved::{Moved, SavedPart, SavedPlan, SavedStep};
pub use secret::{PATTERNS as SECRETS_OF_RELEASES, RecordedSecrets, ReleaseSecrets};
pub use status::{
    Amount, CertificateStatus, HostStatus, ServiceStatus, SiteStatus, Status, status,
};
pub use step::{
    Action, Awaited, BakeTarget, CertificateOrder, Commit, Cooling, DatabaseInit, DatabaseTarget,
    FirewallBefore, Folder, GENERATION_PATH, HostBuild, ImageBuild, Installation, LocalBuild, Note,
    Plan, Process, SiteBefore, SiteInstall, Step, SwitchBack, UnitRun,
};
pub use text::{diff, plan_text};
pub use tls::{asked_for, https_when_issued};
pub use unit::files as unit_files;

use crate::model::{HostName, HostPath, Layout, Listen, Service, Stack};

/// Packages whose presence the planners ask about.
pub const PACKAGES: &[&str] = &[
    "docker.io",
    "docker-ce",
    "moby-engine",
    "nginx",
    "iptables",
    "ca-certificates",
    "nftables",
    "mariadb-server",
    "mysql-server",
    "mariadb-client",
    "python3-venv",
    "nodejs",
    "npm",
    "certbot",
    "openssl",
    "ssl-cert",
];

/// The paths whose state the planners need of a host, beside those in its manifest.
pub fn paths_of_interest(stack: &Stack) -> Vec<HostPath> {
    let layout = Layout::new(&stack.name);
    let default_site = Layout::DEFAULT_SITE.parse().expect("a plain path");
    let mut paths = vec![
        layout.manifest(),
        layout.nginx_available(),
        layout.nginx_enabled(),
        layout.nginx_stale(),
        default_site,
    ];
    paths.extend(provision::folders(stack).into_iter().map(|(path, _)| path));
    for service in stack.services.values() {
        if let Some(database) = service.database() {
            let secret = container::server_secret(service, database.dialect);
            paths.push(layout.secret(&secret));
            paths.push(layout.secret(&container::app_secret(service)));
            paths.push(provision::database_marker(&layout, service));
            paths.push(layout.seeded(&service.name));
        } else if let Some(external) = service.external() {
            paths.push(external.secret_file().clone());
            if let Some(server) = external.mysql() {
                paths.extend(server.ca_file.clone());
                let admin = server.admin.as_ref();
                paths.extend(admin.map(|admin| admin.password_file.clone()));
            }
            paths.push(layout.seeded(&service.name));
        } else {
            paths.push(layout.socket_link(&service.name));
            paths.push(layout.current(&service.name));
            paths.push(layout.assets(&service.name));
            paths.push(layout.tmpfiles(&service.name));
            paths.push(layout.seeded(&service.name));
        }
    }
    for site in stack.sites.values().filter(|site| site.acme().is_some()) {
        paths.push(layout.challenges());
        paths.push(layout.issued_certificate(&site.name).key);
        paths.push(layout.authority(&site.name));
        paths.push(layout.trusted_authority(&site.name));
    }
    paths.extend(secret::made_on_hosts(stack));
    paths.push(layout.certificates());
    paths.push(layout.pending());
    // Seen also where the manifest is lost.
    paths.push(layout.recover_script());
    paths.push(layout.unit(&layout.recover_unit()));
    paths.push(layout.admit_script());
    paths.push(layout.unit(&layout.admit_unit()));
    paths
}

/// The files whose contents the planners need, beside those in its manifest.
pub fn contents_of_interest(stack: &Stack) -> Vec<HostPath> {
    let layout = Layout::new(&stack.name);
    let default_site = Layout::DEFAULT_SITE.parse().expect("a plain path");
    let mut paths = vec![
        layout.nginx_available(),
        layout.nginx_enabled(),
        default_site,
    ];
    paths.extend(stack.services.keys().map(|service| layout.stopped(service)));
    paths.extend(
        stack
            .services
            .keys()
            .map(|service| layout.tmpfiles(service)),
    );
    let acme = stack.sites.values().filter(|site| site.acme().is_some());
    paths.extend(acme.map(|site| layout.certbot_renewal(&site.name)));
    if stack.firewall {
        paths.extend([
            layout.firewall(),
            layout.firewall_loader(),
            layout.firewall_unit(),
            layout.firewall_ports(),
        ]);
    }
    paths
}

/// Patterns of the files by which others change units of ours.
pub fn drop_ins(stack: &Stack) -> Vec<String> {
    let layout = Layout::new(&stack.name);
    let mut units = vec![layout.recover_unit(), layout.admit_unit()];
    if stack.firewall {
        units.push(Layout::FIREWALL_UNIT.to_owned());
    }
    let apps = stack
        .services
        .values()
        .filter(|service| service.unit().is_some());
    units.extend(apps.map(|app| format!("{}*.service", layout.release_units(&app.name))));
    units
        .iter()
        .map(|unit| format!("/etc/systemd/system/{unit}.d/*.conf"))
        .collect()
}

/// What else planners need of a host whose services run as units, as arguments of `facts.sh`.
pub fn unit_questions(stack: &Stack, host: &HostName) -> Vec<String> {
    let layout = Layout::new(&stack.name);
    let mut questions = Vec::new();
    let mut databases = stack.services_on(host).into_iter();
    if databases.any(|service| service.database().is_some() && !service.in_container()) {
        // Of all stacks, which share the host's own server.
        let markers = format!("{}/*/databases/*", layout.state().parent());
        questions.push(format!("c:{markers}"));
    }
    for service in stack.services_on(host) {
        // Also of one that has none any more: `destroy` removes it.
        if service.is_released() {
            questions.push(format!("i:{}", layout.user_name(&service.name)));
            questions.push(format!("i:{}", layout.user(service)));
        }
        let Some(app) = service.app() else { continue };
        let name = &service.name;
        // Also of one that has become a container.
        questions.push(format!("u:{}*.service", layout.release_units(name)));
        if service.unit().is_none() {
            continue;
        }
        let releases = layout.releases(name);
        questions.push(format!("t:{}:{releases}", layout.socket_link(name)));
        questions.push(format!("f:{releases}/*/installed"));
        if app.listen == Listen::GivenPort {
            // The ports that releases were given.
            let proxies = format!("{}-{name}-proxy-*.service", stack.name);
            questions.push(format!("c:/etc/systemd/system/{proxies}"));
        }
    }
    questions
}

/// Patterns of the certificates that sites on `host` have or had, as `facts.sh` takes them.
pub fn certificates_of_interest(stack: &Stack, host: &HostName) -> Vec<String> {
    let layout = Layout::new(&stack.name);
    let sites = stack.sites_on(host).filter(|site| site.tls.is_some());
    sites
        .map(|site| match site.acme() {
            Some(_) => layout
                .issued_certificate(&site.name)
                .certificate
                .to_string(),
            None => format!("{}/*/certificate.pem", layout.site_certificates(&site.name)),
        })
        .collect()
}

/// The names of the files with passwords that each release of a service has to itself.
pub fn secrets_of(stack: &Stack, service: &Service) -> Vec<String> {
    let handed = container::handed(stack, service).into_iter();
    handed.map(|handed| handed.name).collect()
}

/// The folders whose entries the planners need.
pub fn folders_of_interest(stack: &Stack) -> Vec<HostPath> {
    let layout = Layout::new(&stack.name);
    let released = stack
        .services
        .values()
        .filter(|service| service.is_released());
    let mut folders: Vec<HostPath> = released
        .flat_map(|service| [layout.releases(&service.name), layout.served(&service.name)])
        .collect();
    let units = stack.services.values();
    let units = units.filter(|service| service.unit().is_some());
    folders.extend(units.map(|service| layout.installed(&service.name)));
    let files = stack.services.values();
    let files = files.filter(|service| service.static_files().is_some());
    folders.extend(files.map(|service| layout.builds(&service.name)));
    folders.push(layout.all_assets());
    folders.push(layout.run());
    folders.push(layout.states());
    folders.push(layout.certificates());
    let sites = stack.sites.values();
    folders.extend(sites.map(|site| layout.site_certificates(&site.name)));
    folders.push(Layout::CERTBOT_RENEWALS.parse().expect("a plain path"));
    folders.push(Layout::FIREWALL_STACKS.parse().expect("a plain path"));
    folders
}
