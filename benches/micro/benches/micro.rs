//! Times the cases.

use cloudcall_micro::{CASES, Case};

fn main() {
    divan::main();
}

#[divan::bench(args = CASES)]
fn case(bencher: divan::Bencher, case: &Case) {
    let work = (case.prepare)();
    bencher.bench_local(work);
}
