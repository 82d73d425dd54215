//! Memory for the bodies of answers, shared by all that arrive at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a body of one full page is expected to have. **Source**: 1,000 recorded events with all
/// fields have 630 kB.
const PAGE_KIB: usize = 640;

/// A share of the memory for bodies; given back when it is dropped.
#[derive(Debug)]
pub struct Room {
    _share: Option<OwnedSemaphorePermit>,
}

/// All of that memory.
#[derive(Debug)]
pub(crate) struct Rooms {
    kib: u32,
    free: Arc<Semaphore>,
}

impl Rooms {
    pub(crate) fn new(bytes: usize) -> Self {
        let kib = (bytes / 1024).clamp(1, Semaphore::MAX_PERMITS);
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        Self {
            kib,
            free: Arc::new(Semaphore::new(kib as usize)),
        }
    }

    /// Waits until there is room for a body of so many pages; for one that is larger than all of
    /// it, until all of it is free.
    pub(crate) async fn enter(&self, pages: usize) -> Room {
        let kib = u32::try_from(pages.saturating_mul(PAGE_KIB)).unwrap_or(u32::MAX);
        let share = Arc::clone(&self.free).acquire_many_owned(kib.min(self.kib));
        Room {
            // The semaphore is never closed.
            _share: share.await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn bodies_wait_for_room_and_the_largest_takes_all() {
        let rooms = Rooms::new(4 * PAGE_KIB * 1024);
        let first = rooms.enter(3).await;
        assert!(rooms.enter(2).now_or_never().is_none());
        let second = rooms.enter(1).await;
        assert!(rooms.enter(100).now_or_never().is_none());
        drop((first, second));
        let largest = rooms.enter(100).await;
        assert!(rooms.enter(1).now_or_never().is_none());
        drop(largest);
        assert!(rooms.enter(4).now_or_never().is_some());
    }
}
