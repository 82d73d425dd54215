use std::sync::Mutex;

use checkpoint_store::{FileStore, InMemory, conformance};

use crate::{Place, job};

#[tokio::test]
async fn the_file_store_conforms() {
    let places = Mutex::new(Vec::new());
    conformance::run(async || {
        let place = Place::new();
        let store = FileStore::open(&place.path, &job()).unwrap();
        places.lock().unwrap().push(place);
        store
    })
    .await;
}

#[tokio::test]
async fn the_in_memory_store_conforms() {
    conformance::run(async || InMemory::new(job())).await;
}
