//! A function that answers a user who sends an image, for the tests of pushes.

use cloudcall::openapi::customer_service_message::{GetTempMedia, Message, get_temp_media, send};
use cloudcall::{Cloud, runtime};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    msg_type: String,
    from_user_name: String,
    media_id: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cloud = Cloud::init()?;
    runtime::run(move |event: Event, context| {
        let cloud = cloud.clone();
        async move {
            let user = context.wx_context().open_id.clone().unwrap_or_default();
            let media = get_temp_media(&cloud, GetTempMedia::new(event.media_id)).await?;
            let content = format!("{} of {} bytes", event.msg_type, media.buffer.len());
            send(&cloud, Message::text(&user, content)).await?;
            Ok::<_, cloudcall::Error>(match user == event.from_user_name {
                true => "success".to_owned(),
                false => user,
            })
        }
    })
    .await?;
    Ok(())
}
