//! How many pages one request asks for: learned from what requests of each size bring.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Answers of one size that tell how fast that size is.
const ANSWERS_TO_JUDGE: u32 = 4;
/// No request is made that is expected to take longer: what fails is asked for again whole, and
/// others stand in line behind it at the source.
const LONGEST_ANSWER: Duration = Duration::from_millis(2_500);
/// Answers before a size that did not serve is tried again, at first and at most.
const FIRST_PATIENCE: u32 = 64;
const MOST_PATIENCE: u32 = 4096;
/// A larger size pays if its pages take at most this much of what they took before.
const WORTHWHILE: f64 = 0.9;
/// Where requests are what is scarce, it pays as long as pages do not take much longer.
const BEARABLE: f64 = 1.25;

/// The size of requests to one endpoint, shared by all of them.
#[derive(Debug)]
pub(crate) struct Bundle(Mutex<Size>);

impl Bundle {
    pub(crate) fn new(most: usize) -> Self {
        Self(Mutex::new(Size::new(most)))
    }

    /// Returns how many pages the next request should ask for at most.
    pub(crate) fn pages(&self) -> usize {
        self.size().pages
    }

    /// Returns what a page took of the largest size that has served; nothing before one has.
    pub(crate) fn page_took(&self) -> Option<Duration> {
        self.size().good_page
    }

    /// Notes that a request for `pages` pages was answered. `scarce` says that requests are what is
    /// scarce, and for how long an answer may take before those in flight are.
    pub(crate) fn answered(&self, pages: usize, took: Duration, scarce: Option<Duration>) {
        self.size().answered(pages, took, scarce);
    }

    /// Notes that a request for `pages` pages was given up as too heavy.
    pub(crate) fn too_heavy(&self, pages: usize) {
        self.size().too_heavy(pages);
    }

