//! The one place that writes to stdout and stderr: data goes to stdout, talk to stderr.
//!
//! What is printed came from servers and functions, and must not command the terminal.

mod behind;
mod harmless;
mod time;

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::SystemTime;

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use behind::{Behind, State};
pub(crate) use time::Time;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const NOTE: Style = AnsiColor::Green.on_default().bold();
const FUNCTION: Style = Style::new().dimmed();

/// Whether each line on stderr is a JSON object. There is one stderr, so this is of the process.
static JSON: AtomicBool = AtomicBool::new(false);

/// What writes to stderr, where that may not keep anybody waiting.
static BEHIND: OnceLock<Behind<Line>> = OnceLock::new();

/// How much is written at once, in bytes: as much as a pipe of Linux takes without mixing it with what
/// others write.
const AT_ONCE: usize = 4096;

/// A line for stderr, with its end.
enum Line {
    Plain(String),
    Coloured(String),
    Entry(Arc<dyn Told>),
}

/// Something that happened, to be told as a line or as JSON.
pub(crate) trait Told: Send + Sync + 'static {
    fn line(&self) -> EntryLine;

    /// A JSON object, in one line.
    fn json(&self) -> String;
}

/// How an outcome is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
}

/// The parts of a line about something that happened.
#[derive(Debug)]
pub(crate) struct EntryLine {
    /// What every line begins with.
    pub(crate) begin: String,
    pub(crate) text: String,
    /// What came of it.
    pub(crate) outcome: String,
    pub(crate) tone: Tone,
    pub(crate) rest: String,
}

impl EntryLine {
    /// Without colours, and as it may be printed.
    #[cfg(test)]
    pub(crate) fn plain(&self) -> String {
        let mut plain = String::new();
        self.print(&mut plain, false);
        plain
    }

    /// Appends it, without an end.
    fn print(&self, to: &mut String, coloured: bool) {
        let [begin, text, outcome, rest] =
            [&self.begin, &self.text, &self.outcome, &self.rest].map(|part| one_line(part));
        if coloured {
            let style = match self.tone {
                Tone::Good => NOTE,
                Tone::Bad => ERROR,
            };
            to.push_str(&format!(
                "{FUNCTION}{begin}{FUNCTION:#}{text}{style}{outcome}{style:#}{rest}"
            ));
        } else {
            to.extend([begin, text, outcome, rest]);
        }
    }
}

fn one_line(text: &str) -> Cow<'_, str> {
    match text.contains(char::is_control) {
        true => harmless::text(text).replace(['\n', '\t'], " ").into(),
        false => text.into(),
    }
}

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

    /// From now on each line on stderr is a JSON object: an entry of the journal, or
    /// `{"type":"message","level":…,"text":…}`, `{"type":"output","function":…,"line":…}` or
    /// `{"type":"build","function":…,"line":…}`, with the `time`.
    pub(crate) fn log_as_json(self) {
        JSON.store(true, Ordering::Relaxed);
    }

    /// From now on nobody waits until stderr is read: a server serves, and ends, also when nobody
    /// does. Lines may be left out then, which is said.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub(crate) fn never_wait(self) -> io::Result<()> {
        static STATE: LazyLock<State> = LazyLock::new(State::default);
        let behind = Behind::start(&STATE, write, |count| {
            let text = format!("{count} lines were left out here: stderr was not read");
            match message_as_json("warning", &text) {
                Some(json) => Line::Plain(json + "\n"),
                None => Line::Coloured(format!("{WARNING}warning:{WARNING:#} {text}\n")),
            }
        })?;
        // It was set before, and that one is as good.
        let _ = BEHIND.set(behind);
        Ok(())
    }

    /// Waits until everything is written, if somebody reads it.
    pub(crate) fn flush(self) {
        if let Some(behind) = BEHIND.get() {
            behind.flush();
        }
    }

    /// Whether it is so that each line is an object.
    pub(crate) fn logs_as_json(self) -> bool {
        JSON.load(Ordering::Relaxed)
    }

    /// Something that happened: its line, or its JSON.
    pub(crate) fn entry(self, entry: Arc<dyn Told>) {
        put(Line::Entry(entry));
    }

    /// What was done, in one line.
    pub(crate) fn done(self, message: impl Display) {
        if let Some(json) = message_as_json("done", &message) {
            return object(&json);
        }
        let message = message.to_string();
        put(Line::Plain(format!("{}\n", harmless::text(&message))));
    }

    /// What went wrong, in one line.
    pub(crate) fn error(self, message: impl Display) {
        say("error", ERROR, &message);
    }

    /// What to do next, in one line.
    pub(crate) fn hint(self, message: impl Display) {
        say("hint", HINT, &message);
    }

    /// What is odd, but no obstacle.
    pub(crate) fn warning(self, message: impl Display) {
        say("warning", WARNING, &message);
    }

    /// What is as the user wanted it, but good to know when reading the rest.
    pub(crate) fn note(self, message: impl Display) {
        say("note", NOTE, &message);
    }

    /// A line that a function has written.
    pub(crate) fn function_line(self, function: &str, line: &str) {
        if JSON.load(Ordering::Relaxed) {
            return line_object("output", function, line);
        }
        talk(FUNCTION, &format!("[{function}]"), &harmless::line(line));
    }

    /// A line that cargo has written about a function, where it may not write to stderr itself.
    pub(crate) fn build_line(self, function: &str, line: &str) {
        line_object("build", function, line);
    }
}

