//! An image offered to the engine of a host as a registry that has nothing else, to be pulled through the SSH connection:
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>.
//!
//! Every user of the host can connect to the port, so only who knows the image's random name gets anything.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use super::image::{Blob, MANIFEST, SavedImage};
use crate::transport::{Connection, Listener};

/// How long a request may take to come, and who has its answer to hang up.
const PATIENCE: Duration = Duration::from_secs(20);
/// More than what engines say before a body.
const HEAD_BYTES: usize = 16 << 10;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// One image, under a name and by its digest.
pub(super) struct Offer {
    image: Arc<SavedImage>,
    name: String,
    manifest: Vec<u8>,
    digest: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: &'static str,
    kind: &'static str,
    digest: Option<String>,
    body: Body,
    /// Whether the body is asked for, and not only what comes before it.
    is_whole: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Body {
    Bytes(Vec<u8>),
    /// Where it is in the saved image.
    Layer {
        offset: u64,
        size: u64,
    },
}

impl Offer {
    pub fn new(image: Arc<SavedImage>, name: String) -> Self {
        let (manifest, digest) = (image.manifest(), image.identity().manifest);
        Self {
            image,
            name,
            manifest,
            digest,
        }
    }

    /// What an engine pulls where `port` of its loopback address leads here. Engines ask there without TLS.
    pub fn reference(&self, port: u16) -> String {
        format!("127.0.0.1:{port}/{}@{}", self.name, self.digest)
    }

    /// Answers whoever comes, for as long as it is waited for.
    pub async fn serve(self: &Arc<Self>, listener: &mut Listener) -> Infallible {
        let mut talks = JoinSet::new();
        while let Some(connection) = listener.accept().await {
            let offer = Arc::clone(self);
            talks.spawn(async move {
                // The engine says what it missed.
                let _ = offer.talk(connection).await;
            });
        }
        // The way to the host is gone; the pull says so.
        std::future::pending().await
    }

    /// One request, one answer.
    async fn talk(&self, mut connection: Box<dyn Connection>) -> io::Result<()> {
        let head = tokio::time::timeout(PATIENCE, head(&mut connection)).await??;
        let answer = self.answer(&head);
        connection.write_all(answer.head().as_bytes()).await?;
        match answer.body {
            _ if !answer.is_whole => {}
            Body::Bytes(bytes) => connection.write_all(&bytes).await?,
            Body::Layer { offset, size } => {
                let mut chunks = self.image.layer(offset, size);
                while let Some(chunk) = chunks.next().await {
                    connection.write_all(&chunk?).await?;
                }
            }
        }
        connection.shutdown().await?;
        // Closing before the other side has read it all could cut the answer.
        let mut rest = [0; 1024];
        let hung_up =
            async { while connection.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
        let _ = tokio::time::timeout(PATIENCE, hung_up).await;
        Ok(())
    }

    fn answer(&self, head: &[u8]) -> Answer {
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = std::str::from_utf8(line).unwrap_or_default();
        let mut words = line.split(' ');
        let (method, path) = (words.next(), words.next().unwrap_or_default());
        let is_whole = match method {
            Some("GET") => true,
            Some("HEAD") => false,
            // Engines try TLS first, and take this for a no.
            _ => return Answer::without("400 Bad Request", "UNSUPPORTED", true),
        };
        let found = |kind, digest: &str, body| Answer {
            status: "200 OK",
            kind,
            digest: Some(digest.to_owned()),
            body,
            is_whole,
        };
        if path == "/v2/" {
            let body = Body::Bytes(b"{}".to_vec());
            return Answer {
                status: "200 OK",
                kind: "application/json",
                digest: None,
                body,
                is_whole,
            };
        }
        let below = path.strip_prefix("/v2/");
        let below = below.and_then(|path| path.strip_prefix(self.name.as_str()));
        let part = below.and_then(|path| path.strip_prefix('/')?.split_once('/'));
        match part {
            Some(("manifests", digest)) if digest == self.digest => {
                found(MANIFEST, digest, Body::Bytes(self.manifest.clone()))
            }
            Some(("blobs", digest)) => match self.image.blob(digest) {
                Some(Blob::Config(bytes)) => found(BYTES, digest, Body::Bytes(bytes.to_vec())),
                Some(Blob::Layer { offset, size }) => {
                    found(BYTES, digest, Body::Layer { offset, size })
                }
                None => Answer::without("404 Not Found", "BLOB_UNKNOWN", is_whole),
            },
            Some(_) => Answer::without("404 Not Found", "MANIFEST_UNKNOWN", is_whole),
            None => Answer::without("404 Not Found", "NAME_UNKNOWN", is_whole),
        }
    }
}

const BYTES: &str = "application/octet-stream";

impl Answer {
    fn without(status: &'static str, code: &str, is_whole: bool) -> Self {
        let body = serde_json::json!({"errors": [{"code": code}]});
        Self {
            status,
            kind: "application/json",
            digest: None,
            body: Body::Bytes(body.to_string().into_bytes()),
            is_whole,
        }
    }

