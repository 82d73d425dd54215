//! What was granted in the last window, request by request.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy)]
struct Grant {
    at: Instant,
    refused: bool,
}

/// The grants of the last window, oldest first, numbered from 0 in the order they were made.
#[derive(Debug)]
pub(crate) struct Grants {
    window: Duration,
    next: u64,
    recent: VecDeque<Grant>,
}

impl Grants {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            window,
            next: 0,
            recent: VecDeque::new(),
        }
    }

    /// Returns the number that the next grant will have.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn add(&mut self, at: Instant) -> u64 {
        self.recent.push_back(Grant { at, refused: false });
        self.next += 1;
        self.next - 1
    }

    pub(crate) fn forget_before(&mut self, now: Instant) {
        while let Some(oldest) = self.recent.front()
            && now.saturating_duration_since(oldest.at) >= self.window
        {
            self.recent.pop_front();
        }
    }

    pub(crate) fn refuse(&mut self, number: u64) {
        let oldest = self.oldest();
        if let Some(place) = number.checked_sub(oldest)
            && let Some(grant) = self.recent.get_mut(place as usize)
        {
            grant.refused = true;
        }
    }

    /// Returns when a window that may hold `cap` grants has room again, or nothing if it has now.
    pub(crate) fn full_until(&self, cap: u32) -> Option<Instant> {
        let over = self.recent.len().checked_sub(cap as usize)?;
        self.recent.get(over).map(|grant| grant.at + self.window)
    }

    /// Returns the first number granted less than a window before `number`.
    pub(crate) fn first_in_window_of(&self, number: u64) -> u64 {
        let Some(until) = self.get(number).map(|grant| grant.at) else {
            return number;
        };
        let place = self
            .recent
            .partition_point(|grant| until.saturating_duration_since(grant.at) >= self.window);
        self.oldest() + place as u64
    }

    /// Counts the grants of `[from, to)` that were not refused so far.
    pub(crate) fn served(&self, from: u64, to: u64) -> u32 {
        let oldest = self.oldest();
        let place = |number: u64| (number.saturating_sub(oldest) as usize).min(self.recent.len());
        let served = self
            .recent
            .range(place(from)..place(to).max(place(from)))
            .filter(|grant| !grant.refused)
            .count();
        u32::try_from(served).unwrap_or(u32::MAX)
    }

    fn oldest(&self) -> u64 {
        self.next - self.recent.len() as u64
    }

    fn get(&self, number: u64) -> Option<&Grant> {
        let place = number.checked_sub(self.oldest())?;
        self.recent.get(place as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn grants_at(seconds: &[u64]) -> (Grants, Instant) {
        let begin = Instant::now();
        let mut grants = Grants::new(WINDOW);
        for &second in seconds {
            grants.add(begin + Duration::from_secs(second));
        }
        (grants, begin)
    }

    #[test]
    fn a_window_is_full_until_its_oldest_grants_leave_it() {
        let (grants, begin) = grants_at(&[0, 4, 4]);
        assert_eq!(grants.full_until(4), None);
        assert_eq!(grants.full_until(3), Some(begin + WINDOW));
        assert_eq!(grants.full_until(2), Some(begin + 7 * WINDOW / 5));
    }

    #[test]
    fn refused_grants_are_not_served() {
        let (mut grants, _) = grants_at(&[0, 1, 2, 3]);
        grants.refuse(2);
        assert_eq!(grants.served(0, 4), 3);
        assert_eq!(grants.served(1, 3), 1);
        assert_eq!(grants.served(3, 1), 0);
    }

    #[test]
    fn a_grant_of_exactly_a_window_ago_is_outside() {
        let (mut grants, begin) = grants_at(&[0, 1, 10, 11]);
        assert_eq!(grants.first_in_window_of(2), 1);
        assert_eq!(grants.first_in_window_of(3), 2);
        grants.forget_before(begin + WINDOW);
        assert_eq!(grants.served(0, 4), 3);
        grants.refuse(0);
        assert_eq!(grants.served(0, 4), 3);
    }
}
