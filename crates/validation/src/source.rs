//! Does every token add up to what the source itself counted?

use std::collections::HashSet;

use fills::Span;
use serde_json::json;

use crate::attribution::Attributed;
use crate::difference::Differences;
use crate::orderbooks::Read;
use crate::totals::TokenGap;
use crate::{Check, Error, Figures, Finding, Kind, Level, Outcome, Validation};

const TOTALS: &str = "totals by token";
const COLLISIONS: &str = "id collisions";

/// Collisions that are listed.
const MOST_LISTED: usize = 100;

impl Validation {
    /// Compares the rows of every token with the source's counters, and finds out which fills it is
    /// that differ.
    ///
    /// # Errors
    /// Any error of source or table.
    pub(crate) async fn source(
        &self,
        differences: &mut Differences,
        read: &mut Option<Read>,
        outcome: &mut Outcome,
    ) -> Result<Attributed, Error> {
        let books = read.insert(self.read_orderbooks().await?);
        self.progress.tell(Level::Source, TOTALS, 0, 1);
        let (gaps, all) = self.token_gaps(books).await?;
        let attributed = self.attribute(&gaps, differences).await?;
        let explained = attributed.collisions.len() as u64;
        let mut figures = Figures::new()
            .with("books", books.books)
            .with("malformed_books", books.malformed)
            .with("tokens_that_differ", all - explained)
            .with("tokens_looked_into", attributed.tokens_read)
            .with("windows_looked_into", attributed.windows_read)
            .with("fills_read_for_that", attributed.fills_read);
        books.add_block_to(&mut figures);
        if !self.coverage.is_whole_archive {
            let standing = self.standing(books).await?;
            figures.push("tokens", standing.tokens);
            figures.push("tokens_proven_complete", standing.complete);
            figures.push("tokens_undecided", standing.undecided);
            if standing.undecided > 0 {
                let why = format!(
                    "{} tokens have fewer rows than the source counted in all: whether those lie \
                     outside of this part, `--spot all` tells",
                    standing.undecided
                );
                let check = Check::not_run(Level::Source, "rows of undecided tokens", why);
                outcome.checks.push(check);
            }
            figures.push(
                "note",
                "counters are of the whole archive: of a part they prove that no token has rows too \
                 many, and those complete that have no fill outside; `--spot all` proves the rest",
            );
        }
        let ok = all == explained && books.malformed == 0;
        let query = self.token_gaps_sql(books);
        outcome
            .checks
            .push(Check::new(Level::Source, TOTALS, ok, figures, query));
        outcome.checks.push(collisions(&attributed));
        self.tell_tokens(&gaps, all, &attributed, outcome);
        for &hole in &attributed.holes {
            let finding = Finding::new(Kind::MissingRows, (Level::Source, TOTALS), "more", 0);
            let about = "too many fills are missing here to look at each; a repair loads all of it";
            let finding = finding.within(hole).about(about);
            outcome
                .findings
                .push(finding.mended_by("validate --repair"));
        }
        Ok(attributed)
    }

    /// Tells tokens that are missing or strange as a whole, and those of which nothing more is known.
    fn tell_tokens(
        &self,
        gaps: &[TokenGap],
        all: u64,
        attributed: &Attributed,
        outcome: &mut Outcome,
    ) {
        let told = attributed.collisions.iter().chain(&attributed.unreadable);
        let told: HashSet<_> = told.map(|(token, _)| *token).collect();
        for gap in gaps.iter().filter(|gap| !told.contains(&gap.token)) {
            let kind = match (gap.rows, gap.trades) {
                (0, _) => Kind::BookWithoutRows,
                (_, 0) => Kind::TokenWithoutBook,
                _ if attributed.unexplained.contains(&gap.token) => Kind::TotalsDiffer,
                // Its fills are told.
                _ => continue,
            };
            let (expected, found) = gap.shown.clone();
            let mut finding = Finding::new(kind, (Level::Source, TOTALS), expected, found)
                .of_token(gap.token)
                .mended_by(match gap.over.fills() {
                    0.. => "validate --repair",
                    _ => "validate --repair --remove-extra",
                });
            let of_rows = |(first, last): (u32, u32)| Span::new(first.into(), u64::from(last) + 1);
            let attributed = attributed.spans.get(&gap.token).copied();
            if let Some(span) = attributed.or(gap.seconds.map(of_rows)) {
                finding = finding.within(span);
            }
            outcome.findings.push(finding);
        }
        for (token, over) in &attributed.unreadable {
            let place = (Level::Source, TOTALS);
            let finding = Finding::new(Kind::UnreadableEvents, place, over.fills(), 0);
            let about =
                "events of the source that cannot be rows; the load keeps them as dead letters";
            outcome.findings.push(finding.of_token(*token).about(about));
        }
        outcome.findings.count_further(all - gaps.len() as u64);
    }
}

fn collisions(attributed: &Attributed) -> Check {
    let listed = attributed.collisions.iter().take(MOST_LISTED);
    let listed: Vec<_> = listed
        .map(|(token, over)| json!({ "token_id": token, "fills": over.fills() }))
        .collect();
    let fills: i64 = attributed
        .collisions
        .iter()
        .map(|(_, over)| over.fills())
        .sum();
    let figures = Figures::new()
        .with("tokens", attributed.collisions.len() as u64)
        .with("fills", fills)
        .with("listed", listed)
        .with(
            "note",
            "orders filled twice in one transaction: the source counts both and keeps the later, so \
             nothing that it serves is missing",
        );
    Check::new(Level::Source, COLLISIONS, true, figures, "")
}
