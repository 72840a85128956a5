//! What holds of every answer under load, whatever was edited meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde_json::json;

use super::journal::Journal;
use super::load::Asked;

/// What the SDK says where `config.json` does not permit.
const DENIED: i64 = -604_101;

/// What an answer tells of the function: the number of its code, of its module, and of its
/// `config.json`.
pub(super) type State = [u64; 3];

/// An edit that made one of these another number.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) function: &'static str,
    pub(super) part: usize,
    pub(super) number: u64,
    /// Whether each request that is sent after it must be answered by it.
    pub(super) is_decisive: bool,
    pub(super) begun: Instant,
    pub(super) done: Instant,
}

/// The part that `config.json` is.
pub(super) const CONFIG: usize = 2;

/// Whether the function's `config.json` of this number permits the Cloud Call.
pub(super) fn permits(config: u64) -> bool {
    config == 1
}

/// An answer as the function meant it.
#[derive(Debug)]
struct Told<'a> {
    asked: &'a Asked,
    state: State,
    version: u64,
}

/// Checks them all.
pub(super) fn check(all: &[Asked], edits: &[Edit], journal: &Journal) {
    let versions = versions(journal);
    let told: Vec<_> = all.iter().map(|asked| tell(asked, &versions)).collect();
    for function in super::FUNCTIONS {
        let told: Vec<_> = told
            .iter()
            .filter(|it| it.asked.function == function)
            .collect();
        assert!(!told.is_empty(), "{function} was asked");
        never_back(&told);
        a_version_is_one(&told);
        said_is_done(&told, function, journal);
        let edits = edits.iter().filter(|it| it.function == function);
        for edit in edits {
            holds(&told, edit);
        }
    }
    told.iter().for_each(|it| permission(it, edits));
}

/// The versions that served, by the ids of requests: each is in the journal once.
fn versions(journal: &Journal) -> HashMap<String, u64> {
    let mut versions = HashMap::new();
    for (_, entry) in journal.of("invocation") {
        let id = entry["requestId"].as_str().expect("an id").to_owned();
        let version = entry["version"].as_u64().expect("a version");
        let before = versions.insert(id, version);
        assert_eq!(before, None, "{entry}");
    }
    versions
}

/// No request is lost: each has the function's answer, be it that it may not make the Cloud Call.
fn tell<'a>(asked: &'a Asked, versions: &HashMap<String, u64>) -> Told<'a> {
    let told = asked
        .body
        .split_once('<')
        .and_then(|(_, it)| it.split_once('>'));
    let (told, _) = told.unwrap_or_else(|| panic!("no answer of the function: {asked:?}"));
    let numbers: Vec<i64> = told
        .split(',')
        .map(|it| it.parse().expect("a number"))
        .collect();
    let [code, module, config, error] = numbers[..] else {
        panic!("{asked:?}");
    };
    let is_denied = error == DENIED && asked.makes_call;
    let expected = if is_denied { (500, DENIED) } else { (200, 0) };
    assert_eq!((asked.status, error), expected, "{asked:?}");
    Told {
        asked,
        state: [code, module, config].map(|it| it.try_into().expect("no sign")),
        version: versions[&asked.request_id],
    }
}

/// Who asks after an answer is not answered by anything older.
fn never_back(told: &[&Told]) {
    let mut by_answer = told.to_vec();
    by_answer.sort_by_key(|it| it.asked.answered);
    let mut by_start = told.to_vec();
    by_start.sort_by_key(|it| it.asked.sent);
    let mut answered = by_answer.into_iter().peekable();
    let (mut newest, mut state) = (0, State::default());
    for it in by_start {
        while let Some(before) = answered.next_if(|before| before.asked.answered < it.asked.sent) {
            newest = newest.max(before.version);
            for (newest, part) in state.iter_mut().zip(before.state) {
                *newest = part.max(*newest);
            }
        }
        assert!(it.version >= newest, "{it:?} after version {newest}");
        let is_back = it.state.iter().zip(state).any(|(it, newest)| *it < newest);
        assert!(!is_back, "{it:?} after {state:?}");
    }
}

/// All workers of a version run the same.
fn a_version_is_one(told: &[&Told]) {
    let mut states = BTreeMap::new();
    for it in told {
        let state = states.entry(it.version).or_insert(it.state);
        assert_eq!(*state, it.state, "{it:?}");
    }
}

/// Who asks after a version was said to serve is not answered by an older one.
fn said_is_done(told: &[&Told], function: &str, journal: &Journal) {
    for (said, entry) in journal.of("reload") {
        let version = entry["version"].as_u64().expect("a version");
        if entry["function"] == function {
            assert_ne!(entry["why"], json!([]), "it names what was edited");
            for it in told.iter().filter(|it| it.asked.sent > said) {
                assert!(it.version >= version, "{it:?} after {entry}");
            }
        }
    }
}

/// Nobody sees an edit before it is made, and everybody afterwards if it is decisive.
fn holds(told: &[&Told], edit: &Edit) {
    for it in told {
        let number = it.state[edit.part];
        if it.asked.answered < edit.begun {
            assert!(number < edit.number, "{it:?} before {edit:?}");
        }
        if edit.is_decisive && it.asked.sent > edit.done {
            assert!(number >= edit.number, "{it:?} after {edit:?}");
        }
    }
}

/// A Cloud Call is denied if, and only if, a `config.json` that was there meanwhile does not permit it.
fn permission(told: &Told, edits: &[Edit]) {
    if !told.asked.makes_call {
        return;
    }
    let edits = edits
        .iter()
        .filter(|it| it.function == told.asked.function && it.part == CONFIG);
    let numbers = |is_it: &dyn Fn(&Edit) -> bool| {
        let numbers = edits.clone().filter(|it| is_it(it)).map(|it| it.number);
        numbers.max().unwrap_or_default()
    };
    let oldest = numbers(&|it| it.done < told.asked.sent);
    let newest = numbers(&|it| it.begun < told.asked.answered);
    let is_permitted = told.asked.status == 200;
    let is_right = (oldest..=newest).any(|config| permits(config) == is_permitted);
    assert!(is_right, "{told:?} with config.json {oldest} to {newest}");
}
