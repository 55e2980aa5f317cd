//! What somebody hostile on the way does to a message.

use bytes::Bytes;

use crate::chance::Chance;

/// A message with some harm done to it.
pub(super) fn damage(chance: &mut Chance, message: &Bytes) -> Bytes {
    let mut bytes = message.to_vec();
    for _ in 0..=chance.below(3) {
        match chance.below(8) {
            0 => flip(chance, &mut bytes),
            1 => bytes.truncate(chance.below(bytes.len() + 1)),
            2 => lines(chance, &mut bytes, |chance, lines| {
                let at = chance.below(lines.len());
                lines.insert(at, lines[at].clone());
            }),
            3 => lines(chance, &mut bytes, |chance, lines| {
                lines.remove(chance.below(lines.len()));
            }),
            4 => lines(chance, &mut bytes, |chance, lines| {
                let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
                lines.swap(one, other);
            }),
            5 => renumber(chance, &mut bytes),
            6 => {
                let at = chance.below(bytes.len() + 1);
                let junk = JUNK[chance.below(JUNK.len())];
                bytes.splice(at..at, junk.iter().copied());
            }
            _ => lines(chance, &mut bytes, |chance, lines| {
                // A value that is another header's.
                let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
                let colon = |line: &[u8]| line.iter().position(|byte| *byte == b':');
                if let (Some(name), Some(value)) = (colon(&lines[one]), colon(&lines[other])) {
                    let mut line = lines[one][..name].to_vec();
                    line.extend_from_slice(&lines[other][value..]);
                    lines[one] = line;
                }
            }),
        }
    }
    bytes.into()
}

const JUNK: [&[u8]; 9] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    b"\xff\xfe",
    b";tag=x",
    b",",
    b"\"",
    b"99999999999999999999",
    b"<>",
];

fn flip(chance: &mut Chance, bytes: &mut [u8]) {
    if !bytes.is_empty() {
        bytes[chance.below(bytes.len())] ^= 1 << chance.below(8);
    }
}

/// Does something to the lines of a message.
fn lines(
    chance: &mut Chance,
    bytes: &mut Vec<u8>,
    harm: impl FnOnce(&mut Chance, &mut Vec<Vec<u8>>),
) {
    let mut lines: Vec<Vec<u8>> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    if !lines.is_empty() {
        harm(chance, &mut lines);
        *bytes = lines.concat();
    }
}

/// Makes another digit of one.
fn renumber(chance: &mut Chance, bytes: &mut [u8]) {
    let digits: Vec<usize> = (0..bytes.len())
        .filter(|&at| bytes[at].is_ascii_digit())
        .collect();
    if !digits.is_empty() {
        bytes[digits[chance.below(digits.len())]] = b'0' + chance.below(10) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harm_is_the_same_for_the_same_seed_and_most_of_it_shows() {
        let message =
            Bytes::from_static(b"BYE sip:a SIP/2.0\r\nCSeq: 7 BYE\r\nTo: <sip:a>\r\n\r\n");
        let harmed = |seed| damage(&mut Chance::from_seed(seed), &message);
        assert!((0..1_000).all(|seed| harmed(seed) == harmed(seed)));
        let shown = (0..1_000).filter(|&seed| harmed(seed) != message).count();
        assert!(shown > 900, "{shown}");
    }

    #[test]
    fn nothing_can_be_harmed() {
        for seed in 0..1_000 {
            damage(&mut Chance::from_seed(seed), &Bytes::new());
        }
    }
}
