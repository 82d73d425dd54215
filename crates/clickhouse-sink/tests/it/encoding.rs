//! Our RowBinary against the official client's.

use std::collections::BTreeMap;

use clickhouse_sink::EncodeRow;
use proptest::prelude::*;
use serde::Serialize;

use crate::fake::Fake;

#[derive(Debug, clickhouse::Row, Serialize)]
struct Wide {
    flag: bool,
    small: (i8, i16, i32, i64, i128),
    large: (u8, u16, u32, u64, u128),
    real: (f32, f64),
    text: String,
    blob: serde_bytes_like::Blob,
    fixed: [u8; 20],
    maybe: Option<u32>,
    nested: Vec<Option<String>>,
    pairs: BTreeMap<String, Vec<u8>>,
    wide: clickhouse::types::UInt256,
    either: Either,
}

#[derive(Debug, Serialize)]
enum Either {
    Number(u64),
    Text(String),
}

/// Bytes that serialize as bytes.
mod serde_bytes_like {
    #[derive(Debug)]
    pub(super) struct Blob(pub(super) Vec<u8>);

    impl serde::Serialize for Blob {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.0)
        }
    }
}

prop_compose! {
    fn wide()(
        flag: bool,
        small: (i8, i16, i32, i64, i128),
        large: (u8, u16, u32, u64, u128),
        real: (f32, f64),
        text in ".{0,200}",
        blob: Vec<u8>,
        fixed: [u8; 20],
        maybe: Option<u32>,
        nested in prop::collection::vec(prop::option::of(".{0,5}"), 0..5),
        pairs in prop::collection::btree_map(".{0,5}", any::<Vec<u8>>(), 0..4),
        wide: [u8; 32],
        either in prop_oneof![
            any::<u64>().prop_map(Either::Number),
            ".{0,9}".prop_map(Either::Text),
        ],
    ) -> Wide {
        let wide = clickhouse::types::UInt256::from_le_bytes(wide);
        let blob = serde_bytes_like::Blob(blob);
        Wide { flag, small, large, real, text, blob, fixed, maybe, nested, pairs, wide, either }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_are_the_bytes_that_the_official_client_sends(rows in prop::collection::vec(wide(), 1..4)) {
        let mut ours = Vec::new();
        for row in &rows {
            row.encode(&mut ours).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let theirs = runtime.block_on(async {
            let fake = Fake::start(|_, _| crate::fake::Fate::Refuse(200, String::new())).await;
            let client = fake.client().with_validation(false);
            let mut insert = client.insert::<Wide>("t").await.unwrap();
            for row in &rows {
                insert.write(row).await.unwrap();
            }
            insert.end().await.unwrap();
            fake.attempts()[0].body.clone()
        });
        prop_assert_eq!(ours, theirs);
    }
}