fn say(level: &str, style: Style, message: &dyn Display) {
    match message_as_json(level, message) {
        Some(json) => object(&json),
        None => {
            let message = message.to_string();
            talk(style, &format!("{level}:"), &harmless::text(&message));
        }
    }
}

/// None where a person reads.
fn message_as_json(level: &str, message: &dyn Display) -> Option<String> {
    let wanted = JSON.load(Ordering::Relaxed);
    wanted.then(|| as_json(level, &message.to_string()))
}

fn as_json(level: &str, text: &str) -> String {
    json!({"time": now(), "type": "message", "level": level, "text": text}).to_string()
}

/// A line that something has written about a function.
fn line_object(kind: &str, function: &str, line: &str) {
    let line = json!({"time": now(), "type": kind, "function": function, "line": line});
    object(&line.to_string());
}

fn now() -> Value {
    Time::of(SystemTime::now()).full().into()
}

/// A line that is a JSON object.
fn object(json: &str) {
    put(Line::Plain(format!("{}\n", harmless::json(json))));
}

fn talk(style: Style, label: &str, message: &str) {
    put(Line::Coloured(format!(
        "{style}{label}{style:#} {message}\n"
    )));
}

fn put(line: Line) {
    match BEHIND.get() {
        Some(behind) => behind.write(line),
        None => write(vec![line]),
    }
}

fn write(lines: Vec<Line>) {
    let coloured = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    in_pieces(lines, coloured, |text| {
        // Nobody is left to tell when stderr fails.
        let _ = match coloured {
            true => anstream::stderr().lock().write_all(text.as_bytes()),
            // An `AutoStream` would strip too, but with a write for each piece between the colours.
            false => io::stderr().lock().write_all(text.as_bytes()),
        };
    });
}

/// Has whole lines written at once, so that those of several sources do not mix.
fn in_pieces(lines: Vec<Line>, coloured: bool, mut write: impl FnMut(&str)) {
    let mut text = String::new();
    for line in lines {
        let start = text.len();
        line.print(&mut text, coloured);
        if text.len() > AT_ONCE && start > 0 {
            let line = text.split_off(start);
            write(&text);
            text = line;
        }
    }
    write(&text);
}

impl Line {
    /// Appends it.
    fn print(self, to: &mut String, coloured: bool) {
        match self {
            Self::Coloured(line) if !coloured => to.push_str(&strip_str(&line).to_string()),
            Self::Plain(line) | Self::Coloured(line) => to.push_str(&line),
            Self::Entry(entry) => {
                match Printer.logs_as_json() {
                    true => to.push_str(&harmless::json(&entry.json())),
                    false => entry.line().print(to, coloured),
                }
                to.push('\n');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_whole_and_as_many_at_once_as_do_not_mix() {
        let lengths = [9, 4000, 96, 1, 5000, 4095, 1, 4096, 2];
        let lines = || lengths.map(|length| "x".repeat(length - 1) + "\n");
        let mut pieces = Vec::new();
        let plain = lines().map(Line::Plain).into_iter().collect();
        in_pieces(plain, false, |text| pieces.push(text.to_owned()));
        let of_pieces: Vec<_> = pieces.iter().map(String::len).collect();
        assert_eq!(of_pieces, [4009, 97, 5000, 4096, 4096, 2]);
        assert_eq!(pieces.concat(), lines().concat());
        assert!(pieces.iter().all(|piece| piece.ends_with('\n')));
    }

    #[test]
    fn colours_are_where_they_are_shown() {
        let line = || Line::Coloured(format!("{HINT}hint:{HINT:#} {}\n", "x".repeat(AT_ONCE)));
        for (coloured, begin) in [(true, "\u{1b}[1m\u{1b}[36mhint:"), (false, "hint: xx")] {
            in_pieces(vec![line()], coloured, |text| {
                assert!(text.starts_with(begin), "{:?}", &text[..20]);
            });
        }
    }
}
