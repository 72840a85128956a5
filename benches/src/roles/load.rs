//! Requests for media, and events for functions, over connections that are kept: written as they
//! are, and read without an HTTP client, so that the other side is what is busy.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::{APP_ID, APP_SECRET, Stopwatch};
use crate::Failure;

/// How long a server may be silent: none here needs a hundredth.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is sent, and where to.
struct Request {
    /// Which of the addresses.
    to: usize,
    text: String,
}

/// Asks for `m0` and so on in turn, and tells what that took.
pub(crate) fn ask(
    url: &str,
    media: usize,
    connections: usize,
    requests: usize,
) -> Result<(), Failure> {
    let (address, _) = parts(url)?;
    let token = token(address)?;
    let in_turn: Vec<_> = (0..media)
        .map(|media| {
            let query = format!("access_token={token}&media_id=m{media}");
            let text = get(address, &format!("/cgi-bin/media/get?{query}"));
            Request { to: 0, text }
        })
        .collect();
    send(&[address], &in_turn, connections, requests)
}

/// Sends JSON to these URLs in turn, and tells what that took.
pub(crate) fn post(urls: &[&str], connections: usize, requests: usize) -> Result<(), Failure> {
    const EVENT: &str = r#"{"a":1,"b":2}"#;
    let mut addresses = Vec::new();
    let mut in_turn = Vec::new();
    for url in urls {
        let (address, path) = parts(url)?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{EVENT}",
            EVENT.len()
        );
        let to = addresses.iter().position(|it| *it == address);
        let to = to.expect("it is one of them");
        in_turn.push(Request { to, text });
    }
    send(&addresses, &in_turn, connections, requests)
}

/// So many connections to each address, of which each has one request at a time.
fn send(
    addresses: &[&str],
    in_turn: &[Request],
    connections: usize,
    requests: usize,
) -> Result<(), Failure> {
    let open = || addresses.iter().copied().map(Connection::open).collect();
    let opened: Vec<Vec<_>> = (0..connections).map(|_| open()).collect::<Result<_, _>>()?;
    let stopwatch = Stopwatch::start();
    thread::scope(|scope| {
        let asking: Vec<_> = opened
            .into_iter()
            .enumerate()
            .map(|(number, mut connections_of_one)| {
                // They do not go through the requests in step.
                let first = number * in_turn.len() / connections;
                scope.spawn(move || {
                    for number in 0..requests / connections {
                        let request = &in_turn[(first + number) % in_turn.len()];
                        connections_of_one[request.to].exchange(&request.text)?;
                    }
                    Ok::<_, Failure>(())
                })
            })
            .collect();
        asking
            .into_iter()
            .try_for_each(|asking| asking.join().map_err(|_| "a connection panicked")?)
    })?;
    stopwatch.tell(requests / connections * connections);
    Ok(())
}

/// Address and path of a URL.
fn parts(url: &str) -> Result<(&str, &str), Failure> {
    let rest = url.strip_prefix("http://").ok_or("no http URL")?;
    Ok(match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    })
}

fn get(address: &str, target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n")
}

/// The emulator's access token; a server that knows none does not look at it.
fn token(address: &str) -> Result<String, Failure> {
    let query = format!("grant_type=client_credential&appid={APP_ID}&secret={APP_SECRET}");
    let mut connection = Connection::open(address)?;
    match connection.exchange(&get(address, &format!("/cgi-bin/token?{query}"))) {
        Ok(()) => {
            let reply: serde_json::Value = serde_json::from_slice(&connection.body)?;
            Ok(reply["access_token"].as_str().ok_or("no token")?.to_owned())
        }
        Err(_) => Ok("none".to_owned()),
    }
}

struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    fn open(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::with_capacity(64 << 10, stream),
            line: String::new(),
            body: Vec::new(),
        })
    }

    /// Sends a request, and reads the reply, which must be 200 and have a length.
    fn exchange(&mut self, request: &str) -> Result<(), Failure> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut length = None;
        let mut is_first = true;
        loop {
            self.line.clear();
            self.stream.read_line(&mut self.line)?;
            let line = self.line.trim_end();
            if is_first && !line.starts_with("HTTP/1.1 200") {
                return Err(
                    format!("{}: {line}", request.lines().next().unwrap_or_default()).into(),
                );
            }
            is_first = false;
            match line.split_once(": ") {
                None if line.is_empty() => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = Some(value.parse::<usize>()?);
                }
                _ => {}
            }
        }
        self.body
            .resize(length.ok_or("a reply without a length")?, 0);
        self.stream.read_exact(&mut self.body)?;
        // An error of WeChat's is JSON with status 200.
        if self.body.starts_with(br#"{"errcode""#) {
            return Err(String::from_utf8_lossy(&self.body).into());
        }
        Ok(())
    }
}
