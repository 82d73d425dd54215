//! The simulated ClickHouse by itself: for the comparison with a real one.

use clickhouse::Client;
use fastrand::Rng;

use crate::pipe;
use crate::plan::Plan;
use crate::server::Server;
use crate::table::Table;
use crate::world::World;

/// A simulated server with an empty table, on which nothing goes wrong.
#[derive(Debug)]
pub struct Model {
    server: Server,
}

impl Model {
    /// Creates one whose table remembers so many parts.
    pub fn new(window_parts: u64) -> Self {
        let mut chance = Rng::with_seed(0);
        let plan = Plan {
            window_parts,
            refused_rows: None,
            most_rows_in_insert: usize::MAX,
            ..Plan::of(&mut chance)
        };
        let world = World::new(chance);
        Self {
            server: Server {
                table: Table::new(window_parts, world.clone()),
                world,
                plan,
                judge: None,
            },
        }
    }

    /// Returns a client of it, which lives on the clock of the present runtime.
    pub fn client(&self) -> Client {
        self.server.world.begin_life(None, true);
        pipe::client(self.server.clone())
    }

    /// Returns what must never be and was.
    pub fn broken(&self) -> Option<String> {
        self.server.world.broken()
    }
}
