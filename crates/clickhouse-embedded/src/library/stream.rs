use std::ptr::NonNull;

use super::outcome::text;
use super::{Connection, Outcome};
use crate::exception::Exception;

/// A running `SELECT`. Dropping it cancels what is left.
#[derive(Debug)]
pub(crate) struct RowStream<'c> {
    connection: &'c mut Connection,
    handle: NonNull<std::ffi::c_void>,
    ended: bool,
}

impl<'c> RowStream<'c> {
    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(super) fn start(
        connection: &'c mut Connection,
        sql: &[u8],
        format: &str,
    ) -> Result<Self, Exception> {
        // SAFETY: the connection is open and borrowed for the life of the stream, and both
        // texts are valid for their lengths.
        let handle = unsafe {
            (connection.library.symbols.stream_query)(
                connection.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
            )
        };
        let Some(handle) = NonNull::new(handle) else {
            return Err(Exception::from_engine("the engine returned no stream"));
        };
        let mut stream = Self {
            connection,
            handle,
            ended: false,
        };
        // SAFETY: the handle is a live result, owned by `stream`.
        let error = unsafe { (stream.connection.library.symbols.result_error)(handle.as_ptr()) };
        match text(error) {
            Some(error) => {
                stream.ended = true;
                Err(Exception::from_engine(&error))
            }
            None => Ok(stream),
        }
    }

    /// Fetches the next piece: a whole document of the output format. `None` at the end.
    ///
    /// A result without rows can still have a piece, with the format's header alone.
    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(crate) fn next(&mut self) -> Result<Option<Outcome>, Exception> {
        if self.ended {
            return Ok(None);
        }
        let library = self.connection.library;
        // SAFETY: connection and stream are live; the piece is owned by the `Outcome`.
        let piece =
            unsafe { (library.symbols.stream_fetch)(self.connection.raw(), self.handle.as_ptr()) };
        let piece = Outcome::new(library, piece);
        self.ended = piece
            .as_ref()
            .map_or(true, |piece| piece.bytes().is_empty());
        Ok(Some(piece?).filter(|_| !self.ended))
    }
}

impl Drop for RowStream<'_> {
    #[expect(unsafe_code, reason = "the engine is a C library")]
    fn drop(&mut self) {
        let symbols = &self.connection.library.symbols;
        // SAFETY: connection and stream are live; cancelling is for a stream that has not
        // ended, destroying is needed in any case and happens here once.
        unsafe {
            if !self.ended {
                (symbols.stream_cancel)(self.connection.raw(), self.handle.as_ptr());
            }
            (symbols.destroy_result)(self.handle.as_ptr());
        }
    }
}
