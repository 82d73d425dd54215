//! The report as files.

use std::path::Path;
use std::time::SystemTime;

use report::{About, Destination};
use startup::{ExitCode, Failure};
use validation::{Coverage, Report};

use crate::cli::FileArgs;

/// Where the report is written besides standard output.
pub(crate) struct Files {
    page: Option<Destination>,
    junit: Option<Destination>,
}

impl Files {
    /// Makes sure that the files can be written, before hours of work.
    ///
    /// # Errors
    /// That one of them cannot, as wrong usage.
    pub(crate) fn open(files: &FileArgs) -> Result<Self, Failure> {
        Ok(Self {
            page: files.report.as_deref().map(open).transpose()?,
            junit: files.junit.as_deref().map(open).transpose()?,
        })
    }

    /// Writes the files, each as a whole or not at all.
    ///
    /// # Errors
    /// Any error of the file system.
    pub(crate) fn write(
        self,
        report: &Report,
        table: &str,
        coverage: &Coverage,
    ) -> Result<(), Failure> {
        let failed = |error| Failure::new(ExitCode::Failed, error);
        if let Some(page) = self.page {
            let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let about = About {
                table,
                coverage,
                made_second: since_1970.map_or(0, |time| time.as_secs()),
            };
            let text = report::validated(report, about);
            page.write(&text).map_err(failed)?;
        }
        if let Some(junit) = self.junit {
            junit.write(&report::junit(report)).map_err(failed)?;
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<Destination, Failure> {
    Destination::open(path).map_err(|error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Failure::new(ExitCode::Usage, std::io::Error::new(error.kind(), message))
            .with_hint("name a file in a directory that is there and that you may write to")
    })
}
