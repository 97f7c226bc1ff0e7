//! What this machine has for the HTTPS of sites: certificates with their keys, and authorities to trust.

use std::fs;
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::public::KeyData;
use zeroize::Zeroizing;

use crate::facts::{Leaf, OwnCertificate, OwnCertificates};
use crate::model::{CertificateFiles, CertificateSource, Secret, SiteName, Stack};

/// A file that `tls` of a site names cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("sites.{site}.tls.{key}: {path}: {why}")]
pub struct CertificateError {
    pub site: SiteName,
    /// The key of the yaml that names it.
    pub key: &'static str,
    pub path: PathBuf,
    pub why: String,
}

/// Reads all files of this machine that the `tls` of sites names.
pub fn certificates(stack: &Stack) -> Result<OwnCertificates, CertificateError> {
    let mut own = OwnCertificates::default();
    for site in stack.sites.values() {
        let of = |key, path: &Path, why: String| CertificateError {
            site: site.name.clone(),
            key,
            path: path.to_owned(),
            why,
        };
        match site.tls.as_ref().map(|tls| &tls.source) {
            None => {}
            Some(CertificateSource::Acme(acme)) => {
                let Some(path) = &acme.authority else {
                    continue;
                };
                let pem = read(path).map_err(|why| of("acme.ca", path, why))?;
                Leaf::parse(&pem).map_err(|why| of("acme.ca", path, why))?;
                own.authorities.insert(site.name.clone(), pem.to_vec());
            }
            Some(CertificateSource::Files(files)) => {
                let pair = pair(files).map_err(|(key, path, why)| of(key, &path, why))?;
                own.certificates.insert(site.name.clone(), pair);
            }
        }
    }
    Ok(own)
}

type Wrong = (&'static str, PathBuf, String);

fn pair(files: &CertificateFiles) -> Result<OwnCertificate, Wrong> {
    let CertificateFiles { certificate, key } = files;
    let of_certificate = |why| ("certificate", certificate.clone(), why);
    let of_key = |why| ("key", key.clone(), why);
    let chain = read(certificate).map_err(of_certificate)?.to_vec();
    let leaf = Leaf::parse(&chain).map_err(of_certificate)?;
    let text = read(key).map_err(of_key)?;
    let text = std::str::from_utf8(&text).map_err(|_| of_key("it is no PEM file".into()))?;
    let is_pair = is_key_of(text, &leaf).map_err(of_key)?;
    if !is_pair {
        let other = certificate.display();
        let why = format!("it is not the key of the first certificate in {other}");
        return Err(of_key(why));
    }
    Ok(OwnCertificate {
        chain,
        key: Secret::new(text.to_owned()),
        facts: leaf.facts,
        path: certificate.display().to_string(),
    })
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("it cannot be read: {error}"),
    })?;
    Ok(Zeroizing::new(bytes))
}

/// Whether a PEM file holds the private key that a certificate was made for.
fn is_key_of(pem: &str, leaf: &Leaf) -> Result<bool, String> {
    if pem.contains("ENCRYPTED") {
        return Err("it has a passphrase, which nginx could not ask for; take it off: openssl pkey -in FILE -out FILE".into());
    }
    if !pem.contains("PRIVATE KEY-----") {
        return Err("it holds no PEM private key".into());
    }
    let key = russh::keys::decode_secret_key(pem, None)
        .map_err(|error| format!("its private key cannot be read: {error}"))?;
    let public = leaf.public_key.as_slice();
    Ok(match key.public_key().key_data() {
        KeyData::Ecdsa(key) => key.as_sec1_bytes() == public,
        KeyData::Ed25519(key) => key.0 == public,
        KeyData::Rsa(key) => {
            // The certificate has modulus and exponent as one DER sequence.
            let modulus = key.n().as_positive_bytes().unwrap_or_default();
            !modulus.is_empty() && public.windows(modulus.len()).any(|part| part == modulus)
        }
        _ => return Err("keys of this kind cannot be used for HTTPS".into()),
    })
}
