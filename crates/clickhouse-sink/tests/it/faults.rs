//! Any mix of failures leaves every row in the table once.

use clickhouse_sink::{Config, Sink};
use proptest::prelude::*;

use crate::fake::{Fake, Fate, exception};
use crate::row::{config, rows};

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Commit),
        1 => Just(Fate::Reset),
        1 => Just(Fate::CommitAndReset),
        1 => Just(Fate::Refuse(503, String::new())),
        1 => Just(Fate::CommitAndAnswer(502, "Bad Gateway".to_owned())),
        1 => Just(exception(202, "Too many simultaneous queries")),
        1 => Just(exception(252, "Too many parts")),
        1 => Just(Fate::CommitAndAnswer(500, "Code: 999. DB::Exception: Keeper".to_owned())),
        1 => Just(exception(252, "Too many partitions for single INSERT block")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_row_is_in_once_and_every_receipt_resolves(
        fates in prop::collection::vec(fate(), 0..40),
        sends in prop::collection::vec(1_u64..40, 1..12),
        max_rows in 1_usize..60,
        queue_rows in 1_usize..100,
        parallel_inserts in 1_usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut config = Config { max_rows, queue_rows, parallel_inserts, ..config() };
            // Too many partitions after a lost answer is tried this often before it is given up.
            config.retry.doubtful_attempts = 100;
            let mut fates = fates.into_iter();
            let fake = Fake::start(move |_, attempt| match fates.next() {
                // One row is never in too many partitions.
                Some(Fate::Refuse(_, text)) if text.contains("partitions") && attempt.ids().len() == 1 => Fate::Commit,
                fate => fate.unwrap_or(Fate::Commit),
            })
            .await;
            let sink = Sink::start(fake.client(), config).await.unwrap();
            let (mut next, mut receipts) = (0, Vec::new());
            for count in sends {
                receipts.push((count, sink.send(rows(next..next + count)).await.unwrap()));
                next += count;
            }
            sink.close().await.unwrap();
            for (count, receipt) in receipts {
                assert_eq!(receipt.await.unwrap().inserted as u64, count);
            }
            assert_eq!(fake.table(), (0..next).collect::<Vec<_>>());
            let stats = sink.stats();
            assert_eq!((stats.rows_inserted, stats.rows_waiting), (next, 0));
            assert_eq!(stats.rows_in_flight, 0);
        });
    }
}
