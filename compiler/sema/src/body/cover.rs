//! Which values patterns cover: whether an arm is ever reached, and whether a value is left out.
//!
//! Follows Maranget, Warnings for pattern matching (JFP 2007), section 3: a row of patterns is useful after others if some
//! value fits it and none of them; what is left out is a value for which a row of wild cards is useful. Numbers are cut into
//! the stretches that the patterns tell apart. Knows no syntax and no types but their spaces of values.

use std::slice::from_ref;

/// The values of a type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Space {
    /// From, to, and whether they are truth values.
    Numbers(i128, i128, bool),
    /// Variants with what they carry; a struct or tuple has one.
    Cases(Vec<(String, Vec<Space>)>),
    /// Too many to look at: wild cards alone cover them.
    Open,
}

/// What a pattern covers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Case {
    Any,
    /// Numbers from, to.
    Range(i128, i128),
    /// Variant and its parts.
    Parts(usize, Vec<Case>),
    /// Any of these; none: nothing for certain.
    Or(Vec<Case>),
}

/// Work after which the search gives up and calls a pattern useful and a match complete.
const MAX_WORK: u32 = 100_000;

/// Whether some value fits `case` and none of `before`.
pub(super) fn useful(space: &Space, before: &[Case], case: &Case) -> bool {
    let rows: Vec<Vec<Case>> = before.iter().map(|c| vec![c.clone()]).collect();
    let mut work = MAX_WORK;
    search(from_ref(space), &rows, from_ref(case), &mut work).is_none_or(|w| w.is_some())
}

/// A value that none of `cases` covers, as it would be written.
pub(super) fn missing(space: &Space, cases: &[Case]) -> Option<String> {
    let rows: Vec<Vec<Case>> = cases.iter().map(|c| vec![c.clone()]).collect();
    let mut work = MAX_WORK;
    search(from_ref(space), &rows, &[Case::Any], &mut work)?.map(|w| w.join(", "))
}

/// A value that fits `row` and none of `rows`, part by part; the outer `None` is that of too much work.
fn search(spaces: &[Space], rows: &[Vec<Case>], row: &[Case], work: &mut u32) -> Option<Option<Vec<String>>> {
    *work = work.checked_sub(1 + rows.len() as u32)?;
    let Some((space, rest)) = spaces.split_first() else {
        return Some(rows.is_empty().then(Vec::new));
    };
    if let Case::Or(list) = &row[0] {
        for c in list {
            let mut one = row.to_vec();
            one[0] = c.clone();
            if let Some(w) = search(spaces, rows, &one, work)? {
                return Some(Some(w));
            }
        }
        return Some(None);
    }
    // A pattern of several is a row for each.
    if rows.iter().any(|r| matches!(r[0], Case::Or(_))) {
        let mut flat = Vec::new();
        for r in rows {
            match &r[0] {
                Case::Or(list) => flat.extend(list.iter().map(|c| {
                    let mut one = r.clone();
                    one[0] = c.clone();
                    one
                })),
                _ => flat.push(r.clone()),
            }
        }
        return search(spaces, &flat, row, work);
    }
    match space {
        Space::Open => {
            if !matches!(row[0], Case::Any) {
                return Some(Some(vec!["_".into(); row.len()]));
            }
            let left: Vec<Vec<Case>> = rows.iter().filter(|r| r[0] == Case::Any).map(|r| r[1..].to_vec()).collect();
            Some(search(rest, &left, &row[1..], work)?.map(|w| with("_".into(), w)))
        }
        Space::Numbers(lo, hi, truth) => {
            let (from, to) = match row[0] {
                Case::Range(a, b) => (a.max(*lo), b.min(*hi)),
                _ => (*lo, *hi),
            };
            // Where any pattern begins, or is past its end.
            let mut cuts = vec![from];
            for r in rows {
                if let Case::Range(a, b) = r[0] {
                    cuts.extend([Some(a), b.checked_add(1)].into_iter().flatten().filter(|c| *c > from && *c <= to));
                }
            }
            cuts.sort_unstable();
            cuts.dedup();
            for (k, cut) in cuts.iter().enumerate() {
                if *cut > to {
                    break;
                }
                let end = cuts.get(k + 1).map_or(to, |n| n - 1);
                let fits = |c: &Case| match c {
                    Case::Range(a, b) => a <= cut && end <= *b,
                    _ => true,
                };
                let left: Vec<Vec<Case>> = rows.iter().filter(|r| fits(&r[0])).map(|r| r[1..].to_vec()).collect();
                if let Some(w) = search(rest, &left, &row[1..], work)? {
                    let text = match (truth, *cut == end) {
                        (false, _) if (*cut, end) == (*lo, *hi) => "_".into(),
                        (true, _) => (*cut != 0).to_string(),
                        (false, true) => cut.to_string(),
                        (false, false) => format!("{cut}..={end}"),
                    };
                    return Some(Some(with(text, w)));
                }
            }
            Some(None)
        }
        Space::Cases(list) => {
            for (k, (name, parts)) in list.iter().enumerate() {
                let open = |c: &Case| -> Option<Vec<Case>> {
                    match c {
                        Case::Parts(j, cs) if *j == k => Some(cs.clone()),
                        Case::Parts(..) => None,
                        _ => Some(vec![Case::Any; parts.len()]),
                    }
                };
                let Some(mut own) = open(&row[0]) else { continue };
                own.extend_from_slice(&row[1..]);
                let mut left = Vec::new();
                for r in rows {
                    if let Some(mut c) = open(&r[0]) {
                        c.extend_from_slice(&r[1..]);
                        left.push(c);
                    }
                }
                let mut all = parts.clone();
                all.extend_from_slice(rest);
                if let Some(w) = search(&all, &left, &own, work)? {
                    let (mine, others) = w.split_at(parts.len());
                    let inside = mine.join(", ");
                    let text = match (name.is_empty(), mine.is_empty()) {
                        (true, _) => format!("({inside})"),
                        (false, true) => name.clone(),
                        (false, false) => format!("{name}({inside})"),
                    };
                    return Some(Some(with(text, others.to_vec())));
                }
            }
            Some(None)
        }
    }
}

