//! What this thread logs and panics with, while a [`Captured`] lives.

use std::cell::{Cell, RefCell};
use std::fmt::{Debug, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    /// Nothing is kept while it is `None`. Other tests log in threads of their own.
    static TEXT: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Whether a panic is part of the test, which is not to be shown.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

fn keep(line: impl FnOnce(&mut String)) {
    TEXT.with_borrow_mut(|text| {
        if let Some(text) = text {
            line(text);
            text.push('\n');
        }
    });
}

/// Collects all levels of `tracing` and `log`, and panics. To be used in a runtime of one thread.
pub(super) struct Captured(#[expect(dead_code, reason = "it is dropped")] DefaultGuard);

impl Captured {
    pub(super) fn start() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            log::set_logger(&Logger).expect("no other logger");
            log::set_max_level(log::LevelFilter::Trace);
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                keep(|text| write!(text, "{info}\n{info:?}").expect("a text takes all"));
                if !EXPECTED.get() {
                    before(info);
                }
            }));
        });
        TEXT.set(Some(String::new()));
        Self(tracing::subscriber::set_default(Spans))
    }

    /// What has come since it was asked for last.
    pub(super) fn take(&self) -> String {
        TEXT.with_borrow_mut(|text| text.replace(String::new()).unwrap_or_default())
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        TEXT.set(None);
    }
}

/// Lets `panics` panic.
pub(super) fn panicked(panics: impl FnOnce()) {
    EXPECTED.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(panics));
    EXPECTED.set(false);
    assert!(outcome.is_err(), "there was no panic");
}

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        keep(|text| {
            let (target, said) = (record.target(), record.args());
            write!(text, "log {target} {said}").expect("a text takes all");
        });
    }

    fn flush(&self) {}
}

struct Spans;

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        keep(|text| {
            text.push_str(span.metadata().name());
            span.record(&mut Fields(text));
        });
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        keep(|text| values.record(&mut Fields(text)));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        keep(|text| {
            text.push_str(event.metadata().target());
            event.record(&mut Fields(text));
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").expect("a text takes all");
    }
}

#[test]
fn logs_and_panics_are_collected() {
    let captured = Captured::start();
    tracing::trace!(field = "of tracing", "said");
    let span = tracing::trace_span!("a span", field = "of a span", later = tracing::field::Empty);
    span.record("later", "recorded");
    log::trace!("by log");
    panicked(|| panic!("by an error"));
    let text = captured.take();
    for expected in [
        "of tracing",
        "said",
        "of a span",
        "recorded",
        "by log",
        "by an error",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(captured.take(), "");
}
