//! Reading the answer to a survey.

use api_client::Failure;
use fills::Survey;
use serde::Deserialize;

use crate::salvage;
use crate::wire::Data;

#[derive(Deserialize)]
struct Edge {
    timestamp: String,
}

/// Reads what the source says of itself. A survey may go back: the source decides where it is.
pub(crate) fn read(body: &[u8]) -> Result<Survey, Failure> {
    let data = Data::open(body, 0)?;
    let oldest = edge(&data, "oldest")?;
    let newest = edge(&data, "newest")?;
    let meta = data.meta;
    Ok(Survey {
        deployment: meta
            .deployment
            .ok_or_else(|| Failure::misshapen("_meta does not name the deployment"))?,
        head_block: meta.block.number,
        head_timestamp: meta.block.timestamp,
        oldest,
        newest,
    })
}

fn edge(data: &Data<'_>, alias: &str) -> Result<Option<u64>, Failure> {
    let rows: Vec<Edge> = serde_json::from_str(data.field(alias)?.get())
        .map_err(|error| Failure::misshapen(format!("{alias} does not read: {error}")))?;
    rows.first()
        .map(|row| {
            salvage::seconds(&row.timestamp)
                .ok_or_else(|| Failure::misshapen(format!("the {alias} fill has no time")))
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_client::Class;

    fn answer(oldest: &str, newest: &str) -> String {
        format!(
            r#"{{"data":{{"_meta":{{"block":{{"number":7,"timestamp":null}},"deployment":"Qm","hasIndexingErrors":false}},"oldest":{oldest},"newest":{newest}}}}}"#
        )
    }

    #[test]
    fn edges_are_read() {
        let body = answer(r#"[{"timestamp":"5"}]"#, r#"[{"timestamp":"9"}]"#);
        let survey = read(body.as_bytes()).unwrap();
        assert_eq!((survey.oldest, survey.newest), (Some(5), Some(9)));
        assert_eq!((survey.head_block, survey.head_timestamp), (7, None));
        assert_eq!(survey.deployment, "Qm");
    }

    #[test]
    fn a_source_without_fills_has_no_edges() {
        let survey = read(answer("[]", "[]").as_bytes()).unwrap();
        assert_eq!((survey.oldest, survey.newest), (None, None));
    }

    #[test]
    fn an_edge_that_is_no_time_is_misshapen() {
        for edge in [r#"[{"timestamp":"x"}]"#, r#"[{"timestamp":5}]"#, "null"] {
            let failure = read(answer(edge, "[]").as_bytes()).unwrap_err();
            assert_eq!(failure.class, Class::Misshapen, "{edge}");
        }
    }
}
