//! Strings: numbers that are public, or one party's and then never shared; what methods give of public ones.
//!
//! The label check lets nothing else pass; here it is held once more, for every value that comes of a party's strings. Knows
//! the text of the strings that stand in the program alone.

use super::value::{Leaf, Val, elem_of, stop};
use super::{R, Tracer};
use crate::fold;
use crate::nest::{AtArg, MemId, NodeId, Op};
use circuit::gate::{Bin, Un};
use circuit::types::Domain;
use rustc_hash::FxHashSet;
use sema::tree::{Builtin, Ty};

/// What holds strings that one party knows.
#[derive(Default)]
pub(super) struct Strings {
    pub nodes: FxHashSet<NodeId>,
    pub mems: FxHashSet<MemId>,
}

/// What to do about a string that would be shared.
const HELP: &str = "do this in the `at` block of its owner, or go on with its hash there: `at P { s.hash() }`";

impl Tracer<'_> {
    /// Notes a leaf that a party brings, or makes in an `at` block, if it is of strings.
    pub(super) fn own_string(&mut self, ty: &Ty, at: AtArg) {
        match at {
            _ if *ty != Ty::Str => {}
            AtArg::Node(n) => {
                self.strings.nodes.insert(n);
            }
            AtArg::Mem(m) => {
                self.strings.mems.insert(m);
            }
        }
    }

    /// Whether a new node is a party's string; what would share or open one is reported.
    pub(super) fn follow_strings(&mut self, id: NodeId, op: &Op, args: &[NodeId]) {
        let known = &mut self.strings;
        if known.nodes.is_empty() && known.mems.is_empty() {
            return;
        }
        let given = args.iter().any(|a| known.nodes.contains(a));
        let is = match op {
            Op::Load(m, _) | Op::LoadAt(m) => known.mems.contains(m),
            Op::Store(m, _) | Op::StoreAt(m) | Op::Pack(m) => {
                if given {
                    known.mems.insert(*m);
                }
                false
            }
            // A block's results are noted where it stands.
            Op::At(_) | Op::AtPart(_) | Op::Seen(_) | Op::Made(_) => false,
            _ => given,
        };
        if is {
            known.nodes.insert(id);
        }
        if is && matches!(op, Op::Share | Op::Reveal(_)) {
            let _ = self.shared_string::<()>();
        }
    }

    /// Reports a string that would be shared. Once: what follows may come of it.
    pub(super) fn shared_string<T>(&mut self) -> R<T> {
        if self.findings.iter().any(|f| f.code == "E0315") {
            return stop();
        }
        self.report("E0315", "a string would have to be shared here".into(), HELP)
    }

    /// A method of a public string.
    pub(super) fn of_string(&mut self, b: Builtin, v: &Val, ty: Ty) -> R<Val> {
        let n = self.node(&v.leaves[0], &Ty::Str)?;
        if self.nest.n(n).dom != Domain::Clear {
            return self.shared_string();
        }
        if b == Builtin::StrHash {
            // The number but of the empty string, whose number is 0.
            let (elem, wide) = (elem_of(&ty), elem_of(&Ty::Str));
            let (zero, empty) = (fold::konst(self, 0, wide), fold::konst(self, u128::from(strings::hash(0)), elem));
            let is_empty = self.bin(Bin::Eq, n, zero);
            let hash = fold::un(self, Un::Cast, n, elem);
            let hash = self.select(is_empty, empty, hash);
            return Ok(Val::scalar(ty, Leaf::N(hash)));
        }
        let program = self.program;
        let text = self.nest.constant(n).and_then(|k| program.strings.get(k));
        let Some(text) = text else {
            let what =
                "length and bytes of a public string that does not stand in the program are known in `at` blocks alone";
            return self.report("E0410", what.into(), "compute them in an `at` block, or go on with its hash");
        };
        if b == Builtin::StrLen {
            let n = fold::konst(self, text.len() as u128, elem_of(&ty));
            return Ok(Val::scalar(ty, Leaf::N(n)));
        }
        let (elem, n) = self.array(&ty)?;
        if n > strings::LONGEST as i64 {
            return self.report("E0401", format!("a string has {} bytes at most", strings::LONGEST), "");
        }
        let bytes = strings::bytes(text, n as usize).into_iter().map(u128::from).collect();
        let m = self.new_table(elem_of(&elem), bytes);
        let all = self.whole(m);
        Ok(Val::of(ty, vec![all]))
    }
}
