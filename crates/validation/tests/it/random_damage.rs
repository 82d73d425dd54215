//! Five hundred random damages: each is found, attributed to its token and time, and repaired.

use std::collections::{BTreeMap, HashSet};

use clickhouse::Row;
use fastrand::Rng;
use serde::Deserialize;
use validation::{Kind, Level, Report};

use crate::fixture::{LEVELS, World, seeded};

/// Small damages that are made at once, and how often that is done between large ones.
const SMALL_AT_ONCE: usize = 12;
const ROUNDS: usize = 10;

/// A row that can be damaged: one of a transaction with others, so that it has something to fit.
#[derive(Debug, Clone, Row, Deserialize)]
struct Target {
    transaction: String,
    order: String,
    token: String,
    second: u32,
    crosses: u8,
    rows: u64,
}

impl Target {
    fn id(&self) -> String {
        format!("(unhex('{}'), unhex('{}'))", self.transaction, self.order)
    }
}

/// What is done to one row, and as what it has to be found.
#[derive(Debug, Clone, Copy)]
enum Small {
    Lost,
    Doubled,
    Usdc,
    Shares,
    Side,
    Counterparty,
    Wallet,
    Later,
    Orphan,
    /// What only reading again sees.
    Fee,
}

impl Small {
    const ALL: [Self; 10] = [
        Self::Lost,
        Self::Doubled,
        Self::Usdc,
        Self::Shares,
        Self::Side,
        Self::Counterparty,
        Self::Wallet,
        Self::Later,
        Self::Orphan,
        Self::Fee,
    ];

    fn kind(self) -> Kind {
        match self {
            Self::Lost => Kind::MissingRows,
            Self::Doubled => Kind::DuplicateRows,
            Self::Orphan => Kind::TokenWithoutBook,
            _ => Kind::WrongField,
        }
    }

    fn fits(self, target: &Target) -> bool {
        match self {
            Self::Counterparty => target.crosses == 0,
            // Nothing but reading everything again sees that of a resting order.
            Self::Wallet => target.crosses == 1,
            _ => true,
        }
    }

    /// Returns what takes the place of the row, which is in `before` by now.
    fn replacements(self, number: u64) -> Vec<String> {
        let wallet = format!("toFixedString(unhex('{number:040x}'), 20)");
        let one = |columns: &str| vec![format!("* REPLACE ({columns})")];
        match self {
            Self::Lost => Vec::new(),
            Self::Doubled => vec!["*".to_owned(), "*".to_owned()],
            Self::Usdc => one("usdc + 1 AS usdc"),
            Self::Shares => one("shares + 1 AS shares"),
            Self::Side => one("if(side = 'BUY', 'SELL', 'BUY') AS side"),
            Self::Counterparty => one(&format!("{wallet} AS taker")),
            Self::Wallet => one(&format!("{wallet} AS maker")),
            Self::Later => one("timestamp + 5000 AS timestamp"),
            Self::Orphan => vec![
                "*".to_owned(),
                format!(
                    "* REPLACE (toUInt256({number}) AS token_id, reverse(order_hash) AS order_hash)"
                ),
            ],
            Self::Fee => one("fee + 1 AS fee"),
        }
    }
}

struct Experiment {
    world: World,
    random: Rng,
    targets: Vec<Target>,
    number: u64,
    /// How often each damage was found as what, and repaired.
    mended: BTreeMap<(String, &'static str), u32>,
}

impl Experiment {
    async fn new(database: &str, seed: u64) -> Self {
        let world = World::loaded(database, seeded(seed, 4_000, 20)).await;
        world.run("CREATE TABLE before AS data").await;
        let table = &world.validation.table;
        let sql = format!(
            "SELECT hex(tx_hash) AS transaction, hex(order_hash) AS order, \
             toString(token_id) AS token, toUInt32(timestamp) AS second, \
             toUInt8(taker IN (unhex('4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e'), \
             unhex('c5d563a36ae78145c45a50134d48a1215220f80a'))) AS crosses, \
             count() OVER (PARTITION BY tx_hash) AS rows\nFROM {} ORDER BY transaction, order",
            table.names().data()
        );
        let mut targets: Vec<Target> = table.rows(&sql).await.unwrap();
        targets.retain(|target| target.rows > 1);
        Self {
            world,
            random: Rng::with_seed(seed),
            targets,
            number: 1_000,
            mended: BTreeMap::new(),
        }
    }

    /// Picks rows of as many transactions and tokens, and what to do to each.
    fn pick(&mut self) -> Vec<(Small, Target)> {
        let mut picked: Vec<(Small, Target)> = Vec::new();
        let (mut transactions, mut tokens) = (HashSet::new(), HashSet::new());
        while picked.len() < SMALL_AT_ONCE {
            let small = Small::ALL[self.random.usize(..Small::ALL.len())];
            let target = &self.targets[self.random.usize(..self.targets.len())];
            if small.fits(target)
                && transactions.insert(target.transaction.clone())
                && tokens.insert(target.token.clone())
            {
                picked.push((small, target.clone()));
            }
        }
        picked
    }

