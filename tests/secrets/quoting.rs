//! A server that answers with one of `replies.rs`, and tells what it was sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is answered.
#[derive(Clone)]
pub(crate) enum Reply {
    Bytes(Vec<u8>),
    /// The connection is held, without an answer.
    Nothing,
}

/// What is answered to requests for tokens, one after the other and then the last one for ever, and
/// to all others.
pub(crate) struct Script {
    pub(crate) tokens: Vec<Reply>,
    pub(crate) call: Reply,
}

#[derive(Default)]
struct State {
    script: Option<Script>,
    requests: Vec<String>,
    held: Vec<TcpStream>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                // A client that breaks off is no failure here.
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { url, state }
    }

    /// From now on, this is answered.
    pub(crate) fn play(&self, script: Script) {
        *self.state.lock().expect("no panic") = State {
            script: Some(script),
            ..State::default()
        };
    }

    /// The requests since then.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().expect("no panic").requests.clone()
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut request, mut length) = (String::new(), 0);
    while !request.ends_with("\r\n\r\n") {
        let start = request.len();
        if stream.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let line = request[start..].to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    request.push_str(&String::from_utf8_lossy(&body));

    let mut state = state.lock().expect("no panic");
    let script = state.script.as_mut().expect("a script");
    let reply = if !request.contains("/cgi-bin/stable_token") {
        script.call.clone()
    } else if script.tokens.len() > 1 {
        script.tokens.remove(0)
    } else {
        script.tokens[0].clone()
    };
    state.requests.push(request);
    match reply {
        Reply::Bytes(bytes) => stream.get_mut().write_all(&bytes),
        Reply::Nothing => {
            state.held.push(stream.into_inner());
            Ok(())
        }
    }
}
