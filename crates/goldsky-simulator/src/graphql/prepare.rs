//! From a request to the steps that answer it, checked before anything runs.

use super::arguments::{self, Arguments, At};
use super::document::{self, Document, Field};
use super::execute::View;
use super::failure::{Failure, QueryError, Stage};
use super::meta;
use super::request::Request;
use super::schema::{Entity, Root};
use super::strict;
use super::write::{self, Selected};

/// A root field ready to run.
pub(crate) struct Step {
    pub(crate) alias: String,
    pub(crate) work: Work,
}

/// What a root field asks for.
pub(crate) enum Work {
    List(Entity, Vec<Selected>, Box<Arguments>, Height),
    Single(Entity, Vec<Selected>, Box<Arguments>, Height),
    Meta(Vec<Field>, Height),
    Typename,
}

/// The block at which a field is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Height {
    pub(crate) number: u64,
    /// The last second of events that counts, where it is not the data set's.
    pub(crate) until: Option<i64>,
    pub(crate) latest: bool,
}

/// Reads a query and checks it against the schema, the host's limits and the blocks.
pub(crate) fn prepare(view: &View<'_>, request: Request) -> Result<Vec<Step>, Failure> {
    let document = Document {
        parsed: document::parse(&request.query)?,
        variables: request.variables,
    };
    if view.host.validates {
        strict::validate(&document.parsed)?;
    }
    let fields = document::fields(&document)?;
    strict::check_depth(&fields, view.host.most_depth)?;
    let steps = fields
        .into_iter()
        .map(|field| step(view, field))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(most) = view.host.most_entities {
        check_complexity(&steps, most)?;
    }
    Ok(steps)
}

fn step(view: &View<'_>, field: Field) -> Result<Step, Failure> {
    let Some(root) = Root::named(&field.name) else {
        return Err(Failure::preparing(QueryError {
            message: format!("Type `Query` has no field `{}`", field.name),
            location: Some(field.location),
        }));
    };
    let work = match root {
        Root::List(entity) => {
            let selected = write::select(entity, &field.selection)?;
            let arguments = arguments::read(&field, Some(entity))?;
            let height = height(view, &arguments.at)?;
            Work::List(entity, selected, Box::new(arguments), height)
        }
        Root::Single(entity) => {
            let selected = write::select(entity, &field.selection)?;
            let arguments = arguments::read(&field, Some(entity))?;
            if arguments.id.is_none() {
                return Err(Failure::preparing(QueryError {
                    message: "No value provided for required argument: `id`".to_owned(),
                    location: Some(field.location),
                }));
            }
            let height = height(view, &arguments.at)?;
            Work::Single(entity, selected, Box::new(arguments), height)
        }
        Root::Meta => {
            meta::check(&field.selection)?;
            let arguments = arguments::read(&field, None)?;
            let height = height(view, &arguments.at)?;
            Work::Meta(field.selection, height)
        }
        Root::Typename => Work::Typename,
    };
    Ok(Step {
        alias: field.alias,
        work,
    })
}

fn height(view: &View<'_>, at: &At) -> Result<Height, Failure> {
    let blocks = &view.dataset.blocks;
    let (head, start) = (view.head.number, blocks.start);
    let deployment = &view.host.deployment;
    let wrong = |argument: &str, reason: String| {
        Failure::preparing(QueryError::new(format!(
            "Failed to decode `block.{argument}` value: `{reason}`"
        )))
    };
    let not_yet = |argument: &str, number: u64| {
        wrong(
            argument,
            format!(
                "subgraph {deployment} has only indexed up to block number {head} and data for \
                 block number {number} is therefore not yet available"
            ),
        )
    };
    let latest = Height {
        number: head,
        until: (view.head != blocks.head).then_some(view.head.timestamp),
        latest: true,
    };
    match at {
        At::Latest => Ok(latest),
        At::NumberAtLeast(number) if *number > head => Err(not_yet("number_gte", *number)),
        At::NumberAtLeast(_) => Ok(latest),
        At::Number(number) if *number > head => Err(not_yet("number", *number)),
        At::Number(number) if *number < start => Err(wrong(
            "number",
            format!(
                "subgraph {deployment} only has data starting at block number {start} and data \
                 for block number {number} is therefore not available"
            ),
        )),
        At::Number(number) => Ok(Height {
            number: *number,
            until: (*number != blocks.head.number).then(|| blocks.last_second(*number)),
            latest: false,
        }),
        At::Hash(hash) if hash.eq_ignore_ascii_case(&view.head.hash) => Ok(latest),
        At::Hash(_) => Err(wrong("hash", "no block with that hash found".to_owned())),
    }
}

fn check_complexity(steps: &[Step], most: u64) -> Result<(), Failure> {
    let entities: u64 = steps
        .iter()
        .map(|step| match &step.work {
            Work::List(_, _, arguments, _) => u64::try_from(arguments.first).unwrap_or(0),
            _ => 1,
        })
        .sum();
    if entities <= most {
        return Ok(());
    }
    Err(Failure {
        stage: Stage::Validating,
        errors: vec![QueryError::new(format!(
            "query potentially returns `{entities}` entities or more and thereby exceeds the \
             limit of `{most}` entities. Possible solutions are reducing the depth of the query, \
             querying fewer relationships or using `first` to return smaller collections"
        ))],
    })
}
