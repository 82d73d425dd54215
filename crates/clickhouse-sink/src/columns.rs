//! The columns of a table, and how rows fit them. Pure.

use clickhouse::Row;
use serde::Deserialize;

use crate::encode::{ColumnSpec, TableColumn};

/// A line of `DESCRIBE TABLE`.
#[derive(Row, Deserialize)]
pub(crate) struct Described {
    name: String,
    r#type: String,
    default_type: String,
    #[expect(dead_code, reason = "the client wants every column of DESCRIBE")]
    default_expression: String,
    #[expect(dead_code, reason = "the client wants every column of DESCRIBE")]
    comment: String,
    #[expect(dead_code, reason = "the client wants every column of DESCRIBE")]
    codec_expression: String,
    #[expect(dead_code, reason = "the client wants every column of DESCRIBE")]
    ttl_expression: String,
}

/// Finds the written columns in the table, in the order in which they are written.
pub(crate) fn fit(
    described: &[Described],
    written: &[ColumnSpec],
) -> Result<Vec<TableColumn>, String> {
    if written.is_empty() {
        return Err("rows name no columns".to_owned());
    }
    let columns = written.iter().map(|spec| fit_column(described, spec));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let unfilled = described.iter().find(|column| {
        column.default_type.is_empty() && !written.iter().any(|spec| spec.name == column.name)
    });
    match unfilled {
        Some(column) => Err(format!(
            "column `{}` has no default, and rows do not write it",
            column.name
        )),
        None => Ok(columns),
    }
}

fn fit_column(described: &[Described], spec: &ColumnSpec) -> Result<TableColumn, String> {
    let Some(column) = described.iter().find(|column| column.name == spec.name) else {
        return Err(format!("it has no column `{}`", spec.name));
    };
    if matches!(column.default_type.as_str(), "MATERIALIZED" | "ALIAS") {
        return Err(format!("column `{}` is {}", spec.name, column.default_type));
    }
    let column = TableColumn {
        name: column.name.clone(),
        data_type: column.r#type.clone(),
    };
    match spec.data_type {
        Some(data_type) if !column.takes(data_type) => Err(format!(
            "column `{}` is {}, rows write {data_type}",
            spec.name, column.data_type
        )),
        _ => Ok(column),
    }
}

/// Quotes a name for SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(name: &str, data_type: &str, default_type: &str) -> Described {
        Described {
            name: name.to_owned(),
            r#type: data_type.to_owned(),
            default_type: default_type.to_owned(),
            default_expression: String::new(),
            comment: String::new(),
            codec_expression: String::new(),
            ttl_expression: String::new(),
        }
    }

    fn check(table: &[(&str, &str, &str)], written: &[ColumnSpec], expected: Result<&str, &str>) {
        let table: Vec<_> = table.iter().map(|(n, t, d)| described(n, t, d)).collect();
        let fitted = fit(&table, written).map(|columns| {
            let columns = columns.into_iter();
            let columns = columns.map(|c| format!("{} {}", c.name, c.data_type));
            columns.collect::<Vec<_>>().join(", ")
        });
        assert_eq!(fitted.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn columns_come_in_the_order_in_which_rows_write_them() {
        let table = [
            ("a", "UInt8", ""),
            ("b", "String", ""),
            ("at", "DateTime", "DEFAULT"),
        ];
        let written = [ColumnSpec::typed("b", "String"), ColumnSpec::named("a")];
        check(&table, &written, Ok("b String, a UInt8"));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let table = [("a", "UInt8", ""), ("m", "UInt8", "MATERIALIZED")];
        let a = ColumnSpec::named("a");
        check(
            &table,
            &[a, ColumnSpec::named("x")],
            Err("it has no column `x`"),
        );
        check(
            &table,
            &[a, ColumnSpec::named("m")],
            Err("column `m` is MATERIALIZED"),
        );
        check(
            &table,
            &[ColumnSpec::typed("a", "Int8")],
            Err("column `a` is UInt8, rows write Int8"),
        );
        let table = [("a", "UInt8", ""), ("b", "UInt8", "")];
        check(
            &table,
            &[a],
            Err("column `b` has no default, and rows do not write it"),
        );
        check(&table, &[], Err("rows name no columns"));
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("a`b\\c"), "`a\\`b\\\\c`");
    }
}
