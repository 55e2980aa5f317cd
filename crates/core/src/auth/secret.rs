//! What a user proves to know.

use std::fmt;

use super::digest::{DigestAlgorithm, quoted_text};

/// What a user proves to know: the password itself or a hash of it.
///
/// `Debug` shows neither.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub enum Secret {
    /// The password in clear. Answers every realm and every algorithm.
    Password(String),
    /// The MD5 of `user:realm:password` as 32 hexadecimal digits (RFC 7616 §3.4.2), as JsSIP's
    /// `ha1` takes it. Answers that one realm, and only challenges with MD5 or MD5-sess: no other
    /// algorithm can be computed from it.
    Ha1 {
        /// The realm that is part of the hash.
        realm: String,
        /// The 32 hexadecimal digits; upper case is taken too.
        ha1: String,
    },
}

impl Secret {
    /// Whether this secret says something about `realm`.
    pub(super) fn covers(&self, realm: &str) -> bool {
        match self {
            Secret::Password(_) => true,
            Secret::Ha1 { realm: own, .. } => own == realm,
        }
    }

    /// The hash of user, realm and password under `algorithm`, without what `-sess` adds. `None`
    /// if this secret cannot give it.
    pub(super) fn user_hash(
        &self,
        algorithm: DigestAlgorithm,
        user: &str,
        realm: &str,
    ) -> Option<String> {
        match self {
            Secret::Password(password) => Some(algorithm.hash(&[
                quoted_text(user).as_bytes(),
                quoted_text(realm).as_bytes(),
                password.as_bytes(),
            ])),
            Secret::Ha1 { ha1, .. } if algorithm.is_md5() && self.covers(realm) => {
                Some(ha1.to_ascii_lowercase())
            }
            Secret::Ha1 { .. } => None,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Password(_) => f.write_str("Password(***)"),
            Secret::Ha1 { realm, .. } => write!(f, "Ha1 {{ realm: {realm:?}, ha1: *** }}"),
        }
    }
}
