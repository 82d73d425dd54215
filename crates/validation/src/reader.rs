//! The source's fills of a scope, a bounded number at a time.

use std::sync::Arc;

use fills::{Fill, Filter, Malformed, Resume, Scope, Source, SourceError, Span, Task, TokenId};

use crate::Error;

/// All fills of the source in some seconds of a scope.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) fills: Vec<Fill>,
    /// Events that cannot be rows.
    pub(crate) malformed: Vec<Malformed>,
}

impl Chunk {
    /// Returns its fills of some seconds.
    pub(crate) fn within(&self, span: Span) -> Vec<Fill> {
        let here = |fill: &&Fill| span.contains(fill.timestamp.into());
        self.fills.iter().filter(here).copied().collect()
    }
}

/// Reads a scope from its beginning to its end, in chunks of whole seconds.
pub(crate) struct ScopeReader<'a> {
    source: &'a dyn Source,
    scope: Scope,
    streams: Vec<Stream>,
    at: u64,
    chunk_rows: usize,
    waiting: Chunk,
}

struct Stream {
    filter: Filter,
    /// All before this second was read.
    frontier: u64,
    resume: Option<Resume>,
}

impl Stream {
    fn task(&self, end: u64) -> Task {
        Task {
            filter: self.filter.clone(),
            range: Span::new(self.frontier, end),
            resume: self.resume.clone(),
        }
    }
}

impl<'a> ScopeReader<'a> {
    /// Makes a reader that returns about `chunk_rows` fills at a time, more if one second has more.
    pub(crate) fn new(source: &'a dyn Source, scope: Scope, chunk_rows: usize) -> Self {
        let tokens = scope.tokens.as_deref().map(traded);
        let nothing = scope.span.is_empty() || tokens.as_deref().is_some_and(<[_]>::is_empty);
        let filters = match tokens {
            None => vec![Filter::All],
            Some(tokens) => vec![
                Filter::MakerAssetIn(Arc::clone(&tokens)),
                Filter::TakerAssetIn(tokens),
            ],
        };
        let Span { from, to } = scope.span;
        let streams = filters.into_iter().map(|filter| Stream {
            filter,
            frontier: if nothing { to } else { from },
            resume: None,
        });
        Self {
            source,
            at: scope.span.from,
            streams: streams.collect(),
            scope,
            chunk_rows,
            waiting: Chunk::default(),
        }
    }

    /// Returns the next seconds and all that the source has in them; nothing behind the scope's end.
    pub(crate) async fn next(&mut self) -> Result<Option<(Span, Chunk)>, Error> {
        while self.at < self.scope.span.to {
            let frontier = self.frontier();
            let ripe = self.waiting.fills.len() >= self.chunk_rows && frontier > self.at;
            if ripe || frontier == self.scope.span.to {
                let span = Span::new(self.at, frontier);
                self.at = frontier;
                return Ok(Some((span, self.take_before(frontier))));
            }
            self.fetch().await?;
        }
        Ok(None)
    }

    /// Returns the second before which everything is known.
    fn frontier(&self) -> u64 {
        let frontiers = self.streams.iter().map(|stream| stream.frontier);
        frontiers.min().unwrap_or(self.scope.span.to)
    }

    /// Reads on in each stream that has not come to the end: together, or alone where that is too heavy.
    async fn fetch(&mut self) -> Result<(), Error> {
        let end = self.scope.span.to;
        let open = self
            .streams
            .iter_mut()
            .filter(|stream| stream.frontier < end);
        let mut open: Vec<&mut Stream> = open.collect();
        let mut tasks: Vec<Task> = open.iter().map(|stream| stream.task(end)).collect();
        let slot = self.source.slot().await;
        tasks.truncate(slot.max_tasks());
        let chunks = match slot.read(&tasks).await {
            Err(SourceError::TooHeavy { .. }) if tasks.len() > 1 => {
                self.source.slot().await.read(&tasks[..1]).await?
            }
            chunks => chunks?,
        };
        for (stream, chunk) in open.iter_mut().zip(chunks) {
            stream.frontier = chunk.complete_to.clamp(stream.frontier, end);
            stream.resume = chunk.resume;
            self.waiting.fills.extend(chunk.fills);
            self.waiting.malformed.extend(chunk.malformed);
        }
        // The one that is furthest behind comes first.
        self.streams.sort_by_key(|stream| stream.frontier);
        Ok(())
    }

