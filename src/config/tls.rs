//! `tls:` of a site.

use super::keys::{ACME, TLS};
use super::reader::Reader;
use super::tree::{Kind, Node};
use crate::model::{Acme, CertificateFiles, CertificateSource, Tls};

/// Where the certificate comes from, and how many days before its end that is a problem.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<(CertificateSource, u32)> {
    if let Kind::Scalar(text) = &node.kind {
        if text != "acme" {
            reader
                .wrong("tls", node, "`acme` or a map")
                .hint("`tls: acme`, or `tls: {certificate: FILE, key: FILE}`");
            return None;
        }
        let acme = Acme::default();
        return Some((CertificateSource::Acme(acme), Tls::ALERT_DAYS));
    }
    let fields = reader.fields("`tls`", node, &TLS)?;
    let alert_days = fields.number(reader, "alert_days");
    let has_acme = fields.has("acme");
    let files = [fields.has("certificate"), fields.has("key")];
    if has_acme == files.contains(&true) {
        let message = match has_acme {
            true => "`tls` has both `acme` and files of yours",
            false => "`tls` does not say where the certificate comes from",
        };
        reader
            .report("tls-source", node.span, message.into())
            .hint("write `tls: acme`, or `certificate` and `key`");
        return None;
    }
    if has_acme {
        let acme = fields.node("acme").map(|node| acme(reader, node))?;
        return Some((CertificateSource::Acme(acme?), alert_days?));
    }
    for (name, is_there) in ["certificate", "key"].into_iter().zip(files) {
        if !is_there {
            reader
                .report(
                    "missing-key",
                    node.span,
                    format!("`{name}` is missing in `tls`"),
                )
                .hint("a certificate and its private key are two PEM files: name both");
        }
    }
    let mut path = |name| {
        let text = fields.text(reader, name)?;
        reader.path(&text)
    };
    let (certificate, key) = (path("certificate"), path("key"));
    let files = CertificateFiles {
        certificate: certificate?,
        key: key?,
    };
    Some((CertificateSource::Files(files), alert_days?))
}

