//! Gates of several results: a quotient with its remainder, the lane of the least or greatest key, circuits of files.

use super::Expander;
use crate::asm::Pl;
use crate::error::{Result, internal};
use crate::gates::shift;
use crate::gates::{divide, net, reduce};
use circuit::{Bin, Elem, Gate, Index, IndexOp, Len, Op, Red, WireId};

impl Expander<'_> {
    /// Quotient and remainder, made once for both.
    pub(super) fn divide(&mut self, x: WireId, y: WireId, signed: bool, len: &Len) -> Result<(Vec<Pl>, Vec<Pl>)> {
        let key = (self.s.frame(), x, y);
        if let Some(both) = self.divisions.get(&key) {
            return Ok(both.clone());
        }
        let (a, b) = (self.bits(x)?, self.bits(y)?);
        let k = a.len();
        let costs = *self.dividers.entry(k).or_insert_with(|| divide::STYLES.map(|s| divide::cost(k, s)));
        let all = divide::STYLES.into_iter().zip(costs);
        let style = self.cheapest(len, all).unwrap_or(divide::Style::Fast);
        let both = divide::divide(&mut self.s, &a, &b, signed, style, len);
        self.divisions.insert(key, both.clone());
        Ok(both)
    }

    /// Clear keys: the winner's lane is clear, and payloads of any domain are read there.
    pub(super) fn arg_reduce_clear(&mut self, g: &Gate, max: bool, group: &Len) -> Result<()> {
        let key = self.plain(g.args[0])?;
        let e = self.elem(g.args[0]);
        let len = self.len(g.args[0]);
        let to = self.len(g.outs[0]);
        let size = crate::lens::len_index(&self.s.c, group);
        let lanes = crate::lens::len_index(&self.s.c, &len);
        let (Some(size), Some(lanes)) = (size, lanes) else {
            return self.unsupported("an argmin or argmax over groups whose size has no expression");
        };
        let red = if max { Red::Max } else { Red::Min };
        let s = &mut self.s;
        let best = shift::clear(s, Op::Reduce { red, group: group.clone() }, vec![key], e, &to);
        let space = s.space(crate::lens::rect(vec![lanes]));
        let size = crate::lens::ix(IndexOp::Max, size, Index::Const(1));
        let index = crate::lens::ix(IndexOp::Div, Index::Coord(0), size);
        let all = shift::clear(s, Op::Gather { space, index }, vec![best], e, &len);
        let hit = shift::clear(s, Op::Bin(Bin::Eq), vec![key, all], Elem::Bool, &len);
        let word = Elem::u(64);
        let at = shift::clear(s, Op::Iota { space, index: Index::Coord(0) }, vec![], word, &len);
        let none = s.constant(word.mask(), word, len.clone());
        let at = shift::clear(s, Op::Select, vec![hit, at, none], word, &len);
        let first = Op::Reduce { red: Red::Min, group: group.clone() };
        let at = shift::clear(s, first, vec![at], word, &to);
        self.set_plain(g.outs[0], best);
        for (o, a) in g.outs.iter().zip(&g.args).skip(1) {
            if self.secret(*o) {
                self.moved_by(&Op::GatherAt, *o, &[*a], &[at])?;
                self.ensure(*o)?;
            } else {
                let x = self.plain(*a)?;
                let t = self.c.ty(*o).clone();
                let y = self.s.gate(Op::GatherAt, vec![x, at], t.domain, t.elem, t.len);
                self.set_plain(*o, y);
            }
        }
        Ok(())
    }

    /// A boolean circuit of a file, level by level over all lanes.
    pub(super) fn net(&mut self, g: &Gate, k: u32) -> Result<()> {
        let Some(table) = self.c.nets.get(k as usize) else { return internal("a net that the circuit does not have") };
        let mut planes = vec![];
        for a in &g.args {
            planes.extend(self.bits(*a)?);
        }
        let len = self.len(g.outs[0]);
        let mut out = net::of_planes(&mut self.s, &table.net, &planes, &len).into_iter();
        for (o, e) in g.outs.iter().zip(&table.outputs) {
            let word = out.by_ref().take(usize::from(e.bits())).collect();
            self.set_bits(*o, word);
        }
        Ok(())
    }

    pub(super) fn arg_reduce(&mut self, g: &Gate, max: bool, group: &Len) -> Result<()> {
        let key = g.args[0];
        let e = self.elem(key);
        let len = self.len(key);
        let to = self.len(g.outs[0]);
        let mut k = self.bits(key)?;
        let bits = k.len();
        let mut len = len;
        let grouping = reduce::grouping(&mut self.s, &len, group, &to)?;
        let mut payloads = vec![];
        for a in &g.args[1..] {
            payloads.push(if self.is_clear(*a) && grouping.is_ok() {
                let w = self.plain(*a)?;
                let low = self.low.get(&w).copied().unwrap_or(128).min(u32::from(self.elem(*a).bits()));
                reduce::Payload::Clear(w, low)
            } else {
                reduce::Payload::Planes(self.bits(*a)?)
            });
        }
        let groups = match grouping {
            Ok(groups) => groups,
            Err(p) => {
                // Lanes of padding stand last in their group and have the worst key: they never win.
                let worst: Vec<Pl> = (0..bits).map(|i| Pl::bit((e.signed() && i + 1 == bits) == max)).collect();
                k = p.word(&mut self.s, &k, &len, &worst);
                for x in &mut payloads {
                    if let reduce::Payload::Planes(x) = x {
                        *x = p.word(&mut self.s, x, &len, &vec![Pl::Zero; x.len()]);
                    }
                }
                len = p.all;
                p.groups
            }
        };
        if groups.size == 0 {
            return self.unsupported("an argmin or argmax of nothing");
        }
        let padded = groups.clone();
        let r = reduce::arg_reduce(&mut self.s, k, payloads, len, groups, max, e.signed());
        for (o, w) in g.outs.iter().zip(r) {
            let w = reduce::cut(&mut self.s, &w, &padded, &to)?;
            self.set_bits(*o, w);
        }
        Ok(())
    }
}
