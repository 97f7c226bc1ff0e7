//! Slow downloads: long answers to those with a slow line.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::header::HOST;
use tokio::time::{sleep, timeout};

use super::connection::{Connection, Failed, outcome_of};
use super::record::{Outcome, Part, Route, Stream, StreamEnd, lost_stream};
use super::{Context, Downloaders, talk};

/// Downloads until the load is stopped.
pub(super) async fn download(
    downloaders: Downloaders,
    number: usize,
    (place, route): (usize, Route),
    mut context: Context,
) -> Part {
    let mut part = Part::default();
    while !context.is_stopped() {
        let mut stream = talk::begin(place, number, &context);
        let mut reading = context.clone();
        let read = read(&downloaders, &mut stream, &mut part, &mut reading);
        stream.end = match read.await {
            Ok(end) => end,
            Err(failed) => {
                stream.status = failed.status;
                StreamEnd::Cut(failed.outcome)
            }
        };
        stream.ended = context.now();
        part.streams.push(stream);
        match stream.end {
            StreamEnd::Cut(_) => {
                let counters = &context.counters;
                counters.lose(|| lost_stream(&route, &stream));
                talk::pause(&mut context).await;
            }
            StreamEnd::Whole => context.counters.gain(),
            StreamEnd::Open | StreamEnd::Closed(_) => {}
        }
    }
    part
}

async fn read(
    downloaders: &Downloaders,
    stream: &mut Stream,
    part: &mut Part,
    context: &mut Context,
) -> Result<StreamEnd, Failed> {
    let late = |_| Failed::from(Outcome::Timeout);
    let target = &downloaders.target;
    let mut connection = timeout(context.timeout, Connection::open(target))
        .await
        .map_err(late)??;
    let request = Request::get(&downloaders.path)
        .header(HOST, &target.host)
        .body(Full::<Bytes>::default())
        .map_err(|_| Outcome::Malformed)?;
    let response = timeout(context.timeout, connection.send(request))
        .await
        .map_err(late)??;
    stream.status = response.status().as_u16();
    if !response.status().is_success() {
        return Ok(StreamEnd::Cut(Outcome::Status));
    }
    let version = context.version_header.as_ref().and_then(|name| {
        let value = response.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    });
    stream.version = part.version(version.as_deref());
    let mut body = response.into_body();
    loop {
        let limit = context.timeout;
        let frame = tokio::select! {
            frame = timeout(limit, body.frame()) => frame,
            () = context.stop() => return Ok(StreamEnd::Open),
        };
        match frame {
            Err(_) => return Ok(StreamEnd::Cut(Outcome::Timeout)),
            Ok(None) => return Ok(StreamEnd::Whole),
            Ok(Some(Err(error))) => return Ok(StreamEnd::Cut(outcome_of(&error))),
            Ok(Some(Ok(frame))) => {
                stream.amount += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
        }
        sleep(downloaders.pause).await;
    }
}
