//! The site: tried, loaded, and taken back whole.

use super::super::host::{Comparison, HostPlan};
use super::super::step::{Action, SiteBefore, SiteInstall};
use crate::facts::{FileFacts, FileKind, sha256};
use crate::model::{HostName, HostPath, Layout, Owner, RemoteFile, Stack, StackName};
use crate::render;

impl HostPlan<'_> {
    pub(super) fn site(&mut self, phase: u16, file: Option<RemoteFile>) {
        let (available, enabled) = (self.layout.nginx_available(), self.layout.nginx_enabled());
        let Some(file) = file else {
            return self.site_goes(phase, &available, enabled);
        };
        let default: HostPath = Layout::DEFAULT_SITE.parse().expect("a plain path");
        // A host that is about to get nginx gets its default site as well.
        let default_there = self.facts.nginx.is_none() || self.facts.files.contains_key(&default);
        let target = format!("../sites-available/{}.conf", self.stack.name);
        let linked = self.facts.link(&enabled) == Some(target.as_str());
        let is_stale = self.facts.files.contains_key(&self.layout.nginx_stale());
        let why = |plan: &Self, file: &RemoteFile| {
            if !linked {
                Some("it is not enabled")
            } else if default_there {
                Some("the default site answers in its place")
            } else if is_stale {
                Some("nginx was not told of its last change")
            } else if plan.changes_certificates() {
                Some("its certificate was written again")
            } else if plan.is_certificate_unread {
                Some("nginx shows an older certificate than the one that is there")
            } else if plan.runs_another(file) {
                Some("nginx runs an older version of it")
            } else {
                None
            }
        };
        let (file, before, cause) = match self.compare(&file) {
            Comparison::Differs {
                before,
                cause,
                edited,
            } => {
                if edited {
                    self.keep_copy(phase, &file.path);
                }
                (file, before, cause)
            }
            Comparison::Same => {
                let Some(cause) = why(self, &file) else {
                    return;
                };
                let before = file.contents.clone();
                (file, Some(before), cause)
            }
            // It is enabled as somebody edited it, never as it would be.
            Comparison::Left => {
                let Some(contents) = self.contents(&file.path) else {
                    return;
                };
                let before = contents.clone();
                let stands = RemoteFile { contents, ..file };
                let Some(cause) = why(self, &stands) else {
                    return;
                };
                if render::site_generation(&stands).is_none() {
                    self.note(format!("{cause}: {} stays as it is, since nginx could not be asked whether it goes by it as it was edited", stands.path));
                    return;
                }
                (stands, Some(before), cause)
            }
        };
        if !linked && self.facts.manifest.files.contains_key(&file.path) {
            self.broken(
                enabled.to_string(),
                format!("a link to {target}"),
                "gone or another",
                "enable the site again",
            );
        }
        // `sed -i` on the link leaves a file in its place.
        let mut undo = self.own_file(phase, &enabled);
        undo.extend(self.own_file(phase, &default));
        undo.push(self.site_before(&file, &enabled, &default));
        let (port, server_name) =
            site_address(self.stack, &self.host.name).expect("rendered for a site");
        let install = SiteInstall {
            generation: render::site_generation(&file).unwrap_or_default(),
            port,
            server_name,
            before,
            enabled,
            disable: vec![default],
            stale: self.layout.nginx_stale(),
            file,
        };
        // What nginx could not start with is not put back.
        if self.has_lost_certificate() {
            undo.clear();
        }
        let step = self.step(phase, Action::InstallSite(install), cause);
        step.undo.extend(undo);
    }

    /// nginx is told, or it would go on leading to what is not there any more, and would not start again.
    fn site_goes(&mut self, phase: u16, available: &HostPath, enabled: HostPath) {
        const CAUSE: &str = "no site is on this host any more";
        if !self.disown(available) {
            return;
        }
        let is_there = |path: &HostPath| self.facts.files.contains_key(path);
        let stale = self.layout.nginx_stale();
        if ![available, &enabled, &stale].into_iter().any(is_there) {
            return;
        }
        let there = self.facts.files.get(available);
        let before = SiteBefore {
            path: available.clone(),
            mode: there.map_or(0o644, |there| there.mode & 0o7777),
            contents: there.and_then(|there| there.contents.clone()),
            links: vec![(
                enabled.clone(),
                self.facts.link(&enabled).map(str::to_owned),
            )],
            stale,
        };
        let gone = SiteBefore {
            contents: None,
            links: vec![(enabled, None)],
            ..before.clone()
        };
        let step = self.step(phase, Action::RestoreSite(gone), CAUSE);
        step.undo.push(Action::RestoreSite(before));
    }

    /// A file that somebody wrote where nginx has a link is not lost with it; what puts it back.
    fn own_file(&mut self, phase: u16, path: &HostPath) -> Vec<Action> {
        let Some(there) = self.facts.files.get(path) else {
            return Vec::new();
        };
        if there.kind != FileKind::File {
            return Vec::new();
        }
        self.keep_copy(phase, path);
        let (mode, owner) = (
            there.mode & 0o7777,
            Owner {
                user: there.user,
                group: there.group,
            },
        );
        // Of one that is too large only its beginning was read.
        let contents = there.contents.clone();
        let whole = contents.filter(|bytes| there.digest.as_deref() == Some(&sha256(bytes)));
        let back = whole.map(|contents| Action::PutFile {
            file: RemoteFile {
                path: path.clone(),
                mode,
                owner,
                contents,
            },
            before: None,
        });
        back.into_iter().collect()
    }

    fn site_before(&self, file: &RemoteFile, enabled: &HostPath, default: &HostPath) -> Action {
        let link = |path: &HostPath| self.facts.link(path).map(str::to_owned);
        let there = self.facts.files.get(&file.path);
        // A host that is about to get nginx gets this link with it.
        let packaged = "/etc/nginx/sites-available/default".to_owned();
        let default_target = match self.facts.nginx {
            Some(_) => link(default),
            None => Some(packaged),
        };
        let mut links = vec![(default.clone(), default_target)];
        // What is a file is put back as one.
        let is_file = |there: &FileFacts| there.kind == FileKind::File;
        if !self.facts.files.get(enabled).is_some_and(is_file) {
            links.insert(0, (enabled.clone(), link(enabled)));
        }
        Action::RestoreSite(SiteBefore {
            path: file.path.clone(),
            mode: there.map_or(file.mode, |there| there.mode & 0o7777),
            contents: there.and_then(|there| there.contents.clone()),
            links,
            stale: self.layout.nginx_stale(),
        })
    }

    /// Whether nginx goes by another version of `file` than the one that stands there: whoever put it there was cut off
    /// before the reload, or the reload was refused.
    fn runs_another(&self, file: &RemoteFile) -> bool {
        let Some(generation) = render::site_generation(file) else {
            return false;
        };
        let there = self.facts.files.get(&file.path);
        let stands = there
            .is_some_and(|there| there.digest.as_deref() == Some(sha256(&file.contents).as_str()));
        let told = self.facts.generation.as_deref();
        stands && told.is_some_and(|told| told != generation)
    }
}

