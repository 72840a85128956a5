//! The answer.

use cloudcall::openapi::customer_service_message::{self as csm, Message, Sent};

pub async fn send(cloud: &cloudcall::Cloud) -> Result<Sent, cloudcall::Error> {
    csm::send(cloud, Message::text("OPENID", "你好")).await
}
