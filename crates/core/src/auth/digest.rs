//! The arithmetic of digest authentication (RFC 7616 §3.4): no headers, no state.

use std::borrow::Cow;
use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

/// A digest algorithm a challenge may name (RFC 7616 §3.3, RFC 8760 §2.1).
///
/// With a `-sess` variant the nonce and the client nonce go into the hash of the password too.
#[derive(Copy, Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// `MD5`, also what a challenge without an algorithm means.
    Md5,
    /// `MD5-sess`.
    Md5Sess,
    /// `SHA-256`.
    Sha256,
    /// `SHA-256-sess`.
    Sha256Sess,
    /// `SHA-512-256`: SHA-512/256 of FIPS 180-4, which is not a cut SHA-512.
    Sha512Trunc256,
    /// `SHA-512-256-sess`.
    Sha512Trunc256Sess,
}

impl DigestAlgorithm {
    /// Every algorithm there is here.
    pub const ALL: [DigestAlgorithm; 6] = [
        DigestAlgorithm::Sha512Trunc256,
        DigestAlgorithm::Sha512Trunc256Sess,
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha256Sess,
        DigestAlgorithm::Md5,
        DigestAlgorithm::Md5Sess,
    ];

    /// The algorithm of this name, in any case; `None` for one we do not know.
    pub fn parse(name: &str) -> Option<DigestAlgorithm> {
        DigestAlgorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
    }

    /// The name as it stands in headers.
    pub const fn as_str(self) -> &'static str {
        match self {
            DigestAlgorithm::Md5 => "MD5",
            DigestAlgorithm::Md5Sess => "MD5-sess",
            DigestAlgorithm::Sha256 => "SHA-256",
            DigestAlgorithm::Sha256Sess => "SHA-256-sess",
            DigestAlgorithm::Sha512Trunc256 => "SHA-512-256",
            DigestAlgorithm::Sha512Trunc256Sess => "SHA-512-256-sess",
        }
    }

    /// Whether it is a `-sess` variant.
    pub const fn is_session(self) -> bool {
        matches!(
            self,
            DigestAlgorithm::Md5Sess
                | DigestAlgorithm::Sha256Sess
                | DigestAlgorithm::Sha512Trunc256Sess
        )
    }

    /// Whether the hash under it is MD5.
    pub(super) const fn is_md5(self) -> bool {
        matches!(self, DigestAlgorithm::Md5 | DigestAlgorithm::Md5Sess)
    }

    /// Order of preference: a larger number is the stronger hash. `-sess` makes no difference.
    pub(super) const fn strength(self) -> u8 {
        match self {
            DigestAlgorithm::Md5 | DigestAlgorithm::Md5Sess => 0,
            DigestAlgorithm::Sha256 | DigestAlgorithm::Sha256Sess => 1,
            DigestAlgorithm::Sha512Trunc256 | DigestAlgorithm::Sha512Trunc256Sess => 2,
        }
    }

    /// The hash of `parts` joined by colons, in lower-case hexadecimal.
    pub fn hash(self, parts: &[&[u8]]) -> String {
        match self {
            DigestAlgorithm::Md5 | DigestAlgorithm::Md5Sess => hash_with::<Md5>(parts),
            DigestAlgorithm::Sha256 | DigestAlgorithm::Sha256Sess => hash_with::<Sha256>(parts),
            DigestAlgorithm::Sha512Trunc256 | DigestAlgorithm::Sha512Trunc256Sess => {
                hash_with::<Sha512_256>(parts)
            }
        }
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn hash_with<D: Digest>(parts: &[&[u8]]) -> String {
    let mut digest = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            digest.update(b":");
        }
        digest.update(part);
    }
    hexadecimal(&digest.finalize())
}

/// `bytes` in lower-case hexadecimal.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// A quality of protection (RFC 7616 §3.4).
#[derive(Copy, Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum DigestQop {
    /// `auth`: method and URI are covered.
    Auth,
    /// `auth-int`: the body is covered too.
    AuthInt,
}

