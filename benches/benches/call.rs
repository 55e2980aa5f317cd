//! A full call between two agents, from INVITE to BYE: both directions' messages parsed, matched
//! and written, with a peer connection that answers at once.

mod wire;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use wire::Wire;

fn call(criterion: &mut Criterion) {
    let mut wire = Wire::new();
    criterion.bench_function("offhook/call", |bencher| {
        bencher.iter(|| {
            let call = wire.call();
            wire.hang_up(black_box(call));
            // Time goes by at ten calls a second, so that transactions end as they come.
            wire.pass(100_000);
        });
    });
    // The same with many calls standing beside it.
    for _ in 0..10_000 {
        wire.call();
    }
    // They have settled: what their transactions still had to do is not the call that is measured.
    wire.pass(40_000_000);
    assert_eq!(wire.sessions(), 20_000, "they stand, on both sides");
    criterion.bench_function("offhook/call-beside-10000", |bencher| {
        bencher.iter(|| {
            let call = wire.call();
            wire.hang_up(black_box(call));
            wire.pass(100_000);
        });
    });
}

criterion_group!(benches, call);
criterion_main!(benches);
