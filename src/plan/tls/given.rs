//! What this machine gives a host for the sake of HTTPS: certificates with their keys, and authorities to trust. And what
//! is taken away when no site has it any more.

use super::super::host::{Comparison, HostPlan};
use super::super::step::Action;
use super::{named_by_site, of_site};
use crate::facts::{FileFacts, OwnCertificate, OwnCertificates, sha256};
use crate::model::{CertificatePaths, HostPath, Layout, Owner, RemoteFile, Site, SiteName};

const CAUSE: &str = "no site has it any more";

/// What a host has of a certificate and its key.
enum Stands {
    Right,
    Missing,
    /// Its mode or owner is another.
    Open,
    /// Somebody wrote it.
    Edited,
}

impl HostPlan<'_> {
    /// Mends the certificates that nginx is led to already: without them it would not start.
    pub(in super::super) fn mend_certificates(&mut self, own: &OwnCertificates) {
        for (site, own) in self.given(own) {
            if self.is_named(site, own) {
                self.certificate(site, own);
            }
        }
    }

    /// Sends the certificates of this machine, and what certbot needs.
    pub(in super::super) fn certificates(&mut self, own: &OwnCertificates) {
        let stack = self.stack;
        let sites: Vec<&Site> = stack.sites_on(&self.host.name).collect();
        if sites.iter().any(|site| site.acme().is_some()) {
            // nginx, which is not root, reads what certbot puts there.
            self.folder(0, self.layout.challenges(), 0o755);
            self.renewals();
        }
        for site in sites {
            if let Some(pem) = own.authorities.get(&site.name) {
                self.authority(site, pem);
            }
        }
        for (site, own) in self.given(own) {
            if !self.is_named(site, own) {
                self.certificate(site, own);
            }
        }
    }

    /// The sites here that have a certificate of this machine.
    fn given<'o>(&self, own: &'o OwnCertificates) -> Vec<(&'o SiteName, &'o OwnCertificate)> {
        let sites: Vec<&Site> = self.stack.sites_on(&self.host.name).collect();
        let given = own.certificates.iter();
        given
            .filter(|(name, _)| sites.iter().any(|site| site.name == **name))
            .collect()
    }

    fn is_named(&self, site: &SiteName, own: &OwnCertificate) -> bool {
        let paths = self.layout.given_certificate(site, &own.id());
        named_by_site(&self.layout, site, self.facts) == Some(paths)
    }

    /// Whether the site has this certificate, and it is as it was given.
    pub(super) fn is_given(&self, site: &SiteName, own: &OwnCertificate) -> bool {
        let paths = self.layout.given_certificate(site, &own.id());
        let both = self.stand(&paths, own);
        self.is_named(site, own) && matches!(both, (Stands::Right, Stands::Right))
    }

    /// Whether somebody wrote what the site has in place of this certificate.
    pub(super) fn was_replaced(&self, site: &SiteName, own: &OwnCertificate) -> bool {
        let paths = self.layout.given_certificate(site, &own.id());
        let (chain, _) = self.stand(&paths, own);
        self.is_named(site, own) && matches!(chain, Stands::Edited)
    }

    fn renewals(&mut self) {
        let unit = Layout::CERTBOT_TIMER;
        let there = self.facts.units.get(unit);
        if there.is_some_and(|unit| unit.is_active() && unit.file == "enabled") {
            return;
        }
        let there = there.filter(|unit| unit.load == "loaded");
        let is = there.map(|there| format!("{} and {}", there.active, there.file));
        if let Some(is) = is.clone().filter(|_| !self.renewed().is_empty()) {
            self.broken(unit, "active and enabled", is, "enable and start it");
        }
        let cause = match is {
            Some(_) => "nothing would be renewed",
            None => "newly installed",
        };
        self.step(0, Action::StartUnit(unit.into()), cause);
    }

    fn authority(&mut self, site: &Site, pem: &[u8]) {
        let file = RemoteFile {
            path: self.layout.authority(&site.name),
            mode: 0o644,
            owner: Owner::ROOT,
            contents: pem.to_vec(),
        };
        let trusted = self.layout.trusted_authority(&site.name);
        let cause = match self.compare(&file) {
            Comparison::Left => return,
            Comparison::Same if self.facts.files.contains_key(&trusted) => return,
            Comparison::Same => "it is not trusted yet",
            Comparison::Differs { cause, edited, .. } => {
                if edited {
                    self.keep_copy(0, &file.path);
                }
                cause
            }
        };
        self.step(0, Action::TrustAuthority { file, trusted }, cause);
    }

    fn certificate(&mut self, site: &SiteName, own: &OwnCertificate) {
        let paths = self.layout.given_certificate(site, &own.id());
        let folder: HostPath = paths
            .certificate
            .parent()
            .parse()
            .expect("an absolute path");
        for folder in [
            self.layout.certificates(),
            self.layout.site_certificates(site),
            folder,
        ] {
            self.folder(0, folder, 0o700);
        }
        let (chain, key) = self.stand(&paths, own);
        if self.is_left(site, &paths, own, [&chain, &key]) {
            return;
        }
        if !matches!(chain, Stands::Right) {
            let cause = self.cause(site, &paths.certificate, &chain);
            let before = self.contents(&paths.certificate);
            let file = RemoteFile {
                path: paths.certificate,
                mode: 0o644,
                owner: Owner::ROOT,
                contents: own.chain.clone(),
            };
            self.step(0, Action::PutFile { file, before }, cause);
        }
        if !matches!(key, Stands::Right) {
            let cause = match key {
                Stands::Missing => "the certificate's key",
                _ => self.cause(site, &paths.key, &key),
            };
            let put = Action::PutSecret {
                path: paths.key,
                value: own.key.clone(),
                digest: sha256(own.key.reveal().as_bytes()),
                mode: 0o600,
                owner: Owner::ROOT,
            };
            self.step(0, put, cause);
        }
    }

    fn stand(&self, paths: &CertificatePaths, own: &OwnCertificate) -> (Stands, Stands) {
        let stands = |path: &HostPath, contents: &[u8], mode: u32| {
            let Some(there) = self.facts.files.get(path) else {
                return Stands::Missing;
            };
            if there.digest.as_deref() != Some(sha256(contents).as_str()) {
                Stands::Edited
            } else if there.mode & 0o7777 != mode || there.user != 0 {
                Stands::Open
            } else {
                Stands::Right
            }
        };
        (
            stands(&paths.certificate, &own.chain, 0o644),
            stands(&paths.key, own.key.reveal().as_bytes(), 0o600),
        )
    }

    /// Tells what somebody did to a certificate and its key. Whether both stay as they are: they belong together.
    fn is_left(
        &mut self,
        site: &SiteName,
        paths: &CertificatePaths,
        own: &OwnCertificate,
        stands: [&Stands; 2],
    ) -> bool {
        if !self.is_named(site, own) {
            return false;
        }
        // Nobody can want one that has ended.
        let now = self.facts.clock;
        let ended = self.facts.certificates.get(&paths.certificate);
        let ended = ended.filter(|there| there.is_expired(now));
        let is_left = ended.is_none() && !self.options.overwrite_drift;
        let mut edited = false;
        for (path, stands) in [&paths.certificate, &paths.key].into_iter().zip(stands) {
            let is_key = *path == paths.key;
            match stands {
                Stands::Right => {}
                Stands::Missing => {
                    self.broken(path.to_string(), "a file of ours", "gone", "write it again");
                }
                Stands::Open => {
                    let what = format!("{path}: mode and owner");
                    let there = self.facts.files.get(path).map(mode_and_owner);
                    let was = if is_key {
                        "0600 of root"
                    } else {
                        "0644 of root"
                    };
                    self.broken(what, was, there.unwrap_or_default(), "set them again");
                }
                Stands::Edited => {
                    edited = true;
                    let (was, is) = match (is_key, ended) {
                        (true, _) => ("the certificate's key", "another".to_owned()),
                        (false, Some(ended)) => (
                            "the certificate that it was given",
                            format!(
                                "an expired certificate, which ended {}",
                                ended.not_after_text
                            ),
                        ),
                        (false, None) => {
                            ("the certificate that it was given", "another".to_owned())
                        }
                    };
                    let would = "keep a copy and write it again";
                    self.broken(path.to_string(), was, is, would).is_left = is_left;
                    if !is_left {
                        self.keep_copy(0, path);
                    }
                }
            }
        }
        edited && is_left
    }

    fn cause(&self, site: &SiteName, path: &HostPath, stands: &Stands) -> &'static str {
        let now = self.facts.clock;
        let site = self.stack.sites.get(site);
        let there = site.and_then(|site| of_site(&self.layout, site, self.facts));
        match stands {
            Stands::Open => "its mode or owner differs",
            _ if there.is_some_and(|there| there.is_expired(now)) => {
                "in place of an expired certificate"
            }
            _ if self.facts.files.contains_key(path) => "its contents differ",
            _ => "missing",
        }
    }

    /// Whether this plan writes what nginx has read already.
    pub(in super::super) fn changes_certificates(&self) -> bool {
        let begin = format!("{}/", self.layout.certificates());
        self.steps.iter().any(|step| match &step.action {
            Action::PutFile { file, .. } => file.path.as_str().starts_with(&begin),
            Action::PutSecret { path, .. } => path.as_str().starts_with(&begin),
            _ => false,
        })
    }
}

