//! The sole right to write a checkpoint, held as a lock on the file `NAME.lock`.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::generations::{beside, writable};

/// The right itself. The operating system takes it back when the process ends, however it ends.
///
/// The file stays: removing it would let two processes lock two files of one name.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the right to the checkpoint at `path`.
    ///
    /// Tries a few times within a tenth of a second, because [`holder`] takes it for a moment.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        const TRIES: u32 = 5;
        let lock_path = beside(path, "lock");
        let mut file = writable()
            .read(true)
            .open(&lock_path)
            .map_err(Error::io("open the lock", &lock_path))?;
        for tries_left in (0..TRIES).rev() {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries_left > 0 => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Locked {
                        path: path.to_owned(),
                        holder: process_number(&mut file),
                    });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(Error::io("lock", &lock_path)(source));
                }
            }
        }
        write_process_number(&mut file).map_err(Error::io("write", &lock_path))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Only tidies: the lock itself ends with the file.
        let _ = self.file.set_len(0);
    }
}

/// Returns the process that holds the checkpoint at `path`, or nothing if none does.
///
/// A process that holds it and has not written its number yet is 0.
///
/// # Errors
/// [`Error::Io`] where the lock exists and cannot be read.
pub fn holder(path: impl AsRef<Path>) -> Result<Option<u32>, Error> {
    let lock_path = beside(path.as_ref(), "lock");
    let mut file = match File::open(&lock_path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open the lock", &lock_path)(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(process_number(&mut file).unwrap_or(0))),
        Err(TryLockError::Error(source)) => Err(Error::io("lock", &lock_path)(source)),
    }
}

fn write_process_number(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn process_number(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
