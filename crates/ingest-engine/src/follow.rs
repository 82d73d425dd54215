//! Following a source that grows.
//!
//! A round is an ordinary run up to the second that is final. Rounds are run when the source has moved; it is
//! looked at less and less often while it stands still.

use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fills::{SourceError, Span, Survey};
use futures::FutureExt as _;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::backfill::Backfill;
use crate::error::Error;
use crate::report::{End, Outcome, Snapshot};

/// A head that is older than that, and was not seen to move for as long as settling takes, moves no more: all
/// that lies before it is settled. Its age alone would say what the clock of this machine says.
const FROZEN: Duration = Duration::from_secs(86_400);

/// A source that was not seen to move for so long is said to stand still.
const STILL: Duration = Duration::from_secs(600);

/// A round that has had no page for so long is given another look at the source: what the last one saw may
/// be gone by a reorganisation, and answers are held against it.
const LOOK_ON: Duration = Duration::from_secs(60);

/// A round that lasts longer is not over soon, and what it loads is not there yet.
const SOON_OVER: Duration = Duration::from_secs(10);

/// How a source is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follow {
    /// First second to load; nothing means from the source's first fill on.
    pub from: Option<u64>,
    /// How far behind the source's newest block fills are settled: longer than a reorganisation reaches.
    pub settled_after: Duration,
    /// Time between looks at a source that moves.
    pub look_every: Duration,
    /// The longest time between looks at one that does not.
    pub look_at_least_every: Duration,
}

impl Default for Follow {
    /// From the beginning, settled after ten minutes, a look every 15 seconds, at least every five minutes.
    ///
    /// **Source**: the deepest reorganisation that is known of Polygon was of 157 blocks of two seconds, in
    /// February 2023; milestones (PIP-11) have made blocks final sooner since.
    fn default() -> Self {
        Self {
            from: None,
            settled_after: Duration::from_secs(600),
            look_every: Duration::from_secs(15),
            look_at_least_every: Duration::from_secs(300),
        }
    }
}

impl Follow {
    /// Returns the seconds of a source that are final: no reorganisation reaches them. Of a source that is
    /// frozen all are.
    pub fn finalized(&self, survey: &Survey, is_frozen: bool) -> Span {
        let (Some(oldest), Some(newest)) = (survey.oldest, survey.newest) else {
            return Span::new(0, 0);
        };
        let from = self.from.unwrap_or(oldest);
        let end = newest.saturating_add(1).max(from);
        let head = survey.head_timestamp.unwrap_or(newest);
        let settled = match is_frozen {
            true => end,
            false => head.saturating_sub(self.settled_after.as_secs()),
        };
        Span::new(from, settled.clamp(from, end))
    }
}

fn age(second: u64, now: SystemTime) -> Duration {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_secs(second))
}

/// Whether a source goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pulse {
    Moving,
    /// Its blocks go on and bring no fills.
    Barren,
    /// No block has come.
    Still,
}

impl Pulse {
    /// Tells it of a source that was not seen to move for so long; nothing where it has just moved.
    fn of(survey: &Survey, unmoved: Option<Duration>, now: SystemTime) -> Self {
        let head = survey.head_timestamp;
        let is_old = head.is_some_and(|head| age(head, now) >= FROZEN);
        if unmoved.is_some_and(|unmoved| unmoved >= STILL || is_old) {
            return Self::Still;
        }
        let since_a_fill = head
            .unwrap_or_default()
            .saturating_sub(survey.newest.unwrap_or_default());
        match since_a_fill >= FROZEN.as_secs() {
            true => Self::Barren,
            false => Self::Moving,
        }
    }

    fn tell(self, survey: &Survey) {
        let (head_block, head_second, newest) =
            (survey.head_block, survey.head_timestamp, survey.newest);
        match self {
            Self::Moving => tracing::info!(head_block, head_second, newest, "the source moves"),
            Self::Barren => tracing::warn!(
                head_block,
                head_second,
                newest,
                "the source's blocks go on and have brought no fill for a day"
            ),
            Self::Still => tracing::warn!(
                head_block,
                head_second,
                newest,
                "the source has stopped moving: no new block and no new fill"
            ),
        }
    }
}

/// What was seen of a source that is followed.
#[derive(Debug)]
struct Seen {
    /// Its newest block and newest fill, of the highest head that was seen.
    at: Option<(u64, Option<u64>)>,
    moved: Instant,
    is_frozen: bool,
    pulse: Pulse,
    /// Whether the last round left something to do.
    is_due: bool,
    /// Until the next look.
    wait: Duration,
}

impl Seen {
    fn nothing(how: &Follow) -> Self {
        Self {
            at: None,
            moved: Instant::now(),
            is_frozen: false,
            pulse: Pulse::Moving,
            is_due: true,
            wait: how.look_every,
        }
    }

