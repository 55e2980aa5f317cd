//! Takes the secrets out of a SIP message before people see it.

use std::borrow::Cow;

const MASK: &str = "***";

/// The text of a SIP message without what would let a reader act as one of its parties: the
/// digest of `Authorization` and `Proxy-Authorization`, any other scheme's credentials, the
/// password in a URI, and the media keys of its session description (`a=ice-pwd`, `a=crypto`,
/// `a=key-mgmt`, `k=`).
///
/// The challenge's own values, `nonce` among them, stay: they help to find out why a password
/// was refused, and prove nothing. Every masked value becomes `***`.
///
/// ```
/// let line = r#"Authorization: Digest username="alice", nonce="n", response="0123abcd""#;
/// let masked = r#"Authorization: Digest username="alice", nonce="n", response="***""#;
/// assert_eq!(offhook::redact(line), masked);
/// ```
pub fn redact(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut secret_header = false;
    for line in message.split_inclusive('\n') {
        let (text, end) = split_line_end(line);
        let folded = text.starts_with([' ', '\t']);
        if !folded {
            secret_header = is_credentials(text);
        }
        let masked = if secret_header {
            mask_credentials(text, folded)
        } else {
            mask_description_line(text)
        };
        out.push_str(&mask_uri_passwords(&masked));
        out.push_str(end);
    }
    out
}

fn split_line_end(line: &str) -> (&str, &str) {
    let text = line.trim_end_matches(['\r', '\n']);
    (text, &line[text.len()..])
}

fn is_credentials(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, _)| {
        let name = name.trim();
        name.eq_ignore_ascii_case("Authorization")
            || name.eq_ignore_ascii_case("Proxy-Authorization")
    })
}

/// Masks `response=` and `cnonce`-independent proofs of a digest, and everything of another scheme.
fn mask_credentials(line: &str, folded: bool) -> Cow<'_, str> {
    let value_at = if folded {
        0
    } else {
        line.find(':').map_or(0, |colon| colon + 1)
    };
    let (head, value) = line.split_at(value_at);
    let scheme = value.trim_start().split([' ', '\t']).next().unwrap_or("");
    let digest = folded || scheme.eq_ignore_ascii_case("Digest");
    if !digest {
        return Cow::Owned(format!("{head} {scheme} {MASK}"));
    }
    let masked = mask_parameter(value, "response");
    match masked {
        Cow::Borrowed(_) => Cow::Borrowed(line),
        Cow::Owned(masked) => Cow::Owned(format!("{head}{masked}")),
    }
}

/// Masks the value of every `name=value` in a list of parameters.
fn mask_parameter<'a>(list: &'a str, name: &str) -> Cow<'a, str> {
    let lower = list.to_ascii_lowercase();
    let mut out = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(found) = lower[from..].find(name) {
        let start = from + found;
        let after = start + name.len();
        from = after;
        let stands_alone = lower[..start].ends_with([' ', '\t', ',']) || start == 0;
        let rest = &list[after..];
        let blank = rest.len() - rest.trim_start().len();
        let Some(value) = rest.trim_start().strip_prefix('=').filter(|_| stands_alone) else {
            continue;
        };
        let lead = value.len() - value.trim_start().len();
        let value_at = after + blank + 1 + lead;
        let value = &list[value_at..];
        let (open, length) = match value.strip_prefix('"') {
            Some(quoted) => ("\"", quoted.find('"').map_or(value.len(), |end| end + 2)),
            None => ("", value.find([',', ' ', '\t']).unwrap_or(value.len())),
        };
        out.push_str(&list[copied..value_at]);
        out.push_str(open);
        out.push_str(MASK);
        out.push_str(open);
        copied = value_at + length;
        from = copied;
    }
    if copied == 0 {
        return Cow::Borrowed(list);
    }
    out.push_str(&list[copied..]);
    Cow::Owned(out)
}

