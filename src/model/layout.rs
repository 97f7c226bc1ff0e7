//! Where things stand on a host. One place, so that no two modules can disagree about a path.

use super::{HostPath, ReleaseId, Service, ServiceName, SiteName, StackName};

/// A certificate on a host, and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePaths {
    pub certificate: HostPath,
    pub key: HostPath,
}

/// The paths and names of one stack on a host.
#[derive(Debug, Clone)]
pub struct Layout {
    stack: StackName,
}

impl Layout {
    pub fn new(stack: &StackName) -> Self {
        Self {
            stack: stack.clone(),
        }
    }

    fn path(&self, text: String) -> HostPath {
        text.parse()
            .expect("names keep to an alphabet that paths allow")
    }

    /// `/var/lib/stackctl/<stack>`: everything that must survive a reboot.
    pub fn state(&self) -> HostPath {
        self.path(format!("/var/lib/stackctl/{}", self.stack))
    }

    pub fn manifest(&self) -> HostPath {
        self.path(format!("{}/manifest.json", self.state()))
    }

    pub fn history(&self) -> HostPath {
        self.path(format!("{}/history.jsonl", self.state()))
    }

    /// Held with `flock` for as long as a run may change the host; says who does. In `/run`, so that looking at a host that is then
    /// refused leaves nothing behind.
    pub fn lock(&self) -> HostPath {
        self.path(format!("/run/stackctl/{}.lock", self.stack))
    }

    /// While it is there, no run gets the lock: a person has put the stack on hold.
    pub fn hold(&self) -> HostPath {
        self.path(format!("{}/hold", self.state()))
    }

    /// What takes the run that is under way back, were it to end now; absent when none is. See `recover.sh`.
    pub fn pending(&self) -> HostPath {
        self.path(format!("{}/pending", self.state()))
    }

    /// Where a file that somebody edited is kept when it is replaced.
    pub fn kept(&self, file: &HostPath, time: u64) -> HostPath {
        let name = file.as_str().trim_start_matches('/').replace('/', "-");
        self.path(format!("{}/kept/{time}-{name}", self.state()))
    }

    /// There while a person has stopped a service; says who.
    pub fn stopped(&self, service: &ServiceName) -> HostPath {
        self.path(format!("{}/stopped-{service}", self.state()))
    }

    /// A file that says the data of a service was loaded here.
    pub fn seeded(&self, service: &ServiceName) -> HostPath {
        self.path(format!("{}/databases/{service}.seeded", self.state()))
    }

    /// A copy of `recover.sh` for the boot after a crash.
    pub fn recover_script(&self) -> HostPath {
        self.path(format!("{}/recover.sh", self.state()))
    }

    /// The unit that runs it before nginx starts.
    pub fn recover_unit(&self) -> String {
        format!("stackctl-{}-recover.service", self.stack)
    }

    /// A copy of `nginx-admit.sh`.
    pub fn admit_script(&self) -> HostPath {
        self.path(format!("{}/nginx-admit.sh", self.state()))
    }

    /// The unit that runs it before nginx starts, each time.
    pub fn admit_unit(&self) -> String {
        format!("stackctl-{}-nginx.service", self.stack)
    }

    /// One empty file for each release that has served, named by its id; its time of change is when it last began to.
    /// One that was rolled back from has `.left` behind its id.
    pub fn served(&self, service: &ServiceName) -> HostPath {
        self.path(format!("{}/served/{service}", self.state()))
    }

    /// The mark of one release.
    pub fn mark(&self, service: &ServiceName, id: &ReleaseId) -> HostPath {
        self.path(format!("{}/{id}", self.served(service)))
    }

    /// The timer that stops a release that was switched away from; without `.timer`.
    pub fn cooling_unit(&self, service: &ServiceName, id: &ReleaseId) -> String {
        format!("{}-{service}-cool-{id}", self.stack)
    }

    pub fn secrets(&self) -> HostPath {
        self.path(format!("{}/secrets", self.state()))
    }

    pub fn secret(&self, name: &str) -> HostPath {
        self.path(format!("{}/{name}", self.secrets()))
    }

    pub fn releases(&self, service: &ServiceName) -> HostPath {
        self.path(format!("{}/releases/{service}", self.state()))
    }

    pub fn release(&self, service: &ServiceName, id: &ReleaseId) -> HostPath {
        self.path(format!("{}/{id}", self.releases(service)))
    }

