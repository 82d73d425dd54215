//! Torn writes, flipped bits and foreign files.

use std::fs;

use checkpoint_store::{CheckpointStore, Error, FileStore, Loaded, peek};

use crate::{Place, job};

async fn save(place: &Place, payloads: &[&[u8]]) {
    let store = FileStore::open(&place.path, &job()).unwrap();
    for payload in payloads {
        store.save(payload).await.unwrap();
    }
}

/// Loads in a new store, as the next process would; an error of `open` counts as one of `load`.
async fn load(place: &Place) -> Result<Option<Loaded>, Error> {
    FileStore::open(&place.path, &job())?.load().await
}

/// Every way in which one bit or the end of a file can be wrong.
fn damaged(whole: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let prefixes = (0..whole.len()).map(|end| whole[..end].to_vec());
    let flips = (0..whole.len() * 8).map(|bit| {
        let mut flipped = whole.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    });
    prefixes.chain(flips)
}

#[tokio::test]
async fn any_damage_to_the_newest_save_falls_back_to_the_one_before_and_says_so() {
    let place = Place::new();
    save(&place, &[b"first", b"second", b"third"]).await;
    let whole = fs::read(&place.path).unwrap();
    for bytes in damaged(&whole) {
        fs::write(&place.path, &bytes).unwrap();
        let loaded = load(&place).await.unwrap().unwrap();
        assert_eq!(loaded.payload, b"second");
        let why = loaded.fell_back.unwrap();
        assert!(why.contains("checkpoint.previous"), "{why}");
    }
}

#[tokio::test]
async fn any_damage_without_a_save_before_is_corrupt_and_never_nothing() {
    let place = Place::new();
    save(&place, &[b"only"]).await;
    let whole = fs::read(&place.path).unwrap();
    for bytes in damaged(&whole) {
        fs::write(&place.path, &bytes).unwrap();
        let error = load(&place).await.unwrap_err();
        assert!(matches!(&error, Error::Corrupt { path, .. } if *path == place.path));
        assert!(matches!(peek(&place.path), Err(Error::Corrupt { .. })));
    }
}

#[tokio::test]
async fn damage_to_both_saves_is_corrupt() {
    let place = Place::new();
    save(&place, &[b"first", b"second"]).await;
    fs::write(&place.path, b"").unwrap();
    fs::write(place.beside("previous"), b"not a checkpoint\n").unwrap();
    let message = load(&place).await.unwrap_err().to_string();
    assert!(message.contains("it is empty"), "{message}");
    assert!(message.contains("first line"), "{message}");
}

#[tokio::test]
async fn a_save_after_a_fall_back_keeps_the_whole_one() {
    let place = Place::new();
    save(&place, &[b"first", b"second"]).await;
    fs::write(&place.path, b"torn").unwrap();
    save(&place, &[b"third"]).await;
    assert_eq!(load(&place).await.unwrap().unwrap().payload, b"third");
    fs::write(&place.path, b"torn again").unwrap();
    assert_eq!(load(&place).await.unwrap().unwrap().payload, b"first");
}

#[tokio::test]
async fn what_a_crash_leaves_during_a_save_is_harmless() {
    let place = Place::new();
    save(&place, &[b"first", b"second"]).await;
    // Before the new file was whole.
    fs::write(place.beside("tmp"), b"checkpoint-st").unwrap();
    assert_eq!(load(&place).await.unwrap().unwrap().payload, b"second");
    // Between the two renames: both names stand for the newest save.
    fs::remove_file(place.beside("previous")).unwrap();
    fs::hard_link(&place.path, place.beside("previous")).unwrap();
    fs::hard_link(&place.path, place.beside("previous.tmp")).unwrap();
    assert_eq!(load(&place).await.unwrap().unwrap().payload, b"second");
    save(&place, &[b"third"]).await;
    assert_eq!(load(&place).await.unwrap().unwrap().payload, b"third");
    fs::write(&place.path, b"").unwrap();
    assert_eq!(load(&place).await.unwrap().unwrap().payload, b"second");
}

#[tokio::test]
async fn another_format_is_refused_and_left_alone() {
    let place = Place::new();
    save(&place, &[b"first", b"second"]).await;
    let line = "checkpoint-store format 2";
    let file = format!(
        "{line} check {:08x}\nof the future",
        crc32fast::hash(line.as_bytes())
    );
    fs::write(&place.path, &file).unwrap();
    let error = load(&place).await.unwrap_err();
    assert!(matches!(
        error,
        Error::OtherFormat {
            found: 2,
            supported: 1,
            ..
        }
    ));
    assert_eq!(fs::read_to_string(&place.path).unwrap(), file);
}

#[tokio::test]
async fn a_fresh_start_forgets_whatever_is_there() {
    let place = Place::new();
    for bytes in [&b"garbage"[..], b"", b"checkpoint-store format 2"] {
        fs::write(&place.path, bytes).unwrap();
        fs::write(place.beside("previous"), bytes).unwrap();
        let store = FileStore::open_fresh(&place.path, &job()).unwrap();
        assert_eq!(store.load().await.unwrap(), None);
        assert!(!place.beside("previous").exists());
    }
}
