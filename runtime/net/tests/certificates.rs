//! Who is not let in: certificates that are wrong in every way, other protocols, strangers who hold the door.
//!
//! A node meets a peer made by hand from the TLS library, once as the one who listens and once as the one who calls. It must
//! end without a link and say what is wrong; no frame has been sent by then.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use net::tcp::{self, ConnectError, Peer};
use net::tls::{Fingerprint, Identity};
use net::{BEFORE_KNOWN, Call, HANDSHAKE, Links, PENDING, Stop, keys};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, ServerConnection,
    SignatureScheme, StreamOwned,
};
use wire::{KNOCK, Knock, Word};

const DAY: i64 = 86_400;

fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64
}

/// Takes every certificate, and no signature amiss.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Anyone {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Presents what it is given, whether certificate and key fit or not.
#[derive(Debug)]
struct Presents(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Presents {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }
    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

impl ResolvesServerCert for Presents {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }
}

/// What a made-up peer presents, and the fingerprints that it is known by.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
    known: Fingerprint,
}

impl Shown {
    fn of(pem: &str) -> Shown {
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap();
        let known = Fingerprint::of(&chain[0]);
        Shown { chain, key: Some(PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()), known }
    }

    fn presents(&self) -> Presents {
        Presents(self.key.as_ref().map(|key| {
            let key = ring::sign::any_supported_type(key).unwrap();
            Arc::new(CertifiedKey::new(self.chain.clone(), key))
        }))
    }
}

fn leaf(name: &str, from: i64, days: i64) -> Shown {
    Shown::of(&keys::leaf(&keys::identity().unwrap(), name, from, days * DAY).unwrap())
}

/// The ways to be wrong, and words of which one must stand in the node's error. Peers are called `peer`.
fn wrong() -> Vec<(&'static str, Shown, &'static [&'static str])> {
    let good = || leaf("peer", now(), 90);
    let with = |change: &dyn Fn(&mut Shown)| {
        let mut shown = good();
        change(&mut shown);
        shown
    };
    vec![
        ("expired", leaf("peer", now() - 100 * DAY, 10), &["expired"]),
        ("not yet valid", leaf("peer", now() + 10 * DAY, 90), &["not valid yet"]),
        ("another's name", leaf("other", now(), 90), &["not valid for name"]),
        ("unknown", with(&|s| s.known = good().known), &["is not pinned"]),
        ("wrong key", with(&|s| s.key = good().key), &["BadSignature", "bad signature"]),
        (
            "corrupted signature",
            with(&|s| {
                let mut der = s.chain[0].to_vec();
                *der.last_mut().unwrap() ^= 1;
                s.known = Fingerprint::of(&der);
                s.chain[0] = CertificateDer::from(der);
            }),
            &["BadSignature", "bad signature"],
        ),
        ("another identity", with(&|s| s.chain[1] = good().chain[1].clone()), &["BadSignature", "UnknownIssuer"]),
        ("no identity", with(&|s| s.chain.truncate(1)), &["UnknownIssuer", "BadSignature"]),
        (
            "its identity instead of it",
            with(&|s| {
                s.chain.remove(0);
                s.known = Fingerprint::of(&s.chain[0]);
            }),
            &["CaUsedAsEndEntity", "not valid for name", "EndEntity"],
        ),
        (
            "no certificate at all, but bytes",
            with(&|s| {
                s.chain = vec![CertificateDer::from(b"certificate".to_vec())];
                s.known = Fingerprint::of(b"certificate");
            }),
            &["BadEncoding", "malformed", "bad encoding"],
        ),
    ]
}

/// The certificate of the node that is tested.
fn own() -> (Identity, Fingerprint) {
    let pem = keys::leaf(&keys::identity().unwrap(), "node", now(), 90 * DAY).unwrap();
    let identity = Identity::from_pem(&pem).unwrap();
    let print = identity.fingerprint();
    (identity, print)
}

fn meet(
    me: usize,
    peers: &[Peer],
    identity: &Identity,
    listener: TcpListener,
    wait: Duration,
) -> Result<Links, ConnectError> {
    tcp::connect(Call {
        me,
        peers,
        identity,
        listener,
        wait,
        clients: &[],
        build: "test",
        stop: &Stop::default(),
        note: &|_| {},
        farewell: &|e| e.to_string().into_bytes(),
    })
}

/// The nodes: ours listens (index 0) or calls (index 1).
fn peers(calls: bool, own: (Fingerprint, String), other: (Fingerprint, String)) -> Vec<Peer> {
    let peer =
        |name: &str, (f, address): (Fingerprint, String)| Peer { name: name.into(), address, fingerprints: vec![f] };
    let mut all = vec![peer("node", own), peer("peer", other)];
    if calls {
        all.reverse();
    }
    all
}

fn bind() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

fn client_config(presents: Presents) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_client_cert_resolver(Arc::new(presents));
    config.enable_sni = false;
    Arc::new(config)
}

