#![doc = include_str!("../README.md")]

mod block;
mod event;
mod exchanges;
mod fills;
mod log;
mod portal;
mod refusal;
mod rpc;
mod sizer;

pub use block::{Block, Head};
pub use event::{Event, FieldError, OrderFilled, OrdersMatched, topic};
pub use exchanges::{EXCHANGES, Exchange};
pub use fills::{Decoded, Violation, ViolationKind, decode};
pub use log::Log;
pub use portal::PortalClient;
pub use refusal::Refusal;
pub use rpc::{Blocks, RpcClient};
pub use sizer::RangeSizer;
