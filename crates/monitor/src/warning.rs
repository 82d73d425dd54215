//! What somebody should know while a run goes on: cause and cure, each told once.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::reading::Reading;
use crate::status::{State, Status};

/// How long back refusals and retries count.
const LOOK_BACK: Duration = Duration::from_secs(60);
/// A condition that came and went is over after so long without it.
const CALM: Duration = Duration::from_secs(30);
/// Refusals a minute that are more than how a limit is learned.
const MANY_REFUSALS: u64 = 20;
/// Repeated requests in a hundred that are more than what passes.
const MANY_RETRIES_PERCENT: u64 = 10;
/// Silence of the source that is worth a word.
const SILENT: Duration = Duration::from_secs(10);
/// Time with rows waiting and none inserted that is worth a word.
const UNINSERTED: Duration = Duration::from_secs(20);
/// How much longer than planned a run may be expected to take, and how much of it has to be done to
/// tell.
const LONGER: f64 = 1.5;
const SHARE_TO_TELL: f64 = 0.05;
/// Dead letters for each so many fills that are more than curiosities.
const FILLS_PER_DEAD_LETTER: u64 = 10_000;
/// Room that is left for what merges do in passing, as a part of the table.
const ROOM_PARTS: u64 = 10;
const LEAST_ROOM_BYTES: u64 = 1 << 30;

/// Something that somebody should know, as long as it is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Its name, which stays the same.
    pub code: &'static str,
    /// What is so, a sentence.
    pub says: String,
    /// What helps.
    pub mend: &'static str,
}

/// A warning that came up or is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It came up.
    Raised(Warning),
    /// It is over; nothing of it was seen for half a minute.
    Over(&'static str),
}

/// Turns how a run goes into warnings. Pure: it is told the time.
#[derive(Debug, Default)]
pub struct Watchdog {
    seen: VecDeque<Seen>,
    inserted: u64,
    inserted_at: Duration,
    /// Warnings that are up, each with when it was last so.
    up: Vec<(Warning, Duration)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    at: Duration,
    requests: u64,
    retries: u64,
    rate_limited: u64,
    insert_retries: u64,
}

impl Watchdog {
    /// Makes one that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the warnings that are up, in the order in which they came up.
    pub fn warnings(&self) -> Vec<Warning> {
        self.up.iter().map(|(warning, _)| warning.clone()).collect()
    }

    /// Takes in how the run goes at `at`, and returns what changed.
    pub fn note(&mut self, at: Duration, status: &Status) -> Vec<Change> {
        let reading = &status.reading;
        let minute = self.minute(at, reading);
        if reading.fills_inserted != self.inserted || reading.rows_waiting == 0 {
            self.inserted = reading.fills_inserted;
            self.inserted_at = at;
        }
        let found = [
            throttled(&minute, status),
            failing(&minute),
            silent(status),
            refusing(&minute),
            slow(at - self.inserted_at, status),
            away(status),
            waiting(status),
            behind(status),
            dying(status),
            given_up(status),
            filling(status),
        ];
        self.change(at, found.into_iter().flatten())
    }

    /// Returns what was counted within the last minute.
    fn minute(&mut self, at: Duration, reading: &Reading) -> Seen {
        let now = Seen {
            at,
            requests: reading.requests,
            retries: reading.retries,
            rate_limited: reading.rate_limited,
            insert_retries: reading.insert_retries,
        };
        self.seen.push_back(now);
        while self
            .seen
            .get(1)
            .is_some_and(|seen| at - seen.at >= LOOK_BACK)
        {
            self.seen.pop_front();
        }
        let first = self.seen.front().copied().unwrap_or_default();
        let before = if at - first.at >= LOOK_BACK {
            first
        } else {
            Seen::default()
        };
        Seen {
            at,
            requests: now.requests - before.requests,
            retries: now.retries - before.retries,
            rate_limited: now.rate_limited - before.rate_limited,
            insert_retries: now.insert_retries - before.insert_retries,
        }
    }

