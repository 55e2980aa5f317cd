//! Whom a REFER wants called, and with which headers (RFC 3515 section 2.1, RFC 3261 section 19.1.5).

use offhook_sip::{
    HeaderName, Name, ReferTo, ReferredBy, Replaces, Request, StatusCode, TypedHeader as _, Uri,
    unescape,
};

use crate::headers;
use crate::options::ExtraHeaders;

/// The target of a REFER, and the headers for the call to it.
///
/// # Errors
///
/// The response owed to a REFER that names none, or one that cannot be called.
pub(super) fn read(
    request: &Request,
) -> Result<(Uri<'static>, ExtraHeaders), (StatusCode, &'static str)> {
    let bad = |phrase| (StatusCode::BAD_REQUEST, phrase);
    if request.headers(HeaderName::ReferTo).count() > 1 {
        return Err(bad("More Than One Refer-To Header"));
    }
    let refer_to = request
        .typed::<ReferTo<'_>>()
        .map_err(|_| bad("Malformed Refer-To Header"))?
        .ok_or(bad("Missing Refer-To Header"))?;
    let target = refer_to.0.uri.into_owned();
    if !target.is_sip() {
        return Err((StatusCode::UNSUPPORTED_URI_SCHEME, "Refer-To Is No SIP URI"));
    }
    let method = target.param("method").unwrap_or("INVITE");
    if !method.eq_ignore_ascii_case("INVITE") {
        return Err((StatusCode::NOT_IMPLEMENTED, "Only INVITE Can Be Referred"));
    }
    let mut carried = carried(&target).map_err(bad)?;
    // A malformed one says nothing about the call, and is left out.
    if let Ok(Some(referred_by)) = request.typed::<ReferredBy<'_>>() {
        carried.push((
            HeaderName::ReferredBy.as_str().to_owned(),
            referred_by.to_string(),
        ));
    }
    Ok((target.without_param("method"), carried))
}

/// The headers in a URI that may go into a request made from it (RFC 3261 section 19.1.5). Those
/// that say who calls, which way messages go, or what this user agent can, may not; nor may a body.
fn carried(target: &Uri<'_>) -> Result<ExtraHeaders, &'static str> {
    let mut carried = ExtraHeaders::new();
    for (name, value) in target.headers() {
        let (name, value) = (unescape(name), unescape(value));
        let allowed = match Name::from(name.as_ref()) {
            Name::Known(HeaderName::Replaces) => {
                if Replaces::parse(value.trim_ascii()).is_err() {
                    return Err("Malformed Replaces In Refer-To");
                }
                true
            }
            // RFC 5589 section 7.1: a transfer that must replace, or not be made.
            Name::Known(HeaderName::Require) => value.trim_ascii().eq_ignore_ascii_case("replaces"),
            Name::Known(
                HeaderName::AcceptContact
                | HeaderName::CallInfo
                | HeaderName::Diversion
                | HeaderName::HistoryInfo
                | HeaderName::InReplyTo
                | HeaderName::Join
                | HeaderName::Priority
                | HeaderName::Reason
                | HeaderName::RejectContact
                | HeaderName::RequestDisposition
                | HeaderName::Subject
                | HeaderName::TargetDialog,
            ) => true,
            Name::Known(_) => false,
            Name::Other(other) => {
                let reserved = ["body", "P-", "Proxy-", "Content-", "Security-"];
                !reserved.iter().any(|prefix| {
                    other
                        .get(..prefix.len())
                        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
                })
            }
        };
        let header = (name.into_owned(), value.trim_ascii().to_owned());
        if allowed && headers::check_extra(&vec![header.clone()]).is_ok() {
            carried.push(header);
        }
    }
    Ok(carried)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_headers_of_a_uri_are_carried() {
        let table = [
            (
                "Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2",
                Some("Replaces: a@b;to-tag=1;from-tag=2"),
            ),
            ("replaces=a%3Bto-tag%3D1", None),
            ("Subject=hello%20there", Some("Subject: hello there")),
            ("s=hello", Some("s: hello")),
            ("X-Case=17", Some("X-Case: 17")),
            ("Require=replaces", Some("Require: replaces")),
            ("Require=100rel", Some("")),
            ("Via=SIP%2F2.0%2FUDP%20evil", Some("")),
            ("From=%3Csip:evil@example.com%3E", Some("")),
            ("Route=%3Csip:evil@example.com%3Blr%3E", Some("")),
            ("Contact=%3Csip:evil@example.com%3E", Some("")),
            ("Call-ID=1", Some("")),
            ("P-Asserted-Identity=%3Csip:evil@example.com%3E", Some("")),
            ("Authorization=Digest", Some("")),
            ("Content-Type=text%2Fplain", Some("")),
            ("body=text", Some("")),
            ("X-Evil=a%0D%0AVia:%20b", Some("")),
            ("X%3AY=1", Some("")),
        ];
        for (headers, expected) in table {
            let text = format!("sip:carol@example.com?{headers}");
            let uri = Uri::parse(&text).expect("a URI");
            let lines = carried(&uri).ok().map(|carried| {
                let lines: Vec<String> = carried
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}"))
                    .collect();
                lines.join("\n")
            });
            assert_eq!(lines.as_deref(), expected, "{headers}");
        }
    }
}
