//! The request example of `customerServiceMessage.getTempMedia`, in Rust: returns the media, or
//! the error as an object.

use cloudcall::openapi::customer_service_message::{GetTempMedia, TempMedia, get_temp_media};
use cloudcall::{Cloud, runtime};
use serde::Serialize;

/// What the function returns, either way.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Media(TempMedia),
    Failed(cloudcall::Error),
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cloud = Cloud::init()?;
    runtime::run(move |event: GetTempMedia, _context| {
        let cloud = cloud.clone();
        async move {
            let outcome = match get_temp_media(&cloud, event).await {
                Ok(media) => {
                    println!("{} of {} bytes", media.content_type, media.buffer.len());
                    Outcome::Media(media)
                }
                Err(error) => {
                    println!("{error}");
                    Outcome::Failed(error)
                }
            };
            Ok::<_, std::convert::Infallible>(outcome)
        }
    })
    .await?;
    Ok(())
}
