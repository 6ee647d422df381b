//! Keys and certificates of one who takes part: made, renewed, read.
//!
//! An *identity* is an ed25519 key that lasts; it signs *leaf* certificates, each with a key of its own, and is not needed to
//! take part in a run. A leaf is what TLS presents and what others pin by fingerprint; it expires. Text in PEM; knows no
//! files. Keys are wiped when dropped, and appear in no error.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::tls::{Fingerprint, vouched};

/// How long before its making a certificate is valid: clocks of hosts differ a little.
const EARLIER: i64 = 3600;

/// The name in the certificate of who is called `name`.
pub fn certificate_name(name: &str) -> String {
    format!("{}.mpcc", name.to_ascii_lowercase())
}

/// A new identity: its private key in PEM (PKCS #8).
///
/// # Errors
/// If the system gives no randomness.
pub fn identity() -> Result<Zeroizing<String>, String> {
    let key = KeyPair::generate_for(&PKCS_ED25519).map_err(|e| e.to_string())?;
    Ok(Zeroizing::new(key.serialize_pem()))
}

/// A new leaf, signed by an identity: its certificate, that of the identity, and the leaf's private key, all in PEM. It is
/// valid for `seconds` from `now` (seconds since 1970), and from an hour before.
///
/// # Errors
/// If `identity` is no key, or there is no randomness; the text is not shown.
pub fn leaf(identity: &str, name: &str, now: i64, seconds: i64) -> Result<Zeroizing<String>, String> {
    let signer = KeyPair::from_pem(identity).map_err(|_| "no private key in the identity file")?;
    let date = |s: i64| OffsetDateTime::from_unix_timestamp(s).map_err(|_| "a date that no certificate can hold");
    let named = |text: String| {
        let mut dn = DistinguishedName::new();
        dn.push(DnType::CommonName, text);
        dn
    };
    let mut root = CertificateParams::default();
    root.distinguished_name = named(format!("{name} identity"));
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root_certificate = root.self_signed(&signer).map_err(|e| e.to_string())?;

    let key = KeyPair::generate_for(&PKCS_ED25519).map_err(|e| e.to_string())?;
    let mut params = CertificateParams::new(vec![certificate_name(name)]).map_err(|e| e.to_string())?;
    params.distinguished_name = named(name.to_owned());
    params.not_before = date(now.saturating_sub(EARLIER))?;
    params.not_after = date(now.saturating_add(seconds))?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &Issuer::from_params(&root, &signer)).map_err(|e| e.to_string())?;
    let secret = Zeroizing::new(key.serialize_pem());
    Ok(Zeroizing::new(format!("{}{}{}", certificate.pem(), root_certificate.pem(), *secret)))
}

/// What a leaf says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// What others pin.
    pub fingerprint: Fingerprint,
    /// Of the identity's certificate, which a new leaf shares with the old one.
    pub identity: Option<Fingerprint>,
    /// Seconds since 1970 from which it is valid.
    pub from: i64,
    /// Seconds since 1970 until which it is valid.
    pub until: i64,
}

/// Reads the first certificate of a PEM text, and that of its identity if it follows.
///
/// # Errors
/// If there is none, or its identity did not sign it; the text is not shown.
pub fn read(pem: &str) -> Result<Leaf, String> {
    let damaged = || "the certificate is damaged".to_owned();
    let chain: Vec<CertificateDer<'_>> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(|_| damaged())?;
    let leaf = chain.first().ok_or("no certificate in the file")?;
    // Who asks at the end of time is told when that ended, and likewise at the beginning.
    let until = match vouched(leaf, &chain[1..], UnixTime::since_unix_epoch(Duration::from_secs(1 << 40))) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => not_after.as_secs(),
        Err(_) => return Err(damaged()),
        Ok(()) => i64::MAX as u64,
    };
    let from = match vouched(leaf, &chain[1..], UnixTime::since_unix_epoch(Duration::ZERO)) {
        Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => not_before.as_secs(),
        Err(_) => return Err(damaged()),
        Ok(()) => 0,
    };
    Ok(Leaf {
        fingerprint: Fingerprint::of(leaf),
        identity: chain.get(1).map(|c| Fingerprint::of(c)),
        from: from as i64,
        until: until as i64,
    })
}

/// A date and time of day, UTC: `2026-11-25 14:30 UTC`.
pub fn date(seconds: i64) -> String {
    match OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(t) => {
            format!("{}-{:02}-{:02} {:02}:{:02} UTC", t.year(), u8::from(t.month()), t.day(), t.hour(), t.minute())
        }
        Err(_) => format!("{seconds} s since 1970"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 86_400;

    #[test]
    fn a_leaf_says_whose_it_is_and_how_long() {
        let identity = identity().unwrap();
        let one = read(&leaf(&identity, "north", NOW, 90 * DAY).unwrap()).unwrap();
        assert_eq!((one.from, one.until), (NOW - 3600, NOW + 90 * DAY));
        let two = read(&leaf(&identity, "north", NOW, 90 * DAY).unwrap()).unwrap();
        assert_ne!(one.fingerprint, two.fingerprint, "each leaf has a key of its own");
        assert_eq!(one.identity, two.identity);
        assert!(one.identity.is_some());
        assert_eq!(date(one.until), "2027-04-15 08:00 UTC");
    }

    #[test]
    fn errors_show_no_key() {
        let identity = identity().unwrap();
        let secret = identity.lines().nth(1).unwrap().to_owned();
        let broken = identity.replace("BEGIN", "BEGUN");
        let e = leaf(&broken, "north", NOW, DAY).unwrap_err();
        assert!(!e.contains(&secret[..16]), "{e}");
        assert!(read("no pem").is_err());
        assert!(leaf(&identity, "north", i64::MAX - 10, DAY).is_err());
    }
}
