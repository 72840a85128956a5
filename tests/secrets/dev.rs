//! `cloudcall dev`: what its journal holds, and what it says, of calls that a server refuses.

use super::canaries::{Canary, SECRET, assert_clean};
use super::quoting::{Script, Server};
use super::replies::{OF_CALLS, replies, token};
use crate::dev_server::Dev;
use crate::tool::{cloudcall, root};

/// Functions of both languages: the gateway sees the calls of the one, the forward of the other.
#[test]
fn no_journal_holds_what_a_server_quotes() {
    let server = Server::start();
    let mut dev = cloudcall(root());
    dev.args(["dev", "--port", "0", "--api-base", &server.url])
        .env("WECHAT_APPID", "wx1")
        .env("WECHAT_SECRET", SECRET);
    let dev = Dev::start_with(&mut dev);
    let wanted = ["errcode 40001", "no JSON", "other JSON"];
    let is_wanted = |(name, _): &(String, _)| wanted.contains(&&**name);
    let (mut calls, mut requests) = (0, String::new());
    for (name, call) in replies(OF_CALLS).into_iter().filter(is_wanted) {
        let tokens = vec![token()];
        server.play(Script { tokens, call });
        for function in ["get-temp-media", "get-temp-media-node"] {
            let reply = dev.invoke(function, r#"{"mediaId":"M"}"#);
            assert_clean(&Canary::both(), &format!("{name}: {function}"), &reply.body);
            let query = format!("/_cloudcall/journal?type=call&function={function}");
            let list = dev.get(&query).json();
            let entries = list["entries"].as_array().expect("a list");
            assert!(!entries.is_empty(), "{name}: {function}");
            calls = calls.max(entries.len());
        }
        requests += &server.requests().concat();
    }
    assert!(calls >= wanted.len(), "{calls}");
    assert!(Canary::both().iter().all(|it| it.is_in(&requests)));
    let journal = dev.get("/_cloudcall/journal").body;
    assert_clean(&Canary::both(), "the journal", journal);
    let said = dev.last_words("-INT");
    assert!(said.contains("getTempMedia media_id=M"), "{said}");
    assert_clean(&Canary::both(), "stderr", said);
}