    fn change(&mut self, at: Duration, found: impl Iterator<Item = Warning>) -> Vec<Change> {
        let mut changes = Vec::new();
        for warning in found {
            match self.up.iter_mut().find(|(up, _)| up.code == warning.code) {
                Some((up, last)) => {
                    *up = warning;
                    *last = at;
                }
                None => {
                    changes.push(Change::Raised(warning.clone()));
                    self.up.push((warning, at));
                }
            }
        }
        self.up.retain(|(warning, last)| {
            let stays = at - *last < CALM;
            if !stays {
                changes.push(Change::Over(warning.code));
            }
            stays
        });
        changes
    }
}

fn throttled(minute: &Seen, status: &Status) -> Option<Warning> {
    let refused = minute.rate_limited;
    let limit = match status.reading.requests_per_10s {
        Some(limit) => format!("{limit} in 10 s are asked for now"),
        None => "the limit is not known yet".to_owned(),
    };
    (refused >= MANY_REFUSALS).then(|| Warning {
        code: "throttled",
        says: format!(
            "the source refused {refused} of {} requests of the last minute for their rate; {limit}",
            minute.requests
        ),
        mend: "let nothing else use the endpoint from this address, or give the run its share with \
               --requests-per-10s",
    })
}

fn failing(minute: &Seen) -> Option<Warning> {
    let is_much = minute.retries * 100 >= minute.requests * MANY_RETRIES_PERCENT;
    (minute.retries >= 10 && is_much).then(|| Warning {
        code: "source_failing",
        says: format!(
            "{} of {} requests of the last minute failed and were sent again",
            minute.retries, minute.requests
        ),
        mend: "-v tells each with its reason; fewer --workers and --pages-per-request ask for less",
    })
}

fn silent(status: &Status) -> Option<Warning> {
    if status.reading.is_source_away {
        return Some(Warning {
            code: "source_silent",
            says:
                "at the last look the source could not be reached, or was behind what it had served"
                    .to_owned(),
            mend: "it is looked at again; if it stays away, check the network and --endpoint",
        });
    }
    let silent = status.seconds_since_answer >= SILENT.as_secs_f64();
    (silent && status.state == State::Stalled).then(|| Warning {
        code: "source_silent",
        says: format!(
            "{} requests are on their way, and the source has answered none for {:.0} s",
            status.reading.requests_in_flight, status.seconds_since_answer
        ),
        mend: "check the network and --endpoint; each request is given up after 60 s and sent again",
    })
}

fn refusing(minute: &Seen) -> Option<Warning> {
    (minute.insert_retries >= 2).then(|| Warning {
        code: "clickhouse_refusing",
        says: format!(
            "{} inserts of the last minute failed and were sent again",
            minute.insert_retries
        ),
        mend: "look at the server: its log, its memory, its disks; ingest doctor checks what can be \
               asked",
    })
}

fn slow(uninserted: Duration, status: &Status) -> Option<Warning> {
    (uninserted >= UNINSERTED && status.reading.rows_waiting > 0).then(|| Warning {
        code: "clickhouse_silent",
        says: format!(
            "{} rows wait, and ClickHouse has acknowledged none for {} s",
            status.reading.rows_waiting,
            uninserted.as_secs()
        ),
        mend: "look whether the server still works on an insert: system.processes, its disks",
    })
}

fn away(status: &Status) -> Option<Warning> {
    status.reading.is_table_away.then(|| Warning {
        code: "clickhouse_away",
        says: "ClickHouse could not be asked what the table holds, and nothing is loaded meanwhile"
            .to_owned(),
        mend: "start it, or look at its log; it is asked again with the next look at the source",
    })
}

