use cloudcall::openapi::{self, customer_service_message as csm};
use cloudcall::{Cloud, Error};

async fn answer(cloud: &Cloud, api: &str) -> Result<(), Error> {
    tokio::try_join!(
        csm::set_typing(cloud, csm::SetTyping::typing("OPENID")),
        openapi::call(cloud, "wxacode.getUnlimted", serde_json::json!({})),
    )?;
    openapi::call(cloud, api, serde_json::json!({})).await?;
    Ok(())
}

fn main() {}
