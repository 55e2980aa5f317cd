//! The server's side: challenges out, credentials in (RFC 3261 §22.1, RFC 7616 §3.3 and §3.4).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use offhook_sip::Credentials;
use sha2::{Digest, Sha512_256};

use super::digest::{
    DigestAlgorithm, DigestInput, DigestQop, Protection, hexadecimal, quoted_text, response_value,
};
use super::secret::Secret;
use crate::time::Instant;

/// Nonces whose counts are remembered, unless set otherwise.
const DEFAULT_CAPACITY: usize = 16_384;
const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);

/// What the check of a request's credentials says.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// The request comes from this user.
    Ok {
        /// The user name of the credentials.
        user: String,
    },
    /// The user knows the password, but the nonce has expired, was not made here or its count was
    /// seen before: challenge with `stale` set, and the user agent tries again by itself.
    Stale,
    /// The user is unknown, the password is wrong or the credentials do not follow the challenge.
    Wrong,
    /// There are no digest credentials for this realm: challenge.
    Missing,
}

/// Challenges requests and checks their credentials, for one realm.
///
/// A nonce carries its own time and proof of origin, so a challenge costs no memory; only nonces
/// that have been used are remembered, for their count, at most 16 384 of them. When there are
/// more, the oldest count as stale: a user agent then asks for a new one and nothing is replayed.
pub struct DigestServer {
    realm: String,
    algorithms: Vec<DigestAlgorithm>,
    qops: Vec<DigestQop>,
    secret: [u8; 32],
    lifetime: Duration,
    capacity: usize,
    /// The number of the next nonce.
    next: u64,
    /// Nonces below this number that are not in `used` are stale.
    floor: u64,
    used: BTreeMap<u64, Window>,
}

impl DigestServer {
    /// A server for `realm` that offers `algorithms` in this order. `secret` comes from a
    /// cryptographic generator and proves which nonces were made here.
    ///
    /// An empty list means MD5, then SHA-256. RFC 8760 §2.3 has the preferred one first, but some
    /// user agents, JsSIP among them, read only the first challenge and know only MD5; those that
    /// know better, as ours does, choose by strength and not by order.
    pub fn new(
        realm: impl Into<String>,
        algorithms: impl IntoIterator<Item = DigestAlgorithm>,
        secret: [u8; 32],
    ) -> DigestServer {
        let mut algorithms: Vec<_> = algorithms.into_iter().collect();
        if algorithms.is_empty() {
            algorithms = vec![DigestAlgorithm::Md5, DigestAlgorithm::Sha256];
        }
        DigestServer {
            realm: realm.into(),
            algorithms,
            qops: vec![DigestQop::Auth],
            secret,
            lifetime: DEFAULT_LIFETIME,
            capacity: DEFAULT_CAPACITY,
            next: 0,
            floor: 0,
            used: BTreeMap::new(),
        }
    }

    /// The qualities of protection that are offered. Default: `auth`. An empty list offers none,
    /// as servers before RFC 2617 did; a nonce is then good for one request.
    pub fn with_qops(mut self, qops: impl IntoIterator<Item = DigestQop>) -> DigestServer {
        self.qops = qops.into_iter().collect();
        self
    }

    /// How long a nonce is good for. Default: 5 minutes.
    pub fn with_nonce_lifetime(mut self, lifetime: Duration) -> DigestServer {
        self.lifetime = lifetime;
        self
    }

    /// How many used nonces are remembered, at least one. Default: 16 384.
    pub fn with_capacity(mut self, nonces: usize) -> DigestServer {
        self.capacity = nonces.max(1);
        self
    }

