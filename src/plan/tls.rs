//! HTTPS of sites. A certificate is on the host before the site's file names it: files of this machine are sent in a first
//! stage; what an authority must issue is asked for in a second one, when the site serves by HTTP and that stays so.

mod given;

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::host::HostPlan;
use super::step::{Action, CertificateOrder, Step};
use crate::facts::{
    CertificateFacts, FileFacts, FileKind, HostFacts, OwnCertificate, OwnCertificates, sha256,
};
use crate::model::{
    CertificatePaths, CertificateSource, HostName, Layout, ServerName, Site, SiteName, Stack, Tls,
};
use crate::render::{self, Https, NginxFeatures};

/// Stages: the certificates are asked for, then the sites that name them are installed.
pub(super) const OBTAIN: u16 = 2;
pub(super) const SECURE: u16 = 3;

/// What the HTTPS of a host's sites is rendered from. Without `own`, sites with files of this machine keep the certificate
/// that they have on the host.
pub fn https(
    stack: &Stack,
    host: &HostName,
    facts: &HostFacts,
    own: Option<&OwnCertificates>,
) -> Https {
    let layout = Layout::new(&stack.name);
    let certificate = |site: &Site| -> Option<(SiteName, CertificatePaths)> {
        let paths = match &site.tls.as_ref()?.source {
            CertificateSource::Acme(_) => {
                is_issued(&layout, site, facts).then(|| layout.issued_certificate(&site.name))?
            }
            CertificateSource::Files(_) => match own {
                Some(own) => {
                    let id = own.certificates.get(&site.name)?.id();
                    layout.given_certificate(&site.name, &id)
                }
                None => named_by_site(&layout, &site.name, facts)?,
            },
        };
        Some((site.name.clone(), paths))
    };
    Https {
        certificates: stack.sites_on(host).filter_map(certificate).collect(),
        nginx: nginx_of(facts),
    }
}

/// The same once all certificates are issued.
pub fn https_when_issued(
    stack: &Stack,
    host: &HostName,
    facts: &HostFacts,
    own: &OwnCertificates,
) -> Https {
    let layout = Layout::new(&stack.name);
    let mut https = https(stack, host, facts, Some(own));
    for site in stack.sites_on(host).filter(|site| site.acme().is_some()) {
        let paths = layout.issued_certificate(&site.name);
        https.certificates.insert(site.name.clone(), paths);
    }
    https
}

/// The certificate that a site has on a host, as far as the host told of it.
pub(super) fn of_site<'a>(
    layout: &Layout,
    site: &Site,
    facts: &'a HostFacts,
) -> Option<&'a CertificateFacts> {
    let paths = match &site.tls.as_ref()?.source {
        CertificateSource::Acme(_) => layout.issued_certificate(&site.name),
        CertificateSource::Files(_) => named_by_site(layout, &site.name, facts)?,
    };
    facts.certificates.get(&paths.certificate)
}

/// Whether nginx shows visitors of a site another certificate than the one that is there: it was not told of that one.
pub(super) fn shows_another(site: &Site, there: &CertificateFacts, facts: &HostFacts) -> bool {
    let shown = asked_for(site).and_then(|name| facts.shown.get(name));
    shown.is_some_and(|shown| *shown != there.fingerprint)
}

/// A name by which to ask nginx for the certificate of a site.
pub fn asked_for(site: &Site) -> Option<&str> {
    let mut names = site.server_names.iter().map(ServerName::as_str);
    names.find(|name| !name.contains(['*', ':']) && name.parse::<IpAddr>().is_err())
}

fn is_issued(layout: &Layout, site: &Site, facts: &HostFacts) -> bool {
    let paths = layout.issued_certificate(&site.name);
    facts.certificates.contains_key(&paths.certificate) && facts.files.contains_key(&paths.key)
}

/// The certificate of this machine that the site's file on the host names.
fn named_by_site(layout: &Layout, site: &SiteName, facts: &HostFacts) -> Option<CertificatePaths> {
    let file = facts.files.get(&layout.nginx_available())?;
    let text = String::from_utf8_lossy(file.contents.as_deref()?);
    let begin = format!("{}/", layout.site_certificates(site));
    let (_, rest) = text.split_once(&begin)?;
    let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    Some(layout.given_certificate(site, &id))
}

