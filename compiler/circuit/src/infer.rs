//! Types of results: one set of rules for the builder, the verifier, and whoever rewrites gates.
//!
//! Knows each operation's domains, elements, and lengths. [`infer`] gives symbolic lengths where they follow from the
//! operands; [`check_lens`] is the exact rule on numbers, for verifiers (on samples of the induction variables) and
//! evaluators (always).

use crate::circuit::{Circuit, Level};
use crate::gate::{Bin, Op, Recipient, Red, Un, bin_elem};
use crate::index::{IndexEnv, Len};
use crate::types::{Domain, Elem, WireTy};

/// The least domain that both flow into without a gate, at program level: a clear value may stand where a local or secret
/// one is wanted; a local one must be shared first.
pub fn join(a: Domain, b: Domain) -> Option<Domain> {
    match (a, b) {
        _ if a == b => Some(a),
        (Domain::Clear, Domain::Local(_) | Domain::Secret) => Some(b),
        (Domain::Local(_) | Domain::Secret, Domain::Clear) => Some(a),
        _ => None,
    }
}

/// Whether a value of domain `from` may stand where `to` is wanted (carried wires, arguments, results of branches).
/// Clear flows into local, for its owner knows that too; at program level also into secret.
pub fn flows(level: &Level, from: Domain, to: Domain) -> bool {
    from == to
        || matches!((from, to), (Domain::Clear, Domain::Local(_)))
        || (*level == Level::Program && join(from, to) == Some(to))
}

fn joined(args: &[&WireTy]) -> Result<Domain, String> {
    let mut d = Domain::Clear;
    for a in args {
        d = join(d, a.domain)
            .ok_or_else(|| format!("operands are {} and {}; share the local one first", show(d), show(a.domain)))?;
    }
    Ok(d)
}

pub(crate) fn show(d: Domain) -> String {
    match d {
        Domain::Clear => "clear".into(),
        Domain::Local(p) => format!("local to party {}", p.0),
        Domain::Secret => "secret".into(),
        Domain::Arith { ring } => format!("arith{ring}"),
        Domain::Bits { planes } => format!("bits{planes}"),
    }
}

fn quotient(len: &Len, by: &Len) -> Option<Len> {
    match (len, by) {
        (Len::Const(n), Len::Const(g)) if *g > 0 && n % g == 0 => Some(Len::Const(n / g)),
        (Len::Mul(a, b), _) if **b == *by => Some((**a).clone()),
        (Len::Mul(a, b), _) if **a == *by => Some((**b).clone()),
        (_, Len::Const(1)) => Some(len.clone()),
        _ if len == by => Some(Len::ONE),
        _ => None,
    }
}

