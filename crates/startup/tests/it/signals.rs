//! Signals, in a process of their own: the second one ends it.

use std::process::Command;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::raise;
use startup::Shutdown;

#[tokio::test]
#[ignore = "the process that the next test starts"]
async fn a_process_that_is_asked_twice() {
    let (_trigger, shutdown) = Shutdown::on_signals().unwrap();
    assert!(!shutdown.is_requested());
    raise(SIGTERM).unwrap();
    shutdown.requested().await;
    assert!(shutdown.clone().is_requested());
    println!("\nasked");
    raise(SIGINT).unwrap();
    println!("\nstill here");
}

#[test]
fn the_first_signal_asks_and_the_second_ends_the_process_with_130() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "signals::a_process_that_is_asked_twice"])
        .args(["--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("asked"), "{text}");
    assert!(!text.contains("still here"), "{text}");
}

#[tokio::test]
async fn a_trigger_asks_everyone() {
    let (trigger, shutdown) = Shutdown::with_trigger();
    let other = shutdown.clone();
    let waiting = tokio::spawn(async move { other.requested().await });
    trigger.request();
    drop(trigger);
    waiting.await.unwrap();
    shutdown.requested().await;
    assert!(shutdown.is_requested());
}
