//! The error codes of `ClickHouse`, as far as an insert meets them.

use crate::failure::FailureKind;

/// Reads the number of `Code: 241. DB::Exception: …`.
pub(crate) fn exception_code(text: &str) -> Option<u32> {
    let digits = text.trim_start().strip_prefix("Code: ")?;
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// Judges an exception by its code and, where one code has two senses, by its text: what to do,
/// and whether rows may have been committed.
///
/// **Source**: `src/Common/ErrorCodes.cpp`, by `errorCodeToName()` of 26.7.
pub(crate) fn of_code(code: u32, text: &str) -> (FailureKind, bool) {
    // A view fails after the rows went into the table that it reads from.
    let in_view = text.contains("pushing to view");
    match code {
        // TOO_MANY_PARTS, in its two senses: one insert into too many partitions, which is seen
        // before anything is written, and a table that merges too slowly.
        252 if text.contains("partitions for single INSERT block") => {
            (FailureKind::TooLarge, in_view)
        }
        252 => (FailureKind::Transient, in_view),
        // MEMORY_LIMIT_EXCEEDED: of the query, or of the server, where others are to blame.
        241 if of_query_memory(text) => (FailureKind::TooMuchMemory, !while_reading(text)),
        241 => (FailureKind::Transient, !while_reading(text)),
        // Turned away at the door: TOO_MANY_SIMULTANEOUS_QUERIES, QUOTA_EXCEEDED,
        // QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING (an attempt before this one),
        // RECEIVED_ERROR_TOO_MANY_REQUESTS, SESSION_IS_LOCKED, SERVER_OVERLOADED,
        // TCP_CONNECTION_LIMIT_REACHED, HTTP_CONNECTION_LIMIT_REACHED.
        202 | 201 | 216 | 364 | 373 | 745 | 749 | 762 => (FailureKind::Transient, false),
        // Time and network: TIMEOUT_EXCEEDED, TOO_SLOW, DNS_ERROR, NO_FREE_CONNECTION,
        // SOCKET_TIMEOUT, NETWORK_ERROR, ALL_CONNECTION_TRIES_FAILED, S3_ERROR, AWS_ERROR.
        159 | 160 | 198 | 203 | 209 | 210 | 279 | 499 | 693 => (FailureKind::Transient, true),
        // Keeper and replicas: NO_ZOOKEEPER, TABLE_IS_READ_ONLY, UNEXPECTED_ZOOKEEPER_ERROR,
        // TOO_FEW_LIVE_REPLICAS, UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE, REPLICA_IS_NOT_IN_QUORUM,
        // UNKNOWN_STATUS_OF_INSERT, KEEPER_EXCEPTION. A readonly *user* is 164, which lasts.
        225 | 242 | 244 | 285 | 286 | 289 | 319 | 999 => (FailureKind::Transient, true),
        // Restarts and scheduling: UNEXPECTED_END_OF_FILE, ABORTED, QUERY_WAS_CANCELLED,
        // SYSTEM_ERROR, CANNOT_SCHEDULE_TASK, DEADLOCK_AVOIDED, DISTRIBUTED_TOO_MANY_PENDING_BYTES,
        // THREAD_WAS_CANCELED, TABLE_IS_BEING_RESTARTED, QUERY_WAS_CANCELLED_BY_CLIENT,
        // PART_IS_LOCKED, POCO_EXCEPTION.
        3 | 236 | 394 | 425 | 439 | 473 | 574 | 677 | 733 | 735 | 738 | 1000 => {
            (FailureKind::Transient, true)
        }
        // Reading: CANNOT_PARSE_*, ATTEMPT_TO_READ_AFTER_EOF, CANNOT_READ_ALL_DATA, INCORRECT_DATA,
        // TOO_LARGE_ARRAY_SIZE, TOO_LARGE_STRING_SIZE, CANNOT_PARSE_IPV4 and _IPV6,
        // UNKNOWN_ELEMENT_OF_ENUM.
        6 | 25 | 26 | 27 | 32 | 33 | 38 | 41 | 72 | 117 | 128 | 131 | 441 | 675 | 676 | 691 => {
            (FailureKind::BadRow, in_view)
        }
        // Values, seen before the block is written: ARGUMENT_OUT_OF_BOUND, CANNOT_CONVERT_TYPE,
        // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE, CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN,
        // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO, DECIMAL_OVERFLOW, VIOLATED_CONSTRAINT.
        69 | 70 | 321 | 349 | 395 | 407 | 469 => (FailureKind::BadRow, in_view),
        // Definitions, rights, space: nothing that waiting mends.
        16 | 20 | 36 | 43 | 44 | 47 | 48 | 53 | 60 | 62 | 73 | 80 | 81 | 115 | 164 | 192 | 193
        | 194 | 195 | 243 | 291 | 392 | 452 | 492 | 497 | 511 | 512 | 516 | 720 | 764 | 774 => {
            (FailureKind::Permanent, true)
        }
        _ => (FailureKind::Unknown, true),
    }
}

fn of_query_memory(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("query memory limit") || text.contains("(for query)")
}

/// The exception names the step of the pipeline that threw it.
fn while_reading(text: &str) -> bool {
    ["Native", "BinaryRowInputFormat", "RowBinary"]
        .iter()
        .any(|format| text.contains(&format!("While executing {format}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, kind: FailureKind, may_have_committed: bool) {
        let code = exception_code(text).unwrap();
        assert_eq!(of_code(code, text), (kind, may_have_committed), "{text}");
    }

    #[test]
    fn exceptions_are_known_by_their_code() {
        check(
            "Code: 159. DB::Exception: Timeout exceeded",
            FailureKind::Transient,
            true,
        );
        check(
            "Code: 202. DB::Exception: Too many simultaneous queries",
            FailureKind::Transient,
            false,
        );
        check(
            "Code: 242. DB::Exception: Table is in readonly mode",
            FailureKind::Transient,
            true,
        );
        check(
            "Code: 164. DB::Exception: Cannot execute query in readonly mode",
            FailureKind::Permanent,
            true,
        );
        check(
            "Code: 516. DB::Exception: Authentication failed",
            FailureKind::Permanent,
            true,
        );
        check(
            "Code: 33. DB::Exception: Cannot read all data",
            FailureKind::BadRow,
            false,
        );
        check(
            "Code: 469. DB::Exception: Constraint `c` is violated",
            FailureKind::BadRow,
            false,
        );
        check(
            "Code: 999. Coordination::Exception: Session expired",
            FailureKind::Transient,
            true,
        );
        check(
            "Code: 4711. DB::Exception: Something new",
            FailureKind::Unknown,
            true,
        );
        check("Code: 60", FailureKind::Permanent, true);
    }

    #[test]
    fn a_failing_view_leaves_rows_in_its_source_table() {
        let text = "Code: 469. DB::Exception: Constraint violated: while pushing to view d.v";
        check(text, FailureKind::BadRow, true);
    }

    #[test]
    fn too_many_parts_and_memory_have_two_senses_each() {
        check(
            "Code: 252. DB::Exception: Too many partitions for single INSERT block (more than 100)",
            FailureKind::TooLarge,
            false,
        );
        check(
            "Code: 252. DB::Exception: Too many parts (3000)",
            FailureKind::Transient,
            false,
        );
        check(
            "Code: 241. DB::Exception: (total) memory limit exceeded: would use 9.00 GiB",
            FailureKind::Transient,
            true,
        );
        check(
            "Code: 241. DB::Exception: Query memory limit exceeded: would use 9.00 GiB: \
             While executing BinaryRowInputFormat",
            FailureKind::TooMuchMemory,
            false,
        );
        check(
            "Code: 241. DB::Exception: Memory limit (for query) exceeded: While executing Sink",
            FailureKind::TooMuchMemory,
            true,
        );
    }
}
