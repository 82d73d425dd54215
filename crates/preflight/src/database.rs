//! ClickHouse: who answers, what it lets us do, what stands there, and how much room there is.

use std::time::{SystemTime, UNIX_EPOCH};

use fill_table::{DiskSpace, Error, FillTable, MissingRight, ServerSetting, Standing};
use startup::{ExitCode, Failure};
use wiring::errors::from_table;
use wiring::progress::{duration, grouped};

use crate::check::Check;

/// Settings that an insert is sent with, and their values.
///
/// **Source**: `clickhouse-sink::insert`.
const NEEDED_SETTINGS: [(&str, &str); 2] = [("async_insert", "0"), ("insert_deduplicate", "1")];
const READONLY: &str = "readonly";
/// What a run needs that knows nothing of its size: some batches and what merges them.
const LEAST_FREE_BYTES: u64 = 256 << 20;
/// Clocks of machines that keep time by the network differ by less.
const MOST_SKEW_SECONDS: u64 = 5;
pub(crate) const COLUMNS: &str = "table_columns";
pub(crate) const DEDUPLICATION: &str = "deduplication_window";
const WINDOW: &str = "non_replicated_deduplication_window";

/// What answered the first question.
#[derive(Debug)]
pub(crate) enum Answered {
    /// All that follows can be asked.
    Ready,
    /// There is no such database yet, so nothing about it can be asked.
    NoDatabase,
    /// Nothing can be asked.
    Failed,
}

/// Asks whether anybody answers, and of which version.
pub(crate) async fn answers(table: &FillTable) -> (Answered, Vec<Check>) {
    const CODE: &str = "clickhouse_answers";
    const VERSION: &str = "clickhouse_version";
    let database = table.server().database();
    match table.server().ping().await {
        Ok(info) => {
            let answers = format!("as user {}, database {database}", info.user);
            let checks = vec![
                Check::ok(CODE, answers),
                Check::ok(VERSION, format!("ClickHouse {}", info.version)),
            ];
            (Answered::Ready, checks)
        }
        Err(Error::NoDatabase { .. }) => {
            let seen = format!("there is no database {database} yet; a run makes it");
            (Answered::NoDatabase, vec![Check::ok(CODE, seen)])
        }
        Err(error @ Error::TooOld { .. }) => {
            let old = Check::refused(VERSION, &from_table(error));
            (Answered::Failed, vec![Check::ok(CODE, "it answers"), old])
        }
        Err(error) => (Answered::Failed, vec![cannot_be_asked(CODE, error)]),
    }
}

/// Notes what a run ends with whose first question is not answered.
pub(crate) fn not_opened(failure: &Failure) -> Check {
    Check::refused("clickhouse_answers", failure)
}

fn cannot_be_asked(code: &'static str, error: Error) -> Check {
    Check::refused(code, &from_table(error))
}

/// Checks the settings that inserts are sent with.
pub(crate) async fn settings(table: &FillTable) -> Check {
    let names = NEEDED_SETTINGS.map(|(name, _)| name);
    let names = [&names[..], &[READONLY]].concat();
    match table.server().settings(&names).await {
        Ok(found) => judged_settings(&found),
        Err(error) => cannot_be_asked("clickhouse_settings", error),
    }
}

fn judged_settings(found: &[ServerSetting]) -> Check {
    const CODE: &str = "clickhouse_settings";
    let named = |name: &str| found.iter().find(|setting| setting.name == name);
    if let Some(readonly) = named(READONLY).filter(|setting| setting.value != "0") {
        let seen = format!("the user may only read: readonly = {}", readonly.value);
        return Check::failed(CODE, seen, "give the user a profile with readonly = 0");
    }
    for (name, needed) in NEEDED_SETTINGS {
        let locked = named(name).filter(|setting| setting.is_locked && setting.value != needed);
        if let Some(setting) = locked {
            let seen = format!(
                "{name} = {} and may not be changed; inserts need {needed}",
                setting.value
            );
            let mend = format!("take the constraint off {name} in the user's profile");
            return Check::failed(CODE, seen, mend);
        }
    }
    Check::ok(CODE, "what inserts need may be set")
}

