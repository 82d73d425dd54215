//! Answers of the source, against what was asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    goldsky_client::fuzzing::answer(input);
    polymarket_api::fuzzing::answer(input);
});
