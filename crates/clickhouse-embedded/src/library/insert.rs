use std::ptr::NonNull;

use super::outcome::{Counts, text};
use super::symbols::SUCCESS;
use super::{Connection, Outcome};
use crate::exception::Exception;

/// A running insert. Dropping it before [`finish`](Self::finish) cancels it.
///
/// Rows become visible at [`finish`](Self::finish), except that an insert of more than
/// `max_insert_block_size` rows is several blocks, as on a server, and the full ones before a
/// cancellation stay.
#[derive(Debug)]
pub(crate) struct InsertStream<'c> {
    connection: &'c mut Connection,
    handle: NonNull<std::ffi::c_void>,
    /// What the end gave, once the insert has ended.
    ended: Option<Result<Counts, Exception>>,
}

impl<'c> InsertStream<'c> {
    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(super) fn start(
        connection: &'c mut Connection,
        head: &[u8],
        format: &str,
    ) -> Result<Self, Exception> {
        // SAFETY: the connection is open and borrowed for the life of the stream, and both
        // texts are valid for their lengths.
        let handle = unsafe {
            (connection.library.symbols.insert)(
                connection.raw(),
                head.as_ptr().cast(),
                head.len(),
                format.as_ptr().cast(),
                format.len(),
            )
        };
        let Some(handle) = NonNull::new(handle) else {
            return Err(Exception::from_engine("the engine returned no insert"));
        };
        let mut insert = Self {
            connection,
            handle,
            ended: None,
        };
        match insert.error() {
            Some(error) => {
                insert.ended = Some(Err(error.clone()));
                Err(error)
            }
            None => Ok(insert),
        }
    }

    /// Hands bytes in the input format over. Waits while the engine is behind.
    ///
    /// Bytes after the end of a format that has one, such as JSON, are ignored.
    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(crate) fn append(&mut self, data: &[u8]) -> Result<(), Exception> {
        if data.is_empty() || self.ended.is_some() {
            return Ok(());
        }
        // SAFETY: the stream is live and the library copies `data` before it returns.
        let state = unsafe {
            (self.connection.library.symbols.insert_append)(
                self.handle.as_ptr(),
                data.as_ptr().cast(),
                data.len(),
            )
        };
        if state == SUCCESS {
            return Ok(());
        }
        // The state says only that the engine takes no more; why comes with the end, which
        // commits nothing if the insert has failed.
        self.end().map(drop)
    }

    /// Ends the data and waits until the rows are in the table.
    pub(crate) fn finish(mut self) -> Result<Counts, Exception> {
        self.end()
    }

    #[expect(unsafe_code, reason = "the engine is a C library")]
    fn end(&mut self) -> Result<Counts, Exception> {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let library = self.connection.library;
        // SAFETY: the stream is live and not ended yet; the result is owned by the `Outcome`.
        let result = unsafe { (library.symbols.insert_done)(self.handle.as_ptr()) };
        let counts = Outcome::new(library, result).map(|outcome| outcome.counts());
        self.ended.insert(counts).clone()
    }

    #[expect(unsafe_code, reason = "the engine is a C library")]
    fn error(&self) -> Option<Exception> {
        // SAFETY: the stream is live, and owns the message.
        let error = unsafe { (self.connection.library.symbols.insert_error)(self.handle.as_ptr()) };
        text(error).map(|error| Exception::from_engine(&error))
    }
}

impl Drop for InsertStream<'_> {
    #[expect(unsafe_code, reason = "the engine is a C library")]
    fn drop(&mut self) {
        let symbols = &self.connection.library.symbols;
        // SAFETY: the stream is live; cancelling is for one that has not ended, destroying is
        // needed in any case and happens here once.
        unsafe {
            if self.ended.is_none() {
                (symbols.insert_cancel)(self.handle.as_ptr());
            }
            (symbols.destroy_insert)(self.handle.as_ptr());
        }
    }
}
