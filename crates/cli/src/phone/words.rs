//! The words of a line, taken one by one.

use std::time::Duration;

use offhook::{DtmfOptions, DtmfTransport, MediaKinds};

use super::commands::{Policy, Refusal};
use crate::args;

/// What is wrong with a word, or that it is missing.
pub(super) type Problem = String;

/// What is left of a line.
#[derive(Debug)]
pub(super) struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        Self(line.trim())
    }

    fn peek(&self) -> Option<&'a str> {
        self.0.split_whitespace().next()
    }

    pub(super) fn next(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        let rest = self.0.trim_start();
        self.0 = rest[word.len()..].trim_start();
        Some(word)
    }

    pub(super) fn needed(&mut self, what: &str) -> Result<&'a str, Problem> {
        self.next().ok_or_else(|| format!("{what} is missing"))
    }

    /// All the rest as it stands.
    pub(super) fn rest(&mut self, what: &str) -> Result<String, Problem> {
        let rest = std::mem::take(&mut self.0).trim();
        match rest.is_empty() {
            true => Err(format!("{what} is missing")),
            false => Ok(rest.to_owned()),
        }
    }

    /// Takes the next word if it is this one.
    pub(super) fn flag(&mut self, flag: &str) -> bool {
        let found = self
            .peek()
            .is_some_and(|word| word.eq_ignore_ascii_case(flag));
        if found {
            self.next();
        }
        found
    }

    pub(super) fn number(&mut self) -> Option<usize> {
        let number = self.peek()?.parse().ok()?;
        self.next();
        Some(number)
    }

    /// A number that is followed by something else.
    pub(super) fn number_before_more(&mut self) -> Option<usize> {
        match self.0.split_whitespace().count() {
            0 | 1 => None,
            _ => self.number(),
        }
    }

    /// A number that is not the target itself, because that follows.
    pub(super) fn number_before_target(&mut self) -> Option<usize> {
        match self
            .0
            .split_whitespace()
            .nth(1)?
            .eq_ignore_ascii_case("stay")
        {
            true => None,
            false => self.number(),
        }
    }

    /// A number that is not the tones themselves, because they follow.
    pub(super) fn number_before_tones(&mut self) -> Option<usize> {
        let is_tone = |c: char| c.is_ascii_digit() || "ABCDRabcdr*#,".contains(c);
        match self.0.split_whitespace().nth(1)?.chars().all(is_tone) {
            true => self.number(),
            false => None,
        }
    }

    /// A number that is no status: too small for one, or followed by another number.
    pub(super) fn number_before_status(&mut self) -> Option<usize> {
        let mut words = self.0.split_whitespace();
        let first: usize = words.next()?.parse().ok()?;
        let second = words.next().and_then(|word| word.parse::<usize>().ok());
        match first < 100 || second.is_some() {
            true => self.number(),
            false => None,
        }
    }

    /// A status of this range, and the rest as its words.
    pub(super) fn refusal(
        &mut self,
        range: std::ops::RangeInclusive<u16>,
    ) -> Result<Refusal, Problem> {
        let Some(word) = self.next() else {
            return Ok(Refusal::default());
        };
        let status = word.parse().ok().filter(|status| range.contains(status));
        let status = status.ok_or_else(|| {
            format!(
                "{word:?} is no status from {} to {}",
                range.start(),
                range.end()
            )
        })?;
        let reason = self.rest("the reason").ok();
        Ok(Refusal {
            status: Some(status),
            reason,
        })
    }

    pub(super) fn kinds(&mut self) -> Option<MediaKinds> {
        let mut kinds = MediaKinds::default();
        loop {
            if self.flag("audio") {
                kinds.audio = true;
            } else if self.flag("video") {
                kinds.video = true;
            } else {
                return (kinds != MediaKinds::default()).then_some(kinds);
            }
        }
    }

    pub(super) fn dtmf_options(&mut self) -> Result<DtmfOptions, Problem> {
        let mut options = DtmfOptions::default();
        loop {
            if self.flag("info") {
                options.transport = DtmfTransport::Info;
            } else if self.flag("rfc2833") || self.flag("rfc4733") || self.flag("rtp") {
                options.transport = DtmfTransport::Rfc2833;
            } else if self.flag("duration") {
                options.duration = self.time()?;
            } else if self.flag("gap") {
                options.inter_tone_gap = self.time()?;
            } else {
                return Ok(options);
            }
        }
    }

    fn time(&mut self) -> Result<Duration, Problem> {
        let word = self.needed("the time")?;
        args::duration(word).map_err(|right| format!("{word:?} is no time: {right}"))
    }

    pub(super) fn policy(&mut self) -> Result<Policy, Problem> {
        match self.needed("on or off")? {
            "on" => Ok(Policy::Accept),
            "off" => Ok(Policy::Refuse),
            "ask" => Ok(Policy::Ask),
            other => Err(format!("{other:?} is not understood here")),
        }
    }
}
