//! Made-up events, of which hashes and wallets are derived when they are asked for.

use std::cmp::Ordering;
use std::sync::OnceLock;

use super::row::{CTF, Keys, NEG_RISK, Row};
use super::rows::{Column, Rows};
use super::texts::Texts;

/// The CTF exchange. **Source**: Polymarket/ctf-exchange, deployed at block 33605403.
pub(crate) const CTF_EXCHANGE: &[u8; 42] = b"0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e";
/// The negative-risk exchange. **Source**: Polymarket/neg-risk-ctf-adapter, block 50505492.
pub(crate) const NEG_RISK_EXCHANGE: &[u8; 42] = b"0xc5d563a36ae78145c45a50134d48a1215220f80a";

/// Both, as the `taker` of a crossing order.
pub(crate) const EXCHANGES: [&[u8]; 2] = [CTF_EXCHANGE, NEG_RISK_EXCHANGE];

/// All made-up events in order of `(timestamp, id)`.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) rows: Vec<Row>,
    pub(crate) keys: Keys,
    by_id: OnceLock<Vec<u32>>,
}

/// Made-up events together with the token ids that they show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MadeRows<'a> {
    pub(crate) made: &'a Made,
    pub(crate) tokens: &'a Texts,
}

impl Made {
    pub(crate) fn new(rows: Vec<Row>, keys: Keys) -> Self {
        Self {
            rows,
            keys,
            by_id: OnceLock::new(),
        }
    }
}

fn push_hex<const BYTES: usize, const DIGITS: usize>(bytes: &[u8; BYTES], out: &mut Vec<u8>) {
    let mut digits = [0_u8; DIGITS];
    // The buffer is made for the digits, so encoding cannot fail.
    if const_hex::encode_to_slice(bytes, &mut digits).is_ok() {
        out.extend_from_slice(b"0x");
        out.extend_from_slice(&digits);
    }
}

/// Appends a decimal number.
pub(crate) fn push_decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

impl MadeRows<'_> {
    fn row(&self, row: u32) -> &Row {
        &self.made.rows[row as usize]
    }

    fn write_wallet(&self, wallet: u32, out: &mut Vec<u8>) {
        match wallet {
            CTF => out.extend_from_slice(CTF_EXCHANGE),
            NEG_RISK => out.extend_from_slice(NEG_RISK_EXCHANGE),
            wallet => push_hex::<20, 40>(&self.made.keys.wallets.bytes20(wallet), out),
        }
    }

    fn write_transaction(&self, row: &Row, out: &mut Vec<u8>) {
        push_hex::<32, 64>(&self.made.keys.transactions.bytes32(row.transaction), out);
    }

    fn write_order(&self, row: &Row, out: &mut Vec<u8>) {
        push_hex::<32, 64>(&self.made.keys.orders.bytes32(row.order), out);
    }

    /// Sorts all rows by id: dealt out by the first 16 bits, then each heap by itself. The events
    /// of a transaction stand together and in order of id already, so their numbers decide ties.
    fn sort_by_id(&self) -> Vec<u32> {
        const HEAPS: usize = 1 << 16;
        let word = |row: &Row| self.made.keys.transactions.word(row.transaction, 0);
        let heap = |row: &Row| (word(row) >> 48) as usize;
        let mut ends = vec![0_u32; HEAPS + 1];
        for row in &self.made.rows {
            ends[heap(row) + 1] += 1;
        }
        for heap in 0..HEAPS {
            ends[heap + 1] += ends[heap];
        }
        let mut next = ends.clone();
        let mut sorted = vec![0_u32; self.made.rows.len()];
        for (number, row) in self.made.rows.iter().enumerate() {
            let place = &mut next[heap(row)];
            sorted[*place as usize] = number as u32;
            *place += 1;
        }
        let mut keyed = Vec::new();
        for range in ends.windows(2) {
            let heap = &mut sorted[range[0] as usize..range[1] as usize];
            keyed.clear();
            keyed.extend(heap.iter().map(|row| (word(self.row(*row)), *row)));
            keyed.sort_unstable();
            for (place, (_, row)) in heap.iter_mut().zip(&keyed) {
                *place = *row;
            }
        }
        sorted
    }

    fn write_asset(&self, row: &Row, given: bool, out: &mut Vec<u8>) {
        // A seller gives the token, a buyer gives USDC.
        if row.trade.is_sell() == given {
            out.extend_from_slice(self.tokens.get(row.trade.token()));
        } else {
            out.push(b'0');
        }
    }
}

