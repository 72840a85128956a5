use cloudcall::{Cloud, openapi};
use serde_json::json;

const LINK: &str = "urllink.generate";

async fn links(cloud: &Cloud) -> Result<(), cloudcall::Error> {
    openapi::call(cloud, LINK, json!({})).await?;
    openapi::call(cloud, "urlscheme.generate", json!({ "a, b": "," })).await?;
    Ok(())
}

fn main() {}
