//! Files of the checkpoint, and the progress in them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let payload = checkpoint_store::fuzzing::file(input);
    ingest_engine::fuzzing::progress(payload.as_deref().unwrap_or(input));
});