impl Rows for MadeRows<'_> {
    const PLAIN: bool = true;

    fn len(&self) -> u32 {
        self.made.rows.len() as u32
    }

    fn timestamp(&self, row: u32) -> i64 {
        i64::from(self.row(row).timestamp)
    }

    fn assets(&self, row: u32) -> [u32; 2] {
        self.row(row).assets()
    }

    fn write(&self, row: u32, column: Column, out: &mut Vec<u8>) -> bool {
        let row = self.row(row);
        match column {
            Column::Id => {
                self.write_transaction(row, out);
                out.push(b'_');
                self.write_order(row, out);
            }
            Column::TransactionHash => self.write_transaction(row, out),
            Column::Timestamp => push_decimal(u64::from(row.timestamp), out),
            Column::OrderHash => self.write_order(row, out),
            Column::Maker => self.write_wallet(row.maker, out),
            Column::Taker => self.write_wallet(row.taker, out),
            Column::MakerAssetId => self.write_asset(row, true, out),
            Column::TakerAssetId => self.write_asset(row, false, out),
            Column::MakerAmountFilled => push_decimal(row.given(), out),
            Column::TakerAmountFilled => push_decimal(row.got(), out),
            Column::Fee => push_decimal(row.fee(), out),
        }
        true
    }

    fn compare_ids(&self, a: u32, b: u32) -> Ordering {
        let keys = &self.made.keys;
        keys.id_words(self.row(a)).cmp(&keys.id_words(self.row(b)))
    }

    fn by_id(&self) -> &[u32] {
        self.made.by_id.get_or_init(|| self.sort_by_id())
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Trade;
    use super::*;

    fn text(rows: &MadeRows<'_>, column: Column) -> String {
        let mut out = Vec::new();
        assert!(rows.write(0, column, &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_seller_gives_the_token_and_pays_the_fee_in_usdc() {
        let row = Row {
            timestamp: 1_700_000_000,
            transaction: 1,
            order: 2,
            maker: 3,
            taker: NEG_RISK,
            trade: Trade::new(1, true, 5),
            shares: 7_000_000,
            usdc: 2_000_000,
        };
        let made = Made::new(vec![row], Keys::new(1));
        let tokens: Texts = ["77", "88"].into_iter().collect();
        let rows = MadeRows {
            made: &made,
            tokens: &tokens,
        };
        assert_eq!(text(&rows, Column::MakerAssetId), "88");
        assert_eq!(text(&rows, Column::TakerAssetId), "0");
        assert_eq!(text(&rows, Column::MakerAmountFilled), "7000000");
        assert_eq!(text(&rows, Column::TakerAmountFilled), "2000000");
        assert_eq!(text(&rows, Column::Fee), "10000");
        assert_eq!(text(&rows, Column::Taker).as_bytes(), NEG_RISK_EXCHANGE);
        let id = text(&rows, Column::Id);
        assert_eq!(
            id,
            format!(
                "{}_{}",
                text(&rows, Column::TransactionHash),
                text(&rows, Column::OrderHash)
            )
        );
        assert_eq!(id.len(), 133);
    }

    #[test]
    fn id_words_sort_as_the_ids_do() {
        let keys = Keys::new(5);
        let tokens: Texts = ["1"].into_iter().collect();
        let mut rows: Vec<Row> = (0..200)
            .map(|i| Row {
                timestamp: 1,
                transaction: i / 3,
                order: i,
                maker: 0,
                taker: 0,
                trade: Trade::new(0, false, 0),
                shares: 1,
                usdc: 1,
            })
            .collect();
        rows.sort_by_key(|row| keys.id_words(row));
        rows.rotate_left(90);
        let made = Made::new(rows, keys);
        let rows = MadeRows {
            made: &made,
            tokens: &tokens,
        };
        let ids: Vec<Vec<u8>> = rows
            .by_id()
            .iter()
            .map(|row| {
                let mut id = Vec::new();
                rows.write(*row, Column::Id, &mut id);
                id
            })
            .collect();
        assert!(ids.is_sorted());
        assert_eq!(rows.id_lower_bound(&ids[17]), 17);
        assert_eq!(rows.id_lower_bound(b"0xg"), 200);
    }
}
