//! `--fault`: failures that are rehearsed, as calls, functions and commands meet them.

use serde_json::{Value, json};

use crate::call::{GET, call};
use crate::invoke::{invoke, json_of};
use crate::seen::assert_seen;
use crate::tool::{cloudcall, output, root, stderr, stdout};

const SAMPLE: &str = r#"{"mediaId":"sample"}"#;
const FUNCTIONS: [&str; 2] = ["get-temp-media", "get-temp-media-node"];

fn call_with(faults: &[&str]) -> std::process::Command {
    let mut run = call(&[GET, "mediaId=sample"]);
    for fault in faults {
        run.args(["--fault", fault]);
    }
    run
}

#[test]
fn a_call_meets_a_fault() {
    assert_seen!("fault-rate-limited", &mut call_with(&["rate-limited"]));
}

#[test]
fn a_token_that_expires_early_is_renewed() {
    let output = output(&mut call_with(&["token-expired"]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with(r#"{"errCode":0,"#));
    assert_eq!(
        stderr(&output),
        "note: the emulator has faults: expire-token,times=1\n"
    );
}

#[test]
fn the_first_of_several_decides() {
    let faults = ["errcode=45047,after=1", "errcode=48001,errmsg=no, not you"];
    let output = output(&mut call_with(&faults));
    assert_eq!(output.status.code(), Some(1));
    let error: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(error["errCode"], 48001);
    let message = error["errMsg"].as_str().expect("text");
    assert!(message.ends_with("no, not you"), "{message}");
}

#[test]
fn a_call_meets_a_real_connection_that_breaks() {
    let output = output(&mut call_with(&["reset=after"]));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let error = stdout(&output);
    assert!(error.starts_with(r#"{"errCode":-601003,"#), "{error}");
    assert!(error.contains("the connection to 127.0.0.1:"), "{error}");
}

#[test]
fn wrong_faults_are_said_before_anything_runs() {
    assert_seen!("fault-unknown", &mut call_with(&["buzy"]));
    assert_seen!(
        "fault-unknown-place",
        &mut call_with(&["getTempMedia:busy"])
    );
    assert_seen!("fault-unknown-option", &mut call_with(&["busy,twice"]));
    assert_seen!(
        "fault-elsewhere",
        call_with(&["busy"]).env("CLOUDCALL_API_BASE", "http://127.0.0.1:1")
    );
    for elsewhere in [&["--live"][..], &["--api-base", "http://127.0.0.1:1"]] {
        let output = output(call_with(&["busy"]).args(elsewhere));
        assert_eq!(output.status.code(), Some(2), "{elsewhere:?}");
    }
}

#[test]
fn functions_in_both_languages_meet_the_same_faults() {
    for function in FUNCTIONS {
        let result = |faults: &[&str]| {
            let mut run = invoke(&[function, "--event", SAMPLE]);
            for fault in faults {
                run.args(["--fault", fault]);
            }
            json_of(&mut run)
        };
        assert_eq!(result(&["rate-limited"])["errCode"], 45009, "{function}");
        assert_eq!(result(&["token-expired"])["errCode"], 0, "{function}");
        let both = result(&["token-expired", "errcode=45009"]);
        assert_eq!(both["errCode"], 45009, "{function}");
        assert_eq!(result(&["reset"])["errCode"], -601003, "{function}");
        let elsewhere = result(&["customerServiceMessage.send:rate-limited"]);
        assert_eq!(elsewhere["errCode"], 0, "{function}");
    }
}

/// A command changes the faults as it runs, as a test suite would.
#[test]
fn a_command_changes_the_faults_as_it_runs() {
    const SCRIPT: &str = r"
        const { main } = require('./functions/get-temp-media-node')
        console.log = () => {}
        const faults = async (method, body) => {
            const reply = await fetch(process.env.CLOUDCALL_API_BASE + '/_emulator/faults', {
                method, body, headers: { 'Content-Type': 'application/json' },
            })
            return { status: reply.status, ...(await reply.json()) }
        }
        const code = async () => (await main({ mediaId: 'sample' })).errCode
        const seen = async () => {
            const given = await code()
            const added = await faults('POST', JSON.stringify(['errcode=45011,once', 'status=503,after=9']))
            const codes = [await code(), await code()]
            const wrong = await faults('POST', '\x22buzy\x22')
            const listed = await faults('GET')
            const cleared = await faults('DELETE')
            return { given, added, codes, wrong: wrong.errmsg, listed, cleared }
        }
        seen().then((it) => process.stdout.write(JSON.stringify(it)))
    ";
    let output = output(
        cloudcall(root())
            .args(["exec", "--function", "get-temp-media-node"])
            .args(["--fault", "errcode=45009,once", "--", "node", "-e", SCRIPT]),
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let seen: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let status = |fault: &str, matched: u64, fired: u64| json!({"fault": fault, "matched": matched, "fired": fired});
    assert_eq!(seen["given"], 45009);
    assert_eq!(
        seen["added"]["faults"][1],
        status("errcode=45011,times=1", 0, 0)
    );
    assert_eq!(seen["codes"], json!([45011, 0]));
    let wrong = seen["wrong"].as_str().expect("text");
    assert!(wrong.starts_with(r#""buzy" is no fault"#), "{wrong}");
    assert_eq!(
        seen["listed"],
        json!({
            "status": 200,
            "faults": [
                status("errcode=45009,times=1", 3, 1),
                status("errcode=45011,times=1", 2, 1),
                status("status=503,after=9", 1, 0),
            ],
        })
    );
    assert_eq!(seen["cleared"]["faults"], json!([]));
}