/// Types of the results of an operation on operands of these types. `want` has the types that the results shall have (or
/// is empty): what the operands leave open is taken from it: elements of constants, casts, counts and `at` blocks; domains of
/// `lift`, `in.share` and deals; lengths that no symbolic rule gives; at gate level, elements of shared wires, which only
/// say what the bits mean.
///
/// # Errors
/// Says what is wrong, or that `want` is needed.
pub fn infer(c: &Circuit, op: &Op, args: &[&WireTy], want: &[WireTy]) -> Result<Vec<WireTy>, String> {
    let gates = c.level != Level::Program;
    let arity = |n: usize| {
        if args.len() == n { Ok(()) } else { Err(format!("takes {n} operands, has {}", args.len())) }
    };
    let elem = |default: Option<Elem>| {
        want.first().map(|t| t.elem).or(default).ok_or("the result's element is not given".to_string())
    };
    let domain = || want.first().map(|t| t.domain).ok_or("the result's domain is not given".to_string());
    let len = |default: Option<Len>| {
        default.or_else(|| want.first().map(|t| t.len.clone())).ok_or("the result's length is not given".to_string())
    };
    let space_len = |s: crate::SpaceId| -> Result<Option<Len>, String> {
        let space = c.spaces.get(s.0 as usize).ok_or("a space that the circuit does not have")?;
        if space.mentions_vars() {
            return Ok(want.first().map(|t| t.len.clone()));
        }
        space.count(&IndexEnv::default()).map(|n| Some(Len::Const(n))).map_err(|e| e.to_string())
    };
    let one = |domain, elem, len| Ok(vec![WireTy { domain, elem, len }]);
    let int = |e: Elem| {
        if matches!(e, Elem::Int { .. }) { Ok(()) } else { Err("operands must be integers".to_string()) }
    };
    let only = |program: bool| {
        if program == gates { Err(format!("{} is not of this level", op.name())) } else { Ok(()) }
    };
    let same_elem = |args: &[&WireTy]| {
        if args.windows(2).all(|w| w[0].elem == w[1].elem) {
            Ok(())
        } else {
            Err("operands differ in element".to_string())
        }
    };
    // Operations that act on clear values alone at gate level.
    let domain_of = |args: &[&WireTy]| -> Result<Domain, String> {
        if !gates {
            return joined(args);
        }
        match args.iter().find(|a| a.domain != Domain::Clear) {
            Some(a) => Err(format!("takes clear operands at this level, has {}", show(a.domain))),
            None => Ok(Domain::Clear),
        }
    };
    // Operations that move lanes.
    let moved = |args: &[&WireTy]| -> Result<Domain, String> {
        // What is clear moves with what a party owns; shared forms must be alike.
        if !gates || !args.iter().any(|a| shared_form(a.domain)) {
            return joined(args);
        }
        if args.windows(2).all(|w| w[0].domain == w[1].domain) {
            Ok(args.first().map_or(Domain::Clear, |a| a.domain))
        } else {
            Err("operands differ in domain".into())
        }
    };
    // At gate level the element of a shared wire is a note.
    let moved_elem = |args: &[&WireTy], d: Domain| {
        if shared_form(d) {
            return elem(args.first().map(|a| a.elem));
        }
        same_elem(args)?;
        args.first().map(|a| a.elem).ok_or("takes operands".to_string())
    };
    let clear = |a: &WireTy, what: &str| {
        if a.domain == Domain::Clear { Ok(()) } else { Err(format!("{what} must be clear")) }
    };
    let ring = |a: &WireTy| match a.domain {
        Domain::Arith { ring } => Ok(ring),
        d => Err(format!("takes an arith operand, has {}", show(d))),
    };
    let planes = |a: &WireTy| match a.domain {
        Domain::Bits { planes } => Ok(planes),
        d => Err(format!("takes a bits operand, has {}", show(d))),
    };
    let shared = || match domain()? {
        d @ (Domain::Arith { .. } | Domain::Bits { .. }) => Ok(d),
        d => Err(format!("the result must be shared, is {}", show(d))),
    };
    let fits = |v: u128, e: Elem| {
        if v & !e.mask() == 0 { Ok(()) } else { Err("a number that its element cannot hold".to_string()) }
    };

    match op {
        Op::Const(v) => {
            arity(0)?;
            let e = elem(None)?;
            fits(*v, e)?;
            one(Domain::Clear, e, len(None)?)
        }
        Op::Table(t) => {
            arity(0)?;
            let e = elem(None)?;
            t.iter().try_for_each(|v| fits(*v, e))?;
            one(Domain::Clear, e, Len::Const(t.len() as u64))
        }
        Op::Iota { space, .. } => {
            arity(0)?;
            one(Domain::Clear, elem(None)?, len(space_len(*space)?)?)
        }
        Op::Input(k) => {
            arity(0)?;
            let i = c.inputs.get(*k as usize).ok_or("an input that the circuit does not have")?;
            one(i.domain(&c.level), i.elem, Len::Const(i.lanes))
        }
        Op::At { party, block } => {
            let b = c.blocks.get(*block as usize).ok_or("a block that the circuit does not have")?;
            if b.party != *party {
                return Err("a block of another party".into());
            }
            for a in args {
                if a.domain != Domain::Clear && a.domain != Domain::Local(*party) {
                    return Err(format!("an at block sees clear values and its party's, not {}", show(a.domain)));
                }
            }
            Ok(want.iter().map(|t| WireTy { domain: Domain::Local(*party), ..t.clone() }).collect())
        }
        Op::Random(_) => {
            arity(0)?;
            let domain = if gates { shared()? } else { Domain::Secret };
            one(domain, elem(None)?, want.first().map(|t| t.len.clone()).ok_or("gives a result of known length")?)
        }
        Op::Share(_) => {
            only(true)?;
            arity(1)?;
            match args[0].domain {
                Domain::Local(_) => {
                    let (from, to) = (args[0].elem, elem(Some(args[0].elem))?);
                    let kind = (from == Elem::Bool) == (to == Elem::Bool);
                    if !kind || to.bits() > from.bits() {
                        return Err(format!("shares a wire of {from} as {to}"));
                    }
                    one(Domain::Secret, to, args[0].len.clone())
                }
                d => Err(format!("shares a local wire, not {}", show(d))),
            }
        }
        Op::Reveal { to, .. } => {
            only(true)?;
            arity(1)?;
            match args[0].domain {
                Domain::Secret => one(recipient(c, *to)?, args[0].elem, args[0].len.clone()),
                d => Err(format!("reveals a secret wire, not {}", show(d))),
            }
        }
        Op::Un(un) => {
            arity(1)?;
            let d = domain_of(args)?;
            let e = match un {
                Un::Cast => elem(None)?,
                Un::Neg => {
                    int(args[0].elem)?;
                    args[0].elem
                }
                Un::Not => args[0].elem,
                Un::Trunc(k) => match args[0].elem {
                    e @ Elem::Int { signed: true, bits } if *k < bits => e,
                    e => return Err(format!("{e} by {k} places")),
                },
            };
            one(d, e, args[0].len.clone())
        }
        Op::Bin(op @ (Bin::Shl | Bin::Shr)) => {
            arity(2)?;
            int(args[0].elem).and(int(args[1].elem))?;
            clear(args[1], "a shift amount")?;
            one(domain_of(&args[..1])?, bin_elem(*op, args[0].elem), args[0].len.clone())
        }
        Op::Bin(op) => {
            arity(2)?;
            same_elem(args)?;
            if matches!(op, Bin::Add | Bin::Sub | Bin::Mul | Bin::Div | Bin::Rem) {
                int(args[0].elem)?;
            }
            one(domain_of(args)?, bin_elem(*op, args[0].elem), args[0].len.clone())
        }
        Op::Select => {
            arity(3)?;
            if args[0].elem != Elem::Bool {
                return Err("the condition must be bool".into());
            }
            same_elem(&args[1..])?;
            one(domain_of(args)?, args[1].elem, args[1].len.clone())
        }
        Op::Net(k) => {
            let t = c.nets.get(*k as usize).ok_or("a net that the circuit does not have")?;
            let bits = |e: &[Elem]| e.iter().map(|e| usize::from(e.bits())).sum::<usize>();
            if bits(&t.inputs) != t.net.inputs() || bits(&t.outputs) != t.net.outputs.len() {
                return Err("a net whose elements have not as many bits as its gates".into());
            }
            arity(t.inputs.len())?;
            if args.iter().zip(&t.inputs).any(|(a, e)| a.elem != *e) {
                return Err("operands of other elements than the net's".into());
            }
            let (d, l) = (domain_of(args)?, len(args.first().map(|a| a.len.clone()))?);
            Ok(t.outputs.iter().map(|e| WireTy { domain: d, elem: *e, len: l.clone() }).collect())
        }
        Op::Gather { space, .. } => {
            arity(1)?;
            let d = moved(args)?;
            one(d, moved_elem(args, d)?, len(space_len(*space)?)?)
        }
        Op::Scatter { .. } => {
            arity(2)?;
            let d = moved(args)?;
            one(d, moved_elem(args, d)?, args[0].len.clone())
        }
        Op::GatherAt => {
            arity(2)?;
            clear(args[1], "indices")?;
            int(args[1].elem)?;
            let d = moved(&args[..1])?;
            one(d, moved_elem(&args[..1], d)?, args[1].len.clone())
        }
        Op::ScatterAt => {
            arity(3)?;
            clear(args[2], "indices")?;
            int(args[2].elem)?;
            let d = moved(&args[..2])?;
            one(d, moved_elem(&args[..2], d)?, args[0].len.clone())
        }
        Op::Concat => {
            if args.is_empty() {
                return Err("takes at least one operand".into());
            }
            let d = moved(args)?;
            let sum = args.iter().try_fold(0u64, |s, a| s.checked_add(a.len.as_const()?));
            let l = if args.len() == 1 { Some(args[0].len.clone()) } else { sum.map(Len::Const) };
            one(d, moved_elem(args, d)?, len(l)?)
        }
        Op::Reduce { red, group } => {
            arity(1)?;
            let a = args[0];
            let arith = matches!(a.domain, Domain::Arith { .. });
            let d = if gates && *red == Red::Add && arith { a.domain } else { domain_of(args)? };
            let e = match red {
                Red::Count if a.elem != Elem::Bool => return Err("counts bools".into()),
                Red::Count => {
                    let e = elem(None)?;
                    int(e)?;
                    e
                }
                Red::Add if arith => elem(Some(a.elem))?,
                Red::Add | Red::Mul => {
                    int(a.elem)?;
                    a.elem
                }
                _ => a.elem,
            };
            one(d, e, len(quotient(&a.len, group))?)
        }
        Op::ArgReduce { group, .. } => {
            only(true)?;
            if args.is_empty() {
                return Err("takes keys".into());
            }
            let l = len(quotient(&args[0].len, group))?;
            let key = args[0].domain;
            args.iter()
                .map(|a| Ok(WireTy { domain: joined(&[args[0], a])?, elem: a.elem, len: l.clone() }))
                .collect::<Result<Vec<_>, String>>()
                .map(|mut v| {
                    v[0].domain = key;
                    v
                })
        }
        Op::Dot { .. } | Op::MatMul { .. } => {
            arity(2)?;
            let d =
                if gates && matches!(args[0].domain, Domain::Arith { .. }) { moved(args)? } else { domain_of(args)? };
            let e = if matches!(d, Domain::Arith { .. }) {
                elem(Some(args[0].elem))?
            } else {
                same_elem(args)?;
                int(args[0].elem)?;
                args[0].elem
            };
            let l = match op {
                Op::Dot { group } => quotient(&args[0].len, group),
                Op::MatMul { m, k, n } => m
                    .checked_mul(*k)
                    .and_then(|mk| quotient(&args[0].len, &Len::Const(mk)))
                    .and_then(|batch| Some(Len::mul(batch, Len::Const(m.checked_mul(*n)?)))),
                _ => None,
            };
            one(d, e, len(l)?)
        }
        Op::InputShare(_) => {
            only(false)?;
            arity(1)?;
            match args[0].domain {
                Domain::Local(_) => one(shared()?, elem(Some(args[0].elem))?, args[0].len.clone()),
                d => Err(format!("shares a local wire, not {}", show(d))),
            }
        }
        Op::Lift => {
            only(false)?;
            arity(1)?;
            clear(args[0], "what is lifted")?;
            one(shared()?, elem(Some(args[0].elem))?, args[0].len.clone())
        }
        Op::ArithAdd | Op::ArithSub if op == &Op::ArithSub && args.len() == 1 => {
            only(false)?;
            ring(args[0])?;
            one(args[0].domain, elem(Some(args[0].elem))?, args[0].len.clone())
        }
        Op::ArithAdd | Op::ArithSub => {
            only(false)?;
            arity(2)?;
            let side = usize::from(args[0].domain == Domain::Clear);
            let r = ring(args[side])?;
            let other = args[1 - side];
            if other.domain != Domain::Clear && ring(other)? != r {
                return Err("operands differ in ring".into());
            }
            one(args[side].domain, elem(Some(args[side].elem))?, args[0].len.clone())
        }
        Op::ArithScale => {
            only(false)?;
            arity(2)?;
            ring(args[0])?;
            clear(args[1], "the factor")?;
            one(args[0].domain, elem(Some(args[0].elem))?, args[0].len.clone())
        }
        Op::ArithTrunc => {
            only(false)?;
            arity(1)?;
            let from = ring(args[0])?;
            match domain()? {
                Domain::Arith { ring } if ring <= from => {
                    one(Domain::Arith { ring }, elem(Some(args[0].elem))?, args[0].len.clone())
                }
                d => Err(format!("truncates arith{from} to {}", show(d))),
            }
        }
        Op::ArithMul => {
            only(false)?;
            arity(2)?;
            if ring(args[0])? != ring(args[1])? {
                return Err("operands differ in ring".into());
            }
            one(args[0].domain, elem(Some(args[0].elem))?, args[0].len.clone())
        }
        Op::BitsXor | Op::BitsAnd => {
            only(false)?;
            arity(2)?;
            let p = planes(args[0])?;
            let plain = *op == Op::BitsXor && args[1].domain == Domain::Clear;
            if !plain && planes(args[1])? != p {
                return Err("operands differ in planes".into());
            }
            one(args[0].domain, elem(Some(args[0].elem))?, args[0].len.clone())
        }
        Op::BitsNot => {
            only(false)?;
            arity(1)?;
            planes(args[0])?;
            one(args[0].domain, elem(Some(args[0].elem))?, args[0].len.clone())
        }
        Op::BitsMask => {
            only(false)?;
            arity(2)?;
            planes(args[0])?;
            clear(args[1], "the mask")?;
            one(args[0].domain, elem(Some(args[0].elem))?, args[0].len.clone())
        }
        Op::Planes(list) => {
            only(false)?;
            for a in args {
                planes(a)?;
            }
            for p in list {
                if let crate::Plane::Of { arg, plane } = p {
                    let a = args.get(*arg as usize).ok_or("a plane of an operand that is not there")?;
                    if *plane >= u32::from(planes(a)?) {
                        return Err("a plane that the operand does not have".into());
                    }
                }
            }
            let n = u8::try_from(list.len()).map_err(|_| "more than 255 planes".to_string())?;
            if n == 0 {
                return Err("no planes".into());
            }
            let e = if n == 1 { Elem::Bool } else { Elem::u(n.min(128)) };
            one(Domain::Bits { planes: n }, elem(Some(e))?, len(args.first().map(|a| a.len.clone()))?)
        }
        Op::A2bDeal { .. } => {
            only(false)?;
            arity(1)?;
            let r = ring(args[0])?;
            let d = match want.first().map(|t| t.domain) {
                None => Domain::Bits { planes: r },
                Some(d @ Domain::Bits { planes }) if planes <= r => d,
                Some(d) => return Err(format!("arith{r} to {}", show(d))),
            };
            let part = |k: usize| WireTy {
                domain: d,
                elem: want.get(k).map_or(args[0].elem, |t| t.elem),
                len: args[0].len.clone(),
            };
            Ok(vec![part(0), part(1)])
        }
        Op::B2aDeal => {
            only(false)?;
            arity(1)?;
            if planes(args[0])? != 1 {
                return Err("takes one plane".into());
            }
            let d = match domain()? {
                d @ Domain::Arith { .. } => d,
                d => return Err(format!("a bit to {}", show(d))),
            };
            let part = |k: usize| WireTy {
                domain: d,
                elem: want.get(k).map_or(Elem::Bool, |t| t.elem),
                len: args[0].len.clone(),
            };
            Ok(vec![part(0), part(1)])
        }
        Op::TruncDeal { places } => {
            only(false)?;
            arity(1)?;
            let r = ring(args[0])?;
            if *places >= r {
                return Err(format!("arith{r} by {places} places"));
            }
            let part = |k: usize| WireTy { elem: want.get(k).map_or(args[0].elem, |t| t.elem), ..args[0].clone() };
            Ok(vec![part(0), part(1)])
        }
        Op::Open { to, .. } => {
            only(false)?;
            arity(1)?;
            let width = match args[0].domain {
                Domain::Arith { ring } => ring,
                Domain::Bits { planes } => planes,
                d => return Err(format!("opens a shared wire, not {}", show(d))),
            };
            let e = elem(Some(args[0].elem))?;
            if e.bits() > width {
                return Err(format!("opens {width} bits as {e}"));
            }
            one(recipient(c, *to)?, e, args[0].len.clone())
        }
        Op::Loop { body, .. } | Op::Call(body) => {
            let r = c.regions.get(body.0 as usize).ok_or("a region that the circuit does not have")?;
            enter(c, args, &r.params)?;
            if matches!(op, Op::Loop { .. }) {
                back(c, &r.results, &r.params)?;
                types(c, &r.params)
            } else {
                types(c, &r.results)
            }
        }
        Op::If { then, otherwise } => {
            arity(1)?;
            condition(args[0])?;
            let mut branches = vec![];
            for r in [then, otherwise] {
                let r = c.regions.get(r.0 as usize).ok_or("a region that the circuit does not have")?;
                if !r.params.is_empty() {
                    return Err("branches take no parameters".into());
                }
                branches.push(types(c, &r.results)?);
            }
            let (a, b) = (&branches[0], &branches[1]);
            if a.len() != b.len() {
                return Err("branches differ in the number of results".into());
            }
            a.iter()
                .zip(b)
                .map(|(a, b)| {
                    let d = if gates { (a.domain == b.domain).then_some(a.domain) } else { join(a.domain, b.domain) };
                    match d {
                        Some(domain) if a.elem == b.elem || shared_form(domain) => Ok(WireTy { domain, ..a.clone() }),
                        _ => Err("branches differ in the types of results".to_string()),
                    }
                })
                .collect()
        }
        Op::While { cond, body } => {
            let (q, b) = match (c.regions.get(cond.0 as usize), c.regions.get(body.0 as usize)) {
                (Some(q), Some(b)) => (q, b),
                _ => return Err("a region that the circuit does not have".into()),
            };
            enter(c, args, &q.params)?;
            enter(c, args, &b.params)?;
            match types(c, &q.results)?.as_slice() {
                [t] => condition(t)?,
                _ => return Err("the condition gives one result".into()),
            }
            back(c, &b.results, &b.params)?;
            back(c, &b.params, &q.params)?;
            types(c, &b.params)
        }
        Op::Check { .. } => {
            arity(1)?;
            clear(args[0], "what is checked")?;
            if args[0].elem != Elem::Bool {
                return Err("checks a bool".into());
            }
            Ok(vec![])
        }
    }
}

