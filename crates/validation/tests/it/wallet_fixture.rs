//! A load, a data API that tells about it, and the wallets to compare.

use fills::Address;
use goldsky_simulator::{Config as SimulatorConfig, Data, DataApi as Caps, Simulator};
use pacer::Pacer;
use polymarket_api::{Config, DataApi, RetryPolicy};
use serde_json::Value;
use validation::{Check, Level, Report, Wallets};

use crate::fixture::{World, seeded};

/// Makes a client that does not wait for an API that is not there.
pub(crate) fn data_api(url: &str) -> DataApi {
    let config = Config {
        retry: RetryPolicy {
            attempts: 1,
            ..RetryPolicy::default()
        },
        ..Config::new(url.parse().unwrap())
    };
    DataApi::new(config, Pacer::new(pacer::Config::default())).unwrap()
}

pub(crate) fn data() -> Data {
    seeded(7, 4_000, 20)
}

/// Loads all fills, which the data API tells about too.
pub(crate) async fn loaded(database: &str) -> World {
    let mut world = World::loaded(database, data()).await;
    let url = world.simulator.data_api_url();
    world.validation.data_api = Some(data_api(&url));
    world
}

/// The same, with another data API: one that shows less, or other rows.
pub(crate) async fn loaded_with(database: &str, caps: Caps) -> (World, Simulator) {
    let config = SimulatorConfig {
        data: data(),
        data_api: caps,
        ..SimulatorConfig::default()
    };
    let simulator = Simulator::start(config).await.unwrap();
    let mut world = loaded(database).await;
    world.validation.data_api = Some(data_api(&simulator.data_api_url()));
    (world, simulator)
}

pub(crate) async fn validated(world: &mut World, wallets: Wallets) -> Report {
    world.validation.config.wallets = wallets;
    world.validate(&[Level::Wallet]).await.1
}

pub(crate) fn sample(sample: u32) -> Wallets {
    Wallets {
        sample,
        ..Wallets::default()
    }
}

pub(crate) fn named(wallet: Address) -> Wallets {
    Wallets {
        named: vec![wallet],
        sample: 0,
        ..Wallets::default()
    }
}

pub(crate) async fn largest(world: &World) -> Address {
    world.validation.table.sample_wallets(1, 1).await.unwrap()[0].wallet
}

pub(crate) fn number(check: &Check, figure: &str) -> u64 {
    let value = check.figures.get(figure);
    value
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("{figure}: {check:#?}"))
}

pub(crate) fn note(check: &Check) -> &str {
    check
        .figures
        .get("note")
        .and_then(Value::as_str)
        .unwrap_or_default()
}