    /// The secrets that a release is given as files, each under its name.
    pub fn release_secrets(&self, service: &ServiceName, id: &ReleaseId) -> HostPath {
        self.path(format!("{}/secrets", self.release(service, id)))
    }

    /// Files of this machine that a release's container gets: root's alone.
    pub fn composed_files(&self, service: &ServiceName, id: &ReleaseId) -> HostPath {
        self.path(format!("{}/files", self.release(service, id)))
    }

    /// One of them, by its number.
    pub fn composed_file(&self, service: &ServiceName, id: &ReleaseId, number: usize) -> HostPath {
        self.path(format!("{}/{number}", self.composed_files(service, id)))
    }

    /// Where a host builds static files: a folder for each release that is being built, and the packages that builds
    /// have downloaded.
    pub fn builds(&self, service: &ServiceName) -> HostPath {
        self.path(format!("{}/builds/{service}", self.state()))
    }

    /// Where one release is built: its source, the variables of its command, and what that makes.
    pub fn build(&self, service: &ServiceName, id: &ReleaseId) -> HostPath {
        self.path(format!("{}/{id}", self.builds(service)))
    }

    /// What stays of a build for those after it.
    pub const DOWNLOADS: &'static str = "downloads";

    /// The folders of [`Layout::asset_folder`], and a link to the one that nginx looks in.
    pub fn all_assets(&self) -> HostPath {
        self.path(format!("{}/assets", self.state()))
    }

    /// The link that nginx follows to assets that the release that serves may not have.
    pub fn assets(&self, service: &ServiceName) -> HostPath {
        self.path(format!("{}/{service}", self.all_assets()))
    }

    /// The assets of all releases that are kept; `digest` stands for which these are.
    pub fn asset_folder(&self, service: &ServiceName, digest: &str) -> HostPath {
        self.path(format!("{}/{service}.{digest}", self.all_assets()))
    }

    /// The link that nginx follows to a static service's files.
    pub fn current(&self, service: &ServiceName) -> HostPath {
        self.path(format!("{}/current/{service}", self.state()))
    }

    /// `/run/stackctl/<stack>`: sockets, made anew at each boot by systemd-tmpfiles.
    pub fn run(&self) -> HostPath {
        self.path(format!("/run/stackctl/{}", self.stack))
    }

    /// The link that nginx proxies to; renaming another over it is the switch.
    pub fn socket_link(&self, service: &ServiceName) -> HostPath {
        self.path(format!("{}/{service}.sock", self.run()))
    }

    /// Where the link leads while a release serves; relative, so that it means the same wherever `/run` is seen.
    pub fn link_target(&self, service: &ServiceName, id: &ReleaseId) -> String {
        format!("{service}.{id}/app.sock")
    }

    /// The folder that a release's container gets as [`Layout::CONTAINER_RUN`], or its unit may write to: its own, so that no
    /// release can take another's socket.
    pub fn socket_folder(&self, service: &ServiceName, id: &ReleaseId) -> HostPath {
        self.path(format!("{}/{service}.{id}", self.run()))
    }

    /// A release's own socket.
    pub fn socket(&self, service: &ServiceName, id: &ReleaseId) -> HostPath {
        self.path(format!("{}/app.sock", self.socket_folder(service, id)))
    }

    /// What makes the link and the serving release's folder again after a reboot (tmpfiles.d(5)).
    pub fn tmpfiles(&self, service: &ServiceName) -> HostPath {
        self.path(format!(
            "/etc/tmpfiles.d/stackctl-{}-{service}.conf",
            self.stack
        ))
    }

    pub fn nginx_available(&self) -> HostPath {
        self.path(format!("/etc/nginx/sites-available/{}.conf", self.stack))
    }

    /// There for as long as nginx may not go by its files; gone with a reboot, after which it does.
    pub fn nginx_stale(&self) -> HostPath {
        self.path(format!("/run/stackctl/{}.nginx-stale", self.stack))
    }

    pub fn nginx_enabled(&self) -> HostPath {
        self.path(format!("/etc/nginx/sites-enabled/{}.conf", self.stack))
    }

    /// What certificate authorities look at: the challenges of the sites that ask for a certificate.
    pub fn challenges(&self) -> HostPath {
        self.path(format!("{}/acme", self.state()))
    }

    /// The certificates that this machine gave the host: a folder for each site.
    pub fn certificates(&self) -> HostPath {
        self.path(format!("{}/tls", self.state()))
    }

    pub fn site_certificates(&self, site: &SiteName) -> HostPath {
        self.path(format!("{}/{site}", self.certificates()))
    }

