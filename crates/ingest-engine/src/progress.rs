//! What a checkpoint holds.

use std::collections::BTreeMap;

use fills::{Span, SpanSet};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::blocks::SealedBlock;

/// A part of the range that was given up; the next run tries it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedUnit {
    /// Which group of tokens; 0 in a scan.
    pub group: u32,
    /// First second, inclusive.
    pub from: u64,
    /// Last second, exclusive.
    pub to: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// What the last attempt met.
    pub reason: String,
}

/// The durable promise: every fill of what is marked done is in the table.
///
/// Its size follows the number of holes in what is done, not how much that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Progress {
    /// The range of the run.
    pub span: Span,
    /// How many groups of tokens there are; 1 in a scan.
    pub groups: u32,
    /// Rows that the table holds in the seconds marked done.
    pub fills: u64,
    /// The newest block at which the source was seen; 0 if that was not noted.
    #[serde(default)]
    pub source_block: u64,
    /// Blocks whose rows may have been sent: none of their seconds is done, and what they hold was decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<SealedBlock>,
    /// What was given up in the last run.
    pub failed: Vec<FailedUnit>,
    /// Groups of which the whole range is done, as half-open ranges of group numbers.
    groups_done: SpanSet,
    /// Seconds done of the other groups.
    seconds_done: BTreeMap<u32, SpanSet>,
}

impl Progress {
    /// Makes the progress of a run that has done nothing.
    pub fn new(span: Span, groups: u32) -> Self {
        Self {
            span,
            groups,
            fills: 0,
            source_block: 0,
            sealed: Vec::new(),
            failed: Vec::new(),
            groups_done: SpanSet::new(),
            seconds_done: BTreeMap::new(),
        }
    }

    /// Makes the progress of a run that has only these parts of the range left, in every group: a
    /// sample, for whoever wants to see how a run goes without what the others hold.
    pub fn sample(span: Span, groups: u32, parts: &SpanSet) -> Self {
        let mut progress = Self::new(span, groups);
        for group in 0..groups {
            for done in parts.gaps(span) {
                progress.mark(group, done, 0);
            }
        }
        progress
    }

    /// Lets the range end later, for a source that has grown; what is done stays done. A range that
    /// ends earlier changes nothing: the source has served what is behind it before.
    ///
    /// Returns false, and changes nothing, if `span` begins elsewhere.
    pub(crate) fn widen(&mut self, span: Span) -> bool {
        if self.span.is_empty() {
            self.span = span;
            return true;
        }
        if span.from != self.span.from {
            return false;
        }
        if span.to > self.span.to {
            for groups in std::mem::take(&mut self.groups_done).spans() {
                for group in (groups.from..groups.to).filter_map(|group| group.try_into().ok()) {
                    let seconds: &mut SpanSet = self.seconds_done.entry(group).or_default();
                    seconds.insert(self.span);
                }
            }
            self.span = span;
        }
        true
    }

    /// Marks seconds of a group done that hold `rows` rows.
    pub(crate) fn mark(&mut self, group: u32, span: Span, rows: u64) {
        self.fills = self.fills.saturating_add(rows);
        let seconds = self.seconds_done.entry(group).or_default();
        seconds.insert(span);
        if seconds.covers(self.span) {
            self.seconds_done.remove(&group);
            self.groups_done.insert(one(group));
        }
    }

    /// Marks the seconds of a sealed block done.
    pub(crate) fn mark_block(&mut self, block: &SealedBlock) {
        self.sealed.retain(|sealed| sealed != block);
        self.fills = self.fills.saturating_add(block.summary.rows);
        for (&group, spans) in &block.parts {
            for span in spans.spans() {
                self.mark(group, span, 0);
            }
        }
    }

    /// Moves what is done to the beginning of the range.
    #[cfg(feature = "mutations")]
    pub(crate) fn resume_by_count(&mut self) {
        for seconds in self.seconds_done.values_mut() {
            let end = self.span.from + seconds.seconds();
            *seconds = [Span::new(self.span.from, end)].into_iter().collect();
        }
    }

    /// Returns what is not done, by group and time.
    pub fn remaining(&self) -> Vec<(u32, Span)> {
        let all = Span::new(0, u64::from(self.groups));
        let open = self.groups_done.gaps(all).into_iter();
        open.flat_map(|groups| groups.from..groups.to)
            .filter_map(|group| u32::try_from(group).ok())
            .flat_map(|group| {
                let gaps = match self.seconds_done.get(&group) {
                    Some(done) => done.gaps(self.span),
                    None if self.span.is_empty() => Vec::new(),
                    None => vec![self.span],
                };
                gaps.into_iter().map(move |gap| (group, gap))
            })
            .collect()
    }

