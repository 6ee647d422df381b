//! Events of a run on stderr: lines for people, or one JSON object a line.
//!
//! An event has a name and fields: counts, names, digests, seconds; never a value of an input, an output, or a share.
//! Lines are written whole, so that processes that share stderr do not mix them. Knows nothing of what events mean.

use std::io::Write as _;
use std::sync::Once;
use std::time::SystemTime;

use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::args::LogFormat;
use crate::clock::rfc3339;

/// Starts logging: warnings and errors; `-v` adds what a node does, `-vv` how. In JSON what a node does is always told.
pub fn start(format: LogFormat, verbose: u8) {
    let level = match (format, verbose) {
        (LogFormat::Human, 0) => Level::WARN,
        (LogFormat::Human, 1) | (LogFormat::Json, 0 | 1) => Level::INFO,
        _ => Level::DEBUG,
    };
    // There is none yet; and if there were, it would go on.
    let _ = tracing::subscriber::set_global_default(Lines { format, level });
}

/// A panic is our bug: its place is told, but not its words where they may hold values (those that were put together while
/// running). Messages that stand in the source are told as they are.
pub fn tell_panics(format: LogFormat) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(move |info| write(&panicked(format, info)))));
}

fn panicked(format: LogFormat, info: &std::panic::PanicHookInfo<'_>) -> String {
    let place = info.location().map_or_else(|| "?".to_string(), ToString::to_string);
    let what = info.payload().downcast_ref::<&'static str>().copied().unwrap_or("(the message may hold values)");
    match format {
        LogFormat::Human => format!("internal error: panic at {place}: {what}\n"),
        LogFormat::Json => {
            line(format, Level::ERROR, "panic", &[("at".into(), place.into()), ("message".into(), what.into())])
        }
    }
}

/// Fields of an event, in order.
pub type Named = [(String, Value)];

/// A line: time, level, event, fields.
pub fn line(format: LogFormat, level: Level, event: &str, fields: &Named) -> String {
    let time = rfc3339(SystemTime::now());
    let level = level.as_str().to_ascii_lowercase();
    match format {
        LogFormat::Json => {
            // Written by hand, so that the order is that of reading.
            let mut text = format!("{{\"time\":{},\"level\":{},\"event\":{}", json!(time), json!(level), json!(event));
            fields.iter().for_each(|(name, value)| text.push_str(&format!(",{}:{value}", json!(name))));
            text.push_str("}\n");
            text
        }
        LogFormat::Human => {
            let mut text = format!("{} {level:<5} {event}", &time[11..23]);
            for (name, value) in fields {
                match value {
                    Value::String(s) if s.contains(' ') => text.push_str(&format!(" {name}={s:?}")),
                    Value::String(s) => text.push_str(&format!(" {name}={s}")),
                    other => text.push_str(&format!(" {name}={other}")),
                }
            }
            text.push('\n');
            text
        }
    }
}

/// Writes to stderr, in one piece. A closed stderr is nobody's fault, and there is nowhere to say so.
pub fn write(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The subscriber: events as lines. Spans are not used.
struct Lines {
    format: LogFormat,
    level: Level,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Other crates' events are about their insides.
        *metadata.level() <= self.level && metadata.is_event() && metadata.target().starts_with("mpcc")
    }
    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(self.level.into())
    }
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let name = match fields.0.iter().position(|(name, _)| name == "message") {
            Some(at) => fields.0.remove(at).1,
            None => Value::Null,
        };
        let name = name.as_str().unwrap_or_else(|| event.metadata().name());
        write(&line(self.format, *event.metadata().level(), name, &fields.0));
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// An event's fields as JSON.
#[derive(Default)]
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.push((field.name().into(), value));
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, ((value * 1e6).round() / 1e6).into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn lines_are_objects_or_words() {
        let fields: [(String, Value); 2] = [("node".into(), 1.into()), ("what".into(), "two \"words\"\n".into())];
        let json = line(LogFormat::Json, Level::WARN, "stopped", &fields);
        assert_eq!(json.matches('\n').count(), 1);
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&value["level"], &value["event"], &value["node"]), (&"warn".into(), &"stopped".into(), &1.into()));
        let human = line(LogFormat::Human, Level::INFO, "compiled", &fields);
        assert!(human.ends_with("info  compiled node=1 what=\"two \\\"words\\\"\\n\"\n"), "{human}");
    }

    #[test]
    fn panics_do_not_tell_values() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let keep = told.clone();
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            keep.lock().unwrap().push(panicked(LogFormat::Human, info));
        }));
        let secret = std::hint::black_box(8_675_309u64);
        let caught = [
            std::panic::catch_unwind(|| panic!("the share is {secret}")).is_err(),
            std::panic::catch_unwind(|| panic!("words of the source")).is_err(),
            std::panic::catch_unwind(|| assert_eq!(secret, 1)).is_err(),
        ];
        std::panic::set_hook(hook);
        assert_eq!(caught, [true; 3]);
        let told = told.lock().unwrap().join("");
        assert!(!told.contains("8675309"), "{told}");
        assert!(told.contains("words of the source") && told.matches("cli/src/log.rs").count() == 3, "{told}");
    }
}
