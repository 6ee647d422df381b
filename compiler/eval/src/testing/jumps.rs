//! Statements that leave what they stand in, loops with a greatest number of turns, and places that nobody knows.

use super::{Gen, Helper, Len, S, T, Var, name};

impl Gen {
    /// A condition, and whether it is certainly public.
    fn any_cond(&mut self) -> (String, bool) {
        if self.r.chance(35)
            && let Some(c) = self.public_cond()
        {
            return (c, true);
        }
        (self.expr(S::Bool, 2), false)
    }

    /// A loop with `break` or `continue` in it.
    pub(super) fn left_loop(&mut self, depth: usize) {
        let Some(len) = self.some_len() else { return self.assign() };
        if self.find(|v| v.mutable).is_none() {
            self.array(&len, true);
        }
        let i = self.fresh("i");
        let range = if self.r.chance(20) { format!("(0..{}).rev()", len.text) } else { format!("0..{}", len.text) };
        let before = self.hidden;
        self.loops.push((i.clone(), len.n));
        let (first, rest) = (self.r.below(2), 1 + self.r.below(2));
        // A second turn stands under what the first one left.
        let (cond, public) = self.any_cond();
        self.hidden |= !public;
        let word = *self.r.pick(&["break", "continue"]);
        let form = self.r.below(5);
        self.hidden |= form == 2;
        self.nested(&format!("for {i} in {range}"), |g| {
            (0..first).for_each(|_| g.stmt(depth));
            match form {
                0 => {
                    let s = g.int();
                    let e = g.expr(s, 2);
                    let v = g.fresh("v");
                    g.line(&format!("let {v}: {} = if {cond} {{ {word} }} else {{ {e} }};", name(s)));
                    g.scope.push(Var { name: v, ty: T::One(s), secret: false, public: false, mutable: false });
                }
                1 => {
                    g.nested(&format!("if {cond}"), |g| g.stmt(0));
                    g.line("} else {");
                    g.line(&format!("    {word};"));
                    g.line("}");
                }
                2 => {
                    let (other, _) = g.any_cond();
                    g.nested(&format!("if {cond}"), |g| {
                        g.line(&format!("if {other} {{ {word}; }}"));
                        g.stmt(0);
                    });
                    g.line("}");
                }
                _ => {
                    g.nested(&format!("if {cond}"), |g| {
                        g.stmt(0);
                        g.line(&format!("{word};"));
                    });
                    g.line("}");
                }
            }
            (0..rest).for_each(|_| g.stmt(depth));
        });
        self.line("}");
        self.loops.pop();
        self.hidden = before;
    }

    /// `while … max K` on a condition that may be secret.
    pub(super) fn at_most(&mut self, depth: usize) {
        if self.find(|v| v.mutable).is_none() {
            return self.assign();
        }
        let before = self.hidden;
        let (cond, public) = self.any_cond();
        self.hidden |= !public;
        let max = self.r.below(4);
        let count = 1 + self.r.below(2);
        let leave = self.r.chance(25);
        // What leaves a turn in secret decides about all of the next.
        self.hidden |= leave;
        self.nested(&format!("while {cond} max {max}"), |g| {
            (0..count).for_each(|_| g.stmt(depth));
            if leave {
                let c = g.expr(S::Bool, 1);
                g.line(&format!("if {c} {{ break; }}"));
                g.stmt(0);
            }
        });
        self.line("}");
        self.hidden = before;
    }

    /// `return` under a condition, alone or inside of a loop.
    pub(super) fn early_return(&mut self, ret: S) {
        let len = self.some_len().filter(|_| self.r.chance(40));
        let e = self.expr(ret, 2);
        match len {
            Some(Len { text, n }) => {
                let i = self.fresh("i");
                self.loops.push((i.clone(), n));
                let (c, _) = self.any_cond();
                self.nested(&format!("for {i} in 0..{text}"), |g| {
                    g.line(&format!("if {c} {{ return {e}; }}"));
                    g.stmt(0);
                });
                self.line("}");
                self.loops.pop();
            }
            None => {
                let (c, _) = self.any_cond();
                if self.r.chance(50) {
                    self.line(&format!("if {c} {{ return {e}; }}"));
                } else {
                    let s = self.int();
                    let (x, v) = (self.expr(s, 1), self.fresh("v"));
                    self.line(&format!("let {v}: {} = if {c} {{ {x} }} else {{ return {e}; }};", name(s)));
                    self.scope.push(Var { name: v, ty: T::One(s), secret: false, public: false, mutable: false });
                }
            }
        }
        self.hidden = true;
    }

    /// A place that nobody knows, inside of the array or not.
    pub(super) fn hidden_index(&mut self) -> Option<String> {
        let v = self.find(|v| v.secret && matches!(v.ty, T::One(S::Int(..))))?;
        Some(match self.r.below(3) {
            // Numbers of a few bits know no 3.
            _ if matches!(v.ty, T::One(S::Int(_, ..5))) => v.name,
            0 => v.name,
            1 => format!("{} & 3", v.name),
            _ => format!("{} % 5", v.name),
        })
    }

    /// Something is put there.
    pub(super) fn hidden_place(&mut self) {
        let Some(at) = self.hidden_index() else { return self.assign() };
        let Some(v) = self.find(|v| v.mutable && matches!(v.ty, T::Arr(S::Int(..), _) | T::Grid(..))) else {
            return self.assign();
        };
        let op = *self.r.pick(&["=", "+=", "-=", "*=", "^="]);
        match v.ty {
            T::Grid(s, n) => {
                let e = self.expr(s, 1);
                match self.r.below(3) {
                    0 => self.line(&format!("{}[{at}][{}] {op} {e};", v.name, self.r.clone().below(3))),
                    1 => {
                        let i = self.index(n.n);
                        self.line(&format!("{}[{i}][{at}] {op} {e};", v.name));
                    }
                    _ => {
                        let i = self.index(n.n);
                        self.line(&format!("{}[{at}] = {}[{i}];", v.name, v.name));
                    }
                }
            }
            T::Arr(s, _) => {
                let e = self.expr(s, 1);
                self.line(&format!("{}[{at}] {op} {e};", v.name));
            }
            _ => {}
        }
    }

