//! A fuzzer of the front end: mutated programs are accepted, or told what is wrong with them, with a code and a place inside the
//! file; there is no panic, no stack overflow, and no edit that would fall outside the text.
//!
//! Begins with every program of the repository, the pages of the diagnostics, generated ones, and `corpus/`: what failed once.
//! Programs that come to diagnostics which none came to before are mutated further. Deterministic in its seed.
//!
//! `MPCC_FUZZ=SEED,COUNT` runs other mutations, and then also holds each of them to a second and all together to 512 MB. Knows
//! nothing of the language but its words.

mod mutate;

use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eval::testing::Rng;
use mpcc_tests::{blocks, check, root, walk};

/// Mutations in one run of all tests.
const SMOKE: u64 = 40_000;

/// Longest mutant, in bytes.
const LONGEST: usize = 6_000;

/// The stack that the command gives the compiler.
const STACK: usize = 256 << 20;

/// What one execution may take in a long run.
const HANG: Duration = Duration::from_secs(1);

/// What a long run may take in all, in bytes.
const MEMORY: u64 = 512 << 20;

thread_local! {
    /// What panicked last on this thread, and where.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The programs to begin with.
fn corpus() -> Vec<String> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for dir in ["examples", "stdlib", "tests/pairs"] {
        walk(&root().join(dir), "mpc", &mut paths);
    }
    // Not all of them are programs.
    walk(&root().join("tests/fuzz/corpus"), "txt", &mut paths);
    let mut pages = mpcc_tests::markdown_files();
    walk(&root().join("compiler/diag/explain"), "md", &mut pages);
    let read = |path: PathBuf| std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut out: Vec<String> = paths.into_iter().map(read).collect();
    for page in pages.into_iter().map(read) {
        out.extend(blocks(&page).into_iter().filter(|b| b.info.starts_with("mpc")).map(|b| b.text));
    }
    out.extend((0..200).map(|seed| eval::testing::program(seed).source));
    out.retain(|t| t.len() <= LONGEST);
    out
}

/// Checks a text; what came of it, as the set of its codes.
///
/// # Errors
/// What no text may come to.
fn execute(text: &str) -> Result<Vec<&'static str>, String> {
    let checked =
        catch_unwind(AssertUnwindSafe(|| check(text))).map_err(|_| format!("a panic: {}", PANIC.with(|p| p.take())))?;
    let mut codes = Vec::new();
    for d in checked.diags.iter() {
        let code = d.code.as_str();
        codes.push(code);
        if diag::explain(code).is_none() {
            return Err(format!("{code} has no page"));
        }
        if d.span().is_none() {
            return Err(format!("{code} has no place: {}", d.message));
        }
        let edits = d.helps.iter().flat_map(|h| &h.edits).map(|e| e.span);
        for span in d.labels.iter().map(|l| l.span).chain(edits) {
            let file = checked.sources.text(span.file);
            if file.get(span.lo as usize..span.hi as usize).is_none() {
                return Err(format!("{code} points at {}..{} of {} bytes", span.lo, span.hi, file.len()));
            }
        }
    }
    if !checked.ok() && checked.diags.error_count() == 0 {
        return Err("it is refused, and nothing is said".into());
    }
    codes.sort_unstable();
    codes.dedup();
    Ok(codes)
}

/// A shorter text that fails alike, line by line and then piece by piece.
fn shorter(text: &str) -> String {
    let mut best = text.to_owned();
    for by_line in [true, false] {
        let mut parts: Vec<String> = match by_line {
            true => best.split_inclusive('\n').map(str::to_owned).collect(),
            false => mutate::pieces(&best).into_iter().map(str::to_owned).collect(),
        };
        let mut width = (parts.len() / 2).max(1);
        loop {
            let mut at = 0;
            while at < parts.len() {
                let mut fewer = parts.clone();
                fewer.drain(at..(at + width).min(parts.len()));
                if execute(&fewer.concat()).is_err() {
                    parts = fewer;
                } else {
                    at += width;
                }
            }
            if width == 1 {
                break;
            }
            width /= 2;
        }
        best = parts.concat();
    }
    best
}

