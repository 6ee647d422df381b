//! The network that a circuit is made for: a round-trip time and a bandwidth; and what carries a run, which decides how long it
//! takes. Knows only the numbers; sockets and emulation are the runtime's.

/// A network between two nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Round-trip time, in seconds.
    pub rtt: f64,
    /// Bits per second in each direction of each link.
    pub bandwidth: f64,
}

impl Profile {
    /// One site: 0.5 ms, 10 Gbit/s.
    pub const LAN: Profile = Profile { rtt: 0.5e-3, bandwidth: 10e9 };
    /// Several sites: 40 ms, 100 Mbit/s.
    pub const WAN: Profile = Profile { rtt: 40e-3, bandwidth: 100e6 };

    /// `lan`, `wan`, or `rtt=40ms,bw=100mbit`; what is left out costs nothing.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Profile, String> {
        match text.trim() {
            "lan" => return Ok(Profile::LAN),
            "wan" => return Ok(Profile::WAN),
            _ => {}
        }
        let (mut rtt, mut bandwidth) = (None, None);
        for part in text.split(',') {
            let Some((name, value)) = part.split_once('=') else {
                return Err(format!("`{part}`: expected `lan`, `wan`, or `rtt=40ms,bw=100mbit`"));
            };
            let (name, value) = (name.trim(), value.trim());
            let cut = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
            let (number, unit) = value.split_at(cut);
            let number: f64 = number.parse().map_err(|_| format!("`{value}` has no number"))?;
            let (place, scale) = match (name, unit.to_ascii_lowercase().as_str()) {
                ("rtt", "us") => (&mut rtt, 1e-6),
                ("rtt", "ms") => (&mut rtt, 1e-3),
                ("rtt", "s") => (&mut rtt, 1.0),
                ("bw", "kbit") => (&mut bandwidth, 1e3),
                ("bw", "mbit") => (&mut bandwidth, 1e6),
                ("bw", "gbit") => (&mut bandwidth, 1e9),
                ("rtt", _) => return Err(format!("unit of `{value}`: expected us, ms, or s")),
                ("bw", _) => return Err(format!("unit of `{value}`: expected kbit, mbit, or gbit")),
                _ => return Err(format!("`{name}` is not a setting of a network: expected rtt or bw")),
            };
            if place.replace(number * scale).is_some() {
                return Err(format!("`{name}` is given twice"));
            }
        }
        let p = Profile { rtt: rtt.unwrap_or(0.0), bandwidth: bandwidth.unwrap_or(f64::INFINITY) };
        if p.bandwidth <= 0.0 {
            return Err("a bandwidth of zero carries nothing".into());
        }
        Ok(p)
    }

    /// Bytes that a round is worth: what a link carries in half a round trip, between 4 kB (a local round's work) and 256 kB.
    pub fn round_bytes(&self) -> f64 {
        let b = self.rtt / 2.0 * self.bandwidth / 8.0;
        if b.is_finite() { b.clamp(4e3, 256e3) } else { 4e3 }
    }
}

/// What carries the messages of a run, and what that costs besides the network. Only for predicting times: no circuit depends
/// on it.
///
/// The numbers come from `runtime/node/benches/rounds.rs` (`cargo bench --workspace --bench rounds`): chains of products of 64
/// bits, of one lane for a round and of 10^5 lanes for a byte, on two cores of 2.5 GHz. A node takes 5 µs of a core for a round
/// in memory and 32 µs over TLS, and 1.0 ns and 3.1 ns for a byte that it sends; three nodes share the two cores, and wake one
/// another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Carrier {
    /// Seconds of a round that sends next to nothing.
    pub round: f64,
    /// Seconds for each byte that a node sends: kernels at both ends, and the transport.
    pub byte: f64,
    /// What is between the nodes.
    pub network: Profile,
}

impl Carrier {
    /// Nodes as threads of one process, with or without an emulated network.
    pub fn memory(emulated: Option<Profile>) -> Carrier {
        Carrier { round: 18e-6, byte: 1.5e-9, network: emulated.unwrap_or(NOWHERE) }
    }

    /// Nodes as processes of one machine that talk TLS over loopback.
    pub fn loopback() -> Carrier {
        Carrier { round: 60e-6, byte: 4.7e-9, network: NOWHERE }
    }

    /// Nodes at hosts of their own, with cores of their own.
    pub fn hosts(network: Profile) -> Carrier {
        Carrier { round: 40e-6, byte: 3.1e-9, network }
    }
}

/// No network at all.
const NOWHERE: Profile = Profile { rtt: 0.0, bandwidth: f64::INFINITY };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_presets_and_numbers() {
        assert_eq!(Profile::parse("lan"), Ok(Profile::LAN));
        assert_eq!(Profile::parse("rtt=40ms,bw=100mbit"), Ok(Profile::WAN));
        assert_eq!(Profile::parse("bw=1gbit").unwrap().rtt, 0.0);
        for bad in ["", "rtt", "rtt=4", "rtt=x ms", "bw=0mbit", "rtt=1ms,rtt=2ms", "lag=1ms"] {
            assert!(Profile::parse(bad).is_err(), "{bad}");
        }
    }
}
