//! ClickHouse's HTTP interface over the engine.
//!
//! `request` reads what is asked, `job` runs it on a thread of the engine, `reply` says how it
//! went. Everything that reads bytes from outside is a pure function or an adapter over `Read`.

mod accept;
mod auth;
mod blocks;
mod decode;
mod download;
mod encode;
mod format;
mod framing;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod job;
mod multipart;
mod reply;
mod request;
mod rows;
mod session;
mod statement;
mod text;
mod upload;

pub(crate) use accept::handle;
pub use auth::Auth;
pub(crate) use session::apply_settings;
