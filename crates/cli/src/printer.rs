//! The one place that writes to stdout and stderr: data goes to stdout, talk to stderr.
//!
//! What is printed came from servers and functions, and must not command the terminal.

mod harmless;

use std::fmt::Display;
use std::io::{self, Write as _};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const NOTE: Style = AnsiColor::Green.on_default().bold();
const FUNCTION: Style = Style::new().dimmed();

/// Writes lines, coloured where a terminal shows them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Printer;

impl Printer {
    /// The result: one JSON document in one line, on stdout.
    ///
    /// A reader that has gone away (`cloudcall … | head -0`) is no failure.
    pub(crate) fn json(self, document: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let written = stdout
            .write_all(harmless::json(document).as_bytes())
            .and_then(|()| stdout.write_all(b"\n"))
            .and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Data that is text, with colours where a terminal shows them.
    pub(crate) fn data(self, text: &str) -> io::Result<()> {
        let mut stdout = anstream::stdout().lock();
        let written = stdout
            .write_all(harmless::line(text).as_bytes())
            .and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// What was done, in one line.
    pub(crate) fn done(self, message: impl Display) {
        // Nobody is left to tell when stderr fails.
        let message = message.to_string();
        let _ = writeln!(io::stderr().lock(), "{}", harmless::text(&message));
    }

    /// What went wrong, in one line.
    pub(crate) fn error(self, message: impl Display) {
        talk(ERROR, "error:", &harmless::text(&message.to_string()));
    }

    /// What to do next, in one line.
    pub(crate) fn hint(self, message: impl Display) {
        talk(HINT, "hint:", &harmless::text(&message.to_string()));
    }

    /// What is odd, but no obstacle.
    pub(crate) fn warning(self, message: impl Display) {
        talk(WARNING, "warning:", &harmless::text(&message.to_string()));
    }

    /// What is as the user wanted it, but good to know when reading the rest.
    pub(crate) fn note(self, message: impl Display) {
        talk(NOTE, "note:", &harmless::text(&message.to_string()));
    }

    /// A line that a function has written.
    pub(crate) fn function_line(self, function: &str, line: &str) {
        talk(FUNCTION, &format!("[{function}]"), &harmless::line(line));
    }
}

/// One write a line, so that the lines of several sources do not mix. Nobody is left to tell when
/// stderr fails.
fn talk(style: Style, label: &str, message: &str) {
    let line = format!("{style}{label}{style:#} {message}\n");
    let _ = match AutoStream::choice(&io::stderr()) {
        // An `AutoStream` would strip too, but with a write for each piece between the colours.
        ColorChoice::Never => {
            let plain = strip_str(&line).to_string();
            io::stderr().lock().write_all(plain.as_bytes())
        }
        _ => anstream::stderr().lock().write_all(line.as_bytes()),
    };
}
