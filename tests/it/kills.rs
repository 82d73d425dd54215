//! A run, and the ClickHouse that it writes to, killed at moments that nobody chose.

use std::fmt::Write;
use std::io::Write as _;
use std::net::TcpListener;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::exactness::{assert_counters, counters};
use crate::harness::*;

/// A backfill that is completed before it was killed often enough is followed by another one.
const FILLS: u64 = 40_000;

/// Kills that have to interrupt work, by whom they hit.
const PLAN: [(Victim, usize); 3] = [(Victim::Ingest, 18), (Victim::Engine, 7), (Victim::Both, 4)];

/// Small batches and many checkpoints, so that a kill finds everything half done.
const FINELY: [&str; 6] = [
    "--insert-batch-size",
    "400",
    "--workers",
    "4",
    "--checkpoint-interval",
    "1",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    /// The run; ClickHouse lives on.
    Ingest,
    /// ClickHouse, which comes back; the run lives on.
    Engine,
    Both,
}

/// What a kill met.
struct Kill {
    victim: Victim,
    /// Rows that were in the table by then.
    rows: u64,
    /// Rows among them that came since the kill before.
    since: u64,
}

/// Numbers that a seed decides: `SplitMix64`.
struct Random(u64);

impl Random {
    /// Takes the seed of a run that is to be repeated, or another one each time.
    fn seeded() -> Self {
        let given = std::env::var("KILLS_SEED").ok();
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = given.map_or(clock.as_nanos() as u64, |seed| seed.parse().unwrap());
        println!("KILLS_SEED={seed}");
        Self(seed)
    }

    fn within(&mut self, range: Range<u64>) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        range.start + (bits ^ (bits >> 31)) % (range.end - range.start)
    }

    async fn pause(&mut self, ms: Range<u64>) {
        tokio::time::sleep(Duration::from_millis(self.within(ms))).await;
    }

    fn victims(&mut self) -> Vec<Victim> {
        let each = PLAN.map(|(victim, count)| vec![victim; count]);
        let mut victims = each.concat();
        for last in (1..victims.len()).rev() {
            victims.swap(last, self.within(0..last as u64 + 1) as usize);
        }
        victims
    }
}

