//! Fixed-point numbers in random programs: values, literals, and what is computed of them.

use super::{Gen, Len, S, T, Var, name};

/// Numbers of fraction bits, the least and the greatest among them.
pub(super) const FRACS: [u8; 6] = [16, 16, 1, 7, 20, 31];

impl Gen {
    pub(super) fn fixed(&mut self) -> S {
        // Mostly one, so that variables meet.
        S::Fixed(if self.r.chance(80) { self.frac } else { *self.r.pick(&FRACS) })
    }

    /// A word: small numbers mostly, so that products do not all wrap, and extremes.
    pub(super) fn word(&mut self, frac: u8) -> u128 {
        let wide = self.r.bits();
        let word = match self.r.below(10) {
            0 => 0,
            1 => *self.r.pick(&[u64::MAX, 1 << 63, u64::MAX >> 1, 1]),
            2 => wide,
            3 => (wide % 20) << frac,
            _ => ((wide as i64) >> (58 - frac)) as u64,
        };
        u128::from(word)
    }

    pub(super) fn fraction(&mut self, frac: u8) -> String {
        let whole = self.r.below(30);
        let text = match self.r.below(3) {
            0 => format!("{whole}.5"),
            1 => format!("{whole}.{}", self.r.below(1000)),
            _ => format!("0.{:06}", self.r.below(1_000_000)),
        };
        if self.r.chance(40) { format!("({text} as {})", name(S::Fixed(frac))) } else { text }
    }

    pub(super) fn fixed_expr(&mut self, frac: u8, d: usize) -> String {
        let s = S::Fixed(frac);
        match self.r.below(16) {
            0 | 1 => self.leaf(s),
            2..=4 => {
                let op = *self.r.pick(&["+", "-", "*", "*"]);
                format!("({} {op} {})", self.expr(s, d), self.expr(s, d))
            }
            5 => {
                let by = match self.find(|v| v.secret && v.ty == T::One(s)) {
                    Some(v) if self.r.chance(60) => v.name,
                    _ => "0.75".into(),
                };
                format!("({} / {by})", self.expr(s, d.min(1)))
            }
            6 => format!("(-{})", self.expr(s, d)),
            7 => {
                let f = *self.r.pick(&["min", "max"]);
                format!("{f}({}, {})", self.expr(s, d), self.expr(s, d))
            }
            8 | 9 => {
                let from = if self.r.chance(30) { self.fixed() } else { self.scalar() };
                format!("({} as {})", self.expr(from, d), name(s))
            }
            10 => {
                let (c, a, b) = (self.expr(S::Bool, d), self.expr(s, d), self.expr(s, d));
                format!("(if {c} {{ {a} }} else {{ {b} }})")
            }
            11 => match self.loops.last().cloned() {
                Some((i, n)) if n < 100 => format!("({} + {i})", self.expr(s, d)),
                _ => self.leaf(s),
            },
            12 if self.r.chance(40) => {
                let other = self.fixed();
                format!("from_bits(to_bits(({} as {})) ^ 5)", self.expr(other, d), name(other))
            }
            12 => self.call(s, d).unwrap_or_else(|| self.leaf(s)),
            13 => {
                // Products that are shifted once.
                let op = *self.r.pick(&["+", "-"]);
                let (a, b, x, y) = (self.leaf(s), self.leaf(s), self.expr(s, d), self.leaf(s));
                let more = if self.r.chance(40) { format!(" - {}", self.leaf(s)) } else { String::new() };
                format!("({a} * {b} {op} {x} * {y}{more})")
            }
            _ => match self.find(|v| matches!(&v.ty, T::Arr(t, _) if *t == s)) {
                Some(Var { name: xs, .. }) => match self.r.below(5) {
                    0 => format!("({xs} * {xs}).sum()"),
                    1 => format!("{xs}.map(|x| x * {}).sum()", self.leaf(s)),
                    2 => format!("{xs}.fold({}, |acc, x| acc * x)", self.leaf(s)),
                    _ => format!("{xs}.{}()", *self.r.pick(&["sum", "min", "max", "product"])),
                },
                None => self.leaf(s),
            },
        }
    }

    /// An array of them, elementwise arithmetic, and a loop that adds products up.
    pub(super) fn fixed_array(&mut self) {
        let Some(len) = self.some_len() else { return self.assign() };
        let s = self.fixed();
        let same = len.clone();
        let fits = |v: &Var| matches!(&v.ty, T::Arr(t, n) if *t == s && *n == same);
        let Some(v) = self.find(fits) else {
            let e = self.expr(s, 1);
            self.declare(T::Arr(s, len.clone()), true, false, &format!("[{e}; {}]", len.text));
            return;
        };
        match self.r.below(4) {
            0 => {
                let op = *self.r.pick(&["+", "-", "*", "* "]);
                self.declare(T::Arr(s, len), true, false, &format!("{} {op} {}", v.name, v.name));
            }
            1 => {
                self.declare(T::Arr(S::Bool, len), false, false, &format!("{} < -{}", v.name, v.name));
            }
            2 => {
                let to = self.roomy();
                let cast = format!("{} as [{}; {}]", v.name, name(to), len.text);
                self.declare(T::Arr(to, len), false, false, &cast);
            }
            _ => {
                let acc = self.declare(T::One(s), true, false, "0.5");
                let Len { text, n } = len;
                let i = self.fresh("i");
                self.loops.push((i.clone(), n));
                let e = self.expr(s, 1);
                let op = *self.r.pick(&["+=", "-=", "*="]);
                self.nested(&format!("for {i} in 0..{text}"), |g| {
                    g.line(&format!("{acc} {op} {}[{i}] * {e};", v.name));
                });
                self.line("}");
                self.loops.pop();
            }
        }
    }
}
