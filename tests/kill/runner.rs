//! `kill -9` of the runner: of a hundred, 40 and 20 at any moment, and 20 and 20 in the handler.

use std::time::Instant;

use serde_json::json;

use super::{Fate, Moment, Place, of_a_hundred, text};
use crate::servers::Announced;
use crate::tool::{output, stdout};

/// Kills invocations at moments spread over the time that one takes.
fn at_any_moment(function: &str, share: u64) {
    let kills = of_a_hundred(share);
    let place = Place::new();
    let event = text(100_000);
    let right = format!("\"{}\"\n", "x".repeat(100_000));
    // The first run is the slowest.
    let mut duration = 0;
    for _ in 0..3 {
        let started = Instant::now();
        assert_eq!(stdout(&output(&mut place.invoke(function, &event))), right);
        duration = u64::try_from(started.elapsed().as_micros()).expect("short");
    }
    let mut killed = 0;
    for kill in 0..kills {
        let moment = Moment::After(duration * kill / kills);
        let run = place.start(moment, &["invoke", function, "-e", &event.to_string()]);
        let (fate, output) = place.nothing_left(run);
        let answer = stdout(&output);
        match fate {
            // A pipe takes less than this answer at once, so it may have got through in part.
            Fate::Killed => {
                killed += 1;
                assert!(right.starts_with(&answer), "{moment:?}: {answer:?}");
            }
            Fate::Ended => assert_eq!(answer, right, "{moment:?}"),
        }
        place.next_is_right(function);
    }
    println!("{function}: {kills} moments in {duration} µs, killed {killed}");
    // How many depends on how busy the machine is, but the first has no time to end itself.
    assert!(killed > 0, "none was killed");
}

/// Kills invocations while their function computes, with a process of its own.
fn in_the_handler(function: &str, share: u64) {
    let place = Place::new();
    for _ in 0..of_a_hundred(share) {
        let announced = Announced::start();
        let event = json!({"do": "spin", "address": announced.address}).to_string();
        let mut run = place.start(Moment::Told, &["invoke", function, "-e", &event]);
        let _at_work = announced.wait();
        drop(run.stdin.take());
        let (fate, output) = place.nothing_left(run);
        assert_eq!((fate, stdout(&output).as_str()), (Fate::Killed, ""));
        place.next_is_right(function);
    }
}

#[test]
fn the_runner_killed_at_any_moment_leaves_nothing_of_a_rust_function() {
    at_any_moment("patient-probe", 40);
}

#[test]
fn the_runner_killed_at_any_moment_leaves_nothing_of_a_node_function() {
    at_any_moment("node", 20);
}

#[test]
fn the_runner_killed_in_the_handler_leaves_nothing_of_a_rust_function() {
    in_the_handler("patient-probe", 20);
}

#[test]
fn the_runner_killed_in_the_handler_leaves_nothing_of_a_node_function() {
    in_the_handler("node", 20);
}