fn recipient(c: &Circuit, to: Recipient) -> Result<Domain, String> {
    match to {
        Recipient::All => Ok(Domain::Clear),
        Recipient::Party(p) if (p.0 as usize) < c.parties.len() => Ok(Domain::Local(p)),
        Recipient::Party(_) => Err("a party that the circuit does not have".into()),
    }
}

fn condition(t: &WireTy) -> Result<(), String> {
    if t.domain == Domain::Clear && t.elem == Elem::Bool {
        Ok(())
    } else {
        Err("the condition must be a clear bool".into())
    }
}

/// Whether a domain is a form of the gate level, under which the element is a note.
pub(crate) fn shared_form(d: Domain) -> bool {
    matches!(d, Domain::Arith { .. } | Domain::Bits { .. })
}

fn types(c: &Circuit, wires: &[crate::WireId]) -> Result<Vec<WireTy>, String> {
    wires
        .iter()
        .map(|w| c.wires.get(w.0 as usize).cloned().ok_or_else(|| "a wire that the circuit does not have".to_string()))
        .collect()
}

fn enter(c: &Circuit, args: &[&WireTy], params: &[crate::WireId]) -> Result<(), String> {
    let params = types(c, params)?;
    if args.len() != params.len() {
        return Err(format!("{} operands for {} parameters", args.len(), params.len()));
    }
    for (k, (a, p)) in args.iter().zip(&params).enumerate() {
        if (a.elem != p.elem && !shared_form(p.domain)) || !flows(&c.level, a.domain, p.domain) {
            return Err(format!(
                "operand {k} is {} {}, the parameter {} {}",
                show(a.domain),
                a.elem,
                show(p.domain),
                p.elem
            ));
        }
    }
    Ok(())
}