    /// A certificate and its key, in a folder that is named by what they are and never changes: so both are switched at
    /// once, by the site's file, and switched back the same way.
    pub fn given_certificate(&self, site: &SiteName, id: &str) -> CertificatePaths {
        let folder = format!("{}/{id}", self.site_certificates(site));
        self.pair(&folder, "certificate", "key")
    }

    /// What certbot calls the certificate of a site; no name of ours has a dot.
    pub fn certbot_name(&self, site: &SiteName) -> String {
        format!("stackctl.{}.{site}", self.stack)
    }

    /// Where certbot keeps the certificate that it renews.
    pub fn issued_certificate(&self, site: &SiteName) -> CertificatePaths {
        let folder = format!("/etc/letsencrypt/live/{}", self.certbot_name(site));
        self.pair(&folder, "fullchain", "privkey")
    }

    /// How certbot renews it.
    pub fn certbot_renewal(&self, site: &SiteName) -> HostPath {
        self.path(format!(
            "{}/{}.conf",
            Self::CERTBOT_RENEWALS,
            self.certbot_name(site)
        ))
    }

    pub const CERTBOT_RENEWALS: &'static str = "/etc/letsencrypt/renewal";
    /// The unit that has certbot renew what is due.
    pub const CERTBOT_TIMER: &'static str = "certbot.timer";

    /// Where `update-ca-certificates` looks for what a host trusts beside the distribution's own.
    pub const AUTHORITIES: &'static str = "/usr/local/share/ca-certificates";

    /// An authority that vouches for a site's ACME directory, where `update-ca-certificates` looks.
    pub fn authority(&self, site: &SiteName) -> HostPath {
        self.path(format!(
            "{}/{}.crt",
            Self::AUTHORITIES,
            self.authority_name(site)
        ))
    }

    /// What `update-ca-certificates` makes of it.
    pub fn trusted_authority(&self, site: &SiteName) -> HostPath {
        self.path(format!("/etc/ssl/certs/{}.pem", self.authority_name(site)))
    }

    fn authority_name(&self, site: &SiteName) -> String {
        format!("stackctl-{}.{site}", self.stack)
    }

    fn pair(&self, folder: &str, certificate: &str, key: &str) -> CertificatePaths {
        CertificatePaths {
            certificate: self.path(format!("{folder}/{certificate}.pem")),
            key: self.path(format!("{folder}/{key}.pem")),
        }
    }

    /// The ruleset that all stacks of a host share; see `templates/firewall`.
    pub const FIREWALL: &'static str = "/etc/stackctl/firewall/base.nft";
    /// What the distribution's package answers with.
    pub const DEFAULT_SITE: &'static str = "/etc/nginx/sites-enabled/default";
    /// The user whom nginx answers as on Debian and Ubuntu, and its group: base-passwd gives www-data the fixed id 33.
    pub const NGINX_USER: u32 = 33;
    /// What loads it: the program, and the unit that runs it at boot.
    pub const FIREWALL_LOADER: &'static str = "/etc/stackctl/firewall/load.sh";
    pub const FIREWALL_UNIT: &'static str = "stackctl-firewall.service";
    /// A file for each stack: the ports that it opens.
    pub const FIREWALL_STACKS: &'static str = "/etc/stackctl/firewall/stacks";

    pub fn firewall(&self) -> HostPath {
        self.path(Self::FIREWALL.to_owned())
    }

    pub fn firewall_loader(&self) -> HostPath {
        self.path(Self::FIREWALL_LOADER.to_owned())
    }

    pub fn firewall_unit(&self) -> HostPath {
        self.unit(Self::FIREWALL_UNIT)
    }

    /// The ports that this stack opens.
    pub fn firewall_ports(&self) -> HostPath {
        self.path(format!("{}/{}.nft", Self::FIREWALL_STACKS, self.stack))
    }

    /// The unit of one release of an app that systemd runs.
    pub fn release_unit(&self, service: &ServiceName, id: &ReleaseId) -> String {
        format!("{}{id}.service", self.release_units(service))
    }

    /// What the units of all releases of a service begin with.
    pub fn release_units(&self, service: &ServiceName) -> String {
        format!("{}-{service}@", self.stack)
    }

    /// The source of a release that a unit runs.
    pub fn source(&self, service: &ServiceName, id: &ReleaseId) -> HostPath {
        self.path(format!("{}/source", self.release(service, id)))
    }

