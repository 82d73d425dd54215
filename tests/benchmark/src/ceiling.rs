//! What the engine itself takes for the same rows: `INSERT … SELECT` into a second table.

use std::time::Instant;

use crate::Failure;
use crate::database::Database;
use crate::measurement::EngineFigures;
use crate::source::Expected;

/// Where the rows lie in order of time.
const BY_TIME: &str = "clob_fills_by_time";

/// Which rows first, and how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copying {
    /// As they lie, by wallet, in blocks as large as the engine makes them.
    AsTheyLie,
    /// As they lie, in blocks of so many rows.
    InBlocksOf(u64),
    /// In order of time, which is how the source serves them, in blocks of so many rows.
    ByTimeInBlocksOf(u64),
}

/// What it took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ceiling {
    pub(crate) seconds: f64,
    pub(crate) engine: EngineFigures,
}

impl Copying {
    /// Returns the name of the line in the table.
    pub(crate) fn name(self) -> String {
        match self {
            Self::AsTheyLie => "INSERT … SELECT".to_owned(),
            Self::InBlocksOf(rows) => format!("INSERT … SELECT, blocks of {rows}"),
            Self::ByTimeInBlocksOf(rows) => format!("INSERT … SELECT by time, blocks of {rows}"),
        }
    }

    fn settings(self) -> String {
        match self {
            Self::AsTheyLie => String::new(),
            Self::InBlocksOf(rows) | Self::ByTimeInBlocksOf(rows) => format!(
                " SETTINGS max_block_size = {rows}, min_insert_block_size_rows = {rows}, \
                 min_insert_block_size_bytes = 0"
            ),
        }
    }
}

/// Copies the rows of the fills table into another one of the same definition, which goes again.
/// Merges have to be over.
///
/// # Errors
/// Any error of the engine; that the definitions or the rows differ.
pub(crate) async fn insert_select(
    database: &Database,
    copying: Copying,
    expected: Expected,
) -> Result<Ceiling, Failure> {
    let first = database.table.names().data().name;
    let second = format!("{first}_second");
    let create = format!("CREATE TABLE {second} AS {first}");
    database.execute(&create).await?;
    check_definitions(database, &first, &second).await?;
    let from = match copying {
        Copying::ByTimeInBlocksOf(_) => by_time(database, &first).await?,
        _ => &first,
    };
    let insert = format!(
        "INSERT INTO {second} SELECT * FROM {from}{}",
        copying.settings()
    );
    let (begin, before) = (Instant::now(), database.cpu()?);
    database.execute(&insert).await?;
    let (seconds, done) = (begin.elapsed().as_secs_f64(), database.cpu()?);
    database.settle().await?;
    let settled = database.cpu()?;
    database.held(&second).await?.check(expected)?;
    let bytes =
        format!("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = '{second}'");
    let bytes_on_disk = database.one(&bytes).await?;
    for table in [&second, BY_TIME] {
        let drop = format!("DROP TABLE IF EXISTS {table} SYNC");
        database.execute(&drop).await?;
    }
    Ok(Ceiling {
        seconds,
        engine: EngineFigures::between(before, done, settled, bytes_on_disk),
    })
}

/// Makes a table of the same rows that lie in order of time, and returns its name.
async fn by_time(database: &Database, first: &str) -> Result<&'static str, Failure> {
    let create = format!(
        "CREATE TABLE {BY_TIME} ENGINE = MergeTree ORDER BY (timestamp, tx_hash, order_hash) \
         AS SELECT * FROM {first}"
    );
    database.execute(&create).await?;
    // Parts that overlap would be read at once.
    let merge = format!("OPTIMIZE TABLE {BY_TIME} FINAL");
    database.execute(&merge).await?;
    database.settle().await?;
    Ok(BY_TIME)
}

async fn check_definitions(database: &Database, first: &str, second: &str) -> Result<(), Failure> {
    let mut definitions = Vec::new();
    for name in [first, second] {
        let sql = format!("SELECT create_table_query FROM system.tables WHERE name = '{name}'");
        let definition: String = database.one(&sql).await?;
        definitions.push(definition.replacen(name, "", 1));
    }
    match definitions[0] == definitions[1] {
        true => Ok(()),
        false => Err(format!("the tables differ: {}", definitions.join("\n")).into()),
    }
}
