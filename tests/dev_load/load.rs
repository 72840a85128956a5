//! A constant load: a request is started every few milliseconds, whatever the answers do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{FUNCTIONS, GUARD};

/// How often a request is started: 200 in a second.
pub(super) const EACH: Duration = Duration::from_millis(5);

/// Every so many requests, the function makes a Cloud Call.
const CALLS: usize = 10;

/// A request, and what came of it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) function: &'static str,
    pub(super) makes_call: bool,
    pub(super) sent: Instant,
    pub(super) answered: Instant,
    pub(super) status: u16,
    pub(super) request_id: String,
    pub(super) body: String,
}

/// A load that runs.
pub(super) struct Load {
    is_over: AtomicBool,
    asked: AtomicUsize,
    answers: AtomicUsize,
}

impl Load {
    pub(super) fn new() -> Self {
        Self {
            is_over: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            answers: AtomicUsize::new(0),
        }
    }

    /// How many answers there are.
    pub(super) fn answers(&self) -> usize {
        self.answers.load(Ordering::SeqCst)
    }

    /// How many have no answer yet.
    pub(super) fn waiting(&self) -> usize {
        let answers = self.answers();
        self.asked.load(Ordering::SeqCst) - answers
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Asks until the end, of the functions in turn; gives all that was asked.
    pub(super) fn run(self: &Arc<Self>, address: &str) -> Vec<Asked> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(self.ask(address))
    }

    async fn ask(self: &Arc<Self>, address: &str) -> Vec<Asked> {
        let idle = Idle::default();
        let mut ticks = interval(EACH);
        // Those that are late are made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut tasks = JoinSet::new();
        for number in 0.. {
            ticks.tick().await;
            if self.is_over.load(Ordering::SeqCst) {
                break;
            }
            let function = FUNCTIONS[number % FUNCTIONS.len()];
            let makes_call = (number / FUNCTIONS.len()).is_multiple_of(CALLS);
            let (load, idle, address) = (Arc::clone(self), idle.clone(), address.to_owned());
            self.asked.fetch_add(1, Ordering::SeqCst);
            tasks.spawn(async move {
                let asked = one(&idle, &address, function, makes_call);
                let asked = timeout(GUARD, asked).await.expect("an answer in time");
                load.answers.fetch_add(1, Ordering::SeqCst);
                asked
            });
        }
        tasks.join_all().await
    }
}

/// Connections that are kept alive, the one used last at the end. Few are needed while answers
/// come soon.
#[derive(Clone, Default)]
struct Idle(Arc<Mutex<Vec<BufReader<TcpStream>>>>);

async fn one(idle: &Idle, address: &str, function: &'static str, makes_call: bool) -> Asked {
    let sent = Instant::now();
    let kept = idle.0.lock().expect("no panic").pop();
    let mut connection = match kept {
        Some(kept) => kept,
        None => BufReader::new(TcpStream::connect(address).await.expect("a connection")),
    };
    let event = format!(r#"{{"call":{makes_call}}}"#);
    let request = format!(
        "POST /functions/{function} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n{event}",
        event.len()
    );
    let written = connection.write_all(request.as_bytes()).await;
    written.expect("to send");
    let (status, request_id, body, is_last) = answer(&mut connection).await;
    let answered = Instant::now();
    if !is_last {
        idle.0.lock().expect("no panic").push(connection);
    }
    Asked {
        function,
        makes_call,
        sent,
        answered,
        status,
        request_id,
        body,
    }
}

async fn answer(connection: &mut BufReader<TcpStream>) -> (u16, String, String, bool) {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        let size = connection.read_line(&mut line).await.expect("an answer");
        assert!(size > 0, "the connection ended after {lines:?}");
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let status = lines[0].split(' ').nth(1).and_then(|it| it.parse().ok());
    let header = |name: &str| {
        let mut lines = lines.iter();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let size = header("content-length").and_then(|it| it.parse().ok());
    let mut body = vec![0; size.expect("a size")];
    connection.read_exact(&mut body).await.expect("a body");
    let body = String::from_utf8(body).expect("UTF-8");
    let request_id = header("x-request-id").expect("an id").to_owned();
    let is_last = header("connection") == Some("close");
    (status.expect("a status"), request_id, body, is_last)
}
