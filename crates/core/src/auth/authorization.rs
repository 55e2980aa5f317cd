//! An authorization that somebody else has given.

use std::fmt;

/// The value of an Authorization header that the application was given elsewhere, such as
/// `Bearer eyJhbGciOi…` (RFC 8898, RFC 6750).
///
/// `Debug` does not show it.
///
/// ```
/// use offhook_core::auth::Authorization;
///
/// let token = Authorization::new("Bearer mF_9.B5f-4.1JqM");
/// assert_eq!(format!("{token:?}"), "Authorization(***)");
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Authorization(String);

impl Authorization {
    /// The whole value: a scheme and what belongs to it.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub(crate) fn value(&self) -> &str {
        &self.0
    }

    /// Whether it can stand in a header.
    pub(crate) fn is_valid(&self) -> bool {
        !self.0.trim_ascii().is_empty() && offhook_sip::is_line(&self.0)
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(***)")
    }
}
