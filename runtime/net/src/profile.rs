//! Network profiles: a round-trip time and a bandwidth, to emulate and to optimise for. Knows only the numbers.

use std::time::Duration;

/// A network between two nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Round-trip time.
    pub rtt: Duration,
    /// Bits per second in each direction of each link.
    pub bits_per_second: f64,
}

impl Profile {
    /// One site: 0.5 ms, 10 Gbit/s.
    pub const LAN: Profile = Profile { rtt: Duration::from_micros(500), bits_per_second: 10e9 };
    /// Several sites: 40 ms, 100 Mbit/s.
    pub const WAN: Profile = Profile { rtt: Duration::from_millis(40), bits_per_second: 100e6 };

    /// Reads `lan`, `wan`, or `rtt=40ms,bw=100mbit` (one of the two may be left out: then it costs nothing).
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would do.
    pub fn parse(text: &str) -> Result<Profile, String> {
        match text {
            "lan" => return Ok(Profile::LAN),
            "wan" => return Ok(Profile::WAN),
            _ => {}
        }
        let help = "expected `lan`, `wan`, or `rtt=40ms,bw=100mbit`";
        let mut profile = Profile { rtt: Duration::ZERO, bits_per_second: f64::INFINITY };
        let mut seen = Vec::new();
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}`: {help}"))?;
            if seen.contains(&name) {
                return Err(format!("`{name}` is given twice"));
            }
            seen.push(name);
            let digits = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
            let (number, unit) = value.split_at(digits);
            let number: f64 = number.parse().map_err(|_| format!("`{value}` has no number: {help}"))?;
            match (name, unit) {
                ("rtt", "us") => profile.rtt = seconds(number * 1e-6)?,
                ("rtt", "ms") => profile.rtt = seconds(number * 1e-3)?,
                ("rtt", "s") => profile.rtt = seconds(number)?,
                ("bw", "kbit") => profile.bits_per_second = number * 1e3,
                ("bw", "mbit") => profile.bits_per_second = number * 1e6,
                ("bw", "gbit") => profile.bits_per_second = number * 1e9,
                ("rtt", _) => return Err(format!("unit of `{value}`: expected us, ms, or s")),
                ("bw", _) => return Err(format!("unit of `{value}`: expected kbit, mbit, or gbit")),
                _ => return Err(format!("unknown setting `{name}`: {help}")),
            }
        }
        if profile.bits_per_second <= 0.0 {
            return Err("a bandwidth of zero carries nothing".into());
        }
        Ok(profile)
    }

    /// How long `bytes` keep a link busy.
    pub fn serialise(&self, bytes: usize) -> Duration {
        let seconds = bytes as f64 * 8.0 / self.bits_per_second;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Bytes under way on a busy link.
    pub fn in_flight(&self) -> usize {
        let bytes = self.rtt.as_secs_f64() * self.bits_per_second / 8.0;
        if bytes.is_finite() { (bytes as usize).min(1 << 30) } else { 0 }
    }
}

fn seconds(s: f64) -> Result<Duration, String> {
    match Duration::try_from_secs_f64(s) {
        Ok(d) if d <= Duration::from_secs(60) => Ok(d),
        _ => Err(format!("a round trip of {s} s is more than the 60 s that can be emulated")),
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let us = self.rtt.as_secs_f64() * 1e6;
        if self.bits_per_second.is_finite() {
            write!(f, "rtt={us}us,bw={}kbit", self.bits_per_second / 1e3)
        } else {
            write!(f, "rtt={us}us")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints() {
        for text in ["lan", "wan", "rtt=40ms,bw=100mbit", "bw=1.5gbit", "rtt=7us"] {
            let p = Profile::parse(text).unwrap();
            assert_eq!(Profile::parse(&p.to_string()).unwrap().serialise(1000), p.serialise(1000), "{text}");
        }
        assert_eq!(Profile::parse("rtt=40ms,bw=100mbit").unwrap(), Profile::WAN);
        assert_eq!(Profile::WAN.serialise(12_500_000), Duration::from_secs(1));
        assert_eq!(Profile::WAN.in_flight(), 500_000);
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, want) in [
            ("", "expected `lan`"),
            ("rtt=5", "unit"),
            ("rtt=5parsec", "unit"),
            ("bw=0mbit", "zero"),
            ("rtt=1e9s", "unit"),
            ("rtt=61s", "60 s"),
            ("rtt=1ms,rtt=2ms", "twice"),
            ("loss=1", "unknown setting"),
            ("rtt=..ms", "no number"),
        ] {
            let e = Profile::parse(text).unwrap_err();
            assert!(e.contains(want), "{text}: {e}");
        }
    }
}
