//! What containers say.

use std::collections::{BTreeMap, HashMap};

use bollard::container::LogOutput;
use bollard::query_parameters::{ListContainersOptions, LogsOptions};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::observe::container;
use super::{DockerError, Engine};
use crate::facts::ContainerFacts;
use crate::plan::container::label;
use crate::transport::Source;

/// One line that a container said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// RFC 3339 with nine digits of a second, in UTC, so that the texts sort as the times do.
    pub time: String,
    pub source: Source,
    pub text: String,
}

/// Which lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    pub follow: bool,
    /// Seconds since the epoch; 0 for all.
    pub since: u64,
    /// The last so many; all without it.
    pub tail: Option<u32>,
}

impl Engine {
    /// Tells each line that a container said, until there is no more or `line` says that it wants no more. With `follow`
    /// it ends when the container does; one that is not there has said nothing.
    pub async fn logs(
        &self,
        container: &str,
        query: &LogQuery,
        line: &mut (dyn FnMut(LogLine) -> bool + Send),
    ) -> Result<(), DockerError> {
        let options = LogsOptions {
            follow: query.follow,
            stdout: true,
            stderr: true,
            timestamps: true,
            since: i32::try_from(query.since).unwrap_or(i32::MAX),
            tail: query.tail.map_or("all".into(), |lines| lines.to_string()),
            ..Default::default()
        };
        let mut stream = self.docker.logs(container, Some(options));
        let mut assembly = Assembly::default();
        while let Some(chunk) = stream.next().await {
            let (source, bytes) = match chunk {
                Ok(LogOutput::StdErr { message }) => (Source::Stderr, message),
                Ok(other) => (Source::Stdout, other.into_bytes()),
                Err(error) if super::has_status(&error, 404) => return Ok(()),
                Err(error) => {
                    let what = format!("say what {container} said");
                    return Err(DockerError::refused(what)(error));
                }
            };
            for whole in assembly.add(source, bytes) {
                if !line(whole) {
                    return Ok(());
                }
            }
        }
        for whole in assembly.end() {
            if !line(whole) {
                break;
            }
        }
        Ok(())
    }

    /// The containers of a stack.
    pub async fn containers_of(
        &self,
        stack: &str,
    ) -> Result<BTreeMap<String, ContainerFacts>, DockerError> {
        let filter = format!("{}={stack}", label::STACK);
        let options = ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([("label".to_owned(), vec![filter])])),
            ..Default::default()
        };
        let listed = self.docker.list_containers(Some(options)).await;
        let listed = listed.map_err(DockerError::refused("list its containers"))?;
        Ok(listed.into_iter().map(container).collect())
    }
}

/// The engine hands out what was written at once, each piece behind its time; a long line comes in several pieces, of
/// which only the last ends with a newline.
#[derive(Default)]
struct Assembly {
    stdout: Option<(String, BytesMut)>,
    stderr: Option<(String, BytesMut)>,
}

impl Assembly {
    fn add(&mut self, source: Source, bytes: Bytes) -> Vec<LogLine> {
        let mut whole = Vec::new();
        let begun = match source {
            Source::Stdout => &mut self.stdout,
            Source::Stderr => &mut self.stderr,
        };
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            let at = piece.iter().position(|&b| b == b' ');
            let (time, text) = match at.map(|at| piece.split_at(at)) {
                Some((time, text)) if is_time(time) => (time, &text[1..]),
                _ => (&b""[..], piece),
            };
            let (_, line) = begun.get_or_insert_with(|| {
                (
                    String::from_utf8_lossy(time).into_owned(),
                    BytesMut::default(),
                )
            });
            line.extend_from_slice(text);
            if text.ends_with(b"\n") {
                whole.extend(begun.take().map(|begun| finished(source, begun)));
            }
        }
        whole
    }

    fn end(self) -> impl Iterator<Item = LogLine> {
        let rest = [(Source::Stdout, self.stdout), (Source::Stderr, self.stderr)];
        let rest = rest.into_iter();
        rest.filter_map(|(source, begun)| begun.map(|begun| finished(source, begun)))
    }
}

fn finished(source: Source, (time, text): (String, BytesMut)) -> LogLine {
    let text = String::from_utf8_lossy(&text);
    LogLine {
        time,
        source,
        text: text.trim_end_matches(['\n', '\r']).to_owned(),
    }
}

fn is_time(word: &[u8]) -> bool {
    word.len() >= 20
        && word.ends_with(b"Z")
        && word[..4].iter().all(u8::is_ascii_digit)
        && word[4] == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2026-11-21T10:36:01.000000001Z";

    #[test]
    fn a_line_that_came_in_pieces_is_one() {
        let mut assembly = Assembly::default();
        let mut add = |source, text: &str| assembly.add(source, Bytes::from(text.to_owned()));
        assert_eq!(add(Source::Stdout, &format!("{TIME} a long ")), []);
        let other = add(Source::Stderr, &format!("{TIME} beside\n"));
        assert_eq!(
            (other[0].text.as_str(), other[0].source),
            ("beside", Source::Stderr)
        );
        let whole = add(Source::Stdout, &format!("{TIME} line\r\n{TIME} \n"));
        assert_eq!(whole[0].text, "a long line");
        assert_eq!((whole[1].text.as_str(), whole[1].time.as_str()), ("", TIME));
        assert_eq!(add(Source::Stdout, &format!("{TIME} no end")), []);
        assert_eq!(assembly.end().next().unwrap().text, "no end");
    }

    #[test]
    fn what_has_no_time_is_kept_whole() {
        let mut assembly = Assembly::default();
        let whole = assembly.add(Source::Stdout, Bytes::from_static(b"plain words\n"));
        assert_eq!(
            (whole[0].text.as_str(), whole[0].time.as_str()),
            ("plain words", "")
        );
    }
}
