//! When checkpoints are written: one at a time, beside the run's other work.

use std::sync::Arc;
use std::time::Duration;

use checkpoint_store::CheckpointStore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::Config;
use crate::error::Error;
use crate::progress::Progress;

pub(crate) struct Saver {
    store: Arc<dyn CheckpointStore>,
    interval: Duration,
    interval_units: u64,
    writing: JoinSet<Result<(), checkpoint_store::Error>>,
    saved_at: Instant,
    units: u64,
    changed: bool,
}

impl Saver {
    pub(crate) fn new(store: Arc<dyn CheckpointStore>, config: &Config) -> Self {
        Self {
            store,
            interval: config.checkpoint_interval,
            interval_units: config.checkpoint_interval_units,
            writing: JoinSet::new(),
            saved_at: Instant::now(),
            units: 0,
            // A run's first checkpoint says what it is about.
            changed: true,
        }
    }

    /// Notes that progress is not what was saved last.
    pub(crate) fn note_change(&mut self) {
        self.changed = true;
    }

    /// Notes a finished segment.
    pub(crate) fn note_unit(&mut self) {
        self.units += 1;
    }

    /// Begins to write a checkpoint if one is wanted or it is time, and none is being written. Returns true
    /// if it did.
    pub(crate) fn save_if_due(
        &mut self,
        progress: &Progress,
        is_wanted: bool,
    ) -> Result<bool, Error> {
        let is_time = self.units >= self.interval_units || self.saved_at.elapsed() >= self.interval;
        if !self.writing.is_empty() || !(is_wanted || self.changed && is_time) {
            return Ok(false);
        }
        let payload = self.payload(progress)?;
        let store = Arc::clone(&self.store);
        self.writing
            .spawn(async move { store.save(&payload).await });
        Ok(true)
    }

    /// Waits for a checkpoint that is being written; nothing if none is.
    ///
    /// # Cancel safety
    /// Nothing is lost: a dropped call can be made again.
    pub(crate) async fn written(&mut self) -> Option<Result<(), Error>> {
        let joined = self.writing.join_next().await?;
        Some(match joined {
            Ok(saved) => saved.map_err(Error::Checkpoint),
            Err(error) => Err(Error::died(&error)),
        })
    }

    /// Writes what is not saved yet, behind what is being written; true if there was something.
    pub(crate) async fn finish(&mut self, progress: &Progress) -> Result<bool, Error> {
        while let Some(written) = self.written().await {
            written?;
        }
        if self.changed {
            let payload = self.payload(progress)?;
            let saved = self.store.save(&payload).await;
            saved.map_err(Error::Checkpoint)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn payload(&mut self, progress: &Progress) -> Result<Vec<u8>, Error> {
        self.changed = false;
        self.units = 0;
        self.saved_at = Instant::now();
        serde_json::to_vec(progress).map_err(|error| Error::ForeignProgress {
            message: error.to_string(),
        })
    }
}
