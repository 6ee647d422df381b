//! Identities and pins: who a peer is, decided by the fingerprint of its certificate.
//!
//! TLS 1.3 only, both sides present a self-signed certificate; a certificate is accepted if its SHA-256 is pinned for the
//! peer, it is signed by its own key, today is within its validity, and the peer proves to hold the key (the signature of
//! the handshake). No certificate authority is trusted. Keys appear in no `Debug` and no error.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerIncompatible,
    RootCertStore, ServerConfig, SignatureScheme,
};
use sha2::{Digest, Sha256};

/// The name in certificates that this crate makes. Peers are told apart by fingerprint, not by name.
pub const SERVER_NAME: &str = "node.mpcc";

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

/// A node's certificate and key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.fingerprint())
    }
}

impl Identity {
    /// A fresh self-signed certificate (ECDSA P-256) and its key, and both as PEM: certificate, then key.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn generate() -> Result<(Identity, String), String> {
        let params = rcgen::CertificateParams::new(vec![SERVER_NAME.to_owned()]).map_err(|e| e.to_string())?;
        Identity::from_params(params)
    }

    pub(crate) fn from_params(params: rcgen::CertificateParams) -> Result<(Identity, String), String> {
        let key = rcgen::KeyPair::generate().map_err(|e| e.to_string())?;
        let certificate = params.self_signed(&key).map_err(|e| e.to_string())?;
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        Ok((Identity::from_pem(&pem)?, pem))
    }

    /// Reads a certificate and a key from PEM text.
    ///
    /// # Errors
    /// If one of them is missing or malformed; the text is not shown.
    pub fn from_pem(pem: &str) -> Result<Identity, String> {
        let certificate =
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| "no certificate in the identity file")?;
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| "no private key in the identity file")?;
        Ok(Identity { certificate, key })
    }

    /// Of the certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }
}

/// Accepts the certificates that are pinned; see the module.
#[derive(Debug)]
struct Pins {
    allowed: Vec<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl Pins {
    fn check(&self, leaf: &CertificateDer<'_>, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let found = Fingerprint::of(leaf);
        if !self.allowed.contains(&found) {
            let pinned: Vec<String> = self.allowed.iter().map(|f| f.to_string()).collect();
            let text = format!("certificate {found} is not pinned (pinned: {})", pinned.join(", "));
            return Err(CertificateError::Other(OtherError(Arc::new(NotPinned(text)))).into());
        }
        let mut roots = RootCertStore::empty();
        roots.add(leaf.clone().into_owned())?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&ParsedCertificate::try_from(leaf)?, &roots, chain, now, algorithms)
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

fn pins(allowed: Vec<Fingerprint>) -> (Arc<Pins>, Arc<CryptoProvider>) {
    let provider = Arc::new(ring::default_provider());
    (Arc::new(Pins { allowed, provider: provider.clone() }), provider)
}

/// What a connecting node uses: it presents `identity` and accepts the pinned server only.
pub(crate) fn client_config(identity: &Identity, allowed: Vec<Fingerprint>) -> Result<ClientConfig, Error> {
    let (pins, provider) = pins(allowed);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(pins)
        .with_client_auth_cert(vec![identity.certificate.clone()], identity.key.clone_key())?;
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// What a listening node uses: it presents `identity` and accepts pinned clients only.
pub(crate) fn server_config(identity: &Identity, allowed: Vec<Fingerprint>) -> Result<ServerConfig, Error> {
    let (pins, provider) = pins(allowed);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(pins)
        .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())?;
    config.send_tls13_tickets = 0;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn fresh() -> Identity {
        Identity::generate().unwrap().0
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
        let (pins, _) = pins(vec![mine.fingerprint()]);
        let at = |s: u64| UnixTime::since_unix_epoch(Duration::from_secs(s));
        pins.check(&mine.certificate, &[], at(1_700_000_000)).unwrap();
        let e = pins.check(&other.certificate, &[], at(1_700_000_000)).unwrap_err();
        assert!(e.to_string().contains("not pinned"), "{e}");

        let mut params = rcgen::CertificateParams::new(vec![SERVER_NAME.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2024, 1, 1);
        params.not_after = rcgen::date_time_ymd(2025, 1, 1);
        let (short, _) = Identity::from_params(params).unwrap();
        let pins = Pins { allowed: vec![short.fingerprint()], provider: Arc::new(ring::default_provider()) };
        pins.check(&short.certificate, &[], at(1_710_000_000)).unwrap();
        for outside in [1_700_000_000, 1_740_000_000] {
            assert!(pins.check(&short.certificate, &[], at(outside)).is_err());
        }
    }

    #[test]
    fn a_forged_self_signature_is_refused_even_if_pinned() {
        let mut der = fresh().certificate.to_vec();
        *der.last_mut().unwrap() ^= 1;
        let forged = CertificateDer::from(der);
        let (pins, _) = pins(vec![Fingerprint::of(&forged)]);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_700_000_000));
        assert!(pins.check(&forged, &[], now).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let (identity, pem) = Identity::generate().unwrap();
        let key_line = pem.lines().rev().nth(1).unwrap();
        assert!(!format!("{identity:?}").contains(key_line));
        assert!(format!("{identity:?}").len() < 100);
    }
}
