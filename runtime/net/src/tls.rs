//! Identities and pins: who a peer is, decided by the fingerprint of its certificate.
//!
//! TLS 1.3 only, both sides present a certificate; it is accepted if its SHA-256 is pinned for the peer, it carries the peer's
//! name, it is signed by its own key or that of the identity that comes with it, today is within its validity, and the peer
//! proves to hold the key (the signature of the handshake). No certificate authority is trusted. Nothing is resumed: each
//! connection makes keys of its own. Keys appear in no `Debug` and no error.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerIncompatible,
    RootCertStore, ServerConfig, SignatureScheme,
};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::keys::certificate_name;

/// What a caller asks for. It does not travel: peers are told apart by fingerprint.
pub(crate) const SERVER_NAME: &str = "node.mpcc";

/// SHA-256 of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of this certificate (DER).
    pub fn of(certificate: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(certificate).into())
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Fingerprint, String> {
        let hex = text.strip_prefix("sha256:").ok_or("a fingerprint starts with `sha256:`")?;
        let digits: Vec<u8> = hex
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16).map(|d| d as u8).ok_or(format!("`{c}` is no hexadecimal digit")))
            .collect::<Result<_, _>>()?;
        let pairs: Vec<u8> = digits.chunks(2).map(|p| p[0] << 4 | p.get(1).copied().unwrap_or(0)).collect();
        match (digits.len(), <[u8; 32]>::try_from(pairs)) {
            (64, Ok(bytes)) => Ok(Fingerprint(bytes)),
            (n, _) => Err(format!("a SHA-256 fingerprint has 64 hexadecimal digits, not {n}")),
        }
    }
}

/// A certificate with those that vouch for it, and its key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.fingerprint())
    }
}

impl Identity {
    /// A fresh self-signed certificate (ECDSA P-256) for `name` and its key, and both as PEM: certificate, then key.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn generate(name: &str) -> Result<(Identity, Zeroizing<String>), String> {
        let params = rcgen::CertificateParams::new(vec![certificate_name(name)]).map_err(|e| e.to_string())?;
        Identity::from_params(params)
    }

    pub(crate) fn from_params(params: rcgen::CertificateParams) -> Result<(Identity, Zeroizing<String>), String> {
        let key = rcgen::KeyPair::generate().map_err(|e| e.to_string())?;
        let certificate = params.self_signed(&key).map_err(|e| e.to_string())?;
        let secret = Zeroizing::new(key.serialize_pem());
        let pem = Zeroizing::new(format!("{}{}", certificate.pem(), *secret));
        Ok((Identity::from_pem(&pem)?, pem))
    }

    /// Reads a certificate, those that vouch for it, and its key from PEM text.
    ///
    /// # Errors
    /// If one of them is missing or malformed; the text is not shown.
    pub fn from_pem(pem: &str) -> Result<Identity, String> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| "a damaged certificate in the key file")?;
        if chain.is_empty() {
            return Err("no certificate in the key file".into());
        }
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| "no private key in the key file")?;
        Ok(Identity { chain, key })
    }

    /// Gives the private key's bytes to who derives other keys from it.
    pub fn with_key<T>(&self, derive: impl FnOnce(&[u8]) -> T) -> T {
        derive(self.key.secret_der())
    }

    /// Of the certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        self.chain.first().map_or(Fingerprint([0; 32]), |c| Fingerprint::of(c))
    }
}

/// A certificate that is accepted, and the name that it must carry, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) name: Option<String>,
}

/// Accepts the certificates that are pinned; see the module.
#[derive(Debug)]
struct Pins {
    allowed: Vec<Pin>,
    provider: Arc<CryptoProvider>,
}

impl Pins {
    fn check(&self, leaf: &CertificateDer<'_>, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let found = Fingerprint::of(leaf);
        let Some(pin) = self.allowed.iter().find(|p| p.fingerprint == found) else {
            let pinned: Vec<String> = self.allowed.iter().take(6).map(|p| p.fingerprint.to_string()).collect();
            return Err(refuse(format!("certificate {found} is not pinned (pinned: {})", pinned.join(", "))));
        };
        let parsed = ParsedCertificate::try_from(leaf)?;
        if let Some(name) = &pin.name {
            let wanted = ServerName::try_from(certificate_name(name)).map_err(|e| refuse(e.to_string()))?;
            verify_server_name(&parsed, &wanted)?;
        }
        vouched(leaf, chain, now)
    }

    fn signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a certificate is signed by the last of `chain` (its identity), or by itself if there is none, and valid at `now`.
/// What it is worth comes from the pin: who signed it is only as good as who presents it.
pub(crate) fn vouched(leaf: &CertificateDer<'_>, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    roots.add(chain.last().unwrap_or(leaf).clone().into_owned())?;
    let algorithms = ring::default_provider().signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&ParsedCertificate::try_from(leaf)?, &roots, chain, now, algorithms)
}

/// Why a certificate is refused, in words.
pub(crate) fn reason(why: &CertificateError) -> String {
    match why {
        CertificateError::Other(OtherError(ours)) => ours.to_string(),
        other => format!("its certificate: {other}"),
    }
}

