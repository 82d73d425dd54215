//! Tells the crate which commit it is built from, as far as that can be known.
//!
//! A packager who builds without the repository names the commit in `CLOB_BACKFILL_COMMIT`. An archive
//! of the sources has neither, and builds all the same.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the commit where there is no repository to ask.
const COMMIT_VARIABLE: &str = "CLOB_BACKFILL_COMMIT";
/// As many hex digits of a commit as stay unambiguous for long.
const DIGITS: usize = 12;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={COMMIT_VARIABLE}");
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let commit = named().or_else(checked_out);
    let version = match commit {
        Some(commit) => format!("{version} ({commit})"),
        None => version,
    };
    println!("cargo::rustc-env=COMMAND_LINE_VERSION={version}");
}

fn named() -> Option<String> {
    let commit = env::var(COMMIT_VARIABLE).ok()?;
    commit_of(&commit)
}

/// Returns the commit of this very repository, and never that of one which the sources happen to lie in.
fn checked_out() -> Option<String> {
    let repository = Path::new(&env::var_os("CARGO_MANIFEST_DIR")?).join("../..");
    if !repository.join(".git").exists() {
        return None;
    }
    // The log has a line for each time that HEAD moved; HEAD itself changes only with the branch.
    for name in ["HEAD", "logs/HEAD"] {
        let path = PathBuf::from(git(&repository, &["rev-parse", "--git-path", name])?);
        let path = repository.join(path);
        // A file that is not there would make this run at every build.
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    commit_of(&git(&repository, &["rev-parse", "HEAD"])?)
}

fn git(repository: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .current_dir(repository)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn commit_of(text: &str) -> Option<String> {
    let is_hex = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| text.chars().take(DIGITS).collect())
}
