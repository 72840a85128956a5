//! Requests for media over connections that are kept: written as they are, and read without an HTTP
//! client, so that the other side is what is busy.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::{APP_ID, APP_SECRET, Stopwatch};
use crate::Failure;

/// How long a server may be silent: none here needs a hundredth.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks for `m0` and so on in turn, and tells what that took.
pub(crate) fn ask(
    url: &str,
    media: usize,
    connections: usize,
    requests: usize,
) -> Result<(), Failure> {
    let address = url.strip_prefix("http://").ok_or("no http URL")?;
    let token = token(address)?;
    let stopwatch = Stopwatch::start();
    thread::scope(|scope| {
        let asking: Vec<_> = (0..connections)
            .map(|connection| {
                // They do not go through the media in step.
                let first = connection * media / connections;
                let token = &token;
                scope.spawn(move || {
                    let mut connection = Connection::open(address)?;
                    for number in 0..requests / connections {
                        let media = (first + number) % media;
                        let query = format!("access_token={token}&media_id=m{media}");
                        connection.get(&format!("/cgi-bin/media/get?{query}"))?;
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

/// The emulator's access token; a server that knows none does not look at it.
fn token(address: &str) -> Result<String, Failure> {
    let query = format!("grant_type=client_credential&appid={APP_ID}&secret={APP_SECRET}");
    let mut connection = Connection::open(address)?;
    match connection.get(&format!("/cgi-bin/token?{query}")) {
        Ok(()) => {
            let reply: serde_json::Value = serde_json::from_slice(&connection.body)?;
            Ok(reply["access_token"].as_str().ok_or("no token")?.to_owned())
        }
        Err(_) => Ok("none".to_owned()),
    }
}

struct Connection {
    stream: BufReader<TcpStream>,
    address: String,
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
            address: address.to_owned(),
            line: String::new(),
            body: Vec::new(),
        })
    }

    /// Asks for a target, and reads the reply, which must be 200 and have a length.
    fn get(&mut self, target: &str) -> Result<(), Failure> {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut length = None;
        let mut is_first = true;
        loop {
            self.line.clear();
            self.stream.read_line(&mut self.line)?;
            let line = self.line.trim_end();
            if is_first && !line.starts_with("HTTP/1.1 200") {
                return Err(format!("{target}: {line}").into());
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