    fn size(&self) -> MutexGuard<'_, Size> {
        // Every change leaves a size that can be used, wherever it stops.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Invariants: `1 <= good <= pages <= most`; what was too heavy is not asked for again before as
/// many answers as `held` have come.
#[derive(Debug)]
struct Size {
    most: usize,
    pages: usize,
    /// The largest size that has served, and what a page of it took.
    good: usize,
    good_page: Option<Duration>,
    /// The largest size not known to be too large.
    ceiling: usize,
    /// Answers of the present size, and what they took together.
    answers: u32,
    took: Duration,
    /// Answers until a larger size may be tried.
    held: u32,
    patience: u32,
    /// Whether requests are what is scarce, as of the last answer.
    rate_bound: bool,
    /// Whether they were when the present size was begun with: a larger one may well end that.
    begun_rate_bound: bool,
    /// What the ceiling is where pages may take longer: the largest size not known to be too heavy.
    bearable: usize,
}

impl Size {
    fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            most,
            pages: 1,
            good: 1,
            good_page: None,
            ceiling: most,
            answers: 0,
            took: Duration::ZERO,
            held: 0,
            patience: FIRST_PATIENCE,
            rate_bound: false,
            begun_rate_bound: false,
            bearable: most,
        }
    }

    fn answered(&mut self, pages: usize, took: Duration, scarce: Option<Duration>) {
        let rate_bound = scarce.is_some();
        self.held = self.held.saturating_sub(1);
        if rate_bound && !self.rate_bound && self.ceiling < self.bearable {
            // What did not pay while requests were plenty may pay now.
            self.ceiling = self.bearable;
            self.held = 0;
        }
        self.rate_bound = rate_bound;
        // A request with less in it, or from before a change, says nothing about this size.
        if pages != self.pages {
            return;
        }
        self.answers += 1;
        self.took += took;
        if self.answers < ANSWERS_TO_JUDGE {
            return;
        }
        let page = self.took.div_f64(f64::from(self.answers) * pages as f64);
        self.begin_to_count();
        if pages > self.good && !self.pays(page, rate_bound || self.begun_rate_bound) {
            self.ceiling = pages - 1;
            self.step_back();
            return;
        }
        self.good = pages;
        self.good_page = Some(page);
        if self.held == 0 {
            self.try_more(page, scarce.unwrap_or(LONGEST_ANSWER));
        }
    }

    fn pays(&self, page: Duration, rate_bound: bool) -> bool {
        let most = if rate_bound { BEARABLE } else { WORTHWHILE };
        self.good_page
            .is_none_or(|good_page| page <= good_page.mul_f64(most))
    }

    /// Tries a larger size whose answers should take no longer than `longest`.
    fn try_more(&mut self, page: Duration, longest: Duration) {
        let doubled = self.pages.saturating_mul(2);
        let more = if self.ceiling <= self.pages {
            // Long enough ago: the source may bear a little more by now.
            self.pages + self.pages.div_ceil(4)
        } else if doubled <= self.ceiling {
            doubled
        } else {
            self.pages + (self.ceiling - self.pages).div_ceil(2)
        };
        let longest = longest.min(LONGEST_ANSWER);
        let in_time = longest.div_duration_f64(page.max(Duration::from_nanos(1)));
        let more = more.min(in_time as usize).min(self.most);
        if more > self.pages {
            self.pages = more;
            self.begun_rate_bound = self.rate_bound;
            self.ceiling = self.ceiling.max(more);
            self.bearable = self.bearable.max(more);
            self.begin_to_count();
        }
    }

    fn too_heavy(&mut self, pages: usize) {
        if pages <= 1 {
            return;
        }
        self.ceiling = self.ceiling.min(pages - 1);
        self.bearable = self.bearable.min(pages - 1);
        // Those that were sent along with the first one of this size have nothing to add.
        if pages > self.pages {
            return;
        }
        if self.good >= pages {
            self.good = pages / 2;
            self.good_page = None;
        }
        self.step_back();
    }

    fn step_back(&mut self) {
        self.pages = self.good;
        self.begin_to_count();
        self.held = self.patience;
        self.patience = self.patience.saturating_mul(2).min(MOST_PATIENCE);
    }

    fn begin_to_count(&mut self) {
        self.answers = 0;
        self.took = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const SCARCE: Option<Duration> = Some(Duration::MAX);

    /// Answers full requests by a price list and returns the sizes that were asked for, in order
    /// and without repetitions.
    fn sizes(
        size: &mut Size,
        requests: usize,
        scarce: Option<Duration>,
        took_ms: impl Fn(usize) -> Option<u32>,
    ) -> Vec<usize> {
        let mut asked = Vec::new();
        for _ in 0..requests {
            let pages = size.pages;
            asked.push(pages);
            match took_ms(pages) {
                Some(took_ms) => size.answered(pages, MS * took_ms, scarce),
                None => size.too_heavy(pages),
            }
        }
        asked.dedup();
        asked
    }

    #[test]
    fn it_grows_while_pages_become_cheaper() {
        // 100 ms for a request and 20 ms for each page: 120, 70, 45, 32.5, 26.2, 23.1 a page.
        let took_ms = |pages| Some(100 + 20 * pages as u32);
        let asked = sizes(&mut Size::new(100), 60, None, took_ms);
        assert_eq!(asked, [1, 2, 4, 8, 16, 32, 64, 32]);
    }

    #[test]
    fn it_stays_with_one_page_where_more_bring_nothing() {
        let asked = sizes(&mut Size::new(100), 60, None, |pages| {
            Some(41 * pages as u32)
        });
        assert_eq!(asked, [1, 2, 1]);
    }

    #[test]
    fn it_grows_where_requests_are_scarce_until_they_take_too_long() {
        let asked = sizes(&mut Size::new(100), 60, SCARCE, |pages| {
            Some(205 * pages as u32)
        });
        assert_eq!(asked, [1, 2, 4, 8, 12]);
    }

    #[test]
    fn it_grows_only_until_all_that_may_be_in_flight_is() {
        // 64 in flight at a hundred a second: with more than three pages each, none could be sent.
        let scarce = Some(MS * 640);
        let asked = sizes(&mut Size::new(100), 60, scarce, |pages| {
            Some(205 * pages as u32)
        });
        assert_eq!(asked, [1, 2, 3]);
    }

    #[test]
    fn what_did_not_pay_is_tried_again_at_once_where_requests_become_scarce() {
        let mut size = Size::new(100);
        let took_ms = |pages| Some(205 * pages as u32);
        assert_eq!(sizes(&mut size, 10, None, took_ms), [1, 2, 1]);
        assert_eq!(sizes(&mut size, 17, SCARCE, took_ms), [1, 2, 4, 8, 12]);
    }

    #[test]
    fn a_size_that_ends_the_want_of_requests_is_kept() {
        let mut size = Size::new(100);
        let took_ms = |pages| Some(205 * pages as u32);
        assert_eq!(sizes(&mut size, 4, SCARCE, took_ms), [1]);
        // With two pages in each they are scarce no longer, and four have to pay by themselves.
        assert_eq!(sizes(&mut size, 20, None, took_ms), [2, 4, 2]);
    }

    #[test]
    fn what_was_too_heavy_is_not_tried_again_for_that() {
        let mut size = Size::new(100);
        sizes(&mut size, 20, None, |pages| (pages <= 3).then_some(10));
        assert_eq!(size.pages, 2);
        assert_eq!(sizes(&mut size, 20, SCARCE, |_| Some(10)), [2]);
    }

    #[test]
    fn it_keeps_to_the_cap() {
        let asked = sizes(&mut Size::new(5), 60, SCARCE, |pages| Some(pages as u32));
        assert_eq!(asked, [1, 2, 4, 5]);
        let asked = sizes(&mut Size::new(0), 60, SCARCE, |pages| Some(pages as u32));
        assert_eq!(asked, [1]);
    }

    #[test]
    fn it_steps_back_at_once_from_what_is_too_heavy_and_closes_in_on_the_limit() {
        let mut size = Size::new(100);
        let asked = sizes(&mut size, 1_500, SCARCE, |pages| {
            (pages <= 20).then_some(10 * pages as u32)
        });
        assert_eq!(
            asked,
            [1, 2, 4, 8, 16, 32, 16, 24, 16, 20, 22, 20, 21, 20, 25, 20]
        );
    }

    #[test]
    fn a_size_that_no_longer_serves_is_halved_at_once() {
        let mut size = Size::new(16);
        sizes(&mut size, 100, SCARCE, |pages| Some(pages as u32));
        assert_eq!(size.pages, 16);
        size.too_heavy(16);
        assert_eq!(size.pages, 8);
        size.too_heavy(16);
        assert_eq!(size.pages, 8);
        size.too_heavy(8);
        assert_eq!(size.pages, 4);
    }

    #[test]
    fn a_source_that_bears_more_later_is_asked_for_more() {
        let mut size = Size::new(64);
        sizes(&mut size, 500, SCARCE, |pages| {
            (pages <= 3).then_some(pages as u32)
        });
        assert_eq!(size.pages, 3);
        sizes(&mut size, 3 * MOST_PATIENCE as usize, SCARCE, |pages| {
            Some(pages as u32)
        });
        assert_eq!(size.pages, 64);
    }

    proptest! {
        #[test]
        fn it_is_never_nothing_and_never_above_the_cap(
            most in 0_usize..200,
            events in proptest::collection::vec(
                (1_usize..300, 0_u64..20_000, any::<bool>(), any::<bool>()), 0..300),
        ) {
            let mut size = Size::new(most);
            for (pages, took_ms, rate_bound, heavy) in events {
                let pages = if pages % 2 == 0 { size.pages } else { pages };
                let before = size.pages;
                if heavy {
                    size.too_heavy(pages);
                    prop_assert!(size.pages <= before);
                    prop_assert!(pages > before || pages == 1 || size.pages < pages);
                } else {
                    size.answered(pages, Duration::from_millis(took_ms), rate_bound.then_some(MS * 640));
                }
                prop_assert!((1..=most.max(1)).contains(&size.pages));
                prop_assert!(size.good <= size.pages);
            }
        }
    }
}
