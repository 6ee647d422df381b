//! A plan as text: the circuit, each secret wire with its forms. Knows nothing of prices.

use super::{BITS, Form, Plan, form_ring};
use circuit::{Circuit, Domain, WireId};

/// The name of a form, as circuits' texts have it.
fn form_name(f: Form) -> String {
    if f == BITS { "bits".into() } else { format!("arith{}", form_ring(f)) }
}

impl Plan {
    /// The circuit's text, each secret wire with the form in which it is made and those that are wanted of it.
    pub fn text(&self, c: &Circuit) -> String {
        let mut out = String::new();
        for line in circuit::text::print(c).lines() {
            out.push_str(line);
            let (wires, _) = line.split_once(" = ").unwrap_or(("", ""));
            let ids = wires.split(',').filter_map(|w| w.trim().strip_prefix('%')?.parse::<u32>().ok());
            for w in ids.filter(|w| c.ty(WireId(*w)).domain == Domain::Secret) {
                let wants = self.wants[w as usize];
                let wants: Vec<String> = (0..6u8).filter(|f| wants >> f & 1 != 0).map(form_name).collect();
                let wants = if wants.is_empty() { "as it comes".into() } else { wants.join(" and ") };
                out.push_str(&format!(" ; %{w} made in {}, wanted {wants}", form_name(self.home[w as usize])));
            }
            out.push('\n');
        }
        out
    }
}
