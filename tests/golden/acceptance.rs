//! Figures that the compiler promises: rounds and bytes of naive programs at full size, from the cost model, which a ladder
//! elsewhere holds equal to what is sent.

use mpcc_tests::check;
use mpcc_tests::ladder::bound;
use opt::Profile;
use opt::cost::Cost;
use std::collections::BTreeMap;

/// The price of a program for sizes.
fn price(text: &str, sizes: &[(&str, u64)]) -> Cost {
    let checked = check(text);
    assert!(checked.ok(), "{:?}", checked.diags.iter().map(|d| d.message.clone()).collect::<Vec<_>>());
    let sizes: BTreeMap<String, u64> = sizes.iter().map(|(n, v)| (n.to_string(), *v)).collect();
    let lowered = driver::lower(&checked, &bound(&checked, &sizes), &driver::Publics::new()).unwrap();
    let compiled = driver::compile(lowered, &spec::REP3, &Profile::LAN).unwrap();
    opt::cost::cost(&compiled.gates, &compiled.schedule, &spec::REP3, &Profile::LAN).unwrap()
}

fn busiest(c: &Cost) -> u128 {
    c.bytes_sent().into_iter().max().unwrap_or(0)
}

#[test]
fn comparisons_of_inputs() {
    let n = 100_000u64;
    // Sent by the busiest node; at most 30 and 15 bytes a comparison, in 11 rounds.
    for (bits, rounds, bytes, ands) in [(64, 11, 2_833_384, 152), (32, 10, 1_445_884, 73)] {
        let text = format!(
            "party A, B;
fn main<N: size>(x: [u{bits}; N] from A, y: [u{bits}; N] from B) -> u64 {{
    let mut n: u64 = 0;
    for i in 0..N {{
        if x[i] < y[i] {{
            n += 1;
        }}
    }}
    reveal(n)
}}"
        );
        let c = price(&text, &[("N", n)]);
        assert_eq!((c.rounds, busiest(&c)), (rounds, bytes), "{bits} bits");
        assert_eq!(c.gates["and"], ands * u128::from(n));
    }
}

/// Accumulation by a secret index costs fewer bytes than the expert's comparison with every place, in as many rounds; in one more
/// where many bits of the index have to be zero.
#[test]
fn accumulation_by_index() {
    for (ty, cells, rounds) in [("u8", 16, 8), ("u8 in 0..=15", 16, 7), ("u16", 40, 10)] {
        let head = format!(
            "party A, B; fn main<N: size>(k: [{ty}; N] from A, w: [u32; N] from B) -> [u32; {cells}] {{ \
             let mut h: [u32; {cells}] = [0; {cells}]; for i in 0..N {{"
        );
        let naive = price(&format!("{head} h[k[i]] += w[i]; }} reveal(h) }}"), &[("N", 1000)]);
        let expert =
            format!("{head} for j in 0..{cells} {{ if k[i] as u64 == j as u64 {{ h[j] += w[i]; }} }} }} reveal(h) }}");
        let expert = price(&expert, &[("N", 1000)]);
        assert_eq!(naive.rounds, rounds, "{ty}");
        let more = u128::from(ty == "u16");
        assert!(naive.rounds <= expert.rounds + more, "{ty}: {} and {}", naive.rounds, expert.rounds);
        assert!(busiest(&naive) <= busiest(&expert), "{ty}: {} and {}", busiest(&naive), busiest(&expert));
    }
}

/// Of computed values: no more than their A2B and one comparator.
#[test]
fn comparisons_of_computed_values() {
    let n = 1000u64;
    let text = "party A, B;
fn main<N: size>(x: [u64; N] from A, y: [u64; N] from B) -> u64 {
    let mut n: u64 = 0;
    for i in 0..N {
        if x[i] * y[i] < x[i] + y[i] {
            n += 1;
        }
    }
    reveal(n)
}";
    let c = price(text, &[("N", n)]);
    let adder = opt::gates::adder::cost(64, opt::gates::adder::Style::Fast).0;
    assert!(c.gates["and"] <= u128::from(n) * u128::from(2 * adder + 152), "{}", c.gates["and"]);
    assert!(c.rounds <= 2 + 1 + 8 + 7 + 4, "{}", c.rounds);
}

