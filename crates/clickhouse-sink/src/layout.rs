//! How the rows of a batch are laid out in an insert. Pure.
//!
//! Where every column has values of one length, rows go as one block of ClickHouse's `Native`
//! format, column by column: the values have the same bytes in both, and the server has nothing
//! left to take apart. Other rows go as they are, in `RowBinaryWithNamesAndTypes`.
//!
//! **Source**: <https://clickhouse.com/docs/interfaces/formats/Native>.

use std::sync::Arc;

use bytes::Bytes;
use clickhouse_types::DataTypeNode;
use clickhouse_types::data_types::{DecimalType, EnumType};

use crate::batch::Batch;
use crate::encode::TableColumn;
use crate::row_binary::{put_leb128, put_string};

/// Largest piece that is compressed and handed to the connection at once.
const PIECE_BYTES: usize = 1 << 20;

/// How the rows of one table can lie in an insert.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Names and types, for rows that go as they are.
    header: Bytes,
    /// The columns, where the values of each have one length.
    columns: Option<Arc<[Column]>>,
    /// Bytes of a row then.
    row: usize,
}

/// A column whose values have one length.
#[derive(Debug)]
pub(crate) struct Column {
    /// Name and type.
    head: Vec<u8>,
    /// Where its value begins in a row.
    offset: usize,
    width: usize,
}

impl Layout {
    /// Finds the layout for columns in the order in which rows write them.
    pub(crate) fn of(columns: &[TableColumn]) -> Self {
        let mut row = 0;
        let fixed = columns.iter().map(|column| {
            let width = width(&column.data_type)?;
            let mut head = Vec::new();
            put_string(&mut head, column.name.as_bytes());
            put_string(&mut head, column.data_type.as_bytes());
            let offset = row;
            row += width;
            Some(Column {
                head,
                offset,
                width,
            })
        });
        Self {
            columns: fixed.collect(),
            header: names_and_types(columns),
            row,
        }
    }

    /// Lays out the rows of a batch. The same batch gives the same bytes.
    pub(crate) fn body(&self, batch: &Batch) -> Body {
        let batch = batch.clone();
        match &self.columns {
            // A row that is longer or shorter than its types say is the server's to refuse.
            Some(columns) if (0..batch.rows()).all(|row| batch.row(row).len() == self.row) => {
                Body::Columns {
                    columns: Arc::clone(columns),
                    batch,
                    next: (0, 0),
                }
            }
            _ => Body::Rows {
                header: self.header.clone(),
                batch,
                next: 0,
            },
        }
    }
}

/// The body of an insert, in pieces that are large enough not to wait for the other side's delayed
/// acknowledgement.
#[derive(Debug)]
pub(crate) enum Body {
    Rows {
        header: Bytes,
        batch: Batch,
        /// The next row.
        next: usize,
    },
    Columns {
        columns: Arc<[Column]>,
        batch: Batch,
        /// The column and the row of the next value.
        next: (usize, usize),
    },
}

impl Body {
    /// Returns ClickHouse's name of the format.
    pub(crate) fn format(&self) -> &'static str {
        match self {
            Self::Rows { .. } => "RowBinaryWithNamesAndTypes",
            Self::Columns { .. } => "Native",
        }
    }
}

impl Iterator for Body {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        match self {
            Self::Rows {
                header,
                batch,
                next,
            } => put_rows(&mut piece, header, batch, next),
            Self::Columns {
                columns,
                batch,
                next,
            } => put_columns(&mut piece, columns, batch, next),
        }
        (!piece.is_empty()).then(|| piece.into())
    }
}

fn put_rows(piece: &mut Vec<u8>, header: &[u8], batch: &Batch, next: &mut usize) {
    if *next == 0 {
        piece.extend_from_slice(header);
    }
    while *next < batch.rows() && piece.len() < PIECE_BYTES {
        piece.extend_from_slice(batch.row(*next));
        *next += 1;
    }
}

fn put_columns(
    piece: &mut Vec<u8>,
    columns: &[Column],
    batch: &Batch,
    (at, from): &mut (usize, usize),
) {
    let count = batch.rows();
    if (*at, *from) == (0, 0) {
        put_leb128(piece, columns.len() as u64);
        put_leb128(piece, count as u64);
    }
    while let Some(column) = columns.get(*at)
        && piece.len() < PIECE_BYTES
    {
        if *from == 0 {
            piece.extend_from_slice(&column.head);
        }
        let room = (PIECE_BYTES.saturating_sub(piece.len())).div_ceil(column.width);
        // A value goes with the name, or the next piece would begin with the name once more.
        let to = count.min(*from + room.max(1));
        for row in *from..to {
            piece.extend_from_slice(&batch.row(row)[column.offset..][..column.width]);
        }
        *from = to;
        if to == count {
            (*at, *from) = (*at + 1, 0);
        }
    }
}

/// Writes what comes before the rows in `RowBinaryWithNamesAndTypes`.
fn names_and_types(columns: &[TableColumn]) -> Bytes {
    let mut header = Vec::new();
    put_leb128(&mut header, columns.len() as u64);
    for column in columns {
        put_string(&mut header, column.name.as_bytes());
    }
    for column in columns {
        put_string(&mut header, column.data_type.as_bytes());
    }
    header.into()
}

