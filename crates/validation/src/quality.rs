//! Can every row be true?

use clickhouse::Row;
use fills::{CTF_EXCHANGE, NEG_RISK_EXCHANGE, Scope, Span};
use serde::Deserialize;
use serde_json::Value;

use crate::difference::Differences;
use crate::passes::Month;
use crate::{Check, Error, Figures, Finding, Kind, Level, Outcome, Validation};

/// Rows of a sample for the eye.
const SAMPLE_ROWS: u64 = 10;

/// Sums over rows. Those that are `impossible_…` no contract and no loader can bring about; the
/// others happen, on dust above all, and are listed.
#[derive(Debug, Default, Row, Deserialize)]
struct RowSums {
    rows: u64,
    no_shares: u64,
    no_usdc: u64,
    price_above_one: u64,
    no_token: u64,
    no_wallet: u64,
    no_counterparty: u64,
    no_transaction: u64,
    no_order: u64,
    no_side: u64,
    before_the_source: u64,
    behind_the_source: u64,
    in_the_future: u64,
    taker_orders: u64,
}

impl RowSums {
    fn add(&mut self, other: &Self) {
        let pairs = self.fields_mut().into_iter().zip(other.fields());
        pairs.for_each(|(sum, (_, number))| *sum += number);
    }

    fn fields(&self) -> [(&'static str, u64); 14] {
        [
            ("rows", self.rows),
            ("no_shares", self.no_shares),
            ("no_usdc", self.no_usdc),
            ("price_above_one", self.price_above_one),
            ("no_token", self.no_token),
            ("no_wallet", self.no_wallet),
            ("no_counterparty", self.no_counterparty),
            ("no_transaction", self.no_transaction),
            ("no_order", self.no_order),
            ("no_side", self.no_side),
            ("before_the_source", self.before_the_source),
            ("behind_the_source", self.behind_the_source),
            ("in_the_future", self.in_the_future),
            ("taker_orders", self.taker_orders),
        ]
    }

    fn fields_mut(&mut self) -> [&mut u64; 14] {
        [
            &mut self.rows,
            &mut self.no_shares,
            &mut self.no_usdc,
            &mut self.price_above_one,
            &mut self.no_token,
            &mut self.no_wallet,
            &mut self.no_counterparty,
            &mut self.no_transaction,
            &mut self.no_order,
            &mut self.no_side,
            &mut self.before_the_source,
            &mut self.behind_the_source,
            &mut self.in_the_future,
            &mut self.taker_orders,
        ]
    }
}

/// The checks over rows, and the sums that each is about and must be 0 for it to hold.
const ROW_CHECKS: [(&str, &[&str]); 4] = [
    ("one USDC leg", &["no_token", "no_side"]),
    ("wallets", &["no_wallet", "no_counterparty"]),
    ("hashes", &["no_transaction", "no_order"]),
    (
        "timestamps",
        &["before_the_source", "behind_the_source", "in_the_future"],
    ),
];

impl Validation {
    /// Looks at every row, and at every transaction.
    ///
    /// # Errors
    /// Any error of the table, or of the source where it is asked about what looks wrong.
    pub(crate) async fn quality(
        &self,
        differences: &mut Differences,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let mut sums = RowSums::default();
        let months = self.months().await?;
        for (index, Month { month, .. }) in months.iter().enumerate() {
            let (done, of) = (index as u64, months.len() as u64);
            self.progress.tell(Level::Quality, "rows", done, of);
            let condition = format!("toYYYYMM(timestamp) = {month}");
            sums.add(&self.table.row(&self.row_sums(&condition)).await?);
        }
        self.row_checks(&sums, outcome);
        self.progress
            .tell(Level::Quality, "transactions", 0, months.len() as u64);
        self.transactions(&months, differences, outcome).await?;
        self.outside(&sums, differences).await?;
        outcome.checks.push(self.sample(sums.rows).await?);
        Ok(())
    }

    /// Finds the rows outside of the source's range, where it has no fill.
    async fn outside(&self, sums: &RowSums, differences: &mut Differences) -> Result<(), Error> {
        let (all, span) = (self.coverage.reach(), self.coverage.span);
        for (rows, span) in [
            (sums.before_the_source, Span::new(all.from, span.from)),
            (sums.behind_the_source, Span::new(span.to, all.to)),
        ] {
            if rows > 0 {
                let scope = Scope { span, tokens: None };
                self.compare(scope, differences).await?;
            }
        }
        Ok(())
    }

