//! Input folders of every layout, and every way in which one can be wrong: each names its file, row, and column.

use std::path::Path;

use circuit::{Elem, Schema, SchemaLen};
use node::data::{self, DataError, Inputs, Source};
use node::{Contract, NodeError, Param, PartyDecl};
use proptest::prelude::*;

fn scalar(elem: Elem) -> Schema {
    Schema::Scalar { elem, range: None }
}

fn array(elem: Schema, len: &str) -> Schema {
    let len = match len.parse() {
        Ok(n) => SchemaLen::Known(n),
        Err(_) if len.contains('+') => SchemaLen::Derived(len.into()),
        Err(_) => SchemaLen::Binds(len.into()),
    };
    Schema::Array { elem: Box::new(elem), len }
}

fn account() -> Schema {
    let limit = Schema::Scalar { elem: Elem::i(16), range: Some((0xfff6, 100)) };
    let flags = Schema::Tuple(vec![scalar(Elem::Bool), scalar(Elem::u(8))]);
    Schema::Struct {
        name: "Account".into(),
        fields: vec![("id".into(), scalar(Elem::u(128))), ("limit".into(), limit), ("flags".into(), flags)],
    }
}

/// One party, or a family if `family` says its size.
fn contract(owner: &str, family: Option<&str>, params: &[(&str, Schema)]) -> Contract {
    Contract {
        parties: vec![PartyDecl {
            name: owner.into(),
            family: family.map(|n| SchemaLen::Binds(n.into())),
            host: circuit::Host::Turn,
        }],
        params: params
            .iter()
            .map(|(name, schema)| Param { name: (*name).into(), party: Some(0), kept: false, schema: schema.clone() })
            .collect(),
        ..Contract::default()
    }
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn read(contract: &Contract, files: &[(&str, &str)], defines: &[(&str, &str)]) -> Result<Inputs, DataError> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let defines = defines.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    data::read(contract, &Source { folder: Some(folder.path().to_owned()), defines, ..Source::default() }, None)
}

/// All leaves of all parameters, as numbers; sizes in front.
fn good(contract: &Contract, files: &[(&str, &str)], defines: &[(&str, &str)]) -> (String, Vec<Vec<u128>>) {
    let inputs = read(contract, files, defines).unwrap_or_else(|e| panic!("{e}"));
    let sizes: Vec<String> = inputs.sizes().iter().map(|c| format!("{}={}", c.name, c.value)).collect();
    let bound = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
    let values = inputs.all(contract, &bound).unwrap();
    (sizes.join(" "), contract.params.iter().flat_map(|p| values[&p.name].clone()).collect())
}

/// The error of a folder: its exit code, and all that it must say.
fn bad(contract: &Contract, files: &[(&str, &str)], exit: u8, says: &[&str]) {
    let e = NodeError::from(read(contract, files, &[]).expect_err(&format!("{files:?}")));
    assert_eq!(e.exit(), exit, "{e}");
    for part in says {
        assert!(e.to_string().contains(part), "`{e}` does not say `{part}`");
    }
}

