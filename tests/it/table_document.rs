//! What the documents say of the table is so, and each of their queries answers.

use std::fs;
use std::path::Path;

use crate::harness::*;

fn document(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// Returns the statements of all blocks of SQL.
fn queries(document: &str) -> Vec<String> {
    let blocks = document.split("```sql\n").skip(1);
    let blocks = blocks.filter_map(|rest| Some(rest.split_once("\n```")?.0));
    blocks
        .flat_map(|block| block.split(';'))
        .map(|statement| statement.trim().to_owned())
        .filter(|statement| !statement.is_empty())
        .collect()
}

/// Returns name and type of each row of the table of columns.
fn columns(document: &str) -> Vec<(String, String)> {
    let (_, rest) = document.split_once("## Columns\n").unwrap();
    let (table, _) = rest.split_once("\n## ").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut columns: Vec<_> = rows
        .flat_map(|row| {
            let cells: Vec<&str> = row.split(" | ").collect();
            let kind = cells[1].trim_matches('`').to_owned();
            let names = cells[0].trim_end_matches('`').split("`, `");
            names
                .map(|name| (name.to_owned(), kind.clone()))
                .collect::<Vec<_>>()
        })
        .collect();
    columns.sort();
    columns
}

/// Loads fills, and texts of their markets.
async fn loaded(directory: &Path) -> Engine {
    let source = Source::start(directory, &["--fills", "5000", "--markets", "60"]);
    Running::start(ingest(directory, &source, &[]))
        .end()
        .expect(0);
    let markets = ["markets", "--gamma", "--gamma-url", &source.url("/gamma")];
    Running::start(ingest(directory, &source, &markets))
        .end()
        .expect(0);
    Engine::start(directory)
}

#[tokio::test]
async fn every_query_of_the_documents_answers() {
    let directory = tempfile::tempdir().unwrap();
    let engine = loaded(directory.path()).await;
    engine
        .client()
        .query("INSERT INTO clob_fills_v2_dead_letters (fill_id, field, reason, event) VALUES ('0x1_0x2', 'side', 'none', '{}')")
        .execute()
        .await
        .unwrap();
    let busiest = async |column: &str, role: &str| {
        let sql = format!(
            "SELECT {column} FROM clob_fills_v2 WHERE role = '{role}' \
             GROUP BY 1 ORDER BY count() DESC LIMIT 1"
        );
        engine.text(&sql).await
    };
    let wallet = busiest("proxy_wallet", "maker").await;
    let market = busiest("condition_id", "taker").await;
    let queries = [
        queries(&document("docs/TABLE.md")),
        queries(&document("README.md")),
    ]
    .concat();
    assert!(queries.len() > 15, "only {} queries", queries.len());
    for query in queries {
        let query = query
            .replace(
                "condition_id = '0x…'",
                &format!("condition_id = '{market}'"),
            )
            .replace("0x…", &wallet);
        let answer = engine.text(&query).await;
        assert!(!answer.is_empty(), "no rows come of\n{query}");
    }
}

#[tokio::test]
async fn the_columns_are_those_of_the_document() {
    let directory = tempfile::tempdir().unwrap();
    let engine = loaded(directory.path()).await;
    let described = engine.text("DESCRIBE TABLE clob_fills_v2").await;
    let mut described: Vec<_> = described
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            (cells[0].to_owned(), cells[1].replace("\\'", "'"))
        })
        .collect();
    described.sort();
    assert_eq!(columns(&document("docs/TABLE.md")), described);
}
