use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::package::Package;
use super::{Progress, TICK};
use crate::Error;

/// Fetches a package into `dir` with npm, and returns the tarball.
pub(super) fn fetch(
    package: &Package,
    dir: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<PathBuf, Error> {
    let said = dir.join("npm.log");
    let log = fs::File::create(&said).map_err(Error::file("create", &said))?;
    let mut npm = Command::new("npm")
        .args(["pack", "--loglevel=error", &package.spec()])
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::ProgramMissing {
                program: "npm",
                hint: format!("install npm, or {}", package.by_hand()),
            },
            _ => Error::file("run", "npm")(error),
        })?;
    let succeeded = wait(&mut npm, package, progress).map_err(Error::file("wait for", "npm"))?;
    let tarball = fs::read_dir(dir)
        .map_err(Error::file("read", dir))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"));
    match tarball {
        Some(tarball) if succeeded => Ok(tarball),
        _ => Err(Error::Fetch {
            package: package.spec(),
            said: first_reason(&fs::read_to_string(&said).unwrap_or_default()),
            hint: format!(
                "check the network and npm's settings, or {}",
                package.by_hand()
            ),
        }),
    }
}

fn wait(
    npm: &mut Child,
    package: &Package,
    progress: &mut impl FnMut(Progress),
) -> io::Result<bool> {
    loop {
        if let Some(status) = npm.try_wait()? {
            return Ok(status.success());
        }
        progress(Progress::Fetching {
            bytes: package.known.map(|known| known.tarball_bytes),
        });
        std::thread::sleep(TICK);
    }
}

/// Returns what npm said first of its errors: the later lines name log files.
fn first_reason(log: &str) -> String {
    log.lines()
        .map(|line| {
            line.trim_start_matches("npm error")
                .trim_start_matches("npm ERR!")
                .trim()
        })
        .find(|line| {
            let label = line.split(' ').next().unwrap_or_default();
            !matches!(label, "" | "code" | "syscall" | "errno")
        })
        .unwrap_or("npm said nothing")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npms_first_reason_is_kept() {
        assert_eq!(
            first_reason(
                "npm error code ETARGET\nnpm error notarget No matching version\nnpm error x"
            ),
            "notarget No matching version"
        );
        assert_eq!(first_reason(""), "npm said nothing");
    }
}