    async fn small_damages(&mut self) {
        let picked = self.pick();
        let ids: Vec<String> = picked.iter().map(|(_, target)| target.id()).collect();
        let ids = format!("(tx_hash, order_hash) IN ({})", ids.join(", "));
        self.world.run("TRUNCATE TABLE before").await;
        self.world
            .run(&format!(
                "INSERT INTO before SELECT * FROM data WHERE {ids}"
            ))
            .await;
        self.world
            .run(&format!("DELETE FROM data WHERE {ids}"))
            .await;
        let mut expected = Vec::new();
        for (small, target) in picked {
            self.number += 1;
            for columns in small.replacements(self.number) {
                let id = target.id();
                self.world
                    .run(&format!(
                        "INSERT INTO data SELECT {columns} FROM (SELECT * FROM before \
                         WHERE (tx_hash, order_hash) = {id})"
                    ))
                    .await;
            }
            let token = match small {
                Small::Orphan => self.number.to_string(),
                _ => target.token.clone(),
            };
            expected.push((small, small.kind(), token, target.second));
        }
        let (_, report) = self.world.validate(&LEVELS).await;
        for (small, kind, token, second) in &expected {
            if !matches!(small, Small::Fee) {
                assert!(
                    found(&report, *kind, token, *second),
                    "{small:?} of {token} at {second}: {report:#?}"
                );
            }
        }
        self.read_all_and_repair(&expected).await;
        for (small, kind, ..) in expected {
            self.note(format!("{small:?}"), kind);
        }
    }

    fn note(&mut self, damage: String, kind: Kind) {
        *self.mended.entry((damage, kind.name())).or_default() += 1;
    }

    /// Validates with everything read again, asserts what has to be found, and repairs it.
    async fn read_all_and_repair(&mut self, expected: &[(Small, Kind, String, u32)]) {
        self.world.validation.config.spot = validation::Spot::All;
        let levels = [Level::Counts, Level::Quality, Level::Source, Level::Spot];
        let (validated, report) = self.world.validate(&levels).await;
        for (small, kind, token, second) in expected {
            assert!(
                found(&report, *kind, token, *second),
                "{small:?} of {token} at {second}: {report:#?}"
            );
        }
        assert!(self.world.repair(&validated).await > 0);
        self.world.assert_exact().await;
    }

    async fn large_damage(&mut self, which: usize) {
        let target = self.targets[self.random.usize(..self.targets.len())].clone();
        let Target { token, second, .. } = &target;
        let (damage, condition, kind) = match which % 3 {
            0 => (
                "LostToken",
                format!("token_id = toUInt256('{token}')"),
                Kind::BookWithoutRows,
            ),
            1 => (
                "LostDay",
                format!("toDate(timestamp) = toDate(toDateTime({second}))"),
                Kind::MissingRows,
            ),
            _ => (
                "LostPage",
                format!(
                    "(tx_hash, order_hash) IN (SELECT tx_hash, order_hash FROM data \
                     WHERE timestamp >= toDateTime({second}) \
                     ORDER BY timestamp, (tx_hash, order_hash) != {} LIMIT 1000)",
                    target.id()
                ),
                Kind::MissingRows,
            ),
        };
        self.world
            .run(&format!("DELETE FROM data WHERE {condition}"))
            .await;
        let (validated, report) = self.world.validate(&LEVELS).await;
        // Small tokens may be lost as a whole with a page or a day.
        let kinds = [kind, Kind::BookWithoutRows];
        let kind = kinds
            .into_iter()
            .find(|kind| found(&report, *kind, token, *second));
        let Some(kind) = kind else {
            panic!("{condition}: {report:#?}");
        };
        assert!(self.world.repair(&validated).await > 0);
        self.world.assert_exact().await;
        self.note(damage.to_owned(), kind);
    }
}

fn found(report: &Report, kind: Kind, token: &str, second: u32) -> bool {
    report.findings.iter().any(|finding| {
        let within = |span: fills::Span| span.from <= second.into() && u64::from(second) < span.to;
        finding.kind == kind
            && finding.token_id.is_some_and(|id| id.to_string() == token)
            && finding.span().is_some_and(within)
    })
}

/// A hundred and twenty-five damages: ten times twelve small ones, and five large ones.
async fn damages(database: &str, seed: u64) {
    let mut experiment = Experiment::new(database, seed).await;
    for round in 0..ROUNDS {
        experiment.small_damages().await;
        if round % 2 == 0 {
            experiment.large_damage(round / 2 + seed as usize).await;
        }
    }
    for ((damage, kind), times) in &experiment.mended {
        println!("{damage} | {kind} | {times} found and repaired");
    }
}

#[tokio::test]
async fn the_first_quarter_of_random_damages_is_found_and_repaired() {
    damages("random_damage_1", 11).await;
}

#[tokio::test]
async fn the_second_quarter_of_random_damages_is_found_and_repaired() {
    damages("random_damage_2", 12).await;
}

#[tokio::test]
async fn the_third_quarter_of_random_damages_is_found_and_repaired() {
    damages("random_damage_3", 13).await;
}

#[tokio::test]
async fn the_last_quarter_of_random_damages_is_found_and_repaired() {
    damages("random_damage_4", 14).await;
}
