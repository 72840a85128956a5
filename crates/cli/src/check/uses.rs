//! What the code of a function does, as far as it can be read.

use std::ops::Range;

/// A piece of a source: which of the function's sources, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) source: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Spot {
    pub(super) fn new(source: usize, range: Range<usize>) -> Self {
        Self {
            source,
            start: range.start,
            end: range.end,
        }
    }
}

/// What was read in the sources.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Each use of a Cloud Call: its name and where.
    pub(super) calls: Vec<(String, Spot)>,
    /// Where a Cloud Call may be that cannot be told, and why.
    pub(super) unclear: Vec<(Spot, String)>,
    /// Where the sources do not parse, and why.
    pub(super) errors: Vec<(Spot, String)>,
    /// Where `wx-server-sdk` is first required.
    pub(super) sdk: Option<Spot>,
}

impl Uses {
    /// By place, each once.
    pub(super) fn sort(&mut self) {
        self.calls
            .sort_by(|one, other| (&one.1, &one.0).cmp(&(&other.1, &other.0)));
        self.calls.dedup();
        self.unclear.sort();
        self.unclear.dedup_by(|one, other| one.0 == other.0);
        self.errors.sort();
    }
}