    fn row_sums(&self, condition: &str) -> String {
        let span = self.coverage.span;
        let (first, end) = (span.from, span.to);
        format!(
            "-- row_sums\nSELECT count() AS rows, countIf(shares = 0) AS no_shares, \
             countIf(usdc = 0) AS no_usdc, countIf(shares != 0 AND usdc > shares) AS price_above_one, \
             countIf(token_id = 0) AS no_token, \
             countIf(maker = toFixedString('', 20)) AS no_wallet, \
             countIf(taker = toFixedString('', 20)) AS no_counterparty, \
             countIf(tx_hash = toFixedString('', 32)) AS no_transaction, \
             countIf(order_hash = toFixedString('', 32)) AS no_order, \
             countIf(toUInt8(side) NOT IN (1, 2)) AS no_side, \
             countIf(toUInt32(timestamp) < {first}) AS before_the_source, \
             countIf(toUInt32(timestamp) >= {end}) AS behind_the_source, \
             countIf(timestamp > now()) AS in_the_future, \
             countIf({taker_order}) AS taker_orders\nFROM {data}\nWHERE {condition} AND {covered}",
            taker_order = is_taker_order(),
            data = self.table.names().data(),
            covered = self.coverage.condition(),
        )
    }

    fn row_checks(&self, sums: &RowSums, outcome: &mut Outcome) {
        let query = self.row_sums("1");
        let all = sums.fields();
        let number = |name: &str| {
            all.iter()
                .find(|(sum, _)| *sum == name)
                .map_or(0, |(_, n)| *n)
        };
        let prices = ["no_shares", "no_usdc", "price_above_one"];
        let figures = prices
            .into_iter()
            .fold(Figures::new().with("rows", sums.rows), |figures, name| {
                figures.with(name, number(name))
            });
        // What the source serves is what is loaded: these have causes, and no row of them is wrong
        // by itself.
        let price = Check::new(Level::Quality, "prices", true, figures, query.clone());
        outcome.checks.push(price);
        let figures = Figures::new()
            .with("taker_orders", sums.taker_orders)
            .with("maker_orders", sums.rows - sums.taker_orders);
        let roles = Check::new(Level::Quality, "roles", true, figures, query.clone());
        outcome.checks.push(roles);
        for (name, about) in ROW_CHECKS {
            let bad: u64 = about.iter().map(|sum| number(sum)).sum();
            let figures = about.iter().fold(Figures::new(), |figures, sum| {
                figures.with(*sum, number(sum))
            });
            for sum in about.iter().filter(|sum| number(sum) > 0) {
                let place = (Level::Quality, name);
                let finding = Finding::new(Kind::ImpossibleRow, place, 0, number(sum));
                outcome.findings.push(finding.about(sum.replace('_', " ")));
            }
            let check = Check::new(Level::Quality, name, bad == 0, figures, query.clone());
            outcome.checks.push(check);
        }
    }

    /// Picks rows for the eye.
    async fn sample(&self, rows: u64) -> Result<Check, Error> {
        // Four times as many as wanted, so that there are nearly always enough.
        let one_of = (rows / (4 * SAMPLE_ROWS)).max(1);
        let query = format!(
            "-- sample\nSELECT toJSONString(map('fill_id', concat('0x', lower(hex(tx_hash)), '_0x', \
             lower(hex(order_hash)), if(nth_from_last = 0, '', concat('_', toString(nth_from_last)))), 'wallet', concat('0x', lower(hex(maker))), 'token_id', \
             toString(token_id), 'side', toString(side), 'shares', toString(shares), 'usdc', \
             toString(usdc), 'timestamp', toString(timestamp)))\nFROM {data}\n\
             WHERE rand64() % {one_of} = 0\nLIMIT {SAMPLE_ROWS}",
            data = self.table.names().data(),
        );
        let rows: Vec<String> = self.table.rows(&query).await?;
        let rows: Vec<Value> = rows
            .iter()
            .filter_map(|row| serde_json::from_str(row).ok())
            .collect();
        let figures = Figures::new().with("rows", rows);
        Ok(Check::new(Level::Quality, "sample", true, figures, query))
    }
}

/// Returns the condition that a row is the crossing order itself, as SQL.
pub(crate) fn is_taker_order() -> String {
    let bytes = |address: fills::Address| {
        let text = address.to_string();
        format!("unhex('{}')", text.trim_start_matches("0x"))
    };
    let (ctf, neg_risk) = (bytes(CTF_EXCHANGE), bytes(NEG_RISK_EXCHANGE));
    format!(
        "(taker IN ({ctf}, {neg_risk}) OR (taker = exchange AND taker != toFixedString('', 20)))"
    )
}
