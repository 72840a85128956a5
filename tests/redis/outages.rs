//! Redis that is away, slow, or killed in the middle of work.

use std::net::TcpListener;
use std::time::Duration;

use cloudcall::access_token::RedisStore;
use tokio::task::JoinSet;

use super::{Bed, call};

#[tokio::test]
async fn without_redis_each_has_its_own_token_and_with_it_again_they_share() {
    let mut bed = Bed::new();
    bed.redis.kill();
    let [cloud, other] = [bed.cloud(), bed.cloud()];
    call(&cloud).await.expect("the media");
    call(&other).await.expect("the media");
    assert_eq!(bed.token_requests(), 2);
    bed.redis.restart();
    bed.end_tokens();
    call(&cloud).await.expect("the media");
    call(&other).await.expect("the media");
    assert_eq!(bed.token_requests(), 3);
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_given_up_on() {
    let bed = Bed::new();
    // The system accepts the connection, and nobody answers.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("bound"));
    let store = RedisStore::new(&url).expect("a URL");
    let cloud = bed.cloud_with(store.timeout(Duration::from_millis(50)));
    call(&cloud).await.expect("the media");

    // And one that has stopped, with a connection that has been in use.
    let cloud = bed.cloud_with(bed.store().timeout(Duration::from_millis(500)));
    call(&cloud).await.expect("the media");
    bed.redis.signal("-STOP");
    bed.end_tokens();
    call(&cloud).await.expect("the media");
    bed.redis.signal("-CONT");
    bed.end_tokens();
    call(&cloud).await.expect("the media");
    let before = bed.token_requests();
    call(&bed.cloud()).await.expect("the media");
    assert_eq!(bed.token_requests(), before, "it is shared again");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_a_hundred_times_in_the_middle_of_work_it_costs_no_answer() {
    let mut bed = Bed::new();
    let clouds = [bed.cloud(), bed.cloud()];
    for round in 0..100 {
        bed.end_tokens();
        let mut callers = JoinSet::new();
        for number in 0..16 {
            let cloud = clouds[number % 2].clone();
            callers.spawn(async move { call(&cloud).await });
        }
        // At the beginning, in the middle, or at the end.
        for _ in 0..round % 16 {
            let outcome = callers.join_next().await.expect("some are left");
            outcome.expect("no panic").expect("the media");
        }
        bed.redis.kill();
        while let Some(outcome) = callers.join_next().await {
            outcome.expect("no panic").expect("the media");
        }
        for cloud in &clouds {
            call(cloud).await.expect("the media without Redis");
        }
        bed.redis.restart();
        for cloud in &clouds {
            call(cloud).await.expect("the media with Redis again");
        }
    }
    // Each handle asked at most once a round for itself.
    assert!((100..=200).contains(&bed.token_requests()));
    // And they share again.
    bed.end_tokens();
    let before = bed.token_requests();
    for cloud in &clouds {
        call(cloud).await.expect("the media");
    }
    assert_eq!(bed.token_requests() - before, 1);
}
