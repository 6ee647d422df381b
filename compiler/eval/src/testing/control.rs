//! Statements whose control the run decides: choices and loops on revealed values, places that the run computes.
//!
//! Everything ends after a few turns, whatever the inputs are.

use super::{Gen, Len, S, T, Var, name};

const SMALL: [S; 4] = [S::Int(false, 8), S::Int(false, 16), S::Int(false, 32), S::Int(false, 64)];

impl Gen {
    /// A fresh public number below `n` that only the run knows, of an unsigned type.
    fn revealed_below(&mut self, n: usize) -> (String, S) {
        let s = *self.r.pick(&SMALL);
        let e = self.expr(s, 2);
        let e = if self.r.chance(70) { format!("reveal({e}) % {n}") } else { format!("reveal({e} % {n})") };
        (self.declare(T::One(s), false, true, &e), s)
    }

    /// `if` on a revealed value, with openings and effects inside.
    pub(super) fn revealed_branch(&mut self, depth: usize) {
        let cond = if self.r.chance(50) {
            let e = self.expr(S::Bool, 2);
            format!("reveal({e})")
        } else {
            let (k, _) = self.revealed_below(4);
            format!("{k} {} {}", *self.r.pick(&["<", "==", ">"]), self.r.below(4))
        };
        if self.find(|v| v.mutable).is_none() {
            return self.assign();
        }
        if self.r.chance(25) {
            let s = self.int();
            let (a, b) = (self.expr(s, 2), self.expr(s, 2));
            self.declare(T::One(s), true, false, &format!("if {cond} {{ {a} }} else {{ {b} }}"));
            return;
        }
        let count = 1 + self.r.below(3);
        self.nested(&format!("if {cond}"), |g| (0..count).for_each(|_| g.stmt(depth)));
        if self.r.chance(50) {
            let count = 1 + self.r.below(2);
            self.nested("} else", |g| (0..count).for_each(|_| g.stmt(depth)));
        }
        self.line("}");
    }

    /// `while` on a count that goes down, or on that and a value revealed anew each turn.
    pub(super) fn turns(&mut self, depth: usize) {
        let (k, s) = self.revealed_below(5);
        let left = self.fresh("t");
        self.line(&format!("let mut {left} = {k};"));
        // Nobody else assigns it.
        let var = Var { name: left.clone(), ty: T::One(s), secret: false, public: true, mutable: false };
        self.scope.push(var);
        let step = 1 + self.r.below(2);
        let mut cond = match self.r.below(3) {
            0 => format!("{left} > 0"),
            1 => format!("{left} != 0"),
            _ => format!("0 < {left}"),
        };
        if self.r.chance(40) {
            let e = self.expr(S::Bool, 1);
            cond = format!("{cond} && reveal({e})");
        }
        let count = 1 + self.r.below(3);
        self.nested(&format!("while {cond}"), |g| {
            (0..count).for_each(|_| g.stmt(depth));
            g.line(&format!("{left} = if {left} < {step} {{ 0 }} else {{ {left} - {step} }};"));
        });
        self.line("}");
    }

    /// `for` to a bound that the run decides.
    pub(super) fn bounded(&mut self, depth: usize) {
        let Some(len) = self.some_len() else { return self.assign() };
        if self.find(|v| v.mutable).is_none() {
            self.array(&len, true);
        }
        let (k, _) = self.revealed_below(len.n + 1);
        let i = self.fresh("i");
        let range = match self.r.below(6) {
            0 => format!("(0..{k}).step_by(2)"),
            1 => format!("(0..{k}).rev()"),
            2 => format!("{k}..{}", len.text),
            3 => format!("1..{k}"),
            _ => format!("0..{k}"),
        };
        self.loops.push((i.clone(), len.n));
        let count = 1 + self.r.below(3);
        self.nested(&format!("for {i} in {range}"), |g| (0..count).for_each(|_| g.stmt(depth)));
        self.line("}");
        self.loops.pop();
    }

    /// A place that the run computes: below `n`.
    pub(super) fn run_index(&mut self, n: usize) -> Option<String> {
        let v = self.find(|v| v.public && matches!(v.ty, T::One(S::Int(false, 8..=64))))?;
        Some(format!("{} % {n}", v.name))
    }

    /// A whole row at a place that the run computes.
    pub(super) fn run_row(&mut self) {
        let rows = |v: &Var| matches!(&v.ty, T::Grid(..)) && v.mutable;
        let Some(Var { name: grid, ty: T::Grid(s, Len { n, .. }), .. }) = self.find(rows) else { return self.assign() };
        let Some(at) = self.run_index(n) else { return self.assign() };
        match self.r.below(3) {
            0 => {
                let from = self.index(n);
                self.line(&format!("{grid}[{at}] = {grid}[{from}];"));
            }
            1 if s != S::Bool => {
                let from = self.index(n);
                self.line(&format!("{grid}[{at}] += {grid}[{from}];"));
            }
            _ => {
                let e = self.expr(s, 2);
                self.line(&format!("{grid}[{at}][1] = {e};"));
            }
        }
    }

    /// What a party computes alone, turn by turn, on what it is given in each.
    pub(super) fn at_turns(&mut self) {
        let Some(len) = self.some_len() else { return self.at_block() };
        let (xs, s) = self.array(&len, false);
        let k = self.r.below(self.parties.len());
        let party = self.parties[k].clone();
        let acc = self.declare(T::One(s), true, false, &format!("0{}", name(s)));
        let (i, own, out) = (self.fresh("i"), self.fresh("v"), self.fresh("v"));
        let op = *self.r.pick(&["+", "*", "^"]);
        let divides = self.r.chance(30);
        self.nested(&format!("for {i} in 0..{}", len.text), |g| {
            g.line(&format!("let {own} = reveal_to({party}, {xs}[{i}]);"));
            let work = if matches!(s, S::Int(_, ..8)) {
                format!("{own} {op} {own}")
            } else if divides {
                format!("({own} | 1) / ({own} | 1)")
            } else {
                format!("{own} {op} {i}")
            };
            g.line(&format!("let {out} = at {party} {{ {work} }};"));
            g.line(&format!("{acc} += {out};"));
        });
        self.line("}");
    }
}
