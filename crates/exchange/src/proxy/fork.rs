//! One request on its way to several places (RFC 3261, 16.6 to 16.10): who is tried when, which
//! answers go back, and who is cancelled. Knows nothing of how that is done.
//!
//! ```text
//!   Seeking ── 2xx ──────────────> Answered     others cancelled
//!      │ ───── 6xx ──────────────> Declined ──┐ others cancelled
//!      │ ───── CANCEL ───────────> Cancelled ─┤ all cancelled
//!      └────── nobody left to try ────────────┴──> Refused: the best answer goes back
//! ```

use std::collections::VecDeque;

use offhook_sip::{OutgoingResponse, StatusCode};

use super::response::{Final, best};

/// The number of a branch within its fork.
pub(crate) type Branch = usize;

/// Why the others are cancelled when one has answered (RFC 3326).
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// A request and the places `T` where it may be answered.
#[derive(Debug)]
pub(crate) struct Fork<T> {
    invite: bool,
    phase: Phase,
    /// Those of equal preference are tried together, group after group.
    waiting: VecDeque<Vec<T>>,
    /// Of each branch, whether its final answer is still to come.
    open: Vec<bool>,
    finals: Vec<Final>,
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Phase {
    /// Somebody may still answer.
    Seeking,
    /// The callee declined everywhere; those that ring are told so.
    Declined,
    /// The caller has given up.
    Cancelled,
    /// A 2xx went back.
    Answered,
    /// Another final answer went back.
    Refused,
}

/// What happens to a fork.
#[derive(Debug)]
pub(crate) enum Input {
    /// The first group is to be tried.
    Begin,
    /// A branch was answered; the response is as it will go back.
    Response(Branch, OutgoingResponse),
    /// A branch will never be answered: this status stands for it.
    Failed(Branch, StatusCode),
    /// A branch rings for too long (timer C, RFC 3261, 16.8).
    Expired(Branch),
    /// The caller cancels, for this reason.
    Cancel(Option<String>),
}

/// What a fork wants done, in order.
#[derive(Debug)]
pub(crate) enum Action<T> {
    /// Try this place, as this branch.
    Start(Branch, T),
    /// Hand this response back.
    Forward(OutgoingResponse),
    /// Answer with this status, in the name of the proxy.
    Answer(StatusCode),
    /// Cancel a branch, for this reason.
    Cancel(Branch, Option<String>),
}

impl<T> Fork<T> {
    /// `groups` in the order in which they are to be tried.
    pub(crate) fn new(invite: bool, groups: impl IntoIterator<Item = Vec<T>>) -> Fork<T> {
        Fork {
            invite,
            phase: Phase::Seeking,
            waiting: groups.into_iter().collect(),
            open: Vec::new(),
            finals: Vec::new(),
        }
    }

    /// Whether a final answer went back.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Answered | Phase::Refused)
    }

    pub(crate) fn handle(&mut self, input: Input) -> Vec<Action<T>> {
        let mut actions = Vec::new();
        match input {
            Input::Begin => {}
            Input::Response(branch, response) => self.response(branch, response, &mut actions),
            Input::Failed(branch, status) => self.close(branch, Final::Own(status)),
            Input::Expired(branch) => {
                if self.open.get(branch) == Some(&true) {
                    actions.push(Action::Cancel(branch, None));
                }
            }
            Input::Cancel(reason) => {
                if self.phase == Phase::Seeking && self.invite {
                    self.phase = Phase::Cancelled;
                    self.cancel_open(reason.as_deref(), &mut actions);
                }
            }
        }
        self.go_on(&mut actions);
        actions
    }

    fn response(
        &mut self,
        branch: Branch,
        response: OutgoingResponse,
        actions: &mut Vec<Action<T>>,
    ) {
        let status = response.status();
        if status.is_provisional() {
            if !self.is_settled() {
                actions.push(Action::Forward(response));
            }
            return;
        }
        if !status.is_success() {
            self.close(branch, Final::Received(Box::new(response)));
            if status.class() == 6 && self.phase == Phase::Seeking {
                self.phase = Phase::Declined;
                let reason = format!("SIP;cause={status};text=\"{}\"", status.reason());
                self.cancel_open(Some(&reason), actions);
            }
            return;
        }
        self.close_silently(branch);
        match self.phase {
            // Every 2xx to an INVITE goes back, also the second, and the retransmitted (RFC 3261,
            // 16.7 step 5): each makes a dialog that the caller must end or keep.
            Phase::Answered if self.invite => actions.push(Action::Forward(response)),
            Phase::Answered | Phase::Refused => {}
            _ => {
                self.phase = Phase::Answered;
                actions.push(Action::Forward(response));
                self.cancel_open(Some(ELSEWHERE), actions);
            }
        }
    }

    fn close(&mut self, branch: Branch, answer: Final) {
        if self.close_silently(branch) {
            self.finals.push(answer);
        }
    }

    fn close_silently(&mut self, branch: Branch) -> bool {
        self.open
            .get_mut(branch)
            .is_some_and(|open| std::mem::replace(open, false))
    }

    fn cancel_open(&mut self, reason: Option<&str>, actions: &mut Vec<Action<T>>) {
        self.waiting.clear();
        if !self.invite {
            return;
        }
        for (branch, open) in self.open.iter().enumerate() {
            if *open {
                actions.push(Action::Cancel(branch, reason.map(str::to_owned)));
            }
        }
    }