    /// Tells whether everything is done.
    pub fn is_complete(&self) -> bool {
        self.span.is_empty()
            || self
                .groups_done
                .covers(Span::new(0, u64::from(self.groups)))
    }

    /// Returns the share of the range's time that is done, over all groups, 0 to 1.
    pub fn share_of_time(&self) -> f64 {
        let whole = self.span.seconds() as f64 * f64::from(self.groups);
        if whole == 0.0 {
            return 1.0;
        }
        let groups = self.groups_done.seconds() as f64 * self.span.seconds() as f64;
        let parts: f64 = self
            .seconds_done
            .values()
            .map(|set| set.seconds() as f64)
            .sum();
        (groups + parts) / whole
    }

    /// Returns the share of a span's time that is done, over all groups, 0 to 1; of what lies outside of
    /// the range nothing counts.
    pub fn share_of_time_in(&self, span: Span) -> f64 {
        let span = span.intersection(&self.span);
        let whole = span.seconds() as f64 * f64::from(self.groups);
        if whole == 0.0 {
            return 1.0;
        }
        let groups = self.groups_done.seconds() as f64 * span.seconds() as f64;
        let open = |set: &SpanSet| set.gaps(span).iter().map(Span::seconds).sum::<u64>();
        let parts: f64 = self
            .seconds_done
            .values()
            .map(|set| (span.seconds() - open(set)) as f64)
            .sum();
        (groups + parts) / whole
    }

    /// Refuses what is said of groups that are not there, and leaves nothing said twice: whatever
    /// file this was read from, its size is what bounds the work with it.
    fn checked(mut self) -> Result<Self, String> {
        let last = self.groups_done.spans().last();
        let last_parts = self.seconds_done.keys().next_back();
        if last.is_some_and(|last| last.to > u64::from(self.groups))
            || last_parts.is_some_and(|&group| group >= self.groups)
        {
            let groups = self.groups;
            return Err(format!("more is done than the {groups} groups there are"));
        }
        if self.span.is_empty() {
            self.groups_done = SpanSet::new();
            self.seconds_done.clear();
        }
        for (group, done) in std::mem::take(&mut self.seconds_done) {
            if self.groups_done.overlaps(one(group)) {
                continue;
            }
            let range = self.span;
            let within = done.spans().map(|span| span.intersection(&range));
            for span in within.filter(|span| !span.is_empty()) {
                self.mark(group, span, 0);
            }
        }
        let sealed = std::mem::take(&mut self.sealed).into_iter();
        self.sealed = sealed.filter(|block| self.is_open(block)).collect();
        Ok(self)
    }

    /// Returns true if a block's seconds are of the range, and none of them is done.
    fn is_open(&self, block: &SealedBlock) -> bool {
        let nothing = SpanSet::new();
        !block.parts.is_empty()
            && block.parts.iter().all(|(&group, spans)| {
                let done = self.seconds_done.get(&group).unwrap_or(&nothing);
                let is_open =
                    |span: Span| span.intersection(&self.span) == span && !done.overlaps(span);
                group < self.groups
                    && !self.groups_done.overlaps(one(group))
                    && !spans.is_empty()
                    && spans.spans().all(is_open)
            })
    }
}

impl Serialize for Progress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Progress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)?
            .checked()
            .map_err(D::Error::custom)
    }
}

