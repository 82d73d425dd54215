//! Loading what is missing, and taking out what is not the source's.

mod broken_off;
mod load;
mod plan;

pub use plan::{Load, Plan};

use crate::{Error, Validation};

impl Validation {
    /// Carries a plan out, and returns how many rows were taken out and put in. Doing it again does
    /// nothing more: rows that are there are not put in, and rows that are gone not taken out.
    ///
    /// Killed after rows were taken out, the table lacks them; the quarantine says of each where the
    /// source has it, so the next validation finds that and plans to load them.
    ///
    /// # Errors
    /// Any error of source or table.
    pub async fn repair(&self, plan: &Plan) -> Result<u64, Error> {
        let removed = self.table.take_out(&plan.removals).await?;
        let loaded = self.load(plan).await?;
        tracing::info!(removed, loaded, "the table was repaired");
        Ok(removed + loaded)
    }
}