#[test]
fn tables_of_scalars() {
    let c = contract("Ada", None, &[("xs", array(scalar(Elem::i(8)), "N"))]);
    let want = ("N=3".to_owned(), vec![vec![1, 0xff, 0x80]]);
    for text in ["xs\n1\n-1\n-128\n", "\u{feff}xs\r\n1\r\n-1\r\n-128", "xs\n 1 \n\"-1\"\n\n-128\n\n"] {
        assert_eq!(good(&c, &[("Ada.xs.csv", text)], &[]), want);
    }
    assert_eq!(good(&c, &[("Ada.xs.csv", "xs\n")], &[]), ("N=0".into(), vec![vec![]]));
    let one = contract("Ada", None, &[("x", scalar(Elem::Bool))]);
    assert_eq!(good(&one, &[("Ada.x.csv", "x\ntrue\n")], &[]).1, [[1]]);

    let file = |text: &'static str| [("Ada.xs.csv", text)];
    bad(&c, &file(""), 3, &["Ada.xs.csv", "the header xs", "an empty file"]);
    bad(&c, &file("ys\n1\n"), 3, &["row 1", "column 1", "`ys`", "did you mean `xs`?"]);
    bad(&c, &file("xs\n1\n128\n"), 3, &["row 3", "column xs", "an integer from -128 to 127", "`128`"]);
    bad(&c, &file("xs\n1\nabc\n"), 3, &["row 3", "`abc`"]);
    bad(&c, &file("xs\n1,2\n"), 3, &["row 2", "1 columns", "found 2"]);
    bad(&c, &file("xs\n1\n\"2\n3\n"), 3, &["row 3", "`2"]);
    bad(&one, &[("Ada.x.csv", "x\n2\n")], 3, &["row 2", "column x", "0, 1, true, or false", "`2`"]);
    bad(&one, &[("Ada.x.csv", "x\n1\n1\n")], 3, &["row 3", "one row"]);
    bad(&one, &[("Ada.x.csv", "x\n")], 3, &["one row", "none"]);
    let long = format!("xs\n{}\n", "9".repeat(5000));
    bad(&c, &[("Ada.xs.csv", &long)], 3, &["row 2", "…"]);
    let latin = std::str::from_utf8(b"xs\n1\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = latin.as_bytes().to_vec();
    bytes.extend_from_slice(b"\xe9\xff\n");
    std::fs::write(folder.path().join("Ada.xs.csv"), bytes).unwrap();
    let source = Source { folder: Some(folder.path().to_owned()), ..Source::default() };
    let e = data::read(&c, &source, None).unwrap_err();
    assert!(e.to_string().contains("row 3"), "{e}");
}

#[test]
fn tables_of_structs_and_matrices() {
    let c = contract("Ada", None, &[("accounts", array(account(), "N"))]);
    let max = u128::MAX;
    let table = format!("limit,flags.1,id,flags.0\n-10,7,{max},1\n100,8,0,false\n");
    let want = vec![vec![max, 0], vec![0xfff6, 100], vec![1, 0], vec![7, 8]];
    assert_eq!(good(&c, &[("Ada.accounts.csv", &table)], &[]), ("N=2".into(), want));
    let file = |text: &'static str| [("Ada.accounts.csv", text)];
    bad(&c, &file("id,limit,flags.0\n"), 3, &["row 1", "the column `flags.1`"]);
    bad(&c, &file("id,limit,flags.0,id\n"), 3, &["row 1", "column 4", "`id` once"]);
    bad(&c, &file("id,limt,flags.0,flags.1\n"), 3, &["column 2", "did you mean `limit`?"]);
    bad(&c, &file("id,limit,flags.0,flags.1\n1,-11,0,0\n"), 3, &["row 2", "column limit", "from -10 to 100", "`-11`"]);

    let c = contract("Ada", None, &[("m", array(array(scalar(Elem::u(8)), "C"), "R"))]);
    assert_eq!(good(&c, &[("Ada.m.csv", "1,2,3\n4,5,6\n")], &[]), ("C=3 R=2".into(), vec![vec![1, 2, 3, 4, 5, 6]]));
    bad(&c, &[("Ada.m.csv", "1,2\n3\n")], 3, &["row 2", "2 (C) columns", "found 1"]);
    bad(&c, &[("Ada.m.csv", "1,2\n3,x\n")], 3, &["row 2", "column 2", "`x`"]);

    let c = contract("Ada", None, &[("t", array(array(array(scalar(Elem::u(8)), "A"), "B"), "C"))]);
    bad(&c, &[("Ada.t.csv", "1\n")], 2, &["JSON"]);
}

#[test]
fn objects() {
    let params = [
        ("accounts", array(account(), "N")),
        ("m", array(array(scalar(Elem::u(64)), "2"), "R")),
        ("b", scalar(Elem::Bool)),
    ];
    let c = contract("Ada", None, &params);
    let id = u128::MAX - 1;
    let text = format!(
        "\u{feff}{{ \"b\": true, \"m\": [[1, \"18446744073709551615\"]],\r\n \"accounts\": [\
         {{\"flags\": [true, 1], \"limit\": -3, \"i\\u0064\": {id}}}, {{\"id\": \"5\", \"limit\": 0, \"flags\": [false, 2]}}] }}"
    );
    let want = vec![vec![id, 5], vec![0xfffd, 0], vec![1, 0], vec![1, 2], vec![1, u64::MAX.into()], vec![1]];
    assert_eq!(good(&c, &[("Ada.json", &text)], &[]), ("N=2 R=1".into(), want));

    let c = contract("Ada", None, &[("xs", array(account(), "2"))]);
    let file = |text: &'static str| [("Ada.json", text)];
    let one = r#"{"id": 1, "limit": 2, "flags": [true, 3]}"#;
    bad(&c, &file(""), 3, &["Ada.json", "row 1", "an object by parameter", "the end of the file"]);
    bad(&c, &file("{\"xs\": [\n  7]}"), 3, &["row 2", "column 3", "(xs[0])", "an object", "`7`"]);
    bad(&c, &file("{\"ys\": []}"), 3, &["the unknown field `ys`", "did you mean `xs`?"]);
    bad(&c, &file("{\"xs\": []}"), 3, &["2 elements", "found 0"]);
    bad(&c, &file("{}"), 3, &["`xs` of Ada"]);
    let text = format!("{{\"xs\": [{one}, {one}, {one}]}}");
    bad(&c, &[("Ada.json", &text)], 3, &["(xs[2])", "2 elements", "more"]);
    for (part, replacement, says) in [
        ("\"id\": 1", "\"id\": 1.5", "`1.5`"),
        ("\"id\": 1", "\"id\": 1e3", "`1e3`"),
        ("\"id\": 1", "\"id\": null", "`null`"),
        ("\"id\": 1", "\"id\": [1]", "an array"),
        ("\"id\": 1", "\"id\": 340282366920938463463374607431768211456", "`34028236692093846346337460743176…`"),
        ("\"limit\": 2", "\"limit\": 101", "an integer from -10 to 100"),
        ("\"limit\": 2, ", "", "the field `limit`"),
        ("\"limit\": 2", "\"limit\": 2, \"limit\": 2", "`limit` once"),
        ("[true, 3]", "[true]", "2 parts"),
        ("[true, 3]", "[true, 3, 4]", "2 parts"),
        ("[true, 3]", "[1, 3]", "true or false"),
        ("[true, 3]", "[tru, 3]", "`tru`"),
        ("\"id\": 1", "\"id\": \"1", "`1, `"),
        ("\"id\": 1", "\"id\" 1", "`:`"),
        ("\"id\": 1", "id: 1", "a field name in quotes"),
        ("3]}", "3]}]} x", "the end of the file"),
    ] {
        let text = format!("{{\"xs\": [{one}, {}]}}", one.replacen(part, replacement, 1));
        bad(&c, &[("Ada.json", &text)], 3, &["Ada.json, row 1", says]);
    }
    // Depth is that of the schema, however deep the text.
    let deep = format!("{{\"xs\": {}", "[".repeat(1_000_000));
    bad(&c, &[("Ada.json", &deep)], 3, &["an object", "an array"]);
    let wide = format!("{{\"xs\": [{{\"id\": {}", "1".repeat(1_000_000));
    bad(&c, &[("Ada.json", &wide)], 3, &["at most 4096 bytes"]);
}

/// `enum E { A, B(u8 in 3..=9), C { x: i16, ys: [bool; 2] }, D(u8, F) }`, `enum F { P, Q(u8) }`.
fn choice() -> Schema {
    let variant = |name: &str, named, fields: Vec<(&str, Schema)>| circuit::SchemaVariant {
        name: name.into(),
        named,
        fields: fields.into_iter().map(|(n, s)| (n.to_owned(), s)).collect(),
    };
    let u8 = || scalar(Elem::u(8));
    let inner = vec![variant("P", false, vec![]), variant("Q", false, vec![("0", u8())])];
    let inner = Schema::Enum { name: "F".into(), variants: inner };
    let ranged = Schema::Scalar { elem: Elem::u(8), range: Some((3, 9)) };
    Schema::Enum {
        name: "E".into(),
        variants: vec![
            variant("A", false, vec![]),
            variant("B", false, vec![("0", ranged)]),
            variant("C", true, vec![("x", scalar(Elem::i(16))), ("ys", array(scalar(Elem::Bool), "2"))]),
            variant("D", false, vec![("0", u8()), ("1", inner)]),
        ],
    }
}

#[test]
fn variants_of_objects() {
    let c = contract("Ada", None, &[("es", array(choice(), "N"))]);
    let text =
        r#"{"es": ["A", {"B": 3}, {"C": {"ys": [true, false], "x": -1}}, {"D": [7, "P"]}, {"D": [8, {"Q": 9}]}]}"#;
    let want = vec![
        // is B, is C, is D
        vec![0, 1, 0, 0, 0],
        vec![0, 0, 1, 0, 0],
        vec![0, 0, 0, 1, 1],
        // B.0, C.x, C.ys, D.0, D.1
        vec![0, 3, 0, 0, 0],
        vec![0, 0, 0xffff, 0, 0],
        vec![0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
        vec![0, 0, 0, 7, 8],
        vec![0, 0, 0, 0, 1],
        vec![0, 0, 0, 0, 9],
    ];
    assert_eq!(good(&c, &[("Ada.json", text)], &[]), ("N=5".into(), want));
    for (part, says) in [
        ("\"B\"", &["{\"B\": …}", "the string \"B\""][..]),
        ("\"E\"", &["one of: A, B, C, D", "unknown variant `E`"]),
        ("{\"A\": null}", &["the string \"A\"", "an object"]),
        ("{\"B\": 2}", &["(es[0].B)", "an integer from 3 to 9", "`2`"]),
        ("{\"B\": 3, \"C\": 4}", &["one variant", "another"]),
        ("{}", &["a variant", "an object without one"]),
        ("{\"D\": [1]}", &["2 parts"]),
        ("{\"C\": {\"x\": 1}}", &["the field `ys`"]),
        ("7", &["a variant", "`7`"]),
    ] {
        bad(&c, &[("Ada.json", &format!("{{\"es\": [{part}]}}"))], 3, says);
    }
}

#[test]
fn variants_in_tables() {
    let mut flat = choice();
    if let Schema::Enum { variants, .. } = &mut flat {
        variants[2].fields.truncate(1);
    }
    let c = contract("Ada", None, &[("es", array(flat.clone(), "N"))]);
    let head = "es.D.1,es,es.B,es.C.x,es.D.0,es.D.1.Q";
    let text = format!("{head}\n,A,,,,\n,B,3,,,\n,C,,-1,,\nQ,D,,,8,9\nP,D,,,1,\n");
    let want = vec![
        vec![0, 1, 0, 0, 0],
        vec![0, 0, 1, 0, 0],
        vec![0, 0, 0, 1, 1],
        vec![0, 3, 0, 0, 0],
        vec![0, 0, 0xffff, 0, 0],
        vec![0, 0, 0, 8, 1],
        vec![0, 0, 0, 1, 0],
        vec![0, 0, 0, 9, 0],
    ];
    assert_eq!(good(&c, &[("Ada.es.csv", &text)], &[]), ("N=5".into(), want));
    for (row, says) in [
        (",X,,,,", &["row 2", "column es", "one of: A, B, C, D", "`X`"][..]),
        (",A,3,,,", &["column es.B", "an empty cell, as the variant is not B", "`3`"]),
        (",B,,,,", &["column es.B", "an integer from 3 to 9"]),
        ("P,D,,,1,2", &["column es.D.1.Q", "the variant is not Q"]),
        ("P,A,,,,", &["column es.D.1", "the variant is not D"]),
    ] {
        bad(&c, &[("Ada.es.csv", &format!("{head}\n{row}\n"))], 3, says);
    }
    // Beside other fields the enum has its field's name.
    let row = Schema::Struct { name: "S".into(), fields: vec![("k".into(), scalar(Elem::u(8))), ("e".into(), flat)] };
    let c = contract("Ada", None, &[("s", row)]);
    let text = "k,e,e.B,e.C.x,e.D.0,e.D.1,e.D.1.Q\n5,B,4,,,,\n";
    assert_eq!(good(&c, &[("Ada.s.csv", text)], &[]).1, [[5], [1], [0], [0], [4], [0], [0], [0], [0]]);
    // An array in a variant needs JSON.
    let c = contract("Ada", None, &[("e", choice())]);
    bad(&c, &[("Ada.e.csv", "e\nA\n")], 2, &["JSON"]);
}

#[test]
fn drawn_variants_are_one_each() {
    let c = contract("Ada", None, &[("es", array(choice(), "N"))]);
    let source =
        Source { folder: None, defines: vec![("N".into(), "400".into())], random: Some(5), ..Source::default() };
    let inputs = data::read(&c, &source, None).unwrap();
    let values = inputs.all(&c, &[("N".to_owned(), 400)].into()).unwrap();
    let leaves = &values["es"];
    let mut seen = [0; 4];
    for l in 0..400 {
        let tags: Vec<u128> = leaves[..3].iter().map(|c| c[l]).collect();
        assert!(tags.iter().sum::<u128>() <= 1, "{tags:?}");
        let which = tags.iter().position(|t| *t == 1).map_or(0, |k| k + 1);
        seen[which] += 1;
        let carried = [leaves[3][l], leaves[4][l], leaves[5][2 * l] + leaves[5][2 * l + 1], leaves[6][l]];
        let own = [(1, 0), (2, 1), (2, 2), (3, 3)];
        for (variant, k) in own {
            assert!(variant == which || carried[k] == 0, "{which}: {carried:?}");
        }
        assert!(which != 1 || (3..=9).contains(&carried[0]));
        assert!(which == 3 || leaves[7][l] == 0 && leaves[8][l] == 0);
        assert!(leaves[7][l] == 1 || leaves[8][l] == 0);
    }
    assert!(seen.iter().all(|n| *n > 60), "{seen:?}");
}

#[test]
fn variants_are_written_as_they_are_read() {
    let mut c = contract("Ada", None, &[]);
    c.results =
        vec![node::ResultPart { name: "result".into(), party: None, kept: false, schema: array(choice(), "N") }];
    let leaves = vec![
        vec![0, 1, 0, 0],
        vec![0, 0, 1, 0],
        vec![0, 0, 0, 1],
        vec![0, 3, 0, 0],
        vec![0, 0, 0xffff, 0],
        vec![0, 0, 0, 0, 1, 0, 0, 0],
        vec![0, 0, 0, 8],
        vec![0, 0, 0, 1],
        vec![0, 0, 0, 9],
    ];
    let set = data::OutputSet::from_leaves(&c, leaves, &[("N".to_owned(), 4)].into()).unwrap();
    let text = r#"["A", {"B": 3}, {"C": {"x": -1, "ys": [true, false]}}, {"D": [8, {"Q": 9}]}]"#;
    data::same(&set.json(), &format!("{{\"all\": {{\"result\": {text}}}}}")).unwrap();
    let rows = "recipient,name,value\nall,result[0],A\nall,result[1],B\nall,result[1].B,3\nall,result[2],C\n\
                all,result[2].C.x,-1\nall,result[2].C.ys[0],true\nall,result[2].C.ys[1],false\nall,result[3],D\n\
                all,result[3].D.0,8\nall,result[3].D.1,Q\nall,result[3].D.1.Q,9\n";
    assert_eq!(set.csv(), rows);
}

#[test]
fn families() {
    let c = contract(
        "F",
        Some("N"),
        &[("x", array(scalar(Elem::u(8)), "N")), ("ys", array(array(scalar(Elem::u(8)), "2"), "N"))],
    );
    let want = ("N=3".to_owned(), vec![vec![1, 2, 3], vec![4, 5, 6, 7, 8, 9]]);
    let (a, b, d) = (r#"{"x": 1, "ys": [4, 5]}"#, r#"{"ys": [6, 7], "x": 2}"#, r#"{"x": 3, "ys": [8, 9]}"#);
    let array = format!("[{a}, {b}, {d}]");
    assert_eq!(good(&c, &[("F.json", &array)], &[]), want);
    assert_eq!(good(&c, &[("F/0.json", a), ("F/1.json", b), ("F/2.json", d)], &[]), want);
    let tables = [("F.x.csv", "x\n1\n2\n3\n"), ("F.ys.csv", "4,5\n6,7\n8,9\n")];
    assert_eq!(good(&c, &tables, &[]), want);
    // One parameter from a table, the other from the members' own files.
    let mixed = [("F.x.csv", "x\n1\n2\n3\n"), ("F.json", r#"[{"ys": [4, 5]}, {"ys": [6, 7]}, {"ys": [8, 9]}]"#)];
    assert_eq!(good(&c, &mixed, &[]), want);
    assert_eq!(good(&c, &[("F.json", "[]")], &[]), ("N=0".into(), vec![vec![], vec![]]));

    bad(&c, &[("F.json", &array), ("F/0.json", a)], 2, &["F.json", "both"]);
    bad(&c, &[("F.json", &array), ("F.x.csv", "x\n1\n2\n3\n")], 2, &["`x` is given twice"]);
    bad(&c, &[("F/0.json", a), ("F/2.json", d)], 3, &["F/1.json", "no such file"]);
    bad(&c, &[("F/0.json", a), ("F/zwei.json", d)], 3, &["zwei.json", "a member's number"]);
    bad(&c, &[("F/0.json", a), ("F/1.json", r#"{"x": 1}"#)], 3, &["F/1.json", "the field `ys`"]);
    bad(&c, &[("F.x.csv", "x\n1\n"), ("F.ys.csv", "4,5\n6,7\n")], 3, &["F.ys.csv", "1 (N, from", "found 2"]);
    bad(&c, &[], 3, &["F.x.csv", "F.json", "F/0.json"]);
    bad(&c, &[("G.json", "[]")], 3, &["did you mean `F` by G.json?"]);
}

#[test]
fn sources_and_sizes() {
    let c = contract("Ada", None, &[("xs", array(scalar(Elem::u(8)), "N")), ("ys", array(scalar(Elem::u(8)), "N"))]);
    bad(&c, &[("Ada.json", r#"{"xs": [1], "ys": [2]}"#), ("Ada.xs.csv", "xs\n1\n")], 2, &["`xs` is given twice"]);
    bad(&c, &[("Ada.json", r#"{"xs": [1], "ys": [2, 3]}"#)], 3, &["(ys[1])", "1 (N) elements", "found more"]);
    bad(
        &c,
        &[("Ada.xs.csv", "xs\n1\n2\n"), ("Ada.ys.csv", "ys\n1\n")],
        3,
        &["Ada.ys.csv", "2 (N, from", "Ada.xs.csv", "found 1"],
    );
    bad(&c, &[], 3, &["Ada.xs.csv", "no such file"]);
    let two = [("Ada.xs.csv", "xs\n1\n2\n"), ("Ada.ys.csv", "ys\n1\n2\n")];
    assert_eq!(good(&c, &two, &[("N", "2")]).0, "N=2");
    let exit = |defines: &[(&str, &str)]| {
        let e = NodeError::from(read(&c, &two, defines).unwrap_err());
        (e.exit(), e.to_string())
    };
    let (code, text) = exit(&[("N", "3")]);
    assert!(code == 3 && text.contains("3 (N, from -D)") && text.contains("found 2"), "{text}");
    assert_eq!(exit(&[("N", "-1")]).0, 2);
    assert_eq!(exit(&[("N", "2"), ("N", "3")]).0, 2);
    let (code, text) = exit(&[("n", "3")]);
    assert!(code == 2 && text.contains("did you mean `N`?"), "{text}");

    let derived = contract("Ada", None, &[("xs", array(scalar(Elem::u(8)), "N + 1"))]);
    assert_eq!(good(&derived, &two[..1], &[("N", "1")]).1, [[1, 2]]);
}

#[test]
fn public_parameters() {
    let mut c = contract("Ada", None, &[("p", scalar(Elem::i(32))), ("q", array(scalar(Elem::u(8)), "N"))]);
    c.params.iter_mut().for_each(|p| p.party = None);
    assert_eq!(good(&c, &[("public.json", r#"{"p": -1, "q": [1]}"#)], &[]).1, [[0xffff_ffff], [1]]);
    assert_eq!(good(&c, &[("public.json", r#"{"q": [1]}"#)], &[("p", "7")]).1, [[7], [1]]);
    let e = read(&c, &[("public.json", r#"{"p": 1, "q": [1]}"#)], &[("p", "7")]).unwrap_err();
    assert!(matches!(e, DataError::Usage(_)), "{e}");
    let e = NodeError::from(read(&c, &[], &[("p", "x")]).unwrap_err());
    assert!(e.exit() == 3 && e.to_string().contains("-D p"), "{e}");
    let e = read(&c, &[], &[("q", "1")]).unwrap_err();
    assert!(matches!(e, DataError::Usage(_)), "{e}");
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes: Vec<u8>, json: bool, structured in "[\\[\\]{}\",:a-z0-9\\-\\\\u ]{0,60}", raw: bool) {
        let params = [("xs", array(account(), "N")), ("a", array(array(scalar(Elem::u(8)), "N"), "M"))];
        let c = contract("Ada", None, &params);
        let folder = tempfile::tempdir().unwrap();
        let text = if raw { bytes } else { format!("{{\"xs\":{structured}").into_bytes() };
        let name = if json { "Ada.json" } else { "Ada.xs.csv" };
        std::fs::write(folder.path().join(name), text).unwrap();
        let source = Source { folder: Some(folder.path().to_owned()), ..Source::default() };
        prop_assert!(data::read(&c, &source, None).is_err());
    }
}

#[test]
fn json_is_compared_by_meaning() {
    data::same(r#"{"a": [1, 2], "b": "x"}"#, r#"{ "b":"x","a":["1",2] }"#).unwrap();
    let big = u128::MAX.to_string();
    data::same(&format!("[{big}]"), &format!("[\"{big}\"]")).unwrap();
    for (a, b, says) in [
        ("[1, 2]", "[1]", "2 elements"),
        (r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#, "only one side has `b`"),
        (r#"{"a": [1, 2]}"#, r#"{"a": [1, 3]}"#, ".a[1]"),
        ("true", "1", "the whole"),
        ("{", "{", "EOF"),
    ] {
        let e = data::same(a, b).unwrap_err();
        assert!(e.contains(says), "{e}");
    }
}

#[test]
fn strings_are_numbers_and_their_text_is_kept() {
    let row = Schema::Struct {
        name: "Row".into(),
        fields: vec![("name".into(), Schema::Text), ("n".into(), scalar(Elem::u(8)))],
    };
    let c = contract("Ada", None, &[("rows", array(row, "N"))]);
    let number = strings::number;
    let want = vec![vec![number("a b"), 0, number("é\"")], vec![1, 2, 3]];
    let table = ("Ada.rows.csv", "n,name\n1, a b \n2,\n3,\"é\"\"\"\n");
    let object =
        ("Ada.json", r#"{"rows": [{"name": "a b", "n": 1}, {"n": 2, "name": ""}, {"name": "\u00e9\"", "n": 3}]}"#);
    for file in [table, object] {
        assert_eq!(good(&c, &[file], &[]), ("N=3".into(), want.clone()), "{file:?}");
        let inputs = read(&c, &[file], &[]).unwrap();
        assert_eq!(inputs.strings().get(number("é\"")), Some("é\""));
        assert_eq!(inputs.strings().get(number("é")), None);
        assert!(!format!("{inputs:?}").contains("a b"));
    }
    // A name of a variant or a field has the old limit; a string may be longer.
    let long = |n: usize| format!("{{\"rows\": [{{\"name\": \"{}\", \"n\": 1}}]}}", "x".repeat(n));
    assert!(read(&c, &[("Ada.json", &long(strings::LONGEST))], &[]).is_ok());
    let e = read(&c, &[("Ada.json", &long(strings::LONGEST + 1))], &[]).unwrap_err().to_string();
    assert!(e.contains("(rows[0].name)") && e.contains("at most 65536 bytes"), "{e}");
    let number = format!("{{\"rows\": [{{\"name\": \"x\", \"n\": {}}}]}}", "1".repeat(5000));
    let e = read(&c, &[("Ada.json", &number)], &[]).unwrap_err().to_string();
    assert!(e.contains("at most 4096 bytes"), "{e}");
    let e = read(&c, &[("Ada.json", r#"{"rows": [{"name": null, "n": 1}]}"#)], &[]).unwrap_err().to_string();
    assert!(e.contains("a string") && e.contains("`null`"), "{e}");
}
