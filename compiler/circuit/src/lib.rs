//! The circuit: the compiler's product, the runtime's program, and what golden files show.
//!
//! A rolled, vectorised circuit of two levels, a schedule beside it, an exact text form, verifiers, a binary form with a
//! digest, and a clear interpreter. Knows neither the language nor the network.

pub mod binary;
pub mod build;
pub mod circuit;
pub mod clear;
pub mod client;
pub mod column;
pub mod count;
pub mod dot;
pub mod gate;
pub mod index;
pub mod infer;
pub mod interp;
pub mod schedule;
pub mod schema;
#[doc(hidden)]
pub mod testing;
pub mod text;
pub mod types;
pub mod verify;

pub use build::Builder;
pub use circuit::{AtBlock, Circuit, Host, Input, Level, NetTable, Output, Party, Region};
pub use column::Column;
pub use gate::{Bin, Gate, MAX_TURNS, Op, Plane, Recipient, Red, Un};
pub use index::{Index, IndexEnv, IndexError, IndexOp, Len, LoopVar, Space, SpaceDim, SpaceId};
pub use schedule::{Item, Schedule};
pub use schema::{Leaf, Schema, SchemaLen, SchemaVariant};
pub use types::{Domain, EffectId, Elem, PartyId, RegionId, SpanId, WireId, WireTy};
