//! Adds two numbers: next to no work, so that what carries the event is what is measured.

use cloudcall::runtime;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Event {
    a: f64,
    b: f64,
}

#[derive(Serialize)]
struct Outcome {
    sum: f64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    runtime::run(|event: Event, _context| async move {
        Ok::<_, std::convert::Infallible>(Outcome {
            sum: event.a + event.b,
        })
    })
    .await?;
    Ok(())
}
