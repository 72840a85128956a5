//! What a fault with a seed does to the first requests, found out without a socket.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use cloudcall::transport::Transport as _;
use cloudcall_emulator::Emulator;
use serde_json::Value;
use tokio::task::JoinSet;

use super::case::{Outcome, ok};

/// More requests than the calls of any case make.
const ENOUGH: usize = 256;

/// The errcode of a path that is not served, which is what a request gets that meets nothing.
const NOT_SERVED: i64 = 404;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawn {
    Nothing,
    Refused(i64),
    /// There is no answer.
    Lost,
    /// There is a part of one.
    CutShort,
}

/// What comes of `n` calls whose requests meet this: each request that is not repeated, for which
/// there is a result, ends a call. It does not matter which call makes which request.
pub(super) fn walk(
    spec: &'static str,
    n: usize,
    of_request: impl Fn(Drawn) -> Option<Result<(), i64>>,
) -> Outcome {
    let mut outcome = ok(0);
    let (mut ended, mut requests, mut met) = (0, 0, 0);
    for (drawn, faulted) in drawn(spec) {
        if ended == n {
            break;
        }
        requests += 1;
        met += usize::from(faulted);
        match of_request(drawn) {
            None => continue,
            Some(Ok(())) => outcome.succeed(1),
            Some(Err(code)) => outcome.fail(1, code),
        }
        ended += 1;
    }
    assert_eq!(ended, n, "{spec}: too few requests were drawn");
    outcome.requests(requests).met(met)
}

/// Asks once, in a thread, because the caller's runtime is busy with the caller.
fn drawn(spec: &'static str) -> Vec<(Drawn, bool)> {
    static KNOWN: Mutex<BTreeMap<&str, Vec<(Drawn, bool)>>> = Mutex::new(BTreeMap::new());

    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let ask = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        runtime.block_on(ask(spec))
    };
    let thread = || std::thread::scope(|scope| scope.spawn(ask).join().expect("no panic"));
    known.entry(spec).or_insert_with(thread).clone()
}

/// For each of the first requests what happens to it, and whether it meets a fault at all.
async fn ask(spec: &str) -> Vec<(Drawn, bool)> {
    let fault = spec.parse().expect("a fault");
    let emulator = Emulator::builder().fault(fault).build();
    let emulator = emulator.expect("an emulator");
    // A request meets its fault when it is first polled, so they do in the order of the tasks.
    // Their paths tell them apart in the journal.
    let mut asked = JoinSet::new();
    for number in 0..ENOUGH {
        let transport = emulator.transport();
        asked.spawn(async move {
            let request = http::Request::get(format!("/{number}")).body(Bytes::new());
            let drawn = match transport.send(request.expect("a request")).await {
                Err(_) => Drawn::Lost,
                Ok(response) => response
                    .into_body()
                    .bytes()
                    .await
                    .map_or(Drawn::CutShort, |body| read(&body)),
            };
            (number, drawn)
        });
    }
    let mut drawn = asked.join_all().await;
    drawn.sort_by_key(|(number, _)| *number);
    let met: HashSet<_> = emulator
        .journal()
        .entries()
        .into_iter()
        .filter(|entry| entry.fault.is_some())
        .map(|entry| entry.path)
        .collect();
    let faulted = |number| met.contains(&format!("/{number}"));
    drawn
        .into_iter()
        .map(|(number, drawn)| (drawn, faulted(number)))
        .collect()
}

fn read(body: &[u8]) -> Drawn {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    match body["errcode"].as_i64().expect("a number") {
        NOT_SERVED => Drawn::Nothing,
        errcode => Drawn::Refused(errcode),
    }
}
