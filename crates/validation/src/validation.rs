//! What a validation works with, and how its levels are run.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use fill_table::FillTable;
use fills::{Fill, Malformed, Scope, Source, Span, TokenId};
use futures::StreamExt;
use goldsky_client::Client;
use polymarket_api::DataApi;
use serde_json::Value;

use crate::difference::{Difference, Differences};
use crate::error::chain;
use crate::layout::{Foreign, Layout};
use crate::orderbooks::Read;
use crate::reader::{Chunk, ScopeReader};
use crate::{Check, Coverage, Error, Level, Outcome, Progress, Wallets, told};

/// Windows of which fills and rows are held at once.
const SCOPES_AT_ONCE: usize = 8;

/// Rows of a chunk that are held, for each fill of it: more are doubles and strangers.
const ROWS_FOR_A_FILL: usize = 6;

/// What bounds a validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Most findings that are listed one by one.
    pub most_findings: usize,
    /// Most requests in flight at once.
    pub workers: usize,
    /// Most fills read from the source to find out which of them differ.
    pub most_fills_read: u64,
    /// Fills that differ which are known one by one, half a kilobyte each. Behind that only the
    /// windows and tokens are known in which more do.
    pub most_differences: usize,
    /// Fills held at once of each comparison with the source.
    pub chunk_rows: usize,
    /// What random choices derive from.
    pub seed: u64,
    /// Windows that the spot level reads again.
    pub spot: Spot,
    /// Wallets that the wallet level compares.
    pub wallets: Wallets,
}

/// How much the spot level reads again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// So many random windows.
    Windows(u32),
    /// Everything.
    All,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            most_findings: 1000,
            workers: 32,
            most_fills_read: 20_000_000,
            most_differences: 300_000,
            chunk_rows: 50_000,
            seed: 1,
            spot: Spot::Windows(10),
            wallets: Wallets::default(),
        }
    }
}

/// A table, the source that it was loaded from, and what is expected of it.
pub struct Validation {
    /// The table.
    pub table: FillTable,
    /// The source.
    pub client: Arc<Client>,
    /// The second witness; without it the wallet level is not run.
    pub data_api: Option<DataApi>,
    /// What the table is expected to hold.
    pub coverage: Coverage,
    /// Bounds.
    pub config: Config,
    /// Whom to tell how far it is.
    pub progress: Progress,
}

impl fmt::Debug for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validation")
            .field("table", &self.table)
            .field("coverage", &self.coverage)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// What a validation found out.
#[derive(Debug)]
pub struct Validated {
    /// Checks and findings.
    pub outcome: Outcome,
    /// The first error that a level broke off with.
    pub failure: Option<Error>,
    pub(crate) differences: Differences,
    /// Tokens that differ and of which it is not known in which fills.
    pub(crate) unexplained: Vec<TokenId>,
    /// Windows in which so many fills are missing that not all were looked at.
    pub(crate) holes: Vec<Span>,
    /// The source's counters, where they were read.
    pub(crate) books: Option<Read>,
}

impl Validated {
    fn new(most_findings: usize) -> Self {
        Self {
            outcome: Outcome::new(most_findings),
            failure: None,
            differences: Differences::default(),
            unexplained: Vec::new(),
            holes: Vec::new(),
            books: None,
        }
    }

    /// Notes that a level could not make all of its checks.
    fn break_off(&mut self, level: Level, why: String) {
        let check = Check::not_run(level, "level", why);
        self.outcome.checks.push(check);
        self.outcome.broken_off.insert(level);
    }

    /// Tells whether more differs than was looked at: after a repair there may be more to repair.
    pub fn is_cut(&self) -> bool {
        self.differences.is_cut()
    }
}