/// A port and a name under which nginx answers for the stack on a host, if it does.
pub fn site_address(stack: &Stack, host: &HostName) -> Option<(u16, String)> {
    let Some(site) = stack.sites_on(host).next() else {
        // As the template has it, for a host that only edges ask.
        let port = stack.private_port(host)?;
        return Some((port, format!("stackctl-{}.invalid", stack.name)));
    };
    let name = site.server_names.first();
    let name = name.map_or_else(|| "localhost".to_owned(), ToString::to_string);
    Some((site.listen, name))
}

/// How a site that nginx refuses is mended, by what nginx says of it; `None` where that is no stack's.
pub fn mend_site(said: &str) -> Option<String> {
    let stack = stack_in(said)?;
    Some(format!(
        "where that is stack `{stack}`'s: `stackctl provision --overwrite-drift` in its folder; to be without its site \
         until then: `sudo rm /etc/nginx/sites-enabled/{stack}.conf`"
    ))
}

/// The stack whose file nginx speaks of.
pub fn stack_in(said: &str) -> Option<&str> {
    const PLACES: [(&str, &str); 5] = [
        ("/etc/nginx/sites-enabled/", ".conf"),
        ("/etc/nginx/sites-available/", ".conf"),
        ("/var/lib/stackctl/", "/"),
        ("/run/stackctl/", "/"),
        ("/etc/letsencrypt/live/stackctl.", "."),
    ];
    PLACES.into_iter().find_map(|(before, after)| {
        let (_, rest) = said.split_once(before)?;
        let (name, _) = rest.split_once(after)?;
        let is_name = name.parse::<StackName>().is_ok();
        is_name.then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::stack_in;

    #[test]
    fn the_stack_of_a_file_that_nginx_refuses() {
        let check = |said: &str, stack| assert_eq!(stack_in(said), stack, "{said}");
        check(
            "unknown directive \"x\" in /etc/nginx/sites-enabled/shop.conf:7",
            Some("shop"),
        );
        check(
            "open() \"/etc/nginx/sites-enabled/a-b.conf\" failed (2: No such file or directory)",
            Some("a-b"),
        );
        check(
            "cannot load certificate \"/var/lib/stackctl/shop/tls/shop/0123/certificate.pem\"",
            Some("shop"),
        );
        check(
            "cannot load certificate \"/etc/letsencrypt/live/stackctl.shop.main/fullchain.pem\"",
            Some("shop"),
        );
        check("unexpected \"}\" in /etc/nginx/nginx.conf:3", None);
        check(
            "unexpected \"}\" in /etc/nginx/sites-enabled/default:3",
            None,
        );
    }
}
