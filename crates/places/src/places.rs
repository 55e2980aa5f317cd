//! What was found in a text, as JavaScript reads it: numbers, most of them places in the text. It
//! has the text already and cuts its own pieces out, as strings that cross over cost more than all
//! the parsing.

use offhook_sip::Params;

/// The words in front: how many there are, and where the text is that `Places::other` has made.
const FRONT: usize = 3;

/// Room for what is found in nearly every message.
const WORDS: usize = 1024;

/// Words that grow, for one text after the other.
#[derive(Debug, Default)]
pub struct Places {
    /// The words so far, and zeros behind them: nearly every text finds its room made.
    words: Vec<u32>,
    count: usize,
    /// Where the text begins, and how long it is.
    base: usize,
    length: usize,
    /// For each byte of a text that is not ASCII, the number of JavaScript's units before it.
    units: Vec<u32>,
    /// What has to be said and does not stand in the text. Its places go on where the text ends.
    other: String,
    other_at: u32,
}

impl Places {
    /// Begins with another text, whose pieces will follow. JavaScript's string of it, or the one
    /// that it is the beginning of, has `units` units, and as many bytes when `is_ascii`.
    pub(crate) fn start(&mut self, text: &[u8], is_ascii: bool, units: u32) {
        self.count = FRONT;
        self.grow();
        self.base = text.as_ptr().addr();
        self.length = text.len();
        self.units.clear();
        if !is_ascii {
            self.count_units(text);
        }
        self.other.clear();
        self.other_at = units;
    }

    fn count_units(&mut self, text: &[u8]) {
        let mut count = 0;
        self.units.extend(text.iter().map(|byte| {
            let before = count;
            // One for the first byte of a character, two where it has four bytes.
            count += u32::from(byte & 0xc0 != 0x80) + u32::from(*byte >= 0xf0);
            before
        }));
        self.units.push(count);
    }

    /// How many units are before a byte of the text.
    fn unit(&self, byte: usize) -> u32 {
        match self.units.get(byte) {
            Some(units) => *units,
            None => byte as u32,
        }
    }

    /// Makes room for words. What was found in a long text goes when the next one comes.
    fn grow(&mut self) {
        let length = self.count.next_multiple_of(WORDS) + WORDS;
        self.words.resize(length, 0);
        self.words.shrink_to(length);
    }

    /// A number.
    #[inline(always)]
    pub(crate) fn number(&mut self, number: u32) {
        if self.count == self.words.len() {
            self.grow();
        }
        self.words[self.count] = number;
        self.count += 1;
    }

    fn pair(&mut self, start: u32, end: u32) {
        self.number(start);
        self.number(end);
    }

    /// A place for a number that is known later.
    pub(crate) fn reserve(&mut self) -> usize {
        self.number(0);
        self.count - 1
    }

    /// Puts a number there.
    pub(crate) fn set(&mut self, reserved: usize, number: u32) {
        self.words[reserved] = number;
    }

    /// Says there which number comes next, counted from the first behind the front.
    pub(crate) fn mark(&mut self, reserved: usize) {
        self.set(reserved, (self.count - FRONT) as u32);
    }

    /// A number that may not be there: 0, or the number and one.
    pub(crate) fn maybe_number(&mut self, number: Option<u16>) {
        self.number(number.map_or(0, |number| u32::from(number) + 1));
    }

    fn offset(&self, piece: &str) -> usize {
        piece.as_ptr().addr().wrapping_sub(self.base)
    }

    /// The bytes from one offset to another.
    fn span(&mut self, start: usize, end: usize) {
        self.pair(self.unit(start), self.unit(end));
    }

    /// Where a piece of the text begins and ends; any other text is carried over.
    pub(crate) fn piece(&mut self, piece: &str) {
        let start = self.offset(piece);
        if piece.is_empty() {
            self.pair(0, 0);
        } else if start < self.length {
            self.span(start, start + piece.len());
        } else {
            self.other(piece);
        }
    }

    /// What is not there is an empty piece.
    pub(crate) fn maybe(&mut self, piece: Option<&str>) {
        self.piece(piece.unwrap_or_default());
    }

    /// From one piece of the text to the end of another one behind it.
    pub(crate) fn through(&mut self, first: &str, last: &str) {
        self.span(self.offset(first), self.offset(last) + last.len());
    }

    /// The last bytes of a piece.
    pub(crate) fn end(&mut self, piece: &str, length: usize) {
        let end = self.offset(piece) + piece.len();
        self.span(end - length, end);
    }

    /// The bytes before a piece, with a gap between the two.
    pub(crate) fn before(&mut self, piece: &str, gap: usize, length: usize) {
        let end = self.offset(piece) - gap;
        self.span(end - length, end);
    }

    /// What stands behind the text, in what the text is the beginning of; nothing, where it is no
    /// text.
    pub(crate) fn behind(&mut self, piece: &[u8]) -> Option<()> {
        let start = self.unit(self.length);
        let units = match self.units.is_empty() {
            true => piece.len(),
            false => std::str::from_utf8(piece).ok()?.encode_utf16().count(),
        };
        self.pair(start, start + units as u32);
        Some(())
    }

