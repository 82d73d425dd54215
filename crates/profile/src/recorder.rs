//! Spans that are steps, as histograms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::measured::Measured;
use crate::steps::TARGET;

/// Measures every step from the beginning of its span to its end. Clones measure together.
///
/// A step that begins before [`Recorder::take`] and ends behind it is in no measurement.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<Recording>>);

#[derive(Debug, Default)]
struct Recording {
    /// Counts the measurements that were taken out.
    number: u64,
    steps: BTreeMap<&'static str, Running>,
}

#[derive(Debug, Default)]
struct Running {
    measured: Measured,
    under_way: usize,
    /// When the first of those under way began.
    since: Option<Instant>,
}

/// What a span remembers of its beginning.
struct Begun {
    at: Instant,
    recording: u64,
}

impl Recorder {
    /// Makes the layer that listens, to steps alone.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + 'static
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let steps =
            filter_fn(|metadata: &Metadata<'_>| metadata.is_span() && metadata.target() == TARGET);
        Listener(self.clone()).with_filter(steps.with_max_level_hint(LevelFilter::TRACE))
    }

    /// Returns what was measured of each step since the last call, and begins anew.
    pub fn take(&self) -> BTreeMap<&'static str, Measured> {
        let mut recording = self.recording();
        recording.number += 1;
        let steps = std::mem::take(&mut recording.steps);
        drop(recording);
        let measured = steps.into_iter().map(|(name, step)| (name, step.measured));
        measured.filter(|(_, step)| step.count() > 0).collect()
    }

    fn begin(&self, name: &'static str, at: Instant) -> Begun {
        let mut recording = self.recording();
        let step = recording.steps.entry(name).or_default();
        step.under_way += 1;
        step.since.get_or_insert(at);
        Begun {
            at,
            recording: recording.number,
        }
    }

    fn end(&self, name: &'static str, begun: &Begun, now: Instant) {
        let mut recording = self.recording();
        if recording.number != begun.recording {
            return;
        }
        let step = recording.steps.entry(name).or_default();
        step.measured.add(now.saturating_duration_since(begun.at));
        step.under_way = step.under_way.saturating_sub(1);
        if step.under_way == 0 {
            let since = step.since.take();
            let busy = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            step.measured.add_busy(busy);
        }
    }

    fn recording(&self) -> MutexGuard<'_, Recording> {
        // Figures stay usable wherever a panic elsewhere stopped them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Listener(Recorder);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Listener {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let begun = self.0.begin(attributes.metadata().name(), Instant::now());
        span.extensions_mut().insert(begun);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let now = Instant::now();
        let Some(span) = context.span(&id) else {
            return;
        };
        if let Some(begun) = span.extensions().get::<Begun>() {
            self.0.end(span.name(), begun, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Level, Span, trace_span};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn listening(test: impl FnOnce(&Recorder)) {
        let recorder = Recorder::default();
        let subscriber = tracing_subscriber::registry().with(recorder.layer());
        tracing::subscriber::with_default(subscriber, || test(&recorder));
    }

    #[test]
    fn a_step_is_measured_from_its_beginning_to_its_end_without_being_entered() {
        listening(|recorder| {
            drop(trace_span!(target: "step", "decode"));
            drop(trace_span!(target: "step", "decode"));
            drop(trace_span!("decode"));
            let steps = recorder.take();
            assert_eq!(steps["decode"].count(), 2);
            assert_eq!(steps.len(), 1);
            assert!(recorder.take().is_empty(), "it begins anew");
        });
    }

    #[test]
    fn steps_at_the_same_time_are_busy_once() {
        listening(|recorder| {
            let both = [(); 2].map(|()| trace_span!(target: "step", "insert"));
            drop(both);
            let insert = &recorder.take()["insert"];
            assert_eq!(insert.count(), 2);
            assert!(insert.busy() <= insert.total());
        });
    }

    #[test]
    fn a_step_across_two_measurements_is_in_neither() {
        listening(|recorder| {
            let step = trace_span!(target: "step", "body");
            assert!(recorder.take().is_empty());
            drop(step);
            assert!(recorder.take().is_empty());
        });
    }

    #[test]
    fn where_nobody_listens_a_step_is_nothing() {
        let plain = tracing_subscriber::registry().with(LevelFilter::from_level(Level::INFO));
        tracing::subscriber::with_default(plain, || {
            let step: Span = trace_span!(target: "step", "body");
            assert!(step.is_disabled());
        });
    }
}