/// A stream of TLS to a node, whose handshake runs with the first read or write.
fn call(address: &str, presents: Presents) -> StreamOwned<ClientConnection, TcpStream> {
    let tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let name = ServerName::try_from("any.mpcc").unwrap();
    StreamOwned::new(ClientConnection::new(client_config(presents), name).unwrap(), tcp)
}

/// Long enough for a handshake on a busy machine; what is missing is known after it.
const WAIT: Duration = Duration::from_millis(1500);

fn holds(e: &ConnectError, case: &str, words: &[&str]) {
    let text = e.to_string();
    assert!(words.iter().any(|w| text.contains(w)), "{case}: {text}");
    assert!(text.contains("peer"), "{case}: {text}");
}

#[test]
fn a_caller_with_a_wrong_certificate_is_refused() {
    std::thread::scope(|s| {
        for (case, shown, words) in wrong() {
            s.spawn(move || {
                let (identity, print) = own();
                let (listener, address) = bind();
                let all = peers(false, (print, address.clone()), (shown.known, "127.0.0.1:9".into()));
                let node = std::thread::spawn(move || meet(0, &all, &identity, listener, WAIT));
                let mut stream = call(&address, shown.presents());
                let knocked = stream.write_all(&Knock::new(Word::Run, 0, "test").encode());
                let answered = knocked.and_then(|()| stream.read_exact(&mut [0; KNOCK]));
                assert!(answered.is_err(), "{case}: it was let in");
                let e = node.join().unwrap().unwrap_err();
                assert!(matches!(e, ConnectError::Absent { peer: 1, .. }), "{case}: {e}");
                holds(&e, case, words);
            });
        }
    });
}

#[test]
fn a_listener_with_a_wrong_certificate_is_refused() {
    std::thread::scope(|s| {
        for (case, shown, words) in wrong() {
            s.spawn(move || {
                let (identity, print) = own();
                let (theirs, address) = bind();
                let all = peers(true, (print, "127.0.0.1:9".into()), (shown.known, address));
                let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                    .with_protocol_versions(&[&rustls::version::TLS13])
                    .unwrap()
                    .with_client_cert_verifier(Arc::new(Anyone))
                    .with_cert_resolver(Arc::new(shown.presents()));
                let config = Arc::new(config);
                std::thread::spawn(move || {
                    while let Ok((tcp, _)) = theirs.accept() {
                        let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
                        let mut knock = [0; KNOCK];
                        if stream.read_exact(&mut knock).is_ok() {
                            let _ = stream.write_all(&Knock::new(Word::Welcome, 0, "test").encode());
                            let _ = stream.read(&mut [0; 1]);
                        }
                    }
                });
                let e = meet(1, &all, &identity, bind().0, WAIT).unwrap_err();
                assert!(matches!(e, ConnectError::Identity { peer: 0, .. }), "{case}: {e}");
                holds(&e, case, words);
            });
        }
    });
}

#[test]
fn without_a_certificate_nobody_comes_in() {
    let (identity, print) = own();
    let (listener, address) = bind();
    let all = peers(false, (print, address.clone()), (leaf("peer", now(), 1).known, "127.0.0.1:9".into()));
    let node = std::thread::spawn(move || meet(0, &all, &identity, listener, WAIT));
    let mut stream = call(&address, Presents(None));
    let _ = stream.write_all(&Knock::new(Word::Run, 0, "test").encode());
    assert!(stream.read_exact(&mut [0; KNOCK]).is_err());
    let e = node.join().unwrap().unwrap_err();
    holds(&e, "none", &["no certificates", "sent no certificate"]);
}

