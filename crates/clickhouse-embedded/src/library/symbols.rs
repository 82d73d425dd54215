use std::ffi::{c_char, c_int, c_void};
use std::path::Path;

/// `CHDBSuccess`.
pub(super) const SUCCESS: c_int = 0;

/// `chdb_connection`: a pointer to what the library keeps for one connection.
pub(super) type RawConnection = *mut c_void;
/// `chdb_result *`.
pub(super) type RawResult = *mut c_void;
/// `chdb_insert_stream`.
pub(super) type RawInsert = *mut c_void;

/// `chdb_query_analysis_v1`.
#[repr(C)]
pub(super) struct RawAnalysis {
    pub(super) struct_size: u32,
    pub(super) statement_count: u32,
    pub(super) flags: u32,
    pub(super) query_class: u32,
}

type Text = *const c_char;
type StartQuery = unsafe extern "C" fn(RawConnection, Text, usize, Text, usize) -> RawResult;
type Count = unsafe extern "C" fn(RawResult) -> u64;

macro_rules! symbols {
    ($($field:ident: $kind:ty = $name:literal;)*) => {
        /// The functions of `chdb.h` that this crate calls.
        ///
        /// **Source**: `programs/local/chdb.h` of chdb-core 26.7.3.
        #[derive(Debug)]
        pub(super) struct Symbols {
            $(pub(super) $field: $kind,)*
        }

        impl Symbols {
            /// Opens the library at `path` for good and looks every function up.
            #[expect(unsafe_code, reason = "the engine is a C library")]
            pub(super) fn load(path: &Path) -> Result<Self, libloading::Error> {
                // SAFETY: running the library's initialisers is what the caller asks for by
                // naming it; chDB's have no precondition.
                let library = unsafe { libloading::Library::new(path) }?;
                let symbols = Self {
                    $(
                        // SAFETY: the type is the one that chdb.h declares for this name.
                        $field: *unsafe { library.get::<$kind>($name) }?,
                    )*
                };
                // The engine has threads of its own, so its code must stay mapped.
                std::mem::forget(library);
                Ok(symbols)
            }
        }
    };
}

symbols! {
    connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut RawConnection = b"chdb_connect\0";
    close: unsafe extern "C" fn(*mut RawConnection) = b"chdb_close_conn\0";
    shutdown: unsafe extern "C" fn() -> c_int = b"chdb_shutdown\0";
    set_signal_handlers_enabled: unsafe extern "C" fn(c_int) = b"chdb_set_signal_handlers_enabled\0";
    classify: unsafe extern "C" fn(RawConnection, Text, usize, Text, usize, *mut RawAnalysis) -> c_int
        = b"chdb_classify_query_n\0";
    query: StartQuery = b"chdb_query_n\0";
    stream_query: StartQuery = b"chdb_stream_query_n\0";
    stream_fetch: unsafe extern "C" fn(RawConnection, RawResult) -> RawResult = b"chdb_stream_fetch_result\0";
    stream_cancel: unsafe extern "C" fn(RawConnection, RawResult) = b"chdb_stream_cancel_query\0";
    result_buffer: unsafe extern "C" fn(RawResult) -> *const c_char = b"chdb_result_buffer\0";
    result_length: unsafe extern "C" fn(RawResult) -> usize = b"chdb_result_length\0";
    result_error: unsafe extern "C" fn(RawResult) -> Text = b"chdb_result_error\0";
    result_rows: Count = b"chdb_result_rows_read\0";
    result_bytes: Count = b"chdb_result_bytes_read\0";
    rows_read: Count = b"chdb_result_storage_rows_read\0";
    bytes_read: Count = b"chdb_result_storage_bytes_read\0";
    rows_written: Count = b"chdb_result_rows_written\0";
    bytes_written: Count = b"chdb_result_bytes_written\0";
    destroy_result: unsafe extern "C" fn(RawResult) = b"chdb_destroy_query_result\0";
    insert: unsafe extern "C" fn(RawConnection, Text, usize, Text, usize) -> RawInsert
        = b"chdb_stream_insert_n\0";
    insert_append: unsafe extern "C" fn(RawInsert, *const c_void, usize) -> c_int = b"chdb_stream_append\0";
    insert_done: unsafe extern "C" fn(RawInsert) -> RawResult = b"chdb_stream_done\0";
    insert_cancel: unsafe extern "C" fn(RawInsert) = b"chdb_stream_cancel_insert\0";
    insert_error: unsafe extern "C" fn(RawInsert) -> Text = b"chdb_stream_insert_error\0";
    destroy_insert: unsafe extern "C" fn(RawInsert) = b"chdb_destroy_insert_stream\0";
}
