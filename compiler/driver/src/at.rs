//! `at` blocks for whoever interprets or evaluates a circuit: columns in, columns out, the reference evaluator between.

use circuit::{Column, Elem};
use sema::layout;
use sema::tree::{AtCode, Program};
use std::sync::Arc;

/// The `at` blocks of a compiled program.
#[derive(Clone)]
pub struct Blocks {
    /// The program.
    pub program: Arc<Program>,
    /// By block id.
    pub codes: Arc<[AtCode]>,
    /// Strings of the inputs that lie here.
    pub strings: Arc<strings::Table>,
}

impl Blocks {
    /// Runs a block at its party.
    ///
    /// # Errors
    /// In words, without a secret: what the block did wrong (an index out of bounds, a division by zero).
    pub fn run(&self, block: u32, args: &[Column]) -> Result<Vec<Column>, String> {
        let code = self.codes.get(block as usize).ok_or("a block that the program does not have")?;
        let columns: Vec<Vec<u128>> = args.iter().map(|c| (0..c.len()).map(|k| c.get(k)).collect()).collect();
        let out = eval::run_at(&self.program, code, &columns, &self.strings).map_err(|e| e.what)?;
        let elems = self.results(code).ok_or("a block whose result has no layout")?;
        if elems.len() != out.len() {
            return Err("a block whose result has another layout".into());
        }
        Ok(elems
            .into_iter()
            .zip(out)
            .map(|(elem, values)| {
                let mut column = Column::with_capacity(elem, values.len());
                values.iter().for_each(|&v| column.push(v));
                column
            })
            .collect())
    }

    /// Element types of the leaves of the block's result.
    fn results(&self, code: &AtCode) -> Option<Vec<Elem>> {
        let ty = layout::close(&self.program.f(code.f).expr(code.expr).ty, &code.env)?;
        layout::leaves(&self.program, &ty, &code.env.families)?.iter().map(|l| crate::schema::elem(&l.ty)).collect()
    }
}
