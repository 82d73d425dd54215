//! What an estimate takes in pages, requests and seconds.

use forecast::{Capacity, Estimate, Forecast, PageCosts};

const COSTS: PageCosts = PageCosts {
    fills_per_page: 1000,
    wire_bytes_per_fill: 600,
    disk_bytes_per_fill: 90,
};

fn capacity(requests_per_10s: Option<u64>) -> Capacity {
    Capacity {
        pages_per_request: 10,
        last_pages: 0,
        other_requests: 0,
        requests_per_10s,
        fills_per_second_low: 100_000,
        fills_per_second_high: 400_000,
    }
}

#[test]
fn a_source_with_a_limit_decides_how_long_it_takes() {
    let forecast = Forecast::new(Estimate::exact(100_000_000), COSTS, capacity(Some(50)));
    assert_eq!((forecast.pages, forecast.requests), (100_000, 10_000));
    assert_eq!(
        (forecast.seconds_low, forecast.seconds_high),
        (2_000, 2_000)
    );
    assert_eq!(
        (forecast.bytes, forecast.disk_bytes),
        (60_000_000_000, 9_000_000_000)
    );
}

#[test]
fn client_and_engine_decide_where_no_limit_is_known() {
    let forecast = Forecast::new(Estimate::exact(100_000_000), COSTS, capacity(None));
    assert_eq!((forecast.seconds_low, forecast.seconds_high), (250, 1_000));
}

#[test]
fn streams_end_in_pages_of_their_own_and_other_requests_count_too() {
    let capacity = Capacity {
        last_pages: 50,
        other_requests: 7,
        ..capacity(Some(50))
    };
    let forecast = Forecast::new(Estimate::exact(100_000), COSTS, capacity);
    assert_eq!((forecast.pages, forecast.requests), (150, 22));
}

#[test]
fn no_fills_take_no_time() {
    let forecast = Forecast::new(Estimate::exact(0), COSTS, capacity(Some(50)));
    assert_eq!(
        (forecast.pages, forecast.requests, forecast.seconds_high),
        (0, 0, 0)
    );
}