    /// The variables of a release that a unit runs; systemd reads them before it gives up root's rights.
    pub fn environment(&self, service: &ServiceName, id: &ReleaseId) -> HostPath {
        self.path(format!("{}/environment", self.release(service, id)))
    }

    /// The link to what is installed for a release.
    pub fn installed_link(&self, service: &ServiceName, id: &ReleaseId) -> HostPath {
        self.path(format!("{}/installed", self.release(service, id)))
    }

    /// What units have written that outlives their releases: a folder for each service.
    pub fn states(&self) -> HostPath {
        self.path(format!("{}/state", self.state()))
    }

    /// What one service's units have written.
    pub fn state_of(&self, service: &ServiceName) -> HostPath {
        self.path(format!("{}/{service}", self.states()))
    }

    /// What is installed for the releases of a service: a folder for each list of requirements, named by its digest, and
    /// beside each that is whole an empty file `DIGEST.whole`.
    pub fn installed(&self, service: &ServiceName) -> HostPath {
        self.path(format!("{}/installed/{service}", self.state()))
    }

    /// The unit of a program that a person runs beside a service, which lives as long as that program.
    pub fn program_unit(&self, service: &ServiceName, suffix: &str) -> String {
        format!("{}-{service}-run-{suffix}.service", self.stack)
    }

    /// The user and group that an app runs as, or static files are built as.
    pub fn user(&self, service: &Service) -> u32 {
        match service.has_user() {
            true => self.unit_user(&service.name),
            false => Self::APP_USER,
        }
    }

    /// The user and group of a service's units, which is its own: by its name, so that it is known before the host is
    /// asked. Between the ids that distributions give to people and programs, and those of containers.
    pub fn unit_user(&self, service: &ServiceName) -> u32 {
        // FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/
        let name = format!("{}/{service}", self.stack);
        let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        66_000 + hash % 30_000
    }

    /// What the user of a service's units is called. Short, since names of users may have 32 letters.
    pub fn user_name(&self, service: &ServiceName) -> String {
        format!("stackctl-{}", self.unit_user(service))
    }

    /// The socket unit before an app that only speaks TCP.
    pub fn proxy_unit(&self, service: &ServiceName, id: &ReleaseId) -> String {
        format!("{}-{service}-proxy-{id}", self.stack)
    }

    pub fn unit(&self, file_name: &str) -> HostPath {
        self.path(format!("/etc/systemd/system/{file_name}"))
    }

    /// The name of a unit by the path of its file.
    pub fn unit_of(&self, file: &HostPath) -> String {
        let name = file.as_str().rsplit('/').next();
        name.unwrap_or_default().to_owned()
    }

    /// A container that lives as long as its service (databases).
    pub fn container(&self, service: &ServiceName) -> String {
        format!("{}-{service}", self.stack)
    }

    pub fn release_container(&self, service: &ServiceName, id: &ReleaseId) -> String {
        format!("{}-{service}-{id}", self.stack)
    }

    /// The tag of an image built on the host.
    pub fn image(&self, service: &ServiceName, id: &ReleaseId) -> String {
        format!("{}{id}", self.images(service))
    }

    /// What the tags of all images of a service begin with.
    pub fn images(&self, service: &ServiceName) -> String {
        format!("stackctl/{}-{service}:", self.stack)
    }

    /// The network of databases; internal, so nothing on it reaches or is reached from outside.
    pub fn data_network(&self) -> String {
        format!("{}-data", self.stack)
    }

    /// The network of apps, which may reach out.
    pub fn app_network(&self) -> String {
        self.stack.to_string()
    }

    pub fn volume(&self, service: &ServiceName) -> String {
        format!("{}-{service}", self.stack)
    }

    /// Where a container finds its socket folder.
    pub const CONTAINER_RUN: &'static str = "/run/stackctl";
    /// Where a container finds its secrets.
    pub const CONTAINER_SECRETS: &'static str = "/run/secrets";
    /// The user and group of apps in containers: not root, and no user of the host.
    pub const APP_USER: u32 = 10001;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_socket_has_a_path_that_the_kernel_takes() {
        let longest = "a".repeat(32);
        let layout = Layout::new(&longest.parse().unwrap());
        let service = longest.parse().unwrap();
        let id = "0123456789ab".parse().unwrap();
        for path in [layout.socket(&service, &id), layout.socket_link(&service)] {
            // unix(7): 108 bytes with the one that ends it.
            assert!(path.as_str().len() <= 107, "{path}");
        }
    }
}
