//! G.711: µ-law and A-law (ITU-T G.711, RFC 3551 §4.5.14).
//!
//! Both laws code a sample as a sign, one of eight segments and one of sixteen steps in it.

/// Which of the two laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Law {
    Mu,
    A,
}

/// µ-law works on 14 bits; the bias moves the segments' borders to powers of two.
const MU_BIAS: i32 = 33;
const MU_CLIP: i32 = 8158;

impl Law {
    pub(crate) fn encode(self, sample: i16) -> u8 {
        match self {
            Law::Mu => encode_mu(sample),
            Law::A => encode_a(sample),
        }
    }

    pub(crate) fn decode(self, code: u8) -> i16 {
        match self {
            Law::Mu => MU_TABLE[usize::from(code)],
            Law::A => A_TABLE[usize::from(code)],
        }
    }
}

const fn decode_mu(code: u8) -> i16 {
    // The line carries the code with every bit inverted.
    let code = !code;
    let segment = (code >> 4) & 0x07;
    let step = (code & 0x0f) as i32;
    let magnitude = ((((step << 1) + MU_BIAS) << segment) - MU_BIAS) << 2;
    if code & 0x80 != 0 {
        -magnitude as i16
    } else {
        magnitude as i16
    }
}

const fn decode_a(code: u8) -> i16 {
    // The line carries the code with every other bit inverted.
    let code = code ^ 0x55;
    let segment = (code >> 4) & 0x07;
    let step = (code & 0x0f) as i32;
    let magnitude = match segment {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 {
        magnitude as i16
    } else {
        -magnitude as i16
    }
}

const fn table(mu: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = if mu {
            decode_mu(code as u8)
        } else {
            decode_a(code as u8)
        };
        code += 1;
    }
    table
}

static MU_TABLE: [i16; 256] = table(true);
static A_TABLE: [i16; 256] = table(false);

fn encode_mu(sample: i16) -> u8 {
    let (sign, magnitude) = if sample < 0 {
        (0x80, -i32::from(sample) >> 2)
    } else {
        (0, i32::from(sample) >> 2)
    };
    let biased = magnitude.min(MU_CLIP) + MU_BIAS;
    // The segment is the position of the highest bit, counted from bit 5.
    let segment = (31 - biased.leading_zeros() as i32 - 5).clamp(0, 7);
    let step = (biased >> (segment + 1)) & 0x0f;
    !(sign | (segment << 4) | step) as u8
}

fn encode_a(sample: i16) -> u8 {
    let (sign, magnitude) = if sample < 0 {
        // One's complement keeps the two halves symmetric around zero.
        (0, !i32::from(sample) >> 4)
    } else {
        (0x80, i32::from(sample) >> 4)
    };
    // The first two segments have the same step.
    let code = if magnitude < 32 {
        magnitude
    } else {
        let segment = 31 - magnitude.leading_zeros() as i32 - 3;
        (segment << 4) | ((magnitude >> (segment - 1)) & 0x0f)
    };
    ((sign | code) ^ 0x55) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mu_law_decodes_to_the_values_of_itu_table_2a() {
        // (character signal, decoder output value × 4): G.711 table 2a/2b, 14-bit values.
        for (code, value) in [
            (0x80, 8031),
            (0x8f, 4191),
            (0x90, 3999),
            (0x9f, 2079),
            (0xa0, 1983),
            (0xaf, 1023),
            (0xb0, 975),
            (0xbf, 495),
            (0xc0, 471),
            (0xcf, 231),
            (0xd0, 219),
            (0xdf, 99),
            (0xe0, 93),
            (0xef, 33),
            (0xf0, 30),
            (0xfe, 2),
            (0xff, 0),
        ] {
            assert_eq!(Law::Mu.decode(code), value * 4, "code {code:#x}");
            assert_eq!(Law::Mu.decode(code & 0x7f), -value * 4, "code {code:#x}");
        }
    }

    #[test]
    fn a_law_decodes_to_the_values_of_itu_table_1a() {
        // G.711 table 1a: the 13-bit decoder outputs (full scale 4096), even bits inverted.
        for (code, value) in [
            (0xffu8, 4032),
            (0xf0, 2112),
            (0xe0, 1056),
            (0xd0, 528),
            (0xc0, 264),
            (0xb0, 132),
            (0xa0, 66),
            (0x80, 1),
        ] {
            assert_eq!(Law::A.decode(code ^ 0x55), value * 8, "code {code:#x}");
            assert_eq!(
                Law::A.decode(code ^ 0x55 ^ 0x80),
                -value * 8,
                "code {code:#x}"
            );
        }
    }

    #[test]
    fn every_code_survives_decoding_and_encoding() {
        for law in [Law::Mu, Law::A] {
            for code in 0..=255u8 {
                // µ-law has two zeroes; the negative one comes back as the positive one.
                if law == Law::Mu && code == 0x7f {
                    continue;
                }
                assert_eq!(law.encode(law.decode(code)), code, "{law:?} {code:#x}");
            }
        }
    }

    #[test]
    fn every_sample_lands_on_the_nearest_steps() {
        for law in [Law::Mu, Law::A] {
            for sample in i16::MIN..=i16::MAX {
                let back = i32::from(law.decode(law.encode(sample)));
                let distance = (back - i32::from(sample)).abs();
                // Half a step of the sample's segment: a 32nd of the value, at least 8.
                let allowed = (i32::from(sample).abs() / 30).max(8) + 8;
                let clipped = i32::from(sample).abs() > 32_124;
                assert!(distance <= allowed || clipped, "{law:?} {sample} {back}");
            }
        }
        assert_eq!(Law::Mu.encode(0), 0xff);
        assert_eq!(Law::A.encode(0), 0xd5);
    }
}
