//! Every fault of the emulator against every client, over real sockets, with the exact outcome that
//! the policy of retries makes of it.
//!
//! `media.rs` and `send.rs` are the table; `case.rs` says what a case is, `drawn.rs` what chance
//! comes to; `cell.rs` runs one, with `clients.rs` and `node.rs`; `table.rs` prints.

mod case;
mod cell;
mod clients;
mod drawn;
mod media;
mod node;
mod send;
mod table;

use std::sync::Arc;

use cloudcall_emulator::Fault;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use case::{Calls, Case, Client};
use cell::Cell;
use node::Node;
use table::{Sums, Table};

/// How many calls are made at once.
const MANY: usize = 64;

/// In one thread, because then calls that are made at once are; see [`media`].
#[tokio::test]
#[ignore = "takes a while: `cargo xtask chaos` runs it"]
async fn every_fault_comes_to_what_the_whole_table_says() {
    run(|_| true).await;
}

/// Without what takes long: many calls at once only with the typed function, and with all clients
/// where they meet a preset; and never where they would wait for a time limit.
#[tokio::test]
async fn every_fault_comes_to_what_the_table_says() {
    run(|cell| match cell.calls {
        Calls::InARow(_) => true,
        Calls::AtOnce(_) => {
            !cell.case.is_slow() && (cell.client == Client::Typed || cell.case.is_preset())
        }
    })
    .await;
}

async fn run(is_wanted: fn(&Cell) -> bool) {
    let node = Arc::new(Mutex::new(Node::start().await));
    let mut sums = Sums::default();
    for (title, cases) in [
        ("getTempMedia, which may be made twice", media::cases()),
        ("send, which may not", send::cases()),
    ] {
        let rows: Vec<Vec<_>> = cases
            .iter()
            .map(|case| cells(case).filter(is_wanted).collect())
            .filter(|cells: &Vec<_>| !cells.is_empty())
            .collect();
        let table = Table::of(title, &rows.concat());
        for cells in rows {
            sums.fault();
            // Side by side: most of the time they wait.
            let running: JoinSet<_> = cells
                .iter()
                .enumerate()
                .map(|(place, cell)| {
                    let run = cell.clone().run(Arc::clone(&node));
                    async move { (place, run.await) }
                })
                .collect();
            let mut got = running.join_all().await;
            got.sort_by_key(|(place, _)| *place);
            for (cell, (_, got)) in cells.iter().zip(&got) {
                if let Err(difference) = table.row(cell, got, &mut sums) {
                    panic!("{difference}");
                }
            }
        }
    }
    println!("\n{sums}");
}

fn cells(case: &Case) -> impl Iterator<Item = Cell> {
    let in_a_row = (case.in_a_row > 0).then_some(Calls::InARow(case.in_a_row));
    let at_once = case.at_once.then_some(Calls::AtOnce(MANY));
    let all = in_a_row.into_iter().chain(at_once);
    all.flat_map(move |calls| {
        let cell = move |client: &Client| Cell::new(*case, *client, calls);
        case.clients().iter().map(cell)
    })
}

/// What can be written in a SPEC is what the hints for wrong ones list.
#[test]
fn the_table_has_every_fault_and_every_option() {
    const NO_NAMES: &str = "write or a preset at the end of an";

    let mut names = Vec::new();
    for wrong in ["?", "busy,?"] {
        let error = wrong.parse::<Fault>().expect_err(wrong);
        let words = error.hint().split([',', ':', ' ']);
        let listed = words.filter_map(|word| word.split('=').next());
        let is_name = |word: &&str| !NO_NAMES.split(' ').any(|other| other == *word);
        let listed = listed.filter(|word| !word.is_empty()).filter(is_name);
        names.extend(listed.map(str::to_owned));
    }
    assert!(names.len() > 20, "{names:?}");
    let cases = media::cases();
    for name in names {
        let mut words = cases
            .iter()
            .flat_map(|case| case.fault.split([',', ':', '=']));
        assert!(words.any(|word| word == name), "{name} is not tried");
    }
}
