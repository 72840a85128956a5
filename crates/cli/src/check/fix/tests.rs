//! What an added permission does to a text: nothing but itself.

use super::*;

const SEND: &str = "customerServiceMessage.send";
const GET: &str = "wxacode.get";

fn added(text: &str, apis: &[&str]) -> String {
    let apis: Vec<_> = apis.iter().map(ToString::to_string).collect();
    add(text, &apis).expect(text)
}

#[test]
fn the_layout_is_taken_over() {
    for (text, expected) in [
        (
            "{}",
            "{\n  \"permissions\": {\n    \"openapi\": [\n      \"wxacode.get\"\n    ]\n  }\n}",
        ),
        (
            "{\n}\n",
            "{\n  \"permissions\": {\n    \"openapi\": [\n      \"wxacode.get\"\n    ]\n  }\n}\n",
        ),
        (
            "{\r\n\t\"timeout\": 3\r\n}\r\n",
            "{\r\n\t\"timeout\": 3,\r\n\t\"permissions\": {\r\n\t\t\"openapi\": [\r\n\t\t\t\"wxacode.get\"\r\n\t\t]\r\n\t}\r\n}\r\n",
        ),
        (
            r#"{"permissions":{"openapi":[]}}"#,
            r#"{"permissions":{"openapi":["wxacode.get"]}}"#,
        ),
        (
            r#"{"permissions": {"openapi": ["a.b"]}}"#,
            r#"{"permissions": {"openapi": ["a.b", "wxacode.get"]}}"#,
        ),
        (
            r#"{"permissions": {"openapi": ["a.b",]}}"#,
            r#"{"permissions": {"openapi": ["a.b", "wxacode.get",]}}"#,
        ),
        (
            "{\n    \"permissions\": {\n        \"openapi\": [\n            \"a.b\"\n        ]\n    }\n}",
            "{\n    \"permissions\": {\n        \"openapi\": [\n            \"a.b\",\n            \"wxacode.get\"\n        ]\n    }\n}",
        ),
        (
            "{\"permissions\": {\"openapi\": [\n  \"a.b\", // why\n  // \"c.d\"\n]}}",
            "{\"permissions\": {\"openapi\": [\n  \"a.b\", // why\n  \"wxacode.get\",\n  // \"c.d\"\n]}}",
        ),
        (
            "{\"permissions\": {\"openapi\": [\n  \"a.b\" /* , */ // why\n]}}",
            "{\"permissions\": {\"openapi\": [\n  \"a.b\", /* , */ // why\n  \"wxacode.get\"\n]}}",
        ),
        (
            "{\"permissions\": {\"openapi\": [ // none\n]}}",
            "{\"permissions\": {\"openapi\": [ // none\n  \"wxacode.get\"\n]}}",
        ),
        (
            "{\n  \"permissions\": {\n    \"openapi\": [\n    ]\n  }\n}",
            "{\n  \"permissions\": {\n    \"openapi\": [\n      \"wxacode.get\"\n    ]\n  }\n}",
        ),
        (
            "{\n  \"permissions\": {\n  }\n}",
            "{\n  \"permissions\": {\n    \"openapi\": [\n      \"wxacode.get\"\n    ]\n  }\n}",
        ),
        (
            "{\n  \"permissions\": {\n    \"scopes\": {}\n  }\n}",
            "{\n  \"permissions\": {\n    \"scopes\": {},\n    \"openapi\": [\n      \"wxacode.get\"\n    ]\n  }\n}",
        ),
    ] {
        assert_eq!(added(text, &[GET]), expected, "{text}");
    }
}

/// Whether one text can be had from another by leaving pieces out.
fn is_within(part: &str, whole: &str) -> bool {
    let mut letters = whole.chars();
    part.chars()
        .all(|wanted| letters.any(|letter| letter == wanted))
}

/// Files of every layout: line ends, indentation, comments and commas in all combinations.
fn texts() -> Vec<String> {
    let mut texts = Vec::new();
    for bom in ["", "\u{feff}"] {
        for end in ["", " ", "\n", "\r\n", "\n\n  \t"] {
            for comment in ["", "/* , ] } */", "// [ \"x\" ,\n", "/* a\n b */"] {
                for (comma, other) in [("", "\"a\": 1,"), (",", ""), ("", "\"文件\": [{}],")] {
                    for entries in [
                        "",
                        "\"a.b\"",
                        "\"a.b\",END\"c.d\"",
                        "\"customerServiceMessage.send\"",
                    ] {
                        let comma = if entries.is_empty() { "" } else { comma };
                        let list = format!("[END{comment}{entries}{comment}{comma}{comment}END]");
                        for text in [
                            format!(
                                "{bom}{{END{other}END\"permissions\":END{{END\"openapi\": {list}END}}END}}END"
                            ),
                            format!(
                                "{bom}END{{END\"permissions\": {{{comment}END}}{comment}{comma}END}}"
                            ),
                            format!(
                                "{bom}{comment}{{{comment}END\"x\": {list}{comma}{comment}END}}{comment}"
                            ),
                        ] {
                            texts.push(text.replace("END", end));
                        }
                    }
                }
            }
        }
    }
    texts
}

#[test]
fn the_rest_of_the_text_stays_and_a_second_time_changes_nothing() {
    let mut tried = 0;
    for text in texts() {
        let Ok(before) = declared(&text) else {
            panic!("{text:?} does not read");
        };
        let after = added(&text, &[SEND, GET]);
        let mut wanted = before.clone();
        wanted.extend([SEND.to_owned(), GET.to_owned()]);
        assert_eq!(
            declared(&after).expect("reads"),
            wanted,
            "{text:?} {after:?}"
        );
        assert!(is_within(&text, &after), "{text:?} {after:?}");
        assert_eq!(added(&after, &[SEND, GET]), after, "{text:?}");
        tried += 1;
    }
    assert!(tried > 1000, "{tried}");
}

#[test]
fn what_cannot_be_fixed_is_left_alone() {
    for text in [
        "",
        "[]",
        "{",
        r#"{"permissions": []}"#,
        r#"{"permissions": {"openapi": "a.b"}}"#,
    ] {
        assert!(add(text, &[GET.to_owned()]).is_err(), "{text}");
    }
}

#[test]
fn a_file_is_made_once_and_then_changed_in_place() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let path = folder.path().join("config.json");
    file(&path, &[GET.to_owned()]).expect("made");
    file(&path, &[GET.to_owned(), SEND.to_owned()]).expect("changed");
    let text = std::fs::read_to_string(&path).expect("there");
    assert_eq!(text, added("{}\n", &[GET, SEND]));
    assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_and_the_rights_of_a_file_stay() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().expect("a temp folder");
    let (real, link) = (
        folder.path().join("real.json"),
        folder.path().join("config.json"),
    );
    std::fs::write(&real, "{}").expect("written");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o664)).expect("set");
    std::os::unix::fs::symlink(&real, &link).expect("linked");
    file(&link, &[GET.to_owned()]).expect("changed");
    assert!(
        std::fs::symlink_metadata(&link)
            .expect("there")
            .is_symlink()
    );
    let rights = std::fs::metadata(&real)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(rights & 0o777, 0o664);
}
