//! The market catalogue, and what readers see of it.

use fill_table::{FillTable, MarketEntry, MarketSource, Selection, TableGroups};
use fills::{Fill, TokenGroups, TokenId};

use crate::fixture::{bare_entry, condition, fill, full_entry, loaded, number, table, text};

async fn load(table: &FillTable, source: MarketSource, entries: Vec<MarketEntry>) {
    let catalogue = table.catalogue();
    for page in entries.chunks(2) {
        catalogue.add(source, page).await.unwrap();
    }
    catalogue.publish().await.unwrap();
}

const SHOWN: &str = "SELECT concat(condition_id, '|', outcome, '|', market_slug, '|', \
                     ifNull(toString(outcome_index), '?')) FROM clob_fills_v2";

#[tokio::test]
async fn a_catalogue_that_comes_late_shows_in_rows_that_are_there() {
    let store = loaded("catalogue_late", &[fill(5)]).await;
    let table = store.table();
    assert_eq!(text(table, SHOWN).await, "|||?");

    load(table, MarketSource::Subgraph, vec![bare_entry(5, 9)]).await;
    let condition = condition(9);
    assert_eq!(text(table, SHOWN).await, format!("{condition}|||?"));

    load(table, MarketSource::Gamma, vec![full_entry(5, 9)]).await;
    assert_eq!(
        text(table, SHOWN).await,
        format!("{condition}|No|will-it-rain|1")
    );
}

#[tokio::test]
async fn bare_conditions_loaded_again_do_not_wipe_texts() {
    let store = loaded("catalogue_again", &[fill(5)]).await;
    let table = store.table();
    load(table, MarketSource::Gamma, vec![full_entry(5, 9)]).await;
    load(table, MarketSource::Subgraph, vec![bare_entry(5, 9)]).await;
    let full = format!("{}|No|will-it-rain|1", condition(9));
    assert_eq!(text(table, SHOWN).await, full);

    // Merged on disk it is the same as merged on reading.
    let optimize = "OPTIMIZE TABLE clob_fills_v2_markets_data FINAL";
    crate::fixture::execute(table, optimize).await;
    table.catalogue().publish().await.unwrap();
    assert_eq!(text(table, SHOWN).await, full);
}

#[tokio::test]
async fn loading_the_same_again_leaves_one_row_for_each_token() {
    let table = table("catalogue_twice").await;
    let entries = vec![full_entry(1, 1), full_entry(2, 1), full_entry(3, 2)];
    load(&table, MarketSource::Gamma, entries.clone()).await;
    let before = table.catalogue().size(&Selection::All).await.unwrap();
    load(&table, MarketSource::Gamma, entries).await;
    let rows = number(&table, "SELECT count() FROM markets").await;
    assert_eq!(rows, 3);
    let after = table.catalogue().size(&Selection::All).await.unwrap();
    assert_eq!(after, before);
    assert_eq!((after.tokens, after.markets), (3, 2));
}

#[tokio::test]
async fn a_newer_text_of_one_source_replaces_the_older() {
    let store = loaded("catalogue_newer", &[fill(5)]).await;
    load(store.table(), MarketSource::Gamma, vec![full_entry(5, 9)]).await;
    let renamed = MarketEntry {
        slug: "a-better-name".to_owned(),
        ..full_entry(5, 9)
    };
    load(store.table(), MarketSource::Gamma, vec![renamed]).await;
    let slug = "SELECT market_slug FROM clob_fills_v2";
    assert_eq!(text(store.table(), slug).await, "a-better-name");
}

/// Tokens 1 to 9 in conditions 1 to 5, and one above 2^255.
async fn catalogue_of_ten(database: &str) -> (FillTable, Vec<TokenId>) {
    let table = table(database).await;
    let large = TokenId::from_le_bytes([0xff; 32]);
    let mut entries: Vec<_> = (1..=9)
        .map(|n| bare_entry(n, 1 + (n as u8 - 1) / 2))
        .collect();
    entries.push(MarketEntry {
        token_id: large,
        ..bare_entry(0, 5)
    });
    entries.reverse();
    load(&table, MarketSource::Subgraph, entries).await;
    let mut tokens: Vec<_> = (1..=9).map(TokenId::from).collect();
    tokens.push(large);
    (table, tokens)
}

#[tokio::test]
async fn tokens_come_in_numeric_order() {
    let (table, expected) = catalogue_of_ten("catalogue_pages").await;
    let catalogue = table.catalogue();
    for (first, end) in [(0, 4), (3, 9), (8, 9), (5, 5)] {
        let (from, to) = (expected[first], Some(expected[end]));
        let some = catalogue.tokens_within(&Selection::All, from, to).await;
        assert_eq!(some.unwrap(), expected[first..end]);
    }
    let rest = catalogue
        .tokens_within(&Selection::All, expected[7], None)
        .await;
    assert_eq!(rest.unwrap(), expected[7..]);
    let thirds = catalogue.every_nth_token(&Selection::All, 3).await.unwrap();
    assert_eq!(thirds, [expected[0], expected[3], expected[6], expected[9]]);
}

