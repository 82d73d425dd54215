//! The documents speak of the metrics that there are.

use std::collections::BTreeSet;
use std::path::Path;

use monitor::{METRICS, reference};
use serde_json::Value;

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the names in a query that begin as ours do.
fn names(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("clob_backfill_"))
}

fn known() -> BTreeSet<String> {
    METRICS.iter().map(|metric| metric.scraped()).collect()
}

#[test]
fn the_document_has_every_metric() {
    let expected = reference();
    assert!(
        document("METRICS.md").contains(&expected),
        "docs/METRICS.md should contain:\n\n{expected}"
    );
}

#[test]
fn every_query_of_the_document_names_metrics_that_exist() {
    let text = document("METRICS.md");
    let known = known();
    let unknown: Vec<&str> = names(&text).filter(|name| !known.contains(*name)).collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn every_query_of_the_dashboard_names_metrics_that_exist() {
    let dashboard: Value = serde_json::from_str(&document("grafana.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut queries = 0;
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(panel["gridPos"]["w"].as_u64().unwrap() <= 24, "{title}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let found: Vec<&str> = names(query).collect();
            assert!(!found.is_empty(), "{title}: {query}");
            for name in found {
                assert!(known().contains(name), "{title}: {name}");
            }
            queries += 1;
        }
    }
    assert!(queries >= 15, "{queries} queries");
    // What a dashboard needs to be taken by an import.
    for key in ["title", "uid", "schemaVersion", "templating", "time"] {
        assert!(!dashboard[key].is_null(), "{key}");
    }
    let inputs = &dashboard["templating"]["list"][0];
    assert_eq!(
        (&inputs["name"], &inputs["query"]),
        (&"datasource".into(), &"prometheus".into())
    );
}
