//! How what was parsed reaches JavaScript: as one string of lines, since one string costs less on
//! its way than an array of many.

use std::ops::Range;

use offhook_sip::Params;

/// Text that grows line by line.
pub(super) struct Lines(String);

impl Lines {
    /// Room for what `length` bytes of a message say.
    pub(super) fn new(length: usize) -> Lines {
        Lines(String::with_capacity(length + 32))
    }

    /// A line; line ends inside it, which only folded header values have, become spaces.
    pub(super) fn text(&mut self, text: &str) {
        self.more(text);
        self.0.push('\n');
    }

    /// A part of a line.
    pub(super) fn more(&mut self, text: &str) {
        if text.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) {
            let blank = |c: char| if matches!(c, '\r' | '\n') { ' ' } else { c };
            self.0.extend(text.chars().map(blank));
        } else {
            self.0.push_str(text);
        }
    }

    /// What is not there is an empty line.
    pub(super) fn maybe(&mut self, text: Option<&str>) {
        self.text(text.unwrap_or_default());
    }

    pub(super) fn number(&mut self, mut number: u32) {
        // `fmt` would bring much along.
        let mut digits = [b'0'; 10];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.text(std::str::from_utf8(&digits[start..]).unwrap_or_default());
    }

    /// Each pair, `name=value`, or `name` without a value; and an empty line behind the last.
    pub(super) fn pairs<'p>(&mut self, pairs: impl Iterator<Item = (&'p str, Option<&'p str>)>) {
        for (name, value) in pairs {
            self.more(name);
            if let Some(value) = value {
                self.more("=");
                self.more(value);
            }
            self.0.push('\n');
        }
        self.0.push('\n');
    }

    pub(super) fn params(&mut self, params: &Params<'_>) {
        self.pairs(params.iter());
    }

    /// Where a piece of the text stands, in the units that JavaScript counts in.
    pub(super) fn place(&mut self, text: &str, place: Range<usize>) {
        for end in [place.end, place.start] {
            let before = text.get(..end).unwrap_or_default();
            let units = match before.is_ascii() {
                true => end,
                false => before.encode_utf16().count(),
            };
            self.number(units as u32);
        }
    }

    /// The lines; the last one has no end.
    pub(super) fn finish(mut self) -> String {
        self.0.pop();
        self.0
    }
}
