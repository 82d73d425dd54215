//! What the fuzzer calls, and the test that replays its corpus.

use fills::Span;

use crate::progress::Progress;

/// Groups of which the fuzzer lists what remains: a run compares their number with its own first.
const FEW_GROUPS: u32 = 10_000;

/// Reads the progress in a checkpoint's payload and does with it what a run does.
pub fn progress(json: &[u8]) {
    let Ok(mut progress) = serde_json::from_slice::<Progress>(json) else {
        return;
    };
    let written = serde_json::to_vec(&progress).unwrap_or_default();
    let read: Option<Progress> = serde_json::from_slice(&written).ok();
    assert_eq!(read.as_ref(), Some(&progress), "progress does not survive");
    check(&progress);
    let end = progress.span.to;
    let wider = Span::new(progress.span.from, end.saturating_add(10));
    assert!(progress.widen(wider));
    check(&progress);
    progress.mark(progress.groups / 2, Span::new(end, wider.to), u64::MAX);
    check(&progress);
}

fn check(progress: &Progress) {
    let share = progress.share_of_time();
    assert!((0.0..=1.0).contains(&share), "{share}");
    if progress.groups <= FEW_GROUPS {
        let remaining = progress.remaining();
        assert_eq!(remaining.is_empty(), progress.is_complete(), "{progress:?}");
        for (group, span) in remaining {
            assert!(group < progress.groups && !span.is_empty());
            assert_eq!(span.intersection(&progress.span), span);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The corpus is of whole files; the payload is what follows the last line of the head.
    #[test]
    fn the_progress_of_every_file_of_the_corpus_is_read_right() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/checkpoint");
        if !Path::new(corpus).exists() {
            println!("skipped: {corpus} is not here, as in a package");
            return;
        }
        let mut replayed = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            let file = std::fs::read(entry.unwrap().path()).unwrap();
            let payload = file.iter().rposition(|&byte| byte == b'\n');
            super::progress(&file[payload.map_or(0, |end| end + 1)..]);
            replayed += 1;
        }
        assert!(replayed > 0, "{corpus} is empty");
    }
}
