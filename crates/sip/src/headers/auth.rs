//! Challenges and credentials (RFC 3261 section 22, RFC 8760).

use std::borrow::Cow;
use std::fmt;

use super::{TypedHeader, wrapped};
use crate::error::{HeaderError, SyntaxError};
use crate::name::HeaderName;
use crate::text::{
    from, is_token, is_token_byte, quoted_end, span, split_list, trim, trim_start, unescape_quoted,
    unquote, upto, write_quoted,
};

/// `name=value` pairs with commas between them: `realm="example.com", nonce="…", stale=FALSE`.
#[derive(Clone, Default)]
pub struct AuthParams<'a> {
    text: Cow<'a, str>,
}

impl<'a> AuthParams<'a> {
    /// Reads the pairs.
    ///
    /// # Errors
    ///
    /// When one of them is no pair, or a quoted string is open.
    pub fn parse(text: &'a str) -> Result<AuthParams<'a>, SyntaxError> {
        let whole = pairs(text).all(|pair| {
            pair.split_once('=').is_some_and(|(name, value)| {
                let value = trim(value);
                let closed = !value.starts_with('"') || quoted_end(value) == Some(value.len());
                is_token(trim(name)) && closed
            })
        });
        match whole {
            true => Ok(AuthParams {
                text: Cow::Borrowed(trim(text)),
            }),
            false => Err(SyntaxError::new(
                text,
                "a list of name=value with closed quotes",
            )),
        }
    }

    /// No pairs, to add some to.
    pub fn new() -> AuthParams<'static> {
        AuthParams {
            text: Cow::Borrowed(""),
        }
    }

    fn begin(self, name: &str) -> String {
        let mut text = self.text.into_owned();
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name);
        text.push('=');
        text
    }

    /// The same pairs and one more, its value quoted and escaped.
    #[must_use]
    pub fn with_quoted(self, name: &str, value: &str) -> AuthParams<'static> {
        let mut text = self.begin(name);
        // Writing into a String cannot fail.
        let _ = write_quoted(&mut text, value);
        AuthParams {
            text: Cow::Owned(text),
        }
    }

    /// The same pairs and one more, its value without quotes; a value that is no token is quoted
    /// nevertheless.
    #[must_use]
    pub fn with_token(self, name: &str, value: &str) -> AuthParams<'static> {
        if !is_token(value) {
            return self.with_quoted(name, value);
        }
        let mut text = self.begin(name);
        text.push_str(value);
        AuthParams {
            text: Cow::Owned(text),
        }
    }

    /// The value of that name, in any case, without quotes and escapes.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Each pair, values without quotes and escapes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        pairs(&self.text).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (trim(name), unescape_quoted(unquote(trim(value))))
        })
    }

    /// The same pairs with text of their own.
    pub fn into_owned(self) -> AuthParams<'static> {
        AuthParams {
            text: Cow::Owned(self.text.into_owned()),
        }
    }
}

fn pairs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let (pair, behind) = split_list(rest?);
        rest = behind;
        Some(trim(pair))
    })
    .filter(|pair| !pair.is_empty())
}

impl fmt::Display for AuthParams<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.text)
    }
}

impl fmt::Debug for AuthParams<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digest responses are as good as passwords to somebody who can guess.
        to.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

fn scheme(text: &str) -> Result<(&str, AuthParams<'_>), SyntaxError> {
    let text = trim_start(text);
    let end = span(text, is_token_byte);
    let rest = from(text, end);
    if end == 0 || trim_start(rest).len() == rest.len() && !rest.is_empty() {
        return Err(SyntaxError::new(text, "a scheme and a list of name=value"));
    }
    Ok((upto(text, end), AuthParams::parse(rest)?))
}

/// What a server wants to be shown: the value of WWW-Authenticate and Proxy-Authenticate (RFC 3261
/// section 20.44, RFC 8760).
#[derive(Clone, Debug)]
pub struct Challenge<'a> {
    /// `Digest`, or another scheme.
    pub scheme: &'a str,
    /// All pairs.
    pub params: AuthParams<'a>,
}

impl<'a> Challenge<'a> {
    /// Reads one challenge.
    ///
    /// # Errors
    ///
    /// When the text is no scheme with pairs.
    pub fn parse(text: &'a str) -> Result<Challenge<'a>, SyntaxError> {
        scheme(text).map(|(scheme, params)| Challenge { scheme, params })
    }

    /// Whether the scheme is Digest.
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("Digest")
    }