#[tokio::test]
async fn selections_are_conditions_tokens_or_first_markets() {
    let (table, all) = catalogue_of_ten("catalogue_selections").await;
    let catalogue = table.catalogue();
    let unlisted = TokenId::from(77);
    let only = Selection::Only {
        conditions: vec![condition(1), condition(4), condition(200)],
        tokens: vec![all[0], unlisted],
    };
    let tokens = catalogue
        .tokens_within(&only, 0.into(), None)
        .await
        .unwrap();
    assert_eq!(tokens, [all[0], all[1], all[6], all[7], unlisted]);
    let size = catalogue.size(&only).await.unwrap();
    assert_eq!((size.tokens, size.markets), (5, 2));

    let first = Selection::FirstMarkets(2);
    let tokens = catalogue
        .tokens_within(&first, 0.into(), None)
        .await
        .unwrap();
    assert_eq!(tokens, all[..4]);
    let first_size = catalogue.size(&first).await.unwrap();
    assert_eq!((first_size.tokens, first_size.markets), (4, 2));

    let all_size = catalogue.size(&Selection::All).await.unwrap();
    assert_ne!(all_size.fingerprint, first_size.fingerprint);
    assert_ne!(size.fingerprint, first_size.fingerprint);

    let asked = [condition(200), condition(1), condition(201)];
    let unknown = catalogue.unknown_conditions(&asked).await.unwrap();
    assert_eq!(unknown, [condition(200), condition(201)]);
}

#[tokio::test]
async fn an_empty_catalogue_is_an_empty_selection() {
    let table = table("catalogue_empty").await;
    let size = table.catalogue().size(&Selection::All).await.unwrap();
    assert_eq!((size.tokens, size.markets, size.fingerprint), (0, 0, 0));
    let groups = TableGroups::new(table.catalogue(), Selection::All, 3)
        .await
        .unwrap();
    assert_eq!(groups.count(), 0);
    assert_eq!(table.catalogue().last_id().await.unwrap(), "");
}

#[tokio::test]
async fn groups_hold_every_token_once() {
    let (table, all) = catalogue_of_ten("catalogue_groups").await;
    let groups = TableGroups::new(table.catalogue(), Selection::All, 4)
        .await
        .unwrap();
    assert_eq!((groups.count(), groups.tokens()), (3, 10));
    for (index, expected) in (0..).zip(all.chunks(4)) {
        assert_eq!(
            &*TokenGroups::tokens(&groups, index).await.unwrap(),
            expected
        );
    }
    assert!(TokenGroups::tokens(&groups, 3).await.is_err());
}

#[tokio::test]
async fn a_token_that_comes_later_pushes_none_out_of_its_group() {
    let (table, all) = catalogue_of_ten("catalogue_later").await;
    let groups = TableGroups::new(table.catalogue(), Selection::All, 4)
        .await
        .unwrap();
    let before = groups.fingerprint();
    let between = MarketEntry {
        token_id: TokenId::from(0),
        ..bare_entry(0, 7)
    };
    let inside = {
        // Right above token 4, which ends the first group.
        let mut bytes = TokenId::from(4).to_le_bytes();
        bytes[31] = 1;
        TokenId::from_le_bytes(bytes)
    };
    let entries = vec![
        between,
        MarketEntry {
            token_id: inside,
            ..bare_entry(0, 7)
        },
    ];
    load(&table, MarketSource::Subgraph, entries).await;
    let mut seen = Vec::new();
    for index in 0..groups.count() {
        seen.extend(
            TokenGroups::tokens(&groups, index)
                .await
                .unwrap()
                .iter()
                .copied(),
        );
    }
    assert!(all.iter().all(|token| seen.contains(token)), "{seen:?}");
    let anew = TableGroups::new(table.catalogue(), Selection::All, 4)
        .await
        .unwrap();
    assert_ne!(anew.fingerprint(), before);
}

#[tokio::test]
async fn a_stopped_load_goes_on_behind_the_last_id_whatever_gamma_says() {
    let (table, _) = catalogue_of_ten("catalogue_last").await;
    // As texts, 9 comes behind the large id, which begins with 1.
    assert_eq!(table.catalogue().last_id().await.unwrap(), "9");
    load(
        &table,
        MarketSource::Gamma,
        vec![full_entry(95, 9), full_entry(9, 5)],
    )
    .await;
    let optimize = "OPTIMIZE TABLE clob_fills_v2_markets_data FINAL";
    crate::fixture::execute(&table, optimize).await;
    assert_eq!(table.catalogue().last_id().await.unwrap(), "9");
}

#[tokio::test]
async fn texts_of_any_kind_come_through() {
    let store = loaded(
        "catalogue_texts",
        &[Fill {
            token_id: 5.into(),
            ..fill(1)
        }],
    )
    .await;
    let odd = MarketEntry {
        outcome: "'\\\n\u{1f327} \"No\"".to_owned(),
        ..full_entry(5, 9)
    };
    load(store.table(), MarketSource::Gamma, vec![odd.clone()]).await;
    let outcome = text(store.table(), "SELECT toString(outcome) FROM clob_fills_v2").await;
    assert_eq!(outcome, odd.outcome);
}

#[tokio::test]
async fn tokens_without_a_condition_are_found_among_the_last_days_fills_and_all() {
    let old = Fill {
        timestamp: fill(1).timestamp - 2 * 86_400,
        ..fill(1)
    };
    let store = loaded("catalogue_unknown", &[old, fill(2), fill(3), fill(4)]).await;
    let catalogue = store.table().catalogue();
    load(
        store.table(),
        MarketSource::Subgraph,
        vec![bare_entry(3, 1)],
    )
    .await;
    let sorted = |mut tokens: Vec<TokenId>| {
        tokens.sort_unstable();
        tokens
    };
    let lately = catalogue.unknown_of_the_last_day(10).await.unwrap();
    assert_eq!(sorted(lately), [2.into(), 4.into()]);
    let ever = catalogue.unknown_of_all(10).await.unwrap();
    assert_eq!(sorted(ever), [1.into(), 2.into(), 4.into()]);
    assert_eq!(catalogue.unknown_of_the_last_day(1).await.unwrap().len(), 1);
}
