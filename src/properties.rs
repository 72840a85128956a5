//! Properties of what only this crate can see, for random inputs: the same ones in every run.

use std::collections::BTreeSet;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use serde_json::{Value, json};

use crate::buffer::Buffer;
use crate::error::Error;
use crate::openapi::case::{camel, convert, snake};
use crate::openapi::{names, reply, request};
use crate::permissions::Permissions;
use crate::secret::{Redactor, Secret};

fn config() -> Config {
    Config {
        cases: 512,
        rng_seed: RngSeed::Fixed(4),
        failure_persistence: None,
        ..Config::default()
    }
}

/// JSON with integers of any length, as text, and what it means.
fn with_integers() -> impl Strategy<Value = (String, Value)> {
    let integer = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        "-?[1-9][0-9]{15,24}",
        "-?[1-9][0-9]{0,400}",
    ];
    let integer = integer.prop_map(|text| {
        let number = text.parse().map(|number: i64| json!(number));
        let number = number.or_else(|_| text.parse().map(|number: u64| json!(number)));
        let value = number.unwrap_or_else(|_| json!(text));
        (text, value)
    });
    // Beyond 64 bits, too, a number with a fraction or an exponent stays a number.
    let fraction = "-?[1-9][0-9]{0,30}(\\.[0-9]{1,9}|[eE][-+]?[0-9]{1,2})".prop_map(|text| {
        let number: f64 = text.parse().expect("a number");
        (text, number.into())
    });
    let plain = prop_oneof![
        "[-0-9\"\\\\{}\\[\\],:a ]{0,30}".prop_map(|text| json!(text)),
        Just(json!(null)),
        Just(json!(true)),
    ];
    let plain = plain.prop_map(|value| (value.to_string(), value));
    let leaf = prop_oneof![3 => integer, 1 => fraction, 1 => plain];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let key = "[-0-9\"\\\\a]{0,24}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| {
                let (texts, values): (Vec<_>, Vec<_>) = items.into_iter().unzip();
                (format!("[{}]", texts.join(" ,")), Value::from(values))
            }),
            prop::collection::btree_map(key, inner, 0..5).prop_map(|fields| {
                let text = fields
                    .iter()
                    .map(|(key, (text, _))| format!("{}: {text}", json!(key)));
                let text = text.collect::<Vec<_>>().join(",");
                let fields = fields.into_iter().map(|(key, (_, value))| (key, value));
                (format!("{{{text}}}"), fields.collect())
            }),
        ]
    })
}

/// A letter in one of the ways to write it.
fn written(letter: char, way: u8) -> String {
    let mut utf8 = [0; 4];
    let utf8 = letter.encode_utf8(&mut utf8).bytes();
    let mut utf16 = [0; 2];
    let utf16 = letter.encode_utf16(&mut utf16).iter();
    match way {
        0 => utf8.map(|byte| format!("%{byte:02X}")).collect(),
        1 => utf8.map(|byte| format!("%{byte:02x}")).collect(),
        2 => utf16.map(|unit| format!("\\u{unit:04x}")).collect(),
        3 => utf16.map(|unit| format!("\\u{unit:04X}")).collect(),
        4 => json!(letter.to_string()).to_string()[1..]
            .trim_end_matches('"')
            .to_owned(),
        5 if letter == '/' => "\\/".into(),
        6 if letter == ' ' => "+".into(),
        _ => letter.into(),
    }
}

fn secret() -> impl Strategy<Value = String> {
    // Not `*`, which is what takes its place.
    prop_oneof!["[A-Za-z0-9_-]{1,32}", "[ab\"/\\\\ %+=&u中😀]{1,12}"]
}

/// Secrets, and a text with each of them, in any way to write it, among other things.
fn with_secrets() -> impl Strategy<Value = (Vec<String>, String)> {
    let quoted = (secret(), prop::collection::vec(0..8_u8, 32), ".{0,12}");
    prop::collection::vec(quoted, 1..4).prop_map(|secrets| {
        let mut text = String::new();
        for (secret, ways, other) in &secrets {
            let letters = secret.chars().zip(ways);
            text.extend(letters.map(|(letter, way)| written(letter, *way)));
            text.push_str(other);
        }
        let secrets = secrets.into_iter().map(|(secret, ..)| secret);
        (secrets.collect(), text)
    })
}

fn redactor(secrets: &[String]) -> Redactor {
    let mut redactor = Redactor::default();
    for secret in secrets {
        redactor.add(&Secret::from(secret.as_str()));
    }
    redactor
}

