//! GraphViz text of a circuit, for looking at: a node per gate, a cluster per region, an edge per use.

use std::fmt::Write;

use crate::circuit::Circuit;
use crate::infer::show;
use crate::text::MAX_NESTING;
use crate::types::RegionId;

/// GraphViz (`dot`) text. Interactive gates are boxes with a heavy border.
pub fn dot(c: &Circuit) -> String {
    let mut out = String::from("digraph circuit {\n  rankdir=TB;\n  node [shape=box, fontname=\"monospace\"];\n");
    let mut made = vec![None; c.wires.len()];
    let mut drawn = vec![false; c.regions.len()];
    let mut edges = String::new();
    region(c, c.root, 1, &mut drawn, &mut made, &mut out, &mut edges);
    // What is called stands beside.
    for r in 0..c.regions.len() {
        if !drawn[r] && !c.regions[r].gates.is_empty() {
            region(c, RegionId(r as u32), 1, &mut drawn, &mut made, &mut out, &mut edges);
        }
    }
    for (k, o) in c.outputs.iter().enumerate() {
        let _ = writeln!(out, "  out{k} [shape=ellipse, label=\"{}\"];", escape(&o.name));
        edge(&made, o.wire, &format!("out{k}"), &mut edges);
    }
    out + &edges + "}\n"
}

fn escape(s: &str) -> String {
    s.chars()
        .flat_map(|c| match c {
            '"' | '\\' => vec!['\\', c],
            c if c.is_control() => vec![' '],
            c => vec![c],
        })
        .collect()
}

fn edge(made: &[Option<String>], w: crate::WireId, to: &str, edges: &mut String) {
    if let Some(Some(from)) = made.get(w.0 as usize) {
        let _ = writeln!(edges, "  {from} -> {to} [label=\"%{}\"];", w.0);
    }
}

fn region(
    c: &Circuit,
    r: RegionId,
    depth: usize,
    drawn: &mut [bool],
    made: &mut [Option<String>],
    out: &mut String,
    edges: &mut String,
) {
    let (Some(region_), Some(seen)) = (c.regions.get(r.0 as usize), drawn.get_mut(r.0 as usize)) else { return };
    if std::mem::replace(seen, true) || depth > MAX_NESTING {
        return;
    }
    let pad = "  ".repeat(depth);
    let entry = format!("r{}", r.0);
    if !region_.params.is_empty() {
        let _ = writeln!(out, "{pad}{entry} [shape=ellipse, label=\"r{}\"];", r.0);
        for p in &region_.params {
            if let Some(m) = made.get_mut(p.0 as usize) {
                *m = Some(entry.clone());
            }
        }
    }
    for (k, g) in region_.gates.iter().enumerate() {
        let id = format!("g{}_{k}", r.0);
        let ty = g.outs.first().and_then(|w| c.wires.get(w.0 as usize));
        let ty = ty.map(|t| format!("\\n{} {}[{}]", show(t.domain), t.elem, t.len)).unwrap_or_default();
        let style = if c.interactive(g) { ", penwidth=3" } else { "" };
        let _ = writeln!(out, "{pad}{id} [label=\"{}{ty}\"{style}];", g.op.name());
        for w in &g.args {
            edge(made, *w, &id, edges);
        }
        for inner in g.op.regions() {
            let _ = writeln!(edges, "  {id} -> r{}_ [style=dashed];", inner.0);
            if !matches!(g.op, crate::Op::Call(_)) {
                let _ = writeln!(out, "{pad}subgraph cluster_r{} {{\n{pad}  r{}_ [shape=point];", inner.0, inner.0);
                region(c, inner, depth + 1, drawn, made, out, edges);
                let _ = writeln!(out, "{pad}}}");
            }
        }
        for w in &g.outs {
            if let Some(m) = made.get_mut(w.0 as usize) {
                *m = Some(id.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Shape, random_gates};

    #[test]
    fn draws_every_gate_once() {
        for seed in 0..20 {
            let case = random_gates(seed, &Shape::default());
            let text = super::dot(&case.circuit);
            assert_eq!(text.matches('{').count(), text.matches('}').count());
            for (r, region) in case.circuit.regions.iter().enumerate() {
                for k in 0..region.gates.len() {
                    let node = format!("g{r}_{k} [label");
                    let n = text.lines().filter(|l| l.trim_start().starts_with(&node)).count();
                    assert_eq!(n, 1, "{text}");
                }
            }
        }
    }
}
