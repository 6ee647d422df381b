//! Programs with their inputs and right outputs, and runs of them.

use std::time::Duration;

use circuit::testing::{Shape, random_gates};
use circuit::{Circuit, Column, Elem};
use net::sim::{self, Faults, Options, Report};
use node::data::{self, Kept, Source};
use node::session::{self, Finished, Settings};
use node::{NodeError, ProgramObject};

use crate::common::{Hand, chain, write_inputs};

/// How long a node may be without progress in these runs, of virtual time.
pub const DEADLINE: Duration = Duration::from_millis(300);

/// How often nodes beat then.
pub const INTERVAL: Duration = Duration::from_millis(50);

pub type Outcome = Report<Result<Finished, NodeError>>;

/// A program with inputs, and what it should give.
pub struct Case {
    hand: Hand,
    folder: tempfile::TempDir,
    want: Vec<Column>,
}

impl Case {
    fn new(hand: Hand, columns: &[Column]) -> Case {
        let folder = tempfile::tempdir().unwrap();
        write_inputs(folder.path(), hand.circuit(), columns);
        let want = circuit::interp::run(hand.circuit(), columns, &mut circuit::interp::NoBlocks, 0).unwrap();
        Case { hand, folder, want }
    }

    /// A chain of products on inputs that `secret` decides.
    pub fn chain(lanes: u64, steps: u64, secret: u64) -> Case {
        let column = |salt: u64| {
            let mut c = Column::with_capacity(Elem::u(64), lanes as usize);
            let word = |l: u64| (secret ^ salt).wrapping_add(l).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (0..lanes).for_each(|l| c.push(u128::from(word(l))));
            c
        };
        Case::new(chain(lanes, steps), &[column(1), column(1 << 32)])
    }

    /// A random program.
    pub fn random(seed: u64) -> Case {
        let case = random_gates(seed, &Shape::default());
        Case::new(Hand::new(case.circuit), &case.inputs)
    }

    fn circuit(&self) -> &Circuit {
        self.hand.circuit()
    }

    pub fn run(&self, options: &Options, faults: Box<dyn Faults>) -> Outcome {
        let settings = Settings { deadline: DEADLINE, ..Settings::local() };
        // Inputs are used up by a run.
        let kept = Kept::Dealt([3; 32]);
        let source = Source { folder: Some(self.folder.path().to_owned()), kept, ..Source::default() };
        let inputs = data::read(self.hand.contract(), &source, None).unwrap();
        sim::run(options, faults, |links| session::run(links, &settings, &self.hand, inputs.clone(), &mut |_| {}))
    }

    /// Whether node `me` has all outputs that are for it, of the right lengths, and no other; and right ones if `exact`.
    pub fn holds(&self, me: usize, finished: &Finished, exact: bool) -> Result<(), String> {
        let outputs = &self.circuit().outputs;
        if finished.outputs.len() != outputs.len() {
            return Err(format!("{} outputs of {}", finished.outputs.len(), outputs.len()));
        }
        for ((output, got), want) in outputs.iter().zip(&finished.outputs).zip(&self.want) {
            let mine = output.kept.is_none() && output.party.is_none_or(|p| p.0 as usize % 3 == me);
            match got {
                None if mine => return Err(format!("{} is missing", output.name)),
                Some(_) if !mine => return Err(format!("{} is not for this node", output.name)),
                Some(got) if got.len() != want.len() => return Err(format!("{} is partial", output.name)),
                Some(got) if exact && got != want => return Err(format!("{} is wrong", output.name)),
                _ => {}
            }
        }
        Ok(())
    }
}
