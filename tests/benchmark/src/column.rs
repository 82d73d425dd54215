//! The columns of the table.

use crate::measurement::Measurement;

/// One figure of a measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// As the table has it.
    pub(crate) title: &'static str,
    /// As the object has it.
    pub(crate) key: &'static str,
    pub(crate) decimals: usize,
    /// Nothing where a measurement has no such figure.
    pub(crate) of: fn(&Measurement) -> Option<f64>,
}

const fn column(
    title: &'static str,
    key: &'static str,
    decimals: usize,
    of: fn(&Measurement) -> Option<f64>,
) -> Column {
    Column {
        title,
        key,
        decimals,
        of,
    }
}

/// All of them, in order.
pub(crate) const COLUMNS: [Column; 20] = [
    column("fills", "fills", 0, |m| Some(m.fills as f64)),
    column("seconds", "seconds", 2, |m| Some(m.seconds)),
    column("fills/s", "fills_per_second", 0, |m| {
        Some(m.fills_per_second())
    }),
    column("times slower than ours", "times_slower", 2, |m| {
        m.times_slower
    }),
    column(
        "markets/s",
        "markets_per_second",
        1,
        Measurement::markets_per_second,
    ),
    column(
        "% of the source's limit",
        "source_limit_percent",
        1,
        Measurement::source_limit_percent,
    ),
    column(
        "fills per page",
        "fills_per_page",
        0,
        Measurement::fills_per_page,
    ),
    column(
        "pages full, %",
        "pages_full_percent",
        1,
        Measurement::pages_full_percent,
    ),
    column("page requests", "pages", 0, |m| {
        Some(m.client.as_ref()?.pages as f64)
    }),
    column("HTTP requests", "requests", 0, |m| {
        Some(m.client.as_ref()?.requests as f64)
    }),
    column("429s", "rate_limited", 0, |m| {
        Some(m.client.as_ref()?.rate_limited as f64)
    }),
    column(
        "client CPU s per million",
        "client_cpu_seconds_per_million",
        2,
        Measurement::client_cpu_seconds_per_million,
    ),
    column("client peak, MiB", "client_peak_mib", 0, |m| {
        Some(m.client.as_ref()?.peak_bytes as f64 / f64::from(1 << 20))
    }),
    column(
        "bytes per fill, wire",
        "wire_bytes_per_fill",
        0,
        Measurement::wire_bytes_per_fill,
    ),
    column("bytes per fill, disk", "disk_bytes_per_fill", 1, |m| {
        Some(m.disk_bytes_per_fill())
    }),
    column(
        "engine CPU s per million",
        "engine_cpu_seconds_per_million",
        2,
        |m| Some(m.engine_cpu_seconds_per_million()),
    ),
    column("by INSERT … SELECT", "engine_cpu_ratio", 2, |m| {
        m.engine_cpu_ratio
    }),
    column(
        "with merges after",
        "engine_cpu_seconds_settled_per_million",
        2,
        |m| Some(m.engine_cpu_seconds_settled_per_million()),
    ),
    column("by INSERT … SELECT", "engine_cpu_ratio_settled", 2, |m| {
        m.engine_cpu_ratio_settled
    }),
    column(
        "merges of it",
        "merging_seconds_per_million",
        2,
        Measurement::merging_seconds_per_million,
    ),
];
