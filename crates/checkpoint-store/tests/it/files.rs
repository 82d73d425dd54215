//! Paths, identities and what the file system refuses.

use std::error::Error as _;
use std::fs;

use checkpoint_store::{CheckpointStore, Error, FileStore, Identity, peek};

use crate::{Place, job};

#[tokio::test]
async fn a_missing_file_is_no_checkpoint_and_its_directory_is_made() {
    let place = Place::new();
    let path = place.directory.path().join("deep/er/checkpoint");
    assert_eq!(peek(&path).unwrap(), None);
    let store = FileStore::open(&path, &job()).unwrap();
    assert_eq!(store.load().await.unwrap(), None);
    store.save(b"1").await.unwrap();
    assert_eq!(store.load().await.unwrap().unwrap().payload, b"1");
}

#[tokio::test]
async fn a_file_that_someone_removed_is_no_checkpoint() {
    let place = Place::new();
    let store = FileStore::open(&place.path, &job()).unwrap();
    store.save(b"1").await.unwrap();
    store.save(b"2").await.unwrap();
    fs::remove_file(&place.path).unwrap();
    assert_eq!(store.load().await.unwrap(), None);
    store.save(b"3").await.unwrap();
    assert_eq!(store.load().await.unwrap().unwrap().payload, b"3");
}

#[tokio::test]
async fn the_checkpoint_of_another_job_is_refused_by_field_and_left_alone() {
    let place = Place::new();
    FileStore::open(&place.path, &job())
        .unwrap()
        .save(b"1")
        .await
        .unwrap();
    let other = Identity::new([("source", "archive-1"), ("range", "[0, 50)")]);
    let error = FileStore::open(&place.path, &other).unwrap_err();
    let message = error.to_string();
    for part in ["range", "[0, 100)", "[0, 50)"] {
        assert!(message.contains(part), "{message}");
    }
    let Error::OtherIdentity {
        field,
        stored,
        asked,
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(field, "range");
    assert_eq!(stored.as_deref(), Some("[0, 100)"));
    assert_eq!(asked.as_deref(), Some("[0, 50)"));
    assert_eq!(peek(&place.path).unwrap().unwrap().payload, b"1");
}

#[tokio::test]
async fn a_bystander_sees_the_last_save_and_whose_it_is_while_the_store_is_open() {
    let place = Place::new();
    let store = FileStore::open(&place.path, &job()).unwrap();
    assert_eq!(peek(&place.path).unwrap(), None);
    for payload in [&b"1"[..], b"2", b"3"] {
        store.save(payload).await.unwrap();
        let peeked = peek(&place.path).unwrap().unwrap();
        assert_eq!(peeked.payload, payload);
        assert_eq!(peeked.identity, job());
        assert_eq!(peeked.fell_back, None);
        assert_eq!(
            peeked.saved_at,
            fs::metadata(&place.path).unwrap().modified().unwrap()
        );
    }
}

#[tokio::test]
async fn the_file_does_not_grow_with_the_number_of_saves() {
    let place = Place::new();
    let store = FileStore::open(&place.path, &job()).unwrap();
    store.save(&[7; 1000]).await.unwrap();
    let files = || {
        let mut files: Vec<_> = fs::read_dir(place.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name(), entry.metadata().unwrap().len()))
            .collect();
        files.sort();
        files
    };
    store.save(&[7; 1000]).await.unwrap();
    let after_two = files();
    for _ in 0..20 {
        store.save(&[7; 1000]).await.unwrap();
    }
    assert_eq!(files(), after_two);
}

#[tokio::test]
async fn what_the_file_system_refuses_names_the_path() {
    let place = Place::new();
    // A directory cannot be a checkpoint.
    fs::create_dir(&place.path).unwrap();
    let error = FileStore::open(&place.path, &job()).unwrap_err();
    assert!(error.to_string().contains("/checkpoint"), "{error}");
    assert!(error.source().is_some());
    // Nothing can be made below a file.
    let file = place.directory.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = FileStore::open(file.join("checkpoint"), &job()).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if path.starts_with(&file)));
}

#[cfg(unix)]
#[tokio::test]
async fn a_save_that_cannot_be_written_names_the_path_and_leaves_the_last_one() {
    use std::os::unix::fs::symlink;

    let place = Place::new();
    let store = FileStore::open(&place.path, &job()).unwrap();
    store.save(b"1").await.unwrap();
    // A device that is always full stands where the save would be written.
    symlink("/dev/full", place.beside("tmp")).unwrap();
    let error = store.save(b"2").await.unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if *path == place.beside("tmp")));
    assert_eq!(store.load().await.unwrap().unwrap().payload, b"1");
    fs::remove_file(place.beside("tmp")).unwrap();
    store.save(b"3").await.unwrap();
    assert_eq!(store.load().await.unwrap().unwrap().payload, b"3");
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let directory = place.directory.path();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o555)).unwrap();
    let probe = fs::write(directory.join("probe"), b"");
    let opened = FileStore::open(&place.path, &job());
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    if probe.is_ok() {
        println!("skipped: this user may write where nobody may");
        return;
    }
    let error = opened.unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if path.starts_with(directory)));
}

#[tokio::test]
async fn the_newest_save_is_not_told_by_the_clock() {
    let place = Place::new();
    let store = FileStore::open(&place.path, &job()).unwrap();
    store.save(b"1").await.unwrap();
    store.save(b"2").await.unwrap();
    // As if the clock had jumped back by half a century between the two.
    let set = |path: &std::path::Path, time| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(time).unwrap();
    };
    set(&place.beside("previous"), std::time::SystemTime::now());
    set(&place.path, std::time::SystemTime::UNIX_EPOCH);
    assert_eq!(store.load().await.unwrap().unwrap().payload, b"2");
    assert_eq!(peek(&place.path).unwrap().unwrap().payload, b"2");
}