/// Returns how many bytes every value of a type has, in both formats; nothing where they differ
/// or the type is not known to be such.
fn width(data_type: &str) -> Option<usize> {
    use DataTypeNode as Type;
    Some(match DataTypeNode::new(data_type).ok()? {
        Type::Bool | Type::UInt8 | Type::Int8 | Type::Enum(EnumType::Enum8, _) => 1,
        Type::UInt16 | Type::Int16 | Type::Date | Type::Enum(EnumType::Enum16, _) => 2,
        Type::UInt32 | Type::Int32 | Type::Float32 | Type::Date32 | Type::DateTime(_) => 4,
        Type::IPv4 | Type::Decimal(_, _, DecimalType::Decimal32) => 4,
        Type::UInt64 | Type::Int64 | Type::Float64 | Type::DateTime64(..) => 8,
        Type::Decimal(_, _, DecimalType::Decimal64) => 8,
        Type::UInt128 | Type::Int128 | Type::UUID | Type::IPv6 => 16,
        Type::Decimal(_, _, DecimalType::Decimal128) => 16,
        Type::UInt256 | Type::Int256 | Type::Decimal(_, _, DecimalType::Decimal256) => 32,
        Type::FixedString(width) if width > 0 => width,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{EncodedRows, Place, Sent};

    fn layout(columns: &[(&str, &str)]) -> Layout {
        let columns = columns.iter().map(|(name, data_type)| TableColumn {
            name: (*name).to_owned(),
            data_type: (*data_type).to_owned(),
        });
        Layout::of(&columns.collect::<Vec<_>>())
    }

    fn batch(rows: &[&[u8]]) -> Batch {
        let mut encoded = EncodedRows::default();
        for row in rows {
            encoded.bytes.extend_from_slice(row);
            encoded.ends.push(encoded.bytes.len());
        }
        let order = (0..rows.len()).map(|row| Place { sent: 0, row });
        let sent = Arc::new(Sent::new(0, encoded));
        Batch::seal(0, "t".to_owned(), [sent].into(), order.collect())
    }

    fn check(columns: &[(&str, &str)], rows: &[&[u8]], format: &str, expected: &[u8]) {
        let body = layout(columns).body(&batch(rows));
        assert_eq!(body.format(), format);
        let pieces: Vec<_> = body.collect();
        assert_eq!(pieces.concat(), expected);
    }

    #[test]
    fn values_of_one_length_go_column_by_column() {
        check(
            &[("a", "UInt16"), ("b", "FixedString(3)")],
            &[b"\x01\x00abc", b"\x02\x00def"],
            "Native",
            b"\x02\x02\x01a\x06UInt16\x01\x00\x02\x00\x01b\x0eFixedString(3)abcdef",
        );
    }

    #[test]
    fn values_of_many_lengths_go_row_by_row() {
        check(
            &[("a", "UInt16"), ("b", "String")],
            &[b"\x01\x00\x02no", b"\x02\x00\x03yes"],
            "RowBinaryWithNamesAndTypes",
            b"\x02\x01a\x01b\x06UInt16\x06String\x01\x00\x02no\x02\x00\x03yes",
        );
    }

    #[test]
    fn rows_that_are_not_as_long_as_their_types_go_as_they_are() {
        check(
            &[("a", "UInt16")],
            &[b"\x01\x00", b"\x02"],
            "RowBinaryWithNamesAndTypes",
            b"\x01\x01a\x06UInt16\x01\x00\x02",
        );
    }

    #[test]
    fn what_has_another_form_in_a_block_goes_row_by_row() {
        for data_type in [
            "Nullable(UInt8)",
            "LowCardinality(FixedString(2))",
            "Array(UInt8)",
            "Tuple(UInt8, UInt8)",
            "AggregateFunction(sum, UInt8)",
            "SomethingNew",
        ] {
            assert!(layout(&[("a", data_type)]).columns.is_none(), "{data_type}");
        }
    }

    #[test]
    fn a_long_body_comes_in_pieces_and_no_value_is_lost() {
        let layout = layout(&[("a", "UInt32"), ("b", "UInt256"), ("c", "UInt8")]);
        let bytes: Vec<u8> = (0..=255).cycle().take(37 * 100_000).collect();
        let rows: Vec<_> = bytes.chunks(37).collect();
        let pieces: Vec<_> = layout.body(&batch(&rows)).collect();
        assert!(pieces.len() > 3);
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES + 64));
        let column = |offset: usize, width: usize| -> Vec<u8> {
            let values = rows.iter().map(|row| &row[offset..offset + width]);
            values.collect::<Vec<_>>().concat()
        };
        let expected = [
            &b"\x03\xa0\x8d\x06\x01a\x06UInt32"[..],
            &column(0, 4),
            b"\x01b\x07UInt256",
            &column(4, 32),
            b"\x01c\x05UInt8",
            &column(36, 1),
        ];
        assert!(pieces.concat() == expected.concat());
    }

    #[test]
    fn a_column_begins_once_wherever_a_piece_ends() {
        let layout = layout(&[("a", "UInt8"), ("b", "UInt8")]);
        let begins = |count: usize| {
            let mut begins = vec![2];
            put_leb128(&mut begins, count as u64);
            begins
        };
        let head = b"\x01a\x05UInt8".len();
        // The second column's name comes at the end of the first piece, or behind it.
        let fills_a_piece = PIECE_BYTES - begins(PIECE_BYTES).len() - head;
        for count in fills_a_piece - head - 2..fills_a_piece + 2 {
            let rows = vec![&b"vw"[..]; count];
            let pieces: Vec<_> = layout.body(&batch(&rows)).collect();
            let expected = [
                &begins(count)[..],
                b"\x01a\x05UInt8",
                &b"v".repeat(count),
                b"\x01b\x05UInt8",
                &b"w".repeat(count),
            ];
            assert!(pieces.concat() == expected.concat(), "{count} rows");
        }
    }
}
