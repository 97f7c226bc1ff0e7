//! What images need to know of this machine to download anything: Debian mirrors, proxies, CA certificates, pip, npm.
//!
//! Read at run time and put into local images only. Credentials are left out on purpose: no `auth.conf`, no npm token.

use std::collections::BTreeMap;
use std::path::Path;

use super::Base;

const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Settings that programs in an image read from the environment.
const VARIABLES: [&str; 12] = [
    "PIP_CERT",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_REGISTRY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The inputs of every image that come from the machine and not from a recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// URI of a Debian mirror.
    pub mirror: String,
    /// URI of Debian's security archive.
    pub security: String,
    /// Lines for apt.conf: proxies and checks.
    pub apt_conf: String,
    /// File name to PEM.
    pub certificates: BTreeMap<String, Vec<u8>>,
    pub pip_conf: String,
    pub npmrc: String,
    pub environment: BTreeMap<String, String>,
}

impl Machine {
    /// Reads this machine; what it does not have is left at Debian's public defaults.
    pub fn read() -> Self {
        let sources: Vec<String> = files_in("/etc/apt/sources.list.d", &["sources", "list"])
            .into_iter()
            .map(|(_, text)| String::from_utf8_lossy(&text).into_owned())
            .chain(std::fs::read_to_string("/etc/apt/sources.list").ok())
            .collect();
        let is_debian = std::fs::read_to_string("/etc/os-release")
            .is_ok_and(|text| text.lines().any(|line| line == "ID=debian"));
        let (mirror, security) = if is_debian {
            mirrors(&sources)
        } else {
            mirrors(&[])
        };
        let apt_dump = std::process::Command::new("apt-config")
            .arg("dump")
            .output()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        let certificates: BTreeMap<_, _> = files_in("/usr/local/share/ca-certificates", &["crt"])
            .into_iter()
            .collect();
        let variables = |name: &str| {
            std::env::var(name)
                .or_else(|_| std::env::var(name.to_uppercase()))
                .or_else(|_| std::env::var(name.to_lowercase()))
                .ok()
        };
        Self {
            mirror,
            security,
            apt_conf: apt_conf(&apt_dump),
            environment: environment(variables, !certificates.is_empty()),
            pip_conf: match std::fs::read_to_string("/etc/pip.conf") {
                Ok(text) => text,
                Err(_) if certificates.is_empty() => String::new(),
                Err(_) => format!("[global]\ncert = {CA_BUNDLE}\n"),
            },
            npmrc: if certificates.is_empty() {
                String::new()
            } else {
                format!("cafile={CA_BUNDLE}\n")
            },
            certificates,
        }
    }

    /// `/etc/apt/sources.list` of an image of this suite.
    pub fn sources_list(&self, base: Base) -> String {
        let Self {
            mirror, security, ..
        } = self;
        match base {
            Base::Sid => format!("deb {mirror} sid main\n"),
            Base::Bookworm | Base::Trixie => format!(
                "deb {mirror} {base} main\ndeb {mirror} {base}-updates main\ndeb {security} {base}-security main\n"
            ),
        }
    }

    /// The machine as files of a build context, below `machine/`.
    pub fn files(&self, base: Base) -> Vec<(String, Vec<u8>)> {
        let environment: String = self
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        let mut files = vec![
            (
                "machine/sources.list".to_owned(),
                self.sources_list(base).into_bytes(),
            ),
            (
                "machine/apt.conf".to_owned(),
                self.apt_conf.clone().into_bytes(),
            ),
            (
                "machine/pip.conf".to_owned(),
                self.pip_conf.clone().into_bytes(),
            ),
            ("machine/npmrc".to_owned(), self.npmrc.clone().into_bytes()),
            ("machine/environment".to_owned(), environment.into_bytes()),
            // So that the folder is there without certificates too.
            ("machine/ca/none".to_owned(), Vec::new()),
        ];
        for (name, pem) in &self.certificates {
            files.push((format!("machine/ca/{name}"), pem.clone()));
        }
        files
    }

    /// `ENV` lines for an image in which people run pip or npm themselves.
    pub fn dockerfile_env(&self) -> String {
        self.environment
            .iter()
            .map(|(name, value)| {
                let value = value
                    .replace('\\', "\\\\")
                    .replace('"', "\\\"")
                    .replace('$', "\\$");
                format!("ENV {name}=\"{value}\"\n")
            })
            .collect()
    }
}

