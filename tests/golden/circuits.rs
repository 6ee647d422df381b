//! Circuits that other people wrote, as functions: in the clear, at every stage, and on three machines.
//!
//! The files of the Bristol collection are not part of this repository; their tests look for them in the folder that
//! `MPCC_CIRCUITS` names (default: `../shared/circuits` beside the repository) and say so where they skip.

use driver::{Checked, SourceProvider};
use mpcc_tests::ladder::{Climb, Leaves, bound, climb};
use mpcc_tests::root;
use opt::Profile;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// Circuit files by name.
struct Files(Vec<(&'static str, String)>);

impl SourceProvider for Files {
    fn module(&mut self, _: &[&str]) -> Option<(String, String)> {
        None
    }
    fn circuit(&mut self, _: &[&str], name: &str) -> Option<(String, String)> {
        self.0.iter().find(|f| f.0 == name).map(|f| (name.to_string(), f.1.clone()))
    }
}

fn checked(text: &str, files: Vec<(&'static str, String)>) -> Checked {
    let checked = driver::check(&mut Files(files), "test.mpc", text);
    let said: Vec<_> = checked.diags.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    assert!(checked.ok(), "{said:?}");
    checked
}

fn folder() -> PathBuf {
    let base = root().join("../shared/circuits");
    std::env::var_os("MPCC_CIRCUITS").map_or(base, PathBuf::from)
}

/// A file of the collection; says where it looked, when it is not there.
fn shared(name: &'static str) -> Option<(&'static str, String)> {
    let path = folder().join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some((name, text)),
        Err(_) => {
            eprintln!("skipped: there is no {} (MPCC_CIRCUITS names the folder of the Bristol files)", path.display());
            None
        }
    }
}

/// Climbs the ladder and gives the result.
fn result(checked: &Checked, sizes: &[(&str, u64)], inputs: &[Leaves]) -> Leaves {
    let sizes: BTreeMap<String, u64> = sizes.iter().map(|(n, v)| (n.to_string(), *v)).collect();
    match climb(checked, &bound(checked, &sizes), inputs) {
        Ok(Climb::Agree { result, .. }) => result,
        other => panic!("{other:?}"),
    }
}

/// Bytes as AES and SHA-256 of the collection take them: the last byte first, each least significant bit first.
fn reversed_bits(bytes: &[u8]) -> Vec<u128> {
    bytes.iter().rev().flat_map(|b| (0..8).map(move |i| u128::from(b >> i & 1))).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|k| u8::from_str_radix(&text[2 * k..2 * k + 2], 16).unwrap()).collect()
}

/// A one-bit adder with carry in both formats, and a file with every operation.
#[test]
fn small_files_of_our_own() {
    let adder = "5 8\n3 1 1 1\n2 1 1\n\n2 1 0 1 3 XOR\n2 1 3 2 6 XOR\n2 1 0 1 4 AND\n2 1 3 2 5 AND\n2 1 4 5 7 XOR\n";
    let text = "party A;
extern circuit fn add(a: bool, b: bool, c: bool) -> (bool, bool) = \"adder.txt\";
fn main<N: size>(a: [bool; N] from A, b: [bool; N] from A, c: bool from A) -> ([bool; N], [bool; N]) {
    let mut s = [false; N];
    let mut t = [false; N];
    for i in 0..N {
        let (x, y) = add(a[i], b[i], c);
        s[i] = x;
        t[i] = y;
    }
    (reveal(s), reveal(t))
}";
    let p = checked(text, vec![("adder.txt", adder.into())]);
    let (a, b) = (vec![0, 0, 1, 1], vec![0, 1, 0, 1]);
    for c in [0u128, 1] {
        let got = result(&p, &[("N", 4)], &[vec![a.clone()], vec![b.clone()], vec![vec![c]]]);
        let sum = |k: usize| a[k] + b[k] + c;
        assert_eq!(got[0], (0..4).map(|k| sum(k) & 1).collect::<Vec<_>>());
        assert_eq!(got[1], (0..4).map(|k| sum(k) >> 1).collect::<Vec<_>>());
    }
    // Words and arrays of words, least significant bit first: a byte passes through, another is complemented.
    let mut swap = String::from("24 48\n2 16 8\n2 8 16\n\n");
    for k in 0..8 {
        swap.push_str(&format!("1 1 {} {} INV\n", 16 + k, 24 + k));
    }
    for k in 0..16 {
        swap.push_str(&format!("1 1 {} {} EQW\n", (k + 8) % 16, 32 + k));
    }
    let text = "party A;
extern circuit fn swap(x: [u8; 2], y: u8) -> (u8, [u8; 2]) = \"swap.txt\";
fn main(x: [u8; 2] from A, y: u8 from A) -> (u8, [u8; 2]) {
    let (a, b) = swap(x, y);
    (reveal(a), reveal(b))
}";
    let p = checked(text, vec![("swap.txt", swap)]);
    assert_eq!(result(&p, &[], &[vec![vec![1, 200]], vec![vec![0x0f]]]), [vec![0xf0], vec![200, 1]]);
}

/// The library's S-box: 32 ANDs at depth 6, and what FIPS-197 says.
#[test]
fn the_s_box() {
    let text = "party A;
extern circuit fn sbox(x: u8) -> u8 = \"std/aes_sbox.txt\";
fn main(x: [u8; 256] from A) -> [u8; 256] {
    let mut y: [u8; 256] = [0; 256];
    for i in 0..256 {
        y[i] = sbox(x[i]);
    }
    reveal(y)
}";
    let p = checked(text, vec![]);
    let got = result(&p, &[], &[vec![(0..256).collect()]]);
    // Inverse in the field, then the affine map.
    let mul = |a: u32, b: u32| {
        let product = (0..8).filter(|i| b >> i & 1 == 1).fold(0, |p, i| p ^ a << i);
        (8..15).rev().fold(product, |p, i| if p >> i & 1 == 1 { p ^ 0x11b << (i - 8) } else { p })
    };
    for x in 0..256u32 {
        let inverse = (0..256).find(|y| mul(x, *y) == 1).unwrap_or(0) as u8;
        let want = (0..5).fold(0x63, |s, i| s ^ inverse.rotate_left(i));
        assert_eq!(got[0][x as usize], u128::from(want));
    }
    let net = &p.program.circuits[0].net;
    assert_eq!((net.ands(), net.depth()), (32, 6));
}

#[test]
fn arithmetic_of_the_collection() {
    let mut r = eval::testing::Rng::new(4);
    let pairs: Vec<(u64, u64)> = (0..6).map(|k| (r.bits(), if k == 0 { 0 } else { r.bits() >> (9 * k) })).collect();
    type Case = (&'static str, fn(u64, u64) -> u64);
    let cases: [Case; 3] = [
        ("adder64.txt", u64::wrapping_add),
        ("mult64.txt", u64::wrapping_mul),
        ("udivide64.txt", |a, b| a.checked_div(b).unwrap_or(u64::MAX)),
    ];
    for (name, want) in cases {
        let Some(file) = shared(name) else { return };
        let text = format!(
            "party A;
extern circuit fn f(x: u64, y: u64) -> u64 = \"{name}\";
fn main<N: size>(x: [u64; N] from A, y: [u64; N] from A) -> [u64; N] {{
    let mut z: [u64; N] = [0; N];
    for i in 0..N {{
        z[i] = f(x[i], y[i]);
    }}
    reveal(z)
}}"
        );
        let p = checked(&text, vec![file]);
        let n = pairs.len() as u64;
        let column = |f: fn(&(u64, u64)) -> u64| vec![pairs.iter().map(|p| u128::from(f(p))).collect::<Vec<_>>()];
        let got = result(&p, &[("N", n)], &[column(|p| p.0), column(|p| p.1)]);
        for (k, (a, b)) in pairs.iter().enumerate() {
            assert_eq!(got[0][k], u128::from(want(*a, *b)), "{name} {a} {b}");
        }
    }
}

#[test]
fn floating_point_of_the_collection() {
    let Some(file) = shared("FP-add.txt") else { return };
    let text = "party A;
extern circuit fn add(x: u64, y: u64) -> u64 = \"FP-add.txt\";
fn main(x: u64 from A, y: u64 from A) -> u64 {
    reveal(add(x, y))
}";
    let p = checked(text, vec![file]);
    for (a, b) in [(1.5f64, 2.25f64), (-1e300f64, 3.0f64), (0.1f64, 0.2f64)] {
        let got = result(&p, &[], &[vec![vec![u128::from(a.to_bits())]], vec![vec![u128::from(b.to_bits())]]]);
        assert_eq!(f64::from_bits(got[0][0] as u64), a + b);
    }
}

const AES: &str = "party A, B;
extern circuit fn aes(key: [bool; 128], block: [bool; 128]) -> [bool; 128] = \"aes_128.txt\";
fn main<N: size>(key: [bool; 128] from A, blocks: [[bool; 128]; N] from B) -> [[bool; 128]; N] {
    let mut out = [[false; 128]; N];
    for i in 0..N {
        out[i] = aes(key, blocks[i]);
    }
    reveal(out)
}";

#[test]
fn aes_of_the_collection() {
    let Some(file) = shared("aes_128.txt") else { return };
    let p = checked(AES, vec![file.clone()]);
    // FIPS-197, appendices B and C.1.
    let cases = [
        ("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),
        ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"),
    ];
    for (key, block, want) in cases {
        let (key, block) = (reversed_bits(&unhex(key)), reversed_bits(&unhex(block)));
        let blocks = [block.clone(), block].concat();
        let got = result(&p, &[("N", 2)], &[vec![key], vec![blocks]]);
        assert_eq!(got[0], [reversed_bits(&unhex(want)), reversed_bits(&unhex(want))].concat());
    }
    let table = &p.program.circuits[0];
    assert_eq!(table.net.ands(), 6400);
    // A thousand blocks.
    let sizes = BTreeMap::from([("N".to_string(), 1000)]);
    let start = Instant::now();
    let p = checked(AES, vec![file]);
    let lowered = driver::lower(&p, &bound(&p, &sizes), &driver::Publics::new()).unwrap();
    let compiled = driver::compile(lowered, &spec::REP3, &Profile::LAN).unwrap();
    println!("a thousand blocks compile in {:.3} s (build profile of the tests)", start.elapsed().as_secs_f64());
    let c = opt::cost::cost(&compiled.gates, &compiled.schedule, &spec::REP3, &Profile::LAN).unwrap();
    // At most 63 rounds and 0.84 MB.
    assert_eq!((c.rounds, c.bytes_sent().into_iter().max().unwrap()), (62, 832_000));
}

/// The older format: the plaintext first, bytes forward, most significant bit first.
#[test]
fn aes_in_the_older_format() {
    let Some(file) = shared("AES-non-expanded.txt") else { return };
    let text = "party A;
extern circuit fn aes(block: [bool; 128], key: [bool; 128]) -> [bool; 128] = \"AES-non-expanded.txt\";
fn main(key: [bool; 128] from A, block: [bool; 128] from A) -> [bool; 128] {
    reveal(aes(block, key))
}";
    let p = checked(text, vec![file]);
    let bits = |text: &str| -> Vec<u128> {
        unhex(text).iter().flat_map(|b| (0..8).rev().map(move |i| u128::from(b >> i & 1))).collect()
    };
    let got = result(
        &p,
        &[],
        &[vec![bits("000102030405060708090a0b0c0d0e0f")], vec![bits("00112233445566778899aabbccddeeff")]],
    );
    assert_eq!(got[0], bits("69c4e0d86a7b0430d8cdb78070b4c55a"));
}

#[test]
fn sha_256_of_the_collection() {
    let Some(file) = shared("sha256.txt") else { return };
    let text = "party A;
extern circuit fn sha256(block: [bool; 512], state: [bool; 256]) -> [bool; 256] = \"sha256.txt\";
fn main(block: [bool; 512] from A, state: [bool; 256] from A) -> [bool; 256] {
    reveal(sha256(block, state))
}";
    let p = checked(text, vec![file]);
    let mut block = b"abc\x80".to_vec();
    block.resize(63, 0);
    block.push(24);
    let state = unhex("6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19");
    let got = result(&p, &[], &[vec![reversed_bits(&block)], vec![reversed_bits(&state)]]);
    let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(got[0], reversed_bits(&unhex(want)));
}

/// What was read and written again means the same.
#[test]
fn written_again() {
    for name in ["adder64.txt", "mult64.txt", "udivide64.txt", "aes_128.txt", "AES-non-expanded.txt", "FP-add.txt"] {
        let Some((_, text)) = shared(name) else { return };
        let file = netlist::bristol::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let again = netlist::bristol::parse(&netlist::bristol::write(&file)).unwrap();
        assert_eq!((&again.inputs, &again.outputs), (&file.inputs, &file.outputs));
        assert!(again.net.ands() <= file.net.ands());
        let mut r = eval::testing::Rng::new(9);
        let inputs: Vec<u64> = (0..file.net.inputs()).map(|_| r.bits()).collect();
        assert_eq!(file.net.eval(&inputs), again.net.eval(&inputs), "{name}");
    }
}

/// Programs written out as one circuit mean what they meant, also after a round through the file.
#[test]
fn programs_written_out() {
    let mut programs = Vec::new();
    mpcc_tests::walk(&root().join("tests/pairs"), "mpc", &mut programs);
    let mut texts: Vec<(String, String)> =
        programs.iter().map(|p| (p.display().to_string(), std::fs::read_to_string(p).unwrap())).collect();
    let own = "party A;
extern circuit fn sbox(x: u8) -> u8 = \"std/aes_sbox.txt\";
fn main<N: size>(x: [i16; N] from A, y: [u8; N] from A, k: i16 from A) -> ([i16; N], u8, i16) {
    let mut q: [i16; N] = [0; N];
    let mut s: u8 = 0;
    for i in 0..N {
        q[i] = x[i] / k + x[i] % k - (x[i] >> 3) + min(x[i], k) * (x[N - 1 - i] << 2);
        s = sbox(s ^ y[i]) / 3;
    }
    (reveal(q), reveal(s), reveal(x.sum()) / 7)
}";
    texts.push(("own".into(), own.into()));
    for (name, text) in texts {
        let p = checked(&text, vec![]);
        let sizes: BTreeMap<String, u64> =
            driver::size_names(&p.program).into_iter().map(|n| (n.clone(), if n == "L" { 3 } else { 5 })).collect();
        let bound = bound(&p, &sizes);
        let lowered = driver::lower(&p, &bound, &driver::Publics::new()).unwrap();
        let file = driver::export(&lowered).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let again = netlist::bristol::parse(&netlist::bristol::write(&file)).unwrap_or_else(|e| panic!("{name}: {e}"));
        for seed in 0..3 {
            let inputs = mpcc_tests::ladder::random_inputs(&p, &bound, seed);
            let main = p.program.f(p.program.main.unwrap());
            let by_name = main.params.iter().zip(&inputs).map(|(q, v)| (q.name.to_string(), v.clone())).collect();
            let want = driver::evaluate(&p, &bound, &by_name, &strings::Table::default()).unwrap();
            // One assignment, on bit 0 of every word.
            let columns = inputs.iter().flatten();
            let words: Vec<u64> = lowered
                .circuit
                .inputs
                .iter()
                .zip(columns)
                .flat_map(|(i, v)| v.iter().flat_map(move |x| (0..i.elem.bits()).map(move |k| (x >> k & 1) as u64)))
                .collect();
            for net in [&file.net, &again.net] {
                let mut bits = net.eval(&words).unwrap().into_iter();
                for (o, want) in lowered.circuit.outputs.iter().zip(&want) {
                    let width = lowered.circuit.ty(o.wire).elem.bits();
                    for v in want {
                        let got = (0..width).fold(0u128, |w, k| w | u128::from(bits.next().unwrap() & 1) << k);
                        assert_eq!(got, *v, "{name}, seed {seed}, {}", o.name);
                    }
                }
            }
        }
    }
}
