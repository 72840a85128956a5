//! A process for the tests: for each number on stdin it makes that many calls at once, and says
//! what came of them.

use std::error::Error;

use cloudcall::Cloud;
use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cloud = Cloud::init()?;
    for line in std::io::stdin().lines() {
        let mut calls = JoinSet::new();
        for _ in 0..line?.trim().parse()? {
            let cloud = cloud.clone();
            calls.spawn(async move { get_temp_media(&cloud, GetTempMedia::new("M")).await });
        }
        let outcomes = calls.join_all().await;
        match outcomes.iter().find_map(|outcome| outcome.as_ref().err()) {
            Some(error) => println!("{error}"),
            None => println!("{} answered", outcomes.len()),
        }
    }
    Ok(())
}