fn refuse(why: String) -> Error {
    CertificateError::Other(OtherError(Arc::new(NotPinned(why)))).into()
}

/// A certificate that nobody pinned.
#[derive(Debug)]
struct NotPinned(String);

impl std::fmt::Display for NotPinned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotPinned {}

impl ServerCertVerifier for Pins {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for Pins {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

fn pins(allowed: Vec<Pin>) -> (Arc<Pins>, Arc<CryptoProvider>) {
    let provider = Arc::new(ring::default_provider());
    (Arc::new(Pins { allowed, provider: provider.clone() }), provider)
}

/// What a connecting node uses: it presents `identity` and accepts the pinned server only.
pub(crate) fn client_config(identity: &Identity, allowed: Vec<Pin>) -> Result<ClientConfig, Error> {
    let (pins, provider) = pins(allowed);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(pins)
        .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?;
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(config)
}

/// What a listening node uses: it presents `identity` and accepts pinned clients only.
pub(crate) fn server_config(identity: &Identity, allowed: Vec<Pin>) -> Result<ServerConfig, Error> {
    let (pins, provider) = pins(allowed);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(pins)
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())?;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;
    use std::time::Duration;

    fn fresh() -> Identity {
        Identity::generate("north").unwrap().0
    }

    fn leaf(identity: &Identity) -> &CertificateDer<'static> {
        &identity.chain[0]
    }

    fn pin(fingerprint: Fingerprint) -> Vec<Pin> {
        vec![Pin { fingerprint, name: Some("north".into()) }]
    }

    #[test]
    fn fingerprints_survive_text() {
        let f = fresh().fingerprint();
        assert_eq!(f.to_string().parse(), Ok(f));
        for bad in ["", "sha256:", "sha256:zz", "md5:00", &f.to_string()[..70]] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_pinned_certificate_passes_and_only_while_it_is_valid() {
        let (mine, other) = (fresh(), fresh());
        let (pins, _) = pins(pin(mine.fingerprint()));
        let at = |s: u64| UnixTime::since_unix_epoch(Duration::from_secs(s));
        pins.check(leaf(&mine), &[], at(1_700_000_000)).unwrap();
        let e = pins.check(leaf(&other), &[], at(1_700_000_000)).unwrap_err();
        assert!(e.to_string().contains("not pinned"), "{e}");

        let mut params = rcgen::CertificateParams::new(vec![certificate_name("north")]).unwrap();
        params.not_before = rcgen::date_time_ymd(2024, 1, 1);
        params.not_after = rcgen::date_time_ymd(2025, 1, 1);
        let (short, _) = Identity::from_params(params).unwrap();
        let pins = Pins { allowed: pin(short.fingerprint()), provider: Arc::new(ring::default_provider()) };
        pins.check(leaf(&short), &[], at(1_710_000_000)).unwrap();
        for outside in [1_700_000_000, 1_740_000_000] {
            assert!(pins.check(leaf(&short), &[], at(outside)).is_err());
        }
    }

    #[test]
    fn a_leaf_is_vouched_for_by_its_identity_and_carries_its_owner_s_name() {
        const NOW: i64 = 1_800_000_000;
        let at = UnixTime::since_unix_epoch(Duration::from_secs(NOW as u64));
        let (mine, other) = (keys::identity().unwrap(), keys::identity().unwrap());
        let made = |key: &str, name: &str| Identity::from_pem(&keys::leaf(key, name, NOW, 1000).unwrap()).unwrap();
        let north = made(&mine, "north");
        let (pins_north, _) = pins(pin(north.fingerprint()));
        pins_north.check(leaf(&north), &north.chain[1..], at).unwrap();
        let late = UnixTime::since_unix_epoch(Duration::from_secs(NOW as u64 + 1001));
        let e = pins_north.check(leaf(&north), &north.chain[1..], late).unwrap_err();
        assert!(e.to_string().contains("expired"), "{e}");
        // Another identity does not vouch for it; nor does it for itself.
        let stranger = made(&other, "north");
        assert!(pins_north.check(leaf(&north), &stranger.chain[1..], at).is_err());
        assert!(pins_north.check(leaf(&north), &[], at).is_err());
        // Pinned under another's name.
        let south = made(&mine, "south");
        let (pins, _) = pins(pin(south.fingerprint()));
        let e = pins.check(leaf(&south), &south.chain[1..], at).unwrap_err();
        assert!(e.to_string().contains("not valid for name"), "{e}");
    }

    #[test]
    fn a_forged_self_signature_is_refused_even_if_pinned() {
        let mut der = leaf(&fresh()).to_vec();
        *der.last_mut().unwrap() ^= 1;
        let forged = CertificateDer::from(der);
        let (pins, _) = pins(pin(Fingerprint::of(&forged)));
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_700_000_000));
        assert!(pins.check(&forged, &[], now).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let (identity, pem) = Identity::generate("north").unwrap();
        let key_line = pem.lines().rev().nth(1).unwrap();
        assert!(!format!("{identity:?}").contains(key_line));
        assert!(format!("{identity:?}").len() < 100);
    }
}
