//! Digest authentication for SIP: RFC 3261 §22 with the algorithms of RFC 7616 and RFC 8760.
//!
//! [`AuthStore`] answers challenges on behalf of a user agent, [`DigestServer`] makes and checks
//! them. Neither reads a clock or draws a random number: client nonces and the moment are
//! arguments, so that a test replays exactly.
//!
//! ```
//! use offhook_core::Instant;
//! use offhook_core::auth::{AuthAttempt, AuthStore, DigestServer, Secret, Verdict};
//! use offhook_sip::{
//!     Credentials, HeaderName, Limits, Message, Method, OutgoingRequest, OutgoingResponse,
//!     StatusCode, Uri,
//! };
//!
//! // The server challenges.
//! let mut server = DigestServer::new("example.com", [], [7; 32]);
//! let mut unauthorized = OutgoingResponse::new(StatusCode::UNAUTHORIZED);
//! for challenge in server.challenge(Instant::ZERO, false) {
//!     unauthorized.headers_mut().push(HeaderName::WwwAuthenticate, challenge)?;
//! }
//! let Message::Response(unauthorized) =
//!     Message::parse(unauthorized.write()?, &Limits::default())?
//! else {
//!     unreachable!("a response was written")
//! };
//!
//! // The user agent reads the challenges and tries once more.
//! let mut store = AuthStore::new("alice", Secret::Password("secret".to_owned()));
//! let mut attempt = AuthAttempt::default();
//! store.challenged(&mut attempt, &unauthorized)?;
//! let mut request = OutgoingRequest::new(Method::Register, &Uri::parse("sip:example.com")?);
//! store.authorize(&attempt, &mut request, "a random text")?;
//!
//! // The server believes it.
//! let value = request.headers().get(HeaderName::Authorization).unwrap_or_default();
//! assert!(value.contains("algorithm=SHA-256"));
//! let credentials = Credentials::parse(value)?;
//! let verdict = server.verify(Instant::ZERO, [&credentials], "REGISTER", b"", |user| {
//!     (user == "alice").then(|| Secret::Password("secret".to_owned()))
//! });
//! assert_eq!(verdict, Verdict::Ok { user: "alice".to_owned() });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authorization;
mod client;
mod digest;
mod secret;
mod server;
#[cfg(test)]
mod tests;

pub use authorization::Authorization;
pub use client::{AuthAttempt, AuthError, AuthStore};
pub use digest::{DigestAlgorithm, DigestQop};
pub use secret::Secret;
pub use server::{DigestServer, Verdict};
