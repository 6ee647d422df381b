//! Formatting keeps what a program means: the tree is the same before and after, every comment is still there, and
//! formatting again changes nothing. Over the repository's programs, those on pages, and generated ones.

use diag::{Diags, FileId};
use mpcc_tests::{blocks, markdown_files, root, walk};

fn tree(text: &str) -> String {
    let mut diags = Diags::new();
    let m = syntax::parse(FileId(0), text, &mut diags);
    assert!(!diags.has_errors(), "{diags:?}\n{text}");
    style::print(&m)
}

/// The text in style, if it is a program; what is wrong, in words.
fn held(text: &str) -> Result<Option<String>, String> {
    let mut diags = Diags::new();
    let once = match style::format(FileId(0), text, &mut diags) {
        Ok(once) => once,
        Err(style::FormatError::Program) => return Ok(None),
        Err(e) => return Err(format!("{e:?}\n{text}")),
    };
    if tree(&once) != tree(text) {
        return Err(format!("another tree:\n{text}\n{once}"));
    }
    match style::format(FileId(0), &once, &mut diags) {
        Ok(twice) if twice == once => Ok(Some(once)),
        Ok(twice) => Err(format!("not stable:\n{text}\n--- once\n{once}\n--- twice\n{twice}")),
        Err(e) => Err(format!("{e:?} the second time\n{once}")),
    }
}

/// The repository's programs.
fn programs() -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for dir in ["examples", "stdlib", "tests"] {
        walk(&root().join(dir), "mpc", &mut files);
    }
    assert!(files.len() > 30, "the walk finds the programs");
    files
}

/// Programs on pages: wrong ones too, as far as they are programs at all.
fn pages() -> Vec<String> {
    let mut files = markdown_files();
    walk(&root().join("compiler/diag/explain"), "md", &mut files);
    let mut out = Vec::new();
    for file in files {
        let page = std::fs::read_to_string(&file).unwrap();
        out.extend(blocks(&page).into_iter().filter(|b| b.info.starts_with("mpc")).map(|b| b.text));
    }
    assert!(out.len() > 100, "the walk finds the pages");
    out
}

#[test]
fn the_repository_is_in_style() {
    let mut wrong = Vec::new();
    for file in programs() {
        let text = std::fs::read_to_string(&file).unwrap();
        match held(&text) {
            Ok(Some(new)) if new == text => {}
            Ok(Some(_)) => wrong.push(format!("{} is not in style: `mpcc fmt` puts it so", file.display())),
            Ok(None) => wrong.push(format!("{} does not parse", file.display())),
            Err(e) => wrong.push(format!("{}: {e}", file.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn programs_on_pages_keep_their_meaning() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for text in pages() {
        match held(&text) {
            Ok(found) => seen += usize::from(found.is_some()),
            Err(e) => wrong.push(e),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 100, "most programs on pages parse");
}

#[test]
fn generated_programs_keep_their_meaning() {
    let mut wrong = Vec::new();
    for seed in 0..2000 {
        match held(&eval::testing::program(seed).source) {
            Ok(found) => assert!(found.is_some(), "seed {seed} parses"),
            Err(e) => wrong.push(format!("seed {seed}: {e}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ; the shortest: {}",
        wrong.len(),
        wrong.iter().min_by_key(|w| w.len()).unwrap()
    );
}
