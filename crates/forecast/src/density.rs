//! Where fills lie in time, known at a few sampled seconds.

use crate::{Estimate, Method, Sample};

/// Seconds `[from, to)` whose first fills are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// First second, inclusive.
    pub from: u64,
    /// Exclusive end: of a part of the span, whatever lies behind is another probe's.
    pub to: u64,
}

/// Draws of the bootstrap.
const DRAWS: usize = 1000;
/// Share of the draws that is cut off at each end of the range, in per cent.
const TAIL_PERCENT: usize = 1;

/// A part of the span, and the one sample that was drawn in it.
#[derive(Debug, Clone, Copy)]
struct Cell {
    from: u64,
    to: u64,
    sample: Sample,
}

impl Cell {
    fn seconds(&self) -> f64 {
        self.to.saturating_sub(self.from) as f64
    }

    fn fills(&self) -> f64 {
        self.seconds() * self.sample.fills_per_second()
    }

    /// Tells whether the sample is all of the cell.
    fn is_counted(&self) -> bool {
        self.sample.from <= self.from && self.sample.to >= self.to
    }
}

/// A cell without a sample, and the second where the probe of it begins.
#[derive(Debug, Clone, Copy)]
struct Open {
    from: u64,
    to: u64,
    second: u64,
}

/// A span of time in cells with one sample each, which begins anywhere in its cell, or is all of it.
#[derive(Debug)]
pub struct Density {
    /// In order of time, without gaps once every planned probe was answered.
    cells: Vec<Cell>,
    open: Vec<Open>,
    /// Most fills that a probe can show.
    page_fills: u64,
    random: fastrand::Rng,
}

impl Density {
    /// Makes the density of `[from, to)`, of which nothing is known; `first_probes` cut it evenly, and
    /// each shows at most `page_fills` fills.
    pub fn new(from: u64, to: u64, first_probes: u64, page_fills: u64, seed: u64) -> Self {
        let mut density = Self {
            cells: Vec::new(),
            open: Vec::new(),
            page_fills,
            random: fastrand::Rng::with_seed(seed),
        };
        density.open_evenly(from, to, first_probes, f64::INFINITY);
        density
    }

    /// Returns the probes to make, at most `most` of those that are not answered yet.
    pub fn next_probes(&self, most: usize) -> Vec<Probe> {
        let probe = |open: &Open| Probe {
            from: open.second,
            to: open.to,
        };
        self.open.iter().take(most).map(probe).collect()
    }

    /// Cuts the heaviest cells in two, at most `most` of them, each for one more probe.
    pub fn refine(&mut self, most: usize) {
        // By weight as of now: the cells of one round are chosen together, as they are asked together.
        let mut heaviest: Vec<(f64, usize)> = (0..self.cells.len())
            .filter(|&cell| self.cells[cell].to - self.cells[cell].from > 1)
            .filter(|&cell| !self.cells[cell].is_counted())
            .map(|cell| (self.weight(cell), cell))
            .collect();
        heaviest.sort_by(|one, other| other.0.total_cmp(&one.0));
        for (_, cell) in heaviest.into_iter().take(most) {
            self.halve(cell);
        }
    }

    /// Forgets all samples and opens new cells, at most `probes` or as many as there were, finer where
    /// the old ones weighed more.
    ///
    /// What was learned decides only where to look. A sample that decided how finely to cut must not
    /// count itself: high ones are cut and drawn again, low ones stay, and the sum comes out too low.
    pub fn redraw(&mut self, probes: usize) {
        let weights: Vec<f64> = (0..self.cells.len()).map(|at| self.weight(at)).collect();
        let all = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let spare = probes.saturating_sub(self.cells.len()) as f64;
        for (cell, weight) in std::mem::take(&mut self.cells).into_iter().zip(weights) {
            let pieces = 1 + (spare * weight / all) as u64;
            let fills = cell.fills() / pieces as f64;
            self.open_evenly(cell.from, cell.to, pieces, fills);
        }
    }

    /// Takes the answer to a probe; one that nobody asked for changes nothing.
    pub fn add(&mut self, sample: Sample) {
        let asked = |open: &Open| open.second == sample.from;
        let Some(place) = self.open.iter().position(asked) else {
            return;
        };
        let Open { from, to, .. } = self.open.remove(place);
        let at = self.cells.partition_point(|cell| cell.from < from);
        self.cells.insert(at, Cell { from, to, sample });
    }

