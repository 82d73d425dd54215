use std::ffi::{CStr, c_char};
use std::ptr::NonNull;
use std::slice;

use super::Library;
use super::symbols::RawResult;
use crate::exception::Exception;

/// What a statement, or one fetch of it, gave: bytes in the output format, and counts.
#[derive(Debug)]
pub(crate) struct Outcome {
    library: &'static Library,
    handle: NonNull<std::ffi::c_void>,
}

impl Outcome {
    /// Takes a result over; one with an error becomes that error.
    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(super) fn new(library: &'static Library, handle: RawResult) -> Result<Self, Exception> {
        let Some(handle) = NonNull::new(handle) else {
            return Err(Exception::from_engine("the engine returned no result"));
        };
        let outcome = Self { library, handle };
        // SAFETY: the handle is a live result, owned by `outcome`.
        let error = unsafe { (library.symbols.result_error)(handle.as_ptr()) };
        match text(error) {
            Some(error) => Err(Exception::from_engine(&error)),
            None => Ok(outcome),
        }
    }

    /// Returns the bytes.
    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the handle is a live result.
        let (data, len) = unsafe {
            (
                (self.library.symbols.result_buffer)(self.handle.as_ptr()),
                (self.library.symbols.result_length)(self.handle.as_ptr()),
            )
        };
        if data.is_null() || len == 0 {
            return &[];
        }
        // SAFETY: the library states that `len` bytes are at `data`; they live and stay
        // unchanged as long as the result, which `self` owns.
        unsafe { slice::from_raw_parts(data.cast(), len) }
    }

    /// Returns the counts.
    #[expect(unsafe_code, reason = "the engine is a C library")]
    pub(crate) fn counts(&self) -> Counts {
        let symbols = &self.library.symbols;
        let handle = self.handle.as_ptr();
        // SAFETY: the handle is a live result; each function reads one number of it.
        unsafe {
            Counts {
                read_rows: (symbols.rows_read)(handle),
                read_bytes: (symbols.bytes_read)(handle),
                written_rows: (symbols.rows_written)(handle),
                written_bytes: (symbols.bytes_written)(handle),
                result_rows: (symbols.result_rows)(handle),
                result_bytes: (symbols.result_bytes)(handle),
            }
        }
    }
}

impl Drop for Outcome {
    #[expect(unsafe_code, reason = "the engine is a C library")]
    fn drop(&mut self) {
        // SAFETY: the result is owned by `self` and destroyed here once.
        unsafe { (self.library.symbols.destroy_result)(self.handle.as_ptr()) };
    }
}

/// Rows and bytes that a statement read, wrote and returned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) read_rows: u64,
    pub(crate) read_bytes: u64,
    pub(crate) written_rows: u64,
    pub(crate) written_bytes: u64,
    pub(crate) result_rows: u64,
    pub(crate) result_bytes: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.read_rows += other.read_rows;
        self.read_bytes += other.read_bytes;
        self.written_rows += other.written_rows;
        self.written_bytes += other.written_bytes;
        self.result_rows += other.result_rows;
        self.result_bytes += other.result_bytes;
    }
}

/// Copies a C string of the library's; null and empty mean none.
#[expect(unsafe_code, reason = "the engine is a C library")]
pub(super) fn text(raw: *const c_char) -> Option<String> {
    if raw.is_null() {
        return None;
    }
    // SAFETY: the library's messages end in NUL and live as long as the handle that the
    // caller holds.
    let text = unsafe { CStr::from_ptr(raw) }
        .to_string_lossy()
        .into_owned();
    (!text.is_empty()).then_some(text)
}
