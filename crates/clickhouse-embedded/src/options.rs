use std::time::Duration;

use crate::InstallOptions;

/// How an engine is opened.
///
/// The defaults suit a program that shares a machine with others: ClickHouse's own, with at
/// most 32 statements at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// Where the library is looked for. Nothing is fetched by opening.
    pub library: InstallOptions,
    /// The most memory that the whole engine may use, in bytes (`max_server_memory_usage`);
    /// `None`: nine tenths of the machine's, as ClickHouse decides.
    pub max_memory_bytes: Option<u64>,
    /// The most memory that one statement may use, in bytes (`max_memory_usage`).
    pub max_statement_memory_bytes: Option<u64>,
    /// The most threads of one statement (`max_threads`); `None`: one for each core.
    pub max_threads: Option<u32>,
    /// The most statements that run at once; each has a connection and a thread of its own.
    pub max_statements: usize,
    /// How long a statement waits for one of those places before it is refused (code 202).
    pub queue_timeout: Duration,
    /// ClickHouse settings that hold for every statement unless the request sets them itself.
    pub settings: Vec<(String, String)>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            library: InstallOptions::default(),
            max_memory_bytes: None,
            max_statement_memory_bytes: None,
            max_threads: None,
            max_statements: 32,
            queue_timeout: Duration::from_secs(60),
            settings: Vec::new(),
        }
    }
}

impl EngineOptions {
    /// Returns the connection arguments, without the program name and the path.
    ///
    /// The free settings are not among them: as arguments, unknown ones are ignored silently.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            // chDB reads `1 + 1` as `SELECT 1 + 1`; a server does not.
            "--implicit_select=0".to_owned(),
            // Where there is a terminal it logs there, as a shell would, across whatever is shown.
            "--logger.console=0".to_owned(),
        ];
        let mut push = |name: &str, value: Option<u64>| {
            arguments.extend(value.map(|value| format!("--{name}={value}")));
        };
        push("max_server_memory_usage", self.max_memory_bytes);
        push("max_memory_usage", self.max_statement_memory_bytes);
        push("max_threads", self.max_threads.map(u64::from));
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_become_connection_arguments() {
        let options = EngineOptions {
            max_memory_bytes: Some(1 << 30),
            max_threads: Some(2),
            ..EngineOptions::default()
        };
        assert_eq!(
            options.arguments(),
            [
                "--implicit_select=0",
                "--logger.console=0",
                "--max_server_memory_usage=1073741824",
                "--max_threads=2"
            ]
        );
    }
}