/// Checks each right that loading needs.
pub(crate) async fn rights(table: &FillTable) -> Check {
    match table.missing_rights().await {
        Ok(missing) => judged_rights(missing),
        Err(error) => cannot_be_asked("clickhouse_rights", error),
    }
}

fn judged_rights(missing: Option<Vec<MissingRight>>) -> Check {
    const CODE: &str = "clickhouse_rights";
    let Some(missing) = missing else {
        let seen = "not known: this server has no CHECK GRANT";
        let mend = "compare SHOW GRANTS with docs/INSTALLING.md";
        return Check::warning(CODE, seen, mend);
    };
    let Some(first) = missing.first() else {
        return Check::ok(CODE, "to make, read, write and optimize its tables");
    };
    let grants = missing
        .iter()
        .map(|right| format!("{} ON {}", right.privilege, right.object));
    let grants = grants.collect::<Vec<_>>().join(", ");
    let seen = format!("missing: {grants}");
    let mend = format!("GRANT {grants} TO the user, as another one");
    match missing.iter().any(|right| right.is_needed) {
        true => Check::failed(CODE, seen, mend),
        false => Check::warning(
            CODE,
            seen,
            format!("{mend}; only {} by hand needs it", first.privilege),
        ),
    }
}

/// Checks what stands under the table's names; how long it remembers inserts only where it is ours.
pub(crate) async fn standing(table: &FillTable) -> (Check, Option<Check>) {
    match table.standing().await {
        Ok(standing) => judged_standing(&standing),
        Err(error) => (cannot_be_asked(COLUMNS, error), None),
    }
}

fn judged_standing(standing: &Standing) -> (Check, Option<Check>) {
    let is_window = |what: &str| what == WINDOW;
    let differences = &standing.differences;
    let window = differences.iter().find(|found| is_window(&found.what));
    let others: Vec<_> = differences
        .iter()
        .filter(|found| !is_window(&found.what))
        .collect();
    let columns = match others.first() {
        Some(first) => {
            let seen = others.iter().map(|found| {
                let (table, what) = (&found.table, &found.what);
                format!(
                    "{table}: {what} is {} instead of {}",
                    found.found, found.expected
                )
            });
            Check::failed(COLUMNS, seen.collect::<Vec<_>>().join("; "), &first.mend)
        }
        None if standing.is_there => Check::ok(COLUMNS, "as this version makes them"),
        None => Check::ok(COLUMNS, "there is no table yet; a run makes it"),
    };
    if !columns.is_passed() {
        return (columns, None);
    }
    let window = match window {
        Some(window) => {
            let (found, expected) = (&window.found, &window.expected);
            let seen = format!("{found} inserts are remembered, {expected} are needed");
            Check::failed(DEDUPLICATION, seen, &window.mend)
        }
        None if standing.is_there => Check::ok(DEDUPLICATION, "long enough"),
        None => Check::ok(DEDUPLICATION, "set when the table is made"),
    };
    (columns, Some(window))
}

/// Checks the room on the table's disks, for a run that is known to take `planned` bytes or is not.
pub(crate) async fn disk_space(table: &FillTable, planned: Option<u64>) -> Check {
    match table.disk_space().await {
        Ok(space) => judged_space(space, planned),
        Err(error) => cannot_be_asked("disk_space", error),
    }
}

fn judged_space(space: DiskSpace, planned: Option<u64>) -> Check {
    const CODE: &str = "disk_space";
    const MEND: &str = "make room on the table's disk, or load a part with --from and --to";
    let megabytes = |bytes: u64| format!("{} MB", grouped(bytes / 1_000_000));
    let free = space.free_bytes;
    let needed = planned.unwrap_or_default().max(LEAST_FREE_BYTES);
    let seen = match planned {
        Some(planned) => format!(
            "{} free; what is still to be loaded takes {}, and as much again for merges in passing",
            megabytes(free),
            megabytes(planned)
        ),
        None => format!("{} free", megabytes(free)),
    };
    if free < needed {
        return Check::failed(CODE, seen, MEND).ending_with(ExitCode::Failed);
    }
    match planned {
        Some(planned) if free < planned.saturating_mul(2) => Check::warning(CODE, seen, MEND),
        _ => Check::ok(CODE, seen),
    }
}

