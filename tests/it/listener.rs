//! Who can reach what this program opens, and who can write what it keeps.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::*;

#[tokio::test]
async fn beyond_this_machine_it_listens_only_with_a_password() {
    let directory = tempfile::tempdir().unwrap();
    let serve = |address: &str, password: &str| {
        let mut serve = command("ingest", directory.path());
        serve
            .args(["engine", "serve", "--output", "json", "--listen", address])
            .env("CLICKHOUSE_PASSWORD", password);
        Running::start(serve)
    };
    for address in ["0.0.0.0:0", "[::]:0"] {
        let refused = serve(address, "").end().expect(2);
        for part in ["needs a user and a password", "CLICKHOUSE_PASSWORD"] {
            assert!(refused.stderr.contains(part), "{}", refused.stderr);
        }
        assert_eq!(refused.stdout, "");
    }
    let mut open = serve("0.0.0.0:0", "right");
    let url = open.ready()["url"].as_str().unwrap().to_owned();
    let url = url.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(status(&url, "").await, 401);
    assert_eq!(status(&url, "wrong").await, 401);
    assert_eq!(status(&url, "right").await, 200);
    open.signal("TERM");
    open.end().expect(0);
}

#[tokio::test]
async fn the_listener_of_a_run_is_of_this_machine_and_asks_for_the_password_that_is_set() {
    let directory = tempfile::tempdir().unwrap();
    let slow = [
        "--fills",
        "20000",
        "--markets",
        "50",
        "--requests-per-10s",
        "20",
    ];
    let source = Source::start(directory.path(), &slow);
    let with_password = |arguments: &[&str]| {
        let mut command = ingest(directory.path(), &source, arguments);
        command.env("CLICKHOUSE_PASSWORD", "right");
        Running::start(command)
    };
    let mut run = with_password(&[]);
    let login = " -u default:$CLICKHOUSE_PASSWORD --data-binary";
    let url = run.find_in_stderr("curl ", login).await;
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert_eq!(status(&url, "").await, 401);
    assert_eq!(status(&url, "right").await, 200);
    // It reads through that server.
    let told = with_password(&["status"]).end().expect(0).json();
    assert_eq!(told["state"], "running");
    assert!(told["fills"].is_number(), "{told}");
    run.signal("TERM");
    run.end();
}

async fn status(url: &str, password: &str) -> u16 {
    let request = http().post(url).body("SELECT 1");
    let request = match password {
        "" => request,
        password => request.basic_auth("default", Some(password)),
    };
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn nothing_that_it_keeps_can_be_written_by_others_whatever_the_umask() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "300", "--markets", "5"]);
    let load = ingest(
        directory.path(),
        &source,
        &["--checkpoint", "kept/progress"],
    );
    let mut careless = std::process::Command::new("sh");
    careless
        .args(["-c", "umask 000; exec \"$0\" \"$@\""])
        .arg(load.get_program())
        .args(load.get_args())
        .current_dir(directory.path());
    Running::start(careless).end().expect(0);
    assert_eq!(
        writable(&directory.path().join("data")),
        Vec::<String>::new()
    );
    assert_eq!(
        writable(&directory.path().join("kept")),
        Vec::<String>::new()
    );
}

/// Returns what others can write at or below a path, as far as they can get there.
fn writable(path: &Path) -> Vec<String> {
    if path.is_symlink() {
        return Vec::new();
    }
    let mode = path.metadata().unwrap().permissions().mode();
    let mut found = Vec::new();
    if mode & 0o002 != 0 {
        found.push(format!("{} {mode:o}", path.display()));
    }
    if path.is_dir() && mode & 0o001 != 0 {
        for entry in std::fs::read_dir(path).unwrap() {
            found.extend(writable(&entry.unwrap().path()));
        }
    }
    found
}
