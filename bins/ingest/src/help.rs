//! Examples at the end of each command's help.

/// Of the backfill.
pub(crate) const RUN: &str = "\
Examples:
  ingest --demo                                   try it offline, with made-up fills
  ingest                                          the whole archive, into ./data
  ingest --from 2024-10-01 --to 2024-12-01        two months of it
  ingest --condition-id 0x… --clickhouse-url http://localhost:8123
  ingest --follow                                 the same, and then new fills as they come
  ingest plan                                     what that would take, in 60 requests at most
  ingest doctor                                   whether everything is there that it needs
  ingest status                                   where the backfill stands
  ingest engine serve                             query ./data while nothing runs

Exit codes: 0 done, 1 failed, 2 wrong usage, 65 rows kept as dead letters, 69 a service cannot be
reached, 75 stopped with work left (run again), 130 interrupted and drained.";

/// Of `ingest plan`.
pub(crate) const PLAN: &str = "\
Examples:
  ingest plan                                     of the whole archive
  ingest plan --from 2024-10-01 --to 2024-12-01   of two months
  ingest plan --requests-per-10s 50               how long it takes behind that limit
  ingest plan --limit 100 --output json           of the first hundred markets, for scripts

It asks the source at most 60 times, opens no database and writes nothing.";

/// Of `ingest doctor`.
pub(crate) const DOCTOR: &str = "\
Examples:
  ingest doctor                                   can a run start, and will it end well?
  ingest doctor --clickhouse-url http://localhost:8123
  ingest doctor --output json                     each check with its code, for scripts

It asks the source at most 30 times and loads nothing. A failed check comes with what mends it, and a
run does not start before that is done; a warning is worth knowing.

Exit codes: 0 no check failed, otherwise what a run would end with: 1 failed, 2 wrong configuration,
65 the table lacks what the checkpoint promises, 69 a service cannot be reached.";

/// Of `ingest markets`.
pub(crate) const MARKETS: &str = "\
Examples:
  ingest markets                                  tokens with their conditions
  ingest markets --gamma                          slugs, questions and outcomes too
  ingest markets --gamma --clickhouse-url http://localhost:8123

Run it again whenever you like: it loads what is missing. Fills need not be loaded again, the view
looks a token up when it is read.";

/// Of `ingest status`.
pub(crate) const STATUS: &str = "\
Examples:
  ingest status                                   of the backfill into ./data
  ingest status --data-dir /srv/clob-backfill     of another one
  ingest status --watch                           again every two seconds, while a run goes on
  ingest status --output json                     for scripts: state, share_done, fills, next

States are: not started, running, stopped, complete.";

/// Of `ingest runs`.
pub(crate) const RUNS: &str = "\
Examples:
  ingest runs                                     each run with its outcome and its report
  ingest runs --data-dir /srv/clob-backfill       of another data directory
  ingest runs --output json                       the reports themselves

A run leaves its final object in DATA_DIR/runs, also where it was interrupted or left work.";

/// Of `ingest engine`.
pub(crate) const ENGINE: &str = "\
Examples:
  ingest engine install                           fetch the library once, 180 MB, with npm
  ingest engine serve                             query ./data with any ClickHouse HTTP client
  ingest engine path                              the library, for other programs that use chDB";

/// Of `ingest engine install`.
pub(crate) const ENGINE_INSTALL: &str = "\
Examples:
  ingest engine install
  XDG_CACHE_HOME=/var/cache ingest engine install             into /var/cache/clob-backfill/chdb
  CHDB_LIB_PATH=/opt/libchdb.so ingest                        with a library of your own";

/// Of `ingest engine path`.
pub(crate) const ENGINE_PATH: &str = "\
Examples:
  ingest engine path                              the library's file, or exit code 1
  ls -l \"$(ingest engine path --output human)\"";

/// Of `ingest engine serve`.
pub(crate) const ENGINE_SERVE: &str = "\
Examples:
  ingest engine serve                             until Ctrl-C, at 127.0.0.1:8123
  ingest engine serve --demo                      what the demo loaded
  curl http://127.0.0.1:8123 --data-binary 'SELECT count() FROM clob_fills_v2'
  CLICKHOUSE_PASSWORD=… ingest engine serve --listen 0.0.0.0:8123 --clickhouse-user reader";

/// Of `ingest config`.
pub(crate) const CONFIG: &str = "\
Examples:
  ingest config show                              what a run would use, and why";

/// Of `ingest config show`.
pub(crate) const CONFIG_SHOW: &str = "\
Examples:
  ingest config show                              name, value, and where it came from
  ingest config show --config other.toml          with another file
  ingest config show --output json                for scripts; secrets are *** in both";

/// Of `ingest completions`.
pub(crate) const COMPLETIONS: &str = "\
Examples:
  ingest completions bash > ~/.local/share/bash-completion/completions/ingest
  ingest completions zsh > ~/.zfunc/_ingest
  ingest completions fish > ~/.config/fish/completions/ingest.fish
  source <(ingest completions bash)               for this shell only";

/// Of `ingest man`.
pub(crate) const MAN: &str = "\
Examples:
  ingest man man1                                 ingest.1, ingest-status.1, … in ./man1
  ingest man ~/.local/share/man/man1              where man(1) finds them";

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use crate::cli::Cli;

    #[test]
    fn clap_finds_nothing_wrong_with_the_flags() {
        Cli::command().debug_assert();
    }

    #[test]
    fn examples_are_accepted() {
        let examples = command_line::examples(&Cli::command());
        assert!(examples.len() > 20, "only {} examples", examples.len());
        for example in examples {
            if let Err(refused) = Cli::try_parse_from(&example) {
                panic!("{example:?}: {refused}");
            }
        }
    }
}