impl Validation {
    /// Runs levels one after another, each once, in the order of [`Level::ALL`]. A level that fails
    /// keeps what it found before that, and so do the others; [`Validated::failure`] has its error.
    ///
    /// # Errors
    /// Any [`Error`] before the first level; then nothing is proven.
    pub async fn run(&self, levels: &[Level]) -> Result<Validated, Error> {
        let layout = self.layout().await?;
        if layout == Layout::Own {
            self.table.synchronize().await?;
        }
        let mut validated = Validated::new(self.config.most_findings);
        let mut suspects = Vec::new();
        let wanted = |level: &Level| levels.contains(level);
        let mut wanted = Level::ALL.into_iter().filter(wanted);
        for level in wanted.by_ref() {
            let ran = match &layout {
                Layout::Own => self.level(level, &mut suspects, &mut validated).await,
                Layout::Foreign(foreign) => {
                    self.level_of_foreign(level, foreign, &mut validated).await
                }
            };
            let Err(error) = ran else { continue };
            validated.break_off(level, chain(&error));
            let goes_on = error.is_of_one_level();
            validated.failure.get_or_insert(error);
            if !goes_on {
                break;
            }
        }
        for level in wanted {
            validated.break_off(level, "a level before it failed".to_owned());
        }
        validated.outcome = told::with_fills(validated.outcome, &validated.differences);
        Ok(validated)
    }

    /// Runs a level on the table that this program makes.
    async fn level(
        &self,
        level: Level,
        suspects: &mut Vec<Scope>,
        validated: &mut Validated,
    ) -> Result<(), Error> {
        let Validated {
            outcome,
            differences,
            ..
        } = validated;
        match level {
            Level::Counts => self.counts(suspects, outcome).await,
            Level::Quality => self.quality(differences, outcome).await,
            Level::Source => {
                let suspects = std::mem::take(suspects);
                let place = (Level::Source, "comparing doubles");
                self.compare_each(suspects, differences, place).await?;
                let books = &mut validated.books;
                let attributed = self.source(differences, books, outcome).await?;
                validated.unexplained.extend(attributed.unexplained);
                validated.holes = attributed.holes;
                Ok(())
            }
            Level::Spot => self.spot(differences, outcome).await,
            Level::Wallet => self.wallets(differences, outcome).await,
        }
    }

    /// Runs a level on a table of which only the columns that readers query can be used.
    async fn level_of_foreign(
        &self,
        level: Level,
        foreign: &Foreign,
        validated: &mut Validated,
    ) -> Result<(), Error> {
        let (outcome, books) = (&mut validated.outcome, &mut validated.books);
        match level {
            Level::Wallet => self.wallets(&mut validated.differences, outcome).await,
            other => self.foreign(foreign, other, books, outcome).await,
        }
    }

    pub(crate) fn source_of_fills(&self) -> &dyn Source {
        &*self.client
    }

    /// Compares a scope of the table with the source, fill by fill. It ends early, and the
    /// differences say so, where too many fills differ to know each.
    pub(crate) async fn compare(
        &self,
        scope: Scope,
        differences: &mut Differences,
    ) -> Result<Compared, Error> {
        let mut compared = Compared::default();
        let source = self.source_of_fills();
        let mut reader = ScopeReader::new(source, scope.clone(), self.config.chunk_rows);
        while !self.is_enough(differences)
            && let Some((span, chunk)) = reader.next().await?
        {
            compared.note(&chunk);
            // In halves where the table has many rows more than the source has fills.
            let mut parts = vec![span];
            while let Some(part) = parts.pop()
                && !self.is_enough(differences)
            {
                match self.rows_of(&scope, part, &chunk).await? {
                    Some(rows) => compared.add(&chunk.within(part), &rows, differences),
                    None if part.seconds() <= 1 => differences.cut(),
                    None => {
                        let middle = part.from + part.seconds() / 2;
                        parts.push(Span::new(middle, part.to));
                        parts.push(Span::new(part.from, middle));
                    }
                }
            }
        }
        Ok(compared)
    }

