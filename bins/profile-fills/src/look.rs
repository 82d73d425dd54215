//! The look at the source before anything is measured: what there is, and what to sample.

use std::sync::Arc;
use std::time::Instant;

use fills::{MemoryGroups, Source as _, TokenGroups};
use goldsky_client::Client;
use startup::Failure;
use wiring::errors::from_source;
use wiring::expected::{expect, pages};

use crate::measure::{LEAST_REQUESTS, MOST_PAGES, Measurement, Sampled};
use crate::sample::{PROBE_REQUESTS, Strata, across_sizes};

/// Tokens in a group.
const TOKENS_PER_GROUP: usize = 50;
/// The part of all requests that counting or sampling the fills may take, and the bounds of that.
const EXPECT_SHARE: u64 = 10;
const EXPECT_REQUESTS: (u64, u64) = (8, 52);

impl Measurement<'_> {
    /// Looks at the source and decides what to sample; nothing where it was asked to stop.
    pub(crate) async fn sample(&mut self) -> Result<Option<Sampled>, Failure> {
        let pages = pages(&self.settings.source);
        let (fewest, most) = EXPECT_REQUESTS;
        let requests = (self.cli.max_requests / EXPECT_SHARE).clamp(fewest, most);
        let allowed = LEAST_REQUESTS + requests + PROBE_REQUESTS as u64;
        let allotted = self.asked.client(Some(MOST_PAGES), allowed)?;
        let begun = Instant::now();
        let survey = tokio::select! {
            survey = allotted.client.survey() => survey.map_err(from_source)?,
            () = self.shutdown.requested() => return Ok(None),
            () = allotted.allowance.used_up() => return Err(too_many()),
        };
        self.around += begun.elapsed();
        let looked = async {
            let (client, scope) = (&allotted.client, &self.settings.scope);
            let span = wiring::scope::span(scope, &survey);
            let expected = expect(client, scope, &survey, requests, pages).await;
            let groups = self.groups(client).await?;
            let strata = Strata::probe(client, span, pages).await;
            Ok::<_, Failure>(Sampled {
                span,
                block: survey.head_block,
                strata: strata.map_err(from_source)?,
                groups,
                expected: expected.map_err(from_source)?,
            })
        };
        let sampled = tokio::select! {
            sampled = looked => Some(sampled?),
            () = self.shutdown.requested() => None,
            () = allotted.allowance.used_up() => return Err(too_many()),
        };
        self.asked.note(&allotted.allowance);
        Ok(sampled)
    }

    async fn groups(&self, client: &Client) -> Result<Option<Arc<dyn TokenGroups>>, Failure> {
        let Some(count) = self.cli.markets else {
            return Ok(None);
        };
        let books = client.orderbooks("", 1000).await.map_err(from_source)?;
        let sizes = books.entities.iter();
        let sizes = sizes.map(|book| (book.trades_quantity, book.token_id));
        let tokens = across_sizes(sizes.collect(), usize::from(count));
        Ok(Some(Arc::new(MemoryGroups::new(&tokens, TOKENS_PER_GROUP))))
    }
}

fn too_many() -> Failure {
    let message = "the source fails too often to be measured";
    Failure::new(startup::ExitCode::Unreachable, message)
        .with_hint("run it again when the source answers; -v tells what it says")
}
