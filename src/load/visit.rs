//! Visitors: requests at a steady rate, over connections that are kept or not.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::connection::{Answer, Connection, Failed};
use super::record::{Outcome, Part, Record, Route, lost_request};
use super::schedule::Schedule;
use super::{Context, UNUSED, Visitors, micros};

/// The id that a POST carries.
pub(super) fn id(prefix: &str, group: usize, ticket: u32) -> String {
    format!("{prefix}-{group}-{ticket}")
}

pub(super) fn start(
    visitors: Visitors,
    routes: Vec<Route>,
    first_route: usize,
    context: &Context,
) -> Vec<JoinHandle<Part>> {
    let group = routes.first().map_or(0, |route| route.group);
    let schedule = Schedule::start(
        context.began.into_std(),
        visitors.rate,
        // Multiples of the golden ratio are spread evenly, however many there are: not all begin at once.
        (group as f64 * 0.618_034).fract(),
        visitors.connections,
        context.stopped.clone(),
    );
    let (visitors, routes) = (Arc::new(visitors), Arc::new(routes));
    (0..visitors.connections)
        .map(|_| {
            let visitor = Visitor {
                visitors: visitors.clone(),
                routes: routes.clone(),
                first_route,
                context: context.clone(),
                kept: None,
                part: Part::default(),
            };
            tokio::spawn(visitor.visit(schedule.clone()))
        })
        .collect()
}

/// One at a time.
struct Visitor {
    visitors: Arc<Visitors>,
    routes: Arc<Vec<Route>>,
    first_route: usize,
    context: Context,
    kept: Option<(Connection, Instant)>,
    part: Part,
}

impl Visitor {
    async fn visit(mut self, schedule: Arc<Schedule>) -> Part {
        while let Some((ticket, due)) = schedule.take().await {
            let due = Instant::from_std(due);
            let ticket = u32::try_from(ticket).unwrap_or(u32::MAX);
            let index = ticket as usize % self.visitors.requests.len();
            let asked = timeout_at(due + self.context.timeout, self.ask(index, ticket));
            let answered = asked.await.unwrap_or_else(|_| Err(Outcome::Timeout.into()));
            let took = due.elapsed();
            let (outcome, status, version) = match answered {
                Ok(answer) if answer.is_ok() => (Outcome::Ok, answer.status, answer.version),
                Ok(answer) => (Outcome::Status, answer.status, answer.version),
                Err(failed) => (failed.outcome, failed.status, None),
            };
            if outcome != Outcome::Ok && outcome != Outcome::Status {
                self.kept = None;
            }
            let version = self.part.version(version.as_deref());
            let record = Record {
                at: micros(due - self.context.began),
                took: u32::try_from(took.as_micros()).unwrap_or(u32::MAX),
                ticket,
                route: u16::try_from(self.first_route + index).unwrap_or(u16::MAX),
                status,
                version,
                outcome,
            };
            let counters = &self.context.counters;
            if outcome.is_ok() {
                counters.gain();
            } else {
                counters.lose(|| lost_request(&self.routes[index], &record));
            }
            self.part.records.push(record);
        }
        self.part
    }

    async fn ask(&mut self, index: usize, ticket: u32) -> Result<Answer, Failed> {
        let visitors = self.visitors.clone();
        let request = &visitors.requests[index];
        let kept = self.kept.take();
        let kept = kept.filter(|(_, used)| used.elapsed() < UNUSED);
        let mut connection = match kept {
            Some((connection, _)) => connection,
            None => Connection::open(&visitors.target).await?,
        };
        let body = request.body.as_ref().map(|body| {
            let id = id(&self.context.id_prefix, self.routes[index].group, ticket);
            Bytes::from(body.replace("{id}", &id))
        });
        let version_header = self.context.version_header.as_deref();
        let answer = connection
            .exchange(
                &visitors.target,
                &request.path,
                body,
                visitors.keep_alive,
                version_header,
            )
            .await?;
        if answer.keeps {
            self.kept = Some((connection, Instant::now()));
        }
        Ok(answer)
    }
}
