use std::sync::{Arc, Mutex};

use super::*;

/// Collects what is written, and marks what happens around it.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<String>>);

impl Screen {
    fn add(&self, text: &str) {
        self.0.lock().unwrap().push_str(text);
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs a few messages and returns what stands on the screen.
fn logged(args: LogArgs, output: Output, environment: &Environment) -> String {
    let screen = Screen::default();
    let (bar, writer) = (screen.clone(), screen.clone());
    let writer = Around {
        around: move |print: &mut dyn FnMut()| {
            bar.add("<");
            print();
            bar.add(">");
        },
        writer: move || writer.clone(),
    };
    let filter = args.filter(environment).unwrap();
    let subscriber = Registry::default().with(layer(output, false, writer).with_filter(filter));
    tracing::subscriber::with_default(subscriber, || {
        tracing::error!("an error");
        tracing::warn!("a warning");
        tracing::info!(rows = 3, "inserted");
        tracing::debug!("a detail");
        tracing::debug!(target: "hyper", "a frame");
        tracing::trace!("a trifle");
    });
    screen.text()
}

fn flags(verbose: u8, quiet: u8) -> LogArgs {
    LogArgs { verbose, quiet }
}

#[test]
fn each_message_is_printed_in_one_piece_while_the_bar_stands_aside() {
    let text = logged(flags(0, 0), Output::Human, &Environment::default());
    let messages: Vec<&str> = text.split_terminator('>').collect();
    assert_eq!(messages.len(), 3, "{text}");
    for message in messages {
        assert!(
            message.starts_with('<') && message.ends_with('\n'),
            "{message:?}"
        );
    }
}

#[test]
fn people_read_time_level_message_and_fields() {
    let text = logged(flags(0, 0), Output::Human, &Environment::default());
    let line = text.lines().find(|line| line.contains("inserted")).unwrap();
    let (time, rest) = line.trim_start_matches(['<', '>']).split_once(' ').unwrap();
    assert_eq!(time.len(), "2026-01-31T09:30:00Z".len(), "{time}");
    time.parse::<jiff::Timestamp>().unwrap();
    assert_eq!(rest.trim(), "INFO inserted rows=3");
}

#[test]
fn programs_read_one_object_a_line() {
    let text = logged(flags(0, 0), Output::Json, &Environment::default());
    let lines: Vec<serde_json::Value> = text
        .split_terminator('>')
        .map(|line| serde_json::from_str(line.trim_start_matches('<')).unwrap())
        .collect();
    let last = lines.last().unwrap();
    assert_eq!(last["level"], "INFO");
    assert_eq!(last["message"], "inserted");
    assert_eq!(last["rows"], 3);
}

#[test]
fn flags_say_how_much() {
    let check = |verbose, quiet, last: &str| {
        let text = logged(
            flags(verbose, quiet),
            Output::Human,
            &Environment::default(),
        );
        let line = text.lines().rfind(|line| *line != ">").unwrap();
        assert!(line.contains(last), "{verbose} {quiet}: {line}");
    };
    check(0, 2, "an error");
    check(0, 1, "a warning");
    check(0, 0, "inserted");
    check(1, 0, "a detail");
    check(2, 0, "a trifle");
}

#[test]
fn rust_log_counts_where_no_flag_is_given() {
    let environment = Environment::from_variables([("RUST_LOG", "error")]);
    let text = logged(flags(0, 0), Output::Human, &environment);
    assert!(!text.contains("a warning"), "{text}");
    let text = logged(flags(0, 1), Output::Human, &environment);
    assert!(text.contains("a warning"), "{text}");
}

#[test]
fn a_bad_rust_log_is_wrong_usage() {
    let environment = Environment::from_variables([("RUST_LOG", "startup=loud")]);
    let error = flags(0, 0).filter(&environment).unwrap_err();
    assert!(
        error.to_string().contains("environment RUST_LOG"),
        "{error}"
    );
    assert_eq!(error.exit_code(), crate::ExitCode::Usage);
}

#[test]
fn flattened_flags_leave_the_description_to_the_command() {
    let command = <LogArgs as clap::Args>::augment_args(clap::Command::new("c").about("mine"));
    assert_eq!(command.get_about().unwrap().to_string(), "mine");
}