fn mode_and_owner(there: &FileFacts) -> String {
    let owner = match there.user {
        0 => "root".to_owned(),
        user => format!("user {user}"),
    };
    format!("{:04o} of {owner}", there.mode & 0o7777)
}

impl HostPlan<'_> {
    /// Takes away what no site names any more, once nothing is taken back.
    pub(in super::super) fn forget_certificates(&mut self, phase: u16, own: &OwnCertificates) {
        let stack = self.stack;
        let sites: Vec<&Site> = stack.sites_on(&self.host.name).collect();
        let folder = self.layout.certificates();
        let mut gone: Vec<Action> = Vec::new();
        for name in self.names_in(folder.as_str()) {
            let below = format!("{folder}/{name}");
            let wanted = name
                .parse()
                .ok()
                .and_then(|name: SiteName| own.certificates.get(&name));
            let is_here = sites.iter().any(|site| site.name.as_str() == name);
            let others = match wanted.filter(|_| is_here) {
                None => vec![below],
                Some(own) => {
                    let others = self.names_in(&below).into_iter();
                    let others = others.filter(|id| *id != own.id());
                    others.map(|id| format!("{below}/{id}")).collect()
                }
            };
            let others = others.into_iter().filter(|path| !self.is_led_to(path));
            gone.extend(others.filter_map(|path| path.parse().ok().map(Action::Remove)));
        }
        let acme: Vec<&&Site> = sites.iter().filter(|site| site.acme().is_some()).collect();
        for name in self.renewed() {
            let is_wanted = acme
                .iter()
                .any(|site| self.layout.certbot_name(&site.name) == name);
            if !is_wanted && !self.is_led_to(&format!("/etc/letsencrypt/live/{name}")) {
                gone.push(Action::ForgetCertificate(name));
            }
        }
        for action in gone {
            self.step(phase, action, CAUSE);
        }
        self.forget_authorities(phase, own);
    }

    /// Whether nginx is led to what is below this folder once the plan is carried out: also by a site's file that somebody
    /// edited and that stays so.
    fn is_led_to(&self, folder: &str) -> bool {
        let installed = self.steps.iter().rev().find_map(|step| match &step.action {
            Action::InstallSite(site) => Some(site.file.contents.clone()),
            _ => None,
        });
        let file = installed.or_else(|| self.contents(&self.layout.nginx_available()));
        let is_gone = !self
            .manifest
            .files
            .contains_key(&self.layout.nginx_available());
        let text = file.filter(|_| !is_gone).unwrap_or_default();
        String::from_utf8_lossy(&text).contains(&format!(" {folder}/"))
    }

    fn names_in(&self, folder: &str) -> Vec<String> {
        let names = self.facts.entries.get(folder).into_iter();
        names.flat_map(|names| names.keys().cloned()).collect()
    }

    /// What certbot renews for the sites of this stack, or did.
    pub(in super::super) fn renewed(&self) -> Vec<String> {
        let begin = format!("stackctl.{}.", self.stack.name);
        let files = self.names_in(Layout::CERTBOT_RENEWALS).into_iter();
        files
            .filter_map(|file| Some(file.strip_suffix(".conf")?.to_owned()))
            .filter(|name| name.starts_with(&begin))
            .collect()
    }

    /// Authorities that the host was told to trust for this stack.
    pub(in super::super) fn trusted(&self) -> Vec<HostPath> {
        let begin = format!("stackctl-{}.", self.stack.name);
        let files = self.names_in(Layout::AUTHORITIES).into_iter();
        files
            .filter(|file| file.starts_with(&begin))
            .filter_map(|file| format!("{}/{file}", Layout::AUTHORITIES).parse().ok())
            .collect()
    }

    fn forget_authorities(&mut self, phase: u16, own: &OwnCertificates) {
        let begin = format!("{}/stackctl-{}.", Layout::AUTHORITIES, self.stack.name);
        let wanted = |path: &HostPath| {
            let names = own.authorities.keys();
            names
                .into_iter()
                .any(|site| self.layout.authority(site) == *path)
        };
        let files = self.manifest.files.keys();
        let gone: Vec<HostPath> = files
            .filter(|path| path.as_str().starts_with(&begin) && !wanted(path))
            .cloned()
            .collect();
        for path in gone {
            self.manifest.files.remove(&path);
            if self.facts.files.contains_key(&path) {
                self.step(phase, Action::DistrustAuthority(path), CAUSE);
            }
        }
    }
}
