//! URIs with one part changed.

use super::parts::Kind;
use super::{Uri, UriError};
use crate::text::is_host_byte;

impl Uri<'_> {
    fn rebuilt(&self, head: &str, params: &str, headers: &str) -> Result<Uri<'static>, UriError> {
        let mark = if headers.is_empty() { "" } else { "?" };
        Uri::parse_owned(format!("{head}{params}{mark}{headers}"))
    }

    fn head(&self) -> &str {
        self.slice(0, self.parts.params_start)
    }

    /// The same URI with this parameter; one of that name is replaced. Name and value are escaped.
    ///
    /// # Errors
    ///
    /// [`UriError::NotHierarchical`] when URIs of this scheme have no parameters that we know.
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Result<Uri<'static>, UriError> {
        if self.parts.kind == Kind::Other || name.is_empty() {
            return Err(UriError::NotHierarchical(self.as_str().into()));
        }
        let mut params = self.params().without(name).to_string();
        params.push(';');
        params.push_str(&crate::escape::escape_param(name));
        if let Some(value) = value {
            params.push('=');
            params.push_str(&crate::escape::escape_param(value));
        }
        self.rebuilt(self.head(), &params, self.headers_text())
    }

    /// The same URI without this parameter.
    pub fn without_param(&self, name: &str) -> Uri<'static> {
        let params = self.params().without(name).to_string();
        self.rebuilt(self.head(), &params, self.headers_text())
            .unwrap_or_else(|_| self.to_owned_uri())
    }

    /// The same URI without `?` and what follows it.
    pub fn without_headers(&self) -> Uri<'static> {
        if self.headers_text().is_empty() {
            return self.to_owned_uri();
        }
        self.rebuilt(
            self.head(),
            self.slice(self.parts.params_start, self.parts.params_end),
            "",
        )
        .unwrap_or_else(|_| self.to_owned_uri())
    }

    /// The same URI without parameters and headers.
    pub fn without_params(&self) -> Uri<'static> {
        if self.parts.kind == Kind::Other {
            return self.to_owned_uri();
        }
        self.rebuilt(self.head(), "", "")
            .unwrap_or_else(|_| self.to_owned_uri())
    }

    /// The same `sip` or `sips` URI with this user part, which is escaped, and without password;
    /// an empty one takes the user part away. URIs of other schemes stay as they are.
    pub fn with_user(&self, user: &str) -> Uri<'static> {
        if !self.is_sip() {
            return self.to_owned_uri();
        }
        let mark = if user.is_empty() { "" } else { "@" };
        let rest = self
            .text
            .get(self.parts.host_start as usize..)
            .unwrap_or_default();
        let text = format!(
            "{}:{}{mark}{rest}",
            self.scheme(),
            crate::escape::escape_user(user)
        );
        Uri::parse_owned(text).unwrap_or_else(|_| self.to_owned_uri())
    }

    /// The same `sip` or `sips` URI at this host and port. A bare IPv6 address gets its brackets.
    ///
    /// # Errors
    ///
    /// [`UriError::Host`] when the host is none, [`UriError::NotHierarchical`] for other schemes.
    pub fn with_host_port(&self, host: &str, port: Option<u16>) -> Result<Uri<'static>, UriError> {
        if !self.is_sip() {
            return Err(UriError::NotHierarchical(self.as_str().into()));
        }
        let mut text = self.slice(0, self.parts.host_start).to_owned();
        push_host_port(&mut text, host, port)?;
        text.push_str(
            self.text
                .get(self.parts.params_start as usize..)
                .unwrap_or_default(),
        );
        Uri::parse_owned(text)
    }

    /// The same `sip` or `sips` URI with one more header behind `?`; name and value are escaped.
    /// URIs of other schemes stay as they are.
    pub fn with_header(&self, name: &str, value: &str) -> Uri<'static> {
        if !self.is_sip() || name.is_empty() {
            return self.to_owned_uri();
        }
        let mut headers = self.headers_text().to_owned();
        if !headers.is_empty() {
            headers.push('&');
        }
        headers.push_str(&crate::escape::escape_header_value(name));
        headers.push('=');
        headers.push_str(&crate::escape::escape_header_value(value));
        self.rebuilt(
            self.head(),
            self.slice(self.parts.params_start, self.parts.params_end),
            &headers,
        )
        .unwrap_or_else(|_| self.to_owned_uri())
    }
}

/// A bare IPv6 address gets its brackets.
pub(super) fn push_host_port(
    text: &mut String,
    host: &str,
    port: Option<u16>,
) -> Result<(), UriError> {
    let bare_ipv6 = host.parse::<std::net::Ipv6Addr>().is_ok();
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|inside| inside.strip_suffix(']'))
        .is_some_and(|inside| inside.parse::<std::net::Ipv6Addr>().is_ok());
    let name = !host.is_empty() && host.bytes().all(is_host_byte);
    if bare_ipv6 {
        text.push('[');
        text.push_str(host);
        text.push(']');
    } else if in_brackets || name {
        text.push_str(host);
    } else {
        return Err(UriError::Host(host.into()));
    }
    if let Some(port) = port {
        text.push_str(&format!(":{port}"));
    }
    Ok(())
}