    /// Tries the next group when the last one is through, or answers when there is none.
    fn go_on(&mut self, actions: &mut Vec<Action<T>>) {
        if self.is_settled() || self.open.contains(&true) {
            return;
        }
        if let Some(group) = self.waiting.pop_front() {
            for target in group {
                actions.push(Action::Start(self.open.len(), target));
                self.open.push(true);
            }
            return;
        }
        let cancelled = self.phase == Phase::Cancelled;
        self.phase = Phase::Refused;
        let finals = std::mem::take(&mut self.finals);
        actions.push(match best(finals, cancelled) {
            Final::Received(response) => Action::Forward(*response),
            Final::Own(status) => Action::Answer(status),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(code: u16) -> OutgoingResponse {
        OutgoingResponse::new(StatusCode::new(code).unwrap())
    }

    /// What a fork does, in short.
    fn say(actions: Vec<Action<&str>>) -> String {
        let words = actions.into_iter().map(|action| match action {
            Action::Start(branch, target) => format!("start {branch} {target}"),
            Action::Forward(response) => format!("forward {}", response.status()),
            Action::Answer(status) => format!("answer {status}"),
            Action::Cancel(branch, None) => format!("cancel {branch}"),
            Action::Cancel(branch, Some(reason)) => format!("cancel {branch} {reason}"),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    struct Story(Fork<&'static str>);

    impl Story {
        fn invite(groups: &[&[&'static str]]) -> Story {
            Story(Fork::new(true, groups.iter().map(|group| group.to_vec())))
        }

        fn other(groups: &[&[&'static str]]) -> Story {
            Story(Fork::new(false, groups.iter().map(|group| group.to_vec())))
        }

        fn on(&mut self, input: Input, words: &str) -> &mut Story {
            assert_eq!(say(self.0.handle(input)), words);
            self
        }

        fn gets(&mut self, branch: Branch, code: u16, words: &str) -> &mut Story {
            self.on(Input::Response(branch, response(code)), words)
        }
    }

    #[test]
    fn the_first_2xx_goes_back_and_the_others_are_cancelled() {
        Story::invite(&[&["a", "b"]])
            .on(Input::Begin, "start 0 a, start 1 b")
            .gets(0, 180, "forward 180")
            .gets(1, 180, "forward 180")
            .gets(
                1,
                200,
                "forward 200, cancel 0 SIP;cause=200;text=\"Call completed elsewhere\"",
            )
            .gets(0, 487, "")
            .gets(1, 200, "forward 200");
    }

    #[test]
    fn a_2xx_that_crosses_the_cancel_goes_back_too() {
        Story::invite(&[&["a", "b"]])
            .on(Input::Begin, "start 0 a, start 1 b")
            .gets(
                0,
                200,
                "forward 200, cancel 1 SIP;cause=200;text=\"Call completed elsewhere\"",
            )
            .gets(1, 200, "forward 200");
    }

    #[test]
    fn groups_are_tried_one_after_the_other() {
        Story::invite(&[&["a", "b"], &["c"]])
            .on(Input::Begin, "start 0 a, start 1 b")
            .gets(0, 486, "")
            .gets(1, 480, "start 2 c")
            .gets(2, 404, "forward 486");
    }

    #[test]
    fn a_6xx_ends_it_all() {
        Story::invite(&[&["a", "b"], &["c"]])
            .on(Input::Begin, "start 0 a, start 1 b")
            .gets(0, 603, "cancel 1 SIP;cause=603;text=\"Decline\"")
            .gets(1, 487, "forward 603");
    }

    #[test]
    fn a_2xx_after_a_6xx_is_the_answer() {
        Story::invite(&[&["a", "b"]])
            .on(Input::Begin, "start 0 a, start 1 b")
            .gets(0, 603, "cancel 1 SIP;cause=603;text=\"Decline\"")
            .gets(1, 200, "forward 200");
    }

    #[test]
    fn the_caller_cancels_everybody_and_nobody_else_is_tried() {
        Story::invite(&[&["a", "b"], &["c"]])
            .on(Input::Begin, "start 0 a, start 1 b")
            .on(
                Input::Cancel(Some("SIP;cause=1".into())),
                "cancel 0 SIP;cause=1, cancel 1 SIP;cause=1",
            )
            .on(Input::Cancel(None), "")
            .gets(0, 487, "")
            .on(Input::Failed(1, StatusCode::REQUEST_TIMEOUT), "answer 487")
            .gets(0, 180, "");
    }

    #[test]
    fn a_cancelled_call_that_nobody_answers_is_487() {
        Story::invite(&[&["a"]])
            .on(Input::Begin, "start 0 a")
            .on(Input::Cancel(None), "cancel 0")
            .on(Input::Failed(0, StatusCode::REQUEST_TIMEOUT), "answer 487");
    }

    #[test]
    fn who_rings_too_long_is_cancelled_and_the_next_is_tried() {
        Story::invite(&[&["a"], &["b"]])
            .on(Input::Begin, "start 0 a")
            .gets(0, 180, "forward 180")
            .on(Input::Expired(0), "cancel 0")
            .gets(0, 487, "start 1 b")
            .on(Input::Expired(0), "");
    }

    #[test]
    fn other_requests_take_the_first_2xx_and_cancel_nobody() {
        Story::other(&[&["a", "b"]])
            .on(Input::Begin, "start 0 a, start 1 b")
            .gets(0, 200, "forward 200")
            .gets(1, 200, "")
            .on(Input::Cancel(None), "");
    }

    #[test]
    fn without_a_target_there_is_nobody() {
        Story::invite(&[]).on(Input::Begin, "answer 480");
    }
}
