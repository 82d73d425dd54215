//! Fills read back from the bytes of a row.

use fills::{Address, Fill, FillId, OrderHash, Side, TokenId, TxHash};

/// Reads what [`FillRow`](crate::FillRow) wrote; nothing if it cannot have written that.
pub(crate) fn decode(mut row: &[u8]) -> Option<Fill> {
    let fill = Fill {
        id: FillId {
            tx_hash: TxHash(take(&mut row)?),
            order_hash: OrderHash(take(&mut row)?),
        },
        maker: Address(take(&mut row)?),
        taker: Address(take(&mut row)?),
        token_id: TokenId::from_le_bytes(take(&mut row)?),
        side: match take(&mut row)? {
            [1] => Side::Buy,
            [2] => Side::Sell,
            _ => return None,
        },
        shares_base_units: u128::from_le_bytes(take(&mut row)?),
        usdc_base_units: u128::from_le_bytes(take(&mut row)?),
        fee_base_units: u128::from_le_bytes(take(&mut row)?),
        timestamp: u32::from_le_bytes(take(&mut row)?),
    };
    row.is_empty().then_some(fill)
}

fn take<const N: usize>(row: &mut &[u8]) -> Option<[u8; N]> {
    let (value, rest) = row.split_first_chunk()?;
    *row = rest;
    Some(*value)
}

#[cfg(test)]
mod tests {
    use clickhouse_sink::EncodeRow;

    use super::*;
    use crate::FillRow;

    #[test]
    fn what_was_written_is_read() {
        let fill = Fill {
            id: FillId {
                tx_hash: TxHash([1; 32]),
                order_hash: OrderHash([2; 32]),
            },
            timestamp: u32::MAX - 3,
            maker: Address([3; 20]),
            taker: Address([4; 20]),
            token_id: TokenId::from_le_bytes(std::array::from_fn(|byte| byte as u8)),
            side: Side::Sell,
            shares_base_units: u128::MAX - 6,
            usdc_base_units: 7,
            fee_base_units: 8 << 70,
        };
        let mut row = Vec::new();
        FillRow(fill).encode(&mut row).unwrap();
        assert_eq!(decode(&row), Some(fill));
        assert_eq!(decode(&row[1..]), None);
        row.push(0);
        assert_eq!(decode(&row), None);
    }
}
