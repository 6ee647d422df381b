//! Parses a file, or two megabytes of a made program, and says how long that took and what is wrong with it.

fn main() {
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path).expect("a readable file"),
        None => {
            let mut s = String::new();
            for i in 0.. {
                if s.len() > 2 << 20 {
                    break;
                }
                s.push_str(&format!(
                    "/// Number {i}.\nfn f{i}(a: [u64; N] from P, mut b: u32 in 0..=100) -> u64 to Q {{\n    let x = a.map(|v, w| v * 3 + w).sum() >> 2;\n    \
                     for i in 0..N {{ if a[i] > x {{ b += i as u32; }} else {{ b = g(x, S {{ u: 1, v }}); }} }}\n    reveal(x + b / 2)\n}}\n"
                ));
            }
            s
        }
    };
    let mut diags = diag::Diags::new();
    let start = std::time::Instant::now();
    let m = syntax::parse(diag::FileId(0), &text, &mut diags);
    println!("{} bytes, {} items, {} expressions in {:?}", text.len(), m.items.len(), m.exprs.len(), start.elapsed());
    let mut map = diag::SourceMap::new();
    map.add("t.mpc".into(), text.into());
    for d in diags.into_sorted() {
        let (l, c) = map.start(d.span().unwrap_or_default());
        println!("{}[{}] {l}:{c} {}", d.severity.word(), d.code, d.message);
        for h in &d.helps {
            println!("    help: {}", h.text);
        }
    }
}