    /// Whether something is there, and it.
    pub(crate) fn option(&mut self, write: impl FnOnce(&mut Places) -> Option<()>) {
        let at = self.reserve();
        match write(self) {
            Some(()) => self.set(at, 1),
            None => self.count = at + 1,
        }
    }

    /// Text that does not stand in the text.
    pub(crate) fn other(&mut self, text: &str) {
        let start = self.other_at;
        self.other.push_str(text);
        self.other_at += text.encode_utf16().count() as u32;
        self.pair(start, self.other_at);
    }

    /// A piece in lower case.
    pub(crate) fn lower(&mut self, piece: &str) {
        match piece.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => self.other(&piece.to_ascii_lowercase()),
            false => self.piece(piece),
        }
    }

    /// How many pairs there are, and name and value of each. A value that is not there ends before
    /// it begins.
    pub(crate) fn pairs<'p>(&mut self, pairs: impl Iterator<Item = (&'p str, Option<&'p str>)>) {
        let at = self.reserve();
        let mut count = 0;
        for (name, value) in pairs {
            self.piece(name);
            match value {
                Some(value) => self.piece(value),
                None => self.pair(1, 0),
            }
            count += 1;
        }
        self.set(at, count);
    }

    pub(crate) fn params(&mut self, params: &Params<'_>) {
        self.pairs(params.iter());
    }

    /// The address of the words, for JavaScript to read before the next text.
    pub fn finish(&mut self) -> *const u32 {
        self.words[0] = self.count as u32;
        self.words[1] = self.other.as_ptr().addr() as u32;
        self.words[2] = self.other.len() as u32;
        self.words.as_ptr()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What was found, as JavaScript reads it.
    pub(crate) struct Found {
        text: Vec<u16>,
        words: std::vec::IntoIter<u32>,
        count: usize,
    }

    impl Found {
        pub(crate) fn of(places: &Places, text: &str) -> Found {
            Found {
                text: text
                    .encode_utf16()
                    .chain(places.other.encode_utf16())
                    .collect(),
                words: places.words[..places.count]
                    .to_vec()
                    .split_off(FRONT)
                    .into_iter(),
                count: places.count - FRONT,
            }
        }

        pub(crate) fn number(&mut self) -> u32 {
            self.words.next().expect("a number")
        }

        pub(crate) fn piece(&mut self) -> String {
            let (start, end) = (self.number() as usize, self.number() as usize);
            String::from_utf16(&self.text[start..end]).expect("whole characters")
        }

        /// Goes to the number that is at this place, counted from the first.
        pub(crate) fn skip_to(&mut self, place: u32) {
            while self.words.len() > self.count - place as usize {
                self.number();
            }
        }

        pub(crate) fn maybe_number(&mut self) -> Option<u32> {
            self.number().checked_sub(1)
        }

        /// `a=b;c;`
        pub(crate) fn pairs(&mut self) -> String {
            let mut text = String::new();
            for _ in 0..self.number() {
                text += &self.piece();
                let (start, end) = (self.number() as usize, self.number() as usize);
                if start <= end {
                    text.push('=');
                    text += &String::from_utf16(&self.text[start..end]).expect("characters");
                }
                text.push(';');
            }
            text
        }

        pub(crate) fn is_over(&mut self) -> bool {
            self.words.next().is_none()
        }
    }

    /// How many units of JavaScript's a text is.
    pub(crate) fn units(text: &str) -> u32 {
        text.encode_utf16().count() as u32
    }

    #[test]
    fn places_are_counted_in_the_units_of_javascript() {
        for text in ["abc", "\u{e9}\u{1f600}abc\u{20ac}"] {
            let mut places = Places::default();
            places.start(text.as_bytes(), text.is_ascii(), units(text));
            let at = text.find("abc").expect("it is there");
            places.piece(&text[at..at + 3]);
            places.piece(&text[at..]);
            places.through(&text[..at], &text[at..at + 1]);
            let mut found = Found::of(&places, text);
            assert_eq!(found.piece(), "abc");
            assert_eq!(found.piece(), &text[at..]);
            assert_eq!(found.piece(), &text[..at + 1]);
            assert!(found.is_over());
        }
    }

    #[test]
    fn what_does_not_stand_in_the_text_is_put_behind_it() {
        let text = "caf\u{e9}";
        let mut places = Places::default();
        places.start(text.as_bytes(), false, units(text));
        places.piece("elsewhere");
        places.lower("ABC");
        places.lower(&text[..3]);
        places.maybe(None);
        let mut found = Found::of(&places, text);
        assert_eq!(found.piece(), "elsewhere");
        assert_eq!(found.piece(), "abc");
        assert_eq!(found.piece(), "caf");
        assert_eq!(found.piece(), "");
    }

    #[test]
    fn a_next_text_finds_nothing_of_the_one_before() {
        let mut places = Places::default();
        places.start("\u{e9}".as_bytes(), false, 1);
        places.other("gone");
        let text = "abc";
        places.start(text.as_bytes(), true, 3);
        places.option(|places| {
            places.number(7);
            None
        });
        places.piece(&text[1..]);
        let mut found = Found::of(&places, text);
        assert_eq!((found.number(), found.piece().as_str()), (0, "bc"));
        assert!(found.is_over());
    }
}