/// Names that a `config.json` may list.
fn api_names() -> impl Strategy<Value = Vec<String>> {
    let known: Vec<String> = names::all().collect();
    let name = prop_oneof![
        prop::sample::select(known),
        "[a-zA-Z.* ]{0,20}",
        "\\PC{0,12}"
    ];
    prop::collection::vec(name, 0..6)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_buffer_is_the_same_in_each_of_its_forms(bytes: Vec<u8>, from in 0..64_usize) {
        let from = from.min(bytes.len());
        let slice = Buffer::from(Bytes::from(bytes.clone()).slice(from..));
        prop_assert_eq!(&slice[..], &bytes[from..]);
        let text = json!(slice);
        let text = text.as_str().expect("base64");
        for form in [
            json!(text),
            json!(text.trim_end_matches('=')),
            json!({"type": "Buffer", "data": &bytes[from..]}),
            json!({"data": text, "type": "Buffer"}),
        ] {
            let of_value: Buffer = serde_json::from_value(form.clone()).expect("a buffer");
            let of_text: Buffer = serde_json::from_str(&form.to_string()).expect("a buffer");
            prop_assert_eq!((&of_value, &of_text), (&slice, &slice));
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_itself(text: String) {
        let encoded = request::encode(&text).to_string();
        let decoded = percent_decode_str(&encoded).decode_utf8();
        prop_assert_eq!(decoded.expect("UTF-8"), text.as_str());
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~%".contains(letter);
        prop_assert!(encoded.chars().all(plain), "{}", encoded);
        let unreserved = |letter: char| plain(letter) && letter != '%';
        prop_assert_eq!(encoded.contains('%'), !text.chars().all(unreserved));
    }

    #[test]
    fn integers_keep_their_digits((text, value) in with_integers()) {
        prop_assert_eq!(reply::parse(text.as_bytes()), Some(value), "{}", text);
    }

    #[test]
    fn what_is_no_json_is_none_with_integers_either((text, _) in with_integers(), at: prop::sample::Index) {
        let cut = &text[..at.index(text.len())];
        if cut.is_char_boundary(cut.len()) && serde_json::from_str::<serde::de::IgnoredAny>(cut).is_err() {
            prop_assert_eq!(reply::parse(cut.as_bytes()), None);
        }
    }

    #[test]
    fn names_convert_there_and_back(name in "[a-z][a-z0-9]{0,8}([A-Z][a-z0-9]{0,8}){0,4}", any in "\\PC{0,16}") {
        prop_assert_eq!(camel(&snake(&name)), name);
        prop_assert_eq!(snake(&snake(&any)), snake(&any));
        prop_assert_eq!(camel(&camel(&any)), camel(&any));
        let nested = |key: &str| json!([{key: [{key: key}]}]);
        prop_assert_eq!(convert(nested(&any), snake), {
            let key = snake(&any);
            json!([{&key: [{&key: any}]}])
        });
    }

    #[test]
    fn no_secret_survives((secrets, text) in with_secrets()) {
        let redactor = redactor(&secrets);
        let error = Error::wechat("a.b", 1, &text)
            .with_hint(text.clone())
            .with_reply(json!({&text: [&text]}))
            .redacted(&redactor);
        let reply = error.reply().expect("the JSON");
        let (name, values) = reply.as_object().and_then(|fields| fields.iter().next()).expect("one");
        let value = values[0].as_str().expect("a text");
        let clean = redactor.clean(&text);
        prop_assert!(!redactor.finds_in(&clean));
        prop_assert_eq!([error.hint().expect("the hint"), name, value], [&*clean; 3]);
        let of_url = percent_decode_str(&clean).decode_utf8_lossy();
        let of_form = clean.replace('+', " ");
        let of_form = percent_decode_str(&of_form).decode_utf8_lossy();
        let of_json = serde_json::from_str::<String>(&format!("\"{clean}\"")).unwrap_or_default();
        for secret in &secrets {
            for text in [&*clean, &of_url, &of_form, &of_json, error.err_msg()] {
                let text = text.replace("openapi.a.b:fail", "");
                prop_assert!(!text.contains(secret), "{:?} in {:?}", secret, text);
            }
        }
    }

    #[test]
    fn a_text_without_a_secret_stays(text in "[a-m %+/\\\\\"u0-9]{0,64}", secret in "[n-t]{1,8}") {
        prop_assert_eq!(redactor(std::slice::from_ref(&secret)).clean(&text), text.as_str());
    }

    #[test]
    fn sloppy_files_permit_what_strict_ones_do(names in api_names(), other in "\\PC{0,8}", limit: u32) {
        let list: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let file = json!({&other: [{}, limit], "permissions": {&other: null, "openapi": names}, "timeout": limit});
        let strict = file.to_string();
        let pretty = serde_json::to_string_pretty(&file).expect("JSON");
        // The last of the list, and the last of the file, get a comma; lines get comments.
        let mut sloppy = String::from("\u{feff}// made by hand\n");
        for line in pretty.lines() {
            let closes = line.trim_start().starts_with([']', '}']) && !sloppy.trim_end().ends_with(['[', '{', ',']);
            if closes {
                sloppy.truncate(sloppy.trim_end().len());
                sloppy.push(',');
            }
            sloppy.push_str(&format!("/* , */\r\n{line}"));
        }
        for text in [&strict, &pretty, &sloppy] {
            let permissions = Permissions::from_json(text).expect("readable");
            // A key that is named like one of ours is one of ours.
            if !["permissions", "openapi", "timeout"].contains(&other.as_str()) {
                prop_assert_eq!(permissions.apis().collect::<BTreeSet<_>>(), list.clone(), "{}", text);
            }
            let is_sloppy = |line: &str| line.contains("strict reader") || line.contains("byte order mark");
            let warned = permissions.warnings().iter().filter(|warning| is_sloppy(warning.message()));
            prop_assert_eq!(warned.count() > 0, text == &sloppy);
        }
    }
}
