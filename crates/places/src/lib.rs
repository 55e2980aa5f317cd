//! Where the parts of SIP messages, URIs and addresses stand in their text, for JavaScript, which has
//! the text already: [`Places`] are numbers that it reads straight from memory.
//!
//! It is a crate of its own as it is compiled for speed, where the rest of the browser package is
//! compiled for size: every message goes through here.

mod grammar;
mod message;
mod places;

pub use places::Places;

impl Places {
    /// Reads a text by the rule of that number (`npm/src/engine/reading.ts`), and says whether the
    /// text follows it. JavaScript's string of the text has `units` units.
    pub fn read(&mut self, text: &[u8], units: u32, rule: u8) -> bool {
        let found = match rule {
            0 | 1 => message::read(self, text, units, rule == 0),
            _ => grammar::read(self, text, units, rule),
        };
        found.is_some()
    }

    /// What is to be said about a text, for what stands nowhere in it: one piece.
    pub fn say(&mut self, text: &[u8], units: u32, said: &str) {
        self.start(text, true, units);
        self.other(said);
    }
}
