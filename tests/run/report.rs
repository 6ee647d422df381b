//! `run --report`: a page that stands alone, whose figures are those of the run, and that runs nothing but its own script.
//! In a browser, where there is one.

use crate::support::{folder, said};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs with a report; the page and what stdout said.
fn reported(args: &[&str], dir: &Path) -> (String, Value) {
    let path = dir.join("out.html");
    let mut all = vec!["run"];
    all.extend(args);
    let file = path.to_str().unwrap();
    all.extend(["--stats", "--format", "json", "--report", file]);
    let (code, stdout, stderr) = said(&all);
    assert_eq!(code, 0, "{all:?}: {stderr}");
    let left: Vec<_> = std::fs::read_dir(dir).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["out.html"], "nothing but the page is left");
    (std::fs::read_to_string(&path).unwrap(), serde_json::from_str(&stdout).unwrap())
}

/// The data in a page.
fn data(page: &str) -> Value {
    let start = "<script type=\"application/json\" id=\"data\">";
    let at = page.find(start).expect("the page holds its data") + start.len();
    let end = at + page[at..].find("</script>").unwrap();
    serde_json::from_str(&page[at..end]).unwrap()
}

/// What a path of the page means in its data: keys and indices joined by dots, or the sum of a list.
fn at(data: &Value, path: &str) -> f64 {
    let (sum, path) = match path.strip_prefix("sum ") {
        Some(rest) => (true, rest),
        None => (false, path),
    };
    let value = path.split('.').fold(data, |v, part| match part.parse::<usize>() {
        Ok(k) if v.is_array() => &v[k],
        _ => &v[part],
    });
    match value {
        Value::Array(list) if sum => list.iter().map(|v| v.as_f64().unwrap()).sum(),
        v => v.as_f64().unwrap_or_else(|| panic!("{path}: {v}")),
    }
}

/// All figures of a page are equal to its data, and there are many.
fn figures_hold(page: &str, least: usize) {
    let data = data(page);
    let mut seen = 0;
    for piece in page.split("<data data-path=\"").skip(1) {
        let (path, rest) = piece.split_once("\" value=\"").unwrap();
        let (value, rest) = rest.split_once("\">").unwrap();
        let text = rest.split("</data>").next().unwrap();
        assert_eq!(value.parse::<f64>().unwrap(), at(&data, path), "{path}");
        // What people read begins with the same digits.
        let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
        let (read, meant) = (digits(text), digits(value));
        if text.contains(',') || !text.contains(['.', 'B']) {
            assert_eq!(read, meant, "{path}: {text}");
        }
        seen += 1;
    }
    assert!(seen >= least, "{seen} figures");
}

#[test]
fn figures_of_a_page_are_those_of_the_run() {
    for tcp in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut args = vec!["examples/exposure"];
        args.extend(tcp.then_some("--tcp"));
        let (page, stdout) = reported(&args, dir.path());
        let data = data(&page);
        assert_eq!(data["stats"], stdout["stats"]);
        figures_hold(&page, 60);
        let predicted = &data["stats"]["predicted"];
        assert_eq!(predicted["rounds"], data["stats"]["rounds"]);
        assert_eq!(predicted["bytes_sent"], data["stats"]["bytes_sent"]);
        assert_eq!(predicted["exact"], true);
        // Lines cost what all cost together.
        let sum = |v: &Value, key: &str| v.as_array().unwrap().iter().map(|l| l[key].as_u64().unwrap()).sum::<u64>();
        let sent: u64 = data["stats"]["bytes_sent"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(sum(&data["lines"], "bytes"), sent);
        // Timelines hold every round and every byte once, and their times add up to the table's.
        assert_eq!(data["timelines"].as_array().unwrap().len(), 3);
        for (k, line) in data["timelines"].as_array().unwrap().iter().enumerate() {
            let column =
                |i: usize| line["spans"].as_array().unwrap().iter().map(|s| s[i].as_u64().unwrap()).sum::<u64>();
            assert_eq!(column(1), data["stats"]["rounds"].as_u64().unwrap());
            assert_eq!(column(6), data["stats"]["bytes_sent"][k].as_u64().unwrap());
            let times = &data["stats"]["times"][k];
            for (i, name) in [(3, "computing"), (4, "sending"), (5, "waiting")] {
                assert!((column(i) as f64 / 1e9 - times[name].as_f64().unwrap()).abs() < 1e-5, "{name} of {k}");
            }
        }
    }
}

#[test]
fn a_page_asks_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (page, _) = reported(&["examples/salary"], dir.path());
    for word in
        ["http:", "https:", "src=", "href=", "url(", "@import", "fetch(", "XMLHttp", "<link", "style=\"", "onclick"]
    {
        assert!(!page.contains(word), "{word}");
    }
    let head =
        page.find("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-");
    assert!(head.is_some_and(|at| at < page.find("<style>").unwrap()), "the policy comes before what it is about");
    assert!(page.contains("script-src 'sha256-") && !page.contains("unsafe-inline"));
    assert!(page.len() < 300_000);
    // The program and its contract are there, its inputs and outputs are not.
    assert!(page.contains("What do we earn on average") && page.contains("salary: [u64; N]"));
    let outputs = data(&page);
    assert!(outputs.get("outputs").is_none());
}

