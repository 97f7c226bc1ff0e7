//! Routes: what a site does with the requests whose path begins with something.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::{PathPrefix, ServerName, ServiceName};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub prefix: PathPrefix,
    pub to: RouteTarget,
    pub options: RouteOptions,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteTarget {
    Service(ServiceName),
    Redirect(Redirect),
}

/// How a route differs from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteOptions {
    /// Whether the app gets the path without the route's beginning.
    pub strip: bool,
    /// Seconds that an app may be silent before the visitor is told so; `None`: as for all.
    pub timeout: Option<u32>,
    /// Largest request body in MiB; `None`: as for the site.
    pub body_limit: Option<u32>,
    /// Added to each answer, instead of one of that name that the app sends.
    pub headers: BTreeMap<HeaderName, String>,
    pub access_log: bool,
}

impl Default for RouteOptions {
    fn default() -> Self {
        Self {
            strip: false,
            timeout: None,
            body_limit: None,
            headers: BTreeMap::new(),
            access_log: true,
        }
    }
}

impl Route {
    /// The service that answers, unless visitors are sent elsewhere.
    pub fn service(&self) -> Option<&ServiceName> {
        match &self.to {
            RouteTarget::Service(service) => Some(service),
            RouteTarget::Redirect(_) => None,
        }
    }
}

/// The name of a response header; upper and lower case make no difference.
#[derive(Debug, Clone)]
pub struct HeaderName(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a header's name: use letters, digits and `-`")]
pub struct HeaderNameError(pub String);

impl HeaderName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl FromStr for HeaderName {
    type Err = HeaderNameError;

    fn from_str(text: &str) -> Result<Self, HeaderNameError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let good = (1..=64).contains(&text.len()) && text.bytes().all(plain);
        match good {
            true => Ok(Self(text.to_owned())),
            false => Err(HeaderNameError(text.to_owned())),
        }
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for HeaderName {}

impl PartialOrd for HeaderName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HeaderName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0
            .to_ascii_lowercase()
            .cmp(&other.0.to_ascii_lowercase())
    }
}

/// Where visitors are sent: another site, which gets the path that they asked for, or one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    text: String,
    /// Of an address: whether it is HTTPS, the name, and the port if it is written.
    site: Option<(bool, ServerName, Option<u16>)>,
    has_path: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a place to send visitors to: write an address such as `https://www.example.com`, which keeps their path, or with a path, or a path of this site"
)]
pub struct RedirectError(pub String);

impl Redirect {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether visitors keep their path.
    pub fn is_whole_site(&self) -> bool {
        !self.has_path
    }

    /// Whose site it is; `None`: this one's.
    pub fn host(&self) -> Option<&str> {
        self.site.as_ref().map(|(_, host, _)| host.as_str())
    }

    pub fn port(&self) -> Option<u16> {
        let (is_https, _, port) = self.site.as_ref()?;
        Some(port.unwrap_or(if *is_https { 443 } else { 80 }))
    }
}

impl FromStr for Redirect {
    type Err = RedirectError;

    fn from_str(text: &str) -> Result<Self, RedirectError> {
        let wrong = || RedirectError(text.to_owned());
        let secure = text.strip_prefix("https://");
        let address = secure.or_else(|| text.strip_prefix("http://"));
        let (site, path) = match address {
            None => (None, text),
            Some(address) => {
                let end = address.find('/').unwrap_or(address.len());
                let (authority, path) = address.split_at(end);
                let (name, port) = match authority.rsplit_once(':') {
                    // An IPv6 address stands in brackets.
                    Some((name, port)) if !port.ends_with(']') => {
                        let port: u16 = port.parse().map_err(|_| wrong())?;
                        (name, Some(port))
                    }
                    _ => (authority, None),
                };
                let name: ServerName = name.parse().map_err(|_| wrong())?;
                if name.as_str().starts_with('*') {
                    return Err(wrong());
                }
                (Some((secure.is_some(), name, port)), path)
            }
        };
        // `//` would be the beginning of another site's address.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~/-?=&%+#,:@!".contains(&b);
        let is_path = path.starts_with('/') && !path.starts_with("//");
        let good = (is_path || (path.is_empty() && site.is_some()))
            && path.bytes().all(plain)
            && text.len() <= 1024;
        if !good {
            return Err(wrong());
        }
        let has_path = path.len() > 1 || site.is_none();
        let text = match has_path {
            true => text,
            // The visitor's own path begins with a slash.
            false => text.trim_end_matches('/'),
        };
        Ok(Self {
            text: text.to_owned(),
            site,
            has_path,
        })
    }
}

impl fmt::Display for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_cannot_become_syntax_or_lead_where_nobody_meant() {
        for (text, host, port, whole) in [
            (
                "https://www.example.com",
                Some("www.example.com"),
                Some(443),
                true,
            ),
            (
                "https://www.example.com/",
                Some("www.example.com"),
                Some(443),
                true,
            ),
            ("http://10.0.0.1:8080", Some("10.0.0.1"), Some(8080), true),
            (
                "http://[2001:db8::1]",
                Some("[2001:db8::1]"),
                Some(80),
                true,
            ),
            (
                "https://a.example/b?c=d&e=%20",
                Some("a.example"),
                Some(443),
                false,
            ),
            ("/new/place", None, None, false),
        ] {
            let redirect: Redirect = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((redirect.host(), redirect.port()), (host, port), "{text}");
            assert_eq!(redirect.is_whole_site(), whole, "{text}");
        }
        for bad in [
            "",
            "www.example.com",
            "//evil.example",
            "ftp://a.example",
            "https://",
            "https://*.example.com",
            "https://a.example; return 200",
            "https://a.example/\n",
            "https://a.example/$x",
            "https://a.example/\"",
            "https://a.example:port",
            "https://user@a.example",
            "https://a.example?x",
            "/a b",
        ] {
            assert!(bad.parse::<Redirect>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_headers() {
        let name: HeaderName = "X-Frame-Options".parse().unwrap();
        assert!(name.is("x-frame-options") && name == "X-FRAME-OPTIONS".parse().unwrap());
        for bad in ["", "a b", "a:", "a\n", "\"a\"", "$a"] {
            assert!(bad.parse::<HeaderName>().is_err(), "{bad}");
        }
    }
}