fn acme(reader: &mut Reader<'_>, node: &Node) -> Option<Acme> {
    if node.kind == Kind::Null {
        return Some(Acme::default());
    }
    let fields = reader.fields("`acme`", node, &ACME)?;
    let email = fields.has("email").then(|| fields.parsed(reader, "email"));
    let authority = fields.text(reader, "ca");
    Some(Acme {
        email: email.flatten(),
        directory: fields.parsed(reader, "directory")?,
        authority: authority.and_then(|text| reader.path(&text)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, good, with};
    use crate::model::{AcmeDirectory, CertificateSource, Tls};

    /// A stack whose site `s` has these keys, beside its route.
    fn site(keys: &str) -> String {
        with("", &format!("sites: {{s: {{{keys}, routes: {{/: a}}}}}}\n"))
    }

    fn tls(keys: &str) -> Tls {
        let stack = good(&site(keys));
        let site = stack.sites.into_values().next().unwrap();
        site.tls.unwrap()
    }

    #[test]
    fn acme_in_every_spelling() {
        let short = tls("names: [x.example.com], tls: acme");
        assert_eq!(short, tls("names: x.example.com, tls: {acme: }"));
        assert_eq!(
            (short.redirect, short.hsts, short.alert_days),
            (true, false, Tls::ALERT_DAYS)
        );
        let CertificateSource::Acme(acme) = short.source else {
            panic!()
        };
        assert_eq!(acme.directory, AcmeDirectory::default());
        let own = tls(
            "names: x.example.com, tls: {acme: {email: a@example.com, directory: 'https://ca.example/d', ca: ca.pem}}, redirect: off, hsts: on",
        );
        assert_eq!((own.redirect, own.hsts), (false, true));
        let CertificateSource::Acme(acme) = own.source else {
            panic!()
        };
        assert_eq!(acme.email.unwrap().as_str(), "a@example.com");
        assert!(acme.authority.unwrap().ends_with("ca.pem"));
    }

    #[test]
    fn what_cannot_be_a_certificate() {
        check(
            &site("tls: acme"),
            "7:13 [tls] tls-names: `tls` of site `s` needs `names` | a certificate is for names: `names: [shop.example.com]`",
        );
        check(
            &site("names: [x.example.com], tls: letsencrypt"),
            "7:42 [letsencrypt] wrong-type: `tls`: expected `acme` or a map, found `letsencrypt` | `tls: acme`, or `tls: {certificate: FILE, key: FILE}`",
        );
        check(
            &site("names: [x.example.com], tls: {}"),
            "7:37 [tls] tls-source: `tls` does not say where the certificate comes from | write `tls: acme`, or `certificate` and `key`",
        );
        check(
            &site("names: [x.example.com], tls: {acme: , key: k}"),
            "7:37 [tls] tls-source: `tls` has both `acme` and files of yours | write `tls: acme`, or `certificate` and `key`",
        );
        check(
            &site("names: [x.example.com], tls: {certificate: c.pem}"),
            "7:37 [tls] missing-key: `key` is missing in `tls` | a certificate and its private key are two PEM files: name both",
        );
        check(
            &site("names: [x.example.com], tls: {acme: {email: nobody}}"),
            "7:57 [nobody] invalid: `nobody` is not an e-mail address: write one such as `ops@example.com`",
        );
        check(
            &site("names: [x.example.com], tls: {acme: {directory: 'http://ca.example/d'}}"),
            "7:61 ['http://ca.example/d'] invalid: `http://ca.example/d` is not an ACME directory: write its `https://` address",
        );
        check(
            &site("names: [x.example.com], hsts: on"),
            "7:37 [hsts] needs-tls: `hsts` means nothing without `tls` | add `tls: acme`, or remove it",
        );
    }

    #[test]
    fn names_that_no_authority_certifies_over_http() {
        let hint = "name it in full, or bring your own: `tls: {certificate: FILE, key: FILE}`";
        for (name, why) in [
            ("192.0.2.1", "not for an address"),
            ("localhost", "not for a name without a dot"),
            (
                "'*.example.com'",
                "for all names below another one only by a record in DNS",
            ),
        ] {
            let bare = name.trim_matches('\'');
            check(
                &site(&format!("names: [{name}], tls: acme")),
                &format!(
                    "7:21 [{name}] acme-name: `{bare}` cannot have a certificate from `acme`: it is issued {why} | {hint}"
                ),
            );
            good(&site(&format!(
                "names: [{name}], tls: {{certificate: c, key: k}}"
            )));
        }
    }

    #[test]
    fn ports_that_https_needs() {
        check(
            &site("names: [x.example.com], tls: acme, listen: 8080"),
            "7:56 [8080] acme-port: `acme` needs port 80 of site `s` | authorities look there for their challenge: leave `listen` out",
        );
        check(
            &site("names: [x.example.com], tls: acme, listen: 443"),
            "7:56 [443] port-taken: port 443 of site `s` is for its HTTPS | `listen` is the port of HTTP: leave it out for 80",
        );
        let two = "sites:\n  s: {names: [x.example.com], tls: acme, routes: {/: a}}\n";
        check(
            &with(
                "",
                &format!("{two}  t: {{listen: 443, routes: {{/: a}}}}\n"),
            ),
            "9:15 [443] port-taken: port 443 of site `t` is for the HTTPS of site `s` | give it another `listen`, or `tls`",
        );
        check(
            &with(
                "",
                &format!(
                    "{two}  t: {{listen: 81, names: [x.example.com], tls: {{certificate: c, key: k}}, routes: {{/: a}}}}\n"
                ),
            ),
            "9:27 [x.example.com] same-site: sites `s` and `t` both answer to `x.example.com` on port 443 | a name belongs to one site; routes of one site may lead to several services",
        );
    }
}
