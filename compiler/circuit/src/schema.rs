//! The shape of `main`'s parameters and results, as readers and writers of data need it.
//!
//! Knows no language: names, element types, lengths, ranges. A [`Schema`] flattens to leaves in a fixed order (struct
//! fields and tuple parts in order; arrays multiply lanes), which is the order of `Circuit::inputs` and `outputs`.

use crate::types::Elem;

/// A shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// A bool or an integer, with its declared range (inclusive, bit patterns).
    Scalar {
        /// Its type.
        elem: Elem,
        /// Inclusive bounds, if declared.
        range: Option<(u128, u128)>,
    },
    /// A fixed-point number: a word of 64 bits, two's complement, with its declared range (inclusive, bit patterns).
    Fixed {
        /// Fraction bits.
        frac: u8,
        /// Inclusive bounds, if declared.
        range: Option<(u128, u128)>,
    },
    /// A string: a number of 128 bits, which its bytes decide; the text is its owner's to keep.
    Text,
    /// `[T; len]`; `None` while the size is unbound (a row count decides it).
    Array {
        /// The element.
        elem: Box<Schema>,
        /// Its length: a number, or the name of the size that it binds, or an expression of sizes as text.
        len: SchemaLen,
    },
    /// A tuple.
    Tuple(Vec<Schema>),
    /// A struct: its name and fields.
    Struct {
        /// Its name.
        name: String,
        /// Fields in order.
        fields: Vec<(String, Schema)>,
    },
    /// An enum. Its leaves are a bool for each variant but the first, of which one holds at most, named `is V`; and then
    /// what the variants carry, each under its name, which is zero where the value is another variant.
    Enum {
        /// Its name.
        name: String,
        /// Variants in order; lengths in them are known.
        variants: Vec<SchemaVariant>,
    },
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaVariant {
    /// Its name.
    pub name: String,
    /// Whether what it carries has names; else they are numbers.
    pub named: bool,
    /// What it carries, in order.
    pub fields: Vec<(String, Schema)>,
}

/// A length in a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaLen {
    /// Known.
    Known(u64),
    /// A size variable that this length binds (`N`).
    Binds(String),
    /// An expression of sizes (`N + 1`) that binding others decides; checked afterwards.
    Derived(String),
}

/// A leaf of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// `""` for the scalar itself, else `.field.0.sub` without the leading dot.
    pub path: String,
    /// Type of a lane.
    pub elem: Elem,
    /// Lanes per value of the whole (product of array lengths on the way).
    pub lanes: u64,
    /// Declared range.
    pub range: Option<(u128, u128)>,
}
