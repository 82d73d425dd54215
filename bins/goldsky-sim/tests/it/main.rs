//! The command as its users run it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

fn start(arguments: &[&str]) -> (Child, BufReader<ChildStdout>, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_goldsky-sim"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let ready = serde_json::from_str(&line).unwrap();
    (child, output, ready)
}

/// Ends a simulator by signal and checks that it said nothing more and ended well.
fn stop(mut child: Child, mut output: BufReader<ChildStdout>, signal: &str) {
    let kill = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    assert!(child.wait().unwrap().success());
}

fn get(endpoint: &str, path: &str) -> Value {
    let host = endpoint.strip_prefix("http://").unwrap();
    let host = host.split('/').next().unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn one_line_says_where_it_listens_and_a_signal_ends_it_well() {
    for signal in ["-TERM", "-INT"] {
        let (child, output, ready) = start(&["--fills", "300", "--markets", "4", "--seed", "9"]);
        assert_eq!(ready["fills"], 300);
        assert_eq!(ready["markets"], 4);
        let endpoint = ready["endpoint"].as_str().unwrap();
        let expected = get(endpoint, "/expected");
        assert_eq!(expected["fills"], 300);
        let counted: u64 = expected["tokens"]
            .as_object()
            .unwrap()
            .values()
            .map(|token| token["tradesQuantity"].as_u64().unwrap())
            .sum();
        assert_eq!(counted, 300);
        stop(child, output, signal);
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_to_mend() {
    let check = |arguments: &[&str], part: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_goldsky-sim"))
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(part), "{text}");
    };
    check(&["--fault", "flood=1"], "statement-timeout");
    check(&["--fault", "reset=7"], "from 0 to 1");
    check(&["--events", "/nonexistent.jsonl"], "cannot read");
    check(&["--markets", "0"], "at least one market");
    check(&["--collisions", "2"], "from 0 to 1");
}
