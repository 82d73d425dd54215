//! From a seed to a verdict.

use std::fmt;
use std::sync::Arc;

use fastrand::Rng;

use crate::dataset::Dataset;
use crate::disk::Disk;
use crate::life::{Ended, Surroundings};
use crate::plan::Plan;
use crate::server::Server;
use crate::table::Table;
use crate::verdict::Judge;
use crate::world::World;

/// Lives without faults and kills after the planned ones: one to finish, and those that an answer
/// given up before may still cost.
const UNDISTURBED_LIVES: usize = 4;

/// What a schedule came to.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What must not be and was; nothing if all is well.
    pub broken: Option<String>,
    /// How often the process was killed.
    pub kills: u32,
    /// How often it ended otherwise with work left.
    pub restarts: u32,
    /// Everything that happened, in order.
    pub lines: Vec<String>,
}

impl fmt::Display for Report {
    /// Writes the whole schedule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        match &self.broken {
            None => write!(f, "seed {}: exact", self.seed),
            Some(broken) => write!(f, "seed {}: BROKEN: {broken}", self.seed),
        }
    }
}

/// Simulates the schedule of a seed. The same seed gives the same schedule.
pub fn simulate(seed: u64) -> Report {
    let mut chance = Rng::with_seed(seed);
    let plan = Plan::of(&mut chance);
    let world = World::new(chance);
    world.note(format_args!("{plan}"));
    let dataset = Dataset::get(plan.dataset);
    let table = Table::new(plan.window_parts, world.clone());
    let judge = Judge::new(Arc::clone(&dataset), plan.clone(), table.clone());
    let judge = Arc::new(judge);
    let surroundings = Surroundings {
        server: Server {
            table,
            world: world.clone(),
            plan: plan.clone(),
            judge: Some(Arc::clone(&judge)),
        },
        disk: Disk::new(world.clone(), Arc::clone(&judge), plan.save_faults),
        dataset,
        world: world.clone(),
        plan: plan.clone(),
    };
    let (mut kills, mut restarts, mut is_complete) = (0, 0, false);
    let planned = plan.ends.iter().copied().map(Some);
    for end in planned.chain([None; UNDISTURBED_LIVES]) {
        let ended = surroundings.live(end, seed);
        world.note(format_args!("--- {ended}"));
        match ended {
            Ended::Complete(progress) => {
                is_complete = judge.completed(&progress, &world);
            }
            Ended::Killed => kills += 1,
            Ended::Hung => world.fail("the program hangs"),
            Ended::Failed(_) | Ended::Incomplete(_) => restarts += 1,
        }
        if is_complete || world.broken().is_some() {
            break;
        }
    }
    if !is_complete {
        world.fail("nothing disturbs it any more, and it does not complete");
    }
    Report {
        seed,
        broken: world.broken(),
        kills,
        restarts,
        lines: world.take_lines(),
    }
}