impl DigestQop {
    /// The quality of this name, in any case; `None` for one we do not know.
    pub fn parse(name: &str) -> Option<DigestQop> {
        [DigestQop::Auth, DigestQop::AuthInt]
            .into_iter()
            .find(|qop| qop.as_str().eq_ignore_ascii_case(name))
    }

    /// The name as it stands in headers.
    pub const fn as_str(self) -> &'static str {
        match self {
            DigestQop::Auth => "auth",
            DigestQop::AuthInt => "auth-int",
        }
    }
}

impl fmt::Display for DigestQop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything a response value is computed from, besides the user's secret.
#[derive(Copy, Clone)]
pub(super) struct DigestInput<'a> {
    pub(super) algorithm: DigestAlgorithm,
    pub(super) nonce: &'a str,
    /// `None` is the way of RFC 2069: no count, no client nonce.
    pub(super) protection: Option<Protection<'a>>,
    /// The client nonce in the session key of a `-sess` algorithm.
    pub(super) session_cnonce: &'a str,
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
    pub(super) body: &'a [u8],
}

/// What comes with a quality of protection. `nc` and `qop` are hashed as they stand in the header.
#[derive(Copy, Clone)]
pub(super) struct Protection<'a> {
    pub(super) qop: DigestQop,
    pub(super) qop_text: &'a str,
    pub(super) nc: &'a str,
    pub(super) cnonce: &'a str,
}

/// The `response` value (RFC 7616 §3.4.1 to §3.4.3). `user_hash` is the hash of user, realm and
/// password.
pub(super) fn response_value(user_hash: &str, input: &DigestInput<'_>) -> String {
    let DigestInput {
        algorithm, nonce, ..
    } = *input;
    let session_key;
    let key = if algorithm.is_session() {
        session_key = algorithm.hash(&[
            user_hash.as_bytes(),
            nonce.as_bytes(),
            input.session_cnonce.as_bytes(),
        ]);
        &session_key
    } else {
        user_hash
    };

    let (method, uri) = (input.method.as_bytes(), input.uri.as_bytes());
    let request = match input.protection {
        Some(Protection {
            qop: DigestQop::AuthInt,
            ..
        }) => algorithm.hash(&[method, uri, algorithm.hash(&[input.body]).as_bytes()]),
        _ => algorithm.hash(&[method, uri]),
    };

    match input.protection {
        Some(protection) => algorithm.hash(&[
            key.as_bytes(),
            nonce.as_bytes(),
            protection.nc.as_bytes(),
            protection.cnonce.as_bytes(),
            protection.qop_text.as_bytes(),
            request.as_bytes(),
        ]),
        None => algorithm.hash(&[key.as_bytes(), nonce.as_bytes(), request.as_bytes()]),
    }
}