fn one(group: u32) -> Span {
    Span::new(u64::from(group), u64::from(group) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_is_what_is_not_marked() {
        let mut progress = Progress::new(Span::new(0, 10), 3);
        progress.mark(1, Span::new(0, 10), 4);
        progress.mark(2, Span::new(3, 5), 2);
        assert_eq!(
            progress.remaining(),
            [
                (0, Span::new(0, 10)),
                (2, Span::new(0, 3)),
                (2, Span::new(5, 10))
            ]
        );
        assert!(!progress.is_complete());
        assert!((progress.share_of_time() - 0.4).abs() < 1e-9);
        progress.mark(0, Span::new(0, 10), 1);
        progress.mark(2, Span::new(0, 3), 0);
        progress.mark(2, Span::new(5, 10), 0);
        assert!(progress.is_complete());
        assert_eq!(progress.fills, 7);
        assert!(progress.remaining().is_empty());
    }

    #[test]
    fn a_range_that_ends_later_keeps_what_is_done() {
        let mut progress = Progress::new(Span::new(5, 10), 2);
        progress.mark(0, Span::new(5, 10), 3);
        assert!(progress.widen(Span::new(5, 12)));
        assert_eq!(
            progress.remaining(),
            [(0, Span::new(10, 12)), (1, Span::new(5, 12))]
        );
        assert!(progress.widen(Span::new(5, 11)));
        assert_eq!(progress.span, Span::new(5, 12));
        assert!(!progress.widen(Span::new(4, 12)));
    }

    #[test]
    fn a_sample_has_only_its_parts_left_in_every_group() {
        let parts: SpanSet = [Span::new(6, 7), Span::new(9, 10)].into_iter().collect();
        let progress = Progress::sample(Span::new(5, 10), 2, &parts);
        let left = [Span::new(6, 7), Span::new(9, 10)];
        let all = [0, 1].map(|group| left.map(|span| (group, span)));
        assert_eq!(progress.remaining(), all.concat());
    }

    #[test]
    fn a_source_that_was_empty_may_begin_anywhere() {
        let mut progress = Progress::new(Span::new(0, 0), 1);
        assert!(progress.widen(Span::new(5, 12)));
        assert_eq!(progress.remaining(), [(0, Span::new(5, 12))]);
    }

    #[test]
    fn survives_json_and_refuses_what_it_does_not_know() {
        let mut progress = Progress::new(Span::new(5, 10), 2);
        progress.mark(1, Span::new(6, 8), 1);
        let json = serde_json::to_string(&progress).unwrap();
        assert_eq!(serde_json::from_str::<Progress>(&json).unwrap(), progress);
        let other = json.replace("groups_done", "groups_finished");
        assert!(serde_json::from_str::<Progress>(&other).is_err());
    }

    #[test]
    fn its_size_follows_the_holes_and_not_what_is_done() {
        let mut progress = Progress::new(Span::new(0, 1_000_000), 1);
        let size = |progress: &Progress| serde_json::to_vec(progress).unwrap().len();
        progress.mark(0, Span::new(0, 10_000), 1_000_000);
        let early = size(&progress);
        for part in 1..99 {
            progress.mark(0, Span::new(part * 10_000, (part + 1) * 10_000), 1_000_000);
        }
        assert!(size(&progress) <= early + 10);
    }

    fn saved(groups: u32, done: &str, seconds: &str) -> serde_json::Result<Progress> {
        serde_json::from_str(&format!(
            r#"{{"span":{{"from":5,"to":10}},"groups":{groups},"fills":{},"failed":[],"groups_done":{done},"seconds_done":{seconds}}}"#,
            u64::MAX
        ))
    }

    #[test]
    fn progress_of_groups_that_are_not_there_is_refused() {
        for (done, seconds) in [
            ("[[0,18446744073709551615]]", "{}"),
            ("[[2,3]]", "{}"),
            ("[]", r#"{"2":[[5,6]]}"#),
        ] {
            let error = saved(2, done, seconds).unwrap_err();
            assert!(error.to_string().contains("2 groups"), "{error}");
        }
        assert!(saved(2, "[[0,1]]", r#"{"1":[[5,6]]}"#).is_ok());
    }

    #[test]
    fn what_is_said_twice_counts_once() {
        let whole = r#"{"0":[[0,18446744073709551615]],"1":[[1,18446744073709551615]]}"#;
        let mut progress = saved(3, "[[0,1]]", whole).unwrap();
        assert_eq!(progress.remaining(), [(2, Span::new(5, 10))]);
        assert!((progress.share_of_time() - 2.0 / 3.0).abs() < 1e-9);
        progress.mark(2, Span::new(5, 10), 1);
        assert!(progress.is_complete());
    }

    #[test]
    fn an_empty_range_has_nothing_done_that_a_later_one_could_take_for_its_own() {
        let json = r#"{"span":{"from":0,"to":0},"groups":1,"fills":0,"failed":[],"groups_done":[[0,1]],"seconds_done":{"0":[[0,9]]}}"#;
        let mut progress: Progress = serde_json::from_str(json).unwrap();
        assert!(progress.widen(Span::new(5, 12)));
        assert_eq!(progress.remaining(), [(0, Span::new(5, 12))]);
    }
}
