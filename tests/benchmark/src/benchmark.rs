//! Rounds of all designs, one after another.

use std::path::PathBuf;

use processes::Binaries;

use crate::Failure;
use crate::arguments::Arguments;
use crate::report::Report;
use crate::stage::Stage;

/// What is started.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The project's binaries.
    pub binaries: Binaries,
    /// This benchmark, which is also the naive designs.
    pub benchmark: PathBuf,
}

/// Measures every size in turn.
///
/// # Errors
/// Whatever keeps a design from its end, and rows that are missing, doubled or wrong.
///
/// # Cancel safety
/// Dropped, it ends every process that it started and removes what they wrote.
pub async fn benchmark(arguments: &Arguments, programs: &Programs) -> Result<Report, Failure> {
    let mut report = Report::default();
    for &fills in &arguments.fills {
        let stage = Stage::new(arguments, programs, fills).await?;
        for round in 1..=arguments.runs {
            report.runs.extend(stage.round(round).await?);
        }
    }
    Ok(report)
}