const HOSTILE: &str =
    "// </script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">
party A, B;
fn main(x: u64 from A, y: u64 from B) -> u64 { reveal(x + y) } // <!-- \"'&amp; ]]>
";

#[test]
fn hostile_text_stays_text() {
    let dir = folder(HOSTILE, &[("A.json", "{\"x\": 1}"), ("B.json", "{\"y\": 2}")]);
    let named = dir.path().join("<b onload=x>&quot;'\u{202e}.mpc");
    std::fs::rename(dir.path().join("main.mpc"), &named).unwrap();
    let out = tempfile::tempdir().unwrap();
    let (page, _) =
        reported(&[named.to_str().unwrap(), "--inputs", dir.path().join("inputs").to_str().unwrap()], out.path());
    assert_eq!(page.matches("<script").count(), 2, "the data and the script");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<b ") && !page.contains("<!--"));
    let visible = &page[..page.find("<script").unwrap()];
    assert!(!visible.contains('\u{202e}') && visible.contains("\\u{202e}"));
    assert!(data(&page)["program"].as_str().unwrap().contains("<b onload=x>"), "data keep the name");
    if let Some(browser) = browser() {
        let dom = browser.dom(&out.path().join("out.html"));
        assert!(!dom.contains("<title>taken"), "a script of the program's text ran");
    }
}

#[test]
fn a_failed_run_leaves_no_page_and_keeps_an_old_one() {
    let dir = folder("party A, B;\nfn main(x: u64 from A) -> u64 { 7 / reveal(x) }\n", &[("A.json", "{\"x\": 0}")]);
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("out.html");
    let run = || said(&["run", dir.path().to_str().unwrap(), "--report", file.to_str().unwrap()]);
    assert_eq!(run().0, 1);
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
    std::fs::write(&file, "an old page").unwrap();
    assert_eq!(run().0, 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "an old page");
    // A place that cannot hold a page is found before anything runs.
    for bad in [out.path().join("none/out.html"), out.path().to_path_buf()] {
        let (code, stdout, stderr) = said(&["run", "examples/salary", "--report", bad.to_str().unwrap()]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains("--report"), "{stderr}");
    }
}

/// A browser of this machine.
struct Browser(PathBuf);

/// The first one in the path; says so if there is none.
fn browser() -> Option<Browser> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).flat_map(|d| names.map(|n| d.join(n))).find(|p| p.is_file());
    if found.is_none() {
        eprintln!("skipped: no Chromium on this machine, pages were checked as text alone");
    }
    found.map(Browser)
}

impl Browser {
    /// The page as the browser has it once its script ran; no word on its console.
    fn dom(&self, page: &Path) -> String {
        let own = tempfile::tempdir().unwrap();
        let log = own.path().join("net.json");
        let out = Command::new(&self.0)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-features=NetworkTimeServiceQuerying", "--disable-domain-reliability", "--no-pings"])
            .args(["--enable-logging=stderr", "--virtual-time-budget=3000", "--window-size=1000,900"])
            .arg(format!("--user-data-dir={}", own.path().join("profile").display()))
            .arg(format!("--log-net-log={}", log.display()))
            .arg("--dump-dom")
            .arg(format!("file://{}", encoded(page)))
            .output()
            .expect("the browser starts");
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{stderr}");
        assert!(!stderr.contains("CONSOLE"), "{stderr}");
        let asked = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(!asked.is_empty(), "the browser tells what it asked for");
        // The browser looks after itself; a page's requests would be for other hosts.
        let own = ["google.com", "googleapis.com", "gvt1.com"];
        for rest in asked.split("\"url\":\"http").skip(1) {
            let host = rest.split('/').nth(2).unwrap_or("");
            assert!(own.iter().any(|o| host.ends_with(o)), "a request over the network: {host}");
        }
        String::from_utf8_lossy(&out.stdout).into_owned()
    }
}

/// A path in a file URL.
fn encoded(path: &Path) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
    let bytes = path.to_str().unwrap().bytes();
    bytes.map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}

#[test]
fn a_browser_draws_the_timeline() {
    let Some(browser) = browser() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (page, _) = reported(&["examples/exposure"], dir.path());
    let dom = browser.dom(&dir.path().join("out.html"));
    figures_hold(&dom, 60);
    assert_eq!(data(&dom), data(&page));
    let timeline = &dom[dom.find("id=\"timeline\"").unwrap()..dom.find("id=\"controls\"").unwrap()];
    assert!(timeline.matches("<rect").count() > 20, "rounds are drawn: {timeline}");
    for class in ["compute", "wait", "mark"] {
        assert!(timeline.contains(&format!("class=\"{class}\"")), "{class}");
    }
    for node in ["node0", "node1", "node2"] {
        assert!(timeline.contains(&format!(">{node}</text>")));
    }
    let picked = &dom[dom.find("id=\"picked\"").unwrap()..];
    assert!(picked.starts_with("id=\"picked\" role=\"status\">node0, round 0: computing "), "{}", &picked[..200]);
}