fn back(c: &Circuit, results: &[crate::WireId], params: &[crate::WireId]) -> Result<(), String> {
    let results = types(c, results)?;
    enter(c, &results.iter().collect::<Vec<_>>(), params)
}

/// The exact rule on lengths: whether operands of `args` lanes can give results of `outs` lanes, under values of the
/// induction variables. Region gates are not covered: their lengths are those of parameters and results.
///
/// # Errors
/// Says what does not fit.
pub fn check_lens(c: &Circuit, op: &Op, args: &[u64], outs: &[u64], vars: &[i64]) -> Result<(), String> {
    let points = |s: crate::SpaceId| -> Result<u64, String> {
        let space = c.spaces.get(s.0 as usize).ok_or("a space that the circuit does not have")?;
        space.count(&IndexEnv { vars }).map_err(|e| e.to_string())
    };
    let want = |what: &str, is: u64, shall: u64| {
        if is == shall { Ok(()) } else { Err(format!("{what} has {is} lanes, not {shall}")) }
    };
    let all = |n: u64| {
        args.iter().try_for_each(|a| want("an operand", *a, n))?;
        outs.iter().try_for_each(|o| want("a result", *o, n))
    };
    let grouped = |group: &Len| {
        let g = group.eval(c, vars).map_err(|e| e.to_string())?;
        let groups = outs.first().copied().unwrap_or(0);
        let lanes = groups.checked_mul(g).ok_or("too many lanes")?;
        args.iter().try_for_each(|a| want("an operand", *a, lanes))?;
        outs.iter().try_for_each(|o| want("a result", *o, groups))?;
        Ok(g)
    };
    let at = |v: &[u64], k: usize| v.get(k).copied().unwrap_or(0);
    match op {
        Op::Const(_) | Op::Input(_) | Op::At { .. } | Op::Loop { .. } | Op::While { .. } | Op::Call(_) => Ok(()),
        Op::If { .. } => want("the condition", at(args, 0), 1),
        Op::Table(t) => want("the result", at(outs, 0), t.len() as u64),
        Op::Iota { space, .. } | Op::Gather { space, .. } => want("the result", at(outs, 0), points(*space)?),
        Op::Scatter { space, .. } => {
            want("the values", at(args, 1), points(*space)?)?;
            want("the result", at(outs, 0), at(args, 0))
        }
        Op::GatherAt => want("the result", at(outs, 0), at(args, 1)),
        Op::ScatterAt => {
            want("the values", at(args, 1), at(args, 2))?;
            want("the result", at(outs, 0), at(args, 0))
        }
        Op::Concat => {
            let sum = args.iter().try_fold(0u64, |s, a| s.checked_add(*a)).ok_or("too many lanes")?;
            want("the result", at(outs, 0), sum)
        }
        Op::Reduce { group, .. } | Op::Dot { group } => grouped(group).map(|_| ()),
        Op::ArgReduce { group, .. } => match grouped(group)? {
            0 if at(outs, 0) > 0 => Err("an empty group has no least element".into()),
            _ => Ok(()),
        },
        Op::MatMul { m, k, n } => {
            let size = |a: &u64, b: &u64| a.checked_mul(*b).ok_or("too many lanes".to_string());
            let (mk, kn, mn) = (size(m, k)?, size(k, n)?, size(m, n)?);
            // The batch, from any operand or result that tells it.
            let batch = [(at(outs, 0), mn), (at(args, 0), mk), (at(args, 1), kn)]
                .iter()
                .find(|(_, s)| *s > 0)
                .map_or(0, |(l, s)| l / s);
            want("the first operand", at(args, 0), size(&batch, &mk)?)?;
            want("the second operand", at(args, 1), size(&batch, &kn)?)?;
            want("the result", at(outs, 0), size(&batch, &mn)?)
        }
        _ => all(args.first().or(outs.first()).copied().unwrap_or(0)),
    }
}
