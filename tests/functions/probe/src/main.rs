//! A function that does what its event says, for the tests of what a runner must bear.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::{Cloud, runtime};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Event {
    /// Gives the event's caller and the invocation's limits.
    Tell,
    Fail,
    Panic,
    /// Writes to stderr, and ends the process.
    Exit {
        code: i32,
    },
    /// Writes to stdout.
    Print {
        text: String,
    },
    /// Makes a Cloud Call, which its config.json does not permit.
    Get(GetTempMedia),
    /// Gives a text of this many bytes.
    Text {
        bytes: usize,
    },
    /// Gives the names of its variables that begin with one of these.
    Variables {
        beginning: Vec<String>,
    },
    /// Connects to the address and holds on, as does a process that it starts, and never answers.
    Hold {
        address: String,
    },
    /// Starts a process, tells the address its own id, and computes without an end.
    Spin {
        address: String,
    },
    /// Starts a process, tells the address its own id, and answers when it is let go.
    Wait {
        address: String,
    },
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    if let Some(address) = std::env::args().nth(1) {
        // Until the other side lets go.
        hold(&address)?.read_to_end(&mut Vec::new())?;
        return Ok(());
    }
    runtime::run(|event, context| async move { answer(event, &context).await }).await?;
    Ok(())
}

/// A connection that ends with the process.
fn hold(address: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"held")?;
    Ok(stream)
}

/// Has a process of its own, and says who it is; then the connection.
fn announce(address: &str) -> std::io::Result<TcpStream> {
    Command::new("sleep").arg("1000").spawn()?;
    let mut stream = TcpStream::connect(address)?;
    writeln!(stream, "{}", std::process::id())?;
    Ok(stream)
}

async fn answer(event: Event, context: &runtime::Context) -> Result<Value, Failure> {
    match event {
        Event::Tell => Ok(json!({
            "memory": context.memory_limit_in_mb(),
            "milliseconds": context.time_limit().as_millis() as u64,
            "caller": context.wx_context().open_id,
            "request": context.request_id().len(),
        })),
        Event::Fail => Err("it was asked to fail".into()),
        Event::Panic => panic!("it was asked to panic"),
        Event::Exit { code } => {
            eprintln!("a line");
            eprint!("and the last one");
            std::process::exit(code);
        }
        Event::Print { text } => {
            println!("{text}");
            Ok(Value::Null)
        }
        Event::Get(arguments) => {
            let media = get_temp_media(&Cloud::init()?, arguments).await?;
            Ok(serde_json::to_value(media)?)
        }
        Event::Text { bytes } => Ok("x".repeat(bytes).into()),
        Event::Variables { beginning } => Ok(std::env::vars()
            .map(|(name, _)| name)
            .filter(|name| beginning.iter().any(|it| name.starts_with(it)))
            .collect()),
        Event::Hold { address } => {
            Command::new(std::env::current_exe()?)
                .arg(&address)
                .spawn()?;
            let _held = hold(&address)?;
            std::future::pending().await
        }
        Event::Spin { address } => {
            let _announced = announce(&address)?;
            loop {
                std::hint::spin_loop();
            }
        }
        Event::Wait { address } => {
            announce(&address)?.read_to_end(&mut Vec::new())?;
            Ok("let go".into())
        }
    }
}
