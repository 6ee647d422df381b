//! "Did you mean": the nearest of some names. Knows nothing of what the names stand for.

/// The candidate nearest to `name` by edits (insert, delete, replace, swap of neighbours), if it is near enough: at most
/// a third of the length of `name`, at least one edit. Ties go to the first. O(len^2) for each candidate of like length.
pub fn suggest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let a: Vec<char> = name.chars().take(65).collect();
    if a.is_empty() || a.len() > 64 {
        return None;
    }
    let limit = (a.len() / 3).max(1);
    let mut best: Option<(usize, &'c str)> = None;
    for c in candidates {
        if c == name {
            continue;
        }
        let b: Vec<char> = c.chars().take(66).collect();
        if b.len().abs_diff(a.len()) > limit {
            continue;
        }
        let mut d = distance(&a, &b);
        if c.eq_ignore_ascii_case(name) {
            d = d.min(1);
        }
        // A one-letter name is one edit away from every other: say nothing then, unless case is all that differs.
        let senseless = d >= a.len().max(b.len());
        if d <= limit && !senseless && best.is_none_or(|(bd, _)| d < bd) {
            best = Some((d, c));
        }
    }
    best.map(|(_, c)| c)
}

/// Damerau–Levenshtein distance (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut row = last.clone();
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let subst = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = subst.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(a: &str, b: &str) -> usize {
        distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
    }

    #[test]
    fn distances() {
        assert_eq!(d("", "abc"), 3);
        assert_eq!(d("abc", ""), 3);
        assert_eq!(d("salary", "salray"), 1);
        assert_eq!(d("kitten", "sitting"), 3);
        assert_eq!(d("same", "same"), 0);
    }

    #[test]
    fn near_names_only() {
        let c = ["salary", "count", "reveal", "x"];
        assert_eq!(suggest("salray", c), Some("salary"));
        assert_eq!(suggest("reveel", c), Some("reveal"));
        assert_eq!(suggest("Count", c), Some("count"));
        assert_eq!(suggest("y", c), None);
        assert_eq!(suggest("zebra", c), None);
        assert_eq!(suggest("", c), None);
        assert_eq!(suggest(&"a".repeat(10_000), c), None);
    }
}
