//! Answers that an engine streams: JSON objects, with `\r\n` after each.

use std::future::ready;

use bollard::errors::Error;
use futures_util::{Stream, StreamExt as _};

/// What [`tokio_util`](https://docs.rs/tokio-util)'s reader says when a decoder leaves something.
const REMAINS: &str = "bytes remaining on stream";

/// The same answer, which ends when it has ended. bollard 0.21 takes an end of line that comes apart from its object for the
/// beginning of another one, and makes an error of it where nothing follows:
/// <https://github.com/fussybeaver/bollard/issues/560>. Connections through SSH come apart anywhere. An answer that was cut
/// off is another error, since HTTP says where it ends.
pub(super) fn whole<T>(
    answer: impl Stream<Item = Result<T, Error>>,
) -> impl Stream<Item = Result<T, Error>> {
    answer.take_while(|item| ready(!matches!(item, Err(error) if is_end_of_line(error))))
}

fn is_end_of_line(error: &Error) -> bool {
    matches!(error, Error::IOError { err } if err.to_string() == REMAINS)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use crate::runtime::docker::{DockerError, Engine};
    use crate::transport::{Connection, FakeTransport};

    const HEAD: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// An engine that answers one request with these pieces, each of which is read before the next is sent.
    async fn load(pieces: &'static [&'static str]) -> Result<(), DockerError> {
        let transport = FakeTransport::answering([""; 0]).dialling(move |_| {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            tokio::spawn(answer(theirs, pieces));
            Ok(Box::new(ours) as Box<dyn Connection>)
        });
        let engine = Engine::connect(Arc::new(transport), Some("1.41")).await?;
        let archive = futures_util::stream::iter([Ok("tar".into())]);
        engine.load_image("shop/web:1", Box::pin(archive)).await
    }

    async fn answer(mut theirs: DuplexStream, pieces: &[&str]) {
        let mut asked = Vec::new();
        while !asked.ends_with(b"0\r\n\r\n") {
            theirs.read_buf(&mut asked).await.expect("a request");
        }
        for piece in [HEAD].iter().chain(pieces) {
            theirs.write_all(piece.as_bytes()).await.expect("a reader");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn an_end_of_line_that_comes_apart_from_its_object_ends_the_answer() {
        let loaded = load(&["10\r\n{\"stream\":\"a\"}\r\n\r\n", "0\r\n\r\n"]).await;
        loaded.expect("in one piece");
        let loaded = load(&["10\r\n{\"stream\":\"a\"}", "\r\n\r\n", "0\r\n\r\n"]).await;
        loaded.expect("in two pieces");
        let loaded = load(&["10\r\n{\"stream\":\"a\"}\r", "\n\r\n", "0\r\n\r\n"]).await;
        loaded.expect("between the two bytes");
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_off_is_an_error() {
        for pieces in [
            &["10\r\n{\"stream\":\"a\"}"] as &'static [&'static str],
            &["10\r\n{\"stream\":\"a\"}\r\n\r\n"],
            &["10\r\n{\"stream\":\"a\"}", "\r\n\r\n"],
            &["10\r\n{\"stre"],
        ] {
            let loaded = load(pieces).await;
            loaded.expect_err(&format!("cut off after {pieces:?}"));
        }
    }

    #[tokio::test]
    async fn what_an_engine_says_went_wrong_is_told() {
        let says = "2c\r\n{\"errorDetail\":{\"message\":\"no room left\"}}\r\n\r\n0\r\n\r\n";
        let loaded = load(Box::leak(vec![says].into_boxed_slice())).await;
        let error = loaded.expect_err("a failure");
        assert!(error.to_string().contains("no room left"), "{error}");
    }
}
