//! Whole calls on virtual networks: told one by one, and thrown into chaos.
//!
//! A failing seed prints its ladder. `OFFHOOK_SEED=17 cargo test -p offhook-sim` runs that one
//! alone, and `OFFHOOK_SEEDS=50` runs fifty times as many.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod calls;
mod chaos;
mod races;
mod registration;
mod world;
