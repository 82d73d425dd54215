//! What the engine itself takes for the same rows: `INSERT … SELECT` into a second table.

use std::time::Instant;

use crate::Failure;
use crate::database::Database;
use crate::measurement::EngineFigures;
use crate::source::Expected;

/// How large the blocks are that it inserts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blocks {
    /// As large as the engine makes them.
    OfTheEngine,
    /// As large as the batches of `ours`.
    OfRows(u64),
}

/// What it took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ceiling {
    pub(crate) seconds: f64,
    pub(crate) engine: EngineFigures,
}

impl Blocks {
    /// Returns the name of the line in the table.
    pub(crate) fn name(self) -> String {
        match self {
            Self::OfTheEngine => "INSERT … SELECT".to_owned(),
            Self::OfRows(rows) => format!("INSERT … SELECT, blocks of {rows}"),
        }
    }

    fn settings(self) -> String {
        match self {
            Self::OfTheEngine => String::new(),
            Self::OfRows(rows) => format!(
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
    blocks: Blocks,
    expected: Expected,
) -> Result<Ceiling, Failure> {
    let first = database.table.names().data().name;
    let second = format!("{first}_second");
    database
        .execute(&format!("CREATE TABLE {second} AS {first}"))
        .await?;
    check_definitions(database, &first, &second).await?;
    let insert = format!(
        "INSERT INTO {second} SELECT * FROM {first}{}",
        blocks.settings()
    );
    let (begin, cpu) = (Instant::now(), database.cpu_seconds()?);
    database.execute(&insert).await?;
    let (seconds, done) = (begin.elapsed().as_secs_f64(), database.cpu_seconds()?);
    database.settle().await?;
    let settled = database.cpu_seconds()?;
    database.held(&second).await?.check(expected)?;
    let bytes_on_disk =
        format!("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = '{second}'");
    let bytes_on_disk = database.one(&bytes_on_disk).await?;
    database
        .execute(&format!("DROP TABLE {second} SYNC"))
        .await?;
    Ok(Ceiling {
        seconds,
        engine: EngineFigures {
            cpu_seconds: done - cpu,
            cpu_seconds_settled: settled - cpu,
            bytes_on_disk,
        },
    })
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
