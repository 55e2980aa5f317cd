//! Digest authentication for SIP: RFC 3261 §22 with the algorithms of RFC 7616 and RFC 8760.
//!
//! [`AuthStore`] answers challenges on behalf of a user agent, [`DigestServer`] makes and checks
//! them. Neither reads a clock or draws a random number: client nonces and the moment are
//! arguments, so that a test replays exactly.

mod client;
mod digest;
mod secret;
mod server;
#[cfg(test)]
mod tests;

pub use client::{AuthAttempt, AuthError, AuthStore};
pub use digest::{DigestAlgorithm, DigestQop};
pub use secret::Secret;
pub use server::{DigestServer, Verdict};
