//! Fetches an image and answers. Not here: openapi::customer_service_message::set_typing(…).

mod answer;

use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::{Cloud, runtime};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cloud = Cloud::init()?;
    runtime::run(move |event: GetTempMedia, _context| {
        let cloud = cloud.clone();
        async move {
            let (media, _) = tokio::try_join!(get_temp_media(&cloud, event), answer::send(&cloud))?;
            Ok::<_, cloudcall::Error>(media)
        }
    })
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use cloudcall::openapi::customer_service_message as csm;

    #[tokio::test]
    async fn uploads() {
        csm::upload_temp_media(&super::cloud(), media()).await.unwrap();
    }
}
