//! What the front must know of output formats.

/// How the pieces of a streamed result, each a whole document, become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pieces {
    /// They are put one after another.
    Join,
    /// All but the first lose their header of `RowBinaryWithNames` (one list of strings) or
    /// `RowBinaryWithNamesAndTypes` (two).
    DropBinaryHeader { lists: usize },
    /// All but the first lose so many header lines.
    DropLines { lines: usize, quoted: bool },
    /// They cannot: the result is computed whole.
    Whole,
}

/// Says how a format's pieces are put together. A format not known here is computed whole.
pub(crate) fn pieces(format: &str) -> Pieces {
    let quoted = |lines| Pieces::DropLines {
        lines,
        quoted: true,
    };
    let plain = |lines| Pieces::DropLines {
        lines,
        quoted: false,
    };
    match format {
        "RowBinary"
        | "Native"
        | "Null"
        | "JSONEachRow"
        | "JSONLines"
        | "NDJSON"
        | "JSONL"
        | "JSONStringsEachRow"
        | "JSONCompactEachRow"
        | "JSONCompactStringsEachRow"
        | "CSV"
        | "TabSeparated"
        | "TSV"
        | "TabSeparatedRaw"
        | "TSVRaw"
        | "Raw"
        | "TSKV"
        | "LineAsString"
        | "RawBLOB"
        | "BSONEachRow"
        | "MsgPack" => Pieces::Join,
        "RowBinaryWithNames" => Pieces::DropBinaryHeader { lists: 1 },
        "RowBinaryWithNamesAndTypes" => Pieces::DropBinaryHeader { lists: 2 },
        "CSVWithNames" => quoted(1),
        "CSVWithNamesAndTypes" => quoted(2),
        "TabSeparatedWithNames"
        | "TSVWithNames"
        | "JSONCompactEachRowWithNames"
        | "JSONCompactStringsEachRowWithNames" => plain(1),
        "TabSeparatedWithNamesAndTypes"
        | "TSVWithNamesAndTypes"
        | "JSONCompactEachRowWithNamesAndTypes"
        | "JSONCompactStringsEachRowWithNamesAndTypes" => plain(2),
        _ => Pieces::Whole,
    }
}

/// Returns a format's `Content-Type`.
pub(crate) fn content_type(format: &str) -> &'static str {
    if format.starts_with("JSON") {
        return match pieces(format) {
            Pieces::Whole => "application/json; charset=UTF-8",
            _ => "application/x-ndjson; charset=UTF-8",
        };
    }
    match format {
        "NDJSON" => "application/x-ndjson; charset=UTF-8",
        "XML" => "application/xml; charset=UTF-8",
        "CSV" => "text/csv; charset=UTF-8; header=absent",
        _ if format.starts_with("CSVWith") => "text/csv; charset=UTF-8; header=present",
        _ if format.starts_with("TabSeparated") || format.starts_with("TSV") => {
            "text/tab-separated-values; charset=UTF-8"
        }
        _ if format.starts_with("Pretty") => "text/plain; charset=UTF-8",
        "Vertical" | "Values" | "TSKV" | "Markdown" => "text/plain; charset=UTF-8",
        _ => "application/octet-stream",
    }
}
