//! Where answers are read: beside the runtime, whose threads have connections to serve.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::failure::Failure;

/// A bounded share of the runtime's pool for blocking work.
#[derive(Debug)]
pub(crate) struct Decoders {
    /// Nothing where answers are read in place.
    room: Option<Arc<Semaphore>>,
}

impl Decoders {
    /// Makes room for `most` answers read at once; with 0 they are read in place.
    pub(crate) fn new(most: usize) -> Self {
        let room = || Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self {
            room: (most > 0).then(room),
        }
    }

    /// Reads an answer, once there is room.
    ///
    /// Cancel safety: a dropped call reads nothing that it has not begun to read; what it has, is
    /// read to its end, and then its room is given back.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let Some(room) = &self.room else {
            return read();
        };
        let ended = || Failure::passing("the runtime ended before the answer was read");
        let permit = Arc::clone(room).acquire_owned().await;
        let permit = permit.map_err(|_| ended())?;
        let reading = spawn_blocking(move || {
            let answer = read();
            drop(permit);
            answer
        });
        reading
            .await
            .unwrap_or_else(|error| match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(ended()),
            })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::thread::{ThreadId, current};

    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    /// Begins to read an answer that says when it is read, and is read until the gate is dropped.
    fn begin(
        decoders: &Arc<Decoders>,
        begun: &UnboundedSender<()>,
    ) -> (Sender<()>, JoinHandle<()>) {
        let (gate, closed) = channel();
        let (decoders, begun) = (Arc::clone(decoders), begun.clone());
        let reading = tokio::spawn(async move {
            let read = move || {
                let _ = begun.send(());
                let _ = closed.recv();
                Ok(())
            };
            decoders.run(read).await.unwrap();
        });
        (gate, reading)
    }

    fn room(decoders: &Decoders) -> usize {
        decoders.room.as_ref().unwrap().available_permits()
    }

    #[tokio::test]
    async fn no_more_answers_are_read_at_once_than_there_is_room_for() {
        let decoders = Arc::new(Decoders::new(2));
        let (begun, mut begins) = unbounded_channel();
        let [first, second, third] = [(); 3].map(|()| begin(&decoders, &begun));
        begins.recv().await.unwrap();
        begins.recv().await.unwrap();
        yield_now().await;
        assert_eq!(room(&decoders), 0);
        assert!(begins.try_recv().is_err(), "three are read at once");
        drop(first);
        begins.recv().await.unwrap();
        drop((second.0, third.0));
        second.1.await.unwrap();
        third.1.await.unwrap();
    }

    #[tokio::test]
    async fn a_dropped_call_gives_its_room_back() {
        let decoders = Arc::new(Decoders::new(1));
        let (begun, mut begins) = unbounded_channel();
        let (gate, reading) = begin(&decoders, &begun);
        begins.recv().await.unwrap();
        reading.abort();
        assert!(reading.await.unwrap_err().is_cancelled());
        drop(gate);
        assert_eq!(decoders.run(|| Ok(7)).await, Ok(7));
    }

    #[tokio::test]
    async fn without_decoders_an_answer_is_read_in_place() {
        let thread = async |most| -> ThreadId {
            Decoders::new(most)
                .run(|| Ok(current().id()))
                .await
                .unwrap()
        };
        assert_eq!(thread(0).await, current().id());
        assert_ne!(thread(1).await, current().id());
    }

    #[tokio::test]
    #[should_panic = "an answer that is a fault of ours"]
    async fn a_panic_comes_out_where_the_answer_is_waited_for() {
        let read = || -> Result<(), Failure> { panic!("an answer that is a fault of ours") };
        let _ = Decoders::new(1).run(read).await;
    }
}
