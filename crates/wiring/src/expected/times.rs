//! Fills of a span from how dense they lie at some of its seconds.

use fills::{SourceError, Span};
use forecast::{Density, Sample};
use futures::future::try_join_all;

use super::{Asking, Expected};

const PAGE_ROWS: u16 = 1000;
/// Probes in one request, if so many pages may stand in one.
const PROBES: usize = 16;
/// Fewer probes than these tell nothing.
const LEAST_PROBES: u64 = 32;
/// Parts of the requests, one of which is spent on learning where to look.
const LEARNING_SHARE: u64 = 6;
/// The same archive is to give the same estimate, so its seconds are always drawn alike.
const SEED: u64 = 1;

/// Samples a span with all the requests that are left; nothing where they are too few for that.
pub(super) async fn sample(
    asking: &mut Asking<'_>,
    span: Span,
) -> Result<Option<Expected>, SourceError> {
    let mut probing = Probing {
        span,
        cut_short: 0,
        probes: PROBES.min(asking.pages),
    };
    if let Some(fills) = probing.few(asking).await? {
        return Ok(Some(Expected::exact(fills, None)));
    }
    let requests = asking.requests_left;
    if requests * (probing.probes as u64) < LEAST_PROBES {
        return Ok(None);
    }
    let learning = (requests / LEARNING_SHARE).max(1);
    let mut density = Density::new(
        span.from,
        span.to,
        probing.probes as u64,
        PAGE_ROWS.into(),
        SEED,
    );
    probing.answer(asking, &mut density).await?;
    for _ in 1..learning {
        density.refine(probing.probes);
        probing.answer(asking, &mut density).await?;
    }
    let redrawn = asking.requests_left as usize * probing.probes;
    if redrawn > 0 {
        density.redraw(redrawn);
        probing.answer(asking, &mut density).await?;
    }
    Ok(density.estimate().map(|estimate| Expected {
        cut_short: probing.cut_short,
        ..Expected::of(estimate, None)
    }))
}

struct Probing {
    span: Span,
    probes: usize,
    cut_short: u64,
}

impl Probing {
    /// Counts the span's fills if they fit in one page.
    async fn few(&self, asking: &mut Asking<'_>) -> Result<Option<u64>, SourceError> {
        if !asking.take() {
            return Ok(None);
        }
        let times = asking.client.times(&[self.span], PAGE_ROWS).await?;
        let fills = times.first().map_or(0, Vec::len);
        Ok((fills < usize::from(PAGE_ROWS)).then_some(fills as u64))
    }

    /// Answers all open probes, at the same time as far as the pacer lets.
    async fn answer(
        &mut self,
        asking: &mut Asking<'_>,
        density: &mut Density,
    ) -> Result<(), SourceError> {
        let probes = density.next_probes(usize::MAX);
        let asked: Vec<Vec<Span>> = probes
            .chunks(self.probes)
            .take_while(|_| asking.take())
            .map(|probes| {
                probes
                    .iter()
                    .map(|probe| Span::new(probe.from, probe.to))
                    .collect()
            })
            .collect();
        let client = asking.client;
        let answers = asked.iter().map(|spans| client.times(spans, PAGE_ROWS));
        let answers = try_join_all(answers).await?;
        for (span, times) in asked.iter().flatten().zip(answers.iter().flatten()) {
            let sample = Sample::of_page(span.from, times, PAGE_ROWS.into(), span.to);
            let full = times.len() == usize::from(PAGE_ROWS);
            self.cut_short += u64::from(full && times.first() == times.last());
            density.add(sample);
        }
        Ok(())
    }
}