/// Two nodes whose certificates lie at each other's place.
#[test]
fn swapped_certificates_are_refused() {
    let (identity, print) = own();
    let (one, two) = (leaf("one", now(), 90), leaf("two", now(), 90));
    let peer = |name: &str, f: Fingerprint, address: String| Peer { name: name.into(), address, fingerprints: vec![f] };
    let (theirs, address) = bind();
    // At the address of `one` answers who has the certificate of `two`.
    let all = vec![
        peer("one", one.known, address),
        peer("node", print, "127.0.0.1:9".into()),
        peer("two", two.known, "127.0.0.1:9".into()),
    ];
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(Arc::new(Anyone))
        .with_cert_resolver(Arc::new(two.presents()));
    let config = Arc::new(config);
    std::thread::spawn(move || {
        while let Ok((tcp, _)) = theirs.accept() {
            let _ = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp).read(&mut [0; 1]);
        }
    });
    let e = meet(1, &all, &identity, bind().0, WAIT).unwrap_err();
    assert!(matches!(&e, ConnectError::Identity { peer: 0, .. }), "{e}");
    assert!(e.to_string().contains("one at") && e.to_string().contains("is not pinned"), "{e}");
}

/// A record of TLS with one handshake message.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0, (body.len() >> 8) as u8, body.len() as u8];
    message.extend_from_slice(body);
    let mut out = vec![22, 3, 3, (message.len() >> 8) as u8, message.len() as u8];
    out.extend_from_slice(&message);
    out
}

#[test]
fn older_tls_and_no_tls_are_refused_in_both_directions() {
    // A ClientHello of TLS 1.2: version, random, no session, one suite, no compression, no extensions.
    let mut hello = vec![3, 3];
    hello.extend_from_slice(&[7; 32]);
    hello.extend_from_slice(&[0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 0]);
    let mut answer = vec![3, 3];
    answer.extend_from_slice(&[7; 32]);
    answer.extend_from_slice(&[0, 0xc0, 0x2b, 0, 0, 0]);
    let plain = wire::Header::new(wire::Kind::Hello, 0, 0, 0).unwrap().encode().to_vec();
    let cases = [("TLS 1.2", record(1, &hello), record(2, &answer)), ("plain", plain.clone(), plain)];
    std::thread::scope(|s| {
        for (case, from_caller, from_listener) in cases {
            s.spawn(move || {
                let (identity, print) = own();
                let (listener, address) = bind();
                let known = leaf("peer", now(), 1).known;
                let all = peers(false, (print, address.clone()), (known, "127.0.0.1:9".into()));
                let node = std::thread::spawn(move || meet(0, &all, &identity, listener, WAIT));
                let mut tcp = TcpStream::connect(&address).unwrap();
                tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                tcp.write_all(&from_caller).unwrap();
                let mut said = Vec::new();
                let _ = tcp.read_to_end(&mut said);
                // An alert at most: no certificate of ours, no frame.
                assert!(said.len() < 16, "{case}: {said:?}");
                let e = node.join().unwrap().unwrap_err();
                assert!(matches!(&e, ConnectError::Absent { last: Some(_), .. }), "{case}: {e}");
                holds(&e, case, &["refused"]);

                let (identity, print) = own();
                let (theirs, address) = bind();
                std::thread::spawn(move || {
                    while let Ok((mut tcp, _)) = theirs.accept() {
                        let _ = tcp.write_all(&from_listener);
                        let _ = tcp.read_to_end(&mut Vec::new());
                    }
                });
                let all = peers(true, (print, "127.0.0.1:9".into()), (known, address));
                let e = meet(1, &all, &identity, bind().0, WAIT).unwrap_err();
                assert!(matches!(&e, ConnectError::Absent { peer: 0, last: Some(_), .. }), "{case}: {e}");
            });
        }
    });
}