    /// Takes in a look; true where a round is to be run.
    fn note(&mut self, survey: &Survey, how: &Follow, now: SystemTime) -> bool {
        let is_first = self.at.is_none();
        // Nodes behind one address differ, and one that lags does not move.
        let has_moved = self.at.is_none_or(|(block, newest)| {
            survey.head_block > block || survey.head_block == block && survey.newest != newest
        });
        if has_moved {
            self.at = Some((survey.head_block, survey.newest));
            self.moved = Instant::now();
            self.wait = how.look_every;
        } else {
            self.wait_longer(how);
        }
        let head = survey.head_timestamp.or(survey.newest);
        let is_old = head.is_some_and(|head| age(head, now) >= FROZEN);
        let was_frozen = self.is_frozen;
        self.is_frozen = !is_first && is_old && self.moved.elapsed() >= how.settled_after;
        self.is_due |= self.is_frozen && !was_frozen;
        let unmoved = (!has_moved || is_first).then(|| self.moved.elapsed());
        let pulse = Pulse::of(survey, unmoved, now);
        if pulse != self.pulse {
            self.pulse = pulse;
            pulse.tell(survey);
        }
        // A source without fills has none to load, and one that had some is being made anew.
        if survey.newest.is_none() {
            return false;
        }
        std::mem::take(&mut self.is_due) || has_moved
    }

    fn wait_longer(&mut self, how: &Follow) {
        self.wait = (self.wait * 2).min(how.look_at_least_every.max(how.look_every));
    }
}