fn waiting(status: &Status) -> Option<Warning> {
    (status.state == State::Waiting && !status.reading.is_table_away).then(|| Warning {
        code: "clickhouse_slow",
        says: format!(
            "ClickHouse takes fills more slowly than the source gives them: {} rows are in hand, and \
             nothing is asked for meanwhile",
            status.reading.rows_in_hand
        ),
        mend: "a disk that is faster at fsync, or a server that is nearer; profile-fills measures it",
    })
}

fn behind(status: &Status) -> Option<Warning> {
    let planned = status.reading.planned_seconds? as f64;
    let expected = status.seconds + status.seconds_left?;
    let is_told = status.share_done >= SHARE_TO_TELL && status.seconds >= LOOK_BACK.as_secs_f64();
    (is_told && expected > planned * LONGER).then(|| Warning {
        code: "below_plan",
        says: format!(
            "at this pace it takes {}, and {} were planned at the most",
            span(expected),
            span(planned)
        ),
        mend: "profile-fills says what bounds a run here and recommends settings",
    })
}

/// Writes seconds as people say them.
fn span(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        ..7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

fn dying(status: &Status) -> Option<Warning> {
    let dead = status.reading.dead_letters;
    (dead >= 10 && dead * FILLS_PER_DEAD_LETTER > status.fills_done).then(|| Warning {
        code: "dead_letters",
        says: format!("{dead} events or rows could not become fills"),
        mend: "SELECT field, reason, count() FROM clob_fills_v2_dead_letters GROUP BY ALL says why",
    })
}

fn given_up(status: &Status) -> Option<Warning> {
    (status.reading.failed_units > 0).then(|| Warning {
        code: "parts_given_up",
        says: format!(
            "{} parts of the range were given up",
            status.reading.failed_units
        ),
        mend: "run again when this run has ended: only what is missing is asked for",
    })
}

fn filling(status: &Status) -> Option<Warning> {
    let free = status.reading.disk_free_bytes?;
    let merges = status.reading.disk_bytes.unwrap_or_default() / ROOM_PARTS;
    let needed = still_to_come(status).unwrap_or_default() + merges.max(LEAST_ROOM_BYTES);
    (free < needed).then(|| Warning {
        code: "disk_filling",
        says: format!(
            "{} MB are free on the table's disks, and {} MB will be needed",
            free / 1_000_000,
            needed / 1_000_000
        ),
        mend: "make room: a run that meets a full disk stops, and goes on once there is room",
    })
}

/// Returns the bytes of what is still to be loaded, by what a fill has taken so far.
fn still_to_come(status: &Status) -> Option<u64> {
    let left = status
        .reading
        .fills_expected?
        .saturating_sub(status.fills_done);
    let bytes = status.reading.disk_bytes? as f64 / status.fills_done.max(1) as f64;
    Some((left as f64 * bytes) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Watch;

    /// A run that is told of second by second.
    struct Told {
        watch: Watch,
        watchdog: Watchdog,
        second: u64,
    }

    impl Told {
        fn new() -> Self {
            Self {
                watch: Watch::new(),
                watchdog: Watchdog::new(),
                second: 0,
            }
        }

        fn for_seconds(&mut self, seconds: u64, reading: impl Fn(u64) -> Reading) -> Vec<Change> {
            let mut changes = Vec::new();
            for _ in 0..seconds {
                self.second += 1;
                let at = Duration::from_secs(self.second);
                self.watch.note(at, reading(self.second));
                changes.extend(self.watchdog.note(at, self.watch.status()));
            }
            changes
        }
    }

    fn well(second: u64) -> Reading {
        Reading {
            fills_inserted: second * 10_000,
            fills_expected: Some(10_000_000),
            pages: second * 10,
            requests: second * 5,
            requests_in_flight: 4,
            rows_waiting: 100,
            disk_bytes: Some(second * 900_000),
            disk_free_bytes: Some(1 << 40),
            ..Reading::default()
        }
    }

    /// Checks that a condition raises one warning, that it stays one while the condition lasts, and
    /// that it is over half a minute after it.
    #[track_caller]
    fn check(code: &'static str, spoiled: impl Fn(u64, Reading) -> Reading) {
        let mut told = Told::new();
        assert_eq!(told.for_seconds(70, well), []);
        let raised = told.for_seconds(60, |second| spoiled(second, well(second)));
        let [Change::Raised(warning)] = &raised[..] else {
            panic!("{code}: {raised:?}");
        };
        assert_eq!(warning.code, code);
        assert!(!warning.says.is_empty() && !warning.mend.is_empty());
        // What was counted stays counted.
        let after = |second| {
            let spoiled = spoiled(130, well(130));
            Reading {
                retries: spoiled.retries,
                rate_limited: spoiled.rate_limited,
                insert_retries: spoiled.insert_retries,
                ..well(second)
            }
        };
        assert_eq!(told.for_seconds(120, after), [Change::Over(code)]);
    }

    #[test]
    fn each_cause_is_told_once_and_when_it_is_over() {
        check("throttled", |second, well| Reading {
            rate_limited: second - 70,
            ..well
        });
        check("source_failing", |second, well| Reading {
            retries: second - 70,
            ..well
        });
        check("source_silent", |_, reading| Reading {
            pages: 700,
            ..reading
        });
        check("clickhouse_refusing", |second, well| Reading {
            insert_retries: second - 70,
            ..well
        });
        check("clickhouse_silent", |_, reading| Reading {
            fills_inserted: 700_000,
            ..reading
        });
        check("clickhouse_slow", |_, well| Reading {
            requests_in_flight: 0,
            rows_in_hand: 5000,
            most_rows_in_hand: 5000,
            ..well
        });
        check("clickhouse_away", |_, well| Reading {
            is_table_away: true,
            requests_in_flight: 0,
            ..well
        });
        check("below_plan", |_, well| Reading {
            planned_seconds: Some(100),
            ..well
        });
        check("dead_letters", |_, well| Reading {
            dead_letters: 500,
            ..well
        });
        check("parts_given_up", |_, well| Reading {
            failed_units: 1,
            ..well
        });
        check("disk_filling", |_, well| Reading {
            disk_free_bytes: Some(1 << 29),
            ..well
        });
    }

    #[test]
    fn spans_are_told_in_a_unit_that_fits() {
        let told = [8.2, 119.0, 150.0, 7_000.0, 9_000.0].map(span);
        assert_eq!(told, ["8 s", "119 s", "2 min", "117 min", "2.5 h"]);
    }

    #[test]
    fn a_source_that_is_away_has_no_requests_on_their_way() {
        let mut told = Told::new();
        let away = |second| Reading {
            requests_in_flight: 0,
            is_source_away: true,
            ..well(second)
        };
        let changes = told.for_seconds(1, away);
        let [Change::Raised(warning)] = &changes[..] else {
            panic!("{changes:?}");
        };
        assert_eq!(warning.code, "source_silent");
        assert!(
            warning.says.starts_with("at the last look"),
            "{}",
            warning.says
        );
    }

    #[test]
    fn how_a_limit_is_learned_is_no_reason_to_warn() {
        let mut told = Told::new();
        let refused = |second: u64| Reading {
            rate_limited: second.min(16),
            ..well(second)
        };
        assert_eq!(told.for_seconds(200, refused), []);
    }

    #[test]
    fn a_disk_is_judged_by_what_is_still_to_come() {
        let mut told = Told::new();
        // 90 bytes a fill, nine and a half million to come: 855 MB and a gigabyte for merges.
        let roomy = |free| {
            move |second| Reading {
                disk_free_bytes: Some(free),
                ..well(second)
            }
        };
        assert_eq!(told.for_seconds(50, roomy(2_000_000_000)), []);
        let full = told.for_seconds(1, roomy(1_500_000_000));
        assert!(matches!(&full[..], [Change::Raised(warning)] if warning.code == "disk_filling"));
    }
}
