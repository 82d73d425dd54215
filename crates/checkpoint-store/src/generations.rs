//! The newest save and the one before, as files. Blocking.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::Error;
use crate::frame::{self, Damage, FORMAT, Frame};
use crate::identity::Identity;

/// What the disk holds of a checkpoint.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) frame: Frame,
    pub(crate) modified: SystemTime,
    /// Why this is not the newest save; nothing if it is.
    pub(crate) fell_back: Option<String>,
}

/// Returns the path of a file that belongs to the checkpoint at `path`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Reads the newest save that is whole, or nothing if the newest file is missing.
///
/// A missing newest file means that nobody saved or that somebody removed it: `replace` leaves no
/// moment in which it is missing. So what came before it is then not asked.
pub(crate) fn read(path: &Path) -> Result<Option<Found>, Error> {
    let Some((newest, modified)) = read_one(path)? else {
        return Ok(None);
    };
    let reason = match newest {
        Ok(frame) => {
            return Ok(Some(Found {
                frame,
                modified,
                fell_back: None,
            }));
        }
        Err(Damage::OtherFormat(found)) => {
            return Err(Error::OtherFormat {
                path: path.to_owned(),
                found,
                supported: FORMAT,
            });
        }
        Err(Damage::Corrupt(reason)) => reason,
    };
    let previous_path = beside(path, "previous");
    let previous = match read_one(&previous_path)? {
        Some((Ok(frame), modified)) => {
            return Ok(Some(Found {
                frame,
                modified,
                fell_back: Some(format!(
                    "{} is damaged: {reason}; going on from {}",
                    path.display(),
                    previous_path.display()
                )),
            }));
        }
        Some((Err(Damage::OtherFormat(_)), _)) => "it has another format",
        Some((Err(Damage::Corrupt(reason)), _)) => reason,
        None => "there is none",
    };
    Err(Error::Corrupt {
        path: path.to_owned(),
        reason: reason.to_owned(),
        previous: previous.to_owned(),
    })
}

/// Replaces the newest save; returns when the new one would outlast a loss of power.
///
/// `keep_newest` makes the save that is there now the previous one. It must be false where that is
/// damaged, or the only whole save would be lost.
///
/// After a crash before the rename, the newest save is still there; after the rename, the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8], keep_newest: bool) -> Result<(), Error> {
    let temporary = beside(path, "tmp");
    write_synced(&temporary, bytes).map_err(Error::io("write", &temporary))?;
    if keep_newest {
        let previous = beside(path, "previous");
        keep_as(path, &previous).map_err(Error::io("keep the last save as", &previous))?;
    }
    fs::rename(&temporary, path).map_err(Error::io("replace", path))?;
    sync_directory(path)
}

/// Removes both saves and what a crash left; returns when that would outlast a loss of power.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    // The newest file goes first: without it nobody asks for the others.
    let files = [
        path.to_owned(),
        beside(path, "previous"),
        beside(path, "tmp"),
        beside(path, "previous.tmp"),
    ];
    for file in files {
        match fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("remove", &file)(error)),
        }
    }
    sync_directory(path)
}

/// Encodes a save.
pub(crate) fn encode(path: &Path, identity: &Identity, payload: &[u8]) -> Result<Vec<u8>, Error> {
    frame::encode(identity, payload)
        .map_err(io::Error::from)
        .map_err(Error::io("write", path))
}

type Decoded = (Result<Frame, Damage>, SystemTime);

fn read_one(path: &Path) -> Result<Option<Decoded>, Error> {
    let read = || -> io::Result<Decoded> {
        let bytes = fs::read(path)?;
        Ok((frame::decode(&bytes), fs::metadata(path)?.modified()?))
    };
    match read() {
        Ok(decoded) => Ok(Some(decoded)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = writable().truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Returns how files are opened: made where they are missing, and never for others to write.
pub(crate) fn writable() -> OpenOptions {
    let mut options = File::options();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    options
}

/// Makes a directory where it is missing, never for others to write.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    builder.create(path)
}

/// Makes `previous` hold what `path` holds, without a moment in which `path` is missing: a second
/// name for the same file, or a copy where the file system has no second names.
fn keep_as(path: &Path, previous: &Path) -> io::Result<()> {
    let staged = beside(previous, "tmp");
    // A crash may have left one, and renaming one name of a file to another of its names is no-op.
    match fs::remove_file(&staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if fs::hard_link(path, &staged).is_err() {
        write_synced(&staged, &fs::read(path)?)?;
    }
    fs::rename(&staged, previous)
}

fn sync_directory(path: &Path) -> Result<(), Error> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(Error::io("sync", directory))
}
