//! The first command that anyone runs.

use crate::harness::*;

const SMALL: [&str; 5] = ["--demo", "--demo-fills", "20000", "--demo-markets", "200"];

#[tokio::test]
async fn the_demo_loads_everything_and_a_second_one_finds_it_done() {
    let directory = tempfile::tempdir().unwrap();
    let demo = |arguments: &[&str]| {
        let mut command = command("ingest", directory.path());
        command
            .args(SMALL)
            .args(["--output", "json"])
            .args(arguments);
        Running::start(command).end()
    };
    let first = demo(&[]).expect(0).json();
    assert_eq!(first["complete"], true);
    assert_eq!(first["strategy"], "scan");
    assert_eq!(first["fills_inserted"], 20_000);
    assert_eq!(first["fills_total"], 20_000);
    assert_eq!(first["unknown_tokens"], 0);

    let second = demo(&[]).expect(0).json();
    assert_eq!(second["complete"], true);
    assert_eq!(
        (&second["fills_inserted"], &second["pages"]),
        (&0.into(), &0.into())
    );
    assert_eq!(second["markets_per_second"], 0.0);

    let fresh = demo(&["--fresh", "--yes"]).expect(0).json();
    assert_eq!(
        fresh["fills_inserted"], 0,
        "rows that are there are not doubled"
    );
    assert_eq!(fresh["fills_found"], 20_000);
    assert_eq!(fresh["fills_total"], 20_000);
}

#[tokio::test]
async fn the_table_can_be_queried_while_the_demo_runs_and_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut demo = command("ingest", directory.path());
    demo.args(SMALL)
        .args(["--output", "human", "--requests-per-10s", "20"]);
    let mut demo = Running::start(demo);
    let url = demo.find_in_stderr("curl ", " --data-binary").await;
    let mut seen = 0;
    while !demo.has_ended() && seen == 0 {
        if let Ok(response) = http()
            .post(&url)
            .body("SELECT count() FROM clob_fills_v2")
            .send()
            .await
        {
            let text = response.text().await.unwrap_or_default();
            seen = text.trim().parse::<u64>().unwrap_or(0);
        }
    }
    assert!(seen > 0 && seen <= 20_000, "{seen}");
    let status = {
        let mut status = command("ingest", directory.path());
        status.args(["status", "--demo", "--output", "json"]);
        Running::start(status).end().expect(0).json()
    };
    assert_eq!(status["state"], "running");
    assert!(status["fills"].as_u64().unwrap() >= seen, "{status}");
    demo.signal("TERM");
    let ended = demo.end();
    assert!(ended.stdout.contains("Query it: "), "{ended:?}");

    let data = directory.path().join("data/demo");
    let engine = Engine::start_at(directory.path(), &data);
    let count: u64 = engine
        .text("SELECT count() FROM clob_fills_v2")
        .await
        .parse()
        .unwrap();
    assert!(count >= seen);
}

#[tokio::test]
async fn on_a_terminal_the_engine_says_nothing_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let ingest = command("ingest", directory.path());
    let program = ingest.get_program().to_str().unwrap();
    // Of util-linux: it gives a command a terminal.
    let mut script = std::process::Command::new("script");
    script
        .current_dir(directory.path())
        .args([
            "-qec",
            &format!("{program} --demo --demo-fills 100000"),
            "/dev/null",
        ])
        .stdin(std::process::Stdio::null());
    let Ok(told) = script.output() else {
        eprintln!("not tested: there is no command script");
        return;
    };
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("100,000 in clob_fills_v2"), "{told}");
    assert!(!told.contains("Fatal"), "{told}");
}
