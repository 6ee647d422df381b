//! The file read whole, and every way in which it can be wrong, with line and column.

use super::*;
use crate::PartyDecl;

fn print(n: u8) -> String {
    format!("sha256:{}", format!("{n:02x}").repeat(32))
}

fn good() -> String {
    let node = |name: &str, index: u8| {
        let f = print(index);
        format!(
            "[[node]]\nname = \"{name}\"\nindex = {index}\naddress = \"{name}.example.org:7700\"\nfingerprints = [\"{f}\"]\n\n"
        )
    };
    format!(
        "# who takes part\n{}{}{}[[party]]\nname = \"Ada\"\nhost = \"south\"\n\n[[party]]\nname = \"Voter\"\nhost = \"client\"\n\
         fingerprints = [\"{}\", [\"{}\", \"{}\"]]\n\n[run]\nprotocol = \"rep3\"\nwait = \"5m\"\ndeadline = 20\n\
         memory = \"4GiB\"\nprofile = \"rtt=40ms,bw=100mbit\"\n",
        node("north", 0),
        node("south", 1),
        node("west", 2),
        print(10),
        print(11),
        print(12),
    )
}

#[test]
fn a_good_file_is_read_whole() {
    let p = Parties::parse("parties.toml", &good()).unwrap();
    assert_eq!(p.names(), ["north", "south", "west"]);
    assert_eq!(p.nodes[1].address, "south.example.org:7700");
    assert_eq!(p.nodes[2].fingerprints, [print(2).parse().unwrap()]);
    assert_eq!(p.party("Ada").unwrap().host, HostedBy::Node(1));
    let voter = p.party("Voter").unwrap();
    assert_eq!((voter.host, voter.fingerprints.len(), voter.fingerprints[1].len()), (HostedBy::Client, 2, 2));
    assert_eq!(p.run.wait, Some(Duration::from_secs(300)));
    assert_eq!(p.run.deadline, Some(Duration::from_secs(20)));
    assert_eq!(p.run.memory, Some(4 << 30));
    assert_eq!(p.run.protocol.as_deref(), Some("rep3"));
    assert_eq!(p.node("west"), Ok(2));
    assert!(p.node("wes").unwrap_err().contains("did you mean `west`?"));
    assert!(p.node("Ada").unwrap_err().contains("there are north, south, west"));
    // Indices, not the order of the file, number the nodes.
    let turned =
        good().replace("index = 0", "index = X").replace("index = 2", "index = 0").replace("index = X", "index = 2");
    assert_eq!(Parties::parse("p", &turned).unwrap().names(), ["west", "south", "north"]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases: &[(&str, &str, (usize, usize), &str)] = &[
        ("address = \"north", "adress = \"north", (5, 1), "unknown field `adress`; did you mean `address`?"),
        ("[run]", "[runs]", (29, 2), "unknown field `runs`; did you mean `run`?"),
        ("wait = ", "colour = ", (31, 1), "unknown field `colour`; there are protocol, wait"),
        ("[run]", "[run", (29, 5), "unclosed table"),
        ("index = 1", "index = 0", (10, 9), "`north` and `south` both have index 0"),
        ("index = 1", "index = 3", (10, 9), "numbered from 0 to 2"),
        ("index = 1", "index = \"one\"", (10, 9), "invalid type"),
        ("index = 1\n", "", (8, 1), "missing field `index`"),
        ("name = \"south\"", "name = \"north\"", (9, 8), "two nodes `north`"),
        ("name = \"south\"", "name = \"client\"", (9, 8), "`client` is taken"),
        ("name = \"south\"", "name = \"so uth\"", (9, 8), "a letter, then"),
        ("south.example.org:7700", "south.example.org", (11, 11), "expected HOST:PORT"),
        ("south.example.org:7700", "::1:7700", (11, 11), "expected HOST:PORT"),
        ("south.example.org:7700", "south:0", (11, 11), "expected HOST:PORT"),
        ("\"sha256:0101", "\"sha257:0101", (12, 17), "starts with `sha256:`"),
        ("\"sha256:0101", "\"sha256:01", (12, 17), "64 hexadecimal digits, not 62"),
        ("\"sha256:01010101", "\"sha256:0101010g", (12, 17), "`g` is no hexadecimal digit"),
        ("host = \"south\"", "host = \"soth\"", (22, 8), "there is no node `soth`; did you mean `south`?"),
        ("host = \"south\"", "host = \"south\"\nfingerprints = []", (23, 16), "`Ada` is no client"),
        ("host = \"south\"", "host = \"client\"", (22, 8), "`Ada` is a client and needs fingerprints"),
        ("name = \"Voter\"", "name = \"Ada\"", (25, 8), "two entries for party `Ada`"),
        ("\"5m\"", "\"5 fortnights\"", (31, 8), "expected a time"),
        ("\"5m\"", "[5]", (31, 8), "expected a number, or a text"),
        ("\"4GiB\"", "0", (33, 10), "at least a byte"),
        ("bw=100mbit", "bw=100", (34, 11), "mbit"),
    ];
    for (from, to, at, want) in cases {
        let text = good().replacen(from, to, 1);
        assert_ne!(text, good(), "{from}");
        let e = Parties::parse("p.toml", &text).unwrap_err();
        assert!(e.what.contains(want), "{to}: {e}");
        assert_eq!((e.line, e.column), *at, "{to}: {e}");
        assert!(e.to_string().starts_with(&format!("p.toml:{}:{}: ", at.0, at.1)));
    }
}

#[test]
fn a_fingerprint_belongs_to_one() {
    let node = good().replacen(&print(2), &print(0), 1);
    let e = Parties::parse("p", &node).unwrap_err();
    assert!(e.what.contains("`north` and `west` have the same fingerprint"), "{e}");
    let client = good().replacen(&print(12), &print(10), 1);
    let e = Parties::parse("p", &client).unwrap_err();
    assert!(e.what.contains("`Voter[0]` and `Voter[1]` have the same"), "{e}");
    let three = good().replacen("[\"sha256:0b", "[\"sha256:0c0c\", \"sha256:0b", 1);
    assert!(Parties::parse("p", &three).unwrap_err().what.contains("3 fingerprints"));
    // A colon between the bytes is how other tools print them.
    let colons = print(2).replacen("0202", "02:02", 1);
    assert!(Parties::parse("p", &good().replacen(&print(2), &colons, 1)).is_ok());
}

#[test]
fn nodes_are_three() {
    let text = good();
    let two = &text[..text.find("[[node]]\nname = \"west\"").unwrap()];
    let e = Parties::parse("p", two).unwrap_err();
    assert!(e.what.contains("no [[node]] with index 2"), "{e}");
    assert!(Parties::parse("p", "").unwrap_err().what.contains("index 0"));
}

#[test]
fn parties_of_the_program_find_their_places() {
    let p = Parties::parse("p", &good()).unwrap();
    let contract = |names: &[&str]| Contract {
        parties: names
            .iter()
            .map(|n| PartyDecl { name: (*n).into(), family: None, host: circuit::Host::Turn })
            .collect(),
        ..Contract::default()
    };
    let places = |names: &[&str]| p.places(&contract(names));
    assert_eq!(places(&["Voter", "Ada"]), Ok(vec![Some(HostedBy::Client), Some(HostedBy::Node(1))]));
    // One that the file does not name is placed in turn; an entry that nobody needs is fine.
    assert_eq!(places(&["Voter", "Ada", "Ben"]), Ok(vec![Some(HostedBy::Client), Some(HostedBy::Node(1)), None]));
    assert_eq!(places(&["Ada"]), Ok(vec![Some(HostedBy::Node(1))]));
    let e = places(&["Voters", "Ada"]).unwrap_err();
    assert_eq!(e.to_string(), "p:24:1: the program has no party `Voter`, and `Voters` is placed nowhere");
}