    fn take_before(&mut self, second: u64) -> Chunk {
        let early = |fill: &Fill| u64::from(fill.timestamp) < second;
        let fills = std::mem::take(&mut self.waiting.fills);
        let (taken, left) = fills.into_iter().partition(early);
        self.waiting.fills = left;
        Chunk {
            fills: taken,
            // They have no readable second: they go with whatever was read together with them.
            malformed: std::mem::take(&mut self.waiting.malformed),
        }
    }
}

/// Leaves USDC out, whose asset id is 0: a row of it is wrong, and every fill of the source has it.
fn traded(tokens: &[TokenId]) -> Arc<[TokenId]> {
    let traded = tokens.iter().filter(|token| !token.is_zero());
    traded.copied().collect()
}

#[cfg(test)]
mod tests {
    use fills::{Address, FillId, MemorySource, OrderHash, Side, TxHash};

    use super::*;

    fn fill(second: u32, number: u16) -> Fill {
        let mut hash = [0; 32];
        hash[..2].copy_from_slice(&number.to_be_bytes());
        Fill {
            id: FillId {
                tx_hash: TxHash(hash),
                order_hash: OrderHash(hash),
                nth_from_last: 0,
            },
            timestamp: second,
            maker: Address([1; 20]),
            taker: Address([2; 20]),
            token_id: u64::from(number % 3).into(),
            side: if number.is_multiple_of(2) {
                Side::Buy
            } else {
                Side::Sell
            },
            shares_base_units: 1,
            usdc_base_units: 1,
            fee_base_units: 0,
            ..Fill::default()
        }
    }

    async fn read(fills: &[Fill], scope: Scope, chunk_rows: usize) -> Vec<(Span, usize)> {
        let source = MemorySource::new(fills.to_vec());
        let mut reader = ScopeReader::new(&source, scope, chunk_rows);
        let mut chunks = Vec::new();
        while let Some((span, chunk)) = reader.next().await.unwrap() {
            let inside = |fill: &Fill| {
                span.from <= fill.timestamp.into() && u64::from(fill.timestamp) < span.to
            };
            assert!(chunk.fills.iter().all(inside));
            chunks.push((span, chunk.fills.len()));
        }
        chunks
    }

    fn scope(from: u64, to: u64) -> Scope {
        Scope {
            span: Span::new(from, to),
            tokens: None,
        }
    }

    #[tokio::test]
    async fn chunks_are_whole_seconds_that_cover_the_scope() {
        let fills: Vec<Fill> = (0..5000)
            .map(|n| fill(10 + u32::from(n) / 1500, n))
            .collect();
        let chunks = read(&fills, scope(5, 90), 1000).await;
        let spans: Vec<Span> = chunks.iter().map(|(span, _)| *span).collect();
        assert_eq!((spans[0].from, spans[spans.len() - 1].to), (5, 90));
        assert!(spans.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert!(chunks.len() > 2, "{chunks:?}");
        assert_eq!(chunks.iter().map(|(_, rows)| rows).sum::<usize>(), 5000);
    }

    #[tokio::test]
    async fn a_scope_without_fills_is_one_empty_chunk() {
        assert_eq!(read(&[], scope(5, 90), 1000).await, [(Span::new(5, 90), 0)]);
        assert_eq!(read(&[], scope(5, 5), 1000).await, []);
    }

    #[tokio::test]
    async fn both_sides_of_the_tokens_are_read() {
        let fills: Vec<Fill> = (0..4000).map(|n| fill(u32::from(n), n)).collect();
        let scope = Scope {
            tokens: Some(Arc::from([1.into()])),
            ..scope(0, 4000)
        };
        let rows: usize = read(&fills, scope, 100)
            .await
            .iter()
            .map(|(_, rows)| rows)
            .sum();
        assert_eq!(rows, 1333);
    }
}
