//! The secrets of these tests, and the search for them.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// What needs an escape in a URL, a form, JSON, HTML or source code, on both sides of a text that is
/// the same in all of them.
pub(super) const SECRET: &str = "%/+\"\\=<& S3cretCanary7Kq %/+\"\\=<&";
pub(super) const TOKEN: &str = "+/=%\"\\ T0kenCanary9Zx &<+/=%\"\\";

/// A text that no output may hold.
pub(super) struct Canary {
    name: &'static str,
    core: String,
}

impl Canary {
    pub(super) fn new(name: &'static str, text: &str) -> Self {
        let runs = text.split(|it: char| !it.is_ascii_alphanumeric());
        let core = runs.max_by_key(|run| run.len()).unwrap_or_default();
        assert!(core.len() >= 8, "{name} is too short to be searched for");
        Self {
            name,
            core: core.to_owned(),
        }
    }

    /// The app secret and the access token of these tests.
    pub(super) fn both() -> Vec<Self> {
        vec![
            Self::new("the app secret", SECRET),
            Self::new("the access token", TOKEN),
        ]
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        text.contains(&self.core)
    }

    /// How it is written in `printed`, if it is there.
    fn found_in(&self, printed: &str) -> Option<&'static str> {
        let spellings = spellings(&self.core);
        let found = spellings.iter().find(|(_, text)| printed.contains(text));
        found.map(|(name, _)| *name)
    }
}

/// Fails if one of the canaries is in what `path` printed.
#[track_caller]
pub(super) fn assert_clean(canaries: &[Canary], path: &str, printed: impl AsRef<[u8]>) {
    let printed = String::from_utf8_lossy(printed.as_ref());
    for canary in canaries {
        if let Some(spelling) = canary.found_in(&printed) {
            panic!("{path}: {} is printed, {spelling}:\n{printed}", canary.name);
        }
    }
}

/// Fails if one of the canaries is in a file of the folder, or of one in it.
#[track_caller]
pub(super) fn assert_clean_folder(canaries: &[Canary], path: &str, folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            assert_clean_folder(canaries, path, &entry.path());
        } else if kind.is_file() {
            let text = fs::read(entry.path()).expect("read");
            assert_clean(canaries, &format!("{path}: {:?}", entry.path()), text);
        }
    }
}

/// Letters and digits as they may stand in an output. Escapes of URLs, JSON, HTML and source code
/// leave them as they are, unless somebody escapes everything.
fn spellings(core: &str) -> Vec<(&'static str, String)> {
    let each = |form: &dyn Fn(u8) -> String, separator: &str| {
        let bytes: Vec<_> = core.bytes().map(form).collect();
        bytes.join(separator)
    };
    let mut spellings = vec![
        ("as it is", core.to_owned()),
        ("percent-encoded", each(&|it| format!("%{it:02X}"), "")),
        ("percent-encoded", each(&|it| format!("%{it:02x}"), "")),
        ("as \\u00XX", each(&|it| format!("\\u{it:04X}"), "")),
        ("as \\u00xx", each(&|it| format!("\\u{it:04x}"), "")),
        ("in hexadecimal", each(&|it| format!("{it:02x}"), "")),
        ("in hexadecimal", each(&|it| format!("{it:02X}"), "")),
        ("as a Buffer of Node", each(&|it| format!("{it:02x}"), " ")),
        ("as numbers", each(&|it| it.to_string(), ",")),
        ("as numbers", each(&|it| it.to_string(), ", ")),
        ("as numbers in lines", each(&|it| it.to_string(), ",\n")),
    ];
    for engine in [STANDARD, URL_SAFE] {
        for before in 0..3 {
            let encoded = engine.encode(format!("{}{core}", &"   "[..before]));
            // What depends on the characters around it is cut off.
            let whole = (before + core.len()) / 3 * 4;
            let own = encoded[(before * 8_usize).div_ceil(6)..whole].to_owned();
            spellings.push(("as base64", own));
        }
    }
    spellings
}

#[test]
fn the_search_finds_every_spelling_and_nothing_else() {
    let canaries = Canary::both();
    for (canary, text) in canaries.iter().zip([SECRET, TOKEN]) {
        let json = serde_json::Value::from(text).to_string();
        let form = |escape: &dyn Fn(u8) -> String| -> String {
            let escaped = |byte: u8| match byte {
                b' ' => "+".to_owned(),
                _ if byte.is_ascii_alphanumeric() => char::from(byte).into(),
                _ => escape(byte),
            };
            text.bytes().map(escaped).collect()
        };
        for written in [
            text.to_owned(),
            format!("{text:?}"),
            format!("{:?}", format!("{text:?}")),
            format!("{:?}", bytes::Bytes::from(text)),
            format!("{:?}", text.as_bytes()),
            serde_json::Value::from(json.clone()).to_string(),
            json,
            form(&|byte| format!("%{byte:02X}")),
            form(&|byte| format!("%{byte:02x}")),
            STANDARD.encode(text),
            STANDARD.encode(format!("?{text}")),
            STANDARD.encode(format!("access_token={text}&x")),
            STANDARD.encode(format!("??{text}")),
            URL_SAFE.encode(format!("?{text}?")),
        ] {
            let found = canary.found_in(&written).is_some();
            assert!(found, "{}: {written}", canary.name);
        }
        for (spelling, written) in spellings(&canary.core) {
            let printed = format!("before {written} after");
            assert!(canary.found_in(&printed).is_some(), "{spelling}");
        }
        let others = "%/+\"\\=<& S3cretCanary7K T0kenCanary9Z";
        assert_eq!(canary.found_in(others), None);
    }
}

#[test]
#[should_panic(expected = "a path: the access token is printed, as base64")]
fn what_is_found_fails_the_test() {
    let printed = STANDARD.encode(TOKEN);
    assert_clean(&Canary::both(), "a path", printed);
}
