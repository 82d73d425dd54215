//! Settings from a file, variables, flags and a file of markets.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| startup::fuzzing::sources(input));
