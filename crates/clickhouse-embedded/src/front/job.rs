//! Runs one request on a thread of the engine, from its text to its answer.

use super::decode::Body;
use super::request::Request;
use super::rows::Answer;
use super::statement::Statement;
use super::upload::Upload;
use super::{format, session, text};
use crate::exception::{Exception, code};
use crate::library::Connection;

/// Runs a request and answers it.
pub(super) fn run(
    connection: Result<Connection, Exception>,
    request: Request,
    upload: Upload,
    mut answer: Answer,
) {
    let done = connection.and_then(|mut connection| {
        let done = run_on(&mut connection, request, upload, &mut answer);
        drop(connection);
        done
    });
    if let Err(exception) = done {
        answer.error(&exception);
    }
}

fn run_on(
    connection: &mut Connection,
    mut request: Request,
    upload: Upload,
    answer: &mut Answer,
) -> Result<(), Exception> {
    let mut body = Body::new(upload, &request.body_codings);
    if let Some(boundary) = request.boundary.take() {
        for (name, value) in text::read_form(&boundary, &mut body)? {
            request.take(&name, &value)?;
        }
    }
    if let Some(database) = &request.database {
        session::use_database(connection, database)?;
    }
    session::apply_settings(connection, &request.settings)?;
    session::apply_parameters(connection, &request.parameters)?;

    let (text, statement) = text::read_statement(request.query.as_deref(), &mut body)?;
    match statement {
        Statement::Insert { head, format, data } => {
            let insert = Insert {
                head: &text[..head],
                format: &format,
                data: &text[data..],
            };
            run_insert(connection, &request, &insert, body, answer)
        }
        Statement::OpenInsert => {
            let insert = Insert {
                head: &text,
                format: "Values",
                data: &[],
            };
            run_insert(connection, &request, &insert, body, answer)
        }
        Statement::Other { file: true, .. } => Err(Exception::new(
            code::NOT_IMPLEMENTED,
            "INTO OUTFILE and FROM INFILE are for a client program, not for HTTP. (NOT_IMPLEMENTED)",
        )),
        Statement::Other { select, format, .. } => {
            let format = format
                .or_else(|| request.default_format.clone())
                .unwrap_or_else(|| "TabSeparated".to_owned());
            run_query(connection, &request, &text, select, &format, answer)
        }
    }
}

struct Insert<'t> {
    head: &'t [u8],
    format: &'t str,
    /// The beginning of the data; the rest is in the body.
    data: &'t [u8],
}

fn run_insert(
    connection: &mut Connection,
    request: &Request,
    insert: &Insert<'_>,
    mut body: Body,
    answer: &mut Answer,
) -> Result<(), Exception> {
    if request.read_only {
        return Err(read_only());
    }
    let mut stream = connection.insert(insert.head, insert.format)?;
    stream.append(insert.data)?;
    // An error here drops the stream, and so cancels the insert.
    while let Some(piece) = body.piece()? {
        stream.append(&piece)?;
    }
    let counts = stream.finish()?;
    answer.empty(insert.format, counts);
    Ok(())
}

fn run_query(
    connection: &mut Connection,
    request: &Request,
    text: &[u8],
    select: bool,
    format: &str,
    answer: &mut Answer,
) -> Result<(), Exception> {
    let analysis = connection.analyse(text);
    match analysis.statements {
        1 => {}
        0 => return Err(syntax_error(connection, text)),
        _ => {
            return Err(Exception::new(
                code::SYNTAX_ERROR,
                "Syntax error (Multi-statements are not allowed): send one statement in each \
                 request. (SYNTAX_ERROR)",
            ));
        }
    }
    if request.read_only && !analysis.read_only {
        return Err(read_only());
    }
    let pieces = format::pieces(format);
    if select && analysis.read_only && pieces != format::Pieces::Whole {
        match connection.stream(text, format) {
            Ok(stream) => return answer.stream(stream, format, pieces, request.wait_end_of_query),
            // `FROM` and `WITH` can begin other things too.
            Err(error) if error.text.contains("Streaming query is not supported") => {}
            Err(error) => return Err(error),
        }
    }
    let outcome = connection.query(text, format)?;
    answer.whole(&outcome, format)
}

/// Has the engine say what is wrong with a text that does not parse, without a chance that a
/// part of it runs: the insert entry parses one statement, and refuses all that are no inserts.
fn syntax_error(connection: &mut Connection, text: &[u8]) -> Exception {
    match connection.insert(text, "") {
        Err(error) if error.code == code::SYNTAX_ERROR => error,
        _ => Exception::new(code::SYNTAX_ERROR, "Syntax error. (SYNTAX_ERROR)"),
    }
}

fn read_only() -> Exception {
    Exception::new(
        code::READONLY,
        "Cannot execute query in readonly mode. For queries over HTTP, method GET implies \
         readonly. You should use method POST for modifying queries. (READONLY)",
    )
}