fn mask_description_line(line: &str) -> Cow<'_, str> {
    if line.starts_with("a=ice-pwd:") {
        return Cow::Owned(format!("a=ice-pwd:{MASK}"));
    }
    if let Some(rest) = line.strip_prefix("a=crypto:") {
        // Tag and suite stay: "1 AES_CM_128_HMAC_SHA1_80 inline:…" (RFC 4568, 9.1).
        let mut words = rest.split(' ');
        let (tag, suite) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        return Cow::Owned(format!("a=crypto:{tag} {suite} {MASK}"));
    }
    if line.starts_with("a=key-mgmt:") {
        return Cow::Owned(format!("a=key-mgmt:{MASK}"));
    }
    if line.starts_with("k=") {
        return Cow::Owned(format!("k={MASK}"));
    }
    Cow::Borrowed(line)
}

/// Masks the password of every `sip:user:password@host` (RFC 3261, 19.1.1).
fn mask_uri_passwords(line: &str) -> Cow<'_, str> {
    let lower = line.to_ascii_lowercase();
    let mut out = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(found) = lower[from..].find("sip") {
        let scheme_at = from + found;
        from = scheme_at + 3;
        let rest = &lower[from..];
        let Some(skip) = rest
            .strip_prefix(':')
            .map(|_| 1)
            .or_else(|| rest.strip_prefix("s:").map(|_| 2))
        else {
            continue;
        };
        let user_at = from + skip;
        let end = line[user_at..]
            .find(['<', '>', '"', ' ', '\t', ',', '\r', '\n'])
            .map_or(line.len(), |length| user_at + length);
        from = user_at;
        let Some(at) = line[user_at..end].find('@') else {
            continue;
        };
        let Some(colon) = line[user_at..user_at + at].find(':') else {
            continue;
        };
        out.push_str(&line[copied..user_at + colon + 1]);
        out.push_str(MASK);
        copied = user_at + at;
        from = copied;
    }
    if copied == 0 {
        return Cow::Borrowed(line);
    }
    out.push_str(&line[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_masked_and_the_nonce_stays() {
        let message = "REGISTER sip:example.com SIP/2.0\r\n\
            Authorization: Digest username=\"alice\", realm=\"r\", nonce=\"n1\",\r\n \
            uri=\"sip:example.com\", response=\"0123\", algorithm=MD5, response-x=1\r\n\
            proxy-authorization : Digest nonce=\"n2\", response = abcdef\r\n\
            X-Other: response=\"kept\"\r\n\r\n";
        let masked = redact(message);
        assert!(
            masked.contains("nonce=\"n1\"") && masked.contains("nonce=\"n2\""),
            "{masked}"
        );
        assert!(
            masked.contains("response=\"***\", algorithm=MD5, response-x=1"),
            "{masked}"
        );
        assert!(masked.contains("response = ***\r\n"), "{masked}");
        assert!(masked.contains("response=\"kept\""), "{masked}");
        assert!(
            !masked.contains("0123") && !masked.contains("abcdef"),
            "{masked}"
        );
    }

    #[test]
    fn credentials_of_another_scheme_are_masked_whole() {
        let masked = redact("Authorization: Bearer eyJhbGciOi\r\n");
        assert_eq!(masked, "Authorization: Bearer ***\r\n");
    }

    #[test]
    fn media_keys_are_masked_and_the_rest_of_the_description_stays() {
        let sdp = "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:verysecretpassword\r\n\
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n\
            k=base64:c2VjcmV0\r\na=sendrecv\r\n";
        assert_eq!(
            redact(sdp),
            "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:***\r\n\
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 ***\r\nk=***\r\na=sendrecv\r\n"
        );
    }

    #[test]
    fn the_password_of_a_uri_is_masked() {
        assert_eq!(
            redact("To: <sip:bob:pw@example.com:5060>;tag=1, <sips:a:b@c>\r\n"),
            "To: <sip:bob:***@example.com:5060>;tag=1, <sips:a:***@c>\r\n"
        );
        let plain = "To: <sip:bob@example.com:5060>;tag=1\r\nVia: SIP/2.0/UDP 127.0.0.1:5060\r\n";
        assert_eq!(redact(plain), plain);
    }

    #[test]
    fn odd_lines_pass_unharmed() {
        for odd in [
            "",
            "\r\n",
            "Authorization:",
            "Authorization: Digest response=",
            "a=crypto:",
            "sip:",
            "é sip:ü:ö@x",
        ] {
            let _ = redact(odd);
        }
        assert_eq!(redact("é sip:ü:ö@x"), "é sip:ü:***@x");
    }
}
