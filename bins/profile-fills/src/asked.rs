//! The source as a measurement asks it: at one pace, and no more often than is allowed.

use std::sync::Arc;

use goldsky_client::{Client, Transport};
use pacer::Pacer;
use startup::Failure;
use startup::settings::SourceSettings;
use wiring::allowance::{Allowance, Allowed};
use wiring::source;

/// The source, with what is left of the requests.
///
/// What one trial learned of the source's limit counts for the next ones: alone, each would see only
/// what the others left of it.
pub(crate) struct Asked {
    settings: SourceSettings,
    pub(crate) pacer: Pacer,
    most_requests: u64,
    made: u64,
}

/// A client with an allowance of its own.
pub(crate) struct Allotted {
    pub(crate) client: Client,
    pub(crate) allowance: Arc<Allowance>,
}

impl Asked {
    /// Makes the source of these settings, with most workers of all trials.
    pub(crate) fn new(settings: &SourceSettings, most_workers: usize, most_requests: u64) -> Self {
        let settings = SourceSettings {
            workers: most_workers,
            ..settings.clone()
        };
        Self {
            pacer: source::pacer(&settings),
            settings,
            most_requests,
            made: 0,
        }
    }

    /// Makes a client that may ask so many times, if so many are left.
    ///
    /// # Errors
    /// A URL that cannot be asked, or TLS that cannot be set up.
    pub(crate) fn client(&self, pages: Option<usize>, requests: u64) -> Result<Allotted, Failure> {
        let allowance = Arc::new(Allowance::new(requests.min(self.left())));
        let settings = SourceSettings {
            pages_per_request: pages,
            ..self.settings.clone()
        };
        let client = source::client_over(&settings, self.pacer.clone(), |http| {
            let allowance = Arc::clone(&allowance);
            Arc::new(Allowed { http, allowance }) as Arc<dyn Transport>
        })?;
        Ok(Allotted { client, allowance })
    }

    /// Takes what was asked from what is left.
    pub(crate) fn note(&mut self, allowance: &Allowance) {
        self.made += allowance.made();
    }

    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    pub(crate) fn left(&self) -> u64 {
        self.most_requests.saturating_sub(self.made)
    }
}
