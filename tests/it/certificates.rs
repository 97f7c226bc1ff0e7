//! Certificates of this machine: those that cases name, and files that are none or do not belong together.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stackctl::config::{self, SourceText, Surroundings};
use stackctl::facts::{Leaf, OwnCertificate, OwnCertificates, sha256};
use stackctl::model::{CertificateSource, Secret, Stack};
use stackctl::observe::{self, CertificateError};

use crate::golden;

/// What [`observe::certificates`] would read for the stack of a case. Plans never look into a private key, so words stand
/// for those.
pub fn own(stack: &Stack) -> OwnCertificates {
    let mut own = OwnCertificates::default();
    for site in stack.sites.values() {
        match site.tls.as_ref().map(|tls| &tls.source) {
            None => {}
            Some(CertificateSource::Acme(acme)) => {
                let pem = acme.authority.as_ref().map(|path| fs::read(path).unwrap());
                own.authorities
                    .extend(pem.map(|pem| (site.name.clone(), pem)));
            }
            Some(CertificateSource::Files(files)) => {
                let chain = fs::read(&files.certificate).unwrap();
                let name = files.key.file_name().unwrap().to_string_lossy();
                let pair = OwnCertificate {
                    facts: Leaf::parse(&chain).unwrap().facts,
                    key: Secret::new(format!("what is in {name}\n")),
                    path: files.certificate.display().to_string(),
                    chain,
                };
                own.certificates.insert(site.name.clone(), pair);
            }
        }
    }
    own
}

/// A certificate of the cases.
fn certificate(name: &str) -> String {
    fs::read_to_string(golden::root().join(format!("tests/it/tls/{name}.pem"))).unwrap()
}

/// One block of PEM (RFC 7468).
fn block(kind: &str, hex: &str) -> String {
    let digits = hex.as_bytes().chunks(2);
    let bytes: Vec<u8> = digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let text = STANDARD.encode(bytes);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
        lines.join("\n")
    )
}

/// The key that a certificate of the cases was made for: P-256 as PKCS#8, its number the digest of the name. No file holds
/// one.
fn key(name: &str) -> String {
    const P256: &str = "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420";
    block("PRIVATE KEY", &format!("{P256}{}", sha256(name.as_bytes())))
}

/// Reads a site's certificate and key as they stand in these files; `None` for one that is not there.
fn read(
    folder: &Path,
    certificate: Option<&str>,
    key: Option<&str>,
) -> Result<OwnCertificates, CertificateError> {
    for (name, text) in [("shop.pem", certificate), ("shop.key", key)] {
        let path = folder.join(name);
        match text {
            Some(text) => fs::write(path, text).unwrap(),
            None => drop(fs::remove_file(path)),
        }
    }
    let text = "stack: shop\nhosts: {web1: 203.0.113.10}\nservices: {page: {static: .}}\n\
        sites: {shop: {names: [shop.example.com], tls: {certificate: shop.pem, key: shop.key}, routes: {/: page}}}\n";
    let source = SourceText { name: "test", text };
    let around = Surroundings {
        base: folder.to_owned(),
        home: None,
    };
    let stack = config::parse(&source, &around)
        .unwrap_or_else(|errors| panic!("{}", errors.render(false, 100)));
    observe::certificates(&stack)
}

#[test]
fn a_certificate_is_read_with_its_key_which_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["shop", "newer"] {
        let text = format!("Issued for nobody\n{}", certificate(name));
        let own = read(folder.path(), Some(&text), Some(&key(name))).unwrap();
        let pair = own.certificates.values().next().unwrap();
        assert!(pair.facts.names.contains("shop.example.com"));
        assert_eq!(pair.key.reveal(), key(name));
        let body = key(name).lines().nth(1).unwrap().to_owned();
        assert!(!format!("{own:?}").contains(&body));
    }
}

#[test]
fn files_that_nginx_could_not_use_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (good, its_key) = (certificate("shop"), key("shop"));
    let backwards = certificate("authority") + &good;
    let locked = block("ENCRYPTED PRIVATE KEY", "3000");
    let broken = block("PRIVATE KEY", "3000");
    for (certificate, key, wanted) in [
        (
            None,
            Some(&its_key),
            "certificate shop.pem: there is no such file",
        ),
        (
            Some(&its_key),
            Some(&its_key),
            "certificate shop.pem: it holds no PEM certificate",
        ),
        (Some(&good), None, "key shop.key: there is no such file"),
        (
            Some(&good),
            Some(&good),
            "key shop.key: it holds no PEM private key",
        ),
        (
            Some(&good),
            Some(&locked),
            "key shop.key: it has a passphrase, which nginx could not ask for",
        ),
        (
            Some(&good),
            Some(&broken),
            "key shop.key: its private key cannot be read",
        ),
        (
            Some(&good),
            Some(&key("newer")),
            "key shop.key: it is not the key of the first certificate in shop.pem",
        ),
        (
            Some(&backwards),
            Some(&its_key),
            "key shop.key: it is not the key of the first certificate in shop.pem",
        ),
    ] {
        let error = read(
            folder.path(),
            certificate.map(String::as_str),
            key.map(String::as_str),
        );
        let told = error.unwrap_err().to_string();
        let told = told.replace(&format!("{}/", folder.path().display()), "");
        let told = told.replacen(": ", " ", 1);
        assert!(
            told.starts_with(&format!("sites.shop.tls.{wanted}")),
            "{told}\n{wanted}"
        );
    }
}