/// Returns a free address outside the range from which clients get their ports: while nobody
/// listens, one of them could sit on it.
fn quiet_address(random: &mut Random) -> String {
    loop {
        let address = format!("127.0.0.1:{}", random.within(20_000..30_000));
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

struct Scene<'a> {
    directory: &'a Path,
    random: Random,
    source: Source,
    address: String,
    engine: Option<Engine>,
    run: Option<Running>,
    kills: Vec<Kill>,
    completed: usize,
    /// Rows that the table held when it was last asked.
    rows: u64,
    /// Rows that it held before the present run, or after the last kill, could add any.
    before: u64,
}

impl<'a> Scene<'a> {
    fn set(directory: &'a Path, mut random: Random) -> Self {
        let fills = FILLS.to_string();
        let address = quiet_address(&mut random);
        let arguments = ["--fills", &fills, "--markets", "300", "--latency-ms", "20"];
        Self {
            directory,
            random,
            source: Source::start(directory, &arguments),
            engine: Some(Engine::start_on(directory, &address)),
            address,
            run: None,
            kills: Vec::new(),
            completed: 0,
            rows: 0,
            before: 0,
        }
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    /// Starts a run unless one is going on.
    fn run(&mut self) -> &mut Running {
        let arguments = ["--clickhouse-url", &self.engine().url];
        let mut run = ingest(self.directory, &self.source, &arguments);
        run.args(FINELY);
        self.run.get_or_insert_with(|| Running::start(run))
    }

    /// Lets the run work until it has added some rows; false if it completed the load before.
    async fn work(&mut self) -> bool {
        // A run that still looks around when ClickHouse goes away ends with 69, as it should.
        self.run().find_in_stderr("the backfill ", "\"").await;
        // By now ClickHouse has ended the inserts of a run that was killed.
        self.look().await;
        let enough = self.rows + self.random.within(0..FILLS / 8);
        let count = "SELECT ifNull(sum(total_rows), 0) FROM system.tables \
                     WHERE name = 'clob_fills_v2_data'";
        while self.rows <= enough {
            if self.run().has_ended() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.rows = self.engine().text(count).await.parse().unwrap();
        }
        self.random.pause(0..40).await;
        !self.run().has_ended()
    }

    /// Kills, and brings ClickHouse back after a while; false if the run had ended by itself.
    async fn kill(&mut self, victim: Victim) -> bool {
        let (rows, since) = (self.rows, self.rows - self.before);
        if victim != Victim::Engine {
            let ended = self.run.take().unwrap().kill();
            if ended.code.is_some() {
                ended.expect(0);
                return false;
            }
        }
        if victim != Victim::Ingest {
            let ended = self.engine.take().unwrap().kill();
            assert_eq!(ended.code, None, "ClickHouse ended by itself: {ended:?}");
            self.random.pause(20..900).await;
            self.engine = Some(Engine::start_on(self.directory, &self.address));
        }
        let kill = Kill {
            victim,
            rows,
            since,
        };
        self.kills.push(kill);
        self.look().await;
        true
    }

    /// Looks at the table: nothing is there twice, and nothing that was there is gone.
    async fn look(&mut self) {
        let made = "SELECT count() FROM system.tables WHERE name = 'clob_fills_v2'";
        if self.engine().text(made).await == "0" {
            return;
        }
        let rows = "SELECT count(), uniqExact(fill_id) FROM clob_fills_v2";
        let rows = self.engine().text(rows).await;
        let (count, distinct) = rows.split_once('\t').unwrap();
        let number = self.kills.len();
        assert_eq!(count, distinct, "rows are doubled after kill {number}");
        let count = count.parse().unwrap();
        assert!(count >= self.rows, "rows are gone after kill {number}");
        (self.rows, self.before) = (count, count);
    }

    /// Lets the run end, sees that everything is there once, and clears the table for another.
    async fn complete(&mut self) {
        self.run();
        let summary = self.run.take().unwrap().end().expect(0).json();
        assert_eq!(summary["complete"], true);
        assert_eq!(summary["fills_total"], FILLS);
        self.look().await;
        assert_counters(self.engine(), counters(&self.source).await).await;
        self.completed += 1;
        (self.rows, self.before) = (0, 0);
        self.engine()
            .text("TRUNCATE TABLE clob_fills_v2_data")
            .await;
        for file in std::fs::read_dir(self.directory.join("data")).unwrap() {
            let file = file.unwrap();
            if file.file_name().to_str().unwrap().starts_with("checkpoint") {
                std::fs::remove_file(file.path()).unwrap();
            }
        }
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        for (victim, _) in PLAN {
            let of_victim = || self.kills.iter().filter(|kill| kill.victim == victim);
            let rows: Vec<_> = of_victim().map(|kill| kill.rows).collect();
            let idle = of_victim().filter(|kill| kill.since == 0).count();
            let count = rows.len();
            writeln!(
                text,
                "{count} kills of {victim:?}, {idle} of them before any new row; rows at each: {rows:?}"
            )
            .unwrap();
        }
        let Self { completed, .. } = self;
        text + &format!("{completed} backfills of {FILLS} fills completed: doubled 0, lost 0")
    }
}

#[tokio::test]
async fn killed_at_random_moments_the_table_is_exact_in_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut scene = Scene::set(directory.path(), Random::seeded());
    let victims = scene.random.victims();
    for &victim in &victims {
        if scene.run.is_none() && scene.random.within(0..3) == 0 {
            // Before it has inserted anything, or just then.
            scene.run();
            scene.random.pause(0..500).await;
            scene.kill(Victim::Ingest).await;
        }
        while !(scene.work().await && scene.kill(victim).await) {
            scene.complete().await;
        }
    }
    scene.complete().await;
    // Past the test harness, which keeps what tests that pass print to itself.
    let summary = format!("{}\n", scene.summary());
    std::io::stderr().write_all(summary.as_bytes()).unwrap();
    let interrupting = scene.kills.iter().filter(|kill| kill.since > 0);
    assert!(interrupting.count() >= victims.len());
}
