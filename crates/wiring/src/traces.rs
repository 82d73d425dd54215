//! What a command does, as OpenTelemetry traces: one for each request and one for each batch, with their
//! steps.
//!
//! Where they go says `OTEL_EXPORTER_OTLP_ENDPOINT` (or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`), as OTLP
//! over HTTP; without it there are none. `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER` and the other
//! variables of OpenTelemetry hold.

use std::env;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{HttpExporterBuilderSet, SpanExporter, SpanExporterBuilder};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use startup::logging::Listener;
use startup::{ExitCode, Failure};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;

const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];
const SERVICE: &str = "clob-backfill";

type HttpExporter = SpanExporterBuilder<HttpExporterBuilderSet>;

/// Sends traces until it is dropped, which waits for those that are on their way.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to send what `listener` hears, where the environment asks for that.
    ///
    /// # Errors
    /// An endpoint that is none.
    pub(crate) fn from_environment() -> Result<Option<(Self, Listener)>, Failure> {
        if ENDPOINTS.iter().all(|name| env::var_os(name).is_none()) {
            return Ok(None);
        }
        let exporter = exporter().build();
        let exporter = exporter.map_err(|error| {
            let message = format!("traces cannot be sent: {error}");
            Failure::new(ExitCode::Usage, message)
                .with_hint("OTEL_EXPORTER_OTLP_ENDPOINT is such as http://127.0.0.1:4318")
        })?;
        Ok(Some(Self::to(exporter)))
    }

    /// Sends to an exporter.
    fn to(exporter: SpanExporter) -> (Self, Listener) {
        let name = env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| SERVICE.to_owned());
        let provider = SdkTracerProvider::builder()
            .with_resource(Resource::builder().with_service_name(name).build())
            .with_batch_exporter(exporter)
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        // What waits for its turn is no part of a request yet, and messages are in the log.
        let heard = filter_fn(|metadata| {
            metadata.is_span()
                && (metadata.target() == "work"
                    || metadata.target() == "step" && metadata.name() != "pacer_wait")
        });
        (Self(provider), layer.with_filter(heard).boxed())
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Begins to make an exporter, which sends by HTTP without TLS, and whose client wants it nevertheless.
fn exporter() -> HttpExporter {
    // A second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    SpanExporter::builder().with_http()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use opentelemetry_otlp::WithExportConfig as _;
    use tracing::{trace_span, warn};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Takes one request as a collector does, and returns its first line and its body.
    fn collected(listener: &TcpListener) -> (String, Vec<u8>) {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        stream.read_line(&mut first).unwrap();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let line = line.trim().to_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(bytes) = line.strip_prefix("content-length:") {
                length = bytes.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
        (first, body)
    }

    #[test]
    fn requests_reach_a_collector_with_their_steps_and_nothing_else_does() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let collector = thread::spawn(move || collected(&listener));
        let exporter = exporter().with_endpoint(endpoint);
        let (traces, heard) = Traces::to(exporter.build().unwrap());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(heard), || {
            let request = trace_span!(target: "work", "request", pages = 7);
            let _within = request.enter();
            drop(trace_span!(target: "step", "first_byte"));
            drop(trace_span!(target: "step", "pacer_wait"));
            drop(trace_span!("hyper"));
            warn!("a message");
        });
        drop(traces);
        let (first, body) = collector.join().unwrap();
        assert_eq!(first, "POST /v1/traces HTTP/1.1\r\n");
        let holds = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
        for there in ["clob-backfill", "request", "pages", "first_byte"] {
            assert!(holds(there), "{there}");
        }
        for not in ["pacer_wait", "hyper", "a message"] {
            assert!(!holds(not), "{not}");
        }
    }
}
