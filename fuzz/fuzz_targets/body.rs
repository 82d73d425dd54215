//! Coded bodies of requests, and the codings of answers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| clickhouse_embedded::fuzzing::body(input));