#[test]
fn the_greatest_of_a_hundred_thousand() {
    let text = "party A;
fn main<N: size>(x: [u32; N] from A) -> u64 {
    let mut best = x[0];
    let mut place: u64 = 0;
    for i in 1..N {
        if x[i] > best {
            best = x[i];
            place = i;
        }
    }
    reveal(place)
}";
    let c = price(text, &[("N", 100_000)]);
    // At most 125 rounds and 2 MB.
    assert_eq!((c.rounds, busiest(&c)), (121, 1_819_743));
}

#[test]
fn a_matrix_product_from_three_loops() {
    let text = include_str!("../pairs/matmul/naive.mpc");
    let c = price(text, &[("R", 512), ("K", 512), ("C", 512)]);
    assert_eq!((c.rounds, busiest(&c)), (3, 6_291_456));
}

/// Division by a constant costs no divider.
#[test]
fn division_by_a_constant() {
    let text = |by: &str| {
        format!(
            "party A;
fn main<N: size>(x: [u64; N] from A) -> [u64; N] {{
    let mut q = [0; N];
    for i in 0..N {{
        q[i] = x[i] / {by};
    }}
    reveal(q)
}}"
        )
    };
    let c = price(&text("10"), &[("N", 1000)]);
    assert!(c.rounds <= 14 && busiest(&c) <= 115 * 1000, "{} rounds, {} bytes", c.rounds, busiest(&c));
    let c = price(&text("16"), &[("N", 1000)]);
    assert_eq!(c.rounds, 2);
}

/// No pass makes any program worse in what it optimises: rounds and bytes at the network's price of a round. Passes are
/// added one by one in their order; those that the pipeline cannot do without are always there.
#[test]
fn no_pass_makes_a_program_worse() {
    let mut programs: Vec<std::path::PathBuf> = Vec::new();
    mpcc_tests::walk(&mpcc_tests::root().join("tests/pairs"), "mpc", &mut programs);
    assert!(programs.len() >= 30);
    let pairs = programs.len();
    mpcc_tests::walk(&mpcc_tests::root().join("examples"), "mpc", &mut programs);
    let mut wrong = Vec::new();
    let mut priced = 0;
    for (k, file) in programs.into_iter().enumerate() {
        let checked = check(&std::fs::read_to_string(&file).unwrap());
        let sizes: BTreeMap<String, u64> = driver::size_names(&checked.program)
            .into_iter()
            .map(|n| (n.clone(), if n == "L" { 5 } else { 12 }))
            .collect();
        let lowered = match driver::lower(&checked, &bound(&checked, &sizes), &driver::Publics::new()) {
            Ok(lowered) => lowered,
            // Examples that take public parameters, or want other sizes.
            Err(_) if k >= pairs => continue,
            Err(e) => panic!("{}: {e:?}", file.display()),
        };
        priced += 1;
        for profile in [Profile::LAN, Profile::WAN] {
            let mut before: Option<f64> = None;
            for (name, cost) in mpcc_tests::stages::costs(&lowered.circuit, &profile) {
                let mut price = busiest(&cost) as f64 + cost.rounds as f64 * profile.round_bytes();
                if let ("join", Some(old)) = (name, before) {
                    // It lets levels of trees be loops in as few rounds as they take written out; a loop's levels are all as
                    // wide as the widest, which is some bytes.
                    assert!(price - old < profile.round_bytes() / 100.0, "{}: {old} and {price}", file.display());
                    price = price.min(old);
                }
                if let Some(old) = before
                    && price > old
                {
                    wrong.push(format!("{}: {name} makes {old} into {price}", file.display()));
                }
                before = Some(price);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(priced >= pairs + 5, "{priced} of {pairs} pairs and examples");
}
