//! What runs leave in the data directory, one file each.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

const DIRECTORY: &str = "runs";

/// Returns where the report of a run is.
pub(crate) fn path(data_dir: &Path, run_id: &str) -> PathBuf {
    data_dir.join(DIRECTORY).join(format!("{run_id}.json"))
}

/// Writes a report as a whole or not at all, and makes the directory where it is missing.
///
/// # Errors
/// What the file system says.
pub(crate) fn write(path: &Path, report: &impl Serialize) -> io::Result<()> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    serde_json::to_writer_pretty(&mut file, report)?;
    file.write_all(b"\n")?;
    file.persist(path)?;
    Ok(())
}

/// Returns the reports of a data directory, the oldest first: names begin with the time.
///
/// # Errors
/// That the directory cannot be read; one that is not there holds none.
pub(crate) fn list(data_dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(data_dir.join(DIRECTORY)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_listed_by_time_and_nothing_else_is() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(list(directory.path()).unwrap(), [""; 0].map(PathBuf::from));
        let [first, second] = ["20260101T000000Z-7", "20260102T000000Z-3"];
        for run_id in [second, first] {
            write(&path(directory.path(), run_id), &"report").unwrap();
        }
        fs::write(directory.path().join("runs/notes.txt"), "mine").unwrap();
        let listed = list(directory.path()).unwrap();
        assert_eq!(listed, [first, second].map(|id| path(directory.path(), id)));
        assert_eq!(fs::read_to_string(&listed[0]).unwrap(), "\"report\"\n");
    }
}
