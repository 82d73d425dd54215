//! A checkpoint on a simulated disk: a new save beside the last one, then in its place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use checkpoint_store::{CheckpointStore, Error, Loaded};

use crate::verdict::Judge;
use crate::world::World;

/// What is on the disk; it outlives processes.
#[derive(Debug, Default)]
struct Files {
    /// Nothing inside means that it is half written.
    newest: Option<Option<Vec<u8>>>,
    previous: Option<Vec<u8>>,
}

/// The store of one process after another.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    files: Arc<Mutex<Files>>,
    world: World,
    judge: Arc<Judge>,
    faults: f64,
}

impl Disk {
    pub(crate) fn new(world: World, judge: Arc<Judge>, faults: f64) -> Self {
        Self {
            files: Arc::default(),
            world,
            judge,
            faults,
        }
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn work(&self) {
        let time = self.world.decide(|chance| chance.u64(1..40));
        self.world.sleep(Duration::from_millis(time)).await;
    }
}

#[async_trait]
impl CheckpointStore for Disk {
    async fn load(&self) -> Result<Option<Loaded>, Error> {
        self.world.step("checkpoint is loaded").await;
        let files = self.files();
        Ok(match (&files.newest, &files.previous) {
            (Some(Some(payload)), _) => Some(Loaded {
                payload: payload.clone(),
                fell_back: None,
            }),
            (_, Some(payload)) => Some(Loaded {
                payload: payload.clone(),
                fell_back: Some("the newest one is half written".to_owned()),
            }),
            (_, None) => None,
        })
    }

    async fn save(&self, payload: &[u8]) -> Result<(), Error> {
        self.judge.checkpoint(payload, &self.world);
        self.world.step("checkpoint is written").await;
        self.work().await;
        if self.world.happens(self.faults) {
            self.world.note("checkpoint cannot be written");
            return Err(Error::Io {
                action: "write",
                path: "simulated".into(),
                source: std::io::Error::other("no space left"),
            });
        }
        {
            let mut files = self.files();
            if let Some(Some(whole)) = files.newest.take() {
                files.previous = Some(whole);
            }
            files.newest = Some(None);
        }
        self.world.step("checkpoint is half written").await;
        self.work().await;
        self.files().newest = Some(Some(payload.to_vec()));
        self.judge.durable(payload);
        self.world.step("checkpoint is durable").await;
        Ok(())
    }

    async fn clear(&self) -> Result<(), Error> {
        *self.files() = Files::default();
        Ok(())
    }
}