#[test]
fn another_wire_version_is_named_at_both_ends_with_both_values() {
    let theirs = leaf("peer", now(), 90);
    let (identity, print) = own();
    let (listener, address) = bind();
    let all = peers(false, (print, address.clone()), (theirs.known, "127.0.0.1:9".into()));
    let node = std::thread::spawn(move || meet(0, &all, &identity, listener, Duration::from_secs(30)));
    let mut stream = call(&address, theirs.presents());
    let knock = Knock { version: 77, ..Knock::new(Word::Run, 0, "9.9.9") };
    stream.write_all(&knock.encode()).unwrap();
    let mut answer = [0; KNOCK];
    stream.read_exact(&mut answer).unwrap();
    let answer = Knock::decode(&answer).unwrap();
    assert_eq!((answer.word, answer.version), (Some(Word::Version), wire::VERSION));
    let e = node.join().unwrap().unwrap_err();
    let ConnectError::Version { peer: 1, mine, theirs, .. } = &e else { panic!("{e}") };
    assert!(theirs.contains("77 (mpcc 9.9.9)") && mine.contains(&wire::VERSION.to_string()), "{e}");

    // The one who calls hears it from the answer.
    let shown = leaf("peer", now(), 90);
    let (identity, print) = own();
    let (their_listener, address) = bind();
    let all = peers(true, (print, "127.0.0.1:9".into()), (shown.known, address));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(Arc::new(Anyone))
        .with_cert_resolver(Arc::new(shown.presents()));
    let config = Arc::new(config);
    std::thread::spawn(move || {
        let (tcp, _) = their_listener.accept().unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), tcp);
        stream.read_exact(&mut [0; KNOCK]).unwrap();
        let knock = Knock { version: 77, ..Knock::new(Word::Version, 0, "9.9.9") };
        stream.write_all(&knock.encode()).unwrap();
        let _ = stream.read(&mut [0; 1]);
    });
    let e = meet(1, &all, &identity, bind().0, Duration::from_secs(30)).unwrap_err();
    assert!(matches!(&e, ConnectError::Version { peer: 0, .. }), "{e}");
}

/// Two good nodes, whatever else goes on at the door of the first.
fn meets_despite(strangers: impl FnOnce(&str)) {
    let pem = |name: &str| keys::leaf(&keys::identity().unwrap(), name, now(), 90 * DAY).unwrap();
    let ids: Vec<Identity> = ["node", "peer"].map(|n| Identity::from_pem(&pem(n)).unwrap()).into();
    let (listener, address) = bind();
    let all = peers(false, (ids[0].fingerprint(), address.clone()), (ids[1].fingerprint(), "127.0.0.1:9".into()));
    std::thread::scope(|s| {
        let (ids, all) = (&ids, &all);
        let zero = s.spawn(move || meet(0, all, &ids[0], listener, Duration::from_secs(60)));
        strangers(&address);
        let one = meet(1, all, &ids[1], bind().0, Duration::from_secs(60)).unwrap();
        let zero = zero.join().unwrap().unwrap();
        assert_eq!((zero.me(), one.me()), (0, 1));
    });
}

#[test]
fn many_who_hold_the_door_do_not_keep_a_node_out() {
    let mut held = Vec::new();
    meets_despite(|address| {
        for k in 0..3 * PENDING {
            let mut tcp = TcpStream::connect(address).unwrap();
            // Some say nothing, some the beginning of a record that never ends, some what is no TLS.
            let _ = match k % 3 {
                0 => Ok(()),
                1 => tcp.write_all(&[22, 3, 1, 0x3f, 0xff, 1, 0]),
                _ => tcp.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            };
            held.push(tcp);
        }
        // The oldest silent one was made to go, long before its time was over.
        held[0].set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert!(!matches!(held[0].read(&mut [0; 1]), Ok(1)));
    });
}

#[test]
fn who_says_nothing_is_sent_away() {
    meets_despite(|address| {
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.set_read_timeout(Some(HANDSHAKE * 6)).unwrap();
        // A byte now and then does not prolong it.
        tcp.write_all(&[22]).unwrap();
        let mut said = Vec::new();
        tcp.read_to_end(&mut said).expect("it is closed by the node, not by our patience");
        assert!(said.is_empty());
    });
}

#[test]
fn who_says_too_much_is_sent_away() {
    meets_despite(|address| {
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.set_read_timeout(Some(HANDSHAKE * 6)).unwrap();
        tcp.set_write_timeout(Some(HANDSHAKE * 6)).unwrap();
        // A handshake message that claims 16 MiB, in records that are right.
        let mut first = vec![22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
        first.resize(5 + 0x4000, 0);
        let mut sent = 0;
        while sent < 64 * BEFORE_KNOWN {
            match tcp.write(&first) {
                Ok(n) => sent += n,
                Err(_) => break,
            }
            first.iter_mut().skip(5).for_each(|b| *b = 0);
        }
        // What was written beyond the limit lies in buffers of the system; the node hangs up.
        let _ = tcp.read_to_end(&mut Vec::new());
        assert!((0..100).any(|_| tcp.write_all(&[0; 1 << 16]).is_err()));
    });
}
