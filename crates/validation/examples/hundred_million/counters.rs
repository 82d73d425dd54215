//! The source's counters, served over HTTP as a graph-node does, from a table beside the fills.
//!
//! They are made from the rows by SQL, so they agree; what is measured is how long it takes to read
//! and to compare them. The simulator holds its data in memory and has no place for these.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use fill_table::FillTable;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::Failed;

/// The block that every answer is from.
pub(crate) const BLOCK: u64 = 1;

const MAKE: &str = "CREATE TABLE made_counters ENGINE = MergeTree ORDER BY id AS \
    SELECT toString(token_id) AS id, count() AS trades, countIf(side = 'BUY') AS buys, \
    sum(usdc) AS volume, sumIf(usdc, side = 'BUY') AS buy_volume FROM DATA GROUP BY token_id \
    SETTINGS max_bytes_before_external_group_by = 500000000, \
    max_bytes_ratio_before_external_group_by = 0";

/// Makes the counters and serves them as long as the runtime lives.
pub(crate) async fn serve(table: &FillTable) -> Result<SocketAddr, Failed> {
    let data = table.names().data().to_string();
    table.run(&MAKE.replace("DATA", &data)).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let table = table.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let table = table.clone();
            let answer = service_fn(move |request| answered(table.clone(), request));
            let serving = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), answer);
            tokio::spawn(serving);
        }
    });
    Ok(address)
}

async fn answered(
    table: FillTable,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = match answer(&table, request).await {
        Ok(body) => body,
        Err(error) => json!({ "errors": [{ "message": error.to_string() }] }),
    };
    Ok(Response::new(Full::new(Bytes::from(body.to_string()))))
}

/// Answers one request for pages of counters: `aN` and `zN` are the ends of page N.
async fn answer(table: &FillTable, request: Request<Incoming>) -> Result<Value, Failed> {
    let body = request.into_body().collect().await?.to_bytes();
    let body: Value = serde_json::from_slice(&body)?;
    let variables = &body["variables"];
    let meta = json!({ "block": { "number": BLOCK }, "hasIndexingErrors": false });
    let mut data = json!({ "_meta": meta });
    for page in 0.. {
        let Some(after) = variables[format!("a{page}")].as_str() else {
            break;
        };
        let through = variables[format!("z{page}")].as_str();
        data[format!("p{page}")] = books(table, after, through, &variables["n"]).await?;
    }
    Ok(json!({ "data": data }))
}

async fn books(
    table: &FillTable,
    after: &str,
    through: Option<&str>,
    limit: &Value,
) -> Result<Value, Failed> {
    let digits = |id: &str| id.chars().filter(char::is_ascii_digit).collect::<String>();
    let through = through.map(|id| format!(" AND id <= '{}'", digits(id)));
    let sql = format!(
        "SELECT id, trades, buys, volume, buy_volume FROM made_counters WHERE id > '{}'{} \
         ORDER BY id LIMIT {limit}",
        digits(after),
        through.unwrap_or_default()
    );
    let rows: Vec<(String, u64, u64, u128, u128)> = table.rows(&sql).await?;
    let book = |(id, trades, buys, volume, buy_volume): (String, u64, u64, u128, u128)| {
        json!({
            "id": id, "tradesQuantity": trades.to_string(), "buysQuantity": buys.to_string(),
            "sellsQuantity": (trades - buys).to_string(), "collateralVolume": volume.to_string(),
            "collateralBuyVolume": buy_volume.to_string(),
            "collateralSellVolume": (volume - buy_volume).to_string(),
        })
    };
    Ok(rows.into_iter().map(book).collect())
}
