//! Finds the engine's library, or fetches it.

mod fetch;
mod package;
mod unpack;

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use package::LIBRARY_VERSION;
use package::{LIBRARY_FILE, Package};

use crate::Error;

/// The directory of a running installation.
const WORK_DIR: &str = ".install";

/// Where the library is looked for and installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstallOptions {
    /// The library file. `None`: the environment variable `CHDB_LIB_PATH` may name it; else it is
    /// fetched to `clob-backfill/chdb` in `$XDG_CACHE_HOME` or `~/.cache`.
    pub library: Option<PathBuf>,
}

/// How far an installation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another process is installing; reported about five times a second.
    Waiting,
    /// The package is being fetched by npm, which does not tell how far it is; reported about
    /// five times a second.
    Fetching {
        /// The size of the package in bytes, if it is known.
        bytes: Option<u64>,
    },
    /// The library is being unpacked and its checksum computed.
    Unpacking {
        /// Bytes done.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The library is in its place.
    Installed,
}

/// Returns the library file, if it is there.
///
/// Looks at the path in the options or in `CHDB_LIB_PATH`, and nowhere else if one is given; else
/// in the cache directory.
#[must_use]
pub fn locate(options: &InstallOptions) -> Option<PathBuf> {
    let fetched = || Some(version_dir()?.join(LIBRARY_FILE));
    named(options)
        .or_else(fetched)
        .filter(|path| path.is_file())
}

/// Returns the library file, after fetching it into the cache directory if it is not there.
///
/// Fetches the library's npm package with `npm pack`, about 180 MB, which checks the package,
/// unpacks it to a temporary name, checks the library's sha256 where it is known, and renames it.
/// Several processes may do so at once: one fetches, the others wait. Blocks for half a minute or
/// more.
///
/// # Errors
/// [`Error::LibraryMissing`] if an explicit path names no file; [`Error::Unsupported`],
/// [`Error::NpmMissing`], [`Error::Fetch`], [`Error::Checksum`], [`Error::File`].
pub fn install(
    options: &InstallOptions,
    mut progress: impl FnMut(Progress),
) -> Result<PathBuf, Error> {
    if let Some(found) = locate(options) {
        return Ok(found);
    }
    let missing = Error::LibraryMissing {
        version: LIBRARY_VERSION,
    };
    if named(options).is_some() {
        return Err(missing);
    }
    let package = Package::for_this_system()?;
    let dir = version_dir().ok_or(missing)?;
    fs::create_dir_all(&dir).map_err(Error::file("create", &dir))?;
    let library = dir.join(LIBRARY_FILE);
    let _lock = lock(&dir.join("install.lock"), &mut progress)?;
    if library.is_file() {
        return Ok(library);
    }

    // An installation that was killed left it; the lock is ours. At worst it takes some room.
    drop(fs::remove_dir_all(dir.join(WORK_DIR)));
    // In the same directory, so that the rename is one step on one file system.
    let work = tempfile::Builder::new()
        .prefix(WORK_DIR)
        .rand_bytes(0)
        .tempdir_in(&dir)
        .map_err(Error::file("create a directory in", &dir))?;
    let unpacked = work.path().join(LIBRARY_FILE);
    let tarball = fetch::fetch(&package, work.path(), &mut progress)?;
    unpack::unpack(&package, &tarball, &unpacked, &mut progress)?;
    fs::rename(&unpacked, &library).map_err(Error::file("rename to", &library))?;
    progress(Progress::Installed);
    Ok(library)
}

/// Returns the library file that the options or `CHDB_LIB_PATH` name, whether it is there or not.
#[must_use]
pub fn named(options: &InstallOptions) -> Option<PathBuf> {
    let from_environment = || env::var_os("CHDB_LIB_PATH").filter(|path| !path.is_empty());
    options
        .library
        .clone()
        .or_else(|| from_environment().map(PathBuf::from))
}

fn version_dir() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(env::home_dir()?.join(".cache")))?;
    Some(cache.join("clob-backfill/chdb").join(LIBRARY_VERSION))
}

/// Takes the installation's lock, which the system releases even if the process is killed.
fn lock(path: &Path, progress: &mut impl FnMut(Progress)) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::file("create", path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                progress(Progress::Waiting);
                std::thread::sleep(TICK);
            }
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", path)(error)),
        }
    }
}

/// How often a step that cannot tell how far it is reports that it goes on.
const TICK: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_path_is_the_only_one_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("my-lib.so");
        let options = InstallOptions {
            library: Some(library.clone()),
        };
        assert_eq!(locate(&options), None);
        assert!(matches!(
            install(&options, |_| {}),
            Err(Error::LibraryMissing { .. })
        ));
        fs::write(&library, "").unwrap();
        assert_eq!(locate(&options), Some(library));
    }

    #[test]
    fn the_lock_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("install.lock");
        let mut held = Some(lock(&path, &mut |_| {}).unwrap());
        let mut waited = 0;
        let second = lock(&path, &mut |step| {
            assert_eq!(step, Progress::Waiting);
            waited += 1;
            held = None;
        });
        assert!(second.is_ok());
        assert_eq!(waited, 1);
    }
}
