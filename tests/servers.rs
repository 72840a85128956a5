//! Servers that a run is pointed at, and that tell what reached them.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use crate::tool::GUARD;

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    (listener, address)
}

/// Where nobody is to come.
pub(crate) struct Untouched {
    listener: TcpListener,
    pub(crate) url: String,
}

impl Untouched {
    pub(crate) fn start() -> Self {
        let (listener, address) = listen();
        listener
            .set_nonblocking(true)
            .expect("a listener that does not wait");
        Self {
            listener,
            url: format!("http://{address}"),
        }
    }

    /// Fails if there was a connection; to be called when the one who might come has ended.
    #[track_caller]
    pub(crate) fn assert(&self) {
        let accepted = self.listener.accept();
        assert!(
            accepted
                .as_ref()
                .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock),
            "{accepted:?}"
        );
    }
}

/// Answers every request with WeChat's refusal of the app, which holds the secret.
pub(crate) struct Refusing {
    pub(crate) url: String,
    requests: mpsc::Receiver<String>,
}

/// The secret of the tests: no output may hold it.
pub(crate) const SECRET: &str = "s3cret-canary";

impl Refusing {
    pub(crate) fn start() -> Self {
        let (listener, address) = listen();
        let (came, requests) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.expect("a connection"));
                let request = request(&mut stream).expect("a whole request");
                // Told first: who has the answer can be sure that the request is known.
                if came.send(request).is_err() {
                    return; // The test is over.
                }
                refuse(stream.get_mut()).expect("to answer");
            }
        });
        Self {
            url: format!("http://{address}"),
            requests,
        }
    }

    /// The next request, head and body; to be called when the one who sends it has its answer.
    #[track_caller]
    pub(crate) fn request(&self) -> String {
        self.requests.try_recv().expect("a request")
    }
}

/// Reads one request.
fn request(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut request = String::new();
    let mut length = 0;
    while !request.ends_with("\r\n\r\n") {
        let start = request.len();
        stream.read_line(&mut request)?;
        let line = request[start..].to_lowercase();
        assert!(!line.is_empty(), "the head ends early: {request}");
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    request.push_str(&String::from_utf8(body).expect("text"));
    Ok(request)
}

fn refuse(stream: &mut TcpStream) -> io::Result<()> {
    let body = format!(r#"{{"errcode":40125,"errmsg":"invalid appsecret {SECRET}"}}"#);
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// How many processes of the probe hold a connection: the function's own, and one that it started.
const HOLDERS: usize = 2;

/// Tells when the probe's processes have come, and when none of them is left.
pub(crate) struct Held {
    pub(crate) address: String,
    news: mpsc::Receiver<News>,
}

#[derive(Debug, PartialEq, Eq)]
enum News {
    AllCame,
    AllGone,
}

impl Held {
    pub(crate) fn start() -> Self {
        let (listener, address) = listen();
        let (tell, news) = mpsc::channel();
        thread::spawn(move || {
            let come = |_| {
                let (mut stream, _) = listener.accept().expect("a process");
                let mut word = [0; 4];
                stream.read_exact(&mut word).expect("its word");
                assert_eq!(&word, b"held");
                stream
            };
            let streams: Vec<_> = (0..HOLDERS).map(come).collect();
            tell.send(News::AllCame).expect("the test waits");
            for mut stream in streams {
                // Ends only when the process does, which is waiting for us.
                let _ = stream.read_to_end(&mut Vec::new());
            }
            tell.send(News::AllGone).expect("the test waits");
        });
        Self { address, news }
    }

    #[track_caller]
    pub(crate) fn all_came(&self) {
        assert_eq!(self.news.recv_timeout(GUARD), Ok(News::AllCame));
    }

    #[track_caller]
    pub(crate) fn all_gone(&self) {
        assert_eq!(self.news.recv_timeout(GUARD), Ok(News::AllGone));
    }
}

/// Where a function says that it is at work, and waits.
#[cfg(target_os = "linux")]
pub(crate) struct Announced {
    pub(crate) address: String,
    connections: mpsc::Receiver<BufReader<TcpStream>>,
}

/// A function at work; it is let go when this is dropped.
#[cfg(target_os = "linux")]
pub(crate) struct AtWork {
    /// The id of its process.
    pub(crate) id: i32,
    _connection: BufReader<TcpStream>,
}

#[cfg(target_os = "linux")]
impl Announced {
    pub(crate) fn start() -> Self {
        let (listener, address) = listen();
        let (came, connections) = mpsc::channel();
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a process");
            // Nobody wants it any more where the wait was given up.
            let _ = came.send(BufReader::new(stream));
        });
        Self {
            address,
            connections,
        }
    }

    #[track_caller]
    pub(crate) fn wait(self) -> AtWork {
        let mut connection = self.connections.recv_timeout(GUARD).expect("a function");
        let mut line = String::new();
        connection.read_line(&mut line).expect("its line");
        AtWork {
            id: line.trim().parse().expect("an id"),
            _connection: connection,
        }
    }
}
