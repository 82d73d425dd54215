//! The engine's C interface: the only place with `unsafe` code.

mod connection;
mod insert;
mod outcome;
mod stream;
mod symbols;

use std::path::Path;
use std::sync::{Mutex, OnceLock};

pub(crate) use connection::Connection;
pub(crate) use insert::InsertStream;
pub(crate) use outcome::{Counts, Outcome};
pub(crate) use stream::RowStream;
use symbols::Symbols;

use crate::Error;

/// The loaded library. There is one in a process and it is never unloaded.
#[derive(Debug)]
pub(crate) struct Library {
    symbols: Symbols,
}

impl Library {
    /// Loads the library at `path`, once: later calls return the first one loaded.
    pub(crate) fn load(path: &Path) -> Result<&'static Self, Error> {
        static LOADED: OnceLock<Library> = OnceLock::new();
        static LOADING: Mutex<()> = Mutex::new(());

        let _one_at_a_time = LOADING.lock().unwrap_or_else(|poison| poison.into_inner());
        if let Some(library) = LOADED.get() {
            return Ok(library);
        }
        let symbols = Symbols::load(path).map_err(|source| Error::LibraryUnusable {
            path: path.to_owned(),
            source,
        })?;
        let library = LOADED.get_or_init(|| Self { symbols });
        library.leave_signals_alone();
        Ok(library)
    }

    /// Keeps the engine from taking over the process's signals, now and later.
    #[expect(unsafe_code, reason = "the engine is a C library")]
    fn leave_signals_alone(&self) {
        // SAFETY: the function takes a plain integer, may be called at any time and from any
        // thread, and the library stays loaded for the life of the process.
        unsafe { (self.symbols.set_signal_handlers_enabled)(0) };
    }

    /// Ends every thread of the engine, once no connection is open; false if one stays.
    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(crate) fn shut_down(&self) -> bool {
        // SAFETY: the function takes nothing and refuses by itself while connections are open.
        unsafe { (self.symbols.shutdown)() == symbols::SUCCESS }
    }
}
