//! What is learned about the service's limit: how many requests one window may have.

/// A budget below this is never learned: a window in which other clients used up the allowance
/// says little about our own.
const LEAST: u32 = 10;
/// How much to stay below what the service was seen to serve, in percent: requests do not arrive
/// as evenly as they are sent.
const MARGIN_PERCENT: u32 = 2;
/// Calm windows before asking for more, at first and at most. At most a minute: a limit that was
/// raised has to be found within about that.
const FIRST_PATIENCE: u32 = 3;
const MOST_PATIENCE: u32 = 6;
/// How much more to ask for, in percent of the budget, at first and at most.
const FIRST_STEP_PERCENT: u32 = 2;
const MOST_STEP_PERCENT: u32 = 32;
/// So many raises are still near what was known to be served before: a refusal goes back to that.
const TRIAL_RAISES: u32 = 2;
/// How much less to ask for at most where nothing tells how much, in percent.
const MOST_CUT_PERCENT: u32 = 50;

/// What a refused window says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What the service was seen to serve in a window at most, where that is known.
    pub(crate) limit: Option<u32>,
    /// The one before was little more than a window ago.
    pub(crate) soon: bool,
    /// The part of a window for which the service went on refusing, in percent.
    pub(crate) lasted_percent: u32,
}

/// A lowering of the budget, in one or more steps, and how long the first refusal lasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    from: u32,
    to: u32,
    lasted_percent: u32,
}

impl Cut {
    /// Says whether a cut as deep as the refusal was long has not made the next one shorter: then
    /// others use the allowance up for a time, and it does not help to ask for less.
    fn was_in_vain(&self, refusal: Refusal) -> bool {
        let depth = u64::from(self.from.saturating_sub(self.to));
        let depth_percent = depth * 100 / u64::from(self.from.max(1));
        depth_percent > 0
            && depth_percent >= u64::from(self.lasted_percent)
            && refusal.lasted_percent * 2 >= self.lasted_percent
    }
}

/// The learned number of requests in one window. Nothing is known before the first refusal.
///
/// Invariants: a refusal raises it to what it was before the refusal before at most; once a window
/// was calm, a refusal never more than halves it; calm never lowers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Budget {
    requests: Option<u32>,
    /// Windows in a row that used the budget up and were not refused.
    calm_windows: u32,
    patience: u32,
    step_percent: u32,
    cut_percent: u32,
    /// Raises since the last refusal, and what there was before the first of them.
    raises: u32,
    before_raises: u32,
    last_cut: Option<Cut>,
    /// A whole window was once not refused.
    confirmed: bool,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            requests: None,
            calm_windows: 0,
            patience: FIRST_PATIENCE,
            step_percent: FIRST_STEP_PERCENT,
            cut_percent: MARGIN_PERCENT,
            raises: 0,
            before_raises: 0,
            last_cut: None,
            confirmed: false,
        }
    }

    pub(crate) fn requests(&self) -> Option<u32> {
        self.requests
    }

    /// A window was refused.
    pub(crate) fn refused(&mut self, refusal: Refusal) {
        let seen = refusal.limit.map(|limit| less(limit, MARGIN_PERCENT));
        self.requests = match self.requests {
            None => seen.map(|seen| seen.max(LEAST)),
            Some(before) => Some(self.changed(before, seen, refusal)),
        };
        if self.raises > 0 {
            self.patience = (self.patience * 2).min(MOST_PATIENCE);
        }
        self.raises = 0;
        self.calm_windows = 0;
        self.step_percent = FIRST_STEP_PERCENT;
    }

    /// A window has used the budget up without being refused.
    pub(crate) fn calm(&mut self) {
        let Some(requests) = self.requests else {
            return;
        };
        self.calm_windows += 1;
        self.confirmed = true;
        if self.raises == 0 && self.calm_windows < self.patience {
            return;
        }
        if self.raises == 0 {
            self.before_raises = requests;
        }
        self.last_cut = None;
        self.requests = Some(requests.saturating_add(percent(requests, self.step_percent)));
        // Each unrefused step makes the next one larger: a limit that was raised is found soon.
        self.step_percent = (self.step_percent * 2).min(MOST_STEP_PERCENT);
        self.raises += 1;
        if self.step_percent == MOST_STEP_PERCENT {
            self.patience = FIRST_PATIENCE;
        }
    }

    fn changed(&mut self, before: u32, seen: Option<u32>, refusal: Refusal) -> u32 {
        let last_cut = self.last_cut.take().filter(|_| refusal.soon);
        if let Some(cut) = last_cut.filter(|cut| cut.was_in_vain(refusal)) {
            return cut.from;
        }
        let least = if self.confirmed {
            before.div_ceil(2)
        } else {
            1
        };
        let after = self.lowered(before, seen, refusal.soon);
        let after = after.max(least).max(LEAST.min(before));
        self.last_cut = Some(Cut {
            to: after,
            ..last_cut.unwrap_or(Cut {
                from: before,
                to: after,
                lasted_percent: refusal.lasted_percent,
            })
        });
        after
    }

    /// Returns what is left of `before`, given what was `seen`, if anything.
    fn lowered(&mut self, before: u32, seen: Option<u32>, soon: bool) -> u32 {
        if (1..=TRIAL_RAISES).contains(&self.raises) {
            let known = self.before_raises;
            let more = known + percent(known, MARGIN_PERCENT);
            let below = less(before, MARGIN_PERCENT);
            return match seen {
                Some(seen) if seen > more => seen.min(below),
                Some(seen) => seen.min(known),
                None => known,
            };
        }
        let cut = less(before, MARGIN_PERCENT);
        if let Some(seen) = seen.filter(|&seen| seen < cut) {
            self.cut_percent = MARGIN_PERCENT;
            return seen;
        }
        // Nothing tells how far to go down, so each time it is farther.
        self.cut_percent = if soon {
            (self.cut_percent * 2).min(MOST_CUT_PERCENT)
        } else {
            MARGIN_PERCENT
        };
        less(before, self.cut_percent)
    }
}

/// A part of the requests, at least one.
fn percent(requests: u32, percent: u32) -> u32 {
    let part = u64::from(requests) * u64::from(percent) / 100;
    u32::try_from(part).unwrap_or(u32::MAX).max(1)
}

fn less(requests: u32, by_percent: u32) -> u32 {
    requests.saturating_sub(percent(requests, by_percent))
}

#[cfg(test)]
mod tests;
