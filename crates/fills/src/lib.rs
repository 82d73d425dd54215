#![doc = include_str!("../README.md")]

mod decimal;
mod event;
mod fill;
mod groups;
mod id;
mod memory;
mod source;
mod span;
mod store;
mod trade;

pub use event::{FieldError, Malformed, OrderFilled};
pub use fill::{CTF_EXCHANGE, FeeAsset, Fill, NEG_RISK_EXCHANGE, Price, Role, Side, Version};
pub use groups::{MemoryGroups, TokenGroups};
pub use id::{Address, BuilderCode, ConditionId, FillId, OrderHash, ParseIdError, TokenId, TxHash};
pub use memory::{MemorySource, MemoryTable};
pub use source::{Chunk, Filter, Resume, Slot, Source, SourceError, Survey, Task};
pub use span::{Span, SpanSet};
pub use store::{Block, FillStore, Scope, StoreError, Summary};
pub use trade::{Trade, TradeKey};
