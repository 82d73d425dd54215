use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// A file that is there as a whole or not at all.
#[derive(Debug)]
pub struct Destination {
    path: PathBuf,
    file: NamedTempFile,
}

impl Destination {
    /// Makes sure that the file can be written, before the work whose report it will hold.
    ///
    /// # Errors
    /// That its directory is not there or that nothing can be made in it, or that the path is a
    /// directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut options = Builder::new();
        options.prefix(".report-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any other file is made, less what the user's mask takes.
            options.permissions(std::fs::Permissions::from_mode(0o666));
        }
        Ok(Self {
            path: path.to_path_buf(),
            file: options.tempfile_in(directory)?,
        })
    }

    /// Puts the text in place of what was there before, in one step, once it is durable.
    ///
    /// # Errors
    /// Any error of the file system; then what was there before still is.
    pub fn write(mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.file.as_file().sync_all()?;
        self.file.persist(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let name = |entry: io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect()
    }

    #[test]
    fn what_was_there_stays_until_the_new_text_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.html");
        std::fs::write(&path, "before").unwrap();
        let destination = Destination::open(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
        destination.write("after").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(names(directory.path()), ["report.html"]);
    }

    #[test]
    fn nothing_is_left_of_a_report_that_was_not_made() {
        let directory = tempfile::tempdir().unwrap();
        drop(Destination::open(&directory.path().join("report.html")).unwrap());
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_directory_that_is_not_there_is_said_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let error = Destination::open(&directory.path().join("none/report.html")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let error = Destination::open(directory.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }
}
