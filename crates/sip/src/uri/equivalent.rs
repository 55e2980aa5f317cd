//! Which URIs are the same.

use super::Uri;
use super::parts::Kind;
use crate::escape::same;
use crate::params::Params;

impl Uri<'_> {
    /// Whether both are the same URI by the rules of RFC 3261 section 19.1.4 (`sip`, `sips`) and
    /// RFC 3966 section 4 (`tel`); other schemes by their text, the scheme in any case.
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        if self.parts.kind != other.parts.kind {
            return false;
        }
        match self.parts.kind {
            Kind::Sip | Kind::Sips => {
                optionally(self.user(), other.user(), same)
                    && optionally(self.password(), other.password(), same)
                    && optionally(self.host(), other.host(), str::eq_ignore_ascii_case)
                    && self.parts.port == other.parts.port
                    && params_match(&self.params(), &other.params())
                    && params_match(&other.params(), &self.params())
                    && headers_match(self, other)
                    && headers_match(other, self)
            }
            Kind::Tel => {
                let digits = |uri: &Uri<'_>| -> String {
                    uri.user()
                        .unwrap_or_default()
                        .chars()
                        .filter(|character| !matches!(character, '-' | '.' | '(' | ')'))
                        .map(|character| character.to_ascii_lowercase())
                        .collect()
                };
                let all_match = |left: &Params<'_>, right: &Params<'_>| {
                    left.iter().all(|(name, value)| {
                        right
                            .get(name)
                            .is_some_and(|found| found.eq_ignore_ascii_case(value.unwrap_or("")))
                    })
                };
                digits(self) == digits(other)
                    && all_match(&self.params(), &other.params())
                    && all_match(&other.params(), &self.params())
            }
            Kind::Other => {
                self.scheme()
                    .as_str()
                    .eq_ignore_ascii_case(other.scheme().as_str())
                    && self.text.get(self.parts.scheme_end as usize..)
                        == other.text.get(other.parts.scheme_end as usize..)
            }
        }
    }
}

fn optionally(left: Option<&str>, right: Option<&str>, same: impl Fn(&str, &str) -> bool) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => same(left, right),
        (None, None) => true,
        _ => false,
    }
}

/// Each parameter of `left` that `right` has too must be the same, and some may not be missing.
fn params_match(left: &Params<'_>, right: &Params<'_>) -> bool {
    left.iter().all(|(name, value)| match right.get(name) {
        Some(found) => crate::escape::same_ignoring_case(found, value.unwrap_or("")),
        // The list of section 19.1.4, and `transport`, which its examples treat the same.
        None => !["user", "ttl", "method", "maddr", "transport"]
            .iter()
            .any(|kept| crate::escape::same_ignoring_case(kept, name)),
    })
}

fn headers_match(left: &Uri<'_>, right: &Uri<'_>) -> bool {
    left.headers().all(|(name, value)| {
        right.headers().any(|(other, found)| {
            crate::escape::same_ignoring_case(name, other) && same(value, found)
        })
    })
}
