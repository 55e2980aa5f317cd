//! How what was parsed reaches JavaScript: as one string of lines, since one string costs less on
//! its way than an array of many.

use std::ops::Range;

use offhook_sip::Params;

/// Text that grows line by line.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    pub(super) fn new() -> Lines {
        Lines::default()
    }

    /// A line; line ends inside it, which only folded header values have, become spaces.
    pub(super) fn text(&mut self, text: &str) {
        if text.contains(['\r', '\n']) {
            let blank = |c: char| if matches!(c, '\r' | '\n') { ' ' } else { c };
            self.0.extend(text.chars().map(blank));
        } else {
            self.0.push_str(text);
        }
        self.0.push('\n');
    }

    /// What is not there is an empty line.
    pub(super) fn maybe(&mut self, text: Option<&str>) {
        self.text(text.unwrap_or_default());
    }

    pub(super) fn number(&mut self, number: usize) {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        for digit in &digits[at..] {
            self.0.push(char::from(*digit));
        }
        self.0.push('\n');
    }

    /// How many pairs there are, and each: `name=value`, or `name` without a value.
    pub(super) fn pairs<'p>(&mut self, pairs: impl Iterator<Item = (&'p str, Option<&'p str>)>) {
        // The number is written when it is known.
        let start = self.0.len();
        let mut count = 0;
        for (name, value) in pairs {
            count += 1;
            match value {
                None => self.text(name),
                Some(value) => {
                    self.0.push_str(name);
                    self.0.push('=');
                    self.text(value);
                }
            }
        }
        let pairs = self.0.split_off(start);
        self.number(count);
        self.0.push_str(&pairs);
    }

    pub(super) fn params(&mut self, params: &Params<'_>) {
        self.pairs(params.iter());
    }

    /// Where a piece of the text stands, in the units that JavaScript counts in.
    pub(super) fn place(&mut self, text: &str, place: Range<usize>) {
        for end in [place.end, place.start] {
            let before = text.get(..end).unwrap_or_default();
            self.number(match before.is_ascii() {
                true => end,
                false => before.encode_utf16().count(),
            });
        }
    }

    /// The lines; the last one has no end.
    pub(super) fn finish(mut self) -> String {
        self.0.pop();
        self.0
    }
}
