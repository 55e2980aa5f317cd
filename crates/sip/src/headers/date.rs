//! Date and Timestamp.

use std::fmt;

use super::{TypedHeader, typed};
use crate::error::HeaderError;
use crate::name::HeaderName;
use crate::text::{number, trim_start};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// The first of January 1970 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// A moment in Greenwich Mean Time (RFC 3261 section 20.17), to the second.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct Date {
    unix_seconds: u64,
}

impl Date {
    /// The moment that many seconds after 1970.
    pub fn from_unix_seconds(seconds: u64) -> Self {
        Date {
            unix_seconds: seconds,
        }
    }

    /// Seconds since 1970.
    pub fn unix_seconds(self) -> u64 {
        self.unix_seconds
    }
}

typed!(Date = Date, date);

/// Days from 1970 to that day of the proleptic Gregorian calendar; years begin in March, so that
/// the leap day is the last.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    (year * 365 + year / 4 - year / 100 + year / 400 + day_of_year).checked_sub(719_468)
}

fn date(text: &str) -> Result<Date, &'static str> {
    const EXPECTED: &str = "a date like Sat, 13 Nov 2010 23:29:00 GMT";
    read(text).ok_or(EXPECTED)
}

fn read(text: &str) -> Option<Date> {
    let (weekday, rest) = text.split_once(',')?;
    WEEKDAYS
        .iter()
        .find(|name| name.eq_ignore_ascii_case(weekday))?;
    let mut words = rest.split_ascii_whitespace();
    let day: u64 = number(words.next()?)?;
    let month = words.next()?;
    let month = MONTHS
        .iter()
        .position(|name| name.eq_ignore_ascii_case(month))? as u64
        + 1;
    let year = words
        .next()
        .filter(|year| year.len() == 4)
        .and_then(number::<u64>)?;
    let mut clock = words.next()?.split(':').map(number::<u64>);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let zone = words.next()?;
    let in_range =
        (1..=31).contains(&day) && year >= 1970 && hour < 24 && minute < 60 && second < 61;
    if clock.next().is_some() || words.next().is_some() || !in_range || zone != "GMT" {
        return None;
    }
    let seconds = hour * 3_600 + minute * 60 + second;
    Some(Date {
        unix_seconds: days(year, month, day)? * 86_400 + seconds,
    })
}

impl fmt::Display for Date {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, second) = (self.unix_seconds / 86_400, self.unix_seconds % 86_400);
        // The inverse of `days`: eras of 400 years.
        let since = day + 719_468;
        let (era, of_era) = (since / 146_097, since % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day_of_month = of_year - (153 * month + 2) / 5 + 1;
        let month = (month + 2) % 12;
        let year = era * 400 + year_of_era + u64::from(month < 2);
        write!(
            to,
            "{}, {day_of_month:02} {} {year:04} {:02}:{:02}:{:02} GMT",
            WEEKDAYS[(day % 7) as usize],
            MONTHS[month as usize],
            second / 3_600,
            second / 60 % 60,
            second % 60
        )
    }
}

/// When a request was sent, by the sender's clock (RFC 3261 section 20.38).
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub struct Timestamp<'a> {
    /// Seconds, with a fraction.
    pub value: &'a str,
    /// Seconds between receiving the request and answering it.
    pub delay: Option<&'a str>,
}

typed!(Timestamp<'a> = Timestamp, timestamp);

fn timestamp(text: &str) -> Result<Timestamp<'_>, &'static str> {
    let (value, delay) = match text.split_once([' ', '\t']) {
        Some((value, delay)) => (value, Some(trim_start(delay))),
        None => (text, None),
    };
    let is_decimal = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        (!whole.is_empty() || !fraction.is_empty())
            && whole
                .bytes()
                .chain(fraction.bytes())
                .all(|byte| byte.is_ascii_digit())
    };
    if !is_decimal(value) || !delay.is_none_or(is_decimal) {
        return Err("a number of seconds, and maybe another one");
    }
    Ok(Timestamp { value, delay })
}

impl fmt::Display for Timestamp<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.value)?;
        match self.delay {
            Some(delay) => write!(to, " {delay}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_unix_seconds_agree() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sat, 13 Nov 2010 23:29:00 GMT", 1_289_690_940),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
            ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200),
            ("Fri, 31 Dec 2100 12:00:00 GMT", 4_133_937_600),
        ] {
            assert_eq!(date(text).unwrap().unix_seconds(), seconds, "{text}");
            assert_eq!(Date::from_unix_seconds(seconds).to_string(), text);
        }
    }
}