/// What the nginx of a host understands.
fn nginx_of(facts: &HostFacts) -> NginxFeatures {
    NginxFeatures::of(facts.nginx.as_deref().unwrap_or(packaged_nginx(facts)))
}

/// The nginx that the distribution of a host has, near enough.
fn packaged_nginx(facts: &HostFacts) -> &'static str {
    let os = &facts.os;
    let major = os
        .version
        .split('.')
        .next()
        .and_then(|text| text.parse().ok());
    // Testing and unstable have no number.
    match (os.id.as_str(), major.unwrap_or(0_u32)) {
        ("debian", 0 | 13..) | ("ubuntu", 25..) => "1.26.3",
        ("debian", 12) | ("ubuntu", 23 | 24) => "1.22.1",
        _ => "1.18.0",
    }
}

/// The packages that HTTPS needs on a host.
pub(super) fn packages(stack: &Stack, host: &HostName, facts: &HostFacts) -> Vec<&'static str> {
    let mut wanted = Vec::new();
    let sites: Vec<&Site> = stack.sites_on(host).collect();
    if sites.iter().any(|site| site.tls.is_some()) {
        // It tells what a certificate is for, and asks a site by HTTPS.
        wanted.push("openssl");
        if !nginx_of(facts).rejects_handshakes {
            wanted.push("ssl-cert");
        }
    }
    if sites.iter().any(|site| site.acme().is_some()) {
        wanted.extend(["certbot", "ca-certificates"]);
    }
    wanted
}

/// The sites of a host whose certificate must be issued, and why.
fn due<'a>(stack: &'a Stack, host: &'a HostName, facts: &HostFacts) -> Vec<(&'a Site, String)> {
    let layout = Layout::new(&stack.name);
    let sites = stack.sites_on(host).filter(|site| site.acme().is_some());
    sites
        .filter_map(|site| Some((site, why_due(&layout, site, facts)?)))
        .collect()
}

fn why_due(layout: &Layout, site: &Site, facts: &HostFacts) -> Option<String> {
    let (tls, acme) = site.tls.as_ref().zip(site.acme())?;
    if !is_issued(layout, site, facts) {
        return Some("missing".into());
    }
    let there = facts
        .certificates
        .get(&layout.issued_certificate(&site.name).certificate)?;
    let wanted: BTreeSet<String> = site.server_names.iter().map(ToString::to_string).collect();
    if there.names != wanted {
        let names: Vec<&str> = there.names.iter().map(String::as_str).collect();
        return Some(format!("it is for other names: {}", names.join(", ")));
    }
    let renewal = facts.files.get(&layout.certbot_renewal(&site.name));
    let renewal = renewal
        .and_then(|file| file.contents.as_deref())
        .unwrap_or_default();
    let renewal = String::from_utf8_lossy(renewal);
    let mut lines = renewal.lines().filter_map(|line| line.split_once('='));
    let server = lines.find(|(key, _)| key.trim() == "server");
    if server.is_some_and(|(_, server)| server.trim() != acme.directory.as_str()) {
        return Some("it is from another authority".into());
    }
    ending(there, tls, facts.clock)
}

/// How a certificate comes to its end, if it does.
pub(super) fn ending(there: &CertificateFacts, tls: &Tls, now: u64) -> Option<String> {
    if there.is_expired(now) {
        return Some(format!(
            "expired certificate: it ended {}",
            there.not_after_text
        ));
    }
    let left = match there.days_left(now) {
        0 => "within a day".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    };
    there
        .is_due(now, tls.alert_days)
        .then(|| format!("the certificate expires {left}"))
}

