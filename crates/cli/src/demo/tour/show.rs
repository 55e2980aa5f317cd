//! Runs the steps and says how each of them went.

use std::fmt;
use std::future::Future;
use std::time::Instant;

use serde_json::json;

use super::PATIENCE;
use crate::exit::{Code, Failure};
use crate::output::{Output, millis};

/// What did not hold.
#[derive(Debug)]
pub(super) struct Unmet {
    expected: String,
    seen: String,
}

impl Unmet {
    pub(super) fn new(expected: impl fmt::Display, seen: impl fmt::Display) -> Self {
        Self {
            expected: expected.to_string(),
            seen: seen.to_string(),
        }
    }
}

/// A command that was refused where it should have been taken.
impl From<offhook::Error> for Unmet {
    fn from(error: offhook::Error) -> Self {
        Self::new("that it can be done", error)
    }
}

/// What a step says has been checked.
pub(super) type Outcome = Result<String, Unmet>;

/// Goes on only if it holds.
pub(super) fn check(
    holds: bool,
    expected: impl fmt::Display,
    seen: impl fmt::Debug,
) -> Result<(), Unmet> {
    match holds {
        true => Ok(()),
        false => Err(Unmet::new(expected, format_args!("{seen:?}"))),
    }
}

/// Waits for something that has to happen within the usual time.
pub(super) async fn soon<T>(
    expected: impl fmt::Display,
    happening: impl Future<Output = T>,
) -> Result<T, Unmet> {
    let late = |_| {
        Unmet::new(
            expected,
            format_args!("nothing of the kind in {PATIENCE:?}"),
        )
    };
    tokio::time::timeout(PATIENCE, happening)
        .await
        .map_err(late)
}

/// What people and machines see of the tour.
#[derive(Debug)]
pub(super) struct Show<'a> {
    output: &'a Output,
    begun: Instant,
    passed: Vec<&'static str>,
}

impl<'a> Show<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Self {
            output,
            begun: Instant::now(),
            passed: Vec::new(),
        }
    }

    /// One step: a line for it, and the end of the tour when it did not hold.
    pub(super) async fn step(
        &mut self,
        name: &'static str,
        step: impl Future<Output = Outcome>,
    ) -> Result<(), Failure> {
        self.opening(name, async { Ok((step.await?, ())) }).await
    }

    /// A step that leaves something behind for those that follow.
    pub(super) async fn opening<T>(
        &mut self,
        name: &'static str,
        step: impl Future<Output = Result<(String, T), Unmet>>,
    ) -> Result<T, Failure> {
        self.output.working(name);
        let begun = Instant::now();
        let outcome = step.await;
        let took = begun.elapsed();
        let mut fields = json!({ "step": name, "ok": outcome.is_ok(), "took_ms": millis(took) });
        match outcome {
            Ok((checked, left)) => {
                self.passed.push(name);
                let ms = took.as_millis();
                fields["checked"] = checked.as_str().into();
                self.tell(format_args!("ok      {name}: {checked}  ({ms} ms)"), fields);
                Ok(left)
            }
            Err(Unmet { expected, seen }) => {
                let unmet = format!("{name}: expected {expected}; seen: {seen}");
                fields["expected"] = expected.into();
                fields["seen"] = seen.into();
                self.tell(format_args!("FAILED  {unmet}"), fields);
                let message = format!("the tour came to its end at the step {unmet}");
                let advice =
                    "Run it again with -v, which shows the messages, and report what it says.";
                Err(Failure::new(Code::CheckFailed, message, advice))
            }
        }
    }

    fn tell(&self, line: impl fmt::Display, fields: serde_json::Value) {
        match self.output.is_json() {
            true => self.output.event("step", "", fields),
            false => self.output.line(line),
        }
    }

    /// Everything held.
    pub(super) fn end(&self) {
        let took = self.begun.elapsed();
        match self.output.is_json() {
            true => self.output.event(
                "result",
                "",
                json!({ "ok": true, "steps": self.passed, "took_ms": millis(took) }),
            ),
            false => self.output.line(format_args!(
                "\nAll {} steps held, in {:.1} s.",
                self.passed.len(),
                took.as_secs_f64()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_step_that_does_not_hold_ends_the_tour_and_is_named() {
        let output = Output::new(true);
        let mut show = Show::new(&output);
        let left = show.opening("one", async { Ok(("it is there".to_owned(), 7)) });
        assert_eq!(left.await.expect("it held"), 7);
        let unmet = async {
            check(1 == 2, "that one is two", 1)?;
            Ok(String::new())
        };
        let failure = show.step("two", unmet).await.expect_err("it did not hold");
        assert_eq!(failure.code, Code::CheckFailed);
        let told = "step two: expected that one is two; seen: 1";
        assert!(failure.message.ends_with(told), "{}", failure.message);
        assert_eq!(show.passed, ["one"]);
    }
}
