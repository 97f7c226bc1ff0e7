//! A transport without a host, for tests: records what is run and answers from a function.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::{
    Connection, Endpoint, LeaseAnswer, LeaseEvent, LeaseRequest, Listener, Output, Program,
    ShellOf, Source, Terminal, Transport, TransportError, Upload,
};
use crate::script::Script;

/// One thing that was asked of a [`FakeTransport`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Run { script: Script, input: Vec<u8> },
    Stream { script: Script, input: Vec<u8> },
    Lock(LeaseRequest),
    Dial(Endpoint),
    Listen,
    Probe,
    Close,
}

type Answer = dyn FnMut(&Script, &[u8]) -> Result<Output, TransportError> + Send;
type Dial = dyn FnMut(&Endpoint) -> Result<Box<dyn Connection>, TransportError> + Send;

/// Answers scripts by a closure and dials by another.
pub struct FakeTransport {
    calls: Mutex<Vec<Call>>,
    answer: Mutex<Box<Answer>>,
    dial: Mutex<Box<Dial>>,
}

impl FakeTransport {
    pub fn new(
        answer: impl FnMut(&Script, &[u8]) -> Result<Output, TransportError> + Send + 'static,
    ) -> Self {
        Self {
            calls: Mutex::default(),
            answer: Mutex::new(Box::new(answer)),
            dial: Mutex::new(Box::new(|endpoint| {
                Err(TransportError::Dial {
                    host: "fake".to_owned(),
                    endpoint: endpoint.clone(),
                    reason: "nobody listens there".to_owned(),
                })
            })),
        }
    }

    /// Answers one script after another from a list, with status 0 and these outputs; then with nothing.
    pub fn answering<T: Into<Vec<u8>>>(outputs: impl IntoIterator<Item = T>) -> Self {
        let outputs: Vec<Vec<u8>> = outputs.into_iter().map(Into::into).collect();
        let mut outputs = outputs.into_iter();
        Self::new(move |_, _| {
            Ok(Output {
                status: 0,
                stdout: outputs.next().unwrap_or_default(),
                stderr: Vec::new(),
            })
        })
    }

    #[must_use]
    pub fn dialling(
        mut self,
        dial: impl FnMut(&Endpoint) -> Result<Box<dyn Connection>, TransportError> + Send + 'static,
    ) -> Self {
        self.dial = Mutex::new(Box::new(dial));
        self
    }

    /// All that was asked so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn record(&self, call: Call) {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
    }

    fn answer(&self, script: &Script, input: &[u8]) -> Result<Output, TransportError> {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer(script, input)
    }
}

impl Transport for FakeTransport {
    fn run<'a>(
        &'a self,
        script: &'a Script,
        input: &'a [u8],
        _deadline: Duration,
    ) -> BoxFuture<'a, Result<Output, TransportError>> {
        Box::pin(async move {
            self.record(Call::Run {
                script: script.clone(),
                input: input.to_vec(),
            });
            self.answer(script, input)
        })
    }

    fn stream<'a>(
        &'a self,
        script: &'a Script,
        input: Option<Upload>,
        line: &'a mut (dyn FnMut(Source, &str) + Send),
        _deadline: Duration,
    ) -> BoxFuture<'a, Result<Output, TransportError>> {
        Box::pin(async move {
            let mut sent = Vec::new();
            if let Some(mut input) = input {
                while let Some(chunk) = input.next().await {
                    let chunk = chunk.map_err(|source| TransportError::Upload {
                        host: "fake".to_owned(),
                        source,
                    })?;
                    sent.extend_from_slice(&chunk);
                }
            }
            self.record(Call::Stream {
                script: script.clone(),
                input: sent.clone(),
            });
            let output = self.answer(script, &sent)?;
            for (source, bytes) in [
                (Source::Stdout, &output.stdout),
                (Source::Stderr, &output.stderr),
            ] {
                String::from_utf8_lossy(bytes)
                    .lines()
                    .for_each(|text| line(source, text));
            }
            Ok(output)
        })
    }

    fn lock<'a>(
        &'a self,
        request: &'a LeaseRequest,
        _tell: &'a (dyn Fn(LeaseEvent) + Send + Sync),
    ) -> BoxFuture<'a, Result<LeaseAnswer, TransportError>> {
        Box::pin(async move {
            self.record(Call::Lock(request.clone()));
            Ok(LeaseAnswer::Held { generation: 1 })
        })
    }

    fn prepare<'a>(&'a self, _endpoint: &'a Endpoint) -> BoxFuture<'a, bool> {
        Box::pin(async { false })
    }

    fn dial<'a>(
        &'a self,
        endpoint: &'a Endpoint,
    ) -> BoxFuture<'a, Result<Box<dyn Connection>, TransportError>> {
        Box::pin(async move {
            self.record(Call::Dial(endpoint.clone()));
            let mut dial = self.dial.lock().unwrap_or_else(PoisonError::into_inner);
            dial(endpoint)
        })
    }

    /// There is no host, so it is a port of this machine.
    fn listen(&self) -> BoxFuture<'_, Result<Listener, TransportError>> {
        Box::pin(async move {
            self.record(Call::Listen);
            let refused = || TransportError::NotForwarded {
                host: "fake".to_owned(),
            };
            let socket = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
            let socket = socket.map_err(|_| refused())?;
            let port = socket.local_addr().map_err(|_| refused())?.port();
            let (sender, connections) = mpsc::unbounded_channel();
            let taking = tokio::spawn(async move {
                while let Ok((connection, _)) = socket.accept().await {
                    let connection = Box::new(connection) as Box<dyn Connection>;
                    if sender.send(connection).is_err() {
                        return;
                    }
                }
            });
            let end = async move { taking.abort() };
            Ok(Listener::new(port, connections, Box::pin(end)))
        })
    }

    fn shell<'a>(
        &'a self,
        _whose: ShellOf,
        _terminal: Option<&'a Terminal>,
    ) -> BoxFuture<'a, Result<Program, TransportError>> {
        Box::pin(async {
            Err(TransportError::Protocol {
                host: "fake".to_owned(),
                what: "shell".to_owned(),
                reason: "nobody talks here".to_owned(),
            })
        })
    }

    fn program<'a>(
        &'a self,
        _script: &'a Script,
        terminal: Option<&'a Terminal>,
    ) -> BoxFuture<'a, Result<Program, TransportError>> {
        self.shell(ShellOf::Root, terminal)
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async {
            self.record(Call::Probe);
            Ok(())
        })
    }

    fn broken(&self) -> Option<TransportError> {
        None
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.record(Call::Close) })
    }

    fn leave(&self) -> BoxFuture<'_, ()> {
        self.close()
    }
}