impl Backfill {
    /// Loads what there is, and then what comes, until `stop` resolves. [`Backfill::span`] and
    /// [`Backfill::source_block`] are found out at each look.
    ///
    /// What is newer than [`Follow::settled_after`] is loaded later, when no reorganisation can take it back.
    /// A source that cannot be reached is waited for.
    ///
    /// # Errors
    /// As [`Backfill::run`].
    ///
    /// # Cancel safety
    /// As [`Backfill::run`].
    pub async fn follow(
        &self,
        how: &Follow,
        stop: impl Future<Output = ()> + Send,
        watch: &watch::Sender<Snapshot>,
    ) -> Result<Outcome, Error> {
        let stop = stop.shared();
        let mut seen = Seen::nothing(how);
        let mut progress = self.nothing_done();
        loop {
            match self
                .look_and_load(how, &mut seen, stop.clone(), watch)
                .await
            {
                Ok(None) => {}
                Ok(Some(outcome)) if outcome.end == End::Interrupted => return Ok(outcome),
                Ok(Some(outcome)) => {
                    let is_complete = outcome.end == End::Complete;
                    watch.send_modify(|snapshot| {
                        snapshot.is_up_to_date = is_complete;
                        snapshot.is_table_away = false;
                        snapshot.is_reading_again |= is_complete;
                    });
                    seen.is_due = !is_complete;
                    progress = outcome.progress;
                }
                Err(
                    error @ (Error::Source(
                        SourceError::Unavailable { .. } | SourceError::TooHeavy { .. },
                    )
                    | Error::SourceBehind { .. }),
                ) => {
                    tracing::warn!(%error, "the source is waited for");
                    watch.send_modify(|snapshot| {
                        snapshot.is_up_to_date = false;
                        snapshot.is_source_away = true;
                    });
                    seen.is_due = true;
                    seen.wait_longer(how);
                }
                Err(Error::TableAway(error)) => {
                    tracing::warn!(%error, "the table is waited for");
                    watch.send_modify(|snapshot| {
                        snapshot.is_up_to_date = false;
                        snapshot.is_table_away = true;
                    });
                    seen.is_due = true;
                    seen.wait_longer(how);
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                biased;
                () = stop.clone() => {
                    return Ok(Outcome::new(End::Interrupted, progress, &watch.borrow()));
                }
                () = tokio::time::sleep(seen.wait) => {}
            }
        }
    }

    /// Looks at the source, and runs a round where it has moved.
    async fn look_and_load(
        &self,
        how: &Follow,
        seen: &mut Seen,
        stop: impl Future<Output = ()> + Send + Clone,
        watch: &watch::Sender<Snapshot>,
    ) -> Result<Option<Outcome>, Error> {
        let survey = tokio::select! {
            biased;
            () = stop.clone() => return Ok(None),
            survey = self.source.survey() => survey.map_err(Error::Source)?,
        };
        watch.send_modify(|snapshot| snapshot.is_source_away = false);
        let now = SystemTime::now();
        if !seen.note(&survey, how, now) {
            return Ok(None);
        }
        let round = Self {
            source_block: survey.head_block,
            span: how.finalized(&survey, seen.is_frozen),
            ..self.clone()
        };
        tokio::select! {
            outcome = round.run(stop, watch) => outcome.map(Some),
            never = self.look_on(watch) => match never {},
        }
    }

    /// Tells that a round lasts, and looks at the source each time that it has answered nothing for a while,
    /// until it is dropped.
    async fn look_on(&self, watch: &watch::Sender<Snapshot>) -> Infallible {
        tokio::time::sleep(SOON_OVER).await;
        watch.send_modify(|snapshot| snapshot.is_up_to_date = false);
        loop {
            let pages = watch.borrow().pages;
            tokio::time::sleep(LOOK_ON).await;
            if watch.borrow().pages == pages
                && let Err(error) = self.source.survey().await
            {
                tracing::debug!(%error, "the source does not answer to a look");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn survey(head: u64, newest: u64) -> Survey {
        Survey {
            deployment: "Qm".to_owned(),
            head_block: head / 2,
            head_timestamp: Some(head),
            oldest: Some(0),
            newest: Some(newest),
        }
    }

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn the_last_minutes_before_the_head_are_not_final() {
        let how = Follow {
            from: Some(100),
            ..Follow::default()
        };
        let check = |survey: Survey, is_frozen, end| {
            let finalized = how.finalized(&survey, is_frozen);
            assert_eq!(finalized, Span::new(100, end));
        };
        check(survey(10_000, 9_990), false, 9_400);
        // No fill for longer than that: all of them are final.
        check(survey(10_000, 9_000), false, 9_001);
        // The head stands, and has since a day.
        check(survey(10_000, 9_990), true, 9_991);
        // What is asked for begins behind what is final.
        check(survey(300, 290), false, 100);
        check(survey(90, 80), false, 100);
        // Without a beginning it is the first fill's second.
        let all = Follow::default().finalized(&survey(10_000, 9_990), false);
        assert_eq!(all, Span::new(0, 9_400));
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_stands_still_is_looked_at_less_and_less() {
        let how = Follow::default();
        let mut seen = Seen::nothing(&how);
        assert!(seen.note(&survey(10_000, 9_990), &how, at(10_000)));
        let mut waits = Vec::new();
        for _ in 0..6 {
            assert!(!seen.note(&survey(10_000, 9_990), &how, at(10_000)));
            waits.push(seen.wait.as_secs());
            tokio::time::advance(seen.wait).await;
        }
        assert_eq!(waits, [30, 60, 120, 240, 300, 300]);
        assert_eq!(seen.pulse, Pulse::Still);
        assert!(seen.note(&survey(10_002, 9_990), &how, at(10_000)));
        assert_eq!((seen.wait, seen.pulse), (how.look_every, Pulse::Moving));
        // What is left to do is done although nothing has moved.
        seen.is_due = true;
        assert!(seen.note(&survey(10_002, 9_990), &how, at(10_000)));
        assert!(!seen.note(&survey(10_002, 9_990), &how, at(10_000)));
        let empty = Survey {
            newest: None,
            ..survey(10_004, 0)
        };
        assert!(
            !seen.note(&empty, &how, at(10_000)),
            "there is nothing to load"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_head_is_frozen_once_it_was_seen_to_stand() {
        let how = Follow::default();
        let mut seen = Seen::nothing(&how);
        // A clock a day ahead, and a source that moves.
        for block in 0..100 {
            let head = 10_000 + 2 * block;
            assert!(seen.note(&survey(head, head), &how, at(head + 2 * DAY)));
            assert!(!seen.is_frozen);
            tokio::time::advance(how.look_every).await;
        }
        // It stands: what is left to promise is due once, though nothing has moved.
        let mut rounds = Vec::new();
        for _ in 0..8 {
            let round = seen.note(&survey(10_198, 10_198), &how, at(10_198 + 2 * DAY));
            rounds.push((round, seen.is_frozen));
            tokio::time::advance(seen.wait).await;
        }
        let due = rounds.iter().position(|round| *round == (true, true));
        assert!(due.is_some_and(|due| rounds[..due].iter().all(|round| *round == (false, false))));
        let later = &rounds[due.unwrap() + 1..];
        assert!(!later.is_empty() && later.iter().all(|round| *round == (false, true)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_lags_does_not_make_a_source_move() {
        let how = Follow::default();
        let mut seen = Seen::nothing(&how);
        assert!(seen.note(&survey(10_000, 9_990), &how, at(10_000)));
        for look in 0..8 {
            tokio::time::advance(seen.wait).await;
            let head = 10_000 - 2 * (look % 2);
            assert!(!seen.note(&survey(head, 9_990), &how, at(10_000)));
        }
        assert_eq!(seen.wait, how.look_at_least_every);
        assert_eq!(seen.pulse, Pulse::Still);
    }

    #[test]
    fn a_head_of_long_ago_and_one_that_brings_nothing_are_told_apart() {
        let of = |head, newest, now| {
            let pulse = |unmoved| Pulse::of(&survey(head, newest), unmoved, at(now));
            (pulse(Some(Duration::ZERO)), pulse(None))
        };
        assert_eq!(
            of(5 * DAY, 5 * DAY - 9, 5 * DAY),
            (Pulse::Moving, Pulse::Moving)
        );
        assert_eq!(
            of(5 * DAY, 4 * DAY, 5 * DAY),
            (Pulse::Barren, Pulse::Barren)
        );
        // One that catches up has an old head, and moves.
        assert_eq!(
            of(5 * DAY, 5 * DAY - 9, 6 * DAY),
            (Pulse::Still, Pulse::Moving)
        );
    }
}
