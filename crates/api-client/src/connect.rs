//! How long a new connection takes, for whoever listens to the steps of a request.

use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;
use tracing::Instrument as _;
use tracing::instrument::Instrumented;
use tracing::trace_span;

/// Puts the step `connect` around whatever connects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimedConnect;

/// What connects, as a step.
#[derive(Debug, Clone)]
pub(crate) struct Timed<S>(S);

impl<S> Layer<S> for TimedConnect {
    type Service = Timed<S>;

    fn layer(&self, connector: S) -> Timed<S> {
        Timed(connector)
    }
}

impl<R, S: Service<R>> Service<R> for Timed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, target: R) -> Self::Future {
        let step = trace_span!(target: "step", "connect");
        self.0.call(target).instrument(step)
    }
}