/// What one thread is at: the number of its execution, and when that began, in milliseconds.
#[derive(Default)]
struct Pulse {
    number: AtomicU64,
    since: AtomicU64,
}

/// Runs `count` mutants; failures, shortened, and the longest that one took.
fn run(seed: u64, count: u64, start: Instant, pulse: &Pulse) -> (Vec<String>, Duration) {
    let mut pool = corpus();
    let words = mutate::words(&pool);
    let mut known: HashSet<Vec<&'static str>> = HashSet::new();
    let mut failures = Vec::new();
    for text in &pool {
        match execute(text) {
            Ok(codes) => {
                known.insert(codes);
            }
            Err(what) => failures.push(format!("{what}\n{text}")),
        }
    }
    let mut rng = Rng::new(seed);
    let mut longest = Duration::ZERO;
    for number in 0..count {
        let text = mutate::mutant(&mut rng, &pool, &words, LONGEST);
        pulse.since.store(start.elapsed().as_millis() as u64, Ordering::Relaxed);
        pulse.number.store(number + 1, Ordering::Relaxed);
        let before = Instant::now();
        let end = execute(&text);
        longest = longest.max(before.elapsed());
        match end {
            Ok(codes) => {
                if known.insert(codes) {
                    pool.push(text);
                }
            }
            Err(what) => {
                failures.push(format!("seed {seed}, mutant {number}: {what}\n{}", shorter(&text)));
                if failures.len() == 10 {
                    break;
                }
            }
        }
    }
    pulse.number.store(0, Ordering::Relaxed);
    (failures, longest)
}

/// The most memory that this process has had, in bytes; Linux says.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|k| k << 10)
}

#[test]
fn whatever_is_written_is_accepted_or_told_what_is_wrong_with_it() {
    let asked = std::env::var("MPCC_FUZZ").ok();
    let parsed = asked.as_deref().map(|s| {
        let (seed, count) = s.split_once(',').expect("MPCC_FUZZ is SEED,COUNT");
        (seed.parse().expect("a seed"), count.parse().expect("a count"))
    });
    let (seed, count) = parsed.unwrap_or((1u64, SMOKE));
    std::panic::set_hook(Box::new(|info| PANIC.with(|p| p.replace(info.to_string()).clear())));
    let start = Instant::now();
    let pulses: [Arc<Pulse>; 2] = Default::default();
    let threads: Vec<_> = pulses
        .iter()
        .enumerate()
        .map(|(k, pulse)| {
            let pulse = pulse.clone();
            let work = move || run(seed * 2 + k as u64, count / 2, start, &pulse);
            std::thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread")
        })
        .collect();
    while asked.is_some() && threads.iter().any(|t| !t.is_finished()) {
        std::thread::sleep(Duration::from_millis(50));
        for (k, pulse) in pulses.iter().enumerate() {
            let (number, since) = (pulse.number.load(Ordering::Relaxed), pulse.since.load(Ordering::Relaxed));
            if number > 0 && start.elapsed().as_millis() as u64 > since + HANG.as_millis() as u64 {
                eprintln!("seed {}: mutant {} takes longer than {HANG:?}", seed * 2 + k as u64, number - 1);
                std::process::exit(1);
            }
        }
    }
    let ends: Vec<_> = threads.into_iter().map(|t| t.join().expect("a fuzzer ends")).collect();
    let _ = std::panic::take_hook();
    let longest = ends.iter().map(|e| e.1).max().unwrap_or_default();
    let failures: Vec<&String> = ends.iter().flat_map(|e| &e.0).collect();
    println!("{count} mutants in {:?}, the slowest in {longest:?}, peak memory {:?}", start.elapsed(), peak());
    assert!(
        failures.is_empty(),
        "{} failures; the shortest:\n{}",
        failures.len(),
        failures.iter().min_by_key(|f| f.len()).unwrap()
    );
    if asked.is_some() {
        assert!(peak().is_none_or(|p| p <= MEMORY), "{:?} bytes", peak());
    }
}
