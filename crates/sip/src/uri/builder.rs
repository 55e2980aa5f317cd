//! URIs made from parts.

use super::change::push_host_port;
use super::{Uri, UriError};

/// Builds a `sip` or `sips` URI from parts; each is escaped where it must be.
///
/// ```
/// use offhook_sip::UriBuilder;
///
/// let uri = UriBuilder::sip("example.com").user("j@ne").param("transport", Some("ws")).build()?;
/// assert_eq!(uri.as_str(), "sip:j%40ne@example.com;transport=ws");
/// # Ok::<(), offhook_sip::UriError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct UriBuilder {
    scheme: &'static str,
    user: String,
    host: String,
    port: Option<u16>,
    tail: Vec<(bool, String, Option<String>)>,
}

impl UriBuilder {
    /// A `sip` URI at this host.
    pub fn sip(host: impl Into<String>) -> Self {
        Self::new("sip", host.into())
    }

    /// A `sips` URI at this host.
    pub fn sips(host: impl Into<String>) -> Self {
        Self::new("sips", host.into())
    }

    fn new(scheme: &'static str, host: String) -> Self {
        UriBuilder {
            scheme,
            user: String::new(),
            host,
            port: None,
            tail: Vec::new(),
        }
    }

    /// Sets the user part, not escaped yet.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// Sets the port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Adds a parameter, not escaped yet.
    pub fn param(mut self, name: impl Into<String>, value: Option<&str>) -> Self {
        self.tail
            .push((false, name.into(), value.map(str::to_owned)));
        self
    }

    /// Adds a header behind `?`, not escaped yet.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tail.push((true, name.into(), Some(value.into())));
        self
    }

    /// The URI.
    ///
    /// # Errors
    ///
    /// [`UriError::Host`] when the host is none.
    pub fn build(self) -> Result<Uri<'static>, UriError> {
        let mut text = format!("{}:", self.scheme);
        if !self.user.is_empty() {
            text.push_str(&crate::escape::escape_user(&self.user));
            text.push('@');
        }
        push_host_port(&mut text, &self.host, self.port)?;
        let mut uri = Uri::parse_owned(text)?;
        for (is_header, name, value) in &self.tail {
            uri = match is_header {
                true => uri.with_header(name, value.as_deref().unwrap_or_default()),
                false => uri.with_param(name, value.as_deref())?,
            };
        }
        Ok(uri)
    }
}
