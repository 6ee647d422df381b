//! Spans of time and amounts of memory as people write them: `30`, `90s`, `5m`; `4GiB`. Knows no settings.

use std::time::Duration;

/// The longest span of time that is taken: a year.
const LONGEST: f64 = 366.0 * 86_400.0;

/// Reads `30` (seconds), `1.5s`, `250ms`, `5m`, `2h`; more than nothing, and at most a year.
///
/// # Errors
/// What would do.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let scale = match unit {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{text}`: expected a time such as 30, 30s, 250ms, or 5m")),
    };
    let seconds = number * scale;
    if !(seconds > 0.0 && seconds <= LONGEST) {
        return Err(format!("`{text}`: expected more than 0 and at most a year"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Reads `1000` (bytes), `512MiB`, `4GiB`, `16GB`.
///
/// # Errors
/// What would do.
pub fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let scale = match unit {
        "" | "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "TiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(format!("`{text}`: expected an amount of memory such as 512MiB or 4GiB")),
    };
    let bytes = number * scale;
    if !(1.0..=(1u64 << 53) as f64).contains(&bytes) {
        return Err(format!("`{text}`: expected at least a byte and at most 8 PiB"));
    }
    Ok(bytes as u64)
}

/// A decimal number and what follows it.
fn split(text: &str) -> Result<(f64, &str), String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number.parse().map_err(|_| format!("`{text}`: expected a number, with or without a unit"))?;
    Ok((number, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, ms) in [("30", 30_000), ("1.5s", 1500), ("250ms", 250), ("5m", 300_000), ("2 h", 7_200_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "0", "-1", "1e9", "s", "5 parsecs", "1..2", "400000h", "nan"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn amounts() {
        for (text, want) in [("1000", 1000), ("4GiB", 4 << 30), ("1.5 kB", 1500), ("512MiB", 512 << 20)] {
            assert_eq!(bytes(text), Ok(want), "{text}");
        }
        for text in ["", "0", "4 gib", "-4GiB", "9999999TiB", "MiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
