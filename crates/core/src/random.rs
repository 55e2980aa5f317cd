//! The one source of chance: tags, branches, Call-IDs, nonces, and jitter.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::time::micros;

/// A generator seeded by the driver: cryptographically in production, with a fixed seed in tests.
///
/// What it gives out is the SHA-256 of the seed and of a counter. Digest authentication has the
/// hash in the house already; a stream cipher would be one thing more in the browser package.
pub(crate) struct Random {
    seed: [u8; 32],
    blocks: u64,
    /// The bytes of the newest block that are still to be given out, the next one last.
    left: Vec<u8>,
}

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            blocks: 0,
            left: Vec::new(),
        }
    }

    /// Random bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.left.pop() {
                return byte;
            }
            let block = Sha256::new()
                .chain_update(self.seed)
                .chain_update(self.blocks.to_be_bytes());
            self.left.extend_from_slice(&block.finalize());
            self.blocks += 1;
        }
    }

    fn number(&mut self) -> u64 {
        u64::from_be_bytes(self.bytes())
    }

    /// A token of `length` lower-case letters and digits, five bits of chance each.
    pub(crate) fn token(&mut self, length: usize) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
        let mut token = String::with_capacity(length);
        while token.len() < length {
            let mut bits = self.number();
            for _ in 0..12 {
                if token.len() == length {
                    break;
                }
                token.push(char::from(ALPHABET[(bits & 31) as usize]));
                bits >>= 5;
            }
        }
        token
    }

    /// A From or To tag (RFC 3261 section 19.3).
    pub(crate) fn tag(&mut self) -> String {
        self.token(16)
    }

    /// A branch parameter (RFC 3261 section 8.1.1.7).
    pub(crate) fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.token(20))
    }

    /// A random UUID (RFC 9562 section 5.4) as a number.
    pub(crate) fn uuid_bits(&mut self) -> u128 {
        let bits = u128::from(self.number()) << 64 | u128::from(self.number());
        bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62)
    }

    /// A random UUID as text.
    pub(crate) fn uuid(&mut self) -> String {
        let bits = self.uuid_bits();
        let hex = format!("{:016x}{:016x}", (bits >> 64) as u64, bits as u64);
        format!(
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        )
    }

    /// A first CSeq number, well below 2³¹ (RFC 3261 section 8.1.1.5).
    pub(crate) fn sequence(&mut self) -> u32 {
        self.below(10_000) as u32 + 1
    }

    /// A number from zero up to and without `limit`, which is more than zero.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// When something that lasts `lifetime`, ten seconds at least, is renewed: well before its end,
    /// and not by all user agents at one instant (RFC 5626 section 4.4).
    pub(crate) fn renewal(&mut self, lifetime: Duration) -> Duration {
        if lifetime > Duration::from_secs(64) {
            let latest = lifetime - Duration::from_secs(30);
            self.jitter(lifetime).min(latest)
        } else {
            lifetime.saturating_sub(Duration::from_secs(5))
        }
    }

    /// A duration between 80 and 100 percent of `limit`.
    pub(crate) fn most_of(&mut self, limit: Duration) -> Duration {
        let part = limit / 5;
        let span = micros(part).max(1);
        limit - part + Duration::from_micros(self.number() % span)
    }

    /// A duration between half of `limit` and `limit`.
    pub(crate) fn jitter(&mut self, limit: Duration) -> Duration {
        let half = limit / 2;
        let span = micros(half).max(1);
        half + Duration::from_micros(self.number() % span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_identifiers() {
        let (mut one, mut two) = (Random::new([7; 32]), Random::new([7; 32]));
        assert_eq!(one.tag(), two.tag());
        assert_eq!(one.branch(), two.branch());
        assert_ne!(one.tag(), one.tag());
    }

    #[test]
    fn a_uuid_has_its_version_and_variant() {
        let uuid = Random::new([1; 32]).uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }

    #[test]
    fn jitter_stays_between_half_and_whole() {
        let mut random = Random::new([3; 32]);
        for _ in 0..1000 {
            let delay = random.jitter(Duration::from_secs(8));
            assert!((Duration::from_secs(4)..=Duration::from_secs(8)).contains(&delay));
        }
    }
}
