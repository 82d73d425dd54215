//! `ingest plan`: what a run is expected to take, without one.

mod figures;

use std::sync::Arc;

use fills::{Source as _, SourceError, Survey};
use goldsky_client::{Client, Transport};
use pacer::Pacer;
use startup::{ExitCode, Failure, Output, Settings, Shutdown};
use wiring::allowance::{Allowance, Allowed};
use wiring::errors::{from_source, printed};
use wiring::expected::{
    Expected, REQUESTS_TO_ESTIMATE, REQUESTS_TO_SAMPLE, expect, expect_closely, pages,
};
use wiring::{scope, source};

use figures::Pace;
pub(crate) use figures::{Actual, Plan};

/// Requests that a plan never exceeds, retries among them.
const MOST_REQUESTS: u64 = 60;
/// Requests of a run of which a closer plan may take one.
const SHARE_OF_A_RUN: u64 = 100;

/// Shows what a run is expected to take. Nothing is written.
///
/// # Errors
/// What the source meets, or that it needs more requests than a plan has.
pub(crate) async fn show(settings: &Settings, shutdown: &Shutdown) -> Result<ExitCode, Failure> {
    scope::by_market(&settings.scope)?;
    let allowance = Arc::new(Allowance::new(MOST_REQUESTS));
    let pacer = source::pacer(&settings.source);
    let client = source::client_over(&settings.source, pacer.clone(), |http| {
        let allowance = Arc::clone(&allowance);
        Arc::new(Allowed { http, allowance }) as Arc<dyn Transport>
    })?;
    let planned = tokio::select! {
        planned = planned(settings, &client, &pacer) => planned.map_err(from_source)?,
        () = shutdown.requested() => return Ok(ExitCode::Interrupted),
        () = allowance.used_up() => return Err(used_up()),
    };
    let text = match settings.output {
        Output::Human => planned.human() + &asked(&allowance, &pacer),
        Output::Json => format!("{}\n", planned.json(allowance.made())),
    };
    printed(&text)?;
    Ok(ExitCode::Done)
}

async fn planned(settings: &Settings, client: &Client, pacer: &Pacer) -> Result<Plan, SourceError> {
    let survey = client.survey().await?;
    // The others are for retries and for the survey.
    let expected = expected(settings, client, &survey, REQUESTS_TO_SAMPLE).await?;
    let pace = Pace::of(settings, pacer);
    match expected {
        Some(expected) => Ok(Plan::new(settings, &survey, &expected, pace)),
        None => Err(SourceError::Protocol {
            message: format!("{REQUESTS_TO_SAMPLE} requests are too few for a plan"),
        }),
    }
}

/// Plans a run beside it, at its pace, and tells each plan: a rough one first, and a closer one where
/// that takes no more than a hundredth of the run's requests; none where the source does not answer to
/// that, or where so few requests cannot tell.
pub(crate) async fn of_a_run(
    settings: &Settings,
    client: &Client,
    pacer: &Pacer,
    survey: &Survey,
    tell: impl Fn(Plan),
) {
    let planned = |expected: Result<Option<Expected>, SourceError>| {
        let expected =
            expected.inspect_err(|error| tracing::debug!(%error, "the run is not planned"));
        let expected = expected.ok().flatten()?;
        let plan = Plan::new(settings, survey, &expected, Pace::of(settings, pacer));
        Some((plan, expected))
    };
    let rough = expected(settings, client, survey, REQUESTS_TO_ESTIMATE).await;
    let Some((plan, rough)) = planned(rough) else {
        return;
    };
    let (is_exact, least_requests) = (plan.is_exact(), plan.least_requests());
    tell(plan);
    if is_exact {
        return;
    }
    let requests = least_requests / SHARE_OF_A_RUN;
    let (scope, pages) = (&settings.scope, pages(&settings.source));
    let closer = expect_closely(client, scope, survey, &rough, requests, pages);
    if let Some((closer, _)) = planned(closer.await) {
        tell(closer);
    }
}

async fn expected(
    settings: &Settings,
    client: &Client,
    survey: &Survey,
    requests: u64,
) -> Result<Option<Expected>, SourceError> {
    expect(
        client,
        &settings.scope,
        survey,
        requests,
        pages(&settings.source),
    )
    .await
}

fn asked(allowance: &Allowance, pacer: &Pacer) -> String {
    let latency = pacer.stats().latency.unwrap_or_default();
    format!(
        "  asked       {} requests, {:.0} ms each; nothing was written\n",
        allowance.made(),
        latency.as_secs_f64() * 1000.0
    )
}

fn used_up() -> Failure {
    let message = format!("the source fails too often to be planned with {MOST_REQUESTS} requests");
    Failure::new(ExitCode::Unreachable, message)
        .with_hint("plan again when the source answers; -v tells what it says")
}