    /// What the function gives for less: it calls itself, counting down, or with every other element of its array.
    pub(super) fn below(&mut self, h: &Helper) {
        let t = name(h.ret);
        let (end, mut args) = (self.expr(h.ret, 2), Vec::new());
        for s in h.scalars.clone() {
            args.push(self.expr(s, 1));
        }
        let text = match h.array {
            _ if h.counted => {
                args.splice(0..0, h.array.map(|_| "xs".to_string()));
                let one = format!("{}({}, depth - 1)", h.name, args.join(", "));
                let more = match (h.ret, self.r.below(3)) {
                    (S::Int(..), 0) => format!("{one} - {}({}, depth / 3)", h.name, args.join(", ")),
                    (S::Bool, 0) => format!("{one} || {}({}, depth - 1)", h.name, args.join(", ")),
                    _ => one,
                };
                format!("if depth == 0 {{ {end} }} else {{ {more} }}")
            }
            Some(s) if self.r.chance(20) => {
                let zero = format!("[0{}; K / 2]", name(s));
                args.insert(0, "half".into());
                format!(
                    "if K < 4 {{ {end} }} else {{ let mut half = {zero}; for i in 0..K / 2 {{ half[i] = xs[2 * i]; }} {}({}) }}",
                    h.name,
                    args.join(", ")
                )
            }
            _ => return,
        };
        self.line(&format!("let below: {t} = {text};"));
        self.scope.push(Var { name: "below".into(), ty: T::One(h.ret), secret: false, public: false, mutable: false });
    }

    /// A `match` on a number.
    pub(super) fn matched_number(&mut self) {
        let (s, to) = (self.roomy(), self.scalar());
        let e = self.expr(s, 2);
        let (a, b, c, d) = (self.expr(to, 1), self.expr(to, 1), self.expr(to, 1), self.expr(to, 1));
        let x = self.fresh("x");
        let guard = format!("{x} {} {x}", self.r.pick(&["==", "<", "^ 1 !="]));
        let guard = if s == S::Bool || guard.contains('^') { format!("{x} > 9") } else { guard };
        let text = format!("match {e} {{ 0 => {a}, 1 | 3..=7 => {b}, {x} if {guard} => {c}, _ => {d} }}");
        let mutable = self.r.chance(40);
        self.declare(T::One(to), mutable, false, &text);
    }

    /// A value of an enum: made under a condition, and taken apart.
    pub(super) fn matched_variant(&mut self) {
        if !self.enums {
            return self.matched_number();
        }
        let (c, _) = self.any_cond();
        let (n, x, y) = (self.expr(S::Int(false, 32), 2), self.expr(S::Int(true, 16), 1), self.expr(S::Bool, 1));
        let v = self.fresh("e");
        let other = *self.r.pick(&["E::A", "E::B(7)", "E::C { x: 3, y: true }"]);
        let first = if self.r.chance(50) { format!("E::B({n})") } else { format!("E::C {{ x: {x}, y: {y} }}") };
        let first = match self.variant_place() {
            Some(place) if self.r.chance(60) => place,
            _ => first,
        };
        self.line(&format!("let mut {v} = if {c} {{ {first} }} else {{ {other} }};"));
        if self.r.chance(40) {
            let (c, _) = self.any_cond();
            self.line(&format!("if {c} {{ {v} = {other}; }}"));
        } else {
            self.line(&format!("{v} = {v};"));
        }
        let s = self.roomy();
        let (a, b, c) = (self.expr(s, 1), self.expr(s, 1), self.expr(S::Bool, 1));
        let text = match self.r.below(6) {
            4 => format!(
                "match ({v}, {c} as u32) {{ (E::B(n), 0) | (E::C {{ y: true, .. }}, n) | (E::A, n) if n != 1 => n as {t}, _ => {b} }}",
                t = name(s)
            ),
            5 => format!(
                "match ({v}, {v}) {{ (E::C {{ x, y: true }}, y) | (y, E::C {{ x, y: false }}) => \
                 if y == {v} {{ x as {t} }} else {{ {a} }}, _ => {b} }}",
                t = name(s)
            ),
            0 => format!("if {v} == ({other}) {{ {a} }} else {{ {b} }}"),
            1 => format!(
                "match {v} {{ E::C {{ y: true, x }} => x as {t}, E::B(n) if n > 2 => n as {t}, _ => {b} }}",
                t = name(s)
            ),
            2 => format!(
                "match {v} {{ E::A | E::B(3..=9) => {a}, E::B(n) => n as {t}, E::C {{ .. }} => {b} }}",
                t = name(s)
            ),
            _ => format!(
                "match {v} {{ E::B(n) => {{ n as {t} }} E::C {{ x, .. }} => x as {t} + 1, E::A => {a} }}",
                t = name(s)
            ),
        };
        self.declare(T::One(s), false, false, &text);
        self.scope.push(Var { name: v, ty: T::Var, secret: false, public: false, mutable: false });
    }

    /// A value of the enum that is there.
    fn variant_place(&mut self) -> Option<String> {
        let v = self.find(|v| matches!(v.ty, T::Var | T::Vars(_)))?;
        Some(match v.ty {
            T::Vars(n) => format!("{}[{}]", v.name, self.index(n.n)),
            _ => v.name,
        })
    }
}
