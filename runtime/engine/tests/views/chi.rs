//! The statistics of views: columns of what a node saw, and the chances that they are uniform, jointly uniform, or alike.
//!
//! Knows no protocol: a view is a table whose rows are runs.

/// What one node saw in many runs: a row per run, a column per value.
pub struct View {
    /// Name, width in bits, and values by run.
    pub columns: Vec<(String, u32, Vec<u128>)>,
}

/// Chances that honest views give something at least as odd, each with what it is about.
pub type Chances = Vec<(String, f64)>;

impl View {
    pub fn new() -> View {
        View { columns: Vec::new() }
    }

    pub fn push(&mut self, name: impl Into<String>, bits: u32, values: Vec<u128>) {
        if let Some((_, _, first)) = self.columns.first() {
            assert_eq!(first.len(), values.len(), "every run has every value");
        }
        self.columns.push((name.into(), bits, values));
    }

    pub fn runs(&self) -> usize {
        self.columns.first().map_or(0, |c| c.2.len())
    }

    /// Counts of each byte of each column (the last byte of fewer than eight bits has fewer cells).
    fn bytes(&self) -> Vec<(String, Vec<u64>)> {
        let mut out = Vec::new();
        for (name, bits, values) in &self.columns {
            for low in (0..*bits).step_by(8) {
                let width = (*bits - low).min(8);
                let mut counts = vec![0u64; 1 << width];
                values.iter().for_each(|v| counts[(v >> low) as usize & ((1 << width) - 1)] += 1);
                out.push((format!("{name}, bits {low}.."), counts));
            }
        }
        out
    }

    /// Counts of the low bits of all columns together, as many bits each as leave some ten runs to a cell; and, since the
    /// low bits alone may be few, of every two neighbouring columns with four bits or more each.
    fn joint(&self) -> Vec<(String, Vec<u64>)> {
        let fits = (self.runs() as f64 / 10.0).log2() as u32;
        let mut out = Vec::new();
        let mut count = |what: String, columns: &[(String, u32, Vec<u128>)]| {
            let each = fits / columns.len() as u32;
            assert!(each > 0, "{what}: too many columns for so few runs");
            let widths: Vec<u32> = columns.iter().map(|c| c.1.min(each)).collect();
            let mut counts = vec![0u64; 1 << widths.iter().sum::<u32>()];
            for run in 0..columns[0].2.len() {
                let cell = columns
                    .iter()
                    .zip(&widths)
                    .fold(0usize, |cell, (c, w)| cell << w | (c.2[run] as usize & ((1 << w) - 1)));
                counts[cell] += 1;
            }
            out.push((what, counts));
        };
        if self.columns.len() > 1 {
            count("all columns together".into(), &self.columns);
        }
        for pair in self.columns.windows(2) {
            count(format!("{} with {}", pair[0].0, pair[1].0), pair);
        }
        out
    }

    /// Whether every value alone, and all together, are uniform.
    pub fn uniform(&self, who: &str) -> Chances {
        let mut out = Vec::new();
        for (what, counts) in self.bytes() {
            let width = counts.len().trailing_zeros();
            for bit in 0..width {
                let ones: u64 = counts.iter().enumerate().filter(|(v, _)| v >> bit & 1 == 1).map(|(_, c)| c).sum();
                out.push((format!("{who}: {what}{bit}"), even(&[self.runs() as u64 - ones, ones])));
            }
            out.push((format!("{who}: {what}"), even(&counts)));
        }
        out.extend(self.joint().into_iter().map(|(what, counts)| (format!("{who}: {what}"), even(&counts))));
        out
    }

    /// Whether two views, of runs on different inputs, are alike.
    pub fn alike(&self, other: &View, who: &str) -> Chances {
        let (mine, theirs) = (self.bytes(), other.bytes());
        let all = mine.into_iter().chain(self.joint()).zip(theirs.into_iter().chain(other.joint()));
        all.map(|((what, a), (_, b))| (format!("{who}, two inputs: {what}"), same(&a, &b))).collect()
    }
}

/// Whether all of these are likely; by Bonferroni, as one statement at one in a million. Else which is least so.
pub fn judge(chances: &Chances) -> Result<(), String> {
    assert!(chances.len() > 3, "something was tested");
    let least = chances.iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("there are some");
    let bound = 1e-6 / chances.len() as f64;
    if least.1 > bound { Ok(()) } else { Err(format!("{}: p = {:e}, below {bound:e}", least.0, least.1)) }
}

/// Chance of counts as uneven as these, if all cells are equally likely.
pub fn even(counts: &[u64]) -> f64 {
    let mean = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    let chi = counts.iter().map(|c| (*c as f64 - mean).powi(2) / mean).sum();
    upper(counts.len() as f64 - 1.0, chi)
}

/// Chance of two lists of counts as different as these, if both are drawn alike.
pub fn same(a: &[u64], b: &[u64]) -> f64 {
    let (na, nb) = (a.iter().sum::<u64>() as f64, b.iter().sum::<u64>() as f64);
    let (mut chi, mut cells) = (0.0, 0);
    for (a, b) in a.iter().zip(b) {
        let both = (a + b) as f64;
        if both > 0.0 {
            cells += 1;
            chi += ((nb / na).sqrt() * *a as f64 - (na / nb).sqrt() * *b as f64).powi(2) / both;
        }
    }
    upper((cells - 1).max(1) as f64, chi)
}

/// Chance that chi-square with so many degrees of freedom is at least `chi`: the regularised upper incomplete gamma
/// function, by its series below the mean and by Lentz's continued fraction above (Abramowitz and Stegun 6.5.29, 6.5.31).
pub fn upper(freedom: f64, chi: f64) -> f64 {
    let (a, x) = (freedom / 2.0, chi / 2.0);
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-15 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return (1.0 - front * sum).max(0.0);
    }
    let mut b = x + 1.0 - a;
    let mut c = f64::MAX;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..100_000 {
        let an = -f64::from(i) * (f64::from(i) - a);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-14 {
            break;
        }
    }
    front * h
}

/// Stirling's series, after shifting the argument up.
fn ln_gamma(x: f64) -> f64 {
    let (mut shift, mut z) = (0.0, x);
    while z < 10.0 {
        shift += z.ln();
        z += 1.0;
    }
    let r = 1.0 / (z * z);
    (z - 0.5) * z.ln() - z + 0.918_938_533_204_672_7 + (1.0 / 12.0 - r * (1.0 / 360.0 - r / 1260.0)) / z - shift
}

#[test]
fn chances_are_those_of_the_tables() {
    // Upper quantiles of chi-square at 5 %, 1 %, and 0.1 %.
    for (freedom, chi, p) in [
        (1.0, 3.841_459, 0.05),
        (1.0, 10.827_566, 0.001),
        (10.0, 23.209_251, 0.01),
        (100.0, 124.342_113, 0.05),
        (255.0, 330.519_744, 0.001),
    ] {
        let got = upper(freedom, chi);
        assert!((got / p - 1.0).abs() < 1e-3, "{freedom} {chi}: {got}");
    }
    assert!(upper(1.0, 100.0) < 1e-20);
    assert!((upper(8191.0, 8191.0) - 0.497).abs() < 1e-3);
    assert_eq!(even(&[5000, 5000]), 1.0);
    assert!(even(&[5300, 4700]) < 1e-6);
    assert!(same(&[500, 500, 500], &[520, 490, 490]) > 0.3);
    assert!(same(&[500, 500, 500], &[700, 400, 400]) < 1e-6);
}
