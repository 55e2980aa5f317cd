//! What is received goes back.

use super::Samples;

/// More than this waits only when nothing may be sent; then the old is forgotten.
const LONGEST_SECONDS: usize = 1;

#[derive(Default)]
pub(super) struct Echo {
    heard: Vec<i16>,
    rate: u32,
}

impl Echo {
    pub(super) fn hear(&mut self, samples: &[i16], rate: u32) {
        if rate != self.rate {
            self.heard.clear();
            self.rate = rate;
        }
        self.heard.extend_from_slice(samples);
        let surplus = self
            .heard
            .len()
            .saturating_sub(rate as usize * LONGEST_SECONDS);
        self.heard.drain(..surplus);
    }
}

impl Samples for Echo {
    fn rate(&mut self) -> u32 {
        // Before anything is heard any rate will do.
        if self.rate == 0 { 48_000 } else { self.rate }
    }

    fn read(&mut self, count: usize, samples: &mut Vec<i16>) {
        let count = count.min(self.heard.len());
        samples.extend(self.heard.drain(..count));
    }

    fn has_ended(&self) -> bool {
        false
    }
}
