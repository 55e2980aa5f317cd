//! Redirection (RFC 3261 section 8.1.3.4): a 3xx is followed where the call was told to.

use offhook_sip::{Contacts, HeaderName, Response, Uri};

use super::outgoing::Outgoing;
use super::{Session, State};
use crate::context::{Context, Pending};

/// How many addresses one call tries because of redirections.
const MAX_TRIED: usize = 10;

/// The addresses that redirections have named.
#[derive(Debug, Default)]
pub(super) struct Redirections {
    /// Those to try, the best one last.
    left: Vec<Uri<'static>>,
    /// Those tried or to be tried: none is tried twice.
    known: Vec<String>,
}

impl Redirections {
    /// Takes the addresses of a 3xx, the most wanted of them to be tried first.
    fn take(&mut self, response: &Response) {
        let Ok(Contacts::List(contacts)) = response.contacts() else {
            return;
        };
        let mut named: Vec<(u32, Uri<'static>)> = contacts
            .into_iter()
            .filter(|contact| contact.uri.is_sip())
            .map(|contact| {
                let wanted = contact.param("q").and_then(thousandths);
                (wanted.unwrap_or(1000), contact.uri.without_headers())
            })
            .collect();
        // Stable, so that equals keep the order of the response when they are taken from the end.
        named.reverse();
        named.sort_by_key(|(wanted, _)| *wanted);
        for (_, uri) in named {
            let new = !self.known.iter().any(|known| known == uri.as_str());
            if new && self.known.len() < MAX_TRIED {
                self.known.push(uri.as_str().to_owned());
                self.left.push(uri);
            }
        }
    }
}

/// A `qvalue` (RFC 3261 section 25.1), from 0 to 1 with three digits, in thousandths.
fn thousandths(q: &str) -> Option<u32> {
    let (whole, part) = q.split_once('.').unwrap_or((q, ""));
    let digits = || whole.bytes().chain(part.bytes());
    if digits().next().is_none() || !digits().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if whole.bytes().any(|digit| digit != b'0') {
        return Some(1000);
    }
    let part = part.bytes().chain(*b"000").take(3);
    Some(part.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

impl Session {
    /// Follows the redirections of this call.
    pub(super) fn follow_redirections(&mut self, target: &Uri<'_>) {
        let known = vec![target.without_headers().as_str().to_owned()];
        self.redirections = Some(Redirections {
            left: Vec::new(),
            known,
        });
    }

    /// The INVITE was refused, perhaps with other addresses: it goes to the next of them. Says
    /// whether it does.
    pub(crate) fn redirected(
        &mut self,
        cx: &mut Context,
        mut pending: Pending,
        response: &Response,
    ) -> bool {
        let State::Outgoing(Outgoing::Calling(_) | Outgoing::Proceeding(..)) = &self.state else {
            return false;
        };
        let Some(redirections) = &mut self.redirections else {
            return false;
        };
        if response.status().class() == 3 {
            redirections.take(response);
        }
        let Some(next) = redirections.left.pop() else {
            return false;
        };
        pending.request.set_uri(&next);
        // Another server may ask for other credentials.
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            pending.request.headers_mut().remove(name);
        }
        pending.attempt = Default::default();
        self.retry(cx, pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_read_in_thousandths() {
        let table = [
            ("1", Some(1000)),
            ("1.0", Some(1000)),
            ("7.5", Some(1000)),
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.7", Some(700)),
            (".05", Some(50)),
            ("0.1239", Some(123)),
            ("", None),
            (".", None),
            ("-1", None),
            ("high", None),
        ];
        for (q, expected) in table {
            assert_eq!(thousandths(q), expected, "{q}");
        }
    }
}
