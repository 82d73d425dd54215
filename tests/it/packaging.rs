//! What the program is packed and started with says the same as the program.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use saphyr::{LoadableYamlNode, Yaml};
use startup::ExitCode;

use crate::harness::*;

/// Trying again does not mend these.
const FINAL: [ExitCode; 3] = [ExitCode::Failed, ExitCode::Usage, ExitCode::BadData];
/// Trying again goes on where the run ended.
const PASSING: [ExitCode; 2] = [ExitCode::Unreachable, ExitCode::WorkLeft];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// Returns what stands behind a word at the beginning of lines.
fn behind<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix(word))
        .collect()
}

fn numbers(codes: &[ExitCode]) -> Vec<i64> {
    codes.iter().map(|code| i64::from(code.number())).collect()
}

#[test]
fn the_image_is_built_by_the_compiler_of_the_workspace() {
    let dockerfile = read("Dockerfile");
    let toolchain = read("rust-toolchain.toml");
    let version = behind(&toolchain, "channel = ")[0].trim_matches('"');
    let image = behind(&dockerfile, "FROM rust:")[0];
    assert!(image.starts_with(&format!("{version}-")), "{image}");
    assert_eq!(behind(&dockerfile, "ENV RUSTUP_TOOLCHAIN="), [version]);
}

#[test]
fn the_image_is_healthy_as_long_as_a_checkpoint_is_young() {
    let dockerfile = read("Dockerfile");
    let check: Vec<String> = serde_json::from_str(behind(&dockerfile, "CMD ")[0]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let is_healthy = || {
        let words = check.iter().map(|word| word.replace("/data", data));
        let words: Vec<String> = words.collect();
        let ended = Command::new(&words[0]).args(&words[1..]).status();
        ended.unwrap().success()
    };
    assert!(!is_healthy(), "nothing is there");
    let checkpoint = File::create(directory.path().join("checkpoint-clob_fills_v2")).unwrap();
    assert!(is_healthy(), "saved just now");
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    checkpoint.set_modified(long_ago).unwrap();
    assert!(!is_healthy(), "saved an hour ago");
}

#[test]
fn the_service_is_started_again_where_that_helps() {
    let unit = read("docs/samples/clob-backfill.service");
    let codes = |name: &str| -> Vec<i64> {
        let [codes] = behind(&unit, name)[..] else {
            panic!("{name} stands there once");
        };
        let codes = codes.split(' ').map(|code| code.parse().unwrap());
        codes.collect()
    };
    assert_eq!(behind(&unit, "Restart="), ["on-failure"]);
    assert_eq!(codes("RestartPreventExitStatus="), numbers(&FINAL));
    let stopped = numbers(&[ExitCode::Interrupted]);
    assert_eq!(codes("SuccessExitStatus="), stopped);
}

#[test]
fn systemd_accepts_the_service() {
    if Command::new("systemd-analyze").output().is_err() {
        eprintln!("not verified: there is no systemd-analyze");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let program = command("ingest", directory.path());
    let program = program.get_program().to_str().unwrap();
    let unit = read("docs/samples/clob-backfill.service");
    let unit = unit.replace("/usr/local/bin/ingest", program);
    let path = directory.path().join("clob-backfill.service");
    fs::write(&path, unit).unwrap();
    let mut verify = Command::new("systemd-analyze");
    // The manual may not be installed where tests run.
    let said = verify.args(["verify", "--man=no"]).arg(&path).output();
    let said = said.unwrap();
    let text = String::from_utf8_lossy(&said.stderr);
    let own: Vec<&str> = text.lines().filter(|line| line.contains("clob")).collect();
    assert_eq!(own, [""; 0]);
    assert!(said.status.success(), "{text}");
}

#[test]
fn the_job_is_tried_again_where_that_helps() {
    let text = read("docs/samples/kubernetes-job.yaml");
    let documents = Yaml::load_from_str(&text).unwrap();
    let [claim, job] = &documents[..] else {
        panic!("{} documents", documents.len());
    };
    let volumes = &job["spec"]["template"]["spec"]["volumes"];
    assert_eq!(
        volumes[0]["persistentVolumeClaim"]["claimName"],
        claim["metadata"]["name"]
    );
    let rules = job["spec"]["podFailurePolicy"]["rules"]
        .as_sequence()
        .unwrap();
    let codes = |action: &str| -> Vec<i64> {
        let rules = rules
            .iter()
            .filter(|rule| rule["action"].as_str() == Some(action));
        rules
            .filter_map(|rule| rule.as_mapping_get("onExitCodes")?["values"].as_sequence())
            .flatten()
            .map(|code| code.as_integer().unwrap())
            .collect()
    };
    assert_eq!(codes("FailJob"), numbers(&FINAL));
    assert_eq!(codes("Count"), numbers(&PASSING));
    assert_eq!(codes("Ignore"), numbers(&[ExitCode::Interrupted]));
    // Kubernetes refuses a policy for failures with any other.
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["restartPolicy"].as_str(), Some("Never"));
}

#[test]
fn the_job_runs_as_the_user_of_the_image_who_is_not_root() {
    let dockerfile = read("Dockerfile");
    let [user] = behind(&dockerfile, "USER ")[..] else {
        panic!("USER stands there once");
    };
    let text = read("docs/samples/kubernetes-job.yaml");
    let job = Yaml::load_from_str(&text).unwrap().pop().unwrap();
    let security = &job["spec"]["template"]["spec"]["securityContext"];
    let id = |name: &str| security[name].as_integer().unwrap();
    assert_eq!(user, format!("{}:{}", id("runAsUser"), id("runAsGroup")));
    assert_ne!(id("runAsUser"), 0);
    assert_eq!(security["runAsNonRoot"].as_bool(), Some(true));
}