/// `text` as it stands between the quotation marks of a quoted-string.
///
/// RFC 7616 hashes "the value of the quoted-string without the surrounding quotes": a backslash
/// in front of a quotation mark is part of what is hashed.
pub(super) fn quoted_text(text: &str) -> Cow<'_, str> {
    if !text.contains(['"', '\\']) {
        return Cow::Borrowed(text);
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    Cow::Owned(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616 §3.9.1, which is that of RFC 2617 §3.5 with SHA-256 beside it.
    fn mufasa(algorithm: DigestAlgorithm, user_hash: &str) -> String {
        let protection = Protection {
            qop: DigestQop::Auth,
            qop_text: "auth",
            nc: "00000001",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        };
        response_value(
            user_hash,
            &DigestInput {
                algorithm,
                nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                protection: Some(protection),
                session_cnonce: protection.cnonce,
                method: "GET",
                uri: "/dir/index.html",
                body: b"",
            },
        )
    }

    fn hash_of(algorithm: DigestAlgorithm, user: &str, realm: &str, password: &str) -> String {
        algorithm.hash(&[user.as_bytes(), realm.as_bytes(), password.as_bytes()])
    }

    #[test]
    fn rfc_7616_section_3_9_1() {
        for (algorithm, expected) in [
            (DigestAlgorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (
                DigestAlgorithm::Sha256,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let user = hash_of(
                algorithm,
                "Mufasa",
                "http-auth@example.org",
                "Circle of Life",
            );
            assert_eq!(mufasa(algorithm, &user), expected, "{algorithm}");
        }
    }

    /// The values of the RFC itself were made with a cut SHA-512; these are those of erratum 4897,
    /// made with SHA-512/256.
    #[test]
    fn rfc_7616_section_3_9_2_as_corrected() {
        let algorithm = DigestAlgorithm::Sha512Trunc256;
        let user = "J\u{e4}s\u{f8}n Doe";
        assert_eq!(
            algorithm.hash(&[user.as_bytes(), b"api@example.org"]),
            "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
        );
        let protection = Protection {
            qop: DigestQop::Auth,
            qop_text: "auth",
            nc: "00000001",
            cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        };
        let input = DigestInput {
            algorithm,
            nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            protection: Some(protection),
            session_cnonce: protection.cnonce,
            method: "GET",
            uri: "/doe.json",
            body: b"",
        };
        assert_eq!(
            response_value(
                &hash_of(algorithm, user, "api@example.org", "Secret, or not?"),
                &input
            ),
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
        );
    }

    #[test]
    fn rfc_2617_section_3_5() {
        let algorithm = DigestAlgorithm::Md5;
        let user = hash_of(algorithm, "Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(user, "939e7578ed9e3c518a452acee763bce9");
        let mut input = DigestInput {
            algorithm,
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            protection: Some(Protection {
                qop: DigestQop::Auth,
                qop_text: "auth",
                nc: "00000001",
                cnonce: "0a4f113b",
            }),
            session_cnonce: "0a4f113b",
            method: "GET",
            uri: "/dir/index.html",
            body: b"",
        };
        assert_eq!(
            response_value(&user, &input),
            "6629fae49393a05397450978507c4ef1"
        );
        // The same without a quality of protection: the way of RFC 2069.
        input.protection = None;
        assert_eq!(
            response_value(&user, &input),
            "670fd8c2df070c60b045671b8b24ff02"
        );
    }

    /// The pieces of RFC 7616 §3.4.2 and §3.4.3 by hand, for what no RFC gives a vector of.
    #[test]
    fn sessions_and_bodies_go_into_the_hash() {
        let algorithm = DigestAlgorithm::Sha256Sess;
        let input = DigestInput {
            algorithm,
            nonce: "n",
            protection: Some(Protection {
                qop: DigestQop::AuthInt,
                qop_text: "auth-int",
                nc: "00000002",
                cnonce: "second",
            }),
            session_cnonce: "first",
            method: "INVITE",
            uri: "sip:bob@example.com",
            body: b"v=0\r\n",
        };
        let key = algorithm.hash(&[b"userhash:n:first"]);
        let body = algorithm.hash(&[b"v=0\r\n"]);
        let request = algorithm.hash(&[format!("INVITE:sip:bob@example.com:{body}").as_bytes()]);
        assert_eq!(
            response_value("userhash", &input),
            algorithm.hash(&[format!("{key}:n:00000002:second:auth-int:{request}").as_bytes()])
        );
    }

    #[test]
    fn algorithms_are_known_by_name_in_any_case() {
        for algorithm in DigestAlgorithm::ALL {
            let lower = algorithm.as_str().to_ascii_lowercase();
            assert_eq!(DigestAlgorithm::parse(&lower), Some(algorithm));
        }
        assert_eq!(DigestAlgorithm::parse("SHA-1"), None);
        assert_eq!(DigestQop::parse("AUTH-INT"), Some(DigestQop::AuthInt));
        assert_eq!(DigestQop::parse("auth-conf"), None);
    }
}
