//! How many bytes a settled call keeps on each side, by the allocator's own count.

mod wire;

use wire::Wire;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut wire = Wire::new();
    // The tables have grown once before it counts.
    let first: Vec<_> = (0..2_000).map(|_| wire.call()).collect();
    for call in first {
        wire.hang_up(call);
    }
    wire.pass(120_000_000);
    let before = dhat::HeapStats::get().curr_bytes;
    const CALLS: usize = 2_000;
    for _ in 0..CALLS {
        wire.call();
    }
    let ringing = dhat::HeapStats::get().curr_bytes;
    wire.pass(40_000_000);
    let settled = dhat::HeapStats::get().curr_bytes;
    let sessions = wire.sessions();
    let each = |bytes: usize| bytes.saturating_sub(before) / sessions.max(1);
    println!("{sessions} sessions after {CALLS} calls");
    println!("just established: {} bytes a session", each(ringing));
    println!(
        "settled:          {} bytes a session (at most 6144)",
        each(settled)
    );
    if each(settled) > 6144 {
        std::process::exit(1);
    }
}