/// Compares the clock of the server with this machine's.
pub(crate) async fn clock(table: &FillTable) -> Check {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH);
    let before = now().unwrap_or_default().as_secs();
    let server = table.clock().await;
    let after = now().unwrap_or_default().as_secs();
    match server {
        Ok(server) => judged_clock(u64::from(server), before, after),
        Err(error) => cannot_be_asked("clock", error),
    }
}

/// Judges what a clock showed at some time between two of ours.
fn judged_clock(server: u64, before: u64, after: u64) -> Check {
    const CODE: &str = "clock";
    let skew = match server {
        server if server < before => before - server,
        server => server.saturating_sub(after),
    };
    let direction = if server < before {
        "behind"
    } else {
        "ahead of"
    };
    if skew <= MOST_SKEW_SECONDS {
        return Check::ok(CODE, "the server's and this machine's agree");
    }
    let seen = format!(
        "the server's is {} {direction} this machine's: ingested_at and logs will not agree",
        duration(skew as f64)
    );
    Check::warning(
        CODE,
        seen,
        "let both keep time by the network: timedatectl set-ntp true",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::State;

    fn setting(name: &str, value: &str, is_locked: bool) -> ServerSetting {
        ServerSetting {
            name: name.to_owned(),
            value: value.to_owned(),
            is_locked,
        }
    }

    #[test]
    fn a_locked_setting_matters_only_where_it_has_another_value() {
        let check = |settings: &[ServerSetting], expected| {
            assert_eq!(judged_settings(settings).state, expected, "{settings:?}");
        };
        check(&[], State::Ok);
        check(&[setting("async_insert", "1", false)], State::Ok);
        check(&[setting("async_insert", "0", true)], State::Ok);
        check(&[setting("async_insert", "1", true)], State::Failed);
        check(&[setting("readonly", "0", true)], State::Ok);
        check(&[setting("readonly", "2", false)], State::Failed);
    }

    #[test]
    fn room_is_judged_by_the_plan_where_there_is_one() {
        let check = |free_bytes, planned, expected| {
            let space = DiskSpace {
                free_bytes,
                total_bytes: 1 << 40,
            };
            assert_eq!(judged_space(space, planned).state, expected);
        };
        check(LEAST_FREE_BYTES - 1, None, State::Failed);
        check(LEAST_FREE_BYTES, None, State::Ok);
        check(LEAST_FREE_BYTES - 1, Some(1), State::Failed);
        check(9 << 30, Some(10 << 30), State::Failed);
        check(19 << 30, Some(10 << 30), State::Warning);
        check(20 << 30, Some(10 << 30), State::Ok);
    }

    #[test]
    fn a_clock_is_judged_by_the_time_that_passed() {
        let check = |server, expected| assert_eq!(judged_clock(server, 100, 110).state, expected);
        check(95, State::Ok);
        check(94, State::Warning);
        check(115, State::Ok);
        check(116, State::Warning);
    }

    #[test]
    fn only_a_right_that_loading_needs_stands_in_the_way() {
        let right = |privilege, is_needed| MissingRight {
            privilege,
            object: "`d`.`t`".to_owned(),
            is_needed,
        };
        let check = |missing, expected| assert_eq!(judged_rights(missing).state, expected);
        check(Some(vec![]), State::Ok);
        check(Some(vec![right("OPTIMIZE", false)]), State::Warning);
        check(
            Some(vec![right("INSERT", true), right("OPTIMIZE", false)]),
            State::Failed,
        );
        check(None, State::Warning);
    }
}
