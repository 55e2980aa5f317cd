//! The benchmarks stand in `benches/`; see `README.md`.
