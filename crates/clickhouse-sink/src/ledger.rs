//! Which sends are settled. Pure bookkeeping of the task that owns the batches.

use std::collections::HashMap;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::batch::{SendId, Share};
use crate::error::Error;

/// What became of the rows of one send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// Rows that are durable in the table.
    pub inserted: usize,
    /// Rows that the server refused and the handler put aside.
    pub refused: usize,
}

pub(crate) type Answer = oneshot::Sender<Result<Delivered, Error>>;

/// A send whose rows are not all settled.
#[derive(Debug)]
struct Open {
    rows: usize,
    delivered: Delivered,
    /// Room in the queue, given back as rows settle.
    permit: OwnedSemaphorePermit,
    answer: Answer,
}

/// Sends that wait for rows.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    next: SendId,
    open: HashMap<SendId, Open>,
}

impl Ledger {
    pub(crate) fn enter(
        &mut self,
        rows: usize,
        permit: OwnedSemaphorePermit,
        answer: Answer,
    ) -> SendId {
        let send = self.next;
        self.next += 1;
        let delivered = Delivered::default();
        let open = Open {
            rows,
            delivered,
            permit,
            answer,
        };
        self.open.insert(send, open);
        send
    }

    pub(crate) fn inserted(&mut self, share: Share) {
        self.settle(share, |delivered| delivered.inserted += share.rows);
    }

    pub(crate) fn refused(&mut self, share: Share) {
        self.settle(share, |delivered| delivered.refused += share.rows);
    }

    fn settle(&mut self, share: Share, count: impl FnOnce(&mut Delivered)) {
        let Some(open) = self.open.get_mut(&share.send) else {
            return;
        };
        count(&mut open.delivered);
        let room = share.rows.min(open.permit.num_permits());
        drop(open.permit.split(room));
        if open.delivered.inserted + open.delivered.refused == open.rows
            && let Some(open) = self.open.remove(&share.send)
        {
            // A sender that dropped its receipt does not want to know.
            let _ = open.answer.send(Ok(open.delivered));
        }
    }

    /// Answers every open send with an error.
    pub(crate) fn fail(&mut self, error: &Error) {
        for (_, open) in self.open.drain() {
            let _ = open.answer.send(Err(error.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    type Waiting = oneshot::Receiver<Result<Delivered, Error>>;

    fn enter(ledger: &mut Ledger, room: &Arc<Semaphore>, rows: usize) -> (SendId, Waiting) {
        let permit = Arc::clone(room)
            .try_acquire_many_owned(rows.min(10) as u32)
            .unwrap();
        let (answer, waiting) = oneshot::channel();
        (ledger.enter(rows, permit, answer), waiting)
    }

    #[test]
    fn a_send_is_settled_with_its_last_row_and_gives_its_room_back_row_by_row() {
        let room = Arc::new(Semaphore::new(10));
        let mut ledger = Ledger::default();
        let (send, mut waiting) = enter(&mut ledger, &room, 6);
        assert_eq!(room.available_permits(), 4);
        ledger.inserted(Share { send, rows: 4 });
        assert_eq!(room.available_permits(), 8);
        assert!(waiting.try_recv().is_err());
        ledger.refused(Share { send, rows: 2 });
        assert_eq!(room.available_permits(), 10);
        let delivered = waiting.try_recv().unwrap().unwrap();
        assert_eq!(
            delivered,
            Delivered {
                inserted: 4,
                refused: 2
            }
        );
    }

    #[test]
    fn a_send_larger_than_the_queue_gives_back_no_more_than_it_took() {
        let room = Arc::new(Semaphore::new(10));
        let mut ledger = Ledger::default();
        let (send, mut waiting) = enter(&mut ledger, &room, 25);
        for _ in 0..5 {
            assert!(waiting.try_recv().is_err());
            ledger.inserted(Share { send, rows: 5 });
        }
        assert_eq!(room.available_permits(), 10);
        assert!(waiting.try_recv().unwrap().is_ok());
    }

    #[test]
    fn a_failure_answers_every_open_send() {
        let room = Arc::new(Semaphore::new(10));
        let mut ledger = Ledger::default();
        let (_, mut one) = enter(&mut ledger, &room, 1);
        let (_, mut two) = enter(&mut ledger, &room, 2);
        ledger.fail(&Error::Closed);
        assert!(one.try_recv().unwrap().is_err());
        assert!(two.try_recv().unwrap().is_err());
        assert_eq!(room.available_permits(), 10);
    }
}