    /// Compares many scopes, some at a time; what is held of each is bounded.
    pub(crate) async fn compare_each(
        &self,
        scopes: Vec<Scope>,
        differences: &mut Differences,
        (level, doing): (Level, &'static str),
    ) -> Result<Compared, Error> {
        let (mut compared, mut rests) = (Compared::default(), Vec::new());
        let (mut done, of) = (0, scopes.len() as u64);
        let both = scopes.into_iter().map(|scope| self.both(scope));
        let mut both = futures::stream::iter(both).buffer_unordered(SCOPES_AT_ONCE);
        while !self.is_enough(differences)
            && let Some(read) = both.next().await
        {
            let Both { chunk, rows, rest } = read?;
            compared.note(&chunk);
            compared.add(&chunk.fills, &rows, differences);
            rests.extend(rest);
            done += 1;
            self.progress.tell(level, doing, done, of);
        }
        // Only now: requests of the others would hold their turns while nobody takes them on.
        for rest in rests {
            compared.extend(self.compare(rest, differences).await?);
        }
        Ok(compared)
    }

    /// Reads a scope, from the source and from the table, up to where it has been enough.
    async fn both(&self, scope: Scope) -> Result<Both, Error> {
        let source = self.source_of_fills();
        let most = self.config.chunk_rows.saturating_mul(2);
        let mut reader = ScopeReader::new(source, scope.clone(), most);
        let Some((span, chunk)) = reader.next().await? else {
            return Ok(Both::default());
        };
        let Some(rows) = self.rows_of(&scope, span, &chunk).await? else {
            return Ok(Both {
                rest: Some(scope),
                ..Both::default()
            });
        };
        let rest = Span::new(span.to, scope.span.to);
        Ok(Both {
            chunk,
            rows,
            rest: (!rest.is_empty()).then_some(Scope {
                span: rest,
                ..scope
            }),
        })
    }

    /// Reads the rows of a part of a scope; nothing where they are too many to hold.
    async fn rows_of(
        &self,
        scope: &Scope,
        span: Span,
        chunk: &Chunk,
    ) -> Result<Option<Vec<Fill>>, Error> {
        // A second is read as a whole, however many fills happened in it.
        let fills = self.config.chunk_rows.max(chunk.fills.len());
        let most = fills.saturating_mul(ROWS_FOR_A_FILL);
        let tokens = scope.tokens.clone();
        Ok(self.table.fills(&Scope { span, tokens }, most).await?)
    }

    /// Tells whether no more fills that differ can be known one by one.
    fn is_enough(&self, differences: &mut Differences) -> bool {
        if differences.len() >= self.config.most_differences {
            differences.cut();
        }
        differences.is_cut()
    }
}

/// The beginning of a scope from both sides, and what is left of it.
#[derive(Default)]
struct Both {
    chunk: Chunk,
    rows: Vec<Fill>,
    rest: Option<Scope>,
}

/// What came of a comparison with the source.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// Fills of the source.
    pub(crate) fills: u64,
    /// Rows of the table.
    pub(crate) rows: u64,
    /// Tokens of which the source has events that cannot be rows.
    pub(crate) unreadable: HashSet<TokenId>,
    /// What differs and was not known before.
    pub(crate) new: Vec<Difference>,
}

/// Returns the tokens that an event names, as far as they can be read.
fn tokens_of(event: &Malformed) -> impl Iterator<Item = TokenId> + use<> {
    let event: Value = serde_json::from_str(&event.event).unwrap_or_default();
    let assets = ["makerAssetId", "takerAssetId"].map(|asset| event[asset].as_str()?.parse().ok());
    let tokens = assets.into_iter().flatten();
    tokens.filter(|token: &TokenId| !token.is_zero())
}

impl Compared {
    /// Counts what the source has.
    fn note(&mut self, chunk: &Chunk) {
        self.fills += chunk.fills.len() as u64;
        self.unreadable
            .extend(chunk.malformed.iter().flat_map(tokens_of));
    }

    fn add(&mut self, fills: &[Fill], rows: &[Fill], differences: &mut Differences) {
        self.rows += rows.len() as u64;
        self.new.extend(differences.compare(fills, rows));
    }

    fn extend(&mut self, other: Self) {
        self.fills += other.fills;
        self.rows += other.rows;
        self.unreadable.extend(other.unreadable);
        self.new.extend(other.new);
    }
}
