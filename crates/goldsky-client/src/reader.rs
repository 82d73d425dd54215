//! Answers, held against what is known of the source.

use std::sync::OnceLock;

use api_client::{Class, Failure};
use fills::{SourceError, Survey};

use crate::pages::{Page, PageQuery};
use crate::surveyed::Surveyed;
use crate::wire::{Data, Meta};
use crate::{page, query, sound};

/// Reads the answers of one source.
#[derive(Debug)]
pub(crate) struct Reader {
    surveyed: Surveyed,
    /// The deployment of the first survey: an endpoint can be moved to another one, which may
    /// serve other fills.
    deployment: OnceLock<String>,
}

impl Reader {
    /// Makes a reader to whom nothing is known.
    pub(crate) fn new() -> Self {
        Self {
            surveyed: Surveyed::nothing(),
            deployment: OnceLock::new(),
        }
    }

    /// Notes a survey, of which the first decides which deployment this is.
    pub(crate) fn note(&self, survey: &Survey) -> Result<(), SourceError> {
        self.surveyed.note(survey);
        let deployment = self.deployment.get_or_init(|| survey.deployment.clone());
        if *deployment != survey.deployment {
            return Err(SourceError::Broken {
                message: other_deployment(deployment, &survey.deployment),
            });
        }
        Ok(())
    }

    /// Opens an answer that is no older than the last survey.
    pub(crate) fn open<'a>(&self, body: &'a [u8]) -> Result<Data<'a>, Failure> {
        let data = Data::open(body, self.head())?;
        self.check_deployment(&data.meta)?;
        Ok(data)
    }

    /// Reads the pages of an answer to `queries`.
    pub(crate) fn pages(&self, body: &[u8], queries: &[PageQuery]) -> Result<Vec<Page>, Failure> {
        if let Some((meta, pages)) = sound::read(body, self.head(), queries) {
            self.check_deployment(&meta)?;
            for (index, (query, page)) in queries.iter().zip(&pages).enumerate() {
                self.surveyed.check(query, &query::alias(index), page)?;
            }
            return Ok(pages);
        }
        let data = self.open(body)?;
        let pages = queries.iter().enumerate().map(|(index, query)| {
            let alias = query::alias(index);
            let page = page::read(query, &alias, data.field(&alias)?)?;
            self.surveyed.check(query, &alias, &page)?;
            Ok(page)
        });
        pages.collect()
    }

    fn head(&self) -> u64 {
        #[cfg(feature = "mutations")]
        if mutation::is_on(mutation::Mutation::OlderStateIsTaken) {
            return 0;
        }
        self.surveyed.head()
    }

    fn check_deployment(&self, meta: &Meta) -> Result<(), Failure> {
        match (self.deployment.get(), &meta.deployment) {
            (Some(known), Some(found)) if known != found => {
                Err(Failure::new(Class::Broken, other_deployment(known, found)))
            }
            _ => Ok(()),
        }
    }
}

fn other_deployment(known: &str, found: &str) -> String {
    format!(
        "the endpoint was moved from deployment {known} to {found}, which may serve other fills"
    )
}