    fn head(&self) -> String {
        let length = match &self.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Layer { size, .. } => *size,
        };
        let digest = self.digest.as_ref();
        let digest = digest.map(|digest| format!("Docker-Content-Digest: {digest}\r\n"));
        format!(
            "HTTP/1.1 {}\r\nDocker-Distribution-API-Version: registry/2.0\r\nContent-Type: {}\r\n\
             Content-Length: {length}\r\n{}Connection: close\r\n\r\n",
            self.status,
            self.kind,
            digest.unwrap_or_default()
        )
    }
}

/// What comes before a body, or the beginning of what is no request.
async fn head(connection: &mut Box<dyn Connection>) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = connection.read(&mut buffer).await?;
        head.extend_from_slice(&buffer[..read]);
        let is_text = head.first().is_some_and(u8::is_ascii_uppercase);
        let has_ended = head.windows(HEAD_END.len()).any(|part| part == HEAD_END);
        if read == 0 || !is_text || has_ended || head.len() > HEAD_BYTES {
            return Ok(head);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::tests::{LAYERS, saved};
    use super::*;
    use crate::facts::sha256;

    fn offer() -> Offer {
        Offer::new(saved(), "k3y".to_owned())
    }

    fn ask(line: &str) -> Answer {
        offer().answer(format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\n").as_bytes())
    }

    #[test]
    fn who_knows_the_name_gets_the_image_by_digests() {
        let offer = offer();
        let reference = offer.reference(4444);
        let digest = reference
            .strip_prefix("127.0.0.1:4444/k3y@")
            .expect("a digest");
        assert_eq!(ask("GET /v2/").status, "200 OK");
        let manifest = ask(&format!("GET /v2/k3y/manifests/{digest}"));
        assert_eq!(manifest.kind, MANIFEST);
        assert_eq!(manifest.digest.as_deref(), Some(digest));
        assert!(manifest.is_whole);
        let Body::Bytes(bytes) = manifest.body else {
            panic!("bytes are expected");
        };
        assert_eq!(digest, format!("sha256:{}", sha256(&bytes)));
        let told: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let layers = told["layers"].as_array().unwrap();
        assert_eq!(layers.len(), LAYERS.len());
        for part in layers.iter().chain([&told["config"]]) {
            let (digest, size) = (part["digest"].as_str().unwrap(), part["size"].as_u64());
            let blob = ask(&format!("HEAD /v2/k3y/blobs/{digest}"));
            assert!(!blob.is_whole);
            assert!(
                blob.head()
                    .contains(&format!("Content-Length: {}\r\n", size.unwrap())),
                "{}",
                blob.head()
            );
            assert!(
                blob.head()
                    .contains(&format!("Docker-Content-Digest: {digest}\r\n"))
            );
        }
    }

    #[test]
    fn nobody_else_gets_anything() {
        let digest = offer().digest;
        for line in [
            format!("GET /v2/other/manifests/{digest}"),
            format!("GET /v2/k3ys/manifests/{digest}"),
            "GET /v2/k3y/manifests/latest".to_owned(),
            "GET /v2/k3y/blobs/sha256:00".to_owned(),
            "GET /v2/_catalog".to_owned(),
            "GET /".to_owned(),
        ] {
            assert_eq!(ask(&line).status, "404 Not Found", "{line}");
        }
        for line in ["POST /v2/k3y/blobs/uploads/", "DELETE /v2/"] {
            assert_eq!(ask(line).status, "400 Bad Request", "{line}");
        }
        let tls = [0x16, 0x03, 0x01, 0x02, 0x00];
        assert_eq!(offer().answer(&tls).status, "400 Bad Request");
    }
}
