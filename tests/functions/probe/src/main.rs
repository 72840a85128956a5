//! A function that does what its event says, for the tests of what a runner must bear.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use cloudcall::runtime;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Event {
    /// Gives the event's caller and the invocation's limits.
    Tell,
    Fail,
    Panic,
    Exit {
        code: i32,
    },
    /// Gives a text of this many bytes.
    Text {
        bytes: usize,
    },
    /// Gives the names of its variables that begin with one of these.
    Variables {
        beginning: Vec<String>,
    },
    /// Starts a process that connects to the address and holds on, and never answers.
    Hold {
        address: String,
    },
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(address) = std::env::args().nth(1) {
        return hold(&address);
    }
    runtime::run(|event, context| async move { answer(event, &context).await }).await?;
    Ok(())
}

/// Holds a connection until the other side lets go.
fn hold(address: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"held")?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

async fn answer(event: Event, context: &runtime::Context) -> Result<Value, String> {
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
            println!("on stdout");
            eprintln!("on stderr");
            std::process::exit(code);
        }
        Event::Text { bytes } => Ok("x".repeat(bytes).into()),
        Event::Variables { beginning } => Ok(std::env::vars()
            .map(|(name, _)| name)
            .filter(|name| beginning.iter().any(|it| name.starts_with(it)))
            .collect()),
        Event::Hold { address } => {
            let program = std::env::current_exe().map_err(|error| error.to_string())?;
            Command::new(program)
                .arg(address)
                .spawn()
                .map_err(|error| error.to_string())?;
            std::future::pending().await
        }
    }
}