    /// The realm of this server.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The values of the `WWW-Authenticate` or `Proxy-Authenticate` headers of one response, one
    /// header a value, in order (RFC 8760 §2.3). `stale` after [`Verdict::Stale`].
    pub fn challenge(&mut self, now: Instant, stale: bool) -> Vec<String> {
        let nonce = self.nonce(now);
        let qops: Vec<_> = self.qops.iter().map(|qop| qop.as_str()).collect();
        self.algorithms
            .iter()
            .map(|algorithm| {
                let mut value = format!(
                    r#"Digest realm="{}", nonce="{nonce}", algorithm={algorithm}"#,
                    quoted_text(&self.realm)
                );
                if !qops.is_empty() {
                    value += &format!(r#", qop="{}""#, qops.join(","));
                }
                if stale {
                    value += ", stale=true";
                }
                value
            })
            .collect()
    }

    /// Checks the credentials of a request: all values of its `Authorization` or
    /// `Proxy-Authorization` headers, of which those for other realms and schemes are passed over.
    ///
    /// `password` gives the secret of a user name, `None` if there is no such user. The URI is the
    /// one in the credentials: on its way the request's own may have been changed rightfully
    /// (RFC 3261 §22.4).
    pub fn verify<'c, 'v: 'c>(
        &mut self,
        now: Instant,
        credentials: impl IntoIterator<Item = &'c Credentials<'v>>,
        method: &str,
        body: &[u8],
        password: impl Fn(&str) -> Option<Secret>,
    ) -> Verdict {
        let mut verdict = Verdict::Missing;
        for credentials in credentials {
            let Some(answer) = Answer::read(credentials, &self.realm) else {
                continue;
            };
            verdict = self.verify_answer(now, &answer, method, body, &password);
            if matches!(verdict, Verdict::Ok { .. }) {
                break;
            }
        }
        verdict
    }

    /// How many used nonces are remembered right now.
    pub fn remembered(&self) -> usize {
        self.used.len()
    }

    fn verify_answer(
        &mut self,
        now: Instant,
        answer: &Answer,
        method: &str,
        body: &[u8],
        password: impl Fn(&str) -> Option<Secret>,
    ) -> Verdict {
        let Some(expected) = self.expected_response(answer, method, body, password) else {
            return Verdict::Wrong;
        };
        if !same(expected.as_bytes(), answer.response.as_bytes()) {
            return Verdict::Wrong;
        }
        if !self.use_nonce(now, answer) {
            return Verdict::Stale;
        }
        Verdict::Ok {
            user: answer.user.clone(),
        }
    }

    /// `None` if the credentials do not follow what was offered or the user is unknown.
    fn expected_response(
        &self,
        answer: &Answer,
        method: &str,
        body: &[u8],
        password: impl Fn(&str) -> Option<Secret>,
    ) -> Option<String> {
        let algorithm = match &answer.algorithm {
            Some(name) => DigestAlgorithm::parse(name)?,
            None => DigestAlgorithm::Md5,
        };
        if !self.algorithms.contains(&algorithm) {
            return None;
        }
        let cnonce = answer.cnonce.as_deref().unwrap_or_default();
        let cnonce = &*quoted_text(cnonce);
        let protection = match (&answer.qop, &answer.nc) {
            (Some(qop_text), Some(nc)) => {
                let qop = DigestQop::parse(qop_text).filter(|qop| self.qops.contains(qop))?;
                Some(Protection {
                    qop,
                    qop_text,
                    nc,
                    cnonce,
                })
            }
            (Some(_), None) => return None,
            // Not answering the offered qop is what RFC 2069 clients do (RFC 7616 §3.4 wants the
            // parameter, RFC 3261 §22.4 the compatibility). The nonce is then good for one use.
            (None, _) => None,
        };
        let secret = password(&answer.user)?;
        let user_hash = secret.user_hash(algorithm, &answer.user, &self.realm)?;
        Some(response_value(
            &user_hash,
            &DigestInput {
                algorithm,
                nonce: &quoted_text(&answer.nonce),
                protection,
                session_cnonce: cnonce,
                method,
                uri: &quoted_text(&answer.uri),
                body,
            },
        ))
    }

