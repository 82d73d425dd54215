//! Requests to the embedded engine's HTTP interface.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| clickhouse_embedded::fuzzing::request(input));