fn with(first: String, rest: Vec<String>) -> Vec<String> {
    std::iter::once(first).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option() -> Space {
        Space::Cases(vec![("O::None".into(), vec![]), ("O::Some".into(), vec![Space::Numbers(0, 255, false)])])
    }

    #[test]
    fn numbers_are_cut_where_patterns_tell_them_apart() {
        let space = Space::Numbers(0, 255, false);
        let below = Case::Range(0, 9);
        assert_eq!(missing(&space, std::slice::from_ref(&below)), Some("10..=255".into()));
        assert_eq!(missing(&space, &[below.clone(), Case::Range(11, 255)]), Some("10".into()));
        assert_eq!(missing(&space, &[below.clone(), Case::Range(10, 255)]), None);
        assert!(!useful(&space, &[Case::Range(0, 20)], &below));
        assert!(useful(&space, &[Case::Range(1, 20)], &below));
    }

    #[test]
    fn a_variant_left_out_is_named_with_what_it_carries() {
        let none = Case::Parts(0, vec![]);
        let some = |c| Case::Parts(1, vec![c]);
        assert_eq!(missing(&option(), std::slice::from_ref(&none)), Some("O::Some(_)".into()));
        assert_eq!(missing(&option(), &[some(Case::Any)]), Some("O::None".into()));
        assert_eq!(missing(&option(), &[none.clone(), some(Case::Any)]), None);
        let two = Space::Cases(vec![(String::new(), vec![option(), Space::Numbers(0, 1, true)])]);
        let pair = |a: &Case, b: Case| Case::Parts(0, vec![a.clone(), b]);
        let rows = [pair(&none, Case::Any), pair(&some(Case::Any), Case::Range(1, 1))];
        assert_eq!(missing(&two, &rows), Some("(O::Some(_), false)".into()));
        assert!(!useful(&two, &rows, &pair(&none, Case::Range(0, 0))));
    }

    #[test]
    fn alternatives_cover_together() {
        let space = Space::Numbers(0, 1, true);
        let both = Case::Or(vec![Case::Range(0, 0), Case::Range(1, 1)]);
        assert_eq!(missing(&space, std::slice::from_ref(&both)), None);
        assert!(!useful(&space, &[both], &Case::Any));
        assert_eq!(missing(&Space::Open, &[Case::Range(0, 5)]), Some("_".into()));
    }

    #[test]
    fn a_pattern_of_what_has_no_known_values_is_useful_beside_others() {
        let two = Space::Cases(vec![(String::new(), vec![Space::Open, Space::Numbers(0, 1, true)])]);
        let row = |b| Case::Parts(0, vec![Case::Range(1, 1), b]);
        assert!(useful(&two, &[row(Case::Any)], &row(Case::Range(0, 0))));
    }
}
