//! What is received goes back.

use std::time::Duration;

use super::Samples;

/// More than this waits only when nothing may be sent; then the old is forgotten.
const LONGEST_SECONDS: usize = 1;

/// The longest time that an echo may take.
const LONGEST_DELAY: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Echo {
    heard: Vec<i16>,
    rate: u32,
    delay: Duration,
    /// Silence that is still to be sent before what was heard, in samples.
    silence: usize,
}

impl Echo {
    pub(super) fn after(delay: Duration) -> Echo {
        Echo {
            delay: delay.min(LONGEST_DELAY),
            ..Echo::default()
        }
    }

    pub(super) fn hear(&mut self, samples: &[i16], rate: u32) {
        if rate != self.rate {
            self.heard.clear();
            self.rate = rate;
            self.silence = self.delayed();
        }
        self.heard.extend_from_slice(samples);
        let longest = self.delayed() + rate as usize * LONGEST_SECONDS;
        let surplus = self.heard.len().saturating_sub(longest);
        self.heard.drain(..surplus);
    }

    /// The delay in samples.
    fn delayed(&self) -> usize {
        (self.delay.as_secs_f64() * f64::from(self.rate)) as usize
    }
}

impl Samples for Echo {
    fn rate(&mut self) -> u32 {
        // Before anything is heard any rate will do.
        if self.rate == 0 { 48_000 } else { self.rate }
    }

    fn read(&mut self, count: usize, samples: &mut Vec<i16>) {
        let silence = count.min(self.silence);
        self.silence -= silence;
        samples.resize(samples.len() + silence, 0);
        let count = (count - silence).min(self.heard.len());
        samples.extend(self.heard.drain(..count));
        if self.heard.is_empty() && silence == 0 {
            // The peer paused: what it says next is to be an echo again.
            self.silence = self.delayed();
        }
    }

    fn has_ended(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads in pieces of 10 ms while as much is heard.
    fn talk(echo: &mut Echo, said: &[i16], rate: u32) -> Vec<i16> {
        let mut heard = Vec::new();
        for piece in said.chunks(rate as usize / 100) {
            echo.hear(piece, rate);
            echo.read(piece.len(), &mut heard);
        }
        heard
    }

    #[test]
    fn a_late_echo_gives_back_everything_the_delay_later() {
        let mut echo = Echo::after(Duration::from_millis(300));
        let said: Vec<i16> = (1..=8_000).collect();
        let heard = talk(&mut echo, &said, 8_000);
        assert_eq!(heard[..2_400], [0; 2_400]);
        assert_eq!(heard[2_400..], said[..5_600]);
    }

    #[test]
    fn another_rate_begins_with_the_delay_again() {
        let mut echo = Echo::after(Duration::from_millis(20));
        talk(&mut echo, &[7; 800], 8_000);
        let heard = talk(&mut echo, &[9; 4_800], 48_000);
        assert_eq!(heard[..960], [0; 960]);
        assert_eq!(heard[960..], [9; 3_840]);
    }

    #[test]
    fn after_a_pause_the_echo_is_late_again() {
        let mut echo = Echo::after(Duration::from_millis(20));
        let heard = talk(&mut echo, &[7; 800], 8_000);
        assert_eq!(heard[160..], [7; 640]);
        let mut rest = Vec::new();
        echo.read(800, &mut rest);
        assert_eq!(rest, [7; 160]);
        let heard = talk(&mut echo, &[9; 800], 8_000);
        assert_eq!(heard[..160], [0; 160]);
        assert_eq!(heard[160..], [9; 640]);
    }

    #[test]
    fn an_echo_holds_no_more_than_its_delay_and_a_second() {
        let mut echo = Echo::after(Duration::from_secs(3_600));
        for _ in 0..100 {
            echo.hear(&[1; 8_000], 8_000);
        }
        assert_eq!(echo.heard.len(), 11 * 8_000);
        let mut echo = Echo::default();
        for _ in 0..100 {
            echo.hear(&[1; 8_000], 8_000);
        }
        assert_eq!(echo.heard.len(), 8_000);
    }
}
