use std::env::consts::{ARCH, OS as KERNEL};

use crate::Error;

/// The version of the library that this crate is written for, which is ClickHouse 26.7.
///
/// Older ones lack the streaming insert.
pub const LIBRARY_VERSION: &str = "26.7.3-stable.1";

/// The library's file name, in the package and where it is installed.
pub(super) const LIBRARY_FILE: &str = "libchdb.so";

/// The library needs glibc: Linux with another C library is another system.
const OS: &str = if cfg!(target_env = "musl") {
    "linux-musl"
} else {
    KERNEL
};

/// The npm package that carries the library for one system.
#[derive(Debug, Clone, Copy)]
pub(super) struct Package {
    name: &'static str,
    /// What its files must be. Where it is not known, npm's own integrity check stands alone.
    pub(super) known: Option<Known>,
}

/// The package's size, and the library's sha256 in hex.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) tarball_bytes: u64,
    pub(super) library_sha256: &'static str,
}

/// Measured on the published package.
const LINUX_X64: Known = Known {
    tarball_bytes: 177_817_999,
    library_sha256: "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5",
};

impl Package {
    /// Returns the package for this system.
    pub(super) fn for_this_system() -> Result<Self, Error> {
        Self::for_system(OS, ARCH)
    }

    fn for_system(os: &'static str, arch: &'static str) -> Result<Self, Error> {
        let (name, known) = match (os, arch) {
            ("linux", "x86_64") => ("@chdb/lib-linux-x64-gnu", Some(LINUX_X64)),
            ("linux", "aarch64") => ("@chdb/lib-linux-arm64-gnu", None),
            ("macos", "aarch64") => ("@chdb/lib-darwin-arm64", None),
            ("macos", "x86_64") => ("@chdb/lib-darwin-x64", None),
            _ => return Err(Error::Unsupported { os, arch }),
        };
        Ok(Self { name, known })
    }

    /// Returns name and version, as npm takes them.
    pub(super) fn spec(&self) -> String {
        format!("{}@{LIBRARY_VERSION}", self.name)
    }

    /// Says how to get the library without this crate.
    pub(super) fn by_hand(&self) -> String {
        format!(
            "get {LIBRARY_FILE} from the package {} or from the releases of chdb-io/chdb-core on \
             GitHub, and set CHDB_LIB_PATH to it",
            self.spec()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_has_its_package_or_an_error() {
        let spec = |os, arch| Package::for_system(os, arch).map(|package| package.spec());
        assert_eq!(
            spec("linux", "x86_64").unwrap(),
            "@chdb/lib-linux-x64-gnu@26.7.3-stable.1"
        );
        assert!(spec("macos", "aarch64").is_ok());
        for os in ["windows", "linux-musl"] {
            let refused = spec(os, "x86_64");
            assert!(matches!(refused, Err(Error::Unsupported { .. })), "{os}");
        }
    }
}