    /// Whose user and password are asked for.
    pub fn realm(&self) -> Option<Cow<'_, str>> {
        self.params.get("realm")
    }

    /// The server's nonce.
    pub fn nonce(&self) -> Option<Cow<'_, str>> {
        self.params.get("nonce")
    }

    /// What the server wants back unchanged.
    pub fn opaque(&self) -> Option<Cow<'_, str>> {
        self.params.get("opaque")
    }

    /// The hash algorithm; none means MD5.
    pub fn algorithm(&self) -> Option<Cow<'_, str>> {
        self.params.get("algorithm")
    }

    /// What may be protected: `auth`, `auth-int`. Empty when the server does not say.
    pub fn qop(&self) -> Vec<String> {
        let words = self.params.get("qop").unwrap_or_default();
        words
            .split(',')
            .map(trim)
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Whether only the nonce was wrong, not the password.
    pub fn stale(&self) -> bool {
        self.params
            .get("stale")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Where the same credentials are good.
    pub fn domain(&self) -> Option<Cow<'_, str>> {
        self.params.get("domain")
    }

    /// The same challenge's pairs with text of their own, and its scheme.
    pub fn to_owned_parts(&self) -> (String, AuthParams<'static>) {
        (self.scheme.to_owned(), self.params.clone().into_owned())
    }
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.scheme, self.params)
    }
}

/// What a client shows: the value of Authorization and Proxy-Authorization (RFC 3261 section 20.7).
#[derive(Clone, Debug)]
pub struct Credentials<'a> {
    /// `Digest`, or another scheme.
    pub scheme: &'a str,
    /// All pairs.
    pub params: AuthParams<'a>,
}

macro_rules! credential_values {
    ($($(#[$doc:meta])* $method:ident $name:literal,)*) => {
        $(
            $(#[$doc])*
            pub fn $method(&self) -> Option<Cow<'_, str>> {
                self.params.get($name)
            }
        )*
    };
}

impl<'a> Credentials<'a> {
    /// Reads the credentials.
    ///
    /// # Errors
    ///
    /// When the text is no scheme with pairs.
    pub fn parse(text: &'a str) -> Result<Credentials<'a>, SyntaxError> {
        scheme(text).map(|(scheme, params)| Credentials { scheme, params })
    }

    /// Whether the scheme is Digest.
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("Digest")
    }

    credential_values! {
        /// Who it is.
        username "username",
        /// Where that name is known.
        realm "realm",
        /// The server's nonce.
        nonce "nonce",
        /// The Request-URI that was hashed.
        uri "uri",
        /// The hash.
        response "response",
        /// The hash algorithm; none means MD5.
        algorithm "algorithm",
        /// The client's nonce.
        cnonce "cnonce",
        /// What the server wanted back unchanged.
        opaque "opaque",
        /// What is protected.
        qop "qop",
        /// How often the nonce was used, eight hexadecimal digits.
        nc "nc",
    }
}

impl fmt::Display for Credentials<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.scheme, self.params)
    }
}

wrapped! {
    /// A server's challenge (RFC 3261 section 20.44).
    WwwAuthenticate(Challenge) = WwwAuthenticate,
    /// A proxy's challenge (RFC 3261 section 20.27).
    ProxyAuthenticate(Challenge) = ProxyAuthenticate,
    /// Credentials for a server (RFC 3261 section 20.7).
    Authorization(Credentials) = Authorization,
    /// Credentials for a proxy (RFC 3261 section 20.28).
    ProxyAuthorization(Credentials) = ProxyAuthorization,
    /// What a server shows in turn: `nextnonce`, `rspauth`, … (RFC 3261 section 20.6).
    AuthenticationInfo(AuthParams) = AuthenticationInfo,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_in_any_order_and_case() {
        let text = r#"dIgEsT  REALM="a \"b\", c",qop="auth, auth-int" , stale=TRUE,nonce=bare"#;
        let challenge = Challenge::parse(text).unwrap();
        assert!(challenge.is_digest());
        assert_eq!(challenge.realm().as_deref(), Some("a \"b\", c"));
        assert_eq!(challenge.qop(), ["auth", "auth-int"]);
        assert_eq!(challenge.nonce().as_deref(), Some("bare"));
        assert!(challenge.stale());
        assert_eq!(challenge.opaque(), None);
    }

    #[test]
    fn what_is_built_reads_the_same() {
        let params = AuthParams::new()
            .with_quoted("username", "al\"ice, x=\"y")
            .with_token("nc", "00000001")
            .with_token("algorithm", "no token");
        let text = Credentials {
            scheme: "Digest",
            params,
        }
        .to_string();
        let credentials = Credentials::parse(&text).unwrap();
        assert_eq!(credentials.username().as_deref(), Some("al\"ice, x=\"y"));
        assert_eq!(credentials.nc().as_deref(), Some("00000001"));
        assert_eq!(credentials.algorithm().as_deref(), Some("no token"));
        assert!(!format!("{credentials:?}").contains("00000001"));
    }

    #[test]
    fn an_unknown_scheme_is_kept() {
        let credentials = Credentials::parse("NoOneKnowsThisScheme opaque-data=here").unwrap();
        assert!(!credentials.is_digest());
        assert_eq!(
            credentials.params.get("opaque-data").as_deref(),
            Some("here")
        );
    }
}
