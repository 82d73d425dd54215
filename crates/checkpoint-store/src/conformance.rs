//! What every [`CheckpointStore`] must do, as a suite that its tests call.

use crate::store::CheckpointStore;

/// Runs the suite. `make_store` makes a store that is empty and that no other call has returned.
///
/// # Panics
/// Where the store does not do what the trait says.
pub async fn run<S: CheckpointStore>(make_store: impl AsyncFn() -> S) {
    an_unused_store_has_no_checkpoint(&make_store().await).await;
    the_last_save_is_what_loads(&make_store().await).await;
    any_bytes_come_back(&make_store().await).await;
    a_cleared_store_has_no_checkpoint_and_can_be_used_again(&make_store().await).await;
    dropped_saves_leave_a_whole_payload(&make_store().await).await;
}

async fn an_unused_store_has_no_checkpoint(store: &impl CheckpointStore) {
    assert_eq!(load(store).await, None);
    clear(store).await;
    assert_eq!(load(store).await, None);
}

async fn the_last_save_is_what_loads(store: &impl CheckpointStore) {
    for payload in [&b"first"[..], b"a longer second", b"3rd"] {
        save(store, payload).await;
        assert_eq!(load(store).await.as_deref(), Some(payload));
    }
    assert_eq!(load(store).await.as_deref(), Some(&b"3rd"[..]), "again");
}

async fn any_bytes_come_back(store: &impl CheckpointStore) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let large = every_byte.repeat(4096);
    for payload in [&every_byte[..], &large, b"\n\n", b""] {
        save(store, payload).await;
        assert!(
            load(store).await.as_deref() == Some(payload),
            "{} bytes",
            payload.len()
        );
    }
}

async fn a_cleared_store_has_no_checkpoint_and_can_be_used_again(store: &impl CheckpointStore) {
    save(store, b"first").await;
    save(store, b"second").await;
    clear(store).await;
    assert_eq!(load(store).await, None);
    save(store, b"third").await;
    assert_eq!(load(store).await.as_deref(), Some(&b"third"[..]));
}

async fn dropped_saves_leave_a_whole_payload(store: &impl CheckpointStore) {
    save(store, b"before").await;
    for round in 0..20_u8 {
        let dropped = [round; 5000];
        poll_once(store.save(&dropped)).await;
        let loaded = load(store).await;
        let whole = loaded.as_deref() == Some(&dropped[..])
            || loaded.as_deref() == Some(&[round; 3][..])
            || loaded.as_deref() == Some(&b"before"[..])
            || (round > 0 && loaded.as_deref() == Some(&[round - 1; 3][..]));
        assert!(whole, "round {round}: {loaded:?}");
        save(store, &[round; 3]).await;
        assert_eq!(
            load(store).await.as_deref(),
            Some(&[round; 3][..]),
            "a dropped save came after a later one"
        );
    }
}

/// Polls a future once and drops it.
async fn poll_once(future: impl Future) {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        let _ = future.as_mut().poll(context);
        std::task::Poll::Ready(())
    })
    .await;
}

async fn load(store: &impl CheckpointStore) -> Option<Vec<u8>> {
    match store.load().await {
        Ok(loaded) => loaded.map(|loaded| {
            assert_eq!(loaded.fell_back, None, "nothing was damaged");
            loaded.payload
        }),
        Err(error) => panic!("load: {error}"),
    }
}

async fn save(store: &impl CheckpointStore, payload: &[u8]) {
    if let Err(error) = store.save(payload).await {
        panic!("save: {error}");
    }
}

async fn clear(store: &impl CheckpointStore) {
    if let Err(error) = store.clear().await {
        panic!("clear: {error}");
    }
}