/// The mirror and the security mirror that apt sources (either format) name first, else Debian's own.
fn mirrors(sources: &[String]) -> (String, String) {
    let mut mirror = None;
    let mut security = None;
    for text in sources {
        for (uri, suites, components) in entries(text) {
            if !components
                .split_whitespace()
                .any(|component| component == "main")
            {
                continue;
            }
            let of_debian = |suffix: &str| {
                suites.split_whitespace().any(|suite| {
                    let name = suite.strip_suffix(suffix).unwrap_or("");
                    matches!(
                        name,
                        "bookworm"
                            | "trixie"
                            | "forky"
                            | "sid"
                            | "stable"
                            | "testing"
                            | "unstable"
                            | "bullseye"
                    )
                })
            };
            if of_debian("-security") {
                security.get_or_insert(uri);
            } else if of_debian("") {
                mirror.get_or_insert(uri);
            }
        }
    }
    (
        mirror.unwrap_or_else(|| "http://deb.debian.org/debian".to_owned()),
        security.unwrap_or_else(|| "http://deb.debian.org/debian-security".to_owned()),
    )
}

/// (URI, suites, components) of each source in one-line or deb822 format.
fn entries(text: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| {
            stanza
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(|value| value.trim().to_owned())
        };
        let disabled = field("Enabled").is_some_and(|value| value == "no");
        if let (Some(uris), Some(suites), false) = (field("URIs"), field("Suites"), disabled)
            && let Some(uri) = uris.split_whitespace().next()
        {
            found.push((
                uri.to_owned(),
                suites,
                field("Components").unwrap_or_default(),
            ));
        }
    }
    for line in text.lines() {
        let Some(rest) = line.trim().strip_prefix("deb ") else {
            continue;
        };
        let rest = match rest.trim_start().strip_prefix('[') {
            Some(options) => options.split_once(']').map_or("", |(_, rest)| rest),
            None => rest,
        };
        let mut words = rest.split_whitespace();
        if let (Some(uri), Some(suite)) = (words.next(), words.next()) {
            let components: Vec<_> = words.collect();
            found.push((uri.to_owned(), suite.to_owned(), components.join(" ")));
        }
    }
    found
}

/// Those lines of `apt-config dump` that decide how downloads go. A proxy that names a password stays here.
fn apt_conf(dump: &str) -> String {
    dump.lines()
        .filter(|line| {
            let Some((key, value)) = line.split_once(' ') else {
                return false;
            };
            let key = key.to_ascii_lowercase();
            let wanted = key.starts_with("acquire::http::proxy")
                || key.starts_with("acquire::https::proxy")
                || key.starts_with("acquire::check-")
                || key == "acquire::retries";
            wanted && value != "\"\";" && !value.contains('@')
        })
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The environment for images: what the machine sets, with every path to a CA file pointing at the image's bundle.
fn environment(
    variable: impl Fn(&str) -> Option<String>,
    own_certificates: bool,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for name in VARIABLES {
        let is_ca = matches!(
            name,
            "PIP_CERT" | "NODE_EXTRA_CA_CERTS" | "REQUESTS_CA_BUNDLE" | "SSL_CERT_FILE"
        );
        let value = if is_ca {
            own_certificates.then(|| CA_BUNDLE.to_owned())
        } else {
            variable(name).filter(|value| !value.contains(['\n', '@']))
        };
        if let Some(value) = value {
            environment.insert(name.to_owned(), value);
        }
    }
    environment
}

fn files_in(folder: &str, extensions: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(Path::new(folder))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let path = entry.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| extensions.contains(&extension))
        })
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name, std::fs::read(entry.path()).ok()?))
        })
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_come_from_either_format() {
        let deb822 = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\nTypes: deb\nURIs: http://mirror.example/sec\nSuites: bookworm-security\nComponents: main\n";
        let one_line = "# deb http://old.example/debian sid main\ndeb [arch=amd64 signed-by=/x] http://mirror.example/debian trixie main\ndeb http://mirror.example/sec trixie-security main\n";
        let expected = (
            "http://mirror.example/debian".to_owned(),
            "http://mirror.example/sec".to_owned(),
        );
        assert_eq!(mirrors(&[deb822.to_owned()]), expected);
        assert_eq!(mirrors(&[one_line.to_owned()]), expected);
    }

    #[test]
    fn other_peoples_archives_are_not_mirrors() {
        let sources = "deb https://deb.nodesource.com/node_20.x nodistro main\n".to_owned();
        assert_eq!(mirrors(&[sources]).0, "http://deb.debian.org/debian");
    }

    #[test]
    fn apt_settings_without_credentials() {
        let dump = "Acquire \"\";\nAcquire::http::Proxy \"http://10.0.0.1:3142\";\nAcquire::https::Proxy \"http://u:p@x\";\nAcquire::Check-Date \"false\";\nAPT::Architecture \"amd64\";\n";
        assert_eq!(
            apt_conf(dump),
            "Acquire::http::Proxy \"http://10.0.0.1:3142\";\nAcquire::Check-Date \"false\";\n"
        );
    }

    #[test]
    fn ca_paths_point_into_the_image() {
        let env = environment(
            |name| (name == "PIP_CERT").then(|| "/home/me/ca.pem".to_owned()),
            true,
        );
        assert_eq!(env["PIP_CERT"], CA_BUNDLE);
        assert!(environment(|_| None, false).is_empty());
    }
}
