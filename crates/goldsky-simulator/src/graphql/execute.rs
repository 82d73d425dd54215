//! Runs queries.

use super::entities::{list, single};
use super::failure::{Failure, QueryError, Stage, entries};
use super::meta::Meta;
use super::prepare::{Step, Work, prepare};
use super::request::Request;
use super::schema::Entity;
use super::write;
use crate::data::{Dataset, Head};
use crate::host::Host;

/// What the source is like while a query runs.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) host: &'a Host,
    pub(crate) head: Head,
    /// Whether the deployment's newest block failed to index.
    pub(crate) has_indexing_errors: bool,
    /// Whether more than one page is too much.
    pub(crate) heavy_aliases: bool,
}

/// What a query came to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    pub(crate) attestable: bool,
    /// Whether the head goes into the `graph-indexed` header.
    pub(crate) indexed: bool,
    pub(crate) pages: u64,
    pub(crate) rows: u64,
    /// What it would have taken on a real graph-node.
    pub(crate) cost_ms: f64,
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        Self {
            body: failure.body(),
            attestable: failure.stage.attestable(),
            indexed: failure.stage.indexed(),
            pages: 0,
            rows: 0,
            cost_ms: 0.0,
        }
    }
}

/// Runs a query.
pub(crate) fn execute(view: &View<'_>, request: Request) -> Answer {
    match prepare(view, request).and_then(|steps| run(view, &steps)) {
        Ok(answer) => answer,
        Err(failure) => failure.into(),
    }
}

fn run(view: &View<'_>, steps: &[Step]) -> Result<Answer, Failure> {
    let pages = steps
        .iter()
        .filter(|step| matches!(step.work, Work::List(Entity::OrderFilledEvent, ..)))
        .count();
    let most_pages = view.host.most_pages_per_request;
    if most_pages.is_some_and(|most| pages > most) || view.heavy_aliases && pages > 1 {
        return Err(super::statement_timeout(view.head.number));
    }
    let has_meta = steps.iter().any(|step| matches!(step.work, Work::Meta(..)));
    let mut answer = Answer {
        body: b"{\"data\":{".to_vec(),
        attestable: true,
        indexed: true,
        pages: pages as u64,
        rows: 0,
        cost_ms: 0.0,
    };
    let (mut errors, mut stage) = (Vec::new(), Stage::Running);
    let (mut failed_block, mut written) = (false, 0);
    // graph-node resolves the entities first and appends `_meta`.
    let (last, first): (Vec<&Step>, Vec<&Step>) = steps
        .iter()
        .partition(|step| matches!(step.work, Work::Meta(..)));
    for step in first.into_iter().chain(last) {
        if let Work::List(_, _, arguments, height) | Work::Single(_, _, arguments, height) =
            &step.work
            && view.has_indexing_errors
            && (height.latest || height.number >= view.head.number)
        {
            failed_block = true;
            // Recorded: beside `_meta` even those who allow errors get no entities.
            if !arguments.allows_errors || has_meta {
                continue;
            }
        }
        let start = answer.body.len();
        if written > 0 {
            answer.body.push(b',');
        }
        write::text(&step.alias, &mut answer.body);
        answer.body.push(b':');
        match work(view, &step.work, &mut answer) {
            Ok(()) => written += 1,
            Err(failure) => {
                answer.body.truncate(start);
                stage = failure.stage;
                errors.extend(failure.errors);
            }
        }
    }
    if !errors.is_empty() {
        return Err(Failure { stage, errors });
    }
    finish(view, answer, failed_block, written)
}

fn finish(
    view: &View<'_>,
    mut answer: Answer,
    failed_block: bool,
    written: usize,
) -> Result<Answer, Failure> {
    if failed_block {
        if written == 0 {
            answer.body = b"{\"data\":null".to_vec();
        } else {
            answer.body.push(b'}');
        }
        let errors = entries(&[QueryError::new("indexing_error")]);
        answer.body.extend_from_slice(b",\"errors\":");
        answer
            .body
            .extend_from_slice(serde_json::Value::from(errors).to_string().as_bytes());
        answer.body.push(b'}');
        answer.attestable = false;
        return Ok(answer);
    }
    answer.body.extend_from_slice(b"}}");
    let size = answer.body.len() as u64;
    match view.host.most_result_bytes {
        Some(most) if size > most => Err(Failure::here(format!(
            "the result size of {size} is larger than the allowed limit of {most}"
        ))),
        _ => Ok(answer),
    }
}

fn work(view: &View<'_>, work: &Work, answer: &mut Answer) -> Result<(), Failure> {
    match work {
        Work::List(entity, selected, arguments, height) => {
            list(view, *entity, selected, arguments, *height, answer)
        }
        Work::Single(entity, selected, arguments, height) => {
            let id = arguments.id.as_deref().unwrap_or_default();
            single(view, *entity, selected, id, *height, &mut answer.body);
            Ok(())
        }
        Work::Meta(selection, height) => {
            let meta = Meta {
                number: height.number,
                head: height.latest.then_some(&view.head),
                deployment: &view.host.deployment,
                has_indexing_errors: view.has_indexing_errors,
            };
            meta.write(selection, &mut answer.body);
            Ok(())
        }
        Work::Typename => {
            write::text("Query", &mut answer.body);
            Ok(())
        }
    }
}
