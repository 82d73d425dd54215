use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::Progress;
use super::package::{LIBRARY_FILE, Package};
use crate::Error;

/// Unpacks the library to `library` and checks it, where its digest is known.
pub(super) fn unpack(
    package: &Package,
    tarball: &Path,
    library: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<(), Error> {
    let file = File::open(tarball).map_err(Error::file("open", tarball))?;
    let found = unpack_entry(file, library, progress).map_err(Error::file("unpack", tarball))?;
    match package.known.map(|known| known.library_sha256) {
        Some(expected) if found != expected => return Err(Error::Checksum { expected, found }),
        Some(_) => {}
        None => tracing::warn!(
            package = package.spec(),
            "its sha256 is not known, npm's own check stands alone"
        ),
    }
    Ok(())
}

fn unpack_entry(
    tarball: File,
    library: &Path,
    progress: &mut impl FnMut(Progress),
) -> io::Result<String> {
    let mut archive = tar::Archive::new(GzDecoder::new(io::BufReader::new(tarball)));
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.path()?.ends_with(LIBRARY_FILE) {
            let total = entry.size();
            return copy(entry, library, |done| {
                progress(Progress::Unpacking { done, total });
            });
        }
    }
    let missing = format!("there is no {LIBRARY_FILE} in it");
    Err(io::Error::new(io::ErrorKind::NotFound, missing))
}

/// Copies everything and returns its sha256, in hex.
fn copy(mut from: impl Read, to: &Path, mut progress: impl FnMut(u64)) -> io::Result<String> {
    let mut out = File::create(to)?;
    let mut hasher = Sha256::new();
    let mut chunk = Vec::new();
    let mut done = 0;
    while from.by_ref().take(1 << 20).read_to_end(&mut chunk)? > 0 {
        hasher.update(&chunk);
        out.write_all(&chunk)?;
        done += chunk.len() as u64;
        progress(done);
        chunk.clear();
    }
    out.sync_all()?;
    Ok(format!("{:x}", hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tarball(files: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let encoder = flate2::write::GzEncoder::new(file.as_file(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(encoder);
        for (path, data) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(data.len() as u64);
            builder.append_data(&mut header, path, *data).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap();
        file
    }

    #[test]
    fn the_library_is_found_in_the_package() {
        let file = tarball(&[("package/index.js", b"x"), ("package/libchdb.so", b"abc")]);
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("out");
        let mut steps = Vec::new();
        let digest = unpack_entry(file.reopen().unwrap(), &library, &mut |step| {
            steps.push(step)
        });
        assert_eq!(
            digest.unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(std::fs::read(&library).unwrap(), b"abc");
        assert_eq!(steps, [Progress::Unpacking { done: 3, total: 3 }]);
    }

    #[test]
    fn a_package_without_it_is_an_error() {
        let file = tarball(&[("package/index.js", b"x")]);
        let dir = tempfile::tempdir().unwrap();
        let error = unpack_entry(file.reopen().unwrap(), &dir.path().join("out"), &mut |_| {});
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn another_library_than_expected_is_refused() {
        let Ok(package) = Package::for_this_system() else {
            return;
        };
        let file = tarball(&[("package/libchdb.so", b"abc")]);
        let library = tempfile::NamedTempFile::new().unwrap();
        let unpacked = unpack(&package, file.path(), library.path(), &mut |_| {});
        match package.known {
            Some(_) => assert!(matches!(unpacked, Err(Error::Checksum { .. }))),
            None => unpacked.unwrap(),
        }
    }
}
