use std::ffi::{CString, c_char, c_int};
use std::ptr::{self, NonNull};

use super::symbols::{RawAnalysis, RawConnection, SUCCESS};
use super::{InsertStream, Library, Outcome, RowStream};
use crate::exception::Exception;

/// One connection: statements on it run one after another, connections run in parallel.
///
/// Settings, query parameters and the current database belong to the connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) library: &'static Library,
    handle: NonNull<RawConnection>,
}

#[expect(unsafe_code, reason = "the engine is a C library")]
// SAFETY: chDB locks inside a connection and ties none to the thread that opened it. Nothing
// here is `Sync`: every call takes `&mut self`.
unsafe impl Send for Connection {}

/// What a text would do if it were run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Analysis {
    /// Statements in the text; 0 if it does not parse.
    pub(crate) statements: u32,
    /// Every statement only reads.
    pub(crate) read_only: bool,
}

impl Connection {
    /// Connects. The first connection of a process opens the data path that is among the
    /// arguments. `None`: the engine refused and printed why.
    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(crate) fn open(library: &'static Library, arguments: &[CString]) -> Option<Self> {
        let mut argv: Vec<*mut c_char> = arguments
            .iter()
            .map(|argument| argument.as_ptr().cast_mut())
            .collect();
        let argc = c_int::try_from(argv.len()).ok()?;
        // SAFETY: `argv` has `argc` pointers to strings that end in NUL and outlive the call;
        // the library reads them only.
        let handle = unsafe { (library.symbols.connect)(argc, argv.as_mut_ptr()) };
        let connection = Self {
            library,
            handle: NonNull::new(handle)?,
        };
        (!connection.raw().is_null()).then_some(connection)
    }

    /// Runs a statement and returns its whole result.
    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(crate) fn query(&mut self, sql: &[u8], format: &str) -> Result<Outcome, Exception> {
        // SAFETY: the connection is open, both texts are valid for their lengths, and the
        // result is owned by the `Outcome`.
        let result = unsafe {
            (self.library.symbols.query)(
                self.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
            )
        };
        Outcome::new(self.library, result)
    }

    /// Starts a `SELECT` whose result is fetched piece by piece.
    pub(crate) fn stream(&mut self, sql: &[u8], format: &str) -> Result<RowStream<'_>, Exception> {
        RowStream::start(self, sql, format)
    }

    /// Starts an insert; `head` is the statement without `FORMAT` and data.
    pub(crate) fn insert(
        &mut self,
        head: &[u8],
        format: &str,
    ) -> Result<InsertStream<'_>, Exception> {
        InsertStream::start(self, head, format)
    }

    /// Says what a text would do, without running anything.
    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(crate) fn analyse(&mut self, sql: &[u8]) -> Analysis {
        let mut raw = RawAnalysis {
            struct_size: size_of::<RawAnalysis>() as u32,
            statement_count: 0,
            flags: 0,
            query_class: 0,
        };
        // SAFETY: the connection is open, the text is valid for its length, no target database
        // is named (null, 0), and `raw` is a live struct of the size that it states.
        let state = unsafe {
            (self.library.symbols.classify)(
                self.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                ptr::null(),
                0,
                &raw mut raw,
            )
        };
        let known = state == SUCCESS;
        Analysis {
            statements: if known { raw.statement_count } else { 0 },
            read_only: known && raw.query_class == 0,
        }
    }

    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(super) fn raw(&self) -> RawConnection {
        // SAFETY: `chdb_connect` returned this pointer to a connection, and it stays valid
        // until `chdb_close_conn` in `drop`.
        unsafe { *self.handle.as_ptr() }
    }
}

impl Drop for Connection {
    #[expect(unsafe_code, reason = "the engine is a C library")]
    fn drop(&mut self) {
        // SAFETY: the pointer is from `chdb_connect`, and is closed here once. Streams borrow
        // the connection, so none is left.
        unsafe { (self.library.symbols.close)(self.handle.as_ptr()) };
    }
}
