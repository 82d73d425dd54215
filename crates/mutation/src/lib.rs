#![doc = include_str!("../README.md")]

use std::cell::Cell;

macro_rules! mutations {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One way to break the protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Mutation {
            $($(#[$doc])* $variant,)*
        }

        impl Mutation {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns its name, as commands take it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

mutations! {
    /// A block is done when it is sent, not when it was acknowledged.
    DoneBeforeAcknowledgement = "done-before-acknowledgement",
    /// A block is sent before the checkpoint has what it holds.
    SendBeforeSealing = "send-before-sealing",
    /// The acknowledgement of a block that an earlier run sent is believed as it is.
    RepeatIsBelieved = "repeat-is-believed",
    /// Where seconds are cut to fit into a block, one is lost.
    CutLosesASecond = "cut-loses-a-second",
    /// Tokens are counted without what tells one run from another.
    TokenWithoutRun = "token-without-run",
    /// A block takes seconds of several months.
    BlocksSpanMonths = "blocks-span-months",
    /// A second is complete when one stream of its segment has passed it, not all of them.
    AnyStreamIsEnough = "any-stream-is-enough",
    /// The second that a full page ends in counts as passed.
    PageEndIsPassed = "page-end-is-passed",
    /// The cursor between pages is the timestamp alone.
    CursorByTimestamp = "cursor-by-timestamp",
    /// Rows behind the place where a segment was cut meanwhile are not left out.
    CutIsNotTrimmed = "cut-is-not-trimmed",
    /// A request that was given up counts as one that brought an empty page.
    GivenUpIsEmpty = "given-up-is-empty",
    /// An answer from before the surveyed block is taken.
    OlderStateIsTaken = "older-state-is-taken",
    /// A run resumes behind as many seconds as are done, whichever they are.
    ResumeByCount = "resume-by-count",
    /// Rows go in again without a look at what the table holds.
    ResumeWithoutLook = "resume-without-look",
    /// The table is looked at while inserts of a dead run are still being executed.
    LookBeforeSettled = "look-before-settled",
    /// A stop counts rows under way as durable.
    StopDropsTheTail = "stop-drops-the-tail",
    /// Each attempt of a batch has a token of its own.
    TokenPerAttempt = "token-per-attempt",
    /// A retry may begin while the attempt before it is still being executed.
    QueryIdPerAttempt = "query-id-per-attempt",
    /// A retry does not carry the bytes of the first attempt: its first row is left out.
    BytesChange = "bytes-change",
    /// A batch is split although an attempt of it may have committed.
    SplitInDoubt = "split-in-doubt",
    /// A lost answer counts as a refusal.
    LostAnswerIsRefusal = "lost-answer-is-refusal",
    /// An acknowledgement that follows a lost answer is believed as it is.
    AcknowledgementIsBelieved = "acknowledgement-is-believed",
    /// Batches run ahead of a retried one without regard to what the table remembers.
    RunAheadWithoutBound = "run-ahead-without-bound",
    /// Receipts resolve when an insert starts.
    ReceiptAtStart = "receipt-at-start",
    /// A batch with a refused row is put aside whole.
    WholeBatchPutAside = "whole-batch-put-aside",
}

thread_local! {
    static ON: Cell<Option<Mutation>> = const { Cell::new(None) };
}

/// Tells whether a mutation is switched on in this thread.
pub fn is_on(mutation: Mutation) -> bool {
    ON.get() == Some(mutation)
}

/// Does some work with a mutation switched on in this thread.
pub fn with<T>(mutation: impl Into<Option<Mutation>>, work: impl FnOnce() -> T) -> T {
    /// Switches back however the work ends.
    struct Back(Option<Mutation>);
    impl Drop for Back {
        fn drop(&mut self) {
            ON.set(self.0);
        }
    }
    let _back = Back(ON.replace(mutation.into()));
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutation_is_on_for_its_work_and_its_thread_only() {
        with(Mutation::BytesChange, || {
            assert!(is_on(Mutation::BytesChange));
            assert!(!is_on(Mutation::SplitInDoubt));
            let elsewhere = std::thread::spawn(|| is_on(Mutation::BytesChange));
            assert!(!elsewhere.join().unwrap());
            with(None, || assert!(!is_on(Mutation::BytesChange)));
            assert!(is_on(Mutation::BytesChange));
        });
        assert!(!is_on(Mutation::BytesChange));
    }

    #[test]
    fn names_are_distinct() {
        let mut names: Vec<_> = Mutation::ALL.iter().map(|m| m.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Mutation::ALL.len());
    }
}
