//! Logs for Terraform: `tracing` events as hclog lines on stderr.
//!
//! Terraform filters and stores what it is sent, but pays for every line, so nothing is made at all unless the user has
//! asked by `TF_LOG_PROVIDER` or `TF_LOG`.

mod line;

use std::io::Write as _;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use super::Mode;
use super::start::Environment;
use line::{Fields, Form};

/// Crates below ours, whose details drown everything and help nobody who debugs a provider.
const TRANSPORT: [&str; 8] = ["h2", "hyper", "hyper_util", "tonic", "tower", "rustls", "tokio", "mio"];

/// Starts logging, if the user has asked for it.
pub(super) fn install(environment: &Environment, mode: Mode) {
    let level = level(environment.log.as_deref());
    if level == LevelFilter::OFF {
        return;
    }
    let form = match mode {
        Mode::Plugin => Form::Json,
        Mode::Debug => Form::Text,
    };
    let subscriber = tracing_subscriber::registry().with(Lines { level, form, write: to_stderr });
    // Fails only when the provider has set up its own, which is then what it wants.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The level that a variable asks for. As in Terraform, `JSON` and words that it does not know mean everything.
fn level(variable: Option<&str>) -> LevelFilter {
    match variable.map(str::to_ascii_uppercase).as_deref() {
        None | Some("" | "OFF") => LevelFilter::OFF,
        Some("ERROR") => LevelFilter::ERROR,
        Some("WARN") => LevelFilter::WARN,
        Some("INFO") => LevelFilter::INFO,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some(_) => LevelFilter::TRACE,
    }
}

fn to_stderr(line: &str) {
    // In one piece: lines of several threads must not mix. Nobody is left to tell when it fails.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// Writes a line for each event, with the fields of the spans around it.
struct Lines<W> {
    level: LevelFilter,
    form: Form,
    write: W,
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&str) + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let krate = metadata.target().split("::").next().unwrap_or_default();
        let level = if TRANSPORT.contains(&krate) { self.level.min(LevelFilter::WARN) } else { self.level };
        *metadata.level() <= level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(around) = span.extensions().get::<Fields>() {
                fields.extend(around);
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        let line = self.form.line(jiff::Timestamp::now(), *metadata.level(), metadata.target(), fields);
        (self.write)(&line);
    }
}

#[cfg(test)]
mod tests;
