//! HTTPS: where a site's certificate comes from, and how it is shown to visitors.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// HTTPS of one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    pub source: CertificateSource,
    /// Whether HTTP only leads to HTTPS.
    pub redirect: bool,
    /// Whether browsers are told to come by HTTPS alone, for a year.
    pub hsts: bool,
    /// A certificate that is valid for fewer days than this is a problem.
    pub alert_days: u32,
}

impl Tls {
    /// Unless the yaml says otherwise: certbot renews when a third of ninety days is left.
    pub const ALERT_DAYS: u32 = 14;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// Issued to the host by a certificate authority, and renewed there.
    Acme(Acme),
    /// Files of this machine.
    Files(CertificateFiles),
}

/// A certificate authority that speaks ACME (RFC 8555).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acme {
    /// `None`: an account without an address.
    pub email: Option<Email>,
    pub directory: AcmeDirectory,
    /// Whom to trust when asking the directory, beside the authorities that the host knows; PEM.
    pub authority: Option<PathBuf>,
}

/// PEM files on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The site's own certificate first, then those that vouch for it.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The address of an ACME directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeDirectory(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ACME directory: write its `https://` address")]
pub struct AcmeDirectoryError(pub String);

impl AcmeDirectory {
    /// Let's Encrypt's.
    pub const DEFAULT: &'static str = "https://acme-v02.api.letsencrypt.org/directory";

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for AcmeDirectory {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl FromStr for AcmeDirectory {
    type Err = AcmeDirectoryError;

    fn from_str(text: &str) -> Result<Self, AcmeDirectoryError> {
        let wrong = || AcmeDirectoryError(text.to_owned());
        let rest = text.strip_prefix("https://").ok_or_else(wrong)?;
        let host = rest.split('/').next().unwrap_or_default();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~:/?&=%+@-[]".contains(&b);
        if host.is_empty() || !rest.bytes().all(plain) {
            return Err(wrong());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for AcmeDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address for mail, as certificate authorities take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an e-mail address: write one such as `ops@example.com`")]
pub struct EmailError(pub String);

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let wrong = || EmailError(text.to_owned());
        let (user, domain) = text.split_once('@').ok_or_else(wrong)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
        let user_ok = !user.is_empty() && !user.starts_with('-') && user.bytes().all(plain);
        let is_name = domain.contains('.')
            && !domain.starts_with("*.")
            && domain.parse::<super::ServerName>().is_ok()
            && domain.parse::<std::net::IpAddr>().is_err();
        if user_ok && is_name {
            Ok(Self(text.to_owned()))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_no_option_and_no_list() {
        for good in ["ops@example.com", "a.b+certs@mail.example.co.uk"] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "ops",
            "@example.com",
            "ops@",
            "ops@localhost",
            "-m@example.com",
            "a b@example.com",
            "a@example.com,b@example.com",
            "ops@*.example.com",
            "ops@192.0.2.1",
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_directory_is_asked_over_tls() {
        assert!(AcmeDirectory::DEFAULT.parse::<AcmeDirectory>().is_ok());
        assert!(
            "https://ca.corp.example:9000/acme/acme/directory"
                .parse::<AcmeDirectory>()
                .is_ok()
        );
        for bad in [
            "",
            "http://ca.example/dir",
            "https://",
            "https:///dir",
            "https://ca.example/a b",
            "staging",
        ] {
            assert!(bad.parse::<AcmeDirectory>().is_err(), "{bad}");
        }
    }
}