    /// Estimates the fills of the span, or nothing while a probe is unanswered.
    pub fn estimate(&mut self) -> Option<Estimate> {
        if !self.open.is_empty() {
            return None;
        }
        if self.cells.iter().all(Cell::is_counted) {
            let counted = self.cells.iter().map(|cell| cell.sample.fills).sum();
            return Some(Estimate::exact(counted));
        }
        let fills: f64 = self.cells.iter().map(Cell::fills).sum();
        let deviations: Vec<f64> = (0..self.cells.len()).map(|at| self.deviation(at)).collect();
        let mut totals: Vec<f64> = (0..DRAWS).map(|_| fills + self.draw(&deviations)).collect();
        totals.sort_by(f64::total_cmp);
        let cut = DRAWS * TAIL_PERCENT / 100;
        Some(Estimate {
            fills: fills.round() as u64,
            fills_low: totals[cut].max(0.0) as u64,
            fills_high: totals[DRAWS - 1 - cut].ceil() as u64,
            method: Method::Sampled,
        })
    }

    /// Opens so many pieces, in each of which about `fills` fills are expected.
    fn open_evenly(&mut self, from: u64, to: u64, pieces: u64, fills: f64) {
        let seconds = to.saturating_sub(from);
        let pieces = pieces.clamp(1, seconds.max(1));
        let edge = |piece: u64| {
            let offset = u128::from(seconds) * u128::from(piece) / u128::from(pieces);
            // At most `seconds`, as `piece <= pieces`.
            from + u64::try_from(offset).unwrap_or(seconds)
        };
        for piece in 0..pieces {
            self.open_cell(edge(piece), edge(piece + 1), fills);
        }
    }

    /// Opens a cell. What fits into a page, with room to be wrong, is looked at from its beginning,
    /// and then counted; in any other a second is drawn.
    fn open_cell(&mut self, from: u64, to: u64, fills: f64) {
        if from >= to {
            return;
        }
        let second = match 2.0 * fills < self.page_fills as f64 {
            true => from,
            false => self.random.u64(from..to),
        };
        self.open.push(Open { from, to, second });
    }

    /// Cuts a cell in two: its sample stays in the half where it lies, the other half is opened.
    fn halve(&mut self, at: usize) {
        let Cell { from, to, sample } = self.cells[at];
        let fills = self.cells[at].fills() / 2.0;
        let middle = from + (to - from) / 2;
        if sample.from < middle {
            self.cells[at].to = middle;
            self.open_cell(middle, to, fills);
        } else {
            self.cells[at].from = middle;
            self.open_cell(from, middle, fills);
        }
    }

    /// How much a cell may hold, by its own sample or by those beside it. Without the second a cell
    /// whose one sample fell into a calm hour would never be looked at again.
    fn weight(&self, at: usize) -> f64 {
        let own = self.cells[at].sample.fills_per_second();
        self.cells[at].seconds() * own.max(self.beside(at))
    }

    /// Mean density of the neighbours; of a cell alone its own.
    fn beside(&self, at: usize) -> f64 {
        let before = at.checked_sub(1).and_then(|before| self.cells.get(before));
        let found: Vec<f64> = before
            .into_iter()
            .chain(self.cells.get(at + 1))
            .map(|cell| cell.sample.fills_per_second())
            .collect();
        if found.is_empty() {
            return self.cells[at].sample.fills_per_second();
        }
        found.iter().sum::<f64>() / found.len() as f64
    }

    /// How far a cell's fills may be off; not at all where all were counted. Elsewhere one sample tells nothing of its own spread, so it is held
    /// against its neighbours'. Of three independent densities the difference has 1.5 times the
    /// variance of one.
    fn deviation(&self, at: usize) -> f64 {
        if self.cells[at].is_counted() {
            return 0.0;
        }
        let own = self.cells[at].sample.fills_per_second();
        self.cells[at].seconds() * (own - self.beside(at)) * (2.0_f64 / 3.0).sqrt()
    }

    /// One draw of the wild bootstrap: every deviation with a sign by chance.
    fn draw(&mut self, deviations: &[f64]) -> f64 {
        let random = &mut self.random;
        let signed = |deviation: &f64| {
            if random.bool() {
                *deviation
            } else {
                -deviation
            }
        };
        deviations.iter().map(signed).sum()
    }
}