    /// Whether the nonce is ours, alive and used with this count for the first time. Notes the use.
    fn use_nonce(&mut self, now: Instant, answer: &Answer) -> bool {
        let Some((made, number)) = self.open_nonce(&answer.nonce) else {
            return false;
        };
        if now - made > self.lifetime {
            return false;
        }
        let count = match &answer.nc {
            Some(nc) if answer.qop.is_some() => match u32::from_str_radix(nc, 16) {
                Ok(count) if count > 0 => count,
                _ => return false,
            },
            // Without a count, a second use cannot be told from a replay.
            _ => u32::MAX,
        };
        if let Some(window) = self.used.get_mut(&number) {
            return window.take(count);
        }
        if number < self.floor {
            return false;
        }
        self.used.insert(number, Window::starting_at(count, made));
        self.trim(now);
        true
    }

    /// Lets nonces go that have expired or are too many. The numbers of the latter sink below the
    /// floor, where they are stale.
    fn trim(&mut self, now: Instant) {
        while let Some(oldest) = self.used.first_entry() {
            let expired = now - oldest.get().made > self.lifetime;
            if !expired && self.used.len() <= self.capacity {
                break;
            }
            if let Some((number, _)) = self.used.pop_first() {
                self.floor = self.floor.max(number + 1);
            }
        }
    }

    fn nonce(&mut self, now: Instant) -> String {
        let number = self.next;
        self.next += 1;
        self.seal(now.as_micros(), number)
    }

    /// Time and number of a nonce, and a proof that both were put together here.
    fn seal(&self, micros: u64, number: u64) -> String {
        // SHA-512/256 shows only half of its state, so a secret in front makes a sound MAC.
        let mac = Sha512_256::new()
            .chain_update(self.secret)
            .chain_update(micros.to_be_bytes())
            .chain_update(number.to_be_bytes())
            .finalize();
        format!("{micros:016x}{number:016x}{}", hexadecimal(&mac[..16]))
    }

    fn open_nonce(&self, nonce: &str) -> Option<(Instant, u64)> {
        let micros = u64::from_str_radix(nonce.get(..16)?, 16).ok()?;
        let number = u64::from_str_radix(nonce.get(16..32)?, 16).ok()?;
        same(self.seal(micros, number).as_bytes(), nonce.as_bytes())
            .then(|| (Instant::from_micros(micros), number))
    }
}

impl fmt::Debug for DigestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestServer")
            .field("realm", &self.realm)
            .field("algorithms", &self.algorithms)
            .field("remembered", &self.used.len())
            .finish_non_exhaustive()
    }
}

/// The parameters of digest credentials, unquoted.
struct Answer {
    user: String,
    nonce: String,
    uri: String,
    response: String,
    algorithm: Option<String>,
    cnonce: Option<String>,
    qop: Option<String>,
    nc: Option<String>,
}

impl Answer {
    /// `None` if these are no digest credentials for `realm`.
    fn read(credentials: &Credentials<'_>, realm: &str) -> Option<Answer> {
        if !credentials.scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let get = |name: &str| credentials.params.get(name).map(|value| value.into_owned());
        if get("realm")? != realm {
            return None;
        }
        Some(Answer {
            user: get("username")?,
            nonce: get("nonce")?,
            uri: get("uri")?,
            response: get("response")?.to_ascii_lowercase(),
            algorithm: get("algorithm"),
            cnonce: get("cnonce"),
            qop: get("qop"),
            nc: get("nc"),
        })
    }
}

/// Which counts of a nonce were seen: the highest, and the 64 below it.
///
/// Requests of one user agent overtake each other, so a count below the highest is fine the first
/// time it comes.
struct Window {
    /// When the nonce was made.
    made: Instant,
    highest: u32,
    /// Bit `n` stands for `highest - n`.
    seen: u64,
}

impl Window {
    fn starting_at(count: u32, made: Instant) -> Window {
        Window {
            made,
            highest: count,
            seen: 1,
        }
    }

    /// Whether `count` comes for the first time and is not too old to tell. Notes it.
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            let shift = count - self.highest;
            self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let Some(bit) = 1_u64.checked_shl(self.highest - count) else {
            return false;
        };
        let first = self.seen & bit == 0;
        self.seen |= bit;
        first
    }
}

/// Compares without telling by its time where the first difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
}
