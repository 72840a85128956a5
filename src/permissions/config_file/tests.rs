//! What real and broken `config.json` files declare.

use super::*;

const GET: &str = "customerServiceMessage.getTempMedia";
const PLAIN: &str = r#"{"permissions":{"openapi":["customerServiceMessage.getTempMedia"]}}"#;

/// The declared names, and each warning as text.
fn read_text(text: &str) -> (Vec<String>, Vec<String>) {
    let declared = parse(text, None).expect(text);
    (
        declared.apis.into_iter().collect(),
        declared.warnings.iter().map(ToString::to_string).collect(),
    )
}

#[test]
fn sloppy_files_are_read_with_a_warning_that_has_a_line() {
    let with_bom = format!("\u{feff}{PLAIN}");
    let comments = "{\n  // what we call\n  \"permissions\": { \"openapi\": [\"customerServiceMessage.getTempMedia\"] /* all */ }\n}";
    let comma = "{\n  \"permissions\": {\n    \"openapi\": [\"customerServiceMessage.getTempMedia\",]\n  }\n}";
    for (text, warnings) in [
        (PLAIN, &[][..]),
        (
            &with_bom,
            &["config.json:1:1: starts with a byte order mark: save the file as UTF-8 without BOM"],
        ),
        (
            comments,
            &["config.json:2:3: a comment: JSON has none, and a strict reader refuses the file"],
        ),
        (
            comma,
            &["config.json:3:54: a trailing comma: a strict reader refuses the file"],
        ),
    ] {
        let (apis, found) = read_text(text);
        assert_eq!(apis, [GET], "{text}");
        assert_eq!(found, warnings, "{text}");
    }
}

#[test]
fn carriage_returns_unknown_keys_and_own_data_pass_in_silence() {
    let text = "{\r\n  \"timeout\": 20,\r\n  \"envVariables\": {\"A\": \"b\"},\r\n  \"triggers\": [{\"name\": \"t\", \"type\": \"timer\", \"config\": \"0 0 2 1 * * *\"}],\r\n  \"ours\": [1, 2.5e3, null, true],\r\n  \"permissions\": {\r\n    \"openapi\": [\"customerServiceMessage.getTempMedia\"],\r\n    \"database\": true\r\n  }\r\n}\r\n";
    assert_eq!(read_text(text), (vec![GET.to_owned()], vec![]));
}

#[test]
fn names_that_permit_nothing_are_pointed_out() {
    let list = |entry: &str| format!("{{\"permissions\":{{\"openapi\":[\n{entry}]}}}}");
    for (entry, warning) in [
        (
            r#""openapi.customerServiceMessage.getTempMedia""#,
            r#"config.json:2:1: "openapi.customerServiceMessage.getTempMedia" permits nothing: write "customerServiceMessage.getTempMedia""#,
        ),
        (
            r#""customerServiceMessage.getTempMedia ""#,
            r#"config.json:2:1: "customerServiceMessage.getTempMedia " permits nothing: write "customerServiceMessage.getTempMedia""#,
        ),
        (
            r#""customerServiceMessage.getTmpMedia""#,
            r#"config.json:2:1: "customerServiceMessage.getTmpMedia" is not a known API: did you mean "customerServiceMessage.getTempMedia"?"#,
        ),
        (
            r#""qqqqqqqq""#,
            r#"config.json:2:1: "qqqqqqqq" is not a known API: names are "category.method""#,
        ),
        (
            "7",
            "config.json:2:1: this entry is a number and permits nothing: an API name is a string",
        ),
    ] {
        let (apis, warnings) = read_text(&list(entry));
        assert_eq!(warnings, [warning]);
        assert!(!apis.iter().any(|api| api == GET), "{entry}");
    }
}

#[test]
fn of_two_keys_the_last_counts_as_for_every_reader_of_json() {
    let (apis, warnings) = read_text(
        r#"{"permissions":{"openapi":["customerServiceMessage.getTempMedia"],"openapi":["wxacode.get"]}}"#,
    );
    assert_eq!(apis, ["wxacode.get"]);
    assert_eq!(
        warnings,
        [r#"config.json:1:67: "openapi" is there twice: only this one counts"#]
    );
    let (apis, warnings) = read_text(
        "{\"permissions\":{\"openapi\":[\"customerServiceMessage.getTempMedia\"]},\n\"permissions\":{\"openapi\":[]}}",
    );
    assert!(apis.is_empty());
    assert_eq!(
        warnings,
        [r#"config.json:2:1: "permissions" is there twice: only this one counts"#]
    );
}

#[test]
fn permissions_without_a_list_permit_nothing() {
    assert_eq!(read_text("{}"), (vec![], vec![]));
    let (apis, warnings) = read_text(r#"{"permissions": {}}"#);
    assert!(apis.is_empty());
    assert_eq!(
        warnings,
        [
            r#"config.json:1:17: permissions has no "openapi" and permits nothing: add "openapi": [] with the names of the APIs that are called"#
        ]
    );
    let (_, warnings) = read_text(r#"{"permissions": {"wxacode.get": true}}"#);
    assert!(
        warnings[0].ends_with(r#"write { "openapi": ["wxacode.get"] }"#),
        "{warnings:?}"
    );
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    let deep = "[".repeat(100_000);
    for (text, expected) in [
        (
            "",
            "config.json:1:1: the file is empty: it must hold an object",
        ),
        (
            " \n",
            "config.json:1:1: the file is empty: it must hold an object",
        ),
        (
            "[]",
            "config.json:1:1: config.json must hold an object, not a list",
        ),
        (
            "null",
            "config.json:1:1: config.json must hold an object, not null",
        ),
        ("{} {}", "config.json:1:4: "),
        ("{\n  'permissions': {}}", "config.json:2:3: "),
        (
            "{\"permissions\": {\"openapi\": [\"a.b\"}",
            "config.json:1:",
        ),
        (
            "{\n \"permissions\": []}",
            "config.json:2:17: permissions must be an object, not a list",
        ),
        (
            r#"{"permissions": {"openapi": "a.b"}}"#,
            "config.json:1:29: permissions.openapi must be a list of API names, not a string",
        ),
        (&deep, "config.json:1:"),
    ] {
        let error = parse(text, None).expect_err("unreadable").to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn files_that_are_no_text_are_refused() {
    let folder = tempfile::tempdir().expect("temp folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("directory")).expect("directory");
    std::fs::write(at("latin1"), b"{\n\"a\": \"\xe9\"}").expect("write");
    File::create(at("huge"))
        .and_then(|file| file.set_len(50 << 20))
        .expect("a file of 50 MB");
    for (name, expected) in [
        ("missing", "the file does not exist"),
        ("directory", "this is a directory, not a file"),
        ("latin1", "not UTF-8 (in line 2): save the file as UTF-8"),
        ("huge", "larger than 1048576 bytes"),
    ] {
        let error = read(&at(name)).expect_err(name).to_string();
        assert_eq!(error, format!("{}: {expected}", at(name).display()));
    }
}
