use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io, thread};

use super::package::Package;
use super::{Progress, TICK};
use crate::Error;

/// The first lines of npm's log: the code and the reason. Hints and the names of log files follow.
const LOG_LINES: usize = 4;

/// Fetches a package into `dir` with npm, and returns the tarball.
pub(super) fn fetch(
    package: &Package,
    dir: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<PathBuf, Error> {
    let log = dir.join("npm.log");
    let errors = fs::File::create(&log).map_err(Error::file("create", &log))?;
    let mut npm = Command::new("npm")
        .args(["pack", "--loglevel=error", &package.spec()])
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::NpmMissing(format!("install npm, or {}", package.by_hand()))
            }
            _ => Error::file("run", "npm")(error),
        })?;
    let bytes = package.known.map(|known| known.tarball_bytes);
    let status = loop {
        match npm.try_wait().map_err(Error::file("wait for", "npm"))? {
            Some(status) => break status,
            None => progress(Progress::Fetching { bytes }),
        }
        thread::sleep(TICK);
    };
    let tarball = fs::read_dir(dir)
        .map_err(Error::file("read", dir))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"));
    if let Some(tarball) = tarball
        && status.success()
    {
        return Ok(tarball);
    }
    let log = fs::read_to_string(&log).unwrap_or_default();
    let reason: Vec<_> = log.lines().take(LOG_LINES).collect();
    Err(Error::Fetch {
        package: package.spec(),
        said: format!("npm ended with {status}: {}", reason.join("; ")),
        hint: format!(
            "check the network and npm's settings, or {}",
            package.by_hand()
        ),
    })
}
