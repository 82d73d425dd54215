//! Log messages: to standard error, as text for people or as JSON lines for programs.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::environment::Environment;
use crate::error::Error;
use crate::settings::Output;

/// Libraries that tell of every connection and frame where everything else tells of work.
const TALKATIVE: [&str; 5] = ["h2", "hyper", "hyper_util", "reqwest", "rustls"];

// How much is logged. Flatten it into a command's arguments.
#[expect(
    missing_docs,
    reason = "clap would make it the description of the command that takes these"
)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::Args)]
pub struct LogArgs {
    /// Log more: -v debug, -vv trace
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Log less: -q warnings, -qq errors
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub quiet: u8,
}

impl LogArgs {
    /// Returns the level that the flags ask for: info without any.
    pub fn level(self) -> LevelFilter {
        match i16::from(self.verbose) - i16::from(self.quiet) {
            ..=-2 => LevelFilter::ERROR,
            -1 => LevelFilter::WARN,
            0 => LevelFilter::INFO,
            1 => LevelFilter::DEBUG,
            2.. => LevelFilter::TRACE,
        }
    }

    /// Returns the filter: the flags where one is given, else `RUST_LOG`, else info.
    fn filter(self, environment: &Environment) -> Result<EnvFilter, Error> {
        if let (
            Self {
                verbose: 0,
                quiet: 0,
            },
            Some(directives),
        ) = (self, environment.get("RUST_LOG"))
        {
            return EnvFilter::builder()
                .parse(directives)
                .map_err(|error| Error::BadValue {
                    name: "RUST_LOG",
                    value: directives.to_owned(),
                    origin: "environment RUST_LOG".to_owned(),
                    reason: error.to_string(),
                    allowed: "a level, or target=level, separated by commas".to_owned(),
                });
        }
        let level = self.level();
        let mut directives = level.to_string();
        if level == LevelFilter::DEBUG {
            for target in TALKATIVE {
                directives += &format!(",{target}=info");
            }
        }
        // Written above, so it parses; if not, the level alone is nearly as good.
        Ok(EnvFilter::from_str(&directives).unwrap_or_else(|_| EnvFilter::default()))
    }
}

/// Sends this process's log messages to standard error.
///
/// `around` is called for each message with what prints it, so that a progress bar can step aside
/// for a moment: `|print| bar.suspend(print)`. Without a bar it is [`plainly`].
///
/// # Errors
/// [`Error::BadValue`] for a bad `RUST_LOG`, [`Error::LoggingTwice`] where logging is set up.
pub fn init(
    args: LogArgs,
    output: Output,
    environment: &Environment,
    around: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static,
) -> Result<(), Error> {
    init_beside(args, output, environment, around, None)
}

/// Hears everything that is logged, and what only it listens to.
pub type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Sends log messages to standard error like [`init`], beside another listener.
///
/// # Errors
/// As [`init`].
pub fn init_beside(
    args: LogArgs,
    output: Output,
    environment: &Environment,
    around: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static,
    listener: Option<Listener>,
) -> Result<(), Error> {
    let filter = args.filter(environment)?;
    let colour = environment.may_colour_stderr();
    let writer = Around {
        around,
        writer: io::stderr,
    };
    let begun = match listener {
        // Without a listener there is no layer for one: even an empty one would be asked each time.
        None => Registry::default()
            .with(layer(output, colour, writer).with_filter(filter))
            .try_init(),
        Some(listener) => Registry::default()
            .with(listener)
            .with(layer(output, colour, writer).with_filter(filter))
            .try_init(),
    };
    begun.map_err(|_| Error::LoggingTwice)
}

/// Prints a message with nothing around it.
pub fn plainly(print: &mut dyn FnMut()) {
    print();
}

/// Makes the layer that formats messages and writes each with one call.
fn layer<S, W>(output: Output, colour: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    match output {
        Output::Human => layer
            .with_ansi(colour)
            .with_target(false)
            .with_timer(Seconds)
            .boxed(),
        Output::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_timer(Seconds)
            .boxed(),
    }
}

/// The time of a message: UTC to the second, `2026-01-31T09:30:00Z`.
struct Seconds;

impl FormatTime for Seconds {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{:.0}", jiff::Timestamp::now())
    }
}

/// Writes through `writer`, each write within a call of `around`.
struct Around<F, M> {
    around: F,
    writer: M,
}

/// One message on its way through [`Around`].
struct Message<'a, F, W> {
    around: &'a F,
    writer: W,
}

impl<'a, F, M> MakeWriter<'a> for Around<F, M>
where
    F: Fn(&mut dyn FnMut()) + 'a,
    M: MakeWriter<'a>,
{
    type Writer = Message<'a, F, M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Message {
            around: &self.around,
            writer: self.writer.make_writer(),
        }
    }
}

impl<F: Fn(&mut dyn FnMut()), W: Write> Write for Message<'_, F, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = Ok(0);
        (self.around)(&mut || written = self.writer.write(bytes));
        written
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut written = Ok(());
        (self.around)(&mut || written = self.writer.write_all(bytes));
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests;
