//! The checkpoint as a file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::Error;
use crate::generations::{self, Found};
use crate::identity::Identity;
use crate::lock::Lock;
use crate::store::{CheckpointStore, Loaded};

/// A checkpoint in a file, held by this process alone until the store is dropped.
///
/// Beside the file at `path` it keeps `path.previous`, `path.lock` and, during a save,
/// `path.tmp`. A save costs two syncs and the writing of its payload, whatever was saved before.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    disk: Arc<Mutex<Disk>>,
}

/// The owner of the files: whoever has it may write.
#[derive(Debug)]
struct Disk {
    path: PathBuf,
    identity: Identity,
    /// Whether the newest file is whole and may become the previous one.
    newest_is_whole: bool,
    _lock: Lock,
}

impl FileStore {
    /// Opens the checkpoint at `path` for one job, making its directory where that is missing.
    ///
    /// Blocks for as long as it takes to read the file.
    ///
    /// # Errors
    /// Any [`Error`]: in use, of another job, of another format, damaged beyond its previous save,
    /// or refused by the file system.
    pub fn open(path: impl AsRef<Path>, identity: &Identity) -> Result<Self, Error> {
        let mut disk = Disk::take(path.as_ref(), identity)?;
        disk.load()?;
        Ok(Self::of(disk))
    }

    /// Opens the checkpoint at `path` for one job and forgets what is there, whatever that is.
    ///
    /// Blocks for as long as it takes to remove the file.
    ///
    /// # Errors
    /// [`Error::Locked`], or [`Error::Io`] where the file system refuses.
    pub fn open_fresh(path: impl AsRef<Path>, identity: &Identity) -> Result<Self, Error> {
        let mut disk = Disk::take(path.as_ref(), identity)?;
        disk.clear()?;
        Ok(Self::of(disk))
    }

    /// Returns the path of the newest save.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn of(disk: Disk) -> Self {
        Self {
            path: disk.path.clone(),
            disk: Arc::new(Mutex::new(disk)),
        }
    }

    /// Runs blocking work off the runtime's threads. The guard goes with the work, so that work
    /// whose caller was dropped is over before the next begins.
    async fn with_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Disk) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut disk: OwnedMutexGuard<Disk> = Arc::clone(&self.disk).lock_owned().await;
        match tokio::task::spawn_blocking(move || work(&mut disk)).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(Error::io("reach", &self.path)(io::Error::other(error))),
        }
    }
}

#[async_trait]
impl CheckpointStore for FileStore {
    async fn load(&self) -> Result<Option<Loaded>, Error> {
        self.with_disk(Disk::load).await
    }

    async fn save(&self, payload: &[u8]) -> Result<(), Error> {
        let payload = payload.to_vec();
        self.with_disk(move |disk| disk.save(&payload)).await
    }

    async fn clear(&self) -> Result<(), Error> {
        self.with_disk(Disk::clear).await
    }
}

impl Disk {
    fn take(path: &Path, identity: &Identity) -> Result<Self, Error> {
        if let Some(directory) = path.parent() {
            generations::make_directory(directory)
                .map_err(Error::io("make the directory", directory))?;
        }
        Ok(Self {
            path: path.to_owned(),
            identity: identity.clone(),
            newest_is_whole: false,
            _lock: Lock::take(path)?,
        })
    }

    fn load(&mut self) -> Result<Option<Loaded>, Error> {
        self.newest_is_whole = false;
        let Some(found) = generations::read(&self.path)? else {
            return Ok(None);
        };
        if let Some(difference) = found.frame.identity.difference(&self.identity) {
            return Err(Error::other_identity(&self.path, difference));
        }
        self.newest_is_whole = found.fell_back.is_none();
        Ok(Some(Loaded {
            payload: found.frame.payload,
            fell_back: found.fell_back,
        }))
    }

    fn save(&mut self, payload: &[u8]) -> Result<(), Error> {
        let bytes = generations::encode(&self.path, &self.identity, payload)?;
        generations::replace(&self.path, &bytes, self.newest_is_whole)?;
        self.newest_is_whole = true;
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Error> {
        self.newest_is_whole = false;
        generations::remove(&self.path)
    }
}

/// A checkpoint as a bystander sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peeked {
    /// The job that saved it.
    pub identity: Identity,
    /// What it saved.
    pub payload: Vec<u8>,
    /// When it saved it, by the file system's clock.
    pub saved_at: SystemTime,
    /// Why this is the save before the newest one; nothing if it is the newest.
    pub fell_back: Option<String>,
}

impl Peeked {
    /// Makes sure that the checkpoint, which was read at `path`, is of this job.
    ///
    /// # Errors
    /// [`Error::OtherIdentity`].
    pub fn check_identity(&self, path: &Path, identity: &Identity) -> Result<(), Error> {
        match self.identity.difference(identity) {
            Some(difference) => Err(Error::other_identity(path, difference)),
            None => Ok(()),
        }
    }
}

/// Reads the checkpoint at `path` without taking it from the process that writes it, or returns
/// nothing if there is none. Changes nothing on disk, and blocks while it reads.
///
/// # Errors
/// [`Error::OtherFormat`], [`Error::Corrupt`] or [`Error::Io`].
pub fn peek(path: impl AsRef<Path>) -> Result<Option<Peeked>, Error> {
    let found = generations::read(path.as_ref())?;
    Ok(found.map(|found| {
        let Found {
            frame,
            modified,
            fell_back,
        } = found;
        Peeked {
            identity: frame.identity,
            payload: frame.payload,
            saved_at: modified,
            fell_back,
        }
    }))
}
