//! The Cloud Calls in JavaScript and TypeScript sources.
//!
//! The sources are parsed, and values are followed from `wx-server-sdk` on: through variables,
//! destructuring, object literals, `this`, functions and their parameters, and from file to file
//! of the function. Order is not regarded: what a variable may hold at some time, it holds.
//!
//! What leaves this world while it still leads to Cloud Calls, such as `cloud` handed to a function
//! of another package, is reported as not checkable, and so is a path out of the function's folder.
//! Not followed, and not reported: packages that require the SDK on their own, and code that is
//! made at run time.

mod follow;
mod modules;
mod parse;
mod value;

use oxc_allocator::Allocator;

use self::follow::Follow;
use super::sources::Source;
use super::uses::{Spot, Uses};
use crate::runner::SDK;

/// Reads the sources of a function; `others` are the names of its other files.
pub(super) fn read(sources: &[Source], others: &[String]) -> Uses {
    let mut uses = Uses::default();
    let allocators: Vec<_> = sources.iter().map(|_| Allocator::default()).collect();
    let mut files = Vec::new();
    for (at, (source, allocator)) in sources.iter().zip(&allocators).enumerate() {
        let parsed = parse::parse(allocator, &source.name, &source.text.text);
        if let Some((range, message)) = parsed.error {
            uses.errors.push((Spot::new(at, range), message));
        }
        files.push(parsed.semantic);
    }
    // A function that neither names the SDK nor requires any file makes no Cloud Call.
    let may_call = |source: &Source| {
        let text = &source.text.text;
        [SDK, "./", "@/", "~/"]
            .iter()
            .any(|part| text.contains(part))
    };
    if !sources.iter().any(may_call) {
        return uses;
    }
    let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
    Follow::new(&files, &names, others).run(&mut uses);
    uses.sort();
    uses
}

#[cfg(test)]
mod tests;