impl HostPlan<'_> {
    /// What would make HTTPS fail.
    pub(super) fn check_tls(&mut self, own: &OwnCertificates) {
        let stack = self.stack;
        let now = self.facts.clock;
        for site in stack.sites_on(&self.host.name) {
            let Some(tls) = &site.tls else { continue };
            if site.acme().is_some() {
                continue;
            }
            match own.certificates.get(&site.name) {
                Some(own) => {
                    self.check_own(site, tls, own, now);
                    self.own_came_to_an_end(site, own);
                }
                None => self.refuse_as(
                    "tls",
                    format!("the certificate of site `{}` was not read", site.name),
                    "run it where the files are that `tls` names",
                ),
            }
        }
        for (site, _) in due(stack, &stack.hosts[&self.host.name].name, self.facts) {
            self.came_to_an_end(site);
            for name in &site.server_names {
                self.check_name(site, name.as_str());
            }
        }
    }

    /// Notes a certificate that an authority issued and that is no longer good, though nobody asked for another.
    fn came_to_an_end(&mut self, site: &Site) {
        let paths = self.layout.issued_certificate(&site.name);
        let now = self.facts.clock;
        let days = site.tls.as_ref().map_or(0, |tls| tls.alert_days);
        let there = self.facts.certificates.get(&paths.certificate);
        let there = there.filter(|_| is_issued(&self.layout, site, self.facts));
        let is = match there {
            None if self.names_certificate(&paths) => "gone".to_owned(),
            Some(there) if there.is_expired(now) => {
                format!("expired: it ended {}", there.not_after_text)
            }
            Some(there) if there.is_due(now, days) => {
                format!("valid no longer than until {}", there.not_after_text)
            }
            _ => return,
        };
        let what = format!("the certificate of site `{}`", site.name);
        self.broken(what, "valid", is, "have it issued anew");
    }

    /// The same for one of this machine. One that somebody put in its place is told of as what it is.
    fn own_came_to_an_end(&mut self, site: &Site, own: &OwnCertificate) {
        let now = self.facts.clock;
        let there = of_site(&self.layout, site, self.facts).filter(|there| there.is_expired(now));
        let Some(there) = there.filter(|_| !self.was_replaced(&site.name, own)) else {
            return;
        };
        let would = match own.facts.is_expired(now) {
            true => format!("put a newer one at {}", own.path),
            false => format!("send the one at {}", own.path),
        };
        let is = format!("expired: it ended {}", there.not_after_text);
        let what = format!("the certificate of site `{}`", site.name);
        self.broken(what, "valid", is, would);
    }

    /// Whether nginx goes by an older certificate than one that is there as it should be.
    pub(super) fn must_load_certificate(&mut self, own: &OwnCertificates) -> bool {
        let stack = self.stack;
        let mut must = false;
        for site in stack
            .sites_on(&self.host.name)
            .filter(|site| site.tls.is_some())
        {
            let Some(there) = of_site(&self.layout, site, self.facts) else {
                continue;
            };
            let given = own.certificates.get(&site.name);
            let is_right = match site.acme() {
                Some(_) => is_issued(&self.layout, site, self.facts),
                None => given.is_some_and(|own| self.is_given(&site.name, own)),
            };
            if is_right && shows_another(site, there, self.facts) {
                let what = format!("the certificate that nginx shows for site `{}`", site.name);
                self.broken(what, "the one on the host", "another", "load it");
                must = true;
            }
        }
        must
    }

    /// Whether nginx is led to a certificate that is gone, so that it could not start.
    pub(super) fn has_lost_certificate(&self) -> bool {
        let mut sites = self.stack.sites_on(&self.host.name);
        sites.any(|site| match site.acme() {
            Some(_) => {
                let paths = self.layout.issued_certificate(&site.name);
                self.names_certificate(&paths) && !is_issued(&self.layout, site, self.facts)
            }
            None => named_by_site(&self.layout, &site.name, self.facts).is_some_and(|paths| {
                let mut paths = [paths.certificate, paths.key].into_iter();
                paths.any(|path| !self.facts.files.contains_key(&path))
            }),
        })
    }

    /// A site whose certificate is gone is written without it before nginx is started.
    pub(super) fn start_nginx_last(&mut self) {
        let starts = |step: &Step| matches!(&step.action, Action::StartUnit(unit) if unit == "nginx.service");
        let at = self.steps.iter().position(starts);
        if let Some(at) = at.filter(|_| self.has_lost_certificate()) {
            let step = self.steps.remove(at);
            self.steps.push(step);
        }
    }

    /// Whether the site's file on the host leads nginx to these.
    fn names_certificate(&self, paths: &CertificatePaths) -> bool {
        let text = self
            .contents(&self.layout.nginx_available())
            .unwrap_or_default();
        String::from_utf8_lossy(&text).contains(&format!(" {};", paths.certificate))
    }

    fn check_own(&mut self, site: &Site, tls: &Tls, own: &OwnCertificate, now: u64) {
        let what = format!("the certificate of site `{}` ({})", site.name, own.path);
        let lacking = own.facts.lacks(&site.server_names);
        if !lacking.is_empty() {
            let names: Vec<&str> = own.facts.names.iter().map(String::as_str).collect();
            self.refuse_as(
                "tls",
                format!(
                    "{what} is not for {}; it is for {}",
                    lacking.join(", "),
                    names.join(", ")
                ),
                "have one issued for all names of the site, or take the names out of it",
            );
        }
        let until = &own.facts.not_after_text;
        if own.facts.is_expired(now) {
            self.refuse_as(
                "tls",
                format!("{what} has expired: it ended {until}"),
                "put a newer one there, with its key",
            );
        } else if own.facts.not_before > now + 300 {
            self.refuse_as(
                "tls",
                format!("{what} is not valid yet"),
                "look at the host's clock, or wait",
            );
        } else if let Some(ending) = ending(&own.facts, tls, now) {
            self.note(format!(
                "site `{}`: {ending}; put a newer one at {}",
                site.name, own.path
            ));
        }
    }

    /// An authority asks the host that the name leads to.
    fn check_name(&mut self, site: &Site, name: &str) {
        // Hosts that have the certificate are not asked.
        let Some(there) = self.facts.names.get(name) else {
            return;
        };
        let here = self.facts.names_here.get(name);
        let found: BTreeSet<&str> = there
            .iter()
            .chain(here.into_iter().flatten())
            .map(String::as_str)
            .collect();
        let own: Vec<&str> = self.facts.addresses.iter().map(String::as_str).collect();
        let own = own.join(", ");
        let records = format!("point {name}'s A and AAAA records to this host");
        if found.is_empty() {
            let text = format!(
                "{name} of site `{}` has no address, so no certificate can be issued for it",
                site.name
            );
            if self.options.ignore_dns {
                self.note(format!("{text}; {records}"));
            } else {
                self.refuse_as(
                    "dns",
                    text,
                    format!("{records} ({own}), and wait until that is known; --ignore-dns goes on without"),
                );
            }
        } else if found
            .iter()
            .all(|address| !self.facts.addresses.contains(*address))
        {
            let found: Vec<&str> = found.into_iter().collect();
            self.note(format!(
                "{name} leads to {}, and this host has {own}: unless what stands there hands requests on to it, no certificate can be issued; {records}",
                found.join(", ")
            ));
        }
    }

    /// The certificates that must be issued, as steps of the second stage. Whether there are any.
    pub(super) fn obtain(&mut self) -> bool {
        let due = due(self.stack, &self.host.name, self.facts);
        let any = !due.is_empty();
        for (site, cause) in due {
            let Some(acme) = site.acme() else { continue };
            let order = CertificateOrder {
                name: self.layout.certbot_name(&site.name),
                challenges: self.layout.challenges(),
                directory: acme.directory.to_string(),
                email: acme.email.as_ref().map(ToString::to_string),
                names: site.server_names.iter().map(ToString::to_string).collect(),
                replaces: cause != "missing",
            };
            self.step(OBTAIN, Action::ObtainCertificate(Box::new(order)), cause);
        }
        any
    }

    /// What the host has once the first stage is done, as far as the second one depends on it.
    pub(super) fn after_first_stage(&self) -> HostFacts {
        let mut facts = self.facts.clone();
        let file = |contents: &[u8], mode| FileFacts {
            kind: FileKind::File,
            mode,
            user: 0,
            group: 0,
            digest: Some(sha256(contents)),
            contents: Some(contents.to_vec()),
        };
        for step in &self.steps {
            let Action::InstallSite(site) = &step.action else {
                continue;
            };
            facts.files.insert(
                site.file.path.clone(),
                file(&site.file.contents, site.file.mode),
            );
            let target = format!("../sites-available/{}.conf", self.stack.name);
            let link = FileFacts {
                kind: FileKind::Link(target),
                digest: None,
                contents: None,
                ..file(b"", 0o777)
            };
            facts.files.insert(site.enabled.clone(), link);
            for path in &site.disable {
                facts.files.remove(path);
            }
            facts.files.remove(&site.stale);
            facts.generation = render::site_generation(&site.file);
        }
        facts
            .nginx
            .get_or_insert_with(|| packaged_nginx(self.facts).to_owned());
        if !self.manifest.files.is_empty() {
            let manifest = file(&self.manifest.to_bytes(), 0o600);
            facts.files.insert(self.layout.manifest(), manifest);
        }
        facts.manifest = self.manifest.clone();
        facts
    }
}
